//! Waking at a time with the precision of the kernel's timers, tens of microseconds, where a poll's own timeout has
//! milliseconds.
//!
//! On Linux a timer descriptor sits among the sockets and the thread's timer slack is one nanosecond. Elsewhere a
//! thread sleeps in whole milliseconds and spins for the rest.

use std::io;
use std::time::Duration;

use mio::{Registry, Token};

/// The last stretch before an arrival is spun, so that the time to wake up is not charged to the server.
pub(crate) const SPIN: Duration = Duration::from_micros(60);

#[cfg(target_os = "linux")]
mod system {
    use std::num::NonZeroU64;
    use std::os::fd::{AsRawFd, OwnedFd, RawFd};

    use mio::unix::SourceFd;
    use mio::{Interest, Registry, Token};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    use super::{Duration, io};

    #[derive(Debug)]
    pub(crate) struct Alarm(OwnedFd);

    impl Alarm {
        pub(crate) fn new() -> io::Result<Self> {
            rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            Ok(Self(timerfd_create(TimerfdClockId::Monotonic, flags)?))
        }

        pub(crate) fn register(&self, registry: &Registry, token: Token) -> io::Result<()> {
            registry.register(
                &mut SourceFd(&self.0.as_raw_fd()),
                token,
                Interest::READABLE,
            )
        }

        /// Ring after a while; give the timeout for the poll beside it.
        pub(crate) fn set(&self, after: Duration) -> io::Result<Option<Duration>> {
            let value = Timespec {
                tv_sec: after.as_secs() as i64,
                tv_nsec: i64::from(after.subsec_nanos().max(1)),
            };
            let once = Itimerspec {
                it_interval: Timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                },
                it_value: value,
            };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)?;
            Ok(None)
        }
    }

    impl AsRawFd for Alarm {
        fn as_raw_fd(&self) -> RawFd {
            self.0.as_raw_fd()
        }
    }

    /// An alarm that wakes a task.
    #[derive(Debug)]
    pub(crate) struct Waker(AsyncFd<Alarm>);

    impl Waker {
        /// Make one within a runtime.
        #[allow(
            deprecated,
            reason = "its successor is unsafe because a descriptor may be closed under it; an alarm owns its own"
        )]
        pub(crate) fn new() -> io::Result<Self> {
            Ok(Self(AsyncFd::new(Alarm::new()?)?))
        }

        pub(crate) async fn sleep(&self, after: Duration) -> io::Result<()> {
            self.0.get_ref().set(after)?;
            self.0.readable().await?.clear_ready(); // setting the timer again forgets that it rang
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use mio::{Registry, Token};

    use super::{Duration, io};

    #[derive(Debug)]
    pub(crate) struct Alarm;

    impl Alarm {
        pub(crate) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        pub(crate) fn register(&self, _: &Registry, _: Token) -> io::Result<()> {
            Ok(())
        }

        pub(crate) fn set(&self, after: Duration) -> io::Result<Option<Duration>> {
            Ok(Some(Duration::from_millis(after.as_millis() as u64)))
        }
    }

    #[derive(Debug)]
    pub(crate) struct Waker;

    impl Waker {
        pub(crate) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        pub(crate) async fn sleep(&self, after: Duration) -> io::Result<()> {
            match after.as_millis() as u64 {
                0 => tokio::task::yield_now().await,
                whole => tokio::time::sleep(Duration::from_millis(whole)).await,
            }
            Ok(())
        }
    }
}

pub(crate) use system::{Alarm, Waker};

/// An alarm that wakes a poll.
pub(crate) fn registered(registry: &Registry, token: Token) -> io::Result<Alarm> {
    let alarm = Alarm::new()?;
    alarm.register(registry, token)?;
    Ok(alarm)
}
