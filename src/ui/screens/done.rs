//! What was done, once everything is here: it stands where the pieces stood.
//!
//! ```text
//! Complete ───────────────────────────────────────────────── ~/iso/debian.iso ──
//! SIZE      TIME     MEAN         PEAK         FROM                 WASTED   RATIO
//! 3.7 GiB   4m 02s   15.6 MiB/s   21.3 MiB/s   7 peers, 3 clients   0 B      1.02
//! ```

use std::collections::BTreeSet;

use ratatui::layout::Rect;

use super::{frame, torrent};
use crate::ledger::{PeerRecord, View};
use crate::ui::paint::{Pen, Spans, inset, take_top, width};
use crate::ui::theme::{Look, Role};
use crate::units;

/// In fewer columns every fact has a row.
const IN_COLUMNS: u16 = 72;
/// Columns between two facts.
const GAPS: std::ops::RangeInclusive<usize> = 2..=6;
/// Columns of a fact's name before it.
const NAME: usize = 9;

/// Something worth telling: what it is called, and what it is.
type Fact = (&'static str, String);

fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// Those that sent something.
fn senders(view: &View) -> impl Iterator<Item = &PeerRecord> {
    view.peers.iter().map(AsRef::as_ref).filter(|peer| peer.down_bytes > 0)
}

/// Bytes that came and are in no piece, of a run that knows which pieces it received: sent twice, or wrong.
fn wasted(view: &View) -> Option<u64> {
    let geometry = view.torrent.geometry()?;
    let pieces: u64 = view.pieces.history.groups().iter().map(|group| u64::from(group.pieces)).sum();
    let good = pieces.saturating_mul(u64::from(geometry.piece_bytes())).min(geometry.total_bytes());
    (pieces > 0).then(|| view.down_bytes.saturating_sub(good))
}

/// The fastest second that is known, bytes; of a run longer than an hour, perhaps a minute's mean.
fn peak(view: &View) -> u64 {
    let samples = view.series.seconds.iter().chain(&view.series.minutes);
    samples.map(|sample| sample.down_bps).max().unwrap_or(0)
}

/// The facts of the card, the most telling first.
fn facts(view: &View, look: &Look) -> Vec<Fact> {
    let bytes = |count: u64| units::bytes(count, look.units);
    let mut facts = vec![("SIZE", bytes(view.wanted_bytes.unwrap_or_default()))];
    if view.down_bytes > 0 {
        let took = view.phase_since;
        let mean = (view.down_bytes as f64 / took.as_secs_f64().max(1.0)) as u64;
        facts.push(("TIME", units::duration(took)));
        facts.push(("MEAN", units::rate(mean, look.units)));
        facts.push(("PEAK", units::rate(peak(view).max(mean), look.units)));
        let clients: BTreeSet<&str> = senders(view).filter_map(|peer| peer.client.as_deref()).collect();
        let from = counted(senders(view).count(), "peer");
        let clients = if clients.is_empty() {
            String::new()
        } else {
            format!(", {}", counted(clients.len(), "client"))
        };
        facts.push(("FROM", format!("{from}{clients}")));
        facts.extend(wasted(view).map(|wasted| ("WASTED", bytes(wasted))));
    }
    facts.extend(torrent::ratio(view).map(|ratio| ("RATIO", format!("{ratio:.2}"))));
    facts
}

/// What is told in a sentence below the facts.
fn sentences(view: &View, look: &Look) -> Vec<String> {
    let bytes = |count: u64| units::bytes(count, look.units);
    let total = view.wanted_bytes.unwrap_or_default();
    let mut said = Vec::new();
    let here = total.saturating_sub(view.down_bytes);
    if view.down_bytes == 0 {
        said.push("Nothing was received: it was on disk when ttui looked.".to_owned());
    } else if here > view.down_bytes / 100 {
        said.push(format!("{} received; {} were on disk.", bytes(view.down_bytes), bytes(here)));
    }
    if let Some(most) = senders(view).max_by_key(|peer| peer.down_bytes) {
        let client = most.client.as_deref().map_or_else(String::new, |client| format!(", {client}"));
        said.push(format!("{} came from {}{client}: the most.", bytes(most.down_bytes), most.addr));
    }
    let takers = view.peers.iter().filter(|peer| peer.up_bytes > 0).count();
    if takers > 0 {
        said.push(format!("{} went to {}.", bytes(view.up_bytes), counted(takers, "peer")));
    }
    let pieces = units::count(u64::from(view.torrent.piece_count()));
    let failed = match view.pieces.failures {
        0 => String::new(),
        1 => "; one failed its check and came again".to_owned(),
        count => format!("; {} times one failed its check and came again", units::count(u64::from(count))),
    };
    said.push(format!("All {pieces} pieces are verified{failed}."));
    said
}

/// The same in lines of so many columns, as many to a line as there is room for.
fn lines(view: &View, look: &Look, columns: u16) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for said in sentences(view, look) {
        match lines.last_mut() {
            Some(line) if width(line) + 2 + width(&said) <= usize::from(columns) => {
                *line += &format!("  {said}")
            }
            _ => lines.push(said),
        }
    }
    lines
}

/// Rows of the card: the least, those that show enough, and further ones in which it shows more.
pub(super) fn heights(columns: u16, view: &View, look: &Look) -> (u16, u16, Vec<u16>) {
    const LEAST: u16 = 3;
    if columns < IN_COLUMNS {
        return (LEAST, 1 + facts(view, look).len() as u16, Vec::new());
    }
    let all = LEAST + lines(view, look, columns.saturating_sub(2)).len() as u16;
    (LEAST, all.min(LEAST + 1), (LEAST + 2..=all).collect())
}

/// Draws the card.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, view: &View) {
    let mut rest = area;
    let rule = inset(take_top(&mut rest, 1), 1, 1);
    let path = frame::path_as_tilde(view);
    let path = if width(&path) + 20 <= usize::from(rule.width) { path } else { String::new() };
    pen.rule(rule, "Complete", "", &path);
    let facts = facts(view, pen.look);
    let body = inset(rest, 1, 1);
    if area.width < IN_COLUMNS {
        return below_each_other(pen, body, &facts);
    }
    let used = in_columns(pen, body, &facts);
    for (line, y) in lines(view, pen.look, body.width).iter().zip(body.top() + used..body.bottom()) {
        pen.put(body.x, y, body.width, line, Role::Text);
    }
}

/// Names above facts, as many as there is room for; returns the rows it took.
fn in_columns(pen: &mut Pen<'_>, area: Rect, facts: &[Fact]) -> u16 {
    if area.height < 2 {
        return area.height;
    }
    let columns: Vec<usize> = facts.iter().map(|(name, fact)| width(name).max(width(fact))).collect();
    let spare = usize::from(area.width).saturating_sub(columns.iter().sum());
    let gap = (spare / facts.len().max(1)).clamp(*GAPS.start(), *GAPS.end());
    let mut x = area.x;
    for ((name, fact), columns) in facts.iter().zip(columns) {
        if usize::from(area.right().saturating_sub(x)) < columns {
            break;
        }
        pen.put(x, area.y, columns as u16, name, Role::Dim);
        pen.put(x, area.y + 1, columns as u16, fact, Role::Strong);
        x = x.saturating_add((columns + gap) as u16);
    }
    2
}

fn below_each_other(pen: &mut Pen<'_>, area: Rect, facts: &[Fact]) {
    for ((name, fact), y) in facts.iter().zip(area.top()..area.bottom()) {
        let line = Spans::new().add(Role::Dim, format!("{name:<NAME$}")).add(Role::Strong, fact);
        pen.spans(area.x, y, area.width, &line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::sample;

    fn card(view: &View) -> String {
        let facts = facts(view, &Look::default()).into_iter().map(|(name, fact)| format!("{name} {fact}"));
        facts.chain(sentences(view, &Look::default())).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn says_what_came_from_whom_and_what_went_to_others() {
        let said = card(&sample::moment("complete"));
        for part in [
            "SIZE 3.7 GiB",
            "TIME ",
            "MEAN ",
            "PEAK ",
            " peers, ",
            " clients",
            "WASTED ",
            "RATIO 1.02",
            "came from ",
            "went to ",
            "pieces are verified",
        ] {
            assert!(said.contains(part), "{part}\n{said}");
        }
    }

    #[test]
    fn what_was_here_before_was_not_received() {
        let mut view = sample::moment("complete");
        view.down_bytes = 0;
        let said = card(&view);
        assert!(said.contains("Nothing was received: it was on disk when ttui looked."), "{said}");
        assert!(!said.contains("MEAN") && !said.contains("WASTED"), "{said}");
    }

    #[test]
    fn what_came_and_is_in_no_piece_was_wasted() {
        let mut view = sample::moment("complete");
        let pieces: u64 = view.pieces.history.groups().iter().map(|group| u64::from(group.pieces)).sum();
        let good = pieces * u64::from(view.torrent.geometry().unwrap().piece_bytes());
        view.down_bytes = good + 5000;
        assert!(
            wasted(&view).is_some_and(|wasted| (5000..5000 + 262_144).contains(&wasted)),
            "{:?}",
            wasted(&view)
        );
        view.down_bytes = 5;
        assert_eq!(wasted(&view), Some(0));
    }
}
