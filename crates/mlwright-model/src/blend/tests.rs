use super::*;
use crate::trees::testing::{Parts, blend_file};

const HEAD: &str = r#""features":1,"outputs":1"#;
const SINGLE: &str = r#"{"columns":[0],"limit":2.0,"layers":[{"weights":[[3.0]],"bias":[1.0]}]}"#;

fn read(json: &str) -> Result<Blend, ModelError> {
    Blend::from_bytes(&blend_file(json.as_bytes(), &Parts::stump().encode()))
}

fn answers(json: &str, rows: &[f64]) -> Vec<f64> {
    let model = read(json).expect("valid");
    let mut out = vec![0.0; rows.len() * model.outputs() / model.inputs()];
    model
        .predict(rows, rows.len() / model.inputs(), &mut out)
        .expect("fits");
    out
}

// promise: serve.blend
#[test]
fn a_forest_and_networks_add_up_before_the_line_and_the_link() {
    let json = format!(
        r#"{{{HEAD},"link":"square","has_trees":true,"networks":[{SINGLE},{SINGLE}],
            "line":{{"knots":[10.0,30.0],"values":[1.0,2.0]}}}}"#
    );
    // Sums: 10.5 + 2 · 4 = 18.5 at 1; at 9 the limit holds: 20.5 + 2 · 7 = 34.5, behind the last corner.
    let found = answers(&json, &[1.0, 9.0]);
    assert!((found[0] - 1.425_f64.powi(2)).abs() < 1e-12 && (found[1] - 42.25).abs() < 1e-12);
}

// promise: serve.blend
#[test]
fn hidden_sums_below_zero_are_cut_off_and_other_columns_are_not_read() {
    let json = r#"{"features":2,"outputs":2,"link":"identity","has_trees":false,"line":null,"networks":[
        {"columns":[0],"limit":null,"layers":[{"weights":[[1.0,-1.0]],"bias":[0.0,0.0]},
                                              {"weights":[[1.0,0.0],[0.0,1.0]],"bias":[0.0,5.0]}]}]}"#;
    assert_eq!(
        answers(json, &[2.0, f64::NAN, -3.0, f64::NAN]),
        [2.0, 5.0, 0.0, 8.0]
    );
}

#[test]
fn a_line_goes_on_with_a_slope_of_one_and_keeps_nan() {
    let line = Line::new(
        serde_json::from_str(r#"{"knots":[-1.0,0.0,2.0],"values":[0.0,0.0,1.0]}"#).expect("JSON"),
    )
    .expect("rising");
    for (margin, expected) in [
        (-3.0, -2.0),
        (-0.5, 0.0),
        (0.0, 0.0),
        (1.0, 0.5),
        (5.0, 4.0),
    ] {
        assert!((line.at(margin) - expected).abs() < 1e-15, "{margin}");
    }
    assert!(line.at(f64::NAN).is_nan());
}

// promise: serve.blend
#[test]
fn parts_that_do_not_fit_are_refused() {
    let wrong = [
        String::new(),
        format!(
            r#"{{{HEAD},"link":"identity","has_trees":false,"networks":[{SINGLE}],"line":{{"knots":[1.0,1.0],"values":[0.0,1.0]}}}}"#
        ),
        format!(
            r#"{{{HEAD},"link":"identity","has_trees":false,"networks":[{SINGLE}],"line":{{"knots":[],"values":[]}}}}"#
        ),
        format!(
            r#"{{{HEAD},"link":"identity","has_trees":false,"networks":[{}],"line":null}}"#,
            SINGLE.replace("[0]", "[1]")
        ),
        format!(
            r#"{{{HEAD},"link":"identity","has_trees":false,"networks":[{}],"line":null}}"#,
            SINGLE.replace("[[3.0]]", "[[3.0,1.0]]")
        ),
        format!(
            r#"{{{HEAD},"link":"identity","has_trees":false,"networks":[{}],"line":null}}"#,
            SINGLE.replace("2.0", "-2.0")
        ),
        format!(r#"{{{HEAD},"link":"identity","has_trees":true,"networks":[],"line":null}}"#)
            .replace(r#""features":1"#, r#""features":2"#),
        format!(
            r#"{{{HEAD},"link":"softmax","has_trees":false,"networks":[{SINGLE}],"line":null}}"#
        )
        .replace(r#""outputs":1"#, r#""outputs":0"#),
        format!(
            r#"{{{HEAD},"link":"identity","has_trees":false,"networks":[{SINGLE}],"other":null}}"#
        ),
    ];
    for json in wrong {
        assert_eq!(
            read(&json).expect_err(&json).code(),
            "model.format",
            "{json}"
        );
    }
}
