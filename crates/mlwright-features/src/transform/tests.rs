mod sentences;

use super::*;

const ALL: &str = r#"{"format":1,
 "inputs":[{"name":"amount","type":"number"},{"name":"cat","type":"string"},{"name":"ts","type":"timestamp"},
           {"name":"n","type":"integer"},{"name":"ok","type":"boolean"},{"name":"born","type":"timestamp"}],
 "outputs":[
  {"name":"amount","op":"number","column":"amount"},
  {"name":"cat","op":"level","column":"cat","levels":["a","b"]},
  {"name":"cat=a","op":"onehot","column":"cat","level":"a"},
  {"name":"cat~mean","op":"target","column":"cat","levels":["a",""],"values":[0.1,0.7],"default":0.05},
  {"name":"amount|scaled","op":"scale","column":"amount","fill":1.0,"mean":1.0,"scale":2.0},
  {"name":"amount|null","op":"isnull","column":"amount"},
  {"name":"ts|hour","op":"time","column":"ts","part":"hour"},
  {"name":"ts|hour|scaled","op":"time","column":"ts","part":"hour","fill":12,"mean":12,"scale":4},
  {"name":"n","op":"level","column":"n","levels":["-1","2"]},
  {"name":"n#","op":"number","column":"n"},
  {"name":"ok","op":"onehot","column":"ok","level":"true"},
  {"name":"ok#","op":"number","column":"ok"},
  {"name":"age","op":"age","column":"born","by":"ts"},
  {"name":"age|scaled","op":"age","column":"born","by":"ts","fill":3,"mean":1,"scale":2}]}"#;

fn transform() -> Transform {
    Transform::from_json(ALL.as_bytes()).expect("valid")
}

fn row(cells: &[Cell<'_>]) -> Vec<f64> {
    let transform = transform();
    let mut out = vec![f64::MIN; transform.outputs()];
    transform.apply_row(cells, &mut out).expect("fits");
    out
}

fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(x, y)| x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan()))
}

const DAY: i64 = 86_400_000_000;
const SIX_PM: i64 = 1_704_477_600_000_000; // 2024-01-05T18:00:00Z

#[test]
fn every_operation_gives_its_value() {
    let full = row(&[
        Cell::Number(5.0),
        Cell::Text("b"),
        Cell::Time(SIX_PM),
        Cell::Number(2.0),
        Cell::Number(1.0),
        Cell::Time(SIX_PM - DAY - DAY / 2),
    ]);
    assert!(
        same(
            &full,
            &[
                5.0, 1.0, 0.0, 0.05, 2.0, 0.0, 18.0, 1.5, 1.0, 2.0, 1.0, 1.0, 1.5, 0.25
            ]
        ),
        "{full:?}"
    );
}

#[test]
fn nulls_take_the_values_of_nulls() {
    let nulls = row(&[Cell::Null; 6]);
    let nan = f64::NAN;
    assert!(
        same(
            &nulls,
            &[
                nan, -1.0, 0.0, 0.7, 0.0, 1.0, nan, 0.0, -1.0, nan, 0.0, nan, nan, 1.0
            ]
        ),
        "{nulls:?}"
    );
    let as_nan = row(&[
        Cell::Number(nan),
        Cell::Null,
        Cell::Null,
        Cell::Number(nan),
        Cell::Number(nan),
        Cell::Time(ColumnSlice::NULL_TIME),
    ]);
    assert!(same(&nulls, &as_nan));
}

#[test]
fn unseen_levels_and_infinite_numbers_are_told_apart_from_nulls() {
    let found = row(&[
        Cell::Number(f64::INFINITY),
        Cell::Text("zz"),
        Cell::Time(0),
        Cell::Number(77.0),
        Cell::Number(0.0),
        Cell::Time(i64::MIN + 1),
    ]);
    assert!(
        same(
            &found,
            &[
                f64::INFINITY,
                -1.0,
                0.0,
                0.05,
                0.0,
                0.0,
                0.0,
                -3.0,
                -1.0,
                77.0,
                0.0,
                0.0,
                i64::MAX as f64 / DAY as f64,
                (i64::MAX as f64 / DAY as f64 - 1.0) / 2.0
            ]
        ),
        "{found:?}"
    );
}

#[test]
fn columns_give_the_same_bits_as_rows() {
    let transform = transform();
    let amounts = [5.0, f64::NAN, -0.0];
    let levels = [
        "b".to_owned(),
        "a".to_owned(),
        "zz".to_owned(),
        String::new(),
    ];
    let codes = [1, ColumnSlice::NULL_CODE, 3];
    let times = [SIX_PM, ColumnSlice::NULL_TIME, -1];
    let integers = ["2".to_owned(), "-1".to_owned()];
    let integer_codes = [1, 0, ColumnSlice::NULL_CODE];
    let flags = [1.0, 0.0, f64::NAN];
    let born = [SIX_PM + 1, 0, i64::MAX];
    let columns = [
        ColumnSlice::Number(&amounts),
        ColumnSlice::Text {
            codes: &codes,
            levels: &levels,
        },
        ColumnSlice::Time(&times),
        ColumnSlice::Text {
            codes: &integer_codes,
            levels: &integers,
        },
        ColumnSlice::Number(&flags),
        ColumnSlice::Time(&born),
    ];
    let mut out = vec![0.0; 3 * transform.outputs()];
    transform
        .apply_columns(&columns, 3, &mut out)
        .expect("fits");
    let rows = [
        row(&[
            Cell::Number(5.0),
            Cell::Text("a"),
            Cell::Time(SIX_PM),
            Cell::Number(-1.0),
            Cell::Number(1.0),
            Cell::Time(SIX_PM + 1),
        ]),
        row(&[
            Cell::Null,
            Cell::Null,
            Cell::Null,
            Cell::Number(2.0),
            Cell::Number(0.0),
            Cell::Time(0),
        ]),
        row(&[
            Cell::Number(-0.0),
            Cell::Text(""),
            Cell::Time(-1),
            Cell::Null,
            Cell::Null,
            Cell::Time(i64::MAX),
        ]),
    ];
    assert!(same(&out, &rows.concat()), "{out:?}");
}

#[test]
fn cells_and_columns_that_do_not_fit_are_refused() {
    let transform = transform();
    let mut out = vec![0.0; transform.outputs()];
    let error = transform
        .apply_row(
            &[
                Cell::Text("5"),
                Cell::Null,
                Cell::Null,
                Cell::Null,
                Cell::Null,
                Cell::Null,
            ],
            &mut out,
        )
        .expect_err("text for a number");
    assert!(error.to_string().contains("\"amount\""), "{error}");
    assert_eq!(
        transform
            .apply_row(&[Cell::Null], &mut out)
            .expect_err("short")
            .code(),
        "features.shape"
    );
    assert_eq!(
        transform
            .apply_columns(&[], 1, &mut out)
            .expect_err("short")
            .code(),
        "features.shape"
    );
    let short = [1.0];
    let codes = [7];
    let columns = |levels| {
        [
            ColumnSlice::Number(&short),
            ColumnSlice::Text {
                codes: &codes,
                levels,
            },
            ColumnSlice::Time(&[0]),
            ColumnSlice::Number(&short),
            ColumnSlice::Number(&short),
            ColumnSlice::Time(&[0]),
        ]
    };
    let error = transform
        .apply_columns(&columns(&[]), 1, &mut out)
        .expect_err("a code without a level");
    assert!(error.to_string().contains("code 7"), "{error}");
}

#[test]
fn malformed_documents_are_refused() {
    let with = |output: &str| {
        format!(
            r#"{{"format":1,"inputs":[{{"name":"x","type":"number"}},{{"name":"s","type":"string"}},{{"name":"t","type":"timestamp"}}],"outputs":[{output}]}}"#
        )
    };
    for (json, expected) in [
        (String::from("{"), "EOF"),
        (ALL.replacen("\"format\":1", "\"format\":2", 1), "format 2"),
        (
            ALL.replacen("\"cat\",\"type\"", "\"amount\",\"type\"", 1),
            "twice",
        ),
        (
            with(r#"{"name":"o","op":"number","column":"y"}"#),
            "no input",
        ),
        (
            with(r#"{"name":"o","op":"number","column":"s"}"#),
            "cannot be computed from a string",
        ),
        (
            with(r#"{"name":"o","op":"level","column":"x","levels":[]}"#),
            "cannot be computed from a number",
        ),
        (with(r#"{"name":"o","op":"level","column":"s"}"#), "levels"),
        (
            with(r#"{"name":"o","op":"level","column":"s","levels":["a","a"]}"#),
            "twice",
        ),
        (
            with(
                r#"{"name":"o","op":"target","column":"s","levels":["a"],"values":[],"default":0}"#,
            ),
            "0 values",
        ),
        (
            with(r#"{"name":"o","op":"scale","column":"x","fill":0,"mean":0,"scale":0}"#),
            "scale 0",
        ),
        (
            with(r#"{"name":"o","op":"time","column":"x","part":"hour"}"#),
            "cannot be computed",
        ),
        (with(r#"{"name":"o","op":"log","column":"x"}"#), "log"),
        (with(r#"{"name":"o","op":"age","column":"t"}"#), "no \"by\""),
        (
            with(r#"{"name":"o","op":"age","column":"t","by":"x"}"#),
            "cannot be computed from a number",
        ),
        (
            with(r#"{"name":"o","op":"age","column":"x","by":"t"}"#),
            "cannot be computed from a number",
        ),
        (
            with(r#"{"name":"o","op":"age","column":"t","by":"z"}"#),
            "no input",
        ),
        (
            with(r#"{"name":"o","op":"number","column":"x","extra":1}"#),
            "extra",
        ),
    ] {
        let error = Transform::from_json(json.as_bytes()).expect_err(&json);
        assert_eq!(error.code(), "features.transform");
        assert!(error.to_string().contains(expected), "{error} for {json}");
    }
}

const PAIRS: &str = r#"{"format":1,"rounding":"float32",
 "inputs":[{"name":"a","type":"number"},{"name":"b","type":"integer"},{"name":"s","type":"string"},
           {"name":"ok","type":"boolean"}],
 "outputs":[
  {"name":"a/b","op":"ratio","column":"a","by":"b"},
  {"name":"a-b","op":"difference","column":"a","by":"b"},
  {"name":"s*ok","op":"cross","column":"s","by":"ok","pairs":[["x","true"],["","false"],["y",""]],
   "values":[0.1,2,3],"default":-1},
  {"name":"a/b|scaled","op":"ratio","column":"a","by":"b","fill":0.5,"mean":0.25,"scale":0.5},
  {"name":"b*b","op":"cross","column":"b","by":"b","pairs":[["3","3"]],"values":[7],"default":0}]}"#;

#[test]
fn two_columns_are_computed_together_and_rounded() {
    let transform = Transform::from_json(PAIRS.as_bytes()).expect("valid");
    let (nan, largest) = (f64::NAN, f64::from(f32::MAX));
    let single = |value: f64| f64::from(value as f32);
    for (cells, wanted) in [
        (
            [
                Cell::Number(0.1),
                Cell::Number(3.0),
                Cell::Text("x"),
                Cell::Number(1.0),
            ],
            [0.1 / 3.0, 0.1 - 3.0, 0.1, (0.1 / 3.0 - 0.25) / 0.5, 7.0],
        ),
        (
            [
                Cell::Number(0.1),
                Cell::Number(0.0),
                Cell::Null,
                Cell::Number(0.0),
            ],
            [nan, 0.1, 2.0, 0.5, 0.0],
        ),
        (
            [
                Cell::Number(1e300),
                Cell::Number(-0.0),
                Cell::Text("y"),
                Cell::Null,
            ],
            [nan, largest, 3.0, 0.5, 0.0],
        ),
        (
            [
                Cell::Null,
                Cell::Number(1.0),
                Cell::Text("x"),
                Cell::Number(0.0),
            ],
            [nan, nan, -1.0, 0.5, 0.0],
        ),
        (
            [
                Cell::Number(f64::INFINITY),
                Cell::Number(2.0),
                Cell::Text("never"),
                Cell::Null,
            ],
            [largest, largest, -1.0, 0.5, 0.0],
        ),
    ] {
        let mut out = [0.0; 5];
        transform.apply_row(&cells, &mut out).expect("fits");
        assert!(same(&out, &wanted.map(single)), "{out:?} {wanted:?}");
        let number = |cell: Cell<'_>| match cell {
            Cell::Number(value) => [value],
            Cell::Null | Cell::Text(_) | Cell::Time(_) => [nan],
        };
        let levels: Vec<String> = match cells[2] {
            Cell::Text(text) => vec![text.to_owned()],
            Cell::Null | Cell::Number(_) | Cell::Time(_) => Vec::new(),
        };
        let codes = [if levels.is_empty() {
            ColumnSlice::NULL_CODE
        } else {
            0
        }];
        let (a, b, ok) = (number(cells[0]), number(cells[1]), number(cells[3]));
        let columns = [
            ColumnSlice::Number(&a),
            ColumnSlice::Number(&b),
            ColumnSlice::Text {
                codes: &codes,
                levels: &levels,
            },
            ColumnSlice::Number(&ok),
        ];
        let mut batch = [0.0; 5];
        transform
            .apply_columns(&columns, 1, &mut batch)
            .expect("fits");
        assert!(same(&out, &batch));
    }
}

#[test]
fn malformed_pairs_are_refused() {
    for (from, to, expected) in [
        (r#","by":"b"},"#, "},", "no \"by\""),
        (r#""by":"b"},"#, r#""by":"s"},"#, "computed from a string"),
        (
            r#""column":"s","by":"ok""#,
            r#""column":"s","by":"a""#,
            "computed from a number",
        ),
        (r"[0.1,2,3]", "[0.1]", "3 pairs and 1 values"),
        (r#"["","false"]"#, r#"["x","true"]"#, "twice"),
        (r#"["","false"]"#, r#"["x"]"#, "tuple"),
        (r#""default":-1"#, r#""level":"a""#, "default"),
        ("float32", "float16", "float16"),
    ] {
        let json = PAIRS.replacen(from, to, 1);
        let error = Transform::from_json(json.as_bytes()).expect_err(&json);
        assert!(error.to_string().contains(expected), "{error} for {json}");
    }
}

#[test]
fn wide_and_long_tables_are_computed_block_by_block() {
    for (width, rows) in [(5_000, 40), (3, 30_000)] {
        let names: Vec<String> = (0..width).map(|k| format!("c{k}")).collect();
        let inputs: Vec<String> = names
            .iter()
            .map(|name| format!(r#"{{"name":"{name}","type":"number"}}"#))
            .collect();
        let outputs: Vec<String> = names
            .iter()
            .map(|name| format!(r#"{{"name":"{name}","op":"number","column":"{name}"}}"#))
            .collect();
        let json = format!(
            r#"{{"format":1,"inputs":[{}],"outputs":[{}]}}"#,
            inputs.join(","),
            outputs.join(",")
        );
        let transform = Transform::from_json(json.as_bytes()).expect("valid");
        let values: Vec<Vec<f64>> = (0..width)
            .map(|k| (0..rows).map(|row| (row * width + k) as f64).collect())
            .collect();
        let columns: Vec<ColumnSlice<'_>> = values
            .iter()
            .map(|column| ColumnSlice::Number(column))
            .collect();
        let mut out = vec![-1.0; rows * width];
        transform
            .apply_columns(&columns, rows, &mut out)
            .expect("fits");
        let wanted: Vec<f64> = (0..rows * width).map(|place| place as f64).collect();
        assert!(same(&out, &wanted));
    }
}
