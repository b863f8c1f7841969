//! The screens in ASCII.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// What the screens' characters become where only ASCII may be shown.
fn ascii_of(symbol: &str) -> &'static str {
    match symbol {
        "─" | "╸" | "–" => "-",
        "━" => "=",
        "│" | "┃" | "┤" => "|",
        "┼" => "+",
        "█" => "#",
        "▓" => "+",
        "▒" => "-",
        "░" | "▄" => "~",
        "·" => ".",
        "●" => "*",
        "○" => "o",
        "◐" => "c",
        "◌" => "~",
        "✗" => "x",
        "⊘" => "#",
        "✓" => "+",
        "▲" => "!",
        "▸" | "→" | "…" | "»" => ">",
        "▾" => "v",
        "▴" => "^",
        "‖" => "=",
        "■" => "#",
        "↓" => "v",
        "↑" => "^",
        "←" => "<",
        "µ" => "u",
        "×" => "x",
        _ => "?",
    }
}

/// Replaces everything in the area that is not ASCII. Screens are drawn with their full set of characters and
/// pass through here last, so no string from outside can slip by.
pub(crate) fn to_ascii(buf: &mut Buffer, area: Rect) {
    let area = area.intersection(buf.area);
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            let cell = &mut buf[(x, y)];
            if !cell.symbol().is_ascii() {
                let plain = ascii_of(cell.symbol());
                cell.set_symbol(plain);
            }
        }
    }
}
