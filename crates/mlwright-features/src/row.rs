//! From the named fields of a request row to checked cells in the order of the transform's inputs.

use std::collections::HashMap;

use crate::cell::{Cell, Value};
use crate::contract::{Column, Contract};
use crate::error::FeatureError;
use crate::text::{nearest, quoted};
use crate::transform::Input;
use crate::violation::{Violation, ViolationKind};

/// Inputs whose presence is kept on the stack; wider rows take one allocation.
const WORDS_ON_STACK: usize = 8;

/// Reads rows: every input must be there and keep its contract, other columns the contract knows (label, time,
/// ignored) are passed over, unknown ones are refused. Built once per model, used by every request.
///
/// ```
/// use mlwright_features::{Cell, Contract, RowReader, Value};
/// let contract = Contract::from_json(
///     br#"{"format":1,"columns":[{"name":"amount","type":"number","max":5000}],"label":{"name":"fraud"}}"#,
/// ).unwrap();
/// let reader = RowReader::new(&contract, &contract.inputs()).unwrap();
/// let mut cells = [Cell::Null];
/// reader.read([("amount", Value::Number(12.0)), ("fraud", Value::Null)], &mut cells).unwrap();
/// assert_eq!(cells, [Cell::Number(12.0)]);
/// let broken = reader.read([("amount", Value::Number(1e9))], &mut cells).unwrap_err();
/// assert_eq!(broken.message, r#"column "amount" is 1e9, the contract allows at most 5000"#);
/// ```
#[derive(Debug)]
pub struct RowReader {
    /// The contract's word on each input.
    columns: Vec<Column>,
    /// Place of each known name among the inputs; none for names that are passed over.
    places: HashMap<Box<str>, Option<usize>>,
}

impl RowReader {
    /// Bind a contract to the inputs of a transform.
    ///
    /// # Errors
    /// [`FeatureError::Contract`] when an input is not in the contract or has another type there.
    pub fn new(contract: &Contract, inputs: &[Input]) -> Result<Self, FeatureError> {
        let mut places: HashMap<Box<str>, Option<usize>> = contract
            .known_names()
            .map(|name| (name.into(), None))
            .collect();
        let mut columns = Vec::with_capacity(inputs.len());
        for (place, input) in inputs.iter().enumerate() {
            let column = contract.column(&input.name).ok_or_else(|| {
                FeatureError::Contract(format!("the input {:?} has no column", input.name))
            })?;
            if column.kind != input.kind {
                return Err(FeatureError::Contract(format!(
                    "column {:?} is {}, the model reads {}",
                    input.name,
                    column.kind.word(),
                    input.kind.word()
                )));
            }
            columns.push(column.clone());
            places.insert(input.name.as_str().into(), Some(place));
        }
        Ok(Self { columns, places })
    }

    /// Number of inputs, and of cells.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.columns.len()
    }

    /// The contract's word on each input, in the order of the cells.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Check the fields of a row, in any order, and put them into `cells` (one per input).
    ///
    /// # Errors
    /// The first [`Violation`], in the order of the fields; missing columns last.
    ///
    /// # Panics
    /// When `cells` has another length than the inputs: a programming mistake of the caller.
    pub fn read<'k, 'a>(
        &self,
        fields: impl IntoIterator<Item = (&'k str, Value<'a>)>,
        cells: &mut [Cell<'a>],
    ) -> Result<(), Violation> {
        assert_eq!(cells.len(), self.columns.len(), "one cell per input");
        let mut on_stack = [0_u64; WORDS_ON_STACK];
        let mut on_heap;
        let seen = if self.columns.len() <= 64 * WORDS_ON_STACK {
            &mut on_stack[..]
        } else {
            on_heap = vec![0_u64; self.columns.len().div_ceil(64)];
            &mut on_heap[..]
        };
        let mut expected = 0;
        let mut found = 0;
        for (name, value) in fields {
            let Some(place) = self.place(name, expected)? else {
                continue;
            };
            let column = &self.columns[place];
            if seen[place / 64] >> (place % 64) & 1 == 1 {
                return Err(column.broken(ViolationKind::Type, "appears twice in the row"));
            }
            seen[place / 64] |= 1 << (place % 64);
            cells[place] = column.admit(value)?;
            found += 1;
            expected = place + 1;
        }
        if found < self.columns.len() {
            let is_missing = |place: &usize| seen[place / 64] >> (place % 64) & 1 == 0;
            let missing = (0..self.columns.len())
                .find(is_missing)
                .map_or(0, |place| place);
            return Err(self.columns[missing]
                .broken(ViolationKind::MissingColumn, "is missing from the row"));
        }
        Ok(())
    }

    /// Check values given in the order of the inputs.
    ///
    /// # Errors
    /// The first [`Violation`].
    ///
    /// # Panics
    /// When `cells` has another length than the inputs: a programming mistake of the caller.
    pub fn read_in_order<'a>(
        &self,
        values: impl IntoIterator<Item = Value<'a>>,
        cells: &mut [Cell<'a>],
    ) -> Result<(), Violation> {
        assert_eq!(cells.len(), self.columns.len(), "one cell per input");
        let mut values = values.into_iter();
        for (column, cell) in self.columns.iter().zip(&mut *cells) {
            let value = values.next().ok_or_else(|| {
                column.broken(ViolationKind::MissingColumn, "is missing from the row")
            })?;
            *cell = column.admit(value)?;
        }
        if values.next().is_some() {
            let message = format!(
                "the row has more than the {} values of the model",
                self.columns.len()
            );
            return Err(Violation {
                kind: ViolationKind::UnknownColumn,
                column: String::new(),
                message,
            });
        }
        Ok(())
    }

    /// Place of a field; callers mostly send columns in order, so the next one is compared before looking up.
    fn place(&self, name: &str, expected: usize) -> Result<Option<usize>, Violation> {
        if self
            .columns
            .get(expected)
            .is_some_and(|column| column.name == name)
        {
            return Ok(Some(expected));
        }
        self.places
            .get(name)
            .copied()
            .ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> Violation {
        let near = nearest(name, self.columns.iter().map(|column| column.name.as_str()))
            .map(|near| format!(", the nearest is {near:?}"))
            .unwrap_or_default();
        let message = format!("column {} is not in the contract{near}", quoted(name));
        Violation {
            kind: ViolationKind::UnknownColumn,
            column: name.chars().take(100).collect(),
            message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract() -> Contract {
        let json = br#"{"format":1,"columns":[
            {"name":"amount","type":"number","nullable":true},{"name":"shop","type":"string"},
            {"name":"id","type":"string"}],"label":{"name":"fraud","type":"integer"},"time":"ts","ignored":["note"]}"#;
        Contract::from_json(json).expect("valid")
    }

    fn reader() -> RowReader {
        let inputs = &contract().inputs()[..2];
        RowReader::new(&contract(), inputs).expect("fits")
    }

    #[test]
    fn fields_come_in_any_order_and_known_others_are_passed_over() {
        let mut cells = [Cell::Null; 2];
        let fields = [
            ("ts", Value::Object),
            ("shop", Value::Text("a")),
            ("id", Value::Null),
            ("fraud", Value::Text("?")),
            ("note", Value::List),
            ("amount", Value::Null),
        ];
        reader()
            .read(fields, &mut cells)
            .expect("keeps the contract");
        assert_eq!(cells, [Cell::Null, Cell::Text("a")]);
    }

    #[test]
    fn missing_unknown_and_repeated_columns_are_named() {
        let mut cells = [Cell::Null; 2];
        let missing = reader()
            .read([("amount", Value::Null)], &mut cells)
            .expect_err("no shop");
        assert_eq!(
            (missing.kind, missing.column.as_str()),
            (ViolationKind::MissingColumn, "shop")
        );
        let unknown = reader()
            .read([("amuont", Value::Null)], &mut cells)
            .expect_err("a slip");
        assert_eq!(
            unknown.message,
            r#"column "amuont" is not in the contract, the nearest is "amount""#
        );
        let twice = [
            ("shop", Value::Text("a")),
            ("amount", Value::Null),
            ("shop", Value::Text("b")),
        ];
        assert_eq!(
            reader().read(twice, &mut cells).expect_err("twice").kind,
            ViolationKind::Type
        );
    }

    #[test]
    fn values_in_order_need_the_right_number() {
        let mut cells = [Cell::Null; 2];
        let values = [Value::Number(1.0), Value::Text("a"), Value::Null];
        reader()
            .read_in_order(values[..2].iter().copied(), &mut cells)
            .expect("fits");
        let short = reader()
            .read_in_order(values[..1].iter().copied(), &mut cells)
            .expect_err("short");
        assert_eq!(short.kind, ViolationKind::MissingColumn);
        let long = reader()
            .read_in_order(values, &mut cells)
            .expect_err("long");
        assert_eq!(long.kind, ViolationKind::UnknownColumn);
    }

    #[test]
    fn an_input_outside_the_contract_cannot_be_bound() {
        use crate::cell::Kind;
        let other = [Input {
            name: "zip".to_owned(),
            kind: Kind::String,
        }];
        assert!(
            RowReader::new(&contract(), &other)
                .expect_err("absent")
                .to_string()
                .contains("zip")
        );
        let other = [Input {
            name: "amount".to_owned(),
            kind: Kind::String,
        }];
        assert!(
            RowReader::new(&contract(), &other)
                .expect_err("type")
                .to_string()
                .contains("amount")
        );
    }

    #[test]
    fn wide_rows_are_read_too() {
        let columns: Vec<String> = (0..600)
            .map(|k| format!(r#"{{"name":"c{k}","type":"number"}}"#))
            .collect();
        let json = format!(r#"{{"format":1,"columns":[{}]}}"#, columns.join(","));
        let contract = Contract::from_json(json.as_bytes()).expect("valid");
        let reader = RowReader::new(&contract, &contract.inputs()).expect("fits");
        let names: Vec<String> = (0..600).rev().map(|k| format!("c{k}")).collect();
        let mut cells = vec![Cell::Null; 600];
        let fields = || names.iter().map(|name| (name.as_str(), Value::Number(1.0)));
        reader
            .read(fields(), &mut cells)
            .expect("keeps the contract");
        assert_eq!(
            reader
                .read(fields().skip(1), &mut cells)
                .expect_err("short")
                .column,
            "c599"
        );
    }
}
