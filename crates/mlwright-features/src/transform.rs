//! The fitted transform: raw values of a row or of whole columns to the numbers a model reads.
//!
//! Each input column is read once into a [`Reading`] (its number, its moment, the code of its text in the column's
//! dictionary), and each output computes one number from a reading, or from those of two columns ([`pairs`]). Rows
//! and columns share that code, so batch and online results are the same bits. The dictionary of a column holds every level that any of its outputs lists;
//! null counts as the level "".

use std::collections::HashMap;

use crate::cell::{Cell, ColumnSlice, Kind};
use crate::error::FeatureError;
use crate::text::ShortText;
use crate::time::TimePart;
use crate::transform::document::Document;
use crate::transform::pairs::Pair;
use crate::transform::texts::{TextPlan, TextScratch};

mod document;
mod pairs;
mod text_document;
mod texts;

/// Outputs that are computed before the next rows are: as many as a cache near the processor holds.
const NUMBERS_AT_ONCE: usize = 32_768;
const FEWEST_AT_ONCE: usize = 8;

/// The largest float32.
const LARGEST: f64 = f32::MAX as f64;

/// The dictionary code of a text that no output lists.
const UNSEEN: u32 = u32::MAX;

/// One raw column that the transform reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Name of the column.
    pub name: String,
    /// Type of its values.
    pub kind: Kind,
}

/// A fitted transform.
///
/// ```
/// use mlwright_features::{Cell, Transform};
/// let json = br#"{"format":1,"inputs":[{"name":"shop","type":"string"}],"outputs":[
///     {"name":"shop=b","op":"onehot","column":"shop","level":"b"},
///     {"name":"shop","op":"level","column":"shop","levels":["a","b"]}]}"#;
/// let transform = Transform::from_json(json).unwrap();
/// let mut out = [0.0; 2];
/// transform.apply_row(&[Cell::Text("b")], &mut out).unwrap();
/// assert_eq!(out, [1.0, 1.0]);
/// ```
#[derive(Debug)]
pub struct Transform {
    inputs: Vec<Input>,
    output_names: Vec<String>,
    columns: Vec<ColumnPlan>,
    pairs: Vec<Pair>,
    /// Whether outputs are rounded to float32.
    is_rounded: bool,
}

/// What is computed from one input column.
#[derive(Debug)]
struct ColumnPlan {
    kind: Kind,
    dictionary: HashMap<Box<str>, u32>,
    null_code: u32,
    /// Place among the outputs and how to compute it.
    outputs: Vec<(usize, Operation)>,
    texts: Vec<TextPlan>,
}

#[derive(Debug)]
enum Operation {
    Number,
    IsNull,
    /// 1 for one code, else 0.
    OneHot {
        code: u32,
    },
    /// A value per code, and one for the rest.
    Table {
        values: Box<[f64]>,
        rest: f64,
    },
    Scale(Scaling),
    Time {
        part: TimePart,
        scaling: Option<Scaling>,
    },
}

#[derive(Debug, Clone, Copy)]
struct Scaling {
    fill: f64,
    mean: f64,
    scale: f64,
}

impl Scaling {
    fn of(self, value: f64) -> f64 {
        let value = if value.is_finite() { value } else { self.fill };
        (value - self.mean) / self.scale
    }
}

/// A value as the operations see it.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// NaN for null and for texts.
    number: f64,
    time: Option<i64>,
    code: u32,
    is_null: bool,
}

impl Operation {
    fn value(&self, reading: &Reading) -> f64 {
        match self {
            Self::Number => reading.number,
            Self::IsNull => f64::from(u8::from(reading.is_null)),
            Self::OneHot { code } => f64::from(u8::from(*code == reading.code)),
            Self::Table { values, rest } => {
                values.get(reading.code as usize).copied().unwrap_or(*rest)
            }
            Self::Scale(scaling) => scaling.of(reading.number),
            Self::Time { part, scaling } => {
                let value = reading.time.map_or(f64::NAN, |micros| part.of(micros));
                scaling.map_or(value, |scaling| scaling.of(value))
            }
        }
    }
}

impl ColumnPlan {
    fn code(&self, text: &str) -> u32 {
        self.dictionary.get(text).copied().unwrap_or(UNSEEN)
    }

    fn null(&self) -> Reading {
        Reading {
            number: f64::NAN,
            time: None,
            code: self.null_code,
            is_null: true,
        }
    }

    fn number(&self, value: f64) -> Reading {
        if value.is_nan() {
            return self.null();
        }
        let code = if self.dictionary.is_empty() {
            UNSEEN
        } else if self.kind == Kind::Boolean {
            self.code(if value == 0.0 { "false" } else { "true" })
        } else {
            self.code(ShortText::of_number(value).as_str())
        };
        Reading {
            number: value,
            time: None,
            code,
            is_null: false,
        }
    }

    /// The text of a string column, or of an integer or boolean column whose values were written out.
    fn text(&self, text: &str) -> Reading {
        let number = match self.kind {
            Kind::Number | Kind::Integer => text.parse().unwrap_or(f64::NAN),
            Kind::Boolean => match text {
                "true" => 1.0,
                "false" => 0.0,
                _ => f64::NAN,
            },
            Kind::String | Kind::Timestamp => f64::NAN,
        };
        Reading {
            number,
            time: None,
            code: self.code(text),
            is_null: false,
        }
    }

    fn time(&self, micros: i64) -> Reading {
        if micros == ColumnSlice::NULL_TIME {
            return self.null();
        }
        Reading {
            number: f64::NAN,
            time: Some(micros),
            code: UNSEEN,
            is_null: false,
        }
    }

    fn read_cell(&self, cell: Cell<'_>) -> Option<Reading> {
        match (self.kind, cell) {
            (_, Cell::Null) => Some(self.null()),
            (Kind::Number | Kind::Integer | Kind::Boolean, Cell::Number(value)) => {
                Some(self.number(value))
            }
            (Kind::String, Cell::Text(text)) => Some(self.text(text)),
            (Kind::Timestamp, Cell::Time(micros)) => Some(self.time(micros)),
            (_, Cell::Number(_) | Cell::Text(_) | Cell::Time(_)) => None,
        }
    }

    fn fill(&self, readings: impl Iterator<Item = Reading>, width: usize, out: &mut [f64]) {
        for (reading, row) in readings.zip(out.chunks_exact_mut(width)) {
            for (place, operation) in &self.outputs {
                row[*place] = operation.value(&reading);
            }
        }
    }

    /// Put the outputs of rows from `first` on into `out`, as many as it has room for.
    fn fill_from(&self, first: usize, readings: &Readings<'_>, width: usize, out: &mut [f64]) {
        match readings {
            Readings::Number(values) => {
                let values = &values[first..];
                self.fill(values.iter().map(|value| self.number(*value)), width, out);
            }
            Readings::Time(values) => {
                let values = &values[first..];
                self.fill(values.iter().map(|micros| self.time(*micros)), width, out);
            }
            Readings::Text { codes, known } => {
                let null = self.null();
                let reading = |code: &u32| known.get(*code as usize).copied().unwrap_or(null);
                self.fill(codes[first..].iter().map(reading), width, out);
            }
        }
    }
}

/// A whole column, ready to be read row by row.
enum Readings<'a> {
    Number(&'a [f64]),
    Time(&'a [i64]),
    Text {
        codes: &'a [u32],
        /// The reading of each level; another code is null.
        known: Vec<Reading>,
    },
}

impl Readings<'_> {
    fn at(&self, plan: &ColumnPlan, row: usize) -> Reading {
        match self {
            Self::Number(values) => plan.number(values[row]),
            Self::Time(values) => plan.time(values[row]),
            Self::Text { codes, known } => known
                .get(codes[row] as usize)
                .copied()
                .unwrap_or(plan.null()),
        }
    }
}

impl Transform {
    /// Read and check a transform document (`transform.json`, format 1).
    ///
    /// # Errors
    /// [`FeatureError::Transform`] says what is wrong.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FeatureError> {
        let document: Document =
            serde_json::from_slice(bytes).map_err(|e| FeatureError::Transform(e.to_string()))?;
        document.compile()
    }

    /// The columns it reads, in the order of the cells.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Number of outputs per row.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.output_names.len()
    }

    /// Names of the outputs, in order.
    #[must_use]
    pub fn output_names(&self) -> &[String] {
        &self.output_names
    }

    /// Transform one row: one cell per input, one number per output. Only the terms of sentences need memory.
    ///
    /// # Errors
    /// [`FeatureError::Shape`] when a slice has another length or a cell another kind than its column.
    pub fn apply_row(&self, cells: &[Cell<'_>], out: &mut [f64]) -> Result<(), FeatureError> {
        if cells.len() != self.columns.len() || out.len() != self.outputs() {
            return Err(FeatureError::Shape(format!(
                "{} cells and {} outputs, the transform has {} and {}",
                cells.len(),
                out.len(),
                self.columns.len(),
                self.outputs()
            )));
        }
        let mut scratch = TextScratch::default();
        for (index, (plan, cell)) in self.columns.iter().zip(cells).enumerate() {
            let reading = plan
                .read_cell(*cell)
                .ok_or_else(|| self.wrong_kind(index))?;
            for (place, operation) in &plan.outputs {
                out[*place] = operation.value(&reading);
            }
            for text in &plan.texts {
                let said = if let Cell::Text(said) = *cell {
                    said
                } else {
                    ""
                };
                text.put(said, &mut scratch, out);
            }
        }
        for pair in &self.pairs {
            let read = |index: usize| {
                self.columns[index]
                    .read_cell(cells[index])
                    .ok_or_else(|| self.wrong_kind(index))
            };
            out[pair.place] = pair.value(&read(pair.left)?, &read(pair.right)?);
        }
        self.round(out);
        Ok(())
    }

    /// Transform whole columns, in the order of the inputs, into row-major numbers.
    ///
    /// # Errors
    /// [`FeatureError::Shape`] when a column has another length or kind, or a code has no level.
    pub fn apply_columns(
        &self,
        columns: &[ColumnSlice<'_>],
        rows: usize,
        out: &mut [f64],
    ) -> Result<(), FeatureError> {
        let width = self.outputs();
        if columns.len() != self.columns.len() || Some(out.len()) != rows.checked_mul(width) {
            return Err(FeatureError::Shape(format!(
                "{} columns into {} numbers, the transform needs {} into {rows} rows of {width}",
                columns.len(),
                out.len(),
                self.columns.len(),
            )));
        }
        let readings = self.readings(columns, rows)?;
        if width == 0 {
            return Ok(());
        }
        let rows_at_once = (NUMBERS_AT_ONCE / width).max(FEWEST_AT_ONCE);
        for (block, out) in out.chunks_mut(rows_at_once * width).enumerate() {
            for (plan, readings) in self.columns.iter().zip(&readings) {
                plan.fill_from(block * rows_at_once, readings, width, out);
            }
        }
        for (plan, column) in self.columns.iter().zip(columns) {
            for text in &plan.texts {
                if let ColumnSlice::Text { codes, levels } = column {
                    text.put_column(codes, levels, width, out);
                }
            }
        }
        for pair in &self.pairs {
            let (left, right) = (&readings[pair.left], &readings[pair.right]);
            for (row, out) in out.chunks_exact_mut(width).enumerate() {
                out[pair.place] = pair.value(
                    &left.at(&self.columns[pair.left], row),
                    &right.at(&self.columns[pair.right], row),
                );
            }
        }
        self.round(out);
        Ok(())
    }

    /// Round to float32; what is beyond its range, infinity too, becomes its largest number, so that finite stays
    /// finite.
    fn round(&self, out: &mut [f64]) {
        if self.is_rounded {
            for value in out {
                *value = f64::from(value.clamp(-LARGEST, LARGEST) as f32);
            }
        }
    }

    fn readings<'a>(
        &self,
        columns: &[ColumnSlice<'a>],
        rows: usize,
    ) -> Result<Vec<Readings<'a>>, FeatureError> {
        let mut readings = Vec::with_capacity(columns.len());
        for (index, (plan, column)) in self.columns.iter().zip(columns).enumerate() {
            if column.len() != rows {
                let name = &self.inputs[index].name;
                return Err(FeatureError::Shape(format!(
                    "column {name:?} has {} rows, not {rows}",
                    column.len()
                )));
            }
            readings.push(self.column_readings(index, plan, column)?);
        }
        Ok(readings)
    }

    fn column_readings<'a>(
        &self,
        index: usize,
        plan: &ColumnPlan,
        column: &ColumnSlice<'a>,
    ) -> Result<Readings<'a>, FeatureError> {
        match (plan.kind, *column) {
            (Kind::Number | Kind::Integer | Kind::Boolean, ColumnSlice::Number(values)) => {
                Ok(Readings::Number(values))
            }
            (Kind::Timestamp, ColumnSlice::Time(values)) => Ok(Readings::Time(values)),
            (Kind::String | Kind::Integer | Kind::Boolean, ColumnSlice::Text { codes, levels }) => {
                let known: Vec<Reading> = levels.iter().map(|level| plan.text(level)).collect();
                let is_code =
                    |code: u32| code == ColumnSlice::NULL_CODE || (code as usize) < known.len();
                if let Some(code) = codes.iter().find(|code| !is_code(**code)) {
                    let name = &self.inputs[index].name;
                    return Err(FeatureError::Shape(format!(
                        "column {name:?} has the code {code} and {} levels",
                        known.len()
                    )));
                }
                Ok(Readings::Text { codes, known })
            }
            (_, ColumnSlice::Number(_) | ColumnSlice::Time(_) | ColumnSlice::Text { .. }) => {
                Err(self.wrong_kind(index))
            }
        }
    }

    fn wrong_kind(&self, index: usize) -> FeatureError {
        let Input { name, kind } = &self.inputs[index];
        FeatureError::Shape(format!(
            "the value of column {name:?} is not of its type {}",
            kind.word()
        ))
    }
}

#[cfg(test)]
mod tests;
