//! When a run is killed, and what it was doing then.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::Signal;

use super::support::{Lab, Program};

/// What a run does when it is killed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Phase {
    Starting,
    Preparing,
    Checking,
    Downloading,
    Syncing,
    Saving,
    Completing,
}

impl Phase {
    pub(crate) const ALL: [Self; 7] = [
        Self::Starting,
        Self::Preparing,
        Self::Checking,
        Self::Downloading,
        Self::Syncing,
        Self::Saving,
        Self::Completing,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Preparing => "making files",
            Self::Checking => "checking",
            Self::Downloading => "downloading",
            Self::Syncing => "fdatasync",
            Self::Saving => "writing the resume file",
            Self::Completing => "complete, leaving",
        }
    }
}

/// The moment a kill is meant for. What it hits is looked at afterwards.
#[derive(Clone, Debug)]
pub(crate) enum Aim {
    /// So long after the start.
    After(Duration),
    /// So long after the first file appears.
    Files(Duration),
    /// When the seeds sent so many blocks, and so long after that.
    Blocks(u64, Duration),
    /// While the data goes to the disk. It is asked to end after this, so that it has a reason.
    Sync(Duration),
    /// So long after a new resume file appears beside the old; asked to end after this.
    Save(Duration, Duration),
}

impl Aim {
    /// Anything that can be met by a download with `blocks` blocks left.
    pub(crate) fn random(random: &mut fastrand::Rng, is_first: bool, blocks: u64) -> Self {
        let mut up_to = |us: u64| Duration::from_micros(random.u64(..us));
        let (short, medium, long) = (up_to(3_000), up_to(60_000), up_to(900_000));
        match random.u8(..100) {
            0..6 => Self::After(short * 5),
            6..20 if is_first => Self::Files(short),
            6..24 => Self::After(medium),
            24..34 => Self::After(long),
            34..58 => Self::Blocks(random.u64(..blocks.max(1)), short),
            58..72 => Self::Sync(long),
            72..86 => Self::Save(long, short / 2),
            // The last ones.
            _ => Self::Blocks(blocks.saturating_sub(random.u64(..4)), medium / 2),
        }
    }

    /// Whether the run is to wait for the disk at its end.
    pub(crate) fn wants_sync(&self) -> bool {
        matches!(self, Self::Sync(_))
    }

    /// Waits for the moment, or until the run has ended. Blocks.
    pub(crate) fn wait(&self, run: &Program, lab: &Lab, before: &Traces, sent: impl Fn() -> u64) {
        let began = Instant::now();
        let mut asked = false;
        let mut ask_after = |time: Duration| {
            if !asked && began.elapsed() >= time {
                asked = true;
                run.signal(Signal::TERM);
            }
        };
        loop {
            let more = match self {
                Self::After(time) => (began.elapsed() >= *time).then_some(Duration::ZERO),
                Self::Files(more) => fs::read_dir(lab.out()).unwrap().next().is_some().then_some(*more),
                Self::Blocks(blocks, more) => (sent() >= *blocks).then_some(*more),
                Self::Sync(time) => {
                    ask_after(*time);
                    is_syncing(run.pid()).then_some(Duration::ZERO)
                }
                Self::Save(time, more) => {
                    ask_after(*time);
                    (Traces::of(lab) != *before).then_some(*more)
                }
            };
            match more {
                Some(more) => return sleep(more),
                None if run.has_ended() => return,
                None => sleep(Duration::from_micros(50)),
            }
        }
    }
}

/// Resume files that have not taken their place, by name and time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Traces(Vec<(PathBuf, SystemTime)>);

impl Traces {
    pub(crate) fn of(lab: &Lab) -> Self {
        let entries = fs::read_dir(lab.state()).into_iter().flatten().flatten();
        let unfinished = |path: &Path| path.extension().is_some_and(|ext| ext == "new" || ext == "last");
        let found = entries.map(|entry| entry.path()).filter(|path| unfinished(path));
        let mut found: Vec<_> =
            found.filter_map(|path| fs::metadata(&path).ok()?.modified().ok().map(|at| (path, at))).collect();
        found.sort();
        Self(found)
    }

    /// Whether one of these was begun since the others were looked at.
    pub(crate) fn is_newer_than(&self, before: &Self) -> bool {
        self.0.iter().any(|trace| !before.0.contains(trace))
    }
}

/// Whether a thread of the process waits for the disk to have its data, as far as the system tells.
pub(crate) fn is_syncing(pid: i32) -> bool {
    const FDATASYNC: &str = if cfg!(target_arch = "x86_64") { "75" } else { "83" };
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads
        .map(|thread| thread.path().join("syscall"))
        .any(|path| fs::read_to_string(path).is_ok_and(|call| call.split(' ').next() == Some(FDATASYNC)))
}
