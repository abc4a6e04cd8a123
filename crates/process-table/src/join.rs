//! Runs of rows put together.

use arrow_array::{Array, ArrayRef};
use arrow_schema::ArrowError;
use datakeep_connector::rows::{Column, Exception, RowBatch};

/// One run of rows from several, in order; all have columns of the same types. An error when values together are longer than
/// an array can be (2 GiB of text).
pub fn join(batches: &[RowBatch]) -> Result<RowBatch, ArrowError> {
    let Some(first) = batches.first() else { return Ok(RowBatch::default()) };
    if batches.len() == 1 {
        return Ok(first.clone());
    }
    let columns = (0..first.columns().len()).map(|number| join_column(batches, number)).collect::<Result<_, _>>()?;
    RowBatch::new(columns).map_err(|error| ArrowError::InvalidArgumentError(error.to_string()))
}

fn join_column(batches: &[RowBatch], number: usize) -> Result<Column, ArrowError> {
    let parts: Vec<&ArrayRef> = batches.iter().map(|batch| batch.columns()[number].values()).collect();
    let arrays: Vec<&dyn Array> = parts.iter().map(|array| array.as_ref()).collect();
    let values = arrow_select::concat::concat(&arrays)?;
    let (mut exceptions, mut before) = (Vec::new(), 0u32);
    for batch in batches {
        let column = &batch.columns()[number];
        let moved = |exception: &Exception| Exception { row: exception.row + before, ..exception.clone() };
        exceptions.extend(column.exceptions().iter().map(moved));
        before += column.rows() as u32;
    }
    Column::new(values, exceptions).map_err(|error| ArrowError::InvalidArgumentError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Int64Array;
    use std::sync::Arc;

    #[test]
    fn exceptions_move_along() {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3), None]));
        let odd = |row| Exception { row, kind: 4, bytes: vec![row as u8] };
        let column = Column::new(values, vec![odd(1), odd(3)]).expect("valid");
        let whole = RowBatch::new(vec![column]).expect("even");
        let parts = [whole.slice(0, 2), whole.slice(2, 1), whole.slice(3, 1)];
        let joined = join(&parts).expect("joined");
        let [column] = joined.columns() else { panic!("one column") };
        assert_eq!(column.values(), whole.columns()[0].values());
        assert_eq!(column.exceptions(), whole.columns()[0].exceptions());
    }
}
