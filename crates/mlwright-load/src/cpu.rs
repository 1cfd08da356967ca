//! CPU time of a process and its descendants, user and system, from `/proc`.

use std::collections::HashMap;
use std::fs;

/// CPU seconds that a process and its living descendants have used; none where the system does not say.
pub(crate) fn of_tree(pid: u32) -> Option<f64> {
    let root = read(pid)?;
    let everybody: HashMap<u32, Stat> = fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, read(pid)?)))
        .collect();
    let mut family = vec![pid];
    let mut ticks = root.ticks;
    while let Some(parent) = family.pop() {
        for (child, stat) in everybody.iter().filter(|(_, stat)| stat.parent == parent) {
            family.push(*child);
            ticks += stat.ticks;
        }
    }
    Some(ticks as f64 / ticks_per_second()?)
}

/// CPU nanoseconds of the calling thread.
pub(crate) fn of_this_thread() -> u64 {
    system::of_this_thread()
}

struct Stat {
    parent: u32,
    ticks: u64,
}

/// Read `/proc/<pid>/stat`; the command's name, in brackets, may hold anything.
fn read(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace().skip(1);
    let parent = fields.next()?.parse().ok()?;
    let mut times = fields.skip(9).map(str::parse::<u64>);
    Some(Stat {
        parent,
        ticks: times.next()?.ok()? + times.next()?.ok()?,
    })
}

fn ticks_per_second() -> Option<f64> {
    system::ticks_per_second()
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::time::{ClockId, clock_gettime};

    pub(super) fn of_this_thread() -> u64 {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }

    #[allow(clippy::unnecessary_wraps, reason = "other systems have no answer")]
    pub(super) fn ticks_per_second() -> Option<f64> {
        Some(rustix::param::clock_ticks_per_second() as f64)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn of_this_thread() -> u64 {
        0
    }

    pub(super) fn ticks_per_second() -> Option<f64> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_shows_in_the_time_of_the_process_and_of_the_thread() {
        let (thread, process) = (
            of_this_thread(),
            of_tree(std::process::id()).expect("linux"),
        );
        let mut spent = 0;
        while spent < 100_000_000 {
            spent = of_this_thread() - thread;
        }
        let used = of_tree(std::process::id()).expect("linux") - process;
        assert!(used >= 0.07, "{used}");
        assert!(of_tree(u32::MAX).is_none());
    }
}
