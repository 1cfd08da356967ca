//! The deployment document: what should be served, at which weights. Checked before anything is loaded.

use std::collections::HashSet;

use mlwright_stats::assign::check_weights;
use serde::Deserialize;

use crate::ServeError;

const MOST_VARIANTS: usize = 8;

/// Desired state of a server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Version of this form; 1.
    pub format: u32,
    /// Grows with every change.
    pub epoch: u64,
    /// What to serve.
    pub deployments: Vec<DeploymentSpec>,
}

/// A named live endpoint.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentSpec {
    /// Its name.
    pub name: String,
    /// The model that its variants are versions of.
    pub model: String,
    /// Column whose text is the unit when a request names none.
    #[serde(default)]
    pub unit: Option<String>,
    /// Salt of the assignment; a new rollout has a new one.
    pub salt: String,
    /// The rollout under way, if any.
    #[serde(default)]
    pub rollout: Option<u64>,
    /// Variants in the order of their intervals, the candidate first.
    pub variants: Vec<VariantSpec>,
}

/// One model version in a deployment.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariantSpec {
    /// Name of the variant.
    pub name: String,
    /// Name of the model.
    pub model: String,
    /// Version of the model.
    pub version: u32,
    /// Digest of the package.
    pub digest: String,
    /// Share of traffic, 0..1.
    pub weight: f64,
}

impl Document {
    /// Refuse a document that contradicts itself.
    pub(crate) fn check(&self) -> Result<(), ServeError> {
        if self.format != 1 {
            return Err(wrong(format!(
                "the deployment document has format {}, this server reads 1",
                self.format
            )));
        }
        let mut names = HashSet::new();
        for deployment in &self.deployments {
            if !names.insert(deployment.name.as_str()) {
                return Err(wrong(format!(
                    "the deployment {:?} is listed twice",
                    deployment.name
                )));
            }
            deployment.check()?;
        }
        Ok(())
    }
}

impl DeploymentSpec {
    fn check(&self) -> Result<(), ServeError> {
        let name = &self.name;
        if !is_plain(name) || !is_plain(&self.model) {
            return Err(wrong(format!(
                "{name:?} or its model {:?} is no plain name",
                self.model
            )));
        }
        if self.variants.is_empty() || self.variants.len() > MOST_VARIANTS {
            let found = self.variants.len();
            return Err(wrong(format!(
                "the deployment {name:?} has {found} variants, 1 to {MOST_VARIANTS} are possible"
            )));
        }
        let mut names = HashSet::new();
        for variant in &self.variants {
            if !names.insert(variant.name.as_str()) {
                return Err(wrong(format!(
                    "the variant {:?} of {name:?} is listed twice",
                    variant.name
                )));
            }
            let is_digest = variant.digest.len() == 64
                && variant.digest.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !is_digest {
                return Err(wrong(format!(
                    "the variant {:?} of {name:?} has no digest",
                    variant.name
                )));
            }
        }
        let weights: Vec<f64> = self.variants.iter().map(|variant| variant.weight).collect();
        check_weights(&weights).map_err(|error| wrong(format!("the deployment {name:?}: {error}")))
    }
}

fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !name.is_empty()
        && name.len() <= 200
        && name.bytes().all(is_plain)
        && !name.starts_with(['.', '_'])
}

fn wrong(message: String) -> ServeError {
    ServeError::Document(message)
}
