//! How the kernels that compare bytes see a forest: units, lanes and sets, and where each node stands in them.

use std::collections::HashMap;

use super::Forest;
use super::lanes::{Lanes, Place};
use super::sets::{SetPlace, Sets};
use super::units::{LeafNumbers, Units};

/// The common part of these kernels, and what only their builders need.
pub(super) struct Plan {
    pub(super) units: Units,
    pub(super) lanes: Lanes,
    pub(super) sets: Sets,
    pub(super) leaf_numbers: LeafNumbers,
    /// Lane and rank of each numeric node.
    pub(super) places: Vec<Place>,
    /// Feature and split of each categorical node.
    pub(super) set_places: HashMap<u32, SetPlace>,
}

impl Plan {
    /// Plan a forest; none when it asks for too many lanes or sets.
    pub(super) fn new(forest: &Forest) -> Option<Self> {
        let (lanes, places) = Lanes::build(forest)?;
        let (sets, set_places) = Sets::build(forest)?;
        let (units, leaf_numbers) = Units::build(forest);
        Some(Self {
            units,
            lanes,
            sets,
            leaf_numbers,
            places,
            set_places,
        })
    }
}
