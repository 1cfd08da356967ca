//! The data contract: which columns rows have and what their values may be. The document is read strictly for what
//! the request path needs; batch limits (null rates, quantiles) in the same document belong to the control plane.

use std::collections::HashSet;

use serde::Deserialize;

use crate::cell::{Cell, Kind, Value};
use crate::error::FeatureError;
use crate::text::{number, quoted};
use crate::time::parse_timestamp;
use crate::transform::Input;
use crate::violation::{Violation, ViolationKind};

#[derive(Deserialize)]
struct Document {
    format: u32,
    columns: Vec<ColumnDocument>,
    label: Option<Named>,
    time: Option<String>,
    #[serde(default)]
    ignored: Vec<String>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct ColumnDocument {
    name: String,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default)]
    nullable: bool,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(default)]
    allow_nan: bool,
    levels: Option<Vec<String>>,
    #[serde(default)]
    closed: bool,
    max_length: Option<usize>,
}

/// What the contract says of one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Name of the column.
    pub name: String,
    /// Type of its values.
    pub kind: Kind,
    /// Whether null is allowed.
    pub nullable: bool,
    /// Smallest number allowed.
    pub min: Option<f64>,
    /// Largest number allowed.
    pub max: Option<f64>,
    /// Whether NaN and infinities are allowed.
    pub allow_nan: bool,
    /// The only texts allowed, when the list is closed.
    pub only_levels: Option<HashSet<String>>,
    /// Most characters of a text.
    pub max_length: Option<usize>,
}

/// A data contract, read from `contract.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct Contract {
    columns: Vec<Column>,
    label: Option<String>,
    time: Option<String>,
    ignored: Vec<String>,
}

impl Contract {
    /// Read and check a contract document (format 1). Keys that only batch checks use are left alone. An optional
    /// list `ignored` names columns that rows may carry and nothing looks at.
    ///
    /// # Errors
    /// [`FeatureError::Contract`] says what is wrong.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FeatureError> {
        let document: Document =
            serde_json::from_slice(bytes).map_err(|e| FeatureError::Contract(e.to_string()))?;
        if document.format != 1 {
            return Err(FeatureError::Contract(format!(
                "format {}, this version reads 1",
                document.format
            )));
        }
        let mut names = HashSet::new();
        let mut columns = Vec::with_capacity(document.columns.len());
        for column in document.columns {
            if !names.insert(column.name.clone()) {
                return Err(FeatureError::Contract(format!(
                    "column {:?} is listed twice",
                    column.name
                )));
            }
            columns.push(column.check()?);
        }
        Ok(Self {
            columns,
            label: document.label.map(|label| label.name),
            time: document.time,
            ignored: document.ignored,
        })
    }

    /// The columns, in the order of the document.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What the contract says of a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Every column but the label, as inputs: what a row has when nothing else says so.
    #[must_use]
    pub fn inputs(&self) -> Vec<Input> {
        self.columns
            .iter()
            .filter(|column| Some(&column.name) != self.label.as_ref())
            .map(|column| Input {
                name: column.name.clone(),
                kind: column.kind,
            })
            .collect()
    }

    /// Every name a row may carry: columns, label, time and ignored ones.
    pub fn known_names(&self) -> impl Iterator<Item = &str> {
        let columns = self.columns.iter().map(|column| column.name.as_str());
        columns
            .chain(self.label.as_deref())
            .chain(self.time.as_deref())
            .chain(self.ignored.iter().map(String::as_str))
    }
}

impl ColumnDocument {
    fn check(self) -> Result<Column, FeatureError> {
        let wrong = |what: String| {
            Err(FeatureError::Contract(format!(
                "column {:?} {what}",
                self.name
            )))
        };
        if let (Some(min), Some(max)) = (self.min, self.max)
            && min > max
        {
            return wrong(format!("has min {} above max {}", number(min), number(max)));
        }
        if self.closed && self.levels.is_none() {
            return wrong("is closed and has no levels".to_owned());
        }
        Ok(Column {
            only_levels: self
                .levels
                .filter(|_| self.closed)
                .map(|levels| levels.into_iter().collect()),
            name: self.name,
            kind: self.kind,
            nullable: self.nullable,
            min: self.min,
            max: self.max,
            allow_nan: self.allow_nan,
            max_length: self.max_length,
        })
    }
}

impl Column {
    /// Check a value as a caller sent it and give it as a cell.
    ///
    /// # Errors
    /// The [`Violation`] of this column's rules.
    pub fn admit<'a>(&self, value: Value<'a>) -> Result<Cell<'a>, Violation> {
        match (self.kind, value) {
            (_, Value::Null) => self.admit_null(),
            (Kind::Number | Kind::Integer, Value::Number(x)) => self.admit_number(x),
            (Kind::Boolean, Value::Bool(flag)) => Ok(Cell::Number(f64::from(u8::from(flag)))),
            (Kind::String, Value::Text(text)) => self.admit_text(text),
            (Kind::Timestamp, Value::Text(text)) => {
                parse_timestamp(text).map(Cell::Time).ok_or_else(|| {
                    self.broken(
                        ViolationKind::Type,
                        &format!("is {}, which is not a timestamp", quoted(text)),
                    )
                })
            }
            (Kind::Timestamp, Value::Number(micros)) => {
                // Exclusive at 2^63; i64::MIN itself stands for null.
                if micros.fract() == 0.0 && micros.abs() < i64::MAX as f64 {
                    return Ok(Cell::Time(micros as i64));
                }
                Err(self.broken(
                    ViolationKind::Type,
                    &format!(
                        "is {}, which is not a count of microseconds",
                        number(micros)
                    ),
                ))
            }
            (
                _,
                Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List | Value::Object,
            ) => {
                let message = format!(
                    "is {}, the contract says {}",
                    value.word(),
                    self.kind.word()
                );
                Err(self.broken(ViolationKind::Type, &message))
            }
        }
    }

    fn admit_null<'a>(&self) -> Result<Cell<'a>, Violation> {
        if self.nullable {
            return Ok(Cell::Null);
        }
        Err(self.broken(ViolationKind::Null, "is null, the contract allows no null"))
    }

    fn admit_number<'a>(&self, value: f64) -> Result<Cell<'a>, Violation> {
        if !value.is_finite() {
            if self.allow_nan && self.kind == Kind::Number {
                return Ok(Cell::Number(value));
            }
            return Err(self.broken(
                ViolationKind::Nan,
                &format!("is {value}, the contract allows finite numbers only"),
            ));
        }
        if self.kind == Kind::Integer && value.fract() != 0.0 {
            return Err(self.broken(
                ViolationKind::Type,
                &format!("is {}, the contract says integer", number(value)),
            ));
        }
        if let Some(max) = self.max.filter(|max| value > *max) {
            let message = format!(
                "is {}, the contract allows at most {}",
                number(value),
                number(max)
            );
            return Err(self.broken(ViolationKind::Range, &message));
        }
        if let Some(min) = self.min.filter(|min| value < *min) {
            let message = format!(
                "is {}, the contract allows at least {}",
                number(value),
                number(min)
            );
            return Err(self.broken(ViolationKind::Range, &message));
        }
        Ok(Cell::Number(value))
    }

    fn admit_text<'a>(&self, text: &'a str) -> Result<Cell<'a>, Violation> {
        // A text has at most as many characters as bytes, so most texts are not counted.
        if let Some(most) = self.max_length.filter(|most| text.len() > *most) {
            let characters = text.chars().count();
            if characters > most {
                let message =
                    format!("has {characters} characters, the contract allows at most {most}");
                return Err(self.broken(ViolationKind::Length, &message));
            }
        }
        if let Some(levels) = self
            .only_levels
            .as_ref()
            .filter(|levels| !levels.contains(text))
        {
            let message = format!(
                "is {}, which is not among the {} levels of the contract",
                quoted(text),
                levels.len()
            );
            return Err(self.broken(ViolationKind::Level, &message));
        }
        Ok(Cell::Text(text))
    }

    /// A violation of this column; the message continues `column "name" …`.
    pub(crate) fn broken(&self, kind: ViolationKind, what: &str) -> Violation {
        Violation {
            kind,
            column: self.name.clone(),
            message: format!("column {:?} {what}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(json: &str) -> Column {
        let document = format!(r#"{{"format":1,"columns":[{json}],"label":null,"time":null}}"#);
        Contract::from_json(document.as_bytes())
            .expect("valid")
            .columns()[0]
            .clone()
    }

    fn refusal(column: &Column, value: Value<'_>) -> (ViolationKind, String) {
        let violation = column.admit(value).expect_err("a violation");
        assert_eq!(violation.column, column.name);
        (violation.kind, violation.message)
    }

    #[test]
    fn numbers_keep_their_hard_limits() {
        let amount = column(
            r#"{"name":"amount","type":"number","min":-10,"max":5000,"quantiles":[[0.5,1.0]]}"#,
        );
        assert_eq!(
            amount.admit(Value::Number(5000.0)),
            Ok(Cell::Number(5000.0))
        );
        let (kind, message) = refusal(&amount, Value::Number(1e9));
        assert_eq!(kind, ViolationKind::Range);
        assert_eq!(
            message,
            "column \"amount\" is 1e9, the contract allows at most 5000"
        );
        assert_eq!(
            refusal(&amount, Value::Number(-10.5)).0,
            ViolationKind::Range
        );
        assert_eq!(
            refusal(&amount, Value::Number(f64::NAN)).0,
            ViolationKind::Nan
        );
        assert_eq!(
            refusal(&amount, Value::Number(f64::INFINITY)).0,
            ViolationKind::Nan
        );
        assert_eq!(refusal(&amount, Value::Null).0, ViolationKind::Null);
        for value in [
            Value::Bool(true),
            Value::Text("5"),
            Value::List,
            Value::Object,
        ] {
            assert_eq!(refusal(&amount, value).0, ViolationKind::Type);
        }
    }

    #[test]
    fn nan_passes_only_where_it_is_allowed() {
        let loose = column(r#"{"name":"x","type":"number","allow_nan":true,"nullable":true}"#);
        assert!(matches!(loose.admit(Value::Number(f64::NAN)), Ok(Cell::Number(x)) if x.is_nan()));
        assert_eq!(loose.admit(Value::Null), Ok(Cell::Null));
    }

    #[test]
    fn integers_have_no_fraction() {
        let count = column(r#"{"name":"n","type":"integer"}"#);
        assert_eq!(count.admit(Value::Number(1.0)), Ok(Cell::Number(1.0)));
        assert_eq!(refusal(&count, Value::Number(1.5)).0, ViolationKind::Type);
    }

    #[test]
    fn texts_keep_their_levels_and_length() {
        let shop = column(
            r#"{"name":"shop","type":"string","levels":["a","bü"],"closed":true,"max_length":2}"#,
        );
        assert_eq!(shop.admit(Value::Text("bü")), Ok(Cell::Text("bü")));
        assert_eq!(refusal(&shop, Value::Text("c")).0, ViolationKind::Level);
        assert_eq!(refusal(&shop, Value::Text("abc")).0, ViolationKind::Length);
        let open = column(r#"{"name":"shop","type":"string","levels":["a"],"closed":false}"#);
        assert_eq!(open.admit(Value::Text("c")), Ok(Cell::Text("c")));
    }

    #[test]
    fn timestamps_are_texts_or_microseconds() {
        let ts = column(r#"{"name":"ts","type":"timestamp"}"#);
        assert_eq!(
            ts.admit(Value::Text("1970-01-01T00:00:01Z")),
            Ok(Cell::Time(1_000_000))
        );
        assert_eq!(ts.admit(Value::Number(5.0)), Ok(Cell::Time(5)));
        for value in [
            Value::Text("yesterday"),
            Value::Number(0.5),
            Value::Number(1e30),
            Value::Bool(true),
        ] {
            assert_eq!(refusal(&ts, value).0, ViolationKind::Type);
        }
    }

    #[test]
    fn malformed_contracts_are_refused() {
        for (json, expected) in [
            ("[]", "struct"),
            (r#"{"format":3,"columns":[]}"#, "format 3"),
            (
                r#"{"format":1,"columns":[{"name":"x","type":"float"}]}"#,
                "float",
            ),
            (
                r#"{"format":1,"columns":[{"name":"x","type":"number","min":2,"max":1}]}"#,
                "min 2 above max 1",
            ),
            (
                r#"{"format":1,"columns":[{"name":"x","type":"string","closed":true}]}"#,
                "no levels",
            ),
            (
                r#"{"format":1,"columns":[{"name":"x","type":"number"},{"name":"x","type":"number"}]}"#,
                "twice",
            ),
        ] {
            let error = Contract::from_json(json.as_bytes()).expect_err(json);
            assert_eq!(error.code(), "features.contract");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
