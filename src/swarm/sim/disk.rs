//! A disk that takes its time, fills up, and fails.

use std::collections::VecDeque;
use std::time::Duration;

use super::{At, PieceIndex, ms};

/// Something to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Job {
    pub(super) piece: PieceIndex,
    pub(super) bytes: u64,
    /// The last of its piece, and whether its hash is right.
    pub(super) ends: Option<bool>,
    /// Its piece was given up while it was under way: what comes of it means nothing.
    stale: bool,
}

impl Job {
    pub(super) fn new(piece: PieceIndex, bytes: u64, ends: Option<bool>) -> Self {
        Self { piece, bytes, ends, stale: false }
    }
}

/// What became of a job.
pub(super) enum Done {
    Written(Job),
    Refused,
    /// Of a piece that was given up meanwhile.
    Stale(PieceIndex),
}

/// One thread that writes one job after another.
pub(super) struct Disk {
    bps: u64,
    latency: Duration,
    /// Bytes there is room for.
    pub(super) room_bytes: u64,
    /// It refuses everything until then.
    pub(super) fails_until: At,
    queue: VecDeque<Job>,
    busy: bool,
    /// What it refused, kept until the user says go on.
    stuck: Vec<Job>,
    pub(super) refused: u32,
}

impl Disk {
    /// As quick as anybody could wish, and endless.
    pub(super) fn quick() -> Self {
        Self {
            bps: u64::MAX,
            latency: ms(1),
            room_bytes: u64::MAX,
            fails_until: At::ZERO,
            queue: VecDeque::new(),
            busy: false,
            stuck: Vec::new(),
            refused: 0,
        }
    }

    pub(super) fn slow(bps: u64) -> Self {
        Self { bps, latency: ms(8), ..Self::quick() }
    }

    pub(super) fn with_room(bytes: u64) -> Self {
        Self { room_bytes: bytes, ..Self::quick() }
    }

    /// Whether it has anything of the piece, to be written, refused or to be forgotten.
    pub(super) fn has(&self, piece: PieceIndex) -> bool {
        self.queue.iter().chain(&self.stuck).any(|job| job.piece == piece)
    }

    /// Queues a job. Returns how long the first takes, if nothing was under way.
    pub(super) fn put(&mut self, job: Job) -> Option<Duration> {
        // A run that is refused must not be overtaken by the end of its piece.
        assert!(!self.has(job.piece), "two jobs of one piece at once");
        self.queue.push_back(job);
        self.begin()
    }

    /// Begins the next job if none is under way; returns how long it takes.
    pub(super) fn begin(&mut self) -> Option<Duration> {
        let next = self.queue.front().filter(|_| !self.busy)?;
        self.busy = true;
        Some(self.latency + Duration::from_nanos(next.bytes.saturating_mul(1_000_000_000) / self.bps.max(1)))
    }

    /// The job under way is over.
    pub(super) fn end(&mut self, now: At) -> Option<Done> {
        self.busy = false;
        let job = self.queue.pop_front()?;
        // What has a wrong hash is never written.
        let writes = if job.ends == Some(false) { 0 } else { job.bytes };
        if job.stale {
            return Some(Done::Stale(job.piece));
        }
        if now < self.fails_until || writes > self.room_bytes {
            self.refused += 1;
            self.stuck.push(job);
            return Some(Done::Refused);
        }
        self.room_bytes -= writes;
        Some(Done::Written(job))
    }

    /// Whether it would take what it refused.
    pub(super) fn would_take(&self, now: At) -> bool {
        let wanted: u64 = self.stuck.iter().map(|job| job.bytes).sum();
        now >= self.fails_until && self.room_bytes >= wanted
    }

    /// Everything it refused is queued again.
    pub(super) fn retry(&mut self) -> Option<Duration> {
        self.queue.extend(self.stuck.drain(..));
        self.begin()
    }

    /// Forgets what it has of a piece; what is under way is forgotten when it is done.
    pub(super) fn forget(&mut self, piece: PieceIndex) {
        let busy = usize::from(self.busy);
        if let Some(first) = self.queue.front_mut().filter(|first| busy > 0 && first.piece == piece) {
            first.stale = true;
        }
        let mut at = 0;
        self.queue.retain(|job| {
            at += 1;
            job.piece != piece || at <= busy
        });
        self.stuck.retain(|job| job.piece != piece);
    }

    /// The same disk with room for everything, at its best, and all it had to do.
    pub(super) fn mended(self) -> Self {
        Self { bps: u64::MAX, room_bytes: u64::MAX, fails_until: At::ZERO, ..self }
    }

    /// Bytes it holds in memory.
    pub(super) fn held_bytes(&self) -> u64 {
        self.queue.iter().chain(&self.stuck).filter(|job| !job.stale).map(|job| job.bytes).sum()
    }
}
