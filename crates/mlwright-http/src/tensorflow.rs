//! TensorFlow Serving's REST predict: `{"instances": […]}` row by row or `{"inputs": …}` column by column.

use std::borrow::Cow;
use std::time::Instant;

use mlwright_serve::{Answer, Servable};

use crate::errors::ApiError;
use crate::json::{Keys, Reader};
use crate::predict::{Asked, find_model, push_decision, push_probabilities, read_unit, score};
use crate::reply::Reply;
use crate::routes::Target;
use crate::rows::Rows;
use crate::shared::Shared;
use crate::tensors;
use crate::text::{push_list, push_number};

/// Answer `POST /v1/models/{name}:predict`.
pub(crate) fn predict(
    shared: &Shared,
    target: Target<'_>,
    body: &[u8],
    received: Instant,
) -> Result<Reply, ApiError> {
    let snapshot = shared.engine.snapshot();
    let deployment = find_model(&snapshot, target)?;
    let _permit = shared.engine.admit().ok_or(ApiError::Overloaded)?;
    let mut reader = Reader::new(body, shared.limits.json_depth)?;
    let request = read_request(&mut reader, shared.limits.rows)?;
    reader.finish()?;
    let composed = match &request.columns {
        None => None,
        Some(columns) => Some(tensors::rows_of_columns(columns, shared.limits.rows)?),
    };
    let asked = match &composed {
        None => request.asked,
        Some(texts) => read_composed(texts, shared, request.asked.unit)?,
    };
    let (variant, answer) = score(shared, deployment, target.version, &asked, received)?;
    Ok(Reply::json(render(
        &variant.servable,
        &answer,
        asked.rows.kinds.len(),
        composed.is_some(),
    )))
}

struct TensorflowRequest<'a> {
    asked: Asked<'a>,
    columns: Option<Vec<tensors::NamedColumn<'a>>>,
}

fn read_request<'a>(
    reader: &mut Reader<'a>,
    limit: usize,
) -> Result<TensorflowRequest<'a>, ApiError> {
    let no_instances =
        || ApiError::Shape("the body has to be an object with `instances` or `inputs`".to_owned());
    if reader.peek()? != b'{' {
        reader.scalar()?;
        return Err(no_instances());
    }
    reader.open()?;
    let mut request = TensorflowRequest {
        asked: Asked {
            rows: Rows::default(),
            unit: None,
        },
        columns: None,
    };
    let (mut keys, mut has_rows) = (Keys::default(), false);
    while let Some(key) = reader.next_new_key(&mut keys)? {
        match key.as_ref() {
            "instances" | "inputs" if has_rows => {
                return Err(reader.wrong("`instances` and `inputs` in one body").into());
            }
            "instances" => read_instances(reader, &mut request.asked.rows, limit)?,
            "inputs" if reader.peek()? == b'{' => {
                request.columns = Some(tensors::read_columns(reader)?)
            }
            "inputs" => request.asked.rows.read_list(reader, limit)?,
            "unit" => request.asked.unit = read_unit(reader)?,
            "signature_name" => {
                reader.scalar()?;
            }
            other => {
                return Err(ApiError::Shape(format!(
                    "the body has an unknown key {other:?}"
                )));
            }
        }
        has_rows |= matches!(key.as_ref(), "instances" | "inputs");
    }
    if has_rows {
        Ok(request)
    } else {
        Err(no_instances())
    }
}

fn read_instances<'a>(
    reader: &mut Reader<'a>,
    rows: &mut Rows<'a>,
    limit: usize,
) -> Result<(), ApiError> {
    if reader.peek()? != b'[' {
        reader.scalar()?;
        return Err(ApiError::Shape("`instances` has to be a list".to_owned()));
    }
    rows.read_list(reader, limit)
}

fn read_composed<'a>(
    texts: &'a [Vec<u8>],
    shared: &Shared,
    unit: Option<Cow<'a, str>>,
) -> Result<Asked<'a>, ApiError> {
    let mut rows = Rows::default();
    for text in texts {
        rows.read_row(&mut Reader::new(text, shared.limits.json_depth)?)?;
    }
    Ok(Asked { rows, unit })
}

fn render(servable: &Servable, answer: &Answer, rows: usize, is_columnar: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(32 + rows * 64);
    out.extend_from_slice(if is_columnar {
        b"{\"outputs\":"
    } else {
        b"{\"predictions\":"
    });
    push_list(&mut out, 0..rows, |out, row| {
        let values = answer.row(row);
        if !servable.is_tensor() {
            out.push(b'{');
            push_decision(out, servable, answer, row);
            out.push(b'}');
        } else if let ([value], true) = (values, servable.classes().is_empty()) {
            push_number(out, *value);
        } else {
            out.push(b'[');
            push_probabilities(out, servable, values);
            out.push(b']');
        }
    });
    out.push(b'}');
    out
}

/// Answer `GET /v1/models/{name}`.
pub(crate) fn status(shared: &Shared, target: Target<'_>) -> Result<Reply, ApiError> {
    let snapshot = shared.engine.snapshot();
    let deployment = find_model(&snapshot, target)?;
    let versions: Vec<_> = deployment
        .variants
        .iter()
        .map(|variant| {
            serde_json::json!({
                "version": variant.spec.version.to_string(), "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            })
        })
        .collect();
    Ok(Reply::json(
        serde_json::json!({"model_version_status": versions})
            .to_string()
            .into_bytes(),
    ))
}
