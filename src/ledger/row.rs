//! One peer as the ledger keeps it: the record that is published, and what is needed to fold its events.

mod saved;

use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(super) use self::saved::SavedRow;
use super::folded::Lost;
use super::peer::{Flags, Group, PeerRecord, Stage};
use super::series::Recent;
use crate::event::{
    At, Attempt, Cause, Direction, Encryption, MetadataStep, PeerInfo, PeerKey, PeerSample, PunchStep, Relay,
    Sample, Source, StreamFigures, Transport,
};

/// Attempts kept of one peer: of each of a few, and of each of a crowd.
pub(super) const MOST_ATTEMPTS: (usize, usize) = (8, 4);
/// Sources kept of one peer; a torrent with more trackers than that tells nothing new by the rest.
pub(super) const MOST_SOURCES: usize = 32;

/// What a connected peer does for us, as the rows of a table are grouped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Service {
    Away,
    Choked,
    Unchoked,
    Sending,
}

/// A peer's record and the sums behind it.
#[derive(Clone, Debug)]
pub(super) struct Row {
    record: Arc<PeerRecord>,
    /// Payload of the connections before the present one, bytes: down, up.
    before: (u64, u64),
    not_dialled: Option<Cause>,
    /// How it stood when its attempts were let go, for a row that was folded away and came back.
    past: Option<(Group, Option<Cause>)>,
    standing: Service,
    /// Payload of the present connection when the last second of all peers together ended, bytes: down, up.
    until: (u64, u64),
    /// Attempts kept of it.
    pub(super) most_attempts: usize,
    /// Its pieces are counted in the piece map.
    pub(super) counted: bool,
}

impl Row {
    pub(super) fn new(key: PeerKey, addr: SocketAddr, at: At) -> Self {
        let record = PeerRecord {
            key,
            addr,
            sources: Vec::new(),
            stage: Stage::Queued,
            group: Group::Queued,
            cause: Some(Cause::Queued),
            attempts: Vec::new(),
            rival: None,
            client: None,
            peer_id: None,
            reserved: None,
            info: PeerInfo::default(),
            has: None,
            flags: Flags::default(),
            sample: PeerSample::default(),
            rates: Sample::default(),
            recent: Recent::default(),
            down_bytes: 0,
            up_bytes: 0,
            last_block: None,
            failed_pieces: 0,
            held: false,
            dropped: false,
            banned: None,
            next_try: None,
            since: at,
            rests: None,
            metadata: None,
            stream: None,
            lacks_metadata: false,
        };
        Self {
            record: Arc::new(record),
            before: (0, 0),
            not_dialled: None,
            past: None,
            standing: Service::Away,
            until: (0, 0),
            most_attempts: MOST_ATTEMPTS.0,
            counted: false,
        }
    }

    /// A row that was folded away, without its attempts.
    pub(super) fn come_back(key: PeerKey, lost: Lost, at: At) -> Self {
        let mut row = Self::new(key, lost.addr, at);
        row.past = Some((lost.group, lost.cause));
        let record = row.edit();
        record.stage = lost.stage;
        record.group = lost.group;
        record.cause = lost.cause;
        record.sources = lost.sources.into_vec();
        row
    }

    pub(super) fn record(&self) -> &Arc<PeerRecord> {
        &self.record
    }

    /// The record for changing; copied first when a view holds it.
    pub(super) fn edit(&mut self) -> &mut PeerRecord {
        Arc::make_mut(&mut self.record)
    }

    /// The attempt under way.
    pub(super) fn open(&self) -> Option<&Attempt> {
        self.record.attempts.last().filter(|attempt| attempt.ended.is_none())
    }

    fn open_mut(&mut self) -> Option<&mut Attempt> {
        self.open()?;
        self.edit().attempts.last_mut()
    }

    /// Connected after a valid handshake, or hung up on by us, which leaves it as it stood.
    pub(super) fn is_live(&self) -> bool {
        self.open().map_or_else(|| self.is_hung_up(), |attempt| attempt.handshaken.is_some())
    }

    /// Whether the attempt that got furthest of those that are over shook hands, and ended by nothing that says anything of
    /// the peer.
    pub(super) fn is_hung_up(&self) -> bool {
        deciding(&self.record.attempts)
            .is_some_and(|attempt| attempt.handshaken.is_some() && attempt.cause.is_none())
    }

    /// Nothing would be lost but its own line: it never shook hands, and is at rest.
    pub(super) fn is_foldable(&self) -> bool {
        self.record.stage < Stage::Handshaken && self.is_at_rest()
    }

    /// Nothing is under way with it, and the user asked nothing of it.
    pub(super) fn is_at_rest(&self) -> bool {
        let record = &self.record;
        self.open().is_none() && !self.is_hung_up() && !record.dropped && record.banned.is_none()
    }

    pub(super) fn add_source(&mut self, source: Source) {
        let known = self.record.sources.iter().any(|known| known.is_as(source));
        if !known && self.record.sources.len() < MOST_SOURCES {
            let sources = &mut self.edit().sources;
            sources.reserve_exact(1);
            sources.push(source);
        }
    }

    pub(super) fn set_not_dialled(&mut self, cause: Option<Cause>) {
        self.not_dialled = cause;
    }

    pub(super) fn begin(
        &mut self,
        at: At,
        direction: Direction,
        transport: Transport,
        encryption: Encryption,
    ) {
        self.end_rival(at, Cause::Replaced, |_| {});
        self.end(at, Cause::Replaced, |_| {});
        self.not_dialled = None;
        let incoming = direction == Direction::In;
        let attempt = Attempt {
            direction,
            connected: incoming.then_some(at),
            ..begun(at, self.next_number(), transport, encryption)
        };
        self.push(attempt);
        let record = self.edit();
        record.next_try = None;
        record.stream = None;
        self.reach(if incoming { Stage::Connected } else { Stage::Dialling });
    }

    fn next_number(&self) -> u32 {
        self.record.attempts.last().map_or(0, |last| last.number).saturating_add(1)
    }

    /// Keeps one attempt more, the last.
    fn push(&mut self, attempt: Attempt) {
        // Before it comes, so that there is room for no more than are kept.
        self.prune(self.most_attempts.saturating_sub(1));
        let attempts = &mut self.edit().attempts;
        attempts.reserve_exact(1);
        attempts.push(attempt);
    }

    /// Another attempt begins beside the one under way, if there is one.
    pub(super) fn begin_rival(&mut self, at: At, transport: Transport, encryption: Encryption) {
        if self.open().is_some() {
            let rival = begun(at, self.next_number(), transport, encryption);
            self.edit().rival = Some(Box::new(rival));
        }
    }

    /// Ends the attempt beside the one under way, if there is one. It stands before that one from now on.
    pub(super) fn end_rival(&mut self, at: At, cause: Cause, more: impl FnOnce(&mut Attempt)) {
        if self.record.rival.is_none() {
            return;
        }
        self.prune(self.most_attempts.saturating_sub(1));
        let record = self.edit();
        let Some((mut rival, last)) = record.rival.take().zip(record.attempts.pop()) else { return };
        rival.ended = Some(at);
        rival.cause = Some(cause);
        more(&mut rival);
        let numbers = (last.number, rival.number);
        record.attempts.push(Attempt { number: numbers.0, ..*rival });
        record.attempts.push(Attempt { number: numbers.1, ..last });
    }

    /// Changes the attempt under way, if there is one, and notes how far it got.
    pub(super) fn advance(&mut self, change: impl FnOnce(&mut Attempt)) -> bool {
        let Some(attempt) = self.open_mut() else { return false };
        change(attempt);
        let reached = reached(attempt);
        self.reach(reached);
        true
    }

    /// The attempt under way came a step further through another peer.
    pub(super) fn punch(&mut self, at: At, step: &PunchStep) {
        let (PunchStep::Asked { relay } | PunchStep::Told { relay }) = *step else { return };
        let told = matches!(step, PunchStep::Told { .. });
        self.advance(|attempt| {
            let new = || Box::new(Relay { peer: relay, asked: !told, told: None });
            let relay = attempt.relay.get_or_insert_with(new);
            if told {
                relay.told.get_or_insert(at);
            }
        });
    }

    /// The connection under way, where it is over uTP, goes so.
    pub(super) fn take_stream(&mut self, figures: StreamFigures) {
        if self.open().is_some_and(|attempt| attempt.transport == Transport::Utp) {
            self.edit().stream = Some(Box::new(figures));
        }
    }

    /// Ends the attempt under way; false when there is none.
    pub(super) fn end(&mut self, at: At, cause: Cause, more: impl FnOnce(&mut Attempt)) -> bool {
        let Some(attempt) = self.open_mut() else { return false };
        attempt.ended = Some(at);
        attempt.cause = Some(cause);
        more(attempt);
        let shook_hands = attempt.handshaken.is_some();
        // What came before, in another way of reaching it, still holds where it stands as that left it.
        if shook_hands || !self.is_hung_up() {
            self.forget_connection();
        }
        if let Some(rival) = self.edit().rival.take() {
            self.push(*rival);
        }
        self.connection_over();
        true
    }

    /// Ends the attempt under way where it shook hands: we hung up, which says nothing of the peer.
    pub(super) fn hang_up(&mut self, at: At, (bytes_in, bytes_out): (u64, u64)) {
        let Some(attempt) = self.open_mut().filter(|attempt| attempt.handshaken.is_some()) else { return };
        attempt.ended = Some(at);
        (attempt.bytes_in, attempt.bytes_out) = (bytes_in, bytes_out);
        self.connection_over();
    }

    /// What follows counts from the next connection on.
    fn connection_over(&mut self) {
        self.until = (0, 0);
        self.before = (self.record.down_bytes, self.record.up_bytes);
    }

    /// What belonged to its connection is no more.
    fn forget_connection(&mut self) {
        let record = self.edit();
        record.flags = Flags::default();
        record.info.upload_only = None;
        record.sample = PeerSample::default();
        record.rates = Sample::default();
        record.recent = Recent::default();
        record.has = None;
        if let Some(talk) = &mut record.metadata {
            talk.end();
        }
    }

    /// Takes in one second of the connection, the rate of which is shown at once if it is the first in which anything
    /// moved, as a mean over `mean_of` seconds. Returns what it moved since the last one, bytes: down, up.
    pub(super) fn take_sample(&mut self, at: At, sample: PeerSample, mean_of: u64) -> (u64, u64) {
        if self.open().is_none() || self.record.sample == sample {
            return (0, 0);
        }
        let (down_before, up_before) = self.before;
        let record = self.edit();
        let down = down_before.saturating_add(sample.down_bytes).max(record.down_bytes);
        let up = up_before.saturating_add(sample.up_bytes).max(record.up_bytes);
        let moved = (down - record.down_bytes, up - record.up_bytes);
        record.sample = sample;
        record.down_bytes = down;
        record.up_bytes = up;
        if moved.0 > 0 {
            record.last_block = Some(at);
        }
        let begins = self.record.recent.seconds().is_empty() && !self.stands_still();
        if begins && moved != (0, 0) {
            let mean_of = mean_of.max(1);
            self.edit().rates = Sample { down_bps: moved.0 / mean_of, up_bps: moved.1 / mean_of };
        }
        moved
    }

    /// A second of all peers together ended: rates are means over the last `mean_of` seconds.
    pub(super) fn end_second(&mut self, mean_of: usize) {
        let PeerSample { down_bytes, up_bytes, .. } = self.record.sample;
        let moved = Sample {
            down_bps: down_bytes.saturating_sub(self.until.0),
            up_bps: up_bytes.saturating_sub(self.until.1),
        };
        self.until = (down_bytes, up_bytes);
        if self.record.recent.would_take(moved) {
            self.edit().recent.push(moved);
        }
        let rates = match self.stands_still() {
            true => Sample::default(),
            false => self.record.recent.mean(mean_of),
        };
        if rates != self.record.rates {
            self.edit().rates = rates;
        }
    }

    /// Makes this row go on with the attempts of another one; the attempt under way of the other one wins.
    pub(super) fn absorb(&mut self, at: At, mut other: Self) {
        self.end_rival(at, Cause::Replaced, |_| {});
        other.end_rival(at, Cause::Replaced, |_| {});
        if other.open().is_some() {
            self.end(at, Cause::Replaced, |_| {});
        }
        let taken = Arc::make_mut(&mut other.record);
        for source in std::mem::take(&mut taken.sources) {
            self.add_source(source);
        }
        self.reach(taken.stage);
        let goes_on = taken.attempts.last().is_some_and(|attempt| attempt.ended.is_none());
        let base = if goes_on { other.before } else { (taken.down_bytes, taken.up_bytes) };
        self.before = (self.before.0.saturating_add(base.0), self.before.1.saturating_add(base.1));
        if goes_on {
            self.until = other.until;
        }
        let record = self.edit();
        record.down_bytes = record.down_bytes.saturating_add(taken.down_bytes);
        record.up_bytes = record.up_bytes.saturating_add(taken.up_bytes);
        record.last_block = record.last_block.max(taken.last_block);
        record.failed_pieces = record.failed_pieces.saturating_add(taken.failed_pieces);
        record.held |= taken.held;
        record.dropped |= taken.dropped;
        record.banned = record.banned.take().max(taken.banned.take());
        if taken.peer_id.is_some() {
            record.peer_id = taken.peer_id;
            record.client = taken.client.take();
            record.reserved = taken.reserved;
            record.info.update(std::mem::take(&mut taken.info));
        }
        record.metadata = taken.metadata.take().or_else(|| record.metadata.take());
        if goes_on {
            record.flags = taken.flags;
            record.sample = taken.sample;
            record.rates = taken.rates;
            record.recent = std::mem::take(&mut taken.recent);
            record.has = taken.has.take();
            record.next_try = None;
            record.stream = taken.stream.take();
        }
        record.attempts.append(&mut taken.attempts);
        // The one under way comes last, whenever it began.
        record.attempts.sort_by_key(|attempt| (attempt.ended.is_none(), attempt.began));
        for (attempt, number) in record.attempts.iter_mut().zip(1..) {
            attempt.number = number;
        }
        self.prune(self.most_attempts);
    }

    /// From now on nothing is asked of anybody, for this reason; `None`: it is again.
    pub(super) fn rest(&mut self, at: At, why: Option<Cause>) {
        if self.record.rests != why {
            self.end_ban(at);
            self.edit().rests = why;
            if self.stands_still() {
                self.edit().rates = Sample::default();
            }
            self.refresh(at);
        }
    }

    /// From now on the torrent lacks its metadata, or does no more.
    pub(super) fn lack_metadata(&mut self, lacks: bool) {
        if self.record.lacks_metadata != lacks {
            self.edit().lacks_metadata = lacks;
        }
    }

    /// Takes in a step on its way to giving us the metadata.
    pub(super) fn take_metadata(&mut self, at: At, step: &MetadataStep) {
        self.edit().metadata.get_or_insert_default().take(at, step);
    }

    /// The user or the disk keeps everything from going on: what still comes is no progress.
    fn stands_still(&self) -> bool {
        matches!(self.record.rests, Some(Cause::TorrentPaused | Cause::DiskError))
    }

    /// Ends a ban whose time is over, as of that time, whenever somebody looks.
    pub(super) fn end_ban(&mut self, now: At) {
        if self.record.group == Group::Banned
            && let Some(until) =
                self.record.banned.as_ref().map(|(until, _)| *until).filter(|until| *until <= now)
        {
            self.refresh(until);
        }
    }

    /// Brings group, cause and the time of the last change up to date.
    pub(super) fn refresh(&mut self, at: At) {
        let (group, cause) = self.stands(at);
        let standing = self.standing_at(at);
        let record = &self.record;
        if (group, standing) != (record.group, self.standing) {
            self.standing = standing;
            self.edit().since = at;
        }
        if (group, cause) != (self.record.group, self.record.cause) {
            let record = self.edit();
            record.group = group;
            record.cause = cause;
        }
    }

    fn standing_at(&self, now: At) -> Service {
        if !self.is_live() {
            return Service::Away;
        }
        match self.record.flags.peer_choking {
            _ if self.record.sends(now) => Service::Sending,
            true => Service::Choked,
            false => Service::Unchoked,
        }
    }

    fn stands(&self, now: At) -> (Group, Option<Cause>) {
        if let Some(attempt) = self.open() {
            return (if attempt.handshaken.is_some() { Group::Live } else { Group::Trying }, None);
        }
        if self.is_hung_up() {
            return (Group::Live, None);
        }
        if self.record.banned.as_ref().is_some_and(|(until, _)| *until > now) {
            return (Group::Banned, Some(Cause::Banned));
        }
        let Some(best) = deciding(&self.record.attempts) else {
            if let (Some(past), None, false) = (self.past, self.not_dialled, self.record.dropped) {
                return past;
            }
            let cause = self.not_dialled.unwrap_or(Cause::Queued);
            let never = matches!(cause, Cause::InvalidAddress | Cause::Blocked | Cause::SelfConnection);
            let cause = if self.record.dropped { Cause::DroppedByUser } else { cause };
            return (if never { Group::Failed } else { Group::Queued }, Some(cause));
        };
        let left = best.handshaken.is_some() && best.cause.is_none_or(|cause| !cause.info().fault);
        let cause = if self.record.dropped { Some(Cause::DroppedByUser) } else { best.cause };
        (if left { Group::Left } else { Group::Failed }, cause)
    }

    fn reach(&mut self, stage: Stage) {
        if stage > self.record.stage {
            self.edit().stage = stage;
        }
    }

    /// Lets the oldest attempts go, but never the one that decides the peer's cause.
    fn prune(&mut self, most: usize) {
        while self.record.attempts.len() > most {
            let decides = deciding(&self.record.attempts).map(|attempt| attempt.number);
            let oldest = self
                .record
                .attempts
                .iter()
                .position(|attempt| attempt.ended.is_some() && Some(attempt.number) != decides);
            let Some(oldest) = oldest else { return };
            self.edit().attempts.remove(oldest);
        }
    }
}

/// One of ours that begins now.
fn begun(at: At, number: u32, transport: Transport, encryption: Encryption) -> Attempt {
    Attempt {
        number,
        direction: Direction::Out,
        transport,
        encryption,
        began: at,
        connected: None,
        handshake_sent: None,
        handshaken: None,
        unchoked: None,
        first_block: None,
        ended: None,
        sent: Vec::new(),
        received: Vec::new(),
        bytes_in: 0,
        bytes_out: 0,
        cause: None,
        error: None,
        detail: None,
        looks_like: None,
        payload: None,
        relay: None,
    }
}

/// The attempt whose cause is the peer's: the one that got furthest; on a tie one that needed nobody else, then that over
/// TCP, then the plain one, then the latest. One that only was slower than another tells nothing.
pub(super) fn deciding(attempts: &[Attempt]) -> Option<&Attempt> {
    let ended =
        attempts.iter().filter(|attempt| attempt.ended.is_some() && attempt.cause != Some(Cause::LostRace));
    ended.max_by_key(|attempt| {
        let (alone, tcp) = (attempt.relay.is_none(), attempt.transport == Transport::Tcp);
        let plain = attempt.encryption == Encryption::Plain;
        (reached(attempt), alone, tcp, plain, attempt.number)
    })
}

/// How far an attempt got.
fn reached(attempt: &Attempt) -> Stage {
    let steps = [
        (attempt.first_block, Stage::Transferring),
        (attempt.unchoked, Stage::Unchoked),
        (attempt.handshaken, Stage::Handshaken),
        (attempt.handshake_sent, Stage::HandshakeSent),
        (attempt.connected, Stage::Connected),
    ];
    steps.into_iter().find(|(when, _)| when.is_some()).map_or(Stage::Dialling, |(_, stage)| stage)
}
