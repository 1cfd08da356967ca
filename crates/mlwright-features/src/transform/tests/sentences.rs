//! Outputs of sentences, and the texts that they name.

use super::*;

const SENTENCES: &str = r#"{"format":1,
 "inputs":[{"name":"x","type":"number"},{"name":"said","type":"string"}],
 "outputs":[
  {"name":"said~text","op":"text","column":"said","text":"t","weights":[1.0,-2.0,0.5],"default":0.25},
  {"name":"x","op":"number","column":"x"},
  {"name":"said:bad","op":"term","column":"said","text":"t","term":"bad"},
  {"name":"said:","op":"isnull","column":"said"}],
 "texts":[{"name":"t","column":"said","ngrams":2,"terms":["good","bad","not good"],"idf":[1.0,2.0,3.0]}]}"#;

#[test]
fn sentences_become_a_sum_over_their_terms_and_single_terms() {
    let transform = Transform::from_json(SENTENCES.as_bytes()).expect("valid");
    let said = |text: Cell<'_>| {
        let mut out = vec![f64::MIN; 4];
        transform
            .apply_row(&[Cell::Number(7.0), text], &mut out)
            .expect("fits");
        out
    };
    // good 2 x 1.0, bad 1 x 2.0, not good 1 x 3.0
    let length = (4.0_f64 + 4.0 + 9.0).sqrt();
    let mixed = said(Cell::Text("Not GOOD, but good; bad?"));
    let wanted = [0.25 + (2.0 - 4.0 + 1.5) / length, 7.0, 2.0 / length, 0.0];
    for (found, wanted) in mixed.iter().zip(wanted) {
        assert!((found - wanted).abs() < 1e-15, "{mixed:?}");
    }
    for nothing in [Cell::Text(""), Cell::Text("never seen"), Cell::Null] {
        let null = f64::from(u8::from(nothing == Cell::Null));
        assert!(same(&said(nothing), &[0.25, 7.0, 0.0, null]));
    }
}

#[test]
fn terms_count_and_rows_have_a_length_as_the_document_says() {
    let said = |options: &str| {
        let json = SENTENCES.replacen(r#""ngrams":2"#, &format!(r#""ngrams":2{options}"#), 1);
        let transform = Transform::from_json(json.as_bytes()).expect(&json);
        let mut out = [0.0; 4];
        let text = Cell::Text("good good good of good not good bad a bad");
        transform
            .apply_row(&[Cell::Null, text], &mut out)
            .expect("fits");
        out[2]
    };
    // good 5 x 1.0, bad 2 x 2.0, not good 1 x 3.0
    for (options, wanted) in [
        ("", 4.0 / 50.0_f64.sqrt()),
        (r#","norm":"l2","counts":"times""#, 4.0 / 50.0_f64.sqrt()),
        (r#","norm":"l1""#, 4.0 / 12.0),
        (r#","norm":"none""#, 4.0),
        (r#","norm":"none","counts":"binary""#, 2.0),
        (
            r#","norm":"none","counts":"logarithm""#,
            2.0 * (2.0_f64.ln() + 1.0),
        ),
        (r#","norm":"l1","ngrams_from":2"#, 0.0),
        (r#","norm":"l1","shortest":4"#, 0.0),
        (r#","norm":"l1","stop_words":["not"]"#, 4.0 / 9.0),
    ] {
        assert!((said(options) - wanted).abs() < 1e-15, "{options}");
    }
}

#[test]
fn columns_of_sentences_give_the_same_bits_as_rows() {
    let transform = Transform::from_json(SENTENCES.as_bytes()).expect("valid");
    let levels: Vec<String> = ["bad bad good", "not good", "", "unused", "Good not good"]
        .map(str::to_owned)
        .into();
    let codes = [4, ColumnSlice::NULL_CODE, 0, 1, 0, 2, 4];
    let numbers = [0.5; 7];
    let columns = [
        ColumnSlice::Number(&numbers),
        ColumnSlice::Text {
            codes: &codes,
            levels: &levels,
        },
    ];
    let mut out = vec![f64::MIN; 7 * 4];
    transform
        .apply_columns(&columns, 7, &mut out)
        .expect("fits");
    for (code, found) in codes.iter().zip(out.chunks_exact(4)) {
        let cell = levels
            .get(*code as usize)
            .map_or(Cell::Null, |text| Cell::Text(text));
        let mut wanted = vec![0.0; 4];
        transform
            .apply_row(&[Cell::Number(0.5), cell], &mut wanted)
            .expect("fits");
        assert!(same(found, &wanted), "{found:?} {wanted:?}");
    }
}

#[test]
fn malformed_terms_are_refused() {
    for (from, to, expected) in [
        (
            r#""column":"said","ngrams""#,
            r#""column":"x","ngrams""#,
            "no text input",
        ),
        (
            r#""column":"said","ngrams""#,
            r#""column":"y","ngrams""#,
            "no text input",
        ),
        (
            r#""text":"t","weights""#,
            r#""text":"u","weights""#,
            "no terms \"u\"",
        ),
        (r#""ngrams":2"#, r#""ngrams":0"#, "1 to 0 words"),
        (r#""ngrams":2"#, r#""ngrams":9"#, "1 to 9 words"),
        (
            r#""ngrams":2"#,
            r#""ngrams":2,"ngrams_from":0"#,
            "0 to 2 words",
        ),
        (
            r#""ngrams":2"#,
            r#""ngrams":2,"ngrams_from":3"#,
            "3 to 2 words",
        ),
        (
            r#""ngrams":2"#,
            r#""ngrams":2,"shortest":0"#,
            "0 characters",
        ),
        (r#""ngrams":2"#, r#""ngrams":2,"norm":"l3""#, "l3"),
        (r#""ngrams":2"#, r#""ngrams":2,"counts":"twice""#, "twice"),
        (
            r#""ngrams":2"#,
            r#""ngrams":2,"characters":"bytes""#,
            "bytes",
        ),
        (
            r#""idf":[1.0,2.0,3.0]"#,
            r#""idf":[1.0]"#,
            "1 values of idf",
        ),
        (
            r#""terms":["good","bad""#,
            r#""terms":["good","good""#,
            "twice",
        ),
        (
            r#""weights":[1.0,-2.0,0.5]"#,
            r#""weights":[1.0]"#,
            "1 weights for 3",
        ),
        (r#""term":"bad""#, r#""term":"worse""#, "unknown term"),
        (r#""default":0.25"#, r#""mean":0.25"#, "default"),
    ] {
        let json = SENTENCES.replacen(from, to, 1);
        assert_ne!(json, SENTENCES);
        let error = Transform::from_json(json.as_bytes()).expect_err(&json);
        assert!(error.to_string().contains(expected), "{error} for {json}");
    }
    let twice = SENTENCES.replacen(
        r#""texts":["#,
        r#""texts":[{"name":"t","column":"said","ngrams":1,"terms":[],"idf":[]},"#,
        1,
    );
    let error = Transform::from_json(twice.as_bytes()).expect_err("twice");
    assert!(error.to_string().contains("twice"), "{error}");
}
