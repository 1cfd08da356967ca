use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A valid package in a folder of its own that goes away with it.
struct Folder {
    path: PathBuf,
    digest: String,
}

impl Folder {
    fn new() -> Self {
        let place = format!(
            "mlwright-package-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(place);
        fs::create_dir(&path).expect("a new folder");
        fs::write(path.join("model.trees"), b"trees").expect("written");
        let manifest = serde_json::json!({
            "format": 1, "name": "m", "task": "regression",
            "engine": {"kind": "trees", "file": "model.trees"},
            "signature": {"kind": "tensor", "inputs": [{"name": "input", "datatype": "FP64", "shape": [-1, 1]}]},
            "files": {"model.trees": {"size": 5, "sha256": sha256_hex(b"trees"), "mode": 420}},
            "provenance": {}
        })
        .to_string();
        fs::write(path.join(MANIFEST), &manifest).expect("written");
        Self {
            path,
            digest: sha256_hex(manifest.as_bytes()),
        }
    }

    fn open(&self) -> Result<Package, PackageError> {
        Package::open(&self.path, Some(&self.digest))
    }

    fn refusal(&self) -> &'static str {
        self.open().expect_err("a refusal").code()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[test]
fn a_whole_package_opens() {
    let folder = Folder::new();
    let package = folder.open().expect("verified");
    assert_eq!(package.model().expect("there"), b"trees");
    assert_eq!(package.digest(), folder.digest);
    assert_eq!(
        package.file("other").expect_err("absent").code(),
        "package.missing-file"
    );
    assert!(Package::open(&folder.path, None).is_ok());
}

#[test]
fn a_flipped_bit_is_found() {
    let folder = Folder::new();
    fs::write(folder.file("model.trees"), b"treez").expect("written");
    assert_eq!(folder.refusal(), "package.digest");
}

#[test]
fn a_changed_manifest_is_refused_before_it_is_parsed() {
    let folder = Folder::new();
    fs::write(folder.file(MANIFEST), b"{ not json").expect("written");
    assert_eq!(folder.refusal(), "package.digest");
    assert_eq!(
        Package::open(&folder.path, None)
            .expect_err("not json")
            .code(),
        "package.manifest"
    );
}

#[test]
fn a_truncated_or_longer_file_is_refused() {
    let folder = Folder::new();
    fs::write(folder.file("model.trees"), b"tree").expect("written");
    assert_eq!(folder.refusal(), "package.size");
    fs::write(folder.file("model.trees"), b"trees!").expect("written");
    assert_eq!(folder.refusal(), "package.size");
}

#[test]
fn missing_and_extra_files_are_refused() {
    let folder = Folder::new();
    fs::write(folder.file("extra"), b"").expect("written");
    assert_eq!(folder.refusal(), "package.extra-file");
    fs::remove_file(folder.file("extra")).expect("removed");
    fs::create_dir(folder.file("extra")).expect("made");
    assert_eq!(folder.refusal(), "package.extra-file");
    fs::remove_dir(folder.file("extra")).expect("removed");
    fs::remove_file(folder.file("model.trees")).expect("removed");
    assert_eq!(folder.refusal(), "package.missing-file");
    fs::remove_file(folder.file(MANIFEST)).expect("removed");
    assert_eq!(folder.refusal(), "package.missing-file");
}

#[test]
fn links_are_refused() {
    let folder = Folder::new();
    let other = Folder::new();
    fs::remove_file(folder.file("model.trees")).expect("removed");
    symlink(other.file("model.trees"), folder.file("model.trees")).expect("linked");
    assert_eq!(folder.refusal(), "package.link");
    fs::remove_file(folder.file("model.trees")).expect("removed");
    fs::hard_link(other.file("model.trees"), folder.file("model.trees")).expect("linked");
    assert_eq!(folder.refusal(), "package.link");
    let link = folder.path.with_extension("link");
    symlink(&other.path, &link).expect("linked");
    let refused = Package::open(&link, None)
        .expect_err("a linked folder")
        .code();
    fs::remove_file(&link).expect("removed");
    assert_eq!(refused, "package.link");
}

#[test]
fn a_file_that_became_executable_is_refused() {
    let folder = Folder::new();
    fs::set_permissions(
        folder.file("model.trees"),
        fs::Permissions::from_mode(0o755),
    )
    .expect("set");
    assert_eq!(folder.refusal(), "package.mode");
}

#[test]
fn no_folder_is_no_package() {
    let folder = Folder::new();
    assert_eq!(
        Package::open(&folder.file("absent"), None)
            .expect_err("absent")
            .code(),
        "package.not-found"
    );
    assert_eq!(
        Package::open(&folder.file(MANIFEST), None)
            .expect_err("a file")
            .code(),
        "package.not-found"
    );
}
