//! Files of a log: named by the time they began and the process that writes them, locked while it does.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::frame::{HEAD, MAGIC};

/// A segment that is full is followed by another.
pub(crate) const SEGMENT_BYTES: u64 = 64 << 20;

/// The segment being written.
#[derive(Debug)]
pub(crate) struct Segment {
    file: File,
    pub(crate) size: u64,
    /// It ends with part of a frame that could not be cut off: a reader would not see anything after that.
    pub(crate) is_torn: bool,
}

impl Segment {
    /// Begin a segment.
    pub(crate) fn begin(folder: &Path, began_us: u64, process: u64) -> io::Result<Self> {
        let path = folder.join(format!("{began_us:016}-{process:016x}.log"));
        let mut file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(&path)?;
        let begun = file.lock().and_then(|()| file.write_all(MAGIC));
        if let Err(error) = begun {
            // On a full disk every request comes here: no empty file may stay behind. The first error is the one to tell.
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        Ok(Self {
            file,
            size: MAGIC.len() as u64,
            is_torn: false,
        })
    }

    /// Append whole frames in one call; on failure what was written of them is cut off again.
    pub(crate) fn append(&mut self, frames: &[u8]) -> io::Result<()> {
        match self.file.write_all(frames) {
            Ok(()) => {
                self.size += frames.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.is_torn = self.file.set_len(self.size).is_err();
                Err(error)
            }
        }
    }

    /// A segment whose file refuses both writing and cutting.
    #[cfg(test)]
    pub(crate) fn unwritable(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::open(path)?,
            size: MAGIC.len() as u64,
            is_torn: false,
        })
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Cut the torn tails of segments that no live process writes. Only the last segment of a writer can have one that
/// matters, and only the lengths of its frames are read: a folder may hold years of log.
pub(crate) fn cut_torn_tails(folder: &Path) -> io::Result<()> {
    let mut last_of_writer: HashMap<String, PathBuf> = HashMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(writer) = path.to_str().and_then(writer_of) else {
            continue;
        };
        let last = last_of_writer
            .entry(writer.to_owned())
            .or_insert_with(|| path.clone());
        if path > *last {
            *last = path;
        }
    }
    for path in last_of_writer.values() {
        let file = OpenOptions::new().read(true).append(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if let Some(whole) = whole_length(&file)? {
            file.set_len(whole)?;
        }
    }
    Ok(())
}

/// The writer in the name of a segment, `<began>-<writer>.log`.
fn writer_of(path: &str) -> Option<&str> {
    path.strip_suffix(".log")?
        .rsplit_once('-')
        .map(|(_, writer)| writer)
}

/// Where the frames end that are in a segment whole, if that is not its end; none for a file that is no segment.
fn whole_length(file: &File) -> io::Result<Option<u64>> {
    let length = file.metadata()?.len();
    let mut reader = BufReader::new(file);
    let mut head = [0; MAGIC.len()];
    if length < MAGIC.len() as u64 {
        return Ok(None);
    }
    reader.read_exact(&mut head)?;
    if head != *MAGIC {
        return Ok(None);
    }
    let mut at = MAGIC.len() as u64;
    while at + HEAD as u64 <= length {
        let mut head = [0; HEAD];
        reader.read_exact(&mut head)?;
        let [a, b, c, d, ..] = head;
        let payload = u32::from_le_bytes([a, b, c, d]);
        let next = at + HEAD as u64 + u64::from(payload);
        if next > length {
            break;
        }
        reader.seek_relative(i64::from(payload))?;
        at = next;
    }
    Ok((at < length).then_some(at))
}
