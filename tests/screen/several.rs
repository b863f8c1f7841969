//! Several torrents in one run.

use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use support::{Payload, Tracker};

/// A torrent whose tracker names a seed at a walking pace.
struct Seeded {
    payload: Arc<Payload>,
    _seed: Seed,
    _tracker: Tracker,
}

impl Seeded {
    async fn new(name: &str, number: u64) -> Self {
        let tracker = Tracker::http(Reply::nobody()).await;
        let recipe = Recipe::file(name, 64 * PIECE, PIECE).seed(number).tier(&[&tracker.url()]);
        let payload = recipe.make();
        let seed = Seed::start(&payload, Script { bps: 40_000, ..Script::default() }).await;
        tracker.reply(Reply::Compact(vec![seed.addr]));
        Self { payload, _seed: seed, _tracker: tracker }
    }

    /// Its torrent file, by its own name.
    fn file(&self, lab: &Lab) -> PathBuf {
        lab.write(&format!("{}.torrent", self.payload.torrent.name), &self.payload.torrent_bytes)
    }
}

/// The row of the list that has the cursor, which stands before the glyph of its state.
fn selected_row(screen: &vt100::Screen) -> Option<String> {
    let columns = screen.size().1;
    screen.rows(0, columns).skip(1).find(|row| row.chars().nth(1) == Some('▸'))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_is_dialled_by_address_or_name_for_the_torrent_that_is_chosen() {
    let lab = Lab::new();
    let mut files = Vec::new();
    let mut seeds = Vec::new();
    for (name, number) in [("one.bin", 1), ("two.bin", 2)] {
        let payload = Recipe::file(name, 64 * PIECE, PIECE).seed(number).make();
        seeds.push(Seed::start(&payload, Script { bps: 40_000, ..Script::default() }).await);
        files.push(lab.write(&format!("{name}.torrent"), &payload.torrent_bytes));
    }
    // What looks like a peer and is a file is that.
    let third = Recipe::file("three.bin", 64 * PIECE, PIECE).seed(3).make();
    lab.write("here:6881", &third.torrent_bytes);
    let command = ttui(&lab, &[files[0].to_str().unwrap(), files[1].to_str().unwrap()]);
    let mut pty = Pty::spawn(command, 120, 40);
    pty.until_shown("2 torrents");
    let sends = |pty: &Pty, name: &str| {
        pty.until(&format!("{name} is sent"), |screen| {
            let row = screen.rows(0, 120).find(|row| row.contains(name) && row.contains("downloading"));
            row.filter(|row| row.contains("1/1/1")).map(drop)
        });
    };
    pty.press(key(Action::Down));
    pty.write(format!("alocalhost:{}\r", seeds[1].addr.port()).as_bytes());
    sends(&pty, "two.bin");
    pty.press(key(Action::Up));
    pty.write(format!("\x1b[200~{}\x1b[201~\r", seeds[0].addr).as_bytes());
    sends(&pty, "one.bin");
    // A name without an address is not lost. No server of names is asked for one that is too long to be any.
    let nobody = format!("{}.invalid:6881", "x".repeat(64));
    pty.write(format!("a{nobody}\r").as_bytes());
    // The end of what was typed stands there, and the beginning of why.
    pty.until_shown("add  …");
    pty.until_shown("x.invalid:6881: no addr");
    pty.write(b"\x15here:6881\r");
    pty.until_shown("into  ");
    pty.write(b"\r");
    pty.until_shown("Added three.bin.");
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 1);
    assert_given_back(&pty);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_torrents_run_side_by_side_and_a_fourth_is_pasted() {
    let lab = Lab::new();
    let mut all = Vec::new();
    for (name, number) in [("one.bin", 1), ("two.bin", 2), ("three.bin", 3), ("four.bin", 4)] {
        all.push(Seeded::new(name, number).await);
    }
    let paths: Vec<String> = all.iter().map(|one| one.file(&lab).to_str().unwrap().to_owned()).collect();
    let out = lab.out();
    let command =
        ttui(&lab, &[&paths[0], &paths[1], "missing.torrent", &paths[2], "-o", out.to_str().unwrap()]);
    let mut pty = Pty::spawn(command, 120, 40);
    let selected = |pty: &Pty, name: &str| {
        pty.until(&format!("{name} is selected"), |screen| {
            selected_row(screen).filter(|row| row.contains(name)).map(drop)
        });
    };
    pty.until_shown("3 torrents");
    pty.until_shown("3 downloading");
    selected(&pty, "one.bin");
    pty.until_called("the title tells of all", |calls| {
        calls.titles.last().is_some_and(|title| title.ends_with("3 torrents · ttui"))
    });

    // Opened, every screen is about the second, and knows which it is.
    pty.press(key(Action::Down));
    selected(&pty, "two.bin");
    pty.write(b"\r");
    pty.until_shown("2/3  two.bin");
    pty.until_shown("● sending");
    pty.press(key(Action::Show(Screen::Files)));
    pty.until_shown(sign_of(Screen::Files));
    pty.press(key(Action::Show(Screen::Torrents)));
    selected(&pty, "two.bin");

    pty.write(b" ");
    pty.until("it is paused", |screen| {
        selected_row(screen).filter(|row| row.contains("‖ paused") && row.contains("two.bin")).map(drop)
    });
    pty.until_shown("2 downloading");
    pty.press(key(Action::PauseAll));
    pty.until_shown("3 paused");
    pty.press(key(Action::PauseAll));
    pty.until_shown("3 downloading");

    // What cannot be added is asked again; what can be goes where it is said to, and nothing jumps.
    pty.write(b"\x1b[200~/nowhere/a.torrent\x1b[201~\r");
    pty.until_shown("into  ");
    pty.write(b"\r");
    pty.until_shown("add  /nowhere/a.torrent");
    pty.write(b"\x1b");
    pty.until_gone("/nowhere");
    pty.write(format!("\x1b[200~'{}'\x1b[201~\r", paths[3]).as_bytes());
    pty.until_shown("into  ");
    let elsewhere = lab.path("elsewhere");
    pty.write(format!("\x15{}\r", elsewhere.display()).as_bytes());
    pty.until_shown("Added four.bin.");
    pty.until_shown("4 torrents");
    selected(&pty, "two.bin");

    // Forgotten, and back again.
    pty.press(key(Action::Last));
    selected(&pty, "four.bin");
    pty.press(key(Action::Forget));
    pty.until_shown("3 torrents");
    pty.until_shown("u brings it back");
    pty.press(key(Action::Undo));
    pty.until_shown("4 torrents");
    pty.until_shown("4 downloading");

    pty.press(key(Action::Quit));
    pty.until_shown("q again stops 4 downloads");
    pty.press(key(Action::Quit));
    // The missing file is worth more than what is not complete.
    assert_eq!(pty.ended_within(SOON), 2);
    assert_given_back(&pty);
    let said = pty.text();
    assert!(said.contains("missing.torrent: "), "{said}");
    for (name, folder) in
        [("one.bin", &out), ("two.bin", &out), ("three.bin", &out), ("four.bin", &elsewhere)]
    {
        let line = said.lines().find(|line| line.starts_with(&format!("{name}: ")));
        assert!(
            line.is_some_and(|line| line.ends_with(&format!("in {}", folder.display()))),
            "{name}\n{said}"
        );
    }
    assert!(said.contains("The same command goes on where they stopped."), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_begins_with_one_torrent_and_a_torrent_and_a_magnet_join() {
    let lab = Lab::new();
    let mut pty = Pty::spawn(demo(&lab), 120, 40);
    pty.until_shown(sign_of(Screen::Overview));
    pty.until_shown("field-recordings");
    assert!(!pty.text().contains(" 1/"), "{}", pty.text());
    pty.until_shown(" 1/3");
    // Those that join change no screen.
    assert!(pty.text().contains(sign_of(Screen::Overview)), "{}", pty.text());
    pty.press(key(Action::Show(Screen::Torrents)));
    for name in ["field-recordings", "old-maps", "lectures", "3 seeding"] {
        pty.until_shown(name);
    }
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 0);
    pty.until_closed();
    assert!(pty.text().contains("That was the demo"), "{}", pty.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_seeding_several_end_with_the_last_of_them() {
    let lab = Lab::new();
    let mut command = ttui(&lab, &["--no-seed", "-o", lab.out().to_str().unwrap()]);
    let mut payloads = Vec::new();
    let mut seeds = Vec::new();
    for (name, number, allowed) in [("one.bin", 1, u64::MAX), ("two.bin", 2, 3)] {
        let tracker = Tracker::http(Reply::nobody()).await;
        let payload = Recipe::file(name, 4 * PIECE, PIECE).seed(number).tier(&[&tracker.url()]).make();
        let seed = Seed::start(&payload, Script { allowed, ..Script::default() }).await;
        tracker.reply(Reply::Compact(vec![seed.addr]));
        command.arg(lab.write(&format!("{name}.torrent"), &payload.torrent_bytes));
        seeds.push((seed, tracker));
        payloads.push(payload);
    }
    let mut pty = Pty::spawn(command, 120, 40);
    pty.until("one is whole, and the other is not", |screen| {
        let row = |name| screen.rows(0, 120).find(|row| row.contains(name) && row.contains('%'));
        let is_whole = |name| row(name).is_some_and(|row| row.contains("100 %"));
        (is_whole("one.bin") && !is_whole("two.bin")).then_some(())
    });
    assert!(pty.is_running(), "one is still to come");
    seeds[1].0.allow(u64::MAX);
    assert_eq!(pty.ended_within(SOON), 0);
    payloads
        .iter()
        .for_each(|payload| assert_eq!(payload.right_at(&lab.out()).len() as u32, payload.pieces()));
    let kept = ttui::library::Library::of(&lab.state()).list().unwrap().entries;
    assert!(kept.len() == 2 && kept.iter().all(|entry| entry.done), "{kept:?}");
}
