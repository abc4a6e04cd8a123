//! `length` of bytes: how many there are. The engine's own is of texts alone, and takes bytes for a text.

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, Int32Array};
use arrow_schema::DataType;
use datafusion::common::{DataFusionError, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// Characters of a text, bytes of bytes.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Length {
    signature: Signature,
    of_texts: Arc<ScalarUDF>,
}

impl Length {
    /// `of_texts` is the engine's own.
    pub(crate) fn new(of_texts: Arc<ScalarUDF>) -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable), of_texts }
    }
}

impl ScalarUDFImpl for Length {
    fn name(&self) -> &'static str {
        "length"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>, DataFusionError> {
        match types {
            [DataType::Binary | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View] => Ok(types.to_vec()),
            [DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)] => Ok(vec![DataType::Binary]),
            [_] => Ok(vec![DataType::Utf8]),
            _ => plan_err!("length takes one value, not {}", types.len()),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType, DataFusionError> {
        match types {
            [DataType::Binary] => Ok(DataType::Int32),
            types => self.of_texts.return_type(types),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        if !args.args.iter().any(|arg| arg.data_type() == DataType::Binary) {
            return self.of_texts.invoke_with_args(args);
        }
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let lens = arrays.iter().flat_map(|array| array.as_binary::<i32>().iter());
        let lens: Int32Array =
            lens.map(|bytes| bytes.map(|bytes| i32::try_from(bytes.len()).unwrap_or(i32::MAX))).collect();
        Ok(ColumnarValue::Array(Arc::new(lens) as ArrayRef))
    }
}
