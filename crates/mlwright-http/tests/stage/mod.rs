//! A real server on free ports with two small models, and callers that write to its sockets byte by byte.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mlwright_http::ServerConfig;
use mlwright_package::sha256_hex;
use serde_json::{Value, json};

/// Longest wait for anything.
pub(crate) const BOUND: Duration = Duration::from_secs(10);
/// Token of the admin listener.
pub(crate) const ADMIN_TOKEN: &str = "admin-token-of-the-tests";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder of packages, logs and the deployment document, and the server on it. The server ends with the tests.
#[derive(Debug)]
pub(crate) struct Stage {
    folder: PathBuf,
    port: u16,
    admin_port: u16,
    grpc_port: Option<u16>,
}

/// Status, head and body of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut named = pairs.filter(|(key, _)| *key == name);
        named.next().map(|(_, value)| value)
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|problem| panic!("{problem}: {}", self.body))
    }
}

impl Stage {
    /// Start a server; `change` edits its configuration.
    pub(crate) fn start(change: impl FnOnce(&mut Value)) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("mlwright-http-{}-{number}", std::process::id()));
        fs::create_dir(&folder).expect("a new folder");
        let mut stage = Self {
            folder,
            port: 0,
            admin_port: 0,
            grpc_port: None,
        };
        let (first, matrix) = (stage.columns_package(100.0), stage.matrix_package());
        stage.write_document(1, &[("champion", 1, &first, 1.0)], &matrix);
        let mut config = json!({"host": "127.0.0.1", "port": 0, "admin_port": 0, "workers": 2, "token": null,
            "admin_token": ADMIN_TOKEN, "document": stage.folder.join("deployments.json"),
            "packages": stage.folder.join("packages"), "log": stage.folder.join("log"), "log_inputs": true,
            "onnxruntime": null, "server_file": stage.folder.join("server.json")});
        change(&mut config);
        let config = ServerConfig::from_json(&config.to_string()).expect("a configuration");
        std::thread::spawn(move || mlwright_http::run(&config));
        stage.wait();
        stage
    }

    fn wait(&mut self) {
        let until = Instant::now() + BOUND;
        while Instant::now() < until {
            if let Ok(text) = fs::read_to_string(self.folder.join("server.json")) {
                let facts: Value = serde_json::from_str(&text).expect("JSON");
                let port = |name: &str| {
                    u16::try_from(facts[name].as_u64().expect("a port")).expect("a port")
                };
                (self.port, self.admin_port) = (port("port"), port("admin_port"));
                self.grpc_port = (!facts["grpc_port"].is_null()).then(|| port("grpc_port"));
                return;
            }
            std::thread::yield_now();
        }
        panic!("the server did not start");
    }

    /// The log of a deployment.
    pub(crate) fn log(&self, deployment: &str) -> PathBuf {
        self.folder.join("log").join(deployment)
    }

    /// A package that says 1 when `amount` is above a limit; its digest.
    pub(crate) fn columns_package(&self, limit: f64) -> String {
        let columns = json!([{"name": "amount", "type": "number", "max": 1e6},
            {"name": "kind", "type": "string", "levels": ["a", "b"], "closed": true}]);
        let inputs =
            json!([{"name": "amount", "type": "number"}, {"name": "kind", "type": "string"}]);
        let outputs = json!([{"name": "amount", "op": "number", "column": "amount"}]);
        let signature = json!({"kind": "columns", "inputs": inputs, "classes": [0, 1], "positive": 1, "threshold": 0.5});
        self.package("fraud", &signature, &[
            ("model.linear.json", linear(&[1.0], -limit)),
            ("transform.json", json!({"format": 1, "inputs": inputs, "outputs": outputs})),
            ("contract.json", json!({"format": 1, "columns": columns, "label": {"name": "is_fraud"}, "ignored": ["customer"]})),
        ])
    }

    /// A package that takes one tensor `input` of two numbers and scores sigmoid(a − b); its digest.
    pub(crate) fn matrix_package(&self) -> String {
        let signature = json!({"kind": "tensor", "inputs": [{"name": "input", "datatype": "FP64", "shape": [-1, 2]}],
            "outputs": [{"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]}],
            "classes": [0, 1], "positive": 1, "threshold": 0.5});
        self.package(
            "matrix",
            &signature,
            &[("model.linear.json", linear(&[1.0, -1.0], 0.0))],
        )
    }

    /// A regression that says amount + 1; its digest.
    pub(crate) fn values_package(&self) -> String {
        let inputs = json!([{"name": "amount", "type": "number"}]);
        let outputs = json!([{"name": "amount", "op": "number", "column": "amount"}]);
        let signature = json!({"kind": "columns", "inputs": inputs, "classes": []});
        let mut model = linear(&[1.0], 1.0);
        model["link"] = json!("identity");
        self.package_of("regression", "price", &signature, &[
            ("model.linear.json", model),
            ("transform.json", json!({"format": 1, "inputs": inputs, "outputs": outputs})),
            ("contract.json", json!({"format": 1, "columns": inputs, "label": {"name": "price"}, "ignored": []})),
        ])
    }

    fn package(&self, name: &str, signature: &Value, files: &[(&str, Value)]) -> String {
        self.package_of("binary", name, signature, files)
    }

    fn package_of(
        &self,
        task: &str,
        name: &str,
        signature: &Value,
        files: &[(&str, Value)],
    ) -> String {
        let entry = |bytes: &str| json!({"size": bytes.len(), "sha256": sha256_hex(bytes.as_bytes()), "mode": 0o644});
        let listed: serde_json::Map<String, Value> = files
            .iter()
            .map(|(name, json)| ((*name).to_owned(), entry(&json.to_string())))
            .collect();
        let engine = json!({"kind": "linear", "file": "model.linear.json"});
        let manifest = json!({"format": 1, "name": name, "task": task, "engine": engine, "signature": signature,
            "files": listed, "provenance": {}})
        .to_string();
        let digest = sha256_hex(manifest.as_bytes());
        let folder = self.package_folder(&digest);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("manifest.json"), manifest).expect("written");
        for (name, json) in files {
            fs::write(folder.join(name), json.to_string()).expect("written");
        }
        digest
    }

    /// Where a package is.
    pub(crate) fn package_folder(&self, digest: &str) -> PathBuf {
        self.folder.join("packages").join(digest)
    }

    /// Write the document: variants of `production` (name, version, digest, weight), and `tensors` with one version.
    pub(crate) fn write_document(
        &self,
        epoch: u64,
        variants: &[(&str, u32, &str, f64)],
        matrix: &str,
    ) {
        let variant = |model: &str, (name, version, digest, weight): &(&str, u32, &str, f64)| json!({"name": name, "model": model, "version": version, "digest": digest, "weight": weight});
        let production: Vec<Value> = variants.iter().map(|one| variant("fraud", one)).collect();
        let document = json!({"format": 1, "epoch": epoch, "deployments": [
            {"name": "production", "model": "fraud", "unit": "customer", "salt": "s", "rollout": 0, "variants": production},
            {"name": "tensors", "model": "matrix", "unit": null, "salt": "t", "rollout": 0,
             "variants": [variant("matrix", &("champion", 4, matrix, 1.0))]},
            {"name": "values", "model": "price", "unit": null, "salt": "v", "rollout": 0,
             "variants": [variant("price", &("champion", 2, &self.values_package(), 1.0))]}]});
        self.publish(&document);
    }

    fn publish(&self, document: &Value) {
        let partial = self.folder.join("deployments.partial");
        fs::write(&partial, document.to_string()).expect("written");
        fs::rename(partial, self.folder.join("deployments.json")).expect("renamed");
    }

    /// Take all deployments away but `production`.
    pub(crate) fn serve_only_production(&self, epoch: u64) {
        let text = fs::read_to_string(self.folder.join("deployments.json")).expect("a document");
        let mut document: Value = serde_json::from_str(&text).expect("JSON");
        document["epoch"] = json!(epoch);
        let deployments = document["deployments"].as_array_mut().expect("a list");
        deployments.truncate(1);
        self.publish(&document);
        let answer = self.ask_admin("POST", "/admin/reload", ADMIN_TOKEN);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Ask the serving listener.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        ask_with(self.port, method, path, "", body.as_bytes())
    }

    /// Ask the admin listener with a token.
    pub(crate) fn ask_admin(&self, method: &str, path: &str, token: &str) -> Answer {
        ask_with(
            self.admin_port,
            method,
            path,
            &format!("authorization: Bearer {token}\r\n"),
            b"",
        )
    }

    /// Ask the serving listener with more headers.
    pub(crate) fn ask_with_headers(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: impl AsRef<[u8]>,
    ) -> Answer {
        ask_with(self.port, method, path, headers, body.as_ref())
    }

    /// A connection to the gRPC listener.
    pub(crate) fn connect_grpc(&self) -> TcpStream {
        connect(self.grpc_port.expect("a gRPC listener"))
    }

    /// A connection to the serving listener.
    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.port)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // The server may be writing still; what stays is in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn linear(coefficients: &[f64], intercept: f64) -> Value {
    json!({"format": 1, "features": coefficients.len(), "link": "sigmoid", "coefficients": [coefficients],
        "intercept": [intercept]})
}

fn ask_with(port: u16, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    let mut connection = connect(port);
    // A server that refuses early may close before all is sent; its answer is what counts.
    let _ = connection.write_all(&[head.as_bytes(), body].concat());
    read_answer(&mut connection, &mut Vec::new())
}

fn connect(port: u16) -> TcpStream {
    let connection = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    connection.set_read_timeout(Some(BOUND)).expect("a bound");
    connection.set_write_timeout(Some(BOUND)).expect("a bound");
    connection
}

/// Read one answer; `received` holds what came after it.
pub(crate) fn read_answer(connection: &mut TcpStream, received: &mut Vec<u8>) -> Answer {
    let end = |bytes: &[u8]| {
        bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .map(|at| at + 4)
    };
    while end(received).is_none() {
        receive(connection, received);
    }
    let start = end(received).expect("found above");
    let head = String::from_utf8(received[..start].to_vec())
        .expect("text")
        .to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |text| text.parse().expect("a number"));
    while received.len() < start + length {
        receive(connection, received);
    }
    let rest = received.split_off(start + length);
    let bytes = received[start..].to_vec();
    *received = rest;
    Answer {
        status: head[9..12].parse().expect("a status"),
        body: String::from_utf8_lossy(&bytes).into_owned(),
        head,
        bytes,
    }
}

fn receive(connection: &mut TcpStream, received: &mut Vec<u8>) {
    let mut piece = [0; 8192];
    let count = connection.read(&mut piece).expect("bytes in time");
    assert!(
        count > 0,
        "closed after {:?}",
        String::from_utf8_lossy(received)
    );
    received.extend_from_slice(&piece[..count]);
}

/// Change one byte of a file, as a failing disk would.
pub(crate) fn corrupt(path: &Path) {
    let mut bytes = fs::read(path).expect("a file");
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    fs::write(path, bytes).expect("written");
}
