//! Outputs of sentences: TF-IDF of the terms that a document lists, with the row's length 1.

use std::collections::HashMap;

use crate::cell::ColumnSlice;
use crate::terms::{TermReader, count};

/// What is computed from the sentences of one column. Null is a text without terms.
#[derive(Debug)]
pub(super) struct TextPlan {
    /// Words in a term, at most.
    pub(super) longest: usize,
    pub(super) terms: HashMap<Box<str>, u32>,
    pub(super) idf: Box<[f64]>,
    /// Place among the outputs and how to compute it.
    pub(super) outputs: Vec<(usize, TextOperation)>,
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
        reader.read(text, self.longest, |term| {
            ids.extend(self.terms.get(term));
        });
        let mut squares = 0.0;
        count(ids, |id, times| {
            let value = times * self.idf[id as usize];
            squares += value * value;
            found.push((id, value));
        });
        let length = if squares > 0.0 { squares.sqrt() } else { 1.0 };
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
