//! Text measured in the columns of a terminal.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Columns the text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.graphemes(true).map(cell_width).sum() }
}

/// Columns of one grapheme.
pub(crate) fn cell_width(grapheme: &str) -> usize {
    UnicodeWidthStr::width(drawn(grapheme))
}

/// What is drawn of a grapheme: towers of combining characters, and what terminals do not agree on the width of,
/// are reduced to their base.
pub(crate) fn drawn(grapheme: &str) -> &str {
    if grapheme.len() > 24 || UnicodeWidthStr::width(grapheme) > 2 {
        let base = grapheme.chars().next().map_or(0, char::len_utf8);
        &grapheme[..base]
    } else {
        grapheme
    }
}

/// The text in at most `most` columns; what was cut ends in one `…`, also where it is cut behind another.
pub(crate) fn clip(text: &str, most: usize) -> Cow<'_, str> {
    // No character takes more than two columns, so most strings need no measuring at all.
    if text.len() <= most || width(text) <= most {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(most + 3);
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let columns = cell_width(grapheme);
        if used + columns + 1 > most {
            break;
        }
        used += columns;
        kept.push_str(grapheme);
    }
    if most > 0 && !kept.ends_with('…') {
        kept.push('…');
    }
    Cow::Owned(kept)
}

/// Breaks the text at spaces into lines of at most `most` columns.
pub(crate) fn wrap(text: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let columns = width(word).min(most);
        if used > 0 && used + 1 + columns > most {
            lines.push(String::new());
            used = 0;
        }
        let line = lines.last_mut().expect("there is always a line");
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(&clip(word, most));
        used += columns;
    }
    lines
}
