//! How the uTP stream of a peer goes, or went: what it measures, what is under way on it, and what keeps us from sending
//! more.
//!
//! ```text
//!  uTP ──────────────────────────────────────── gives way to others on the line ──
//!  Round trip 42 ms · packets of at most 1 400 bytes
//!  ↑ Delay    12 ms    ━━────────────── ours are late; at 100 ms we slow down
//!  ↓ Delay    3.2 ms   ╸─────────────── its packets are late
//!  In flight  90.5 KiB ━━━━━━━━──────── of a window of 181 KiB; it takes 1.0 MiB
//!  Resent     14 of 4 812 packets (0.2 %) · 2 after a time-out
//!  Limit      The delay target: our packets are late, so we send less and others on the line come first.
//! ```

use crate::event::{Attempt, DELAY_TARGET, LimitedBy, StreamFigures, Transport};
use crate::ledger::PeerRecord;
use crate::ui::model::Model;
use crate::ui::paint::{Spans, width, wrap};
use crate::ui::theme::Role;
use crate::ui::widgets::{bar, rule};
use crate::units::{self, Units};

/// Columns of the names at the left, of the numbers behind them, and of a bar.
const NAMES: usize = 11;
const NUMBERS: usize = 8;
const BAR: usize = 16;
/// Columns from which on a number has a bar.
const BARS_FROM: usize = 60;

/// The nearest whole milliseconds, with its fraction what is less than ten; seconds where there are many.
fn milliseconds(us: Option<u32>) -> String {
    match us {
        None => "–".to_owned(),
        Some(us) if us < 9_950 => format!("{}.{} ms", (us + 50) / 1000, (us + 50) % 1000 / 100),
        Some(us) if us < 9_999_500 => format!("{} ms", units::whole_milliseconds(us)),
        Some(us) => format!("{} s", us / 1_000_000),
    }
}

/// A number behind its name, as a bar how much of the whole it is, and what it means: in full, or as far as there is room.
fn number(name: &str, shown: &str, (part, whole): (u64, u64), means: &[String], room: usize) -> Spans {
    let line = Spans::new().add(Role::Dim, format!("{name:<NAMES$}"));
    let line = line.add(Role::Text, format!("{shown:<NUMBERS$} "));
    let line = match room >= BARS_FROM {
        true => line.and(bar::line_spans(BAR, part.min(whole), whole)).add(Role::Text, " "),
        false => line,
    };
    let left = room.saturating_sub(line.width());
    let fits = means.iter().find(|means| width(means) <= left);
    line.add(Role::Dim, fits.map_or("", String::as_str))
}

/// By how much packets are late, beside the target.
fn delay(name: &str, us: Option<u32>, means: &[String], room: usize) -> Spans {
    let target = u64::try_from(DELAY_TARGET.as_micros()).unwrap_or(u64::MAX);
    number(name, &milliseconds(us), (us.unwrap_or(0).into(), target), means, room)
}

/// What keeps us from sending more, in a sentence.
fn limit(limited_by: LimitedBy) -> &'static str {
    match limited_by {
        LimitedBy::Window => "Our window: it grows with all that arrives, and shrinks by a lost packet.",
        LimitedBy::OtherSide => "The other side: it has no room for more until it has read what is there.",
        LimitedBy::DelayTarget => {
            "The delay target: our packets are late, so we send less and others on the line come first."
        }
        LimitedBy::NothingToSend => "Nothing: all that it asked for is on its way.",
    }
}

/// Packets sent again, why, and those that came twice.
fn resent(figures: &StreamFigures) -> String {
    let count = units::count;
    let mut said = match figures.resent_thousandths() {
        None => "nothing was sent yet".to_owned(),
        Some(_) if figures.resent() == 0 => format!("none of {} packets", count(figures.sent)),
        Some(share) => {
            let (again, of) = (count(figures.resent()), count(figures.sent));
            format!("{again} of {of} packets ({})", units::thousandths(share))
        }
    };
    if figures.resent_timeout > 0 {
        said += &format!(" · {} after a time-out", count(figures.resent_timeout));
    }
    if figures.duplicates > 0 {
        said += &format!(" · {} of its came twice", count(figures.duplicates));
    }
    said
}

/// The lines below the rule.
fn told(figures: &StreamFigures, units: Units, room: usize) -> Vec<Spans> {
    let bytes = |bytes: u32| units::bytes(bytes.into(), units);
    let mut lines = Vec::new();
    let text = |lines: &mut Vec<Spans>, name: &str, said: &str| {
        for (nth, line) in wrap(said, room.saturating_sub(NAMES).max(1)).into_iter().enumerate() {
            let name = if nth == 0 { name } else { "" };
            lines.push(Spans::new().add(Role::Dim, format!("{name:<NAMES$}")).add(Role::Text, line));
        }
    };
    let passes = format!("packets of at most {} bytes", units::count(figures.mtu_bytes.into()));
    text(&mut lines, "Round trip", &format!("{} · {passes}", milliseconds(figures.rtt_us)));
    let slows = format!("at {} ms we slow down", DELAY_TARGET.as_millis());
    let ours = [format!("ours are late; {slows}"), slows];
    lines.push(delay("↑ Delay", figures.our_delay_us, &ours, room));
    lines.push(delay("↓ Delay", figures.their_delay_us, &["its packets are late".to_owned()], room));
    let (under_way, window) = (figures.in_flight_bytes, figures.window_bytes);
    let [of, takes] = [window, figures.peer_window_bytes].map(bytes);
    let of = [
        format!("of a window of {of}; it takes {takes}"),
        format!("of {of}; it takes {takes}"),
        format!("of {of}"),
    ];
    lines.push(number("In flight", &bytes(under_way), (under_way.into(), window.into()), &of, room));
    text(&mut lines, "Resent", &resent(figures));
    text(&mut lines, "Limit", limit(figures.limited_by));
    lines
}

/// The stream of its present connection or its last one below a rule; nothing where that is over TCP.
pub(super) fn lines(peer: &PeerRecord, model: &Model, room: usize) -> Vec<Spans> {
    let over = |attempt: &&Attempt| attempt.transport == Transport::Utp;
    let (Some(figures), Some(attempt)) = (&peer.stream, peer.last_attempt().filter(over)) else {
        return Vec::new();
    };
    let when =
        if attempt.ended.is_some() { "as it was at its end" } else { "gives way to others on the line" };
    let mut lines = vec![rule::line("uTP", when, room)];
    lines.extend(told(figures, model.look.units, room));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Cause, Direction, Encryption, Event, PeerKey};
    use crate::ledger::script::Script;
    use crate::ui::theme::Look;

    /// A run with a peer that shook hands over this.
    fn met(transport: Transport) -> (Script, PeerKey) {
        let mut run = Script::downloading(20);
        let peer = run.peers(1)[0];
        let (direction, encryption) = (Direction::Out, Encryption::Plain);
        run.tell(Event::AttemptBegan { peer, direction, transport, encryption });
        run.handshake(peer, b"-TR4060-abcdefghijkl");
        (run, peer)
    }

    fn shown(run: &mut Script, peer: PeerKey, room: usize) -> Vec<String> {
        let lines = lines(&run.record(peer), &Model::new(Look::default()), room);
        lines.iter().map(|line| line.text().trim_end().to_owned()).collect()
    }

    const FIGURES: StreamFigures = StreamFigures {
        rtt_us: Some(41_700),
        our_delay_us: Some(50_000),
        their_delay_us: Some(3_249),
        window_bytes: 185_344,
        peer_window_bytes: 1 << 20,
        in_flight_bytes: 92_672,
        sent: 4812,
        received: 900,
        resent_fast: 12,
        resent_timeout: 2,
        duplicates: 3,
        mtu_bytes: 1400,
        limited_by: LimitedBy::DelayTarget,
    };

    #[test]
    fn a_stream_is_told_in_words_with_bars_where_there_is_room() {
        let (mut run, peer) = met(Transport::Utp);
        assert!(shown(&mut run, peer, 78).is_empty(), "nothing was told yet");
        run.tell(Event::Stream { peer, figures: FIGURES });
        let wide = shown(&mut run, peer, 78);
        assert!(wide[0].starts_with("uTP ─") && wide[0].contains(" gives way to others on the line "));
        assert_eq!(
            wide[1..],
            [
                "Round trip 42 ms · packets of at most 1 400 bytes",
                "↑ Delay    50 ms    ━━━━━━━━──────── ours are late; at 100 ms we slow down",
                "↓ Delay    3.2 ms   ╸─────────────── its packets are late",
                "In flight  90.5 KiB ━━━━━━━━──────── of a window of 181 KiB; it takes 1.0 MiB",
                "Resent     14 of 4 812 packets (0.2 %) · 2 after a time-out · 3 of its came",
                "           twice",
                "Limit      The delay target: our packets are late, so we send less and others",
                "           on the line come first.",
            ]
        );
        let narrow = shown(&mut run, peer, 38);
        assert_eq!(narrow[3..6], ["↑ Delay    50 ms", "↓ Delay    3.2 ms", "In flight  90.5 KiB of 181 KiB"]);
        assert!(shown(&mut run, peer, 70)[2].ends_with("──────── at 100 ms we slow down"));
        run.end(peer, Cause::ClosedByPeer);
        assert!(shown(&mut run, peer, 78)[0].contains(" as it was at its end "));
    }

    #[test]
    fn what_was_not_measured_is_a_dash_and_all_numbers_have_room() {
        let (mut run, peer) = met(Transport::Utp);
        run.tell(Event::Stream {
            peer,
            figures: StreamFigures { mtu_bytes: 1400, ..StreamFigures::default() },
        });
        let lines = shown(&mut run, peer, 78);
        assert_eq!(lines[1], "Round trip – · packets of at most 1 400 bytes");
        assert!(lines[2].starts_with("↑ Delay    –        ────────────────"), "{}", lines[2]);
        assert_eq!(lines[5], "Resent     nothing was sent yet");
        let most = StreamFigures {
            our_delay_us: Some(u32::MAX),
            their_delay_us: Some(9_949),
            window_bytes: 1 << 30,
            in_flight_bytes: u32::MAX,
            sent: 1,
            ..FIGURES
        };
        for limited_by in LimitedBy::ALL {
            run.tell(Event::Stream { peer, figures: StreamFigures { limited_by, ..most } });
            for room in [38, 47, 60, 78, 118] {
                let lines = shown(&mut run, peer, room);
                assert!(lines.iter().all(|line| width(line) <= room), "{room}: {lines:#?}");
            }
            let lines = shown(&mut run, peer, 78);
            assert!(lines[2].contains(" ━━━━━━━━━━━━━━━━ "), "{}", lines[2]);
            assert!(lines[3].starts_with("↓ Delay    9.9 ms"), "{}", lines[3]);
        }
    }

    #[test]
    fn nothing_is_told_of_streams_over_tcp() {
        let (mut run, peer) = met(Transport::Tcp);
        run.tell(Event::Stream { peer, figures: FIGURES });
        assert!(shown(&mut run, peer, 78).is_empty());
    }
}
