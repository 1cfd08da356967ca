//! Arrivals that are due and wait for a connection, oldest first: as many as there are, and all counted.

use std::collections::VecDeque;

use crate::arrivals::{Arrival, Arrivals};
use crate::outcome::Outcome;
use crate::plan::Schedule;
use crate::setting::Setting;
use crate::tally::Book;

#[derive(Debug)]
pub(crate) struct Line {
    /// Most that waited at once.
    pub(crate) peak: u64,
    arrivals: Arrivals,
    waiting: VecDeque<Arrival>,
    end: u64,
    timeout: u64,
}

impl Line {
    pub(crate) fn new(setting: &Setting, schedule: Schedule) -> Self {
        Self {
            peak: 0,
            arrivals: setting.arrivals(schedule),
            waiting: VecDeque::new(),
            end: schedule.end,
            timeout: setting.plan.timeout(),
        }
    }

    /// Let everybody in who is due by now.
    pub(crate) fn admit(&mut self, now: u64) {
        while self.next_due().is_some_and(|due| due <= now) {
            self.waiting.push_back(self.arrivals.take());
        }
        self.peak = self.peak.max(self.waiting.len() as u64);
    }

    /// When the next arrival is due; none when there are no more.
    pub(crate) fn next_due(&self) -> Option<u64> {
        Some(self.arrivals.due()).filter(|due| *due < self.end)
    }

    /// How many were let in.
    pub(crate) fn let_in_count(&self) -> u64 {
        self.arrivals.number()
    }

    /// Whoever waits longest.
    pub(crate) fn take(&mut self) -> Option<Arrival> {
        self.waiting.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Send away who is out of time.
    pub(crate) fn expire(&mut self, now: u64, book: &mut Book) {
        let is_late = |arrival: &Arrival| arrival.due + self.timeout <= now;
        let late = self
            .waiting
            .iter()
            .take_while(|arrival| is_late(arrival))
            .count();
        for arrival in self.waiting.drain(..late) {
            book.explain(|| "no connection was free in time".to_owned());
            book.lost(arrival, Outcome::Unsent);
        }
    }

    /// Nobody waits and nobody will come.
    pub(crate) fn is_over(&self) -> bool {
        self.is_empty() && self.next_due().is_none()
    }
}
