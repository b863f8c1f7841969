//! How the grid of pieces is looked at: what its cells show, how close, and where each piece stands in it.

use ratatui::layout::Rect;

use crate::ledger::View;
use crate::metainfo::Geometry;

/// What the cells of the grid show.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Layer {
    /// What is here.
    #[default]
    State,
    /// How many live peers hold it.
    Availability,
    /// Who sent it.
    Provenance,
    /// How long ago it came.
    Age,
}

impl Layer {
    /// The next one, and after the last the first.
    pub fn next(self) -> Self {
        match self {
            Self::State => Self::Availability,
            Self::Availability => Self::Provenance,
            Self::Provenance => Self::Age,
            Self::Age => Self::State,
        }
    }

    /// What it shows, in a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Self::State => "what is here",
            Self::Availability => "how many have it",
            Self::Provenance => "who sent it",
            Self::Age => "when it came",
        }
    }
}

/// The way the grid is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PieceMapView {
    /// What the cells show.
    pub layer: Layer,
    /// How many steps closer than the whole.
    pub zoom: u8,
}

/// How pieces and cells go together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scale {
    /// So many pieces a cell.
    Pieces(usize),
    /// So many cells a piece.
    Cells(usize),
}

impl Scale {
    /// Pieces that a cell stands for, at least one.
    pub(crate) fn pieces_a_cell(self) -> usize {
        match self {
            Self::Pieces(count) => count,
            Self::Cells(_) => 1,
        }
    }

    /// The scale in which everything fits into so many cells.
    pub(crate) fn whole(pieces: usize, cells: usize) -> Self {
        Self::Pieces(pieces.div_ceil(cells.max(1)).max(1))
    }

    /// The scale in which everything fits into so many columns and rows and leaves as few as it can blank.
    pub(crate) fn filling(pieces: usize, columns: usize, rows: usize) -> Self {
        const ENOUGH_PERCENT: usize = 85;
        let whole = Self::whole(pieces, columns * rows);
        if whole != Self::Pieces(1) {
            return whole;
        }
        // Cells that are filled where a piece has this many beside each other.
        let filled = |cells: usize| {
            let a_row = (columns / cells).max(1);
            let all_rows = pieces.div_ceil(a_row).max(1);
            rows / all_rows * all_rows * a_row * cells
        };
        let enough = |cells: &usize| filled(*cells) * 100 >= columns * rows * ENOUGH_PERCENT;
        let best = || (2..=columns).max_by_key(|cells| filled(*cells)).filter(|cells| filled(*cells) > 0);
        (2..=columns).rev().find(enough).or_else(best).map_or(whole, Self::Cells)
    }

    /// Twice as close, where that shows more; a piece takes no more cells than it has blocks.
    fn closer(self, most_cells: usize) -> Option<Self> {
        match self {
            Self::Pieces(1) => (most_cells >= 2).then_some(Self::Cells(2)),
            Self::Pieces(count) => Some(Self::Pieces(count.div_ceil(2))),
            Self::Cells(count) => (count * 2 <= most_cells).then_some(Self::Cells(count * 2)),
        }
    }
}

/// Where the cells of the grid are: rows of pieces in an area, of which a part may be in sight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lattice {
    pub(crate) area: Rect,
    pub(crate) scale: Scale,
    pieces: usize,
    /// Pieces in a row.
    a_row: usize,
    /// Rows of the terminal that a row takes.
    rows_a_row: usize,
    /// The first row in sight.
    first_row: usize,
    /// Whether coming closer would show more.
    pub(crate) can_be_closer: bool,
}

impl Lattice {
    /// The whole torrent in this area, with no cell for a part of a piece.
    pub(crate) fn of_pieces(area: Rect, view: &View) -> Self {
        let pieces = view.pieces.states.len();
        let scale = Scale::whole(pieces, usize::from(area.width) * usize::from(area.height));
        let a_row = (usize::from(area.width) * scale.pieces_a_cell()).max(1);
        Self { area, scale, pieces, a_row, rows_a_row: 1, first_row: 0, can_be_closer: false }
    }

    /// The lattice of a torrent in this area, looked at so closely, with this piece in sight. The whole of it fills the
    /// area: where there are more cells than pieces, a piece has several, side by side and below each other.
    pub(crate) fn new(area: Rect, view: &View, zoom: u8, cursor: u32) -> Self {
        let pieces = view.pieces.states.len();
        let (columns, rows) = (usize::from(area.width).max(1), usize::from(area.height).max(1));
        let blocks_in = |geometry: Geometry| Some(geometry.blocks_in(geometry.piece(0)?));
        let blocks = view.torrent.geometry().and_then(blocks_in).unwrap_or(1) as usize;
        let most_cells = blocks.min(columns);
        let mut scale = Scale::filling(pieces, columns, rows);
        for _ in 0..zoom {
            match scale.closer(most_cells) {
                Some(closer) => scale = closer,
                None => break,
            }
        }
        let a_row = match scale {
            Scale::Pieces(count) => columns * count,
            Scale::Cells(count) => (columns / count).max(1),
        };
        let all_rows = pieces.div_ceil(a_row);
        let rows_a_row = (rows / all_rows.max(1)).max(1);
        let rows = rows / rows_a_row;
        let cursor_row = (cursor as usize).min(pieces.saturating_sub(1)) / a_row;
        let first_row = cursor_row.saturating_sub(rows / 2).min(all_rows.saturating_sub(rows));
        Self {
            area,
            scale,
            pieces,
            a_row,
            rows_a_row,
            first_row,
            can_be_closer: scale.closer(most_cells).is_some(),
        }
    }

    /// Rows of the terminal that a row of pieces takes.
    pub(crate) fn rows_a_row(&self) -> u16 {
        self.rows_a_row as u16
    }

    /// Pieces that a step up or down moves by.
    pub(crate) fn a_row(&self) -> usize {
        self.a_row
    }

    /// Rows of the area in which there is no piece.
    pub(crate) fn blank_rows(&self) -> u16 {
        let rows = self.in_sight().len().div_ceil(self.a_row) * self.rows_a_row;
        self.area.height.saturating_sub(rows as u16)
    }

    /// The pieces in sight.
    pub(crate) fn in_sight(&self) -> std::ops::Range<usize> {
        let first = self.first_row * self.a_row;
        let rows = usize::from(self.area.height) / self.rows_a_row;
        first.min(self.pieces)..(first + self.a_row * rows).min(self.pieces)
    }

    /// Whether every piece is in sight.
    pub(crate) fn shows_all(&self) -> bool {
        self.in_sight() == (0..self.pieces)
    }

    /// The first and the last piece but one of the cell this piece lies in.
    pub(crate) fn cell_of(&self, piece: usize) -> std::ops::Range<usize> {
        let a_cell = self.scale.pieces_a_cell();
        let first = piece / a_cell * a_cell;
        first..(first + a_cell).min(self.pieces)
    }

    /// The first piece of the cell at this place of the screen.
    pub(crate) fn piece_at(&self, column: u16, row: u16) -> Option<u32> {
        self.area.contains((column, row).into()).then_some(())?;
        let (column, row) = (usize::from(column - self.area.x), usize::from(row - self.area.y));
        let within = match self.scale {
            Scale::Pieces(count) => column * count,
            Scale::Cells(count) => column / count,
        };
        let piece = (self.first_row + row / self.rows_a_row) * self.a_row + within;
        (within < self.a_row && piece < self.pieces).then(|| u32::try_from(piece).ok())?
    }

    /// The cells of a piece in sight.
    pub(crate) fn place_of(&self, piece: usize) -> Option<Rect> {
        let within = piece.checked_sub(self.in_sight().start).filter(|_| self.in_sight().contains(&piece))?;
        let (row, column) = (within / self.a_row, within % self.a_row);
        let (column, width) = match self.scale {
            Scale::Pieces(count) => (column / count, 1),
            Scale::Cells(count) => (column * count, count),
        };
        let (row, height) = (row * self.rows_a_row, self.rows_a_row);
        let (x, y) = (self.area.x + column as u16, self.area.y + row as u16);
        let place = Rect::new(x, y, width as u16, height as u16);
        Some(place.intersection(self.area))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ui::sample;

    #[test]
    fn coming_closer_ends_at_the_blocks() {
        let view = sample::healthy();
        let area = Rect::new(2, 3, 100, 20);
        let scales: Vec<Scale> = (0..9).map(|zoom| Lattice::new(area, &view, zoom, 0).scale).collect();
        use Scale::{Cells, Pieces};
        assert_eq!(
            scales,
            [Pieces(8), Pieces(4), Pieces(2), Pieces(1), Cells(2), Cells(4), Cells(8), Cells(16), Cells(16)]
        );
        assert!(
            !Lattice::new(area, &view, 7, 0).can_be_closer && Lattice::new(area, &view, 0, 0).shows_all()
        );
    }

    /// A torrent of so many pieces of sixteen blocks.
    fn of(pieces: u32) -> View {
        let mut view = sample::healthy();
        let facts = std::sync::Arc::make_mut(&mut view.torrent).metadata.as_mut().unwrap();
        facts.geometry = Geometry::new(u64::from(pieces) * 262_144, 262_144).unwrap();
        std::sync::Arc::make_mut(&mut view.pieces).states = vec![Default::default(); pieces as usize];
        view
    }

    #[test]
    fn few_pieces_fill_the_area_and_coming_closer_still_ends_at_the_blocks() {
        let area = Rect::new(2, 3, 100, 20);
        for (pieces, scale, rows) in [
            (1, Scale::Cells(100), 20),
            (3, Scale::Cells(100), 6),
            (40, Scale::Cells(50), 1),
            (641, Scale::Cells(3), 1),
            (2000, Scale::Pieces(1), 1),
            (2001, Scale::Pieces(2), 1),
        ] {
            let lattice = Lattice::new(area, &of(pieces), 0, 0);
            assert_eq!((lattice.scale, lattice.rows_a_row()), (scale, rows), "{pieces}");
            assert!(lattice.shows_all());
        }
        assert!(!Lattice::new(area, &of(1), 0, 0).can_be_closer);
        assert!(Lattice::new(area, &of(641), 0, 0).can_be_closer);
    }

    proptest! {
        #[test]
        fn few_or_many_each_piece_has_a_place_and_hardly_any_row_is_blank(
            pieces in 1u32..5000, width in 1u16..200, height in 1u16..60, zoom in 0u8..6, cursor in 0u32..5000,
        ) {
            let (view, cursor) = (of(pieces), cursor % pieces);
            let area = Rect::new(2, 3, width, height);
            let lattice = Lattice::new(area, &view, zoom, cursor);
            let place = lattice.place_of(cursor as usize).unwrap();
            prop_assert!(!place.is_empty() && area.intersection(place) == place);
            let first = lattice.cell_of(cursor as usize).start as u32;
            prop_assert!(place.positions().all(|at| lattice.piece_at(at.x, at.y) == Some(first)));
            if zoom == 0 {
                prop_assert!(lattice.shows_all());
                let last = lattice.place_of(pieces as usize - 1).unwrap();
                let blank = area.bottom() - last.bottom();
                // One row or one column more for each would be too much.
                prop_assert!(blank < height.div_ceil(2) || pieces == 1, "{blank} of {height}");
            }
        }

        #[test]
        fn the_piece_under_the_cursor_is_always_in_sight(
            width in 1u16..300, height in 1u16..100, zoom in 0u8..20, cursor in 0u32..15_104,
        ) {
            let view = sample::healthy();
            let lattice = Lattice::new(Rect::new(2, 3, width, height), &view, zoom, cursor);
            let place = lattice.place_of(cursor as usize).unwrap();
            prop_assert!(!place.is_empty() && lattice.area.intersection(place) == place);
            prop_assert!(lattice.cell_of(cursor as usize).contains(&(cursor as usize)));
            prop_assert!(zoom > 0 || lattice.shows_all());
            let first = lattice.cell_of(cursor as usize).start as u32;
            prop_assert!(place.positions().all(|at| lattice.piece_at(at.x, at.y) == Some(first)));
            prop_assert_eq!(lattice.piece_at(1, 3), None);
        }
    }
}
