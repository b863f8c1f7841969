//! The pieces as a grid: however many there are, they fall into the cells that there are.

mod layers;
mod legend;

use ratatui::layout::Rect;

use layers::ARRIVING;
pub(crate) use layers::Letters;
pub(crate) use legend::{Legend, legend, legend_of_one, words_of};

use crate::event::BlockState;
use crate::ledger::{PieceMap, PieceState, View};
use crate::metainfo::Bitfield;
use crate::ui::mouse::Target;
use crate::ui::paint::Pen;
use crate::ui::piece_map::{Lattice, Layer, Scale};
use crate::ui::theme::Role;

/// What a cell shows of its pieces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cell {
    /// All good.
    Good,
    /// Over half good.
    Most,
    /// Some good.
    Some,
    /// None good, some arriving.
    Arriving,
    /// Nothing here.
    Missing,
    /// A missing one that no connected peer holds.
    Unheld,
    /// One failed its check.
    Failed,
    /// Nothing of it is here, and it is not wanted.
    Skipped,
}

impl Cell {
    /// Its glyph, and how it looks; what arrives stands out also where something of the cell is good: in the brightest
    /// colour there is, half of the cell or more.
    pub(crate) fn glyph(self, arriving: bool) -> (&'static str, Role) {
        let role = if arriving { Role::Arriving } else { Role::Verified };
        match self {
            Self::Good => ("█", Role::Verified),
            Self::Most => ("▓", role),
            Self::Some => ("▒", role),
            Self::Arriving => ARRIVING,
            Self::Missing => ("·", Role::Rule),
            Self::Skipped => ("/", Role::Rule),
            Self::Unheld => ("!", Role::Trouble),
            Self::Failed => ("x", Role::Trouble),
        }
    }

    /// What so many good ones of so many look like, where nothing is wrong with any.
    fn filled(good: usize, of: usize, arriving: bool) -> Self {
        match () {
            () if good == of => Self::Good,
            () if good * 2 > of => Self::Most,
            () if good > 0 => Self::Some,
            () if arriving => Self::Arriving,
            () => Self::Missing,
        }
    }
}

/// Whether anybody said what they hold: before that, of no piece it is said that no peer has it.
fn is_told(map: &PieceMap) -> bool {
    map.seeds > 0 || map.held_by.iter().any(|&held| held > 0)
}

/// What a cell of these pieces shows, and whether any of them is arriving.
fn of_pieces(map: &PieceMap, range: std::ops::Range<usize>, told: bool) -> (Cell, bool) {
    let (states, held) = (&map.states[range.clone()], map.held_by.get(range.clone()).unwrap_or(&[]));
    if map.wanted_bytes.is_none() {
        return of_states(states, held, told && map.seeds == 0);
    }
    // Those that are skipped and not here say nothing of the others.
    let counts = |piece: usize| map.states[piece] == PieceState::Good || !map.is_skipped(piece);
    let all = range.zip(states.iter().zip(held)).filter(|(piece, _)| counts(*piece));
    let (states, held): (Vec<PieceState>, Vec<u16>) = all.map(|(_, (state, held))| (*state, *held)).unzip();
    if states.is_empty() {
        return (Cell::Skipped, false);
    }
    of_states(&states, &held, told && map.seeds == 0)
}

/// The same of pieces that stand so, and are held by so many; `tells`: that one is held by nobody is worth telling.
fn of_states(states: &[PieceState], held: &[u16], tells: bool) -> (Cell, bool) {
    let count = |wanted: PieceState| states.iter().map(|state| usize::from(*state == wanted)).sum::<usize>();
    let good = count(PieceState::Good);
    if good == states.len() {
        return (Cell::Good, false);
    }
    let arriving = count(PieceState::Arriving) > 0;
    let unheld =
        tells && states.iter().zip(held).any(|(state, held)| *state != PieceState::Good && *held == 0);
    let cell = match () {
        () if count(PieceState::Failed) > 0 => Cell::Failed,
        () if unheld => Cell::Unheld,
        () => Cell::filled(good, states.len(), arriving),
    };
    (cell, arriving)
}

/// What a part of a piece shows, from how its blocks were when they were last told of.
fn of_blocks(view: &View, piece: usize, part: usize, parts: usize) -> (Cell, bool) {
    let whole = of_pieces(&view.pieces, piece..piece + 1, is_told(&view.pieces));
    let under_way = view.torrent.piece(piece as u32).and_then(|piece| view.pieces.history.under_way(piece));
    let (Cell::Arriving, Some(under_way)) = (whole.0, under_way) else { return whole };
    let blocks: usize = under_way.blocks.iter().map(|run| run.count as usize).sum();
    let (from, to) = (part * blocks / parts, ((part + 1) * blocks / parts).max(part * blocks / parts + 1));
    let (mut here, mut asked, mut at) = (0, false, 0);
    for run in &under_way.blocks {
        let within = (at + run.count as usize).min(to).saturating_sub(at.max(from));
        match run.state {
            BlockState::Here(_) | BlockState::Kept => here += within,
            BlockState::Asked(_) => asked |= within > 0,
            BlockState::Free => {}
        }
        at += run.count as usize;
    }
    let arriving = asked || here > 0;
    (Cell::filled(here, to - from, asked), arriving)
}

/// Draws all the pieces into the area, row by row, as they stand.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, view: &View) {
    let lattice = Lattice::of_pieces(area, view);
    draw_states(pen, &lattice, view);
    pen.targets.add(area, Target::Grid(lattice));
}

/// Draws some pieces that follow each other, and nothing else, so that they fill the area: where there are more cells than
/// pieces, a piece has several. Tells how much a cell stands for.
pub(crate) fn draw_part(pen: &mut Pen<'_>, area: Rect, view: &View, pieces: std::ops::Range<usize>) -> Scale {
    let (columns, rows) = (usize::from(area.width).max(1), usize::from(area.height).max(1));
    let scale = Scale::filling(pieces.len(), columns, rows);
    let a_cell = scale.pieces_a_cell();
    let cells = if let Scale::Cells(count) = scale { count } else { 1 };
    let a_row = (columns / cells).max(1) * a_cell;
    let rows_a_row = (rows / pieces.len().div_ceil(a_row).max(1)).max(1);
    let told = is_told(&view.pieces);
    for place in area.positions() {
        let (column, row) = (usize::from(place.x - area.x), usize::from(place.y - area.y));
        let within = column / cells * a_cell;
        let first = pieces.start + row / rows_a_row * a_row + within;
        if within >= a_row || first >= pieces.end {
            continue;
        }
        let (cell, arriving) = match cells {
            1 => of_pieces(&view.pieces, first..(first + a_cell).min(pieces.end), told),
            cells => of_blocks(view, first, column % cells, cells),
        };
        let (symbol, role) = cell.glyph(arriving);
        pen.dot(place.x, place.y, symbol, role);
    }
    scale
}

/// Draws the same pieces across the area's first row, all of it: a cell stands for several pieces, or several for one.
pub(crate) fn draw_strip(pen: &mut Pen<'_>, area: Rect, view: &View, pieces: std::ops::Range<usize>) {
    let (count, cells) = (pieces.len(), usize::from(area.width));
    if count == 0 || area.is_empty() {
        return;
    }
    let told = is_told(&view.pieces);
    for (at, x) in (area.left()..area.right()).enumerate() {
        let (from, to) = (at * count / cells, ((at + 1) * count / cells).max(at * count / cells + 1));
        let (cell, arriving) = of_pieces(&view.pieces, pieces.start + from..pieces.start + to, told);
        let (symbol, role) = cell.glyph(arriving);
        pen.dot(x, area.y, symbol, role);
    }
}

/// Draws what one peer has, beside what we have, into the area; tells how much a cell stands for.
pub(crate) fn draw_of_one(pen: &mut Pen<'_>, area: Rect, view: &View, has: &Bitfield) -> Scale {
    let lattice = Lattice::of_pieces(area, view);
    each_cell(pen, &lattice, |range, _| layers::had_by_one(view, range, has));
    lattice.scale
}

/// Draws what is in sight of a layer.
pub(crate) fn draw_layer(pen: &mut Pen<'_>, lattice: &Lattice, layer: Layer, view: &View, letters: &Letters) {
    match layer {
        Layer::State => draw_states(pen, lattice, view),
        Layer::Availability => {
            each_cell(pen, lattice, |range, _| layers::availability(view, range, letters.digits))
        }
        Layer::Provenance => each_cell(pen, lattice, |range, _| letters.cell(view, range)),
        Layer::Age => each_cell(pen, lattice, |range, _| layers::age(view, range)),
    }
}

fn draw_states(pen: &mut Pen<'_>, lattice: &Lattice, view: &View) {
    let told = is_told(&view.pieces);
    let cells = |scale| if let Scale::Cells(count) = scale { count } else { 1 };
    let parts = cells(lattice.scale);
    each_cell(pen, lattice, |range, part| {
        let (cell, arriving) = match parts {
            1 => of_pieces(&view.pieces, range, told),
            parts => of_blocks(view, range.start, part, parts),
        };
        cell.glyph(arriving)
    });
}

/// Draws every cell in sight: from the pieces it stands for, or the piece and which part of it.
fn each_cell(
    pen: &mut Pen<'_>,
    lattice: &Lattice,
    glyph: impl Fn(std::ops::Range<usize>, usize) -> (&'static str, Role),
) {
    let Some(first) = lattice.place_of(lattice.in_sight().start) else { return };
    let (area, in_sight, tall) = (lattice.area, lattice.in_sight(), lattice.rows_a_row());
    let (mut x, mut y) = (first.x, first.y);
    let (a_cell, parts) = match lattice.scale {
        Scale::Pieces(count) => (count, 1),
        Scale::Cells(count) => (1, count),
    };
    let mut next = in_sight.start;
    while next < in_sight.end {
        let range = next..(next + a_cell).min(in_sight.end);
        for part in 0..parts {
            let (symbol, role) = glyph(range.clone(), part);
            (y..y + tall).for_each(|y| pen.dot(x, y, symbol, role));
            x += 1;
        }
        next += a_cell;
        if usize::from(area.right() - x) < parts {
            (x, y) = (area.x, y + tall);
        }
    }
}

/// Marks the cells of a piece, and in the margin the row they are in.
pub(crate) fn mark(pen: &mut Pen<'_>, lattice: &Lattice, piece: usize) {
    let Some(place) = lattice.place_of(piece) else { return };
    for at in place.positions() {
        pen.recolour(at.x, at.y, Role::Strong);
    }
    pen.point(place);
    if let Some(margin) = lattice.area.x.checked_sub(1) {
        pen.dot(margin, place.y, "▸", Role::Strong);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(states: &[PieceState], held_by: &[u16], seeds: u32) -> PieceMap {
        PieceMap { states: states.to_vec(), held_by: held_by.to_vec(), seeds, ..PieceMap::default() }
    }

    fn cell(map: &PieceMap, range: std::ops::Range<usize>) -> (Cell, bool) {
        of_pieces(map, range, is_told(map))
    }

    #[test]
    fn a_cell_tells_the_worst_how_much_is_good_and_whether_more_is_on_its_way() {
        use PieceState::{Arriving, Failed, Good, Missing};
        for (states, expected) in [
            ([Good, Good, Good, Good], (Cell::Good, false)),
            ([Good, Good, Good, Missing], (Cell::Most, false)),
            ([Good, Good, Good, Arriving], (Cell::Most, true)),
            ([Good, Good, Arriving, Missing], (Cell::Some, true)),
            ([Missing, Arriving, Missing, Missing], (Cell::Arriving, true)),
            ([Missing; 4], (Cell::Missing, false)),
            ([Good, Failed, Good, Good], (Cell::Failed, false)),
        ] {
            assert_eq!(cell(&map(&states, &[1; 4], 0), 0..4), expected, "{states:?}");
        }
        let arriving = |good| Cell::filled(good, 4, true).glyph(true).1;
        assert!((0..4).all(|good| arriving(good) == Role::Arriving), "what arrives stands out");
    }

    #[test]
    fn a_piece_that_only_we_have_is_not_missed_by_anybody() {
        let mut view = crate::ui::sample::healthy();
        let shown = |view: &View| layers::availability(view, 0..2, true).0;
        let pieces = std::sync::Arc::make_mut(&mut view.pieces);
        pieces.seeds = 0;
        pieces.held_by[..2].fill(0);
        for (states, glyph) in [
            ([PieceState::Good, PieceState::Good], "0"),
            ([PieceState::Good, PieceState::Missing], "!"),
            ([PieceState::Missing, PieceState::Missing], "!"),
        ] {
            std::sync::Arc::make_mut(&mut view.pieces).states[..2].copy_from_slice(&states);
            assert_eq!(shown(&view), glyph, "{states:?}");
        }
    }

    #[test]
    fn pieces_nobody_holds_stand_out_once_somebody_said_what_they_hold() {
        let missing = [PieceState::Missing; 4];
        assert_eq!(cell(&map(&missing, &[1, 1, 0, 1], 0), 0..2).0, Cell::Missing);
        assert_eq!(cell(&map(&missing, &[1, 1, 0, 1], 0), 2..4).0, Cell::Unheld);
        assert_eq!(cell(&map(&missing, &[0; 4], 0), 0..4).0, Cell::Missing);
        assert_eq!(cell(&map(&missing, &[0; 4], 1), 0..4).0, Cell::Missing);
    }
}
