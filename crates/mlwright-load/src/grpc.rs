//! One thread that makes unary gRPC calls when they are due, over HTTP/2 connections of its own.
//!
//! Each connection has as many slots as it may have calls at a time; a slot is a task that takes the next arrival from
//! the line. Another task lets arrivals in when they are due.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use memchr::memmem::Finder;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::{self, LocalSet};
use tokio::time;

use crate::alarm::{self, SPIN};
use crate::arrivals::Arrival;
use crate::call::{self, Link, Reply};
use crate::error::LoadError;
use crate::line::Line;
use crate::outcome::Outcome;
use crate::plan::{Plan, Schedule};
use crate::probe;
use crate::report::FirstAnswer;
use crate::setting::{RETRY, SWEEP, Setting};
use crate::tally::{Book, Sent, Tally};

/// Make one call before the load and demand a good answer.
pub(crate) fn ask(
    plan: &Plan,
    address: SocketAddr,
    frame: Bytes,
) -> Result<FirstAnswer, LoadError> {
    let unreachable = |source| LoadError::Unreachable {
        address: plan.address(),
        source,
    };
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let patience = Duration::from_millis(plan.timeout_ms);
    let request = call::request(plan)?;
    let asked = LocalSet::new().block_on(&runtime, async {
        time::timeout(patience, async {
            let link = Link::open(address).await.map_err(unreachable)?;
            let failed = |error: call::Failure| LoadError::Protocol {
                message: error.to_string(),
            };
            link.call(request, frame, true).await.map_err(failed)
        })
        .await
    });
    let reply = asked.map_err(|_| unreachable(io::Error::from(io::ErrorKind::TimedOut)))??;
    let is_ok = reply.outcome() == Outcome::Ok;
    let shown = reply.message.clone().filter(|_| !is_ok);
    let shown = shown.unwrap_or_else(|| probe::show(&reply.body));
    probe::judge(plan, reply.status, is_ok, shown)
}

/// A thread's connections, open and waiting for the start.
pub(crate) struct Ready {
    setting: Setting,
    address: SocketAddr,
    runtime: Runtime,
    tasks: LocalSet,
    links: Vec<Link>,
    asleep: Arc<AtomicU64>,
}

impl Ready {
    /// Open all connections.
    pub(crate) fn connect(setting: Setting, address: SocketAddr) -> Result<Self, LoadError> {
        let asleep = Arc::new(AtomicU64::new(0));
        let runtime = sleepy_runtime(&setting, &asleep)?;
        let tasks = LocalSet::new();
        let links = tasks
            .block_on(&runtime, async {
                let mut links = Vec::new();
                for _ in 0..setting.connections() {
                    links.push(Link::open(address).await?);
                }
                Ok(links)
            })
            .map_err(|source| setting.unreachable(source))?;
        Ok(Self {
            setting,
            address,
            runtime,
            tasks,
            links,
            asleep,
        })
    }

    /// Call what is due until the load ends and every call has come to its end.
    pub(crate) fn drive(self, schedule: Schedule) -> Result<Tally, LoadError> {
        let shared = Rc::new(Shared {
            request: call::request(&self.setting.plan)?,
            address: self.address,
            line: RefCell::new(Line::new(&self.setting, schedule)),
            book: RefCell::new(Book::new(&self.setting, schedule)),
            expected: self.setting.finder(),
            somebody_waits: Notify::new(),
            slot_is_free: Notify::new(),
            idle: Cell::new(0),
            busy: Cell::new(0),
            moves: Cell::new(0),
            setting: self.setting,
        });
        self.asleep.store(0, Ordering::Relaxed);
        let links: Vec<Rc<Link>> = self.links.into_iter().map(Rc::new).collect();
        for _ in 0..shared.setting.plan.streams {
            for link in &links {
                self.tasks
                    .spawn_local(serve_slot(Rc::clone(&shared), Rc::clone(link)));
            }
        }
        self.tasks.block_on(&self.runtime, let_in(&shared))?;
        let mut tally = std::mem::take(&mut shared.book.borrow_mut().tally);
        tally.idle += self.asleep.load(Ordering::Relaxed);
        tally.queue_peak = shared.line.borrow().peak;
        tally.reconnects = links.iter().map(|link| link.reopened()).sum();
        Ok(tally)
    }
}

/// A runtime that counts the nanoseconds in which its thread sleeps.
fn sleepy_runtime(setting: &Setting, asleep: &Arc<AtomicU64>) -> io::Result<Runtime> {
    let clock = setting.clock;
    let since = Arc::new(AtomicU64::new(0));
    let (falls, wakes, asleep) = (Arc::clone(&since), since, Arc::clone(asleep));
    Builder::new_current_thread()
        .enable_all()
        .on_thread_park(move || falls.store(clock.now(), Ordering::Relaxed))
        .on_thread_unpark(move || {
            let slept = clock.now().saturating_sub(wakes.load(Ordering::Relaxed));
            asleep.fetch_add(slept, Ordering::Relaxed);
        })
        .build()
}

struct Shared {
    setting: Setting,
    request: call::Head,
    address: SocketAddr,
    line: RefCell<Line>,
    book: RefCell<Book>,
    expected: Option<Finder<'static>>,
    somebody_waits: Notify,
    /// The first slot has nothing to do.
    slot_is_free: Notify,
    /// Slots that wait for an arrival.
    idle: Cell<usize>,
    /// Slots with a call under way.
    busy: Cell<usize>,
    /// Grows with everything that is sent or answered.
    moves: Cell<u64>,
}

impl Shared {
    async fn next(&self) -> Arrival {
        loop {
            self.line.borrow_mut().admit(self.setting.clock.now());
            if let Some(arrival) = self.line.borrow_mut().take() {
                return arrival;
            }
            if self.idle.get() == 0 {
                self.slot_is_free.notify_waiters();
            }
            self.idle.set(self.idle.get() + 1);
            self.somebody_waits.notified().await;
            self.idle.set(self.idle.get() - 1);
        }
    }

    fn moved(&self) {
        self.moves.set(self.moves.get() + 1);
    }

    fn is_over(&self) -> bool {
        let is_stopped = self.setting.stop.load(Ordering::Relaxed);
        is_stopped || (self.busy.get() == 0 && self.line.borrow().is_over())
    }
}

/// Let arrivals in when they are due, one idle slot woken for each, until the load is over.
async fn let_in(shared: &Shared) -> io::Result<()> {
    let clock = shared.setting.clock;
    let alarm = alarm::Waker::new()?;
    let mut sweep_at = 0;
    loop {
        let now = clock.now();
        let before = shared.line.borrow().let_in_count();
        shared.line.borrow_mut().admit(now);
        for _ in before..shared.line.borrow().let_in_count() {
            shared.somebody_waits.notify_one();
        }
        if now >= sweep_at {
            sweep_at = now + SWEEP;
            shared
                .line
                .borrow_mut()
                .expire(now, &mut shared.book.borrow_mut());
            if shared.is_over() {
                return Ok(());
            }
        }
        let due = shared
            .line
            .borrow()
            .next_due()
            .filter(|_| shared.idle.get() > 0);
        let left = Duration::from_nanos(due.unwrap_or(u64::MAX).saturating_sub(now));
        if left <= SPIN {
            let moves = shared.moves.get();
            task::yield_now().await;
            if moves == shared.moves.get() {
                shared.book.borrow_mut().tally.idle += clock.now() - now;
            }
        } else {
            let longest = left.min(Duration::from_nanos(SWEEP)).saturating_sub(SPIN);
            tokio::select! {
                rang = alarm.sleep(longest) => rang?,
                () = shared.slot_is_free.notified() => {}
            }
        }
    }
}

/// Make one call after another.
async fn serve_slot(shared: Rc<Shared>, link: Rc<Link>) {
    let clock = shared.setting.clock;
    let mut free_since = 0;
    loop {
        let arrival = shared.next().await;
        shared.busy.set(shared.busy.get() + 1);
        let sent = Sent {
            arrival,
            at: clock.now(),
        };
        shared.book.borrow_mut().sent(sent, free_since);
        shared.moved();
        let is_down = make_call(&shared, &link, sent).await;
        shared.moved();
        shared.busy.set(shared.busy.get() - 1);
        if is_down {
            time::sleep(Duration::from_nanos(RETRY)).await;
        }
        free_since = clock.now();
    }
}

/// Make one call and enter how it ended; whether the connection is down.
async fn make_call(shared: &Shared, link: &Link, sent: Sent) -> bool {
    let clock = shared.setting.clock;
    let frame = shared.setting.request(sent.arrival).clone();
    let left = clock.until(sent.arrival.due + shared.setting.plan.timeout());
    let keeps_body = shared.expected.is_some();
    let made = time::timeout(left, async {
        link.ensure_open(shared.address).await?;
        link.call(shared.request.clone(), frame, keeps_body).await
    });
    let Ok(result) = made.await else {
        let mut book = shared.book.borrow_mut();
        book.explain(|| "no answer in time".to_owned());
        book.lost(sent.arrival, Outcome::TimedOut);
        return false;
    };
    let now = clock.now();
    let mut book = shared.book.borrow_mut();
    match result {
        Ok(reply) => {
            let outcome = judge(&reply, shared.expected.as_ref());
            if outcome != Outcome::Ok {
                book.explain(|| reply.describe());
            }
            book.answered(sent, outcome, reply.status, now);
            false
        }
        Err(failure) => {
            book.explain(|| failure.to_string());
            book.lost(sent.arrival, Outcome::ConnectionError);
            failure.is_down()
        }
    }
}

fn judge(reply: &Reply, expected: Option<&Finder<'static>>) -> Outcome {
    match (reply.outcome(), expected) {
        (Outcome::Ok, Some(finder)) if finder.find(&reply.body).is_none() => Outcome::Unexpected,
        (outcome, _) => outcome,
    }
}
