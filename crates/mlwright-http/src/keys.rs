//! The keys that a JSON object has had so far.

use std::borrow::Cow;
use std::collections::HashSet;

/// So many keys are compared; more are hashed.
const FEW: usize = 8;

/// Keys, each once.
#[derive(Debug, Default)]
pub(crate) struct Keys<'a> {
    few: [Cow<'a, str>; FEW],
    count: usize,
    more: Option<HashSet<Cow<'a, str>>>,
}

impl<'a> Keys<'a> {
    /// Whether there was no key yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Add a key; false when it was there.
    pub(crate) fn add(&mut self, key: Cow<'a, str>) -> bool {
        if self.few[..self.count].contains(&key) {
            return false;
        }
        if self.count == FEW {
            return self.more.get_or_insert_default().insert(key);
        }
        self.few[self.count] = key;
        self.count += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_new_once_however_many_there_are() {
        let names: Vec<String> = (0..3 * FEW).map(|n| format!("key {n}")).collect();
        let mut keys = Keys::default();
        assert!(keys.is_empty());
        for name in &names {
            assert!(keys.add(Cow::Borrowed(name)), "{name}");
        }
        assert!(!keys.is_empty());
        for name in &names {
            assert!(!keys.add(Cow::Owned(name.clone())), "{name}");
        }
        assert!(keys.add(Cow::Borrowed("")));
    }
}
