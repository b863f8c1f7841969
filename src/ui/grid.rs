//! A table of which only the visible rows and columns are ever made.
//!
//! Widths are plain arithmetic: every column gets its least width, what is left goes to wishes in the columns'
//! order, and what is then left to the columns that grow. Between what ends at the right and what begins at the left
//! there are two blanks, elsewhere one.

use ratatui::layout::Rect;

use crate::ledger::View;

use super::columns::SortKey;
use super::mouse::Target;
use super::paint::{self, Pen, Spans};
use super::theme::{Look, Role};
use super::widgets::selection;

/// What a cell may look at besides its row.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) view: &'a View,
    pub(crate) look: &'a Look,
}

/// A column of a table over rows of type `R`.
pub(crate) struct Column<R: ?Sized + 'static> {
    /// By which settings and sorting call it.
    pub(crate) id: &'static str,
    /// The key that sorts by it in the menu of orders; `q` and `S` do there what they do elsewhere.
    pub(crate) letter: char,
    /// How sentences call it.
    pub(crate) name: &'static str,
    /// Its head.
    pub(crate) title: &'static str,
    /// What it shows, in a sentence.
    pub(crate) help: &'static str,
    /// Columns of the terminal it takes at least.
    pub(crate) least: u16,
    /// Columns of the terminal it would like.
    pub(crate) wish: u16,
    /// Whether it takes what is left over.
    pub(crate) grows: bool,
    /// Whether its text stands at the right.
    pub(crate) right: bool,
    /// How long it stays where there is no room for all: the lowest goes first.
    pub(crate) weight: u8,
    /// What a row shows in it, in so many columns of the terminal.
    pub(crate) cell: fn(&R, Context<'_>, u16) -> Spans,
    /// By what it sorts, smallest first.
    pub(crate) key: fn(&R, &View) -> SortKey,
    /// What a filter reads of it.
    pub(crate) filter: ColumnFilter<R>,
}

/// What a filter reads of a column, and an example of such a filter.
pub(crate) enum ColumnFilter<R: ?Sized + 'static> {
    /// Nothing: it cannot be filtered by.
    Nothing,
    /// Words; what is looked for is the beginning of one.
    Words(&'static str, fn(&R, &View) -> String),
    /// A text; what is looked for may stand anywhere in it.
    Text(&'static str, fn(&R, &View) -> String),
    /// A number, which can be compared; `None`: there is none.
    Number(&'static str, Measure, fn(&R, &View) -> Option<u64>),
}

/// What a number counts, and so how it is typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Measure {
    /// Things.
    Count,
    /// Hundredths.
    Percent,
    /// Bytes: `10k`.
    Bytes,
    /// Bytes a second: `10k`.
    Rate,
    /// A time, typed in milliseconds.
    Milliseconds,
    /// A time in milliseconds, typed in seconds: `30s`, `2m`.
    Time,
}

/// A column and where it stands, from the left edge of the table.
pub(crate) struct Placed<'c, R: ?Sized + 'static> {
    column: &'c Column<R>,
    x: u16,
    columns: u16,
}

impl<R: ?Sized> Placed<'_, R> {
    /// The id of the column.
    pub(crate) fn id(&self) -> &'static str {
        self.column.id
    }

    /// How heavy the column weighs where there is no room for all.
    pub(crate) fn weight(&self) -> u8 {
        self.column.weight
    }

    /// Columns of the terminal that it takes.
    pub(crate) fn width(&self) -> u16 {
        self.columns
    }

    /// Its place in a row.
    pub(crate) fn area(&self, row: Rect) -> Rect {
        let place = Rect { x: row.x + self.x, width: self.columns, height: 1, ..row };
        place.intersection(row)
    }
}

/// Which columns stay where there is no room for all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Choose {
    /// The weightiest.
    Weightiest,
    /// The first `fixed` ones, and from the `off`-th behind them as many as there is room for.
    Scrolled {
        /// Columns that never scroll.
        fixed: usize,
        /// Columns scrolled away.
        off: usize,
    },
}

/// Blanks between two columns. A number that ends where a text begins would read as its first word.
fn gap<R: ?Sized>(before: &Column<R>, after: &Column<R>) -> u16 {
    // The head of what keeps a blank of its own begins with it.
    1 + u16::from(before.right && !after.right && !after.title.starts_with(' '))
}

/// Gives every column that there is room for its place.
pub(crate) fn lay_out<'c, R: ?Sized>(
    columns: &[&'c Column<R>],
    room: u16,
    choose: Choose,
) -> Vec<Placed<'c, R>> {
    let mut kept: Vec<&'c Column<R>> = match choose {
        Choose::Weightiest => columns.to_vec(),
        Choose::Scrolled { fixed, off } => {
            let last = columns.len().saturating_sub(fixed + 1);
            let scrolled = columns.iter().skip(fixed + off.min(last));
            columns.iter().take(fixed).chain(scrolled).copied().collect()
        }
    };
    let needs = |kept: &[&Column<R>]| {
        let gaps: u16 = kept.windows(2).map(|pair| gap(pair[0], pair[1])).sum();
        gaps + kept.iter().map(|column| column.least).sum::<u16>()
    };
    while kept.len() > 1 && needs(&kept) > room {
        let lightest = match choose {
            Choose::Weightiest => {
                (0..kept.len()).min_by_key(|&at| (kept[at].weight, usize::MAX - at)).unwrap_or(0)
            }
            Choose::Scrolled { .. } => kept.len() - 1,
        };
        kept.remove(lightest);
    }
    let mut spare = room.saturating_sub(needs(&kept));
    let mut widths: Vec<u16> = kept.iter().map(|column| column.least).collect();
    for (width, column) in widths.iter_mut().zip(&kept) {
        let more = column.wish.saturating_sub(*width).min(spare);
        *width += more;
        spare -= more;
    }
    let growing = kept.iter().filter(|column| column.grows).count() as u16;
    for (width, column) in widths.iter_mut().zip(&kept).filter(|(_, column)| column.grows) {
        debug_assert!(column.grows);
        *width += spare / growing;
    }
    let mut placed: Vec<Placed<'c, R>> = Vec::with_capacity(kept.len());
    for (column, columns) in kept.into_iter().zip(widths) {
        let x = placed.last().map_or(0, |last| last.x + last.columns + gap(last.column, column));
        placed.push(Placed { column, x, columns: columns.min(room.saturating_sub(x)) });
    }
    placed
}

/// Gives all of these columns a place and one of them what the others leave, if that is as much as it needs.
pub(crate) fn lay_out_narrow<'c, R: ?Sized>(
    columns: &[&'c Column<R>],
    room: u16,
    (flexible, needs): (&str, u16),
) -> Option<Vec<Placed<'c, R>>> {
    let fixed = columns.iter().filter(|column| column.id != flexible).map(|column| column.least + 1).sum();
    let left = room.checked_sub(fixed).filter(|left| *left >= needs)?;
    let mut x = 0;
    let placed = columns.iter().copied().map(|column| {
        let columns = if column.id == flexible { left } else { column.least };
        let place = Placed { column, x, columns };
        x += columns + 1;
        place
    });
    Some(placed.collect())
}

/// Draws the heads of the columns.
pub(crate) fn head<R: ?Sized>(pen: &mut Pen<'_>, area: Rect, placed: &[Placed<'_, R>]) {
    head_by(pen, area, placed, "", "");
}

/// Draws the heads of the columns, and a mark behind the one that the rows are sorted by.
pub(crate) fn head_by<R: ?Sized>(
    pen: &mut Pen<'_>,
    area: Rect,
    placed: &[Placed<'_, R>],
    by: &str,
    mark: &str,
) {
    if area.is_empty() {
        return;
    }
    for place in placed {
        if place.column.id == by {
            let used =
                if place.column.right { place.columns } else { paint::width(place.column.title) as u16 };
            pen.put(area.x + place.x + used, area.y, 1, mark, Role::Strong);
        }
        let (x, columns) = (area.x + place.x, place.columns);
        pen.targets.add(Rect { x, width: columns, height: 1, ..area }, Target::Head(place.column.id));
        if place.column.right {
            pen.put_right(x + columns, area.y, columns, place.column.title, Role::Dim);
        } else {
            pen.put(x, area.y, columns, place.column.title, Role::Dim);
        }
    }
}

/// How a row stands out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct RowLook {
    /// The row the keys act on.
    pub(crate) selected: bool,
    /// Old news.
    pub(crate) dim: bool,
    /// One of those that keys act on together.
    pub(crate) marked: bool,
}

/// Draws one row into the area's first line; the mark of the selected one stands just left of it.
pub(crate) fn row<R: ?Sized>(
    pen: &mut Pen<'_>,
    area: Rect,
    placed: &[Placed<'_, R>],
    row: &R,
    context: Context<'_>,
    look: RowLook,
) {
    let cell = |at: usize, columns| (placed[at].column.cell)(row, context, columns);
    cells(pen, area, placed, look, cell);
}

/// Draws one row in the same way, but for the column of this id, where there is another cell for it.
pub(crate) fn row_with<R: ?Sized>(
    pen: &mut Pen<'_>,
    area: Rect,
    placed: &[Placed<'_, R>],
    row: &R,
    context: Context<'_>,
    look: RowLook,
    (id, other): (&str, Option<Spans>),
) {
    cells(pen, area, placed, look, |at, columns| match &other {
        Some(other) if placed[at].id() == id => other.clone(),
        _ => (placed[at].column.cell)(row, context, columns),
    });
}

/// Draws a row that has cells of its own, by the ids of the columns and their widths.
pub(crate) fn row_of<R: ?Sized>(
    pen: &mut Pen<'_>,
    area: Rect,
    placed: &[Placed<'_, R>],
    look: RowLook,
    cell: impl Fn(&str, u16) -> Spans,
) {
    cells(pen, area, placed, look, |at, columns| cell(placed[at].id(), columns));
}

fn cells<R: ?Sized>(
    pen: &mut Pen<'_>,
    area: Rect,
    placed: &[Placed<'_, R>],
    look: RowLook,
    cell: impl Fn(usize, u16) -> Spans,
) {
    if area.is_empty() {
        return;
    }
    for (at, place) in placed.iter().enumerate() {
        let (x, columns) = (area.x + place.x, place.columns);
        let mut spans = cell(at, columns);
        if look.dim {
            spans = spans.all_as(Role::Dim);
        }
        if place.column.right {
            pen.spans_right(x + columns, area.y, columns, &spans);
        } else {
            pen.spans(x, area.y, columns, &spans);
        }
    }
    if look.marked && area.x > 0 {
        pen.put(area.x - 1, area.y, 1, "+", Role::Strong);
    }
    if look.selected {
        selection::draw(pen, Rect { height: 1, ..area }, if look.marked { "»" } else { "▸" });
    }
}

/// Which of `count` rows are drawn in `room` lines so that the selected one is among them; `keep` are rows that
/// are drawn in any case (in the order of the rows), as far as there is room.
pub(crate) fn visible(count: usize, room: usize, selected: Option<usize>, keep: &[usize]) -> Vec<usize> {
    if count <= room {
        return (0..count).collect();
    }
    let selected = selected.filter(|&at| at < count);
    let mut chosen: Vec<usize> = selected.into_iter().collect();
    chosen.extend(keep.iter().copied().filter(|&at| at < count && Some(at) != selected));
    chosen.truncate(room);
    let free = room - chosen.len();
    let first = selected.map_or(0, |at| at.saturating_sub(free));
    for at in first..count {
        if chosen.len() == room {
            break;
        }
        if !chosen.contains(&at) {
            chosen.push(at);
        }
    }
    chosen.sort_unstable();
    chosen
}

/// Columns of the terminal a text takes, for cells that fit themselves.
pub(crate) fn fits(text: &str, columns: u16) -> bool {
    paint::width(text) <= usize::from(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(least: u16, wish: u16, grows: bool, weight: u8) -> Column<u8> {
        Column {
            id: "",
            letter: ' ',
            name: "",
            title: "",
            help: "",
            least,
            wish,
            grows,
            right: false,
            weight,
            cell: |_, _, _| Spans::new(),
            key: |_, _| SortKey::default(),
            filter: ColumnFilter::Nothing,
        }
    }

    fn places(columns: &[Column<u8>], room: u16, choose: Choose) -> Vec<(u16, u16)> {
        let columns: Vec<_> = columns.iter().collect();
        lay_out(&columns, room, choose).iter().map(|place| (place.x, place.columns)).collect()
    }

    #[test]
    fn the_lightest_columns_go_first_and_spare_room_goes_to_wishes_then_growth() {
        let columns = [column(5, 8, false, 9), column(4, 4, false, 1), column(5, 5, true, 5)];
        assert_eq!(places(&columns, 30, Choose::Weightiest), [(0, 8), (9, 4), (14, 16)]);
        assert_eq!(places(&columns, 11, Choose::Weightiest), [(0, 5), (6, 5)]);
        assert_eq!(places(&columns, 3, Choose::Weightiest), [(0, 3)]);
    }

    #[test]
    fn a_number_keeps_two_blanks_from_the_text_behind_it() {
        let number = Column { right: true, ..column(4, 4, false, 1) };
        let bar = Column { title: " BAR", ..column(4, 4, false, 1) };
        let text = || column(4, 4, false, 1);
        let columns =
            [text(), Column { right: true, ..text() }, number, text(), Column { right: true, ..text() }, bar];
        let at: Vec<u16> = places(&columns, 40, Choose::Weightiest).iter().map(|(x, _)| *x).collect();
        assert_eq!(at, [0, 5, 10, 16, 21, 26]);
    }

    #[test]
    fn scrolled_columns_pass_behind_the_fixed_ones() {
        let columns = [column(5, 5, false, 0), column(4, 4, false, 0), column(6, 6, false, 0)];
        let choose = Choose::Scrolled { fixed: 1, off: 1 };
        assert_eq!(places(&columns, 20, choose), [(0, 5), (6, 6)]);
        assert_eq!(places(&columns, 20, Choose::Scrolled { fixed: 1, off: 9 }), [(0, 5), (6, 6)]);
    }

    #[test]
    fn the_selected_row_and_the_kept_ones_are_always_visible() {
        assert_eq!(visible(3, 5, None, &[]), [0, 1, 2]);
        assert_eq!(visible(9, 4, None, &[0, 7]), [0, 1, 2, 7]);
        assert_eq!(visible(9, 4, Some(5), &[0]), [0, 3, 4, 5]);
        assert_eq!(visible(9, 1, Some(8), &[0]), [8]);
        assert_eq!(visible(9, 0, Some(8), &[0]), [0; 0]);
    }
}
