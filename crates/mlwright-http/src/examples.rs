//! TensorFlow Serving's `:classify` and `:regress`: examples as objects of features, with a context that all share.

use std::borrow::Cow;

use mlwright_serve::{Deployment, Servable};

use crate::columnar::push_scalar;
use crate::errors::ApiError;
use crate::infer::extend_with_values;
use crate::json::{Keys, Reader, Scalar};
use crate::paths::Target;
use crate::predict::{Turn, find_model, read_unit, score_turn, unit_text};
use crate::reply::Reply;
use crate::routes::Call;
use crate::rows::Rows;
use crate::shared::Shared;
use crate::text::{class_key, push_list, push_number, push_text};

/// What the caller wants to know of each example.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// Label and score of each class.
    Classes,
    /// The number of a regression.
    Number,
}

/// Answer `POST /v1/models/{name}:classify`.
pub(crate) async fn classify(shared: &Shared, call: Call<'_>) -> Result<Reply, ApiError> {
    ask(shared, call, Wanted::Classes).await
}

/// Answer `POST /v1/models/{name}:regress`.
pub(crate) async fn regress(shared: &Shared, call: Call<'_>) -> Result<Reply, ApiError> {
    ask(shared, call, Wanted::Number).await
}

/// Score the examples and write `{"result": […]}`.
async fn ask(shared: &Shared, call: Call<'_>, wanted: Wanted) -> Result<Reply, ApiError> {
    let snapshot = shared.engine.snapshot();
    let deployment = find_model(&snapshot, call.target)?;
    let _permit = shared.engine.admit().ok_or(ApiError::Overloaded)?;
    let mut reader = Reader::new(call.body, shared.limits.json_depth)?;
    let request = ExamplesRequest::read(&mut reader, shared.limits.rows)?;
    reader.finish()?;
    let turn = request.turn(shared, deployment, call.target);
    let servable = &deployment.variants[turn.choice.variant].servable;
    wanted.check(servable)?;
    let texts = request.compose(servable.is_tensor());
    let rows = Rows::of_texts(&texts, shared.limits.json_depth, false)?;
    let answer = score_turn(shared, deployment, &turn, &rows, call.arrival).await?;
    let mut out = Vec::with_capacity(16 + texts.len() * 48);
    out.extend_from_slice(b"{\"result\":");
    push_list(&mut out, 0..texts.len(), |out, row| {
        wanted.push(out, servable, answer.row(row));
    });
    out.push(b'}');
    Ok(Reply::json(out))
}

impl Wanted {
    /// Refuse a model that cannot tell.
    fn check(self, servable: &Servable) -> Result<(), ApiError> {
        let wrong = |what: &str| Err(ApiError::Shape(what.to_owned()));
        let is_classifier = !servable.classes().is_empty();
        match self {
            Self::Classes if !is_classifier => wrong("the model has no classes"),
            Self::Number if is_classifier || servable.outputs() != 1 => {
                wrong("the model is no regression of one number")
            }
            Self::Classes | Self::Number => Ok(()),
        }
    }

    fn push(self, out: &mut Vec<u8>, servable: &Servable, values: &[f64]) {
        match self {
            Self::Number => push_number(out, values.first().copied().unwrap_or(f64::NAN)),
            Self::Classes => {
                let mut scores = Vec::with_capacity(servable.classes().len());
                extend_with_values(&mut scores, servable, values);
                let labels = servable.classes().iter().map(class_key);
                push_list(out, labels.zip(scores), |out, (label, score)| {
                    out.push(b'[');
                    push_text(out, &label);
                    out.push(b',');
                    push_number(out, score);
                    out.push(b']');
                });
            }
        }
    }
}

/// A feature: one value, or a list of them.
#[derive(Debug)]
struct Feature<'a> {
    name: Cow<'a, str>,
    values: Vec<Scalar<'a>>,
    is_list: bool,
}

type Features<'a> = Vec<Feature<'a>>;

#[derive(Debug, Default)]
struct ExamplesRequest<'a> {
    context: Features<'a>,
    examples: Vec<Features<'a>>,
    unit: Option<Cow<'a, str>>,
}

impl<'a> ExamplesRequest<'a> {
    fn read(reader: &mut Reader<'a>, limit: usize) -> Result<Self, ApiError> {
        let no_examples =
            || ApiError::Shape("the body has to be an object with a list `examples`".to_owned());
        if reader.peek()? != b'{' {
            reader.scalar()?;
            return Err(no_examples());
        }
        reader.open()?;
        let mut request = Self::default();
        let (mut keys, mut has_examples) = (Keys::default(), false);
        while let Some(key) = reader.next_new_key(&mut keys)? {
            match key.as_ref() {
                "examples" if reader.peek()? == b'[' => {
                    request.examples = read_examples(reader, limit)?;
                    has_examples = true;
                }
                "context" => request.context = read_features(reader)?,
                "unit" => request.unit = read_unit(reader)?,
                "signature_name" => {
                    reader.scalar()?;
                }
                "examples" => return Err(no_examples()),
                other => {
                    return Err(ApiError::Shape(format!(
                        "the body has an unknown key {other:?}"
                    )));
                }
            }
        }
        if has_examples {
            Ok(request)
        } else {
            Err(no_examples())
        }
    }

    /// The variant by the unit: the one that the body names, else the value of the unit's column in the first example.
    fn turn(&self, shared: &Shared, deployment: &Deployment, target: Target<'_>) -> Turn<'a> {
        let of_column = || {
            let name = deployment.spec.unit.as_deref()?;
            let features = self.examples.first()?.iter().chain(&self.context);
            let feature = features.into_iter().find(|feature| feature.name == name)?;
            unit_text(feature.values.first()?)
        };
        let unit = self.unit.clone().or_else(of_column);
        Turn::take(shared, deployment, target, unit, self.examples.len())
    }

    /// Write each example as a row; a feature of an example goes before the one of the context.
    fn compose(&self, is_tensor: bool) -> Vec<Cow<'a, [u8]>> {
        let write = |example: &Features<'a>| {
            let is_given = |name: &str| example.iter().any(|feature| feature.name == name);
            let context = self.context.iter();
            let added = context.filter(|feature| !is_given(&feature.name));
            let mut out = vec![b'{'];
            for (at, feature) in example.iter().chain(added).enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                push_text(&mut out, &feature.name);
                out.push(b':');
                match feature.values.as_slice() {
                    [value] if !(feature.is_list && is_tensor) => push_scalar(&mut out, value),
                    values => push_list(&mut out, values, push_scalar),
                }
            }
            out.push(b'}');
            Cow::Owned(out)
        };
        self.examples.iter().map(write).collect()
    }
}

fn read_examples<'a>(reader: &mut Reader<'a>, limit: usize) -> Result<Vec<Features<'a>>, ApiError> {
    reader.open()?;
    let mut examples = Vec::new();
    let mut is_first = true;
    while reader.next_item(&mut is_first)? {
        if examples.len() == limit {
            return Err(ApiError::TooLarge(format!(
                "more than {limit} rows in one request"
            )));
        }
        examples.push(read_features(reader)?);
    }
    Ok(examples)
}

fn read_features<'a>(reader: &mut Reader<'a>) -> Result<Features<'a>, ApiError> {
    if reader.peek()? != b'{' {
        return Err(ApiError::Shape(
            "an example and the context have to be objects of features".to_owned(),
        ));
    }
    reader.open()?;
    let mut features = Vec::new();
    let mut keys = Keys::default();
    while let Some(name) = reader.next_new_key(&mut keys)? {
        let is_list = reader.peek()? == b'[';
        let mut values = Vec::new();
        if is_list {
            reader.open()?;
            let mut is_first = true;
            while reader.next_item(&mut is_first)? {
                values.push(reader.scalar()?);
            }
        } else {
            values.push(reader.scalar()?);
        }
        features.push(Feature {
            name,
            values,
            is_list,
        });
    }
    Ok(features)
}
