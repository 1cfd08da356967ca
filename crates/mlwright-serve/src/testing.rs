//! Folders, packages and documents for the tests of this crate.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use mlwright_package::sha256_hex;
use serde_json::{Value, json};

use crate::{Document, Engine, EngineConfig};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// An empty folder that goes away with its owner.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mlwright-serve-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new folder");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The log of a deployment of [`Folder::engine`].
    pub(crate) fn log(&self, deployment: &str) -> PathBuf {
        self.0.join("log").join(deployment)
    }

    /// An engine whose packages and logs are in here.
    pub(crate) fn engine(&self) -> Engine {
        let packages = self.0.join("packages");
        fs::create_dir_all(&packages).expect("a folder");
        Engine::new(EngineConfig {
            longest_wait: std::time::Duration::from_millis(25),
            packages,
            log: self.0.join("log"),
            log_inputs: true,
            onnxruntime: None,
            max_in_flight: 2,
        })
        .expect("an engine")
    }

    /// Write a package that scores `sigmoid(weight · amount)` and counts `amount`, `shop` and `weekend`; its digest.
    pub(crate) fn package(&self, weight: f64) -> String {
        self.package_of("amount", 2, weight)
    }

    /// The same with another name for `amount`, and for three classes with the weights w, −w and 0.
    pub(crate) fn package_of(&self, amount: &str, classes: usize, weight: f64) -> String {
        let columns = json!([
            {"name": amount, "type": "number", "nullable": true, "max": 1000.0},
            {"name": "shop", "type": "string", "nullable": true},
            {"name": "weekend", "type": "boolean", "nullable": true}]);
        let inputs = json!([{"name": amount, "type": "number"}, {"name": "shop", "type": "string"},
            {"name": "weekend", "type": "boolean"}]);
        let (task, model) = if classes == 2 {
            let model = json!({"format": 1, "features": 1, "link": "sigmoid", "coefficients": [[weight]],
                "intercept": [0.0]});
            ("binary", model)
        } else {
            let model = json!({"format": 1, "features": 1, "link": "softmax",
                "coefficients": [[weight], [-weight], [0.0]], "intercept": [0.0, 0.0, 0.0]});
            ("multiclass", model)
        };
        let transform = json!({"format": 1, "inputs": inputs, "outputs": [
            {"name": "x", "op": "scale", "column": amount, "fill": 0.0, "mean": 0.0, "scale": 1.0}]});
        let reference = json!({"format": 1, "rows": 1, "columns": [
            {"name": amount, "kind": "number", "edges": [0.0, 10.0], "counts": [0, 1, 0, 0]},
            {"name": "shop", "kind": "level", "levels": ["a"], "counts": [1, 0, 0, 0]},
            {"name": "weekend", "kind": "level", "levels": ["0", "1"], "counts": [1, 0, 0, 0, 0]}],
            "score": {"edges": [0.5], "counts": [1, 0, 0]}});
        let contract = json!({"format": 1, "columns": columns, "label": {"name": "is_fraud"}});
        let listed: Vec<usize> = (0..classes).collect();
        let mut signature =
            json!({"kind": "columns", "inputs": inputs, "classes": listed, "threshold": 0.5});
        if classes == 2 {
            signature["positive"] = json!(1);
        }
        let files = [
            ("model.linear.json", model),
            ("transform.json", transform),
            ("contract.json", contract),
            ("reference.json", reference),
        ];
        self.write(task, &signature, &files)
    }

    fn write(&self, task: &str, signature: &Value, files: &[(&str, Value)]) -> String {
        let entry = |bytes: &str| json!({"size": bytes.len(), "sha256": sha256_hex(bytes.as_bytes()), "mode": 0o644});
        let listed: serde_json::Map<String, Value> = files
            .iter()
            .map(|(name, json)| ((*name).to_owned(), entry(&json.to_string())))
            .collect();
        let engine = json!({"kind": "linear", "file": "model.linear.json"});
        let manifest = json!({"format": 1, "name": "fraud", "task": task, "engine": engine, "signature": signature,
            "files": listed, "provenance": {}})
        .to_string();
        let digest = sha256_hex(manifest.as_bytes());
        let folder = self.package_folder(&digest);
        fs::create_dir_all(&folder).expect("a new folder");
        fs::write(folder.join("manifest.json"), manifest).expect("written");
        for (name, json) in files {
            fs::write(folder.join(name), json.to_string()).expect("written");
        }
        digest
    }

    pub(crate) fn package_folder(&self, digest: &str) -> PathBuf {
        self.0.join("packages").join(digest)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A document with the deployment `production` of `fraud`: name, version, digest and weight of each variant.
pub(crate) fn document(epoch: u64, variants: &[(&str, u32, &str, f64)]) -> Document {
    let variants: Vec<Value> = variants
        .iter()
        .map(|(name, version, digest, weight)| {
            json!({"name": name, "model": "fraud", "version": version, "digest": digest, "weight": weight})
        })
        .collect();
    let document = json!({"format": 1, "epoch": epoch, "deployments": [
        {"name": "production", "model": "fraud", "unit": "customer_id", "salt": "production-7", "rollout": 7,
         "variants": variants}]});
    serde_json::from_value(document).expect("a document")
}
