//! The rules, in the order in which they speak. What belongs to one stands beside the function that finds it.

use super::look::LookOn;
use super::say::Told;
use super::scene::Scene;
use super::{
    Finding, VerdictCode, answers, bad_data, limits, metadata, notes, patterns, reach, sources, transports,
    troubles, web_seeds, whole,
};

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

/// One rule, and all that is said of what it finds. Its code and kind together name it.
pub(super) struct Rule {
    pub(super) code: VerdictCode,
    pub(super) kind: Kind,
    /// Seconds for which it must hold before it is told.
    pub(super) holds_s: u64,
    /// When it is looked at again.
    pub(super) look: LookOn,
    pub(super) find: fn(&Scene<'_>) -> Option<Finding>,
    /// The names of the numbers it rests on, with a space between them.
    pub(super) evidence: &'static str,
    /// What is, in one row of 40 columns.
    pub(super) headline: fn(&Told<'_>) -> String,
    /// What it comes to in a line or two of 80 columns: what is, and what to do.
    pub(super) brief: fn(&Told<'_>) -> (String, String),
    /// What to try where a run only looked who answers and is over: there are no keys to press, and nobody waits.
    /// `None`: the same as in a download.
    pub(super) after_a_check: Option<&'static str>,
    /// Whether more peers would help.
    pub(super) wants_peers: bool,
}

/// The rules of a family, one a row: its name; what it goes by in [`Rule`]; what is in one row of 40 columns, by what is
/// told; and the fields that are not as usual.
macro_rules! rules {
    ($($name:ident = $code:ident $kind:ident, $look:ident $(($seconds:literal))?, $find:ident, $evidence:literal,
        $told:pat => $headline:expr $(, { $($field:ident: $value:expr),* })?;)*) => {
        $(pub(super) const $name: $crate::ledger::verdict::table::Rule = $crate::ledger::verdict::table::Rule {
            $($($field: $value,)*)?
            ..$crate::ledger::verdict::table::Rule {
                code: $crate::ledger::verdict::VerdictCode::$code,
                kind: $crate::ledger::verdict::table::Kind::$kind,
                holds_s: 0,
                look: $crate::ledger::verdict::LookOn::$look $(($seconds))?,
                find: $find,
                evidence: $evidence,
                headline: |$told| String::from($headline),
                brief: |told| told.in_brief($crate::ledger::verdict::say::first_sentence(told.text)),
                after_a_check: None,
                wants_peers: false,
            }
        };)*
    };
}
pub(super) use rules;

impl Rule {
    /// The rule of this name.
    pub(super) fn of(code: VerdictCode, kind: Kind) -> Option<&'static Self> {
        RULES.iter().find(|rule| (rule.code, rule.kind) == (code, kind))
    }
}

/// The rules. Those of a kind stand in the order in which they speak; what is certain comes before what is likely.
pub(super) const RULES: &[Rule] = &[
    whole::DISK_TROUBLE,
    whole::PAUSED,
    whole::QUEUED,
    whole::CHECKING,
    whole::NOTHING_WANTED,
    whole::COMPLETE,
    bad_data::POISONED,
    whole::SLOW,
    whole::HEALTHY,
    limits::OWN_LIMITS,
    limits::DISK_SLOW,
    sources::TRACKERS_FAILING,
    web_seeds::WEB_SEEDS_FAILING,
    reach::NO_SOURCES,
    reach::UDP_BLOCKED,
    reach::DHT_EMPTY,
    sources::NO_PEERS_KNOWN,
    troubles::ADDRESS_FAMILY_DEAD,
    answers::OTHER_TORRENT,
    answers::ANSWERED_BY_OTHERS,
    troubles::ENCRYPTION_WANTED,
    troubles::PIECES_MISSING,
    troubles::UNCHOKED_BUT_SILENT,
    troubles::DIALS_TIME_OUT,
    sources::STALE_TRACKER,
    metadata::METADATA_MISSING,
    troubles::ALL_CHOKE_US,
    patterns::CUT_REGULARLY,
    patterns::TURNED_AWAY,
    bad_data::MANY_PEERS,
    bad_data::ONE_PEER,
    notes::PORT_UNREACHED,
    reach::BEHIND_TWO_ROUTERS,
    reach::PORT_NOT_MAPPED,
    notes::SNUBBED_BY_MOST,
    notes::LOSSES_ARE_USUAL,
    patterns::PORTS_BLOCKED,
    transports::UTP_ONLY,
    transports::TCP_ONLY,
    notes::SEEDS_ONLY,
    whole::STALLED,
    whole::UNKNOWN,
];
