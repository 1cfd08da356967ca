//! The native route: `{"rows": [{column: value}], "unit": "…"}` → one prediction per row.

use std::borrow::Cow;
use std::sync::Arc;

use mlwright_features::{Cell, Value};
use mlwright_package::SignatureInputs;
use mlwright_serve::{
    Answer, Arrival, Choice, Deployment, Inputs, PredictionId, Question, Servable, Snapshot,
    Variant,
};

use crate::errors::ApiError;
use crate::json::{Reader, Scalar};
use crate::keys::Keys;
use crate::paths::Target;
use crate::reply::Reply;
use crate::routes::Call;
use crate::rows::{Field, RowKind, Rows};
use crate::shared::Shared;
use crate::text::{class_key, push_class, push_integer, push_list, push_number, push_text};

/// Answer `POST /v1/predict/{deployment}`.
pub(crate) async fn predict(shared: &Shared, call: Call<'_>) -> Result<Reply, ApiError> {
    let (target, arrival) = (call.target, call.arrival);
    let snapshot = shared.engine.snapshot();
    let deployment = find_deployment(&snapshot, target.name)?;
    let _permit = shared.admit(deployment)?;
    let mut reader = Reader::new(call.body, shared.limits.json_depth)?;
    let asked = read_request(&mut reader, shared.limits.rows)?;
    reader.finish()?;
    let (variant, answer) = score(shared, deployment, target, &asked, arrival).await?;
    Ok(Reply::json(render(
        variant,
        &answer,
        asked.rows.kinds.len(),
    )))
}

/// Rows of a body and the unit they belong to.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) rows: Rows<'a>,
    pub(crate) unit: Option<Cow<'a, str>>,
    /// The caller's own id of the request.
    pub(crate) inference_id: Option<&'a str>,
}

fn read_request<'a>(reader: &mut Reader<'a>, limit: usize) -> Result<Asked<'a>, ApiError> {
    if reader.peek()? != b'{' {
        reader.scalar()?;
        return Err(ApiError::Shape(
            "the body has to be an object with `rows`".to_owned(),
        ));
    }
    reader.open()?;
    let mut asked = Asked {
        rows: Rows::default(),
        unit: None,
        inference_id: None,
    };
    let (mut keys, mut has_rows) = (Keys::default(), false);
    while let Some(key) = reader.next_new_key(&mut keys)? {
        match key.as_ref() {
            "rows" | "row" if has_rows => {
                return Err(reader.wrong("`rows` and `row` in one body").into());
            }
            "rows" => asked.rows.read_list(reader, limit)?,
            "row" => asked.rows.read_row(reader)?,
            "unit" => asked.unit = read_unit(reader)?,
            other => {
                return Err(ApiError::Shape(format!(
                    "the body has an unknown key {other:?}"
                )));
            }
        }
        has_rows |= key.starts_with("row");
    }
    if !has_rows {
        return Err(ApiError::Shape("the body has no `rows`".to_owned()));
    }
    Ok(asked)
}

/// Read the unit: a text, a whole number, or null.
pub(crate) fn read_unit<'a>(reader: &mut Reader<'a>) -> Result<Option<Cow<'a, str>>, ApiError> {
    let value = reader.scalar()?;
    if value == Scalar::Null {
        return Ok(None);
    }
    unit_text(&value)
        .map(Some)
        .ok_or_else(|| ApiError::Type("`unit` has to be a text".to_owned()))
}

/// The text of a value that may name a unit.
pub(crate) fn unit_text<'a>(value: &Scalar<'a>) -> Option<Cow<'a, str>> {
    match value {
        Scalar::Text(text) => Some(text.clone()),
        Scalar::Number(number) => number
            .integer
            .map(|integer| Cow::Owned(integer.to_string())),
        Scalar::Bool(_) | Scalar::Null | Scalar::List | Scalar::Object => None,
    }
}

/// Find a deployment by its name, else by the name of its model.
pub(crate) fn find_deployment<'s>(
    snapshot: &'s Snapshot,
    name: &str,
) -> Result<&'s Arc<Deployment>, ApiError> {
    let unknown = || ApiError::DeploymentUnknown(name.chars().take(100).collect());
    find(snapshot, name)?.ok_or_else(unknown)
}

/// What a server without any deployment does not have is not unknown but not there yet.
fn find<'s>(snapshot: &'s Snapshot, name: &str) -> Result<Option<&'s Arc<Deployment>>, ApiError> {
    if snapshot.deployments().is_empty() {
        return Err(ApiError::NotReady);
    }
    Ok(snapshot.find(name))
}

/// Find what an Open Inference or TensorFlow Serving route names: the same names, spoken of as models.
pub(crate) fn find_model<'s>(
    snapshot: &'s Snapshot,
    target: Target<'_>,
) -> Result<&'s Arc<Deployment>, ApiError> {
    let unknown = || {
        let name: String = target.name.chars().take(100).collect();
        ApiError::ModelUnknown(match (target.version, target.variant) {
            (Some(version), _) => format!("{name}, version {version}"),
            (None, Some(variant)) => format!("{name}, variant {variant:.100}"),
            (None, None) => name,
        })
    };
    let deployment = find(snapshot, target.name)?.ok_or_else(unknown)?;
    if target.is_forced() && target.forced(deployment).is_none() {
        return Err(unknown());
    }
    Ok(deployment)
}

/// Which variant answers, for whom, under which ids.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) choice: Choice,
    pub(crate) ids: PredictionId,
    pub(crate) unit: Option<Cow<'a, str>>,
    /// The caller's own id of the request, for the log.
    pub(crate) inference_id: Option<&'a str>,
}

impl<'a> Turn<'a> {
    /// Take ids for the rows and choose the variant: the one that the caller names, if any.
    pub(crate) fn take(
        shared: &Shared,
        deployment: &Deployment,
        target: Target<'_>,
        unit: Option<Cow<'a, str>>,
        rows: usize,
    ) -> Self {
        let ids = shared.engine.next_ids(rows);
        let choice = target
            .forced(deployment)
            .unwrap_or_else(|| deployment.choose(unit.as_deref(), ids));
        Self {
            choice,
            ids,
            unit,
            inference_id: None,
        }
    }

    /// The same, under the caller's own id.
    pub(crate) fn named(self, inference_id: Option<&'a str>) -> Self {
        Self {
            inference_id,
            ..self
        }
    }
}

/// Choose the variant, check and transform the rows, predict, log and count.
pub(crate) async fn score<'d>(
    shared: &Shared,
    deployment: &'d Deployment,
    target: Target<'_>,
    asked: &Asked<'_>,
    arrival: Arrival,
) -> Result<(&'d Variant, Answer), ApiError> {
    let rows = &asked.rows;
    let unit = asked
        .unit
        .clone()
        .or_else(|| unit_of_first_row(deployment, rows));
    let turn = Turn::take(shared, deployment, target, unit, rows.kinds.len());
    let turn = turn.named(asked.inference_id);
    let answer = score_turn(shared, deployment, &turn, rows, arrival).await?;
    Ok((&deployment.variants[turn.choice.variant], answer))
}

/// Check and transform the rows, predict, log and count.
pub(crate) async fn score_turn(
    shared: &Shared,
    deployment: &Deployment,
    turn: &Turn<'_>,
    rows: &Rows<'_>,
    arrival: Arrival,
) -> Result<Answer, ApiError> {
    let variant = &deployment.variants[turn.choice.variant];
    let cells;
    let matrix;
    let inputs = if variant.servable.is_tensor() {
        matrix = to_matrix(&variant.servable, rows)?;
        Inputs::Matrix(&matrix)
    } else {
        cells = to_cells(variant, rows)?;
        Inputs::Cells(&cells)
    };
    let question = Question {
        choice: turn.choice,
        ids: turn.ids,
        unit: turn.unit.as_deref(),
        inference_id: turn.inference_id,
        inputs,
        raw: rows.for_log(),
        arrival,
    };
    let answer = shared.engine.answer(deployment, &question).await?;
    shared.mirror.offer(deployment, turn, rows);
    Ok(answer)
}

fn unit_of_first_row<'a>(deployment: &Deployment, rows: &Rows<'a>) -> Option<Cow<'a, str>> {
    let column = deployment.spec.unit.as_deref()?;
    let RowKind::Object(range) = rows.kinds.first()? else {
        return None;
    };
    let field = rows.fields[range.clone()]
        .iter()
        .find(|field| field.key == column)?;
    unit_text(&field.value)
}

fn to_cells<'r>(variant: &Variant, rows: &'r Rows<'_>) -> Result<Vec<Cell<'r>>, ApiError> {
    let reader = variant.servable.reader().ok_or(ApiError::Internal)?;
    let width = reader.inputs();
    let mut cells = vec![Cell::Null; width * rows.kinds.len()];
    for (row, kind) in rows.kinds.iter().enumerate() {
        let row_cells = &mut cells[row * width..(row + 1) * width];
        let named = |field: &'r Field<'_>| (field.key.as_ref(), field.value.as_value());
        let read = match kind {
            RowKind::Object(range) => {
                reader.read(rows.fields[range.clone()].iter().map(named), row_cells)
            }
            RowKind::Numbers(range) => reader.read_in_order(
                rows.numbers[range.clone()]
                    .iter()
                    .copied()
                    .map(Value::Number),
                row_cells,
            ),
            RowKind::Values(range) => {
                let values = rows.fields[range.clone()]
                    .iter()
                    .map(|field| field.value.as_value());
                reader.read_in_order(values, row_cells)
            }
        };
        read.map_err(|violation| {
            variant.count_violation(&violation);
            ApiError::Contract { violation, row }
        })?;
    }
    Ok(cells)
}

fn to_matrix<'r>(servable: &Servable, rows: &'r Rows<'_>) -> Result<Cow<'r, [f64]>, ApiError> {
    let width = servable.matrix_width().ok_or_else(|| {
        ApiError::Shape("this model takes several tensors: use /v2/models/NAME/infer".to_owned())
    })?;
    let is_fitting =
        |kind: &RowKind| matches!(kind, RowKind::Numbers(range) if range.len() == width);
    if rows.kinds.iter().all(is_fitting) {
        return Ok(Cow::Borrowed(&rows.numbers));
    }
    let mut matrix = Vec::with_capacity(width * rows.kinds.len());
    for (row, kind) in rows.kinds.iter().enumerate() {
        let start = matrix.len();
        match kind {
            RowKind::Numbers(range) => matrix.extend_from_slice(&rows.numbers[range.clone()]),
            RowKind::Object(range) if names_tensor(&rows.fields[range.clone()], servable) => {
                extend_with_list(&mut matrix, rows.raw[row], row)?;
            }
            RowKind::Values(range) => {
                for field in &rows.fields[range.clone()] {
                    matrix.push(number_or_missing(&field.value).ok_or_else(|| no_numbers(row))?);
                }
            }
            RowKind::Object(_) => return Err(no_numbers(row)),
        }
        let found = matrix.len() - start;
        if found != width {
            return Err(ApiError::Shape(format!(
                "row {row} has {found} numbers, the model takes {width}"
            )));
        }
    }
    Ok(Cow::Owned(matrix))
}

/// A number; null stands for a missing one, which the kernels know as NaN.
fn number_or_missing(value: &Scalar<'_>) -> Option<f64> {
    match value {
        Scalar::Number(number) => Some(number.value),
        Scalar::Null => Some(f64::NAN),
        Scalar::Bool(_) | Scalar::Text(_) | Scalar::List | Scalar::Object => None,
    }
}

fn no_numbers(row: usize) -> ApiError {
    ApiError::Type(format!(
        "row {row} has to be a list of numbers: this model takes one tensor"
    ))
}

/// Whether a row is `{"input": […]}`, with the name of the model's tensor.
fn names_tensor(fields: &[Field<'_>], servable: &Servable) -> bool {
    match (&servable.manifest().signature.inputs, fields) {
        (SignatureInputs::Tensor(specs), [field]) => {
            field.value == Scalar::List && specs.first().is_some_and(|spec| spec.name == field.key)
        }
        (SignatureInputs::Tensor(_) | SignatureInputs::Columns(_), _) => false,
    }
}

/// Append the numbers of a row `{"input": [numbers]}`, which was checked to be JSON of this form.
fn extend_with_list(matrix: &mut Vec<f64>, raw: &[u8], row: usize) -> Result<(), ApiError> {
    let mut reader = Reader::new(raw, raw.len())?;
    reader.peek()?;
    reader.open()?;
    reader.next_key(&mut true)?;
    reader.peek()?;
    reader.open()?;
    let mut is_first = true;
    while reader.next_item(&mut is_first)? {
        matrix.push(number_or_missing(&reader.scalar()?).ok_or_else(|| no_numbers(row))?);
    }
    Ok(())
}

fn render(variant: &Variant, answer: &Answer, rows: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(32 + rows * 192);
    out.extend_from_slice(b"{\"predictions\":");
    push_list(&mut out, 0..rows, |out, row| {
        out.extend_from_slice(b"{\"id\":\"");
        answer.first.nth(row).write(out);
        out.extend_from_slice(b"\",");
        push_decision(out, &variant.servable, answer, row);
        if variant.servable.is_tensor() {
            out.extend_from_slice(b",\"output\":[");
            push_probabilities(out, &variant.servable, answer.row(row));
            out.push(b']');
        }
        out.extend_from_slice(b",\"model\":");
        push_text(out, &variant.spec.model);
        out.extend_from_slice(b",\"version\":");
        push_integer(out, i64::from(variant.spec.version));
        out.extend_from_slice(b",\"variant\":");
        push_text(out, &variant.spec.name);
        out.push(b'}');
    });
    out.push(b'}');
    out
}

/// Append `"prediction":…` and `"score":…` or `"scores":{…}`, without braces.
pub(crate) fn push_decision(out: &mut Vec<u8>, servable: &Servable, answer: &Answer, row: usize) {
    let classes = servable.classes();
    let values = answer.row(row);
    out.extend_from_slice(b"\"prediction\":");
    if let Some(class) = answer.class_of(row).and_then(|index| classes.get(index)) {
        push_class(out, class);
    } else if let [value] = values {
        push_number(out, *value);
    } else {
        push_list(out, values, |out, value| push_number(out, *value));
    }
    if classes.is_empty() {
        return;
    }
    if let Some(score) = servable.score(values) {
        out.extend_from_slice(b",\"score\":");
        push_number(out, score);
    } else {
        out.extend_from_slice(b",\"scores\":{");
        for (index, class) in classes.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            push_text(out, &class_key(class));
            out.push(b':');
            push_number(out, values.get(index).copied().unwrap_or(f64::NAN));
        }
        out.push(b'}');
    }
}

/// Append the probabilities of all classes of a row; a binary model has one output and two classes.
pub(crate) fn push_probabilities(out: &mut Vec<u8>, servable: &Servable, values: &[f64]) {
    let both = [1.0 - values[0], values[0]];
    let all = if servable.classes().len() == 2 && values.len() == 1 {
        &both[..]
    } else {
        values
    };
    for (index, value) in all.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_number(out, *value);
    }
}
