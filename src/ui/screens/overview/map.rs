//! The pieces on the overview: with a rule and a legend where there is room, else in a row or two.

use ratatui::layout::Rect;

use super::WIDE;
use crate::ledger::{PieceState, View};
use crate::ui::paint::{Pen, inset, take_bottom, take_top, width};
use crate::ui::piece_map::{Layer, Scale};
use crate::ui::screens::pieces;
use crate::ui::theme::Role;
use crate::ui::widgets::mosaic::{self, Letters};
use crate::units;

/// From so many rows on the last one tells what the cells mean.
const LEGEND_FROM: u16 = 4;
/// In a row that is all there is, the grid begins behind its name.
const NAME: u16 = 8;

/// How many pieces are verified, arriving and bad: `2 098 of 15 104 verified · 41 arriving`.
pub(in crate::ui::screens) fn piece_counts(view: &View, with_bad: bool) -> String {
    let pieces = &view.pieces;
    let total = u64::from(view.torrent.piece_count());
    let mut said = format!("{} of {} verified", units::count(u64::from(pieces.good)), units::count(total));
    if pieces.arriving > 0 {
        said += &format!(" · {} arriving", units::count(u64::from(pieces.arriving)));
    }
    if with_bad || pieces.failures > 0 {
        said += &format!(" · {} bad", units::count(u64::from(pieces.failures)));
    }
    said
}

/// How rare the rarest missing piece is.
pub(in crate::ui::screens) fn rarity(view: &View) -> String {
    if view.groups.live == 0 {
        return String::new();
    }
    match view.pieces.rarest() {
        None => String::new(),
        Some(0) => {
            let states = view.pieces.states.iter().zip(&view.pieces.held_by);
            let unheld = states.filter(|(state, held)| **state != PieceState::Good && **held == 0);
            format!("no peer has {} of them", units::count(unheld.count() as u64))
        }
        Some(1) => "at least 1 peer has each".to_owned(),
        Some(n) => format!("at least {n} peers have each"),
    }
}

/// Whether a grid of so many rows has cells in all of them.
fn fills(pieces: usize, columns: usize, rows: usize) -> bool {
    let a_cell = Scale::whole(pieces, columns * rows).pieces_a_cell();
    pieces.div_ceil(a_cell * columns) >= rows
}

/// Rows of rule and legend.
const AROUND: u16 = 2;

/// Rows of a panel with rule and legend in which every row of the grid has cells.
pub(in crate::ui::screens) fn full_heights(area: Rect, view: &View) -> impl Iterator<Item = u16> {
    let columns = usize::from(area.width.saturating_sub(4)).max(1);
    let pieces = view.pieces.states.len();
    let full = move |rows: &u16| fills(pieces, columns, usize::from(*rows));
    (1..=area.height).filter(full).map(|rows| rows.saturating_add(AROUND))
}

/// Rows of the panel: the least, those that show enough, and further ones, in each of which it shows more.
pub(super) fn heights(area: Rect, view: &View) -> (u16, u16, Vec<u16>) {
    let mut heights: Vec<u16> = full_heights(area, view).collect();
    let enough = (area.height + 1) / 10 + AROUND;
    let more = heights.split_off(heights.partition_point(|rows| *rows <= enough));
    let least = if area.width >= WIDE { 2 } else { 1 };
    (least, heights.last().copied().unwrap_or(least), more)
}

/// Draws the panel.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, view: &View) {
    let mut rest = area;
    match area.height {
        0 => {}
        1 => {
            pen.put(area.x + 1, area.y, area.width, "Pieces", Role::Strong);
            mosaic::draw(pen, inset(rest, NAME, 1), view);
        }
        _ if area.width < WIDE && area.height < LEGEND_FROM => {
            title(pen, inset(take_top(&mut rest, 1), 1, 1), view);
            mosaic::draw(pen, inset(rest, 1, 1), view);
        }
        _ => {
            let rule = inset(take_top(&mut rest, 1), 1, 1);
            pen.rule(rule, "Pieces", &piece_counts(view, area.width >= WIDE), &rarity(view));
            let rows = u16::from(area.height >= LEGEND_FROM);
            let row = inset(take_bottom(&mut rest, rows), 2, 2);
            let grid = inset(rest, 2, 2);
            mosaic::draw(pen, grid, view);
            if rows > 0 {
                let cells = usize::from(grid.width) * usize::from(grid.height);
                let scale = Scale::whole(view.pieces.states.len(), cells);
                let legend =
                    mosaic::legend(Layer::State, &Letters::default(), |_| String::new()).and_skipped(view);
                pieces::legend(pen, row, &legend, scale);
            }
        }
    }
}

/// Name and counts in a row without a rule.
fn title(pen: &mut Pen<'_>, area: Rect, view: &View) {
    let used = pen.put(area.x, area.y, area.width, "Pieces", Role::Strong) + 2;
    let counts = piece_counts(view, false);
    let used = used + pen.put(area.x + used, area.y, area.width.saturating_sub(used), &counts, Role::Text);
    let rarity = rarity(view);
    if usize::from(used) + 2 + width(&rarity) <= usize::from(area.width) {
        pen.put_right(area.right(), area.y, area.width, &rarity, Role::Dim);
    }
}
