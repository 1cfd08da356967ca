//! What the system tells about this process, under the names of Prometheus' own clients.

use std::fs::{read_dir, read_to_string};

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::metrics::Page;

/// Write the figures that the system tells.
pub(crate) fn write(page: &mut Page, started_us: u64) {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let cpu_seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    page.single("process_cpu_seconds_total", cpu_seconds);
    page.single("process_start_time_seconds", started_us as f64 / 1e6);
    if let Some((whole, resident)) = memory_bytes() {
        page.single("process_virtual_memory_bytes", whole as f64);
        page.single("process_resident_memory_bytes", resident as f64);
    }
    if let Ok(descriptors) = read_dir("/proc/self/fd") {
        // One of them is the folder that is being read.
        let open = descriptors.count().saturating_sub(1);
        page.single("process_open_fds", open as f64);
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        page.single("process_max_fds", most as f64);
    }
}

/// Resident memory of this process; 0 where the system does not tell.
pub(crate) fn resident_bytes() -> u64 {
    memory_bytes().map_or(0, |(_, resident)| resident)
}

/// Address space and resident memory.
fn memory_bytes() -> Option<(u64, u64)> {
    let text = read_to_string("/proc/self/statm").ok()?;
    let page = rustix::param::page_size() as u64;
    let mut pages = text.split_whitespace().map(str::parse::<u64>);
    let (whole, resident) = (pages.next()?.ok()?, pages.next()?.ok()?);
    Some((whole * page, resident * page))
}
