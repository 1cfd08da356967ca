//! Damaged documents: refused, or a contract and a transform that take every cell; and timestamps of any text.

use mlwright_fuzz::{damage, for_each_seed};

use crate::{Cell, Contract, RowReader, Transform, Value, parse_timestamp};

const CASES: u64 = 20_000;
const LONG: u64 = 20 * CASES;
const CONTRACT: &[u8] = br#"{"format":1,"columns":[
 {"name":"amount","type":"number","nullable":true,"min":-1e6,"max":1e6,"allow_nan":false},
 {"name":"cat","type":"string","nullable":false,"levels":["a","b"],"closed":true},
 {"name":"ts","type":"timestamp","nullable":true},{"name":"n","type":"integer","min":0},
 {"name":"ok","type":"boolean"}],"label":{"name":"y","type":"integer","values":[0,1]},"ignored":["note"]}"#;
const TRANSFORM: &[u8] = br#"{"format":1,
 "inputs":[{"name":"amount","type":"number"},{"name":"cat","type":"string"},{"name":"ts","type":"timestamp"},
  {"name":"born","type":"timestamp"}],
 "outputs":[
  {"name":"amount","op":"number","column":"amount"},
  {"name":"cat","op":"level","column":"cat","levels":["a","b"]},
  {"name":"cat=a","op":"onehot","column":"cat","level":"a"},
  {"name":"cat~mean","op":"target","column":"cat","levels":["a",""],"values":[0.1,0.7],"default":0.05},
  {"name":"amount|scaled","op":"scale","column":"amount","fill":1.0,"mean":1.0,"scale":2.0},
  {"name":"amount|null","op":"isnull","column":"amount"},
  {"name":"ts|hour","op":"time","column":"ts","part":"hour","fill":12,"mean":12,"scale":4},
  {"name":"born|age","op":"age","column":"born","by":"ts"},
  {"name":"cat~text","op":"text","column":"cat","text":"cat","weights":[0.5,-1.5],"default":0.25},
  {"name":"cat:b","op":"term","column":"cat","text":"cat","term":"b"},
  {"name":"d","op":"difference","column":"amount","by":"amount"},
  {"name":"r","op":"ratio","column":"amount","by":"amount"},
  {"name":"x","op":"cross","column":"cat","by":"cat","pairs":[["a","b"]],"values":[2],"default":0}],
 "rounding":"float32","texts":[{"name":"cat","column":"cat","ngrams":2,"terms":["b","a b"],"idf":[1.0,2.5],
  "characters":"word","lowercase":false,"shortest":1,"ngrams_from":1,"stop_words":["of"],"counts":"binary","norm":"l1"}]}"#;
const VALUES: [Value<'static>; 7] = [
    Value::Null,
    Value::Bool(true),
    Value::Number(f64::NAN),
    Value::Number(-1.5e300),
    Value::Text("2024-02-29T23:59:59.9+14:00"),
    Value::Text("a"),
    Value::List,
];

fn documents(cases: u64) {
    for_each_seed(cases, |random| {
        let contract = Contract::from_json(&damage(random, CONTRACT, TRANSFORM));
        let transform = Transform::from_json(&damage(random, TRANSFORM, CONTRACT));
        if let Ok(contract) = &contract {
            let inputs = contract.inputs();
            let reader = RowReader::new(contract, &inputs).expect("a contract fits itself");
            let mut cells = vec![Cell::Null; reader.inputs()];
            for value in VALUES {
                // A violation is an answer.
                let _ = reader.read_in_order(vec![value; inputs.len()], &mut cells);
            }
        }
        if let Ok(transform) = &transform {
            let mut out = vec![0.0; transform.outputs()];
            for cell in [
                Cell::Null,
                Cell::Number(f64::INFINITY),
                Cell::Text("b"),
                Cell::Time(i64::MIN),
            ] {
                let cells = vec![cell; transform.inputs().len()];
                // A cell of another type than the column's is an error, never a panic.
                let _ = transform.apply_row(&cells, &mut out);
            }
        }
    });
}

fn timestamps(cases: u64) {
    for_each_seed(cases, |random| {
        let other = b"9999-12-31T23:59:59.999999999-23:59";
        let text = damage(random, b"2024-02-29T10:00:00.123456Z", other);
        if let Some(micros) = parse_timestamp(&String::from_utf8_lossy(&text)) {
            let years = micros / (366 * 86_400 * 1_000_000);
            assert!(
                (-2_100..8_100).contains(&years),
                "{}",
                String::from_utf8_lossy(&text)
            );
        }
    });
}

// promise: serve.fuzz-parsers
#[test]
fn damaged_documents_are_refused_or_work() {
    documents(CASES);
}

// promise: serve.fuzz-parsers
#[test]
fn any_text_is_a_moment_of_the_calendar_or_none() {
    timestamps(CASES);
}

#[test]
#[ignore = "long"]
fn damaged_documents_and_timestamps_in_a_long_run() {
    documents(LONG);
    timestamps(LONG);
}
