//! One measurement from plan to report: the first answer, the threads, the window, the server's CPU time.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use bytes::Bytes;

use crate::arrivals::Share;
use crate::clock::{Clock, MILLISECOND, SECOND};
use crate::cpu;
use crate::error::LoadError;
use crate::grpc;
use crate::http;
use crate::plan::{Plan, Protocol, Schedule};
use crate::probe;
use crate::report::{Facts, LoadReport, Progress};
use crate::setting::{self, Setting};
use crate::tally::{Live, Tally};

/// How long the first arrival waits for threads to be told.
const HEAD_START: u64 = 5 * MILLISECOND;
/// How often whoever asked is told how it goes.
const TELL: Duration = Duration::from_millis(50);

/// Measure one rate with these bodies in turn; `watch` hears of progress about 20 times a second and may break it off.
///
/// # Errors
///
/// When nothing could be measured: see [`LoadError`]. Requests that fail under load are counted, not raised.
pub fn run(
    plan: &Plan,
    bodies: &[Vec<u8>],
    watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<LoadReport, LoadError> {
    if bodies.is_empty() {
        return Err(LoadError::plan(
            "there is no body to send, not even an empty one",
        ));
    }
    let address = setting::resolve(plan)?;
    let requests: Arc<[Bytes]> = bodies.iter().map(|body| plan.render(body).into()).collect();
    let first_answer = match plan.protocol {
        Protocol::Http => probe::ask(plan, address, &requests[0])?,
        Protocol::Grpc => grpc::ask(plan, address, requests[0].clone())?,
    };
    let shared_plan = Arc::new(plan.clone());
    let clock = Clock::start();
    let stop = Arc::new(AtomicBool::new(false));
    let lives: Vec<Arc<Live>> = (0..plan.threads).map(|_| Arc::default()).collect();
    thread::scope(|scope| {
        let (told, hear) = channel();
        let starts: Vec<Sender<Schedule>> = (0..plan.threads)
            .map(|thread| {
                let (start, begin) = channel();
                let share = Share {
                    thread,
                    threads: plan.threads,
                };
                let setting = Setting {
                    plan: Arc::clone(&shared_plan),
                    share,
                    requests: Arc::clone(&requests),
                    clock,
                    live: Arc::clone(&lives[thread]),
                    stop: Arc::clone(&stop),
                };
                let told = told.clone();
                scope.spawn(move || {
                    let _ = told.send(work(setting, address, &told, &begin)); // nobody hears when the run is over
                });
                start
            })
            .collect();
        drop(told);
        let watched = Watched {
            plan,
            clock,
            lives: &lives,
            stop: &stop,
            hear,
            watch,
        };
        let result = watched.conduct(&starts);
        stop.store(true, Ordering::Relaxed);
        drop(starts);
        let (tally, schedule, server_cpu_s) = result?;
        Ok(LoadReport::new(
            plan,
            &tally,
            Facts {
                schedule,
                server_cpu_s,
                first_answer,
            },
        ))
    })
}

/// What a thread says.
enum Word {
    /// Its connections are open.
    Ready,
    /// It is done.
    Done(Box<Tally>),
    /// It could not go on.
    Failed(LoadError),
}

fn work(
    setting: Setting,
    address: SocketAddr,
    told: &Sender<Word>,
    begin: &Receiver<Schedule>,
) -> Word {
    let result = match setting.plan.protocol {
        Protocol::Http => http::Ready::connect(setting, address)
            .and_then(|ready| Ok((await_start(told, begin)?, ready)))
            .and_then(|(schedule, ready)| timed(|| ready.drive(schedule))),
        Protocol::Grpc => grpc::Ready::connect(setting, address)
            .and_then(|ready| Ok((await_start(told, begin)?, ready)))
            .and_then(|(schedule, ready)| timed(|| ready.drive(schedule))),
    };
    result.map_or_else(Word::Failed, |tally| Word::Done(Box::new(tally)))
}

fn await_start(told: &Sender<Word>, begin: &Receiver<Schedule>) -> Result<Schedule, LoadError> {
    let _ = told.send(Word::Ready); // nobody hears when another thread has failed
    begin.recv().map_err(|_| LoadError::Stopped)
}

/// Add the thread's CPU time to what it counted.
fn timed(drive: impl FnOnce() -> Result<Tally, LoadError>) -> Result<Tally, LoadError> {
    let before = cpu::of_this_thread();
    let mut tally = drive()?;
    tally.cpu = cpu::of_this_thread() - before;
    Ok(tally)
}

struct Watched<'a> {
    plan: &'a Plan,
    clock: Clock,
    lives: &'a [Arc<Live>],
    stop: &'a AtomicBool,
    hear: Receiver<Word>,
    watch: &'a mut dyn FnMut(&Progress) -> ControlFlow<()>,
}

impl Watched<'_> {
    /// Start the threads together, look at the server's CPU time at both ends of the window, gather the tallies.
    fn conduct(
        mut self,
        starts: &[Sender<Schedule>],
    ) -> Result<(Tally, Schedule, Option<f64>), LoadError> {
        for _ in starts {
            match self.next_word(None)? {
                Word::Ready | Word::Done(_) => {}
                Word::Failed(error) => return Err(error),
            }
        }
        let schedule = Schedule::new(self.plan, self.clock.now() + HEAD_START);
        for start in starts {
            let _ = start.send(schedule); // a thread that has ended says so itself
        }
        let cpu = |plan: &Plan| plan.pid.and_then(cpu::of_tree);
        self.wait_until(schedule, schedule.measure_from)?;
        let before = cpu(self.plan);
        self.wait_until(schedule, schedule.end)?;
        let after = cpu(self.plan);
        let mut tally = Tally::default();
        for _ in starts {
            match self.next_word(Some(schedule))? {
                Word::Done(part) => tally.merge(*part),
                Word::Failed(error) => return Err(error),
                Word::Ready => {}
            }
        }
        Ok((
            tally,
            schedule,
            before.zip(after).map(|(before, after)| after - before),
        ))
    }

    fn wait_until(&mut self, schedule: Schedule, at: u64) -> Result<(), LoadError> {
        loop {
            let left = self.clock.until(at);
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(TELL));
            self.tell(Some(schedule))?;
        }
    }

    fn next_word(&mut self, schedule: Option<Schedule>) -> Result<Word, LoadError> {
        loop {
            match self.hear.recv_timeout(TELL) {
                Ok(word) => return Ok(word),
                Err(_) => self.tell(schedule)?,
            }
        }
    }

    fn tell(&mut self, schedule: Option<Schedule>) -> Result<(), LoadError> {
        let sum = |count: fn(&Live) -> u64| self.lives.iter().map(|live| count(live)).sum();
        let start = schedule.map_or_else(|| self.clock.now(), |schedule| schedule.start);
        let progress = Progress {
            elapsed_s: self.clock.now().saturating_sub(start) as f64 / SECOND as f64,
            total_s: self.plan.warm_up_s + self.plan.seconds,
            ok: sum(|live| live.answered.load(Ordering::Relaxed)),
            failed: sum(|live| live.failed.load(Ordering::Relaxed)),
        };
        match (self.watch)(&progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => {
                self.stop.store(true, Ordering::Relaxed);
                Err(LoadError::Stopped)
            }
        }
    }
}
