//! What a scripted peer does on a connection, without clock or socket: the swarms in virtual time and the tests over
//! sockets carry it. It notices what no peer should ever be sent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bytes::Bytes;
use ttui::event::At;
use ttui::metainfo::{Bitfield, BlockRef, Geometry, InfoHash, PieceIndex};
use ttui::peer::DEFAULT_REQQ;
use ttui::swarm::EncryptionPolicy;
use ttui::wire::{
    BlockSpec, ExtensionHandshake, METADATA_NAME, METADATA_PART_BYTES, Message, MetadataMessage,
    metadata_part_bytes, metadata_parts,
};

/// A peer says this often that it is still there.
const ALIVE_EVERY: Duration = Duration::from_secs(110);
/// The number under which it takes messages about metadata.
const METADATA_NUMBER: u8 = 3;

/// How a scripted peer behaves. By default it has everything, unchokes whoever is interested, and sends at once.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// Where it listens.
    pub(crate) ip: IpAddr,
    /// Takes connections, and says nothing.
    pub(crate) is_silent: bool,
    /// Closes a connection once it has our handshake.
    pub(crate) hangs_up: bool,
    /// Answers with this info-hash.
    pub(crate) info_hash: Option<InfoHash>,
    /// Sends its handshake byte by byte.
    pub(crate) dribbles: bool,
    /// Shakes hands encrypted only, by this setting, and hangs up on whoever does not.
    pub(crate) encrypted: Option<EncryptionPolicy>,
    /// Sends its handshake this long after ours.
    pub(crate) shakes_after: Duration,
    /// The pieces it has; none given: all of them.
    pub(crate) has: Option<Vec<u32>>,
    /// What its extension handshake says; none: it sends none.
    pub(crate) introduction: Option<ExtensionHandshake>,
    /// What it sends behind its first messages.
    pub(crate) says: Vec<u8>,
    /// Bytes a second it sends.
    pub(crate) bps: u64,
    /// Unchokes after so long; `None`: never.
    pub(crate) unchokes: Option<Duration>,
    /// That time begins when the other side is interested, not with the handshake.
    pub(crate) wants_interest: bool,
    /// Every so many blocks is a wrong one; 1: all of them.
    pub(crate) lies_every: Option<u32>,
    /// Pieces of which it sends wrong bytes.
    pub(crate) lies_about: Vec<u32>,
    /// Blocks it sends on all its connections, until it is allowed more.
    pub(crate) allowed: u64,
    /// Sends no block on a connection after so many.
    pub(crate) silent_after: Option<u32>,
    /// Chokes for the second time after every first.
    pub(crate) flickers: Option<(Duration, Duration)>,
    /// Chokes after every so many blocks, forgets what it was asked, and unchokes.
    pub(crate) chokes_every: Option<u32>,
    /// Closes every connection so long after the handshake.
    pub(crate) leaves_after: Option<Duration>,
    /// Every so many requests is refused.
    pub(crate) rejects_every: Option<u32>,
    /// Sends what was cancelled all the same.
    pub(crate) ignores_cancel: bool,
    /// Every so many blocks comes twice.
    pub(crate) repeats_every: Option<u32>,
    /// Says every so often that it has so many pieces more.
    pub(crate) gains: Option<(Duration, u32)>,
    /// Asks for as many blocks every so often, choked or not.
    pub(crate) floods: Option<(Duration, usize)>,
    /// Downloads what we have when unchoked.
    pub(crate) takes: bool,
    /// Says nothing unasked, not even that it is still there.
    pub(crate) mute: bool,
    /// Speaks the fast extension (BEP 6).
    pub(crate) fast: bool,
    /// The metadata it offers, and what it does when it is asked for a part of them.
    pub(crate) metadata: Option<(Bytes, Gives)>,
}

/// What a peer does when it is asked for a part of the metadata.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gives {
    Right,
    Wrong,
    Refuses,
    Nothing,
    /// So many parts, then it hangs up.
    First(u32),
    /// The parts below this number; asked for another it hangs up, on every connection.
    Below(u32),
    /// Right ones, each so long after it was asked.
    Late(Duration),
}

impl Default for Script {
    fn default() -> Self {
        Self {
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            is_silent: false,
            hangs_up: false,
            info_hash: None,
            dribbles: false,
            encrypted: None,
            shakes_after: Duration::ZERO,
            has: None,
            introduction: None,
            says: Vec::new(),
            bps: u64::MAX,
            unchokes: Some(Duration::ZERO),
            wants_interest: true,
            lies_every: None,
            lies_about: Vec::new(),
            allowed: u64::MAX,
            silent_after: None,
            flickers: None,
            chokes_every: None,
            leaves_after: None,
            rejects_every: None,
            ignores_cancel: false,
            repeats_every: None,
            gains: None,
            floods: None,
            takes: false,
            mute: false,
            fast: false,
            metadata: None,
        }
    }
}

impl Script {
    /// What it sends once more of its own is asked for nowhere.
    fn knows_what_it_owes(&self) -> bool {
        !self.ignores_cancel && self.repeats_every.is_none()
    }

    /// What its extension handshake says.
    fn introduces(&self) -> Option<ExtensionHandshake> {
        let Some((info, _)) = &self.metadata else { return self.introduction.clone() };
        Some(ExtensionHandshake {
            messages: vec![(METADATA_NAME.to_owned(), METADATA_NUMBER)],
            metadata_bytes: Some(info.len() as u32),
            ..self.introduction.clone().unwrap_or_default()
        })
    }

    fn pieces(&self, geometry: Geometry) -> Bitfield {
        let Some(has) = &self.has else { return Bitfield::full(geometry.piece_count()) };
        let mut pieces = Bitfield::empty(geometry.piece_count());
        for number in has {
            pieces.set(geometry.piece(*number).expect("a piece of the torrent"));
        }
        pieces
    }
}

/// What it does by its own clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    Choke(bool),
    HangUp,
    Gain,
    Flood,
    Alive,
    /// It sends this part of the metadata.
    Give(u32),
}

/// What it wants done.
#[derive(Debug)]
pub(crate) enum Act {
    /// Say this, in one go.
    Say(Vec<Message>),
    /// Let it do that so much later.
    Later(Duration, Step),
    HangUp,
}

/// One connection of a scripted peer.
#[derive(Debug)]
pub(crate) struct Scripted {
    geometry: Geometry,
    /// How long what it says and what it hears may cross each other.
    crossing: Duration,
    pub(crate) acts: VecDeque<Act>,
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
    /// The number under which they take messages about metadata.
    their_metadata: Option<u8>,
    /// Parts of the metadata that it gave.
    gave_parts: u32,
}

impl Scripted {
    /// It has shaken hands.
    pub(crate) fn new(script: &Script, geometry: Geometry, crossing: Duration) -> Self {
        let has = script.pieces(geometry);
        let pieces = match script.fast {
            true if has.is_full() => Message::HaveAll,
            true if has.is_empty() => Message::HaveNone,
            _ => Message::Bitfield(has.to_bytes().into()),
        };
        let introduced = script.introduces().map(|introduction| introduction.encode().into());
        let mut messages = vec![pieces];
        messages.extend(introduced.map(|payload| Message::Extended { id: 0, payload }));
        messages.extend(script.takes.then_some(Message::Interested));
        let steps = [
            script.unchokes.filter(|_| !script.wants_interest).map(|after| (after, Step::Choke(false))),
            script.leaves_after.map(|after| (after, Step::HangUp)),
            script.gains.map(|(every, _)| (every, Step::Gain)),
            script.floods.map(|(every, _)| (every, Step::Flood)),
            (!script.mute).then_some((ALIVE_EVERY, Step::Alive)),
        ];
        let later = steps.into_iter().flatten().map(|(after, step)| Act::Later(after, step));
        Self {
            geometry,
            crossing,
            acts: std::iter::once(Act::Say(messages)).chain(later).collect(),
            choking: true,
            choked_at: At::ZERO,
            crossed: BTreeSet::new(),
            answered_at: BTreeMap::new(),
            asked: VecDeque::new(),
            has,
            sent: 0,
            requested: 0,
            theirs: Bitfield::empty(geometry.piece_count()),
            wants: VecDeque::new(),
            their_choking: true,
            allowed: BTreeSet::new(),
            their_metadata: None,
            gave_parts: 0,
        }
    }

    /// The time of a step has come.
    pub(crate) fn step(&mut self, now: At, script: &Script, step: Step) {
        match step {
            Step::Choke(choking) => {
                if choking {
                    self.forget(now);
                }
                self.choking = choking;
                self.say(vec![if choking { Message::Choke } else { Message::Unchoke }]);
                if let Some((serves, pauses)) = script.flickers {
                    let next = if choking { pauses } else { serves };
                    self.later(next, Step::Choke(!choking));
                }
            }
            Step::HangUp => self.acts.push_back(Act::HangUp),
            Step::Gain => {
                let Some((every, most)) = script.gains else { return };
                let missing = self.geometry.pieces().filter(|piece| !self.has.has(*piece));
                let fresh: Vec<PieceIndex> = missing.take(most as usize).collect();
                for piece in &fresh {
                    self.has.set(*piece);
                }
                if !fresh.is_empty() {
                    self.say(fresh.iter().map(|piece| Message::Have(piece.number())).collect());
                    self.later(every, Step::Gain);
                }
            }
            Step::Flood => {
                let Some((every, most)) = script.floods else { return };
                let first = self.geometry.block_at(0, 0).expect("every torrent has a block");
                self.say(vec![self.request(first); most]);
                self.later(every, Step::Flood);
            }
            Step::Alive => {
                self.say(vec![Message::KeepAlive]);
                self.later(ALIVE_EVERY, Step::Alive);
            }
            Step::Give(part) => {
                let given = script.metadata.as_ref().and_then(|(info, _)| self.gives(info, part, true));
                self.say(given.into_iter().collect());
            }
        }
    }

    /// A block came.
    pub(crate) fn block(&mut self, block: BlockRef) {
        self.wants.retain(|wanted| *wanted != block);
    }

    /// Messages came in one go.
    pub(crate) fn hear(&mut self, now: At, script: &Script, messages: &[Message]) {
        let mut answers = Vec::new();
        messages.iter().for_each(|message| self.message(now, script, message, &mut answers));
        let known = self.asked.iter().filter(|block| !self.crossed.contains(block)).count();
        let most = DEFAULT_REQQ as usize;
        assert!(!script.knows_what_it_owes() || known <= most, "it is asked for too much at once");
        if !answers.is_empty() {
            self.say(answers);
        }
    }

    fn message(&mut self, now: At, script: &Script, message: &Message, answers: &mut Vec<Message>) {
        let geometry = self.geometry;
        match message {
            Message::Request(spec) => {
                // What crossed our choke is no fault of theirs: while we choke it is lost, after that it is taken, and asked
                // for again once they hear that we choked.
                let (block, crosses) = (block_of(geometry, *spec), now <= self.choked_at + self.crossing);
                let takes = !self.choking || self.allowed.contains(&block.piece());
                assert!(takes || crosses, "it is asked while it chokes");
                if takes && !self.takes_on(now, script, block, crosses) {
                    answers.push(Message::Reject(*spec));
                }
            }
            Message::Cancel(spec) => {
                let cancelled = block_of(geometry, *spec);
                let owed = self.asked.iter().position(|block| *block == cancelled);
                if let Some(at) = owed.filter(|_| !script.ignores_cancel) {
                    self.asked.remove(at);
                    // Every request has an answer (BEP 6).
                    answers.extend(script.fast.then_some(Message::Reject(*spec)));
                }
            }
            Message::Bitfield(bytes) => {
                self.theirs = Bitfield::from_bytes(bytes, geometry.piece_count()).expect("a bitfield");
            }
            Message::HaveAll => self.theirs = Bitfield::full(geometry.piece_count()),
            Message::Have(piece) => {
                self.theirs.set(geometry.piece(*piece).expect("a piece of the torrent"));
            }
            Message::Choke | Message::Unchoke => {
                self.their_choking = *message == Message::Choke;
                self.wants.clear();
            }
            Message::HaveNone | Message::Reject(_) | Message::AllowedFast(_) => assert!(script.fast),
            Message::Interested => {
                if let Some(after) = script.unchokes.filter(|_| script.wants_interest) {
                    self.later(after, Step::Choke(false));
                }
            }
            Message::Extended { id: 0, payload } => {
                let theirs = ExtensionHandshake::decode(payload).expect("an extension handshake");
                self.their_metadata = theirs.id_of(METADATA_NAME);
            }
            Message::Extended { id: METADATA_NUMBER, payload } if script.metadata.is_some() => {
                answers.extend(self.metadata(script, payload));
            }
            Message::NotInterested | Message::Extended { .. } | Message::KeepAlive => {}
            other => panic!("nobody says {other:?}"),
        }
    }

    /// What it answers when it is asked for a part of the metadata.
    fn metadata(&mut self, script: &Script, payload: &[u8]) -> Option<Message> {
        let asked = MetadataMessage::decode(payload).expect("a message about metadata");
        let (info, gives) = script.metadata.as_ref()?;
        let Some(MetadataMessage::Request { part }) = asked else { return None };
        let total_bytes = info.len() as u32;
        assert!(part < metadata_parts(total_bytes), "it is asked for part {part}, which is none");
        let hangs_up = match gives {
            Gives::First(most) => self.gave_parts == *most,
            Gives::Below(end) => part >= *end,
            _ => false,
        };
        match gives {
            Gives::Nothing => None,
            Gives::Refuses => self.about_metadata(&MetadataMessage::Reject { part }),
            Gives::Late(after) => {
                self.later(*after, Step::Give(part));
                None
            }
            Gives::First(_) | Gives::Below(_) if hangs_up => {
                self.acts.push_back(Act::HangUp);
                None
            }
            Gives::Right | Gives::First(_) | Gives::Below(_) => self.gives(info, part, true),
            Gives::Wrong => self.gives(info, part, false),
        }
    }

    /// A part of the metadata, right or wrong.
    fn gives(&mut self, info: &Bytes, part: u32, right: bool) -> Option<Message> {
        let total_bytes = info.len() as u32;
        let begin = (part * METADATA_PART_BYTES) as usize;
        let mut bytes = info.slice(begin..begin + metadata_part_bytes(total_bytes, part) as usize);
        if !right {
            bytes = bytes.iter().map(|byte| !byte).collect();
        }
        self.gave_parts += 1;
        self.about_metadata(&MetadataMessage::Data { part, total_bytes: Some(total_bytes), bytes })
    }

    fn about_metadata(&self, said: &MetadataMessage) -> Option<Message> {
        Some(Message::Extended { id: self.their_metadata?, payload: said.encode().into() })
    }

    /// Whether it will send the block.
    fn takes_on(&mut self, now: At, script: &Script, block: BlockRef, crosses: bool) -> bool {
        assert!(self.has.has(block.piece()), "it is asked for {block:?}, which it has not");
        let known = !self.crossed.contains(&block) && self.asked.contains(&block);
        assert!(!script.knows_what_it_owes() || !known, "{block:?} is asked for twice");
        if crosses || self.answered_at.get(&block).is_some_and(|at| now <= *at + self.crossing) {
            self.crossed.insert(block);
        }
        self.requested += 1;
        if script.rejects_every.is_some_and(|every| self.requested.is_multiple_of(every)) {
            self.answered_at.insert(block, now);
            return false;
        }
        self.asked.push_back(block);
        true
    }

    /// Asks for what it wants, a few blocks at a time.
    pub(crate) fn want(&mut self, script: &Script, random: &mut fastrand::Rng) {
        if !script.takes || self.their_choking || !self.wants.is_empty() || self.theirs.is_empty() {
            return;
        }
        let nth = random.u32(..self.theirs.count()) as usize;
        let number = self.theirs.numbers().nth(nth);
        let Some(piece) = number.and_then(|number| self.geometry.piece(number)) else { return };
        let blocks: Vec<BlockRef> = self.geometry.blocks_of(piece).take(8).collect();
        self.wants.extend(blocks.iter().copied());
        self.say(blocks.into_iter().map(|block| self.request(block)).collect());
    }

    /// Sends the piece while it chokes, if it has it, and says so.
    pub(crate) fn allow_fast(&mut self, script: &Script, piece: u32) {
        let piece = self.geometry.piece(piece).expect("a piece of the torrent");
        if script.fast && self.has.has(piece) && self.allowed.insert(piece) {
            self.say(vec![Message::AllowedFast(piece.number())]);
        }
    }

    /// Refuses the last block it was asked for; whether there was one.
    pub(crate) fn refuse(&mut self, now: At) -> bool {
        let last = self.asked.pop_back();
        if let Some(block) = last {
            self.answered_at.insert(block, now);
            self.say(vec![Message::Reject(self.spec_of(block))]);
        }
        last.is_some()
    }

    /// Blocks that it was asked for and has not sent.
    pub(crate) fn owes(&self) -> usize {
        self.asked.len()
    }

    /// Whether it would send a block.
    pub(crate) fn would_send(&self, script: &Script) -> bool {
        let silent = script.silent_after.is_some_and(|after| self.sent >= after);
        script.bps > 0 && !self.asked.is_empty() && !silent
    }

    /// Takes the next block that it was asked for, and tells whether it is right. What it says then comes behind it.
    pub(crate) fn take(&mut self, now: At, script: &Script) -> Option<(BlockRef, bool)> {
        let block = self.asked.pop_front()?;
        self.answered_at.insert(block, now);
        self.sent += 1;
        let is_nth = |every: Option<u32>| every.is_some_and(|every| self.sent.is_multiple_of(every));
        let lies = is_nth(script.lies_every) || script.lies_about.contains(&block.piece().number());
        let (repeats, chokes) = (is_nth(script.repeats_every), is_nth(script.chokes_every));
        if repeats {
            self.asked.push_front(block);
        }
        if chokes {
            self.forget(now);
            self.say(vec![Message::Choke, Message::Unchoke]);
        }
        Some((block, !lies))
    }

    fn forget(&mut self, now: At) {
        self.asked.clear();
        self.crossed.clear();
        self.answered_at.clear();
        self.choked_at = now;
    }

    fn request(&self, block: BlockRef) -> Message {
        Message::Request(self.spec_of(block))
    }

    pub(crate) fn spec_of(&self, block: BlockRef) -> BlockSpec {
        let (index, begin) = (block.piece().number(), block.begin());
        BlockSpec { index, begin, length: self.geometry.block_length(block) }
    }

    pub(crate) fn say(&mut self, messages: Vec<Message>) {
        self.acts.push_back(Act::Say(messages));
    }

    fn later(&mut self, after: Duration, step: Step) {
        self.acts.push_back(Act::Later(after, step));
    }
}

/// The block that is asked for: whole ones, of pieces there are.
fn block_of(geometry: Geometry, spec: BlockSpec) -> BlockRef {
    let block = geometry.block_at(spec.index, spec.begin).expect("a block of the torrent");
    assert_eq!(spec.length, geometry.block_length(block));
    block
}
