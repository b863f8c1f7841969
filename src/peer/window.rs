//! A peer's request window: which granted blocks are asked for now, and which of those asked for are owed.
//!
//! The window covers rate × (round trip + half a second): enough that the peer never runs dry, little enough
//! that a slow peer does not sit on blocks others could send. While the window itself is what limits the rate,
//! that product grows by `1 + 0.5 s / round trip` each round, so no separate slow start is needed.

use std::collections::VecDeque;

use super::WindowState;
use super::rate::RateMeter;
use crate::event::{At, SNUBBED_AFTER};
use crate::metainfo::{BLOCK_LENGTH, BlockRef};

/// Requests out before anything is known of the peer.
const START: u32 = 64;
/// What a peer that names no `reqq` is taken to queue: the number most clients name.
pub const DEFAULT_REQQ: u32 = 250;
/// The most requests ever out to one peer.
pub const MOST: u32 = 1024;
/// Even the slowest peer has one block to send while the request for the next is on its way.
const LEAST: u32 = 2;
/// What the peer has queued beyond the round trip.
const MARGIN_MS: u64 = 500;
/// After this the rate is known of a peer that has not sent a whole block.
const MEASURED_AFTER: At = At::from_secs(1);
/// A peer that is snubbed for this long again is asked for one block at a time.
const ONE_AT_A_TIME_AFTER: At = At::from_secs(2 * SNUBBED_AFTER.as_secs());
/// How many blocks that are no longer owed are remembered, and for how long, so that they may still come.
const LATE_KEPT: usize = 2048;
const LATE_FOR: At = At::from_secs(120);

/// Blocks that came, and may come once more: a peer that was asked anew after a choke may answer both times.
const CAME_KEPT: usize = 512;
/// So many blocks more than once are nobody's fault. One is forgiven for every so many that come as they should:
/// who sends everything twice is a waste of half the line.
const MOST_REPEATS: u32 = 64;
const BLOCKS_A_REPEAT: u32 = 16;

/// A block that nobody remembers may have been asked for long ago: this many are ignored, no more than were ever asked
/// for. They are forgiven at the same pace.
const MOST_STRAYS: u32 = 256;

/// What became of a block that arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// It was owed.
    Requested,
    /// It was asked for, then cancelled, revoked, rejected or voided by a choke; it was on its way.
    Late,
    /// It was asked for and came already.
    Again,
    /// Nobody remembers it; it is to be ignored.
    Stray,
    /// It was never asked for, or too many came more than once.
    Unrequested,
}

/// A block that is no longer owed, and may still come.
#[derive(Clone, Copy, Debug)]
struct Late {
    block: BlockRef,
    since: At,
    /// The peer has said that it will not send it. Until then it owes an answer: a peer of the fast extension rejects what
    /// is cancelled, and that may come when the block is asked for again (BEP 6).
    rejected: bool,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    block: BlockRef,
    sent: At,
    /// Nothing else was owed when it was sent, so its delay is the round trip and no queue.
    alone: bool,
}

/// The requests of one connection. Time is handed in; nothing here waits.
#[derive(Debug)]
pub struct Window {
    granted: VecDeque<BlockRef>,
    outstanding: VecDeque<Request>,
    late: VecDeque<Late>,
    /// What came, the newest last.
    came: VecDeque<BlockRef>,
    /// Blocks that came more than once, less what is forgiven.
    repeats: u32,
    /// Blocks that nobody remembered, less what is forgiven.
    strays: u32,
    /// Blocks that came as they should since one was forgiven.
    honest: u32,
    /// Blocks asked for, ever.
    asked: u32,
    rate: RateMeter,
    round_trip: Option<At>,
    reqq: u32,
    target: u32,
    /// When the peer last sent some of a block it owed, or began to owe.
    heard: At,
    /// When it began to owe.
    began: At,
    /// Bytes that are here of the block under way.
    begun_bytes: u32,
    measured: bool,
    one_at_a_time: bool,
    held: bool,
}

impl Window {
    /// An empty window.
    pub fn new() -> Self {
        Self {
            granted: VecDeque::new(),
            outstanding: VecDeque::new(),
            late: VecDeque::new(),
            came: VecDeque::new(),
            repeats: 0,
            strays: 0,
            honest: 0,
            asked: 0,
            rate: RateMeter::default(),
            round_trip: None,
            reqq: DEFAULT_REQQ,
            target: START,
            heard: At::ZERO,
            began: At::ZERO,
            begun_bytes: 0,
            measured: false,
            one_at_a_time: false,
            held: false,
        }
    }

    /// How many requests the peer queues, as its extension handshake says.
    pub fn set_reqq(&mut self, reqq: u32) {
        self.reqq = reqq.max(1);
        self.target = self.target.min(self.most());
    }

    /// Ask for nothing new while held. What is owed may come.
    pub fn set_held(&mut self, held: bool) {
        self.held = held;
    }

    /// Whether the peer owes blocks and has sent none for twenty seconds.
    pub fn asks_one_at_a_time(&self) -> bool {
        self.one_at_a_time
    }

    /// Adds blocks to ask for, behind those granted before.
    pub fn grant(&mut self, blocks: impl IntoIterator<Item = BlockRef>) {
        self.granted.extend(blocks);
    }

    /// Takes blocks back. Those in the result were asked for and want a `cancel`.
    pub fn revoke(&mut self, now: At, blocks: &[BlockRef]) -> Vec<BlockRef> {
        let mut cancel = Vec::new();
        for &block in blocks {
            if self.forget(now, block) {
                cancel.push(block);
            } else if let Some(at) = self.granted.iter().position(|&granted| granted == block) {
                self.granted.remove(at);
            }
        }
        cancel
    }

    /// The peer will not send the block (BEP 6). True when it was owed, so that someone else must be asked: each request has
    /// one answer, in their order, so the first is for what was cancelled.
    pub fn reject(&mut self, now: At, block: BlockRef) -> bool {
        let unanswered = self.late.iter_mut().find(|late| late.block == block && !late.rejected);
        if let Some(late) = unanswered {
            late.rejected = true;
            return false;
        }
        let owed = self.take_outstanding(block).is_some();
        if owed {
            self.remember(now, block, true);
        }
        owed
    }

    /// The peer chokes us: all grants are void. Blocks that were on their way may still come.
    pub fn choke(&mut self, now: At) {
        self.granted.clear();
        while let Some(request) = self.outstanding.pop_front() {
            self.remember(now, request.block, false);
        }
        self.restart();
    }

    /// Blocks to ask for now, in order, appended to `requests`. Nothing until a quarter of the window is free, so
    /// that requests leave in batches.
    pub fn refill(&mut self, now: At, requests: &mut Vec<BlockRef>) {
        self.retarget(now);
        let out = self.outstanding.len() as u32;
        if self.held || self.granted.is_empty() || out > self.target - self.target.div_ceil(4) {
            return;
        }
        let room = ((self.target - out) as usize).min(self.granted.len());
        for block in self.granted.drain(..room) {
            let alone = self.outstanding.is_empty();
            if alone {
                (self.heard, self.began) = (now, now);
                self.rate.begin(now);
            }
            self.asked = self.asked.saturating_add(1);
            self.outstanding.push_back(Request { block, sent: now, alone });
            requests.push(block);
        }
    }

    /// A whole block came.
    pub fn received(&mut self, now: At, block: BlockRef) -> Arrival {
        let Some(request) = self.take_outstanding(block) else {
            return match self.late.iter().position(|late| late.block == block) {
                Some(at) => {
                    self.late.remove(at);
                    // It may have been granted again, and comes before it is requested again.
                    self.granted.retain(|granted| *granted != block);
                    self.note(block);
                    Arrival::Late
                }
                None if !self.may_come_unasked(block) => Arrival::Unrequested,
                None if self.came.contains(&block) => {
                    self.repeats += 1;
                    Arrival::Again
                }
                None => {
                    self.strays += 1;
                    Arrival::Stray
                }
            };
        };
        self.note(block);
        self.honest += 1;
        if self.honest >= BLOCKS_A_REPEAT {
            self.honest = 0;
            self.repeats = self.repeats.saturating_sub(1);
            self.strays = self.strays.saturating_sub(1);
        }
        self.heard = now;
        self.measured = true;
        if self.one_at_a_time {
            self.one_at_a_time = false;
            self.rate.begin(now);
        }
        let delay = now.saturating_sub(request.sent);
        self.round_trip = Some(match self.round_trip {
            None => delay,
            Some(known) if request.alone => (known * 3 + delay) / 4,
            Some(known) => known.min(delay),
        });
        Arrival::Requested
    }

    /// So many bytes of blocks came, `begun_bytes` of them or more of a block that is under way: the rate is measured
    /// in bytes as they come, so that a peer which takes long for a block is known to be slow, not silent.
    pub fn progressed(&mut self, now: At, bytes: u64, begun_bytes: u32) {
        self.heard = now;
        self.begun_bytes = begun_bytes;
        self.rate.add(now, bytes);
    }

    /// To be called about once a second: notices a peer that went silent.
    pub fn tick(&mut self, now: At) {
        if !self.outstanding.is_empty() && !self.held && now.saturating_sub(self.heard) >= ONE_AT_A_TIME_AFTER
        {
            self.one_at_a_time = true;
        }
        // A block takes a slow peer longer than that.
        self.measured |= self.heard > self.began && now.saturating_sub(self.began) >= MEASURED_AFTER;
        while self.late.front().is_some_and(|late| now.saturating_sub(late.since) > LATE_FOR) {
            self.late.pop_front();
        }
        self.retarget(now);
    }

    /// The blocks owed, in the order they were asked for: the order they are expected in.
    pub fn expected(&self) -> impl Iterator<Item = BlockRef> + '_ {
        self.outstanding.iter().map(|request| request.block)
    }

    /// All that is granted and did not come yet, asked for or not.
    #[cfg(test)]
    pub(crate) fn owed(&self) -> impl Iterator<Item = BlockRef> + '_ {
        self.expected().chain(self.granted.iter().copied())
    }

    /// Whether the block may come: it is owed, or was and is on its way, or is one of the few that may come all the same.
    pub fn may_come(&self, block: BlockRef) -> bool {
        self.expected().any(|owed| owed == block)
            || self.late.iter().any(|late| late.block == block)
            || self.may_come_unasked(block)
    }

    /// Whether the block is ignored if it comes: again, or after everybody forgot that it was asked for.
    fn may_come_unasked(&self, block: BlockRef) -> bool {
        match self.came.contains(&block) {
            true => self.repeats < MOST_REPEATS,
            false => self.strays < MOST_STRAYS.min(self.asked),
        }
    }

    /// Whether anything is owed.
    pub fn is_idle(&self) -> bool {
        self.outstanding.is_empty()
    }

    /// Whether fewer blocks are granted and owed than the window wants out.
    pub fn is_short(&self) -> bool {
        ((self.granted.len() + self.outstanding.len()) as u32) < self.target
    }

    /// What the picker grants by.
    pub fn state(&self, now: At) -> WindowState {
        WindowState {
            granted: self.granted.len() as u32,
            outstanding: self.outstanding.len() as u32,
            target: self.target,
            down_bps: self.rate.bps(now),
            oldest_request_ms: self
                .outstanding
                .front()
                .map_or(0, |oldest| whole_ms(now.saturating_sub(oldest.sent))),
            round_trip_ms: self.round_trip.map_or(0, whole_ms),
            begun_bytes: self.begun_bytes,
        }
    }

    fn most(&self) -> u32 {
        self.reqq.min(MOST)
    }

    fn restart(&mut self) {
        self.measured = false;
        self.one_at_a_time = false;
        self.target = START.min(self.most());
    }

    fn retarget(&mut self, now: At) {
        if self.one_at_a_time {
            self.target = 1;
        } else if self.measured {
            let ahead_ms = self.round_trip.unwrap_or_default().as_millis() as u64 + MARGIN_MS;
            let bytes = self.rate.recent_bps(now).saturating_mul(ahead_ms) / 1000;
            let blocks = bytes.div_ceil(u64::from(BLOCK_LENGTH)).min(u64::from(MOST)) as u32;
            self.target = blocks.max(LEAST).min(self.most());
        }
    }

    /// Requests are mostly answered in order, so the one looked for is at or near the front.
    fn take_outstanding(&mut self, block: BlockRef) -> Option<Request> {
        let at = self.outstanding.iter().position(|request| request.block == block)?;
        self.outstanding.remove(at)
    }

    fn forget(&mut self, now: At, block: BlockRef) -> bool {
        let owed = self.take_outstanding(block).is_some();
        if owed {
            self.remember(now, block, false);
        }
        owed
    }

    fn note(&mut self, block: BlockRef) {
        if self.came.len() == CAME_KEPT {
            self.came.pop_front();
        }
        self.came.push_back(block);
    }

    fn remember(&mut self, since: At, block: BlockRef, rejected: bool) {
        if self.late.len() == LATE_KEPT {
            self.late.pop_front();
        }
        self.late.push_back(Late { block, since, rejected });
    }
}

impl Default for Window {
    fn default() -> Self {
        Self::new()
    }
}

fn whole_ms(time: At) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
