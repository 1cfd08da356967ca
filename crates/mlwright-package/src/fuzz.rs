//! Damaged manifests: refused, or read to what they are written from.

use mlwright_fuzz::{damage, for_each_seed};

use crate::Manifest;

const CASES: u64 = 20_000;
const LONG: u64 = 20 * CASES;
const MANIFEST: &str = r#"{"format":1,"name":"m","task":"binary","engine":{"kind":"trees","file":"model.trees"},
 "signature":{"kind":"tensor","inputs":[{"name":"input","datatype":"FP64","shape":[-1,30]}],
  "outputs":[{"name":"probabilities","datatype":"FP64","shape":[-1,2]}],"classes":[0,1],"positive":1,"threshold":0.5},
 "files":{"model.trees":{"size":5,"sha256":"DIGEST","mode":420},"card.md":{"size":1,"sha256":"DIGEST","mode":420}},
 "provenance":{"run":"0123456789ab","data":["DIGEST"],"code":"DIGEST","libraries":{"a":"1"},"seed":7},"licence":"MIT"}"#;

fn manifests(cases: u64) {
    let whole = MANIFEST.replace("DIGEST", &"0a".repeat(32));
    assert!(Manifest::from_json(whole.as_bytes()).is_ok());
    for_each_seed(cases, |random| {
        if let Ok(read) = Manifest::from_json(&damage(random, whole.as_bytes(), b"../x")) {
            let written = serde_json::to_vec(&read).expect("serialisable");
            assert_eq!(Manifest::from_json(&written).expect("valid"), read);
        }
    });
}

// promise: serve.fuzz-parsers
#[test]
fn a_damaged_manifest_is_refused_or_read_as_it_is_written() {
    manifests(CASES);
}

#[test]
#[ignore = "long"]
fn damaged_manifests_in_a_long_run() {
    manifests(LONG);
}
