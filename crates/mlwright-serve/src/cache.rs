//! Answers of a model by its exact inputs, for callers that ask the same again. Off unless the deployment has room for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Longer inputs are asked for each time.
const LONGEST: usize = 4096;

/// Outputs by inputs: bit for bit, so that no two inputs share an answer.
type Answers = HashMap<Box<[u64]>, Box<[f64]>>;

/// A bounded cache in two generations: what was not asked for while one of them filled is forgotten.
#[derive(Debug)]
pub(crate) struct Cache {
    /// Most entries of a generation.
    half: usize,
    generations: Mutex<(Answers, Answers)>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Cache {
    /// A cache of at most so many answers, or none.
    pub(crate) fn new(entries: usize) -> Option<Self> {
        (entries > 0).then(|| Self {
            half: entries.div_ceil(2),
            generations: Mutex::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        })
    }

    /// The answer to these inputs, if it is known.
    pub(crate) fn get(&self, inputs: &[f64]) -> Option<Vec<f64>> {
        let found = self.find(inputs);
        let count = if found.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        count.fetch_add(1, Ordering::Relaxed);
        found
    }

    fn find(&self, inputs: &[f64]) -> Option<Vec<f64>> {
        if inputs.len() > LONGEST {
            return None;
        }
        let key = bits(inputs);
        let mut generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (young, old) = &mut *generations;
        if let Some(found) = young.get(&key) {
            return Some(found.to_vec());
        }
        let (key, found) = old.remove_entry(&key)?;
        let answer = found.to_vec();
        self.keep(young, old, key, found);
        Some(answer)
    }

    /// Remember an answer.
    pub(crate) fn put(&self, inputs: &[f64], outputs: &[f64]) {
        if inputs.len() > LONGEST {
            return;
        }
        let mut generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (young, old) = &mut *generations;
        self.keep(young, old, bits(inputs), outputs.into());
    }

    fn keep(&self, young: &mut Answers, old: &mut Answers, key: Box<[u64]>, outputs: Box<[f64]>) {
        if young.len() >= self.half {
            *old = std::mem::take(young);
        }
        young.insert(key, outputs);
    }

    /// Answers that were known, and that were not.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (load(&self.hits), load(&self.misses))
    }
}

fn bits(inputs: &[f64]) -> Box<[u64]> {
    inputs.iter().map(|value| value.to_bits()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // promise: serve.cache
    #[test]
    fn it_gives_what_was_put_forgets_the_unasked_and_never_grows_beyond_its_bound() {
        let cache = Cache::new(10).expect("entries");
        assert_eq!(cache.get(&[1.0]), None);
        for number in 0..1_000 {
            cache.put(&[f64::from(number)], &[f64::from(number) * 2.0]);
            assert_eq!(
                cache.get(&[0.0]),
                Some(vec![0.0]),
                "asked for after {number}"
            );
        }
        assert_eq!(cache.get(&[999.0]), Some(vec![1998.0]));
        assert_eq!(cache.get(&[500.0]), None);
        let (young, old) = &*cache.generations.lock().expect("no panic");
        assert!(young.len() + old.len() <= 10);
    }

    #[test]
    fn inputs_are_compared_bit_for_bit() {
        let cache = Cache::new(10).expect("entries");
        cache.put(&[0.0, f64::NAN], &[1.0]);
        assert_eq!(cache.get(&[-0.0, f64::NAN]), None);
        assert_eq!(cache.get(&[0.0, f64::NAN]), Some(vec![1.0]));
        assert_eq!(cache.counts(), (1, 1));
    }

    #[test]
    fn without_entries_there_is_none() {
        assert!(Cache::new(0).is_none());
    }
}
