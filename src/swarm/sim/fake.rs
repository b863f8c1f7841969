//! Scripted peers: slow, snubbing, lying, flooding, flapping, partial, and good ones.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::super::ConnKey;
use super::client::Effect;
use super::script::{Act, Scripted};
use super::{At, BlockRef, Cause, Geometry, Message, PieceIndex, Said, Script, Step};
use crate::wire::ExtensionHandshake;

impl Script {
    /// One that has everything, and unchokes at once.
    pub(super) fn seed(geometry: Geometry, bps: u64) -> Self {
        Self::with(geometry, bps, |_| true)
    }

    /// One that has only what is chosen.
    pub(super) fn with(geometry: Geometry, bps: u64, chosen: impl Fn(PieceIndex) -> bool) -> Self {
        let chosen = geometry.pieces().filter(|piece| chosen(*piece)).map(PieceIndex::number);
        let introduction = ExtensionHandshake { listen_port: Some(6881), ..ExtensionHandshake::default() };
        Self {
            has: Some(chosen.collect()),
            introduction: Some(introduction),
            bps,
            wants_interest: false,
            fast: true,
            ..Self::default()
        }
    }

    /// One that has nothing and wants everything.
    pub(super) fn taker(geometry: Geometry) -> Self {
        Self { takes: true, ..Self::with(geometry, 0, |_| false) }
    }
}

pub(super) struct Fake {
    geometry: Geometry,
    pub(super) script: Script,
    pub(super) conns: BTreeMap<ConnKey, Scripted>,
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

    /// Lets a connection do something, and takes over what it wants done.
    fn on<R>(&mut self, key: ConnKey, act: impl FnOnce(&mut Scripted, &Script) -> R) -> Option<R> {
        let result = act(self.conns.get_mut(&key)?, &self.script);
        self.take_over(key);
        Some(result)
    }

    fn take_over(&mut self, key: ConnKey) {
        let acts = self.conns.get_mut(&key).into_iter().flat_map(|conn| conn.acts.drain(..));
        for act in acts {
            match act {
                Act::Say(messages) => self.effects.push_back(Effect::Say(key, Said::Messages(messages))),
                Act::Later(after, step) => self.later.push((after, key, step)),
                Act::HangUp => self.effects.push_back(Effect::Close(key, Cause::ClosedByPeer)),
            }
        }
    }

    fn on_all<R>(&mut self, mut act: impl FnMut(&mut Scripted, &Script) -> R) {
        for key in self.conns.keys().copied().collect::<Vec<_>>() {
            self.on(key, &mut act);
        }
    }

    pub(super) fn shaken(&mut self, key: ConnKey) {
        self.conns.insert(key, Scripted::new(&self.script, self.geometry, self.crossing));
        self.take_over(key);
    }

    pub(super) fn step(&mut self, now: At, key: ConnKey, step: Step) {
        self.on(key, |conn, script| conn.step(now, script, step));
    }

    pub(super) fn hear(&mut self, now: At, key: ConnKey, said: Said) {
        if !self.conns.contains_key(&key) {
            return;
        }
        match said {
            Said::Block(block, _) => {
                self.got_bytes += u64::from(self.geometry.block_length(block));
                self.on(key, |conn, _| conn.block(block));
            }
            Said::Messages(messages) => {
                for message in &messages {
                    match message {
                        Message::Cancel(_) => self.cancelled += 1,
                        Message::Choke => self.served.push((now, false)),
                        Message::Unchoke => self.served.push((now, true)),
                        _ => {}
                    }
                }
                self.on(key, |conn, script| conn.hear(now, script, &messages));
            }
        }
        if let Some(conn) = self.conns.get_mut(&key) {
            conn.want(&self.script, &mut self.random);
        }
        self.take_over(key);
    }

    pub(super) fn say_to_all(&mut self, message: &Message) {
        self.on_all(|conn, _| conn.say(vec![message.clone()]));
    }

    /// Sends the piece while it chokes, if it has it, and says so.
    pub(super) fn allow_fast(&mut self, piece: u32) {
        self.on_all(|conn, script| conn.allow_fast(script, piece));
    }

    /// Refuses the last block it was asked for; whether there was one.
    pub(super) fn refuse(&mut self, now: At) -> bool {
        let keys: Vec<ConnKey> = self.conns.keys().copied().collect();
        keys.into_iter().any(|key| self.on(key, |conn, _| conn.refuse(now)) == Some(true))
    }

    /// The connections on which it would send a block, in order.
    pub(super) fn asked(&self) -> Vec<ConnKey> {
        let would = self.conns.iter().filter(|(_, conn)| conn.would_send(&self.script));
        would.map(|(key, _)| *key).collect()
    }

    /// Takes the next block asked for on the connection, and tells whether it is right.
    pub(super) fn take(&mut self, now: At, key: ConnKey) -> Option<(BlockRef, bool)> {
        let taken = self.on(key, |conn, script| conn.take(now, script)).flatten();
        self.sent_blocks += u64::from(taken.is_some());
        taken
    }
}
