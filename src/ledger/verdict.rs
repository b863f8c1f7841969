//! What the numbers mean, in words.

use serde::Serialize;

use crate::event::Severity;

/// Which rule speaks; the codes are a contract.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictCode {
    /// There is nobody to dial.
    NoPeersKnown,
    /// No tracker answers.
    TrackersFailing,
    /// Nearly all dials time out.
    DialsTimeOut,
    /// One address family never connects.
    AddressFamilyDead,
    /// Nobody from outside reached our port.
    PortUnreached,
    /// Peers answer only when encrypted.
    EncryptionWanted,
    /// Every live peer chokes us.
    AllChokeUs,
    /// Peers unchoked us and send nothing.
    UnchokedButSilent,
    /// Pieces that nobody connected holds.
    PiecesMissing,
    /// Most peers that unchoked us stopped sending.
    SnubbedByMost,
    /// The tracker's addresses are old.
    StaleTracker,
    /// One peer sent wrong data.
    BadDataOnePeer,
    /// Many peers sent wrong data.
    BadDataManyPeers,
    /// Our own limits hold it back.
    OwnLimits,
    /// The disk refuses.
    DiskTrouble,
    /// Only seeds are connected, so nobody wants our data.
    SeedsOnly,
    /// The user paused it.
    Paused,
    /// Everything is here.
    Complete,
    /// It goes well.
    Healthy,
    /// It goes, slowly.
    Slow,
    /// Nothing came for 30 s.
    Stalled,
    /// The evidence does not decide.
    Unknown,
}

/// One judgement with its evidence.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    /// How weighty.
    pub severity: Severity,
    /// Which rule.
    pub code: VerdictCode,
    /// One or two sentences for people; the first may stand alone.
    pub text: String,
    /// What to try; empty where there is nothing.
    pub advice: String,
    /// The numbers it rests on, by name.
    pub evidence: Vec<(&'static str, u64)>,
}
