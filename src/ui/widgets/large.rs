//! A number that is read from across the room: digits two or three rows high.

use ratatui::layout::Rect;

use crate::ui::paint::Pen;
use crate::ui::theme::{Glyphs, Look, Role};

/// The characters that there are large ones of.
const KNOWN: &str = "0123456789.";

/// Rows of a cell's halves, three cells high. The topmost half is blank: a bar may stand right above.
const HALVES: [[&str; 3]; 11] = [
    ["▄▄▄", "█ █", "█▄█"],
    ["▄▄ ", " █ ", "▄█▄"],
    ["▄▄▄", "▄▄█", "█▄▄"],
    ["▄▄▄", "▄▄█", "▄▄█"],
    ["▄ ▄", "█▄█", "  █"],
    ["▄▄▄", "█▄▄", "▄▄█"],
    ["▄▄▄", "█▄▄", "█▄█"],
    ["▄▄▄", "  █", "  █"],
    ["▄▄▄", "█▄█", "█▄█"],
    ["▄▄▄", "█▄█", "▄▄█"],
    [" ", " ", "▄"],
];

/// The segments of a pocket calculator, three cells high.
const SEGMENTS: [[&str; 3]; 11] = [
    [" _ ", "| |", "|_|"],
    ["   ", "  |", "  |"],
    [" _ ", " _|", "|_ "],
    [" _ ", " _|", " _|"],
    ["   ", "|_|", "  |"],
    [" _ ", "|_ ", " _|"],
    [" _ ", "|_ ", "|_|"],
    [" _ ", "  |", "  |"],
    [" _ ", "|_|", "|_|"],
    [" _ ", "|_|", " _|"],
    [" ", " ", "."],
];

/// Dots, seven to a row and eight rows: each row from its left as bits.
const DOTS: [[u8; 8]; 11] = [
    [0b1111111, 0b1111111, 0b1100011, 0b1100011, 0b1100011, 0b1100011, 0b1111111, 0b1111111],
    [0b0111100, 0b0111100, 0b0001100, 0b0001100, 0b0001100, 0b0001100, 0b1111111, 0b1111111],
    [0b1111111, 0b1111111, 0b0000011, 0b1111111, 0b1111111, 0b1100000, 0b1111111, 0b1111111],
    [0b1111111, 0b1111111, 0b0000011, 0b1111111, 0b1111111, 0b0000011, 0b1111111, 0b1111111],
    [0b1100011, 0b1100011, 0b1100011, 0b1111111, 0b1111111, 0b0000011, 0b0000011, 0b0000011],
    [0b1111111, 0b1111111, 0b1100000, 0b1111111, 0b1111111, 0b0000011, 0b1111111, 0b1111111],
    [0b1111111, 0b1111111, 0b1100000, 0b1111111, 0b1111111, 0b1100011, 0b1111111, 0b1111111],
    [0b1111111, 0b1111111, 0b0000011, 0b0000011, 0b0000011, 0b0000011, 0b0000011, 0b0000011],
    [0b1111111, 0b1111111, 0b1100011, 0b1111111, 0b1111111, 0b1100011, 0b1111111, 0b1111111],
    [0b1111111, 0b1111111, 0b1100011, 0b1111111, 0b1111111, 0b0000011, 0b1111111, 0b1111111],
    [0, 0, 0, 0, 0, 0, 0b1000000, 0b1000000],
];

/// How many rows it may be high with these glyphs, the least first.
pub(crate) fn heights(look: &Look) -> &'static [u16] {
    match look.glyphs {
        Glyphs::Braille => &[1, 2, 3],
        Glyphs::Blocks | Glyphs::Ascii => &[1, 3],
    }
}

/// Draws a number into the first rows of the area, as large as they allow, and returns its rows and columns. What is
/// no digit and no point is written small in the last row.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, number: &str, role: Role) -> (u16, u16) {
    let fits = heights(pen.look).iter().rev().find(|rows| **rows <= area.height);
    let rows = fits.copied().unwrap_or_default();
    if rows < 2 {
        return (rows, pen.put(area.x, area.y, if rows == 0 { 0 } else { area.width }, number, role));
    }
    let mut x = area.x;
    for (at, c) in number.char_indices() {
        let room = area.right().saturating_sub(x);
        let Some(known) = KNOWN.find(c) else {
            x += pen.put(x, area.y + rows - 1, room, &number[at..at + c.len_utf8()], role);
            continue;
        };
        x += if at > 0 { 1 } else { 0 };
        x += match (rows, pen.look.glyphs) {
            (2, _) => dots(pen, x, area, &DOTS[known], if c == '.' { 1 } else { 4 }, role),
            (_, Glyphs::Ascii) => cells(pen, x, area, &SEGMENTS[known], role),
            _ => cells(pen, x, area, &HALVES[known], role),
        };
        // Dots leave the column between two digits themselves.
        x -= u16::from(rows == 2);
    }
    (rows, x.saturating_sub(area.x) + u16::from(rows == 2))
}

/// A digit out of characters; returns its columns.
fn cells(pen: &mut Pen<'_>, x: u16, area: Rect, rows: &[&str; 3], role: Role) -> u16 {
    let room = area.right().saturating_sub(x);
    let drawn = rows.iter().zip(area.y..).map(|(row, y)| pen.put(x, y, room, row, role));
    drawn.max().unwrap_or(0)
}

/// A digit out of dots, in so many columns of two rows; returns its columns.
fn dots(pen: &mut Pen<'_>, x: u16, area: Rect, rows: &[u8; 8], columns: u16, role: Role) -> u16 {
    // The bits of a braille character, by row and column.
    const BITS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
    for column in 0..columns.min(area.right().saturating_sub(x)) {
        for half in 0..2_u16 {
            let lit = |row: usize, side: u16| {
                let from_left = column * 2 + side;
                rows.get(usize::from(half) * 4 + row)
                    .is_some_and(|row| from_left < 7 && row >> (6 - from_left) & 1 == 1)
            };
            let bits: u32 = (0..4)
                .flat_map(|row| [(row, 0), (row, 1)])
                .filter(|(row, side)| lit(*row, *side))
                .map(|(row, side)| BITS[row][usize::from(side)])
                .sum();
            if let Some(dots) = char::from_u32(0x2800 + bits).filter(|_| bits > 0) {
                pen.dot(x + column, area.y + half, dots.encode_utf8(&mut [0; 4]), role);
            }
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;

    fn rows(number: &str, height: u16, glyphs: Glyphs) -> Vec<String> {
        let area = Rect::new(0, 0, 20, height);
        let mut buf = Buffer::empty(area);
        let look = Look { glyphs, ..Look::default() };
        let (rows, _) = draw(&mut Pen::new(&mut buf, area, &look), area, number, Role::Text);
        let row = |y| (0..20).map(|x| buf[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..rows).map(row).collect()
    }

    #[test]
    fn a_number_is_as_large_as_there_are_rows() {
        assert_eq!(rows("19.4", 1, Glyphs::Braille), ["19.4"]);
        assert_eq!(rows("19.4", 2, Glyphs::Blocks), ["19.4"]);
        assert_eq!(rows("19.4", 5, Glyphs::Blocks), ["▄▄  ▄▄▄   ▄ ▄", " █  █▄█   █▄█", "▄█▄ ▄▄█ ▄   █"]);
        assert_eq!(rows("19.4", 3, Glyphs::Ascii), ["     _", "  | |_|   |_|", "  |  _| .   |"]);
        let dots = rows("19.4", 2, Glyphs::Braille);
        assert_eq!(dots.len(), 2);
        assert!(dots.iter().all(|row| row.chars().count() <= 13), "{dots:?}");
    }

    #[test]
    fn what_stands_above_and_what_is_made_of_blocks_do_not_touch() {
        for digit in HALVES {
            assert!(digit[0].chars().all(|c| c == '▄' || c == ' '), "{digit:?}");
            assert!(digit[2].contains(['▄', '█']), "{digit:?} stands on the last row");
        }
    }

    #[test]
    fn no_two_digits_look_alike() {
        for (height, glyphs) in [(2, Glyphs::Braille), (3, Glyphs::Blocks), (3, Glyphs::Ascii)] {
            let all: std::collections::BTreeSet<_> =
                KNOWN.chars().map(|c| rows(&c.to_string(), height, glyphs)).collect();
            assert_eq!(all.len(), KNOWN.len(), "{glyphs:?}");
        }
    }

    #[test]
    fn nothing_is_drawn_beyond_the_area() {
        for width in 0..20 {
            for height in 0..4 {
                for glyphs in [Glyphs::Braille, Glyphs::Blocks, Glyphs::Ascii] {
                    let mut buf = Buffer::empty(Rect::new(0, 0, 30, 5));
                    let all = buf.area;
                    let look = Look { glyphs, ..Look::default() };
                    let area = Rect::new(1, 1, width, height);
                    draw(&mut Pen::new(&mut buf, all, &look), area, "1023.9 KiB", Role::Text);
                    let beyond = all.positions().filter(|at| !area.contains(*at));
                    assert!(beyond.into_iter().all(|at| buf[at].symbol() == " "), "{area:?}");
                }
            }
        }
    }
}
