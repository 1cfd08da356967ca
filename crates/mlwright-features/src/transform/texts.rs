//! Outputs of sentences: counts of the terms that a document lists, times their weights, over the row's length.

use std::collections::HashMap;

use serde::Deserialize;

use crate::cell::ColumnSlice;
use crate::terms::{Reading, TermReader, count};

/// What is computed from the sentences of one column. Null is a text without terms.
#[derive(Debug)]
pub(super) struct TextPlan {
    pub(super) reading: Reading,
    pub(super) terms: HashMap<Box<str>, u32>,
    pub(super) counts: Counts,
    pub(super) idf: Box<[f64]>,
    pub(super) norm: Norm,
    /// Place among the outputs and how to compute it.
    pub(super) outputs: Vec<(usize, TextOperation)>,
}

/// What a term counts that is several times in a text.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Counts {
    #[default]
    Times,
    /// One more than the logarithm of the times.
    Logarithm,
    /// Once.
    Binary,
}

impl Counts {
    fn of(self, times: f64) -> f64 {
        match self {
            Self::Times => times,
            Self::Logarithm => times.ln() + 1.0,
            Self::Binary => 1.0,
        }
    }
}

/// What the values of a text are divided by.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Norm {
    None,
    L1,
    #[default]
    L2,
}

impl Norm {
    fn length(self, values: &[(u32, f64)]) -> f64 {
        let length = match self {
            Self::None => 1.0,
            Self::L1 => values.iter().map(|(_, x)| x.abs()).sum(),
            Self::L2 => values.iter().map(|(_, x)| x * x).sum::<f64>().sqrt(),
        };
        if length > 0.0 { length } else { 1.0 }
    }
}

#[derive(Debug)]
pub(super) enum TextOperation {
    /// A weighted sum of all terms.
    Sum { weights: Box<[f64]>, start: f64 },
    /// One term.
    Term { id: u32 },
}

/// The terms of the text at hand; kept from row to row.
#[derive(Debug, Default)]
pub(super) struct TextScratch {
    reader: TermReader,
    ids: Vec<u32>,
    found: Vec<(u32, f64)>,
}

impl TextPlan {
    /// Put the outputs of a text to their places in a row.
    pub(super) fn put(&self, text: &str, scratch: &mut TextScratch, row: &mut [f64]) {
        let TextScratch { reader, ids, found } = scratch;
        ids.clear();
        found.clear();
        reader.read(text, &self.reading, |term| {
            ids.extend(self.terms.get(term));
        });
        count(ids, |id, times| {
            found.push((id, self.counts.of(times) * self.idf[id as usize]));
        });
        let length = self.norm.length(found);
        for (place, operation) in &self.outputs {
            row[*place] = match operation {
                TextOperation::Sum { weights, start } => {
                    let sum: f64 = found.iter().map(|(id, x)| x * weights[*id as usize]).sum();
                    start + sum / length
                }
                TextOperation::Term { id } => found
                    .binary_search_by_key(id, |(id, _)| *id)
                    .map_or(0.0, |at| found[at].1 / length),
            };
        }
    }

    /// Put the outputs of a whole column to their places, each different text read once.
    pub(super) fn put_column(
        &self,
        codes: &[u32],
        levels: &[String],
        width: usize,
        out: &mut [f64],
    ) {
        let mut scratch = TextScratch::default();
        let mut values = vec![0.0; width];
        let groups = rows_by_code(codes, levels.len());
        for (code, rows) in groups.iter() {
            let text = levels.get(code).map_or("", String::as_str);
            let mut rows = rows.iter().peekable();
            if rows.peek().is_some() {
                self.put(text, &mut scratch, &mut values);
            }
            for row in rows {
                let row = &mut out[*row as usize * width..][..width];
                for (place, _) in &self.outputs {
                    row[*place] = values[*place];
                }
            }
        }
    }
}

/// Rows in the order of their codes; the group after the last level holds the nulls.
struct Groups {
    rows: Vec<u32>,
    ends: Vec<usize>,
}

impl Groups {
    fn iter(&self) -> impl Iterator<Item = (usize, &[u32])> {
        self.ends.iter().enumerate().map(|(code, end)| {
            let start = if code == 0 { 0 } else { self.ends[code - 1] };
            (code, &self.rows[start..*end])
        })
    }
}

fn rows_by_code(codes: &[u32], levels: usize) -> Groups {
    let group = |code: u32| {
        if code == ColumnSlice::NULL_CODE {
            levels
        } else {
            code as usize
        }
    };
    let mut ends = vec![0; levels + 1];
    for code in codes {
        ends[group(*code)] += 1;
    }
    let mut total = 0;
    let mut next: Vec<usize> = Vec::with_capacity(ends.len());
    for end in &mut ends {
        next.push(total);
        total += *end;
        *end = total;
    }
    let mut rows = vec![0; codes.len()];
    for (row, code) in codes.iter().enumerate() {
        let at = &mut next[group(*code)];
        rows[*at] = row as u32;
        *at += 1;
    }
    Groups { rows, ends }
}
