//! Tensors in, tensors out, whatever protocol they travel in: a decoder makes an [`InferRequest`], [`infer_tensors`] answers
//! it, a renderer writes the [`InferAnswer`].

use std::borrow::Cow;

use mlwright_onnx::{OnnxError, OnnxModel, Tensor, TensorData};
use mlwright_package::Class;
use mlwright_serve::{
    Answer, Arrival, Deployment, Inputs, PredictionId, Question, Raw, Servable, ServeError, Variant,
};

use crate::columnar::{NamedValues, bare_matrix, compose, count_rows, numbers_of, unit_of_columns};
use crate::errors::ApiError;
use crate::paths::Target;
use crate::predict::{Turn, score_turn};
use crate::rows::Rows;
use crate::shared::Shared;
use crate::tensor_values::{Datatype, GivenTensor, to_onnx};
use crate::text::class_key;

/// An inference request; decoders have checked that values, datatypes and shapes agree.
#[derive(Debug, Default)]
pub(crate) struct InferRequest<'a> {
    /// The caller's name for the request, given back.
    pub(crate) id: Option<Cow<'a, str>>,
    /// The inputs, each name once.
    pub(crate) tensors: Vec<GivenTensor<'a>>,
    /// The outputs that are wanted; none means all.
    pub(crate) wanted: Vec<WantedOutput<'a>>,
    /// Whether outputs go back as raw bytes unless they say otherwise.
    pub(crate) is_binary: bool,
}

impl InferRequest<'_> {
    /// Whether an output of the answer goes back as raw bytes.
    pub(crate) fn is_binary(&self, place: usize) -> bool {
        let wanted = self.wanted.get(place);
        wanted
            .and_then(|output| output.is_binary)
            .unwrap_or(self.is_binary)
    }
}

/// An output that the caller names.
#[derive(Debug, Default)]
pub(crate) struct WantedOutput<'a> {
    pub(crate) name: Cow<'a, str>,
    /// Whether it goes back as raw bytes.
    pub(crate) is_binary: Option<bool>,
}

/// What a protocol tells the caller.
#[derive(Debug)]
pub(crate) struct InferAnswer<'r> {
    /// The name by which the model was asked.
    pub(crate) model: &'r str,
    pub(crate) version: u32,
    pub(crate) variant: &'r str,
    /// The caller's name for the request.
    pub(crate) id: Option<&'r str>,
    /// Id of the first row; those of the others follow it.
    pub(crate) first: PredictionId,
    pub(crate) rows: usize,
    /// The chosen outputs, in the order in which they were wanted.
    pub(crate) outputs: Vec<OutputTensor<'r>>,
}

/// A named output.
#[derive(Debug)]
pub(crate) struct OutputTensor<'r> {
    pub(crate) name: &'r str,
    pub(crate) tensor: Tensor,
}

impl InferAnswer<'_> {
    /// The ids under which the rows are in the prediction log.
    pub(crate) fn prediction_ids(&self) -> impl Iterator<Item = PredictionId> {
        let first = self.first;
        (0..self.rows).map(move |row| first.nth(row))
    }
}

/// Choose the variant, check the tensors, predict, log and count. The caller holds a permit of `Engine::admit`.
pub(crate) async fn infer_tensors<'r>(
    shared: &Shared,
    (deployment, target): (&'r Deployment, Target<'r>),
    request: &'r InferRequest<'_>,
    arrival: Arrival,
) -> Result<InferAnswer<'r>, ApiError> {
    let named: Vec<_> = request.tensors.iter().map(GivenTensor::named).collect();
    let rows = count_rows(&named, shared.limits.rows)?;
    let unit = unit_of_columns(deployment, &named);
    let turn = Turn::take(shared, deployment, target, unit, rows).named(request.id.as_deref());
    let variant = &deployment.variants[turn.choice.variant];
    let asked = Asked {
        shared,
        deployment,
        turn: &turn,
        request,
        rows,
        arrival,
    };
    let outputs = match variant.servable.onnx() {
        Some(graph) if variant.servable.is_tensor() => asked.run_graph(variant, graph).await?,
        Some(_) | None => asked.score_rows(variant, &named).await?,
    };
    Ok(InferAnswer {
        model: target.name,
        version: variant.spec.version,
        variant: &variant.spec.name,
        id: request.id.as_deref(),
        first: turn.ids,
        rows,
        outputs,
    })
}

/// A request that has its variant.
#[derive(Debug, Clone, Copy)]
struct Asked<'r, 'a> {
    shared: &'r Shared,
    deployment: &'r Deployment,
    turn: &'r Turn<'a>,
    request: &'r InferRequest<'a>,
    rows: usize,
    arrival: Arrival,
}

impl<'a> Asked<'_, 'a> {
    /// A model of rows: the tensors become rows, the rows' outputs become tensors.
    async fn score_rows<'d>(
        &self,
        variant: &'d Variant,
        named: &[NamedValues<'_, 'a>],
    ) -> Result<Vec<OutputTensor<'d>>, ApiError> {
        let servable = &variant.servable;
        let own = row_outputs(servable);
        let chosen = choose(own.len(), |place| own[place].name, &self.request.wanted)?;
        let texts;
        let composed = if let Some(numbers) = bare_matrix(named, servable, self.rows)? {
            Rows::of_numbers(numbers, self.rows)
        } else {
            texts = compose(named, servable, self.rows)?;
            match named {
                [matrix] if servable.is_tensor() => Rows::of_matrix(&texts, numbers_of(matrix)),
                _ => {
                    let is_single = named.iter().any(|values| values.is_single);
                    Rows::of_texts(&texts, self.shared.limits.json_depth, is_single)?
                }
            }
        };
        let answer = score_turn(
            self.shared,
            self.deployment,
            self.turn,
            &composed,
            self.arrival,
        )
        .await?;
        Ok(chosen
            .into_iter()
            .map(|place| own[place].fill(servable, &answer, self.rows))
            .collect())
    }

    /// A plain ONNX graph: its own tensors in, its outputs out.
    async fn run_graph<'d>(
        &self,
        variant: &'d Variant,
        graph: &'d OnnxModel,
    ) -> Result<Vec<OutputTensor<'d>>, ApiError> {
        let specs = &variant.servable.manifest().signature.outputs;
        let names: Vec<&str> = graph
            .output_specs()
            .iter()
            .map(|spec| spec.name.as_str())
            .filter(|name| specs.is_empty() || specs.iter().any(|spec| spec.name == *name))
            .collect();
        let chosen = choose(names.len(), |place| names[place], &self.request.wanted)?;
        let tensors = graph_tensors(graph, &self.request.tensors, self.rows)?;
        let question = Question {
            choice: self.turn.choice,
            ids: self.turn.ids,
            unit: self.turn.unit.as_deref(),
            inference_id: self.turn.inference_id,
            inputs: Inputs::Tensors {
                tensors: &tensors,
                rows: self.rows,
            },
            raw: Raw::Json(&[]),
            arrival: self.arrival,
        };
        let answer = self
            .shared
            .engine
            .answer(self.deployment, &question)
            .await
            .map_err(refused_by_graph)?;
        let mut given: Vec<_> = graph
            .output_specs()
            .iter()
            .zip(answer.tensors.into_iter().map(Some))
            .collect();
        let mut take = |name: &str| {
            let found = given.iter_mut().find(|(spec, _)| spec.name == name);
            found.and_then(|(_, tensor)| tensor.take())
        };
        chosen
            .into_iter()
            .map(|place| {
                let name = names[place];
                let tensor = take(name).ok_or(ApiError::Internal)?;
                Ok(OutputTensor { name, tensor })
            })
            .collect()
    }
}

/// An output of a model of rows: name, datatype, and the second dimension if there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowOutput<'s> {
    pub(crate) name: &'s str,
    pub(crate) datatype: Datatype,
    pub(crate) width: Option<usize>,
    kind: RowOutputKind,
}

#[derive(Debug, Clone, Copy)]
enum RowOutputKind {
    Class,
    Score,
    /// Probabilities of the classes, or the values of a regression.
    Values,
}

/// Outputs of a model of rows.
pub(crate) fn row_outputs(servable: &Servable) -> Vec<RowOutput<'_>> {
    let classes = servable.classes();
    let values = |name, width| RowOutput {
        name,
        datatype: Datatype::Fp64,
        width,
        kind: RowOutputKind::Values,
    };
    if servable.is_tensor() {
        let width = match classes.len() {
            0 => servable.outputs(),
            count => count,
        };
        let specs = &servable.manifest().signature.outputs;
        let first = specs.first();
        return first
            .map(|spec| values(spec.name.as_str(), Some(width)))
            .into_iter()
            .collect();
    }
    if classes.is_empty() {
        return vec![values("prediction", None)];
    }
    let mut outputs = vec![RowOutput {
        name: "prediction",
        datatype: Datatype::of_classes(classes),
        width: None,
        kind: RowOutputKind::Class,
    }];
    if classes.len() == 2 {
        outputs.push(RowOutput {
            kind: RowOutputKind::Score,
            ..values("score", None)
        });
    }
    outputs.push(values("probabilities", Some(classes.len())));
    outputs
}

impl<'s> RowOutput<'s> {
    fn fill(&self, servable: &Servable, answer: &Answer, rows: usize) -> OutputTensor<'s> {
        let data = match self.kind {
            RowOutputKind::Class => {
                let places = (0..rows).map(|row| answer.class_of(row).unwrap_or(0));
                class_data(servable.classes(), self.datatype, places)
            }
            RowOutputKind::Score => {
                let score = |row| servable.score(answer.row(row)).unwrap_or(f64::NAN);
                TensorData::Fp64((0..rows).map(score).collect())
            }
            RowOutputKind::Values => TensorData::Fp64(all_values(servable, answer, rows)),
        };
        let shape = match self.width {
            Some(width) => vec![rows, width],
            None => vec![rows],
        };
        OutputTensor {
            name: self.name,
            tensor: Tensor { shape, data },
        }
    }
}

/// The outputs of all rows.
fn all_values(servable: &Servable, answer: &Answer, rows: usize) -> Vec<f64> {
    let mut all = Vec::with_capacity(rows * servable.classes().len().max(1));
    for row in 0..rows {
        extend_with_values(&mut all, servable, answer.row(row));
    }
    all
}

/// Append the probabilities of all classes of a row, or the values of a regression.
pub(crate) fn extend_with_values(out: &mut Vec<f64>, servable: &Servable, values: &[f64]) {
    match values {
        [positive] if servable.classes().len() == 2 => out.extend([1.0 - positive, *positive]),
        values => out.extend_from_slice(values),
    }
}

/// The classes at some places, in the datatype that holds all classes.
fn class_data(
    classes: &[Class],
    datatype: Datatype,
    places: impl Iterator<Item = usize>,
) -> TensorData {
    let chosen = places.filter_map(|place| classes.get(place));
    match datatype {
        Datatype::Bool => {
            TensorData::Bool(chosen.map(|class| *class == Class::Boolean(true)).collect())
        }
        Datatype::Integer { .. } => TensorData::Int64(
            chosen
                .map(|class| match class {
                    Class::Integer(value) => *value,
                    Class::Boolean(_) | Class::Number(_) | Class::Text(_) => 0,
                })
                .collect(),
        ),
        Datatype::Fp32 | Datatype::Fp64 => TensorData::Fp64(
            chosen
                .map(|class| match class {
                    Class::Integer(value) => *value as f64,
                    Class::Number(value) => *value,
                    Class::Boolean(_) | Class::Text(_) => f64::NAN,
                })
                .collect(),
        ),
        Datatype::Bytes => TensorData::Bytes(chosen.map(class_key).collect()),
    }
}

/// Places of the wanted outputs among those that the model has.
fn choose<'n>(
    count: usize,
    name: impl Fn(usize) -> &'n str,
    wanted: &[WantedOutput<'_>],
) -> Result<Vec<usize>, ApiError> {
    if wanted.is_empty() {
        return Ok((0..count).collect());
    }
    let mut places = Vec::with_capacity(wanted.len().min(count));
    for WantedOutput { name: asked, .. } in wanted {
        let place = (0..count).find(|place| name(*place) == asked);
        let place =
            place.ok_or_else(|| ApiError::Shape(format!("the model has no output {asked:?}")))?;
        if places.contains(&place) {
            return Err(ApiError::Shape(format!(
                "the output {asked:?} is asked for twice"
            )));
        }
        places.push(place);
    }
    Ok(places)
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
