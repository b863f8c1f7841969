//! Makes strings that came from outside (peers, trackers, torrent files) safe to show.
//!
//! Whatever passes through here holds no control character, no escape sequence and nothing that turns the
//! writing direction around, so a terminal shows it and does nothing else.

pub(crate) mod columns;

/// Decodes `bytes` as UTF-8 (what is not becomes `�`) and cleans them as [`clean`] does.
pub fn clean_bytes(bytes: &[u8], most_chars: usize) -> String {
    clean(&String::from_utf8_lossy(&bytes[..bytes.len().min(most_chars.saturating_mul(8))]), most_chars)
}

/// At most `most_chars` characters of `text`, with controls shown as `·`, every kind of line break and tab as a
/// space, and invisible or direction-changing characters left out. What was cut ends in `…`.
pub fn clean(text: &str, most_chars: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(most_chars * 4));
    for (kept, c) in text.chars().filter(|&c| !is_invisible(c)).enumerate() {
        if kept == most_chars {
            shown.pop();
            shown.push('…');
            break;
        }
        shown.push(match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
            c if c.is_control() => '·',
            c => c,
        });
    }
    shown
}

/// Cleans as [`clean`] does, but only where there is something to clean.
pub fn clean_in_place(text: &mut String, most_chars: usize) {
    if text.len() > most_chars || text.chars().any(acts_on_terminals) {
        *text = clean(text, most_chars);
    }
}

/// The text of an error of the system less the ` (os error N)` that std appends.
pub fn without_number(text: &str) -> &str {
    text.split(" (os error").next().unwrap_or(text)
}

/// Bytes as they came, printable ASCII as it is and everything else escaped as in source code (`\r`, `\x1b`), cut
/// after `most_bytes` with `…`.
///
/// ```
/// assert_eq!(ttui::text::escape(b"HTTP/1.1 400\r\n\xff", 80), r"HTTP/1.1 400\r\n\xff");
/// ```
pub fn escape(bytes: &[u8], most_bytes: usize) -> String {
    let shown = bytes[..bytes.len().min(most_bytes)].escape_ascii();
    format!("{shown}{}", if bytes.len() > most_bytes { "…" } else { "" })
}

/// Whether a terminal does something else than to show it: what [`clean`] takes away.
pub(crate) fn acts_on_terminals(c: char) -> bool {
    c.is_control() || is_invisible(c) || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Zero-width characters, direction marks and overrides, tags, variation selectors, and the byte order mark.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// A tracker or web address as it may be shown: scheme, host and port. Paths and queries hold passkeys.
pub fn url_shown(url: &str) -> String {
    let is_scheme = |scheme: &str| scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        return clean(url.split(['/', '?', '#']).next().unwrap_or_default(), 80);
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    clean(&format!("{scheme}://{host}"), 120)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn disarms_escape_sequences() {
        assert_eq!(clean("\x1b]0;owned\x07ok\x1b[31m", 80), "·]0;owned·ok·[31m");
        assert_eq!(clean("a\u{202e}b\r\nc", 80), "ab  c");
    }

    #[test]
    fn cuts_with_an_ellipsis() {
        assert_eq!(clean("abcdef", 4), "abc…");
        assert_eq!(clean("abcd", 4), "abcd");
    }

    #[test]
    fn hides_passkeys() {
        assert_eq!(url_shown("https://me:pw@t.example:443/0123abcd/announce?key=1"), "https://t.example:443");
        assert_eq!(url_shown("udp://t.example:6969"), "udp://t.example:6969");
        assert_eq!(url_shown("t.example/secret"), "t.example");
        assert_eq!(url_shown("t.example?pass=1://x"), "t.example");
    }

    proptest! {
        #[test]
        fn nothing_that_acts_on_a_terminal_is_left(bytes in proptest::collection::vec(any::<u8>(), 0..300), most in 0usize..100) {
            let shown = clean_bytes(&bytes, most);
            prop_assert!(shown.chars().count() <= most.max(1));
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_invisible(c)));
            let mut again = shown.clone();
            clean_in_place(&mut again, most);
            prop_assert_eq!(again, shown);
        }
    }
}
