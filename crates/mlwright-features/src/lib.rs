//! From raw values to model inputs, the same code in training, batch and serving: the fitted [`Transform`], the
//! data [`Contract`] that every request row must keep, and the reading of timestamps.

mod cell;
mod contract;
mod error;
#[cfg(test)]
mod fuzz;
mod row;
mod terms;
mod text;
mod text_fit;
mod time;
mod transform;
mod violation;
mod word_characters;

pub use cell::{Cell, ColumnSlice, Kind, Value};
pub use contract::{Column, Contract};
pub use error::FeatureError;
pub use row::RowReader;
pub use text_fit::{FittedText, TextTask, fit_text};
pub use time::{TimePart, parse_timestamp};
pub use transform::{Input, Transform};
pub use violation::{Violation, ViolationKind};
