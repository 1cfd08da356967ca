//! Tables as CSV (RFC 4180), read strictly: every record has as many fields as the first, an empty field is a missing
//! value, a quoted one a text, and a number is written as in JSON.

use std::borrow::Cow;

use mlwright_package::{ColumnType, SignatureInputs};
use mlwright_serve::{Answer, Deployment, Servable};

use crate::columnar::check_repeated;
use crate::errors::ApiError;
use crate::infer::extend_with_values;
use crate::number;
use crate::tensor_values::ELEMENTS;
use crate::text::{class_key, push_list, push_number, push_text};

/// A field as it stands, without its quotes.
#[derive(Debug, PartialEq)]
struct Field<'a> {
    text: Cow<'a, str>,
    is_quoted: bool,
}

/// The records of a body.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    names: Option<Vec<Field<'a>>>,
    fields: Vec<Field<'a>>,
    width: usize,
}

impl<'a> Table<'a> {
    /// Read all records.
    pub(crate) fn read(body: &'a [u8], has_header: bool, limit: usize) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(body)
            .map_err(|_| ApiError::Shape("the table is no UTF-8".to_owned()))?;
        let mut rest = text;
        let (mut table, mut line) = (Self::empty(), 1);
        let mut needs_header = has_header;
        while !rest.is_empty() {
            let start = table.fields.len();
            rest = read_record(rest, &mut table.fields, line)?;
            let found = table.fields.len() - start;
            if table.width == 0 {
                table.width = found;
            } else if table.width != found {
                let width = table.width;
                return Err(wrong(
                    line,
                    &format!("has {found} fields, the first {width}"),
                ));
            }
            if needs_header {
                table.names = Some(std::mem::take(&mut table.fields));
                needs_header = false;
            }
            if table.rows() > limit || table.fields.len() > ELEMENTS {
                return Err(ApiError::TooLarge(format!(
                    "more than {limit} rows or {ELEMENTS} values in one request"
                )));
            }
            line += 1;
        }
        if table.rows() == 0 {
            return Err(ApiError::Shape("the table has no row".to_owned()));
        }
        Ok(table)
    }

    fn empty() -> Self {
        Self {
            names: None,
            fields: Vec::new(),
            width: 0,
        }
    }

    /// Number of records, without the header.
    pub(crate) fn rows(&self) -> usize {
        self.fields.len().checked_div(self.width).unwrap_or(0)
    }

    /// The unit of the first row, when the deployment has a column for it and the table names its columns.
    pub(crate) fn unit(&self, deployment: &Deployment) -> Option<Cow<'a, str>> {
        let wanted = deployment.spec.unit.as_deref()?;
        let names = self.names.as_ref()?;
        let place = names.iter().position(|field| field.text == wanted)?;
        let field = self.fields.get(place)?;
        (field.is_quoted || !field.text.is_empty()).then(|| field.text.clone())
    }

    /// Write the rows as JSON: objects for a model of named columns, lists for a matrix model.
    pub(crate) fn compose(&self, servable: &Servable) -> Result<Vec<Cow<'a, [u8]>>, ApiError> {
        let SignatureInputs::Columns(columns) = &servable.manifest().signature.inputs else {
            return Ok(self.write_rows(|out, record| {
                push_list(out, record, |out, field| push_field(out, field, None));
            }));
        };
        let names: Vec<&str> = match &self.names {
            Some(names) => names.iter().map(|field| field.text.as_ref()).collect(),
            None => columns.iter().map(|column| column.name.as_str()).collect(),
        };
        if names.len() != self.width {
            let (found, expected) = (self.width, names.len());
            return Err(ApiError::Shape(format!(
                "the table has {found} columns, the model takes {expected}; a header names them: \
                 `Content-Type: text/csv; header=present`"
            )));
        }
        check_repeated(names.iter().map(|name| name.len()).sum(), self.rows())?;
        let kind_of = |name: &&str| columns.iter().find(|column| column.name == *name);
        let kinds: Vec<Option<ColumnType>> = names
            .iter()
            .map(|name| kind_of(name).map(|column| column.kind))
            .collect();
        Ok(self.write_rows(|out, record| {
            out.push(b'{');
            for (place, field) in record.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                push_text(out, names[place]);
                out.push(b':');
                push_field(out, field, kinds[place]);
            }
            out.push(b'}');
        }))
    }

    fn write_rows(&self, write: impl Fn(&mut Vec<u8>, &[Field<'a>])) -> Vec<Cow<'a, [u8]>> {
        let row = |record| {
            let mut out = Vec::with_capacity(self.width * 24);
            write(&mut out, record);
            Cow::Owned(out)
        };
        self.fields.chunks_exact(self.width).map(row).collect()
    }
}

fn wrong(line: usize, what: &str) -> ApiError {
    ApiError::Shape(format!("record {line} of the table {what}"))
}

/// Read one record; give what follows it.
fn read_record<'a>(
    text: &'a str,
    fields: &mut Vec<Field<'a>>,
    line: usize,
) -> Result<&'a str, ApiError> {
    let mut rest = text;
    loop {
        let (field, after) = read_field(rest, line)?;
        fields.push(field);
        rest = match after.as_bytes() {
            [b',', ..] => &after[1..],
            [b'\r', b'\n', ..] => return Ok(&after[2..]),
            [b'\n', ..] => return Ok(&after[1..]),
            [] => return Ok(after),
            _ => return Err(wrong(line, "has bytes after a closing quote")),
        };
    }
}

fn read_field(text: &str, line: usize) -> Result<(Field<'_>, &str), ApiError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', '\n', '\r', '"']).unwrap_or(text.len());
        let (field, after) = text.split_at(end);
        if after.starts_with('"') || (after.starts_with('\r') && !after.starts_with("\r\n")) {
            return Err(wrong(
                line,
                "has a quote or a carriage return inside a field",
            ));
        }
        let text = Cow::Borrowed(field);
        let is_quoted = false;
        return Ok((Field { text, is_quoted }, after));
    };
    let mut end = 0;
    loop {
        let length = quoted[end..]
            .find('"')
            .ok_or_else(|| wrong(line, "has a quote without an end"))?;
        end += length;
        if !quoted[end + 1..].starts_with('"') {
            break;
        }
        end += 2;
    }
    let inner = &quoted[..end];
    let text = if inner.contains('"') {
        Cow::Owned(inner.replace("\"\"", "\""))
    } else {
        Cow::Borrowed(inner)
    };
    let is_quoted = true;
    Ok((Field { text, is_quoted }, &quoted[end + 1..]))
}

/// Append a field as JSON. What is no number or truth value where one is due stays a text, which the contract refuses.
fn push_field(out: &mut Vec<u8>, field: &Field<'_>, kind: Option<ColumnType>) {
    let text = field.text.as_ref();
    let is_number = || {
        let read = number::parse(text.as_bytes());
        read.is_ok_and(|(_, length)| length == text.len())
    };
    let is_literal = !field.is_quoted
        && match kind {
            Some(ColumnType::Number | ColumnType::Integer) | None => is_number(),
            Some(ColumnType::Boolean) => ["true", "false"].contains(&text),
            Some(ColumnType::String | ColumnType::Timestamp) => false,
        };
    if text.is_empty() && !field.is_quoted {
        out.extend_from_slice(b"null");
    } else if is_literal {
        out.extend_from_slice(text.as_bytes());
    } else {
        push_text(out, text);
    }
}

/// Write a record for each row: the prediction, then the score of a binary model or the probabilities of all classes.
pub(crate) fn render(servable: &Servable, answer: &Answer, rows: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(rows * 24);
    let classes = servable.classes();
    for row in 0..rows {
        let values = answer.row(row);
        let mut numbers = Vec::new();
        if let Some(class) = answer.class_of(row).and_then(|place| classes.get(place)) {
            push_cell(&mut out, &class_key(class));
            out.push(b',');
        }
        match servable.score(values) {
            Some(score) => numbers.push(score),
            None => extend_with_values(&mut numbers, servable, values),
        }
        for (place, value) in numbers.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            if value.is_finite() {
                push_number(&mut out, *value);
            }
        }
        out.push(b'\n');
    }
    out
}

fn push_cell(out: &mut Vec<u8>, text: &str) {
    if text.contains(['"', ',', '\n', '\r']) {
        let doubled = text.replace('"', "\"\"");
        out.extend_from_slice(format!("\"{doubled}\"").as_bytes());
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str) -> Result<Vec<(String, bool)>, ApiError> {
        let table = Table::read(body.as_bytes(), false, 10)?;
        let fields = table.fields.into_iter();
        Ok(fields
            .map(|field| (field.text.into_owned(), field.is_quoted))
            .collect())
    }

    #[test]
    fn fields_are_read_as_rfc_4180_writes_them() {
        for (body, expected) in [
            ("1,a", vec![("1", false), ("a", false)]),
            ("1,a\r\n", vec![("1", false), ("a", false)]),
            (",\n", vec![("", false), ("", false)]),
            ("\"\",\"a,\nb\"", vec![("", true), ("a,\nb", true)]),
            (
                "\"\"\"\",\"a\"\"b\"\"\"",
                vec![("\"", true), ("a\"b\"", true)],
            ),
            ("1\n2\n", vec![("1", false), ("2", false)]),
        ] {
            let expected: Vec<(String, bool)> = expected
                .into_iter()
                .map(|(text, is_quoted)| (text.to_owned(), is_quoted))
                .collect();
            assert_eq!(texts(body), Ok(expected), "{body:?}");
        }
    }

    #[test]
    fn tables_that_are_not_strict_are_refused() {
        for body in [
            "",
            "1,2\n3",
            "1\n1,2",
            "a\"b",
            "\"a",
            "\"a\"b",
            "a\rb",
            "1,2\n\n3,4",
        ] {
            assert!(texts(body).is_err(), "{body:?}");
        }
        assert!(Table::read(b"\xff", false, 10).is_err());
        assert!(Table::read(b"a,b\n", true, 10).is_err());
        assert!(Table::read("1\n".repeat(11).as_bytes(), false, 10).is_err());
    }

    // promise: serve.fuzz-parsers
    #[test]
    fn any_texts_come_back_from_their_table_and_damage_makes_no_ragged_one() {
        const PIECES: [&str; 8] = ["", "\"", ",", "\n", "\r\n", "é", "1e5", "a b"];
        mlwright_fuzz::for_each_seed(20_000, |random| {
            let (width, rows) = (1 + random.below(4), 1 + random.below(4));
            let texts: Vec<String> = (0..width * rows)
                .map(|_| {
                    (0..random.below(4))
                        .map(|_| *random.choose(&PIECES))
                        .collect()
                })
                .collect();
            let quoted = |text: &String| format!("\"{}\"", text.replace('"', "\"\""));
            let records = texts.chunks(width).map(|record| {
                let fields: Vec<String> = record.iter().map(quoted).collect();
                fields.join(",") + *random.choose(&["\n", "\r\n"])
            });
            let body: String = records.collect();
            let table = Table::read(body.as_bytes(), false, 10).expect("a table");
            let read: Vec<&str> = table
                .fields
                .iter()
                .map(|field| field.text.as_ref())
                .collect();
            assert_eq!(
                (read, table.width),
                (texts.iter().map(String::as_str).collect(), width)
            );
            let damaged = mlwright_fuzz::damage(random, body.as_bytes(), b"1,2\n");
            if let Ok(table) = Table::read(&damaged, false, 1_000) {
                assert_eq!(table.fields.len(), table.width * table.rows());
            }
        });
    }
}
