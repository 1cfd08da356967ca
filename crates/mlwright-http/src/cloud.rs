//! How cloud platforms ask the containers they run: `SageMaker`, Vertex AI and Azure ML. They share the bodies of TensorFlow
//! Serving and `MLflow`; each names the variant and echoes its headers in its own words.

use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use mlwright_serve::{Deployment, Snapshot};

use crate::csv::{Table, render as render_csv};
use crate::errors::ApiError;
use crate::paths::Target;
use crate::predict::{Turn, find_model, score_turn};
use crate::reply::Reply;
use crate::routes::Call;
use crate::rows::Rows;
use crate::shared::Shared;
use crate::tensorflow::{Dialect, Scored, score_body};
use crate::text::{push_integer, push_text};

/// A platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cloud {
    Sagemaker,
    Vertex,
    Azure,
}

const TARGET_VARIANT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-target-variant");
const TARGET_MODEL: HeaderName = HeaderName::from_static("x-amzn-sagemaker-target-model");
const INVOKED_VARIANT: HeaderName = HeaderName::from_static("x-amzn-invoked-production-variant");
/// `SageMaker` hands these to the container and back to the caller.
const ECHOED: [HeaderName; 2] = [
    HeaderName::from_static("x-amzn-sagemaker-custom-attributes"),
    INFERENCE_ID,
];
/// Under which callers find the request in captured data and join its ground truth.
const INFERENCE_ID: HeaderName = HeaderName::from_static("x-amzn-sagemaker-inference-id");
/// Azure ML calls a variant of an endpoint its deployment.
const AZURE_VARIANT: HeaderName = HeaderName::from_static("azureml-model-deployment");

impl Cloud {
    fn variant_header(self) -> Option<HeaderName> {
        match self {
            Self::Sagemaker => Some(TARGET_VARIANT),
            Self::Azure => Some(AZURE_VARIANT),
            Self::Vertex => None,
        }
    }

    fn invoked_header(self) -> Option<HeaderName> {
        match self {
            Self::Sagemaker => Some(INVOKED_VARIANT),
            Self::Azure => Some(AZURE_VARIANT),
            Self::Vertex => None,
        }
    }
}

/// Answer a prediction in the way of a platform.
pub(crate) async fn invoke(
    shared: &Shared,
    call: Call<'_>,
    cloud: Cloud,
) -> Result<Reply, ApiError> {
    let snapshot = shared.engine.snapshot();
    let target = target_of(&snapshot, call, cloud)?;
    let call = Call { target, ..call };
    let deployment = find_model(&snapshot, target)?;
    let _permit = shared.admit(deployment)?;
    let has_table = cloud == Cloud::Sagemaker && says_csv(call, &CONTENT_TYPE);
    let scored = if has_table {
        score_table(shared, deployment, call).await?
    } else {
        score_body(
            shared,
            deployment,
            call,
            Dialect::Cloud,
            inference_id(call, cloud),
        )
        .await?
    };
    let mut reply = if cloud == Cloud::Sagemaker && says_csv(call, &ACCEPT) {
        let rows = render_csv(&scored.variant.servable, &scored.answer, scored.rows);
        Reply {
            content_type: HeaderValue::from_static("text/csv; charset=utf-8"),
            ..Reply::json(rows)
        }
    } else {
        Reply::json(render_json(&scored, cloud))
    };
    add_headers(&mut reply, call, cloud, &scored.variant.spec.name);
    Ok(reply)
}

/// The deployment that is asked: the one in the path, or in a header, or the only one there is.
fn target_of<'a>(
    snapshot: &'a Snapshot,
    call: Call<'a>,
    cloud: Cloud,
) -> Result<Target<'a>, ApiError> {
    let variant = match cloud.variant_header() {
        Some(name) => text_of(call, &name)?,
        None => None,
    };
    let model = match cloud {
        Cloud::Sagemaker => text_of(call, &TARGET_MODEL)?,
        Cloud::Vertex | Cloud::Azure => None,
    };
    let model = model.map(|model| model.strip_suffix(".tar.gz").unwrap_or(model));
    let name = match (call.target.name, model) {
        ("", Some(model)) => model,
        ("", None) => only_name(snapshot)?,
        (name, _) => name,
    };
    let target = Target {
        name,
        variant,
        ..call.target
    };
    let deployment = find_model(snapshot, target)?;
    if let Some(model) = model
        && ![&deployment.spec.name, &deployment.spec.model].contains(&&model.to_owned())
    {
        return Err(ApiError::ModelUnknown(model.chars().take(100).collect()));
    }
    Ok(target)
}

fn only_name(snapshot: &Snapshot) -> Result<&str, ApiError> {
    match snapshot.deployments() {
        [] => Err(ApiError::NotReady),
        [deployment] => Ok(&deployment.spec.name),
        several => Err(ApiError::Shape(format!(
            "{} deployments are served and the request names none",
            several.len()
        ))),
    }
}

fn text_of<'a>(call: Call<'a>, name: &HeaderName) -> Result<Option<&'a str>, ApiError> {
    let Some(value) = call.headers.get(name) else {
        return Ok(None);
    };
    let text = value
        .to_str()
        .map_err(|_| ApiError::Shape(format!("the header `{name}` has bytes that are no ASCII")))?;
    Ok(Some(text))
}

/// The id that the caller gave the request; one that is no text is given back but not logged.
fn inference_id(call: Call<'_>, cloud: Cloud) -> Option<&str> {
    match cloud {
        Cloud::Sagemaker => call.headers.get(INFERENCE_ID)?.to_str().ok(),
        Cloud::Vertex | Cloud::Azure => None,
    }
}

/// Whether a header names CSV.
fn says_csv(call: Call<'_>, name: &HeaderName) -> bool {
    parts_of(call, name)
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("text/csv"))
}

/// The media type of a header and its parameters.
fn parts_of<'a>(call: Call<'a>, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let text = call.headers.get(name).and_then(|value| value.to_str().ok());
    text.unwrap_or("").split(';').map(str::trim)
}

async fn score_table<'d>(
    shared: &Shared,
    deployment: &'d Deployment,
    call: Call<'_>,
) -> Result<Scored<'d>, ApiError> {
    let has_header = parts_of(call, &CONTENT_TYPE).any(|part| part == "header=present");
    let table = Table::read(call.body, has_header, shared.limits.rows)?;
    let unit = table.unit(deployment);
    let turn = Turn::take(shared, deployment, call.target, unit, table.rows());
    let turn = turn.named(inference_id(call, Cloud::Sagemaker));
    let variant = &deployment.variants[turn.choice.variant];
    let texts = table.compose(&variant.servable)?;
    let rows = Rows::of_texts(&texts, shared.limits.json_depth, false)?;
    let answer = score_turn(shared, deployment, &turn, &rows, call.arrival).await?;
    Ok(Scored::new(variant, answer, texts.len()))
}

fn render_json(scored: &Scored<'_>, cloud: Cloud) -> Vec<u8> {
    let mut out = scored.open_json();
    if cloud == Cloud::Vertex {
        out.extend_from_slice(b",\"deployedModelId\":");
        push_text(&mut out, &scored.variant.spec.name);
        out.extend_from_slice(b",\"modelVersionId\":\"");
        push_integer(&mut out, i64::from(scored.variant.spec.version));
        out.push(b'"');
    }
    out.push(b'}');
    out
}

fn add_headers(reply: &mut Reply, call: Call<'_>, cloud: Cloud, variant: &str) {
    // A name that no header can hold is left out; the deployment document allows none.
    if let (Some(name), Ok(value)) = (cloud.invoked_header(), HeaderValue::from_str(variant)) {
        reply.headers.push((name, value));
    }
    if cloud == Cloud::Sagemaker {
        let echo = |name: &HeaderName| Some((name.clone(), call.headers.get(name)?.clone()));
        reply.headers.extend(ECHOED.iter().filter_map(echo));
    }
}
