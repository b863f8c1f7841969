//! Every piece in a grid, and what is known of the one under the cursor.

use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::{frame, overview};
use crate::ledger::{PieceState, View};
use crate::ui::model::Model;
use crate::ui::paint::{Pen, Spans, inset, take_bottom, take_top, wrap};
use crate::ui::theme::Role;
use crate::ui::widgets::mosaic;
use crate::ui::words::Standing;
use crate::units;

/// Lines below the grid that tell of the piece under the cursor, its rule included.
const DETAIL: u16 = 5;

/// The grid's area within a screen of this size.
fn grid_area(area: Rect) -> Rect {
    let mut body = area;
    take_top(&mut body, 3);
    take_bottom(&mut body, DETAIL + 1);
    inset(body, 2, 2)
}

/// Columns of the grid, and pieces in a cell, on a terminal of this size: what arrows move by.
pub(crate) fn grid_columns(size: (u16, u16), pieces: usize) -> (usize, usize) {
    let grid = grid_area(Rect::new(0, 0, size.0, size.1.saturating_sub(1)));
    let cells = usize::from(grid.width) * usize::from(grid.height);
    (usize::from(grid.width).max(1), mosaic::pieces_a_cell(pieces, cells))
}

/// Draws the pieces.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let mut body = area;
    frame::short_head(pen, &mut body, model, view);
    pen.rule(
        inset(take_top(&mut body, 1), 1, 1),
        "Pieces",
        &overview::piece_counts(view, true),
        &overview::rarity(view),
    );
    let grid = grid_area(area);
    let pieces = view.pieces.states.len();
    let a_cell = mosaic::pieces_a_cell(pieces, usize::from(grid.width) * usize::from(grid.height));
    mosaic::draw(pen, grid, &mosaic::cells(&view.pieces, a_cell));
    if grid.is_empty() {
        return;
    }
    let cell = model.piece as usize / a_cell;
    let (row, column) = (cell / usize::from(grid.width), cell % usize::from(grid.width));
    if row < usize::from(grid.height) {
        let under = Rect::new(grid.x + column as u16, grid.y + row as u16, 1, 1);
        pen.modify(under, Modifier::REVERSED, Modifier::DIM);
    }
    let mut below = take_bottom(&mut body, DETAIL + 1);
    overview::legend(pen, inset(take_top(&mut below, 1), 2, 2), a_cell);
    detail(pen, below, model, view, a_cell);
}

fn detail(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View, a_cell: usize) {
    let mut rest = area;
    let geometry = view.torrent.geometry;
    let Some(piece) = geometry.piece(model.piece) else {
        return;
    };
    let length = units::bytes(u64::from(geometry.length_of(piece)), pen.look.units);
    let title = format!("Piece {}", units::count(u64::from(piece.number())));
    let first = piece.index() / a_cell.max(1) * a_cell.max(1);
    let last = (first + a_cell).min(view.pieces.states.len()).saturating_sub(1);
    let cell = if a_cell > 1 { format!("first of the cell, {first} to {last}") } else { String::new() };
    pen.rule(inset(take_top(&mut rest, 1), 1, 1), &title, &length, &cell);
    let text = inset(rest, 1, 1);
    let state = match view.pieces.states.get(piece.index()).copied().unwrap_or_default() {
        PieceState::Good => "It is good: its hash is right.",
        PieceState::Arriving => "It is arriving.",
        PieceState::Failed => "It failed its check and is fetched again.",
        PieceState::Missing => "Nothing of it is here.",
    };
    let mut in_cell = String::new();
    if a_cell > 1 {
        let states = view.pieces.states.get(first..=last.max(first)).unwrap_or(&[]);
        let good = states.iter().filter(|state| **state == PieceState::Good).count();
        in_cell = format!(" Of its cell {good} of {} are good.", states.len());
    }
    let holders: Vec<_> = view
        .peers
        .iter()
        .filter(|peer| peer.is_live() && peer.has.as_ref().is_some_and(|has| has.has(piece)))
        .collect();
    let mut said = vec![Spans::new().add(Role::Text, state).add(Role::Dim, in_cell)];
    if holders.is_empty() {
        said.push(Spans::new().add(Role::Text, "No live peer holds it."));
    } else {
        let sending = holders.iter().filter(|peer| Standing::of(peer, view.at) == Standing::Sending).count();
        let head = format!("{} live peers hold it, {sending} of them are sending:", holders.len());
        said.push(Spans::new().add(Role::Text, head));
        let names: Vec<String> = holders.iter().map(|peer| peer.addr.to_string()).collect();
        let names = names.join("  ");
        said.extend(
            wrap(&names, usize::from(text.width).max(1))
                .into_iter()
                .map(|line| Spans::new().add(Role::Dim, line)),
        );
    }
    let mut rows = text;
    for line in said {
        let row = take_top(&mut rows, 1);
        if row.is_empty() {
            return;
        }
        pen.spans(row.x, row.y, row.width, &line);
    }
}
