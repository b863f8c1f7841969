//! Two handshakes side by side: field by field, or byte by byte.

use crate::event::Attempt;
use crate::ui::paint::Spans;
use crate::ui::theme::Role;

/// The fields of a handshake (BEP 3): where each begins, how long it is, what it is called.
const FIELDS: [(usize, usize, &str); 4] =
    [(0, 20, "protocol"), (20, 8, "reserved"), (28, 20, "info hash"), (48, 20, "peer id")];

/// What the reserved bits say that are known: counted from the right (BEP 10, 5, 6 and 52).
const BITS: [(u32, &str); 4] = [(20, "ltep"), (0, "dht"), (2, "fast"), (4, "v2")];

/// The names of the bits that are set.
pub(super) fn reserved_names(bytes: &[u8]) -> String {
    let Ok(bytes) = <[u8; 8]>::try_from(bytes) else {
        return String::new();
    };
    let word = u64::from_be_bytes(bytes);
    let mut names: Vec<String> =
        BITS.iter().filter(|(bit, _)| word >> bit & 1 == 1).map(|(_, name)| (*name).to_owned()).collect();
    let known: u64 = BITS.iter().map(|(bit, _)| 1u64 << bit).sum();
    let unknown: Vec<u32> = (0..64).filter(|bit| (word & !known) >> bit & 1 == 1).collect();
    if unknown.len() > 4 {
        names.push(format!("+{} unknown bits", unknown.len()));
    } else {
        names.extend(unknown.iter().map(|bit| format!("+bit {bit}")));
    }
    if names.is_empty() { "nothing".to_owned() } else { names.join(" ") }
}

fn hex(bytes: &[u8], most: usize) -> String {
    let mut shown: Vec<String> = bytes.iter().take(most).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > most {
        shown.push("…".to_owned());
    }
    shown.join(" ")
}

fn printable(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' }).collect()
}

/// The four fields, ours beside its own.
pub(super) fn fields(attempt: &Attempt, columns: u16) -> Vec<Spans> {
    // As many bytes as there is room for twice, twenty at most and eight at least. What it sent the same needs no room.
    let is_same =
        |range: std::ops::Range<usize>| attempt.received.get(range.clone()) == attempt.sent.get(range);
    let most = match columns {
        112.. if is_same(0..20) && is_same(28..48) => 20,
        100.. => usize::from((columns - 22) / 6).min(20),
        _ => 8,
    };
    let room = most * 3 + 3;
    let pad = |text: &str, to: usize| format!("{text:<to$}");
    let mut lines =
        vec![Spans::new().add(Role::Dim, format!("{}{}IT SENT", " ".repeat(14), pad("WE SENT", room)))];
    let starts_right = attempt.received.iter().zip(b"\x13BitTorrent protocol").all(|(a, b)| a == b);
    if !attempt.received.is_empty() && !starts_right {
        lines.push(
            Spans::new()
                .add(Role::Text, pad(" 0 protocol", 14))
                .add(Role::Text, pad(&hex(attempt.sent.get(..20).unwrap_or(&attempt.sent), most), room))
                .add(Role::Harmless, "✗")
                .add(Role::Harmless, " no handshake"),
        );
        for (at, chunk) in attempt.received.chunks(16).enumerate() {
            let text = format!("{:>2}  {:<48} {}", at * 16, hex(chunk, 16), printable(chunk));
            lines.push(Spans::new().add(Role::Text, text));
        }
        return lines;
    }
    for (from, length, name) in FIELDS {
        let range = from..from + length;
        let sent = attempt.sent.get(range.clone());
        let received = attempt.received.get(range.clone());
        let head = pad(&format!("{from:>2} {name}"), 14);
        let ours = sent.map_or_else(|| "–".to_owned(), |bytes| field(name, bytes, most));
        let mut line = Spans::new().add(Role::Text, head).add(Role::Text, pad(&ours, room));
        match received {
            Some(bytes) if sent == Some(bytes) => {
                line.push(Role::Text, "the same ");
                line.push(Role::Progress, "✓");
            }
            Some(bytes) if name == "info hash" => {
                line.push(Role::Harmless, "✗");
                line.push(Role::Harmless, format!(" {}", hex(bytes, most)));
            }
            Some(bytes) => line.push(Role::Text, field(name, bytes, most)),
            None => {
                let part = attempt.received.get(from..).unwrap_or(&[]);
                let text = if part.is_empty() {
                    "nothing".to_owned()
                } else {
                    format!("{}, then nothing", hex(part, most))
                };
                line.push(Role::Dim, text);
            }
        }
        lines.push(line);
        if name == "reserved" {
            let names = |bytes: Option<&[u8]>| bytes.map(reserved_names).unwrap_or_default();
            let text = format!("{}{}{}", " ".repeat(14), pad(&names(sent), room), names(received));
            lines.push(Spans::new().add(Role::Dim, text));
        }
    }
    lines
}

fn field(name: &str, bytes: &[u8], most: usize) -> String {
    if name == "peer id" { printable(bytes) } else { hex(bytes, most) }
}

/// All bytes: ours, then its own.
pub(super) fn all(attempt: &Attempt, columns: u16) -> Vec<Spans> {
    let a_line = if columns >= 72 { 16 } else { 8 };
    let mut lines = Vec::new();
    for (who, bytes) in [("WE SENT", &attempt.sent), ("IT SENT", &attempt.received)] {
        lines.push(Spans::new().add(Role::Dim, format!("{who}  {} bytes", bytes.len())));
        for (at, chunk) in bytes.chunks(a_line).enumerate() {
            let columns = a_line * 3;
            let text = format!("{:>2}  {:<columns$} {}", at * a_line, hex(chunk, a_line), printable(chunk));
            lines.push(Spans::new().add(Role::Text, text));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_bits_it_knows_and_counts_the_others() {
        assert_eq!(reserved_names(&[0, 0, 0, 0, 0, 0x10, 0, 0x05]), "ltep dht fast");
        assert_eq!(reserved_names(&[0, 0, 0, 0, 0, 0x18, 0, 0x05]), "ltep dht fast +bit 19");
        assert_eq!(reserved_names(&[0; 8]), "nothing");
        assert_eq!(reserved_names(&[0xff; 8]), "ltep dht fast v2 +60 unknown bits");
    }

    #[test]
    fn unprintable_bytes_never_reach_the_screen() {
        assert_eq!(printable(b"a\x1b[31m\xff"), "a.[31m.");
    }
}
