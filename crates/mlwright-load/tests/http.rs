//! The generator against servers that stall, refuse, break and lie.

mod server;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use mlwright_load::{HistogramReport, LoadError, LoadReport, Plan, run};
use server::{Deed, Server, answer};

const STALL: Duration = Duration::from_millis(200);

/// Half a second at 1 000 a second over 4 connections, unless changed.
fn plan(server: &Server, changes: &[(&str, serde_json::Value)]) -> Plan {
    let mut config = serde_json::json!({
        "protocol": "http", "host": "127.0.0.1", "port": server.address.port(), "method": "POST",
        "path": "/predict", "headers": [["x-test", "1"]], "connections": 4, "streams": 1, "threads": 1,
        "rate": 1000.0, "arrivals": "constant", "seed": 7, "warm_up_s": 0.1, "seconds": 0.5,
        "timeout_ms": 10_000, "pid": null, "expect": null,
    });
    for (name, value) in changes {
        config[name] = value.clone();
    }
    Plan::from_json(&config.to_string()).expect("a plan")
}

fn measure(plan: &Plan) -> LoadReport {
    let bodies = [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()];
    run(plan, &bodies, &mut |_| ControlFlow::Continue(())).expect("a report")
}

/// How many durations exceed a bound.
fn above(histogram: &HistogramReport, bound: Duration) -> u64 {
    let is_above = |(low, _, _): &&(u64, u64, u64)| u128::from(*low) > bound.as_nanos();
    histogram
        .buckets
        .iter()
        .filter(is_above)
        .map(|(_, _, count)| count)
        .sum()
}

fn ends(report: &LoadReport) -> u64 {
    let counts = &report.counts;
    counts.ok
        + counts.unexpected
        + counts.other
        + counts.client_errors
        + counts.shed
        + counts.server_errors
        + counts.connection_errors
        + counts.timed_out
        + counts.unsent
}

// promise: bench.coordinated-omission
#[test]
fn a_stall_is_charged_with_every_arrival_that_waited_and_not_only_with_the_requests_it_caught() {
    let gate = Arc::new(Mutex::new(()));
    let server = Server::start(move |number, _| {
        let held = gate.lock().expect("no panic");
        if number == 300 {
            thread::sleep(STALL); // the misdeed under test
        }
        drop(held);
        answer(200, "{}")
    });
    let report = measure(&plan(&server, &[]));
    assert_eq!((report.counts.ok, report.counts.offered), (500, 500));
    let long = Duration::from_millis(50);
    let felt = above(&report.latency, long);
    let sent = above(&report.service, long);
    assert!(felt >= 120 && sent <= felt / 4, "{felt} {sent}");
    assert!(
        report.queued >= 150 && report.queue_peak >= 100,
        "{} {}",
        report.queued,
        report.queue_peak
    );
    assert!(
        report.latency.p90_us > Some(50_000.0),
        "{:?}",
        report.latency
    );
}

// promise: bench.rate
#[test]
fn the_offered_rate_is_the_asked_one_over_all_threads_and_bodies_go_in_turn() {
    let seen = Arc::new(Mutex::new(HashSet::new()));
    let heard = Arc::clone(&seen);
    let server = Server::start(move |_, body| {
        heard.lock().expect("no panic").insert(body.to_owned());
        answer(200, "{}")
    });
    for (threads, connections) in [(1, 3), (2, 5)] {
        let report = measure(&plan(
            &server,
            &[
                ("threads", threads.into()),
                ("connections", connections.into()),
            ],
        ));
        assert_eq!((report.counts.offered, ends(&report)), (500, 500));
        assert!((report.offered_rate - 1000.0).abs() < 1e-9);
    }
    assert_eq!(seen.lock().expect("no panic").len(), 3);
    assert!(
        server.requests.load(Ordering::Relaxed) >= 2 * 600,
        "warm-up is sent too"
    );
    let poisson = measure(&plan(&server, &[("arrivals", "poisson".into())]));
    assert!(poisson.counts.offered.abs_diff(500) < 120 && ends(&poisson) == poisson.counts.offered);
}

// promise: bench.outcomes
#[test]
fn every_request_is_counted_once_by_how_it_ended() {
    let server = Server::start(|number, _| match number % 10 {
        1 => answer(404, "no"),
        2 => answer(503, "busy"),
        3 => answer(429, "busy"),
        4 => answer(500, "oh"),
        5 => answer(302, ""),
        6 => answer(200, "something else"),
        7 => Deed::Close,
        8 => Deed::Answer(b"garbage\r\n\r\n".to_vec()),
        _ => answer(200, "a good answer"),
    });
    let report = measure(&plan(
        &server,
        &[("expect", "good".into()), ("connections", 1.into())],
    ));
    let counts = &report.counts;
    assert_eq!(ends(&report), counts.offered);
    for (name, found, expected) in [
        ("ok", counts.ok, 100),
        ("shed", counts.shed, 100),
        ("client errors", counts.client_errors, 50),
        ("server errors", counts.server_errors, 50),
        ("other", counts.other, 50),
        ("unexpected", counts.unexpected, 50),
        ("connection errors", counts.connection_errors, 100),
    ] {
        assert!(found.abs_diff(expected) <= 2, "{name}: {counts:?}");
    }
    assert_eq!(report.shed.count, counts.shed);
    assert_eq!(report.latency.count, counts.ok);
    assert!(report.reconnects >= counts.connection_errors);
    let of = |status| {
        report
            .statuses
            .iter()
            .find(|(code, _)| *code == status)
            .map_or(0, |(_, count)| *count)
    };
    assert_eq!(of(503) + of(429), counts.shed);
    assert!(report.first_failure.is_some());
}

#[test]
fn chunked_answers_and_closed_connections_are_normal() {
    let server = Server::start(|number, _| {
        let chunked =
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n".to_vec();
        match number % 3 {
            0 => Deed::Answer(chunked),
            1 => Deed::AnswerAndClose(b"HTTP/1.1 200 OK\r\n\r\nyes, until the end".to_vec()),
            _ => Deed::AnswerAndClose(
                b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\nyes".to_vec(),
            ),
        }
    });
    let report = measure(&plan(
        &server,
        &[("expect", "yes".into()), ("rate", 400.into())],
    ));
    assert_eq!(
        (report.counts.ok, report.counts.offered),
        (200, 200),
        "{:?}",
        report.first_failure
    );
    assert!(report.reconnects > 100);
}

// promise: bench.time-outs
#[test]
fn what_is_not_answered_in_time_counts_and_stays_in_the_percentiles() {
    let server = Server::start(|number, _| {
        if number < 3 {
            answer(200, "")
        } else {
            Deed::Silence
        }
    });
    let report = measure(&plan(
        &server,
        &[("timeout_ms", 100.into()), ("connections", 2.into())],
    ));
    let counts = &report.counts;
    assert_eq!((ends(&report), counts.offered, counts.ok), (500, 500, 0));
    assert!(counts.timed_out >= 2 && counts.unsent >= 1, "{counts:?}");
    assert_eq!((report.latency.count, report.service.count), (500, 0));
    assert!(report.latency.p50_us >= Some(99_000.0));
}

#[test]
fn an_answer_that_comes_late_frees_its_connection_and_counts_as_out_of_time() {
    let server = Server::start(|number, _| {
        if number >= 20 && number % 10 == 0 {
            thread::sleep(Duration::from_millis(120)); // the misdeed under test
        }
        answer(200, "{}")
    });
    let changes = [
        ("timeout_ms", 100.into()),
        ("rate", 50.into()),
        ("seconds", 1.into()),
    ];
    let report = measure(&plan(&server, &changes));
    assert!(
        (2..=6).contains(&report.counts.timed_out),
        "{:?}",
        report.counts
    );
    assert_eq!(report.counts.ok + report.counts.timed_out, 50);
    assert_eq!(report.reconnects, 0);
    assert!(report.answered_rate > report.achieved_rate);
    assert!(
        report.latency.max_us <= Some(100_000.0),
        "late ones enter with the time-out"
    );
}

#[test]
fn a_server_that_goes_away_costs_connection_errors_and_no_hang() {
    let server = Arc::new(Mutex::new(None::<Server>));
    let handle = Arc::clone(&server);
    let started = Server::start(move |number, _| {
        if number < 200 {
            return answer(200, "");
        }
        if let Some(server) = handle.lock().expect("no panic").take() {
            server.close_door();
        }
        Deed::Close
    });
    let asked = plan(&started, &[]);
    *server.lock().expect("no panic") = Some(started);
    let report = measure(&asked);
    assert_eq!(ends(&report), report.counts.offered);
    assert!(
        report.counts.ok >= 50 && report.counts.connection_errors >= 50,
        "{:?}",
        report.counts
    );
}

// promise: bench.verifies
#[test]
fn nothing_is_measured_before_one_request_is_answered_as_it_should() {
    let fails = |changes: &[(&str, serde_json::Value)], server: &Server| {
        run(&plan(server, changes), &[Vec::new()], &mut |_| {
            ControlFlow::Continue(())
        })
        .expect_err("no report")
    };
    let refusing = Server::start(|_, _| answer(401, "who are you?"));
    let error = fails(&[], &refusing);
    assert_eq!(error.code(), "bench.refused");
    assert!(error.to_string().contains("401: who are you?"), "{error}");
    assert_eq!(refusing.requests.load(Ordering::Relaxed), 1);
    let lying = Server::start(|_, _| answer(200, "{}"));
    assert_eq!(
        fails(&[("expect", "prediction".into())], &lying).code(),
        "bench.refused"
    );
    let garbled = Server::start(|_, _| Deed::AnswerAndClose(b"SSH-2.0-x\r\n\r\n".to_vec()));
    assert_eq!(fails(&[], &garbled).code(), "bench.protocol");
    let silent = Server::start(|_, _| Deed::Silence);
    assert_eq!(
        fails(&[("timeout_ms", 100.into())], &silent).code(),
        "bench.unreachable"
    );
    silent.close_door();
    let closed = Server::start(|_, _| Deed::Close);
    assert_eq!(fails(&[], &closed).code(), "bench.protocol");
}

#[test]
fn whoever_asked_may_break_it_off_at_once() {
    let server = Server::start(|_, _| answer(200, ""));
    let started = Instant::now();
    let mut heard = 0;
    let result = run(
        &plan(&server, &[("seconds", 60.into())]),
        &[Vec::new()],
        &mut |progress| {
            heard += 1;
            assert!((progress.total_s - 60.1).abs() < 1e-9);
            if heard < 5 {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        },
    );
    assert!(matches!(result, Err(LoadError::Stopped)));
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn plans_that_cannot_be_meant_are_refused() {
    let server = Server::start(|_, _| answer(200, ""));
    let good = serde_json::json!({
        "protocol": "http", "host": "::1", "port": server.address.port(), "method": "POST",
        "path": "/", "headers": [], "connections": 4, "streams": 1, "threads": 1,
        "rate": 1000.0, "arrivals": "constant", "seed": 7, "warm_up_s": 0.1, "seconds": 0.5,
        "timeout_ms": 2000, "pid": null, "expect": null,
    });
    assert!(
        Plan::from_json(&good.to_string())
            .expect("good")
            .address()
            .starts_with("[::1]:")
    );
    for (name, value) in [
        ("rate", serde_json::json!(0)),
        ("seconds", serde_json::json!(0)),
        ("threads", serde_json::json!(5)),
        ("timeout_ms", serde_json::json!(0)),
        ("path", serde_json::json!("x")),
        ("path", serde_json::json!("/a b")),
        ("method", serde_json::json!("GET /")),
        ("headers", serde_json::json!([["content-length", "3"]])),
        ("headers", serde_json::json!([["a", "b\r\nc: d"]])),
        ("unknown", serde_json::json!(1)),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        let error = Plan::from_json(&bad.to_string()).expect_err(name);
        assert_eq!(error.code(), "bench.plan");
    }
}
