//! One direction of a line: what it does to the packets that are handed to it.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::time::Duration;

use super::ms;
use crate::event::At;

/// IPv4 and UDP headers, which the line carries too.
const HEADERS: u64 = 28;
/// As many drops as are remembered.
const REMEMBERED: usize = 4096;

/// What kind of line it is.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) delay: Duration,
    /// Bytes a second.
    pub(super) bps: u64,
    /// Bytes that wait at most; what comes then is dropped.
    pub(super) queue: u64,
    /// Packets of a thousand that are lost, come twice, and are overtaken by others.
    pub(super) lost: u16,
    pub(super) doubled: u16,
    pub(super) overtaken: u16,
    /// The longest UDP payload that fits.
    pub(super) fits: usize,
    /// Whether the sender of a packet that does not fit hears of it.
    pub(super) tells: bool,
    /// When nothing gets through.
    pub(super) holes: Vec<Range<At>>,
    /// When the sender hears that nobody is there.
    pub(super) refuses: Option<Range<At>>,
}

impl Line {
    /// One that does nothing but carry, at this rate, with a queue that lasts for this long.
    pub(super) fn clean(bps: u64, delay: Duration, queue: Duration) -> Self {
        Self {
            delay,
            bps,
            queue: (bps as f64 * queue.as_secs_f64()) as u64,
            lost: 0,
            doubled: 0,
            overtaken: 0,
            fits: 1472,
            tells: true,
            holes: Vec::new(),
            refuses: None,
        }
    }

    /// The longest that a packet waits in the queue.
    pub(super) fn queue_time(&self) -> Duration {
        Duration::from_secs_f64(self.queue as f64 / self.bps as f64)
    }
}

/// What becomes of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It arrives then, and perhaps once more.
    Arrives(At, Option<At>),
    Lost,
    /// It does not fit; whether that is told.
    TooBig(bool),
    /// Nobody is there, and that is told.
    Refused,
}

/// One direction of a line, and what waits in it.
pub(super) struct Way {
    pub(super) line: Line,
    /// When it has carried all that was handed to it.
    free_at: At,
    /// Bytes carried, with headers.
    pub(super) carried: u64,
    /// How often in succession the same thing was dropped.
    in_succession: BTreeMap<(u16, Option<u16>), u32>,
    /// When that happened, and how often by then.
    drops: VecDeque<(At, u32)>,
}

impl Way {
    pub(super) fn new(line: Line) -> Self {
        Self { line, free_at: At::ZERO, carried: 0, in_succession: BTreeMap::new(), drops: VecDeque::new() }
    }

    /// How long a packet that is handed over now would wait.
    pub(super) fn waiting(&self, now: At) -> Duration {
        self.free_at.saturating_sub(now)
    }

    /// Hands over a packet of another protocol, of this many bytes.
    pub(super) fn carry_foreign(&mut self, now: At, bytes: u64) -> Option<At> {
        self.queue(now, bytes).map(|out| out + self.line.delay)
    }

    /// Hands over a packet, which may be taken apart if it does not fit.
    pub(super) fn carry(
        &mut self,
        now: At,
        packet: &[u8],
        may_fragment: bool,
        random: &mut fastrand::Rng,
    ) -> Fate {
        if self.line.refuses.as_ref().is_some_and(|times| times.contains(&now)) {
            return Fate::Refused;
        }
        let what = name(packet);
        if packet.len() > self.line.fits && !may_fragment {
            self.dropped(now, what);
            return Fate::TooBig(self.line.tells);
        }
        let of_thousand = |random: &mut fastrand::Rng, chance| random.u16(..1000) < chance;
        let lost =
            self.line.holes.iter().any(|hole| hole.contains(&now)) || of_thousand(random, self.line.lost);
        // What is lost takes no place in the queue: it did not come that far.
        let out = if lost { None } else { self.queue(now, packet.len() as u64 + HEADERS) };
        let Some(out) = out else {
            self.dropped(now, what);
            return Fate::Lost;
        };
        self.in_succession.remove(&what);
        let arrives = out + self.line.delay;
        let late = of_thousand(random, self.line.overtaken);
        let arrives = if late { arrives + ms(random.u64(1..60)) } else { arrives };
        let again = of_thousand(random, self.line.doubled).then(|| arrives + ms(random.u64(..200)));
        Fate::Arrives(arrives, again)
    }

    fn dropped(&mut self, now: At, what: (u16, Option<u16>)) {
        let times = self.in_succession.entry(what).or_default();
        *times += 1;
        self.drops.push_back((now, *times));
        if self.drops.len() > REMEMBERED {
            self.drops.pop_front();
        }
    }

    /// When the last byte of it leaves the queue, if there is room in it.
    fn queue(&mut self, now: At, bytes: u64) -> Option<At> {
        let waiting = self.waiting(now).as_secs_f64() * self.line.bps as f64;
        if waiting as u64 > self.line.queue {
            return None;
        }
        self.carried += bytes;
        self.free_at = self.free_at.max(now) + Duration::from_nanos(bytes * 1_000_000_000 / self.line.bps);
        Some(self.free_at)
    }

    /// How often in succession the same thing was dropped since then, at most.
    pub(super) fn dropped_since(&self, since: At) -> u32 {
        self.drops.iter().filter(|(at, _)| *at >= since).map(|(_, times)| *times).max().unwrap_or(0)
    }

    /// How many packets were dropped in that time.
    pub(super) fn drops_within(&self, times: &Range<At>) -> usize {
        self.drops.iter().filter(|(at, _)| times.contains(at)).count()
    }

    /// How much of the time from then until now nothing got through.
    pub(super) fn hole_time(&self, since: At, now: At) -> Duration {
        let overlap = |hole: &Range<At>| hole.end.min(now).saturating_sub(hole.start.max(since));
        self.line.holes.iter().map(overlap).sum()
    }
}

/// What it is of its stream: bytes and ends by their number, everything else is the same to the stream.
fn name(packet: &[u8]) -> (u16, Option<u16>) {
    let number = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
    let counts = packet.len() >= 20 && matches!(packet[0] >> 4, 0 | 1 | 4);
    (if packet.len() >= 4 { number(2) } else { 0 }, counts.then(|| number(16)))
}

#[test]
fn a_line_carries_what_its_rate_and_its_queue_allow() {
    let mut way = Way::new(Line::clean(100_000, ms(30), ms(100)));
    let mut random = fastrand::Rng::with_seed(1);
    let fates: Vec<Fate> = (0..20).map(|_| way.carry(At::ZERO, &[0; 972], false, &mut random)).collect();
    assert_eq!(fates[0], Fate::Arrives(ms(40), None));
    assert_eq!(fates[10], Fate::Arrives(ms(140), None));
    assert_eq!(fates[11], Fate::Lost);
    assert_eq!((way.dropped_since(At::ZERO), way.waiting(ms(50))), (9, ms(60)));
    way.line.fits = 900;
    assert_eq!(way.carry(ms(500), &[0; 972], false, &mut random), Fate::TooBig(true));
    way.line.holes.push(ms(600)..ms(700));
    assert_eq!(way.carry(ms(650), &[0; 90], false, &mut random), Fate::Lost);
    assert_eq!(way.hole_time(ms(100), ms(640)), ms(40));
    way.line.refuses = Some(ms(800)..ms(900));
    assert_eq!(way.carry(ms(800), &[0; 90], false, &mut random), Fate::Refused);
}
