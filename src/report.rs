//! What a run found out, as text for people and JSON for programs.

pub mod check;
pub mod handshake;
pub mod info;
pub mod progress;
pub mod table;
pub mod verify;

use serde::Serialize;

use crate::text::clean;

/// Bytes in lower-case hex.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A report as one line of JSON.
fn json_line(report: &impl Serialize) -> String {
    serde_json::to_string(report).expect("reports hold only strings, numbers, lists and structs")
}

/// A cell. One that a spreadsheet would take for a formula is told apart by an apostrophe: names come from peers.
fn csv_cell(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if guard.is_empty() && !cell.contains([',', '"', '\n', '\r']) {
        return cell.to_owned();
    }
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

/// Text that can neither end its cell nor be taken for markup, and that calls nobody: what a stranger says is to make
/// no links, images, mentions or references where it is pasted.
fn markdown_cell(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in clean(text, 500).chars() {
        match c {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '!' | '~' | '$' => shown.extend(['\\', c]),
            '&' => shown.push_str("&amp;"),
            // Mentions and references are looked for behind all markup; an empty comment keeps them apart.
            '@' => shown.push_str("@<!-- -->"),
            '#' => shown.push_str("\\#<!-- -->"),
            c => shown.push(c),
        }
    }
    shown.replace("://", "\\://").replace("www.", "www\\.")
}

#[cfg(test)]
mod tests {
    use super::{csv_cell, markdown_cell};

    #[test]
    fn quotes_what_would_break_a_line_or_run_as_a_formula() {
        assert_eq!(csv_cell("plain text"), "plain text");
        assert_eq!(csv_cell("a,b"), "\"a,b\"");
        assert_eq!(csv_cell("say \"x\""), "\"say \"\"x\"\"\"");
        assert_eq!(csv_cell("=1+1"), "\"'=1+1\"");
        assert_eq!(csv_cell("-2+3"), "\"'-2+3\"");
    }

    #[test]
    fn disarms_markup() {
        assert_eq!(markdown_cell("a|b\n<img>![x](y)"), r"a\|b \<img\>\!\[x\](y)");
        assert_eq!(markdown_cell("@you #1 &lt; ~a~"), r"@<!-- -->you \#<!-- -->1 &amp;lt; \~a\~");
        assert_eq!(
            markdown_cell("see http://x.example www.x.example"),
            r"see http\://x.example www\.x.example"
        );
    }
}
