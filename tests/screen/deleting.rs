//! `X` on the list of torrents: what is deleted, and what stays.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::*;
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
use support::Payload;
use ttui::library::{Entry, Library};

/// Downloads this without a screen.
async fn fetched(lab: &Lab, payload: &Arc<Payload>) {
    let seed = Seed::start(payload, Script::default()).await;
    let ended = support::program::download(lab, payload, &["--peer", &seed.addr.to_string()]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
}

/// `ttui` alone, on its list of torrents.
fn list(lab: &Lab) -> Pty {
    let mut pty = Pty::spawn(ttui(lab, &["-o", lab.out().to_str().unwrap()]), 100, 30);
    pty.until_shown("ttui");
    pty.press(key(Action::Show(Screen::Torrents)));
    pty.until_shown(sign_of(Screen::Torrents));
    pty
}

fn kept(lab: &Lab) -> Vec<String> {
    Library::of(&lab.state()).list().unwrap().entries.iter().map(Entry::title).collect()
}

/// What lies in a folder, folders with a slash behind their names.
fn lying(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut all = Vec::new();
    for entry in entries.map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        match entry.file_type().unwrap().is_dir() {
            true => {
                all.push(format!("{name}/"));
                all.extend(lying(&entry.path()).into_iter().map(|below| format!("{name}/{below}")));
            }
            false => all.push(name),
        }
    }
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_d_deletes_and_only_what_this_program_created() {
    let lab = Lab::new();
    let files = [("a.bin", 3 * PIECE), ("b/c.bin", PIECE), ("b/d.bin", PIECE), ("e/f.bin", PIECE)];
    let payload = Recipe::files("pack", &files, PIECE).make();
    // The first file was there before: adopted, not created.
    let whole = lab.path("whole");
    payload.lay_out(&whole);
    fs::create_dir_all(lab.out().join("pack")).unwrap();
    fs::copy(whole.join("pack/a.bin"), lab.out().join("pack/a.bin")).unwrap();
    fetched(&lab, &payload).await;
    fs::write(lab.out().join("pack/b/mine.txt"), b"precious").unwrap();
    let mut pty = list(&lab);
    pty.until_shown("1 at rest");
    pty.press(key(Action::Delete));
    pty.until_shown("Delete pack?");
    pty.until_shown("d deletes 3 files, 192 KiB, and nothing brings them back.");
    pty.until_shown("pack/b/c.bin");
    pty.until_shown("1 file stays: ttui did not create it");
    // Neither another key nor leaving deletes anything.
    pty.write(b"xX\r");
    pty.press(key(Action::Back));
    pty.until_gone("Delete pack?");
    assert_eq!(lying(&lab.out()).iter().filter(|name| name.ends_with(".bin")).count(), 4);
    pty.press(key(Action::Delete));
    pty.until_shown("d deletes 3 files");
    pty.press(key(Action::DeleteFiles));
    pty.until_shown("Deleted pack: 3 files, 192 KiB.");
    pty.until_shown("No torrents");
    pty.press(key(Action::Quit));
    assert_eq!(pty.ended_within(SOON), 0);
    assert_eq!(lying(&lab.out()), ["pack/", "pack/a.bin", "pack/b/", "pack/b/mine.txt"]);
    assert!(kept(&lab).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_downloading_lets_go_of_its_files_before_they_are_deleted() {
    let lab = Lab::new();
    let payload = Recipe::files("pack", &[("a.bin", 60 * PIECE), ("b/c.bin", 30 * PIECE)], PIECE).make();
    let seed = Seed::start(&payload, Script { bps: 400_000, ..Script::default() }).await;
    let mut pty = Pty::spawn(download(&lab, &payload, &[seed.addr]), 100, 30);
    pty.until_shown("● sending");
    pty.press(key(Action::Show(Screen::Torrents)));
    pty.until_shown(sign_of(Screen::Torrents));
    pty.press(key(Action::Delete));
    pty.until_shown("d deletes 2 files");
    pty.press(key(Action::DeleteFiles));
    pty.until_shown("Deleted pack: 2 files");
    pty.until_shown("No torrents");
    assert_eq!(lying(&lab.out()), Vec::<String>::new());
    pty.press(key(Action::Quit));
    assert_eq!(pty.ended_within(SOON), 0);
    assert!(kept(&lab).is_empty());
    let left = lying(&lab.state());
    let about = payload.info_hash().to_string();
    assert!(!left.iter().any(|name| name.contains(&about)), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_torrent_has_too_stays() {
    let lab = Lab::new();
    let one = Recipe::files("pack", &[("a.bin", PIECE), ("b.bin", PIECE)], PIECE).make();
    fetched(&lab, &one).await;
    // The same files, as another torrent has them.
    let other = Recipe::files("pack", &[("a.bin", PIECE), ("b.bin", PIECE)], PIECE).private().make();
    assert_ne!(one.info_hash(), other.info_hash());
    fetched(&lab, &other).await;
    let mut pty = list(&lab);
    pty.until_shown("2 at rest");
    pty.press(key(Action::Delete));
    pty.until_shown("2 files stay: ttui did not create them, or another torrent has them too.");
    pty.press(key(Action::DeleteFiles));
    pty.until_shown("Forgot pack; nothing of it was to be deleted.");
    pty.until_shown("1 torrent ");
    pty.press(key(Action::Quit));
    assert_eq!(pty.ended_within(SOON), 0);
    assert_eq!(lying(&lab.out()), ["pack/", "pack/a.bin", "pack/b.bin"]);
    assert_eq!(kept(&lab), ["pack"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_ttui_runs_is_not_deleted_here() {
    let lab = Lab::new();
    let payload = Recipe::file("one.bin", 4 * PIECE, PIECE).make();
    fetched(&lab, &payload).await;
    let seeding = support::program::download(&lab, &payload, &["--seed"]);
    seeding.until("it seeds", |line| line["state"] == "seeding").await;
    let mut pty = list(&lab);
    pty.until_shown("elsewhere");
    pty.press(key(Action::Delete));
    pty.until_shown(&format!("it is in another ttui (process {}): delete it there", seeding.pid()));
    pty.press(key(Action::DeleteFiles));
    pty.until_shown("There is nothing to delete here.");
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 0);
    seeding.signal(Signal::TERM);
    assert_eq!(seeding.ended().await.code(), 0);
    payload.assert_at(&lab.out());
    assert_eq!(kept(&lab), ["one.bin"]);
}

/// A folder in which nothing can be deleted, not even by root, until this is dropped.
struct Sealed(fs::File);

impl Sealed {
    /// `None`: this file system has no such folders.
    fn of(folder: &Path) -> Option<Self> {
        let file = fs::File::open(folder).unwrap();
        let flags = ioctl_getflags(&file).ok()?;
        ioctl_setflags(&file, flags | IFlags::IMMUTABLE).ok()?;
        Some(Self(file))
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        let flags = ioctl_getflags(&self.0).unwrap();
        ioctl_setflags(&self.0, flags - IFlags::IMMUTABLE).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_deleted_is_named_and_the_torrent_stays_kept() {
    let lab = Lab::new();
    let payload = Recipe::files("pack", &[("a.bin", PIECE), ("b/c.bin", PIECE)], PIECE).make();
    fetched(&lab, &payload).await;
    let Some(sealed) = Sealed::of(&lab.out().join("pack/b")) else {
        assert!(std::env::var_os("CI").is_none(), "no folder can be made immutable here");
        return eprintln!("skipped: no folder can be made immutable here");
    };
    let mut pty = list(&lab);
    pty.press(key(Action::Delete));
    pty.until_shown("d deletes 2 files");
    pty.press(key(Action::DeleteFiles));
    pty.until_shown("Not all of pack is deleted: ");
    pty.until_shown("c.bin");
    pty.until_shown("1 paused");
    assert_eq!(lying(&lab.out()), ["pack/", "pack/b/", "pack/b/c.bin"]);
    assert_eq!(kept(&lab), ["pack"]);
    drop(sealed);
    pty.press(key(Action::Delete));
    pty.until_shown("d deletes 1 file,");
    pty.press(key(Action::DeleteFiles));
    pty.until_shown("Deleted pack: 1 file,");
    pty.press(key(Action::Quit));
    assert_eq!(pty.ended_within(SOON), 0);
    assert_eq!(lying(&lab.out()), Vec::<String>::new());
}
