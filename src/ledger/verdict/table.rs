//! The rules, each with how long it must hold before it is told and when it is looked at again.

use super::look::LookOn::{self, Announce, Call, Every, Peers, Retry, User};
use super::scene::Scene;
use super::{Finding, VerdictCode, answers, notes, patterns, sources, troubles, whole};

/// What a rule speaks about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub(super) enum Kind {
    /// The whole: the first of them that speaks is told first.
    Whole,
    /// Why nothing arrives, or what could stop it: the first that explains speaks where no rule of the whole does.
    Trouble,
    /// What costs something, or is worth knowing.
    Note,
    /// The whole, where nothing else is known.
    Last,
}

/// One rule. Its code and kind together name it.
pub(super) struct Rule {
    pub(super) code: VerdictCode,
    pub(super) kind: Kind,
    /// Seconds for which it must hold before it is told.
    pub(super) holds_s: u64,
    /// When it is looked at again.
    pub(super) look: LookOn,
    pub(super) find: fn(&Scene<'_>) -> Option<Finding>,
}

const fn rule(
    code: VerdictCode,
    kind: Kind,
    holds_s: u64,
    look: LookOn,
    find: fn(&Scene<'_>) -> Option<Finding>,
) -> Rule {
    Rule { code, kind, holds_s, look, find }
}

/// The rules. Those of a kind stand in the order in which they speak; what is certain comes before what is likely.
pub(super) const RULES: &[Rule] = &[
    //                 code    kind           holds  looked at again
    rule(VerdictCode::DiskTrouble, Kind::Whole, 0, User, whole::disk_trouble),
    rule(VerdictCode::Paused, Kind::Whole, 0, User, whole::paused),
    rule(VerdictCode::Unknown, Kind::Whole, 0, Every(1), whole::checking),
    rule(VerdictCode::Complete, Kind::Whole, 0, Peers, whole::complete),
    rule(VerdictCode::BadDataManyPeers, Kind::Whole, 0, Every(10), whole::poisoned),
    rule(VerdictCode::Slow, Kind::Whole, 0, Every(10), whole::slow),
    rule(VerdictCode::Healthy, Kind::Whole, 0, Every(10), whole::healthy),
    rule(VerdictCode::OwnLimits, Kind::Trouble, 0, Every(5), troubles::own_limits),
    rule(VerdictCode::DiskSlow, Kind::Trouble, 3, Every(5), troubles::disk_slow),
    rule(VerdictCode::TrackersFailing, Kind::Trouble, 0, Announce, sources::trackers_failing),
    rule(VerdictCode::NoPeersKnown, Kind::Trouble, 0, Announce, sources::no_peers_known),
    rule(VerdictCode::AddressFamilyDead, Kind::Trouble, 0, Retry, troubles::address_family_dead),
    rule(VerdictCode::OtherTorrent, Kind::Trouble, 0, Announce, answers::other_torrent),
    rule(VerdictCode::AnsweredByOthers, Kind::Trouble, 0, Retry, answers::answered_by_others),
    rule(VerdictCode::EncryptionWanted, Kind::Trouble, 0, Retry, troubles::encryption_wanted),
    rule(VerdictCode::PiecesMissing, Kind::Trouble, 0, Peers, troubles::pieces_missing),
    rule(VerdictCode::UnchokedButSilent, Kind::Trouble, 0, Every(10), troubles::unchoked_but_silent),
    rule(VerdictCode::DialsTimeOut, Kind::Trouble, 0, Retry, troubles::dials_time_out),
    rule(VerdictCode::StaleTracker, Kind::Trouble, 0, Announce, sources::stale_tracker),
    rule(VerdictCode::AllChokeUs, Kind::Trouble, 0, Every(5), troubles::all_choke_us),
    rule(VerdictCode::CutRegularly, Kind::Trouble, 0, Every(10), patterns::cut_regularly),
    rule(VerdictCode::TurnedAway, Kind::Trouble, 0, Retry, patterns::turned_away),
    rule(VerdictCode::BadDataManyPeers, Kind::Trouble, 0, Peers, troubles::bad_data_many_peers),
    rule(VerdictCode::BadDataOnePeer, Kind::Trouble, 0, Peers, troubles::bad_data_one_peer),
    rule(VerdictCode::PortUnreached, Kind::Note, 0, Call, notes::port_unreached),
    rule(VerdictCode::SnubbedByMost, Kind::Note, 3, Every(10), notes::snubbed_by_most),
    rule(VerdictCode::Healthy, Kind::Note, 0, Every(10), notes::losses_are_usual),
    rule(VerdictCode::PortsBlocked, Kind::Note, 0, Retry, patterns::ports_blocked),
    rule(VerdictCode::SeedsOnly, Kind::Note, 3, Peers, notes::seeds_only),
    rule(VerdictCode::Stalled, Kind::Last, 0, Every(10), whole::stalled),
    rule(VerdictCode::Unknown, Kind::Last, 0, Every(1), whole::unknown),
];
