//! A recording in the screens: how it stands, what keys ask of it, and what cannot be done to it.

use std::sync::Arc;
use std::time::Duration;

use crate::ledger::View;
use crate::record::{Control, MarkKind, Playback, Replay};
use crate::units;

use super::action::{Action, Binding, Key};
use super::model::Model;
use super::prompt::{self, Ask, Said};

/// What is answered to a key that would change the run.
const REFUSED: &str = "Replay is read-only: nothing of a recording can be changed.";

/// A recording to be shown.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The name of its file.
    pub name: String,
    /// What plays it.
    pub replay: Arc<Replay>,
}

/// How the replay stands that the screen shows.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The name of its file.
    pub name: String,
    /// Where it is, and how fast it goes.
    pub playback: Playback,
    /// What keys asked of it, until that is handed on.
    pub asked: Vec<Control>,
}

impl Standing {
    /// A replay of the file of this name.
    pub fn new(name: &str, playback: Playback) -> Self {
        Self { name: crate::text::clean(name, 200), playback, asked: Vec::new() }
    }

    /// Whether it stands at its end.
    pub fn is_over(&self) -> bool {
        !self.playback.playing && self.playback.position >= self.playback.end
    }

    /// Why this cannot be done here.
    fn refusal(&self, control: Control) -> Option<&'static str> {
        let Playback { position, marks, .. } = &self.playback;
        let mut failures = marks.iter().filter(|mark| mark.kind == MarkKind::Failure);
        match control {
            Control::NextFailure if !failures.any(|mark| mark.at > *position) => {
                Some("Nothing fails after this.")
            }
            Control::PreviousFailure if !failures.any(|mark| mark.at < *position) => {
                Some("Nothing fails before this.")
            }
            _ => None,
        }
    }
}

/// Whether it asks the engine for something: a recording has none.
pub(crate) fn is_for_the_engine(action: Action) -> bool {
    matches!(
        action,
        Action::Pause
            | Action::Hold
            | Action::Drop
            | Action::Ban
            | Action::Retry
            | Action::Undo
            | Action::Announce
            | Action::Recheck
            | Action::Record
            | Action::AddPeer
            | Action::LimitDown
            | Action::LimitUp
    )
}

/// Carries out what a recording does otherwise than a run; false where it is no different.
pub(super) fn update(model: &mut Model, action: Action, view: &View) -> bool {
    let Some(replay) = &mut model.replay else { return false };
    match action {
        Action::Replay(control) => match replay.refusal(control) {
            Some(why) => model.say(why, false),
            None => {
                replay.asked.push(control);
                model.note = None;
            }
        },
        Action::GoTo => prompt::open(model, Ask::GoTo, view),
        action if is_for_the_engine(action) => model.say(REFUSED, false),
        Action::Quit if model.open.is_empty() => model.leaving = true,
        Action::QuitNow => model.leaving = true,
        _ => return false,
    }
    true
}

/// Answers a key that would change the run anywhere, though not where the model stands.
pub(super) fn unbound(model: &mut Model, key: Key) {
    let changes = |(line, keys): (&Binding, &[Key])| keys.contains(&key) && is_for_the_engine(line.action);
    if model.replay.is_some() && model.keys.lines().any(changes) {
        model.say(REFUSED, false);
    }
}

/// Answers a paste: there is nothing that it could be for.
pub(super) fn paste(model: &mut Model) -> bool {
    let is_replay = model.replay.is_some();
    if is_replay {
        model.say(REFUSED, false);
    }
    is_replay
}

/// How a time to go to is understood, or why it is not.
pub(super) fn says(text: &str, playback: &Playback) -> Said {
    let (begin, end) = (playback.begin, playback.end);
    if text.trim().is_empty() {
        return Ok(format!("{} to {}, as 12:30 or 1:02:30", time(begin), time(end)));
    }
    match read_time(text) {
        None => Err("a time, as 12:30, 1:02:30 or 90s".to_owned()),
        Some(at) if at > end && at.as_secs() > end.as_secs() => Err(format!("it ends at {}", time(end))),
        Some(at) if at.as_secs() < begin.as_secs() => Err(format!("it begins at {}", time(begin))),
        Some(at) => Ok(format!("{} of {}", time(at), time(end))),
    }
}

/// Asks to go there.
pub(super) fn go_to(model: &mut Model, text: &str) {
    if let (Some(replay), Some(at)) = (&mut model.replay, read_time(text)) {
        let end = replay.playback.end;
        // The end may lie within the second that the bar shows as its time.
        replay.asked.push(Control::GoTo(if at.as_secs() >= end.as_secs() { end } else { at }));
    }
}

/// A time of the run as the bar shows it: `0:09`, `28:51`, `1:02:30`.
pub(crate) fn time(at: Duration) -> String {
    let s = at.as_secs();
    match s {
        0..3600 => format!("{}:{:02}", s / 60, s % 60),
        _ => format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60),
    }
}

/// Reads `12:30`, `1:02:30`, `0:09.5`, and `90s` or `5m`.
fn read_time(text: &str) -> Option<Duration> {
    let text = text.trim();
    let Some((minutes, seconds)) = text.rsplit_once(':') else { return units::parse_duration(text) };
    let digits = |part: &str| {
        let fine = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u32>().ok().filter(|_| fine).map(u64::from)
    };
    let (whole, _) = seconds.split_once('.').unwrap_or((seconds, ""));
    digits(whole).filter(|seconds| *seconds < 60)?;
    let seconds = units::parse_duration(seconds)?;
    let minutes = match minutes.split_once(':') {
        None => digits(minutes)?,
        Some((hours, minutes)) => digits(hours)? * 60 + digits(minutes).filter(|minutes| *minutes < 60)?,
    };
    Some(seconds + Duration::from_secs(minutes * 60))
}

#[cfg(test)]
pub(super) mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::crossterm::event::KeyCode;
    use ratatui::layout::Rect;

    use super::*;
    use crate::command::Command;
    use crate::ledger::VerdictCode;
    use crate::record::Mark;
    use crate::ui::action::BINDINGS;
    use crate::ui::model::{Mode, Screen};
    use crate::ui::theme::{Colours, Glyphs, Look};
    use crate::ui::{draw, sample};

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A recording of half an hour, at its ninth minute, with three failures and a changed verdict.
    pub(in crate::ui) fn standing(view: &View) -> Model {
        let failure = |at| Mark { at: s(at), kind: MarkKind::Failure };
        let slow = Mark { at: s(1100), kind: MarkKind::Verdict(VerdictCode::Slow) };
        let playback = Playback {
            position: s(540),
            begin: s(0),
            end: s(1731),
            playing: true,
            speed: 10,
            wall_ms: 0,
            marks: [failure(60), failure(700), slow, failure(1200)].into(),
            damage: None,
        };
        let mut model = Model::new(Look::default());
        model.replay = Some(Standing::new("run-0412.ttrec", playback));
        model.started = Some(sample::STARTED).into();
        model.take_in(view);
        model
    }

    fn press(model: &mut Model, view: &View, keys: &str) -> Option<Command> {
        let key = |c| match c {
            '\n' => KeyCode::Enter,
            '\x1b' => KeyCode::Esc,
            c => KeyCode::Char(c),
        };
        keys.chars().map(|c| prompt::press(model, Key { code: key(c), ctrl: false }, view)).last().flatten()
    }

    fn asked(model: &mut Model) -> Vec<Control> {
        std::mem::take(&mut model.replay.as_mut().unwrap().asked)
    }

    fn shown(model: &mut Model, view: &View, (columns, rows): (u16, u16)) -> Vec<String> {
        model.size = (columns, rows);
        let area = Rect::new(0, 0, columns, rows);
        let mut buf = Buffer::empty(area);
        draw(&mut buf, area, model, view);
        let row = |y| (0..columns).map(|x| buf[(x, y)].symbol()).collect::<String>();
        (0..rows).map(row).collect()
    }

    #[test]
    fn keys_ask_the_recording_for_what_they_name() {
        let view = sample::healthy();
        let mut model = standing(&view);
        assert_eq!(press(&mut model, &view, " ,.<>nN"), None);
        assert_eq!(
            asked(&mut model),
            [
                Control::PlayStop,
                Control::StepBack,
                Control::StepForward,
                Control::Slower,
                Control::Faster,
                Control::NextFailure,
                Control::PreviousFailure
            ]
        );
        press(&mut model, &view, "@12:30\n");
        assert_eq!(asked(&mut model), [Control::GoTo(s(750))]);
        press(&mut model, &view, "@12\x1b");
        assert_eq!((asked(&mut model), &model.prompt), (vec![], &None));
        press(&mut model, &view, "@99:99\n");
        assert!(asked(&mut model).is_empty() && model.prompt.is_some(), "what is no time is not gone to");
    }

    #[test]
    fn nothing_asks_the_engine_and_who_tries_is_told() {
        let view = sample::healthy();
        for pages in [&[][..], &[Mode::Peer { bytes: false }], &[Mode::Keys], &[Mode::Why]] {
            for screen in [Screen::Overview, Screen::Peers, Screen::Pieces, Screen::Trackers, Screen::Log] {
                for binding in BINDINGS.iter().filter(|binding| binding.action != Action::QuitNow) {
                    for key in binding.keys {
                        let mut model = standing(&view);
                        (model.screen, model.open) = (screen, pages.to_vec());
                        let command = prompt::press(&mut model, *key, &view);
                        assert_eq!(command, None, "{} on {screen:?}", key.name());
                        assert!(!matches!(model.prompt.map(|prompt| prompt.ask), Some(Ask::Peer)));
                    }
                }
                for key in "pxXrRaADUu".chars() {
                    let mut model = standing(&view);
                    (model.screen, model.open) = (screen, pages.to_vec());
                    press(&mut model, &view, &key.to_string());
                    assert_eq!(model.note.unwrap().text, REFUSED, "{key} on {screen:?}");
                }
            }
        }
        let mut model = standing(&view);
        prompt::paste(&mut model, "203.0.113.9:6881", &view);
        assert!(model.prompt.is_none() && model.note.is_some());
    }

    #[test]
    fn what_is_said_goes_away_by_itself_or_with_the_next_wish() {
        let view = sample::healthy();
        let mut model = standing(&view);
        model.clock = s(7);
        press(&mut model, &view, "p");
        assert!(shown(&mut model, &view, (80, 24))[23].contains("Replay is read-only"));
        model.clock = s(11);
        assert!(shown(&mut model, &view, (80, 24))[23].contains("9:00 "));
        press(&mut model, &view, "p ");
        assert!(shown(&mut model, &view, (80, 24))[23].contains("9:00 "));
    }

    #[test]
    fn leaving_is_never_asked_about() {
        let view = sample::healthy();
        let mut model = standing(&view);
        assert_eq!(press(&mut model, &view, "?q"), None);
        assert!(!model.leaving && model.open.is_empty(), "first it closes what is open");
        assert_eq!(press(&mut model, &view, "q"), None);
        assert!(model.leaving);
    }

    #[test]
    fn where_no_failure_is_left_it_says_so() {
        let view = sample::healthy();
        for (position, key, said) in [(1200, "n", "Nothing fails after"), (60, "N", "Nothing fails before")] {
            let mut model = standing(&view);
            model.replay.as_mut().unwrap().playback.position = s(position);
            press(&mut model, &view, key);
            assert!(asked(&mut model).is_empty());
            let foot = shown(&mut model, &view, (80, 24)).pop().unwrap();
            assert!(foot.contains(said), "{foot}");
        }
    }

    #[test]
    fn times_are_read_as_the_bar_shows_them() {
        for at in [0, 9, 59, 60, 754, 3599, 3600, 3750, 360_000] {
            assert_eq!(read_time(&time(s(at))), Some(s(at)));
        }
        assert_eq!(read_time(" 0:09.5 "), Some(Duration::from_millis(9500)));
        assert_eq!(
            (read_time("90s"), read_time("5m"), read_time("754")),
            (Some(s(90)), Some(s(300)), Some(s(754)))
        );
        for wrong in
            ["", "x", "1:", ":1", "1:60", "1:60:00", "-1:00", "1:-1", "1:2:3:4", "1:+1", "1:1e9", "1:1h"]
        {
            assert_eq!(read_time(wrong), None, "{wrong}");
        }
        let view = sample::healthy();
        let playback = standing(&view).replay.unwrap().playback;
        assert_eq!(says("12:30", &playback).unwrap(), "12:30 of 28:51");
        assert!(says("28:52", &playback).unwrap_err().contains("ends at 28:51"));
        let later = Playback { begin: s(100), ..playback };
        assert!(says("0:30", &later).unwrap_err().contains("begins at 1:40"));
    }

    #[test]
    fn the_bar_shows_where_it_is_and_what_fell_where() {
        let view = sample::healthy();
        for size in [(40, 10), (80, 24), (120, 40), (200, 60)] {
            let mut model = standing(&view);
            let screen = shown(&mut model, &view, size);
            let foot = screen.last().unwrap();
            for part in ["9:00 ", " 28:51", "✗", "╸", "▲"] {
                assert!(foot.contains(part), "{size:?}: {foot}");
            }
            assert!(foot.contains("space stop") && foot.contains("q close") == (size.0 > 40), "{foot}");
            assert!(screen[0].contains("10×") && screen[0].contains("▸ replay"), "{}", screen[0]);
            assert_eq!(screen[0].contains("run-0412.ttrec"), size.0 >= 80, "{}", screen[0]);
            model.replay.as_mut().unwrap().playback.playing = false;
            let screen = shown(&mut model, &view, size);
            assert!(screen[0].contains("‖ replay"), "{}", screen[0]);
            assert_eq!(screen[0].contains("stopped"), size.0 > 40, "{}", screen[0]);
            model.replay.as_mut().unwrap().playback.position = s(1731);
            let screen = shown(&mut model, &view, size);
            assert_eq!(screen[0].contains("its end"), size.0 > 40, "{}", screen[0]);
            assert!(screen.last().unwrap().contains("╸ 28:51"), "{screen:?}");
        }
        // What the torrent was doing comes before which recording tells of it.
        let stalled = sample::stalled();
        for columns in 40..130 {
            let screen = shown(&mut standing(&stalled), &stalled, (columns, 24));
            assert!(screen[0].contains("▲ stalled 2m 10s") && screen[0].contains("10×"), "{}", screen[0]);
        }
        let foot = shown(&mut standing(&view), &view, (120, 40)).pop().unwrap();
        for part in [", . step", "< > speed", "n N failure", "@ time", "? keys", "q close"] {
            assert!(foot.contains(part), "{foot}");
        }
    }

    #[test]
    fn every_page_shows_the_bar_however_small_and_in_every_look() {
        let view = sample::healthy();
        for glyphs in [Glyphs::Braille, Glyphs::Blocks, Glyphs::Ascii] {
            for mode in [None, Some(Mode::Peer { bytes: true }), Some(Mode::Why), Some(Mode::Keys)] {
                for columns in 1..90 {
                    let mut model = standing(&view);
                    model.look = Look { colours: Colours::None, glyphs, ..Look::default() };
                    model.open.extend(mode);
                    let screen = shown(&mut model, &view, (columns, 12));
                    let foot = screen.last().unwrap();
                    assert!(columns < 24 || foot.contains("9:00 "), "{columns}: {foot}");
                    assert!(glyphs != Glyphs::Ascii || screen.iter().all(|row| row.is_ascii()));
                }
            }
        }
    }

    #[test]
    fn the_help_names_no_key_that_would_change_the_run() {
        let view = sample::healthy();
        let mut model = standing(&view);
        model.open.push(Mode::Keys);
        model.help = crate::ui::model::Help::Keys;
        let help = shown(&mut model, &view, (120, 200)).join("\n");
        assert!(help.contains("This recording") && help.contains("play, or stop"), "{help}");
        for binding in BINDINGS.iter().filter(|binding| is_for_the_engine(binding.action)) {
            assert!(!help.contains(binding.help), "{}", binding.help);
        }
        model.replay = None;
        assert!(!shown(&mut model, &view, (120, 200)).join("\n").contains("play, or stop"));
    }
}
