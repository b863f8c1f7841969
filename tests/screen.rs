//! The program on a terminal: the first frame, every key of the table, leaving, resizing, stopping, looks.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]
#![allow(clippy::disallowed_methods, reason = "what a person waits for is measured by the clock")]
#![allow(clippy::type_complexity, reason = "a table of checks is read once, where it stands")]

#[path = "common/pty.rs"]
mod pty;
#[path = "common/stage.rs"]
mod stage;
#[path = "common/support.rs"]
mod support;

use std::thread;
use std::time::Duration;

use portable_pty::CommandBuilder;
use pty::{Pty, position, settle, ttui};
use rustix::process::Signal;
use stage::{PIECE, SOON, Stage, download, key};
use support::{Lab, Recipe, Reply, Script, Seed, nobody_at};
use tokio::time::Instant;
use ttui::ui::action::{Action, BINDINGS, Key, Scope};
use ttui::ui::model::Screen;
use vt100::Color;

/// What stands below the list of keys, which is longer than any of the terminals here.
const HELP: &str = "PgUp PgDn scroll";

fn demo(lab: &Lab) -> CommandBuilder {
    ttui(lab, &["demo", "--fast"])
}

/// The row the cursor is at, below the head.
fn cursor_row(screen: &vt100::Screen) -> Option<String> {
    let columns = screen.size().1;
    screen.rows(0, columns).skip(1).find(|row| row.trim_start().starts_with('▸'))
}

/// The terminal is as it was: by what was written, and by its modes.
#[track_caller]
fn assert_given_back(pty: &Pty) {
    pty.until_closed();
    let bytes = pty.bytes_from(0);
    // The alternate screen, the cursor, pastes told from typing, the mouse.
    for (taken, back) in [
        ("\x1b[?1049h", "\x1b[?1049l"),
        ("\x1b[?25l", "\x1b[?25h"),
        ("\x1b[?2004h", "\x1b[?2004l"),
        ("\x1b[?1000h", "\x1b[?1000l"),
        ("\x1b[?1006h", "\x1b[?1006l"),
    ] {
        let last = |part: &str| bytes.windows(part.len()).rposition(|window| window == part.as_bytes());
        assert!(last(back).is_some() && last(back) > last(taken), "{back:?} was never written");
    }
    assert!(pty.has_its_modes_back(), "the terminal's modes are its own again");
    assert!(pty.look(|screen| !screen.alternate_screen() && !screen.hide_cursor()));
    assert_eq!(pty.calls().titles.last().map(String::as_str), Some(""), "the title is cleared");
    assert!(position(&bytes, b"\x1b[23;2t").is_some(), "the old title is back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_frame_appears_at_once() {
    let lab = Lab::new();
    let began = Instant::now();
    let mut pty = Pty::spawn(demo(&lab), 80, 24);
    pty.until_shown("How far peers get");
    let took = began.elapsed();
    // A tenth of it where nothing else runs.
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(!pty.has_its_modes_back() && pty.look(vt100::Screen::alternate_screen));
    assert!(pty.is_running());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_of_the_table_does_what_its_help_says() {
    let stage = Stage::set().await;
    let mut pty = stage.open(120, 40);
    for binding in BINDINGS {
        for key in binding.keys {
            does_what_its_help_says(&stage, &mut pty, binding.action, binding.scope, *key);
        }
    }
}

/// Goes where the key holds, presses it, and waits for what it has to do. Leaves everything as it was.
#[track_caller]
fn does_what_its_help_says(stage: &Stage, pty: &mut Pty, action: Action, scope: Scope, pressed: Key) {
    let go = |pty: &mut Pty, screen: Screen| {
        pty.press(key(Action::Show(screen)));
        pty.until_shown(sign_of(screen));
    };
    let list = |pty: &mut Pty| {
        go(pty, Screen::Peers);
        pty.press(key(Action::First));
        pty.until("the first peer is selected, and sends", |screen| {
            let rows: Vec<String> = screen.rows(0, screen.size().1).collect();
            let head = rows.iter().position(|row| row.contains("STATE") && row.contains("ADDRESS"))?;
            cursor_row(screen).filter(|row| *row == rows[head + 1] && row.contains("sending"))
        })
    };
    let row_has = |pty: &Pty, word: &str, is_there: bool| {
        pty.until(&format!("{word} in the selected row: {is_there}"), |screen| {
            cursor_row(screen).filter(|row| row.contains(word) == is_there).map(drop)
        });
    };
    let at_piece = |pty: &mut Pty, first: bool| {
        go(pty, Screen::Pieces);
        pty.press(key(if first { Action::First } else { Action::Last }));
        pty.until_shown(if first { "Piece 0 ─" } else { "Piece 98 ─" });
    };
    let page = |pty: &mut Pty| {
        list(pty);
        pty.press(key(Action::Open));
        pty.until_shown("Attempts ─");
    };
    match (action, scope) {
        (Action::Show(screen), _) => {
            let away = if screen == Screen::Peers { Screen::Overview } else { Screen::Peers };
            go(pty, away);
            pty.press(pressed);
            pty.until_shown(sign_of(screen));
        }
        (Action::Pause, _) => {
            go(pty, Screen::Overview);
            pty.press(pressed);
            pty.until_shown("paused by you");
            pty.press(pressed);
            pty.until_shown("▸ downloading");
            pty.until_shown("● sending");
        }
        (Action::Hold, _) => {
            list(pty);
            pty.press(pressed);
            row_has(pty, "held", true);
            pty.press(pressed);
            row_has(pty, "held", false);
        }
        (Action::Drop, _) => {
            list(pty);
            pty.press(pressed);
            row_has(pty, "dropped", true);
            pty.press(key(Action::Retry));
            row_has(pty, "sending", true);
        }
        (Action::Ban, _) => {
            list(pty);
            pty.press(pressed);
            row_has(pty, "banned", true);
            pty.press(key(Action::Undo));
            row_has(pty, "sending", true);
        }
        (Action::Retry, _) => {
            list(pty);
            pty.press(key(Action::Drop));
            row_has(pty, "dropped", true);
            pty.press(pressed);
            row_has(pty, "sending", true);
        }
        (Action::Undo, _) => {
            list(pty);
            pty.press(key(Action::Drop));
            row_has(pty, "dropped", true);
            pty.press(pressed);
            row_has(pty, "sending", true);
        }
        (Action::PeerLog, Scope::Peer) => {
            list(pty);
            pty.press(pressed);
            pty.until_shown("lines of 127.0.0.");
            pty.press(pressed);
            pty.until_shown("time since the start");
        }
        (Action::PeerLog, Scope::Log) => {
            list(pty);
            pty.press(pressed);
            pty.until_shown("L shows all");
            pty.press(pressed);
            pty.until_gone("L shows all");
        }
        (Action::PeerLog, scope) => panic!("no check for {action:?} in {scope:?}"),
        (Action::Announce, _) => {
            go(pty, Screen::Trackers);
            let asked = stage.tracker.asked().len();
            pty.press(pressed);
            pty.until("the tracker is asked again, or said to be soon", |screen| {
                let says = screen.contents().contains("asking now") || screen.contents().contains("in 1m");
                (says || stage.tracker.asked().len() > asked).then_some(())
            });
        }
        (Action::Filter, Scope::KeysPage) => {
            pty.press(key(Action::Keys));
            pty.until_shown(HELP);
            pty.press(pressed);
            pty.write(b"go on ban\r");
            pty.until_gone(HELP);
            pty.press(key(Action::Back));
            pty.until_shown(HELP);
            pty.press(key(Action::Back));
            pty.until_gone(HELP);
        }
        (Action::Filter, Scope::Log) => {
            go(pty, Screen::Log);
            pty.press(pressed);
            pty.write(b"listening\r");
            pty.until_shown("1 with listening");
            pty.press(key(Action::Back));
            pty.until_shown("time since the start");
        }
        (Action::Filter, _) => {
            go(pty, Screen::Peers);
            pty.until_shown("127.0.0.9:");
            pty.press(pressed);
            pty.write(b"state:sending down>1k");
            pty.until_shown(" match");
            // It holds while it is typed, and says what is wrong with what is no filter.
            pty.until_gone("127.0.0.9:");
            pty.write(b" port:x\r");
            pty.until_shown("x is no number; as port:51413");
            pty.write(b"\x17\r");
            pty.until_shown("with state:sending down>1k");
            pty.until_shown("[all 3]");
            pty.press(key(Action::Back));
            pty.until_shown("127.0.0.9:");
            // Esc forgets what was typed.
            pty.press(pressed);
            pty.write(b"state:sending");
            pty.until_gone("127.0.0.9:");
            pty.press(key(Action::Back));
            pty.until_shown("127.0.0.9:");
        }
        (Action::Mark, _) => {
            list(pty);
            pty.press(pressed);
            pty.until_shown("1 marked");
            pty.press(pressed);
            pty.until_shown("2 marked");
            pty.press(key(Action::Drop));
            pty.until_shown("2 marked peers dropped");
            pty.until("both are dropped", |screen| {
                (screen.contents().matches("⊘ dropped").count() == 2).then_some(())
            });
            pty.press(key(Action::Undo));
            pty.until_gone("⊘ dropped");
            pty.press(key(Action::Back));
            pty.until_gone(" marked");
        }
        (Action::Freeze, _) => {
            go(pty, Screen::Overview);
            pty.press(pressed);
            pty.until_shown("screen held ");
            pty.until_shown("f lets go");
            pty.press(pressed);
            pty.until_gone("screen held ");
        }
        (Action::Zoom, _) => {
            go(pty, Screen::Overview);
            pty.press(pressed);
            pty.until_gone("How far peers get");
            pty.press(pressed);
            pty.until_shown("How far peers get");
        }
        (Action::Columns, _) => {
            go(pty, Screen::Peers);
            pty.press(pressed);
            pty.until_shown("of live peers");
            pty.press(key(Action::Back));
            pty.until_gone("of live peers");
        }
        (Action::Choose, _) => {
            go(pty, Screen::Peers);
            pty.press(key(Action::Columns));
            pty.until_shown("of live peers");
            pty.press(key(Action::Last));
            pty.until_shown("▸   peer_id");
            pty.press(pressed);
            pty.until_shown("▸ ✓ peer_id");
            pty.press(pressed);
            pty.until_shown("▸   peer_id");
            pty.press(key(Action::Back));
            pty.until_gone("of live peers");
        }
        (Action::Automatic, _) => {
            go(pty, Screen::Peers);
            pty.press(key(Action::Columns));
            pty.until_shown("of live peers");
            pty.press(key(Action::Last));
            pty.press(key(Action::Choose));
            pty.until_shown("▸ ✓ peer_id");
            pty.press(pressed);
            pty.until_shown("▸   peer_id");
            pty.press(key(Action::Back));
            pty.until_gone("of live peers");
        }
        (Action::NextPanel, Scope::ColumnsPage) => {
            go(pty, Screen::Peers);
            pty.press(key(Action::Columns));
            pty.until_shown("of live peers");
            pty.press(pressed);
            pty.until_shown("of peers that are not connected");
            pty.press(pressed);
            pty.until_shown("of live peers");
            pty.press(key(Action::Back));
            pty.until_gone("of live peers");
        }
        (Action::Sort, Scope::ColumnsPage) => {
            go(pty, Screen::Peers);
            pty.press(key(Action::Columns));
            pty.until_shown("of live peers");
            pty.press(key(Action::First));
            pty.press(key(Action::Down));
            pty.press(pressed);
            pty.until_shown("▸ ✓ address     ▾");
            pty.press(key(Action::Up));
            pty.press(pressed);
            pty.until_shown("▸ ✓ state       ▾");
            pty.press(key(Action::Back));
            pty.until_gone("of live peers");
        }
        (Action::Export, _) => {
            go(pty, Screen::Peers);
            for name in ["some.json", "some.csv", "some.md"] {
                pty.press(pressed);
                pty.until_shown("JSON of ");
                pty.write(format!("\x15{name}\r").as_bytes());
                pty.until_shown("peers to /");
                let written = std::fs::read_to_string(stage.lab.path(name)).unwrap();
                assert!(written.contains("127.0.0.9:"), "{written}");
            }
            let json: serde_json::Value =
                serde_json::from_slice(&std::fs::read(stage.lab.path("some.json")).unwrap()).unwrap();
            assert_eq!(json["schema"], "ttui.peers/1");
            let shown = json["peers"].as_array().unwrap().len();
            pty.press(pressed);
            pty.until_shown(&format!("JSON of {shown} peers"));
            pty.write(b"\x15some.csv\r");
            pty.until_shown("nothing is overwritten");
            go(pty, Screen::Files);
            pty.press(pressed);
            pty.write(b"\x15files.csv\r");
            pty.until_shown("Wrote 3 files to /");
            let files = std::fs::read_to_string(stage.lab.path("files.csv")).unwrap();
            assert!(files.starts_with("path,length,good_bytes\r\n"), "{files}");
        }
        (Action::Copy, _) => {
            let first = list(pty);
            let address = first.split_whitespace().nth(2).unwrap().to_owned();
            let before = pty.count();
            pty.press(pressed);
            pty.until_shown(&format!("Copied: {address}"));
            pty.until_written(before, b"\x1b]52;c;MTI3LjAuMC4");
        }
        (Action::Record, _) => {
            go(pty, Screen::Overview);
            pty.press(pressed);
            pty.until_shown("Recording to ttui-");
            pty.until_shown("● rec");
            pty.press(pressed);
            pty.until_shown("Recording ended: ");
            pty.until_gone("● rec");
            let recordings = std::fs::read_dir(stage.lab.path(".")).unwrap();
            let recordings = recordings
                .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".ttrec"));
            assert_eq!(recordings.count(), 1);
        }
        (Action::AddPeer, _) => {
            let go_on = |pty: &Pty| pty.until_gone("add peer");
            go(pty, Screen::Peers);
            pty.press(pressed);
            pty.until_shown("its IP address and port");
            // Every key is text, those that would quit or show another screen included.
            pty.write(b"127.0.0.1q");
            pty.until_shown("127.0.0.1q");
            pty.until_shown("names are not looked up");
            pty.write(b"\r\x7f:1\r");
            go_on(pty);
            pty.until_shown("127.0.0.1:1 ");
            pty.press(pressed);
            pty.write(b"\x1b[200~[::1]:2\x1b[201~\r");
            go_on(pty);
            pty.until_shown("[::1]:2 ");
            pty.press(pressed);
            pty.write(b"12");
            pty.until_shown("four numbers");
            pty.press(key(Action::Back));
            go_on(pty);
        }
        (Action::LimitDown | Action::LimitUp, _) => {
            let word = if action == Action::LimitDown { "download" } else { "upload" };
            pty.press(pressed);
            pty.until_shown("now no limit");
            pty.write(b"9M\r");
            pty.until_shown(&format!("{word} 9.0 MiB/s"));
            pty.press(pressed);
            pty.until_shown("now 9.0 MiB/s");
            pty.write(b"x\r");
            pty.until_shown("as 500k");
            pty.write(b"\x15\r");
            pty.until_shown(&format!("{word} no limit"));
        }
        (Action::NextTab, Scope::Peers) => {
            list(pty);
            pty.press(pressed);
            pty.until_shown("[live");
            pty.press(key(Action::PreviousTab));
            pty.until_shown("[all");
        }
        (Action::PreviousTab, Scope::Peers) => {
            list(pty);
            pty.press(pressed);
            pty.until_shown("[banned");
            pty.press(key(Action::NextTab));
            pty.until_shown("[all");
        }
        (Action::NextTab, _) => {
            page(pty);
            pty.until_shown("peer 1 of");
            pty.press(pressed);
            pty.until_shown("peer 2 of");
        }
        (Action::PreviousTab, _) => {
            page(pty);
            pty.write(b"]");
            pty.until_shown("peer 2 of");
            pty.press(pressed);
            pty.until_shown("peer 1 of");
        }
        (Action::Sort, _) => {
            go(pty, Screen::Overview);
            pty.until_shown("by state ▾");
            pty.press(pressed);
            pty.until_gone("by state");
            let order = |pty: &Pty| pty.until("an order", |screen| by_what(&screen.contents()));
            let mut now = order(pty);
            while now != "state" {
                pty.press(pressed);
                now = pty.until("the next order", |screen| {
                    by_what(&screen.contents()).filter(|next| *next != now)
                });
            }
        }
        (Action::Reverse, _) => {
            go(pty, Screen::Overview);
            pty.press(pressed);
            pty.until_shown("by state ▴");
            pty.press(pressed);
            pty.until_shown("by state ▾");
        }
        (Action::Window, _) => {
            go(pty, Screen::Overview);
            for window in ["last 5 minutes", "last 15 minutes", "last hour", "whole run", "last minute"] {
                pty.press(pressed);
                pty.until_shown(window);
            }
        }
        (Action::Layer, _) => {
            go(pty, Screen::Pieces);
            for layer in ["how many have it", "who sent it", "when it came", "what is here"] {
                pty.press(pressed);
                pty.until_shown(&format!("{layer} · v"));
            }
        }
        (Action::Closer, _) => {
            go(pty, Screen::Pieces);
            pty.until_shown("one cell = 1 piece");
            pty.press(pressed);
            pty.until_shown("2 cells = 1 piece");
            pty.press(key(Action::Further));
            pty.until_shown("one cell = 1 piece");
        }
        (Action::Further, _) => {
            go(pty, Screen::Pieces);
            pty.press(key(Action::Closer));
            pty.press(key(Action::Closer));
            pty.until_shown("4 cells = 1 piece");
            pty.press(pressed);
            pty.until_shown("2 cells = 1 piece");
            pty.press(pressed);
            pty.until_shown("one cell = 1 piece");
        }
        (Action::NextPanel | Action::PreviousPanel, _) => {
            go(pty, Screen::Overview);
            pty.press(pressed);
            // Where it was left the last time, until somebody moves.
            pty.press(key(Action::First));
            row_has(pty, "known", true);
            pty.press(pressed);
            row_has(pty, "known", false);
        }
        (Action::Down, _) => {
            let first = list(pty);
            let address = first.split_whitespace().nth(2).unwrap().to_owned();
            pty.press(pressed);
            row_has(pty, &address, false);
        }
        (Action::Up, _) => {
            let first = list(pty);
            let address = first.split_whitespace().nth(2).unwrap().to_owned();
            pty.press(key(Action::Down));
            row_has(pty, &address, false);
            pty.press(pressed);
            row_has(pty, &address, true);
        }
        (Action::Right, _) => {
            at_piece(pty, true);
            pty.press(pressed);
            pty.until_shown("Piece 1 ─");
        }
        (Action::Left, _) => {
            at_piece(pty, true);
            pty.press(key(Action::Right));
            pty.until_shown("Piece 1 ─");
            pty.press(pressed);
            pty.until_shown("Piece 0 ─");
        }
        (Action::PageDown | Action::Last, _) => {
            at_piece(pty, true);
            pty.press(pressed);
            pty.until_shown("Piece 98 ─");
        }
        (Action::PageUp | Action::First, _) => {
            at_piece(pty, false);
            pty.press(pressed);
            pty.until_shown("Piece 0 ─");
        }
        (Action::Open, Scope::PeerPage) => {
            page(pty);
            pty.until_shown("Enter all 68 bytes");
            pty.press(pressed);
            pty.until_shown("Enter field by field");
            pty.press(pressed);
            pty.until_shown("Enter all 68 bytes");
        }
        (Action::Open, Scope::Files) => {
            go(pty, Screen::Files);
            pty.press(key(Action::First));
            pty.until_shown("c.bin");
            pty.press(pressed);
            pty.until_gone("c.bin");
            pty.press(pressed);
            pty.until_shown("c.bin");
        }
        (Action::Open, _) => {
            list(pty);
            pty.press(pressed);
            pty.until_shown("Attempts ─");
            // In the funnel: the peers of that step.
            go(pty, Screen::Overview);
            pty.press(key(Action::NextPanel));
            for _ in 0..3 {
                pty.press(key(Action::Down));
            }
            row_has(pty, "handshaken", true);
            pty.press(pressed);
            pty.until_shown("handshaken");
            pty.until_gone("127.0.0.9:");
            pty.press(key(Action::Back));
            pty.until_shown("127.0.0.9:");
            go(pty, Screen::Overview);
            pty.press(key(Action::Back));
            row_has(pty, "handshaken", false);
        }
        (Action::Back, _) => {
            page(pty);
            pty.press(pressed);
            pty.until_shown("[all");
        }
        (Action::Why, _) => {
            go(pty, Screen::Overview);
            pty.press(pressed);
            pty.until_shown("what the numbers mean");
            pty.press(pressed);
            pty.until_gone("what the numbers mean");
        }
        (Action::Units, _) => {
            go(pty, Screen::Overview);
            pty.until_shown("6.2 MiB");
            pty.press(pressed);
            pty.until_shown("6.5 MB");
            pty.press(pressed);
            pty.until_shown("6.2 MiB");
        }
        (Action::Keys, _) => {
            pty.press(pressed);
            pty.until_shown(HELP);
            pty.press(pressed);
            pty.until_gone(HELP);
        }
        (Action::Quit, _) => {
            go(pty, Screen::Overview);
            pty.press(key(Action::Keys));
            pty.until_shown(HELP);
            pty.press(pressed);
            pty.until_gone(HELP);
            pty.press(pressed);
            pty.until_shown("q again stops the download");
            pty.press(key(Action::Back));
            pty.until_gone("q again stops the download");
            assert!(pty.is_running());
        }
        (Action::Mouse, _) => {
            // What turns clicks and the wheel off, and on again.
            for told in ["\x1b[?1006l\x1b[?1000l", "\x1b[?1000h\x1b[?1006h"] {
                let before = pty.count();
                pty.press(pressed);
                pty.until_written(before, told.as_bytes());
            }
        }
        (Action::Redraw, _) => {
            go(pty, Screen::Overview);
            let before = pty.count();
            pty.press(pressed);
            pty.until_written(before, b"\x1b[2J");
            // What did not change is written as well.
            pty.until_written(before, "How far peers get".as_bytes());
        }
        (Action::QuitNow, _) => {
            let lab = Lab::new();
            let mut other = Pty::spawn(demo(&lab), 80, 24);
            other.until_shown("How far peers get");
            other.press(key(Action::Keys));
            other.press(pressed);
            assert_eq!(other.ended_within(SOON), 0);
            assert_given_back(&other);
        }
        (Action::Suspend, _) => stops_and_comes_back(pressed),
        // They hold over a recording only, where tests/replay.rs presses them.
        (Action::Replay(_) | Action::GoTo, _) => {}
    }
}

/// What only this screen shows.
fn sign_of(screen: Screen) -> &'static str {
    match screen {
        Screen::Overview => "How far peers get",
        Screen::Peers => "[all",
        Screen::Pieces => "Piece ",
        Screen::Trackers => "all tiers are asked at once",
        Screen::Files => "Files ─",
        Screen::Log => "time since the start",
    }
}

/// What the rows are ordered by.
fn by_what(text: &str) -> Option<String> {
    let (before, _) = text.split_once(" ▾")?;
    before.rsplit_once("by ").map(|(_, column)| column.to_owned())
}

/// Ctrl-Z gives the terminal to the shell, and `fg` draws everything again.
fn stops_and_comes_back(pressed: Key) {
    let lab = Lab::new();
    let mut command = CommandBuilder::new("sh");
    let script = "set -m; \"$0\" demo --fast; echo; echo it stopped; read line; fg; echo it ended with $?";
    command.args(["-c", script, env!("CARGO_BIN_EXE_ttui")]);
    settle(&mut command, &lab);
    let mut pty = Pty::spawn(command, 80, 24);
    pty.until_shown("How far peers get");
    pty.press(pressed);
    pty.until("the shell has its screen", |screen| {
        (!screen.alternate_screen() && screen.contents().contains("it stopped")).then_some(())
    });
    assert!(!pty.look(vt100::Screen::hide_cursor));
    let before = pty.count();
    pty.write(b"\n");
    pty.until("everything is drawn again", |screen| {
        (screen.alternate_screen() && screen.contents().contains("How far peers get")).then_some(())
    });
    pty.until_written(before, b"\x1b[?25l");
    pty.press(key(Action::QuitNow));
    pty.until_shown("it ended with 0");
    assert_eq!(pty.ended_within(SOON), 0);
    assert_given_back(&pty);
}

type Way = (&'static str, fn(&mut Pty));

/// The ways to leave.
fn ways_to_leave() -> [Way; 5] {
    [
        ("q twice", |pty| {
            pty.press(key(Action::Quit));
            pty.press(key(Action::Quit));
        }),
        ("Ctrl-C", |pty| pty.press(key(Action::QuitNow))),
        ("SIGTERM", |pty| pty.signal(Signal::TERM)),
        ("SIGINT", |pty| pty.signal(Signal::INT)),
        ("SIGHUP", |pty| pty.signal(Signal::HUP)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_leave_a_download_gives_the_terminal_back_and_says_how_to_go_on() {
    let stage = Stage::set().await;
    for (way, leave) in ways_to_leave() {
        // Goodbyes are not waited for longer than people wait.
        stage.tracker.reply(Reply::nobody());
        let mut pty = stage.open(80, 24);
        stage.tracker.reply(Reply::Silence);
        leave(&mut pty);
        assert_eq!(pty.ended_within(SOON), 1, "{way}: incomplete");
        assert_given_back(&pty);
        let text = pty.text();
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), 3, "{way}: {text}");
        assert!(lines[0].starts_with("a torrent: ") && lines[0].contains(" % of 6.2 MiB"), "{way}: {text}");
        assert!(lines[1].contains(" received and "), "{way}: {text}");
        assert_eq!(lines[2], "The same command goes on where it stopped.", "{way}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_ctrl_c_does_not_wait_for_trackers() {
    let stage = Stage::set().await;
    let mut pty = stage.open(80, 24);
    // Who never answered is not told goodbye.
    pty.until_shown("the tracker answered");
    stage.tracker.reply(Reply::Silence);
    pty.press(key(Action::QuitNow));
    stage.tracker.until("stopped").await;
    pty.until_modes_are_back();
    assert!(pty.is_running(), "it waits for the tracker");
    let again = Instant::now();
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 1);
    assert!(again.elapsed() < Duration::from_secs(1), "{:?}", again.elapsed());
    assert_given_back(&pty);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_does_not_know_its_size_is_taken_for_one_of_80_by_24() {
    let lab = Lab::new();
    let mut pty = Pty::spawn(demo(&lab), 0, 0);
    pty.until_shown("How far peers get");
    pty.press(key(Action::Redraw));
    pty.press(key(Action::Show(Screen::Log)));
    pty.until_shown(sign_of(Screen::Log));
    // Somebody told it.
    pty.resize(120, 40);
    pty.until("all of its lines are used", |screen| {
        screen.rows(0, 120).nth(39)?.ends_with("q quit").then_some(())
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_complete_download_rings_once_says_where_it_is_and_leaves_with_zero() {
    let payload = Recipe::file("it.bin", 8 * PIECE, PIECE).make();
    let seed = Seed::start(&payload, Script { allowed: 0, ..Script::default() }).await;
    let lab = Lab::new();
    let mut pty = Pty::spawn(download(&lab, &payload, &[seed.addr]), 120, 40);
    pty.until_shown("▸ downloading");
    seed.allow(8);
    pty.until_called("the title tells progress", |calls| {
        calls.titles.iter().any(|title| title == "25 % it.bin · ttui")
    });
    assert_eq!(pty.calls().bells, 0);
    seed.allow(u64::MAX);
    pty.until_shown(&format!("Complete: {}", lab.out().join("it.bin").display()));
    pty.until_shown("✓ seeding");
    // After four seconds the keys stand there again.
    pty.until_shown("q quit");
    let calls = pty.calls();
    assert_eq!(calls.bells, 1);
    assert_eq!(calls.titles.last().unwrap(), "100 % it.bin · ttui");
    let told: std::collections::BTreeSet<&String> = calls.titles.iter().collect();
    assert_eq!(told.len(), calls.titles.len(), "a title is written when it changes: {:?}", calls.titles);
    pty.press(key(Action::Quit));
    assert_eq!(pty.ended_within(SOON), 0, "complete, so q asks nothing");
    assert_given_back(&pty);
    assert!(pty.text().contains("it.bin: complete, 512 KiB"), "{}", pty.text());
    payload.assert_at(&lab.out());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_the_window_ends_the_program_and_keeps_what_was_done() {
    let stage = Stage::set().await;
    let mut pty = stage.open(80, 24);
    pty.close_window();
    assert_eq!(pty.ended_within(SOON), 1);
    stage.tracker.until("stopped").await;
    let resumed = std::fs::read_dir(stage.lab.state()).unwrap().count();
    assert!(resumed > 0, "there is a resume file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_resizes_does_no_harm() {
    let lab = Lab::new();
    let mut pty = Pty::spawn(demo(&lab), 80, 24);
    pty.until_shown("How far peers get");
    pty.look_away();
    let mut random = fastrand::Rng::with_seed(11);
    let keys = [Action::Show(Screen::Peers), Action::Open, Action::Keys, Action::Show(Screen::Overview)];
    for n in 0..150 {
        match n % 10 {
            0 => pty.resize_unseen(1, 1),
            1 => pty.resize_unseen(500, 200),
            _ => pty.resize_unseen(random.u16(1..=500), random.u16(1..=200)),
        }
        if n % 7 == 0 {
            pty.press(key(keys[n / 7 % keys.len()]));
        }
        // Fifty a second.
        thread::sleep(Duration::from_millis(20));
    }
    assert!(pty.is_running());
    pty.press(key(Action::Show(Screen::Overview)));
    for (columns, rows) in [(1, 1), (500, 200), (80, 24)] {
        pty.look_away();
        let from = pty.count();
        pty.resize_unseen(columns, rows);
        pty.press(key(Action::Redraw));
        // The emulator cannot be of one column, nor of one row.
        let emulated = (columns.max(2), rows.max(2));
        pty.look_again("the picture of the last size", from, emulated, |screen| {
            let rows: Vec<String> = screen.rows(0, columns).collect();
            match columns {
                1 => rows[0] != " " && !rows[0].is_empty(),
                _ => {
                    screen.contents().contains("How far peers get")
                        && rows[rows.len() - 1].ends_with("q quit")
                }
            }
        });
    }
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 0);
    assert_given_back(&pty);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_behind_its_back_it_takes_the_terminal_again() {
    let lab = Lab::new();
    let mut pty = Pty::spawn(demo(&lab), 80, 24);
    pty.until_shown("How far peers get");
    pty.until_written(0, b"\x1b[?1000h");
    pty.signal(Signal::STOP);
    let before = pty.count();
    pty.signal(Signal::CONT);
    for part in ["\x1b[?1049h", "\x1b[?2004h", "\x1b[2J", "How far peers get", "\x1b[?1000h"] {
        pty.until_written(before, part.as_bytes());
    }
    assert!(!pty.has_its_modes_back());
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 0);
    assert_given_back(&pty);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_stood_still_goes_on_and_blames_nobody() {
    let stage = Stage::set().await;
    let mut pty = stage.open(120, 40);
    let all_send = |screen: &vt100::Screen| {
        (screen.contents().matches("● sending").count() == 3 && screen.contents().contains("[all"))
            .then_some(())
    };
    pty.press(key(Action::Show(Screen::Peers)));
    pty.until("three peers send", all_send);
    pty.signal(Signal::STOP);
    // Longer than a machine with too much to do makes anybody wait.
    thread::sleep(Duration::from_millis(3500));
    pty.signal(Signal::CONT);
    pty.press(key(Action::Show(Screen::Log)));
    pty.until_shown("stood still for ");
    pty.press(key(Action::Show(Screen::Peers)));
    pty.until("the same three send", all_send);
    assert_eq!(
        stage.seeds[..3].iter().map(|seed| seed.seen().connections).max(),
        Some(1),
        "none was dialled again"
    );
}

/// What a terminal sends for a click.
fn click(column: u16, row: u16) -> Vec<u8> {
    let (column, row) = (column + 1, row + 1);
    format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m").into_bytes()
}

/// Where a text stands on the screen.
fn place(screen: &vt100::Screen, text: &str) -> Option<(u16, u16)> {
    let rows = screen.rows(0, screen.size().1).enumerate();
    rows.filter_map(|(y, row)| Some((row.split_once(text)?.0.chars().count() as u16, y as u16))).next()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mouse_selects_sorts_scrolls_and_presses_keys() {
    let stage = Stage::set().await;
    let mut pty = stage.open(120, 40);
    pty.until_written(0, b"\x1b[?1000h\x1b[?1006h");
    let at = |pty: &Pty, text: &str| pty.until(text, |screen| place(screen, text));
    let nobody = stage.peers.last().unwrap().to_string();
    let (column, row) = at(&pty, &nobody);
    pty.write(&click(column, row));
    pty.until("the row is selected", |screen| {
        cursor_row(screen).filter(|row| row.contains(&nobody)).map(drop)
    });
    let (column, row) = at(&pty, "CLIENT");
    pty.write(&click(column, row));
    pty.until_shown("by client ▾");
    pty.write(&click(column, row));
    pty.until_shown("by client ▴");
    // The wheel, three rows up.
    pty.write(b"\x1b[<64;5;30M");
    pty.until("another row is selected", |screen| {
        cursor_row(screen).filter(|row| !row.contains(&nobody)).map(drop)
    });
    let (column, row) = at(&pty, "? keys");
    pty.write(&click(column, row));
    pty.until_shown(HELP);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mouse_is_left_alone_where_nobody_wants_it_taken() {
    let lab = Lab::new();
    let settings = lab.write("settings.toml", b"[screen]\nmouse = false\ntitle = false\nunits = 'decimal'\n");
    for more in [["--config", settings.to_str().unwrap()], ["--no-mouse", "--ascii"]] {
        let mut command = demo(&lab);
        command.args(more);
        let mut pty = Pty::spawn(command, 80, 24);
        pty.until_shown("How far peers get");
        pty.press(key(Action::Redraw));
        pty.until_written(0, b"\x1b[2J");
        assert_eq!(position(&pty.bytes_from(0), b"\x1b[?1000h"), None);
        let by_settings = more[0] == "--config";
        assert_eq!(pty.calls().titles.is_empty(), by_settings);
        // It was wiped for the redraw: what is looked at is the whole of it again.
        pty.until_shown(if by_settings { "MB" } else { "MiB" });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_as_the_settings_have_them_and_the_screen_says_so() {
    let lab = Lab::new();
    let settings =
        lab.write("settings.toml", b"[keys]\nkeys = ['F1']\nshow-log = ['Ctrl-G', '6']\nquit = ['Q']\n");
    let mut command = demo(&lab);
    command.args(["--config", settings.to_str().unwrap()]);
    let mut pty = Pty::spawn(command, 120, 40);
    // Whoever is here for the first time is told where to look, until a key is pressed.
    pty.until_shown("F1 keys · w why");
    pty.write(b"?\x07");
    pty.until_shown(sign_of(Screen::Log));
    pty.until_shown("Q quit");
    pty.write(b"\x1bOP");
    pty.until_shown(HELP);
    pty.write(b"QQQ");
    assert_eq!(pty.ended_within(SOON), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chosen_columns_are_there_again_and_those_of_the_settings_go_before_them() {
    let payload = Recipe::file("it.bin", 8 * PIECE, PIECE).make();
    let lab = Lab::new();
    let shown = |pty: &mut Pty, head: &str, is_there: bool| {
        pty.press(key(Action::Show(Screen::Peers)));
        pty.until(&format!("{head}: {is_there}"), |screen| {
            let text = screen.contents();
            (text.contains("WHY") && text.contains(head) == is_there).then_some(())
        });
    };
    let leave = |mut pty: Pty| {
        pty.press(key(Action::QuitNow));
        assert_eq!(pty.ended_within(SOON), 1);
    };
    let nobody = [nobody_at().await];
    let mut pty = Pty::spawn(download(&lab, &payload, &nobody), 120, 40);
    shown(&mut pty, "PORT", false);
    pty.press(key(Action::Columns));
    pty.until_shown("of live peers");
    pty.press(Key::parse("Tab").unwrap());
    pty.until_shown("of peers that are not connected");
    // The four that are shown come first.
    (0..4).for_each(|_| pty.press(key(Action::Down)));
    pty.until_shown("▸   port ");
    pty.press(key(Action::Choose));
    pty.until_shown("▸ ✓ port");
    pty.press(key(Action::Back));
    shown(&mut pty, "PORT", true);
    leave(pty);
    let mut pty = Pty::spawn(download(&lab, &payload, &nobody), 120, 40);
    shown(&mut pty, "PORT", true);
    leave(pty);
    let settings = lab.write("settings.toml", b"[columns]\nothers = ['address', 'why', 'tries']\n");
    let mut command = download(&lab, &payload, &nobody);
    command.args(["--config", settings.to_str().unwrap()]);
    let mut pty = Pty::spawn(command, 120, 40);
    shown(&mut pty, "PORT", false);
    shown(&mut pty, "TRIES", true);
    leave(pty);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_first_run_is_told_where_to_look() {
    let payload = Recipe::file("it.bin", 8 * PIECE, PIECE).make();
    let lab = Lab::new();
    let mut pty = Pty::spawn(download(&lab, &payload, &[]), 80, 24);
    pty.until_shown("? keys · w why");
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 1);
    let pty = Pty::spawn(download(&lab, &payload, &[]), 80, 24);
    pty.until_shown("q quit");
    assert!(!pty.text().contains("? keys · w why"), "{}", pty.text());
}

/// Every colour that any cell has.
fn colours(pty: &Pty) -> Vec<Color> {
    pty.look(|screen| {
        let (rows, columns) = screen.size();
        let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let mut colours: Vec<Color> = Vec::new();
        for cell in cells.filter_map(|(row, column)| screen.cell(row, column)) {
            for colour in [cell.fgcolor(), cell.bgcolor()] {
                if !colours.contains(&colour) {
                    colours.push(colour);
                }
            }
        }
        colours
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looks_as_the_terminal_and_the_user_want_it() {
    type Look = (&'static [(&'static str, &'static str)], bool, fn(&Color) -> bool);
    let looks: [Look; 7] = [
        (&[("COLORTERM", "truecolor")], false, |colour| matches!(colour, Color::Default | Color::Rgb(..))),
        (&[], false, |colour| matches!(colour, Color::Default | Color::Idx(16..))),
        (&[("NO_COLOR", "1"), ("COLORTERM", "truecolor")], false, |colour| *colour == Color::Default),
        (&[("TERM", "vt100")], false, |colour| *colour == Color::Default),
        (&[("TERM", "dumb")], true, |colour| *colour == Color::Default),
        // Lines and blocks may be two columns wide there.
        (&[("LC_ALL", "ja_JP.UTF-8"), ("TERM", "vt220")], true, |colour| *colour == Color::Default),
        (&[("LANG", "C"), ("TERM", "xterm")], true, |colour| {
            matches!(colour, Color::Default | Color::Idx(0..16))
        }),
    ];
    let payload = Recipe::file("f\u{e4}rbig.bin", 40 * PIECE, PIECE).make();
    let seed = Seed::start(&payload, Script { bps: Some(60_000), ..Script::default() }).await;
    for (variables, ascii, is_fine) in looks {
        let lab = Lab::new();
        let mut command = download(&lab, &payload, &[seed.addr]);
        variables.iter().for_each(|(name, value)| command.env(name, value));
        let pty = Pty::spawn(command, 80, 24);
        pty.until_shown(if ascii { "* sending" } else { "● sending" });
        let seen = colours(&pty);
        assert!(seen.iter().all(is_fine), "{variables:?}: {seen:?}");
        let is_mono = is_fine(&Color::Default) && !is_fine(&Color::Idx(1)) && !is_fine(&Color::Rgb(0, 0, 0));
        assert_eq!(seen.len() == 1, is_mono && !is_fine(&Color::Idx(29)), "{variables:?}: {seen:?}");
        let written = pty.bytes_from(0);
        assert_eq!(written.is_ascii(), ascii, "{variables:?}");
        let has_sgr = |codes: &str| position(&written, codes.as_bytes()).is_some();
        assert!(has_sgr("\x1b[1m"), "bold is there in every look: {variables:?}");
        assert!(!has_sgr("\x1b[48;") && !has_sgr("\x1b[6n"), "no background is painted, nothing is asked");
    }
}
