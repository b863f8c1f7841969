//! What is known of one peer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::client::disagrees;
use super::metadata::MetadataTalk;
use super::row::{MOST_ATTEMPTS, MOST_SOURCES, deciding};
use super::series::Recent;
use crate::event::parts::{harmless, parts};
use crate::event::validate::bounded;
use crate::event::{
    At, Attempt, Blame, Cause, Direction, Encryption, PeerInfo, PeerKey, PeerSample, SNUBBED_AFTER, Sample,
    Source, StreamFigures, Transport,
};
use crate::metainfo::{Bitfield, PeerId};

/// The furthest step any attempt of a peer reached; it never goes back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Known, not dialled yet.
    #[default]
    Queued,
    /// Dialled.
    Dialling,
    /// The connection was open.
    Connected,
    /// Our handshake was written.
    HandshakeSent,
    /// Its handshake was valid.
    Handshaken,
    /// It unchoked us.
    Unchoked,
    /// It sent a block.
    Transferring,
}

/// The one group a peer is in now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Connected, after a valid handshake.
    Live,
    /// An attempt is under way.
    Trying,
    /// No handshake, or ended by a fault.
    Failed,
    /// Was live and ended without a fault.
    Left,
    /// Waits for its first try.
    #[default]
    Queued,
    /// Banned.
    Banned,
}

impl Group {
    /// Its code, as programs read it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Trying => "trying",
            Self::Failed => "failed",
            Self::Left => "left",
            Self::Queued => "queued",
            Self::Banned => "banned",
        }
    }

    /// Its word, as people read it: "left" is for time.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Left => "gone",
            group => group.name(),
        }
    }
}

/// The four states of a connection (BEP 3), as they begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Flags {
    /// We choke it.
    pub am_choking: bool,
    /// We want what it has.
    pub am_interested: bool,
    /// It chokes us.
    pub peer_choking: bool,
    /// It wants what we have.
    pub peer_interested: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self { am_choking: true, am_interested: false, peer_choking: true, peer_interested: false }
    }
}

/// What is known of one peer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PeerRecord {
    /// Its row.
    pub key: PeerKey,
    /// Where it is.
    pub addr: SocketAddr,
    /// Who named it, each once.
    #[serde(deserialize_with = "bounded::<_, _, MOST_SOURCES>")]
    pub sources: Vec<Source>,
    /// The furthest step any attempt reached.
    pub stage: Stage,
    /// Where it stands now.
    pub group: Group,
    /// Why it does not serve us; `None` while connected and serving.
    pub cause: Option<Cause>,
    /// Every try, oldest first. Of long ladders the oldest go, the numbers stay.
    #[serde(deserialize_with = "bounded::<_, _, { MOST_ATTEMPTS.0 }>")]
    pub attempts: Vec<Attempt>,
    /// The try over the other transport that races the one under way, while both are.
    #[serde(default)]
    pub rival: Option<Box<Attempt>>,
    /// Who it is by its peer id: `Transmission 4.0.6`.
    pub client: Option<String>,
    /// Its peer id, once 68 bytes came.
    pub peer_id: Option<PeerId>,
    /// The reserved bytes of its handshake.
    pub reserved: Option<[u8; 8]>,
    /// What it says of itself; whether it wants nothing any more, of the present connection.
    pub info: PeerInfo,
    /// The pieces it has, as far as it said; `None` before it did.
    #[serde(skip)]
    pub has: Option<Arc<Bitfield>>,
    /// The four states of the present connection.
    pub flags: Flags,
    /// The last second of the present connection.
    pub sample: PeerSample,
    /// The rates that are shown, bytes a second: over the same seconds as those of all peers together, beside which
    /// they stand.
    #[serde(default)]
    pub rates: Sample,
    /// The last seconds of the present connection.
    #[serde(default)]
    pub recent: Recent,
    /// Payload received over all its connections, bytes.
    pub down_bytes: u64,
    /// Payload sent over all its connections, bytes.
    pub up_bytes: u64,
    /// When its last block came.
    pub last_block: Option<At>,
    /// Pieces it sent blocks of that failed their hash.
    pub failed_pieces: u32,
    /// The user holds it.
    pub held: bool,
    /// The user dropped it.
    pub dropped: bool,
    /// Banned until then, and why.
    pub banned: Option<(At, String)>,
    /// When it is dialled next.
    pub next_try: Option<At>,
    /// When its group or its standing (choked, unchoked, sending) last changed.
    pub since: At,
    /// Why nothing is asked of anybody now: the download is paused, stopped or complete.
    #[serde(skip)]
    pub rests: Option<Cause>,
    /// What it did about the metadata of a magnet, where anything.
    #[serde(default)]
    pub metadata: Option<Box<MetadataTalk>>,
    /// How the uTP stream of its present connection goes, or that of its last one went; `None`: that is over TCP, or
    /// nothing was told of it. Most peers have none.
    #[serde(default)]
    pub stream: Option<Box<StreamFigures>>,
    /// The metadata of the torrent are not known: peers are asked for them, not for pieces.
    #[serde(skip)]
    pub lacks_metadata: bool,
}

harmless!(Stage, Group, Flags);
parts! {
    PeerRecord: key addr sources stage group cause attempts rival client peer_id reserved info has flags sample rates
        recent down_bytes up_bytes last_block failed_pieces held dropped banned next_try since rests metadata
        stream lacks_metadata
}

impl PeerRecord {
    /// The attempt under way or the last one.
    pub fn last_attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Every try that is kept, oldest first, with the one that races the last.
    pub fn tries(&self) -> impl DoubleEndedIterator<Item = &Attempt> {
        self.attempts.iter().chain(self.rival.as_deref())
    }

    /// The attempt that tells most of the peer: the one under way while it is live, else the one that got furthest.
    pub fn telling_attempt(&self) -> Option<&Attempt> {
        let open = self.attempts.iter().find(|attempt| attempt.ended.is_none());
        open.filter(|_| self.is_live()).or_else(|| deciding(&self.attempts)).or_else(|| self.last_attempt())
    }

    /// Bytes that went over an attempt of it, received and sent. While the attempt is under way all of them are told now
    /// and then, its payload every second: it has had at least both handshakes and the payload.
    #[must_use]
    pub fn bytes_of(&self, attempt: &Attempt) -> (u64, u64) {
        if attempt.ended.is_some() {
            return (attempt.bytes_in, attempt.bytes_out);
        }
        let (received, sent) = (attempt.received.len() as u64, attempt.sent.len() as u64);
        (
            attempt.bytes_in.max(self.sample.down_bytes.saturating_add(received)),
            attempt.bytes_out.max(self.sample.up_bytes.saturating_add(sent)),
        )
    }

    /// How much of the torrent it has, in whole percent; `None` before it said.
    #[must_use]
    pub fn has_percent(&self) -> Option<u64> {
        self.has.as_ref().map(|has| u64::from(has.count()) * 100 / u64::from(has.len().max(1)))
    }

    /// Live, and it takes what we have.
    #[must_use]
    pub fn is_taking(&self) -> bool {
        self.is_live() && self.rates.up_bps > 0
    }

    /// Connected after a valid handshake.
    pub fn is_live(&self) -> bool {
        self.group == Group::Live
    }

    /// Live, and data came within the last three seconds. One that chokes us, or of which we want nothing any more,
    /// is done sending as soon as a second brings nothing.
    pub fn is_sending(&self, now: At) -> bool {
        self.is_live() && self.sends(now)
    }

    /// The same of one that is live.
    pub(super) fn sends(&self, now: At) -> bool {
        let goes_on = self.flags.am_interested && !self.flags.peer_choking && !self.held;
        let lately = self.last_block.is_some_and(|last| now.saturating_sub(last).as_secs() < 3);
        self.rests.is_none() && lately && (goes_on || self.sample.down_bps > 0)
    }

    /// The step of the way at which it counts now: up to the handshake the furthest it ever reached, beyond that what
    /// it does at this moment.
    pub fn stage_now(&self, now: At) -> Stage {
        match self.is_live() {
            true if self.sends(now) => Stage::Transferring,
            true if !self.flags.peer_choking => Stage::Unchoked,
            _ => self.stage.min(Stage::Handshaken),
        }
    }

    /// Why it is no further than [`Self::stage_now`] says; `None`: it is still on its way.
    pub fn held_back_by(&self, now: At) -> Option<Cause> {
        match self.group {
            Group::Trying => None,
            Group::Live => self.live_held_back_by(now),
            _ => self.cause,
        }
    }

    /// What keeps a live peer from the next step.
    fn live_held_back_by(&self, now: At) -> Option<Cause> {
        if self.held {
            return Some(Cause::Held);
        }
        if self.rests.is_some() {
            return self.rests;
        }
        if self.lacks_metadata {
            return self.metadata.as_ref()?.answer().cause();
        }
        let waited = self.silent_for(now)? >= SNUBBED_AFTER;
        match (self.flags.am_interested, self.flags.peer_choking) {
            (true, true) => Some(Cause::NeverUnchoked),
            (true, false) => self.is_snubbed(now).then_some(Cause::Snubbed),
            (false, _) => waited.then_some(Cause::NotInteresting),
        }
    }

    /// For how long nothing came of a live peer since it could be asked.
    fn silent_for(&self, now: At) -> Option<Duration> {
        let attempt = self.telling_attempt()?;
        let since = attempt.handshaken.max(attempt.unchoked).max(self.last_block)?;
        Some(now.saturating_sub(since))
    }

    /// For how long it sent nothing of what it was asked for; `None`: it owes nothing.
    pub fn owes_for(&self, now: At) -> Option<Duration> {
        let asked = self.flags.am_interested && !self.flags.peer_choking && self.sample.requests_out > 0;
        self.silent_for(now).filter(|_| asked && self.is_live())
    }

    /// Whether it was asked and sends nothing, for [`SNUBBED_AFTER`]: what the screen, the reports and the verdicts
    /// call snubbed.
    pub fn is_snubbed(&self, now: At) -> bool {
        self.owes_for(now).is_some_and(|silence| silence >= SNUBBED_AFTER)
    }

    /// What a failed attempt turned out to mean: the peer shook hands, and only encrypted, or only over the other transport.
    pub fn resolved(&self, attempt: &Attempt) -> Option<Cause> {
        if self.wants_encryption(attempt) {
            return Some(Cause::EncryptionRequired);
        }
        self.is_blocked(attempt).then_some(Cause::TransportBlocked)
    }

    /// A plain attempt that opened and failed, of a peer that shook hands encrypted only.
    fn wants_encryption(&self, attempt: &Attempt) -> bool {
        let shook = |encryption| {
            self.attempts.iter().any(|tried| tried.encryption == encryption && tried.handshaken.is_some())
        };
        let opened = attempt.encryption == Encryption::Plain && attempt.connected.is_some();
        opened && attempt.ended.is_some() && shook(Encryption::Mse) && !shook(Encryption::Plain)
    }

    /// A dial that did not get through, of a peer that we dialled with success over the other transport only. Where a third
    /// peer brought the two together, it tells nothing of a dial that needs none.
    fn is_blocked(&self, attempt: &Attempt) -> bool {
        let failed = attempt.cause.map(Cause::info).filter(|_| attempt.direction == Direction::Out);
        let on_the_way = failed.is_some_and(|cause| cause.other_transport && cause.blame != Blame::Us);
        let shook = |over| {
            let tries = self.attempts.iter().filter(move |tried| tried.transport == over);
            tries.filter(|tried| tried.handshaken.is_some())
        };
        let mut others = shook(attempt.transport.other());
        on_the_way
            && attempt.handshaken.is_none()
            && shook(attempt.transport).next().is_none()
            && others.any(|tried| tried.direction == Direction::Out && tried.relay.is_none())
    }

    /// What its failed attempts turned out to mean.
    pub fn found_out(&self) -> impl Iterator<Item = Cause> {
        self.attempts.iter().filter_map(|attempt| self.resolved(attempt))
    }

    /// Over what dials of it turned out not to get through.
    pub fn blocked_over(&self) -> Option<Transport> {
        let mut tries = self.attempts.iter();
        tries.find(|tried| self.resolved(tried) == Some(Cause::TransportBlocked)).map(|tried| tried.transport)
    }

    /// Whether it was asked plain and encrypted, and shook hands neither way.
    pub fn was_tried_both_ways(&self) -> bool {
        let in_vain = |way: Encryption| {
            let mut tries = self.attempts.iter().filter(|attempt| attempt.encryption == way);
            tries.any(|attempt| {
                attempt.connected.is_some() && attempt.ended.is_some() && attempt.handshaken.is_none()
            })
        };
        in_vain(Encryption::Plain) && in_vain(Encryption::Mse)
    }

    /// Whether its peer id names one client and its extension handshake another: one of the two lies.
    pub fn claims_two_clients(&self) -> bool {
        match (&self.client, &self.info.calls_itself) {
            (Some(by_id), Some(calls_itself)) => disagrees(by_id, calls_itself),
            _ => false,
        }
    }
}
