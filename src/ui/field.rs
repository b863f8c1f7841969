//! One line of text that the user types.

use ratatui::crossterm::event::KeyCode;
use unicode_segmentation::UnicodeSegmentation;

use crate::text::is_invisible;

use super::action::Key;
use super::paint::width;

/// KiB a field holds at most: a paste can be of any length. A magnet link of a thousand trackers has room.
pub(crate) const MOST_KIB: usize = 64;

/// What a key did to a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pressed {
    /// The text is another one, or the cursor is elsewhere.
    Edited,
    /// The text is to be taken.
    Enter,
    /// The text is to be forgotten.
    Esc,
    /// Nothing.
    Ignored,
}

/// A line of text and a cursor in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Field {
    text: String,
    /// Where the next character goes, in bytes; always between two characters.
    cursor: usize,
}

/// The part of a field there is room for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Shown<'a> {
    /// Something before it was left out.
    pub(crate) cut: bool,
    /// What stands before the cursor.
    pub(crate) before: &'a str,
    /// The character under the cursor; empty at the end of the text.
    pub(crate) under: &'a str,
    /// What stands behind the cursor.
    pub(crate) after: &'a str,
}

impl Field {
    /// A field with this text, and the cursor at its end.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { cursor: text.len(), text }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Carries out a key. Whatever is no command of the field is text.
    pub(crate) fn press(&mut self, key: Key) -> Pressed {
        match (key.code, key.ctrl) {
            (KeyCode::Enter, _) => return Pressed::Enter,
            (KeyCode::Esc, _) => return Pressed::Esc,
            (KeyCode::Char('u'), true) => self.remove(0, self.cursor),
            (KeyCode::Char('w'), true) => self.remove(self.word_start(), self.cursor),
            (KeyCode::Char(c), false) if !self.insert(&String::from(c)) => return Pressed::Ignored,
            (KeyCode::Char(_), false) => {}
            (KeyCode::Backspace, _) => self.remove(self.before(), self.cursor),
            (KeyCode::Delete, _) => self.remove(self.cursor, self.behind()),
            (KeyCode::Left, _) => self.cursor = self.before(),
            (KeyCode::Right, _) => self.cursor = self.behind(),
            (KeyCode::Home, _) => self.cursor = 0,
            (KeyCode::End, _) => self.cursor = self.text.len(),
            _ => return Pressed::Ignored,
        }
        Pressed::Edited
    }

    /// Puts a text in at the cursor, as one line and without what is no character of a line; all of it, or nothing where
    /// it would be too long. Whether it did.
    pub(crate) fn insert(&mut self, text: &str) -> bool {
        let line = text.trim_matches(['\r', '\n']).chars().filter(|&c| !is_invisible(c));
        let in_line = |c| if matches!(c, '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}') { ' ' } else { c };
        let line: String = line.map(in_line).filter(|c| !c.is_control()).collect();
        let fits = self.text.len() + line.len() <= MOST_KIB << 10;
        if fits {
            self.text.insert_str(self.cursor, &line);
            self.cursor += line.len();
        }
        fits
    }

    fn remove(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.cursor = from;
    }

    fn before(&self) -> usize {
        self.cursor - self.text[..self.cursor].graphemes(true).next_back().map_or(0, str::len)
    }

    fn behind(&self) -> usize {
        self.cursor + self.text[self.cursor..].graphemes(true).next().map_or(0, str::len)
    }

    fn word_start(&self) -> usize {
        let word = self.text[..self.cursor].trim_end();
        word.char_indices().rev().find(|(_, c)| c.is_whitespace()).map_or(0, |(at, c)| at + c.len_utf8())
    }

    /// What of it is shown in so many columns: always the cursor, and as much as fits around it.
    pub(crate) fn shown(&self, columns: usize) -> Shown<'_> {
        let under_end = self.behind();
        let under = &self.text[self.cursor..under_end];
        let room = columns.saturating_sub(width(under).max(1));
        let all_behind = width(&self.text[under_end..]);
        // A quarter of the room stays for what comes next, where there is anything.
        let mut start = self.cursor;
        let mut left = room.saturating_sub(all_behind.min(room / 4));
        for (at, grapheme) in self.text[..self.cursor].grapheme_indices(true).rev() {
            let needs = width(grapheme);
            // What is cut takes a column for its mark.
            if needs + usize::from(at > 0) > left {
                break;
            }
            left -= needs;
            start = at;
        }
        let before = &self.text[start..self.cursor];
        let mut end = under_end;
        let mut left = room.saturating_sub(width(before) + usize::from(start > 0));
        for (at, grapheme) in self.text[under_end..].grapheme_indices(true) {
            if width(grapheme) > left {
                break;
            }
            left -= width(grapheme);
            end = under_end + at + grapheme.len();
        }
        Shown { cut: start > 0, before, under, after: &self.text[under_end..end] }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(code: KeyCode) -> Key {
        Key { code, ctrl: false }
    }

    fn ctrl(c: char) -> Key {
        Key { code: KeyCode::Char(c), ctrl: true }
    }

    fn after(text: &str, keys: &[Key]) -> (String, usize) {
        let mut field = Field::new(text);
        keys.iter().for_each(|key| assert_eq!(field.press(*key), Pressed::Edited));
        (field.text, field.cursor)
    }

    #[test]
    fn text_goes_in_at_the_cursor() {
        let typed = [key(KeyCode::Left), key(KeyCode::Char('x')), key(KeyCode::Char('ä'))];
        assert_eq!(after("ab", &typed), ("axäb".to_owned(), 4));
        assert_eq!(after("ab", &[key(KeyCode::Home), key(KeyCode::Delete)]), ("b".to_owned(), 0));
        assert_eq!(after("ab", &[key(KeyCode::Home), key(KeyCode::End)]), ("ab".to_owned(), 2));
    }

    #[test]
    fn what_a_person_takes_for_one_character_goes_as_one() {
        assert_eq!(after("e\u{301}👩‍👧", &[key(KeyCode::Backspace)]), ("e\u{301}".to_owned(), 3));
        let twice = [key(KeyCode::Backspace), key(KeyCode::Backspace), key(KeyCode::Backspace)];
        assert_eq!(after("e\u{301}漢", &twice), (String::new(), 0));
    }

    #[test]
    fn words_and_everything_before_the_cursor_can_be_taken_out() {
        assert_eq!(after("one two  ", &[ctrl('w')]), ("one ".to_owned(), 4));
        assert_eq!(after("one", &[ctrl('w'), ctrl('w')]), (String::new(), 0));
        assert_eq!(after("one two", &[key(KeyCode::Left), ctrl('u')]), ("o".to_owned(), 0));
    }

    #[test]
    fn every_other_key_is_text_or_nothing() {
        let mut field = Field::default();
        for c in "q?/ uw:".chars() {
            assert_eq!(field.press(key(KeyCode::Char(c))), Pressed::Edited);
        }
        assert_eq!(field.text(), "q?/ uw:");
        for other in
            [ctrl('l'), ctrl('z'), ctrl('a'), key(KeyCode::Tab), key(KeyCode::Up), key(KeyCode::F(1))]
        {
            assert_eq!(field.press(other), Pressed::Ignored);
        }
        assert_eq!(field.press(key(KeyCode::Enter)), Pressed::Enter);
        assert_eq!(field.press(key(KeyCode::Esc)), Pressed::Esc);
        assert_eq!(field.text(), "q?/ uw:");
    }

    #[test]
    fn a_paste_is_one_line_of_what_can_be_shown() {
        let mut field = Field::default();
        assert!(field.insert("\n1.2.3.4:5\r\n"));
        assert_eq!(field.text(), "1.2.3.4:5");
        assert!(field.insert("\x1b[31m\u{202e}a\tb\nc"));
        assert_eq!(field.text(), "1.2.3.4:5[31ma b c");
        assert!(!field.insert(&"漢".repeat(30_000)), "it is too long");
        assert_eq!(field.text(), "1.2.3.4:5[31ma b c", "nothing of it is taken");
        assert!(field.insert(&"漢".repeat(20_000)));
        assert!(field.text().len() <= MOST_KIB << 10);
    }

    #[test]
    fn the_cursor_is_always_in_sight() {
        let mut field = Field::new("0123456789");
        let shown = |field: &Field, columns| {
            let shown = field.shown(columns);
            let cut = if shown.cut { "…" } else { "" };
            format!("{cut}{}[{}]{}", shown.before, shown.under, shown.after)
        };
        assert_eq!(shown(&field, 20), "0123456789[]");
        assert_eq!(shown(&field, 11), "0123456789[]");
        assert_eq!(shown(&field, 8), "…456789[]");
        field.press(key(KeyCode::Home));
        assert_eq!(shown(&field, 8), "[0]1234567");
        (0..5).for_each(|_| assert_eq!(field.press(key(KeyCode::Right)), Pressed::Edited));
        assert_eq!(shown(&field, 6), "…234[5]6");
    }

    proptest! {
        #[test]
        fn any_keys_keep_it_whole_and_in_its_columns(
            text in "\\PC{0,30}",
            keys in proptest::collection::vec(0u8..10, 0..30),
            columns in 0usize..40,
        ) {
            let mut field = Field::new("");
            field.insert(&text);
            for pick in keys {
                field.press(match pick {
                    0 => key(KeyCode::Backspace),
                    1 => key(KeyCode::Delete),
                    2 | 3 => key(KeyCode::Left),
                    4 => key(KeyCode::Right),
                    5 => key(KeyCode::Home),
                    6 => ctrl('w'),
                    7 => key(KeyCode::Char('\u{301}')),
                    _ => key(KeyCode::Char('漢')),
                });
                prop_assert!(field.text.is_char_boundary(field.cursor));
                let shown = field.shown(columns);
                let used = usize::from(shown.cut)
                    + [shown.before, shown.under, shown.after].iter().map(|part| width(part)).sum::<usize>();
                prop_assert!(used <= columns.max(3), "{used} of {columns}: {shown:?}");
            }
        }
    }
}
