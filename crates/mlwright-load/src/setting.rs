//! What every thread of a run is given.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use memchr::memmem::Finder;

use crate::arrivals::{Arrival, Arrivals, Share};
use crate::clock::{Clock, MILLISECOND};
use crate::error::LoadError;
use crate::plan::{Plan, Schedule};
use crate::tally::Live;

/// How often time-outs are looked for.
pub(crate) const SWEEP: u64 = 2 * MILLISECOND;
/// How long a refused connection waits before it tries again.
pub(crate) const RETRY: u64 = 20 * MILLISECOND;

/// The plan, this thread's share of it, and what threads share.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) plan: Arc<Plan>,
    pub(crate) share: Share,
    pub(crate) requests: Arc<[Bytes]>,
    pub(crate) clock: Clock,
    pub(crate) live: Arc<Live>,
    pub(crate) stop: Arc<AtomicBool>,
}

impl Setting {
    /// How many connections this thread has.
    pub(crate) fn connections(&self) -> usize {
        let (all, threads) = (self.plan.connections, self.share.threads);
        all / threads + usize::from(self.share.thread < all % threads)
    }

    pub(crate) fn request(&self, arrival: Arrival) -> &Bytes {
        let number = arrival.number as usize * self.share.threads + self.share.thread;
        &self.requests[number % self.requests.len()]
    }

    pub(crate) fn arrivals(&self, schedule: Schedule) -> Arrivals {
        let plan = &self.plan;
        Arrivals::new(
            plan.arrivals,
            plan.rate,
            self.share,
            schedule.start,
            plan.seed,
        )
    }

    /// What looks for the expected text in answers.
    pub(crate) fn finder(&self) -> Option<Finder<'static>> {
        let text = self.plan.expect.as_deref()?;
        Some(Finder::new(text).into_owned())
    }

    pub(crate) fn unreachable(&self, source: io::Error) -> LoadError {
        LoadError::Unreachable {
            address: self.plan.address(),
            source,
        }
    }
}

/// Find the address behind the name, the first one that the system gives.
pub(crate) fn resolve(plan: &Plan) -> Result<SocketAddr, LoadError> {
    let failed = |source| LoadError::Unreachable {
        address: plan.address(),
        source,
    };
    let mut found = (plan.host.as_str(), plan.port)
        .to_socket_addrs()
        .map_err(failed)?;
    found
        .next()
        .ok_or_else(|| failed(io::Error::from(io::ErrorKind::NotFound)))
}
