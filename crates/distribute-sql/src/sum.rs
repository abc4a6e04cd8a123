//! `sum` of whole numbers: exact, or an error. The engine's own goes on from the least number where it passes the greatest.
//!
//! Whole numbers are added as decimals of 38 digits, which no number of rows can fill.

use crate::arithmetic::beyond;
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Decimal128Array};
use arrow_schema::{DataType, Field, FieldRef};
use datafusion::common::{DataFusionError, ScalarValue, exec_err, not_impl_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, Signature,
};
use std::collections::BTreeMap;
use std::sync::Arc;

type Result<T> = std::result::Result<T, DataFusionError>;

const DIGITS: u8 = 38;
const WIDE: DataType = DataType::Decimal128(DIGITS, 0);

/// The engine's own, but for whole numbers.
#[derive(PartialEq, Eq, Hash, Debug)]
pub(crate) struct Sum {
    own: Arc<AggregateUDF>,
}

impl Sum {
    pub(crate) fn new(own: Arc<AggregateUDF>) -> Self {
        Self { own }
    }
}

fn is_whole(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int64 | DataType::UInt64)
}

impl AggregateUDFImpl for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn signature(&self) -> &Signature {
        self.own.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.own.coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.own.return_type(types)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match args.return_field.data_type() {
            of if is_whole(of) && args.is_distinct => Ok(Box::new(Distinct::new(of.clone()))),
            of if is_whole(of) => Ok(Box::new(Whole::new(of.clone()))),
            _ => self.own.accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match is_whole(args.return_field.data_type()) {
            true => self.accumulator(args),
            false => self.own.create_sliding_accumulator(args),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        if !is_whole(args.return_type()) {
            return self.own.state_fields(args);
        }
        let name = format_state_name(args.name, "sum");
        Ok(vec![Arc::new(match args.is_distinct {
            true => Field::new_list(name, Field::new_list_field(WIDE, true), false),
            false => Field::new(name, WIDE, true),
        })])
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.own.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, mut args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let data_type = args.return_field.data_type().clone();
        if !is_whole(&data_type) {
            return self.own.create_groups_accumulator(args);
        }
        args.return_field = Arc::new(args.return_field.as_ref().clone().with_data_type(WIDE));
        Ok(Box::new(Groups { wide: self.own.create_groups_accumulator(args)?, data_type }))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// Whole numbers, or what was kept of them, as decimals.
fn widened(values: &ArrayRef) -> Result<Decimal128Array> {
    let wide: Decimal128Array = match values.data_type() {
        DataType::Int64 => values.as_primitive::<Int64Type>().unary(i128::from),
        DataType::UInt64 => values.as_primitive::<UInt64Type>().unary(i128::from),
        DataType::Decimal128(..) => values.as_primitive::<Decimal128Type>().clone(),
        other => return exec_err!("a sum of whole numbers was given {other}"),
    };
    Ok(wide.with_precision_and_scale(DIGITS, 0)?)
}

fn narrowed(sum: Option<i128>, data_type: &DataType) -> Result<ScalarValue> {
    let refuse = |sum: i128| beyond(&format!("sum {sum}"), data_type);
    Ok(match data_type {
        DataType::Int64 => ScalarValue::Int64(sum.map(|sum| i64::try_from(sum).map_err(|_| refuse(sum))).transpose()?),
        DataType::UInt64 => {
            ScalarValue::UInt64(sum.map(|sum| u64::try_from(sum).map_err(|_| refuse(sum))).transpose()?)
        }
        other => return exec_err!("{other} is no whole number"),
    })
}

/// The sum of all.
#[derive(Debug)]
struct Whole {
    sum: i128,
    count: u64,
    data_type: DataType,
}

impl Whole {
    fn new(data_type: DataType) -> Self {
        Self { sum: 0, count: 0, data_type }
    }

    fn of(values: &[ArrayRef]) -> Result<(i128, u64)> {
        let Some(values) = values.first() else { return Ok((0, 0)) };
        let wide = widened(values)?;
        Ok((wide.iter().flatten().sum(), (wide.len() - wide.null_count()) as u64))
    }
}

impl Accumulator for Whole {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (sum, count) = Self::of(values)?;
        (self.sum, self.count) = (self.sum + sum, self.count + count);
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (sum, count) = Self::of(values)?;
        (self.sum, self.count) = (self.sum - sum, self.count - count);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        narrowed((self.count > 0).then_some(self.sum), &self.data_type)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Decimal128((self.count > 0).then_some(self.sum), DIGITS, 0)])
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// The sum of what is different: each number, and how often it is there.
#[derive(Debug)]
struct Distinct {
    counts: BTreeMap<i128, u64>,
    data_type: DataType,
}

impl Distinct {
    fn new(data_type: DataType) -> Self {
        Self { counts: BTreeMap::new(), data_type }
    }
}

impl Accumulator for Distinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(values) = values.first() else { return Ok(()) };
        for value in widened(values)?.iter().flatten() {
            *self.counts.entry(value).or_default() += 1;
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some(lists) = states.first() else { return Ok(()) };
        lists.as_list::<i32>().iter().flatten().try_for_each(|list| self.update_batch(&[list]))
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(values) = values.first() else { return Ok(()) };
        for value in widened(values)?.iter().flatten() {
            let is_last = self.counts.get_mut(&value).is_some_and(|count| {
                *count -= 1;
                *count == 0
            });
            if is_last {
                self.counts.remove(&value);
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        narrowed((!self.counts.is_empty()).then(|| self.counts.keys().sum()), &self.data_type)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let of = |value: &i128| ScalarValue::Decimal128(Some(*value), DIGITS, 0);
        let values: Vec<ScalarValue> = self.counts.keys().map(of).collect();
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&values, &WIDE))])
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counts.len() * 2 * size_of::<(i128, u64)>()
    }
}

/// Sums of many groups at once.
struct Groups {
    /// Of decimals.
    wide: Box<dyn GroupsAccumulator>,
    data_type: DataType,
}

fn wide(values: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    values.iter().map(|values| Ok(Arc::new(widened(values)?) as ArrayRef)).collect()
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.wide.update_batch(&wide(values)?, groups, filter, count)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let sums = self.wide.evaluate(emit)?;
        let sums = sums.as_primitive::<Decimal128Type>();
        let refuse = |sum: i128| beyond(&format!("sum {sum}"), &self.data_type);
        Ok(match self.data_type {
            DataType::Int64 => {
                let narrow = |sum: i128| i64::try_from(sum).map_err(|_| refuse(sum));
                Arc::new(sums.try_unary::<_, Int64Type, _>(narrow)?) as ArrayRef
            }
            DataType::UInt64 => {
                let narrow = |sum: i128| u64::try_from(sum).map_err(|_| refuse(sum));
                Arc::new(sums.try_unary::<_, UInt64Type, _>(narrow)?)
            }
            ref other => return not_impl_err!("a sum of {other}"),
        })
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.wide.state(emit)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.wide.merge_batch(states, groups, count)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.wide.convert_to_state(&wide(values)?, filter)
    }

    fn size(&self) -> usize {
        self.wide.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Int64Array, UInt64Array};

    #[test]
    fn windows_slide_and_states_add_up() {
        let numbers = |values: &[Option<i64>]| vec![Arc::new(Int64Array::from(values.to_vec())) as ArrayRef];
        let both: [Box<dyn Accumulator>; 2] =
            [Box::new(Whole::new(DataType::Int64)), Box::new(Distinct::new(DataType::Int64))];
        for (mut sum, expected) in both.into_iter().zip([11, 8]) {
            assert!(sum.evaluate().expect("of nothing").is_null());
            sum.update_batch(&numbers(&[Some(3), None, Some(3), Some(5)])).expect("numbers");
            assert_eq!(sum.evaluate().expect("a sum"), ScalarValue::Int64(Some(expected)));
            let state = sum.state().expect("a state").remove(0).to_array().expect("an array");
            sum.retract_batch(&numbers(&[Some(3)])).expect("there");
            assert_eq!(sum.evaluate().expect("a sum"), ScalarValue::Int64(Some(8)));
            sum.update_batch(&numbers(&[Some(i64::MAX)])).expect("numbers");
            assert!(sum.evaluate().expect_err("too large").to_string().contains("9223372036854775815"));
            sum.retract_batch(&numbers(&[Some(i64::MAX), Some(3), Some(5)])).expect("there");
            assert!(sum.evaluate().expect("of nothing").is_null());
            sum.merge_batch(&[state]).expect("a state");
            assert_eq!(sum.evaluate().expect("a sum"), ScalarValue::Int64(Some(expected)));
        }
    }

    #[test]
    fn numbers_without_sign_have_their_own_end() {
        let mut sum = Whole::new(DataType::UInt64);
        sum.update_batch(&[Arc::new(UInt64Array::from(vec![u64::MAX - 1, 1]))]).expect("numbers");
        assert_eq!(sum.evaluate().expect("a sum"), ScalarValue::UInt64(Some(u64::MAX)));
        sum.update_batch(&[Arc::new(UInt64Array::from(vec![1]))]).expect("numbers");
        assert!(sum.evaluate().is_err());
    }
}
