//! A recording on a terminal: every key of a replay over the recording of a real run.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]
#![allow(clippy::disallowed_methods, reason = "what a person waits for is measured by the clock")]

#[path = "common/pty.rs"]
mod pty;
#[path = "common/support.rs"]
mod support;

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use pty::{Pty, ttui};
use support::{Lab, Recipe, Script, Seed, nobody_at, soon, until};
use ttui::command::Command;
use ttui::engine::{self, Options};
use ttui::event::At;
use ttui::record::{MarkKind, Player, Recording};

const PIECE: usize = 16 * 1024;

/// Beyond what a busy machine adds.
const AT_ONCE: Duration = Duration::from_secs(2);

/// A recording of a run of some seconds in which one peer after the other cannot be reached.
struct Stage {
    lab: Lab,
    file: PathBuf,
}

impl Stage {
    async fn set() -> Self {
        let payload = Recipe::file("it", 60 * PIECE, PIECE).make();
        let seed = Seed::start(&payload, Script { bps: Some(60_000), ..Script::default() }).await;
        let lab = Lab::new();
        let file = lab.path("run.ttrec");
        let recording = engine::Recording { file: Some(file.clone()), ..engine::Recording::default() };
        let options = Options { recording, ..lab.options(&[seed.addr, nobody_at().await]) };
        let download = lab.start_with(&payload, options);
        for seconds in [2, 4] {
            let at = Duration::from_secs(seconds) - Duration::from_millis(500);
            until(&download, "time goes on", |view| (view.at > at).then_some(())).await;
            download.send(Command::AddPeer(nobody_at().await));
        }
        until(&download, "five seconds", |view| (view.at > Duration::from_secs(5)).then_some(())).await;
        soon("the download stops", download.stop()).await.unwrap();
        Self { lab, file }
    }

    fn player(&self) -> Player<File> {
        Player::new(Recording::open(File::open(&self.file).unwrap()).unwrap()).unwrap()
    }

    fn open(&self, columns: u16, rows: u16) -> Pty {
        let pty = Pty::spawn(ttui(&self.lab, &["replay", "run.ttrec"]), columns, rows);
        pty.until("it plays", |screen| screen.rows(0, columns).next()?.contains("▸ replay").then_some(()));
        pty
    }
}

/// A time as the bar shows it.
fn shown(at: At) -> String {
    format!("{}:{:02}", at.as_secs() / 60, at.as_secs() % 60)
}

fn foot(screen: &vt100::Screen) -> String {
    screen.rows(0, screen.size().1).last().unwrap_or_default()
}

#[track_caller]
fn until_at(pty: &Pty, at: At) {
    let wanted = format!(" {} ", shown(at));
    pty.until(&format!("the bar at{wanted}"), |screen| foot(screen).starts_with(&wanted).then_some(()));
}

#[track_caller]
fn until_head(pty: &Pty, text: &str) {
    pty.until(text, |screen| screen.rows(0, screen.size().1).next()?.contains(text).then_some(()));
}

#[track_caller]
fn go_to(pty: &mut Pty, at: At) {
    pty.write(format!("@{}\r", shown(at)).as_bytes());
    until_at(pty, at);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_of_a_replay_does_what_its_help_says() {
    let stage = Stage::set().await;
    let mut player = stage.player();
    let end = player.end();
    assert!(end > Duration::from_secs(3), "{end:?}");
    let mut pty = stage.open(120, 40);
    until_head(&pty, "▸ replay of run.ttrec, 1×");
    pty.write(b" ");
    until_head(&pty, "‖ replay of run.ttrec, 1×, stopped");
    pty.until_shown("space play");

    go_to(&mut pty, Duration::from_secs(2));
    player.go_to(Duration::from_secs(2));
    pty.write(b".");
    player.step_forward();
    until_at(&pty, player.position());
    pty.write(b",");
    player.step_back();
    until_at(&pty, player.position());

    for speed in [2, 5, 10, 30, 60, 60] {
        pty.write(b">");
        until_head(&pty, &format!(", {speed}×, stopped"));
    }
    for speed in [30, 10, 5, 2, 1, 1] {
        pty.write(b"<");
        until_head(&pty, &format!(", {speed}×, stopped"));
    }

    let failures: Vec<At> =
        player.marks().iter().filter(|mark| mark.kind == MarkKind::Failure).map(|mark| mark.at).collect();
    assert!(failures.len() >= 3, "{failures:?}");
    pty.write(b"@0:00\r");
    until_at(&pty, At::ZERO);
    for at in &failures {
        pty.write(b"n");
        until_at(&pty, *at);
    }
    pty.write(b"n");
    pty.until_shown("Nothing fails after this.");
    for at in failures.iter().rev().skip(1) {
        pty.write(b"N");
        until_at(&pty, *at);
    }
    pty.write(b"N");
    pty.until_shown("Nothing fails before this.");
    pty.until_gone("Nothing fails");

    // What is wrong with a time is said while it is typed, and q is text.
    pty.write(b"@q");
    pty.until_shown("a time, as 12:30");
    pty.write(b"\x1599:00");
    pty.until_shown(&format!("it ends at {}", shown(end)));
    pty.write(b"\x1b");
    pty.until_gone("it ends at");

    // It plays to its end, stops there, and begins again.
    pty.write(b">>>>> ");
    until_head(&pty, "‖ replay of run.ttrec, 60×, its end");
    until_at(&pty, end);
    pty.write(b"<<<<< ");
    until_head(&pty, "▸ replay of run.ttrec, 1×");
    until_at(&pty, Duration::from_secs(1));
    pty.write(b"?q");
    pty.until_gone("This recording");
    pty.write(b"q");
    assert_eq!(pty.ended_within(AT_ONCE), 0, "it is left at once, while it plays");
    pty.until_closed();
    assert!(pty.has_its_modes_back());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_would_change_the_run_are_answered_and_all_screens_can_be_looked_at() {
    let stage = Stage::set().await;
    let end = stage.player().end();
    let mut pty = stage.open(80, 24);
    pty.write(b" ");
    until_head(&pty, "stopped");
    go_to(&mut pty, end);
    for screen in "123456".chars() {
        pty.write(&[screen as u8]);
        for key in "pxXrRaADUu".chars() {
            pty.write(&[key as u8]);
            pty.until_shown("This is a recording: ");
            pty.write(b"<");
            pty.until_gone("This is a recording: ");
        }
        until_at(&pty, end);
    }
    // What is said goes away, though nothing moves.
    pty.write(b"p");
    pty.until_shown("This is a recording: ");
    until_at(&pty, end);

    pty.write(b"2");
    pty.until_shown("[all");
    pty.write(b"]]]");
    pty.until_shown("[failed");
    pty.write(b"\r");
    pty.until_shown("Attempts ─");
    until_at(&pty, end);
    pty.write(b"q");
    pty.until_gone("Attempts ─");
    for (key, sign) in [
        ("1", "How far peers get"),
        ("4", "Trackers"),
        ("5", "Files"),
        ("6", "Log"),
        ("w", "what the numbers mean"),
    ] {
        pty.write(key.as_bytes());
        pty.until_shown(sign);
        until_at(&pty, end);
    }
    pty.write(b"\x03");
    assert_eq!(pty.ended_within(AT_ONCE), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_terminal_shows_the_bar_and_takes_the_keys() {
    let stage = Stage::set().await;
    let end = stage.player().end();
    let mut pty = stage.open(40, 10);
    pty.write(b" ");
    until_head(&pty, "‖ replay 1×, stopped");
    go_to(&mut pty, Duration::from_secs(2));
    pty.write(b">");
    until_head(&pty, "‖ replay 2×, stopped");
    for key in "23456".chars() {
        pty.write(&[key as u8]);
        until_at(&pty, Duration::from_secs(2));
    }
    pty.write(b"1");
    go_to(&mut pty, end);
    until_head(&pty, "its end");
    pty.until("a mark", |screen| foot(screen).contains('✗').then_some(()));
    pty.write(b"q");
    assert_eq!(pty.ended_within(AT_ONCE), 0);
}
