//! The terminal's answer to which background it has, told from keys.
//!
//! It comes among the keys, at once, late or never, whole or in parts: `ESC ] 11 ; rgb:rrrr/gggg/bbbb` and BEL or
//! `ESC \`. What reads the terminal takes such a sequence for keys: Alt-], the characters, and Ctrl-G or Alt-\; an ESC at
//! the end of what came is Esc. Alt-] is the key of nothing, so whatever begins with it is held to be an answer.

use std::time::Duration;

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::time::Instant;

use crate::ui::theme::Ground;

/// How long the first frame waits for the answer.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);
/// How long after the question an Esc may be the beginning of the answer.
const ASKED: Duration = Duration::from_secs(3);
/// How long such an Esc is kept back.
const KEPT: Duration = Duration::from_millis(250);
/// No answer is longer.
const LONGEST: usize = 40;

/// What of an answer has come.
#[derive(Debug, Default)]
enum Heard {
    /// Nothing.
    #[default]
    Nothing,
    /// An Esc, which may be one; until then it is kept back.
    Escape(KeyEvent, Instant),
    /// Its text so far.
    Part(String),
    /// All of it, and the ESC of its end.
    Ending(String),
}

/// Tells the answer from keys.
#[derive(Debug, Default)]
pub(super) struct Background {
    asked: Option<Instant>,
    heard: Heard,
}

/// What an event turned out to be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// A key of the user that was kept back.
    pub(super) before: Option<Event>,
    /// Whether the event itself is the user's.
    pub(super) is_of_the_user: bool,
    /// The background.
    pub(super) ground: Option<Ground>,
}

impl Background {
    /// The question was put to the terminal.
    pub(super) fn asked(&mut self, now: Instant) {
        self.asked = Some(now);
    }

    /// When a key that is kept back is the user's after all.
    pub(super) fn kept_until(&self) -> Option<Instant> {
        match &self.heard {
            Heard::Escape(_, until) => Some(*until),
            _ => None,
        }
    }

    /// A key that was kept back long enough.
    pub(super) fn let_go(&mut self, now: Instant) -> Option<Event> {
        match self.heard {
            Heard::Escape(key, until) if until <= now => {
                self.heard = Heard::Nothing;
                Some(Event::Key(key))
            }
            _ => None,
        }
    }

    /// Looks at an event of the terminal.
    pub(super) fn hear(&mut self, event: &Event, now: Instant) -> Told {
        let users = Told { is_of_the_user: true, ..Told::default() };
        let (Some(asked), Event::Key(key)) = (self.asked, event) else { return users };
        if key.kind == KeyEventKind::Release {
            return users;
        }
        let swallowed = Told::default();
        match std::mem::take(&mut self.heard) {
            Heard::Nothing => match character(key) {
                Some((']', true)) => {
                    self.heard = Heard::Part(String::new());
                    swallowed
                }
                _ if key.code == KeyCode::Esc && now < asked + ASKED => {
                    self.heard = Heard::Escape(*key, now + KEPT);
                    swallowed
                }
                _ => users,
            },
            Heard::Escape(escape, _) => match character(key) {
                Some((']', _)) => {
                    self.heard = Heard::Part(String::new());
                    swallowed
                }
                _ => {
                    // It may be the first of two.
                    let next = self.hear(event, now);
                    Told { before: Some(Event::Key(escape)), ..next }
                }
            },
            Heard::Part(text) => self.go_on(text, key),
            Heard::Ending(text) => match character(key) {
                Some(('\\', _)) => Told { ground: ground(&text), ..swallowed },
                _ => users,
            },
        }
    }

    /// One more key behind a part of the answer.
    fn go_on(&mut self, mut text: String, key: &KeyEvent) -> Told {
        let end = Told { ground: ground(&text), ..Told::default() };
        if key.code == KeyCode::Char('g') && key.modifiers == KeyModifiers::CONTROL {
            return end;
        }
        match character(key) {
            Some(('\\', true)) => return end,
            Some((c, false)) if text.len() < LONGEST && may_follow(&text, c) => {
                text.push(c);
                self.heard = Heard::Part(text);
                return Told::default();
            }
            _ => {}
        }
        if key.code == KeyCode::Esc {
            self.heard = Heard::Ending(text);
            return Told::default();
        }
        // It was cut off, or never was one: this key is the user's.
        Told { is_of_the_user: true, ..Told::default() }
    }
}

/// The character of a key, and whether with Alt.
fn character(key: &KeyEvent) -> Option<(char, bool)> {
    let KeyCode::Char(c) = key.code else { return None };
    match key.modifiers - KeyModifiers::SHIFT {
        KeyModifiers::NONE => Some((c, false)),
        KeyModifiers::ALT => Some((c, true)),
        _ => None,
    }
}

/// Whether an answer that begins so can go on so.
fn may_follow(text: &str, c: char) -> bool {
    const BEGIN: &str = "11;rgb:";
    match BEGIN.chars().nth(text.len()) {
        Some(expected) => c == expected,
        None => c.is_ascii_hexdigit() || c == '/',
    }
}

/// The background that `11;rgb:rrrr/gggg/bbbb` tells of; each part has one to four digits.
fn ground(answer: &str) -> Option<Ground> {
    let parts = answer.strip_prefix("11;rgb:")?;
    let part = |digits: &str| {
        let most = 16_u32.checked_pow(digits.len() as u32)?.checked_sub(1).filter(|most| *most > 0)?;
        let value = u32::from_str_radix(digits, 16).ok()?;
        u8::try_from(value * 255 / most).ok()
    };
    let mut parts = parts.split('/').map(|digits| part(digits).filter(|_| digits.len() <= 4));
    let colour = [parts.next()??, parts.next()??, parts.next()??];
    Some(Ground::of(colour))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(code, modifiers))
    }

    /// What the terminal's reader makes of bytes that come at once.
    fn events(bytes: &[u8]) -> Vec<Event> {
        let (mut events, mut rest) = (Vec::new(), bytes);
        while let Some((first, behind)) = rest.split_first() {
            rest = behind;
            events.push(match (first, behind.split_first()) {
                (0x1b, Some((next, behind))) => {
                    rest = behind;
                    key(KeyCode::Char(char::from(*next)), KeyModifiers::ALT)
                }
                (0x1b, None) => key(KeyCode::Esc, KeyModifiers::NONE),
                (0x07, _) => key(KeyCode::Char('g'), KeyModifiers::CONTROL),
                (c, _) => key(KeyCode::Char(char::from(*c)), KeyModifiers::NONE),
            });
        }
        events
    }

    const WHITE: [&[u8]; 2] = [b"\x1b]11;rgb:ffff/ffff/ffff\x07", b"\x1b]11;rgb:fd/f6/e3\x1b\\"];
    const DARK: &[u8] = b"\x1b]11;rgb:0000/2b2b/3636\x1b\\";

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_never_keys_wherever_it_is_split_and_however_late_it_is() {
        for (answer, expected) in [(WHITE[0], Ground::Light), (WHITE[1], Ground::Light), (DARK, Ground::Dark)]
        {
            for split in 0..answer.len() {
                for late in [0, 300, 10_000] {
                    let mut background = Background::default();
                    background.asked(Instant::now());
                    // An Esc is only taken for the beginning of an answer for a while.
                    tokio::time::advance(Duration::from_millis(if split == 1 {
                        late.min(2000)
                    } else {
                        late
                    }))
                    .await;
                    let (one, other) = answer.split_at(split);
                    let mut ground = None;
                    for part in [one, other] {
                        for event in events(part) {
                            let told = background.hear(&event, Instant::now());
                            assert!(!told.is_of_the_user && told.before.is_none(), "{split}: {event:?}");
                            ground = ground.or(told.ground);
                        }
                        tokio::time::advance(Duration::from_millis(200)).await;
                        assert_eq!(background.let_go(Instant::now()), None);
                    }
                    assert_eq!(ground, Some(expected), "{split}");
                    let next = key(KeyCode::Char('2'), KeyModifiers::NONE);
                    assert!(background.hear(&next, Instant::now()).is_of_the_user);
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn keys_stay_keys() {
        let mut background = Background::default();
        let escape = key(KeyCode::Esc, KeyModifiers::NONE);
        let plain = |c| key(KeyCode::Char(c), KeyModifiers::NONE);
        // Nothing was asked.
        assert!(background.hear(&escape, Instant::now()).is_of_the_user);
        background.asked(Instant::now());
        for c in ['1', ']', 'f', '\\', '2'] {
            assert!(background.hear(&plain(c), Instant::now()).is_of_the_user, "{c}");
        }
        // An Esc is kept back for a moment, and comes before the next key.
        assert!(!background.hear(&escape, Instant::now()).is_of_the_user);
        let told = background.hear(&plain('2'), Instant::now());
        assert_eq!(told, Told { before: Some(escape.clone()), is_of_the_user: true, ground: None });
        assert!(!background.hear(&escape, Instant::now()).is_of_the_user);
        let until = background.kept_until().unwrap();
        tokio::time::advance(KEPT).await;
        assert!(until <= Instant::now());
        assert_eq!(background.let_go(Instant::now()), Some(escape.clone()));
        assert_eq!(background.let_go(Instant::now()), None);
        // Later it is only a key.
        tokio::time::advance(ASKED).await;
        assert!(background.hear(&escape, Instant::now()).is_of_the_user);
        // What was cut off ends with the next key that cannot belong to it.
        for event in events(b"\x1b]11;rgb:ff") {
            assert!(!background.hear(&event, Instant::now()).is_of_the_user);
        }
        assert!(background.hear(&plain('q'), Instant::now()).is_of_the_user);
        assert!(background.hear(&plain('f'), Instant::now()).is_of_the_user);
    }

    #[test]
    fn an_answer_without_sense_tells_nothing() {
        for wrong in
            ["", "11;", "11;rgb:", "11;rgb:ff/ff", "11;rgb:ff/ff/", "11;rgb:fffff/ff/ff", "11;rgb:////"]
        {
            assert_eq!(ground(wrong), None, "{wrong}");
        }
        assert_eq!(ground("11;rgb:f/f/f"), Some(Ground::Light));
        assert_eq!(ground("11;rgb:eeee/e8e8/d5d5"), Some(Ground::Light));
        assert_eq!(ground("11;rgb:2828/2828/2828"), Some(Ground::Dark));
    }
}
