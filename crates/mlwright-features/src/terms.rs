//! Terms of a text: runs of letters and digits in lower case, alone or several in a row joined by a space.

/// Words in a row that can be one term.
pub(crate) const MOST_WORDS: usize = 3;

/// Reads terms out of texts; what it needs for that is kept from text to text.
#[derive(Debug, Default)]
pub(crate) struct TermReader {
    /// The words of the text at hand, with a space between.
    words: String,
    starts: Vec<usize>,
}

impl TermReader {
    /// Call `each` with every term of one to `longest` words, in the order of their last word.
    pub(crate) fn read(&mut self, text: &str, longest: usize, mut each: impl FnMut(&str)) {
        self.words.clear();
        self.starts.clear();
        let mut is_inside = false;
        for character in text.chars() {
            if character.is_alphanumeric() {
                if !is_inside {
                    if !self.words.is_empty() {
                        self.words.push(' ');
                    }
                    self.starts.push(self.words.len());
                    is_inside = true;
                }
                if character.is_ascii() {
                    self.words.push(character.to_ascii_lowercase());
                } else {
                    self.words.extend(character.to_lowercase());
                }
            } else {
                is_inside = false;
            }
        }
        for last in 0..self.starts.len() {
            let end = self
                .starts
                .get(last + 1)
                .map_or(self.words.len(), |next| next - 1);
            for first in (0..=last).rev().take(longest) {
                each(&self.words[self.starts[first]..end]);
            }
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

    fn terms(text: &str, longest: usize) -> Vec<String> {
        let mut found = Vec::new();
        TermReader::default().read(text, longest, |term| found.push(term.to_owned()));
        found
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
    }

    #[test]
    fn words_in_a_row_are_terms_too() {
        assert_eq!(terms("a b  c", 2), ["a", "b", "a b", "c", "b c"]);
        assert_eq!(terms("a b c", 3), ["a", "b", "a b", "c", "b c", "a b c"]);
    }

    #[test]
    fn equal_numbers_are_counted_in_order() {
        let mut found = Vec::new();
        count(&mut [3, 1, 3], |id, times| found.push((id, times)));
        assert_eq!(found, [(1, 1.0), (3, 2.0)]);
        count(&mut [], |_, _| panic!("nothing to count"));
    }
}
