//! What the rules look at: the view, and counts over its peers taken once for all of them.

use std::time::Duration;

use crate::event::{At, Cause, Direction, Encryption, Phase, Sample};
use crate::ledger::conn::{is_offline, is_public};
use crate::ledger::fold::Ledger;
use crate::ledger::peer::{Group, PeerRecord, Stage};
use crate::ledger::view::View;

/// A peer that we asked and that sends nothing for so long is silent.
const SILENT_AFTER_S: u64 = 15;
/// After so long without a block, data no longer flows.
const FLOW_ENDS_AFTER: Duration = Duration::from_secs(10);

/// Everything a rule may judge by.
pub(super) struct Scene<'a> {
    pub(super) view: &'a View,
    pub(super) crowd: Crowd<'a>,
    /// Peers are only tried; nothing is kept of what they send.
    pub(super) probing: bool,
    /// Pieces that are not good, and those of them that no live peer holds.
    pub(super) missing: u32,
    pub(super) unheld: u32,
    /// Since when we listen, and where.
    pub(super) listening: Option<(u16, At)>,
    /// Mean of the last half minute, and how many seconds of it were sampled.
    pub(super) half_minute: (Sample, usize),
    /// How long nothing has arrived, counted from when anything could.
    pub(super) quiet: Duration,
}

impl<'a> Scene<'a> {
    pub(super) fn new(ledger: &Ledger, view: &'a View) -> Self {
        Self {
            view,
            crowd: Crowd::of(view),
            probing: ledger.run.probing,
            missing: ledger.pieces.missing(),
            unheld: ledger.pieces.unheld(),
            listening: ledger.run.listening,
            half_minute: (ledger.series.mean(30), view.series.seconds.len().min(30)),
            quiet: view.quiet_for(),
        }
    }

    /// Pieces are missing, and nothing keeps us from fetching them.
    pub(super) fn downloading(&self) -> bool {
        self.view.phase == Phase::Downloading
    }

    /// How long the present phase lasts.
    pub(super) fn in_phase(&self) -> Duration {
        self.view.at.saturating_sub(self.view.phase_since)
    }

    /// Data arrives: now, or only moments ago and somebody is left to send more.
    pub(super) fn flows(&self) -> bool {
        if self.probing {
            return self.view.funnel.transferring > 0;
        }
        let began = self.view.last_block.is_some_and(|last| last >= self.view.phase_since);
        self.downloading() && began && self.live() > 0 && self.quiet < FLOW_ENDS_AFTER
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
    /// Live peers that told which pieces they have.
    pub(super) told_pieces: u32,
    /// Live peers that have what we miss and are not held.
    pub(super) wanted: u32,
    /// Those of them that choke us, and how long the most patient wait lasts.
    pub(super) choking: u32,
    pub(super) longest_wait: Duration,
    /// Those of them that let us download, and those that we asked and that send nothing.
    pub(super) open: u32,
    pub(super) silent: u32,
    /// How long the first of the silent ones has been silent.
    pub(super) longest_silence: Duration,
    /// Live peers that want our data, and those that get some.
    pub(super) want_us: u32,
    pub(super) served: u32,
    /// Peers whose dialling ended one way or the other, by address family.
    pub(super) v4: Dialled,
    pub(super) v6: Dialled,
    /// Failed peers at whose address nobody is now.
    pub(super) offline: u32,
    /// Peers on the open internet that shook hands with us.
    pub(super) public_handshaken: u32,
    /// Peers that are not dialled because the settings allow no more connections.
    pub(super) over_limit: u32,
    /// Peers that take encrypted connections only: reached so, and out of reach by our setting.
    pub(super) encrypted: u32,
    pub(super) encrypted_lost: u32,
    /// Peers that sent blocks of pieces that failed their check, the worst first.
    pub(super) liars: Vec<&'a PeerRecord>,
}

/// How dialling went.
#[derive(Clone, Copy, Default)]
pub(super) struct Dialled {
    /// Peers that we dialled and that answered, or did not.
    pub(super) decided: u32,
    /// Those that opened the connection.
    pub(super) opened: u32,
    /// Those that never answered.
    pub(super) timed_out: u32,
    /// Those that no route leads to.
    pub(super) unreachable: u32,
}

impl Crowd<'_> {
    /// Dialling over both address families.
    pub(super) fn dialled(&self) -> Dialled {
        Dialled {
            decided: self.v4.decided + self.v6.decided,
            opened: self.v4.opened + self.v6.opened,
            timed_out: self.v4.timed_out + self.v6.timed_out,
            unreachable: self.v4.unreachable + self.v6.unreachable,
        }
    }
}

impl<'a> Crowd<'a> {
    fn of(view: &'a View) -> Self {
        let mut crowd = Self::default();
        for record in view.peers.iter().filter(|record| record.cause != Some(Cause::SelfConnection)) {
            if record.is_live() {
                crowd.count_live(record, view.at);
            }
            crowd.count_dialling(record);
            crowd.offline += u32::from(record.group == Group::Failed && record.cause.is_some_and(is_offline));
            crowd.public_handshaken +=
                u32::from(record.stage >= Stage::Handshaken && is_public(record.addr.ip()));
            crowd.over_limit += u32::from(record.cause == Some(Cause::ConnectionLimit));
            crowd.count_encryption(record);
            if record.failed_pieces > 0 {
                crowd.liars.push(record);
            }
        }
        crowd.liars.sort_by_key(|record| std::cmp::Reverse(record.failed_pieces));
        crowd
    }

    fn count_live(&mut self, record: &PeerRecord, now: At) {
        let flags = record.flags;
        self.sending += u32::from(record.is_sending(now));
        self.held += u32::from(record.held);
        self.want_us += u32::from(flags.peer_interested);
        self.served += u32::from(record.sample.up_bps > 0);
        if let Some(has) = &record.has {
            self.told_pieces += 1;
            self.seeds += u32::from(has.is_full());
        }
        if record.held || !flags.am_interested {
            return;
        }
        self.wanted += 1;
        let Some(attempt) = record.last_attempt() else { return };
        if flags.peer_choking {
            self.choking += 1;
            let since = attempt.handshaken.max(record.last_block).unwrap_or(now);
            self.longest_wait = self.longest_wait.max(now.saturating_sub(since));
            return;
        }
        self.open += 1;
        let since = attempt.unchoked.max(record.last_block).unwrap_or(now);
        let silence = now.saturating_sub(since);
        if record.sample.requests_out > 0 && silence.as_secs() >= SILENT_AFTER_S {
            self.silent += 1;
            self.longest_silence = self.longest_silence.max(silence);
        }
    }

    fn count_dialling(&mut self, record: &PeerRecord) {
        let dialled = if record.addr.ip().to_canonical().is_ipv6() { &mut self.v6 } else { &mut self.v4 };
        let mut ours =
            record.attempts.iter().filter(|attempt| attempt.direction == Direction::Out).peekable();
        if ours.peek().is_none() {
            return;
        }
        let opened = ours.any(|attempt| attempt.connected.is_some());
        let over = record.last_attempt().is_some_and(|attempt| attempt.ended.is_some());
        dialled.decided += u32::from(opened || over);
        dialled.opened += u32::from(opened);
        if !opened && over {
            dialled.timed_out += u32::from(record.cause == Some(Cause::ConnectTimeout));
            let unreachable = [Cause::NetworkUnreachable, Cause::HostUnreachable, Cause::PermissionDenied];
            dialled.unreachable += u32::from(record.cause.is_some_and(|cause| unreachable.contains(&cause)));
        }
    }

    fn count_encryption(&mut self, record: &PeerRecord) {
        let lost = [Cause::EncryptionRequired, Cause::EncryptionMismatch];
        self.encrypted_lost += u32::from(record.cause.is_some_and(|cause| lost.contains(&cause)));
        let ours = record.attempts.iter().filter(|attempt| attempt.direction == Direction::Out);
        let (mut plain_failed, mut mse_worked) = (false, false);
        for attempt in ours {
            match attempt.encryption {
                Encryption::Plain => {
                    plain_failed |= attempt.connected.is_some() && attempt.handshaken.is_none();
                }
                Encryption::Mse => mse_worked |= attempt.handshaken.is_some(),
            }
        }
        self.encrypted += u32::from(plain_failed && mse_worked);
    }
}
