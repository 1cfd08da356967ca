//! TensorFlow's `TensorProto` as tensors of the Open Inference Protocol, and back.

use std::borrow::Cow;

use bytes::Bytes;
use mlwright_onnx::{Tensor, TensorData};

use crate::binary::raw_tensor;
use crate::errors::ApiError;
use crate::grpc::scalars::{float, read_list, text, whole};
use crate::grpc::wire::tensorflow::tensor_shape_proto::Dim;
use crate::grpc::wire::tensorflow::{DataType, TensorProto, TensorShapeProto};
use crate::json::Scalar;
use crate::tensor_values::{DIMENSIONS, ELEMENTS, GivenTensor};
use crate::values::Values;

/// Datatypes in the words of both protocols.
const DATATYPES: [(DataType, &str); 12] = [
    (DataType::DtFloat, "FP32"),
    (DataType::DtDouble, "FP64"),
    (DataType::DtInt64, "INT64"),
    (DataType::DtInt32, "INT32"),
    (DataType::DtInt16, "INT16"),
    (DataType::DtInt8, "INT8"),
    (DataType::DtUint8, "UINT8"),
    (DataType::DtUint16, "UINT16"),
    (DataType::DtUint32, "UINT32"),
    (DataType::DtUint64, "UINT64"),
    (DataType::DtBool, "BOOL"),
    (DataType::DtString, "BYTES"),
];

/// TensorFlow's datatype for a word of the Open Inference Protocol.
pub(crate) fn datatype_of(word: &str) -> DataType {
    let row = DATATYPES.iter().find(|row| row.1 == word);
    row.map_or(DataType::DtInvalid, |row| row.0)
}

/// Read a tensor; values, datatype and shape have to agree.
pub(crate) fn read_tensor<'a>(
    name: &'a str,
    tensor: &'a TensorProto,
) -> Result<GivenTensor<'a>, ApiError> {
    let dtype = tensor.dtype;
    let row = DATATYPES.iter().find(|row| row.0 as i32 == dtype);
    let word = row.map(|row| row.1).ok_or_else(|| {
        ApiError::Type(format!(
            "{name:?} has the datatype {dtype}, which this server does not take"
        ))
    })?;
    let shape = read_shape(name, tensor)?;
    let name = Cow::Borrowed(name);
    if !tensor.tensor_content.is_empty() {
        if word == "BYTES" || count_values(tensor) > 0 {
            return Err(ApiError::Shape(format!(
                "{name:?} has tensor_content beside values, or texts in it"
            )));
        }
        return raw_tensor(name, word, shape, &tensor.tensor_content);
    }
    let mut values = read_values(tensor, word).map_err(|place| {
        ApiError::Type(format!(
            "value {place} of {name:?} is no finite {word} that this server holds"
        ))
    })?;
    if values.len() != count_values(tensor) {
        return Err(ApiError::Type(format!(
            "{name:?} is {word} and has values of another type"
        )));
    }
    repeat_last(&mut values, &shape);
    GivenTensor::new(name, word, shape, Values::of_typed(values))
}

fn read_shape(name: &str, tensor: &TensorProto) -> Result<Vec<usize>, ApiError> {
    let shape = tensor.tensor_shape.as_ref();
    let dims = shape.filter(|shape| !shape.unknown_rank);
    let dims = dims.map_or(&[][..], |shape| &shape.dim);
    let is_wrong = dims.is_empty() || dims.len() > DIMENSIONS;
    let sizes = dims.iter().map(|dim| usize::try_from(dim.size).ok());
    sizes
        .collect::<Option<Vec<usize>>>()
        .filter(|_| !is_wrong)
        .ok_or_else(|| {
            ApiError::Shape(format!(
                "the shape of {name:?} has to be a list of 1 to {DIMENSIONS} sizes"
            ))
        })
}

fn read_values<'a>(tensor: &'a TensorProto, word: &str) -> Result<Vec<Scalar<'a>>, usize> {
    match word {
        "FP32" => read_list(&tensor.float_val, |value| float(f64::from(*value))),
        "FP64" => read_list(&tensor.double_val, |value| float(*value)),
        "INT64" => read_list(&tensor.int64_val, |value| whole(*value)),
        "UINT32" => read_list(&tensor.uint32_val, |value| whole(*value)),
        "UINT64" => read_list(&tensor.uint64_val, |value| whole(*value)),
        "BOOL" => read_list(&tensor.bool_val, |flag| Some(Scalar::Bool(*flag))),
        "BYTES" => read_list(&tensor.string_val, |bytes| text(bytes)),
        // The smaller integers share a list.
        _ => read_list(&tensor.int_val, |value| whole(*value)),
    }
}

fn count_values(tensor: &TensorProto) -> usize {
    tensor.float_val.len()
        + tensor.double_val.len()
        + tensor.int_val.len()
        + tensor.string_val.len()
        + tensor.int64_val.len()
        + tensor.bool_val.len()
        + tensor.uint32_val.len()
        + tensor.uint64_val.len()
}

/// A tensor that ends with equal values may leave them out, as TensorFlow reads it.
fn repeat_last(values: &mut Vec<Scalar<'_>>, shape: &[usize]) {
    let elements = shape
        .iter()
        .try_fold(1_usize, |product, size| product.checked_mul(*size));
    if let (Some(elements), Some(last)) = (elements, values.last())
        && values.len() < elements
        && elements <= ELEMENTS
    {
        let last = last.clone();
        values.resize(elements, last);
    }
}

/// Write a tensor as typed values.
pub(crate) fn write_tensor(tensor: Tensor) -> TensorProto {
    let dim = |size: usize| Dim {
        size: i64::try_from(size).unwrap_or(i64::MAX),
        name: String::new(),
    };
    let mut written = TensorProto {
        dtype: datatype_of(tensor.data.datatype().word()) as i32,
        tensor_shape: Some(TensorShapeProto {
            dim: tensor.shape.into_iter().map(dim).collect(),
            unknown_rank: false,
        }),
        ..TensorProto::default()
    };
    match tensor.data {
        TensorData::Fp32(data) => written.float_val = data,
        TensorData::Fp64(data) => written.double_val = data,
        TensorData::Int64(data) => written.int64_val = data,
        TensorData::Int32(data) => written.int_val = data,
        TensorData::Bool(data) => written.bool_val = data,
        TensorData::Bytes(data) => {
            written.string_val = data.into_iter().map(Bytes::from).collect();
        }
    }
    written
}
