//! `transform.json` as it is written, and its translation into a checked [`Transform`].

use std::collections::HashMap;

use serde::Deserialize;

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
}

impl Document {
    pub(super) fn compile(self) -> Result<Transform, FeatureError> {
        if self.format != 1 {
            return Err(FeatureError::Transform(format!(
                "format {}, this version reads 1",
                self.format
            )));
        }
        let mut places = HashMap::new();
        for (index, input) in self.inputs.iter().enumerate() {
            if places.insert(input.name.as_str(), index).is_some() {
                return Err(FeatureError::Transform(format!(
                    "the input {:?} is listed twice",
                    input.name
                )));
            }
        }
        let column_of = |output: &Output| {
            places
                .get(output.column.as_str())
                .copied()
                .ok_or_else(|| output.wrong("reads a column that is no input"))
        };
        let mut columns: Vec<ColumnPlan> = self
            .inputs
            .iter()
            .map(|input| ColumnPlan::new(input.kind))
            .collect();
        for output in &self.outputs {
            columns[column_of(output)?].learn_levels(output);
        }
        for plan in &mut columns {
            plan.null_code = plan.code("");
        }
        for (place, output) in self.outputs.iter().enumerate() {
            let plan = &mut columns[column_of(output)?];
            let operation = output.operation(plan)?;
            plan.outputs.push((place, operation));
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
        })
    }
}

impl ColumnPlan {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            dictionary: HashMap::new(),
            null_code: UNSEEN,
            outputs: Vec::new(),
        }
    }

    fn learn_levels(&mut self, output: &Output) {
        for level in output.levels.iter().flatten().chain(&output.level) {
            let code = self.dictionary.len() as u32;
            self.dictionary.entry(level.as_str().into()).or_insert(code);
        }
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

    fn operation(&self, plan: &ColumnPlan) -> Result<Operation, FeatureError> {
        let is_numeric = matches!(plan.kind, Kind::Number | Kind::Integer | Kind::Boolean);
        let has_levels = matches!(plan.kind, Kind::String | Kind::Integer | Kind::Boolean);
        let fits = match self.op {
            OperationName::Number | OperationName::Scale => is_numeric,
            OperationName::Level | OperationName::Onehot | OperationName::Target => has_levels,
            OperationName::Time => plan.kind == Kind::Timestamp,
            OperationName::Isnull => true,
        };
        if !fits {
            return Err(self.wrong(&format!("cannot be computed from a {}", plan.kind.word())));
        }
        match self.op {
            OperationName::Number => Ok(Operation::Number),
            OperationName::Isnull => Ok(Operation::IsNull),
            OperationName::Onehot => {
                let level: String = self.need(self.level.as_ref(), "level")?;
                Ok(Operation::OneHot {
                    code: plan.code(&level),
                })
            }
            OperationName::Level => {
                let levels: Vec<String> = self.need(self.levels.as_ref(), "levels")?;
                let values: Vec<f64> = (0..levels.len()).map(|index| index as f64).collect();
                self.table(plan, &levels, &values, -1.0)
            }
            OperationName::Target => {
                let levels: Vec<String> = self.need(self.levels.as_ref(), "levels")?;
                let values: Vec<f64> = self.need(self.values.as_ref(), "values")?;
                self.table(
                    plan,
                    &levels,
                    &values,
                    self.need(self.default.as_ref(), "default")?,
                )
            }
            OperationName::Scale => Ok(Operation::Scale(self.scaling()?)),
            OperationName::Time => {
                let is_scaled = self.fill.is_some() || self.mean.is_some() || self.scale.is_some();
                let scaling = if is_scaled {
                    Some(self.scaling()?)
                } else {
                    None
                };
                Ok(Operation::Time {
                    part: self.need(self.part.as_ref(), "part")?,
                    scaling,
                })
            }
        }
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
