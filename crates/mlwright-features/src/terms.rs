//! Terms of a text: words of letters and digits, alone or several in a row joined by a space.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Deserialize;

use crate::word_characters;

/// Words in a row that can be one term.
pub(crate) const MOST_WORDS: usize = 3;

/// How words are taken out of a text, and which of them in a row are a term.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) characters: Characters,
    pub(crate) is_lowercase: bool,
    /// Characters in a word, at least.
    pub(crate) shortest: usize,
    /// Words in a term, at least.
    pub(crate) fewest: usize,
    /// Words in a term, at most.
    pub(crate) most: usize,
    /// Left out before words are put in a row.
    pub(crate) stop_words: HashSet<Box<str>>,
}

/// What words are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Characters {
    /// What Rust takes for letters and digits, made small one by one.
    #[default]
    Own,
    /// What Python's `str.isalnum` takes, of a text made small as a whole: the pattern `[^\W_]+`.
    Alphanumeric,
    /// The same with "_": the pattern `\w+`.
    Word,
}

impl Reading {
    /// Runs of letters and digits in lower case, up to so many in a row.
    pub(crate) fn own(most: usize) -> Self {
        Self {
            characters: Characters::Own,
            is_lowercase: true,
            shortest: 1,
            fewest: 1,
            most,
            stop_words: HashSet::new(),
        }
    }

    fn takes(&self, word: &str) -> bool {
        word.chars().nth(self.shortest - 1).is_some() && !self.stop_words.contains(word)
    }

    /// Python makes a text small before it looks for words: "Σ" by what is around it, "İ" to two characters.
    fn prepare<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.is_lowercase && self.characters != Characters::Own && !text.is_ascii() {
            Cow::Owned(text.to_lowercase())
        } else {
            Cow::Borrowed(text)
        }
    }
}

/// Reads terms out of texts; what it needs for that is kept from text to text.
#[derive(Debug, Default)]
pub(crate) struct TermReader {
    /// The words of the text at hand, a space after each.
    words: String,
    /// Where each word starts, and where the next one would.
    starts: Vec<usize>,
}

impl TermReader {
    /// Call `each` with every term, in the order of their last word.
    pub(crate) fn read(&mut self, text: &str, reading: &Reading, mut each: impl FnMut(&str)) {
        self.words.clear();
        self.starts.clear();
        self.starts.push(0);
        let text = &reading.prepare(text);
        match reading.characters {
            Characters::Own => self.split(text, reading, char::is_alphanumeric),
            Characters::Alphanumeric => {
                self.split(text, reading, word_characters::is_alphanumeric);
            }
            Characters::Word => self.split(text, reading, |character| {
                character == '_' || word_characters::is_alphanumeric(character)
            }),
        }
        for (last, next) in self.starts.iter().skip(1).enumerate() {
            let firsts = self.starts[..=last].iter().rev().take(reading.most);
            for first in firsts.skip(reading.fewest - 1) {
                each(&self.words[*first..next - 1]);
            }
        }
    }

    fn split(&mut self, text: &str, reading: &Reading, is_inside: impl Fn(char) -> bool) {
        for character in text.chars() {
            if !is_inside(character) {
                self.end_word(reading);
            } else if !reading.is_lowercase {
                self.words.push(character);
            } else if character.is_ascii() {
                self.words.push(character.to_ascii_lowercase());
            } else {
                self.words.extend(character.to_lowercase());
            }
        }
        self.end_word(reading);
    }

    /// Keep the word that was read up to here, if there is one that is taken.
    fn end_word(&mut self, reading: &Reading) {
        let start = self.starts[self.starts.len() - 1];
        let word = &self.words[start..];
        if word.is_empty() {
            return;
        }
        if reading.takes(word) {
            self.words.push(' ');
            self.starts.push(self.words.len());
        } else {
            self.words.truncate(start);
        }
    }
}

/// Call `each` with every different number of a list and how often it comes; sorts the list.
pub(crate) fn count(ids: &mut [u32], mut each: impl FnMut(u32, f64)) {
    ids.sort_unstable();
    for same in ids.chunk_by(|a, b| a == b) {
        each(same[0], same.len() as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms_of(text: &str, reading: &Reading) -> Vec<String> {
        let mut found = Vec::new();
        TermReader::default().read(text, reading, |term| found.push(term.to_owned()));
        found
    }

    fn terms(text: &str, most: usize) -> Vec<String> {
        terms_of(text, &Reading::own(most))
    }

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        assert_eq!(
            terms("Didn't LIKE it -- 5mm, Größe_ÉTÉ", 1),
            ["didn", "t", "like", "it", "5mm", "größe", "été"]
        );
        for nothing in ["", " ", "--", "☃!"] {
            assert!(terms(nothing, 2).is_empty(), "{nothing:?}");
        }
        // As packages of before were trained: each letter by itself, and with the marks that Rust takes for letters.
        assert_eq!(
            terms("ΟΔΟΣ İt हिन्दी Ⓐ1", 1),
            ["οδοσ", "i\u{307}t", "हिन", "दी", "ⓐ1"]
        );
    }

    #[test]
    fn words_in_a_row_are_terms_too() {
        assert_eq!(terms("a b  c", 2), ["a", "b", "a b", "c", "b c"]);
        assert_eq!(terms("a b c", 3), ["a", "b", "a b", "c", "b c", "a b c"]);
    }

    #[test]
    fn words_of_python_are_small_before_they_are_taken_apart() {
        let word = Reading {
            characters: Characters::Word,
            shortest: 2,
            ..Reading::own(1)
        };
        // "İ" becomes "i" and a dot above, which is in no word; a vowel sign parts a word of Hindi.
        assert_eq!(
            terms_of("A size_7 ΟΔΟΣ İt Straße हिन्दी é ab\u{301}cd", &word),
            ["size_7", "οδος", "straße", "ab", "cd"]
        );
        let alphanumeric = Reading {
            characters: Characters::Alphanumeric,
            is_lowercase: false,
            ..Reading::own(1)
        };
        assert_eq!(
            terms_of("size_7 ΟΔΟΣ İ", &alphanumeric),
            ["size", "7", "ΟΔΟΣ", "İ"]
        );
    }

    #[test]
    fn words_that_are_left_out_bring_others_together() {
        let reading = Reading {
            fewest: 2,
            stop_words: ["of".into(), "c".into()].into(),
            ..Reading::own(2)
        };
        assert_eq!(terms_of("c A of of B! C d of", &reading), ["a b", "b d"]);
        assert!(terms_of("a OF", &reading).is_empty());
    }

    #[test]
    fn equal_numbers_are_counted_in_order() {
        let mut found = Vec::new();
        count(&mut [3, 1, 3], |id, times| found.push((id, times)));
        assert_eq!(found, [(1, 1.0), (3, 2.0)]);
        count(&mut [], |_, _| panic!("nothing to count"));
    }
}
