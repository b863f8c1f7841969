//! How a peer that nobody can call is met through a third one: the three parties, and how far they came.
//!
//! ```text
//!  Holepunch ── through a third peer ──────────────── attempt 3 · in milliseconds ──
//!   we ─ ✓ ─ 198.51.100.7:6881 ─ ✓ ─ 203.0.113.9:6881
//!    ╰──────────── uTP ✗ ────────────╯
//!  ✓ asked      198.51.100.7:6881 (libtorrent 2.0.5), to have us dial each other
//!  ✓ told both  after 41
//!  ✗ met        no answer after 3 s: most likely a router changes the port for every address
//! ```

use super::peer_attempts::milliseconds;
use crate::event::{Attempt, Cause, PunchFailure, Relay};
use crate::ledger::{PeerRecord, View};
use crate::ui::paint::{Spans, clip_address, width, wrap};
use crate::ui::theme::Role;
use crate::ui::widgets::rule;
use crate::ui::words;

/// Columns of the names of the steps, with the glyph before them.
const NAMES: usize = 13;
/// Columns of an address in the drawing, at least.
const LEAST_ADDRESS: usize = 12;

/// How far a step came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Came {
    Done,
    UnderWay,
    Failed,
    /// It was never its turn.
    Never,
}

impl Came {
    /// Its step ended, or goes on, or ended with the attempt.
    fn of(done: bool, begun: bool, over: bool) -> Self {
        match (done, begun, over) {
            (true, ..) => Self::Done,
            (false, false, _) => Self::Never,
            (false, true, true) => Self::Failed,
            (false, true, false) => Self::UnderWay,
        }
    }

    fn glyph(self) -> (&'static str, Role) {
        match self {
            Self::Done => ("✓", Role::Progress),
            Self::UnderWay => ("◌", Role::Waiting),
            Self::Failed => ("✗", Role::Harmless),
            Self::Never => ("·", Role::Dim),
        }
    }
}

/// The three steps of an attempt: asked, told both, met.
fn steps(attempt: &Attempt, relay: &Relay) -> [Came; 3] {
    let over = attempt.ended.is_some();
    let told = relay.told.is_some();
    [Came::Done, Came::of(told, true, over), Came::of(attempt.connected.is_some(), told, over)]
}

/// The relay by its address, and who it is.
fn relay_of(relay: &Relay, view: &View) -> (String, String) {
    match view.peer(relay.peer) {
        Some(peer) => {
            let client = peer.client.as_ref().map_or_else(String::new, |client| format!(" ({client})"));
            (peer.addr.to_string(), client)
        }
        None => ("a peer that is gone".to_owned(), String::new()),
    }
}

/// Us, the relay and the peer, and what is between them: in two rows, where there is room.
fn drawing(came: [Came; 3], relay: &str, peer: &str, room: usize) -> Vec<Spans> {
    // The words between the names take 14 columns, the first name 4.
    let most = room.saturating_sub(18) / 2;
    if most < LEAST_ADDRESS {
        return Vec::new();
    }
    let (relay, peer) = (clip_address(relay, most), clip_address(peer, most));
    let [asked, told, met] = came.map(Came::glyph);
    let arm = |(glyph, role): (&'static str, Role)| {
        Spans::new().add(Role::Rule, " ─ ").add(role, glyph).add(Role::Rule, " ─ ")
    };
    let top = Spans::new()
        .add(Role::Strong, "  we")
        .and(arm(asked))
        .add(Role::Text, relay)
        .and(arm(told))
        .add(Role::Strong, peer.clone());
    // From below `we` to below the beginning of the peer's address.
    let span = top.width() - width(&peer) - 4;
    let line = span.saturating_sub(" uTP ✓ ".chars().count());
    let bottom = Spans::new()
        .add(Role::Rule, format!("   ╰{}", "─".repeat(line / 2)))
        .add(Role::Text, " uTP ")
        .add(met.1, met.0)
        .add(Role::Rule, format!(" {}╯", "─".repeat(line - line / 2)));
    vec![top, bottom]
}

/// What each step came to, in words.
fn told(attempt: &Attempt, relay: &Relay, view: &View) -> [String; 3] {
    let (addr, client) = relay_of(relay, view);
    let asked = match relay.asked {
        true => format!("{addr}{client}, to have us dial each other"),
        false => format!("the peer asked {addr}{client} for us"),
    };
    let failure = attempt.detail.as_deref().filter(|_| attempt.cause == Some(Cause::PunchFailed));
    let after = |from, to| milliseconds(words::ms_between(from, to));
    let both = match (relay.told, failure.and_then(PunchFailure::of)) {
        (Some(told), _) if relay.asked => format!("after {}", after(attempt.began, told)),
        (Some(_), _) => "to dial at the same time".to_owned(),
        (None, Some(failure)) => failure.words().to_owned(),
        (None, None) if attempt.ended.is_some() => "it did not come to that".to_owned(),
        (None, None) => "no answer yet".to_owned(),
    };
    let met = match (relay.told, attempt.connected, attempt.ended) {
        (None, ..) => "it did not come to that".to_owned(),
        (Some(told), Some(connected), _) => format!("connected after {}", after(told, connected)),
        (Some(told), None, Some(ended)) => {
            let why = attempt.cause.map_or("over", |cause| cause.info().short);
            let took = after(told, ended);
            format!("{why} after {took}: a router on the way may use another port for every address")
        }
        (Some(_), None, None) => "both dial".to_owned(),
    };
    [asked, both, met]
}

/// The last attempt through another peer below a rule, as wide as there is room; nothing where there was none.
pub(super) fn lines(peer: &PeerRecord, view: &View, room: usize) -> Vec<Spans> {
    let through = |attempt: &&Attempt| attempt.relay.is_some();
    let Some(attempt) = peer.attempts.iter().rev().find(through) else { return Vec::new() };
    let Some(relay) = &attempt.relay else { return Vec::new() };
    let title = format!("attempt {} · in milliseconds", attempt.number);
    let mut lines = vec![rule::line("Holepunch", &title, room)];
    let came = steps(attempt, relay);
    lines.extend(drawing(came, &relay_of(relay, view).0, &peer.addr.to_string(), room));
    let said = told(attempt, relay, view);
    for ((name, came), said) in ["asked", "told both", "met"].into_iter().zip(came).zip(said) {
        let (glyph, role) = came.glyph();
        for (nth, line) in wrap(&said, room.saturating_sub(NAMES).max(1)).into_iter().enumerate() {
            let head = match nth {
                0 => Spans::new().add(role, glyph).add(Role::Dim, format!(" {name:<11}")),
                _ => Spans::new().add(Role::Dim, " ".repeat(NAMES)),
            };
            lines.push(head.add(Role::Text, line));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Direction, Encryption, Event, PeerKey, PunchStep, Transport};
    use crate::ledger::script::{Script, find};

    /// A run in which a peer is dialled in vain, and then through another.
    fn punched() -> (Script, PeerKey, PeerKey) {
        let mut run = Script::downloading(20);
        let (relay, peer) = (run.peer("198.51.100.7:6881"), run.peer("203.0.113.9:6881"));
        run.live(relay).fail(peer, Cause::ConnectTimeout).wait(1);
        let (direction, transport, encryption) = (Direction::Out, Transport::Utp, Encryption::Plain);
        run.tell(Event::AttemptBegan { peer, direction, transport, encryption });
        (run, relay, peer)
    }

    fn shown(run: &mut Script, peer: PeerKey, room: usize) -> Vec<String> {
        let view = run.view();
        let lines = lines(find(&view, peer), &view, room);
        lines.iter().map(|line| line.text().trim_end().to_owned()).collect()
    }

    fn step(run: &mut Script, peer: PeerKey, step: PunchStep) {
        run.tell(Event::Punch { peer, step });
    }

    #[test]
    fn three_parties_are_shown_with_the_step_that_was_reached() {
        let (mut run, relay, peer) = punched();
        step(&mut run, peer, PunchStep::Asked { relay });
        let waits = shown(&mut run, peer, 70);
        assert_eq!(waits[1], "  we ─ ✓ ─ 198.51.100.7:6881 ─ ◌ ─ 203.0.113.9:6881");
        assert_eq!(waits[2], "   ╰──────────── uTP · ────────────╯");
        assert_eq!(waits[3], "✓ asked      198.51.100.7:6881 (Transmission 4.0.6), to have us dial");
        assert_eq!(waits[5..], ["◌ told both  no answer yet", "· met        it did not come to that"]);
        run.wait(1);
        step(&mut run, peer, PunchStep::Told { relay });
        assert_eq!(shown(&mut run, peer, 70)[5..], ["✓ told both  after 1000", "◌ met        both dial"]);
        run.wait(1).tell(Event::Connected { peer });
        assert_eq!(shown(&mut run, peer, 70)[6], "✓ met        connected after 1000");
    }

    #[test]
    fn what_the_relay_says_and_what_came_of_it_is_told_in_words() {
        let failures = PunchFailure::ALL.map(|failure| (failure.code(), failure.words()));
        for (detail, words) in failures {
            let (mut run, relay, peer) = punched();
            step(&mut run, peer, PunchStep::Asked { relay });
            let (cause, detail) = (Cause::PunchFailed, Some(detail.to_owned()));
            run.tell(Event::AttemptEnded { peer, cause, error: None, detail, bytes_in: 0, bytes_out: 0 });
            let lines = shown(&mut run, peer, 90);
            assert_eq!(lines[4], format!("✗ told both  {words}"));
            let record = run.record(peer);
            assert_eq!(record.cause, Some(Cause::ConnectTimeout), "that nobody can call it says more");
        }
        let (mut run, relay, peer) = punched();
        step(&mut run, peer, PunchStep::Told { relay });
        run.wait(3).end(peer, Cause::ConnectTimeout);
        let lines = shown(&mut run, peer, 120);
        assert_eq!(lines[3], "✓ asked      the peer asked 198.51.100.7:6881 (Transmission 4.0.6) for us");
        assert_eq!(lines[4], "✓ told both  to dial at the same time");
        assert!(lines[5].starts_with("✗ met        no answer after 3000: a router"), "{}", lines[5]);
    }

    #[test]
    fn nothing_is_shown_where_nobody_was_asked_and_no_drawing_where_it_has_no_room() {
        let (mut run, relay, peer) = punched();
        assert!(shown(&mut run, peer, 70).is_empty() && shown(&mut run, relay, 70).is_empty());
        step(&mut run, peer, PunchStep::Asked { relay });
        for room in 0..80 {
            let lines = shown(&mut run, peer, room);
            assert_eq!(lines.iter().any(|line| line.contains('╰')), room >= 42, "{room}: {lines:#?}");
        }
    }
}
