//! One immutable state of what is served; a request keeps the one it began with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mlwright_features::{RowReader, Violation, ViolationKind};
use mlwright_stats::assign::{Salt, choose, thresholds, unit_hash};

use crate::cache::Cache;
use crate::clock::now_us;
use crate::log::Writer;
use crate::statistics::{Durations, ExecutionCounts, Statistics};
use crate::windows::Windows;
use crate::{DeploymentSpec, PredictionId, Servable, ServeError, VariantSpec};

/// Everything that is served at one epoch.
#[derive(Debug)]
pub struct Snapshot {
    epoch: u64,
    deployments: Vec<Arc<Deployment>>,
    by_name: BTreeMap<String, usize>,
}

/// A named live endpoint.
#[derive(Debug)]
pub struct Deployment {
    /// As the document says.
    pub spec: DeploymentSpec,
    /// Its variants, in the order of their intervals.
    pub variants: Vec<Variant>,
    pub(crate) log: Arc<Writer>,
    /// Epoch of the document that set its weights: a request that began before a swap is logged under it.
    pub(crate) epoch: u64,
    thresholds: Vec<u64>,
    salt: Salt,
}

/// One model version in a deployment.
#[derive(Debug)]
pub struct Variant {
    /// As the document says.
    pub spec: VariantSpec,
    /// The loaded package.
    pub servable: Arc<Servable>,
    pub(crate) counts: Arc<VariantCounts>,
    pub(crate) cache: Option<Arc<Cache>>,
}

/// Counts of one package in one deployment; they outlive a change of weights.
#[derive(Debug)]
pub(crate) struct VariantCounts {
    pub(crate) predictions: AtomicU64,
    pub(crate) executions: ExecutionCounts,
    /// Per column of the model, and once for all others.
    violations: Vec<[AtomicU64; ViolationKind::ALL.len()]>,
    pub(crate) windows: Windows,
}

/// Why a request got its variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// By the hash of its unit: the only kind that statistics may use.
    Assigned,
    /// The caller named a version.
    Forced,
}

impl Reason {
    /// The word in the log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Forced => "forced",
        }
    }
}

/// Which variant a request gets, and how likely that was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Index of the variant.
    pub variant: usize,
    /// Probability with which a unit gets this variant.
    pub propensity: f64,
    /// 53-bit hash of the unit.
    pub hash: u64,
    /// Why.
    pub reason: Reason,
}

impl Snapshot {
    pub(crate) fn new(epoch: u64, deployments: Vec<Arc<Deployment>>) -> Self {
        let mut by_name: BTreeMap<String, usize> = deployments
            .iter()
            .enumerate()
            .map(|(place, one)| (one.spec.name.clone(), place))
            .collect();
        let is_mirror = |one: &Deployment| {
            let mirrors = deployments
                .iter()
                .filter_map(|other| other.spec.mirror.as_ref());
            mirrors.into_iter().any(|mirror| mirror.to == one.spec.name)
        };
        for (place, one) in deployments.iter().enumerate() {
            if is_mirror(one) {
                continue;
            }
            let is_only = deployments
                .iter()
                .filter(|other| other.spec.model == one.spec.model && !is_mirror(other))
                .count()
                == 1;
            if is_only {
                by_name.entry(one.spec.model.clone()).or_insert(place);
            }
        }
        Self {
            epoch,
            deployments,
            by_name,
        }
    }

    /// Find a deployment by its name, else by the name of a model that one deployment serves.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Deployment>> {
        self.by_name
            .get(name)
            .map(|place| &self.deployments[*place])
    }

    /// Epoch of the document; 0 before the first.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// All deployments.
    #[must_use]
    pub fn deployments(&self) -> &[Arc<Deployment>] {
        &self.deployments
    }

    /// All variants with their deployments.
    pub fn variants(&self) -> impl Iterator<Item = (&Deployment, &Variant)> {
        self.deployments
            .iter()
            .flat_map(|one| one.variants.iter().map(|variant| (one.as_ref(), variant)))
    }
}

impl Deployment {
    pub(crate) fn new(
        spec: DeploymentSpec,
        epoch: u64,
        variants: Vec<Variant>,
        log: Arc<Writer>,
    ) -> Self {
        let weights: Vec<f64> = variants.iter().map(|variant| variant.spec.weight).collect();
        Self {
            salt: Salt::new(&spec.salt),
            spec,
            variants,
            log,
            epoch,
            thresholds: thresholds(&weights),
        }
    }

    /// Whether one of its models answers one more request in time.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.variants.iter().any(Variant::has_room)
    }

    /// Choose the variant of a unit; without a unit the prediction id stands for it.
    #[must_use]
    pub fn choose(&self, unit: Option<&str>, id: PredictionId) -> Choice {
        let hash = match unit {
            Some(unit) => self.salt.hash(unit.as_bytes()),
            None => self.salt.hash(&id.text()),
        };
        let variant = choose(hash, &self.thresholds);
        let propensity = self.variants[variant].spec.weight;
        Choice {
            variant,
            propensity,
            hash,
            reason: Reason::Assigned,
        }
    }

    /// Whether a unit is among the share that is mirrored. Another salt than that of the assignment: the mirrored share has
    /// all variants in it.
    #[must_use]
    pub fn is_mirrored(&self, unit: Option<&str>, id: PredictionId) -> bool {
        let Some(mirror) = &self.spec.mirror else {
            return false;
        };
        let hash = match unit {
            Some(unit) => unit_hash(&mirror.to, unit.as_bytes()),
            None => unit_hash(&mirror.to, &id.text()),
        };
        choose(hash, &thresholds(&[mirror.share, 1.0 - mirror.share])) == 0
    }

    /// The variant with a version, for callers that name one.
    #[must_use]
    pub fn with_version(&self, version: u32) -> Option<Choice> {
        self.forced(|spec| spec.version == version)
    }

    /// The variant with a name, for callers that name one.
    #[must_use]
    pub fn with_variant(&self, name: &str) -> Option<Choice> {
        self.forced(|spec| spec.name == name)
    }

    fn forced(&self, is_wanted: impl Fn(&VariantSpec) -> bool) -> Option<Choice> {
        let variant = self
            .variants
            .iter()
            .position(|variant| is_wanted(&variant.spec))?;
        Some(Choice {
            variant,
            propensity: 1.0,
            hash: 0,
            reason: Reason::Forced,
        })
    }
}

/// Requests that were under way at a swap count after their windows were flushed; the last of them writes the rest.
impl Drop for Deployment {
    fn drop(&mut self) {
        for variant in &self.variants {
            if Arc::strong_count(&variant.counts) == 1
                && let Some(window) = variant.counts.windows.take(true)
            {
                self.log.append_window(now_us(), &variant.spec, &window);
            }
        }
    }
}

impl Variant {
    /// Whether it is asked in place, without a cache: the path that has to be the shortest.
    pub(crate) fn is_plain(&self) -> bool {
        self.cache.is_none() && self.servable.execution().aside().is_none()
    }

    /// Whether one more row may wait for the model, or a cache may know it.
    pub(crate) fn has_room(&self) -> bool {
        self.cache.is_some() || self.servable.execution().has_room()
    }

    /// Answers that the cache knew, and that it did not; none without a cache.
    #[must_use]
    pub fn cache_counts(&self) -> Option<(u64, u64)> {
        self.cache.as_ref().map(|cache| cache.counts())
    }

    /// Rows predicted.
    #[must_use]
    pub fn predictions(&self) -> u64 {
        self.counts.predictions.load(Ordering::Relaxed)
    }

    /// How often it ran and how long that took.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.counts.executions.read(self.predictions())
    }

    /// Durations from the whole request to its prediction, by outcome.
    #[must_use]
    pub fn durations(&self) -> [(&'static str, &Durations); 2] {
        let executions = &self.counts.executions;
        [("ok", &executions.answered), ("failed", &executions.failed)]
    }

    /// Count a row that broke the contract.
    pub fn count_violation(&self, violation: &Violation) {
        let kind = ViolationKind::ALL
            .iter()
            .position(|kind| *kind == violation.kind);
        let columns = self.servable.reader().map_or(&[][..], RowReader::columns);
        let column = columns
            .iter()
            .position(|column| column.name == violation.column)
            .unwrap_or(columns.len());
        if let Some(count) = kind.and_then(|kind| self.counts.violations.get(column)?.get(kind)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Rows that broke the contract, by column and kind; columns that the model does not read count under no name.
    pub fn violations(&self) -> impl Iterator<Item = (&str, ViolationKind, u64)> {
        let columns = self.servable.reader().map_or(&[][..], RowReader::columns);
        let names = columns.iter().map(|column| column.name.as_str());
        let rows = names.chain([""]).zip(&self.counts.violations);
        rows.flat_map(|(name, counts)| {
            let counts = counts.iter().map(|count| count.load(Ordering::Relaxed));
            ViolationKind::ALL
                .into_iter()
                .zip(counts)
                .map(move |(kind, count)| (name, kind, count))
        })
    }
}

impl VariantCounts {
    pub(crate) fn new(servable: &Servable) -> Result<Self, ServeError> {
        Ok(Self {
            predictions: AtomicU64::new(0),
            executions: ExecutionCounts::default(),
            violations: (0..=servable.reader().map_or(0, RowReader::inputs))
                .map(|_| Default::default())
                .collect(),
            windows: Windows::new(servable)?,
        })
    }
}
