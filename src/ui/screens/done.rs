//! What was done, once everything is here: it stands where the pieces stood.

use ratatui::layout::Rect;

use super::torrent;
use crate::ledger::{PeerRecord, View};
use crate::ui::paint::{Pen, Spans, inset, take_top};
use crate::ui::theme::{Look, Role};
use crate::units;

/// What there is to say, the most telling first: a label and what stands behind it.
fn said(view: &View, look: &Look) -> Vec<(&'static str, String)> {
    let bytes = |count: u64| units::bytes(count, look.units);
    let peers = |count: usize| if count == 1 { "1 peer".to_owned() } else { format!("{count} peers") };
    let mut said = Vec::new();
    let here = view.torrent.geometry.total_bytes().saturating_sub(view.down_bytes);
    if view.down_bytes == 0 {
        said.push(("received", "nothing: it was on disk when ttui looked".to_owned()));
    } else {
        let took = view.phase_since;
        let mean = (view.down_bytes as f64 / took.as_secs_f64().max(1.0)) as u64;
        let (received, mean) = (bytes(view.down_bytes), units::rate(mean, look.units));
        let time = match took.as_secs() {
            0 => "within a second".to_owned(),
            _ => format!("in {}", units::duration(took)),
        };
        let rest = if here > view.down_bytes / 100 {
            format!("; {} were on disk", bytes(here))
        } else {
            String::new()
        };
        said.push(("received", format!("{received} {time}, {mean} on average{rest}")));
    }
    let ratio = torrent::ratio(view).map_or_else(String::new, |ratio| format!(", ratio {ratio:.2}"));
    let takers = view.peers.iter().filter(|peer| peer.up_bytes > 0).count();
    let to = if takers == 0 { String::new() } else { format!(" to {}", peers(takers)) };
    said.push(("uploaded", format!("{}{to}{ratio}", bytes(view.up_bytes))));
    let senders = || view.peers.iter().filter(|peer| peer.down_bytes > 0);
    let most: Option<&PeerRecord> = senders().max_by_key(|peer| peer.down_bytes).map(AsRef::as_ref);
    if let Some(most) = most {
        let from = peers(senders().count());
        said.push(("from", format!("{from}, most from {}: {}", most.addr, bytes(most.down_bytes))));
    }
    let pieces = units::count(u64::from(view.torrent.geometry.piece_count()));
    let failed = match view.pieces.failures {
        0 => String::new(),
        1 => "; one failed its check and came again".to_owned(),
        count => format!("; {} times one failed its check and came again", units::count(u64::from(count))),
    };
    said.push(("checked", format!("{pieces} of {pieces} pieces verified{failed}")));
    said
}

/// Draws the card into the room the pieces have otherwise: a rule, and a row for each thing to say.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, view: &View) {
    let mut rest = area;
    pen.rule(inset(take_top(&mut rest, 1), 1, 1), "Done", "", "");
    for (label, text) in said(view, pen.look) {
        let row = inset(take_top(&mut rest, 1), 1, 1);
        if row.is_empty() {
            return;
        }
        let line = Spans::new().add(Role::Dim, format!("{label:<10}")).add(Role::Text, text);
        pen.spans(row.x, row.y, row.width, &line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::sample;

    fn text(view: &View) -> Vec<String> {
        said(view, &Look::default()).into_iter().map(|(label, text)| format!("{label}: {text}")).collect()
    }

    #[test]
    fn says_what_came_from_whom_and_what_went_to_others() {
        let said = text(&sample::moment("complete")).join("\n");
        for part in [
            "received: ",
            " on average",
            "from: ",
            "most from ",
            "uploaded: ",
            "ratio 1.02",
            "pieces verified",
        ] {
            assert!(said.contains(part), "{part}\n{said}");
        }
    }

    #[test]
    fn what_was_here_before_was_not_received() {
        let mut view = sample::moment("complete");
        view.down_bytes = 0;
        assert_eq!(text(&view)[0], "received: nothing: it was on disk when ttui looked");
    }
}
