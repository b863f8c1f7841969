//! The program on a terminal: the first frame, every key of the table, leaving, resizing, stopping, looks.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]
#![allow(clippy::disallowed_methods, reason = "what a person waits for is measured by the clock")]
#![allow(clippy::type_complexity, reason = "a table of checks is read once, where it stands")]

mod deleting;
mod kept;
mod keys;
mod leaving;
mod looks;
mod mouse;
mod moving;
#[path = "../common/pty.rs"]
mod pty;
mod several;
mod sizes;
#[path = "../common/stage.rs"]
mod stage;
mod standstill;
#[path = "../common/support.rs"]
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
const HELP: &str = "Help  [card]";

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
        ("\x1b[?1002h", "\x1b[?1002l"),
    ] {
        let last = |part: &str| bytes.windows(part.len()).rposition(|window| window == part.as_bytes());
        assert!(last(back).is_some() && last(back) > last(taken), "{back:?} was never written");
    }
    assert!(pty.has_its_modes_back(), "the terminal's modes are its own again");
    assert!(pty.look(|screen| !screen.alternate_screen() && !screen.hide_cursor()));
    assert_eq!(pty.calls().titles.last().map(String::as_str), Some(""), "the title is cleared");
    assert!(position(&bytes, b"\x1b[23;2t").is_some(), "the old title is back");
}

/// What only this screen shows.
fn sign_of(screen: Screen) -> &'static str {
    match screen {
        Screen::Overview => "Where peers drop off",
        Screen::Peers => "[all",
        Screen::Pieces => "Piece ",
        Screen::Trackers => "all tiers are asked at once",
        Screen::Files => "Files ─",
        Screen::Log => "time since the start",
        Screen::Torrents => "Torrents ─",
    }
}
