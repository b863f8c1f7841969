//! Peers that say what no real peer says.

use std::net::SocketAddr;
use std::time::Duration;

use super::ms;
use super::raw::{self, Raw};

/// As many conversations as one holds at once.
const MOST_TALKS: usize = 8;
/// What may be said in answer to one packet.
const MOST_SAID: usize = 4;

/// What is wrong with what it says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lie {
    /// Acknowledges what was never sent.
    AcksTheUnsent,
    /// Says that it has everything from now on, thousands of packets ahead.
    AcksEverything,
    NeverHasRoom,
    HasRoomForFourGib,
    /// The numbers of its packets jump.
    Jumps,
    /// Extensions of any kind and length, one after the other.
    Extends,
    /// Its clock runs backwards, or anywhere.
    RunsBackwards,
    /// Ends conversations, its own and those it guesses.
    Resets,
    /// Says the same over and over.
    Repeats,
    /// Never acknowledges what is asked of it.
    AcksNothing,
    /// All of that in turns, and any bytes at all.
    Anything,
}

pub(super) const LIES: [Lie; 11] = [
    Lie::AcksTheUnsent,
    Lie::AcksEverything,
    Lie::NeverHasRoom,
    Lie::HasRoomForFourGib,
    Lie::Jumps,
    Lie::Extends,
    Lie::RunsBackwards,
    Lie::Resets,
    Lie::Repeats,
    Lie::AcksNothing,
    Lie::Anything,
];

/// One conversation, as far as it is held to be one.
#[derive(Clone)]
struct Talk {
    with: SocketAddr,
    hears: u16,
    says: u16,
    seq: u16,
    /// The last number that was heard.
    heard: u16,
    opened: bool,
}

/// One that lies.
pub(super) struct Liar {
    addr: SocketAddr,
    lie: Lie,
    /// Whom it dials.
    victim: SocketAddr,
    talks: Vec<Talk>,
    clock_us: u32,
    /// How often it still speaks without having been asked.
    breath: u32,
    silent: bool,
    /// Packets it was sent.
    pub(super) heard: u64,
}

/// The address that says it, the one that hears it, and what is said.
type Said = Vec<(SocketAddr, SocketAddr, Vec<u8>)>;

impl Liar {
    pub(super) fn new(addr: SocketAddr, victim: SocketAddr, lie: Lie, breath: u32) -> Self {
        Self { addr, lie, victim, talks: Vec::new(), clock_us: 1 << 31, breath, silent: false, heard: 0 }
    }

    /// Says nothing more.
    pub(super) fn fall_silent(&mut self) {
        (self.breath, self.silent) = (0, true);
    }

    /// Answers a packet.
    pub(super) fn answer(&mut self, from: SocketAddr, packet: &[u8], random: &mut fastrand::Rng) -> Said {
        self.heard += 1;
        let Some(raw) = Raw::read(packet).filter(|_| !self.silent) else { return Vec::new() };
        if raw.kind == raw::SYN {
            let (seq, hears) = (random.u16(..), raw.id.wrapping_add(1));
            if !self.talks.iter().any(|talk| talk.hears == hears) {
                self.remember(Talk { with: from, hears, says: raw.id, seq, heard: raw.seq, opened: true });
            }
        }
        let (is_syn, heard) = (raw.kind == raw::SYN, self.talks.iter().position(|talk| talk.hears == raw.id));
        let Some(at) = heard.or_else(|| is_syn.then(|| self.talks.len() - 1)) else { return Vec::new() };
        if raw.kind == raw::RESET {
            self.talks.remove(at);
            return Vec::new();
        }
        let talk = &mut self.talks[at];
        let begins = !talk.opened && raw.kind == raw::STATE;
        if begins {
            (talk.opened, talk.heard) = (true, raw.seq.wrapping_sub(1));
        } else if matches!(raw.kind, raw::DATA | raw::FIN) {
            talk.heard = raw.seq;
        }
        // A call is open once it said something.
        let bytes = if begins || random.u8(..4) == 0 { random.usize(1..1200) } else { 0 };
        self.say(at, bytes, random)
    }

    /// Speaks without having been asked; tells when it does so again.
    pub(super) fn speak(&mut self, random: &mut fastrand::Rng) -> (Said, Option<Duration>) {
        let Some(breath) = self.breath.checked_sub(1) else { return (Vec::new(), None) };
        self.breath = breath;
        let said = if self.talks.is_empty() || random.u8(..8) == 0 {
            let (id, seq) = (random.u16(..), random.u16(..));
            let (says, with) = (id.wrapping_add(1), self.victim);
            self.remember(Talk { with, hears: id, says, seq: seq.wrapping_add(1), heard: 0, opened: false });
            let syn = Raw { kind: raw::SYN, version: 1, id, seq, window: 1 << 20, ..Raw::default() };
            vec![(self.addr, with, syn.write())]
        } else {
            let (at, bytes) = (random.usize(..self.talks.len()), random.usize(..600));
            self.say(at, bytes, random)
        };
        (said, Some(ms(random.u64(1..80))))
    }

    fn remember(&mut self, talk: Talk) {
        if self.talks.len() == MOST_TALKS {
            self.talks.remove(0);
        }
        self.talks.push(talk);
    }

    /// Says something in a conversation: the truth, bent.
    fn say(&mut self, at: usize, bytes: usize, random: &mut fastrand::Rng) -> Said {
        self.clock_us = self.clock_us.wrapping_add(random.u32(1..20_000));
        let talk = &mut self.talks[at];
        let mut raw = Raw {
            kind: if bytes > 0 { raw::DATA } else { raw::STATE },
            version: 1,
            id: talk.says,
            sent_us: self.clock_us,
            delay_us: random.u32(..100_000),
            window: 1 << 20,
            seq: talk.seq,
            ack: talk.heard,
            rest: (0..bytes).map(|_| random.u8(..)).collect(),
            ..Raw::default()
        };
        if bytes > 0 {
            talk.seq = talk.seq.wrapping_add(1);
        }
        let (from, with) = (self.addr, talk.with);
        let lie = if self.lie == Lie::Anything { LIES[random.usize(..LIES.len())] } else { self.lie };
        let times = bend(&mut raw, lie, talk, random);
        let mut packet = raw.write();
        if self.lie == Lie::Anything && random.bool() {
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..packet.len());
                packet[at] = random.u8(..);
            }
            packet.truncate(random.usize(..packet.len() * 4));
        }
        (0..times).map(|_| (from, with, packet.clone())).collect()
    }
}

/// Bends what is said; tells how often it is said.
fn bend(raw: &mut Raw, lie: Lie, talk: &mut Talk, random: &mut fastrand::Rng) -> usize {
    match lie {
        Lie::AcksTheUnsent => {
            raw.ack = raw.ack.wrapping_add([1, 2, 1000, 0x7fff, 0x8000, 0xffff][random.usize(..6)]);
        }
        Lie::AcksEverything => raw.extend(1, &vec![0xff; 4 * random.usize(1..64)]),
        Lie::NeverHasRoom => raw.window = 0,
        Lie::HasRoomForFourGib => raw.window = u32::MAX,
        Lie::Jumps => {
            talk.seq = talk.seq.wrapping_add([0, 1, 1, 50, 1000, 0x8000, 0xfff0][random.usize(..7)]);
            raw.seq = talk.seq;
        }
        Lie::Extends => {
            for _ in 0..random.usize(1..6) {
                let kind = [1, 2, 3, random.u8(1..)][random.usize(..4)];
                let content: Vec<u8> = (0..random.usize(..256)).map(|_| random.u8(..)).collect();
                raw.extend(kind, &content);
            }
            if random.bool() && raw.rest.len() > 1 {
                // One that says it is longer than the packet.
                raw.rest.truncate(random.usize(1..raw.rest.len()));
            }
        }
        Lie::RunsBackwards => {
            raw.sent_us = if random.bool() { raw.sent_us.wrapping_neg() } else { random.u32(..) };
            raw.delay_us = random.u32(..);
        }
        Lie::Resets => {
            if random.u8(..4) == 0 {
                raw.kind = raw::RESET;
                raw.id = if random.bool() { raw.id } else { random.u16(..) };
                raw.rest.clear();
            }
        }
        Lie::Repeats => return random.usize(1..=MOST_SAID),
        Lie::AcksNothing => raw.ack = talk.hears,
        Lie::Anything => (raw.kind, raw.version) = (random.u8(..16), random.u8(..16)),
    }
    1
}
