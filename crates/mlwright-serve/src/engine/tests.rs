use std::fs;

use mlwright_features::{Value, ViolationKind};

use super::*;
use crate::log::{Cursor, read_feedback, read_predictions, read_windows};
use crate::testing::{Folder, document};
use crate::{FeedbackKind, Reason};

fn block_on<T>(task: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(task)
}

/// Ask for rows of `amount`, as the socket side does.
fn ask(engine: &Engine, snapshot: &Snapshot, unit: Option<&str>, amounts: &[f64]) -> Answer {
    let deployment = snapshot.find("production").expect("served");
    let ids = engine.next_ids(amounts.len());
    let choice = deployment.choose(unit, ids);
    let cells: Vec<Cell<'_>> = amounts
        .iter()
        .flat_map(|amount| [Cell::Number(*amount), Cell::Text("a"), Cell::Number(1.0)])
        .collect();
    let question = Question {
        choice,
        ids,
        unit,
        inputs: Inputs::Cells(&cells),
        inference_id: None,
        raw: Raw::Json(&vec![&b"{}"[..]; amounts.len()]),
        arrival: Arrival::now(),
    };
    let answer = block_on(engine.answer(deployment, &question)).expect("an answer");
    engine.commit();
    answer
}

fn windows_of(folder: &Folder) -> Vec<(String, serde_json::Value)> {
    let (windows, _) = read_windows(&folder.log("production"), &Cursor::new()).expect("readable");
    let cells = windows
        .cells
        .iter()
        .map(|cells| serde_json::from_str(cells).expect("JSON"));
    windows.variant.iter().cloned().zip(cells).collect()
}

#[test]
fn rows_are_scored_decided_and_logged_before_the_answer() {
    let folder = Folder::new();
    let engine = folder.engine();
    let digest = folder.package(1.0);
    engine
        .apply(document(12, &[("champion", 3, &digest, 1.0)]))
        .expect("served");
    let answer = ask(&engine, &engine.snapshot(), Some("u1"), &[2.0, -2.0]);

    let score = |x: f64| 1.0 / (1.0 + (-x).exp());
    assert!((answer.row(0)[0] - score(2.0)).abs() < 1e-12);
    assert_eq!((answer.class_of(0), answer.class_of(1)), (Some(1), Some(0)));
    let (log, _) = read_predictions(&folder.log("production"), &Cursor::new()).expect("readable");
    assert_eq!(
        log.id,
        [answer.first.to_string(), answer.first.nth(1).to_string()]
    );
    assert_eq!(log.prediction, [1.0, 0.0]);
    assert_eq!((log.epoch[0], log.rollout[0], log.version[0]), (12, 7, 3));
    assert_eq!((log.unit[0].as_str(), log.input[0].as_str()), ("u1", "{}"));
    let snapshot = engine.snapshot();
    let (_, variant) = snapshot.variants().next().expect("one");
    assert_eq!(variant.predictions(), 2);
    assert_eq!(engine.counters().log_records(), 1);
}

// promise: serve.triton-statistics
#[test]
fn statistics_tell_rows_executions_and_cached_answers_apart() {
    let folder = Folder::new();
    let engine = folder.engine();
    let digest = folder.package(1.0);
    let mut served = document(1, &[("champion", 1, &digest, 1.0)]);
    served.deployments[0].cache_entries = 10;
    engine.apply(served).expect("served");
    let snapshot = engine.snapshot();
    for amounts in [&[1.0, 2.0, 3.0][..], &[4.0], &[1.0, 2.0, 3.0], &[4.0]] {
        ask(&engine, &snapshot, None, amounts);
    }
    let (_, variant) = snapshot.variants().next().expect("one");
    let found = variant.statistics();
    assert_eq!(variant.predictions(), 8, "all rows were answered");
    assert_eq!((found.inferences, found.executions), (4, 2));
    assert_eq!((found.requests, found.cached, found.computed()), (4, 2, 2));
    assert!(found.compute_ns > 0 && found.cached_ns > 0);
    let parts = found.queue_ns + found.compute_ns + found.cached_ns;
    assert_eq!((found.success_ns(), found.failures), (parts, 0));
}

#[test]
fn a_swap_loads_first_and_requests_under_way_finish_on_the_old_state() {
    let folder = Folder::new();
    let engine = folder.engine();
    let (old, new) = (folder.package(1.0), folder.package(-1.0));
    engine
        .apply(document(1, &[("champion", 1, &old, 1.0)]))
        .expect("served");
    let before = engine.snapshot();
    assert_eq!(
        engine
            .apply(document(2, &[("champion", 2, &new, 1.0)]))
            .expect("served"),
        2
    );

    assert_eq!(ask(&engine, &before, None, &[2.0]).class_of(0), Some(1));
    assert_eq!(
        ask(&engine, &engine.snapshot(), None, &[2.0]).class_of(0),
        Some(0)
    );
    let (log, _) = read_predictions(&folder.log("production"), &Cursor::new()).expect("readable");
    assert_eq!(log.epoch, [1, 2], "each under the epoch of its weights");
    let servable = Arc::downgrade(&before.variants().next().expect("one").1.servable);
    drop(before);
    assert!(servable.upgrade().is_none(), "the old package is freed");
}

#[test]
fn the_same_epoch_is_no_work_and_a_lower_one_is_refused() {
    let folder = Folder::new();
    let engine = folder.engine();
    let digest = folder.package(1.0);
    let served = |epoch| document(epoch, &[("champion", 1, &digest, 1.0)]);
    engine.apply(served(5)).expect("served");
    let before = engine.snapshot();
    assert_eq!(engine.apply(served(5)).expect("no work"), 5);
    assert!(Arc::ptr_eq(&before, &engine.snapshot()));
    let refusal = engine.apply(served(4)).expect_err("older");
    assert_eq!(refusal.code(), "deployment.document");
    assert!(Arc::ptr_eq(&before, &engine.snapshot()));
    assert_eq!(engine.last_error(), Some(refusal.to_string()));
    engine.apply(served(6)).expect("served");
    assert_eq!(engine.last_error(), None);
}

#[test]
fn a_corrupt_or_missing_package_is_refused_and_the_old_one_serves_on() {
    let folder = Folder::new();
    let engine = folder.engine();
    let (good, bad) = (folder.package(1.0), folder.package(2.0));
    let model = folder.package_folder(&bad).join("model.linear.json");
    let mut bytes = fs::read(&model).expect("readable");
    bytes[30] ^= 1;
    fs::write(&model, bytes).expect("written");
    engine
        .apply(document(1, &[("champion", 1, &good, 1.0)]))
        .expect("served");
    let (other, posing) = (folder.package(3.0), "1".repeat(64));
    fs::rename(
        folder.package_folder(&other),
        folder.package_folder(&posing),
    )
    .expect("moved");
    for (digest, code) in [
        (bad.as_str(), "package.digest"),
        (&posing, "package.digest"),
        (&"0".repeat(64), "package.not-found"),
    ] {
        let both = [("candidate", 2, digest, 0.5), ("champion", 1, &good, 0.5)];
        let refusal = engine.apply(document(2, &both)).expect_err("a bad package");
        assert_eq!(refusal.code(), code);
        assert_eq!(engine.last_error(), Some(refusal.to_string()));
        let snapshot = engine.snapshot();
        assert_eq!((snapshot.epoch(), snapshot.variants().count()), (1, 1));
        assert_eq!(ask(&engine, &snapshot, None, &[2.0]).class_of(0), Some(1));
    }
}

#[test]
fn a_ramp_moves_units_to_the_candidate_and_none_back() {
    let folder = Folder::new();
    let engine = folder.engine();
    let (old, new) = (folder.package(1.0), folder.package(2.0));
    let units: Vec<String> = (0..4_000).map(|unit| format!("u{unit}")).collect();
    let mut before = vec![false; units.len()];
    for (epoch, weight) in [(1, 0.05), (2, 0.25), (3, 0.5), (4, 1.0)] {
        let both = [
            ("candidate", 2, new.as_str(), weight),
            ("champion", 1, &old, 1.0 - weight),
        ];
        engine.apply(document(epoch, &both)).expect("served");
        let snapshot = engine.snapshot();
        let deployment = snapshot.find("production").expect("served");
        let now: Vec<bool> = units
            .iter()
            .map(|unit| {
                let choice = deployment.choose(Some(unit), engine.next_ids(1));
                let again = deployment.choose(Some(unit), engine.next_ids(1));
                assert_eq!(choice, again, "{unit} stays");
                let shares = [weight, 1.0 - weight];
                assert!((choice.propensity - shares[choice.variant]).abs() < 1e-12);
                choice.variant == 0
            })
            .collect();
        assert!(before.iter().zip(&now).all(|(was, is)| *is || !was));
        let share = now.iter().filter(|is| **is).count() as f64 / 4_000.0;
        assert!((share - weight).abs() < 0.03, "{share} at {weight}");
        before = now;
    }
}

#[test]
fn without_a_unit_the_id_of_the_prediction_decides() {
    let folder = Folder::new();
    let engine = folder.engine();
    let (old, new) = (folder.package(1.0), folder.package(2.0));
    let both = [
        ("candidate", 2, new.as_str(), 0.5),
        ("champion", 1, &old, 0.5),
    ];
    engine.apply(document(1, &both)).expect("served");
    let snapshot = engine.snapshot();
    let deployment = snapshot.find("production").expect("served");
    let id = PredictionId {
        process: 0xab,
        counter: 7,
    };
    let named = deployment.choose(Some("00000000000000ab0000000007"), id);
    assert_eq!(deployment.choose(None, id), named);
    let forced = deployment.with_version(1).expect("served");
    assert_eq!((forced.variant, forced.reason), (1, Reason::Forced));
    assert!(deployment.with_version(9).is_none());
}

#[test]
fn a_row_that_breaks_the_contract_is_named_and_counted_and_not_logged() {
    let folder = Folder::new();
    let engine = folder.engine();
    let digest = folder.package(1.0);
    engine
        .apply(document(1, &[("champion", 1, &digest, 1.0)]))
        .expect("served");
    let snapshot = engine.snapshot();
    let (_, variant) = snapshot.variants().next().expect("one");
    let reader = variant.servable.reader().expect("columns");
    let mut cells = [Cell::Null; 3];
    let fields = [
        ("amount", Value::Number(1e6)),
        ("shop", Value::Text("a")),
        ("weekend", Value::Bool(true)),
    ];
    let violation = reader
        .read(fields, &mut cells)
        .expect_err("beyond the limit");
    variant.count_violation(&violation);

    let broken = ServeError::Contract { violation, row: 3 };
    assert_eq!(broken.code(), "contract.range");
    assert!(
        broken.to_string().starts_with("row 3: column \"amount\""),
        "{broken}"
    );
    let counted: Vec<_> = variant
        .violations()
        .filter(|(_, _, count)| *count > 0)
        .collect();
    assert_eq!(counted, [("amount", ViolationKind::Range, 1)]);
    assert_eq!(variant.predictions(), 0);
    assert_eq!(engine.counters().log_records(), 0);
}

#[test]
fn windows_count_in_the_cells_of_the_reference_and_end_with_their_name() {
    let folder = Folder::new();
    let engine = folder.engine();
    let (old, new) = (folder.package(1.0), folder.package(2.0));
    engine
        .apply(document(1, &[("candidate", 1, &old, 1.0)]))
        .expect("served");
    ask(&engine, &engine.snapshot(), None, &[-1.0, 5.0, 50.0]);
    engine.flush_due();
    assert!(windows_of(&folder).is_empty(), "neither full nor old");

    engine
        .apply(document(2, &[("champion", 1, &old, 1.0)]))
        .expect("promoted");
    let before = engine.snapshot();
    ask(&engine, &before, None, &[f64::NAN]);
    engine
        .apply(document(3, &[("champion", 2, &new, 1.0)]))
        .expect("swapped");
    ask(&engine, &before, None, &[5.0]);
    drop(before);

    let expected = [
        ("candidate", [1, 1, 1, 0], [3, 0, 0, 0], 3, [1, 2, 0]),
        ("champion", [0, 0, 0, 1], [1, 0, 0, 0], 1, [1, 0, 0]),
        ("champion", [0, 1, 0, 0], [1, 0, 0, 0], 1, [0, 1, 0]),
    ]
    .map(|(name, amount, shop, weekend, score)| {
        let cells = serde_json::json!({"amount": amount, "shop": shop, "weekend": [0, weekend, 0, 0, 0], "score": score});
        (name.to_owned(), cells)
    });
    assert_eq!(windows_of(&folder), expected);
}

#[test]
fn a_full_window_is_due_and_a_last_one_is_written_at_the_end() {
    let folder = Folder::new();
    let engine = folder.engine();
    let digest = folder.package(1.0);
    engine
        .apply(document(1, &[("champion", 1, &digest, 1.0)]))
        .expect("served");
    ask(&engine, &engine.snapshot(), None, &vec![5.0; 5_000]);
    engine.flush_due();
    assert_eq!(windows_of(&folder).len(), 1);
    ask(&engine, &engine.snapshot(), None, &[5.0]);
    engine.flush();
    engine.flush();
    let written = windows_of(&folder);
    assert_eq!(written.len(), 2, "an empty window is not written");
    assert_eq!(written[0].1["amount"][1], 5_000);
    assert_eq!(written[1].1["amount"][1], 1);
}

#[test]
fn requests_beyond_the_bound_find_no_room_until_one_ends() {
    let folder = Folder::new();
    let engine = folder.engine();
    let digest = folder.package(1.0);
    engine
        .apply(document(1, &[("champion", 1, &digest, 1.0)]))
        .expect("it is served");
    let snapshot = engine.snapshot();
    let deployment = &snapshot.deployments()[0];
    let first = engine.admit(deployment).expect("room for two");
    let _second = engine.admit(deployment).expect("room for two");
    assert!(engine.admit(deployment).is_none());
    assert_eq!(engine.counters().in_flight(), 2);
    drop(first);
    assert!(engine.admit(deployment).is_some());
}

#[test]
fn feedback_is_kept_for_the_whole_project() {
    let folder = Folder::new();
    let engine = folder.engine();
    let event = FeedbackEvent {
        id: "00000000000000ab0000000007",
        kind: FeedbackKind::Label,
        value: b"1",
    };
    engine.feedback(&[event, event]).expect("written");
    let (feedback, _) = read_feedback(&folder.log("_feedback"), &Cursor::new()).expect("readable");
    assert_eq!(feedback.value, ["1", "1"]);
    assert_eq!(engine.counters().feedback(), 2);
}

#[test]
fn predictions_go_on_when_the_log_cannot_be_written() {
    let folder = Folder::new();
    let engine = folder.engine();
    let digest = folder.package(1.0);
    engine
        .apply(document(1, &[("champion", 1, &digest, 1.0)]))
        .expect("served");
    fs::remove_dir(folder.log("production")).expect("empty");
    assert_eq!(
        ask(&engine, &engine.snapshot(), None, &[2.0]).class_of(0),
        Some(1)
    );
    assert_eq!(engine.counters().log_dropped(), 1);
}

#[test]
fn a_deployment_is_found_by_its_name_and_by_the_model_only_it_serves() {
    let folder = Folder::new();
    let engine = folder.engine();
    let digest = folder.package(1.0);
    let mut wanted = document(1, &[("champion", 1, &digest, 1.0)]);
    engine.apply(wanted.clone()).expect("served");
    let snapshot = engine.snapshot();
    assert_eq!(
        snapshot.find("fraud").expect("its model").spec.name,
        "production"
    );
    assert!(snapshot.find("other").is_none());
    let mut staging = wanted.deployments[0].clone();
    staging.name = "staging".to_owned();
    wanted.deployments.push(staging);
    wanted.epoch = 2;
    engine.apply(wanted).expect("served");
    let snapshot = engine.snapshot();
    assert!(snapshot.find("fraud").is_none(), "two deployments serve it");
    assert!(snapshot.find("staging").is_some());
}

#[test]
fn the_score_of_several_classes_is_the_largest_probability() {
    let folder = Folder::new();
    let engine = folder.engine();
    let digest = folder.package_of("amount", 3, 1.0);
    engine
        .apply(document(1, &[("champion", 1, &digest, 1.0)]))
        .expect("served");
    let answer = ask(&engine, &engine.snapshot(), None, &[-5.0, 0.0]);
    assert_eq!(answer.class_of(0), Some(1));
    engine.flush();
    let (_, cells) = &windows_of(&folder)[0];
    assert_eq!(cells["score"], serde_json::json!([1, 1, 0]), "1.0 and 1/3");
}

#[test]
fn an_input_named_score_keeps_its_own_counts() {
    let folder = Folder::new();
    let engine = folder.engine();
    let digest = folder.package_of("score", 2, 1.0);
    engine
        .apply(document(1, &[("champion", 1, &digest, 1.0)]))
        .expect("served");
    ask(&engine, &engine.snapshot(), None, &[50.0]);
    engine.flush();
    let (windows, _) = read_windows(&folder.log("production"), &Cursor::new()).expect("readable");
    let expected = r#"{"score":[0,0,1,0],"shop":[1,0,0,0],"weekend":[0,1,0,0,0]}"#;
    assert_eq!(windows.cells, [expected]);
}
