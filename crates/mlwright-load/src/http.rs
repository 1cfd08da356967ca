//! One thread that sends HTTP/1.1 requests when they are due, over connections of its own.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use memchr::memmem::Finder;
use mio::event::Event;
use mio::{Events, Poll, Token};

use crate::alarm::{self, Alarm, SPIN};
use crate::answer::{Answer, AnswerReader};
use crate::clock::SECOND;
use crate::connection::{Connection, Received, State};
use crate::error::LoadError;
use crate::line::Line;
use crate::outcome::Outcome;
use crate::plan::Schedule;
use crate::setting::{RETRY, SWEEP, Setting};
use crate::tally::{Book, Sent, Tally};

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// Events taken from the system at once; few, so that due arrivals do not wait for many answers.
const EVENTS: usize = 64;

/// A thread's connections, open and waiting for the start.
pub(crate) struct Ready {
    setting: Setting,
    address: SocketAddr,
    poll: Poll,
    alarm: Alarm,
    connections: Vec<Connection>,
}

impl Ready {
    /// Open all connections and wait until each is there.
    pub(crate) fn connect(setting: Setting, address: SocketAddr) -> Result<Self, LoadError> {
        let plan = &setting.plan;
        let poll = Poll::new()?;
        let count = setting.connections();
        let connections = (0..count)
            .map(|number| {
                let reader = AnswerReader::new(plan.method == "HEAD", plan.expect.is_some());
                Connection::open(address, poll.registry(), Token(number), reader)
            })
            .collect::<io::Result<Vec<_>>>()
            .map_err(|source| setting.unreachable(source))?;
        let alarm = alarm::registered(poll.registry(), Token(count))?;
        let mut ready = Self {
            setting,
            address,
            poll,
            alarm,
            connections,
        };
        ready.wait_until_open()?;
        Ok(ready)
    }

    fn wait_until_open(&mut self) -> Result<(), LoadError> {
        let clock = self.setting.clock;
        let until = clock.now() + self.setting.plan.timeout().max(SECOND);
        let mut events = Events::with_capacity(1024);
        let mut missing = self.connections.len();
        while missing > 0 {
            let left = clock.until(until);
            if left.is_zero() || self.setting.stop.load(Ordering::Relaxed) {
                return Err(self
                    .setting
                    .unreachable(io::Error::from(io::ErrorKind::TimedOut)));
            }
            poll_once(
                &mut self.poll,
                &mut events,
                Some(left.min(Duration::from_millis(50))),
            )?;
            for event in &events {
                let Some(connection) = self.connections.get_mut(event.token().0) else {
                    continue;
                };
                let is_new = matches!(connection.state, State::Connecting)
                    && connection
                        .is_connected()
                        .map_err(|source| self.setting.unreachable(source))?;
                if is_new {
                    connection.state = State::Idle(0);
                    missing -= 1;
                }
            }
        }
        Ok(())
    }

    /// Send what is due until the load ends and every request has come to its end.
    pub(crate) fn drive(self, schedule: Schedule) -> Result<Tally, LoadError> {
        let setting = self.setting;
        let count = self.connections.len();
        let mut worker = Worker {
            address: self.address,
            poll: self.poll,
            alarm: self.alarm,
            alarm_at: 0,
            idle: (0..count).collect(),
            connections: self.connections,
            line: Line::new(&setting, schedule),
            book: Book::new(&setting, schedule),
            expected: setting.finder(),
            buffer: vec![0; READ_BYTES],
            sweep_at: 0,
            setting,
        };
        worker.run()?;
        worker.book.tally.queue_peak = worker.line.peak;
        Ok(worker.book.tally)
    }
}

struct Worker {
    setting: Setting,
    address: SocketAddr,
    poll: Poll,
    alarm: Alarm,
    alarm_at: u64,
    connections: Vec<Connection>,
    /// Connections with nothing to do, longest idle first: every connection gets its turn.
    idle: VecDeque<usize>,
    line: Line,
    book: Book,
    expected: Option<Finder<'static>>,
    buffer: Vec<u8>,
    sweep_at: u64,
}

impl Worker {
    fn run(&mut self) -> Result<(), LoadError> {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            let now = self.setting.clock.now();
            self.admit(now);
            if now >= self.sweep_at {
                self.sweep(now);
                if self.is_over() || self.setting.stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
            self.wait(&mut events)?;
            for event in &events {
                if event.token().0 < self.connections.len() {
                    self.react(event);
                }
            }
        }
    }

    /// Queue what is due by now and send as much as there are idle connections for.
    fn admit(&mut self, now: u64) {
        self.line.admit(now);
        while !self.line.is_empty() && !self.idle.is_empty() {
            self.send_next();
        }
    }

    fn send_next(&mut self) {
        let Some(place) = self.idle.pop_front() else {
            return;
        };
        let State::Idle(free_since) = self.connections[place].state else {
            return;
        };
        let Some(arrival) = self.line.take() else {
            return;
        };
        let sent = Sent {
            arrival,
            at: self.setting.clock.now(),
        };
        self.book.sent(sent, free_since);
        let request = self.setting.request(arrival);
        if let Err(error) = self.connections[place].send(request, sent) {
            self.fail(place, || error.to_string());
        }
    }

    /// Sleep until something happens or an arrival is near; spin when it is very near. Without an idle connection an
    /// arrival can only queue, and the server has better use for the core.
    fn wait(&mut self, events: &mut Events) -> Result<(), LoadError> {
        let before = self.setting.clock.now();
        let sweep = Duration::from_nanos(SWEEP);
        let mut timeout = sweep;
        if let Some(due) = self.line.next_due().filter(|_| !self.idle.is_empty()) {
            let left = Duration::from_nanos(due.saturating_sub(before));
            if left <= SPIN {
                timeout = Duration::ZERO;
            } else if left < sweep && self.alarm_at != due {
                self.alarm_at = due;
                timeout = self.alarm.set(left.saturating_sub(SPIN))?.unwrap_or(sweep);
            }
        }
        poll_once(&mut self.poll, events, Some(timeout))?;
        if events.is_empty() || !timeout.is_zero() {
            self.book.tally.idle += self.setting.clock.now() - before;
        }
        Ok(())
    }

    fn react(&mut self, event: &Event) {
        let place = event.token().0;
        match self.connections[place].state {
            State::Connecting => self.finish_connecting(place),
            State::Busy(sent) | State::Late(sent) => {
                if event.is_writable() {
                    let request = self.setting.request(sent.arrival);
                    if let Err(error) = self.connections[place].send_rest(request) {
                        return self.fail(place, || error.to_string());
                    }
                }
                if event.is_readable() || event.is_read_closed() || event.is_error() {
                    self.receive(place, sent, event.is_read_closed());
                }
            }
            State::Idle(_) => {
                if event.is_readable() || event.is_read_closed() || event.is_error() {
                    self.look_at_idle(place);
                }
            }
            State::Down(_) => {}
        }
    }

    fn receive(&mut self, place: usize, sent: Sent, is_last: bool) {
        match self.connections[place].receive(&mut self.buffer, is_last) {
            Received::Part => {}
            Received::Broken(why) => self.fail(place, || why),
            Received::Whole(answer) => {
                let keeps_open = answer.keeps_open && !is_last;
                self.complete(
                    place,
                    sent,
                    Answer {
                        keeps_open,
                        ..answer
                    },
                );
            }
        }
    }

    fn complete(&mut self, place: usize, sent: Sent, answer: Answer) {
        let now = self.setting.clock.now();
        self.give_up_late(place, now);
        match self.connections[place].state {
            State::Late(_) => self.book.came_late(now),
            _ => self.judge(place, sent, answer, now),
        }
        if answer.keeps_open {
            self.free(place, now);
            self.admit(now);
        } else {
            self.reopen(place);
        }
    }

    fn judge(&mut self, place: usize, sent: Sent, answer: Answer, now: u64) {
        let connection = &self.connections[place];
        let mut outcome = Outcome::of_status(answer.status);
        let is_as_expected = |finder: &Finder| finder.find(connection.reader.body()).is_some();
        if outcome == Outcome::Ok && !self.expected.as_ref().is_none_or(is_as_expected) {
            outcome = Outcome::Unexpected;
        }
        if outcome != Outcome::Ok {
            self.book.explain(|| match outcome {
                Outcome::Unexpected => "a good answer without the expected text".to_owned(),
                _ => format!("status {}", answer.status),
            });
        }
        self.book.answered(sent, outcome, answer.status, now);
    }

    /// A request out of time counts as that. Its connection is left alone for as long again, since closing it would
    /// charge an overloaded server with new connections.
    fn give_up_late(&mut self, place: usize, now: u64) {
        if let State::Busy(sent) = self.connections[place].state
            && sent.arrival.due + self.setting.plan.timeout() <= now
        {
            self.book.explain(|| "no answer in time".to_owned());
            self.book.lost(sent.arrival, Outcome::TimedOut);
            self.connections[place].state = State::Late(sent);
        }
    }

    fn free(&mut self, place: usize, now: u64) {
        self.connections[place].state = State::Idle(now);
        self.idle.push_back(place);
    }

    /// A connection with nothing under way had an event: the server closed it, or sent what nobody asked for.
    fn look_at_idle(&mut self, place: usize) {
        if !matches!(
            self.connections[place].receive(&mut self.buffer, false),
            Received::Part
        ) {
            self.idle.retain(|each| *each != place);
            self.reopen(place);
        }
    }

    fn finish_connecting(&mut self, place: usize) {
        match self.connections[place].is_connected() {
            Ok(false) => {}
            Ok(true) => {
                let now = self.setting.clock.now();
                self.free(place, now);
                self.admit(now);
            }
            Err(error) => self.refuse(place, &error),
        }
    }

    /// The request under way is lost with its connection.
    fn fail(&mut self, place: usize, why: impl FnOnce() -> String) {
        if let State::Busy(sent) = self.connections[place].state {
            self.book.explain(why);
            self.book.lost(sent.arrival, Outcome::ConnectionError);
        }
        self.reopen(place);
    }

    fn reopen(&mut self, place: usize) {
        self.book.tally.reconnects += 1;
        if let Err(error) = self.connections[place].reopen(self.address, self.poll.registry()) {
            self.refuse(place, &error);
        }
    }

    /// A connection could not be opened: whoever waits longest is lost with it, and it tries again later.
    fn refuse(&mut self, place: usize, error: &io::Error) {
        self.connections[place].state = State::Down(self.setting.clock.now() + RETRY);
        if let Some(arrival) = self.line.take() {
            self.book.explain(|| format!("no connection: {error}"));
            self.book.lost(arrival, Outcome::ConnectionError);
        }
    }

    /// Give up what is out of time, and open again what was refused a while ago.
    fn sweep(&mut self, now: u64) {
        self.sweep_at = now + SWEEP;
        self.line.expire(now, &mut self.book);
        for place in 0..self.connections.len() {
            self.give_up_late(place, now);
            match self.connections[place].state {
                State::Late(sent) if sent.at + 2 * self.setting.plan.timeout() <= now => {
                    self.reopen(place);
                }
                State::Down(at) if at <= now => self.reopen(place),
                State::Late(_)
                | State::Down(_)
                | State::Busy(_)
                | State::Idle(_)
                | State::Connecting => {}
            }
        }
    }

    fn is_over(&self) -> bool {
        let is_busy = |connection: &Connection| matches!(connection.state, State::Busy(_));
        self.line.is_over() && !self.connections.iter().any(is_busy)
    }
}

fn poll_once(poll: &mut Poll, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
    match poll.poll(events, timeout) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            events.clear();
            Ok(())
        }
        result => result,
    }
}
