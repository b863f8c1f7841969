//! How a screen is written down: its text once, and for each look the styles, and where they differ the text.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;

use ratatui::buffer::Cell;
use ratatui::style::Modifier;

use super::*;
use crate::ui::theme::{MEANINGS, Palette, RAMPS, Role, STEPS, Scheme, contrast, grounds};

/// The looks that every screen is held in.
pub(super) const LOOKS: [(&str, Colours, Glyphs); 3] = [
    ("colour", Colours::True, Glyphs::Braille),
    ("mono", Colours::None, Glyphs::Braille),
    ("ascii", Colours::None, Glyphs::Ascii),
];

/// Every role that has a colour, those of text first.
fn roles() -> Vec<Role> {
    let mut roles: Vec<Role> = MEANINGS.iter().map(|meaning| meaning.role).collect();
    RAMPS.iter().for_each(|ramp| roles.extend((1..STEPS - 1).map(ramp)));
    roles
}

/// Fails where anything that stands in the buffer is too faint: text less than 4.5 to 1, a mark less than 3 to 1; on
/// the bar of the selected row or else on each background the scheme is made for.
fn can_be_read(buf: &Buffer, scheme: Scheme, what: &str) {
    let mut known = HashSet::new();
    for cell in buf.content().iter().filter(|cell| !cell.symbol().trim().is_empty()) {
        let is_text = cell.symbol().chars().any(|c| c.is_alphanumeric() || c.is_ascii());
        if !known.insert((cell.fg, cell.bg, is_text)) {
            continue;
        }
        assert!(cell.fg != Color::Reset, "{what}: {:?} leaves its colour to the terminal", cell.symbol());
        let least = if is_text { 4.5 } else { 3.0 };
        let behind = if cell.bg == Color::Reset { grounds(scheme) } else { [cell.bg; 2] };
        for ground in behind {
            let reached = contrast(cell.fg, ground);
            assert!(
                reached >= least,
                "{what}: {:?} {:?} on {ground:?}: {reached:.2}",
                cell.symbol(),
                cell.fg
            );
        }
    }
}

/// The letter of a role.
fn letter(role: Role) -> char {
    let nth = |letters: &str, at: u8| letters.chars().nth(usize::from(at)).unwrap_or('?');
    match role {
        Role::Text => ' ',
        Role::Strong => '*',
        Role::Dim | Role::Info => '.',
        Role::Rule => '-',
        Role::Selected => '=',
        Role::Progress => 'p',
        Role::Verified => 'v',
        Role::Sending => 's',
        Role::Down => 'd',
        Role::Up => 'u',
        Role::GraphDown(step) => nth("01234567", step),
        Role::GraphUp(step) => nth("₀₁₂₃₄₅₆₇", step),
        Role::Trouble | Role::TroubleWord => 't',
        Role::Harmless => 'h',
        Role::Barred | Role::BarredWord => 'b',
        Role::Waiting => 'w',
        Role::Arriving => 'a',
        Role::Peer(number) => nth("ABCDEFGH", number),
        Role::Availability(step) => nth("⁰¹²³⁴⁵⁶⁷", step),
        Role::Failed(step) => nth("fghijklm", step),
        Role::Delayed(step) => nth("FGHIJKLM", step),
        Role::Warning | Role::WarningWord => '!',
        Role::Error | Role::ErrorWord => 'x',
    }
}

/// The style of a cell as one letter; colours by the names of their roles, text on the bar of the selected row as `=`.
fn style_letter(cell: &Cell, look: &Look) -> char {
    let has = |modifier| cell.modifier.contains(modifier);
    match (has(Modifier::REVERSED), has(Modifier::BOLD), has(Modifier::DIM)) {
        (true, true, _) => return '@',
        (true, false, _) => return '#',
        (_, true, _) if cell.fg == Color::Reset => return '*',
        (_, _, true) => return '.',
        _ if cell.fg == Color::Reset => return ' ',
        _ => {}
    }
    let on_bar = cell.bg != Color::Reset;
    assert!(
        !on_bar || Some(cell.bg) == look.style(Role::Selected).bg,
        "only the selected row has a background"
    );
    let is = |role: &Role| {
        let style = look.style(*role);
        style.fg == Some(cell.fg) && (on_bar || style.add_modifier == cell.modifier)
    };
    match roles().into_iter().find(is) {
        Some(Role::Text | Role::Strong) if on_bar => '=',
        Some(role) => letter(role),
        None => panic!("{:?} is no colour of a role", cell.fg),
    }
}

fn style_rows(buf: &Buffer, look: &Look) -> Vec<String> {
    let letters = |y| (buf.area.left()..buf.area.right()).map(move |x| style_letter(&buf[(x, y)], look));
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
        let look = look(colours, glyphs);
        let buf = screen(look, size);
        let (its_text, its_style) = (text_rows(&buf), style_rows(&buf, &look));
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

/// The themes beside the one of the files, in every tier that has colours of its own.
fn other_looks() -> impl Iterator<Item = (Scheme, Look)> {
    let tiers = [Colours::True, Colours::Indexed];
    let all = Scheme::ALL.into_iter().flat_map(move |scheme| tiers.map(|tier| (scheme, tier)));
    all.map(|(scheme, colours)| (scheme, Look { colours, palette: Palette::of(scheme), ..Look::default() }))
}

/// Holds a screen in every theme against the one of the files: the same text, everything with a colour of the theme's,
/// and whatever stands there can be read on the backgrounds the theme is made for.
fn holds_in_every_theme(name: &str, size: (u16, u16), screen: impl Fn(Look, (u16, u16)) -> Buffer) {
    let text = text_rows(&screen(Look::default(), size));
    let mut styles: Vec<Vec<String>> = Vec::new();
    for (scheme, look) in other_looks() {
        let buf = screen(look, size);
        assert_eq!(text_rows(&buf), text, "{name} {size:?} {scheme:?}");
        can_be_read(&buf, scheme, &format!("{name} {size:?} {scheme:?} {:?}", look.colours));
        if look.colours == Colours::True && matches!(scheme, Scheme::Dark | Scheme::Light) {
            styles.push(style_rows(&buf, &look));
        }
    }
    assert_eq!(styles[0], styles[1], "{name} {size:?}: dark and light differ by more than their colours");
}

/// Holds a screen, in every size, look and theme, against its file.
pub(super) fn holds(name: &str, screen: impl Fn(Look, (u16, u16)) -> Buffer) {
    let sheets: Vec<String> = SIZES.iter().map(|size| sheet(*size, &screen)).collect();
    SIZES.iter().for_each(|size| holds_in_every_theme(name, *size, &screen));
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
