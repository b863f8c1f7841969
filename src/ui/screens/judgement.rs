//! What the numbers mean: a few lines on the overview, and in full on a page of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use ratatui::layout::Rect;

use super::page::Page;
use super::{frame, more, overview};
use crate::event::{Cause, Severity, advised};
use crate::ledger::{PeerRecord, Remedy, Verdict, VerdictCode, View};
use crate::ui::action::Action;
use crate::ui::funnel::{Funnel, Loss};
use crate::ui::model::{Model, Shown};
use crate::ui::mouse::Target;
use crate::ui::paint::{Pen, Spans, width, wrap};
use crate::ui::theme::Role;
use crate::ui::widgets::rule;
use crate::ui::words;
use crate::units::{self, Units};

/// Columns of text that can be read.
const MOST_TEXT: usize = 160;
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

/// All judgements, with their amounts in the units of the screen.
fn verdicts(model: &Model, view: &View) -> Vec<Verdict> {
    view.verdicts.iter().map(|verdict| verdict.in_units(model.look.units)).collect()
}

/// Whether all is well enough that a few lines say it.
pub(super) fn is_well(view: &View) -> bool {
    view.verdicts.first().is_none_or(|verdict| verdict.severity <= Severity::Info)
}

/// This wording of what to do, with the key that does it where there is one: the ledger knows of no keys.
fn with_key(verdict: &Verdict, advice: &str, model: &Model, view: &View) -> String {
    let rests_on = |name: &str| verdict.evidence.iter().any(|(evidence, _)| *evidence == name);
    let by_key = match verdict.code {
        VerdictCode::DiskTrouble | VerdictCode::Paused => Some(("with", Action::Pause)),
        VerdictCode::OwnLimits if rests_on("held") => Some(("with", Action::Hold)),
        VerdictCode::OwnLimits if rests_on("down_bps") => Some(("with", Action::LimitDown)),
        VerdictCode::AllChokeUs if view.limits.1 == Some(0) => Some(("with", Action::LimitUp)),
        _ => match verdict.remedy {
            Some(Remedy::Ban) => Some(("with", Action::Ban)),
            // A brief advice is without its last words.
            Some(Remedy::NamePeer) if advice == verdict.advice => Some(("or with", Action::Add)),
            _ => None,
        },
    };
    // Nothing of a recording can be changed.
    let key = by_key.filter(|_| model.replay.is_none());
    match key.and_then(|(joint, action)| Some((joint, model.keys.name_here(action, model)?))) {
        Some((joint, key)) => {
            let comma = if joint == "with" { "" } else { "," };
            advised(&format!("{}{comma} {joint} {key}.", advice.trim_end_matches('.')))
        }
        None => advised(advice),
    }
}

/// The mark of a line that goes on with the one before.
const CONTINUED: (&str, Role) = ("", Role::Text);

pub(super) type Line = ((&'static str, Role), String);

/// How much is said of a judgement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wording {
    /// Everything, with what to do.
    Full,
    /// Everything but what to do: nothing needs to be done.
    Told,
    /// What is, and what to do, in a line or two.
    Brief,
    /// The same, as long as it takes no line of its own to say what to do.
    Terse,
}

/// In fewer columns there is room for a headline only.
const NARROW: usize = 50;

/// What is, as briefly as there is room for.
fn briefly(verdict: &Verdict, room: usize) -> &str {
    if room < NARROW { &verdict.headline } else { &verdict.brief.0 }
}

/// A judgement as it may be worded.
struct Said<'a> {
    verdict: &'a Verdict,
    full: String,
    brief: String,
}

impl<'a> Said<'a> {
    fn of(verdict: &'a Verdict, model: &Model, view: &View) -> Self {
        let advice = |advice| with_key(verdict, advice, model, view);
        Self { verdict, full: advice(&verdict.advice), brief: advice(&verdict.brief.1) }
    }

    /// Its lines of so many columns.
    fn lines(&self, first: bool, room: usize, wording: Wording) -> Vec<Line> {
        let (told, advice) = match wording {
            Wording::Full => (&self.verdict.text[..], &self.full[..]),
            Wording::Told => (&self.verdict.text[..], ""),
            Wording::Brief | Wording::Terse => (briefly(self.verdict, room), &self.brief[..]),
        };
        let together = format!("{told} {advice}");
        let lines = match wording {
            _ if advice.is_empty() => wrap(told, room),
            Wording::Brief | Wording::Terse if width(&together) <= room => vec![together],
            Wording::Terse => wrap(told, room),
            _ => wrap(told, room).into_iter().chain(wrap(advice, room)).collect(),
        };
        marked(self.verdict, first, lines).collect()
    }
}

/// The lines for the overview: at most three when all is well and six otherwise, in the fullest wording that fits into
/// `most`. Rather than to cut short what is to be said, nothing is said of what weighs least.
pub(super) fn summary(model: &Model, view: &View, columns: u16, most: usize) -> Vec<Line> {
    let verdicts = verdicts(model, view);
    let well = is_well(view);
    let most = if well { most.min(3) } else { most.min(6) };
    let room = usize::from(columns.saturating_sub(INDENT + 1)).max(1);
    let mut said: Vec<Said<'_>> = verdicts.iter().map(|verdict| Said::of(verdict, model, view)).collect();
    let wordings = match well {
        true => [
            (Wording::Told, Wording::Told),
            (Wording::Told, Wording::Terse),
            (Wording::Terse, Wording::Terse),
        ],
        false => [
            (Wording::Full, Wording::Full),
            (Wording::Full, Wording::Brief),
            (Wording::Brief, Wording::Brief),
        ],
    };
    let whole = |said: &[Said<'_>], (first, others): (Wording, Wording)| -> Vec<Line> {
        let wording = |at| if at == 0 { first } else { others };
        said.iter().enumerate().flat_map(|(at, said)| said.lines(at == 0, room, wording(at))).collect()
    };
    let Some(speaker) = verdicts.first() else { return Vec::new() };
    if let Some(lines) =
        wordings.map(|wording| whole(&said, wording)).into_iter().find(|lines| lines.len() <= most)
    {
        return say_more(lines, speaker, room, most);
    }
    // What costs something comes before what is merely worth knowing.
    if let Some((_, notes)) = said.split_first_mut() {
        notes.sort_by_key(|said| std::cmp::Reverse(said.verdict.severity));
    }
    let (first, others) = wordings[2];
    let mut said = said.iter();
    let Some(head) = said.next() else { return Vec::new() };
    let mut lines = head.lines(true, room, first);
    if lines.len() > most {
        lines = marked(head.verdict, true, wrap(briefly(head.verdict, room), room)).collect();
    }
    // Where all is well and there is no room to say how, what costs something is still told.
    let costs = |said: &Said<'_>| said.verdict.severity > Severity::Info;
    if well && most > 1 && lines.len() >= most && said.clone().next().is_some_and(costs) {
        let told = &head.verdict.text;
        let end = told.find(". ").map_or(told.len(), |end| end + 1);
        lines = vec![(glyph(head.verdict, true), told[..end].to_owned())];
    }
    for note in said {
        let note = note.lines(false, room, others);
        if lines.len() + note.len() <= most {
            lines.extend(note);
        } else if lines.len() == 1 && well {
            lines.extend(note);
            break;
        }
    }
    // A sentence that is cut says so.
    let cut = lines.len() > most;
    lines.truncate(most);
    if let Some((_, last)) = lines.last_mut().filter(|_| cut) {
        last.push('…');
    }
    say_more(lines, speaker, room, most)
}

/// Where there are few columns and a row is left over, what judges the whole says more than its headline.
fn say_more(mut lines: Vec<Line>, speaker: &Verdict, room: usize, most: usize) -> Vec<Line> {
    let is_headline = lines.first().is_some_and(|(_, line)| *line == speaker.headline);
    if room < NARROW && is_headline {
        let longer = wrap(&speaker.brief.0, room);
        if lines.len() - 1 + longer.len() <= most {
            lines.splice(..1, marked(speaker, true, longer));
        }
    }
    lines
}

/// Lines of a judgement with its glyph in front of the first.
fn marked(verdict: &Verdict, first: bool, lines: Vec<String>) -> impl Iterator<Item = Line> {
    std::iter::once(glyph(verdict, first)).chain(std::iter::repeat(CONTINUED)).zip(lines)
}

/// What the judgements rest on, in words, and when they are looked at again: as many lines of so many columns.
fn evidence(model: &Model, view: &View, room: usize) -> Vec<String> {
    let said = view.verdicts.iter().filter_map(|verdict| judged_by(verdict, model.look.units));
    let looks = view.verdicts.iter().map(|verdict| format!("next look {}", verdict.look.words(view.at)));
    let looks: BTreeSet<String> = looks.collect();
    said.flat_map(|said| wrap(&said, room)).chain(looks).collect()
}

/// Draws what is judged, in as many rows as there are: what they rest on stands in those that are left.
pub(super) fn draw_panel(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    if area.is_empty() {
        return;
    }
    let hint = model.hint(Action::Why, "why");
    let hint_columns = width(&hint) as u16;
    let room = area.width.saturating_sub(INDENT + 1);
    let lines = summary(model, view, area.width, usize::from(area.height));
    let mut more = evidence(model, view, usize::from(room).max(1)).into_iter();
    let mut lines = lines.into_iter();
    pen.targets.add(area, Target::Do(Action::Why));
    for y in area.top()..area.bottom() {
        let x = area.x + INDENT;
        let used = match lines.next() {
            Some(((mark, role), text)) => {
                pen.put(area.x + 1, y, 1, mark, role);
                // The word or two that judge the whole stand out.
                let head = if y == area.y { first_words(&text) } else { 0 };
                let used = pen.put(x, y, room, &text[..head], Role::Strong);
                used + pen.put(x + used, y, room.saturating_sub(used), &text[head..], Role::Text)
            }
            None => more.next().map_or(0, |said| pen.put(x, y, room, &said, Role::Dim)),
        };
        // The last row says that there is more to read, where there is room for it.
        if y + 1 == area.bottom() && used + hint_columns + 3 <= room {
            pen.put_right(area.right() - 1, y, hint_columns, &hint, Role::Dim);
        }
    }
}

/// Where the words end that come first: at a mark with a blank behind it, or that ends the text. The marks inside of an
/// address or a number end nothing.
fn first_words(text: &str) -> usize {
    let ends = text.match_indices([':', '.', ';']).map(|(at, mark)| at + mark.len());
    let mut ends = ends.filter(|end| text[*end..].is_empty() || text[*end..].starts_with(' '));
    ends.next().unwrap_or(text.len())
}

/// The numbers a judgement rests on, if there are any.
fn judged_by(verdict: &Verdict, units: Units) -> Option<String> {
    let words = verdict.evidence.iter().map(|(name, value)| evidence_words(name, *value, units));
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| format!("judged by {}", words.join(", ")))
}

/// A number a judgement rests on, with its unit: `7 sending`, `2.0 MiB/s down`, `quiet 35 s`.
fn evidence_words(name: &str, value: u64, units: Units) -> String {
    let words = |name: &str| name.replace('_', " ");
    match name.rsplit_once('_') {
        _ if name == "transferring" => format!("{} sending", units::count(value)),
        Some((what, "bps")) => format!("{} {}", units::rate(value, units), words(what)),
        Some((what, "bytes")) => format!("{} {}", units::bytes(value, units), words(what)),
        Some((what, "s")) => format!("{} {}", words(what), words::span(Duration::from_secs(value))),
        Some((what, "ms")) => format!("{} {value} ms", words(what)),
        // A name, though made of digits.
        _ if name == "port" => format!("port {value}"),
        Some(("of", what)) => format!("of {} {what}", units::count(value)),
        _ => format!("{} {}", units::count(value), words(name)),
    }
}

/// What peers that are at this step right now wait for (0: to be dialled … 4: to send).
fn under_way(step: usize) -> Told {
    let (means, brief) = match step {
        0 => ("They are dialled when their turn comes.", "dialled in turn"),
        1 => ("Being called at this moment.", "being called now"),
        2 => ("Shaking hands at this moment.", "shaking hands now"),
        3 => ("Shook hands a moment ago; whether they let us download is not known yet.", "not known yet"),
        _ => ("Let us download since a moment ago; nothing has come yet.", "nothing yet"),
    };
    (means.to_owned(), brief)
}

/// What is judged, in full.
fn judged(model: &Model, view: &View, columns: u16) -> Vec<Spans> {
    let room = usize::from(columns.saturating_sub(INDENT + 1)).clamp(1, MOST_TEXT);
    let mut lines = Vec::new();
    for (at, verdict) in verdicts(model, view).iter().enumerate() {
        let (mut mark, role) = glyph(verdict, at == 0);
        for line in wrap(&verdict.text, room) {
            lines.push(Spans::new().add(role, mark).add(Role::Text, " ").add(Role::Text, line));
            mark = " ";
        }
        let advice = with_key(verdict, &verdict.advice, model, view);
        if !advice.is_empty() {
            for line in wrap(&advice, room) {
                lines.push(Spans::new().add(Role::Text, "  ").add(Role::Strong, line));
            }
        }
        let look = format!("next look {}", verdict.look.words(view.at));
        let line = judged_by(verdict, model.look.units).into_iter().chain([look]).collect::<Vec<_>>();
        for line in wrap(&line.join(" · "), room) {
            lines.push(Spans::new().add(Role::Dim, format!("  {line}")));
        }
        lines.push(Spans::new());
    }
    lines
}

/// Where peers are lost, and what that means.
pub(super) fn lost(view: &View, columns: u16) -> Vec<Spans> {
    let lines: Vec<Spans> = losses(view).iter().flat_map(|loss| loss.lines(columns, &loss.means)).collect();
    match lines.is_empty() {
        true => vec![Spans::new().add(Role::Dim, "  nowhere yet")],
        false => lines,
    }
}

/// The same in at most so many rows, the largest first: in full where there is room for all of it, else in a few words, and
/// none is told in place of a larger one.
pub(super) fn lost_within(view: &View, columns: u16, rows: u16) -> Vec<Spans> {
    let mut all = losses(view);
    all.sort_by_key(|loss| std::cmp::Reverse(loss.count));
    let mut told = Vec::new();
    for loss in all {
        let room = usize::from(rows) - told.len();
        let fits = |lines: &Vec<Spans>| lines.len() <= room;
        let full = Some(loss.lines(columns, &loss.means)).filter(fits);
        let brief =
            || Some(loss.lines(columns, loss.brief)).filter(|lines| !loss.brief.is_empty() && fits(lines));
        let Some(lines) = full.or_else(brief) else { break };
        told.extend(lines);
    }
    told
}

/// Peers that are lost for one reason.
struct Lost {
    /// What it is called.
    word: &'static str,
    count: u32,
    /// What it means, and what to do.
    means: String,
    /// What it means, in a few words; none where it is told in full or not at all.
    brief: &'static str,
}

impl Lost {
    /// Word and count in front of what is told of it, in as many lines of so many columns.
    fn lines(&self, columns: u16, told: &str) -> Vec<Spans> {
        let room = usize::from(columns.saturating_sub(INDENT + 1)).clamp(1, MOST_TEXT);
        let head = format!("  {:>5}  {:<16}", self.count, self.word);
        let room = room.saturating_sub(head.len()).max(12);
        let lines = wrap(told, room).into_iter().enumerate();
        let lines = lines.map(|(at, line)| {
            let head = if at == 0 { head.clone() } else { " ".repeat(head.len()) };
            Spans::new().add(Role::Text, head).add(Role::Dim, line)
        });
        lines.collect()
    }
}

/// What a loss means, and the same in a few words.
type Told = (String, &'static str);

/// What is told in no other words.
fn in_full(told: &str) -> Told {
    (told.to_owned(), "")
}

/// Every loss with what it means; what reads the same at two steps stands once.
fn losses(view: &View) -> Vec<Lost> {
    let mut told: Vec<Lost> = Vec::new();
    let mut add = |word: &'static str, count: u32, (means, brief): Told| match told
        .iter_mut()
        .find(|other| other.word == word && other.means == means)
    {
        Some(other) => other.count = other.count.saturating_add(count),
        None => told.push(Lost { word, count, means, brief }),
    };
    let funnel = Funnel::of(view);
    for step in 1..funnel.steps().len() {
        match funnel {
            Funnel::Fetching => {
                for (cause, count) in view.losses.get(step - 1).iter().flat_map(|loss| &loss.causes) {
                    let word = words::loss_word(step, *cause);
                    let shown = Shown::Lost(funnel, step, word);
                    let means = cause.map(|cause| of_cause(view, cause, shown));
                    add(word, *count, means.unwrap_or_else(|| under_way(step - 1)));
                }
            }
            Funnel::Giving => {
                for Loss { word, count, .. } in funnel.losses(view, step) {
                    add(word, count, giving(view, step, word));
                }
            }
        }
    }
    told
}

/// What a cause means for those that are shown and have it, and what to do.
fn of_cause(view: &View, cause: Cause, shown: Shown) -> Told {
    let lost = |peer: &&PeerRecord| peer.cause == Some(cause) && shown.takes(peer, view.at);
    let peers: Vec<&PeerRecord> = view.peers.iter().map(AsRef::as_ref).filter(lost).collect();
    let means = format!("{} {}", words::meaning(cause, &peers), advised(cause.info().advice));
    (means, cause.info().brief)
}

/// What keeps peers from taking what we have.
fn giving(view: &View, step: usize, word: &'static str) -> Told {
    let shown = Shown::Lost(Funnel::Giving, step, word);
    match (step, word) {
        (1, _) => {
            let lost = view.peers.iter().find(|peer| shown.takes(peer, view.at));
            match lost.and_then(|peer| peer.cause) {
                Some(cause) => of_cause(view, cause, shown),
                None => under_way(usize::from(word != "queued")),
            }
        }
        (2, "both complete") => of_cause(view, Cause::BothSeeds, shown),
        (2, _) => in_full("Connected, and wants nothing of us at this moment."),
        (3, "held") => of_cause(view, Cause::Held, shown),
        (3, _) => in_full("We serve others first (choked); turns change every 10 seconds."),
        _ => in_full("Unchoked by us, and asking for nothing at this moment."),
    }
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
    // With the margin of a page.
    let title = rule::line("Why they drop off", "", usize::from(columns.saturating_sub(2)));
    let mut losses = vec![title];
    losses.extend(lost(view, columns));
    (judged(model, view, columns), losses)
}

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let page = Page::of(area);
    frame::page_head(pen, &page, model, view);
    pen.rule(page.rule, "Why", "what the numbers mean", "");
    let height = height(model, view, area.width);
    let (off, body) = more::window(pen, page.body, model, (height, 1), model.scrolls.why);
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
    let used = body.height.min(u16::try_from(height).unwrap_or(u16::MAX));
    let spare = Rect { y: body.y + used, height: body.height - used, ..body };
    overview::numbers(pen, spare, model, view);
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

    #[test]
    fn several_peers_are_not_spoken_of_as_one() {
        let mut several = 0;
        for (name, ..) in sample::MOMENTS {
            for Lost { word, means, .. } in losses(&sample::moment(name)).iter().filter(|loss| loss.count > 1)
            {
                let one = means.split(|c: char| !c.is_alphanumeric()).any(|said| matches!(said, "It" | "it"));
                assert!(!one, "{name}, {word}: {means}");
                several += 1;
            }
        }
        assert!(several > 10, "{several}");
    }

    #[test]
    fn numbers_stand_before_what_they_count() {
        let words = |name, value| evidence_words(name, value, Units::Binary);
        assert_eq!(words("transferring", 7), "7 sending");
        assert_eq!(words("down_bps", 2 << 20), "2.0 MiB/s down");
        assert_eq!(words("parts_here", 8), "8 parts here");
        assert_eq!(words("longest_wait_s", 35), "longest wait 35 s");
        assert_eq!(words("write_ms", 900), "write 900 ms");
        assert_eq!(words("port", 6881), "port 6881");
        assert_eq!(words("of_pieces", 40), "of 40 pieces");
    }

    #[test]
    fn the_words_that_come_first_do_not_end_inside_an_address() {
        for (text, first) in [
            ("Going well. 7 peers send.", "Going well."),
            (
                "192.0.2.4:50001 (LimeWire) gives the metadata: 1 of 12.",
                "192.0.2.4:50001 (LimeWire) gives the metadata:",
            ),
            ("[2001:db8::2]:6881 gives the metadata.", "[2001:db8::2]:6881 gives the metadata."),
            ("Slow: 3.5 KiB/s", "Slow:"),
            ("Paused", "Paused"),
        ] {
            assert_eq!(&text[..first_words(text)], first);
        }
    }

    #[test]
    fn what_is_and_what_to_do_fit_80_columns_uncut() {
        let model = Model::new(Look::default());
        for (name, ..) in sample::MOMENTS {
            let view = sample::moment(name);
            let lines = summary(&model, &view, 80, if is_well(&view) { 3 } else { 6 });
            let said: Vec<&str> = lines.iter().map(|(_, text)| text.as_str()).collect();
            let said = said.join(" ");
            assert!(!said.contains('…') || name == "hostile", "{name}: {said}");
            for (at, verdict) in view.verdicts.iter().enumerate() {
                let told: String = verdict.brief.0.chars().take(20).collect();
                // What is not told at all is for the page of its own.
                if verdict.severity <= Severity::Info || (at > 0 && !said.contains(&told)) {
                    continue;
                }
                let advice = with_key(verdict, &verdict.brief.1, &model, &view);
                let advice = advice.trim_end_matches('.').split(" with ").next().unwrap();
                assert!(said.contains(advice), "{name}: {advice} in {said}");
            }
        }
        let small = summary(&model, &sample::healthy(), 40, 2);
        let small: Vec<&str> = small.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(small, ["Going well. 7 peers are sending.", "Port 6881 may be closed."]);
        let healthy = summary(&model, &sample::healthy(), 80, 3);
        assert!(
            healthy.iter().any(|(_, text)| text.ends_with("That is usual, and costs nothing.")),
            "{healthy:?}"
        );
    }
}
