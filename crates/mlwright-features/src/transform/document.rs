//! `transform.json` as it is written, and its translation into a checked [`Transform`].

use std::collections::HashMap;

use serde::Deserialize;

use super::pairs::{Pair, PairOperation};
use super::text_document::TextDocument;
use super::texts::{TextOperation, TextPlan};
use super::{ColumnPlan, Input, Operation, Scaling, Transform, UNSEEN};
use crate::cell::Kind;
use crate::error::FeatureError;
use crate::time::TimePart;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    format: u32,
    inputs: Vec<InputDocument>,
    outputs: Vec<Output>,
    rounding: Option<Rounding>,
    #[serde(default)]
    texts: Vec<TextDocument>,
}

/// What outputs are rounded to.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Rounding {
    Float32,
}

#[derive(Deserialize)]
struct InputDocument {
    name: String,
    #[serde(rename = "type")]
    kind: Kind,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum OperationName {
    Number,
    Level,
    Onehot,
    Target,
    Scale,
    Isnull,
    Time,
    Age,
    Ratio,
    Difference,
    Cross,
    Text,
    Term,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Output {
    name: String,
    op: OperationName,
    column: String,
    levels: Option<Vec<String>>,
    level: Option<String>,
    values: Option<Vec<f64>>,
    default: Option<f64>,
    fill: Option<f64>,
    mean: Option<f64>,
    scale: Option<f64>,
    part: Option<TimePart>,
    by: Option<String>,
    pairs: Option<Vec<(String, String)>>,
    text: Option<String>,
    term: Option<String>,
    weights: Option<Vec<f64>>,
}

impl Document {
    pub(super) fn compile(self) -> Result<Transform, FeatureError> {
        if self.format != 1 {
            return Err(FeatureError::Transform(format!(
                "format {}, this version reads 1",
                self.format
            )));
        }
        let places = self.input_places()?;
        let place_of = |output: &Output, column: &str| {
            places
                .get(column)
                .copied()
                .ok_or_else(|| output.wrong("reads a column that is no input"))
        };
        let column_of = |output: &Output| place_of(output, &output.column);
        let mut columns: Vec<ColumnPlan> = self
            .inputs
            .iter()
            .map(|input| ColumnPlan::new(input.kind))
            .collect();
        let text_places = self.compile_texts(&places, &mut columns)?;
        for output in &self.outputs {
            columns[column_of(output)?].learn_levels(output);
            if let (Some(by), Some(pairs)) = (&output.by, &output.pairs) {
                let (left, right) = (column_of(output)?, place_of(output, by)?);
                for (first, second) in pairs {
                    columns[left].learn_level(first);
                    columns[right].learn_level(second);
                }
            }
        }
        for plan in &mut columns {
            plan.null_code = plan.code("");
        }
        let mut pairs = Vec::new();
        for (place, output) in self.outputs.iter().enumerate() {
            let left = column_of(output)?;
            match output.step(&columns[left])? {
                Step::Alone(operation) => columns[left].outputs.push((place, operation)),
                Step::Text => {
                    let name: String = output.need(output.text.as_ref(), "text")?;
                    let (_, at) = text_places
                        .get(name.as_str())
                        .filter(|(column, _)| *column == output.column)
                        .ok_or_else(|| output.wrong(&format!("reads no terms {name:?}")))?;
                    let text = &mut columns[left].texts[*at];
                    let operation = output.text_operation(text)?;
                    text.outputs.push((place, operation));
                }
                Step::Pair(name) => {
                    let by: String = output.need(output.by.as_ref(), "by")?;
                    let right = place_of(output, &by)?;
                    pairs.push(output.pair(name, place, (left, right), &columns)?);
                }
            }
        }
        let inputs = self
            .inputs
            .into_iter()
            .map(|i| Input {
                name: i.name,
                kind: i.kind,
            })
            .collect();
        let output_names = self.outputs.into_iter().map(|output| output.name).collect();
        Ok(Transform {
            inputs,
            output_names,
            columns,
            pairs,
            is_rounded: matches!(self.rounding, Some(Rounding::Float32)),
        })
    }

    fn input_places(&self) -> Result<HashMap<&str, usize>, FeatureError> {
        let mut places = HashMap::new();
        for (index, input) in self.inputs.iter().enumerate() {
            if places.insert(input.name.as_str(), index).is_some() {
                return Err(FeatureError::Transform(format!(
                    "the input {:?} is listed twice",
                    input.name
                )));
            }
        }
        Ok(places)
    }

    /// Put terms to their columns; give for each name the column and the place among the column's texts.
    fn compile_texts<'a>(
        &'a self,
        places: &HashMap<&str, usize>,
        columns: &mut [ColumnPlan],
    ) -> Result<HashMap<&'a str, (&'a str, usize)>, FeatureError> {
        let mut text_places = HashMap::new();
        for text in &self.texts {
            let plan = places.get(text.column.as_str());
            let plan = plan.map(|place| &mut columns[*place]);
            let plan = plan.filter(|plan| plan.kind == Kind::String);
            let plan = plan.ok_or_else(|| text.wrong("reads a column that is no text input"))?;
            plan.texts.push(text.compile()?);
            let place = (text.column.as_str(), plan.texts.len() - 1);
            if text_places.insert(text.name.as_str(), place).is_some() {
                return Err(text.wrong("is listed twice"));
            }
        }
        Ok(text_places)
    }
}

/// What an output is computed from.
enum Step {
    Alone(Operation),
    Pair(PairName),
    Text,
}

#[derive(Clone, Copy)]
enum PairName {
    Age,
    Ratio,
    Difference,
    Cross,
}

impl ColumnPlan {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            dictionary: HashMap::new(),
            texts: Vec::new(),
            null_code: UNSEEN,
            outputs: Vec::new(),
        }
    }

    fn learn_levels(&mut self, output: &Output) {
        for level in output.levels.iter().flatten().chain(&output.level) {
            self.learn_level(level);
        }
    }

    fn learn_level(&mut self, level: &str) {
        let code = self.dictionary.len() as u32;
        self.dictionary.entry(level.into()).or_insert(code);
    }
}

impl Output {
    fn wrong(&self, what: &str) -> FeatureError {
        FeatureError::Transform(format!(
            "output {:?} (column {:?}) {what}",
            self.name, self.column
        ))
    }

    fn need<T: Clone>(&self, value: Option<&T>, key: &str) -> Result<T, FeatureError> {
        value
            .cloned()
            .ok_or_else(|| self.wrong(&format!("has no {key:?}")))
    }

    fn check_kind(&self, kind: Kind) -> Result<(), FeatureError> {
        let fits = match self.op {
            OperationName::Number
            | OperationName::Scale
            | OperationName::Ratio
            | OperationName::Difference => {
                matches!(kind, Kind::Number | Kind::Integer | Kind::Boolean)
            }
            OperationName::Level
            | OperationName::Onehot
            | OperationName::Target
            | OperationName::Cross => {
                matches!(kind, Kind::String | Kind::Integer | Kind::Boolean)
            }
            OperationName::Time | OperationName::Age => kind == Kind::Timestamp,
            OperationName::Text | OperationName::Term => kind == Kind::String,
            OperationName::Isnull => true,
        };
        if fits {
            Ok(())
        } else {
            Err(self.wrong(&format!("cannot be computed from a {}", kind.word())))
        }
    }

    fn step(&self, plan: &ColumnPlan) -> Result<Step, FeatureError> {
        self.check_kind(plan.kind)?;
        let operation = match self.op {
            OperationName::Number => Operation::Number,
            OperationName::Isnull => Operation::IsNull,
            OperationName::Onehot => {
                let level: String = self.need(self.level.as_ref(), "level")?;
                Operation::OneHot {
                    code: plan.code(&level),
                }
            }
            OperationName::Level => {
                let levels: Vec<String> = self.need(self.levels.as_ref(), "levels")?;
                let values: Vec<f64> = (0..levels.len()).map(|index| index as f64).collect();
                self.table(plan, &levels, &values, -1.0)?
            }
            OperationName::Target => {
                let levels: Vec<String> = self.need(self.levels.as_ref(), "levels")?;
                let values: Vec<f64> = self.need(self.values.as_ref(), "values")?;
                let rest = self.need(self.default.as_ref(), "default")?;
                self.table(plan, &levels, &values, rest)?
            }
            OperationName::Scale => Operation::Scale(self.scaling()?),
            OperationName::Time => Operation::Time {
                part: self.need(self.part.as_ref(), "part")?,
                scaling: self.optional_scaling()?,
            },
            OperationName::Age => return Ok(Step::Pair(PairName::Age)),
            OperationName::Ratio => return Ok(Step::Pair(PairName::Ratio)),
            OperationName::Difference => return Ok(Step::Pair(PairName::Difference)),
            OperationName::Cross => return Ok(Step::Pair(PairName::Cross)),
            OperationName::Text | OperationName::Term => return Ok(Step::Text),
        };
        Ok(Step::Alone(operation))
    }

    fn pair(
        &self,
        name: PairName,
        place: usize,
        (left, right): (usize, usize),
        columns: &[ColumnPlan],
    ) -> Result<Pair, FeatureError> {
        self.check_kind(columns[right].kind)?;
        let operation = match name {
            PairName::Age => PairOperation::Age,
            PairName::Ratio => PairOperation::Ratio,
            PairName::Difference => PairOperation::Difference,
            PairName::Cross => self.cross(&columns[left], &columns[right])?,
        };
        Ok(Pair {
            place,
            left,
            right,
            operation,
            scaling: self.optional_scaling()?,
        })
    }

    fn cross(&self, left: &ColumnPlan, right: &ColumnPlan) -> Result<PairOperation, FeatureError> {
        let pairs: Vec<(String, String)> = self.need(self.pairs.as_ref(), "pairs")?;
        let numbers: Vec<f64> = self.need(self.values.as_ref(), "values")?;
        if pairs.len() != numbers.len() {
            return Err(self.wrong(&format!(
                "has {} pairs and {} values",
                pairs.len(),
                numbers.len()
            )));
        }
        let mut values = HashMap::with_capacity(pairs.len());
        for ((first, second), number) in pairs.iter().zip(numbers) {
            if values
                .insert((left.code(first), right.code(second)), number)
                .is_some()
            {
                return Err(self.wrong(&format!("lists the pair {first:?}, {second:?} twice")));
            }
        }
        Ok(PairOperation::Cross {
            values,
            rest: self.need(self.default.as_ref(), "default")?,
        })
    }

    fn text_operation(&self, text: &TextPlan) -> Result<TextOperation, FeatureError> {
        if self.op == OperationName::Term {
            let term: String = self.need(self.term.as_ref(), "term")?;
            let id = text.terms.get(term.as_str()).copied();
            let id = id.ok_or_else(|| self.wrong(&format!("reads the unknown term {term:?}")))?;
            return Ok(TextOperation::Term { id });
        }
        let weights: Vec<f64> = self.need(self.weights.as_ref(), "weights")?;
        if weights.len() != text.idf.len() {
            return Err(self.wrong(&format!(
                "has {} weights for {} terms",
                weights.len(),
                text.idf.len()
            )));
        }
        Ok(TextOperation::Sum {
            weights: weights.into(),
            start: self.need(self.default.as_ref(), "default")?,
        })
    }

    fn table(
        &self,
        plan: &ColumnPlan,
        levels: &[String],
        values: &[f64],
        rest: f64,
    ) -> Result<Operation, FeatureError> {
        if levels.len() != values.len() {
            return Err(self.wrong(&format!(
                "has {} levels and {} values",
                levels.len(),
                values.len()
            )));
        }
        let mut by_code = vec![rest; plan.dictionary.len()];
        let mut is_listed = vec![false; plan.dictionary.len()];
        for (level, value) in levels.iter().zip(values) {
            let code = plan.code(level) as usize;
            if std::mem::replace(&mut is_listed[code], true) {
                return Err(self.wrong(&format!("lists the level {level:?} twice")));
            }
            by_code[code] = *value;
        }
        Ok(Operation::Table {
            values: by_code.into(),
            rest,
        })
    }

    fn optional_scaling(&self) -> Result<Option<Scaling>, FeatureError> {
        let is_scaled = self.fill.is_some() || self.mean.is_some() || self.scale.is_some();
        if is_scaled {
            self.scaling().map(Some)
        } else {
            Ok(None)
        }
    }

    fn scaling(&self) -> Result<Scaling, FeatureError> {
        let scaling = Scaling {
            fill: self.need(self.fill.as_ref(), "fill")?,
            mean: self.need(self.mean.as_ref(), "mean")?,
            scale: self.need(self.scale.as_ref(), "scale")?,
        };
        if scaling.scale == 0.0 {
            return Err(self.wrong("has the scale 0"));
        }
        Ok(scaling)
    }
}
