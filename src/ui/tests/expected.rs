//! How a screen is written down: its text once, and for each look the styles, and where they differ the text.

use std::fmt::Write as _;
use std::path::Path;

use ratatui::buffer::Cell;
use ratatui::style::Modifier;

use super::*;

/// The looks that every screen is held in.
pub(super) const LOOKS: [(&str, Colours, Glyphs); 3] = [
    ("colour", Colours::True, Glyphs::Braille),
    ("mono", Colours::None, Glyphs::Braille),
    ("ascii", Colours::None, Glyphs::Ascii),
];

/// The style of a cell as one letter; colours by the names of their roles.
fn style_letter(cell: &Cell) -> char {
    let colour = match cell.fg {
        Color::Reset => ' ',
        Color::Rgb(0, 0x72, 0xb2) => 'g',
        Color::Rgb(0xd5, 0x5e, 0) => 't',
        Color::Rgb(0, 0x9e, 0x73) => 'p',
        Color::Rgb(0xcc, 0x79, 0xa7) => 'b',
        other => panic!("{other:?} is no colour of a role"),
    };
    let has = |modifier| cell.modifier.contains(modifier);
    match (has(Modifier::REVERSED), has(Modifier::BOLD), has(Modifier::DIM)) {
        (true, true, _) => '@',
        (true, false, _) => '#',
        (_, true, _) if colour == ' ' => '*',
        (_, true, _) => colour.to_ascii_uppercase(),
        (_, _, true) if colour == ' ' => '.',
        _ => colour,
    }
}

fn style_rows(buf: &Buffer) -> Vec<String> {
    let letters = |y| (buf.area.left()..buf.area.right()).map(move |x| style_letter(&buf[(x, y)]));
    let rows = buf.area.top()..buf.area.bottom();
    rows.map(|y| letters(y).collect::<String>().trim_end().to_owned()).collect()
}

/// The rows that differ from those before, with their numbers.
fn differing(page: &mut String, mark: char, rows: &[String], before: &[String]) {
    for (at, (row, _)) in rows.iter().zip(before).enumerate().filter(|(_, (row, before))| row != before) {
        let _ = writeln!(page, "{}", format!("{:>2}{mark}{row}", at + 1).trim_end());
    }
}

/// A screen in one size and every look, as the files have it.
fn sheet(size: (u16, u16), screen: impl Fn(Look, (u16, u16)) -> Buffer) -> String {
    let mut page = format!("== {}×{}\n", size.0, size.1);
    let (mut text, mut style) = (Vec::new(), vec![String::new(); usize::from(size.1)]);
    for (name, colours, glyphs) in LOOKS {
        let buf = screen(look(colours, glyphs), size);
        let (its_text, its_style) = (text_rows(&buf), style_rows(&buf));
        if text.is_empty() {
            its_text.iter().for_each(|row| page.push_str(&format!("{row}\n")));
            text.clone_from(&its_text);
        }
        let _ = writeln!(page, "-- {name}");
        differing(&mut page, '|', &its_text, &text);
        differing(&mut page, ' ', &its_style, &style);
        style = its_style;
    }
    page
}

/// Holds a screen, in every size and look, against its file.
pub(super) fn holds(name: &str, screen: impl Fn(Look, (u16, u16)) -> Buffer) {
    let sheets: Vec<String> = SIZES.iter().map(|size| sheet(*size, &screen)).collect();
    is_as_in(&format!("tests/screens/{name}.txt"), sheets.join("\n").as_bytes());
}

/// Holds what was made against its file, or writes the file where that is asked for.
pub(super) fn is_as_in(name: &str, made: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE_SCREENS").is_some() {
        std::fs::write(&path, made).unwrap();
        return;
    }
    let expected = std::fs::read(&path).unwrap_or_default();
    if made == expected {
        return;
    }
    if let (Ok(made), Ok(expected)) = (std::str::from_utf8(made), std::str::from_utf8(&expected)) {
        for (at, (now, then)) in made.lines().zip(expected.lines()).enumerate() {
            let line = at + 1;
            assert_eq!(
                now, then,
                "{name}, line {line}: is the change meant? UPDATE_SCREENS=1 renews the files"
            );
        }
    }
    panic!("{name} is not what is made now; is the change meant? UPDATE_SCREENS=1 renews the files");
}
