//! The gRPC side against an HTTP/2 server whose misdeeds each test chooses.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use h2::server::{self, SendResponse};
use http::{HeaderMap, HeaderValue, Request, Response};
use mlwright_load::{HistogramReport, LoadReport, Plan, run};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with one call.
#[derive(Clone, Copy)]
enum Deed {
    /// Echo the message with this status in the trailers.
    Status(&'static str),
    /// A status in the headers, and no message.
    Refuse(&'static str),
    /// An answer without any status.
    Forget,
    /// An HTTP status.
    Http(u16),
    /// No answer.
    Silence,
    /// Break the connection.
    Break,
    /// Answer after a while.
    Late(Duration),
}

type Rule = fn(u64) -> Deed;

/// Serve from a thread until the test ends.
fn serve(rule: Rule) -> (SocketAddr, Arc<AtomicU64>) {
    let (told, hear) = mpsc::channel();
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            told.send(listener.local_addr().expect("an address"))
                .expect("a test");
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                tokio::spawn(converse(stream, rule, Arc::clone(&counted)));
            }
        });
    });
    (hear.recv().expect("an address"), calls)
}

async fn converse(stream: TcpStream, rule: Rule, calls: Arc<AtomicU64>) {
    stream.set_nodelay(true).expect("a socket");
    let Ok(mut connection) = server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let deed = rule(calls.fetch_add(1, Ordering::Relaxed));
        if matches!(deed, Deed::Break) {
            return;
        }
        tokio::spawn(answer(request, respond, deed));
    }
}

async fn answer(request: Request<h2::RecvStream>, mut respond: SendResponse<Bytes>, deed: Deed) {
    assert_eq!(request.headers()["content-type"], "application/grpc");
    assert_eq!(request.headers()["x-test"], "1");
    assert_eq!(request.uri().path(), "/test.Service/Method");
    let mut body = request.into_body();
    let mut message = Vec::new();
    while let Some(Ok(piece)) = body.data().await {
        message.extend_from_slice(&piece);
        let _ = body.flow_control().release_capacity(piece.len()); // nothing to release at the end
    }
    let head = |status: u16| Response::builder().status(status).body(()).expect("a head");
    let trailers = |status: &'static str| {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static(status));
        trailers.insert(
            "grpc-message",
            HeaderValue::from_static("as the test wants it"),
        );
        trailers
    };
    let status = match deed {
        Deed::Late(while_) => {
            tokio::time::sleep(while_).await; // the misdeed under test
            "0"
        }
        Deed::Status(status) => status,
        Deed::Refuse(status) => {
            let mut head = head(200);
            *head.headers_mut() = trailers(status);
            respond.send_response(head, true).expect("a stream");
            return;
        }
        Deed::Forget | Deed::Http(_) => {
            let status = if let Deed::Http(status) = deed {
                status
            } else {
                200
            };
            let mut stream = respond
                .send_response(head(status), false)
                .expect("a stream");
            stream.send_data(Bytes::new(), true).expect("a stream");
            return;
        }
        Deed::Silence | Deed::Break => {
            std::future::pending::<()>().await;
            return;
        }
    };
    let Ok(mut stream) = respond.send_response(head(200), false) else {
        return;
    };
    let _ = stream.send_data(message.into(), false); // a caller that has gone is normal
    let _ = stream.send_trailers(trailers(status));
}

fn plan(address: SocketAddr, changes: &[(&str, serde_json::Value)]) -> Plan {
    let mut config = serde_json::json!({
        "protocol": "grpc", "host": "127.0.0.1", "port": address.port(), "method": "POST",
        "path": "/test.Service/Method", "headers": [["x-test", "1"]], "connections": 2, "streams": 4, "threads": 1,
        "rate": 200.0, "arrivals": "constant", "seed": 7, "warm_up_s": 0.1, "seconds": 0.5,
        "timeout_ms": 10_000, "pid": null, "expect": null,
    });
    for (name, value) in changes {
        config[name] = value.clone();
    }
    Plan::from_json(&config.to_string()).expect("a plan")
}

fn measure(plan: &Plan) -> LoadReport {
    measure_with(plan, b"message two".to_vec())
}

fn measure_with(plan: &Plan, second: Vec<u8>) -> LoadReport {
    run(plan, &[b"message one".to_vec(), second], &mut |_| {
        ControlFlow::Continue(())
    })
    .expect("a report")
}

// promise: bench.grpc
#[test]
fn calls_are_made_at_the_asked_rate_and_their_messages_arrive_whole() {
    let (address, calls) = serve(|_| Deed::Status("0"));
    let long = vec![7; 70_000]; // more than a frame and than the window of a connection
    let report = measure_with(&plan(address, &[("threads", 2.into())]), long);
    assert_eq!(
        (report.counts.offered, report.counts.ok),
        (100, 100),
        "{:?}",
        report.first_failure
    );
    assert_eq!(report.statuses, [(0, 100)]);
    assert_eq!((report.latency.count, report.service.count), (100, 100));
    assert_eq!(
        calls.load(Ordering::Relaxed),
        121,
        "one before the load, 20 of the warm-up"
    );
    let expecting = plan(address, &[("expect", "message one".into())]);
    let half = measure(&expecting);
    assert_eq!((half.counts.ok, half.counts.unexpected), (50, 50));
}

#[test]
fn every_call_is_counted_once_by_its_status() {
    let (address, _) = serve(|number| match number % 10 {
        1 => Deed::Status("8"),
        2 => Deed::Refuse("14"),
        3 => Deed::Refuse("3"),
        4 => Deed::Status("13"),
        5 => Deed::Forget,
        6 => Deed::Http(404),
        7 => Deed::Http(503),
        8 => Deed::Break,
        _ => Deed::Status("0"),
    });
    let report = measure(&plan(
        address,
        &[
            ("connections", 1.into()),
            ("streams", 1.into()),
            ("rate", 250.into()),
            ("seconds", 2.into()),
            ("timeout_ms", 10_000.into()),
        ],
    ));
    let counts = &report.counts;
    let sum = counts.ok
        + counts.shed
        + counts.client_errors
        + counts.server_errors
        + counts.connection_errors;
    assert_eq!((sum, counts.offered), (500, 500), "{counts:?}");
    for (name, found, expected) in [
        ("ok", counts.ok, 100),
        ("shed", counts.shed, 150),
        ("client errors", counts.client_errors, 100),
        ("server errors", counts.server_errors, 50),
        ("connection errors", counts.connection_errors, 100),
    ] {
        assert!(found.abs_diff(expected) <= 2, "{name}: {counts:?}");
    }
    assert_eq!(report.shed.count, counts.shed);
    assert!(report.reconnects.abs_diff(52) <= 3, "{}", report.reconnects);
}

#[test]
fn a_stall_is_charged_with_the_arrivals_that_waited_for_a_stream() {
    let (address, _) = serve(|number| match number {
        300..308 => Deed::Late(Duration::from_millis(200)),
        _ => Deed::Status("0"),
    });
    let report = measure(&plan(address, &[("rate", 1000.into())]));
    assert_eq!((report.counts.ok, report.counts.offered), (500, 500));
    assert!(report.queued >= 80, "{}", report.queued);
    let (felt, served) = (above(&report.latency), above(&report.service));
    assert!(felt >= served + 50, "{felt} {served}");
}

/// How many took longer than 60 ms.
fn above(histogram: &HistogramReport) -> u64 {
    let long = histogram
        .buckets
        .iter()
        .filter(|(low, _, _)| *low > 60_000_000);
    long.map(|(_, _, count)| count).sum()
}

#[test]
fn calls_out_of_time_are_given_up_and_their_connection_goes_on() {
    let (address, _) = serve(|number| {
        if number % 2 == 1 {
            Deed::Silence
        } else {
            Deed::Status("0")
        }
    });
    let report = measure(&plan(
        address,
        &[
            ("timeout_ms", 100.into()),
            ("rate", 40.into()),
            ("seconds", 1.into()),
        ],
    ));
    let counts = &report.counts;
    assert_eq!(counts.offered, 40);
    assert!(
        counts.ok.abs_diff(20) <= 2 && counts.timed_out == 40 - counts.ok,
        "{counts:?}"
    );
    assert_eq!(report.reconnects, 0);
}

#[test]
fn nothing_is_measured_before_one_call_is_answered_well() {
    let fails = |rule: Rule| {
        let (address, _) = serve(rule);
        let asked = plan(address, &[("timeout_ms", 200.into())]);
        run(&asked, &[Vec::new()], &mut |_| ControlFlow::Continue(())).expect_err("no report")
    };
    let refused = fails(|_| Deed::Refuse("16"));
    assert_eq!(refused.code(), "bench.refused");
    assert!(
        refused.to_string().contains("16: as the test wants it"),
        "{refused}"
    );
    assert_eq!(fails(|_| Deed::Forget).code(), "bench.protocol");
    assert_eq!(fails(|_| Deed::Break).code(), "bench.protocol");
    assert_eq!(fails(|_| Deed::Silence).code(), "bench.unreachable");
}
