//! A screen as a picture: the cells of a buffer as SVG, for the README.
//!
//! Letters are text. Blocks, shades, rules and braille are shapes, for the fonts of those who look disagree about
//! them: some leave gaps between blocks, many have no braille. The dark ground belongs to the picture alone; on a
//! terminal nothing is painted behind the text but the bar of the selected row.

mod moving;

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

pub(super) use self::moving::moving;
use super::paint;

/// The size of a cell. Braille dots stand 4 apart, so that they go on evenly from cell to cell.
const CELL: (i32, i32) = (8, 16);
/// Room between the text and the edge of the ground.
const MARGIN: (i32, i32) = (16, 14);
const GROUND: Rgb = (0x14, 0x17, 0x1c);
const EDGE: Rgb = (0x2c, 0x31, 0x3a);
const TEXT: Rgb = (0xd6, 0xda, 0xe1);
/// How much of a dimmed colour is left, in hundredths.
const DIMMED: i32 = 52;
/// Diameters of a braille dot and of a middle dot.
const DOTS: [&str; 2] = ["2.8", "2.2"];

type Rgb = (u8, u8, u8);

/// What a cell looks like, its symbol apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Ink {
    colour: Rgb,
    bold: bool,
}

/// A rectangle within the picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Bar {
    x: i32,
    y: i32,
    columns: i32,
    rows: i32,
}

/// Everything that is drawn in one ink.
struct Layer {
    ink: Ink,
    /// Rectangles by their opacity in quarters.
    bars: [Vec<Bar>; 5],
    /// Lines of dots, each 4 from the next: braille, then middle dots.
    dots: [Vec<Bar>; 2],
    /// Column, row, columns, text.
    texts: Vec<(i32, i32, i32, String)>,
}

/// What a symbol is drawn as.
enum Shape {
    Blank,
    Text,
    /// Rectangles within the cell, and their opacity in quarters.
    Bars(Vec<Bar>, usize),
    /// Dots, each in a place of its own: x and y within the cell.
    Dots(Vec<(i32, i32)>, usize),
}

const fn bar(x: i32, y: i32, columns: i32, rows: i32) -> Bar {
    Bar { x, y, columns, rows }
}

/// Blocks leave a little room above and below, so that rows of them can be told apart.
fn shape(symbol: &str) -> Shape {
    let (w, h) = CELL;
    let mut chars = symbol.chars();
    let (Some(c), None) = (chars.next(), chars.next()) else {
        return Shape::Text;
    };
    let bars = |bars: &[Bar]| Shape::Bars(bars.to_vec(), 4);
    let nth = |first: char| c as i32 - first as i32;
    match c {
        ' ' => Shape::Blank,
        '█' => bars(&[bar(0, 1, w, h - 2)]),
        '▓' => Shape::Bars(vec![bar(0, 1, w, h - 2)], 3),
        '▒' => Shape::Bars(vec![bar(0, 1, w, h - 2)], 2),
        '░' => Shape::Bars(vec![bar(0, 1, w, h - 2)], 1),
        '▀' => bars(&[bar(0, 0, w, h / 2)]),
        '▁'..='▇' => {
            let rows = h * (nth('▁') + 1) / 8;
            bars(&[bar(0, h - rows, w, rows)])
        }
        '▉'..='▏' => bars(&[bar(0, 1, 7 - nth('▉'), h - 2)]),
        '─' => bars(&[bar(0, h / 2, w, 1)]),
        '━' => bars(&[bar(0, h / 2 - 1, w, 3)]),
        '╸' => bars(&[bar(0, h / 2 - 1, w / 2, 3)]),
        '│' => bars(&[bar(w / 2, 0, 1, h)]),
        '┤' => bars(&[bar(w / 2, 0, 1, h), bar(0, h / 2, w / 2, 1)]),
        '┼' => bars(&[bar(w / 2, 0, 1, h), bar(0, h / 2, w, 1)]),
        '·' => Shape::Dots(vec![(w / 2, h / 2 + 1)], 1),
        '\u{2800}'..='\u{28ff}' => {
            let places = [(2, 2), (2, 6), (2, 10), (6, 2), (6, 6), (6, 10), (2, 14), (6, 14)];
            let set = places.iter().enumerate().filter(|(bit, _)| nth('\u{2800}') >> bit & 1 == 1);
            Shape::Dots(set.map(|(_, place)| *place).collect(), 0)
        }
        _ => Shape::Text,
    }
}

/// The colours of a cell: its ink, and what is painted behind it.
fn colours(cell: &Cell) -> (Ink, Option<Rgb>) {
    let has = |modifier| cell.modifier.contains(modifier);
    let rgb = |colour| match colour {
        Color::Rgb(r, g, b) => (r, g, b),
        _ => TEXT,
    };
    let mut colour = rgb(cell.fg);
    if has(Modifier::DIM) {
        let part = |of: u8, ground: u8| {
            ((i32::from(of) * DIMMED + i32::from(ground) * (100 - DIMMED)) / 100).clamp(0, 255) as u8
        };
        colour = (part(colour.0, GROUND.0), part(colour.1, GROUND.1), part(colour.2, GROUND.2));
    }
    let bold = has(Modifier::BOLD);
    if has(Modifier::REVERSED) {
        (Ink { colour: GROUND, bold }, Some(colour))
    } else {
        (Ink { colour, bold }, matches!(cell.bg, Color::Rgb(..)).then(|| rgb(cell.bg)))
    }
}

/// Adds a rectangle, or makes the last one longer where it goes on.
fn join(bars: &mut Vec<Bar>, new: Bar) {
    match bars.last_mut() {
        Some(last) if (last.y, last.rows) == (new.y, new.rows) && last.x + last.columns == new.x => {
            last.columns += new.columns;
        }
        _ => bars.push(new),
    }
}

fn layer(layers: &mut Vec<Layer>, ink: Ink) -> &mut Layer {
    let at = layers.iter().position(|layer| layer.ink == ink).unwrap_or_else(|| {
        let (bars, dots) = (Default::default(), Default::default());
        layers.push(Layer { ink, bars, dots, texts: Vec::new() });
        layers.len() - 1
    });
    &mut layers[at]
}

/// Everything there is to draw: what lies behind the text first, then by ink.
fn layers(buf: &Buffer) -> Vec<Layer> {
    let (mut behind, mut layers) = (Vec::new(), Vec::new());
    for row in 0..buf.area.height {
        let mut column = 0;
        while column < buf.area.width {
            let cell = &buf[(buf.area.x + column, buf.area.y + row)];
            let columns = paint::width(cell.symbol()).clamp(1, 2) as u16;
            let (ink, ground) = colours(cell);
            let (x, y) = (i32::from(column) * CELL.0, i32::from(row) * CELL.1);
            let moved = |bar: Bar| Bar { x: x + bar.x, y: y + bar.y, ..bar };
            if let Some(colour) = ground {
                let whole = moved(bar(0, 0, i32::from(columns) * CELL.0, CELL.1));
                join(&mut layer(&mut behind, Ink { colour, bold: false }).bars[4], whole);
            }
            match shape(cell.symbol()) {
                Shape::Blank => {}
                Shape::Text => {
                    let texts = &mut layer(&mut layers, ink).texts;
                    add_text(texts, i32::from(column), i32::from(row), i32::from(columns), cell.symbol());
                }
                Shape::Bars(bars, quarters) => {
                    let kept = &mut layer(&mut layers, ink).bars[quarters];
                    bars.into_iter().for_each(|bar| join(kept, moved(bar)));
                }
                Shape::Dots(dots, size) => {
                    let kept = &mut layer(&mut layers, ink).dots[size];
                    kept.extend(dots.into_iter().map(|(x, y)| moved(bar(x, y, 4, 0))));
                }
            }
            column += columns;
        }
    }
    for dots in layers.iter_mut().flat_map(|layer| &mut layer.dots) {
        dots.sort_by_key(|dot| (dot.y, dot.x));
        let mut lines = Vec::new();
        dots.drain(..).for_each(|dot| join(&mut lines, dot));
        *dots = lines;
    }
    behind.append(&mut layers);
    behind
}

/// Adds a symbol to the text before it, where that goes on: after one space at most, and where both are ASCII or
/// neither is, for what a font lacks is taken from another and may be of another width.
fn add_text(texts: &mut Vec<(i32, i32, i32, String)>, column: i32, row: i32, columns: i32, symbol: &str) {
    if let Some((first, of, length, text)) = texts.last_mut()
        && *of == row
        && text.is_ascii() == symbol.is_ascii()
    {
        let gap = column - (*first + *length);
        if gap <= 1 {
            text.push_str(&" ".repeat(gap as usize));
            text.push_str(symbol);
            *length += gap + columns;
            return;
        }
    }
    texts.push((column, row, columns, symbol.to_owned()));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn hex((r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// The buffer as SVG. The same cells always make the same bytes.
pub(super) fn svg(buf: &Buffer, title: &str) -> String {
    framed(buf.area, title, &drawn(buf))
}

/// A picture of the cells of an area: the ground, and on it what is drawn.
fn framed(area: Rect, title: &str, drawn: &str) -> String {
    let (columns, rows) = (i32::from(area.width), i32::from(area.height));
    let (width, height) = (columns * CELL.0 + 2 * MARGIN.0, rows * CELL.1 + 2 * MARGIN.1);
    let title = escaped(title);
    let (ground, edge) = (hex(GROUND), hex(EDGE));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>{title}</title>\n\
         <rect x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"9\" fill=\"{ground}\" stroke=\"{edge}\"/>\n\
         <g transform=\"translate({} {})\" font-size=\"13.3\" stroke-linecap=\"round\" font-family=\"ui-monospace,\
         'SF Mono',SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace\">\n\
         {drawn}</g>\n</svg>\n",
        width - 1,
        height - 1,
        MARGIN.0,
        MARGIN.1
    )
}

/// The cells of a buffer, from the upper left corner on.
fn drawn(buf: &Buffer) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    for layer in layers(buf) {
        let weight = if layer.ink.bold { " font-weight=\"700\"" } else { "" };
        line(format!("<g fill=\"{}\"{weight}>", hex(layer.ink.colour)));
        for (quarters, bars) in layer.bars.iter().enumerate().filter(|(_, bars)| !bars.is_empty()) {
            let opacity = ["0", ".25", ".5", ".75", "1"][quarters];
            let path = bars.iter().fold(String::new(), |mut path, Bar { x, y, columns, rows }| {
                let _ = write!(path, "M{x} {y}h{columns}v{rows}h-{columns}z");
                path
            });
            line(format!("<path shape-rendering=\"crispEdges\" fill-opacity=\"{opacity}\" d=\"{path}\"/>"));
        }
        for (size, dots) in layer.dots.iter().enumerate().filter(|(_, dots)| !dots.is_empty()) {
            // A dash of no length with round ends is a dot. The last one is drawn only where the line goes beyond it.
            let path = dots.iter().fold(String::new(), |mut path, Bar { x, y, columns, .. }| {
                let _ = write!(path, "M{x} {y}h{}.1", columns - 4);
                path
            });
            line(format!(
                "<path fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-dasharray=\"0 4\" d=\"{path}\"/>",
                hex(layer.ink.colour),
                DOTS[size]
            ));
        }
        for (column, row, columns, text) in &layer.texts {
            let (x, y) = (column * CELL.0, row * CELL.1 + 12);
            let length = columns * CELL.0;
            let text = escaped(text);
            line(format!("<text x=\"{x}\" y=\"{y}\" textLength=\"{length}\">{text}</text>"));
        }
        line("</g>".to_owned());
    }
    out
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn buffer(text: &str, style: Style) -> Buffer {
        let mut buf = Buffer::empty(Rect::new(3, 2, 12, 1));
        buf.set_string(3, 2, text, style);
        buf
    }

    #[test]
    fn text_keeps_its_place_and_is_escaped() {
        let picture = svg(&buffer("a <b>  c", Style::new()), "x & y");
        assert!(picture.contains("<title>x &amp; y</title>"), "{picture}");
        assert!(picture.contains("<text x=\"0\" y=\"12\" textLength=\"40\">a &lt;b&gt;</text>"), "{picture}");
        assert!(picture.contains("<text x=\"56\" y=\"12\" textLength=\"8\">c</text>"), "{picture}");
    }

    #[test]
    fn blocks_and_rules_are_joined_to_shapes() {
        let picture = svg(&buffer("██▌ ━━╸", Style::new().fg(Color::Rgb(0, 158, 115))), "");
        assert!(picture.contains("<g fill=\"#009e73\">"), "{picture}");
        assert!(picture.contains("d=\"M0 1h20v14h-20zM32 7h20v3h-20z\""), "{picture}");
        assert!(!picture.contains("<text"), "{picture}");
    }

    #[test]
    fn braille_becomes_lines_of_dots() {
        let picture = svg(&buffer("⣀⣀ ⠁", Style::new()), "");
        assert!(picture.contains("d=\"M26 2h0.1M2 14h12.1\""), "{picture}");
    }

    #[test]
    fn reverse_is_a_ground_behind_the_letter() {
        let picture = svg(&buffer("!", Style::new().add_modifier(Modifier::REVERSED)), "");
        let (ground, letter) = (picture.find("M0 0h8v16h-8z").unwrap(), picture.find("<text").unwrap());
        assert!(ground < letter && picture.contains("<g fill=\"#14171c\">"), "{picture}");
    }
}
