//! What one thread counted; tallies of several threads add up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::arrivals::Arrival;
use crate::histogram::Histogram;
use crate::outcome::{Counts, Outcome};
use crate::plan::Schedule;
use crate::setting::Setting;

/// Counts and histograms of the measured window.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) counts: Counts,
    /// Answers of each status, most frequent codes first come first.
    pub(crate) statuses: Vec<(u16, u64)>,
    /// From due to answered, good answers; requests out of time enter with the time-out.
    pub(crate) latency: Histogram,
    /// From sent to answered, good answers.
    pub(crate) service: Histogram,
    /// From due to refused, 429 and 503.
    pub(crate) shed: Histogram,
    /// How much later than possible requests were sent: the generator's own fault.
    pub(crate) lag: Histogram,
    /// Good answers that arrived within the window, whenever they were due.
    pub(crate) ok_in_window: u64,
    /// Answers of any kind that arrived within the window.
    pub(crate) answered_in_window: u64,
    /// Arrivals that found every connection busy.
    pub(crate) queued: u64,
    /// Most arrivals that waited at once.
    pub(crate) queue_peak: u64,
    /// Connections opened after the load began.
    pub(crate) reconnects: u64,
    /// What the first failure looked like.
    pub(crate) first_failure: Option<String>,
    /// Nanoseconds with nothing to do, from start to end of the load.
    pub(crate) idle: u64,
    /// CPU time of the thread, nanoseconds; 0 where the system does not say.
    pub(crate) cpu: u64,
}

impl Tally {
    pub(crate) fn merge(&mut self, other: Self) {
        self.counts.merge(&other.counts);
        for (status, count) in other.statuses {
            self.add_status(status, count);
        }
        self.latency.merge(&other.latency);
        self.service.merge(&other.service);
        self.shed.merge(&other.shed);
        self.lag.merge(&other.lag);
        self.ok_in_window += other.ok_in_window;
        self.answered_in_window += other.answered_in_window;
        self.queued += other.queued;
        self.queue_peak += other.queue_peak;
        self.reconnects += other.reconnects;
        self.idle += other.idle;
        self.cpu += other.cpu;
        self.first_failure = self.first_failure.take().or(other.first_failure);
    }

    fn add_status(&mut self, status: u16, count: u64) {
        match self.statuses.iter_mut().find(|(known, _)| *known == status) {
            Some((_, known)) => *known += count,
            None => self.statuses.push((status, count)),
        }
    }
}

/// A request on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) arrival: Arrival,
    pub(crate) at: u64,
}

/// Counts of a thread that others may watch while it runs.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) answered: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// Enters outcomes into a tally if their arrivals count.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) tally: Tally,
    schedule: Schedule,
    live: Arc<Live>,
    timeout: u64,
}

impl Book {
    pub(crate) fn new(setting: &Setting, schedule: Schedule) -> Self {
        let live = Arc::clone(&setting.live);
        Self {
            tally: Tally::default(),
            schedule,
            live,
            timeout: setting.plan.timeout(),
        }
    }

    /// A request leaves, from a connection that was free since a time.
    pub(crate) fn sent(&mut self, sent: Sent, free_since: u64) {
        if self.schedule.counts(sent.arrival.due) {
            let possible = sent.arrival.due.max(free_since);
            self.tally.lag.record(sent.at.saturating_sub(possible));
            self.tally.queued += u64::from(free_since > sent.arrival.due);
        }
    }

    /// An answer with a status has arrived.
    pub(crate) fn answered(&mut self, sent: Sent, outcome: Outcome, status: u16, now: u64) {
        let is_ok = outcome == Outcome::Ok;
        if self.schedule.counts(now) {
            self.tally.answered_in_window += 1;
            self.tally.ok_in_window += u64::from(is_ok);
        }
        if !self.enter(sent.arrival, outcome) {
            return;
        }
        self.tally.add_status(status, 1);
        if is_ok {
            self.tally
                .latency
                .record(now.saturating_sub(sent.arrival.due));
            self.tally.service.record(now.saturating_sub(sent.at));
        } else if outcome == Outcome::Shed {
            self.tally.shed.record(now.saturating_sub(sent.arrival.due));
        }
    }

    /// An answer has arrived to a request that was given up.
    pub(crate) fn came_late(&mut self, now: u64) {
        self.tally.answered_in_window += u64::from(self.schedule.counts(now));
    }

    /// A request ended without an answer.
    pub(crate) fn lost(&mut self, arrival: Arrival, outcome: Outcome) {
        let is_late = matches!(outcome, Outcome::TimedOut | Outcome::Unsent);
        if self.enter(arrival, outcome) && is_late {
            self.tally.latency.record(self.timeout);
        }
    }

    /// Keep what the first failure looked like.
    pub(crate) fn explain(&mut self, why: impl FnOnce() -> String) {
        if self.tally.first_failure.is_none() {
            self.tally.first_failure = Some(why());
        }
    }

    fn enter(&mut self, arrival: Arrival, outcome: Outcome) -> bool {
        let live = if outcome == Outcome::Ok {
            &self.live.answered
        } else {
            &self.live.failed
        };
        live.fetch_add(1, Ordering::Relaxed);
        let counts = self.schedule.counts(arrival.due);
        if counts {
            self.tally.counts.add(outcome);
        }
        counts
    }
}
