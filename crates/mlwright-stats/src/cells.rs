//! Frozen reference cells: where a value is counted. Windows of counts merge by adding.
//!
//! Numeric cells lie between sorted edges, cell k = (edge k−1, edge k], and one last cell counts nulls (NaN).
//! Level cells are the listed levels, then other, unseen and null.

use std::collections::HashMap;

/// Cells of a numeric column.
#[derive(Debug, Clone, PartialEq)]
pub struct NumericCells {
    edges: Box<[f64]>,
}

/// Why numbers cannot be edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgesError;

impl std::fmt::Display for EdgesError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "edges must be finite and strictly increasing")
    }
}

impl std::error::Error for EdgesError {}

impl NumericCells {
    /// Take strictly increasing finite edges (possibly none).
    ///
    /// # Errors
    /// [`EdgesError`] for any other list.
    pub fn new(edges: &[f64]) -> Result<Self, EdgesError> {
        let increasing = edges.windows(2).all(|pair| pair[0] < pair[1]);
        if !increasing || edges.iter().any(|edge| !edge.is_finite()) {
            return Err(EdgesError);
        }
        Ok(Self {
            edges: edges.into(),
        })
    }

    /// Number of cells: edges + 2.
    #[must_use]
    pub fn count(&self) -> usize {
        self.edges.len() + 2
    }

    /// The cell of a value: the number of edges below it; the last cell for NaN (null).
    #[must_use]
    pub fn index(&self, value: f64) -> usize {
        if value.is_nan() {
            return self.edges.len() + 1;
        }
        // Halving without a data-dependent branch: the compiler turns the choice into a conditional move.
        let mut from = 0;
        let mut length = self.edges.len();
        while length > 1 {
            let half = length / 2;
            from += usize::from(self.edges[from + half - 1] < value) * half;
            length -= half;
        }
        from + usize::from(length == 1 && self.edges[from] < value)
    }

    /// Add one to the cell of each value; `counts` has [`NumericCells::count`] places.
    pub fn add(&self, values: impl IntoIterator<Item = f64>, counts: &mut [u64]) {
        for value in values {
            counts[self.index(value)] += 1;
        }
    }
}

/// Cells of a column of levels.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelCells {
    places: HashMap<Box<str>, usize>,
    levels: usize,
}

impl LevelCells {
    /// Take the levels in the order of their counts; a repeated level keeps its first place.
    #[must_use]
    pub fn new<S: AsRef<str>>(levels: &[S]) -> Self {
        let mut places = HashMap::with_capacity(levels.len());
        for (place, level) in levels.iter().enumerate() {
            places.entry(level.as_ref().into()).or_insert(place);
        }
        Self {
            places,
            levels: levels.len(),
        }
    }

    /// Number of cells: levels + other, unseen, null.
    #[must_use]
    pub fn count(&self) -> usize {
        self.levels + 3
    }

    /// The cell of a level, the `other` cell when it is not listed, the last cell for null.
    #[must_use]
    pub fn index(&self, level: Option<&str>) -> usize {
        match level {
            None => self.null(),
            Some(text) => self.places.get(text).copied().unwrap_or(self.levels),
        }
    }

    /// The cell for levels that the transform has never seen.
    #[must_use]
    pub fn unseen(&self) -> usize {
        self.levels + 1
    }

    /// The cell for nulls.
    #[must_use]
    pub fn null(&self) -> usize {
        self.levels + 2
    }

    /// Add one to the cell of each level; `counts` has [`LevelCells::count`] places.
    pub fn add<'a>(&self, levels: impl IntoIterator<Item = Option<&'a str>>, counts: &mut [u64]) {
        for level in levels {
            counts[self.index(level)] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cell_is_the_number_of_edges_below() {
        for size in 0..40_usize {
            let edges: Vec<f64> = (0..size).map(|k| k as f64 * 2.0).collect();
            let cells = NumericCells::new(&edges).expect("increasing");
            for step in -3..(4 * size as i64 + 4) {
                let value = step as f64 * 0.5;
                let expected = edges.iter().filter(|edge| **edge < value).count();
                assert_eq!(cells.index(value), expected, "{size} edges, value {value}");
            }
            assert_eq!(cells.index(f64::NEG_INFINITY), 0);
            assert_eq!(cells.index(f64::INFINITY), size);
            assert_eq!(cells.index(f64::NAN), size + 1);
            assert_eq!(cells.count(), size + 2);
        }
    }

    #[test]
    fn edges_must_increase_and_be_finite() {
        assert!(NumericCells::new(&[1.0, 1.0]).is_err());
        assert!(NumericCells::new(&[f64::NAN]).is_err());
        assert!(NumericCells::new(&[0.0, f64::INFINITY]).is_err());
    }

    #[test]
    fn levels_have_places_for_other_unseen_and_null() {
        let cells = LevelCells::new(&["a", "b", ""]);
        let found: Vec<usize> = [Some("b"), Some("zz"), None, Some("")]
            .iter()
            .map(|l| cells.index(*l))
            .collect();
        assert_eq!(found, vec![1, 3, 5, 2]);
        assert_eq!((cells.unseen(), cells.count()), (4, 6));
    }

    #[test]
    fn windows_of_counts_add_up() {
        let cells = NumericCells::new(&[0.0, 1.0]).expect("increasing");
        let (mut both, mut first, mut second) = (vec![0; 4], vec![0; 4], vec![0; 4]);
        cells.add([0.5, 2.0, f64::NAN], &mut both);
        cells.add([0.5], &mut first);
        cells.add([2.0, f64::NAN], &mut second);
        let sum: Vec<u64> = first.iter().zip(&second).map(|(a, b)| a + b).collect();
        assert_eq!(both, sum);
    }
}
