//! TensorFlow Serving's `:classify` and `:regress`: examples as objects of features, with a context that all share.

use std::borrow::Cow;
use std::collections::HashSet;

use mlwright_serve::{Arrival, Deployment, Servable};

use crate::columnar::{check_repeated, push_scalar};
use crate::errors::ApiError;
use crate::infer::extend_with_values;
use crate::json::{Reader, Scalar};
use crate::keys::Keys;
use crate::paths::Target;
use crate::predict::{Turn, find_model, read_unit, score_turn, unit_text};
use crate::reply::Reply;
use crate::routes::Call;
use crate::rows::Rows;
use crate::shared::Shared;
use crate::text::{class_key, push_list, push_number, push_text};

/// What the caller wants to know of each example.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    /// Label and score of each class.
    Classes,
    /// The number of a regression.
    Number,
}

/// What was found for the examples.
#[derive(Debug)]
pub(crate) struct Scored {
    pub(crate) version: u32,
    /// Labels of the classes; none of a regression.
    pub(crate) labels: Vec<String>,
    /// For each example the scores of the classes, or one number.
    pub(crate) rows: Vec<Vec<f64>>,
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
    // Before the body is read: a model that is not there costs nothing.
    let snapshot = shared.engine.snapshot();
    let deployment = find_model(&snapshot, call.target)?;
    let _permit = shared.admit(deployment)?;
    let mut reader = Reader::new(call.body, shared.limits.json_depth)?;
    let request = ExamplesRequest::read(&mut reader, shared.limits.rows)?;
    reader.finish()?;
    let scored = score_examples(shared, call.target, &request, wanted, call.arrival).await?;
    let mut out = Vec::with_capacity(16 + scored.rows.len() * 48);
    out.extend_from_slice(b"{\"result\":");
    push_list(&mut out, &scored.rows, |out, values| match wanted {
        Wanted::Number => push_number(out, values[0]),
        Wanted::Classes => push_list(out, scored.labels.iter().zip(values), |out, pair| {
            out.push(b'[');
            push_text(out, pair.0);
            out.push(b',');
            push_number(out, *pair.1);
            out.push(b']');
        }),
    });
    out.push(b'}');
    Ok(Reply::json(out))
}

/// Choose the variant and score the examples. The caller holds a permit of `Engine::admit`.
pub(crate) async fn score_examples(
    shared: &Shared,
    target: Target<'_>,
    request: &ExamplesRequest<'_>,
    wanted: Wanted,
    arrival: Arrival,
) -> Result<Scored, ApiError> {
    let snapshot = shared.engine.snapshot();
    let deployment = find_model(&snapshot, target)?;
    let turn = request.turn(shared, deployment, target);
    let variant = &deployment.variants[turn.choice.variant];
    let servable = &variant.servable;
    wanted.check(servable)?;
    let texts = request.compose(servable.is_tensor())?;
    let rows = Rows::of_texts(&texts, shared.limits.json_depth, false)?;
    let answer = score_turn(shared, deployment, &turn, &rows, arrival).await?;
    let read = |row| {
        let mut values = Vec::with_capacity(servable.classes().len().max(1));
        match wanted {
            Wanted::Number => values.push(answer.row(row).first().copied().unwrap_or(f64::NAN)),
            Wanted::Classes => extend_with_values(&mut values, servable, answer.row(row)),
        }
        values
    };
    Ok(Scored {
        version: variant.spec.version,
        labels: servable.classes().iter().map(class_key).collect(),
        rows: (0..texts.len()).map(read).collect(),
    })
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
}

/// About how long a number or a word is in JSON.
const NUMBER_BYTES: usize = 16;

/// A feature: one value, or a list of them.
#[derive(Debug)]
pub(crate) struct Feature<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) values: Vec<Scalar<'a>>,
    pub(crate) is_list: bool,
}

impl Feature<'_> {
    /// About how long its JSON is.
    fn bytes(&self) -> usize {
        let value = |value: &Scalar<'_>| match value {
            Scalar::Text(text) => text.len(),
            _ => NUMBER_BYTES,
        };
        self.name.len() + self.values.iter().map(value).sum::<usize>()
    }
}

/// The features of an example, each name once.
pub(crate) type Features<'a> = Vec<Feature<'a>>;

/// Examples, features that all of them share, and the unit they belong to.
#[derive(Debug, Default)]
pub(crate) struct ExamplesRequest<'a> {
    pub(crate) context: Features<'a>,
    pub(crate) examples: Vec<Features<'a>>,
    pub(crate) unit: Option<Cow<'a, str>>,
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
    fn compose(&self, is_tensor: bool) -> Result<Vec<Cow<'a, [u8]>>, ApiError> {
        let context_bytes = self.context.iter().map(Feature::bytes).sum();
        check_repeated(context_bytes, self.examples.len())?;
        let write = |example: &Features<'a>| {
            let mut given = HashSet::new();
            if !self.context.is_empty() {
                given.extend(example.iter().map(|feature| feature.name.as_ref()));
            }
            let context = self.context.iter();
            let added = context.filter(|feature| !given.contains(feature.name.as_ref()));
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
        Ok(self.examples.iter().map(write).collect())
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
