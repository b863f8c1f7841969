//! Films a story: its events in the order of their times, and every second what flows, which pieces come of it, and
//! what is written down.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::story::{Flow, Story};
use super::streams;
use crate::event::{At, BlockRun, BlockState, Event, PeerKey, PeerSample, Phase, Sample, TorrentKey};
use crate::ledger::{Ledger, PieceState, View};
use crate::metainfo::{Bitfield, Geometry, PieceIndex};
use crate::record::{Batcher, Writer};

/// Every story is of one torrent.
const TORRENT: TorrentKey = TorrentKey(0);
/// When in each second it is looked what flowed in it, milliseconds.
const SAMPLED_MS: u64 = 900;
/// Every so many seconds is told how far the pieces under way are.
const BLOCKS_EVERY_S: u64 = 4;
/// A sender is asked for pieces that follow each other, so many at least and at most.
const RUN: std::ops::Range<u32> = 24..110;
/// Bytes a second for which a sender has one more piece open.
const OPEN_PER_BPS: u64 = 750_000;

/// The recording of a story that begins so long after 1970.
pub(super) fn film(story: Story, started: Duration) -> Vec<u8> {
    let Story { facts, mut events, flows, end_ms, .. } = story;
    events.sort_by_key(|(at, _)| *at);
    let ledger = Ledger::new(Arc::clone(&facts));
    let wall_ms = started.as_millis() as u64;
    let mut writer = Writer::begin(Vec::new(), wall_ms).unwrap();
    writer.facts(At::ZERO, TORRENT, &facts).unwrap();
    writer.snapshot(At::ZERO, &[(TORRENT, &ledger.snapshot())]).unwrap();
    let mut camera = Camera { ledger, batcher: Batcher::default(), writer };
    let mut swarm = facts.geometry().map(|geometry| Flowing::new(geometry, flows));
    let mut events = events.into_iter().peekable();
    for second in 0..end_ms.div_ceil(1000) {
        let sampled = Duration::from_millis(second * 1000 + SAMPLED_MS);
        while let Some((at, event)) = events.next_if(|(at, _)| *at < sampled) {
            camera.tell(at, &event);
        }
        match &mut swarm {
            _ if second == 0 => {}
            Some(swarm) => swarm.second(second, sampled, &mut camera),
            None => camera.tell(sampled, &Event::Sample(Sample::default())),
        }
        let end = Duration::from_millis(((second + 1) * 1000).min(end_ms));
        while let Some((at, event)) = events.next_if(|(at, _)| *at < end) {
            camera.tell(at, &event);
        }
        camera.cut(end);
    }
    camera.writer.end(Duration::from_millis(end_ms)).unwrap()
}

/// Writes down what the ledger is told.
struct Camera {
    ledger: Ledger,
    batcher: Batcher,
    writer: Writer<Vec<u8>>,
}

impl Camera {
    fn tell(&mut self, at: At, event: &Event) {
        self.batcher.push(at, TORRENT, event);
        self.ledger.apply(at, event);
    }

    fn cut(&mut self, at: At) {
        self.writer.write(self.batcher.take(at)).unwrap();
        if self.writer.wants_snapshot(at) {
            self.writer.snapshot(at, &[(TORRENT, &self.ledger.snapshot())]).unwrap();
        }
    }
}

/// A peer that sends: what came, and the pieces that are open with it.
#[derive(Default)]
struct Sender {
    sample: PeerSample,
    /// Of the first open piece, bytes that are here.
    here_bytes: u64,
    open: VecDeque<PieceIndex>,
    /// The next piece of its run, and how many are left of it.
    run: (u32, u32),
}

/// What flows between all of them and us.
struct Flowing {
    geometry: Geometry,
    flows: Vec<Flow>,
    senders: BTreeMap<PeerKey, Sender>,
    /// Pieces that somebody is asked for, or that came since the last second.
    taken: Bitfield,
    random: fastrand::Rng,
}

impl Flowing {
    fn new(geometry: Geometry, flows: Vec<Flow>) -> Self {
        let taken = Bitfield::empty(geometry.piece_count());
        Self { geometry, flows, senders: BTreeMap::new(), taken, random: fastrand::Rng::with_seed(7) }
    }

    /// One second of everybody.
    fn second(&mut self, second: u64, at: At, camera: &mut Camera) {
        let mut whole = Sample::default();
        let view = camera.ledger.view(at);
        let goes_on = !matches!(view.phase, Phase::Checking | Phase::Paused | Phase::Stopped);
        let mut rates: BTreeMap<PeerKey, (u64, u64)> = BTreeMap::new();
        for flow in &self.flows {
            let rate = rates.entry(flow.peer).or_default();
            let live = view.peers.get(flow.peer.0 as usize).is_some_and(|peer| peer.is_live() && !peer.held);
            if goes_on && live && flow.seconds.contains(&second) {
                let (down, up) = flow.rate(second, &mut self.random);
                *rate = (rate.0 + down, rate.1 + up);
            }
        }
        for (peer, (down_bps, up_bps)) in rates {
            whole.down_bps += down_bps;
            whole.up_bps += up_bps;
            let asked = view.peers.get(peer.0 as usize).is_some_and(|peer| {
                goes_on
                    && peer.is_live()
                    && !peer.held
                    && peer.flags.am_interested
                    && !peer.flags.peer_choking
            });
            let sender = self.senders.entry(peer).or_default();
            let is_live = view.peers.get(peer.0 as usize).is_some_and(|peer| peer.is_live());
            if !is_live {
                sender.sample = PeerSample::default();
                continue;
            }
            let window = 16 + (down_bps / 100_000) as u32;
            sender.sample = PeerSample {
                down_bps,
                up_bps,
                down_bytes: sender.sample.down_bytes + down_bps,
                up_bytes: sender.sample.up_bytes + up_bps,
                requests_out: if asked { window } else { 0 },
                request_target: if asked { window } else { 0 },
                oldest_request_ms: match (asked, down_bps) {
                    (false, _) => 0,
                    (true, 0) => sender.sample.oldest_request_ms + 1000,
                    (true, _) => 90,
                },
                latency_ms: 40 + peer.0 * 9,
            };
            let sample = sender.sample;
            camera.tell(at, &Event::PeerSample { peer, sample });
            let record = view.peers.get(peer.0 as usize);
            if let Some(figures) = record.and_then(|record| streams::told(record, second, sample)) {
                camera.tell(at, &Event::Stream { peer, figures });
            }
            self.pieces_of(peer, down_bps, &view, camera);
        }
        if view.phase == Phase::Downloading && second % BLOCKS_EVERY_S == 1 {
            self.tell_blocks(at, camera);
        }
        camera.tell(at, &Event::Sample(whole));
    }

    /// What a sender's second makes of its pieces.
    fn pieces_of(&mut self, peer: PeerKey, down_bps: u64, view: &View, camera: &mut Camera) {
        let at = view.at;
        if down_bps == 0 {
            let Some(sender) = self.senders.get_mut(&peer) else { return };
            for piece in sender.open.drain(..) {
                self.taken.clear(piece);
                camera.tell(at, &Event::PieceClosed { piece });
            }
            return;
        }
        let most = 1 + (down_bps / OPEN_PER_BPS) as usize;
        self.open_more(peer, most, view, camera);
        let Some(sender) = self.senders.get_mut(&peer) else { return };
        sender.here_bytes += down_bps;
        loop {
            let Some(sender) = self.senders.get_mut(&peer) else { return };
            let Some(&piece) = sender.open.front() else { return };
            let length = u64::from(self.geometry.length_of(piece));
            if sender.here_bytes < length {
                return;
            }
            sender.here_bytes -= length;
            sender.open.pop_front();
            // Now and then a second one had a hand in it.
            let helper = self.senders.keys().find(|other| **other != peer).copied();
            let helper = helper.filter(|_| piece.number() % 23 == 0);
            let from = std::iter::once(peer).chain(helper).collect();
            camera.tell(at, &Event::PieceVerified { piece, from });
            self.open_more(peer, most, view, camera);
        }
    }

    fn open_more(&mut self, peer: PeerKey, most: usize, view: &View, camera: &mut Camera) {
        while self.senders.get(&peer).is_some_and(|sender| sender.open.len() < most) {
            let Some(piece) = self.next_piece(peer, view) else { return };
            self.taken.set(piece);
            camera.tell(view.at, &Event::PieceOpened { piece });
            self.senders.entry(peer).or_default().open.push_back(piece);
        }
    }

    /// The next piece of the sender's run that nobody is asked for; at its end another run begins anywhere.
    fn next_piece(&mut self, peer: PeerKey, view: &View) -> Option<PieceIndex> {
        let count = self.geometry.piece_count();
        let holder = view.peers.get(peer.0 as usize)?;
        let has = holder.has.as_ref()?;
        let (geometry, taken) = (self.geometry, &self.taken);
        let wanted = |number: u32| {
            let piece = geometry.piece(number)?;
            let state = view.pieces.states[piece.index()];
            let free = matches!(state, PieceState::Missing | PieceState::Failed);
            (free && has.has(piece) && !taken.has(piece)).then_some(piece)
        };
        let sender = self.senders.entry(peer).or_default();
        if sender.run.1 == 0 {
            sender.run = (self.random.u32(..count), self.random.u32(RUN));
        }
        let from = sender.run.0;
        let piece = (0..count).find_map(|step| wanted((from + step) % count))?;
        sender.run = ((piece.number() + 1) % count, sender.run.1 - 1);
        Some(piece)
    }

    /// How far the first piece of every sender is; the last blocks of it another one is asked for.
    fn tell_blocks(&self, at: At, camera: &mut Camera) {
        let helper = self.senders.keys().next_back().copied();
        for (peer, sender) in &self.senders {
            let Some(&piece) = sender.open.front() else { continue };
            let blocks = self.geometry.blocks_in(piece);
            let length = u64::from(self.geometry.length_of(piece));
            let here = (sender.here_bytes * u64::from(blocks) / length) as u32;
            let asked = (blocks - here).min(4);
            let lent = (blocks - here - asked).min(2);
            let run = |count, state| BlockRun { count, state };
            let mut runs = vec![
                run(here, BlockState::Here(*peer)),
                run(asked, BlockState::Asked(vec![*peer])),
                run(lent, BlockState::Asked(helper.into_iter().collect())),
                run(blocks - here - asked - lent, BlockState::Free),
            ];
            runs.retain(|run| run.count > 0);
            camera.tell(at, &Event::PieceBlocks { piece, blocks: runs });
        }
    }
}

impl Flow {
    /// The bytes of this second: what it sends, what it gets.
    fn rate(&self, second: u64, random: &mut fastrand::Rng) -> (u64, u64) {
        let (from, over) = self.climb;
        let climbed = second.saturating_sub(from).min(over) * 100 / over.max(1);
        // Before it climbs it sends next to nothing, and no second is like the other.
        let share = climbed.max(3) * random.u64(95..103) / 100;
        (self.down_bps * share / 100, self.up_bps * random.u64(97..104) / 100)
    }
}
