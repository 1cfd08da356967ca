//! Labels and outcome events by prediction id: `[{"id": …, "label": …}]` or `[{"id": …, "event": "error"}]`.

use std::borrow::Cow;

use mlwright_serve::{FeedbackEvent, FeedbackKind, PredictionId};

use crate::errors::ApiError;
use crate::json::{Reader, Scalar};
use crate::keys::Keys;
use crate::reply::Reply;
use crate::shared::Shared;

/// Longest name of an event.
const EVENT_CHARACTERS: usize = 64;

#[derive(Debug)]
struct Entry<'a> {
    id: Cow<'a, str>,
    kind: FeedbackKind,
    value: &'a [u8],
}

/// Answer `POST /v1/feedback`: all entries are kept, or none.
pub(crate) fn take(shared: &Shared, body: &[u8]) -> Result<Reply, ApiError> {
    let mut reader = Reader::new(body, shared.limits.json_depth)?;
    let entries = read_entries(&mut reader, shared.limits.rows)?;
    reader.finish()?;
    if let Some(row) = entries
        .iter()
        .position(|entry| PredictionId::parse(&entry.id).is_none())
    {
        return Err(ApiError::FeedbackId { row });
    }
    let events: Vec<_> = entries
        .iter()
        .map(|entry| FeedbackEvent {
            id: &entry.id,
            kind: entry.kind,
            value: entry.value,
        })
        .collect();
    shared.engine.feedback(&events)?;
    Ok(Reply::json(
        format!("{{\"accepted\":{}}}", events.len()).into_bytes(),
    ))
}

fn read_entries<'a>(reader: &mut Reader<'a>, limit: usize) -> Result<Vec<Entry<'a>>, ApiError> {
    if reader.peek()? != b'[' {
        reader.scalar()?;
        return Err(ApiError::Shape(
            "the body has to be a list of labels or events".to_owned(),
        ));
    }
    reader.open()?;
    let mut entries = Vec::new();
    let mut is_first = true;
    while reader.next_item(&mut is_first)? {
        if entries.len() == limit {
            return Err(ApiError::TooLarge(format!(
                "more than {limit} entries in one request"
            )));
        }
        let entry = read_entry(reader, entries.len())?;
        entries.push(entry);
    }
    Ok(entries)
}

fn read_entry<'a>(reader: &mut Reader<'a>, row: usize) -> Result<Entry<'a>, ApiError> {
    if reader.peek()? != b'{' {
        reader.scalar()?;
        return Err(ApiError::Shape(format!("entry {row} is not an object")));
    }
    reader.open()?;
    let (mut id, mut content) = (None, None);
    let mut keys = Keys::default();
    while let Some(key) = reader.next_new_key(&mut keys)? {
        reader.peek()?;
        let start = reader.position();
        let value = reader.scalar()?;
        let raw = reader.since(start);
        match (key.as_ref(), value) {
            ("id", Scalar::Text(text)) if id.is_none() => id = Some(text),
            ("label", Scalar::Bool(_) | Scalar::Number(_) | Scalar::Text(_))
                if content.is_none() =>
            {
                content = Some((FeedbackKind::Label, raw));
            }
            ("event", Scalar::Text(text))
                if content.is_none()
                    && !text.is_empty()
                    && text.chars().count() <= EVENT_CHARACTERS =>
            {
                content = Some((FeedbackKind::Event, raw));
            }
            (other, _) => {
                let message =
                    format!("entry {row}: {other:?} is unknown, twice, or of the wrong type");
                return Err(ApiError::Shape(message));
            }
        }
    }
    let (Some(id), Some((kind, value))) = (id, content) else {
        return Err(ApiError::Shape(format!(
            "entry {row} needs `id` and either `label` or `event`"
        )));
    };
    Ok(Entry { id, kind, value })
}
