//! What the picker knows of a connection: what can be asked of it, what is, and how soon that comes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::WindowState;
use crate::event::{At, PeerKey, PeerSample};
use crate::metainfo::{BLOCK_LENGTH, Bitfield, BlockRef, Geometry, PieceIndex};

/// A round trip that is not that of a peer nearby, however busy both ends are.
const FAR_MS: u64 = 50;
/// The longest way there and back that an estimate reckons with: the delay of a slow peer is its queue.
const LONGEST_WAY_MS: u64 = 500;
/// A peer that sent nothing for the time of four blocks is taken to be falling silent; it is not after less than this,
/// and it is after this: of a block that takes long it is known once a second how far it is.
const LEAST_PATIENCE: Duration = Duration::from_millis(300);
const LONGEST_PATIENCE: Duration = Duration::from_millis(1500);
/// What a peer of which nothing is known is taken to send, bytes a second: a block in half a second.
const UNKNOWN_BPS: u64 = 2 * BLOCK_LENGTH as u64;
/// A peer nearby of this rate, bytes a second, sends a block in 8 ms.
const QUICK_BPS: u64 = 2 << 20;
/// Memory is charged for what a peer sends in this time.
const CHARGED_FOR: Duration = Duration::from_secs(2);
/// A block that a peer refused is asked of it again after this.
const REFUSED_FOR: Duration = Duration::from_secs(30);
/// Refusals that are remembered of one peer.
const MOST_REFUSED: usize = 4096;

const BLOCK: u64 = BLOCK_LENGTH as u64;

/// A connection as the picker sees it.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) peer: PeerKey,
    pub(super) has: Option<Bitfield>,
    /// It is a web seed: it has everything, and is asked for runs alone ([`super::Picker::request_run`]).
    pub(super) by_runs: bool,
    /// Pieces it has and we have not.
    pub(super) wanted: u32,
    /// It may be asked while it does not choke us: we are interested, it is not held, and it stays.
    pub(super) usable: bool,
    pub(super) choking: bool,
    /// Pieces it sends although it chokes us (BEP 6, allowed fast).
    pub(super) allowed_fast: BTreeSet<PieceIndex>,
    /// What it is asked for and has not sent, in the order it was asked.
    pub(super) asked: VecDeque<BlockRef>,
    /// Blocks it refused, and until when they are not asked of it again.
    refused: BTreeMap<BlockRef, At>,
    /// The last piece it was asked for blocks of.
    pub(super) current: Option<PieceIndex>,
    pub(super) window: WindowState,
    window_at: At,
    /// When it last sent anything, or was first asked after having nothing to send.
    pub(super) progress: At,
    /// Since when it owes a block: it was asked, and none came, however often it choked or refused us.
    pub(super) owes_since: Option<At>,
    /// It was asked and sent nothing for long: it gets one block at a time.
    pub(super) snubbed: bool,
    /// A block of it came on this connection.
    pub(super) sent_block: bool,
    /// What it sends while it is asked, smoothed over some seconds, bytes a second.
    smooth_bps: u64,
    /// What it sent when it last sent anything, bytes a second.
    last_bps: u64,
    /// The most that `smooth_bps` was.
    pub(super) best_bps: u64,
    /// There was nothing to pick for it when the picker's generation was this.
    pub(super) exhausted_at: Option<u64>,
    /// When it was looked last for something that others promise later than it would send it.
    pub(super) looked_at: Option<At>,
    /// Bytes of memory that what it is asked for is charged with.
    pub(super) charge: u64,
}

impl Sender {
    pub(super) fn new(peer: PeerKey, now: At) -> Self {
        Self {
            peer,
            has: None,
            by_runs: false,
            wanted: 0,
            usable: false,
            choking: true,
            allowed_fast: BTreeSet::new(),
            asked: VecDeque::new(),
            refused: BTreeMap::new(),
            current: None,
            window: WindowState::default(),
            window_at: now,
            progress: now,
            owes_since: None,
            snubbed: false,
            sent_block: false,
            smooth_bps: 0,
            last_bps: 0,
            best_bps: 0,
            exhausted_at: None,
            looked_at: None,
            charge: 0,
        }
    }

    /// A web seed: it can be asked at once.
    pub(super) fn web_seed(peer: PeerKey, now: At) -> Self {
        Self { by_runs: true, usable: true, choking: false, ..Self::new(peer, now) }
    }

    pub(super) fn is_seed(&self) -> bool {
        self.has.as_ref().is_some_and(Bitfield::is_full)
    }

    /// Whether blocks of any piece can be asked of it.
    pub(super) fn can_be_asked(&self) -> bool {
        self.usable && (!self.choking || !self.allowed_fast.is_empty())
    }

    /// Whether blocks of this piece can be asked of it.
    pub(super) fn sends(&self, piece: PieceIndex) -> bool {
        self.usable
            && (!self.choking || self.allowed_fast.contains(&piece))
            && self.has.as_ref().is_some_and(|has| has.has(piece))
    }

    /// Whether it refused the block lately.
    pub(super) fn refuses(&self, block: BlockRef) -> bool {
        self.refused.contains_key(&block)
    }

    pub(super) fn refused(&mut self, block: BlockRef, now: At) {
        if self.refused.len() < MOST_REFUSED {
            self.refused.insert(block, now + REFUSED_FOR);
        }
    }

    /// It unchoked us: what it refused before it may send now.
    pub(super) fn forget_refusals(&mut self) {
        self.refused.clear();
        self.exhausted_at = None;
    }

    /// What it refused long ago it may send now.
    pub(super) fn forget_old_refusals(&mut self, now: At) {
        let before = self.refused.len();
        self.refused.retain(|_, until| now < *until);
        if self.refused.len() < before {
            self.exhausted_at = None;
        }
    }

    /// The pieces it has, but for those of which it refused every block.
    pub(super) fn not_refused(&self, geometry: Geometry) -> Option<Cow<'_, Bitfield>> {
        let mut has = Cow::Borrowed(self.has.as_ref()?);
        let refused: Vec<&BlockRef> = self.refused.keys().collect();
        for blocks in refused.chunk_by(|one, next| one.piece() == next.piece()) {
            let all =
                blocks.first().filter(|block| geometry.blocks_in(block.piece()) as usize == blocks.len());
            if let Some(block) = all {
                has.to_mut().clear(block.piece());
            }
        }
        Some(has)
    }

    /// Whether it refused anything lately.
    pub(super) fn refuses_any(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Takes blocks off those it is asked for; whether it was asked.
    pub(super) fn forget(&mut self, block: BlockRef) -> bool {
        let at = self.asked.iter().position(|asked| *asked == block);
        at.map(|at| self.asked.remove(at)).is_some()
    }

    pub(super) fn window(&mut self, now: At, window: WindowState) {
        (self.window, self.window_at) = (window, now);
        if window.down_bps > 0 {
            self.last_bps = window.down_bps;
        }
    }

    /// Takes a second into account.
    pub(super) fn sampled(&mut self, now: At, sample: &PeerSample) {
        // A peer that sends nothing reports no window either: this is how its silence shows.
        self.window.outstanding = sample.requests_out;
        self.window.target = sample.request_target;
        self.window.oldest_request_ms = sample.oldest_request_ms;
        if sample.down_bps > 0 {
            // Part of a block came: slow, not silent.
            self.progress = now;
        }
        if sample.down_bps > 0 || !self.asked.is_empty() {
            let known = self.smooth_bps;
            self.smooth_bps =
                if known == 0 { sample.down_bps } else { (known * 7 + sample.down_bps * 3) / 10 };
            self.best_bps = self.best_bps.max(self.smooth_bps);
        }
    }

    /// What it sends, bytes a second: of the last moments or smoothed, whichever is more; 0 where nothing is known.
    pub(super) fn rate(&self) -> u64 {
        let recent = if self.asked.is_empty() { self.last_bps } else { self.window.down_bps };
        recent.max(self.smooth_bps)
    }

    /// What it can be expected to send, bytes a second: no more than its silence allows.
    pub(super) fn expected_bps(&self, now: At) -> u64 {
        let known = self.rate();
        let bps = if known > 0 { known } else { UNKNOWN_BPS };
        if self.snubbed {
            return 1;
        }
        let way = Duration::from_millis(self.way_ms());
        // What it was asked for while nothing was known of it, and never sent, counts against it ever after.
        let (silent, patience) = match (known, self.owes_since) {
            (0, Some(since)) => (now.saturating_sub(since), LONGEST_PATIENCE),
            _ if self.asked.is_empty() => return bps,
            _ => {
                let four_blocks = Duration::from_millis(4 * BLOCK * 1000 / bps);
                (now.saturating_sub(self.progress), four_blocks.clamp(LEAST_PATIENCE, LONGEST_PATIENCE))
            }
        };
        if silent < patience + way {
            return bps;
        }
        bps.min(BLOCK * 1000 / (silent - way).as_millis().max(1) as u64).max(1)
    }

    fn way_ms(&self) -> u64 {
        u64::from(self.window.round_trip_ms).min(LONGEST_WAY_MS)
    }

    /// When it will probably have sent the `n`th of what it is asked for.
    pub(super) fn sends_by(&self, now: At, n: usize) -> At {
        let since = now.saturating_sub(self.window_at).as_millis() as u64;
        let bps = self.expected_bps(now);
        let begun = (u64::from(self.window.begun_bytes) + bps.saturating_mul(since) / 1000).min(BLOCK);
        // Of the first block a part may be here.
        let bytes = (n as u64 * BLOCK).saturating_sub(begun.min(BLOCK - BLOCK / 8));
        now + Duration::from_millis(bytes.saturating_mul(1000) / bps)
    }

    /// When it would probably send a block that it is asked for behind what it is asked for already.
    pub(super) fn would_send_by(&self, now: At, more: usize) -> At {
        let bytes = (self.asked.len() + more) as u64 * BLOCK;
        let bps = self.expected_bps(now);
        now + Duration::from_millis(self.way_ms() + bytes.saturating_mul(1000) / bps)
    }

    /// Whether it is far away, and will have sent all it is asked for before much more than a round trip is over: what
    /// it is asked for now may come too late to keep it busy.
    pub(super) fn runs_dry(&self) -> bool {
        let round_trip_ms = u64::from(self.window.round_trip_ms);
        let sent = self.window.down_bps.saturating_mul(2 * round_trip_ms) / 1000;
        round_trip_ms >= FAR_MS && !self.snubbed && self.asked.len() as u64 * BLOCK < sent
    }

    /// Whether it is asked for lots where memory is short, and waits for what the disk gives back next: of a peer that is
    /// so quick and near, a request for one block costs more than it gains.
    pub(super) fn takes_lots(&self) -> bool {
        self.rate() >= QUICK_BPS && u64::from(self.window.round_trip_ms) < FAR_MS
    }

    /// What so many blocks asked of it are charged with: what it sends in two seconds, one block at least.
    pub(super) fn charge_of(&self, blocks: usize) -> u64 {
        let known = self.rate();
        let bps = if known > 0 { known } else { UNKNOWN_BPS };
        let soon = bps.saturating_mul(CHARGED_FOR.as_secs());
        (blocks as u64 * BLOCK).min(soon.max(BLOCK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metainfo::Geometry;

    fn sender() -> Sender {
        Sender { usable: true, choking: false, ..Sender::new(PeerKey(1), At::ZERO) }
    }

    fn blocks(count: usize) -> Vec<BlockRef> {
        let geometry = Geometry::new(1 << 20, 1 << 20).unwrap();
        geometry.pieces().flat_map(|piece| geometry.blocks_of(piece)).take(count).collect()
    }

    fn sends(sender: &mut Sender, now: At, bps: u64) {
        sender.window(now, WindowState { down_bps: bps, target: 8, ..WindowState::default() });
        sender.sampled(now, &PeerSample { down_bps: bps, requests_out: 1, ..PeerSample::default() });
    }

    #[test]
    fn a_peer_that_was_asked_and_never_sent_promises_less_and_less() {
        let mut sender = sender();
        assert_eq!(sender.expected_bps(At::ZERO), UNKNOWN_BPS);
        sender.owes_since = Some(At::ZERO);
        assert_eq!(sender.expected_bps(At::from_secs(1)), UNKNOWN_BPS);
        // Also when it is asked for nothing any more.
        let promised = [10, 100].map(|second| sender.expected_bps(At::from_secs(second)));
        assert_eq!(promised, [BLOCK / 10, BLOCK / 100]);
    }

    #[test]
    fn silence_counts_from_four_blocks_on() {
        let mut sender = sender();
        sender.asked.extend(blocks(8));
        sends(&mut sender, At::from_secs(1), 1 << 20);
        let after = |ms: u64| sender.expected_bps(At::from_secs(1) + Duration::from_millis(ms));
        assert_eq!(after(200), 1 << 20);
        assert_eq!(after(1000), BLOCK);
        // A peer that takes seconds for a block says once a second that it goes on.
        sends(&mut sender, At::from_secs(2), 1024);
        sends(&mut sender, At::from_secs(3), 1024);
        assert!(sender.expected_bps(At::from_millis(4400)) > 1024);
    }

    #[test]
    fn seconds_in_which_it_is_asked_for_nothing_say_nothing_of_its_rate() {
        let mut sender = sender();
        sends(&mut sender, At::from_secs(1), 100_000);
        for second in 2..30 {
            sender.sampled(At::from_secs(second), &PeerSample::default());
        }
        assert_eq!(sender.rate(), 100_000);
    }

    #[test]
    fn what_is_here_of_the_first_block_makes_it_come_sooner() {
        let mut sender = sender();
        sender.asked.extend(blocks(2));
        let begun = WindowState { down_bps: 1024, begun_bytes: 8 * 1024, ..WindowState::default() };
        sender.window(At::ZERO, begun);
        assert_eq!(sender.sends_by(At::ZERO, 1), At::from_secs(8));
        assert_eq!(sender.sends_by(At::ZERO, 2), At::from_secs(24));
        assert_eq!(sender.sends_by(At::from_secs(1), 1), At::from_secs(8));
    }

    #[test]
    fn memory_is_charged_with_what_comes_in_two_seconds_and_a_block_at_least() {
        let mut sender = sender();
        assert_eq!(sender.charge_of(64), 4 * BLOCK, "nothing is known of it");
        sends(&mut sender, At::from_secs(1), 1024);
        assert_eq!((sender.charge_of(0), sender.charge_of(64)), (0, BLOCK));
        let mut quick = self::sender();
        sends(&mut quick, At::from_secs(1), 1 << 20);
        assert_eq!((quick.charge_of(64), quick.charge_of(1000)), (64 * BLOCK, 2 << 20));
    }
}
