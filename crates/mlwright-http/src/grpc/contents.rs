//! Tensors of the Open Inference Protocol over gRPC: typed lists or raw bytes in, the same kind out.

use std::borrow::Cow;
use std::collections::HashSet;

use bytes::Bytes;
use mlwright_onnx::TensorData;

use crate::binary::{push_raw, raw_tensor};
use crate::errors::ApiError;
use crate::grpc::scalars::{float, read_list, text, whole};
use crate::grpc::wire::inference::model_infer_request::InferInputTensor;
use crate::grpc::wire::inference::model_infer_response::InferOutputTensor;
use crate::grpc::wire::inference::{InferTensorContents, ModelInferRequest};
use crate::infer::{InferRequest, OutputTensor, WantedOutput};
use crate::json::Scalar;
use crate::tensor_values::{DIMENSIONS, Datatype, ELEMENTS, GivenTensor};
use crate::values::Values;

/// Above this many inputs duplicates are found by hashing instead of comparing.
const FEW_INPUTS: usize = 32;

/// Read a request; values, datatypes and shapes have to agree.
pub(crate) fn read_request(request: &ModelInferRequest) -> Result<InferRequest<'_>, ApiError> {
    if request.id.contains('\0') {
        return Err(ApiError::Type(
            "`id` has to be a text without NUL".to_owned(),
        ));
    }
    let raws = &request.raw_input_contents;
    if !raws.is_empty() && raws.len() != request.inputs.len() {
        return Err(ApiError::Shape(format!(
            "the request has {} inputs and {} raw_input_contents",
            request.inputs.len(),
            raws.len()
        )));
    }
    let mut tensors: Vec<GivenTensor<'_>> = Vec::with_capacity(request.inputs.len().min(64));
    let mut names = HashSet::new();
    let mut elements = 0;
    for (place, input) in request.inputs.iter().enumerate() {
        let is_new = if request.inputs.len() > FEW_INPUTS {
            names.insert(input.name.as_str())
        } else {
            tensors.iter().all(|other| other.name != input.name)
        };
        if !is_new {
            return Err(ApiError::Shape(format!(
                "the input {:?} is given twice",
                input.name
            )));
        }
        let tensor = read_tensor(input, raws.get(place))?;
        elements += tensor.values.len();
        if elements > ELEMENTS {
            return Err(ApiError::TooLarge(format!(
                "more than {ELEMENTS} values in one request"
            )));
        }
        tensors.push(tensor);
    }
    let wanted = request.outputs.iter().map(|output| WantedOutput {
        name: Cow::Borrowed(&output.name),
        is_binary: None,
    });
    Ok(InferRequest {
        id: (!request.id.is_empty()).then_some(Cow::Borrowed(request.id.as_str())),
        tensors,
        wanted: wanted.collect(),
        is_binary: !raws.is_empty(),
    })
}

fn read_tensor<'a>(
    input: &'a InferInputTensor,
    raw: Option<&'a Bytes>,
) -> Result<GivenTensor<'a>, ApiError> {
    let name = Cow::Borrowed(input.name.as_str());
    let shape = read_shape(input)?;
    match (raw, &input.contents) {
        (Some(bytes), None) => raw_tensor(name, &input.datatype, shape, bytes),
        (None, Some(contents)) => {
            let values = read_contents(input, contents)?;
            GivenTensor::new(name, &input.datatype, shape, Values::of_typed(values))
        }
        (None, None) => GivenTensor::new(name, &input.datatype, shape, Values::default()),
        (Some(_), Some(_)) => Err(ApiError::Shape(format!(
            "{name:?} has contents, but the request has raw_input_contents"
        ))),
    }
}

fn read_shape(input: &InferInputTensor) -> Result<Vec<usize>, ApiError> {
    let is_wrong = input.shape.is_empty() || input.shape.len() > DIMENSIONS;
    let sizes = input.shape.iter().map(|size| usize::try_from(*size).ok());
    sizes
        .collect::<Option<Vec<usize>>>()
        .filter(|_| !is_wrong)
        .ok_or_else(|| {
            ApiError::Shape(format!(
                "the shape of {:?} has to be a list of 1 to {DIMENSIONS} sizes",
                input.name
            ))
        })
}

/// Values of typed lists; only the list that belongs to the datatype may have any.
fn read_contents<'a>(
    input: &InferInputTensor,
    contents: &'a InferTensorContents,
) -> Result<Vec<Scalar<'a>>, ApiError> {
    let c = contents;
    let values = match input.datatype.as_str() {
        "BOOL" => read_list(&c.bool_contents, |flag| Some(Scalar::Bool(*flag))),
        "INT8" | "INT16" | "INT32" => read_list(&c.int_contents, |value| whole(*value)),
        "INT64" => read_list(&c.int64_contents, |value| whole(*value)),
        "UINT8" | "UINT16" | "UINT32" => read_list(&c.uint_contents, |value| whole(*value)),
        "UINT64" => read_list(&c.uint64_contents, |value| whole(*value)),
        "FP32" => read_list(&c.fp32_contents, |value| float(f64::from(*value))),
        "FP64" => read_list(&c.fp64_contents, |value| float(*value)),
        "BYTES" => read_list(&c.bytes_contents, |bytes| text(bytes)),
        // The datatype is refused with its name where all are.
        _ => Ok(Vec::new()),
    };
    let values = values.map_err(|place| {
        ApiError::Type(format!(
            "value {place} of {:?} is no finite {} that this server holds",
            input.name, input.datatype
        ))
    })?;
    if values.len() == count_all(contents) || Datatype::parse(&input.datatype).is_none() {
        Ok(values)
    } else {
        Err(ApiError::Type(format!(
            "{:?} is {} and has contents of another type",
            input.name, input.datatype
        )))
    }
}

fn count_all(contents: &InferTensorContents) -> usize {
    contents.bool_contents.len()
        + contents.int_contents.len()
        + contents.int64_contents.len()
        + contents.uint_contents.len()
        + contents.uint64_contents.len()
        + contents.fp32_contents.len()
        + contents.fp64_contents.len()
        + contents.bytes_contents.len()
}

/// Write an output; its values go into `raw` if the caller sent raw bytes too, as Triton does it.
pub(crate) fn write_output(
    output: OutputTensor<'_>,
    raw: Option<&mut Vec<Bytes>>,
) -> InferOutputTensor {
    let data = output.tensor.data;
    let sizes = output.tensor.shape.into_iter();
    let mut written = InferOutputTensor {
        name: output.name.to_owned(),
        datatype: data.datatype().word().to_owned(),
        shape: sizes
            .map(|size| i64::try_from(size).unwrap_or(i64::MAX))
            .collect(),
        ..InferOutputTensor::default()
    };
    match raw {
        Some(raw) => {
            let mut bytes = Vec::new();
            push_raw(&mut bytes, &data);
            raw.push(bytes.into());
        }
        None => written.contents = Some(write_contents(data)),
    }
    written
}

fn write_contents(data: TensorData) -> InferTensorContents {
    let mut contents = InferTensorContents::default();
    match data {
        TensorData::Fp32(data) => contents.fp32_contents = data,
        TensorData::Fp64(data) => contents.fp64_contents = data,
        TensorData::Int64(data) => contents.int64_contents = data,
        TensorData::Int32(data) => contents.int_contents = data,
        TensorData::Bool(data) => contents.bool_contents = data,
        TensorData::Bytes(data) => {
            contents.bytes_contents = data.into_iter().map(Bytes::from).collect();
        }
    }
    contents
}
