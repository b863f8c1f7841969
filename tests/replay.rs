//! A recording on a terminal: every key of a replay over the recording of a real run.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]
#![allow(clippy::disallowed_methods, reason = "what a person waits for is measured by the clock")]

#[path = "common/pty.rs"]
mod pty;
#[path = "common/support.rs"]
mod support;

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pty::{Pty, position, ttui};
use support::program::unpacked;
use support::{Lab, Program, Recipe, Reply, Script, Seed, Tracker, nobody_at, soon, until};
use ttui::command::Command;
use ttui::engine::{self, Options};
use ttui::event::{
    Announced, At, Cause, Direction, Encryption, Event, OsError, PeerInfo, PeerKey, Phase, Severity, Source,
    TorrentKey, TrackerError, TrackerKey, Transport,
};
use ttui::ledger::{FileFacts, Ledger, Metadata, TorrentFacts};
use ttui::metainfo::{Geometry, InfoHash};
use ttui::record::{Batcher, Player, Recording, Writer};
use ttui::text::is_invisible;

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
        let seed = Seed::start(&payload, Script { bps: 60_000, ..Script::default() }).await;
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

/// The row of the bar and its number: that of the line with a cursor in it, which goes through the curve as well.
fn bar(screen: &vt100::Screen) -> Option<(u16, String)> {
    let rows: Vec<String> = screen.rows(0, screen.size().1).collect();
    let at = rows.iter().rposition(|row| row.contains('┃') && row.contains(['━', '─']))?;
    Some((at as u16, rows[at].clone()))
}

#[track_caller]
fn until_at(pty: &Pty, at: At) {
    let wanted = format!("{} ", shown(at));
    pty.until(&format!("the bar at {wanted}"), |screen| {
        bar(screen)?.1.trim_start().starts_with(&wanted).then_some(())
    });
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
        player.marks().iter().filter(|mark| mark.kind.is_failure()).map(|mark| mark.at).collect();
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
            pty.until_shown("Replay is read-only: ");
            pty.write(b"<");
            pty.until_gone("Replay is read-only: ");
        }
        until_at(&pty, end);
    }
    // What is said goes away, though nothing moves.
    pty.write(b"p");
    pty.until_shown("Replay is read-only: ");
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
        ("1", "Where peers drop off"),
        ("4", "Sources"),
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
    go_to(&mut pty, Duration::from_secs(2));
    // How the download stood comes before how the replay stands.
    until_head(&pty, "‖ replay 1×  ▸ ");
    pty.write(b">");
    until_head(&pty, "‖ replay 2×");
    for key in "23456".chars() {
        pty.write(&[key as u8]);
        until_at(&pty, Duration::from_secs(2));
    }
    pty.write(b"1");
    go_to(&mut pty, end);
    pty.until("a mark", |screen| bar(screen)?.1.contains('✗').then_some(()));
    pty.write(b"q");
    assert_eq!(pty.ended_within(AT_ONCE), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_and_a_drag_on_the_bar_go_there() {
    let stage = Stage::set().await;
    let end = stage.player().end();
    for (columns, rows) in [(40, 10), (80, 24)] {
        let mut pty = stage.open(columns, rows);
        pty.until_written(0, b"\x1b[?1002h");
        pty.write(b" ");
        // Stopped while the first second says that it verifies, forty columns have no room for more.
        until_head(&pty, "‖ ");
        go_to(&mut pty, Duration::from_secs(2));
        let (row, text) = pty.until("the bar", bar);
        // Terminals count from one. Before the time of the end there is a gap.
        let first = text.chars().position(|c| "━✗▲".contains(c)).unwrap() + 1;
        let last = text.trim_end().chars().count() - shown(end).len() - 1;
        let row = row + 1;
        let mouse = |kind: u8, column: usize, row: u16, ends: char| {
            format!("\x1b[<{kind};{column};{row}{ends}").into_bytes()
        };
        pty.write(&mouse(0, last, row, 'M'));
        until_at(&pty, end);
        // Dragged to the very left, on whichever row, it stands at the beginning.
        pty.write(&mouse(32, first + 5, row - 2, 'M'));
        pty.write(&mouse(32, 1, row - 3, 'M'));
        until_at(&pty, At::ZERO);
        pty.write(&mouse(0, 1, row - 3, 'm'));
        pty.write(&mouse(32, last, row, 'M'));
        pty.write(&mouse(65, first, row, 'M'));
        until_at(&pty, Duration::from_secs(1));
        assert!(pty.is_running());
    }
}

/// What stands in every text of a hostile recording: a title, a question to the terminal, a bell, an override of
/// direction, a zero-width space, an isolate, a C1 control and a line of its own.
const HOSTILE: &str = "\x1b]0;x\x07\x1b[6n\u{202e}\u{200b}\u{2066}\u{9b}\r\n\x08";
/// Of the same length, and harmless: the recording is made with it.
const MARK: &str = "marked-marked-marked-mar";

/// Events that carry every text there is.
fn with_texts(facts: &TorrentFacts) -> Vec<Event> {
    let text = || MARK.to_owned();
    let mut events = Vec::new();
    let tracker = |n| TrackerKey(n);
    for n in 0..3 {
        events.push(Event::TrackerKnown { tracker: tracker(n), tier: n, url: text() });
    }
    let answer = Announced { warning: Some(text()), peers: 3, ..Announced::default() };
    events.push(Event::AnnounceAnswered { tracker: tracker(0), answer });
    events.push(Event::AnnounceFailed { tracker: tracker(1), error: TrackerError::Refused, text: text() });
    events.push(Event::Phase { phase: Phase::Downloading, reason: None });
    for n in 0..6u32 {
        let peer = PeerKey(n);
        let addr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(80, 0, 0, n as u8 + 1)), 6881);
        let (direction, transport) = (Direction::Out, Transport::Tcp);
        let mut received = b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x05".to_vec();
        received.extend(facts.info_hash.0);
        received.extend(&HOSTILE.as_bytes()[..20]);
        events.extend([
            Event::PeerLearned { peer, addr, source: Source::Tracker(tracker(n as u16 % 3)) },
            Event::AttemptBegan { peer, direction, transport, encryption: Encryption::Plain },
            Event::Connected { peer },
            Event::HandshakeSent { peer, sent: vec![0x13; 68] },
            Event::HandshakeBytes { peer, received },
            Event::Handshaken { peer },
            Event::Introduced {
                peer,
                info: PeerInfo {
                    calls_itself: Some(text()),
                    extensions: vec![text()],
                    reqq: Some(250),
                    ..PeerInfo::default()
                },
            },
        ]);
        if n % 2 == 1 {
            let error = Some(OsError { code: Some(104), text: text() });
            let (cause, detail) = (Cause::BadMessage, Some(text()));
            events.push(Event::AttemptEnded { peer, cause, error, detail, bytes_in: 68, bytes_out: 68 });
        }
    }
    events.push(Event::Banned { peer: PeerKey(0), until: Some(Duration::from_secs(4000)), reason: text() });
    events.push(Event::Note { severity: Severity::Warn, text: text(), answer: true });
    events.push(Event::Phase { phase: Phase::Stopped, reason: Some(text()) });
    events
}

/// A recording every text of which, in its facts, its snapshots and its events, is hostile.
fn hostile_recording() -> Vec<u8> {
    assert_eq!(MARK.len(), HOSTILE.len());
    let file = |number: u32| FileFacts {
        path: format!("{MARK}/{number}"),
        offset_bytes: u64::from(number) << 15,
        length_bytes: 1 << 15,
        number,
    };
    let facts = Arc::new(TorrentFacts {
        info_hash: InfoHash([7; 20]),
        metadata: Some(Metadata {
            name: MARK.to_owned(),
            geometry: Geometry::new(1 << 17, 1 << 14).unwrap(),
            private: false,
            files: (0..4).map(file).collect(),
        }),
        magnet_name: None,
        output: MARK.into(),
        peer_id: MARK.to_owned(),
    });
    let mut ledger = Ledger::new(Arc::clone(&facts));
    let at = Duration::from_secs(1);
    with_texts(&facts).iter().for_each(|event| ledger.apply(at, event));
    let mut file = Vec::new();
    let (mut writer, torrent) = (Writer::begin(&mut file, 0).unwrap(), TorrentKey(0));
    writer.facts(at, torrent, &facts).unwrap();
    writer.snapshot(at, &[(torrent, &ledger.snapshot())]).unwrap();
    for second in 2..6 {
        let (mut batcher, at) = (Batcher::default(), Duration::from_secs(second));
        with_texts(&facts).iter().for_each(|event| batcher.push(at, torrent, event));
        writer.write(batcher.take(at)).unwrap();
    }
    writer.end(Duration::from_secs(6)).unwrap();
    corrupted(&file)
}

/// The recording with other texts in all its frames, each packed and summed again.
fn corrupted(file: &[u8]) -> Vec<u8> {
    let (mut made, mut at, mut changed) = (file[..28].to_vec(), 28, 0);
    while at < file.len() {
        let length = u32::from_le_bytes(file[at + 1..at + 5].try_into().unwrap()) as usize;
        let mut body = miniz_oxide::inflate::decompress_to_vec(&file[at + 21..at + 21 + length]).unwrap();
        while let Some(mark) = position(&body, MARK.as_bytes()) {
            body[mark..mark + MARK.len()].copy_from_slice(HOSTILE.as_bytes());
            changed += 1;
        }
        let packed = miniz_oxide::deflate::compress_to_vec(&body, 6);
        let mut frame = vec![file[at]];
        frame.extend((packed.len() as u32).to_le_bytes());
        frame.extend(&file[at + 5..at + 17]);
        let mut crc = crc32fast::Hasher::new();
        crc.update(&frame);
        crc.update(&packed);
        frame.extend(crc.finalize().to_le_bytes());
        made.extend(frame);
        made.extend(packed);
        at += 21 + length;
    }
    assert!(changed > 100, "{changed} texts");
    made
}

/// Nothing of the texts that could act on a terminal or deceive who reads it.
#[track_caller]
fn assert_harmless(place: &str, bytes: &[u8]) {
    let parts = ["\x1b]0;x", "\x1b[6n", "\u{202e}", "\u{200b}", "\u{2066}", "\u{9b}"];
    for part in parts {
        let found = position(bytes, part.as_bytes());
        assert!(found.is_none(), "{place}: {part:?} at {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_in_a_hostile_recording_reaches_the_terminal() {
    let lab = Lab::new();
    // Its name is no better.
    let name = "run\x1b]0;x\x07\u{202e}.ttrec";
    std::fs::write(lab.path(name), hostile_recording()).unwrap();
    for (columns, rows) in [(120, 40), (80, 24), (40, 10)] {
        let mut pty = Pty::spawn(ttui(&lab, &["replay", name]), columns, rows);
        pty.until("it plays", |screen| screen.rows(0, columns).next()?.contains("▸ replay").then_some(()));
        pty.write(b" ");
        until_head(&pty, "stopped");
        for at in ["0:01", "0:04", "0:06"] {
            pty.write(format!("@{at}\r").as_bytes());
            pty.until("the bar", |screen| {
                bar(screen)?.1.trim_start().starts_with(&format!("{at} ")).then_some(())
            });
            for key in "123456".chars() {
                for page in ["", "w", "?", "\r\r\x1b", "GL\x1b"] {
                    let before = pty.count();
                    // Draws everything, so that there is something to wait for.
                    pty.write(format!("{key}{page}\x0c").as_bytes());
                    pty.until_written(before, b"\x1b[2J");
                    pty.until_written(before, at.as_bytes());
                }
            }
        }
        pty.write(b"\x03");
        assert_eq!(pty.ended_within(AT_ONCE), 0);
        pty.until_closed();
        let bytes = pty.bytes_from(0);
        assert_harmless(&format!("{columns}×{rows}"), &bytes);
        let mut titles = pty.calls().titles.into_iter();
        assert!(titles.all(|title| !title.contains(|c: char| c.is_control()) && title != "x"));
        assert_eq!(pty.calls().bells, 0);
    }
    for more in [&["--json"][..], &["--headless"]] {
        let ended = Program::run(&lab, &[&["replay", name], more].concat()).ended().await;
        assert_eq!(ended.code(), 0, "{ended:?}");
        let told = format!("{}{}", ended.stdout.join("\n"), ended.stderr.join("\n"));
        assert_harmless(&format!("{more:?}"), told.as_bytes());
        for line in if more == ["--json"] { ended.json() } else { Vec::new() } {
            let text = line["error"].as_str().unwrap();
            assert!(!text.chars().any(|c| c.is_control() || is_invisible(c)), "{text:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_that_a_tracker_repeats_is_seen_nowhere() {
    const KEY: &str = "SeCrEtPaSsKeY";
    let refusing = Tracker::http(Reply::refusal(&format!("who is /{KEY}/announce or {KEY}?"))).await;
    let status = format!("404 Not Found\r\nX-Url: /{KEY}");
    let broken = Tracker::http(Reply::Body(Box::leak(status.into_boxed_str()), KEY.into())).await;
    let warning = format!("d8:intervali60e5:peers0:15:warning message{}:{KEY}e", KEY.len());
    let warning = Tracker::http(Reply::Body("200 OK", warning.into_bytes())).await;
    let urls = [&refusing, &broken, &warning].map(|tracker| tracker.url_with(&format!("/{KEY}/announce")));
    let recipe = Recipe::file("it", 40 * PIECE, PIECE);
    let payload = urls.iter().fold(recipe, |recipe, url| recipe.tier(&[url])).make();
    let seed = Seed::start(&payload, Script { bps: 60_000, ..Script::default() }).await;
    let lab = Lab::new();
    let (torrent, out, peer) = (lab.torrent(&payload), lab.out(), seed.addr.to_string());
    let torrent = torrent.to_str().unwrap();
    let mut written: Vec<(String, Vec<u8>)> = Vec::new();

    let screen = [torrent, "-o", out.to_str().unwrap(), "--peer", &peer];
    let mut command = ttui(&lab, &screen);
    command.args(["--log", "screen.log", "--record", "screen.ttrec"]);
    command.env("RUST_LOG", "trace");
    let mut pty = Pty::spawn(command, 120, 40);
    pty.until_shown("● sending");
    for (key, sign) in [("4", "who is "), ("6", "Log ─"), ("1", "Where peers drop off"), ("w", "mean")] {
        pty.write(key.as_bytes());
        pty.until_shown(sign);
    }
    pty.write(b"\x03");
    pty.ended_within(Duration::from_secs(5));
    pty.until_closed();
    written.push(("the screen".to_owned(), pty.bytes_from(0)));
    for name in ["", "--json", "--csv", "--markdown"] {
        let (log, recording) = (format!("check{name}.log"), format!("check{name}.ttrec"));
        let mut command = support::program::command(&lab);
        command.env("RUST_LOG", "trace").args(["check", torrent, "--for", "3s", "--peer", &peer]);
        command
            .args(["--log", &log, "--record", &recording])
            .args(Some(name).filter(|name| !name.is_empty()));
        let ended = Program::spawn(&mut command).ended().await;
        assert_eq!(ended.code(), 0, "{ended:?}");
        // Only peers have lines in CSV.
        assert!(name == "--csv" || ended.stdout.join("\n").contains("who is "), "{ended:?}");
        written
            .push((format!("check {name}"), [ended.stdout, ended.stderr].concat().join("\n").into_bytes()));
        written.push((log.clone(), std::fs::read(lab.path(&log)).unwrap()));
        written.push((recording.clone(), unpacked(&lab.path(&recording))));
    }
    written.push(("screen.log".to_owned(), std::fs::read(lab.path("screen.log")).unwrap()));
    written.push(("screen.ttrec".to_owned(), unpacked(&lab.path("screen.ttrec"))));
    assert!(refusing.asked()[0].url.contains(KEY), "the tracker itself must hear it");
    for (place, bytes) in written {
        let found = position(&bytes, KEY.as_bytes());
        assert_eq!(found, None, "{place}: {}", String::from_utf8_lossy(&bytes[found.unwrap_or(0)..]));
    }
}
