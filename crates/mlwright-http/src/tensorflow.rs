//! TensorFlow Serving's REST predict: `{"instances": […]}` row by row or `{"inputs": …}` column by column.

use mlwright_serve::{Answer, Deployment, Servable, Variant};

use crate::columnar::{NamedValues, compose, count_rows, unit_of_columns};
use crate::errors::ApiError;
use crate::frames::{Columns, read_split};
use crate::json::Reader;
use crate::keys::Keys;
use crate::predict::{
    Asked, Turn, find_model, push_decision, push_probabilities, read_unit, score, score_turn,
};
use crate::reply::Reply;
use crate::routes::Call;
use crate::rows::Rows;
use crate::shared::Shared;
use crate::text::{push_list, push_number, push_text};
use crate::values::Data;

/// Whose bodies they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// TensorFlow Serving's.
    Tensorflow,
    /// Those of cloud platforms: the same, with parameters beside them, or data frames as `MLflow` sends them.
    Cloud,
}

/// Rows with their answers.
#[derive(Debug)]
pub(crate) struct Scored<'d> {
    pub(crate) variant: &'d Variant,
    pub(crate) answer: Answer,
    pub(crate) rows: usize,
    key: &'static str,
}

impl<'d> Scored<'d> {
    /// Answers to rows.
    pub(crate) fn new(variant: &'d Variant, answer: Answer, rows: usize) -> Self {
        Self {
            variant,
            answer,
            rows,
            key: "predictions",
        }
    }

    /// Open an object with the predictions in it.
    pub(crate) fn open_json(&self) -> Vec<u8> {
        render(&self.variant.servable, &self.answer, self.rows, self.key)
    }
}

/// Answer `POST /v1/models/{name}:predict`.
pub(crate) async fn predict(shared: &Shared, call: Call<'_>) -> Result<Reply, ApiError> {
    let snapshot = shared.engine.snapshot();
    let deployment = find_model(&snapshot, call.target)?;
    let _permit = shared.admit(deployment)?;
    let scored = score_body(shared, deployment, call, Dialect::Tensorflow, None).await?;
    let mut out = scored.open_json();
    out.push(b'}');
    Ok(Reply::json(out))
}

/// Read the rows of a body and score them, under the caller's own id of the request.
pub(crate) async fn score_body<'d>(
    shared: &Shared,
    deployment: &'d Deployment,
    call: Call<'_>,
    dialect: Dialect,
    inference_id: Option<&str>,
) -> Result<Scored<'d>, ApiError> {
    let mut reader = Reader::new(call.body, shared.limits.json_depth)?;
    let mut request = read_request(&mut reader, shared.limits.rows, dialect)?;
    reader.finish()?;
    request.asked.inference_id = inference_id;
    if let Some(columns) = &request.columns {
        return score_columns(shared, deployment, call, &request, columns).await;
    }
    let asked = &request.asked;
    let (variant, answer) = score(shared, deployment, call.target, asked, call.arrival).await?;
    Ok(Scored::new(variant, answer, asked.rows.kinds.len()))
}

async fn score_columns<'d>(
    shared: &Shared,
    deployment: &'d Deployment,
    call: Call<'_>,
    request: &TensorflowRequest<'_>,
    columns: &Columns<'_>,
) -> Result<Scored<'d>, ApiError> {
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
    let turn = Turn::take(shared, deployment, call.target, unit, count);
    let turn = turn.named(request.asked.inference_id);
    let variant = &deployment.variants[turn.choice.variant];
    let texts = compose(&named, &variant.servable, count)?;
    let rows = Rows::of_texts(&texts, shared.limits.json_depth, false)?;
    let answer = score_turn(shared, deployment, &turn, &rows, call.arrival).await?;
    Ok(Scored {
        variant,
        answer,
        rows: count,
        key: request.key,
    })
}

struct TensorflowRequest<'a> {
    asked: Asked<'a>,
    columns: Option<Columns<'a>>,
    /// Under which key the answer to columns goes.
    key: &'static str,
}

fn read_request<'a>(
    reader: &mut Reader<'a>,
    limit: usize,
    dialect: Dialect,
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
            inference_id: None,
        },
        columns: None,
        key: "outputs",
    };
    let is_cloud = dialect == Dialect::Cloud;
    let (mut keys, mut has_rows) = (Keys::default(), false);
    while let Some(key) = reader.next_new_key(&mut keys)? {
        let is_rows = match key.as_ref() {
            "instances" | "inputs" => true,
            "dataframe_records" | "dataframe_split" | "input_data" => is_cloud,
            _ => false,
        };
        if is_rows && has_rows {
            return Err(reader.wrong("rows under two keys in one body").into());
        }
        match key.as_ref() {
            "instances" => read_instances(reader, &mut request.asked.rows, limit)?,
            "inputs" if reader.peek()? == b'{' => {
                request.columns = Some(read_columns(reader)?);
            }
            "inputs" => request.asked.rows.read_list(reader, limit)?,
            "unit" => request.asked.unit = read_unit(reader)?,
            "dataframe_records" if is_cloud => {
                read_instances(reader, &mut request.asked.rows, limit)?;
            }
            "dataframe_split" | "input_data" if is_cloud => {
                request.columns = Some(read_split(reader, limit)?);
                request.key = "predictions";
            }
            "signature_name" => {
                reader.scalar()?;
            }
            "parameters" | "params" if is_cloud => {
                reader.scalar()?;
            }
            other => {
                return Err(ApiError::Shape(format!(
                    "the body has an unknown key {other:?}"
                )));
            }
        }
        has_rows |= is_rows;
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
        return Err(ApiError::Shape("rows have to be a list".to_owned()));
    }
    rows.read_list(reader, limit)
}

fn read_columns<'a>(reader: &mut Reader<'a>) -> Result<Columns<'a>, ApiError> {
    reader.open()?;
    let mut columns = Vec::new();
    let mut keys = Keys::default();
    while let Some(name) = reader.next_new_key(&mut keys)? {
        columns.push((name, Data::read(reader, None)?));
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
    out
}
