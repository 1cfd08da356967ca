//! `manifest.json`, format 1, and the checks that its parts agree.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::PackageError;
use crate::package::MANIFEST;

/// The manifest of a package.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Manifest {
    /// Version of the format; this code reads 1.
    pub format: u32,
    /// Name of the model.
    pub name: String,
    /// What the model predicts.
    pub task: Task,
    /// What computes it, from which file.
    pub engine: Engine,
    /// What goes in and what comes out.
    pub signature: Signature,
    /// Every file but the manifest itself.
    pub files: BTreeMap<String, FileEntry>,
    /// Where the model comes from.
    pub provenance: Provenance,
    /// Licence of the model, if it has one.
    #[serde(default)]
    pub licence: Option<String>,
}

/// What a model predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// One of two classes.
    Binary,
    /// One of several classes.
    Multiclass,
    /// A number.
    Regression,
}

/// What computes the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// A tree ensemble in mlwright's format.
    Trees,
    /// A linear model in JSON.
    Linear,
    /// A forest and networks that are added up, in one file.
    Blend,
    /// An ONNX graph.
    Onnx,
}

/// The engine and its file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Engine {
    /// What computes the model.
    pub kind: EngineKind,
    /// Name of the model file.
    pub file: String,
}

/// Size, digest and mode of a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct FileEntry {
    /// Bytes.
    pub size: u64,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
    /// Unix permission bits; only the executable bits are compared.
    pub mode: u32,
}

/// Where a model comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Provenance {
    /// Digest of the inputs of the pipeline run.
    #[serde(default)]
    pub run: Option<String>,
    /// Digests of the data.
    #[serde(default)]
    pub data: Vec<String>,
    /// Digest of the code.
    #[serde(default)]
    pub code: Option<String>,
    /// Versions of the libraries that trained it.
    #[serde(default)]
    pub libraries: BTreeMap<String, String>,
    /// Seed of the training.
    #[serde(default)]
    pub seed: Option<u64>,
}

/// Inputs, outputs and classes of a model.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Signature {
    /// What goes in: named columns or tensors.
    #[serde(flatten)]
    pub inputs: SignatureInputs,
    /// What comes out, as tensors.
    #[serde(default)]
    pub outputs: Vec<TensorSpec>,
    /// The classes of a classifier, in the order of their probabilities; empty for regression.
    #[serde(default)]
    pub classes: Vec<Class>,
    /// The positive class of a binary classifier.
    #[serde(default)]
    pub positive: Option<Class>,
    /// Score from which on a binary classifier says `positive`.
    #[serde(default)]
    pub threshold: Option<f64>,
}

/// What goes into a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "kind", content = "inputs", rename_all = "lowercase")]
pub enum SignatureInputs {
    /// Named columns, transformed by `transform.json`.
    Columns(Vec<ColumnSpec>),
    /// Tensors, as they are.
    Tensor(Vec<TensorSpec>),
}

/// A named input column.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct ColumnSpec {
    /// Name of the column.
    pub name: String,
    /// Type of its values.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// Whether null is allowed.
    #[serde(default)]
    pub nullable: bool,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Any number.
    Number,
    /// A number without a fraction.
    Integer,
    /// True or false.
    Boolean,
    /// Text.
    String,
    /// A moment.
    Timestamp,
}

/// A tensor in the words of the Open Inference Protocol.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct TensorSpec {
    /// Name of the tensor.
    pub name: String,
    /// Data type: `FP64`, `INT64`, `BYTES`, …
    #[serde(default = "fp64")]
    pub datatype: String,
    /// Sizes; −1 stands for the number of rows.
    #[serde(default = "one_per_row")]
    pub shape: Vec<i64>,
}

fn fp64() -> String {
    "FP64".to_owned()
}

fn one_per_row() -> Vec<i64> {
    vec![-1]
}

/// A class, in its JSON type.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Class {
    /// true or false
    Boolean(bool),
    /// A number without a fraction.
    Integer(i64),
    /// Another number.
    Number(f64),
    /// Text.
    Text(String),
}

impl Manifest {
    /// Read a manifest and check that its parts agree.
    ///
    /// # Errors
    /// [`PackageError::Manifest`] says what is wrong.
    pub fn from_json(bytes: &[u8]) -> Result<Self, PackageError> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(|e| wrong(e.to_string()))?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), PackageError> {
        if self.format != 1 {
            return Err(wrong(format!(
                "format {}, this version reads 1",
                self.format
            )));
        }
        if self.name.is_empty() {
            return Err(wrong("the model has no name"));
        }
        for (name, entry) in &self.files {
            if !is_plain_name(name) || name == MANIFEST {
                return Err(wrong(format!(
                    "{name:?} is not the name of a file in the package"
                )));
            }
            if !is_digest(&entry.sha256) {
                return Err(wrong(format!(
                    "the digest of {name:?} is not 64 hexadecimal digits"
                )));
            }
        }
        let needed = match &self.signature.inputs {
            SignatureInputs::Columns(_) => {
                &[self.engine.file.as_str(), "transform.json", "contract.json"][..]
            }
            SignatureInputs::Tensor(_) => &[self.engine.file.as_str()][..],
        };
        if let Some(absent) = needed.iter().find(|name| !self.files.contains_key(**name)) {
            return Err(wrong(format!(
                "{absent:?} is needed and not among the files"
            )));
        }
        self.check_names()?;
        self.check_classes()
    }

    fn check_names(&self) -> Result<(), PackageError> {
        let inputs: Vec<&str> = match &self.signature.inputs {
            SignatureInputs::Columns(columns) => {
                columns.iter().map(|column| column.name.as_str()).collect()
            }
            SignatureInputs::Tensor(tensors) => {
                tensors.iter().map(|tensor| tensor.name.as_str()).collect()
            }
        };
        if inputs.is_empty() {
            return Err(wrong("the signature has no input"));
        }
        let mut seen = HashSet::new();
        match inputs.iter().find(|name| !seen.insert(**name)) {
            Some(twice) => Err(wrong(format!("the input {twice:?} is listed twice"))),
            None => Ok(()),
        }
    }

    fn check_classes(&self) -> Result<(), PackageError> {
        let signature = &self.signature;
        let classes = signature.classes.len();
        if let Some(threshold) = signature
            .threshold
            .filter(|threshold| !threshold.is_finite())
        {
            return Err(wrong(format!("the threshold is {threshold}")));
        }
        // An imported tensor model may not know its classes.
        if matches!(signature.inputs, SignatureInputs::Tensor(_)) && classes == 0 {
            return Ok(());
        }
        match self.task {
            Task::Binary if classes != 2 => {
                Err(wrong(format!("{classes} classes for a binary task")))
            }
            Task::Binary => match &signature.positive {
                Some(positive) if signature.classes.contains(positive) => Ok(()),
                Some(_) => Err(wrong("the positive class is not among the classes")),
                None => Err(wrong("a binary task needs its positive class")),
            },
            Task::Multiclass if classes < 2 => {
                Err(wrong(format!("{classes} classes for a multiclass task")))
            }
            Task::Regression if classes > 0 => {
                Err(wrong(format!("{classes} classes for a regression")))
            }
            Task::Multiclass | Task::Regression => Ok(()),
        }
    }
}

/// A name without path: no separators, no dots alone, no control characters.
fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && name != "."
        && name != ".."
        && !name.contains(['/', '\\'])
        && !name.chars().any(char::is_control)
}

fn is_digest(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn wrong(message: impl Into<String>) -> PackageError {
    PackageError::Manifest {
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(change: impl Fn(&mut serde_json::Value)) -> Result<Manifest, PackageError> {
        let digest = "0".repeat(64);
        let mut json = serde_json::json!({
            "format": 1, "name": "fraud", "task": "binary",
            "engine": {"kind": "trees", "file": "model.trees"},
            "signature": {"kind": "columns",
                "inputs": [{"name": "amount", "type": "number", "nullable": true}],
                "outputs": [{"name": "score", "datatype": "FP64", "shape": [-1]}],
                "classes": [0, 1], "positive": 1, "threshold": 0.5},
            "files": {
                "model.trees": {"size": 1, "sha256": digest, "mode": 420},
                "transform.json": {"size": 1, "sha256": digest, "mode": 420},
                "contract.json": {"size": 1, "sha256": digest, "mode": 420}},
            "provenance": {"run": "0123456789ab", "data": [], "code": digest, "libraries": {}, "seed": 7},
            "licence": null
        });
        change(&mut json);
        Manifest::from_json(json.to_string().as_bytes())
    }

    #[test]
    fn a_whole_manifest_is_read_and_written_alike() {
        let read = manifest(|_| ()).expect("valid");
        assert_eq!(
            read.signature.classes,
            [Class::Integer(0), Class::Integer(1)]
        );
        assert!(
            matches!(&read.signature.inputs, SignatureInputs::Columns(columns) if columns[0].nullable)
        );
        let text = serde_json::to_string(&read).expect("serialisable");
        assert_eq!(Manifest::from_json(text.as_bytes()).expect("valid"), read);
    }

    #[test]
    fn classes_keep_their_json_type() {
        let read = manifest(|json| {
            json["signature"]["classes"] = serde_json::json!(["no", "yes"]);
            json["signature"]["positive"] = "yes".into();
        });
        assert_eq!(
            read.expect("valid").signature.positive,
            Some(Class::Text("yes".to_owned()))
        );
        let read = manifest(|json| {
            json["signature"]["classes"] = serde_json::json!([false, true]);
            json["signature"]["positive"] = true.into();
        });
        assert_eq!(
            read.expect("valid").signature.positive,
            Some(Class::Boolean(true))
        );
    }

    #[test]
    fn tensor_signatures_need_no_transform() {
        let read = manifest(|json| {
            json["signature"] = serde_json::json!({"kind": "tensor",
                "inputs": [{"name": "input", "datatype": "FP64", "shape": [-1, 30]}],
                "outputs": [{"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]}]});
            json["files"]
                .as_object_mut()
                .expect("object")
                .remove("transform.json");
        });
        let read = read.expect("valid");
        assert!(
            matches!(&read.signature.inputs, SignatureInputs::Tensor(inputs) if inputs[0].shape == [-1, 30])
        );
    }

    #[test]
    fn parts_that_disagree_are_refused() {
        type Change = fn(&mut serde_json::Value);
        let cases: [(Change, &str); 10] = [
            (|json| json["format"] = 2.into(), "format 2"),
            (|json| json["name"] = "".into(), "no name"),
            (
                |json| json["engine"]["file"] = "model.onnx".into(),
                "model.onnx",
            ),
            (
                |json| json["files"]["../x"] = json["files"]["model.trees"].clone(),
                "../x",
            ),
            (
                |json| json["files"]["manifest.json"] = json["files"]["model.trees"].clone(),
                "manifest.json",
            ),
            (
                |json| json["files"]["model.trees"]["sha256"] = "AB".into(),
                "hexadecimal",
            ),
            (|json| json["signature"]["positive"] = 7.into(), "positive"),
            (
                |json| json["signature"]["classes"] = serde_json::json!([1]),
                "1 classes",
            ),
            (
                |json| json["signature"]["inputs"] = serde_json::json!([]),
                "no input",
            ),
            (|json| json["task"] = "ranking".into(), "ranking"),
        ];
        for (change, expected) in cases {
            let error = manifest(change).expect_err(expected);
            assert_eq!(error.code(), "package.manifest");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
