//! What the numbers mean: a few lines on the overview, and in full on a page of its own.

use std::time::Duration;

use ratatui::layout::Rect;

use super::{frame, more};
use crate::event::Severity;
use crate::ledger::{Verdict, VerdictCode, View};
use crate::ui::action::Action;
use crate::ui::model::Model;
use crate::ui::paint::{Pen, Spans, take_top, width, wrap};
use crate::ui::theme::Role;
use crate::ui::words;
use crate::units;

/// Columns the glyph in front of a judgement takes, with the margin.
const INDENT: u16 = 3;

/// The glyph in front of a judgement; the first judges the whole and always has one.
fn glyph(verdict: &Verdict, first: bool) -> (&'static str, Role) {
    match (verdict.code, verdict.severity) {
        (VerdictCode::Paused, _) => ("‖", Role::Barred),
        (VerdictCode::DiskTrouble, _) => ("■", Role::Trouble),
        (_, Severity::Warn | Severity::Error) => ("▲", Role::Trouble),
        (_, Severity::Good) => ("✓", Role::Progress),
        (_, Severity::Info) if first => ("▸", Role::Progress),
        (_, Severity::Info) => (" ", Role::Text),
    }
}

/// Whether all is well enough that a few lines say it.
pub(super) fn is_well(view: &View) -> bool {
    view.verdicts.first().is_none_or(|verdict| verdict.severity <= Severity::Info)
}

/// The first sentence, or what stands before its semicolon; one of a word or two takes the next with it.
fn first_sentence(text: &str) -> String {
    let ends = text.match_indices([';', '.']).map(|(end, _)| end);
    let mut ends = ends.filter(|&end| end >= 20 && text[end + 1..].starts_with(' '));
    ends.next().map_or_else(|| text.to_owned(), |end| format!("{}.", &text[..end]))
}

/// What to try, with the key that does it where there is one: the ledger knows of no keys.
fn advice(verdict: &Verdict, model: &Model, view: &View) -> String {
    let rests_on = |name: &str| verdict.evidence.iter().any(|(evidence, _)| *evidence == name);
    let by_key = match verdict.code {
        VerdictCode::DiskTrouble | VerdictCode::Paused => Some(("with", Action::Pause)),
        VerdictCode::OwnLimits if rests_on("held") => Some(("with", Action::Hold)),
        VerdictCode::OwnLimits if rests_on("down_bps") => Some(("with", Action::LimitDown)),
        VerdictCode::BadDataOnePeer if verdict.advice == "ban it." => Some(("with", Action::Ban)),
        VerdictCode::AllChokeUs if view.limits.1 == Some(0) => Some(("with", Action::LimitUp)),
        VerdictCode::NoPeersKnown if verdict.advice.ends_with("--peer IP:PORT.") => {
            Some(("or with", Action::AddPeer))
        }
        _ => None,
    };
    // Nothing of a recording can be changed.
    let key = by_key.filter(|_| model.replay.is_none());
    match key.and_then(|(joint, action)| Some((joint, model.keys.name_here(action, model)?))) {
        Some((joint, key)) => {
            let comma = if joint == "with" { "" } else { "," };
            format!("{}{comma} {joint} {key}.", verdict.advice.trim_end_matches('.'))
        }
        None => verdict.advice.clone(),
    }
}

/// The mark of a line that goes on with the one before.
const CONTINUED: (&str, Role) = ("", Role::Text);

type Line = ((&'static str, Role), String);

/// The judgements in lines of so many columns; the shorter of two wordings where `brief` says so.
fn worded(
    verdicts: &[(&Verdict, String)],
    columns: u16,
    brief: impl Fn(usize) -> bool,
    with_advice: impl Fn(usize) -> bool,
) -> Vec<Line> {
    let room = usize::from(columns.saturating_sub(INDENT + 1)).max(1);
    let mut lines = Vec::new();
    for (at, (verdict, advice)) in verdicts.iter().enumerate() {
        let text = if brief(at) { first_sentence(&verdict.text) } else { verdict.text.clone() };
        let mut mark = glyph(verdict, at == 0);
        for line in wrap(&text, room) {
            lines.push((mark, line));
            mark = CONTINUED;
        }
        if with_advice(at) && !advice.is_empty() {
            lines.extend(wrap(&format!("Try: {advice}"), room).into_iter().map(|line| (mark, line)));
        }
    }
    lines
}

/// The lines for the overview: at most three when all is well and six otherwise, in the fullest wording
/// that fits into `most`.
pub(super) fn summary(model: &Model, view: &View, columns: u16, most: usize) -> Vec<Line> {
    let well = is_well(view);
    let most = if well { most.min(3) } else { most.min(6) };
    let advised = |verdict| (verdict, advice(verdict, model, view));
    let mut verdicts: Vec<(&Verdict, String)> = view.verdicts.iter().map(advised).collect();
    let full = worded(&verdicts, columns, |_| false, |_| !well);
    let notes_brief = worded(&verdicts, columns, |at| at > 0, |_| !well);
    // Where not all can be told, what costs something comes before what is merely worth knowing.
    if verdicts.len() > most
        && let Some((_, notes)) = verdicts.split_first_mut()
    {
        notes.sort_by_key(|(verdict, _)| std::cmp::Reverse(verdict.severity));
    }
    // What to try against the first is worth more than the rest of a note.
    let one_advice = worded(&verdicts, columns, |at| at > 0, |at| at == 0 && !well);
    let mut brief = worded(&verdicts, columns, |_| true, |_| false);
    // Where all is well and there is no room to say how, what costs something is still told.
    if let [(first, _), (note, _), ..] = &verdicts[..]
        && well
        && most > 1
        && note.severity > Severity::Info
        && brief.iter().skip(1).take_while(|(mark, _)| *mark == CONTINUED).count() + 1 >= most
    {
        let head = first.text.find(". ").map_or(&first.text[..], |end| &first.text[..=end]);
        let told = Verdict { text: head.to_owned(), ..(*first).clone() };
        let mut briefest = verdicts.clone();
        briefest[0] = (&told, String::new());
        brief = worded(&briefest, columns, |_| true, |_| false);
    }
    let wordings = [full, notes_brief, one_advice];
    let mut lines = wordings.into_iter().find(|lines| lines.len() <= most).unwrap_or(brief);
    // A sentence that is cut says so.
    let cut = lines.get(most).is_some_and(|(mark, _)| *mark == CONTINUED);
    lines.truncate(most);
    if let Some((_, last)) = lines.last_mut().filter(|_| cut) {
        last.push('…');
    }
    lines
}

/// Draws such lines; the last says that there is more to read where there is room for it.
pub(super) fn draw_lines(pen: &mut Pen<'_>, area: Rect, lines: &[Line], model: &Model) {
    let hint = model.hint(Action::Why, "why");
    let hint_columns = width(&hint) as u16;
    let mut rest = area;
    for (at, ((mark, role), text)) in lines.iter().enumerate() {
        let row = take_top(&mut rest, 1);
        if row.is_empty() {
            return;
        }
        pen.put(row.x + 1, row.y, 1, mark, *role);
        let room = row.width.saturating_sub(INDENT + 1);
        // The word or two that judge the whole stand out.
        let head = if at == 0 { text.find([':', '.', ';']).map_or(text.len(), |end| end + 1) } else { 0 };
        let mut used = pen.put(row.x + INDENT, row.y, room, &text[..head], Role::Strong);
        used += pen.put(row.x + INDENT + used, row.y, room.saturating_sub(used), &text[head..], Role::Text);
        if at + 1 == lines.len() && used + hint_columns + 3 <= room {
            pen.put_right(row.right() - 1, row.y, hint_columns, &hint, Role::Dim);
        }
    }
}

/// A number a judgement rests on, with its unit: `quiet 35 s`, `down 2.0 MiB/s`.
fn evidence_words(name: &str, value: u64) -> String {
    let words = |name: &str| name.replace('_', " ");
    let binary = units::Units::Binary;
    match name.rsplit_once('_') {
        Some((what, "bps")) => format!("{} {}", words(what), units::rate(value, binary)),
        Some((what, "bytes")) => format!("{} {}", words(what), units::bytes(value, binary)),
        Some((what, "s")) => format!("{} {}", words(what), words::span(Duration::from_secs(value))),
        // A name, though made of digits.
        _ if name == "port" => format!("port {value}"),
        _ => format!("{} {}", words(name), units::count(value)),
    }
}

/// What peers that are at this step right now wait for (0: to be dialled … 4: to send).
fn under_way(step: usize) -> &'static str {
    match step {
        0 => "They are dialled when their turn comes.",
        1 => "Being called at this moment.",
        2 => "Shaking hands at this moment.",
        3 => "Shook hands a moment ago; whether they let us download is not known yet.",
        _ => "Let us download since a moment ago; nothing has come yet.",
    }
}

/// What is judged, in full.
fn judged(model: &Model, view: &View, columns: u16) -> Vec<Spans> {
    let room = usize::from(columns.saturating_sub(INDENT + 1)).clamp(1, 100);
    let mut lines = vec![Spans::new()];
    for (at, verdict) in view.verdicts.iter().enumerate() {
        let (mut mark, role) = glyph(verdict, at == 0);
        for line in wrap(&verdict.text, room) {
            lines.push(Spans::new().add(role, mark).add(Role::Text, " ").add(Role::Text, line));
            mark = " ";
        }
        let advice = advice(verdict, model, view);
        if !advice.is_empty() {
            for line in wrap(&format!("Try: {advice}"), room) {
                lines.push(Spans::new().add(Role::Text, "  ").add(Role::Strong, line));
            }
        }
        let evidence: Vec<_> =
            verdict.evidence.iter().map(|(name, value)| evidence_words(name, *value)).collect();
        let seen =
            if evidence.is_empty() { String::new() } else { format!("seen: {} · ", evidence.join(", ")) };
        for line in wrap(&format!("{seen}next look {}", verdict.look.words(view.at)), room) {
            lines.push(Spans::new().add(Role::Dim, format!("  {line}")));
        }
        lines.push(Spans::new());
    }
    lines
}

/// Where peers are lost, and what that means.
pub(super) fn lost(view: &View, columns: u16) -> Vec<Spans> {
    let room = usize::from(columns.saturating_sub(INDENT + 1)).clamp(1, 100);
    let mut lines = Vec::new();
    for (step, loss) in view.losses.iter().enumerate() {
        for (cause, count) in &loss.causes {
            let word = words::loss_word(step + 1, *cause);
            let head = format!("  {count:>5}  {word:<16}");
            let room = room.saturating_sub(head.len()).max(12);
            let sentence = cause.map_or_else(|| under_way(step), |cause| cause.info().sentence);
            let advice = cause.map_or("", |cause| cause.info().advice);
            let told = format!("{sentence} {advice}");
            for (at, line) in wrap(&told, room).into_iter().enumerate() {
                let head = if at == 0 { head.clone() } else { " ".repeat(head.len()) };
                lines.push(Spans::new().add(Role::Text, head).add(Role::Dim, line));
            }
        }
    }
    if view.losses.iter().all(|loss| loss.causes.is_empty()) {
        lines.push(Spans::new().add(Role::Dim, "  nowhere yet"));
    }
    lines
}

/// From so many columns on the losses stand beside the judgements.
const BESIDE: u16 = 150;

/// Rows that the page takes in full.
pub(super) fn height(model: &Model, view: &View, columns: u16) -> usize {
    let (judged, lost) = parts(model, view, columns);
    if columns >= BESIDE { judged.len().max(lost.len()) } else { judged.len() + lost.len() }
}

/// The lines of both parts of the page.
fn parts(model: &Model, view: &View, columns: u16) -> (Vec<Spans>, Vec<Spans>) {
    let beside = columns >= BESIDE;
    let columns = if beside { columns / 2 } else { columns };
    let mut losses = vec![Spans::new().add(Role::Strong, "Where peers are lost")];
    losses.extend(lost(view, columns));
    if beside {
        // In line with the first judgement.
        losses.insert(0, Spans::new());
    }
    (judged(model, view, columns), losses)
}

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let mut body = area;
    frame::short_head(pen, &mut body, model, view);
    let title = take_top(&mut body, 1);
    pen.rule(crate::ui::paint::inset(title, 1, 1), "Why", "what the numbers mean", "");
    let height = height(model, view, area.width);
    let (off, body) = more::window(pen, body, model, (height, 1), model.scrolls.why);
    let (judged, lost) = parts(model, view, area.width);
    if area.width >= BESIDE {
        let left = Rect { width: area.width / 2, ..body };
        put_lines(pen, left, judged.iter().skip(off));
        put_lines(
            pen,
            Rect { x: left.right(), width: body.width - left.width, ..body },
            lost.iter().skip(off),
        );
    } else {
        put_lines(pen, body, judged.iter().chain(&lost).skip(off));
    }
}

/// Draws lines below each other, as many as there is room for.
pub(super) fn put_lines<'a>(pen: &mut Pen<'_>, area: Rect, lines: impl Iterator<Item = &'a Spans>) {
    for (line, y) in lines.zip(area.top()..area.bottom()) {
        pen.spans(area.x + 1, y, area.width.saturating_sub(2), line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::sample;
    use crate::ui::theme::Look;

    #[test]
    fn three_lines_say_that_all_is_well_and_six_that_it_is_not() {
        let model = Model::new(Look::default());
        assert_eq!(summary(&model, &sample::healthy(), 120, 9).len(), 3);
        assert_eq!(summary(&model, &sample::healthy(), 80, 2).len(), 2);
        let stalled = summary(&model, &sample::stalled(), 80, 9);
        assert!((4..=6).contains(&stalled.len()), "{stalled:?}");
        assert!(stalled.iter().any(|(_, text)| text.starts_with("Try: ")), "{stalled:?}");
    }
}
