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
    /// Most answers that are kept for callers that ask the same again; 0 keeps none.
    #[serde(default)]
    pub cache_entries: usize,
    /// Another deployment that is asked the same, while the caller has this one's answer.
    #[serde(default)]
    pub mirror: Option<Mirror>,
    /// The rollout under way, if any.
    #[serde(default)]
    pub rollout: Option<u64>,
    /// Variants in the order of their intervals, the candidate first.
    pub variants: Vec<VariantSpec>,
}

/// Traffic that a deployment is shown without its answers being used.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mirror {
    /// Name of the deployment.
    pub to: String,
    /// Share of units, 0..1.
    pub share: f64,
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
        for deployment in &self.deployments {
            self.check_mirror(deployment)?;
        }
        Ok(())
    }
}

impl Document {
    fn check_mirror(&self, deployment: &DeploymentSpec) -> Result<(), ServeError> {
        let Some(mirror) = &deployment.mirror else {
            return Ok(());
        };
        let (name, to) = (&deployment.name, &mirror.to);
        let target = self.deployments.iter().find(|other| other.name == *to);
        let Some(target) = target.filter(|target| target.name != *name) else {
            return Err(wrong(format!(
                "the deployment {name:?} is mirrored to {to:?}, which is no other deployment"
            )));
        };
        if target.mirror.is_some() {
            return Err(wrong(format!(
                "the deployment {name:?} is mirrored to {to:?}, which is mirrored itself"
            )));
        }
        if !(0.0..=1.0).contains(&mirror.share) {
            let share = mirror.share;
            return Err(wrong(format!(
                "the deployment {name:?} is mirrored with a share of {share}, 0 to 1 is possible"
            )));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl Fn(&mut Document)) -> String {
        let digest = "0".repeat(64);
        let both = [
            ("candidate", 4, digest.as_str(), 0.05),
            ("champion", 3, &digest, 0.95),
        ];
        let mut document = crate::testing::document(12, &both);
        document.check().expect("valid before the change");
        change(&mut document);
        document.check().expect_err("a contradiction").to_string()
    }

    #[test]
    fn weights_have_to_be_shares_of_one() {
        for weight in [0.06, -0.05, 1.05, f64::NAN, f64::INFINITY] {
            let message = refusal(|document| document.deployments[0].variants[0].weight = weight);
            assert!(message.contains("production"), "{message}");
        }
    }

    #[test]
    fn names_digests_and_counts_are_checked() {
        type Change = fn(&mut Document);
        let changes: [(Change, &str); 9] = [
            (|document| document.format = 2, "format 2"),
            (
                |document| document.deployments.push(document.deployments[0].clone()),
                "\"production\" is listed twice",
            ),
            (
                |document| document.deployments[0].name = "../log".to_owned(),
                "no plain name",
            ),
            (
                |document| document.deployments[0].name = "_feedback".to_owned(),
                "no plain name",
            ),
            (
                |document| document.deployments[0].model = String::new(),
                "no plain name",
            ),
            (
                |document| document.deployments[0].variants.clear(),
                "0 variants",
            ),
            (
                |document| {
                    document.deployments[0].variants =
                        vec![document.deployments[0].variants[0].clone(); 9];
                },
                "9 variants",
            ),
            (
                |document| document.deployments[0].variants[0].name = "champion".to_owned(),
                "\"champion\"",
            ),
            (
                |document| document.deployments[0].variants[0].digest = "../x".to_owned(),
                "no digest",
            ),
        ];
        for (change, part) in changes {
            let message = refusal(change);
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_document_without_a_rollout_or_a_unit_is_read_and_an_unknown_key_is_refused() {
        let read = |extra: &str| {
            serde_json::from_str::<Document>(&format!(
                r#"{{"format":1,"epoch":1,"deployments":[{{"name":"p","model":"m","salt":"s","variants":[]{extra}}}]}}"#
            ))
        };
        for extra in ["", r#","rollout":null,"unit":null"#] {
            let document = read(extra).expect("valid");
            assert_eq!(
                (
                    document.deployments[0].rollout,
                    &document.deployments[0].unit
                ),
                (None, &None)
            );
        }
        assert!(read(r#","wieght":1"#).is_err());
    }
}
