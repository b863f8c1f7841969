//! `O`: a torrent's files are moved to another folder, or what lies there is taken.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use support::{Payload, Program};
use ttui::library::{Entry, Library};

/// Asks for this folder in place of the one that stands in the field.
fn ask(pty: &mut Pty, folder: &Path) {
    pty.press(key(Action::Move));
    pty.until_shown("move to  ");
    pty.write(format!("\x15{}\r", folder.display()).as_bytes());
}

fn to_the_list(pty: &mut Pty) {
    pty.press(key(Action::Show(Screen::Torrents)));
    pty.until_shown(sign_of(Screen::Torrents));
}

fn quit(mut pty: Pty) {
    pty.press(key(Action::Quit));
    assert_eq!(pty.ended_within(SOON), 0);
}

fn kept(lab: &Lab) -> Entry {
    let mut entries = Library::of(&lab.state()).list().unwrap().entries;
    assert_eq!(entries.len(), 1);
    entries.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_complete_seeds_on_in_the_folder_that_is_typed_and_comes_back() {
    let lab = Lab::new();
    let payload = Recipe::files("pack", &[("a.bin", 3 * PIECE), ("b/c.bin", PIECE)], PIECE).make();
    payload.lay_out(&lab.out());
    let mut pty = Pty::spawn(download(&lab, &payload, &[]), 140, 30);
    pty.until_shown("seeding");
    // On its own screen; what cannot be is asked again, as it was typed.
    let there = lab.path("there");
    let inside = lab.out().join("pack/a.bin/deep");
    ask(&mut pty, &inside);
    pty.until_shown("Not moved: cannot create the folder");
    pty.until_shown("pack/a.bin/deep");
    pty.write(format!("\x15{}\r", there.display()).as_bytes());
    pty.until_shown("pack is in ");
    pty.until_shown("seeding");
    payload.assert_at(&there);
    assert!(!lab.out().join("pack/a.bin").exists());
    // On the list, and back.
    to_the_list(&mut pty);
    pty.until_shown("✓ seeding");
    let other = lab.path("other");
    ask(&mut pty, &other);
    pty.until_shown("brings it back");
    payload.assert_at(&other);
    pty.press(key(Action::Undo));
    pty.until_shown(&format!("pack is in {}", there.display()));
    pty.until_shown("✓ seeding");
    payload.assert_at(&there);
    quit(pty);
    assert_eq!((kept(&lab).output, kept(&lab).moving_to), (there, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_downloading_goes_on_in_the_other_folder() {
    let lab = Lab::new();
    let payload = Recipe::files("pack", &[("a.bin", 40 * PIECE), ("b/c.bin", 20 * PIECE)], PIECE).make();
    let seed = Seed::start(&payload, Script { bps: 1_000_000, ..Script::default() }).await;
    let mut pty = Pty::spawn(download(&lab, &payload, &[seed.addr]), 140, 30);
    pty.until_shown("● sending");
    to_the_list(&mut pty);
    let there = lab.path("there");
    ask(&mut pty, &there);
    pty.until_shown("pack is in ");
    pty.until_shown("✓ seeding");
    payload.assert_at(&there);
    assert!(support::is_empty(&lab.out()), "folders that were created are gone with the files");
    let sent = seed.seen().sent.len() as u64;
    assert!(sent < payload.blocks() * 5 / 4, "only what was on its way is fetched twice: {sent}");
    quit(pty);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_seeding_the_run_ends_when_what_is_moved_is_complete() {
    let lab = Lab::new();
    let payload = Recipe::file("one.bin", 60 * PIECE, PIECE).make();
    let seed = Seed::start(&payload, Script { allowed: 80, ..Script::default() }).await;
    let mut command = download(&lab, &payload, &[seed.addr]);
    command.arg("--no-seed");
    let mut pty = Pty::spawn(command, 140, 30);
    seed.until("a third of it is here", |seen| seen.sent.len() == 80).await;
    let there = lab.path("there");
    ask(&mut pty, &there);
    pty.until_shown("one.bin is in ");
    assert!(pty.is_running(), "it is not complete");
    seed.allow(u64::MAX);
    assert_eq!(pty.ended_within(SOON), 0);
    payload.assert_at(&there);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_there_is_taken_and_what_is_another_s_is_left() {
    let lab = Lab::new();
    let payload = Recipe::files("pack", &[("a.bin", 3 * PIECE), ("b/c.bin", PIECE)], PIECE).make();
    payload.lay_out(&lab.out());
    let mut pty = Pty::spawn(download(&lab, &payload, &[]), 140, 30);
    pty.until_shown("seeding");
    to_the_list(&mut pty);
    let theirs = lab.path("theirs");
    fs::create_dir_all(theirs.join("pack")).unwrap();
    fs::write(theirs.join("pack/a.bin"), b"my diary").unwrap();
    ask(&mut pty, &theirs);
    pty.until_shown("holds no piece of this torrent");
    assert_eq!(fs::read(theirs.join("pack/a.bin")).unwrap(), b"my diary");
    payload.assert_at(&lab.out());
    pty.write(b"\x1b");
    pty.until_gone("move to  ");
    // Somebody moved them by hand.
    let there = lab.path("there");
    fs::create_dir(&there).unwrap();
    fs::rename(lab.out().join("pack"), there.join("pack")).unwrap();
    ask(&mut pty, &there);
    pty.until_shown("2 files were there, and looked at");
    pty.until_shown("✓ seeding");
    payload.assert_at(&there);
    quit(pty);
    assert_eq!(kept(&lab).output, there);
}

/// A folder on another device than a lab's, gone with this.
struct OtherDevice(tempfile::TempDir);

impl OtherDevice {
    /// `None`: there is none here.
    fn than(lab: &Lab) -> Option<Self> {
        let device = |path: &Path| fs::metadata(path).unwrap().dev();
        let other = tempfile::tempdir_in("/dev/shm").ok();
        let other = other.filter(|other| device(other.path()) != device(&lab.path("")));
        assert!(other.is_some() || std::env::var_os("CI").is_none(), "CI has a /dev/shm");
        other.map(Self)
    }

    fn folder(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap().join("there")
    }
}

fn files_in(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

/// Ends a program in the middle of moving files to another file system: some are there, and not all.
fn ended_while_moving(lab: &Lab, there: &Path, end: impl FnOnce(&mut Pty)) -> Arc<Payload> {
    const FILES: usize = 3000;
    let names: Vec<String> = (0..FILES).map(|number| format!("f{number}.bin")).collect();
    let files: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 16_384)).collect();
    let payload = Recipe::files("pack", &files, PIECE).make();
    payload.lay_out(&lab.out());
    let mut pty = Pty::spawn(download(lab, &payload, &[]), 140, 30);
    pty.until_shown("seeding");
    to_the_list(&mut pty);
    ask(&mut pty, there);
    let begun = Instant::now();
    while files_in(&there.join("pack")) < 2 {
        assert!(begun.elapsed() < SOON, "no file came");
        thread::yield_now();
    }
    end(&mut pty);
    // Waits for its end.
    drop(pty);
    let across = files_in(&there.join("pack"));
    assert!((1..FILES).contains(&across), "it ended in the middle: {across}");
    assert_eq!(
        payload.right_at(&lab.out()).len() as u32,
        payload.pieces(),
        "all of it is still where it was"
    );
    assert_eq!(kept(lab).moving_to.as_deref(), Some(there));
    payload
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_two_file_systems_the_next_run_goes_on() {
    let lab = Lab::new();
    let Some(other) = OtherDevice::than(&lab) else {
        return eprintln!("skipped: there is no second device here");
    };
    let there = other.folder();
    let payload = ended_while_moving(&lab, &there, |pty| pty.signal(Signal::KILL));
    let pty = Pty::spawn(ttui(&lab, &["-o", lab.out().to_str().unwrap()]), 140, 30);
    pty.until_shown("pack is in ");
    pty.until_shown("seeding");
    payload.assert_at(&there);
    assert!(!lab.out().join("pack/f0.bin").exists());
    quit(pty);
    assert_eq!((kept(&lab).output, kept(&lab).moving_to), (there, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn left_between_two_file_systems_it_ends_soon_and_the_next_run_goes_on() {
    let lab = Lab::new();
    let Some(other) = OtherDevice::than(&lab) else {
        return eprintln!("skipped: there is no second device here");
    };
    let there = other.folder();
    let payload = ended_while_moving(&lab, &there, |pty| {
        pty.press(key(Action::QuitNow));
        assert_eq!(pty.ended_within(SOON), 0);
    });
    let pty = Pty::spawn(ttui(&lab, &["-o", lab.out().to_str().unwrap()]), 140, 30);
    pty.until_shown("pack is in ");
    payload.assert_at(&there);
    quit(pty);
    assert_eq!((kept(&lab).output, kept(&lab).moving_to), (there, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_two_file_systems_a_run_without_a_screen_goes_on_first() {
    let lab = Lab::new();
    let Some(other) = OtherDevice::than(&lab) else {
        return eprintln!("skipped: there is no second device here");
    };
    let there = other.folder();
    let payload = ended_while_moving(&lab, &there, |pty| pty.signal(Signal::KILL));
    let run = Program::spawn(support::program::command(&lab).arg("--json").arg(lab.torrent(&payload)));
    let ended = run.ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert!(format!("{ended:?}").contains("is on its way to"), "{ended:#?}");
    payload.assert_at(&there);
    assert!(!lab.out().join("pack/f0.bin").exists());
    assert_eq!((kept(&lab).output, kept(&lab).moving_to), (there, None));
}
