//! The files in their folders: the pieces of each, how much of it is here, how fast it comes and how long the rest takes.

use std::ops::Range;
use std::time::Duration;

use ratatui::layout::Rect;

use super::{frame, more, overview};
use crate::event::Phase;
use crate::ledger::{PieceState, View};
use crate::metainfo::FilePriority;
use crate::ui::file_tree::FileTree;
use crate::ui::flow::{Flow, rest, up_to, whole};
use crate::ui::grid;
use crate::ui::model::Model;
use crate::ui::mouse::Target;
use crate::ui::paint::{self, Pen, inset, take_bottom, take_top};
use crate::ui::piece_map::Layer;
use crate::ui::theme::Role;
use crate::ui::widgets::mosaic::Letters;
use crate::ui::widgets::{bar, mosaic, selection};
use crate::units;

/// Rows of the pieces of what is selected: a rule, and a row of them.
const LEAST_PIECES: u16 = 2;

/// Rows of the pieces from which on the last one tells what their glyphs mean.
const LEGEND_FROM: u16 = 3;
/// Rows of it at most: each for so many of the pieces.
const MOST_LEGEND: u16 = 2;

/// The time over which the parts that files have in the rate are taken: they are known of whole pieces only.
const LATELY: Duration = Duration::from_secs(30);

/// The columns of a row, from its left edge; those that there is no room for have no width.
struct Columns {
    name: u16,
    /// How much it is wanted, where anything was chosen.
    wanted: u16,
    size: u16,
    strip: u16,
    here: u16,
    rate: u16,
    left: u16,
}

impl Columns {
    /// Between two of them.
    const GAP: u16 = 2;

    fn of(columns: u16, chosen: bool) -> Self {
        let strip = match columns {
            160.. => 60,
            100.. => 24,
            60.. => 12,
            _ => 0,
        };
        let wide = |from: u16, wide: u16| if columns >= from { wide } else { 0 };
        let (size, here, rate, left) = (wide(40, 9), 5, wide(96, 10), wide(72, 8));
        let wanted = if chosen { wide(34, 7) } else { 0 };
        let others = [wanted, size, strip, here, rate, left].into_iter().filter(|column| *column > 0);
        let others = others.map(|column| column + Self::GAP).sum();
        Self { name: columns.saturating_sub(others), wanted, size, strip, here, rate, left }
    }

    /// Where they stand in a row, the name left out: wanted, size, strip, share, rate, time.
    fn places(&self, row: Rect) -> [Rect; 6] {
        let mut x = row.x + self.name;
        [self.wanted, self.size, self.strip, self.here, self.rate, self.left].map(|width| {
            x += if width > 0 { Self::GAP } else { 0 };
            let place = Rect { x, width, height: 1, ..row }.intersection(row);
            x += width;
            place
        })
    }
}

/// What was verified lately, for the parts of the rate that belong to a file.
struct Lately {
    /// The pieces, lowest first.
    pieces: Vec<usize>,
    piece_bytes: u64,
    total_bytes: u64,
}

impl Lately {
    fn of(view: &View) -> Self {
        let pieces = view.pieces.history.verified_since(view.at.saturating_sub(LATELY).as_secs());
        let lengths =
            view.torrent.geometry().map(|geometry| (geometry.piece_bytes(), geometry.total_bytes()));
        // Of a torrent without lengths nothing was verified.
        let (piece_bytes, total_bytes) = lengths.map_or((1, 0), |(piece, total)| (u64::from(piece), total));
        Self { pieces, piece_bytes, total_bytes }
    }

    /// Bytes of it within these of the torrent.
    fn within(&self, span: &Range<u64>) -> u64 {
        let first = self.pieces.partition_point(|piece| (*piece as u64 + 1) * self.piece_bytes <= span.start);
        let last = self.pieces.partition_point(|piece| *piece as u64 * self.piece_bytes < span.end);
        let Some(pieces) = self.pieces.get(first..last).filter(|pieces| !pieces.is_empty()) else { return 0 };
        // What of the first and of the last lies beyond the span.
        let before = span.start.saturating_sub(pieces[0] as u64 * self.piece_bytes);
        let end = (pieces[pieces.len() - 1] as u64 + 1) * self.piece_bytes;
        let behind = end.saturating_sub(span.end);
        (pieces.len() as u64 * self.piece_bytes).saturating_sub(before + behind)
    }

    /// How fast the bytes of a span come, bytes a second, and how long those take that are missing: its part of what the
    /// head tells of the torrent.
    fn pace(&self, view: &View, span: &Range<u64>, missing_bytes: u64) -> Option<(u64, Option<Duration>)> {
        let (of, all) = (self.within(span), self.within(&(0..self.total_bytes)));
        let rate = u128::from(view.rates.down_bps) * u128::from(of) / u128::from(all.max(1));
        let rate = u64::try_from(rate).ok().filter(|rate| *rate > 0)?;
        let missing = view.wanted_bytes.unwrap_or_default().saturating_sub(view.have_bytes).max(1) as f64;
        let part = missing_bytes as f64 / missing * (all as f64 / of as f64);
        let left = frame::time_left(view)
            .and_then(|left| Duration::try_from_secs_f64(left.as_secs_f64() * part).ok());
        Some((rate, left.filter(|left| *left < frame::LONGEST_ETA)))
    }
}

/// Draws the files.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    if view.metadata.is_some() {
        return overview::later(pen, area, "Files", model, view);
    }
    // What the model keeps is of this view wherever keys and views came its way.
    let tree = model.files.up_to_date(view);
    let files = view.torrent.files();
    let flow = flow(area, &tree, view);
    frame::state_line(pen, flow.of(Part::Title), model, view);
    frame::progress(pen, flow.of(Part::Progress), view);
    let output = crate::text::clean(&view.torrent.output.to_string_lossy(), 200);
    let place = format!("in {output}");
    let place = paint::clip(&place, usize::from(area.width / 2));
    let mut listed = inset(flow.of(Part::List), 1, 1);
    let columns = Columns::of(listed.width, tree.is_chosen());
    heads(pen, inset(flow.of(Part::Heads), 1, 1), &columns);
    let lately = (view.phase == Phase::Downloading).then(|| Lately::of(view));
    let visible = grid::visible(tree.len(), usize::from(listed.height), Some(tree.selected()), &[]);
    let more = more::hidden(&visible, tree.len());
    let right = if more.is_empty() { place.into_owned() } else { format!("{more} · {place}") };
    let rule = selection::place(pen, inset(flow.of(Part::Rule), 1, 1), Some(tree.selected()), tree.len());
    let count = match view.wanted_files {
        Some(wanted) => {
            format!("{} of {} wanted", units::count(wanted as u64), units::count(files.len() as u64))
        }
        None => units::count(files.len() as u64),
    };
    let in_order = view.choice.as_ref().is_some_and(|choice| choice.sequential);
    let count = if in_order { format!("{count}, in order") } else { count };
    pen.rule(rule, "Files", &count, &right);
    for at in visible {
        let area = take_top(&mut listed, 1);
        pen.targets.add(area, Target::File(at));
        row(pen, area, (&tree, at), &columns, (view, lately.as_ref()));
    }
    let below = inset(flow.of(Part::Pieces), 1, 1);
    if let Some(pieces) = (!below.is_empty()).then(|| tree.pieces(tree.selected(), view)).flatten() {
        selected_pieces(pen, below, &tree, view, pieces);
    }
}

/// What the screen is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Title,
    Progress,
    Rule,
    Heads,
    List,
    /// The pieces of what is selected.
    Pieces,
}

/// Gives every part its place: the pieces have what the list leaves.
fn flow(area: Rect, tree: &FileTree, view: &View) -> Flow<Part> {
    use Part::{Heads, List, Pieces, Progress, Rule, Title};
    let files = u16::try_from(tree.len()).unwrap_or(u16::MAX);
    let spare = if tree.pieces(tree.selected(), view).is_some() { Pieces } else { List };
    let head = [up_to(Title, 1), up_to(List, 1), up_to(Rule, 1), up_to(Progress, 1), up_to(Heads, 1)];
    let claims: Vec<_> =
        head.into_iter().chain([up_to(List, files), whole(spare, LEAST_PIECES), rest(spare)]).collect();
    Flow::new(area, &[Title, Progress, Rule, Heads, List, Pieces], &claims)
}

/// The pieces of what is selected, as the grid shows them.
fn selected_pieces(pen: &mut Pen<'_>, area: Rect, tree: &FileTree, view: &View, pieces: Range<usize>) {
    let mut grid = area;
    let title = take_top(&mut grid, 1);
    let good = view.pieces.states[pieces.clone()].iter().filter(|state| **state == PieceState::Good).count();
    let counts =
        format!("{} of {} pieces verified", units::count(good as u64), units::count(pieces.len() as u64));
    let name = paint::clip(tree.name(tree.selected()), usize::from(area.width / 2)).into_owned();
    pen.rule(title, &name, &counts, "");
    let letters = Letters::none(pen.look);
    let means = mosaic::legend(Layer::State, &letters, |_| String::new()).and_skipped(view);
    let within = |area: Rect| inset(area, 1, 1);
    let most = (grid.height / LEGEND_FROM).min(MOST_LEGEND);
    let legend = take_bottom(&mut grid, means.height(within(area).width, most));
    let scale = mosaic::draw_part(pen, within(grid), view, pieces);
    means.draw(pen, within(legend), scale);
}

fn heads(pen: &mut Pen<'_>, area: Rect, columns: &Columns) {
    if area.is_empty() {
        return;
    }
    pen.put(area.x + 1, area.y, columns.name, "NAME", Role::Dim);
    let [wanted, size, strip, here, rate, left] = columns.places(area);
    pen.put(wanted.x, area.y, wanted.width, "WANTED", Role::Dim);
    pen.put(strip.x, area.y, strip.width, "PIECES", Role::Dim);
    for (place, title) in [(size, "SIZE"), (here, "HERE"), (rate, "RATE"), (left, "LEFT")] {
        pen.put_right(place.right(), area.y, place.width, title, Role::Dim);
    }
}

/// How much files are wanted of which the least and the most wanted are wanted so much, in a word.
fn wanted_word((least, most): (FilePriority, FilePriority)) -> (&'static str, Role) {
    match most {
        _ if least != most => ("mixed", Role::Text),
        FilePriority::Skip => ("skipped", Role::Dim),
        FilePriority::Low => ("low", Role::Dim),
        FilePriority::Normal => ("normal", Role::Text),
        FilePriority::High => ("high", Role::Strong),
    }
}

/// Draws a folder or a file into the area's first row.
fn row(
    pen: &mut Pen<'_>,
    area: Rect,
    (tree, at): (&FileTree, usize),
    columns: &Columns,
    (view, lately): (&View, Option<&Lately>),
) {
    let (Some(entry), false) = (tree.entry(at), area.is_empty()) else { return };
    let selected = at == tree.selected();
    name(pen, area, (tree, at), columns.name);
    let good = tree.good_bytes(at);
    let done = good >= entry.bytes;
    let [wanted, size, strip, here, rate, left] = columns.places(area);
    let (word, role) = wanted_word(tree.wanted(at));
    pen.put(wanted.x, wanted.y, wanted.width, word, role);
    let skipped = tree.wanted(at).1 == FilePriority::Skip;
    let units = pen.look.units;
    let right = |pen: &mut Pen<'_>, place: Rect, text: &str, role: Role| {
        pen.put_right(place.right(), place.y, place.width, text, role);
    };
    right(pen, size, &units::bytes(entry.bytes, units), Role::Text);
    match tree.pieces(at, view) {
        Some(pieces) => mosaic::draw_strip(pen, strip, view, pieces),
        None if entry.bytes > 0 => bar::line(pen, strip, good, entry.bytes),
        None => {}
    }
    let percent = if done { 100 } else { (u128::from(good) * 100 / u128::from(entry.bytes.max(1))) as u64 };
    let role = match (done, skipped) {
        (true, _) => Role::Progress,
        (false, true) => Role::Dim,
        (false, false) => Role::Text,
    };
    // Where there is no room for the column it is said here.
    let said = if skipped && wanted.is_empty() { "skip".to_owned() } else { format!("{percent} %") };
    right(pen, here, &said, role);
    let missing = tree.missing_bytes(at);
    if let Some(lately) = lately.filter(|_| missing > 0) {
        let pace = entry.span().and_then(|span| lately.pace(view, &span, missing));
        match pace {
            Some((bps, _)) => right(pen, rate, &units::rate(bps, units), Role::Down),
            None => right(pen, rate, "–", Role::Dim),
        }
        match pace.and_then(|(_, left)| left) {
            Some(time) => right(pen, left, &units::duration(time), Role::Text),
            None => right(pen, left, "–", Role::Dim),
        }
    }
    if selected {
        selection::bar(pen, Rect { height: 1, ..area });
    }
}

/// Draws the name of a folder or a file, the marks before it, and what a folder holds behind it.
fn name(pen: &mut Pen<'_>, area: Rect, (tree, at): (&FileTree, usize), columns: u16) {
    let Some(entry) = tree.entry(at) else { return };
    let selected = at == tree.selected();
    if selected {
        pen.put(area.x, area.y, 1, "▸", Role::Strong);
    }
    // However deep it lies, half the room is its name's.
    let indent = (entry.depth * 2).min(usize::from(columns / 2)) as u16;
    let x = area.x + 1 + indent;
    let room = columns.saturating_sub(1 + indent);
    let skipped = tree.wanted(at).1 == FilePriority::Skip;
    let strong = match (selected, skipped) {
        (true, _) => Role::Strong,
        (false, true) => Role::Dim,
        (false, false) => Role::Text,
    };
    if entry.file.is_some() {
        pen.put(x, area.y, room, tree.name(at), strong);
        return;
    }
    let glyph = if tree.is_folded(at) { "▸" } else { "▾" };
    pen.targets.add(Rect { x, width: 1.min(room), height: 1, ..area }, Target::Fold(at));
    let mut used = pen.put(x, area.y, room, glyph, Role::Dim) + 1;
    let name = format!("{}/", tree.name(at));
    used += pen.put(x + used, area.y, room.saturating_sub(used), &name, strong);
    let count = match entry.files {
        1 => "  1 file".to_owned(),
        files => format!("  {} files", units::count(files as u64)),
    };
    if usize::from(used) + count.len() <= usize::from(room) {
        pen.put(x + used, area.y, room - used, &count, Role::Dim);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::sample;

    #[test]
    fn what_came_lately_is_counted_by_byte() {
        let lately = Lately { pieces: vec![1, 2, 5, 9], piece_bytes: 10, total_bytes: 100 };
        for from in 0..100 {
            for to in from..=100 {
                let bytes = (from..to).filter(|byte| lately.pieces.contains(&((byte / 10) as usize))).count();
                assert_eq!(lately.within(&(from..to)), bytes as u64, "{from}..{to}");
            }
        }
    }

    #[test]
    fn files_share_the_rate_and_the_time_that_the_head_tells() {
        for name in ["healthy", "slow"] {
            let view = sample::moment(name);
            let (lately, total) = (Lately::of(&view), view.torrent.total_bytes().unwrap());
            let missing = total - view.have_bytes;
            let (rate, left) = lately.pace(&view, &(0..total), missing).unwrap();
            assert_eq!(rate, view.rates.down_bps, "{name}: all of it has all of the rate");
            let told = frame::time_left(&view).unwrap();
            assert!(
                left.unwrap().abs_diff(told) < Duration::from_secs(1),
                "{name}: {left:?}, the head {told:?}"
            );
            let files = view.torrent.files().iter();
            let spans = files.map(|file| file.offset_bytes..file.offset_bytes + file.length_bytes);
            let rates = spans.filter_map(|span| Some(lately.pace(&view, &span, 1)?.0));
            let (sum, count) = (rates.sum::<u64>(), view.torrent.files().len() as u64);
            assert!(sum <= rate && rate - sum <= count, "{name}: {sum} of {rate}");
        }
    }
}
