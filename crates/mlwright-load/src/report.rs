//! What a measurement found, as it goes to whoever asked.

use serde::Serialize;

use crate::clock::SECOND;
use crate::histogram::Histogram;
use crate::outcome::Counts;
use crate::plan::{Plan, Schedule};
use crate::tally::Tally;

/// A generator that is busy for more than this share of the time is measured beside the server.
const BUSY_SHARE: f64 = 0.95;
/// The part of a latency that may come from the generator, and what is never too much.
const LAG_SHARE: f64 = 0.1;
const LAG_FLOOR: u64 = 1_000_000;

/// What is known while the load runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Progress {
    /// Seconds since the load began.
    pub elapsed_s: f64,
    /// Seconds it takes in all.
    pub total_s: f64,
    /// Good answers so far, warm-up included.
    pub ok: u64,
    /// All that ended otherwise.
    pub failed: u64,
}

/// Percentiles of a histogram in microseconds, and its buckets; the numbers are null when nothing was counted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistogramReport {
    /// How many durations.
    pub count: u64,
    /// Their mean.
    pub mean_us: Option<f64>,
    /// The smallest.
    pub min_us: Option<f64>,
    /// The median.
    pub p50_us: Option<f64>,
    /// 75 % are no longer.
    pub p75_us: Option<f64>,
    /// 90 % are no longer.
    pub p90_us: Option<f64>,
    /// 95 % are no longer.
    pub p95_us: Option<f64>,
    /// 99 % are no longer.
    pub p99_us: Option<f64>,
    /// 99.9 % are no longer.
    pub p999_us: Option<f64>,
    /// 99.99 % are no longer.
    pub p9999_us: Option<f64>,
    /// The largest.
    pub max_us: Option<f64>,
    /// Smallest value and width in nanoseconds and count of every bucket that holds something.
    pub buckets: Vec<(u64, u64, u64)>,
}

impl From<&Histogram> for HistogramReport {
    fn from(histogram: &Histogram) -> Self {
        let us = |value: u64| value as f64 / 1e3;
        let at = |share: f64| {
            histogram
                .quantile(share)
                .filter(|_| histogram.count() > 0)
                .map(us)
        };
        Self {
            count: histogram.count(),
            mean_us: histogram.mean().map(|mean| mean / 1e3),
            min_us: histogram.min().map(us),
            p50_us: at(0.5),
            p75_us: at(0.75),
            p90_us: at(0.9),
            p95_us: at(0.95),
            p99_us: at(0.99),
            p999_us: at(0.999),
            p9999_us: at(0.9999),
            max_us: histogram.max().map(us),
            buckets: histogram.buckets().collect(),
        }
    }
}

/// One rate, measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoadReport {
    /// Arrivals a second that were asked for.
    pub rate: f64,
    /// Seconds of the measured window.
    pub seconds: f64,
    /// How the requests of the window ended.
    pub counts: Counts,
    /// Answers by status; gRPC statuses count as 0..=16.
    pub statuses: Vec<(u16, u64)>,
    /// Arrivals a second that were due.
    pub offered_rate: f64,
    /// Good answers a second that came within the window.
    pub achieved_rate: f64,
    /// Answers a second of any kind that came within the window, late ones included: what the server got done.
    pub answered_rate: f64,
    /// From due to answered: what callers feel.
    pub latency: HistogramReport,
    /// From sent to answered: what the server did, blind to who waited.
    pub service: HistogramReport,
    /// From due to refused with 429 or 503.
    pub shed: HistogramReport,
    /// How late the generator itself sent.
    pub lag: HistogramReport,
    /// Arrivals that found every connection busy.
    pub queued: u64,
    /// Most arrivals that waited for a connection at once.
    pub queue_peak: u64,
    /// Connections that had to be opened again.
    pub reconnects: u64,
    /// What the first failure looked like.
    pub first_failure: Option<String>,
    /// CPU seconds of the server within the window, user and system, with its descendants.
    pub server_cpu_s: Option<f64>,
    /// That per answer.
    pub server_cpu_us_per_request: Option<f64>,
    /// CPU seconds of the generator's threads from start to end of the load.
    pub generator_cpu_s: f64,
    /// Share of the time in which the generator's threads had something to do, 0..1.
    pub generator_busy_share: f64,
    /// Why the numbers are the generator's rather than the server's; none when they are not.
    pub generator_limit: Option<String>,
    /// Status and body of the answer that came before the load.
    pub first_answer: FirstAnswer,
}

/// The answer to the one request that is sent before the load.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FirstAnswer {
    /// HTTP or gRPC status.
    pub status: u16,
    /// The body, at most its first 2 000 bytes; bytes that are no text are replaced.
    pub body: String,
}

impl LoadReport {
    /// The report as JSON.
    ///
    /// # Panics
    ///
    /// Never: numbers, texts and lists have a form in JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and texts become JSON; this is a bug")
    }

    pub(crate) fn new(plan: &Plan, tally: &Tally, facts: Facts) -> Self {
        let load = (facts.schedule.end - facts.schedule.start) as f64 * plan.threads as f64;
        let busy = (1.0 - tally.idle as f64 / load).clamp(0.0, 1.0);
        let per_request = |cpu: f64| cpu * 1e6 / tally.answered_in_window as f64;
        Self {
            rate: plan.rate,
            seconds: plan.seconds,
            statuses: tally.statuses.clone(),
            offered_rate: tally.counts.offered as f64 / plan.seconds,
            achieved_rate: tally.ok_in_window as f64 / plan.seconds,
            answered_rate: tally.answered_in_window as f64 / plan.seconds,
            latency: (&tally.latency).into(),
            service: (&tally.service).into(),
            shed: (&tally.shed).into(),
            lag: (&tally.lag).into(),
            queued: tally.queued,
            queue_peak: tally.queue_peak,
            reconnects: tally.reconnects,
            first_failure: tally.first_failure.clone(),
            server_cpu_s: facts.server_cpu_s,
            server_cpu_us_per_request: facts
                .server_cpu_s
                .filter(|_| tally.answered_in_window > 0)
                .map(per_request),
            generator_cpu_s: tally.cpu as f64 / SECOND as f64,
            generator_busy_share: busy,
            generator_limit: limit(tally, busy),
            first_answer: facts.first_answer,
            counts: tally.counts.clone(),
        }
    }
}

/// What a run knows beside the tally of its threads.
pub(crate) struct Facts {
    pub(crate) schedule: Schedule,
    pub(crate) server_cpu_s: Option<f64>,
    pub(crate) first_answer: FirstAnswer,
}

fn limit(tally: &Tally, busy: f64) -> Option<String> {
    let lag = tally.lag.quantile(0.99).filter(|_| tally.lag.count() > 0)?;
    let latency = tally.latency.quantile(0.99).unwrap_or(0);
    if busy > BUSY_SHARE {
        return Some(format!(
            "the generator was busy for {:.0} % of the time",
            busy * 100.0
        ));
    }
    let allowed = ((latency as f64 * LAG_SHARE) as u64).max(LAG_FLOOR);
    (lag > allowed).then(|| {
        format!(
            "the generator sent 1 % of the requests more than {:.1} ms late",
            lag as f64 / 1e6
        )
    })
}
