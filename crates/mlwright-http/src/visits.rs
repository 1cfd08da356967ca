//! The connections of one worker: what each waits for, and how long it may.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::admission::Admission;
use crate::boundary::Boundary;
use crate::config::Limits;
use crate::errors::ApiError;

/// How often connections are looked at; waiting times are as exact as this.
pub(crate) const SWEEP: Duration = Duration::from_millis(250);
/// A body may be slower than [`BODY_BYTES_PER_SECOND`] for so long.
const BODY_GRACE_MS: u64 = 5_000;
const BODY_BYTES_PER_SECOND: u64 = 1 << 10;
/// So long a new connection may take to say what it wants before its place can be given to another.
pub(crate) const GRACE: Duration = Duration::from_millis(20);
/// Fewer connections have nothing to gain from waiting for each other.
const CROWD: usize = 8;

/// After a request was refused, so many are looked at before they go on to hyper: there may be more to refuse.
const ALERT: u32 = 64;

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The caller's next request.
    Idle,
    /// The rest of a head.
    Head,
    /// The rest of a body.
    Body,
    /// This server.
    Answer,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Visit {
    register: Rc<Register>,
    id: u64,
    entered: Cell<Instant>,
    phase: Cell<Phase>,
    /// Sweep at which the phase began.
    since: Cell<u64>,
    body_bytes: Cell<u64>,
    pub(crate) boundary: Boundary,
    is_over: Cell<bool>,
    /// Of a connection that carries several requests at once: how many it carries.
    streams: Cell<usize>,
    is_stream: bool,
    is_evicted: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// All connections of a worker.
#[derive(Debug)]
pub(crate) struct Register {
    visits: RefCell<HashMap<u64, Rc<Visit>>>,
    next: Cell<u64>,
    sweeps: Cell<u64>,
    is_stopping: Cell<bool>,
    /// Requests that are still looked at before they go on to hyper.
    alert: Cell<u32>,
    admission: Rc<Admission>,
}

impl Register {
    /// No connections yet; their requests share the time of a thread.
    pub(crate) fn new(admission: Rc<Admission>) -> Self {
        Self {
            visits: RefCell::default(),
            next: Cell::new(0),
            sweeps: Cell::new(0),
            is_stopping: Cell::new(false),
            alert: Cell::new(0),
            admission,
        }
    }

    /// Note a new connection.
    pub(crate) fn enter(self: &Rc<Self>) -> Guard {
        Guard(self.note(false))
    }

    fn note(self: &Rc<Self>, is_stream: bool) -> Rc<Visit> {
        let id = self.next.get();
        self.next.set(id + 1);
        let visit = Rc::new(Visit {
            register: Rc::clone(self),
            id,
            entered: Cell::new(Instant::now()),
            phase: Cell::new(Phase::Head),
            since: Cell::new(self.sweeps.get()),
            body_bytes: Cell::new(0),
            boundary: Boundary::new(),
            is_over: Cell::new(false),
            streams: Cell::new(0),
            is_stream,
            is_evicted: Cell::new(false),
            waker: RefCell::new(None),
        });
        self.visits.borrow_mut().insert(id, Rc::clone(&visit));
        visit
    }

    /// End what waited too long; to be called every [`SWEEP`].
    pub(crate) fn sweep(&self, limits: &Limits) {
        self.sweeps.set(self.sweeps.get() + 1);
        for visit in self.visits.borrow().values() {
            if visit.is_too_slow(limits) {
                visit.end();
            }
        }
    }

    /// Make room: end the connection that keeps this server waiting for the longest time. One that is being answered
    /// stays, and one that has just come.
    pub(crate) fn end_longest_wait(&self) {
        let visits = self.visits.borrow();
        let waiting = visits
            .values()
            .filter(|visit| visit.phase.get() != Phase::Answer && !visit.is_evicted.get())
            .filter(|visit| !visit.is_stream && visit.entered.get().elapsed() >= GRACE);
        if let Some(visit) = waiting.min_by_key(|visit| (visit.since.get(), visit.id)) {
            visit.is_evicted.set(true);
            visit.wake();
        }
    }

    /// Let all connections know that the server drains.
    pub(crate) fn stop(&self) {
        self.is_stopping.set(true);
        for visit in self.visits.borrow().values() {
            visit.wake();
        }
    }

    /// Connections now.
    pub(crate) fn len(&self) -> usize {
        self.visits.borrow().len()
    }
}

impl Visit {
    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(self.register.sweeps.get());
    }

    /// The head of a request is there; its body is so long, if it says that.
    pub(crate) fn begin_body(&self, length: Option<u64>) {
        self.boundary.begin(length);
        self.body_bytes.set(0);
        self.enter(Phase::Body);
    }

    /// Bytes of a body arrived.
    pub(crate) fn add_body(&self, bytes: usize) {
        self.body_bytes.set(self.body_bytes.get() + bytes as u64);
    }

    /// The request is there; from now on the caller waits.
    pub(crate) fn begin_answer(&self) {
        self.enter(Phase::Answer);
    }

    /// The answer is on its way; it may be that of a slow body.
    pub(crate) fn end_answer(&self) {
        self.boundary.answer();
        self.is_over.set(false);
        self.enter(Phase::Idle);
    }

    /// Whether the caller was too slow.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// Whether other requests are likely to be at hand.
    pub(crate) fn is_crowded(&self) -> bool {
        self.register.len() >= CROWD
    }

    /// Do the work of a request that others may have to wait for.
    ///
    /// # Errors
    /// [`ApiError::Overloaded`] when it would have to wait too long.
    pub(crate) async fn work<T>(
        &self,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        if !self.is_crowded() {
            return work.await;
        }
        let worked = self.register.admission.work(work).await;
        worked.unwrap_or(Err(ApiError::Overloaded))
    }

    /// Requests are refused: the next ones are looked at before they go on to hyper.
    pub(crate) fn alert(&self) {
        self.register.alert.set(ALERT);
    }

    /// Whether what comes is to be looked at: it may be refused, and begins a request as far as this server has seen.
    pub(crate) fn is_looked_at(&self) -> bool {
        let is_alert = self.register.alert.get() > 0;
        is_alert && self.phase.get() == Phase::Idle && self.boundary.is_sent()
    }

    /// Whether work for one more request would have to wait too long.
    pub(crate) fn is_full(&self) -> bool {
        self.is_crowded() && self.register.admission.is_full()
    }

    /// Bytes came that go on to hyper.
    pub(crate) fn begin_head(&self) {
        if self.phase.get() == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    /// A request was looked at and goes on to hyper.
    pub(crate) fn calm_down(&self) {
        let alert = self.register.alert.get();
        self.register.alert.set(alert.saturating_sub(1));
    }

    /// A request was refused that hyper does not get. Until all of its body is there, the caller has as much time as for a
    /// head.
    pub(crate) fn refuse(&self, is_all_there: bool) {
        self.alert();
        self.register.admission.count_refused();
        self.enter(if is_all_there {
            Phase::Idle
        } else {
            Phase::Head
        });
    }

    /// All of the body of a refused request is there.
    pub(crate) fn end_refused(&self) {
        self.enter(Phase::Idle);
    }

    fn waited_ms(&self) -> u64 {
        let sweeps = self.register.sweeps.get() - self.since.get();
        sweeps.saturating_sub(1) * SWEEP.as_millis() as u64
    }

    fn is_too_slow(&self, limits: &Limits) -> bool {
        let waited = self.waited_ms();
        match self.phase.get() {
            Phase::Idle => waited >= limits.idle_timeout_ms,
            Phase::Head => waited >= limits.header_timeout_ms,
            Phase::Body => {
                let needed = waited.saturating_sub(BODY_GRACE_MS) / 1_000 * BODY_BYTES_PER_SECOND;
                waited >= limits.body_timeout_ms || self.body_bytes.get() < needed
            }
            Phase::Answer => false,
        }
    }

    fn end(&self) {
        self.is_over.set(true);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Drive a connection until it ends by itself, the caller is too slow, or the server drains; tell whether it drains.
    pub(crate) async fn drive<C: Future>(&self, mut connection: Pin<&mut C>) -> bool {
        poll_fn(|context| {
            if self.waker.borrow().is_none() {
                *self.waker.borrow_mut() = Some(context.waker().clone());
            }
            if self.is_evicted.get() || connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(false);
            }
            // A slow body gets its answer first.
            if self.is_over.get() && matches!(self.phase.get(), Phase::Idle | Phase::Head) {
                return Poll::Ready(false);
            }
            if self.register.is_stopping.get() {
                return Poll::Ready(true);
            }
            Poll::Pending
        })
        .await
    }
}

/// Why a connection is to be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The caller was too slow or idle, or its place is needed.
    Waited,
    /// The server drains.
    Draining,
}

impl Visit {
    /// Wait until there is a reason to leave the connection.
    pub(crate) async fn ending(&self) -> Ending {
        poll_fn(|context| {
            self.remember(context);
            let may_end = matches!(self.phase.get(), Phase::Idle | Phase::Head);
            if self.is_evicted.get() || (self.is_over.get() && may_end) {
                return Poll::Ready(Ending::Waited);
            }
            if self.register.is_stopping.get() {
                return Poll::Ready(Ending::Draining);
            }
            Poll::Pending
        })
        .await
    }

    /// Do the work of a stream; it is looked at again when the stream was too slow.
    pub(crate) async fn attend<F: Future>(&self, mut work: Pin<&mut F>) -> F::Output {
        poll_fn(|context| {
            self.remember(context);
            work.as_mut().poll(context)
        })
        .await
    }

    fn remember(&self, context: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker
            .as_ref()
            .is_some_and(|old| old.will_wake(context.waker()))
        {
            *waker = Some(context.waker().clone());
        }
    }

    /// Nothing is asked yet on a connection that carries several requests at once.
    pub(crate) fn begin_idle(&self) {
        self.enter(Phase::Idle);
    }

    /// Note a request of a connection that carries several at once; the connection is busy while it has any.
    pub(crate) fn begin_stream(self: &Rc<Self>) -> StreamGuard {
        self.streams.set(self.streams.get() + 1);
        self.enter(Phase::Answer);
        StreamGuard {
            connection: Rc::clone(self),
            visit: self.register.note(true),
        }
    }
}

/// Takes a request off its connection when it ends.
#[derive(Debug)]
pub(crate) struct StreamGuard {
    connection: Rc<Visit>,
    visit: Rc<Visit>,
}

impl Deref for StreamGuard {
    type Target = Visit;

    fn deref(&self) -> &Visit {
        &self.visit
    }
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        let register = &self.visit.register;
        register.visits.borrow_mut().remove(&self.visit.id);
        let streams = self.connection.streams.get() - 1;
        self.connection.streams.set(streams);
        if streams == 0 {
            self.connection.end_answer();
        }
    }
}

/// Takes the connection off the register when it ends.
#[derive(Debug)]
pub(crate) struct Guard(Rc<Visit>);

impl Guard {
    /// The connection.
    pub(crate) fn visit(&self) -> &Rc<Visit> {
        &self.0
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.register.visits.borrow_mut().remove(&self.0.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            header_timeout_ms: 1_000,
            body_timeout_ms: 60_000,
            idle_timeout_ms: 2_000,
            ..Limits::default()
        }
    }

    fn register() -> Rc<Register> {
        let admission = Admission::new(Duration::from_millis(25));
        Rc::new(Register::new(admission))
    }

    fn sweep_for(register: &Register, ms: u64) {
        for _ in 0..=ms / SWEEP.as_millis() as u64 {
            register.sweep(&limits());
        }
    }

    // promise: serve.slow-clients
    #[test]
    fn whoever_keeps_the_server_waiting_is_ended_and_whoever_waits_for_it_is_not() {
        let register = register();
        let guards: Vec<_> = (0..4).map(|_| register.enter()).collect();
        let [head, idle, trickle, answered] = [0, 1, 2, 3].map(|place| guards[place].visit());
        idle.end_answer();
        trickle.begin_body(None);
        answered.begin_answer();
        sweep_for(&register, 1_000);
        assert!(head.is_over() && !idle.is_over() && !trickle.is_over());
        sweep_for(&register, 1_000);
        assert!(idle.is_over() && !trickle.is_over());
        trickle.add_body(3_000);
        sweep_for(&register, 4_500);
        assert!(!trickle.is_over(), "7 s: 2 KiB had to come");
        sweep_for(&register, 3_000);
        assert!(trickle.is_over(), "10 s: 5 KiB had to come");
        sweep_for(&register, 100_000);
        assert!(!answered.is_over());
    }

    #[test]
    fn room_is_made_by_the_longest_wait() {
        let register = register();
        let (old, older) = (register.enter(), register.enter());
        for guard in [&old, &older] {
            let entered = Instant::now().checked_sub(GRACE);
            guard
                .visit()
                .entered
                .set(entered.expect("the system runs for longer"));
        }
        let busy = register.enter();
        busy.visit().begin_answer();
        register.sweep(&limits());
        old.visit().end_answer();
        register.end_longest_wait();
        let evicted = |guard: &Guard| guard.visit().is_evicted.get();
        assert_eq!([&old, &older, &busy].map(evicted), [false, true, false]);
        register.end_longest_wait();
        assert!(evicted(&old));
        let new = register.enter();
        register.end_longest_wait();
        assert!(!evicted(&new), "it has just come");
        drop(older);
        assert_eq!(register.len(), 3);
    }
}
