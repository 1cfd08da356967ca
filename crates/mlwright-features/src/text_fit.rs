//! Learn from texts: the terms worth listing, and weights of them by ridge regression.
//!
//! Each text is a row of TF-IDF values of length 1 (idf = ln((1 + texts) / (1 + texts with the term)) + 1). Weights
//! minimise the squared error plus `penalty` times their squares, by conjugate gradients (Hestenes and Stiefel
//! 1952). Scores of the texts at hand come from weights that were fitted without the text's own part.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::terms::{MOST_WORDS, Reading, TermReader, count};

/// Different terms counted at a time; rarer ones are forgotten when there are more.
const MOST_COUNTED: usize = 1_500_000;
const MOST_STEPS: usize = 40;
/// The share of the first residual's square at which the weights are good enough.
const ENOUGH: f64 = 1e-6;

/// Different texts and what is known of the rows that have them.
#[derive(Debug, Clone, Copy)]
pub struct TextTask<'a> {
    /// The texts, each once.
    pub texts: &'a [String],
    /// Rows that have the text.
    pub rows: &'a [f64],
    /// For each text and target the sum over its rows of the target less its mean.
    pub sums: &'a [f64],
    /// Part of each text; scores of a part come from the others.
    pub parts: &'a [u32],
    /// Words in a term, 1 to 3.
    pub longest: usize,
    /// Texts that a term is in, at least.
    pub fewest: u32,
    /// Terms, at most: the commonest.
    pub most: usize,
    /// What squares of weights cost.
    pub penalty: f64,
}

/// Terms with weights, and scores of the texts.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedText {
    /// Terms in the order of their names.
    pub terms: Vec<String>,
    /// How much a term counts.
    pub idf: Vec<f64>,
    /// Sum over rows of the squares of a term's values.
    pub squares: Vec<f64>,
    /// For each term and target.
    pub weights: Vec<f64>,
    /// For each target what comes to the weighted sum.
    pub shifts: Vec<f64>,
    /// For each text and target, by weights that do not know the text.
    pub scores: Vec<f64>,
}

/// Learn terms, weights and scores; `None` when the lengths or limits of the task do not fit.
///
/// ```
/// use mlwright_features::{TextTask, fit_text};
/// let texts = ["good work".to_owned(), "good idea".to_owned(), "bad".to_owned(), "bad idea".to_owned()];
/// let fitted = fit_text(&TextTask {
///     texts: &texts, rows: &[1.0; 4], sums: &[0.5, 0.5, -0.5, -0.5], parts: &[0, 1, 0, 1],
///     longest: 1, fewest: 2, most: 10, penalty: 1.0,
/// }).unwrap();
/// assert_eq!(fitted.terms, ["bad", "good", "idea"]);
/// assert!(fitted.weights[0] < 0.0 && fitted.weights[1] > 0.0);
/// assert!(fitted.scores[0] > 0.0 && fitted.scores[2] < 0.0);
/// ```
#[must_use]
pub fn fit_text(task: &TextTask<'_>) -> Option<FittedText> {
    let texts = task.texts.len();
    let targets = task.sums.len().checked_div(texts)?;
    let fits = task.rows.len() == texts
        && task.parts.len() == texts
        && targets * texts == task.sums.len()
        && targets > 0
        && (1..=MOST_WORDS).contains(&task.longest)
        && task.penalty > 0.0;
    if !fits {
        return None;
    }
    let terms = choose_terms(task);
    let (matrix, idf) = Matrix::of(task, &terms);
    let all = matrix.fit(task, targets, |_| true);
    let mut scores = vec![0.0; texts * targets];
    let last = task.parts.iter().copied().max().unwrap_or(0);
    for part in 0..=last {
        let other = matrix.fit(task, targets, |text| task.parts[text] != part);
        for text in (0..texts).filter(|text| task.parts[*text] == part) {
            let own = &mut scores[text * targets..][..targets];
            own.copy_from_slice(&other.shifts);
            matrix.add_product(text, &other.weights, own);
        }
    }
    Some(FittedText {
        squares: matrix.squares(task.rows),
        terms,
        idf,
        weights: all.weights,
        shifts: all.shifts,
        scores,
    })
}

/// Take the commonest terms, equally common ones by name, and put them in the order of their names.
///
/// Terms are counted by their hashes, and only those that are common enough get their names back.
fn choose_terms(task: &TextTask<'_>) -> Vec<String> {
    let counted = count_terms(task);
    let mut common: HashMap<u64, Box<str>, BuildHasherDefault<AsItIs>> = HashMap::default();
    let (mut reader, reading) = (TermReader::default(), Reading::own(task.longest));
    for words in task.texts {
        reader.read(words, &reading, |term| {
            let hash = hash_of(term);
            let texts = counted.get(&hash).map_or(0, |(texts, _)| *texts);
            if texts >= task.fewest && !common.contains_key(&hash) {
                common.insert(hash, term.into());
            }
        });
    }
    let mut common: Vec<(u32, Box<str>)> = common
        .into_iter()
        .map(|(hash, term)| (counted[&hash].0, term))
        .collect();
    common.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    common.truncate(task.most);
    let mut terms: Vec<String> = common.into_iter().map(|(_, term)| term.into()).collect();
    terms.sort_unstable();
    terms
}

/// For the hash of each term the texts that it is in, and the latest of them.
type Counted = HashMap<u64, (u32, u32), BuildHasherDefault<AsItIs>>;

fn count_terms(task: &TextTask<'_>) -> Counted {
    let mut counted = Counted::default();
    let (mut reader, reading) = (TermReader::default(), Reading::own(task.longest));
    let mut forgotten = 0;
    for (text, words) in (0..).zip(task.texts) {
        reader.read(words, &reading, |term| {
            let (texts, latest) = counted.entry(hash_of(term)).or_insert((0, u32::MAX));
            *texts += u32::from(*latest != text);
            *latest = text;
        });
        while counted.len() > MOST_COUNTED {
            forgotten += 1;
            counted.retain(|_, (texts, _)| *texts > forgotten);
        }
    }
    counted
}

/// A number that no other term of a table has but by a chance of one in many millions.
fn hash_of(term: &str) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325; // FNV-1a, and a last mixing by xorshift
    for byte in term.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}

/// The hasher of keys that are hashes.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// TF-IDF values of texts, row by row.
struct Matrix {
    terms: usize,
    ends: Vec<usize>,
    ids: Vec<u32>,
    values: Vec<f64>,
}

struct Weights {
    weights: Vec<f64>,
    shifts: Vec<f64>,
}

impl Matrix {
    fn of(task: &TextTask<'_>, terms: &[String]) -> (Self, Vec<f64>) {
        let places: HashMap<&str, u32> = terms.iter().map(String::as_str).zip(0..).collect();
        let mut matrix = Self {
            terms: terms.len(),
            ends: Vec::with_capacity(task.texts.len()),
            ids: Vec::new(),
            values: Vec::new(),
        };
        let (mut reader, reading) = (TermReader::default(), Reading::own(task.longest));
        let mut found = Vec::new();
        let mut texts_with = vec![0.0; terms.len()];
        for text in task.texts {
            found.clear();
            reader.read(text, &reading, |term| found.extend(places.get(term)));
            count(&mut found, |id, times| {
                matrix.ids.push(id);
                matrix.values.push(times);
                texts_with[id as usize] += 1.0;
            });
            matrix.ends.push(matrix.ids.len());
        }
        let texts = task.texts.len() as f64;
        let idf: Vec<f64> = texts_with
            .iter()
            .map(|with| ((1.0 + texts) / (1.0 + with)).ln() + 1.0)
            .collect();
        for text in 0..matrix.ends.len() {
            let range = matrix.range(text);
            let (ids, values) = (&matrix.ids[range.clone()], &mut matrix.values[range]);
            for (id, value) in ids.iter().zip(values.iter_mut()) {
                *value *= idf[*id as usize];
            }
            let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
            for value in values {
                *value /= length;
            }
        }
        (matrix, idf)
    }

    fn range(&self, text: usize) -> std::ops::Range<usize> {
        let start = if text == 0 { 0 } else { self.ends[text - 1] };
        start..self.ends[text]
    }

    fn cells(&self, text: usize) -> impl Iterator<Item = (usize, f64)> {
        let range = self.range(text);
        let ids = self.ids[range.clone()].iter().map(|id| *id as usize);
        ids.zip(self.values[range].iter().copied())
    }

    fn squares(&self, rows: &[f64]) -> Vec<f64> {
        let mut squares = vec![0.0; self.terms];
        for (text, rows) in rows.iter().enumerate() {
            for (id, value) in self.cells(text) {
                squares[id] += rows * value * value;
            }
        }
        squares
    }

    /// Add the weighted sums of a text, one per target.
    fn add_product(&self, text: usize, weights: &[f64], sums: &mut [f64]) {
        let targets = sums.len();
        for (id, value) in self.cells(text) {
            for (sum, weight) in sums.iter_mut().zip(&weights[id * targets..][..targets]) {
                *sum += value * weight;
            }
        }
    }

    /// Add a text's values times numbers, one per target, to weights.
    fn add_transposed(&self, text: usize, numbers: &[f64], weights: &mut [f64]) {
        let targets = numbers.len();
        for (id, value) in self.cells(text) {
            for (weight, number) in weights[id * targets..][..targets].iter_mut().zip(numbers) {
                *weight += value * number;
            }
        }
    }

    fn fit(&self, task: &TextTask<'_>, targets: usize, is_used: impl Fn(usize) -> bool) -> Weights {
        let used: Vec<usize> = (0..task.texts.len()).filter(|t| is_used(*t)).collect();
        let mut residual = vec![0.0; self.terms * targets];
        for text in &used {
            self.add_transposed(
                *text,
                &task.sums[text * targets..][..targets],
                &mut residual,
            );
        }
        let mut weights = vec![0.0; residual.len()];
        let mut direction = residual.clone();
        let mut square = dots(&residual, &residual, targets);
        let enough: Vec<f64> = square.iter().map(|first| first * ENOUGH).collect();
        let mut sums = vec![0.0; targets];
        for _ in 0..MOST_STEPS {
            if square
                .iter()
                .zip(&enough)
                .all(|(now, enough)| now <= enough)
            {
                break;
            }
            let mut image: Vec<f64> = direction.iter().map(|d| task.penalty * d).collect();
            for text in &used {
                sums.fill(0.0);
                self.add_product(*text, &direction, &mut sums);
                for sum in &mut sums {
                    *sum *= task.rows[*text];
                }
                self.add_transposed(*text, &sums, &mut image);
            }
            let step = ratios(&square, &dots(&direction, &image, targets));
            for (place, weight) in weights.iter_mut().enumerate() {
                *weight += step[place % targets] * direction[place];
                residual[place] -= step[place % targets] * image[place];
            }
            let before = std::mem::replace(&mut square, dots(&residual, &residual, targets));
            let turn = ratios(&square, &before);
            for (place, direction) in direction.iter_mut().enumerate() {
                *direction = residual[place] + turn[place % targets] * *direction;
            }
        }
        let shifts = self.mean_residuals(task, &used, &weights, targets);
        Weights { weights, shifts }
    }

    fn mean_residuals(
        &self,
        task: &TextTask<'_>,
        used: &[usize],
        weights: &[f64],
        targets: usize,
    ) -> Vec<f64> {
        let mut residuals = vec![0.0; targets];
        let mut sums = vec![0.0; targets];
        for text in used {
            sums.fill(0.0);
            self.add_product(*text, weights, &mut sums);
            for (target, residual) in residuals.iter_mut().enumerate() {
                *residual += task.sums[text * targets + target] - task.rows[*text] * sums[target];
            }
        }
        let rows: f64 = used.iter().map(|text| task.rows[*text]).sum();
        for residual in &mut residuals {
            *residual /= rows.max(1.0);
        }
        residuals
    }
}

/// For each target the product of two sets of weights.
fn dots(a: &[f64], b: &[f64], targets: usize) -> Vec<f64> {
    let mut found = vec![0.0; targets];
    for (place, (a, b)) in a.iter().zip(b).enumerate() {
        found[place % targets] += a * b;
    }
    found
}

fn ratios(a: &[f64], b: &[f64]) -> Vec<f64> {
    let ratio = |(a, b): (&f64, &f64)| if *b > 0.0 { a / b } else { 0.0 };
    a.iter().zip(b).map(ratio).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [f64; 6] = [1.0, 2.0, 1.0, 1.0, 3.0, 1.0];
    const SUMS: [f64; 6] = [0.5, 0.8, -0.5, -0.6, 0.3, -0.5];

    fn texts() -> Vec<String> {
        [
            "good work",
            "good idea",
            "bad idea",
            "bad work",
            "good",
            "so bad",
        ]
        .map(str::to_owned)
        .into()
    }

    fn task(texts: &[String]) -> TextTask<'_> {
        TextTask {
            texts,
            rows: &ROWS,
            sums: &SUMS,
            parts: &[0, 1, 2, 0, 1, 2],
            longest: 2,
            fewest: 2,
            most: 10,
            penalty: 0.7,
        }
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-3 * b.abs().max(0.1)
    }

    #[test]
    fn weights_solve_the_normal_equations() {
        let texts = texts();
        let task = task(&texts);
        let fitted = fit_text(&task).expect("fits");
        assert_eq!(fitted.terms, ["bad", "good", "idea", "work"]);
        let (matrix, _) = Matrix::of(&task, &fitted.terms);
        let mut gradient: Vec<f64> = fitted.weights.iter().map(|w| task.penalty * w).collect();
        for text in 0..texts.len() {
            let mut sum = [0.0];
            matrix.add_product(text, &fitted.weights, &mut sum);
            let error = ROWS[text] * sum[0] - SUMS[text];
            matrix.add_transposed(text, &[error], &mut gradient);
        }
        assert!(
            gradient.iter().all(|slope| slope.abs() < 1e-9),
            "{gradient:?}"
        );
    }

    #[test]
    fn scores_do_not_know_their_own_text() {
        let texts = texts();
        let honest = fit_text(&task(&texts)).expect("fits");
        let mut sums = SUMS;
        sums[0] = 100.0;
        let changed = fit_text(&TextTask {
            sums: &sums,
            ..task(&texts)
        });
        let changed = changed.expect("fits");
        assert!(near(changed.scores[0], honest.scores[0]));
        assert!(near(changed.scores[3], honest.scores[3]), "the same part");
        assert!(changed.scores[1] > honest.scores[1] + 1.0, "another part");
    }

    #[test]
    fn targets_are_fitted_as_if_each_were_alone() {
        let texts = texts();
        let other = SUMS.map(|sum| 1.0 - 3.0 * sum);
        let both: Vec<f64> = SUMS.iter().zip(other).flat_map(|(a, b)| [*a, b]).collect();
        let fitted = fit_text(&TextTask {
            sums: &both,
            ..task(&texts)
        });
        let fitted = fitted.expect("fits");
        for (target, sums) in [SUMS, other].iter().enumerate() {
            let alone = fit_text(&TextTask {
                sums,
                ..task(&texts)
            });
            let alone = alone.expect("fits");
            let of = |values: &[f64]| -> Vec<f64> {
                values.iter().copied().skip(target).step_by(2).collect()
            };
            for (a, b) in of(&fitted.scores).iter().zip(&alone.scores) {
                assert!(near(*a, *b), "{a} {b}");
            }
            for (a, b) in of(&fitted.weights).iter().zip(&alone.weights) {
                assert!(near(*a, *b), "{a} {b}");
            }
        }
    }

    #[test]
    fn the_commonest_terms_are_kept_and_nothing_gives_nothing() {
        let texts = texts();
        let few = TextTask {
            most: 2,
            ..task(&texts)
        };
        assert_eq!(fit_text(&few).expect("fits").terms, ["bad", "good"]);
        let none = TextTask {
            fewest: 9,
            ..task(&texts)
        };
        let none = fit_text(&none).expect("fits");
        assert!(none.terms.is_empty() && none.weights.is_empty());
        assert_eq!(none.scores.len(), 6);
        let short = TextTask {
            rows: &ROWS[1..],
            ..task(&texts)
        };
        assert_eq!(fit_text(&short), None);
        let nothing = TextTask {
            texts: &[],
            rows: &[],
            sums: &[],
            parts: &[],
            ..task(&texts)
        };
        assert_eq!(fit_text(&nothing), None);
    }
}
