//! Payloads of the log, little endian: a kind, then its fields in the order of the structs below.

use super::row::{push_numbers, push_row};
use crate::PredictionId;
use crate::snapshot::Reason;

/// Kind of a payload.
pub(crate) const PREDICTION: u8 = 1;
pub(crate) const FEEDBACK: u8 = 2;
pub(crate) const WINDOW: u8 = 3;

/// The rows of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LoggedRows<'a> {
    /// The JSON of each; empty when inputs are not kept.
    Json(&'a [&'a [u8]]),
    /// Their numbers, as many of each.
    Numbers(&'a [f64]),
}

/// One request.
#[derive(Debug)]
pub(crate) struct PredictionRecord<'a> {
    pub(crate) time_us: u64,
    pub(crate) ids: PredictionId,
    pub(crate) epoch: u64,
    pub(crate) rollout: u64,
    pub(crate) propensity: f64,
    pub(crate) unit_hash: u64,
    pub(crate) reason: Reason,
    pub(crate) variant: &'a str,
    pub(crate) model: &'a str,
    pub(crate) version: u32,
    pub(crate) latency_us: u32,
    pub(crate) unit: &'a str,
    /// Per row: index of the class, or the value.
    pub(crate) decisions: &'a [f64],
    /// Per row: `width` outputs.
    pub(crate) scores: &'a [f64],
    pub(crate) width: usize,
    pub(crate) inputs: LoggedRows<'a>,
    /// The caller's own id of the request; may be empty. Last, and only there if there is one: older records have none.
    pub(crate) inference_id: &'a str,
}

impl PredictionRecord<'_> {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(PREDICTION);
        let numbers = [
            self.time_us,
            self.ids.process,
            self.ids.counter,
            self.epoch,
            self.rollout,
            self.propensity.to_bits(),
            self.unit_hash,
        ];
        out.extend_from_slice(numbers.map(u64::to_le_bytes).as_flattened());
        out.push(match self.reason {
            Reason::Assigned => 0,
            Reason::Forced => 1,
        });
        out.extend_from_slice(&self.version.to_le_bytes());
        out.extend_from_slice(&self.latency_us.to_le_bytes());
        for text in [self.variant, self.model, self.unit] {
            push_bytes(out, text.as_bytes());
        }
        out.extend_from_slice(&(self.decisions.len() as u32).to_le_bytes());
        out.extend_from_slice(&(self.width as u32).to_le_bytes());
        for (row, decision) in self.decisions.iter().enumerate() {
            out.extend_from_slice(&decision.to_le_bytes());
            for score in &self.scores[row * self.width..(row + 1) * self.width] {
                out.extend_from_slice(&score.to_le_bytes());
            }
            match self.inputs {
                LoggedRows::Json(rows) => push_row(out, rows.get(row).copied().unwrap_or(b"")),
                LoggedRows::Numbers(numbers) => {
                    let width = numbers.len() / self.decisions.len();
                    push_numbers(out, &numbers[row * width..(row + 1) * width]);
                }
            }
        }
        if !self.inference_id.is_empty() {
            push_bytes(out, self.inference_id.as_bytes());
        }
    }
}

pub(crate) fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Reads fields off a payload; every step may find that the payload is too short.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    pub(crate) fn f64(&mut self) -> Option<f64> {
        self.take().map(f64::from_le_bytes)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let length = self.u32()?;
        self.text_of(length as usize)
    }

    pub(crate) fn text_of(&mut self, length: usize) -> Option<&'a str> {
        std::str::from_utf8(self.bytes(length)?).ok()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}
