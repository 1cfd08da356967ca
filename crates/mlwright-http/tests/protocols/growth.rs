//! Bodies that would grow when they are read: refused before they do.

use std::fmt::Write as _;

use crate::shared;

/// Rows of each body; a mebibyte repeated so often is more than the server writes.
const ROWS: usize = 1000;

// promise: serve.bad-input
#[test]
fn what_is_repeated_in_each_row_is_bounded() {
    let (name, zeros) = ("x".repeat(1 << 20), vec!["0"; ROWS].join(","));
    let (examples, frame) = (vec!["{}"; ROWS].join(","), vec!["[0]"; ROWS].join(","));
    let named = "content-type: text/csv; header=present\r\n";
    let endpoint = "/endpoints/production/invocations";
    let cases = [
        (
            "/v2/models/fraud/infer",
            "",
            format!(
                r#"{{"inputs":[{{"name":"{name}","datatype":"FP64","shape":[{ROWS}],"data":[{zeros}]}}]}}"#
            ),
        ),
        (
            "/v1/models/fraud:predict",
            "",
            format!(r#"{{"inputs":{{"{name}":[{zeros}]}}}}"#),
        ),
        (
            "/v1/models/fraud:classify",
            "",
            format!(r#"{{"context":{{"kind":"{name}"}},"examples":[{examples}]}}"#),
        ),
        (
            endpoint,
            "",
            format!(r#"{{"dataframe_split":{{"columns":["{name}"],"data":[{frame}]}}}}"#),
        ),
        (endpoint, named, format!("{name}\n{}", "0\n".repeat(ROWS))),
    ];
    for (path, headers, body) in cases {
        let answer = shared().ask_with_headers("POST", path, headers, &body);
        assert_eq!(answer.status, 413, "{path}: {:.300}", answer.body);
        assert_eq!(answer.json()["code"], "request.too-large");
    }
}

#[test]
fn many_names_cost_no_more_than_their_number() {
    let (mut names, mut inputs, mut features) = (String::new(), String::new(), String::new());
    for number in 0..100_000 {
        let comma = if number == 0 { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(names, "{comma}\"c{number}\"");
        let _ = write!(features, "{comma}\"c{number}\":0");
        let _ = write!(
            inputs,
            r#"{comma}{{"name":"c{number}","datatype":"FP64","shape":[1],"data":[0]}}"#
        );
    }
    for (path, body, status) in [
        (
            "/v2/models/fraud/infer",
            format!(r#"{{"inputs":[{inputs}]}}"#),
            422,
        ),
        (
            "/endpoints/production/invocations",
            format!(r#"{{"dataframe_split":{{"columns":[{names}],"data":[[0]]}}}}"#),
            400,
        ),
        (
            "/v1/models/fraud:classify",
            format!(r#"{{"context":{{{features}}},"examples":[{{{features}}}]}}"#),
            422,
        ),
    ] {
        let answer = shared().ask("POST", path, &body);
        assert_eq!(answer.status, status, "{path}: {:.300}", answer.body);
    }
}
