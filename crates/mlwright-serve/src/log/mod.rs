//! Append-only logs: predictions and counter windows per deployment, labels and events for all of them.
//!
//! A segment is `MLWLOG1\n` and frames of `u32 length | u32 crc32 | payload`. One `write(2)` per request before its
//! answer: a killed process loses no acknowledged record. A torn tail is ignored by readers and cut by the next writer.

mod frame;
mod read;
mod record;
mod row;
mod segment;
mod write;

pub use read::{
    Cursor, FeedbackColumns, PredictionColumns, WindowColumns, read_feedback, read_predictions,
    read_windows,
};
pub(crate) use record::{LoggedRows, PredictionRecord};
pub use write::{FeedbackEvent, FeedbackKind, append_feedback};
pub(crate) use write::{FeedbackLog, Writer, commit};

#[cfg(test)]
mod tests;
