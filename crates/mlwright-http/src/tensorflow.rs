//! TensorFlow Serving's REST predict: `{"instances": […]}` row by row or `{"inputs": …}` column by column.

use std::borrow::Cow;
use std::time::Instant;

use mlwright_serve::{Answer, Deployment, Servable};

use crate::columnar::{NamedValues, compose, count_rows, unit_of_columns};
use crate::errors::ApiError;
use crate::json::{Keys, Reader};
use crate::paths::Target;
use crate::predict::{
    Asked, Turn, find_model, push_decision, push_probabilities, read_unit, score, score_turn,
};
use crate::reply::Reply;
use crate::routes::Call;
use crate::rows::Rows;
use crate::shared::Shared;
use crate::tensor_values::Data;
use crate::text::{push_list, push_number, push_text};

/// Answer `POST /v1/models/{name}:predict`.
pub(crate) async fn predict(shared: &Shared, call: Call<'_>) -> Result<Reply, ApiError> {
    let (target, received) = (call.target, call.received);
    let snapshot = shared.engine.snapshot();
    let deployment = find_model(&snapshot, target)?;
    let _permit = shared.engine.admit().ok_or(ApiError::Overloaded)?;
    let mut reader = Reader::new(call.body, shared.limits.json_depth)?;
    let request = read_request(&mut reader, shared.limits.rows)?;
    reader.finish()?;
    if let Some(columns) = &request.columns {
        return predict_columns(shared, deployment, target, &request, columns, received).await;
    }
    let asked = &request.asked;
    let (variant, answer) = score(shared, deployment, target, asked, received).await?;
    let rows = asked.rows.kinds.len();
    Ok(Reply::json(render(
        &variant.servable,
        &answer,
        rows,
        "predictions",
    )))
}

async fn predict_columns(
    shared: &Shared,
    deployment: &Deployment,
    target: Target<'_>,
    request: &TensorflowRequest<'_>,
    columns: &[(Cow<'_, str>, Data<'_>)],
    received: Instant,
) -> Result<Reply, ApiError> {
    let named: Vec<_> = columns
        .iter()
        .map(|(name, data)| NamedValues {
            name,
            values: &data.values,
            sizes: &data.sizes,
            flat: data.flat(),
            is_single: false,
        })
        .collect();
    let count = count_rows(&named, shared.limits.rows)?;
    let unit = request.asked.unit.clone();
    let unit = unit.or_else(|| unit_of_columns(deployment, &named));
    let turn = Turn::take(shared, deployment, target, unit, count);
    let variant = &deployment.variants[turn.choice.variant];
    let texts = compose(&named, &variant.servable, count)?;
    let rows = Rows::of_texts(&texts, shared.limits.json_depth, false)?;
    let answer = score_turn(shared, deployment, &turn, &rows, received).await?;
    Ok(Reply::json(render(
        &variant.servable,
        &answer,
        count,
        "outputs",
    )))
}

struct TensorflowRequest<'a> {
    asked: Asked<'a>,
    columns: Option<Vec<(Cow<'a, str>, Data<'a>)>>,
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
                request.columns = Some(read_columns(reader)?);
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

fn read_columns<'a>(reader: &mut Reader<'a>) -> Result<Vec<(Cow<'a, str>, Data<'a>)>, ApiError> {
    reader.open()?;
    let mut columns = Vec::new();
    let mut keys = Keys::default();
    while let Some(name) = reader.next_new_key(&mut keys)? {
        columns.push((name, Data::read(reader)?));
    }
    Ok(columns)
}

fn render(servable: &Servable, answer: &Answer, rows: usize, key: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(32 + rows * 64);
    out.push(b'{');
    push_text(&mut out, key);
    out.push(b':');
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
