//! The entry of `transform.json` for a text: its terms and how they are read.

use std::collections::HashMap;

use serde::Deserialize;

use super::texts::{Counts, Norm, TextPlan};
use crate::error::FeatureError;
use crate::terms::{Characters, MOST_WORDS, Reading};

/// Terms of a column of sentences, for all outputs that name them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TextDocument {
    pub(super) name: String,
    pub(super) column: String,
    ngrams: usize,
    terms: Vec<String>,
    idf: Vec<f64>,
    #[serde(default)]
    characters: Characters,
    lowercase: Option<bool>,
    shortest: Option<usize>,
    ngrams_from: Option<usize>,
    #[serde(default)]
    stop_words: Vec<String>,
    #[serde(default)]
    counts: Counts,
    #[serde(default)]
    norm: Norm,
}

impl TextDocument {
    pub(super) fn wrong(&self, what: &str) -> FeatureError {
        FeatureError::Transform(format!("the text {:?} {what}", self.name))
    }

    pub(super) fn compile(&self) -> Result<TextPlan, FeatureError> {
        let reading = self.reading()?;
        if self.terms.len() != self.idf.len() {
            return Err(self.wrong(&format!(
                "has {} terms and {} values of idf",
                self.terms.len(),
                self.idf.len()
            )));
        }
        let mut terms = HashMap::with_capacity(self.terms.len());
        for (id, term) in self.terms.iter().enumerate() {
            if terms.insert(term.as_str().into(), id as u32).is_some() {
                return Err(self.wrong(&format!("lists the term {term:?} twice")));
            }
        }
        Ok(TextPlan {
            reading,
            terms,
            counts: self.counts,
            idf: self.idf.as_slice().into(),
            norm: self.norm,
            outputs: Vec::new(),
        })
    }

    fn reading(&self) -> Result<Reading, FeatureError> {
        let fewest = self.ngrams_from.unwrap_or(1);
        if fewest == 0 || !(fewest..=MOST_WORDS).contains(&self.ngrams) {
            let words = format!("has terms of {fewest} to {} words", self.ngrams);
            return Err(self.wrong(&words));
        }
        let shortest = self.shortest.unwrap_or(1);
        if shortest == 0 {
            return Err(self.wrong("has words of 0 characters"));
        }
        Ok(Reading {
            characters: self.characters,
            is_lowercase: self.lowercase.unwrap_or(true),
            shortest,
            fewest,
            most: self.ngrams,
            stop_words: self
                .stop_words
                .iter()
                .map(|word| word.as_str().into())
                .collect(),
        })
    }
}
