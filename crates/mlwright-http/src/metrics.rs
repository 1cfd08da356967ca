//! The metrics page in Prometheus text. Every metric is declared in `METRICS`; labels are bounded by the route table,
//! the deployment document and the contract.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mlwright_serve::{DURATION_BOUNDS_US, Durations};

/// Name, kind and meaning; `docs/reference/metrics.md` is generated from these rows.
pub(crate) const METRICS: [(&str, &str, &str); 22] = [
    (
        "mlwright_requests_total",
        "counter",
        "Requests by route and outcome: ok, refused (4xx), failed (5xx), shed (503)",
    ),
    (
        "mlwright_request_duration_seconds",
        "histogram",
        "Time from the whole body to the answer, by route",
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
        "Rows that wait for a model with threads of its own, or are being asked for",
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
        "mlwright_process_resident_bytes",
        "gauge",
        "Resident memory of the server",
    ),
    (
        "mlwright_process_start_time_seconds",
        "gauge",
        "When the server started, seconds since 1970",
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
];

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    Refused,
    Failed,
    Shed,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Ok, Self::Refused, Self::Failed, Self::Shed];

    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            ..400 => Self::Ok,
            400..500 => Self::Refused,
            503 => Self::Shed,
            _ => Self::Failed,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Shed => "shed",
        }
    }
}

/// Counts of one route.
#[derive(Debug, Default)]
struct RouteCounts {
    outcomes: [AtomicU64; 4],
    durations: Durations,
}

/// Counts of the socket side; the engine counts predictions.
#[derive(Debug)]
pub(crate) struct HttpCounters {
    routes: Vec<(&'static str, RouteCounts)>,
    /// Place of each row of the route table among `routes`; rows of one name count together.
    places: Vec<usize>,
    pub(crate) panics: AtomicU64,
    pub(crate) document_failures: AtomicU64,
}

impl HttpCounters {
    /// One set of counts per route name; the last is for requests that match none.
    pub(crate) fn new(names: impl Iterator<Item = &'static str>) -> Self {
        let mut routes: Vec<(&'static str, RouteCounts)> = Vec::new();
        let mut places = Vec::new();
        for name in names.chain(["none"]) {
            let known = routes.iter().position(|(other, _)| *other == name);
            places.push(known.unwrap_or(routes.len()));
            if known.is_none() {
                routes.push((name, RouteCounts::default()));
            }
        }
        Self {
            routes,
            places,
            panics: AtomicU64::new(0),
            document_failures: AtomicU64::new(0),
        }
    }

    /// Count one request.
    pub(crate) fn count(&self, route: Option<usize>, status: u16, took: Duration) {
        let place = self.places[route.unwrap_or(self.places.len() - 1)];
        let counts = &self.routes[place].1;
        counts.outcomes[Outcome::of_status(status) as usize].fetch_add(1, Ordering::Relaxed);
        counts.durations.add(took);
    }

    /// Write the request counters and the duration histograms.
    pub(crate) fn write(&self, page: &mut Page) {
        page.head("mlwright_requests_total");
        for (name, counts) in &self.routes {
            for outcome in Outcome::ALL {
                let labels = [("route", *name), ("outcome", outcome.word())];
                page.sample(
                    "mlwright_requests_total",
                    &labels,
                    load(&counts.outcomes[outcome as usize]) as f64,
                );
            }
        }
        page.head("mlwright_request_duration_seconds");
        for (name, counts) in &self.routes {
            page.histogram(
                "mlwright_request_duration_seconds",
                &[("route", name)],
                &counts.durations,
            );
        }
        page.single("mlwright_panics_total", load(&self.panics) as f64);
        page.single(
            "mlwright_document_failures_total",
            load(&self.document_failures) as f64,
        );
    }
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// The page as it is written.
#[derive(Debug, Default)]
pub(crate) struct Page {
    text: String,
}

impl Page {
    /// HELP and TYPE of a metric.
    pub(crate) fn head(&mut self, name: &str) {
        if let Some((name, kind, meaning)) = METRICS.iter().find(|row| row.0 == name) {
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
            let bound = DURATION_BOUNDS_US.get(at).map_or_else(
                || "+Inf".to_owned(),
                |bound| (*bound as f64 / 1e6).to_string(),
            );
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
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// Resident memory of this process, from the system; 0 where it does not tell.
pub(crate) fn resident_bytes() -> u64 {
    const PAGE_BYTES: u64 = 4096;
    std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok())
        .map_or(0, |pages| pages * PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_are_cumulative_and_labels_are_escaped() {
        let counters = HttpCounters::new(["predict", "predict"].into_iter());
        counters.count(Some(0), 200, Duration::from_micros(20));
        counters.count(Some(1), 422, Duration::from_millis(2));
        counters.count(None, 404, Duration::from_secs(9));
        let mut page = Page::default();
        counters.write(&mut page);
        page.sample("mlwright_deployment_epoch", &[("a", "x\"y\\z\n")], 1.0);
        let text = String::from_utf8(page.into_bytes()).expect("UTF-8");
        for line in [
            "mlwright_requests_total{route=\"predict\",outcome=\"ok\"} 1",
            "mlwright_requests_total{route=\"none\",outcome=\"refused\"} 1",
            "mlwright_request_duration_seconds_bucket{route=\"predict\",le=\"0.000025\"} 1",
            "mlwright_request_duration_seconds_bucket{route=\"predict\",le=\"+Inf\"} 2",
            "mlwright_request_duration_seconds_count{route=\"predict\"} 2",
            "mlwright_deployment_epoch{a=\"x\\\"y\\\\z\\n\"} 1",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} not in\n{text}"
            );
        }
    }
}
