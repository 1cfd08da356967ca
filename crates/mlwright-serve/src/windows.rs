//! Counts of served inputs and scores in the cells that the package froze at training.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mlwright_features::{Cell, Input, Kind, Transform};
use mlwright_stats::cells::{LevelCells, NumericCells};
use serde::Deserialize;

use crate::{Servable, ServeError};

const FLUSH_ROWS: u64 = 5_000;
/// Name of the predictions among the columns of a window.
const SCORE: &str = "score";
const FLUSH_AFTER: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    columns: Vec<ReferenceColumn>,
    score: Option<ReferenceScore>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum ReferenceColumn {
    Number { name: String, edges: Vec<f64> },
    Level { name: String, levels: Vec<String> },
}

#[derive(Deserialize)]
struct ReferenceScore {
    edges: Vec<f64>,
}

#[derive(Debug)]
enum Cells {
    Number(NumericCells),
    Level(LevelCells),
    /// A boolean column: the places of false and of true.
    Flag {
        places: [usize; 2],
        null: usize,
        count: usize,
    },
}

#[derive(Debug)]
struct Column {
    name: String,
    /// Place of the input among the cells of a row.
    input: usize,
    cells: Cells,
    counts: Vec<AtomicU64>,
}

impl Column {
    /// None for a column that the model does not read.
    fn new(column: ReferenceColumn, inputs: &[Input]) -> Result<Option<Self>, ServeError> {
        let (ReferenceColumn::Number { name, .. } | ReferenceColumn::Level { name, .. }) = &column;
        let Some(input) = inputs.iter().position(|input| input.name == *name) else {
            return Ok(None);
        };
        let is_flag = inputs[input].kind == Kind::Boolean;
        let (name, cells) = match column {
            ReferenceColumn::Number { name, edges } => (name, Cells::Number(numeric(&edges)?)),
            ReferenceColumn::Level { name, levels } => {
                let cells = LevelCells::new(&levels);
                let cells = if is_flag {
                    flags(&cells)
                } else {
                    Cells::Level(cells)
                };
                (name, cells)
            }
        };
        let count = match &cells {
            Cells::Number(cells) => cells.count(),
            Cells::Level(cells) => cells.count(),
            Cells::Flag { count, .. } => *count,
        };
        Ok(Some(Self {
            name,
            input,
            cells,
            counts: zeros(count),
        }))
    }

    fn place(&self, cell: Cell<'_>) -> usize {
        match (&self.cells, cell) {
            (Cells::Number(cells), Cell::Number(value)) => cells.index(value),
            (Cells::Number(cells), Cell::Time(micros)) => cells.index(micros as f64),
            (Cells::Number(cells), Cell::Null | Cell::Text(_)) => cells.index(f64::NAN),
            (Cells::Level(cells), Cell::Text(text)) => cells.index(Some(text)),
            (Cells::Level(cells), Cell::Number(value)) => level_of_number(cells, value),
            (Cells::Level(cells), Cell::Null | Cell::Time(_)) => cells.index(None),
            (Cells::Flag { places, .. }, Cell::Number(value)) if !value.is_nan() => {
                places[usize::from(value != 0.0)]
            }
            (Cells::Flag { null, .. }, _) => *null,
        }
    }
}

/// The counters of one package.
#[derive(Debug)]
pub(crate) struct Windows {
    columns: Vec<Column>,
    score: Option<(NumericCells, Vec<AtomicU64>)>,
    rows: AtomicU64,
    began: Mutex<(u64, Instant)>,
}

/// One flushed window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from_us: u64,
    pub(crate) cells: String,
}

impl Windows {
    pub(crate) fn new(servable: &Servable) -> Result<Self, ServeError> {
        let reference: Reference = match servable.reference() {
            None => Reference {
                columns: Vec::new(),
                score: None,
            },
            Some(bytes) => serde_json::from_slice(bytes)
                .map_err(|error| ServeError::Unfit(format!("reference.json: {error}")))?,
        };
        let inputs = servable.transform().map_or(&[][..], Transform::inputs);
        let columns = reference
            .columns
            .into_iter()
            .filter_map(|column| Column::new(column, inputs).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        // The cells of an input of this name come first: one name, one list of counts.
        let is_taken = columns.iter().any(|column| column.name == SCORE);
        let score = match reference.score.filter(|_| !is_taken) {
            None => None,
            Some(score) => {
                let cells = numeric(&score.edges)?;
                let counts = zeros(cells.count());
                Some((cells, counts))
            }
        };
        let began = Mutex::new((crate::clock::now_us(), Instant::now()));
        Ok(Self {
            columns,
            score,
            rows: AtomicU64::new(0),
            began,
        })
    }

    /// Count one row of cells and its score.
    pub(crate) fn count(&self, cells: &[Cell<'_>], score: f64) {
        for column in &self.columns {
            let place = column.place(cells[column.input]);
            column.counts[place].fetch_add(1, Ordering::Relaxed);
        }
        if let Some((cells, counts)) = &self.score {
            counts[cells.index(score)].fetch_add(1, Ordering::Relaxed);
        }
        self.rows.fetch_add(1, Ordering::Relaxed);
    }

    /// Take the window if it is full or old enough (or always, when forced); empty windows are not taken.
    pub(crate) fn take(&self, is_forced: bool) -> Option<Window> {
        let rows = self.rows.load(Ordering::Relaxed);
        if rows == 0 || (self.columns.is_empty() && self.score.is_none()) {
            return None;
        }
        let mut began = self.began.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_forced && rows < FLUSH_ROWS && began.1.elapsed() < FLUSH_AFTER {
            return None;
        }
        self.rows.store(0, Ordering::Relaxed);
        let from_us = std::mem::replace(&mut *began, (crate::clock::now_us(), Instant::now())).0;
        let mut cells = String::from("{");
        let scores = self.score.as_ref().map(|(_, counts)| (SCORE, counts));
        let columns = self
            .columns
            .iter()
            .map(|column| (column.name.as_str(), &column.counts));
        for (name, counts) in columns.chain(scores) {
            let separator = if cells.len() > 1 { "," } else { "" };
            let counts: Vec<String> = counts
                .iter()
                .map(|count| count.swap(0, Ordering::Relaxed).to_string())
                .collect();
            // Writing to a String cannot fail.
            let _ = write!(
                cells,
                "{separator}{}:[{}]",
                serde_json::Value::from(name),
                counts.join(",")
            );
        }
        cells.push('}');
        Some(Window { from_us, cells })
    }
}

fn numeric(edges: &[f64]) -> Result<NumericCells, ServeError> {
    NumericCells::new(edges).map_err(|error| ServeError::Unfit(format!("reference.json: {error}")))
}

fn zeros(count: usize) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

/// Places of the two values of a boolean column, written as words or as digits; a value that is not listed is `other`,
/// which comes after all listed ones.
fn flags(cells: &LevelCells) -> Cells {
    let place = |word, digit| cells.index(Some(word)).min(cells.index(Some(digit)));
    Cells::Flag {
        places: [place("false", "0"), place("true", "1")],
        null: cells.null(),
        count: cells.count(),
    }
}

/// The cell of a number, spelled as the transform spells it.
fn level_of_number(cells: &LevelCells, value: f64) -> usize {
    if value.is_nan() {
        return cells.null();
    }
    // On the stack: this runs for every row. An i64 has at most 20 characters.
    let mut text = [0_u8; 32];
    let mut rest = &mut text[..];
    let written = if value.fract() == 0.0 && value.abs() < 1e18 {
        write!(rest, "{}", value as i64)
    } else {
        write!(rest, "{value:e}")
    };
    let length = 32 - rest.len();
    let text = written
        .ok()
        .and_then(|()| std::str::from_utf8(&text[..length]).ok());
    cells.index(Some(text.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(name: &str, kind: Kind) -> Input {
        Input {
            name: name.to_owned(),
            kind,
        }
    }

    fn places(kind: Kind, levels: &[&str], values: &[f64]) -> Vec<usize> {
        let column = ReferenceColumn::Level {
            name: "x".to_owned(),
            levels: levels.iter().map(|level| (*level).to_owned()).collect(),
        };
        let column = Column::new(column, &[input("x", kind)])
            .expect("valid")
            .expect("an input");
        let place = |value: &f64| column.place(Cell::Number(*value));
        values.iter().map(place).collect()
    }

    #[test]
    fn numbers_are_counted_under_the_texts_of_the_transform() {
        let levels = ["1", "-3", "2.5e0", "1e300"];
        let values = [1.0, -3.0, 2.5, 1e300, 7.0, f64::NAN];
        assert_eq!(places(Kind::Integer, &levels, &values), [0, 1, 2, 3, 4, 6]);
    }

    #[test]
    fn booleans_are_counted_however_the_reference_writes_them() {
        let values = [0.0, 1.0, f64::NAN];
        assert_eq!(
            places(Kind::Boolean, &["true", "false"], &values),
            [1, 0, 4]
        );
        assert_eq!(places(Kind::Boolean, &["0", "1"], &values), [0, 1, 4]);
        assert_eq!(places(Kind::Boolean, &["0"], &values), [0, 1, 3]);
    }

    #[test]
    fn columns_that_the_model_does_not_read_are_left_out() {
        let column = ReferenceColumn::Number {
            name: "other".to_owned(),
            edges: vec![0.0],
        };
        let found = Column::new(column, &[input("x", Kind::Number)]).expect("valid");
        assert!(found.is_none());
        let column = ReferenceColumn::Number {
            name: "x".to_owned(),
            edges: vec![1.0, 0.0],
        };
        let refused = Column::new(column, &[input("x", Kind::Number)]).expect_err("edges");
        assert_eq!(refused.code(), "package.unfit");
    }
}
