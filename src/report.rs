//! What a run found out, as text for people and JSON for programs.

pub mod check;
pub mod handshake;
pub mod info;
pub mod progress;
pub mod table;
pub mod verify;

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::text::{acts_on_terminals, clean};

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
    let mut line = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut line, Harmless);
    report.serialize(&mut serializer).expect("reports hold only strings, numbers, lists and structs");
    String::from_utf8(line).expect("JSON is text")
}

/// Escapes what a terminal would act on, should somebody look at the JSON there; programs read the same text.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| acts_on_terminals(*c)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

/// A cell. What a spreadsheet would take for a formula is told apart by an apostrophe: names come from peers. A formula
/// may begin behind a semicolon or a tab, too: they end cells where the comma is the decimal point.
fn csv_cell(cell: &str) -> String {
    let mut guarded = String::with_capacity(cell.len() + 1);
    let mut begins = true;
    for c in cell.chars() {
        let formula = matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
        guarded.extend((begins && formula).then_some('\''));
        guarded.push(c);
        begins = matches!(c, ';' | '\t' | '\r' | '\n') || begins && c.is_whitespace();
    }
    if guarded.len() == cell.len() && !cell.contains([',', ';', '"', '\t', '\r', '\n']) {
        return guarded;
    }
    format!("\"{}\"", guarded.replace('"', "\"\""))
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
    use super::{csv_cell, json_line, markdown_cell};

    #[test]
    fn json_is_harmless_on_a_terminal_and_the_same_to_programs() {
        let text = "a\u{1b}]0;x\u{7}\u{7f}\u{9b}2J\u{85}\u{202e}\u{200b}\u{2028}\u{e0041}\u{1d11e}é\"\\\n";
        let line = json_line(&[text]);
        let expected = r#"["a\u001b]0;x\u0007\u007f\u009b2J\u0085\u202e\u200b\u2028\udb40\udc41𝄞é\"\\\n"]"#;
        assert_eq!(line, expected);
        assert_eq!(serde_json::from_str::<Vec<String>>(&line).unwrap(), [text]);
    }

    #[test]
    fn quotes_what_would_break_a_line_or_run_as_a_formula() {
        assert_eq!(csv_cell("plain text"), "plain text");
        assert_eq!(csv_cell("a,b"), "\"a,b\"");
        assert_eq!(csv_cell("say \"x\""), "\"say \"\"x\"\"\"");
        assert_eq!(csv_cell("=1+1"), "\"'=1+1\"");
        assert_eq!(csv_cell("-2+3"), "\"'-2+3\"");
        assert_eq!(csv_cell(" =1"), "\" '=1\"");
        assert_eq!(csv_cell("＝1"), "\"'＝1\"");
        assert_eq!(csv_cell("a;=1;b-2"), "\"a;'=1;b-2\"");
        assert_eq!(csv_cell("a\t@x"), "\"a\t'@x\"");
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
