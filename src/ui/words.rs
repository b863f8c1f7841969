//! The words the screens use for peers, steps and causes.

use std::time::Duration;

use crate::event::{At, Attempt, Cause, Direction, Encryption, LimitedBy};
use crate::ledger::{Group, PeerRecord, Stage, View};
use crate::units;

use super::metadata;
use super::theme::Role;

/// The steps of the funnel.
pub(crate) const STEPS: [&str; 6] = ["known", "dialled", "connected", "handshaken", "unchoked", "sending"];

/// Which step of the funnel a stage is.
pub(crate) fn step_of(stage: Stage) -> usize {
    match stage {
        Stage::Queued => 0,
        Stage::Dialling => 1,
        Stage::Connected | Stage::HandshakeSent => 2,
        Stage::Handshaken => 3,
        Stage::Unchoked => 4,
        Stage::Transferring => 5,
    }
}

/// What a peer is doing now, as one glyph and one word; in the order of the rows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Standing {
    /// Blocks come.
    Sending,
    /// It lets us ask, but nothing comes.
    Unchoked,
    /// Blocks go to it, and we want none of its.
    Taking,
    /// It chokes us.
    Choked,
    /// Connected, and nobody wants anything.
    Idle,
    /// The user holds it.
    Held,
    /// An attempt is under way.
    Trying,
    /// No handshake, or ended by a fault.
    Failed,
    /// Was live, ended without a fault.
    Left,
    /// The user dropped it.
    Dropped,
    /// Its address is banned.
    Banned,
    /// Waits for its first try.
    Queued,
}

impl Standing {
    /// Every one of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 12] = [
        Self::Sending,
        Self::Unchoked,
        Self::Taking,
        Self::Choked,
        Self::Idle,
        Self::Held,
        Self::Trying,
        Self::Failed,
        Self::Left,
        Self::Dropped,
        Self::Banned,
        Self::Queued,
    ];

    /// What the peer is doing at this moment.
    pub(crate) fn of(peer: &PeerRecord, now: At) -> Self {
        match peer.group {
            Group::Live if peer.held => Self::Held,
            Group::Live if peer.is_sending(now) => Self::Sending,
            Group::Live if peer.flags.am_interested && !peer.flags.peer_choking => Self::Unchoked,
            Group::Live if peer.flags.am_interested => Self::Choked,
            Group::Live if peer.is_taking() => Self::Taking,
            Group::Live => Self::Idle,
            Group::Trying => Self::Trying,
            Group::Banned => Self::Banned,
            _ if peer.dropped => Self::Dropped,
            // Nothing failed, and nobody is lost.
            Group::Failed if peer.cause == Some(Cause::SelfConnection) => Self::Left,
            Group::Failed => Self::Failed,
            Group::Left => Self::Left,
            Group::Queued => Self::Queued,
        }
    }

    /// Its glyph.
    pub(crate) fn glyph(self) -> &'static str {
        match self {
            Self::Sending | Self::Taking => "●",
            Self::Unchoked | Self::Idle => "○",
            Self::Choked => "◐",
            Self::Trying => "◌",
            Self::Failed => "✗",
            Self::Left => "·",
            Self::Held | Self::Dropped | Self::Banned => "⊘",
            Self::Queued => "–",
        }
    }

    /// Its word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Unchoked => "unchoked",
            Self::Taking => "taking",
            Self::Choked => "choked",
            Self::Idle => "idle",
            Self::Held => "held",
            Self::Trying => "trying",
            Self::Failed => "failed",
            Self::Left => "gone",
            Self::Dropped => "dropped",
            Self::Banned => "banned",
            Self::Queued => "queued",
        }
    }

    /// How its glyph and its word look.
    pub(crate) fn roles(self) -> (Role, Role) {
        match self {
            Self::Sending | Self::Taking => (Role::Sending, Role::Text),
            Self::Unchoked | Self::Idle => (Role::Text, Role::Text),
            Self::Choked | Self::Trying => (Role::Waiting, Role::Waiting),
            Self::Failed => (Role::Harmless, Role::Harmless),
            Self::Held | Self::Dropped | Self::Banned => (Role::Barred, Role::BarredWord),
            Self::Left | Self::Queued => (Role::Dim, Role::Dim),
        }
    }
}

/// The word for what a peer is doing.
pub(crate) fn state_word(peer: &PeerRecord, now: At) -> &'static str {
    match (Standing::of(peer, now), peer.cause) {
        (Standing::Trying, _) => match peer.last_attempt() {
            Some(attempt) if attempt.connected.is_some() => "waiting",
            _ => "dialling",
        },
        (Standing::Failed | Standing::Left, Some(cause)) => cause.info().short,
        (Standing::Idle, _) if peer.lacks_metadata => metadata::word(peer),
        (standing, _) => standing.word(),
    }
}

/// What that was called before, so that a filter somebody is used to still finds it.
pub(crate) fn former_state_word(peer: &PeerRecord, now: At) -> Option<&'static str> {
    match (Standing::of(peer, now), peer.cause) {
        (Standing::Left, Some(Cause::NeverUnchoked)) => Some("left waits"),
        (Standing::Left, Some(Cause::BothSeeds)) => Some("left both done"),
        _ if peer.group == Group::Left => Some("left"),
        _ => None,
    }
}

/// What holds back the peers of a loss at this step (1: dialled … 5: sending); with a number before it, a phrase.
pub(crate) fn loss_word(step: usize, cause: Option<Cause>) -> &'static str {
    match cause {
        None if step == 1 => "queued",
        None if step == 2 => "dialling",
        None if step == 3 => "waiting",
        None => "new",
        Some(Cause::Queued | Cause::ConnectionLimit) => "queued",
        Some(Cause::NeverUnchoked) => "choking us",
        Some(Cause::Snubbed) => "send nothing",
        Some(Cause::NotInteresting) => "not needed",
        Some(cause) => cause.info().short,
    }
}

/// A span of time inside a sentence: `34 s`, `2m 10s`.
pub(crate) fn span(time: Duration) -> String {
    if time.as_secs() < 60 { format!("{} s", time.as_secs()) } else { units::duration(time) }
}

/// Whole milliseconds from one moment to another.
pub(crate) fn ms_between(from: At, to: At) -> u128 {
    to.saturating_sub(from).as_millis()
}

/// How often something happened: nothing for once, `twice`, `3 times`.
fn times(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        2 => "twice: ".to_owned(),
        n => format!("{n} times: "),
    }
}

/// Why a peer that is not connected is not, in one line for a row.
pub(crate) fn row_reason(peer: &PeerRecord, now: At) -> String {
    let standing = Standing::of(peer, now);
    if standing == Standing::Trying {
        return peer.last_attempt().map_or_else(String::new, |attempt| trying(attempt, now));
    }
    if standing == Standing::Banned
        && let Some((_, reason)) = &peer.banned
        && !reason.is_empty()
    {
        return reason.clone();
    }
    let Some(cause) = peer.cause else {
        return match standing {
            Standing::Queued => "not started; queued".to_owned(),
            _ => String::new(),
        };
    };
    let same = peer.attempts.iter().filter(|attempt| attempt.cause == Some(cause)).count();
    let detail = peer.attempts.iter().rev().find(|attempt| attempt.cause == Some(cause));
    let detail = detail.and_then(|attempt| attempt.detail.as_deref()).filter(|detail| !detail.is_empty());
    let looks = peer.attempts.iter().rev().find_map(|attempt| Some(attempt.looks_like?.name()));
    let looks = looks.filter(|name| *name != "unknown");
    let both = peer.was_tried_both_ways();
    match (cause, detail) {
        (Cause::ClosedBeforeHandshake, _) => reason_of_all(cause, std::iter::once(peer)),
        (Cause::ResetBeforeHandshake, _) if both => reason_of_all(cause, std::iter::once(peer)),
        (Cause::DroppedByUser, _) if !peer.dropped => "by you, and undone".to_owned(),
        (Cause::NotBittorrent, _) if looks.is_some() => {
            format!("{}: looks like {}", cause.info().brief, looks.unwrap_or_default())
        }
        (Cause::NotBittorrent | Cause::LocalError | Cause::EncryptionFailed, Some(detail)) => {
            format!("{}: {detail}", cause.info().brief)
        }
        _ => format!("{}{}{}", times(same), cause.info().brief, since_then(peer, cause)),
    }
}

/// Why all these peers failed, in one line for their row: what is not so of all of them is left open.
pub(crate) fn reason_of_all<'a>(cause: Cause, mut peers: impl Iterator<Item = &'a PeerRecord>) -> String {
    match cause {
        Cause::ClosedBeforeHandshake | Cause::ResetBeforeHandshake
            if peers.all(PeerRecord::was_tried_both_ways) =>
        {
            format!("{}, plain and encrypted: full, or no such torrent", cause.info().brief)
        }
        Cause::ClosedBeforeHandshake => {
            format!("{}: full, wants encryption, or no such torrent", cause.info().brief)
        }
        _ => cause.info().brief.to_owned(),
    }
}

/// What this cause means of these peers, in a sentence: what was tried already is not guessed at.
pub(crate) fn meaning(cause: Cause, peers: &[&PeerRecord]) -> &'static str {
    let both_ways = peers.iter().all(|peer| peer.was_tried_both_ways());
    match cause {
        Cause::ClosedBeforeHandshake if both_ways && peers.len() == 1 => {
            "It hung up on our handshake, plain and encrypted: it is full, has banned us, or does not have this torrent."
        }
        Cause::ClosedBeforeHandshake if both_ways => {
            "They hung up on our handshake, plain and encrypted: they are full, have banned us, or do not have this \
             torrent."
        }
        _ => cause.info().sentence_of(peers.len()),
    }
}

/// What the last try came to, where an earlier one that got further decides the peer's cause.
fn since_then(peer: &PeerRecord, decides: Cause) -> String {
    let last = peer.last_attempt().and_then(|attempt| attempt.cause);
    match last.filter(|last| *last != decides && peer.group == Group::Left) {
        Some(last) => format!("; then {}", last.info().short),
        None => String::new(),
    }
}

fn trying(attempt: &Attempt, now: At) -> String {
    let since = |at: At| span(now.saturating_sub(at));
    match (attempt.connected, attempt.handshake_sent) {
        (_, Some(sent)) => format!("handshake sent {} ago, no reply", since(sent)),
        (Some(open), None) if attempt.direction == Direction::In => format!("called us {} ago", since(open)),
        (Some(open), None) => format!("open for {}", since(open)),
        (None, _) => format!("dialled {} ago, no answer yet", since(attempt.began)),
    }
}

/// The user or the disk keeps everything from going on.
pub(crate) fn stands_still(view: &View) -> bool {
    view.phase.rests()
}

/// What is due within it is due now: nobody waits for `0s`.
const A_MOMENT: Duration = Duration::from_secs(1);

/// When something is due: `in 26m`, or `now`.
pub(crate) fn when(at: At, now: At) -> String {
    match at.saturating_sub(now) {
        left if left < A_MOMENT => "now".to_owned(),
        left => format!("in {}", units::duration_short(left)),
    }
}

/// What happens next to a peer that is not connected, and when; in its short wording where `brief`.
pub(crate) fn next_step(peer: &PeerRecord, view: &View, brief: bool) -> String {
    let now = view.at;
    let until = |at: At| units::duration_short(at.saturating_sub(now));
    match Standing::of(peer, now) {
        Standing::Trying => {
            let began = peer.last_attempt().and_then(|attempt| attempt.connected.or(Some(attempt.began)));
            let given_up = |at: At| at.saturating_add(Duration::from_secs(10));
            let left = began.map_or(0, |at| given_up(at).saturating_sub(now).as_secs().min(9));
            if brief { format!("gives up {left}s") } else { format!("gives up in {left} s") }
        }
        Standing::Banned => peer.banned.as_ref().map_or_else(String::new, |(at, _)| {
            format!("ends {}", if brief { until(*at) } else { when(*at, now) })
        }),
        Standing::Dropped => if brief { "on retry" } else { "when you retry" }.to_owned(),
        _ if peer.next_try.is_some() && stands_still(view) => {
            if brief { "waits" } else { "when you go on" }.to_owned()
        }
        _ => match peer.next_try {
            Some(at) if at.saturating_sub(now) < A_MOMENT => "soon".to_owned(),
            Some(at) if brief => format!("again {}", until(at)),
            Some(at) => format!("again {}", when(at, now)),
            None => String::new(),
        },
    }
}

/// What an attempt used: `tcp encrypted`.
pub(crate) fn how(attempt: &Attempt) -> String {
    let transport = attempt.transport.name();
    let encryption = match attempt.encryption {
        Encryption::Plain => "plain",
        Encryption::Mse => "encrypted",
    };
    let direction = match (attempt.direction, &attempt.relay) {
        (Direction::In, _) => " in",
        (Direction::Out, Some(_)) => " via",
        (Direction::Out, None) => "",
    };
    format!("{transport} {encryption}{direction}")
}

/// What keeps us from sending a peer more over uTP, in two or three words.
pub(crate) fn limit(limited_by: LimitedBy) -> &'static str {
    match limited_by {
        LimitedBy::Window => "our window",
        LimitedBy::OtherSide => "the other side",
        LimitedBy::DelayTarget => "delay target",
        LimitedBy::NothingToSend => "nothing to send",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::ui::sample;

    #[test]
    fn every_cause_has_a_brief_that_fits_a_row() {
        for cause in Cause::ALL {
            assert!(cause.info().brief.chars().count() <= 44, "{cause:?}");
        }
    }

    #[test]
    fn nobody_waits_for_no_second() {
        let view = sample::healthy();
        let waits =
            |peer: &&std::sync::Arc<PeerRecord>| peer.group == Group::Failed && peer.next_try.is_some();
        let mut peer = (**view.peers.iter().find(waits).unwrap()).clone();
        let mut next = |ms: u64, brief: bool| {
            peer.next_try = Some(view.at + Duration::from_millis(ms));
            next_step(&peer, &view, brief)
        };
        assert_eq!([next(400, false), next(400, true)], ["soon", "soon"]);
        assert_eq!([next(1000, false), next(1000, true)], ["again in 1s", "again 1s"]);
        assert_eq!(when(view.at + Duration::from_millis(999), view.at), "now");
        assert_eq!(when(view.at + Duration::from_secs(90), view.at), "in 1m");
    }

    /// The row of a peer of this cause, after a change to it.
    fn reason(cause: Cause, change: impl FnOnce(&mut PeerRecord)) -> String {
        let view = sample::healthy();
        let found = view.peers.iter().find(|peer| peer.cause == Some(cause) && !peer.is_live());
        let mut peer = (**found.unwrap()).clone();
        change(&mut peer);
        row_reason(&peer, view.at)
    }

    #[test]
    fn what_stands_in_the_row_is_what_holds_now() {
        let undone = reason(Cause::ConnectTimeout, |peer| peer.cause = Some(Cause::DroppedByUser));
        assert_eq!(undone, "by you, and undone");
        let refused_since = reason(Cause::ConnectTimeout, |peer| {
            peer.group = Group::Left;
            peer.cause = Some(Cause::ClosedByPeer);
        });
        assert_eq!(refused_since, "closed by it; then no answer");
    }

    #[test]
    fn what_was_tried_already_is_not_guessed_at() {
        let tried = |ways: &[(Encryption, Cause)]| {
            let told = |peer: &PeerRecord| {
                let cause = peer.cause.unwrap();
                format!("{} {}", row_reason(peer, peer.since), meaning(cause, &[peer]))
            };
            let view = sample::healthy();
            let cut = |peer: &&std::sync::Arc<PeerRecord>| {
                peer.cause == Some(Cause::ClosedBeforeHandshake) && peer.last_attempt().is_some()
            };
            let mut peer = (**view.peers.iter().find(cut).unwrap()).clone();
            let last = peer.attempts.pop().unwrap();
            let like = |(encryption, cause): &(Encryption, Cause)| {
                let (encryption, cause) = (*encryption, Some(*cause));
                Attempt { encryption, cause, connected: Some(last.began), ..last.clone() }
            };
            peer.attempts = ways.iter().map(like).collect();
            told(&peer)
        };
        let plain = (Encryption::Plain, Cause::ClosedBeforeHandshake);
        assert!(tried(&[plain]).contains("wants encryption"));
        for other in [Cause::ClosedBeforeHandshake, Cause::ResetBeforeHandshake] {
            let both = tried(&[plain, (Encryption::Mse, other)]);
            assert!(both.contains("plain and encrypted") && !both.contains("wants encryption"), "{both}");
        }
    }

    #[test]
    fn every_standing_is_told_apart_without_colour() {
        let shown: HashSet<_> = sample::one_of_each()
            .iter()
            .map(|(view, key)| {
                let peer = crate::ui::model::peer(view, *key).unwrap();
                (Standing::of(peer, view.at).glyph(), state_word(peer, view.at))
            })
            .collect();
        assert_eq!(shown.len(), Standing::ALL.len());
    }
}
