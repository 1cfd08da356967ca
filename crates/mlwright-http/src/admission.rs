//! Admission to a thread's time: a request is worked on at once, waits in a queue of known length, or is refused at once.
//!
//! Time passes in rounds. In each, the thread works on requests for a bounded time, then reads what came and writes what
//! is done. What does not fit into a round waits in the order it came; what would have to wait for longer than the
//! objective is refused when it has come. So a refusal takes a round, and an answer the objective, however much is asked.
//! Whether refusing pays is learned over many rounds: a slow one must not let in more, which makes the next one slower.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use mlwright_serve::batch_time;

/// Work may take this share of the objective in a round: less and reading costs more, more and refusals take longer.
const ROUND_SHARE: f64 = 1.0 / 16.0;
/// Refusing pays where work on a request takes so many times what reading it and writing its answer takes. Where it does
/// not, the work of a round may take so many times what its reading and writing take.
const DEAR: f64 = 2.0;
/// Let in what is expected to wait for this share of the objective: the thread may be slower while it waits.
const RESERVE: f64 = 0.5;
/// The best of so many rounds says what to expect.
const RECENT: usize = 4;
/// How much of what is known is kept from one round to the next.
const KEPT: f64 = 0.95;
/// A round in which something took longer than so many times what it takes is one in which the thread stood still.
const PAUSE: f64 = 4.0;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Work,
    Wait,
    Refuse,
}

/// Who may use a thread, and for how long. All times are seconds.
#[derive(Debug)]
pub(crate) struct Admission {
    /// Longest wait.
    objective: f64,
    waiting: RefCell<VecDeque<Rc<Ticket>>>,
    round: Cell<Option<Round>>,
    /// Work that fits into the round at hand.
    room: Cell<f64>,
    /// How the last rounds with answers went, the newest first.
    recent: Cell<[Course; RECENT]>,
    /// What is to be expected by them.
    expected: Cell<Course>,
    /// Work on one request.
    cost: Cell<Average>,
    /// Reading one request and writing its answer, be it a refusal.
    passing: Cell<Average>,
}

/// What something takes on average, the last rounds counting most.
#[derive(Debug, Clone, Copy, Default)]
struct Average {
    sum: f64,
    count: f64,
}

impl Average {
    fn value(self) -> f64 {
        if self.count > 0.0 {
            self.sum / self.count
        } else {
            0.0
        }
    }

    /// Learn that `count` of them took `sum`.
    fn learn(self, sum: f64, count: u32) -> Self {
        if count == 0 {
            return self;
        }
        let count = f64::from(count);
        let most = PAUSE * count * self.value();
        // Nothing is no pace to hold a round against: a clock may not see the first one.
        let sum = if most > 0.0 { sum.min(most) } else { sum };
        Self {
            sum: KEPT * self.sum + sum,
            count: KEPT * self.count + count,
        }
    }
}

/// How a round went.
#[derive(Debug, Clone, Copy, Default)]
struct Course {
    length: f64,
    /// From one answer to the next.
    pace: f64,
}

impl Course {
    /// The better of two: a round in which the system took the thread away says nothing about the next one.
    fn better(self, other: Self) -> Self {
        Self {
            length: self.length.min(other.length),
            pace: self.pace.min(other.pace),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Round {
    began: Instant,
    /// Requests that came in.
    asked: u32,
    worked: f64,
    answers: u32,
    /// What the thread had spent in batches when it began: models that have them decide themselves who may wait.
    batches: Duration,
}

impl Round {
    fn begin(began: Instant) -> Self {
        Self {
            began,
            asked: 0,
            worked: 0.0,
            answers: 0,
            batches: batch_time(),
        }
    }
}

/// One that waits.
#[derive(Debug, Default)]
struct Ticket {
    waker: RefCell<Option<Waker>>,
    is_called: Cell<bool>,
    has_left: Cell<bool>,
}

/// Whoever stops waiting has left.
struct Leave<'t>(&'t Ticket);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.has_left.set(true);
    }
}

/// The request would wait too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

impl Admission {
    /// Let nobody wait for longer than the objective.
    pub(crate) fn new(objective: Duration) -> Rc<Self> {
        let objective = objective.as_secs_f64();
        Rc::new(Self {
            objective,
            waiting: RefCell::default(),
            round: Cell::new(None),
            room: Cell::new(objective * ROUND_SHARE),
            recent: Cell::default(),
            expected: Cell::default(),
            cost: Cell::default(),
            passing: Cell::default(),
        })
    }

    /// Do the work when its time has come.
    ///
    /// # Errors
    /// [`Refused`] when that would be too late; the work was not begun.
    pub(crate) async fn work<F: Future>(self: &Rc<Self>, work: F) -> Result<F::Output, Refused> {
        self.open_round();
        self.change(|round| round.asked += 1);
        match self.judge() {
            Verdict::Work => {}
            Verdict::Wait => self.wait().await,
            Verdict::Refuse => return Err(Refused),
        }
        let mut work = pin!(work);
        let output = poll_fn(|context| {
            let began = Instant::now();
            let polled = work.as_mut().poll(context);
            self.change(|round| {
                round.worked += began.elapsed().as_secs_f64();
                round.answers += u32::from(polled.is_ready());
            });
            polled
        });
        Ok(output.await)
    }

    /// Whether work that is asked for now is refused.
    pub(crate) fn is_full(&self) -> bool {
        self.judge() == Verdict::Refuse
    }

    /// Count a request that was refused before it asked for work: it was read and answered all the same.
    pub(crate) fn count_refused(self: &Rc<Self>) {
        self.open_round();
        self.change(|round| round.asked += 1);
    }

    fn judge(&self) -> Verdict {
        let worked = self.round.get().map_or(0.0, |round| round.worked);
        let ahead = self.waiting.borrow().len();
        if ahead == 0 && worked < self.room.get() {
            return Verdict::Work;
        }
        let Course { length, pace } = self.expected.get();
        // A round to be read, the others, and a round to be written.
        if 2.0 * length + ahead as f64 * pace > RESERVE * self.objective {
            Verdict::Refuse
        } else {
            Verdict::Wait
        }
    }

    async fn wait(&self) {
        let ticket = Rc::new(Ticket::default());
        self.waiting.borrow_mut().push_back(Rc::clone(&ticket));
        let _leave = Leave(&ticket);
        poll_fn(|context| {
            if ticket.is_called.get() {
                return Poll::Ready(());
            }
            *ticket.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Change the round at hand; what was begun before it counts there too.
    fn change(&self, change: impl FnOnce(&mut Round)) {
        if let Some(mut round) = self.round.get() {
            change(&mut round);
            self.round.set(Some(round));
        }
    }

    /// Begin a round unless there is one; it ends when everything that is ready now had its turn and the sockets were
    /// looked at.
    fn open_round(self: &Rc<Self>) {
        if self.round.get().is_some() {
            return;
        }
        self.round.set(Some(Round::begin(Instant::now())));
        let admission = Rc::clone(self);
        tokio::task::spawn_local(async move {
            loop {
                // Woken after the sockets were looked at.
                tokio::task::yield_now().await;
                if !admission.next_round() {
                    return;
                }
            }
        });
    }

    /// End the round and call who fits into the next one; tell whether there is one.
    fn next_round(&self) -> bool {
        let now = Instant::now();
        if let Some(round) = self.round.take() {
            self.learn(round, now.duration_since(round.began).as_secs_f64());
        }
        if self.waiting.borrow().is_empty() {
            return false;
        }
        self.call();
        self.round.set(Some(Round::begin(now)));
        true
    }

    fn learn(&self, round: Round, length: f64) {
        let batches = batch_time().saturating_sub(round.batches).as_secs_f64();
        let other = (length - round.worked - batches).max(0.0);
        self.passing
            .set(self.passing.get().learn(other, round.asked));
        self.cost
            .set(self.cost.get().learn(round.worked, round.answers));
        let is_dear = self.cost.get().value() > DEAR * self.passing.get().value();
        // Where reading and writing take about as long as the work, refusing saves little.
        let share = if is_dear { 0.0 } else { DEAR * other };
        self.room.set(share.max(self.objective * ROUND_SHARE));
        if round.answers == 0 {
            return;
        }
        let pace = length / f64::from(round.answers);
        let mut recent = self.recent.get();
        recent.rotate_right(1);
        recent[0] = Course { length, pace };
        self.recent.set(recent);
        self.expected
            .set(recent.into_iter().fold(recent[0], Course::better));
    }

    /// Call those who waited longest, as many as fit into a round and at least one.
    fn call(&self) {
        let mut waiting = self.waiting.borrow_mut();
        let (mut room, cost) = (self.room.get(), self.cost.get().value());
        while let Some(ticket) = waiting.pop_front() {
            if ticket.has_left.get() {
                continue;
            }
            ticket.is_called.set(true);
            if let Some(waker) = ticket.waker.take() {
                waker.wake();
            }
            room -= cost;
            if room <= 0.0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: f64 = 1e-3;

    fn admission() -> Rc<Admission> {
        Admission::new(Duration::from_millis(40))
    }

    /// A round with so many answers, each of some work.
    fn round(answers: u32, work: f64) -> Round {
        Round {
            asked: answers,
            worked: f64::from(answers) * work,
            answers,
            ..Round::begin(Instant::now())
        }
    }

    fn queue(admission: &Admission, count: usize) -> Vec<Rc<Ticket>> {
        let tickets: Vec<Rc<Ticket>> = (0..count).map(|_| Rc::default()).collect();
        admission
            .waiting
            .borrow_mut()
            .extend(tickets.iter().map(Rc::clone));
        tickets
    }

    fn called(tickets: &[Rc<Ticket>]) -> usize {
        tickets
            .iter()
            .filter(|ticket| ticket.is_called.get())
            .count()
    }

    // promise: serve.sheds
    #[test]
    fn work_fills_a_round_then_waits_and_what_would_wait_too_long_is_refused() {
        let admission = admission();
        for _ in 0..RECENT {
            admission.learn(round(5, MS), 6.0 * MS);
        }
        assert_eq!(admission.judge(), Verdict::Work, "nobody waits");
        admission.round.set(Some(round(5, MS)));
        assert_eq!(admission.judge(), Verdict::Wait, "the round is full");
        // Two rounds of 6 ms and 1.2 ms for each that is ahead: 6 fit into half of 40 ms.
        let tickets = queue(&admission, 6);
        assert_eq!(admission.judge(), Verdict::Wait);
        queue(&admission, 1);
        assert_eq!(admission.judge(), Verdict::Refuse);
        admission.call();
        assert_eq!(called(&tickets), 3, "a sixteenth of the objective");
        assert!(tickets[2].is_called.get(), "those who waited longest");
    }

    #[test]
    fn one_that_is_dearer_than_a_round_gets_its_turn_all_the_same() {
        let admission = admission();
        admission.learn(round(1, 100.0 * MS), 100.0 * MS);
        let tickets = queue(&admission, 2);
        admission.call();
        assert_eq!(called(&tickets), 1);
    }

    #[test]
    fn a_few_rounds_in_which_the_thread_stood_still_refuse_nobody() {
        let admission = admission();
        for length in [6.0, 100.0, 100.0, 100.0] {
            admission.learn(round(5, MS), length * MS);
        }
        admission.round.set(Some(round(1_000, MS)));
        assert_eq!(admission.judge(), Verdict::Wait);
        admission.learn(round(5, MS), 100.0 * MS);
        admission.round.set(Some(round(1_000, MS)));
        assert_eq!(admission.judge(), Verdict::Refuse);
    }

    #[test]
    fn a_slow_round_lets_in_no_more_work() {
        let admission = admission();
        for _ in 0..100 {
            admission.learn(round(5, MS), 5.5 * MS);
        }
        let room = admission.room.get();
        // Reading took eighty times as long as it does: in one round that would look as if refusing saved nothing.
        admission.learn(round(5, MS), 45.0 * MS);
        assert!((admission.room.get() - room).abs() < 1e-12);
        for _ in 0..100 {
            admission.learn(round(5, MS), 45.0 * MS);
        }
        assert!(admission.room.get() > room, "it does take that long now");
    }

    #[test]
    fn a_first_round_too_short_for_the_clock_is_forgotten() {
        let average = Average::default().learn(0.0, 5).learn(5.0 * MS, 5);
        assert!(average.value() > 0.4 * MS);
        let same = average.learn(1.0, 0).value();
        assert!((same - average.value()).abs() < 1e-12, "nobody asked");
    }

    #[test]
    fn where_nobody_may_wait_who_does_is_called_all_the_same() {
        let admission = Admission::new(Duration::ZERO);
        assert_eq!(admission.judge(), Verdict::Wait, "no round is known");
        let tickets = queue(&admission, 2);
        admission.call();
        assert_eq!(called(&tickets), 1);
    }

    #[test]
    fn who_left_is_passed_over() {
        let admission = admission();
        admission.learn(round(4, 5.0 * MS), 20.0 * MS);
        let tickets = queue(&admission, 3);
        drop(Leave(&tickets[0]));
        admission.call();
        let is_called = |ticket: &Rc<Ticket>| ticket.is_called.get();
        assert_eq!(
            tickets.iter().map(is_called).collect::<Vec<_>>(),
            [false, true, false]
        );
    }

    #[test]
    fn where_reading_takes_most_of_the_time_work_may_take_twice_as_long() {
        let admission = admission();
        admission.learn(round(1_000, 0.01 * MS), 30.0 * MS);
        admission.round.set(Some(round(3_900, 0.01 * MS)));
        assert_eq!(admission.judge(), Verdict::Work);
        admission.round.set(Some(round(4_100, 0.01 * MS)));
        assert_eq!(admission.judge(), Verdict::Wait);
    }

    #[test]
    fn all_that_was_let_in_is_done_in_the_order_it_came() -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let done = Rc::new(RefCell::new(Vec::new()));
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let admission = Admission::new(Duration::from_hours(1));
            // No room: whoever comes while another works waits.
            admission.room.set(0.0);
            let tasks: Vec<_> = (0..100)
                .map(|number| {
                    let (admission, done) = (Rc::clone(&admission), Rc::clone(&done));
                    tokio::task::spawn_local(async move {
                        let work = async { done.borrow_mut().push(number) };
                        admission.work(work).await
                    })
                })
                .collect();
            for task in tasks {
                assert!(matches!(task.await, Ok(Ok(()))));
            }
        });
        assert_eq!(*done.borrow(), (0..100).collect::<Vec<_>>());
        Ok(())
    }
}
