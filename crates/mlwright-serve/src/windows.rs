//! Counts of served inputs and scores in the cells that the package froze at training.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mlwright_features::{Cell, Kind};
use mlwright_stats::cells::{LevelCells, NumericCells};
use serde::Deserialize;

use crate::{Servable, ServeError};

const FLUSH_ROWS: u64 = 5_000;
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
}

#[derive(Debug)]
struct Column {
    name: String,
    /// Place of the input among the cells of a row.
    input: usize,
    kind: Kind,
    cells: Cells,
    counts: Vec<AtomicU64>,
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
        let mut columns = Vec::new();
        if let Some(transform) = servable.transform() {
            for column in reference.columns {
                let (name, cells) = match column {
                    ReferenceColumn::Number { name, edges } => {
                        (name, Cells::Number(numeric(&edges)?))
                    }
                    ReferenceColumn::Level { name, levels } => {
                        (name, Cells::Level(LevelCells::new(&levels)))
                    }
                };
                let Some(input) = transform
                    .inputs()
                    .iter()
                    .position(|input| input.name == name)
                else {
                    continue;
                };
                let count = match &cells {
                    Cells::Number(cells) => cells.count(),
                    Cells::Level(cells) => cells.count(),
                };
                columns.push(Column {
                    name,
                    input,
                    kind: transform.inputs()[input].kind,
                    cells,
                    counts: zeros(count),
                });
            }
        }
        let score = match reference.score {
            None => None,
            Some(score) => {
                let cells = numeric(&score.edges)?;
                let counts = zeros(cells.count());
                Some((cells, counts))
            }
        };
        let began = Mutex::new((crate::engine::now_us(), Instant::now()));
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
            let place = match (&column.cells, cells[column.input]) {
                (Cells::Number(cells), Cell::Number(value)) => cells.index(value),
                (Cells::Number(cells), Cell::Time(micros)) => cells.index(micros as f64),
                (Cells::Number(cells), Cell::Null | Cell::Text(_)) => cells.index(f64::NAN),
                (Cells::Level(cells), Cell::Text(text)) => cells.index(Some(text)),
                (Cells::Level(cells), Cell::Number(value)) => {
                    level_of_number(cells, column.kind, value)
                }
                (Cells::Level(cells), Cell::Null | Cell::Time(_)) => cells.index(None),
            };
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
        let from_us = std::mem::replace(&mut *began, (crate::engine::now_us(), Instant::now())).0;
        let mut cells = String::from("{");
        let scores = self.score.as_ref().map(|(_, counts)| ("score", counts));
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

/// The cell of a number or a boolean, spelled as the transform spells it.
fn level_of_number(cells: &LevelCells, kind: Kind, value: f64) -> usize {
    if value.is_nan() {
        return cells.null();
    }
    if kind == Kind::Boolean {
        return cells.index(Some(if value == 0.0 { "false" } else { "true" }));
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
