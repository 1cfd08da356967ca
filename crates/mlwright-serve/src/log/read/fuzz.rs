//! Damaged segments and payloads: read as far as they are whole, never further.

use std::fs;

use mlwright_fuzz::{Random, damage, for_each_seed};

use super::*;
use crate::log::frame::push_frame;
use crate::log::{LoggedRows, PredictionRecord};
use crate::snapshot::Reason;
use crate::testing::Folder;

const CASES: u64 = 20_000;
const LONG: u64 = 20 * CASES;
const FILES: u64 = 500;

fn payload(random: &mut Random) -> Vec<u8> {
    let rows = random.below(4);
    let texts = vec![[&b"{\"a\":1}"[..], b"[1.5,-2]"][random.below(2)]; rows];
    let numbers = vec![0.5; 3 * rows];
    let record = PredictionRecord {
        time_us: random.bits(),
        ids: PredictionId {
            process: random.bits(),
            counter: u64::MAX - 1,
        },
        epoch: 1,
        rollout: 0,
        propensity: 0.5,
        unit_hash: 9,
        reason: Reason::Forced,
        variant: "candidate",
        model: "fraud",
        version: 3,
        latency_us: 85,
        unit: "ü",
        decisions: &vec![1.0; rows],
        scores: &vec![0.25; 2 * rows],
        width: 2,
        inputs: [LoggedRows::Json(&texts), LoggedRows::Numbers(&numbers)][random.below(2)],
        inference_id: ["", "order-7"][random.below(2)],
    };
    let mut payload = Vec::new();
    record.write(&mut payload);
    payload
}

/// All columns have one entry per row.
fn check_columns(columns: &PredictionColumns) {
    let rows = columns.id.len();
    let lengths = [
        columns.time_us.len(),
        columns.unit.len(),
        columns.scores.len(),
        columns.input.len(),
        columns.inference_id.len(),
    ];
    assert_eq!(lengths, [rows; 5]);
}

fn payloads(cases: u64) {
    for_each_seed(cases, |random| {
        let whole = payload(random);
        let damaged = damage(random, &whole, &whole);
        let mut columns = PredictionColumns::default();
        columns.add(&mut Fields(&damaged));
        check_columns(&columns);
        let mut kind = damaged;
        for other in [FEEDBACK, WINDOW] {
            if let Some(first) = kind.first_mut() {
                *first = other;
            }
            FeedbackColumns::default().add(&mut Fields(&kind));
            WindowColumns::default().add(&mut Fields(&kind));
        }
    });
}

fn segments_of(cases: u64) {
    let folder = Folder::new();
    let path = folder.path().join("0.log");
    for_each_seed(cases, |random| {
        let mut whole = MAGIC.to_vec();
        let mut ends = vec![whole.len()];
        for _ in 0..3 {
            let written = payload(random);
            push_frame(&mut whole, |out| out.extend_from_slice(&written));
            ends.push(whole.len());
        }
        let damaged = damage(random, &whole, &whole);
        fs::write(&path, &damaged).expect("written");
        let (columns, cursor) = read_predictions(folder.path(), &Cursor::new()).expect("readable");
        check_columns(&columns);
        let same = whole
            .iter()
            .zip(&damaged)
            .take_while(|(whole, damaged)| whole == damaged)
            .count();
        let intact = ends
            .iter()
            .rev()
            .find(|end| **end <= same)
            .copied()
            .unwrap_or(0);
        let read = cursor.get("0.log").copied().unwrap_or(0) as usize;
        assert!(
            read >= intact && read <= damaged.len().max(MAGIC.len()),
            "{read} of {intact}"
        );
    });
}

// promise: serve.fuzz-parsers
#[test]
fn damaged_payloads_give_whole_rows_or_none() {
    payloads(CASES);
}

// promise: serve.fuzz-parsers
#[test]
fn damaged_segments_are_read_up_to_the_damage() {
    segments_of(FILES);
}

#[test]
#[ignore = "long"]
fn damaged_logs_in_a_long_run() {
    payloads(LONG);
    segments_of(20 * FILES);
}
