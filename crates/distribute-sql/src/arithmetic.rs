//! Sums, differences and products of whole numbers: exact, or an error. The engine's own go on from the least number where they pass
//! the greatest, and nobody is told.

use arrow_array::{Array, Datum};
use arrow_schema::{ArrowError, DataType};
use datafusion::arrow::compute::kernels::numeric;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, DataFusionError, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use std::sync::Arc;

type Result<T> = std::result::Result<T, DataFusionError>;

/// Puts the checked operators where the engine's own stood; for after types are settled.
#[derive(Debug)]
pub(crate) struct CheckArithmetic {
    plus: Arc<ScalarUDF>,
    minus: Arc<ScalarUDF>,
    times: Arc<ScalarUDF>,
    negative: Arc<ScalarUDF>,
}

impl CheckArithmetic {
    pub fn new() -> Self {
        let made = |operation| Arc::new(ScalarUDF::new_from_impl(Checked::new(operation)));
        let [plus, minus, times, negative] =
            [Operation::Plus, Operation::Minus, Operation::Times, Operation::Negative].map(made);
        Self { plus, minus, times, negative }
    }

    fn checked(&self, expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
        let is_whole = |expr: &Expr| Ok::<_, DataFusionError>(expr.get_type(schema)?.is_integer());
        let call = |function: &Arc<ScalarUDF>, args| {
            Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(function.clone(), args)))
        };
        Ok(match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match self.of(op) {
                Some(function) if is_whole(&left)? && is_whole(&right)? => call(function, vec![*left, *right]),
                _ => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
            },
            Expr::Negative(inner) if is_whole(&inner)? => call(&self.negative, vec![*inner]),
            other => Transformed::no(other),
        })
    }

    fn of(&self, operator: Operator) -> Option<&Arc<ScalarUDF>> {
        match operator {
            Operator::Plus => Some(&self.plus),
            Operator::Minus => Some(&self.minus),
            Operator::Multiply => Some(&self.times),
            _ => None,
        }
    }

    fn plan(&self, plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let mut schema = merge_schema(&plan.inputs());
        if let LogicalPlan::TableScan(scan) = &plan {
            schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
        }
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let checked = expr.transform_up(|expr| self.checked(expr, &schema))?;
            Ok(checked.update_data(|expr| name.restore(expr)))
        })
    }
}

impl AnalyzerRule for CheckArithmetic {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| self.plan(plan)).map(|checked| checked.data)
    }

    fn name(&self) -> &'static str {
        "check_arithmetic"
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Operation {
    Plus,
    Minus,
    Times,
    Negative,
}

/// An operator of two whole numbers of one type, or of one.
#[derive(PartialEq, Eq, Hash, Debug)]
struct Checked {
    operation: Operation,
    signature: Signature,
}

impl Checked {
    fn new(operation: Operation) -> Self {
        Self { operation, signature: Signature::user_defined(Volatility::Immutable) }
    }

    /// As it was written.
    fn written(&self, args: &[String]) -> String {
        match (self.operation, args) {
            (Operation::Plus, [left, right]) => format!("{left} + {right}"),
            (Operation::Minus, [left, right]) => format!("{left} - {right}"),
            (Operation::Times, [left, right]) => format!("{left} * {right}"),
            (Operation::Negative, [one]) => format!("(- {one})"),
            (_, args) => format!("{}({})", self.name(), args.join(", ")),
        }
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &'static str {
        match self.operation {
            Operation::Plus => "checked_plus",
            Operation::Minus => "checked_minus",
            Operation::Times => "checked_times",
            Operation::Negative => "checked_negative",
        }
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(self.written(&args.iter().map(|arg| arg.schema_name().to_string()).collect::<Vec<_>>()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [left, right] if left == right && left.is_integer() => Ok(types.to_vec()),
            [one] if one.is_integer() => Ok(types.to_vec()),
            _ => plan_err!("{} is of whole numbers of one type", self.name()),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        types.first().cloned().ok_or_else(|| exec_datafusion_err!("{} of nothing", self.name()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let data_type = args.return_field.data_type();
        let is_one = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let values: Vec<Box<dyn Datum>> = args.args.iter().map(datum).collect::<Result<_>>()?;
        let made = match (self.operation, values.as_slice()) {
            (Operation::Plus, [left, right]) => numeric::add(&**left, &**right),
            (Operation::Minus, [left, right]) => numeric::sub(&**left, &**right),
            (Operation::Times, [left, right]) => numeric::mul(&**left, &**right),
            (Operation::Negative, [one]) => numeric::neg(one.get().0),
            _ => return plan_err!("{} of {} values", self.name(), values.len()),
        };
        let made = made.map_err(|error| told(error, data_type))?;
        Ok(match is_one {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&made as &dyn Array, 0)?),
            false => ColumnarValue::Array(made),
        })
    }
}

fn datum(value: &ColumnarValue) -> Result<Box<dyn Datum>> {
    Ok(match value {
        ColumnarValue::Array(array) => Box::new(array.clone()),
        ColumnarValue::Scalar(one) => Box::new(one.to_scalar()?),
    })
}

fn told(error: ArrowError, data_type: &DataType) -> DataFusionError {
    match error {
        ArrowError::ArithmeticOverflow(what) => beyond(what.trim_start_matches("Overflow happened on: "), data_type),
        other => other.into(),
    }
}

/// That a result is no number of this type.
pub(crate) fn beyond(what: &str, data_type: &DataType) -> DataFusionError {
    exec_datafusion_err!("{what} is beyond what {data_type} can hold: cast to DECIMAL(38, 0) or DOUBLE first")
}
