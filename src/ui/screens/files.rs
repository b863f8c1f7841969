//! The files in their folders, and how much of each is here.

use std::borrow::Cow;
use std::ops::Range;

use ratatui::layout::Rect;

use super::{frame, more, overview};
use crate::ledger::{PieceState, View};
use crate::ui::file_tree::FileTree;
use crate::ui::flow::{Flow, rest, up_to, whole};
use crate::ui::grid;
use crate::ui::model::Model;
use crate::ui::mouse::Target;
use crate::ui::paint::{self, Pen, inset, take_top};
use crate::ui::theme::Role;
use crate::ui::widgets::{bar, mosaic};
use crate::units;

/// Rows of the pieces of what is selected: a rule, and a row of them.
const LEAST_PIECES: u16 = 2;

/// The columns of a row, from its left edge.
struct Columns {
    name: u16,
    size: u16,
    bar: u16,
}

impl Columns {
    fn of(columns: u16) -> Self {
        let bar = match columns {
            160.. => 40,
            100.. => 24,
            60.. => 12,
            _ => 0,
        };
        let size = if columns >= 40 { 9 } else { 0 };
        // Between them two columns each, and six for the percentage.
        let others = 6 + if bar > 0 { bar + 2 } else { 0 } + if size > 0 { size + 2 } else { 0 };
        Self { name: columns.saturating_sub(others), size, bar }
    }
}

/// Draws the files.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    if view.metadata.is_some() {
        return overview::later(pen, area, "Files", model, view);
    }
    // What the model keeps is of this view wherever keys and views came its way.
    let tree = match model.files.is_of(view) {
        true => Cow::Borrowed(&model.files),
        false => {
            let mut tree = model.files.clone();
            tree.take_in(view);
            Cow::Owned(tree)
        }
    };
    let files = view.torrent.files();
    let flow = flow(area, &tree, view);
    frame::state_line(pen, flow.of(Part::Title), model, view);
    frame::progress(pen, flow.of(Part::Progress), view);
    let output = crate::text::clean(&view.torrent.output.to_string_lossy(), 200);
    let place = format!("in {output}");
    let place = paint::clip(&place, usize::from(area.width / 2));
    let mut listed = inset(flow.of(Part::List), 1, 1);
    let columns = Columns::of(listed.width);
    heads(pen, inset(flow.of(Part::Heads), 1, 1), &columns);
    let visible = grid::visible(tree.len(), usize::from(listed.height), Some(tree.selected()), &[]);
    let more = more::hidden(&visible, tree.len());
    let right = if more.is_empty() { place.into_owned() } else { format!("{more} · {place}") };
    pen.rule(inset(flow.of(Part::Rule), 1, 1), "Files", &units::count(files.len() as u64), &right);
    for at in visible {
        let area = take_top(&mut listed, 1);
        pen.targets.add(area, Target::File(at));
        row(pen, area, &tree, at, &columns);
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
    // A folder may hold very many files: its pieces are not looked for where there is no room for them.
    let leaves_room = files < area.height && tree.pieces(tree.selected(), view).is_some();
    let spare = if leaves_room { Pieces } else { List };
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
    mosaic::draw_part(pen, inset(grid, 1, 1), view, pieces);
}

fn heads(pen: &mut Pen<'_>, area: Rect, columns: &Columns) {
    if area.is_empty() {
        return;
    }
    pen.put(area.x + 1, area.y, columns.name, "NAME", Role::Dim);
    let end = area.x + columns.name + 2 + columns.size;
    pen.put_right(end, area.y, columns.size, "SIZE", Role::Dim);
    pen.put_right(area.right(), area.y, 4, "HERE", Role::Dim);
}

fn row(pen: &mut Pen<'_>, area: Rect, tree: &FileTree, at: usize, columns: &Columns) {
    let (Some(entry), false) = (tree.entry(at), area.is_empty()) else { return };
    let selected = at == tree.selected();
    if selected {
        pen.put(area.x, area.y, 1, "▸", Role::Strong);
    }
    // However deep it lies, half the room is its name's.
    let indent = (entry.depth * 2).min(usize::from(columns.name / 2)) as u16;
    let x = area.x + 1 + indent;
    let room = columns.name.saturating_sub(1 + indent);
    let strong = if selected { Role::Strong } else { Role::Text };
    let used = match entry.file {
        Some(_) => pen.put(x, area.y, room, tree.name(at), strong),
        None => {
            let glyph = if tree.is_folded(at) { "▸" } else { "▾" };
            pen.targets.add(Rect { x, width: 1.min(room), height: 1, ..area }, Target::Fold(at));
            let used = pen.put(x, area.y, room, glyph, Role::Dim) + 1;
            let name = format!("{}/", tree.name(at));
            used + pen.put(x + used, area.y, room.saturating_sub(used), &name, strong)
        }
    };
    if entry.file.is_none() {
        let count = match entry.files {
            1 => "  1 file".to_owned(),
            files => format!("  {} files", units::count(files as u64)),
        };
        if usize::from(used) + count.len() <= usize::from(room) {
            pen.put(x + used, area.y, room - used, &count, Role::Dim);
        }
    }
    let good = tree.good_bytes(at);
    let done = good >= entry.bytes;
    let mut end = area.x + columns.name + 2 + columns.size;
    pen.put_right(end, area.y, columns.size, &units::bytes(entry.bytes, pen.look.units), Role::Text);
    if columns.bar > 0 {
        let (done_bytes, all) = if done { (1, 1) } else { (good, entry.bytes) };
        bar::line(pen, Rect { x: end + 2, width: columns.bar, ..area }, done_bytes, all);
        end += 2 + columns.bar;
    }
    let percent = if done { 100 } else { (u128::from(good) * 100 / u128::from(entry.bytes.max(1))) as u64 };
    let role = if done { Role::Progress } else { Role::Text };
    pen.put_right(
        area.right(),
        area.y,
        area.right().saturating_sub(end).max(5),
        &format!("{percent} %"),
        role,
    );
}
