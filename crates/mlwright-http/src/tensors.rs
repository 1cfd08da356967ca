//! Open Inference Protocol v2, JSON: named tensors in, named tensors out.

use mlwright_onnx::TensorData;

use crate::binary::{self, RawBytes};
use crate::errors::ApiError;
use crate::infer::{InferAnswer, InferRequest, OutputTensor, WantedOutput, infer_tensors};
use crate::json::{Reader, Scalar};
use crate::keys::Keys;
use crate::parameters::read_parameters;
use crate::predict::find_model;
use crate::reply::Reply;
use crate::routes::Call;
use crate::shared::Shared;
use crate::tensor_values::read_tensors;
use crate::text::{push_integer, push_list, push_number, push_single, push_text};

/// Answer `POST /v2/models/{name}/infer`.
pub(crate) async fn infer(shared: &Shared, call: Call<'_>) -> Result<Reply, ApiError> {
    let (target, arrival) = (call.target, call.arrival);
    let snapshot = shared.engine.snapshot();
    // Before the body is read: a model that is not there costs nothing.
    let deployment = find_model(&snapshot, target)?;
    let _permit = shared.admit(deployment)?;
    let (json, mut raw) = RawBytes::split(call.headers, call.body)?;
    let mut reader = Reader::new(json, shared.limits.json_depth)?;
    let request = read_request(&mut reader, &mut raw)?;
    reader.finish()?;
    raw.finish()?;
    let answer = infer_tensors(shared, (deployment, target), &request, arrival).await?;
    Ok(binary::reply(&request, &answer))
}

fn read_request<'a>(
    reader: &mut Reader<'a>,
    raw: &mut RawBytes<'a>,
) -> Result<InferRequest<'a>, ApiError> {
    let no_inputs =
        || ApiError::Shape("the body has to be an object with a list `inputs`".to_owned());
    if reader.peek()? != b'{' {
        reader.scalar()?;
        return Err(no_inputs());
    }
    reader.open()?;
    let mut request = InferRequest::default();
    let (mut keys, mut has_inputs) = (Keys::default(), false);
    while let Some(key) = reader.next_new_key(&mut keys)? {
        match key.as_ref() {
            "inputs" => {
                request.tensors = read_tensors(reader, raw)?;
                has_inputs = true;
            }
            "id" => match reader.scalar()? {
                Scalar::Text(id) if !id.contains('\0') => request.id = Some(id),
                _ => {
                    return Err(ApiError::Type(
                        "`id` has to be a text without NUL".to_owned(),
                    ));
                }
            },
            "outputs" => request.wanted = read_wanted(reader)?,
            // `KServe`'s client repeats what the path says.
            "model_name" | "model_version" => {
                reader.scalar()?;
            }
            "parameters" => {
                request.is_binary = read_parameters(reader)?.is_binary.unwrap_or(false);
            }
            other => {
                return Err(ApiError::Shape(format!(
                    "the body has an unknown key {other:?}"
                )));
            }
        }
    }
    if has_inputs {
        Ok(request)
    } else {
        Err(no_inputs())
    }
}

fn read_wanted<'a>(reader: &mut Reader<'a>) -> Result<Vec<WantedOutput<'a>>, ApiError> {
    let wrong =
        || ApiError::Shape("`outputs` has to be a list of objects with a `name`".to_owned());
    if reader.peek()? != b'[' {
        return Err(wrong());
    }
    reader.open()?;
    let mut outputs = Vec::new();
    let mut is_first = true;
    while reader.next_item(&mut is_first)? {
        if reader.peek()? != b'{' {
            return Err(wrong());
        }
        reader.open()?;
        let (mut name, mut is_binary) = (None, None);
        let mut keys = Keys::default();
        while let Some(key) = reader.next_new_key(&mut keys)? {
            match key.as_ref() {
                "name" => match reader.scalar()? {
                    Scalar::Text(text) => name = Some(text),
                    _ => return Err(wrong()),
                },
                "parameters" => is_binary = read_parameters(reader)?.is_binary,
                _ => {
                    reader.scalar()?;
                }
            }
        }
        let name = name.ok_or_else(wrong)?;
        outputs.push(WantedOutput { name, is_binary });
    }
    Ok(outputs)
}

/// Room for the JSON of a value.
const VALUE_BYTES: usize = 20;

/// Write an answer as the protocol's JSON; outputs of which `raw_size` knows a size go back as bytes after it.
pub(crate) fn render_with(
    answer: &InferAnswer<'_>,
    raw_size: impl Fn(usize) -> Option<usize>,
) -> Vec<u8> {
    let values: usize = answer
        .outputs
        .iter()
        .map(|output| output.tensor.data.len())
        .sum();
    let mut out = Vec::with_capacity(512 + answer.rows * 30 + values * VALUE_BYTES);
    push_head(&mut out, answer);
    push_list(
        &mut out,
        answer.outputs.iter().enumerate(),
        |out, (place, output)| {
            push_tensor(out, output, raw_size(place));
        },
    );
    out.push(b'}');
    out
}

/// Append everything up to the list of outputs.
fn push_head(out: &mut Vec<u8>, answer: &InferAnswer<'_>) {
    out.extend_from_slice(b"{\"model_name\":");
    push_text(out, answer.model);
    out.extend_from_slice(b",\"model_version\":\"");
    push_integer(out, i64::from(answer.version));
    out.push(b'"');
    if let Some(id) = answer.id {
        out.extend_from_slice(b",\"id\":");
        push_text(out, id);
    }
    out.extend_from_slice(b",\"parameters\":{\"variant\":");
    push_text(out, answer.variant);
    out.extend_from_slice(b",\"prediction_ids\":");
    push_list(out, answer.prediction_ids(), |out, id| {
        out.push(b'"');
        id.write(out);
        out.push(b'"');
    });
    out.extend_from_slice(b"},\"outputs\":");
}

fn push_tensor(out: &mut Vec<u8>, output: &OutputTensor<'_>, raw_size: Option<usize>) {
    let tensor = &output.tensor;
    out.extend_from_slice(b"{\"name\":");
    push_text(out, output.name);
    out.extend_from_slice(b",\"datatype\":\"");
    out.extend_from_slice(tensor.data.datatype().word().as_bytes());
    out.extend_from_slice(b"\",\"shape\":");
    push_list(out, &tensor.shape, |out, size| push_size(out, *size));
    if let Some(size) = raw_size {
        out.extend_from_slice(b",\"parameters\":{\"binary_data_size\":");
        push_size(out, size);
        out.push(b'}');
    } else {
        out.extend_from_slice(b",\"data\":");
        push_data(out, &tensor.data);
    }
    out.push(b'}');
}

fn push_size(out: &mut Vec<u8>, size: usize) {
    push_integer(out, i64::try_from(size).unwrap_or(i64::MAX));
}

fn push_data(out: &mut Vec<u8>, data: &TensorData) {
    match data {
        TensorData::Fp32(data) => push_list(out, data, |out, value| push_single(out, *value)),
        TensorData::Fp64(data) => push_list(out, data, |out, value| push_number(out, *value)),
        TensorData::Int64(data) => push_list(out, data, |out, value| push_integer(out, *value)),
        TensorData::Int32(data) => {
            push_list(out, data, |out, value| push_integer(out, i64::from(*value)));
        }
        TensorData::Bool(data) => {
            push_list(out, data, |out, flag| {
                out.extend_from_slice(if *flag { b"true" } else { b"false" });
            });
        }
        TensorData::Bytes(data) => push_list(out, data, |out, text| push_text(out, text)),
    }
}
