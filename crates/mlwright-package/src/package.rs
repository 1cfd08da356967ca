//! A verified package, held in memory.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::{FileEntry, Manifest, PackageError, sha256_hex};

/// Name of the manifest in a package.
pub const MANIFEST: &str = "manifest.json";
/// A manifest lists a few files and columns; more than this is none.
const LARGEST_MANIFEST: u64 = 16 << 20;
const EXECUTABLE: u32 = 0o111;

/// A verified package: its manifest and the bytes of its files.
#[derive(Debug)]
pub struct Package {
    manifest: Manifest,
    manifest_json: String,
    digest: String,
    files: BTreeMap<String, Vec<u8>>,
}

impl Package {
    /// Open a package folder and verify all of it: entries, manifest digest (when one is expected), sizes, modes and
    /// digests, in this order; nothing but the verified manifest is parsed.
    ///
    /// # Errors
    /// [`PackageError`] names the first file that is not as it should be.
    pub fn open(folder: &Path, expected_digest: Option<&str>) -> Result<Self, PackageError> {
        let entries = list(folder)?;
        if !entries.contains_key(MANIFEST) {
            return Err(PackageError::MissingFile {
                file: MANIFEST.to_owned(),
            });
        }
        let (bytes, _) = read(folder, MANIFEST, LARGEST_MANIFEST)?;
        let digest = sha256_hex(&bytes);
        if let Some(expected) = expected_digest {
            check_digest(MANIFEST, expected, &digest)?;
        }
        let manifest = Manifest::from_json(&bytes)?;
        let manifest_json = String::from_utf8_lossy(&bytes).into_owned();
        check_entries(&entries, &manifest)?;
        let files = manifest
            .files
            .iter()
            .map(|(name, entry)| Ok((name.clone(), read_verified(folder, name, entry)?)))
            .collect::<Result<_, PackageError>>()?;
        Ok(Self {
            manifest,
            manifest_json,
            digest,
            files,
        })
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The manifest as it is written in the package.
    #[must_use]
    pub fn manifest_json(&self) -> &str {
        &self.manifest_json
    }

    /// The digest of the manifest: the identity of the package.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The verified bytes of a file.
    ///
    /// # Errors
    /// [`PackageError::MissingFile`] when the package has no such file.
    pub fn file(&self, name: &str) -> Result<&[u8], PackageError> {
        self.files
            .get(name)
            .map(Vec::as_slice)
            .ok_or_else(|| PackageError::MissingFile {
                file: name.to_owned(),
            })
    }

    /// The verified bytes of the engine's file.
    ///
    /// # Errors
    /// None in practice: a manifest without this file is refused on opening.
    pub fn model(&self) -> Result<&[u8], PackageError> {
        self.file(&self.manifest.engine.file)
    }
}

/// Entries of the folder and their sizes; anything but regular files with one link is refused.
fn list(folder: &Path) -> Result<BTreeMap<String, u64>, PackageError> {
    let shown = folder.display().to_string();
    let about = match fs::symlink_metadata(folder) {
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            return Err(PackageError::NotFound { file: shown });
        }
        Err(source) => {
            return Err(PackageError::Io {
                file: shown,
                source,
            });
        }
        Ok(about) => about,
    };
    if about.is_symlink() {
        return Err(PackageError::Link {
            file: shown,
            what: "a symbolic link",
        });
    }
    if !about.is_dir() {
        return Err(PackageError::NotFound { file: shown });
    }
    let failed = |source| PackageError::Io {
        file: shown.clone(),
        source,
    };
    let mut entries = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let about = entry.metadata().map_err(failed)?;
        if about.is_dir() {
            return Err(PackageError::ExtraFile { file: name });
        }
        check_regular(&name, &about)?;
        entries.insert(name, about.len());
    }
    Ok(entries)
}

fn check_regular(name: &str, about: &fs::Metadata) -> Result<(), PackageError> {
    let what = if about.is_symlink() {
        "a symbolic link"
    } else if !about.is_file() {
        "no regular file"
    } else if about.nlink() > 1 {
        "a file with another hard link"
    } else {
        return Ok(());
    };
    Err(PackageError::Link {
        file: name.to_owned(),
        what,
    })
}

/// Compare names and sizes, so that a wrong folder is refused before gigabytes are read.
fn check_entries(entries: &BTreeMap<String, u64>, manifest: &Manifest) -> Result<(), PackageError> {
    if let Some(extra) = entries
        .keys()
        .find(|name| *name != MANIFEST && !manifest.files.contains_key(*name))
    {
        return Err(PackageError::ExtraFile {
            file: extra.clone(),
        });
    }
    for (name, entry) in &manifest.files {
        match entries.get(name) {
            None => return Err(PackageError::MissingFile { file: name.clone() }),
            Some(size) => check_size(name, entry.size, *size)?,
        }
    }
    Ok(())
}

fn read_verified(folder: &Path, name: &str, entry: &FileEntry) -> Result<Vec<u8>, PackageError> {
    let (bytes, mode) = read(folder, name, entry.size)?;
    check_size(name, entry.size, bytes.len() as u64)?;
    if (mode & EXECUTABLE == 0) != (entry.mode & EXECUTABLE == 0) {
        return Err(PackageError::Mode {
            file: name.to_owned(),
            expected: entry.mode,
            found: mode & 0o7777,
        });
    }
    check_digest(name, &entry.sha256, &sha256_hex(&bytes))?;
    Ok(bytes)
}

/// Read at most `most` + 1 bytes of a regular file and its mode. The file is opened without following links and
/// looked at again through the open handle, so an exchange after listing is noticed too.
fn read(folder: &Path, name: &str, most: u64) -> Result<(Vec<u8>, u32), PackageError> {
    let failed = |source| PackageError::Io {
        file: name.to_owned(),
        source,
    };
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(folder.join(name))
        .map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    check_regular(name, &about)?;
    if about.len() > most {
        return Err(PackageError::Size {
            file: name.to_owned(),
            expected: most,
            found: about.len(),
        });
    }
    let mut bytes = Vec::with_capacity(about.len() as usize);
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    Ok((bytes, about.permissions().mode()))
}

fn check_size(name: &str, expected: u64, found: u64) -> Result<(), PackageError> {
    if expected == found {
        return Ok(());
    }
    Err(PackageError::Size {
        file: name.to_owned(),
        expected,
        found,
    })
}

fn check_digest(name: &str, expected: &str, found: &str) -> Result<(), PackageError> {
    if expected == found {
        return Ok(());
    }
    Err(PackageError::Digest {
        file: name.to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    })
}

#[cfg(test)]
mod tests;
