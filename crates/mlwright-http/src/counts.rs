//! How many requests ended how, and how long they took, as OpenTelemetry's conventions for HTTP and RPC servers name it
//! (<https://opentelemetry.io/docs/specs/semconv/>). One request is one bucket of one histogram.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::Method;
use mlwright_serve::Durations;
use tonic::Code;

use crate::grpc::CALLS;
use crate::metrics::Page;
use crate::routes::{Authorisation, ROUTES};

/// Every status that this server answers with; the first is the frequent one.
const STATUSES: [u16; 12] = [200, 400, 401, 404, 405, 408, 409, 413, 415, 422, 503, 500];
/// Methods that the conventions know; any other is `_OTHER`, so that callers cannot make up series.
const METHODS: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", OTHER,
];
const OTHER: &str = "_OTHER";
/// Names of the codes of gRPC, by number.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
/// Codes that say that the server is to blame, by the conventions.
const BLAMED: [&str; 6] = [
    "UNKNOWN",
    "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
];

/// Durations of one kind of request, made when the first of them ends: most kinds never come.
type Series = OnceLock<Box<Durations>>;

/// Counts of the socket side; the engine counts predictions.
#[derive(Debug)]
pub(crate) struct HttpCounters {
    has_tls: bool,
    /// By row of the route table, or method where none matches, and status.
    requests: Vec<Series>,
    /// By row of the table of calls, the last for those that match none, and code.
    calls: Vec<Series>,
    pub(crate) panics: AtomicU64,
    pub(crate) document_failures: AtomicU64,
}

impl HttpCounters {
    /// Nothing yet; `has_tls` says how callers of the serving listener come.
    pub(crate) fn new(has_tls: bool) -> Self {
        let series = |count| std::iter::repeat_with(Series::new).take(count).collect();
        Self {
            has_tls,
            requests: series((ROUTES.len() + METHODS.len()) * STATUSES.len()),
            calls: series((CALLS.len() + 1) * CODES.len()),
            panics: AtomicU64::new(0),
            document_failures: AtomicU64::new(0),
        }
    }

    /// Count one HTTP request; one without a route counts by its method.
    pub(crate) fn count(&self, route: Option<usize>, method: &Method, status: u16, took: Duration) {
        let row = route.unwrap_or_else(|| ROUTES.len() + place_of(method.as_str(), &METHODS));
        let column = place_of(status, &STATUSES);
        self.requests[row * STATUSES.len() + column]
            .get_or_init(Box::default)
            .add(took);
    }

    /// Count one remote call.
    pub(crate) fn count_call(&self, call: Option<usize>, code: Code, took: Duration) {
        let row = call.unwrap_or(CALLS.len());
        self.calls[row * CODES.len() + code as usize]
            .get_or_init(Box::default)
            .add(took);
    }

    /// Write the durations of requests and calls, and the counters beside them.
    pub(crate) fn write(&self, page: &mut Page) {
        self.write_requests(page);
        self.write_calls(page);
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        page.single("mlwright_panics_total", load(&self.panics));
        page.single(
            "mlwright_document_failures_total",
            load(&self.document_failures),
        );
    }

    fn write_requests(&self, page: &mut Page) {
        const NAME: &str = "http_server_request_duration_seconds";
        page.head(NAME);
        for (place, durations) in filled(&self.requests) {
            let (row, column) = (place / STATUSES.len(), place % STATUSES.len());
            let status = STATUSES[column].to_string();
            let route = ROUTES.get(row);
            let method = route.map_or_else(|| METHODS[row - ROUTES.len()], |route| route.method);
            let mut labels = vec![
                ("http_request_method", method),
                ("http_response_status_code", status.as_str()),
                (
                    "url_scheme",
                    self.scheme(route.map(|route| route.authorisation)),
                ),
            ];
            labels.extend(route.map(|route| ("http_route", route.path)));
            if STATUSES[column] >= 500 {
                labels.push(("error_type", &status));
            }
            page.histogram(NAME, &labels, durations);
        }
    }

    fn write_calls(&self, page: &mut Page) {
        const NAME: &str = "rpc_server_call_duration_seconds";
        page.head(NAME);
        for (place, durations) in filled(&self.calls) {
            let (row, code) = (place / CODES.len(), CODES[place % CODES.len()]);
            let method = CALLS.get(row).map_or(OTHER, |call| &call.path[1..]);
            let mut labels = vec![
                ("rpc_system_name", "grpc"),
                ("rpc_method", method),
                ("rpc_response_status_code", code),
            ];
            if BLAMED.contains(&code) {
                labels.push(("error_type", code));
            }
            page.histogram(NAME, &labels, durations);
        }
    }

    fn scheme(&self, authorisation: Option<Authorisation>) -> &'static str {
        // Operators are on the loopback, without TLS.
        if self.has_tls && authorisation != Some(Authorisation::Admin) {
            "https"
        } else {
            "http"
        }
    }
}

/// The place of a value in its table; what is not there counts with the last.
fn place_of<T: PartialEq + Copy>(value: T, table: &[T]) -> usize {
    let found = table.iter().position(|known| *known == value);
    found.unwrap_or(table.len() - 1)
}

fn filled(series: &[Series]) -> impl Iterator<Item = (usize, &Durations)> {
    let places = series.iter().enumerate();
    places.filter_map(|(place, one)| Some((place, one.get()?.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Format;

    fn page_of(counters: &HttpCounters) -> String {
        let mut page = Page::new(Format::Text);
        counters.write(&mut page);
        String::from_utf8(page.into_bytes()).expect("UTF-8")
    }

    fn assert_lines(text: &str, lines: &[&str]) {
        for line in lines {
            assert!(
                text.lines().any(|found| found == *line),
                "{line} not in\n{text}"
            );
        }
    }

    // promise: serve.conventions
    #[test]
    fn requests_count_by_method_route_and_status() {
        let counters = HttpCounters::new(false);
        let micros = Duration::from_micros;
        counters.count(Some(0), &Method::POST, 200, micros(20));
        counters.count(Some(0), &Method::POST, 200, micros(2_000));
        counters.count(Some(0), &Method::POST, 503, micros(7));
        counters.count(None, &Method::GET, 404, micros(9_000_000));
        let made_up = Method::from_bytes(b"BREW").expect("a method");
        counters.count(None, &made_up, 405, micros(1));
        let good = "http_request_method=\"POST\",http_response_status_code=\"200\",url_scheme=\"http\",\
            http_route=\"/v1/predict/{name}\"";
        let name = "http_server_request_duration_seconds";
        assert_lines(
            &page_of(&counters),
            &[
                &format!("# TYPE {name} histogram"),
                &format!("{name}_bucket{{{good},le=\"2.5e-05\"}} 1"),
                &format!("{name}_bucket{{{good},le=\"0.005\"}} 2"),
                &format!("{name}_bucket{{{good},le=\"+Inf\"}} 2"),
                &format!("{name}_sum{{{good}}} 0.00202"),
                &format!("{name}_count{{{good}}} 2"),
                &format!(
                    "{name}_count{{{},error_type=\"503\"}} 1",
                    good.replace("200", "503")
                ),
                &format!(
                    "{name}_count{{http_request_method=\"GET\",http_response_status_code=\"404\",url_scheme=\"http\"}} 1"
                ),
                &format!(
                    "{name}_count{{http_request_method=\"_OTHER\",http_response_status_code=\"405\",url_scheme=\"http\"}} 1"
                ),
            ],
        );
    }

    // promise: serve.conventions
    #[test]
    fn calls_count_by_method_and_code() {
        let counters = HttpCounters::new(true);
        counters.count_call(Some(0), Code::Ok, Duration::from_millis(6));
        counters.count_call(None, Code::Unimplemented, Duration::ZERO);
        assert_lines(
            &page_of(&counters),
            &[
                "rpc_server_call_duration_seconds_count{rpc_system_name=\"grpc\",\
                    rpc_method=\"inference.GRPCInferenceService/ModelInfer\",rpc_response_status_code=\"OK\"} 1",
                "rpc_server_call_duration_seconds_count{rpc_system_name=\"grpc\",rpc_method=\"_OTHER\",\
                    rpc_response_status_code=\"UNIMPLEMENTED\",error_type=\"UNIMPLEMENTED\"} 1",
            ],
        );
    }

    #[test]
    fn operators_come_without_tls() {
        let admin = ROUTES
            .iter()
            .position(|route| route.path == "/admin/status");
        let counters = HttpCounters::new(true);
        counters.count(admin, &Method::GET, 200, Duration::ZERO);
        counters.count(Some(0), &Method::POST, 200, Duration::ZERO);
        let text = page_of(&counters);
        let schemes = |path: &str, scheme: &str| {
            let label = format!("url_scheme=\"{scheme}\",http_route=\"{path}\"");
            text.contains(&label)
        };
        assert!(schemes("/admin/status", "http") && schemes("/v1/predict/{name}", "https"));
    }

    #[test]
    fn every_status_and_code_has_its_series() {
        let words = include_str!("errors.rs").split(|letter: char| !letter.is_ascii_digit());
        let numbers = words.filter_map(|word| word.parse::<u16>().ok());
        for status in numbers.filter(|number| (400..600).contains(number)) {
            assert!(STATUSES.contains(&status), "{status}");
        }
        for (number, name) in CODES.iter().enumerate() {
            let code = Code::from(i32::try_from(number).expect("small"));
            let words = format!("{code:?}").replace("Ok", "OK");
            let spelled = name.replace('_', "").to_lowercase();
            assert_eq!(spelled, words.to_lowercase());
        }
        assert!(BLAMED.iter().all(|code| CODES.contains(code)));
    }
}
