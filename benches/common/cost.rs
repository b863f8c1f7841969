//! What something cost: CPU time, memory, page faults, as the system counts them.

#![allow(dead_code, reason = "every bench uses a part of it")]

use std::fmt;
use std::fs;
use std::ops::{Div, Sub};

/// Of a process, since it began.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Cost {
    /// CPU seconds in the program itself.
    pub(crate) user: f64,
    /// CPU seconds in the kernel on its behalf.
    pub(crate) system: f64,
    /// Pages it touched for the first time.
    pub(crate) faults: f64,
}

impl Cost {
    /// Of this process so far.
    pub(crate) fn so_far() -> Self {
        Self::of("self")
    }

    /// Of another process so far.
    pub(crate) fn of(pid: &str) -> Self {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<f64> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .map(|field| field.parse().unwrap_or_default())
            .collect();
        let field = |number: usize| fields.get(number).copied().unwrap_or_default();
        Self { user: field(11) / 100.0, system: field(12) / 100.0, faults: field(7) }
    }

    /// CPU seconds in all.
    pub(crate) fn cpu(&self) -> f64 {
        self.user + self.system
    }
}

impl Sub for Cost {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            user: self.user - before.user,
            system: self.system - before.system,
            faults: self.faults - before.faults,
        }
    }
}

/// By the GiB.
impl Div<f64> for Cost {
    type Output = Self;

    fn div(self, gib: f64) -> Self {
        Self { user: self.user / gib, system: self.system / gib, faults: self.faults / gib }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, system, faults } = self;
        write!(
            f,
            "{:.2} ({user:.2} in the program, {system:.2} in the kernel), {faults:.0} pages touched",
            self.cpu()
        )
    }
}

/// CPU seconds of the calling thread so far, in the program and in the kernel.
pub(crate) fn thread_cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or_default() / 1e9
}

/// The most memory this process had at once, MiB.
pub(crate) fn peak_rss_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}
