use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::counters::Counters;
use crate::snapshot::Reason;
use crate::testing::Folder;
use crate::windows::Window;
use crate::{PredictionId, VariantSpec};

fn writer(folder: &Path, counters: &Arc<Counters>) -> Arc<Writer> {
    Arc::new(Writer::open(folder, 0xab, Arc::clone(counters)).expect("a log folder"))
}

fn append(writer: &Arc<Writer>, counter: u64, decisions: &[f64]) {
    append_named(writer, counter, decisions, "");
}

fn append_named(writer: &Arc<Writer>, counter: u64, decisions: &[f64], inference_id: &str) {
    let scores: Vec<f64> = decisions
        .iter()
        .flat_map(|decision| [1.0 - decision, *decision])
        .collect();
    let inputs = vec![&b"{\"amount\":1.5}"[..]; decisions.len()];
    writer.append_prediction(&PredictionRecord {
        time_us: 1_700_000_000_000_000,
        ids: PredictionId {
            process: 0xab,
            counter,
        },
        epoch: 12,
        rollout: 7,
        propensity: 0.05,
        unit_hash: 99,
        reason: Reason::Assigned,
        variant: "candidate",
        model: "fraud",
        version: 4,
        latency_us: 85,
        unit: "kü-1",
        decisions,
        scores: &scores,
        width: 2,
        inputs: LoggedRows::Json(&inputs),
        inference_id,
    });
    commit();
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
}

fn ids(folder: &Path, after: &Cursor) -> (Vec<String>, Cursor) {
    let (columns, cursor) = read_predictions(folder, after).expect("readable");
    (columns.id, cursor)
}

#[test]
fn a_request_reads_back_as_one_entry_per_row() {
    let folder = Folder::new();
    let counters = Arc::new(Counters::default());
    append(&writer(folder.path(), &counters), 5, &[1.0, 0.25]);

    let (read, cursor) = read_predictions(folder.path(), &Cursor::new()).expect("readable");

    let id = |counter| {
        PredictionId {
            process: 0xab,
            counter,
        }
        .to_string()
    };
    let expected = PredictionColumns {
        id: vec![id(5), id(6)],
        time_us: vec![1_700_000_000_000_000; 2],
        variant: vec!["candidate".to_owned(); 2],
        model: vec!["fraud".to_owned(); 2],
        version: vec![4; 2],
        epoch: vec![12; 2],
        rollout: vec![7; 2],
        propensity: vec![0.05; 2],
        unit: vec!["kü-1".to_owned(); 2],
        reason: vec!["assigned"; 2],
        latency_us: vec![85; 2],
        prediction: vec![1.0, 0.25],
        scores: vec![vec![0.0, 1.0], vec![0.75, 0.25]],
        input: vec!["{\"amount\":1.5}".to_owned(); 2],
        inference_id: vec![String::new(); 2],
    };
    assert_eq!(read, expected);
    assert_eq!((counters.log_records(), counters.log_dropped()), (1, 0));
    assert_eq!(ids(folder.path(), &cursor), (Vec::new(), cursor));
}

// promise: serve.inference-id
#[test]
fn the_id_of_a_caller_stands_beside_its_own_rows_and_costs_others_nothing() {
    let folder = Folder::new();
    let writer = writer(folder.path(), &Arc::default());
    let size = || segments(folder.path())[0].metadata().expect("a file").len();
    append(&writer, 0, &[1.0]);
    let (whole, plain) = (size(), size() - 8);
    append_named(&writer, 1, &[1.0, 0.0], "order-7");
    let before = size();
    append(&writer, 3, &[1.0]);
    assert_eq!(size() - before, plain, "as long as a record without an id");
    assert!(before - whole > plain);
    let (read, _) = read_predictions(folder.path(), &Cursor::new()).expect("readable");
    assert_eq!(read.inference_id, ["", "order-7", "order-7", ""]);
}

#[test]
fn a_cursor_gives_only_what_was_added_since() {
    let folder = Folder::new();
    let writer = writer(folder.path(), &Arc::default());
    append(&writer, 0, &[1.0]);
    let (_, cursor) = ids(folder.path(), &Cursor::new());
    append(&writer, 1, &[0.0]);
    let (added, _) = ids(folder.path(), &cursor);
    assert_eq!(added.len(), 1);
    assert!(added[0].ends_with("0000000001"), "{added:?}");
}

#[test]
fn a_full_segment_is_followed_by_another_and_nothing_is_lost() {
    let folder = Folder::new();
    let writer = Writer::with_segments_of(folder.path(), 1, Arc::default(), 400);
    let writer = Arc::new(writer.expect("a log folder"));
    for counter in 0..20 {
        append(&writer, counter, &[1.0]);
    }
    assert!(segments(folder.path()).len() > 3, "400 bytes hold two rows");
    let (read, cursor) = ids(folder.path(), &Cursor::new());
    let expected: Vec<String> = (0..20)
        .map(|counter| format!("00000000000000ab{counter:010x}"))
        .collect();
    assert_eq!(read, expected, "in the order of writing");
    assert_eq!(cursor.len(), segments(folder.path()).len());
}

#[test]
fn a_reader_stops_before_any_torn_frame_and_goes_on_when_it_is_whole() {
    let folder = Folder::new();
    let first = writer(folder.path(), &Arc::default());
    append(&first, 0, &[1.0]);
    let path = segments(folder.path()).remove(0);
    let whole = fs::metadata(&path).expect("there").len() as usize;
    append(&first, 1, &[1.0]);
    let bytes = fs::read(&path).expect("readable");
    drop(first);
    for length in whole..bytes.len() {
        fs::write(&path, &bytes[..length]).expect("written");
        let (read, cursor) = ids(folder.path(), &Cursor::new());
        assert_eq!(read.len(), 1, "{length} bytes");
        assert_eq!(cursor.values().copied().collect::<Vec<_>>(), [whole as u64]);
        fs::write(&path, &bytes).expect("written");
        assert_eq!(ids(folder.path(), &cursor).0.len(), 1, "{length} bytes");
    }
}

#[test]
fn a_flipped_bit_hides_the_rest_of_its_segment_only() {
    let folder = Folder::new();
    for process in [1, 2] {
        let writer =
            Arc::new(Writer::open(folder.path(), process, Arc::default()).expect("a log folder"));
        append(&writer, process, &[1.0]);
        append(&writer, process, &[1.0]);
    }
    let path = segments(folder.path()).remove(0);
    let mut bytes = fs::read(&path).expect("readable");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, &bytes).expect("written");
    assert_eq!(ids(folder.path(), &Cursor::new()).0.len(), 3);
}

// promise: log.torn
#[test]
fn the_next_writer_cuts_torn_tails_of_dead_writers_only() {
    let folder = Folder::new();
    let tear = |path: &Path| {
        let mut bytes = fs::read(path).expect("readable");
        let whole = bytes.len();
        bytes.extend_from_slice(&[9; 13]);
        fs::write(path, bytes).expect("written");
        whole as u64
    };
    let length = |path: &Path| fs::metadata(path).expect("there").len();
    let dead = writer(folder.path(), &Arc::default());
    append(&dead, 0, &[1.0]);
    drop(dead);
    let dead_path = segments(folder.path()).remove(0);
    let living = Arc::new(Writer::open(folder.path(), 2, Arc::default()).expect("a log folder"));
    append(&living, 1, &[1.0]);
    let living_path = segments(folder.path()).remove(1);
    let (dead_whole, living_whole) = (tear(&dead_path), tear(&living_path));

    let foreign = folder.path().join("other-program.log");
    fs::write(&foreign, b"not a segment").expect("written");

    Writer::open(folder.path(), 3, Arc::default()).expect("a log folder");

    assert_eq!(length(&foreign), 13);
    assert_eq!(length(&dead_path), dead_whole);
    assert_eq!(length(&living_path), living_whole + 13);
}

#[test]
fn files_that_are_no_segments_are_passed_over() {
    let folder = Folder::new();
    append(&writer(folder.path(), &Arc::default()), 0, &[1.0]);
    fs::write(folder.path().join("0.log"), b"MLW").expect("written");
    fs::write(folder.path().join("1.log"), b"something else").expect("written");
    fs::write(folder.path().join("notes.txt"), b"MLWLOG1\n").expect("written");
    let (read, cursor) = ids(folder.path(), &Cursor::new());
    assert_eq!((read.len(), cursor.len()), (1, 1));
    let nowhere = folder.path().join("nowhere");
    assert_eq!(ids(&nowhere, &Cursor::new()), (Vec::new(), Cursor::new()));
}

// promise: log.torn
#[test]
fn a_log_that_cannot_be_written_counts_drops_and_recovers() {
    let folder = Folder::new();
    let log = folder.path().join("log");
    let counters = Arc::new(Counters::default());
    let writer = writer(&log, &counters);
    fs::remove_dir(&log).expect("empty");
    append(&writer, 0, &[1.0]);
    append(&writer, 1, &[1.0]);
    assert_eq!((counters.log_records(), counters.log_dropped()), (0, 2));
    fs::create_dir(&log).expect("a new folder");
    append(&writer, 2, &[1.0]);
    assert_eq!((counters.log_records(), counters.log_dropped()), (1, 2));
    assert_eq!(ids(&log, &Cursor::new()).0.len(), 1);
}

#[test]
fn a_segment_that_stays_torn_is_left_for_a_new_one() {
    let folder = Folder::new();
    let elsewhere = folder.path().join("elsewhere");
    fs::write(&elsewhere, b"MLWLOG1\n").expect("written");
    let counters = Arc::new(Counters::default());
    let writer = writer(folder.path(), &counters);
    writer.continue_in(segment::Segment::unwritable(&elsewhere).expect("opened"));
    append(&writer, 0, &[1.0]);
    append(&writer, 1, &[1.0]);
    assert_eq!((counters.log_records(), counters.log_dropped()), (1, 1));
    assert_eq!(ids(folder.path(), &Cursor::new()).0.len(), 1);
}

#[test]
fn feedback_and_windows_read_back_beside_predictions() {
    let folder = Folder::new();
    let events = [
        (FeedbackKind::Label, "1"),
        (FeedbackKind::Event, "\"error\""),
    ]
    .map(|(kind, value)| FeedbackEvent {
        id: "00000000000000ab0000000007",
        kind,
        value: value.as_bytes(),
    });
    let timed = [(events[0], 10), (events[1], 20)];
    assert_eq!(append_feedback(folder.path(), &timed).expect("written"), 2);
    let (feedback, cursor) = read_feedback(folder.path(), &Cursor::new()).expect("readable");
    assert_eq!(feedback.time_us, [10, 20]);
    assert_eq!(feedback.kind, ["label", "event"]);
    assert_eq!(feedback.value, ["1", "\"error\""]);
    assert_eq!(append_feedback(folder.path(), &[]).expect("nothing"), 0);
    assert_eq!(
        segments(folder.path()).len(),
        1,
        "nothing to write, no file"
    );

    let writer = writer(folder.path(), &Arc::default());
    append(&writer, 0, &[1.0]);
    let spec = VariantSpec {
        name: "champion".to_owned(),
        model: "fraud".to_owned(),
        version: 3,
        digest: "0".repeat(64),
        weight: 1.0,
    };
    let window = Window {
        from_us: 5,
        cells: "{\"amount\":[1,2]}".to_owned(),
    };
    writer.append_window(30, &spec, &window);
    let (windows, _) = read_windows(folder.path(), &cursor).expect("readable");
    let expected = WindowColumns {
        time_us: vec![30],
        from_us: vec![5],
        variant: vec!["champion".to_owned()],
        version: vec![3],
        cells: vec!["{\"amount\":[1,2]}".to_owned()],
    };
    assert_eq!(windows, expected);
    assert_eq!(ids(folder.path(), &cursor).0.len(), 1);
}
