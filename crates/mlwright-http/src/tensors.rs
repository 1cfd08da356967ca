//! Open Inference Protocol v2, JSON: named tensors in, named tensors out.

use std::borrow::Cow;
use std::time::Instant;

use mlwright_onnx::{OnnxError, OnnxModel, Tensor, TensorData};
use mlwright_package::TensorSpec;
use mlwright_serve::{Answer, Deployment, Inputs, Question, Servable, ServeError, Variant};

use crate::columnar::{NamedValues, compose, count_rows, unit_of_columns};
use crate::errors::ApiError;
use crate::json::{Keys, Reader, Scalar};
use crate::predict::{Turn, find_model, push_probabilities, score_turn};
use crate::reply::Reply;
use crate::routes::Target;
use crate::rows::Rows;
use crate::shared::Shared;
use crate::tensor_values::{Datatype, GivenTensor, read_tensors, to_onnx};
use crate::text::{push_class, push_integer, push_list, push_number, push_text};

/// An Open Inference request.
#[derive(Debug, Default)]
struct InferRequest<'a> {
    id: Option<Cow<'a, str>>,
    tensors: Vec<GivenTensor<'a>>,
    wanted: Vec<Cow<'a, str>>,
}

/// Answer `POST /v2/models/{name}/infer`.
pub(crate) fn infer(
    shared: &Shared,
    target: Target<'_>,
    body: &[u8],
    received: Instant,
) -> Result<Reply, ApiError> {
    let snapshot = shared.engine.snapshot();
    let deployment = find_model(&snapshot, target)?;
    let _permit = shared.engine.admit().ok_or(ApiError::Overloaded)?;
    let mut reader = Reader::new(body, shared.limits.json_depth)?;
    let request = read_request(&mut reader)?;
    reader.finish()?;
    let named = request.named();
    let rows = count_rows(&named, shared.limits.rows)?;
    let unit = unit_of_columns(deployment, &named);
    let turn = Turn::take(shared, deployment, target.version, unit, rows);
    let variant = &deployment.variants[turn.choice.variant];
    if variant.servable.is_tensor() && variant.servable.onnx().is_some() {
        return infer_graph(shared, deployment, &turn, target, &request, received);
    }
    let own = own_outputs(&variant.servable);
    let chosen = choose(&own, &request.wanted, |output| output.0)?;
    let texts = compose(&named, &variant.servable, rows)?;
    let is_single = named.iter().any(|values| values.is_single);
    let composed = Rows::of_texts(&texts, shared.limits.json_depth, is_single)?;
    let answer = score_turn(shared, deployment, &turn, &composed, received)?;
    let mut out = head(target.name, &request, variant, &answer, rows);
    push_outputs(&mut out, &chosen, &variant.servable, &answer, rows);
    out.push(b'}');
    Ok(Reply::json(out))
}

impl<'a> InferRequest<'a> {
    fn named(&self) -> Vec<NamedValues<'_, 'a>> {
        self.tensors.iter().map(GivenTensor::named).collect()
    }
}

fn read_request<'a>(reader: &mut Reader<'a>) -> Result<InferRequest<'a>, ApiError> {
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
                request.tensors = read_tensors(reader)?;
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
            "parameters" => {
                reader.scalar()?;
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

fn read_wanted<'a>(reader: &mut Reader<'a>) -> Result<Vec<Cow<'a, str>>, ApiError> {
    let wrong =
        || ApiError::Shape("`outputs` has to be a list of objects with a `name`".to_owned());
    if reader.peek()? != b'[' {
        return Err(wrong());
    }
    reader.open()?;
    let mut names = Vec::new();
    let mut is_first = true;
    while reader.next_item(&mut is_first)? {
        if reader.peek()? != b'{' {
            return Err(wrong());
        }
        reader.open()?;
        let mut keys = Keys::default();
        while let Some(key) = reader.next_new_key(&mut keys)? {
            match (key.as_ref(), reader.scalar()?) {
                ("name", Scalar::Text(name)) => names.push(name),
                ("name", _) => return Err(wrong()),
                _ => {}
            }
        }
    }
    Ok(names)
}

fn head(
    name: &str,
    request: &InferRequest<'_>,
    variant: &Variant,
    answer: &Answer,
    rows: usize,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + rows * 96);
    out.extend_from_slice(b"{\"model_name\":");
    push_text(&mut out, name);
    out.extend_from_slice(b",\"model_version\":\"");
    push_integer(&mut out, i64::from(variant.spec.version));
    out.push(b'"');
    if let Some(id) = &request.id {
        out.extend_from_slice(b",\"id\":");
        push_text(&mut out, id);
    }
    out.extend_from_slice(b",\"parameters\":{\"variant\":");
    push_text(&mut out, &variant.spec.name);
    out.extend_from_slice(b",\"prediction_ids\":");
    push_list(&mut out, 0..rows, |out, row| {
        out.push(b'"');
        answer.first.nth(row).write(out);
        out.push(b'"');
    });
    out.extend_from_slice(b"},\"outputs\":");
    out
}

/// Outputs of a package with named columns.
pub(crate) fn column_outputs(servable: &Servable) -> Vec<Output<'static>> {
    let classes = servable.classes();
    if classes.is_empty() {
        return vec![("prediction", "FP64", None)];
    }
    let mut outputs = vec![("prediction", Datatype::of_classes(classes).word(), None)];
    if classes.len() == 2 {
        outputs.push(("score", "FP64", None));
    }
    outputs.push(("probabilities", "FP64", Some(classes.len())));
    outputs
}

/// An output: name, datatype, and the second dimension if there is one.
type Output<'s> = (&'s str, &'static str, Option<usize>);

fn own_outputs(servable: &Servable) -> Vec<Output<'_>> {
    if !servable.is_tensor() {
        return column_outputs(servable);
    }
    let width = match servable.classes().len() {
        0 => servable.outputs(),
        classes => classes,
    };
    let specs = &servable.manifest().signature.outputs;
    specs
        .iter()
        .take(1)
        .map(|spec| (spec.name.as_str(), "FP64", Some(width)))
        .collect()
}

fn push_outputs(
    out: &mut Vec<u8>,
    chosen: &[&Output<'_>],
    servable: &Servable,
    answer: &Answer,
    rows: usize,
) {
    push_list(out, chosen, |out, (name, datatype, width)| {
        let shape: Vec<usize> = [Some(rows), *width].into_iter().flatten().collect();
        push_tensor_head(out, name, datatype, &shape);
        push_list(out, 0..rows, |out, row| {
            let values = answer.row(row);
            let class = answer
                .class_of(row)
                .and_then(|index| servable.classes().get(index));
            match (*name, class) {
                ("prediction", Some(class)) => push_class(out, class),
                ("score", _) => push_number(out, servable.score(values).unwrap_or(f64::NAN)),
                _ => push_probabilities(out, servable, values),
            }
        });
        out.push(b'}');
    });
}

fn choose<'o, T>(
    own: &'o [T],
    wanted: &[Cow<'_, str>],
    name_of: impl Fn(&T) -> &str,
) -> Result<Vec<&'o T>, ApiError> {
    if wanted.is_empty() {
        return Ok(own.iter().collect());
    }
    let find = |name: &Cow<'_, str>| {
        own.iter()
            .find(|output| name_of(output) == name.as_ref())
            .ok_or_else(|| ApiError::Shape(format!("the model has no output {name:?}")))
    };
    wanted.iter().map(find).collect()
}

fn push_tensor_head(out: &mut Vec<u8>, name: &str, datatype: &str, shape: &[usize]) {
    out.extend_from_slice(b"{\"name\":");
    push_text(out, name);
    out.extend_from_slice(b",\"datatype\":\"");
    out.extend_from_slice(datatype.as_bytes());
    out.extend_from_slice(b"\",\"shape\":");
    push_list(out, shape, |out, size| {
        push_integer(out, i64::try_from(*size).unwrap_or(i64::MAX));
    });
    out.extend_from_slice(b",\"data\":");
}

/// A plain ONNX graph: its own tensors in, all of its outputs out.
fn infer_graph(
    shared: &Shared,
    deployment: &Deployment,
    turn: &Turn<'_>,
    target: Target<'_>,
    request: &InferRequest<'_>,
    received: Instant,
) -> Result<Reply, ApiError> {
    let rows = count_rows(&request.named(), shared.limits.rows)?;
    let variant = &deployment.variants[turn.choice.variant];
    let graph = variant.servable.onnx().ok_or(ApiError::Internal)?;
    let outputs: Vec<&str> = graph
        .output_specs()
        .iter()
        .map(|spec| spec.name.as_str())
        .collect();
    choose(&outputs, &request.wanted, |output| output)?;
    let tensors = graph_tensors(graph, &request.tensors, rows)?;
    let question = Question {
        choice: turn.choice,
        ids: turn.ids,
        unit: turn.unit.as_deref(),
        inputs: Inputs::Tensors {
            tensors: &tensors,
            rows,
        },
        raw: &[],
        received,
    };
    let answer = shared
        .engine
        .answer(deployment, &question)
        .map_err(refused_by_graph)?;
    let mut out = head(target.name, request, variant, &answer, rows);
    let specs: &[TensorSpec] = &variant.servable.manifest().signature.outputs;
    let named: Vec<(&str, &Tensor)> = answer
        .tensors
        .iter()
        .zip(graph.output_specs())
        .map(|(tensor, spec)| (spec.name.as_str(), tensor))
        .filter(|(name, _)| specs.is_empty() || specs.iter().any(|spec| spec.name == *name))
        .collect();
    let chosen = choose(&named, &request.wanted, |output| output.0)?;
    push_list(&mut out, chosen, |out, (name, tensor)| {
        push_tensor(out, name, tensor);
    });
    out.push(b'}');
    Ok(Reply::json(out))
}

/// A graph with free dimensions finds out while computing that tensors do not fit each other; its own words name parts of
/// the model and stay in the server's log.
fn refused_by_graph(error: ServeError) -> ApiError {
    if let ServeError::Onnx(OnnxError::Run(message)) = &error {
        eprintln!("request.shape: {message}");
        return ApiError::Shape("the graph cannot compute these tensors".to_owned());
    }
    error.into()
}

/// The tensors as the graph takes them; inputs with a free first dimension have to agree on it.
fn graph_tensors<'g>(
    graph: &'g OnnxModel,
    given: &[GivenTensor<'_>],
    rows: usize,
) -> Result<Vec<(&'g str, Tensor)>, ApiError> {
    let convert = |given: &GivenTensor<'_>| {
        let name = &given.name;
        let spec = graph.input_specs().iter().find(|spec| spec.name == *name);
        let spec =
            spec.ok_or_else(|| ApiError::Shape(format!("the model has no input {name:?}")))?;
        if spec.shape.first() == Some(&-1) && given.shape[0] != rows {
            let found = given.shape[0];
            return Err(ApiError::Shape(format!(
                "{name:?} has {found} rows, the first input has {rows}"
            )));
        }
        Ok((spec.name.as_str(), to_onnx(given, spec.datatype)?))
    };
    given.iter().map(convert).collect()
}

fn push_tensor(out: &mut Vec<u8>, name: &str, tensor: &Tensor) {
    push_tensor_head(out, name, tensor.data.datatype().word(), &tensor.shape);
    match &tensor.data {
        TensorData::Fp32(data) => push_list(out, data, |out, value| {
            if value.is_finite() {
                out.extend_from_slice(ryu::Buffer::new().format_finite(*value).as_bytes());
            } else {
                out.extend_from_slice(b"null");
            }
        }),
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
    out.push(b'}');
}
