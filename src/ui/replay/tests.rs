//! A recording in the screens, from a playback made up.

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::*;
use crate::command::Command;
use crate::ledger::VerdictCode;
use crate::record::scenes::Scene;
use crate::record::{Mark, MarkKind};
use crate::ui::action::BINDINGS;
use crate::ui::model::{Mode, Screen};
use crate::ui::mouse::Target;
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
        curve: Arc::default(),
        damage: None,
    };
    let mut model = Model::new(Look::default());
    model.replay = Some(Watched::new("run-0412.ttrec", playback));
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
                    assert!(!matches!(model.prompt.map(|prompt| prompt.ask), Some(Ask::Add)));
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
    assert!(bar(&shown(&mut model, &view, (80, 24))).1.contains("9:00 "), "the bar stays");
    model.clock = s(11);
    assert!(shown(&mut model, &view, (80, 24))[23].contains("space stop"));
    press(&mut model, &view, "p ");
    assert!(shown(&mut model, &view, (80, 24))[23].contains("space stop"));
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
    for wrong in ["", "x", "1:", ":1", "1:60", "1:60:00", "-1:00", "1:-1", "1:2:3:4", "1:+1", "1:1e9", "1:1h"]
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

/// The row of the bar and its number.
fn bar(screen: &[String]) -> (usize, &String) {
    // The cursor goes through the curve as well.
    let cursor = |row: &&String| row.contains('┃') && row.contains(['━', '─']);
    let at = screen.iter().rposition(|row| cursor(&row));
    let at = at.unwrap_or_else(|| panic!("no bar\n{}", screen.join("\n")));
    (at, &screen[at])
}

#[test]
fn the_bar_shows_where_it_is_and_what_fell_where() {
    let view = sample::healthy();
    for size in [(40, 10), (80, 24), (120, 40), (200, 60)] {
        let mut model = standing(&view);
        let screen = shown(&mut model, &view, size);
        let (_, bar_row) = bar(&screen);
        for part in ["9:00 ", "─ 28:51", "✗", "▲"] {
            assert!(bar_row.contains(part), "{size:?}: {bar_row}");
        }
        let foot = screen.last().unwrap();
        assert!(foot.contains("space stop") && foot.contains("q close"), "{foot}");
        assert!(screen[0].contains("10×") && screen[0].contains("▸ replay"), "{}", screen[0]);
        assert_eq!(screen[0].contains("run-0412.ttrec"), size.0 >= 80, "{}", screen[0]);
        model.replay.as_mut().unwrap().playback.playing = false;
        let screen = shown(&mut model, &view, size);
        assert!(screen[0].contains("‖ replay"), "{}", screen[0]);
        assert_eq!(screen[0].contains("stopped"), size.0 > 40, "{}", screen[0]);
        assert!(screen.last().unwrap().contains("space play"), "{screen:?}");
        model.replay.as_mut().unwrap().playback.position = s(1731);
        let screen = shown(&mut model, &view, size);
        assert_eq!(screen[0].contains("its end"), size.0 > 40, "{}", screen[0]);
        assert!(bar(&screen).1.contains("┃ 28:51"), "{screen:?}");
    }
    // What the torrent was doing comes before which recording tells of it.
    let stalled = sample::stalled();
    for columns in 40..130 {
        let screen = shown(&mut standing(&stalled), &stalled, (columns, 24));
        assert!(screen[0].contains("▲ stalled 2m 10s") && screen[0].contains("10×"), "{}", screen[0]);
    }
    let foot = shown(&mut standing(&view), &view, (160, 40)).pop().unwrap();
    for part in [", . step", "< > speed", "n N failure", "@ time", "? keys", "q close"] {
        assert!(foot.contains(part), "{foot}");
    }
}

#[test]
fn the_bar_has_the_whole_width_of_a_row_and_the_curve_below_it_where_there_is_room() {
    let view = sample::healthy();
    // Below it are who came and went, and the curve.
    for (size, curve_rows) in [((40, 10), 0), ((80, 24), 1), ((120, 36), 2), ((120, 40), 3), ((200, 60), 4)] {
        let mut model = standing(&view);
        let screen = shown(&mut model, &view, size);
        let (at, bar_row) = bar(&screen);
        assert_eq!(usize::from(size.1) - at - 2, curve_rows, "{}", screen.join("\n"));
        let line = bar_row.chars().filter(|c| "━─✗▲┃".contains(*c)).count();
        assert!(line >= usize::from(size.0) - 18, "{size:?}: {line} columns\n{bar_row}");
        assert!(bar_row.ends_with(" 28:51 "), "{bar_row:?}");
    }
}

#[test]
fn times_stand_above_the_line_and_the_cursors_own_above_the_cursor() {
    let view = sample::healthy();
    let mut model = standing(&view);
    model.replay.as_mut().unwrap().playback.position = s(590);
    let screen = shown(&mut model, &view, (120, 40));
    let (at, bar_row) = bar(&screen);
    let times = &screen[at - 1];
    for time in ["0:00", " 9:50 ", "15:00", "25:00"] {
        assert!(times.contains(time), "{time}: {times}");
    }
    assert!(!times.contains("10:00"), "the cursor's time covers it: {times}");
    let column = |row: &str, what: &str| row.find(what).map(|byte| row[..byte].chars().count());
    let (time, cursor) = (column(times, " 9:50 ").unwrap(), column(bar_row, "┃").unwrap());
    assert!((time..time + 6).contains(&cursor), "{times}\n{bar_row}");
}

#[test]
fn pieces_that_failed_and_peers_that_came_and_went_are_marked() {
    let view = sample::healthy();
    let mut model = standing(&view);
    let playback = &mut model.replay.as_mut().unwrap().playback;
    let mark = |at, kind| Mark { at: s(at), kind };
    let (failed, came, went) = (MarkKind::PieceFailed, MarkKind::Came, MarkKind::Went);
    playback.marks = [mark(100, came), mark(101, came), mark(300, failed), mark(900, went)].into();
    let screen = shown(&mut model, &view, (120, 40));
    let (at, bar_row) = bar(&screen);
    assert!(bar_row.contains('x') && !bar_row.contains('✗'), "{bar_row}");
    let peers = screen[at + 1].trim_start();
    let marks: String = peers.chars().filter(|c| "+–".contains(*c)).collect();
    assert!(peers.starts_with("peers ") && marks == "+–", "{peers}");
    // And what failed is jumped to.
    assert_eq!(press(&mut model, &view, "N"), None);
    assert_eq!(asked(&mut model), [Control::PreviousFailure]);
}

#[test]
fn the_line_stays_where_it_is_while_its_time_gets_longer() {
    let view = sample::healthy();
    for size in [(40, 10), (80, 24)] {
        let begins = |position| {
            let mut model = standing(&view);
            model.replay.as_mut().unwrap().playback.position = s(position);
            let screen = shown(&mut model, &view, size);
            let (_, bar_row) = bar(&screen);
            bar_row.chars().position(|c| "━─✗▲┃".contains(c)).unwrap()
        };
        assert_eq!(begins(9), begins(700), "{size:?}");
    }
}

#[test]
fn the_curve_shows_how_fast_the_whole_recording_was_and_how_much_of_it_was_played() {
    let mut player = Scene::Debian.player();
    player.go_to(s(182));
    let view = player.view();
    for glyphs in [Glyphs::Braille, Glyphs::Blocks, Glyphs::Ascii] {
        let mut model = Model::new(Look { glyphs, ..Look::default() });
        model.replay = Some(Watched::new("a.ttrec", crate::record::standing(&player)));
        model.size = (120, 40);
        model.take_in(&view);
        let area = Rect::new(0, 0, 120, 40);
        let mut buf = Buffer::empty(area);
        let targets = draw(&mut buf, area, &model, &view);
        let row = |y: u16| (0..120).map(|x| buf[(x, y)].symbol()).collect::<String>();
        assert!(row(37).contains("20 MiB"), "{}", row(37));
        let Some(Target::Time(line)) = targets.at(60, 35) else { panic!("no line of time") };
        assert_eq!(targets.at(60, 38), Some(Target::Time(line)), "the curve is clicked like the bar");
        // Nothing came before the first peers sent, and much at the end.
        let is_empty = |x: u16| (37..39).all(|y| buf[(x, y)].symbol() == " ");
        let (first, last) = (line.area.x, line.area.right() - 1);
        assert!(is_empty(first) && !is_empty(line.area.x + line.column(s(182))), "{}\n{}", row(37), row(38));
        // What was played is in colour.
        let colour = |x: u16| buf[(x, 38)].fg;
        let (here, _) = (line.area.x + line.column(s(182)), last);
        assert_ne!(colour(here - 1), colour(here + 1), "{glyphs:?}\n{}", row(38));
        assert_eq!(colour(here - 1), colour(here - 2));
    }
}

#[test]
fn every_page_shows_the_bar_however_small_and_in_every_look() {
    let view = sample::healthy();
    for glyphs in [Glyphs::Braille, Glyphs::Blocks, Glyphs::Ascii] {
        for mode in [None, Some(Mode::Peer { bytes: true }), Some(Mode::Why), Some(Mode::Keys)] {
            for (columns, rows) in (1..90).flat_map(|columns| [(columns, 5), (columns, 12), (columns, 24)]) {
                let mut model = standing(&view);
                model.look = Look { colours: Colours::None, glyphs, ..Look::default() };
                model.open.extend(mode);
                let screen = shown(&mut model, &view, (columns, rows));
                let all = screen.join("\n");
                let cursor = if glyphs == Glyphs::Ascii { '|' } else { '┃' };
                let is_bar = |row: &&String| row.contains("9:00 ") && row.contains(cursor);
                assert!(columns < 24 || screen.iter().any(|row| is_bar(&row)), "{columns}×{rows}\n{all}");
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
    for binding in BINDINGS.iter().filter(|binding| binding.action.is_for_the_engine()) {
        assert!(!help.contains(binding.help), "{}", binding.help);
    }
    model.replay = None;
    assert!(!shown(&mut model, &view, (120, 200)).join("\n").contains("play, or stop"));
}
