//! The pieces as a grid: however many there are, they fall into the cells that there are.

use ratatui::layout::Rect;

use crate::ledger::{PieceMap, PieceState};
use crate::ui::paint::Pen;
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
}

impl Cell {
    /// Its glyph, and how it looks.
    pub(crate) fn glyph(self) -> (&'static str, Role) {
        match self {
            Self::Good => ("█", Role::Text),
            Self::Most => ("▓", Role::Text),
            Self::Some => ("▒", Role::Text),
            Self::Arriving => ("░", Role::Text),
            Self::Missing => ("·", Role::Dim),
            Self::Unheld => ("!", Role::Trouble),
            Self::Failed => ("x", Role::Trouble),
        }
    }
}

/// How many pieces each of at most `cells` cells stands for.
pub(crate) fn pieces_a_cell(pieces: usize, cells: usize) -> usize {
    pieces.div_ceil(cells.max(1)).max(1)
}

/// What the cells show, `a_cell` pieces each.
pub(crate) fn cells(map: &PieceMap, a_cell: usize) -> Vec<Cell> {
    // Before anybody said what they hold, nothing is said to be held by nobody.
    let told = map.seeds > 0 || map.held_by.iter().any(|&held| held > 0);
    let chunk = a_cell.max(1);
    let shown = map.states.chunks(chunk).enumerate().map(|(i, states)| {
        let (mut good, mut arriving, mut failed) = (0, 0, 0);
        for state in states {
            match state {
                PieceState::Good => good += 1,
                PieceState::Arriving => arriving += 1,
                PieceState::Failed => failed += 1,
                PieceState::Missing => {}
            }
        }
        if good == states.len() {
            return Cell::Good;
        }
        let unheld = told && map.seeds == 0 && {
            let held = map.held_by.get(i * chunk..i * chunk + states.len()).unwrap_or(&[]);
            states.iter().zip(held).any(|(state, held)| *state != PieceState::Good && *held == 0)
        };
        match () {
            () if failed > 0 => Cell::Failed,
            () if unheld => Cell::Unheld,
            () if good * 2 > states.len() => Cell::Most,
            () if good > 0 => Cell::Some,
            () if arriving > 0 => Cell::Arriving,
            () => Cell::Missing,
        }
    });
    shown.collect()
}

/// Draws cells into the area, row by row.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, cells: &[Cell]) {
    if area.is_empty() {
        return;
    }
    for (at, cell) in cells.iter().take(usize::from(area.width) * usize::from(area.height)).enumerate() {
        let (glyph, role) = cell.glyph();
        let (row, column) = (at / usize::from(area.width), at % usize::from(area.width));
        pen.put(area.x + column as u16, area.y + row as u16, 1, glyph, role);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(states: &[PieceState], held_by: &[u16], seeds: u32) -> PieceMap {
        PieceMap { states: states.to_vec(), held_by: held_by.to_vec(), seeds, ..PieceMap::default() }
    }

    #[test]
    fn a_cell_tells_the_worst_and_how_much_is_good() {
        use PieceState::{Arriving, Failed, Good, Missing};
        for (states, expected) in [
            ([Good, Good, Good, Good], Cell::Good),
            ([Good, Good, Good, Missing], Cell::Most),
            ([Good, Good, Arriving, Missing], Cell::Some),
            ([Missing, Arriving, Missing, Missing], Cell::Arriving),
            ([Missing; 4], Cell::Missing),
            ([Good, Failed, Good, Good], Cell::Failed),
        ] {
            assert_eq!(cells(&map(&states, &[1; 4], 0), 4), [expected], "{states:?}");
        }
    }

    #[test]
    fn pieces_nobody_holds_stand_out_once_somebody_said_what_they_hold() {
        let missing = [PieceState::Missing; 4];
        assert_eq!(cells(&map(&missing, &[1, 1, 0, 1], 0), 2), [Cell::Missing, Cell::Unheld]);
        assert_eq!(cells(&map(&missing, &[0; 4], 0), 2), [Cell::Missing; 2]);
        assert_eq!(cells(&map(&missing, &[0; 4], 1), 2), [Cell::Missing; 2]);
    }

    #[test]
    fn all_pieces_fall_into_the_cells() {
        for (pieces, room) in [(100_000, 500), (7, 500), (500, 500), (501, 500), (1, 0)] {
            let a_cell = pieces_a_cell(pieces, room);
            assert!(cells(&map(&vec![PieceState::Good; pieces], &[], 0), a_cell).len() <= room.max(1));
        }
    }
}
