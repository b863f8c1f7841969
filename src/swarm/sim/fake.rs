//! Scripted peers: slow, snubbing, lying, flooding, flapping, partial, and good ones.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::super::ConnKey;
use super::client::Effect;
use super::{At, Bitfield, BlockRef, Cause, Geometry, Message, PieceIndex, Said};
use crate::wire::{BlockSpec, ExtensionHandshake};

/// Requests a peer queues that does not say how many.
const MOST_REQUESTS: usize = crate::peer::DEFAULT_REQQ as usize;

/// How a scripted peer behaves. It begins as a seed that unchokes at once.
#[derive(Clone)]
pub(super) struct Script {
    pub(super) has: Bitfield,
    /// Bytes a second it sends, over all its connections.
    pub(super) bps: u64,
    /// Unchokes so long after the handshake; `None`: never.
    pub(super) unchokes: Option<Duration>,
    /// Every so many blocks is a wrong one; 1: all of them.
    pub(super) lies_every: Option<u32>,
    /// Sends no block after so many.
    pub(super) silent_after: Option<u32>,
    /// Chokes for the second time after every first.
    pub(super) flickers: Option<(Duration, Duration)>,
    /// Hangs up so long after the handshake.
    pub(super) hangs_up: Option<Duration>,
    /// Every so many requests is refused.
    pub(super) rejects_every: Option<u32>,
    /// Sends what was cancelled all the same.
    pub(super) ignores_cancel: bool,
    /// Every so many blocks comes twice.
    pub(super) repeats_every: Option<u32>,
    /// Says every so often that it has so many pieces more.
    pub(super) gains: Option<(Duration, u32)>,
    /// Asks for as many blocks every so often, choked or not.
    pub(super) floods: Option<(Duration, usize)>,
    /// Downloads what we have when unchoked.
    pub(super) takes: bool,
    /// Says nothing unasked, not even that it is still there.
    pub(super) mute: bool,
    /// Speaks the fast extension (BEP 6).
    pub(super) fast: bool,
}

impl Script {
    pub(super) fn seed(geometry: Geometry, bps: u64) -> Self {
        Self {
            has: Bitfield::full(geometry.piece_count()),
            bps,
            unchokes: Some(Duration::ZERO),
            lies_every: None,
            silent_after: None,
            flickers: None,
            hangs_up: None,
            rejects_every: None,
            ignores_cancel: false,
            repeats_every: None,
            gains: None,
            floods: None,
            takes: false,
            mute: false,
            fast: true,
        }
    }

    /// One that has only what is chosen.
    pub(super) fn with(geometry: Geometry, bps: u64, chosen: impl Fn(PieceIndex) -> bool) -> Self {
        let mut has = Bitfield::empty(geometry.piece_count());
        for piece in geometry.pieces().filter(|piece| chosen(*piece)) {
            has.set(piece);
        }
        Self { has, ..Self::seed(geometry, bps) }
    }

    /// One that has nothing and wants everything.
    pub(super) fn taker(geometry: Geometry) -> Self {
        Self { takes: true, ..Self::with(geometry, 0, |_| false) }
    }

    /// What it is about to send once more of its own is asked for nowhere.
    fn knows_what_it_owes(&self) -> bool {
        !self.ignores_cancel && self.repeats_every.is_none()
    }
}

/// What it does by its own clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Choke(bool),
    HangUp,
    Gain,
    Flood,
    Alive,
}

pub(super) struct FakeConn {
    choking: bool,
    choked_at: At,
    /// Asked after a pause so short that the asking may have crossed the choke: nobody knows that it was taken.
    crossed: BTreeSet<BlockRef>,
    /// When it sent or refused a block last. Asked again before they can have heard of it, they cannot tell which asking
    /// that answers.
    answered_at: BTreeMap<BlockRef, At>,
    asked: VecDeque<BlockRef>,
    has: Bitfield,
    sent: u32,
    requested: u32,
    theirs: Bitfield,
    wants: VecDeque<BlockRef>,
    their_choking: bool,
    /// Pieces that it sends while it chokes.
    allowed: BTreeSet<PieceIndex>,
}

pub(super) struct Fake {
    geometry: Geometry,
    pub(super) script: Script,
    pub(super) conns: BTreeMap<ConnKey, FakeConn>,
    random: fastrand::Rng,
    pub(super) effects: VecDeque<Effect>,
    pub(super) later: Vec<(Duration, ConnKey, Step)>,
    /// Bytes it was sent.
    pub(super) got_bytes: u64,
    /// Blocks it sent, right ones and wrong ones.
    pub(super) sent_blocks: u64,
    pub(super) cancelled: u64,
    /// When it was unchoked and choked.
    pub(super) served: Vec<(At, bool)>,
    /// How long what it says and what it hears may cross each other.
    crossing: Duration,
}

impl Fake {
    pub(super) fn new(geometry: Geometry, script: Script, seed: u64, crossing: Duration) -> Self {
        Self {
            geometry,
            script,
            conns: BTreeMap::new(),
            random: fastrand::Rng::with_seed(seed),
            effects: VecDeque::new(),
            later: Vec::new(),
            got_bytes: 0,
            sent_blocks: 0,
            cancelled: 0,
            served: Vec::new(),
            crossing,
        }
    }

    pub(super) fn shaken(&mut self, conn: ConnKey) {
        let state = FakeConn {
            choking: true,
            choked_at: At::ZERO,
            crossed: BTreeSet::new(),
            answered_at: BTreeMap::new(),
            asked: VecDeque::new(),
            has: self.script.has.clone(),
            sent: 0,
            requested: 0,
            theirs: Bitfield::empty(self.geometry.piece_count()),
            wants: VecDeque::new(),
            their_choking: true,
            allowed: BTreeSet::new(),
        };
        self.conns.insert(conn, state);
        let has = &self.script.has;
        let pieces = match self.script.fast {
            true if has.is_full() => Message::HaveAll,
            true if has.is_empty() => Message::HaveNone,
            _ => Message::Bitfield(has.to_bytes().into()),
        };
        let listens = ExtensionHandshake { listen_port: Some(6881), ..ExtensionHandshake::default() };
        let mut messages = vec![pieces, Message::Extended { id: 0, payload: listens.encode().into() }];
        messages.extend(self.script.takes.then_some(Message::Interested));
        self.say(conn, messages);
        let script = &self.script;
        let steps = [
            script.unchokes.map(|after| (after, Step::Choke(false))),
            script.hangs_up.map(|after| (after, Step::HangUp)),
            script.gains.map(|(every, _)| (every, Step::Gain)),
            script.floods.map(|(every, _)| (every, Step::Flood)),
            (!script.mute).then_some((Duration::from_secs(110), Step::Alive)),
        ];
        self.later.extend(steps.into_iter().flatten().map(|(after, step)| (after, conn, step)));
    }

    pub(super) fn step(&mut self, now: At, key: ConnKey, step: Step) {
        let Some(conn) = self.conns.get_mut(&key) else { return };
        match step {
            Step::Choke(choking) => {
                if choking {
                    conn.asked.clear();
                    conn.crossed.clear();
                    conn.answered_at.clear();
                    conn.choked_at = now;
                }
                conn.choking = choking;
                self.say(key, vec![if choking { Message::Choke } else { Message::Unchoke }]);
                if let Some((serves, pauses)) = self.script.flickers {
                    let next = if choking { pauses } else { serves };
                    self.later.push((next, key, Step::Choke(!choking)));
                }
            }
            Step::HangUp => self.effects.push_back(Effect::Close(key, Cause::ClosedByPeer)),
            Step::Gain => {
                let Some((every, most)) = self.script.gains else { return };
                let fresh: Vec<PieceIndex> = self
                    .geometry
                    .pieces()
                    .filter(|piece| !conn.has.has(*piece))
                    .take(most as usize)
                    .collect();
                for piece in &fresh {
                    conn.has.set(*piece);
                }
                if !fresh.is_empty() {
                    self.say(key, fresh.iter().map(|piece| Message::Have(piece.number())).collect());
                    self.later.push((every, key, Step::Gain));
                }
            }
            Step::Flood => {
                let Some((every, most)) = self.script.floods else { return };
                let first = self.geometry.block_at(0, 0).expect("every torrent has a block");
                self.say(key, vec![self.request(first); most]);
                self.later.push((every, key, Step::Flood));
            }
            Step::Alive => {
                self.say(key, vec![Message::KeepAlive]);
                self.later.push((Duration::from_secs(110), key, Step::Alive));
            }
        }
    }

    pub(super) fn hear(&mut self, now: At, key: ConnKey, said: Said) {
        match said {
            Said::Block(block, _) => {
                let Some(conn) = self.conns.get_mut(&key) else { return };
                conn.wants.retain(|wanted| *wanted != block);
                self.got_bytes += u64::from(self.geometry.block_length(block));
            }
            Said::Messages(messages) => {
                let mut answers = Vec::new();
                messages.iter().for_each(|message| self.message(now, key, message, &mut answers));
                self.judge_requests(key);
                if !answers.is_empty() {
                    self.say(key, answers);
                }
            }
        }
        self.want(key);
    }

    fn message(&mut self, now: At, key: ConnKey, message: &Message, answers: &mut Vec<Message>) {
        let Some(conn) = self.conns.get_mut(&key) else { return };
        let geometry = self.geometry;
        match message {
            Message::Request(spec) => {
                // What crossed our choke is no fault of theirs: while we choke it is lost, after that it is taken, and asked
                // for again once they hear that we choked.
                let (block, crosses) = (block_of(geometry, *spec), now <= conn.choked_at + self.crossing);
                let takes = !conn.choking || conn.allowed.contains(&block.piece());
                assert!(takes || crosses, "it is asked while it chokes");
                if takes && !self.takes_on(now, key, block, crosses) {
                    answers.push(Message::Reject(*spec));
                }
            }
            Message::Cancel(spec) => {
                self.cancelled += 1;
                if !self.script.ignores_cancel {
                    let cancelled = block_of(geometry, *spec);
                    conn.asked.retain(|block| *block != cancelled);
                }
            }
            Message::Bitfield(bytes) => {
                conn.theirs = Bitfield::from_bytes(bytes, geometry.piece_count()).expect("a bitfield");
            }
            Message::HaveAll => conn.theirs = Bitfield::full(geometry.piece_count()),
            Message::Have(piece) => {
                conn.theirs.set(geometry.piece(*piece).expect("a piece of the torrent"));
            }
            Message::Choke | Message::Unchoke => {
                conn.their_choking = *message == Message::Choke;
                conn.wants.clear();
                self.served.push((now, !conn.their_choking));
            }
            Message::HaveNone | Message::Reject(_) | Message::AllowedFast(_) => assert!(self.script.fast),
            Message::Interested | Message::NotInterested | Message::Extended { .. } | Message::KeepAlive => {}
            other => panic!("nobody says {other:?}"),
        }
    }

    fn judge_requests(&self, key: ConnKey) {
        let Some(conn) = self.conns.get(&key) else { return };
        let known = conn.asked.iter().filter(|block| !conn.crossed.contains(block)).count();
        let knows = self.script.knows_what_it_owes();
        assert!(!knows || known <= MOST_REQUESTS, "it is asked for too much at once");
    }

    /// Whether it will send the block.
    fn takes_on(&mut self, now: At, key: ConnKey, block: BlockRef, crosses: bool) -> bool {
        let Some(conn) = self.conns.get_mut(&key) else { return false };
        let knows = self.script.knows_what_it_owes();
        assert!(conn.has.has(block.piece()), "it is asked for {block:?}, which it has not");
        let known = !conn.crossed.contains(&block) && conn.asked.contains(&block);
        assert!(!knows || !known, "{block:?} is asked for twice");
        if crosses || conn.answered_at.get(&block).is_some_and(|at| now <= *at + self.crossing) {
            conn.crossed.insert(block);
        }
        conn.requested += 1;
        if self.script.rejects_every.is_some_and(|every| conn.requested.is_multiple_of(every)) {
            conn.answered_at.insert(block, now);
            return false;
        }
        conn.asked.push_back(block);
        true
    }

    /// Asks for what it wants, a few blocks at a time.
    fn want(&mut self, key: ConnKey) {
        let Some(conn) = self.conns.get_mut(&key) else { return };
        if !self.script.takes || conn.their_choking || !conn.wants.is_empty() || conn.theirs.is_empty() {
            return;
        }
        let nth = self.random.u32(..conn.theirs.count()) as usize;
        let Some(piece) = conn.theirs.numbers().nth(nth).and_then(|number| self.geometry.piece(number))
        else {
            return;
        };
        let blocks: Vec<BlockRef> = self.geometry.blocks_of(piece).take(8).collect();
        conn.wants.extend(blocks.iter().copied());
        self.say(key, blocks.into_iter().map(|block| self.request(block)).collect());
    }

    pub(super) fn say_to_all(&mut self, message: &Message) {
        let conns: Vec<ConnKey> = self.conns.keys().copied().collect();
        conns.into_iter().for_each(|conn| self.say(conn, vec![message.clone()]));
    }

    /// Sends the piece while it chokes, if it has it, and says so.
    pub(super) fn allow_fast(&mut self, piece: u32) {
        let piece = self.geometry.piece(piece).expect("a piece of the torrent");
        let conns = self.conns.iter_mut().filter(|(_, conn)| self.script.fast && conn.has.has(piece));
        let fresh = conns.filter_map(|(key, conn)| conn.allowed.insert(piece).then_some(*key));
        for conn in fresh.collect::<Vec<_>>() {
            self.say(conn, vec![Message::AllowedFast(piece.number())]);
        }
    }

    /// Refuses the last block it was asked for; whether there was one.
    pub(super) fn refuse(&mut self, now: At) -> bool {
        let last = |(key, conn): (&ConnKey, &mut FakeConn)| {
            let block = conn.asked.pop_back()?;
            conn.answered_at.insert(block, now);
            Some((*key, block))
        };
        let Some((key, block)) = self.conns.iter_mut().find_map(last) else { return false };
        self.say(key, vec![Message::Reject(self.spec_of(block))]);
        true
    }

    /// The connections on which it would send a block, in order.
    pub(super) fn asked(&self) -> Vec<ConnKey> {
        let silent = |conn: &FakeConn| self.script.silent_after.is_some_and(|after| conn.sent >= after);
        let would = |conn: &FakeConn| self.script.bps > 0 && !conn.asked.is_empty() && !silent(conn);
        self.conns.iter().filter(|(_, conn)| would(conn)).map(|(key, _)| *key).collect()
    }

    /// Takes the next block asked for on the connection, and tells whether it is right.
    pub(super) fn take(&mut self, now: At, key: ConnKey) -> Option<(BlockRef, bool)> {
        let conn = self.conns.get_mut(&key)?;
        let block = conn.asked.pop_front()?;
        conn.answered_at.insert(block, now);
        conn.sent += 1;
        self.sent_blocks += 1;
        if self.script.repeats_every.is_some_and(|every| conn.sent.is_multiple_of(every)) {
            conn.asked.push_front(block);
        }
        let lie = self.script.lies_every.is_some_and(|every| conn.sent.is_multiple_of(every));
        Some((block, !lie))
    }

    fn request(&self, block: BlockRef) -> Message {
        Message::Request(self.spec_of(block))
    }

    fn spec_of(&self, block: BlockRef) -> BlockSpec {
        let (index, begin) = (block.piece().number(), block.begin());
        BlockSpec { index, begin, length: self.geometry.block_length(block) }
    }

    fn say(&mut self, conn: ConnKey, messages: Vec<Message>) {
        self.effects.push_back(Effect::Say(conn, Said::Messages(messages)));
    }
}

/// The block that is asked for: whole ones, of pieces there are.
fn block_of(geometry: Geometry, spec: BlockSpec) -> BlockRef {
    let block = geometry.block_at(spec.index, spec.begin).expect("a block of the torrent");
    assert_eq!(spec.length, geometry.block_length(block));
    block
}
