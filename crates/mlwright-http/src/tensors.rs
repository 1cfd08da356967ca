//! Open Inference Protocol v2, JSON: named tensors in, named tensors out.

use std::borrow::Cow;
use std::time::Instant;

use mlwright_onnx::{Tensor, TensorData};
use mlwright_package::{EngineKind, SignatureInputs, TensorSpec};
use mlwright_serve::{Answer, Deployment, Inputs, Question, Servable, Variant};

use crate::errors::ApiError;
use crate::json::{Keys, Number, Reader, Scalar};
use crate::predict::{Asked, find_model, push_probabilities, score};
use crate::reply::Reply;
use crate::routes::Target;
use crate::rows::{RowKind, Rows};
use crate::shared::Shared;
use crate::tensor_values::{Datatype, GivenTensor, read_tensors, to_onnx};
use crate::text::{push_class, push_integer, push_list, push_number, push_text};

/// A column of a columnar request.
#[derive(Debug)]
pub(crate) struct NamedColumn<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) values: Vec<Scalar<'a>>,
}

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
    let main = &deployment.variants[deployment.variants.len() - 1].servable;
    let is_graph = main.manifest().engine.kind == EngineKind::Onnx && main.is_tensor();
    if is_graph {
        return infer_graph(shared, deployment, target, &request, received);
    }
    let texts;
    let asked = if main.is_tensor() {
        texts = Vec::new();
        Asked {
            rows: rows_of_matrix(&request.tensors, main)?,
            unit: None,
        }
    } else {
        texts = rows_of_columns(&columns_of(&request)?, shared.limits.rows)?;
        let mut rows = Rows::default();
        for text in &texts {
            rows.read_row(&mut Reader::new(text, shared.limits.json_depth)?)?;
        }
        Asked { rows, unit: None }
    };
    let count = asked.rows.kinds.len();
    let (variant, answer) = score(shared, deployment, target.version, &asked, received)?;
    let mut out = head(target.name, &request, variant, &answer, count);
    push_outputs(&mut out, &request, &variant.servable, &answer, count)?;
    out.push(b'}');
    drop(texts);
    Ok(Reply::json(out))
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

/// Read TensorFlow Serving's columnar `inputs`: `{column: [values]}`.
pub(crate) fn read_columns<'a>(reader: &mut Reader<'a>) -> Result<Vec<NamedColumn<'a>>, ApiError> {
    reader.open()?;
    let mut columns: Vec<NamedColumn<'a>> = Vec::new();
    let mut is_first = true;
    while let Some(name) = reader.next_key(&mut is_first)? {
        if columns.iter().any(|column| column.name == name) {
            return Err(reader.wrong("a key appears twice").into());
        }
        let mut values = Vec::new();
        crate::tensor_values::read_flat(reader, &mut values)?;
        columns.push(NamedColumn { name, values });
    }
    Ok(columns)
}

/// Write columns as one JSON object per row: the log keeps rows, and there is one way to check them.
pub(crate) fn rows_of_columns(
    columns: &[NamedColumn<'_>],
    limit: usize,
) -> Result<Vec<Vec<u8>>, ApiError> {
    let rows = columns.first().map_or(0, |column| column.values.len());
    if rows > limit {
        return Err(ApiError::TooLarge(format!(
            "more than {limit} rows in one request"
        )));
    }
    if let Some(other) = columns.iter().find(|column| column.values.len() != rows) {
        let (name, found) = (&other.name, other.values.len());
        return Err(ApiError::Shape(format!(
            "{name:?} has {found} rows, the first column has {rows}"
        )));
    }
    let write = |row: usize| {
        let mut out = vec![b'{'];
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            push_text(&mut out, &column.name);
            out.push(b':');
            push_scalar(&mut out, &column.values[row]);
        }
        out.push(b'}');
        out
    };
    Ok((0..rows).map(write).collect())
}

fn push_scalar(out: &mut Vec<u8>, value: &Scalar<'_>) {
    match value {
        Scalar::Null => out.extend_from_slice(b"null"),
        Scalar::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Scalar::Number(Number {
            integer: Some(integer),
            ..
        }) => push_integer(out, *integer),
        Scalar::Number(number) => push_number(out, number.value),
        Scalar::Text(text) => push_text(out, text),
        Scalar::List => out.extend_from_slice(b"[]"),
        Scalar::Object => out.extend_from_slice(b"{}"),
    }
}

fn columns_of<'a>(request: &InferRequest<'a>) -> Result<Vec<NamedColumn<'a>>, ApiError> {
    request
        .tensors
        .iter()
        .map(|tensor| {
            let is_column =
                tensor.shape.len() == 1 || (tensor.shape.len() == 2 && tensor.shape[1] == 1);
            if !is_column {
                let (name, shape) = (&tensor.name, &tensor.shape);
                return Err(ApiError::Shape(format!(
                    "{name:?} has shape {shape:?}, a column has [rows] or [rows, 1]"
                )));
            }
            Ok(NamedColumn {
                name: tensor.name.clone(),
                values: tensor.values.clone(),
            })
        })
        .collect()
}

fn rows_of_matrix<'a>(
    tensors: &[GivenTensor<'_>],
    servable: &Servable,
) -> Result<Rows<'a>, ApiError> {
    let SignatureInputs::Tensor(specs) = &servable.manifest().signature.inputs else {
        return Err(ApiError::Internal);
    };
    let (Some(spec), Some(width)) = (specs.first(), servable.matrix_width()) else {
        return Err(ApiError::Internal);
    };
    let [tensor] = tensors else {
        return Err(ApiError::Shape(format!(
            "the model takes one tensor, {:?}",
            spec.name
        )));
    };
    if tensor.name != spec.name {
        let found = &tensor.name;
        return Err(ApiError::Shape(format!(
            "the model has no input {found:?}, it takes {:?}",
            spec.name
        )));
    }
    if tensor.shape.len() != 2 || tensor.shape[1] != width {
        let found = &tensor.shape;
        return Err(ApiError::Shape(format!(
            "{:?} has shape {found:?}, the model takes [rows, {width}]",
            spec.name
        )));
    }
    if matches!(tensor.datatype, Datatype::Bytes | Datatype::Bool) {
        return Err(ApiError::Type(format!(
            "{:?} has to hold numbers",
            spec.name
        )));
    }
    let numbers = tensor
        .values
        .iter()
        .map(|value| match value {
            Scalar::Number(number) => number.value,
            _ => f64::NAN,
        })
        .collect();
    let kinds = (0..tensor.shape[0])
        .map(|row| RowKind::Numbers(row * width..(row + 1) * width))
        .collect();
    Ok(Rows {
        fields: Vec::new(),
        numbers,
        kinds,
        raw: Vec::new(),
    })
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

/// Outputs of a package with named columns: name, datatype, and the second dimension if there is one.
pub(crate) fn column_outputs(
    servable: &Servable,
) -> Vec<(&'static str, &'static str, Option<usize>)> {
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

fn push_outputs(
    out: &mut Vec<u8>,
    request: &InferRequest<'_>,
    servable: &Servable,
    answer: &Answer,
    rows: usize,
) -> Result<(), ApiError> {
    let own: Vec<(String, &str, Option<usize>)> = if servable.is_tensor() {
        let classes = servable.classes().len();
        let width = if classes == 0 {
            servable.outputs()
        } else {
            classes
        };
        let specs = &servable.manifest().signature.outputs;
        specs
            .iter()
            .take(1)
            .map(|spec| (spec.name.clone(), "FP64", Some(width)))
            .collect()
    } else {
        column_outputs(servable)
            .into_iter()
            .map(|(name, kind, width)| (name.to_owned(), kind, width))
            .collect()
    };
    let chosen = choose(&own, &request.wanted, |output| &output.0)?;
    push_list(out, chosen, |out, (name, datatype, width)| {
        push_tensor_head(
            out,
            name,
            datatype,
            &[Some(rows), *width]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>(),
        );
        out.push(b'[');
        for row in 0..rows {
            if row > 0 {
                out.push(b',');
            }
            let values = answer.row(row);
            match (
                name.as_str(),
                answer
                    .class_of(row)
                    .and_then(|index| servable.classes().get(index)),
            ) {
                ("prediction", Some(class)) => push_class(out, class),
                ("score", _) => push_number(out, servable.score(values).unwrap_or(f64::NAN)),
                _ => push_probabilities(out, servable, values),
            }
        }
        out.extend_from_slice(b"]}");
    });
    Ok(())
}

fn choose<'o, T>(
    own: &'o [T],
    wanted: &[Cow<'_, str>],
    name_of: impl Fn(&T) -> &String,
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
        push_integer(out, i64::try_from(*size).unwrap_or(i64::MAX))
    });
    out.extend_from_slice(b",\"data\":");
}

/// A plain ONNX graph: its own tensors in, all of its outputs out.
fn infer_graph(
    shared: &Shared,
    deployment: &Deployment,
    target: Target<'_>,
    request: &InferRequest<'_>,
    received: Instant,
) -> Result<Reply, ApiError> {
    let rows = request
        .tensors
        .first()
        .and_then(|tensor| tensor.shape.first())
        .copied()
        .unwrap_or(1);
    if rows > shared.limits.rows {
        return Err(ApiError::TooLarge(format!(
            "more than {} rows in one request",
            shared.limits.rows
        )));
    }
    let ids = shared.engine.next_ids(rows);
    let choice = target
        .version
        .and_then(|version| deployment.with_version(version))
        .unwrap_or_else(|| deployment.choose(None, ids));
    let variant = &deployment.variants[choice.variant];
    let graph = variant.servable.onnx().ok_or(ApiError::Internal)?;
    let tensors: Vec<(&str, Tensor)> = request
        .tensors
        .iter()
        .map(|given| {
            let spec = graph
                .input_specs()
                .iter()
                .find(|spec| spec.name == given.name);
            let spec = spec.ok_or_else(|| {
                ApiError::Shape(format!("the model has no input {:?}", given.name))
            })?;
            Ok((spec.name.as_str(), to_onnx(given, spec.datatype)?))
        })
        .collect::<Result<_, ApiError>>()?;
    let question = Question {
        choice,
        ids,
        unit: None,
        inputs: Inputs::Tensors {
            tensors: &tensors,
            rows,
        },
        raw: &[],
        received,
    };
    let answer = shared.engine.answer(deployment, &question)?;
    let mut out = head(target.name, request, variant, &answer, rows);
    let specs: &[TensorSpec] = &variant.servable.manifest().signature.outputs;
    let named: Vec<(String, &Tensor)> = answer
        .tensors
        .iter()
        .zip(graph.output_specs())
        .map(|(tensor, spec)| (spec.name.clone(), tensor))
        .filter(|(name, _)| specs.is_empty() || specs.iter().any(|spec| spec.name == *name))
        .collect();
    let chosen = choose(&named, &request.wanted, |output| &output.0)?;
    push_list(&mut out, chosen, |out, (name, tensor)| {
        push_tensor(out, name, tensor)
    });
    out.push(b'}');
    Ok(Reply::json(out))
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
            push_list(out, data, |out, value| push_integer(out, i64::from(*value)))
        }
        TensorData::Bool(data) => {
            push_list(out, data, |out, flag| {
                out.extend_from_slice(if *flag { b"true" } else { b"false" })
            });
        }
        TensorData::Bytes(data) => push_list(out, data, |out, text| push_text(out, text)),
    }
    out.push(b'}');
}
