//! What the rules look at: the view, and counts over its peers taken once for all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::VerdictCode;
use super::answers::Answers;
use super::judged::ToldCodes;
use super::metadata;
use crate::event::{
    At, Attempt, Cause, Direction, DiskSample, Encryption, Phase, SNUBBED_AFTER, Sample, TrackerKey,
};
use crate::ledger::conn::is_public;
use crate::ledger::fold::Ledger;
use crate::ledger::peer::{Group, PeerRecord, Stage};
use crate::ledger::tracker::TrackerStatus;
use crate::ledger::view::View;
use crate::ledger::web_seed::WebSeedRecord;

/// After so long without a block, data no longer flows.
const FLOW_ENDS_AFTER: Duration = Duration::from_secs(10);
/// The same where it was told to be slow, which may mean a block now and then.
const DRIPPING_ENDS_AFTER: Duration = Duration::from_secs(30);
/// A slow disk is told of every second.
const DISK_KNOWN_FOR: Duration = Duration::from_secs(3);
/// After so long without a piece that failed its check, those that did are past.
const POISON_ENDS_AFTER: Duration = Duration::from_secs(30);
/// Where nothing that is missing is held by anybody, what is on its way comes within this time.
const LAST_COMES_WITHIN: Duration = Duration::from_millis(500);
/// Ports that clients listened on for long, and that are blocked where BitTorrent is not wanted.
const USUAL_PORTS: std::ops::RangeInclusive<u16> = 6881..=6999;
/// A live peer that has not told its pieces for so long has none.
const TELLS_PIECES_WITHIN_S: u64 = 10;

/// Everything a rule may judge by.
pub(super) struct Scene<'a> {
    pub(super) view: &'a View,
    pub(super) crowd: Crowd<'a>,
    pub(super) answers: Answers<'a>,
    /// Peers are only tried; nothing is kept of what they send.
    pub(super) probing: bool,
    /// Our setting forbids encryption.
    pub(super) plain_only: bool,
    /// Pieces that are not good, and those of them that no live peer holds; where peers are only tried, that nobody
    /// held who told us.
    pub(super) missing: u32,
    pub(super) unheld: u32,
    /// Web seeds that did not fail, and those of them that send.
    pub(super) web_seeds: u32,
    pub(super) web_sending: u32,
    /// Since when we listen, and where.
    pub(super) listening: Option<(u16, At)>,
    /// Mean of the last half minute, and how many seconds of it were sampled.
    pub(super) half_minute: (Sample, usize),
    /// What a slow disk did lately.
    pub(super) disk: Option<DiskSample>,
    /// When a piece last failed its check.
    pub(super) last_failure: Option<At>,
    /// How long nothing has arrived, counted from when anything could.
    pub(super) quiet: Duration,
    /// Data came for long enough that its rate tells how it goes.
    pub(super) has_flowed: bool,
    told: ToldCodes,
}

impl<'a> Scene<'a> {
    pub(super) fn new(ledger: &Ledger, view: &'a View, told: ToldCodes) -> Self {
        let web =
            |is: fn(&WebSeedRecord) -> bool| view.web_seeds.iter().filter(|record| is(record)).count() as u32;
        let web_seeds = web(WebSeedRecord::is_asked);
        Self {
            view,
            web_seeds,
            web_sending: web(WebSeedRecord::is_sending),
            crowd: Crowd::of(view),
            answers: Answers::of(view),
            probing: ledger.run.probing,
            plain_only: ledger.run.plain_only,
            missing: ledger.pieces.missing(),
            unheld: match ledger.run.probing {
                true => ledger.pieces.unmet(),
                // A web seed has every piece.
                false if web_seeds > 0 => 0,
                false => ledger.pieces.unheld(),
            },
            listening: ledger.run.listening,
            half_minute: (ledger.series.mean(30), view.series.seconds.len().min(30)),
            disk: ledger
                .run
                .disk
                .filter(|(at, _)| view.at.saturating_sub(*at) < DISK_KNOWN_FOR)
                .map(|(_, it)| it),
            last_failure: ledger.run.last_failure,
            quiet: view.quiet_for(),
            has_flowed: ledger.series.has_flowed(view.phase_since, view.at),
            told,
        }
    }

    /// Pieces are missing, and nothing keeps us from fetching them.
    pub(super) fn downloading(&self) -> bool {
        self.view.phase == Phase::Downloading
    }

    /// What the torrent is made of is not known, and nothing keeps us from asking for it.
    pub(super) fn lacks_metadata(&self) -> bool {
        self.view.phase == Phase::Metadata && self.view.metadata.is_some()
    }

    /// Pieces or the metadata are missing, and nothing keeps us from fetching them.
    pub(super) fn fetching(&self) -> bool {
        self.downloading() || self.lacks_metadata()
    }

    /// How long the present phase lasts.
    pub(super) fn in_phase(&self) -> Duration {
        self.view.at.saturating_sub(self.view.phase_since)
    }

    /// Data arrives: now, or only moments ago and somebody is left to send more. Of peers that are only tried one is enough
    /// that sent what it was asked for: wrong data is worth no more than none.
    pub(super) fn flows(&self) -> bool {
        if self.lacks_metadata() {
            return metadata::flow(self);
        }
        if self.probing {
            return self.view.funnel.transferring as usize > self.crowd.liars.len();
        }
        let began = self.view.last_block.is_some_and(|last| last >= self.view.phase_since);
        let patience = match () {
            () if self.missing > 0 && self.unheld == self.missing => LAST_COMES_WITHIN,
            () if self.stands(VerdictCode::Slow) => DRIPPING_ENDS_AFTER,
            () => FLOW_ENDS_AFTER,
        };
        self.downloading() && began && self.live() + self.web_seeds > 0 && self.quiet < patience
    }

    /// Pieces of this download fail their check, the last only moments ago.
    pub(super) fn is_poisoned(&self) -> bool {
        let lately = |last: At| self.view.at.saturating_sub(last) < POISON_ENDS_AFTER;
        !self.probing && self.flows() && self.last_failure.is_some_and(lately)
    }

    /// Whether a rule was told when everything was last looked at: it takes more to end it than to begin it.
    pub(super) fn stands(&self, code: VerdictCode) -> bool {
        self.told.has(code)
    }

    /// Everybody who is known was dialled to the end, and no tracker is about to name more.
    pub(super) fn all_are_met(&self) -> bool {
        let asked = self.view.trackers.iter().any(|record| record.status == TrackerStatus::Pending);
        self.answers.dials_ended() && !asked
    }

    pub(super) fn live(&self) -> u32 {
        self.view.groups.live
    }
}

/// Counts over the peers that have a row, ourselves left out.
#[derive(Default)]
pub(super) struct Crowd<'a> {
    /// Live peers a block of which came within three seconds.
    pub(super) sending: u32,
    /// Live peers that have everything.
    pub(super) seeds: u32,
    /// Live peers that the user holds.
    pub(super) held: u32,
    /// Live peers that say that they fetch no more.
    pub(super) upload_only: u32,
    /// Live peers that may still tell which pieces they have.
    pub(super) pieces_untold: u32,
    /// Live peers that have what we miss and are not held.
    pub(super) wanted: u32,
    /// Those of them that choke us, and how long the most patient wait lasts.
    pub(super) choking: u32,
    pub(super) longest_wait: Duration,
    /// Those of them that let us download, and those that we asked and that send nothing.
    pub(super) open: u32,
    pub(super) silent: u32,
    /// For how long every one of them has been silent.
    pub(super) silence: Duration,
    /// Live peers that want our data, and those that get some.
    pub(super) want_us: u32,
    pub(super) served: u32,
    /// Peers whose dialling ended one way or the other, by address family.
    pub(super) v4: Dialled,
    pub(super) v6: Dialled,
    /// The same for those at [`USUAL_PORTS`], whatever their family.
    pub(super) usual_ports: Dialled,
    /// Failed peers that gave no answer, and those whose machine said that no client runs there.
    pub(super) offline: u32,
    pub(super) closed: u32,
    /// Peers on the open internet that shook hands with us.
    pub(super) public_handshaken: u32,
    /// Peers that were not reached because this machine lacks files or ports to dial from.
    pub(super) out_of_files: u32,
    pub(super) out_of_ports: u32,
    /// Peers that take encrypted connections only: reached so, and out of reach by our setting.
    pub(super) encrypted: u32,
    pub(super) encrypted_lost: u32,
    /// Peers whose encryption and our setting do not go together.
    pub(super) mismatched: u32,
    /// Peers that opened and did not shake hands, and those of them that hung up or reset at our handshake.
    pub(super) opened_in_vain: u32,
    pub(super) cut_off: u32,
    /// Those of them that said nothing.
    pub(super) mute: u32,
    /// Our own address, as somebody named it.
    pub(super) ourselves: u32,
    /// How dialling went with those each tracker named.
    pub(super) named: BTreeMap<TrackerKey, Dialled>,
    /// Peers that sent blocks of pieces that failed their check, the worst first.
    pub(super) liars: Vec<&'a PeerRecord>,
}

/// How dialling went.
#[derive(Clone, Copy, Default)]
pub(super) struct Dialled {
    /// Peers that we dialled and that answered, or did not.
    pub(super) decided: u32,
    /// Those that were not tried to the end yet.
    pub(super) undecided: u32,
    /// Those that opened the connection.
    pub(super) opened: u32,
    /// Those that never answered.
    pub(super) timed_out: u32,
    /// Those at whose address nothing listens.
    pub(super) refused: u32,
    /// Those that no route leads to, by what this machine says, by what a router says, and by what it forbids.
    pub(super) no_way: u32,
    pub(super) far_end: u32,
    pub(super) forbidden: u32,
    /// Those at whose address no peer can be.
    pub(super) invalid: u32,
}

impl Dialled {
    /// Those that no route leads to.
    pub(super) fn unreachable(&self) -> u32 {
        self.no_way + self.far_end + self.forbidden
    }

    /// Those that said anything at all: a refusal, too, proves that packets go there and back.
    pub(super) fn answered(&self) -> u32 {
        self.opened + self.refused
    }

    fn plus(self, other: Self) -> Self {
        Self {
            decided: self.decided + other.decided,
            undecided: self.undecided + other.undecided,
            opened: self.opened + other.opened,
            timed_out: self.timed_out + other.timed_out,
            refused: self.refused + other.refused,
            no_way: self.no_way + other.no_way,
            far_end: self.far_end + other.far_end,
            forbidden: self.forbidden + other.forbidden,
            invalid: self.invalid + other.invalid,
        }
    }

    fn less(self, other: Self) -> Self {
        Self {
            decided: self.decided - other.decided,
            undecided: self.undecided - other.undecided,
            opened: self.opened - other.opened,
            timed_out: self.timed_out - other.timed_out,
            refused: self.refused - other.refused,
            no_way: self.no_way - other.no_way,
            far_end: self.far_end - other.far_end,
            forbidden: self.forbidden - other.forbidden,
            invalid: self.invalid - other.invalid,
        }
    }

    /// How dialling this one peer went; a try that is under way does not undo what earlier ones told.
    fn of(record: &PeerRecord) -> Self {
        let ours = || record.attempts.iter().filter(|attempt| attempt.direction == Direction::Out);
        let is = u32::from;
        let opened = ours().any(|attempt| attempt.connected.is_some());
        let tries = record.tries().filter(|attempt| attempt.direction == Direction::Out);
        let under_way = tries.filter(|attempt| attempt.ended.is_none()).map(|attempt| attempt.began).min();
        // One that ended while another goes on beside it has decided nothing.
        let before = |ended: At| under_way.is_none_or(|began| ended <= began);
        let decided = ours().rev().find(|attempt| attempt.ended.is_some_and(before));
        let cause = decided.and_then(|attempt| attempt.cause);
        let failed = |what: Cause| is(!opened && cause == Some(what));
        let invalid = record.cause == Some(Cause::InvalidAddress);
        Self {
            decided: is(opened || cause.is_some()),
            undecided: is(!opened && cause.is_none() && !invalid),
            opened: is(opened),
            timed_out: failed(Cause::ConnectTimeout),
            refused: failed(Cause::ConnectionRefused),
            no_way: failed(Cause::NetworkUnreachable),
            far_end: failed(Cause::HostUnreachable),
            forbidden: failed(Cause::PermissionDenied),
            invalid: is(invalid),
        }
    }
}

/// For how long a peer that is only tried let us wait for its first block: its time begins with the handshake.
fn kept_waiting(attempt: &Attempt, now: At) -> Option<Duration> {
    let shook = attempt.handshaken.filter(|_| attempt.first_block.is_none())?;
    Some(now.saturating_sub(shook))
}

impl<'a> Crowd<'a> {
    /// Dialling over both address families.
    pub(super) fn dialled(&self) -> Dialled {
        self.v4.plus(self.v6)
    }

    /// Dialling those that are not at [`USUAL_PORTS`].
    pub(super) fn other_ports(&self) -> Dialled {
        self.dialled().less(self.usual_ports)
    }

    fn of(view: &'a View) -> Self {
        let mut crowd = Self::default();
        for record in &view.peers {
            if record.cause == Some(Cause::SelfConnection) {
                crowd.ourselves += 1;
                continue;
            }
            if record.is_live() {
                crowd.count_live(record, view);
            }
            crowd.count_dialling(record);
            let failed =
                |what: fn(Cause) -> bool| record.group == Group::Failed && record.cause.is_some_and(what);
            crowd.closed += u32::from(failed(|cause| cause == Cause::ConnectionRefused));
            crowd.offline +=
                u32::from(failed(|cause| cause.info().offline && cause != Cause::ConnectionRefused));
            crowd.public_handshaken +=
                u32::from(record.stage >= Stage::Handshaken && is_public(record.addr.ip()));
            crowd.count_encryption(record);
            if record.failed_pieces > 0 {
                crowd.liars.push(record);
            }
        }
        crowd.liars.sort_by_key(|record| std::cmp::Reverse(record.failed_pieces));
        crowd
    }

    fn count_live(&mut self, record: &PeerRecord, view: &View) {
        let (now, phase_since, flags) = (view.at, view.phase_since, record.flags);
        self.sending += u32::from(record.is_sending(now));
        self.held += u32::from(record.held);
        self.upload_only += u32::from(record.info.wants_nothing());
        self.want_us += u32::from(flags.peer_interested);
        self.served += u32::from(record.is_taking());
        let Some(attempt) = record.telling_attempt() else { return };
        match &record.has {
            Some(has) => self.seeds += u32::from(has.is_full()),
            None => {
                let shook = attempt.handshaken.unwrap_or(now);
                self.pieces_untold += u32::from(now.saturating_sub(shook).as_secs() < TELLS_PIECES_WITHIN_S);
            }
        }
        if record.held || !flags.am_interested {
            return;
        }
        self.wanted += 1;
        if flags.peer_choking {
            self.choking += 1;
            let since = attempt.handshaken.max(record.last_block).unwrap_or(now).max(phase_since);
            self.longest_wait = self.longest_wait.max(now.saturating_sub(since));
            return;
        }
        self.open += 1;
        let owes = if view.probing { kept_waiting(attempt, now) } else { record.owes_for(now) };
        let silence = owes.unwrap_or_default().min(now.saturating_sub(phase_since));
        if silence >= SNUBBED_AFTER {
            self.silence = if self.silent == 0 { silence } else { self.silence.min(silence) };
            self.silent += 1;
        }
    }

    fn count_dialling(&mut self, record: &PeerRecord) {
        let family = if record.addr.ip().to_canonical().is_ipv6() { &mut self.v6 } else { &mut self.v4 };
        let dialled = Dialled::of(record);
        for source in &record.sources {
            if let Some(tracker) = source.tracker() {
                let named = self.named.entry(tracker).or_default();
                *named = named.plus(dialled);
            }
        }
        if record.attempts.iter().any(|attempt| attempt.direction == Direction::Out) {
            *family = family.plus(dialled);
            if USUAL_PORTS.contains(&record.addr.port()) {
                self.usual_ports = self.usual_ports.plus(dialled);
            }
        }
        self.out_of_files += u32::from(record.cause == Some(Cause::TooManyOpenFiles));
        self.out_of_ports += u32::from(record.cause == Some(Cause::NoLocalPorts));
        if record.stage < Stage::Handshaken && dialled.opened > 0 {
            let cut = [Cause::ClosedBeforeHandshake, Cause::ResetBeforeHandshake];
            self.opened_in_vain += 1;
            self.mute += u32::from(record.cause == Some(Cause::HandshakeTimeout));
            self.cut_off += u32::from(record.cause.is_some_and(|cause| cut.contains(&cause)));
        }
    }

    fn count_encryption(&mut self, record: &PeerRecord) {
        self.encrypted_lost += u32::from(record.cause == Some(Cause::EncryptionRequired));
        self.mismatched += u32::from(record.cause == Some(Cause::EncryptionMismatch));
        let ours = || record.attempts.iter().filter(|attempt| attempt.direction == Direction::Out);
        let shook =
            |how: Encryption| ours().any(|attempt| attempt.encryption == how && attempt.handshaken.is_some());
        let hung_up = |attempt: &Attempt| {
            attempt.encryption == Encryption::Plain && attempt.connected.is_some() && attempt.ended.is_some()
        };
        self.encrypted +=
            u32::from(ours().any(hung_up) && shook(Encryption::Mse) && !shook(Encryption::Plain));
    }
}
