//! Under overload: what is refused before hyper has it is refused as if hyper had it, and no byte is lost or read twice.
//!
//! The servers here let nobody wait, so that a crowd is refused all that comes after the first answer. Refusals that hyper
//! does not know of bear no date.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::stage::{Answer, Stage, read_answer};
use super::{GOOD, INSTANCES, PREDICT};

/// As many connections as there have to be before anybody is refused.
const CROWD: usize = 8;
const READY: &str = "GET /v2/health/ready HTTP/1.1\r\nHost: x\r\n\r\n";
const TRACE: &str = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";

/// A server with a crowd of connections, and one of them on which it is known where requests end.
struct Crowd {
    stage: Stage,
    /// Connections that ask for nothing.
    others: Vec<TcpStream>,
    caller: Caller,
}

struct Caller {
    connection: TcpStream,
    received: Vec<u8>,
}

impl Caller {
    fn new(stage: &Stage) -> Self {
        Self {
            connection: stage.connect(),
            received: Vec::new(),
        }
    }

    /// Ask until hyper has seen where a request ends: once where it has been asked before, else twice.
    fn be_known(&mut self, headers: &str) {
        let mut answers = std::iter::repeat_with(|| self.ask(&request(PREDICT, headers, GOOD)));
        assert!(answers.by_ref().take(3).any(|answer| !is_dated(&answer)));
    }

    fn send(&mut self, bytes: &str) {
        self.connection.write_all(bytes.as_bytes()).expect("sent");
    }

    fn receive(&mut self) -> Answer {
        read_answer(&mut self.connection, &mut self.received)
    }

    fn ask(&mut self, request: &str) -> Answer {
        self.send(request);
        self.receive()
    }
}

fn request(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

impl Crowd {
    fn gather(change: impl FnOnce(&mut Value), headers: &str) -> Self {
        let stage = Stage::start(|config| {
            config["workers"] = json!(1);
            config["limits"] = json!({"queue_ms": 0});
            change(config);
        });
        let mut caller = Caller::new(&stage);
        // Alone, everybody is answered.
        assert_eq!(caller.ask(&request(PREDICT, headers, GOOD)).status, 200);
        let mut others: Vec<TcpStream> = (1..CROWD).map(|_| stage.connect()).collect();
        for other in &mut others {
            // One answer of each, so that all of them have come.
            other
                .write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                .expect("sent");
            assert_eq!(read_answer(other, &mut Vec::new()).status, 200);
        }
        let mut crowd = Self {
            stage,
            others,
            caller,
        };
        // It is learned from some answers that refusing pays; then hyper refuses one.
        let row = r#"{"amount":150,"kind":"a"}"#;
        let rows = format!(r#"{{"rows":[{row}{}]}}"#, format!(",{row}").repeat(1_000));
        let dear = request(PREDICT, headers, &rows);
        let answers = std::iter::repeat_with(|| crowd.caller.ask(&dear));
        let refused = answers.take(100).find(|answer| answer.status == 503);
        assert!(is_dated(&refused.expect("a refusal")));
        crowd.caller.be_known(headers);
        crowd
    }
}

fn is_dated(answer: &Answer) -> bool {
    answer.header("date").is_some()
}

/// Headers and body without what differs from answer to answer.
fn essence(answer: &Answer) -> (Vec<String>, Value) {
    let mut head: Vec<String> = answer.head.lines().map(str::to_owned).collect();
    head.retain(|line| !line.starts_with("date: ") && !line.starts_with("content-length: "));
    for line in &mut head {
        if line.starts_with("traceresponse: ") {
            // The span is new each time.
            line.replace_range(51..67, "");
        }
    }
    head.sort();
    let mut body = answer.json();
    body["request_id"].take();
    (head, body)
}

// promise: serve.sheds
#[test]
fn refusals_before_hyper_are_those_of_hyper_but_for_the_date() {
    let mut crowd = Crowd::gather(|_| (), "");
    for path in [
        PREDICT,
        INSTANCES,
        "/v1/models/matrix/versions/4:predict",
        "/v1/feedback",
        "/invocations",
    ] {
        for headers in [
            "",
            TRACE,
            "X-Request-Id: my-id\r\nConnection: keep-alive\r\n",
        ] {
            let early = crowd.caller.ask(&request(path, headers, GOOD));
            // The query makes it a request that is not looked at closely.
            let late = crowd
                .caller
                .ask(&request(&format!("{path}?"), headers, GOOD));
            assert_eq!((early.status, late.status), (503, 503), "{path}");
            assert!(!is_dated(&early) && is_dated(&late), "{path} {headers}");
            assert_eq!(essence(&early), essence(&late));
            if headers.starts_with('X') {
                assert_eq!(early.header("x-request-id"), Some("my-id"));
                assert_eq!(early.json()["request_id"], "my-id");
            }
            // Hyper had one that was not looked at; it sees the next one, and with that where it ends.
            assert!(is_dated(&crowd.caller.ask(&request(path, headers, GOOD))));
        }
    }
}

// promise: serve.sheds
#[test]
fn whatever_is_not_plainly_to_be_refused_is_answered_as_ever() {
    let token = "Authorization: Bearer secret-of-the-tests\r\n";
    let mut crowd = Crowd::gather(
        |config| config["token"] = json!("secret-of-the-tests"),
        token,
    );
    let html = format!("{token}Content-Type: text/html\r\n");
    let two_hosts = format!("{token}Host: y\r\n");
    let chunks = format!("{:x}\r\n{GOOD}\r\n0\r\n\r\n", GOOD.len());
    let chunked = format!(
        "POST {PREDICT} HTTP/1.1\r\nHost: x\r\n{token}Transfer-Encoding: chunked\r\n\r\n{chunks}"
    );
    for (asked, status) in [
        (READY.to_owned(), 200),
        (request(PREDICT, "", GOOD), 401),
        (request(PREDICT, &two_hosts, GOOD), 400),
        (request(PREDICT, &html, GOOD), 415),
        (request("/v1/predictions", token, GOOD), 404),
        (chunked, 503),
    ] {
        let answer = crowd.caller.ask(&asked);
        assert_eq!(answer.status, status, "{asked}");
        assert!(is_dated(&answer), "{asked}");
        crowd.caller = Caller::new(&crowd.stage);
        crowd.caller.be_known(token);
    }
    // Where the crowd has left, there is room again.
    crowd.others.clear();
    let next = request(PREDICT, token, GOOD);
    assert!((0..1_000).any(|_| crowd.caller.ask(&next).status == 200));
}

// promise: serve.sheds
#[test]
fn requests_in_one_piece_or_in_many_are_answered_one_by_one() {
    let mut crowd = Crowd::gather(|_| (), "");
    let caller = &mut crowd.caller;
    let named = |id: &str, body: &str| request(PREDICT, &format!("x-request-id: {id}\r\n"), body);
    // Several at once: the first is refused early, the others by hyper.
    caller.send(&["a", "b", "c"].map(|id| named(id, GOOD)).concat());
    for id in ["a", "b", "c"] {
        let answer = caller.receive();
        assert_eq!(
            (answer.status, answer.header("x-request-id")),
            (503, Some(id))
        );
    }
    // A large body that comes late: the answer does not wait for it, the next request does.
    caller.ask(&named("d", GOOD));
    let large = format!("{GOOD}{}", " ".repeat(300_000));
    let whole = named("e", &large);
    let (head, rest) = whole.split_at(whole.len() - large.len() + 10);
    let answer = caller.ask(head);
    assert_eq!(
        (answer.status, answer.header("x-request-id")),
        (503, Some("e"))
    );
    assert!(!is_dated(&answer));
    caller.send(rest);
    let after = caller.ask(&named("f", GOOD));
    assert_eq!(
        (after.status, after.header("x-request-id")),
        (503, Some("f"))
    );
    assert!(!is_dated(&after));
    // One that hyper gets, bit by bit: it is known all the same where it ends.
    assert_eq!(caller.ask(READY).status, 200);
    caller.send(head);
    std::thread::sleep(Duration::from_millis(20));
    let answer = caller.ask(rest);
    assert!(is_dated(&answer));
    assert_eq!(answer.header("x-request-id"), Some("e"));
    assert!(!is_dated(&caller.ask(&named("f", GOOD))));
    // Byte by byte: hyper has it.
    for byte in named("g", GOOD).as_bytes() {
        caller.connection.write_all(&[*byte]).expect("sent");
    }
    let answer = caller.receive();
    assert_eq!(
        (answer.status, answer.header("x-request-id")),
        (503, Some("g"))
    );
    // The beginning of a request behind one that hyper has is no place to look for another.
    caller.send(&format!(
        "{}POST /v1/models HTTP/1.1\r\nSmuggled: ",
        named("h", GOOD)
    ));
    assert_eq!(caller.receive().header("x-request-id"), Some("h"));
    let answer = caller.ask(&named("i", GOOD));
    assert_eq!(
        (answer.status, answer.header("x-request-id")),
        (405, Some("i"))
    );
}

// promise: serve.slow-clients
#[test]
fn who_does_not_send_the_rest_of_a_refused_body_is_left() {
    let limits = json!({"queue_ms": 0, "header_timeout_ms": 500});
    let mut crowd = Crowd::gather(|config| config["limits"] = limits, "");
    let whole = request(PREDICT, "", &" ".repeat(10_000));
    assert_eq!(crowd.caller.ask(&whole[..1_000]).status, 503);
    let rest = crowd.caller.connection.read(&mut [0; 10]);
    assert!(matches!(rest, Ok(0)), "the server ends it: {rest:?}");
}

// promise: serve.metrics
#[test]
fn early_refusals_are_counted() {
    let mut crowd = Crowd::gather(|_| (), "");
    let before = count_refused(&crowd.stage);
    for _ in 0..10 {
        assert!(!is_dated(&crowd.caller.ask(&request(PREDICT, "", GOOD))));
    }
    assert_eq!(count_refused(&crowd.stage), before + 10);
}

fn count_refused(stage: &Stage) -> u64 {
    let page = stage.ask("GET", "/metrics", "").body;
    let series = "http_server_request_duration_seconds_count{";
    let mut counted = page
        .lines()
        .filter(|line| line.starts_with(series) && line.contains("503"));
    let line = counted.next().expect("a count of what was refused");
    assert!(counted.next().is_none(), "{page}");
    let (_, count) = line.rsplit_once(' ').expect("a number");
    count.parse().expect("a number")
}
