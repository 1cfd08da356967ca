//! Files of a log: named by the time they began and the process that writes them, locked while it does.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use super::frame::{MAGIC, sound_length};

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

/// Cut the torn tails of segments that no live process writes.
pub(crate) fn cut_torn_tails(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "log") {
            continue;
        }
        let mut file = OpenOptions::new().read(true).append(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let sound = sound_length(&bytes);
        if sound < bytes.len() {
            file.set_len(sound as u64)?;
        }
    }
    Ok(())
}
