//! The metrics page, in Prometheus text or `OpenMetrics`. Every metric is declared in `METRICS`; labels are bounded by the
//! route table, the deployment document and the contract.

use std::fmt::Write as _;

use hyper::HeaderMap;
use hyper::header::{ACCEPT, HeaderValue};
use mlwright_serve::{DURATION_BOUNDS_US, Durations};

/// Name, kind and meaning; `docs/reference/metrics.md` is generated from these rows.
pub(crate) const METRICS: [(&str, &str, &str); 27] = [
    (
        "http_server_request_duration_seconds",
        "histogram",
        "Time from the head of a request to its answer, by method, route, status and scheme; error_type where the server is to blame",
    ),
    (
        "rpc_server_call_duration_seconds",
        "histogram",
        "Time from the head of a gRPC call to its answer, by method and status; error_type where the server is to blame",
    ),
    (
        "mlwright_predictions_total",
        "counter",
        "Predicted rows by deployment, variant, model and version",
    ),
    (
        "mlwright_prediction_duration_seconds",
        "histogram",
        "Time from the whole body to its predictions, by deployment, variant and outcome: ok, failed",
    ),
    (
        "mlwright_variant_weight_ratio",
        "gauge",
        "Share of traffic of a variant, 0..1",
    ),
    (
        "mlwright_deployment_epoch",
        "gauge",
        "Epoch of the deployment document that is served",
    ),
    (
        "mlwright_contract_violations_total",
        "counter",
        "Rows refused by the data contract, by deployment, variant, column and kind",
    ),
    (
        "mlwright_prediction_log_records_total",
        "counter",
        "Records appended to the prediction log",
    ),
    (
        "mlwright_prediction_log_dropped_total",
        "counter",
        "Records that could not be written; predictions went on",
    ),
    (
        "mlwright_model_memory_bytes",
        "gauge",
        "Memory of the tables of a model",
    ),
    (
        "mlwright_model_waiting_rows",
        "gauge",
        "Rows that wait for a slow model, or are being asked for",
    ),
    (
        "mlwright_model_batches_total",
        "counter",
        "Batches of more than one request",
    ),
    (
        "mlwright_model_batched_rows_total",
        "counter",
        "Rows in these batches",
    ),
    (
        "mlwright_cache_hits_total",
        "counter",
        "Predictions that the cache knew",
    ),
    (
        "mlwright_cache_misses_total",
        "counter",
        "Predictions that the cache did not know",
    ),
    (
        "mlwright_mirrored_requests_total",
        "counter",
        "Requests shown to a mirroring deployment by outcome: answered, failed, dropped",
    ),
    (
        "mlwright_feedback_total",
        "counter",
        "Labels and events received",
    ),
    (
        "mlwright_panics_total",
        "counter",
        "Requests that hit a bug and got 500",
    ),
    (
        "mlwright_requests_in_flight",
        "gauge",
        "Requests being answered now",
    ),
    (
        "mlwright_document_failures_total",
        "counter",
        "Deployment documents that were refused",
    ),
    (
        "process_cpu_seconds_total",
        "counter",
        "Processor time of the server, in user and system mode",
    ),
    (
        "process_start_time_seconds",
        "gauge",
        "When the server started, seconds since 1970",
    ),
    (
        "process_virtual_memory_bytes",
        "gauge",
        "Address space of the server",
    ),
    (
        "process_resident_memory_bytes",
        "gauge",
        "Resident memory of the server",
    ),
    (
        "process_open_fds",
        "gauge",
        "Open descriptors of the server",
    ),
    (
        "process_max_fds",
        "gauge",
        "Most descriptors that the server may open",
    ),
    (
        "target_info",
        "info",
        "What is measured: service_name and service_version",
    ),
];

/// How the page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

impl Format {
    /// What a caller accepts, `OpenMetrics` if it does not prefer text.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let ranges = headers.get_all(ACCEPT).iter().map(HeaderValue::to_str);
        let ranges = ranges.flatten().flat_map(|text| text.split(','));
        let (mut open, mut text) = (0.0, 0.0);
        for range in ranges {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or("");
            let weight = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(Ok(1.0), str::parse)
                .unwrap_or(0.0);
            if kind.eq_ignore_ascii_case("application/openmetrics-text") {
                open = f64::max(open, weight);
            } else if ["text/plain", "text/*", "*/*"].contains(&kind) {
                text = f64::max(text, weight);
            }
        }
        if open > 0.0 && open >= text {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    /// The media type.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// Name and kind of a metric: `OpenMetrics` names a counter and an info without their suffix, Prometheus text has no
    /// info.
    fn declare(self, name: &'static str, kind: &'static str) -> (&'static str, &'static str) {
        match (self, kind) {
            (Self::Text, "info") => (name, "gauge"),
            (Self::OpenMetrics, "counter") => (name.trim_end_matches("_total"), kind),
            (Self::OpenMetrics, "info") => (name.trim_end_matches("_info"), kind),
            (Self::Text | Self::OpenMetrics, _) => (name, kind),
        }
    }
}

/// The page as it is written.
#[derive(Debug)]
pub(crate) struct Page {
    format: Format,
    text: String,
}

impl Page {
    /// An empty page that says what is measured.
    pub(crate) fn new(format: Format) -> Self {
        let text = String::new();
        let mut page = Self { format, text };
        let labels = [
            ("service_name", "mlwright"),
            ("service_version", env!("CARGO_PKG_VERSION")),
        ];
        page.head("target_info");
        page.sample("target_info", &labels, 1.0);
        page
    }

    /// HELP and TYPE of a metric.
    pub(crate) fn head(&mut self, name: &str) {
        if let Some((name, kind, meaning)) = METRICS.iter().find(|row| row.0 == name) {
            let (name, kind) = self.format.declare(name, kind);
            // Writing to a String cannot fail.
            let _ = write!(self.text, "# HELP {name} {meaning}\n# TYPE {name} {kind}\n");
        }
    }

    /// A metric with one sample and no labels.
    pub(crate) fn single(&mut self, name: &str, value: f64) {
        self.head(name);
        self.sample(name, &[], value);
    }

    /// One sample.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.text.push_str(name);
        if !labels.is_empty() {
            let inside: Vec<String> = labels
                .iter()
                .map(|(key, text)| format!("{key}=\"{}\"", escape(text)))
                .collect();
            let _ = write!(self.text, "{{{}}}", inside.join(","));
        }
        let _ = writeln!(self.text, " {value}");
    }

    /// A histogram; one that has counted nothing yet is left out.
    pub(crate) fn histogram(&mut self, name: &str, labels: &[(&str, &str)], durations: &Durations) {
        let (buckets, sum_us) = durations.read();
        let total: u64 = buckets.iter().sum();
        if total == 0 {
            return;
        }
        let bucket = format!("{name}_bucket");
        let mut so_far = 0;
        for (at, count) in buckets.iter().enumerate() {
            so_far += count;
            let bound = DURATION_BOUNDS_US.get(at).copied();
            let bound = bound.map_or_else(|| "+Inf".to_owned(), bound_text);
            let bounded: Vec<_> = labels
                .iter()
                .copied()
                .chain([("le", bound.as_str())])
                .collect();
            self.sample(&bucket, &bounded, so_far as f64);
        }
        self.sample(&format!("{name}_sum"), labels, sum_us as f64 / 1e6);
        self.sample(&format!("{name}_count"), labels, total as f64);
    }

    /// The finished page.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text.into_bytes()
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// A bound in seconds as both formats spell numbers, so that both name the same series: `1.0`, `0.0025`, `2.5e-05`.
fn bound_text(micros: u64) -> String {
    let seconds = micros as f64 / 1e6;
    if seconds < 1e-4 {
        let text = format!("{seconds:e}");
        text.replace("e-", "e-0")
    } else {
        format!("{seconds:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(text: &str) -> Format {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_str(text).expect("a header"));
        Format::of(&headers)
    }

    // promise: serve.metrics
    #[test]
    fn callers_choose_the_format() {
        assert_eq!(Format::of(&HeaderMap::new()), Format::Text);
        let of_prometheus = "application/openmetrics-text;version=1.0.0,\
            application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(accepting(of_prometheus), Format::OpenMetrics);
        for text in [
            "",
            "*/*",
            "text/plain",
            "application/openmetrics-text;q=0.3, text/plain;q=0.5",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=x",
        ] {
            assert_eq!(accepting(text), Format::Text, "{text}");
        }
    }

    // promise: serve.metrics
    #[test]
    fn each_format_declares_metrics_in_its_own_way() {
        let page_in = |format| {
            let mut page = Page::new(format);
            page.single("mlwright_panics_total", 2.0);
            String::from_utf8(page.into_bytes()).expect("UTF-8")
        };
        let text = page_in(Format::Text);
        assert!(text.contains("# TYPE target_info gauge\ntarget_info{service_name=\"mlwright\","));
        assert!(text.contains("# TYPE mlwright_panics_total counter\nmlwright_panics_total 2\n"));
        let open = page_in(Format::OpenMetrics);
        assert!(open.contains("# TYPE target info\ntarget_info{service_name=\"mlwright\","));
        assert!(open.contains("# TYPE mlwright_panics counter\nmlwright_panics_total 2\n"));
        assert!(open.ends_with("\n# EOF\n") && !text.contains("EOF"));
    }

    #[test]
    fn labels_are_escaped_and_bounds_are_spelled_once() {
        let mut page = Page::new(Format::Text);
        page.sample("mlwright_deployment_epoch", &[("a", "x\"y\\z\n")], 1.0);
        let text = String::from_utf8(page.into_bytes()).expect("UTF-8");
        assert!(text.ends_with("mlwright_deployment_epoch{a=\"x\\\"y\\\\z\\n\"} 1\n"));
        let texts = [10, 25, 100, 2_500, 1_000_000, 7_500_000].map(bound_text);
        assert_eq!(
            texts,
            ["1e-05", "2.5e-05", "0.0001", "0.0025", "1.0", "7.5"]
        );
    }
}
