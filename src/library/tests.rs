//! A library in a folder of its own.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::metainfo::NewTorrent;
use crate::storage::{Record, ResumeFile};

pub(super) struct Lab {
    dir: tempfile::TempDir,
    pub(super) library: Library,
}

impl Lab {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let library = Library::of(&dir.path().join("state"));
        Self { dir, library }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    /// Names a torrent, with a folder or without.
    pub(super) fn keep(&self, name: &str, output: Option<&str>, at_s: u64) -> Result<Kept, LibraryError> {
        let file = file(name);
        let torrent = Torrent::from_bytes(&file).unwrap();
        let output = output.map(|output| self.path(output));
        let now = Duration::from_secs(at_s);
        self.library.keep(Named::Torrent(&torrent, &file), output.as_deref(), &self.path("usual"), now)
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.library.list().unwrap().entries.iter().map(Entry::title).collect()
    }

    pub(super) fn files(&self) -> Vec<String> {
        let found = fs::read_dir(&self.library.folder).unwrap();
        let mut names: Vec<String> =
            found.map(|found| found.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub(super) fn file(name: &str) -> Vec<u8> {
    NewTorrent::of_files(name, 16_384, &[("x", &[7; 10][..])]).to_bytes()
}

pub(super) fn hash(name: &str) -> InfoHash {
    Torrent::from_bytes(&file(name)).unwrap().info_hash
}

#[test]
fn what_was_named_is_kept_in_its_order_with_all_that_it_runs_from() {
    let lab = Lab::new();
    assert!(lab.names().is_empty(), "no folder is no error");
    drop(lab.keep("late", None, 20).unwrap());
    drop(lab.keep("early", Some("there"), 10).unwrap());
    lab.library.sync().unwrap();
    assert_eq!(lab.names(), ["early", "late"]);
    let listing = lab.library.list().unwrap();
    let [early, late] = &listing.entries[..] else { panic!("{listing:?}") };
    assert_eq!((&early.output, &late.output), (&lab.path("there"), &lab.path("usual")));
    assert_eq!((early.added_s, early.totals.total_bytes), (10, Some(10)));
    let Source::Torrent(torrent) = lab.library.source(early).unwrap() else { panic!("it was a file") };
    assert_eq!(torrent.info_hash, early.info_hash);
}

#[test]
fn named_again_it_goes_on_where_it_is_and_in_no_other_folder() {
    let lab = Lab::new();
    let mut kept = lab.keep("it", Some("there"), 10).unwrap();
    kept.change(|entry| (entry.paused, entry.done) = (true, true)).unwrap();
    assert!(lab.library.list().unwrap().entries[0].done);
    drop(kept);
    let refused = lab.keep("it", Some("elsewhere"), 11).unwrap_err();
    let (there, elsewhere) = (lab.path("there"), lab.path("elsewhere"));
    let told = format!("it is kept in {}, and -o names {}: ", there.display(), elsewhere.display());
    assert!(refused.to_string().starts_with(&told), "{refused}");
    for output in [None, Some("there"), Some("./there")] {
        let kept = lab.keep("it", output, 12).unwrap();
        let Entry { paused, done, added_s, output, .. } = kept.entry();
        assert_eq!((paused, done, added_s, output), (&false, &false, &10, &there));
    }
    assert_eq!(lab.names().len(), 1, "once");
}

#[test]
fn what_another_process_runs_is_neither_taken_nor_named() {
    let lab = Lab::new();
    let kept = lab.keep("it", None, 1).unwrap();
    // A lock keeps others of the same process off, too.
    let elsewhere = LibraryError::Elsewhere { name: "it".to_owned(), process: Some(std::process::id()) };
    assert_eq!(lab.keep("it", None, 2).unwrap_err(), elsewhere);
    let listing = lab.library.list().unwrap();
    assert_eq!(lab.library.take(&listing.entries[0]).unwrap_err(), elsewhere);
    drop(kept);
    lab.library.take(&listing.entries[0]).unwrap();
}

#[test]
fn a_magnet_is_kept_by_its_link_until_and_after_its_metadata_come() {
    let lab = Lab::new();
    let file = file("it");
    let link = format!("magnet:?xt=urn:btih:{}&tr=http%3A%2F%2Ft.example%2Fkey", hash("it"));
    let magnet: Magnet = link.parse().unwrap();
    let keep = || lab.library.keep(Named::Magnet(&magnet), None, &lab.path("out"), Duration::ZERO).unwrap();
    let kept = keep();
    assert_eq!(kept.entry().title(), format!("magnet {}…", &hash("it").to_string()[..8]));
    assert_eq!(lab.library.source(kept.entry()), Ok(Source::Magnet(Box::new(magnet.clone()))));
    keep_metadata(&lab.library.state, hash("it"), &file).unwrap();
    drop(kept);
    // The session finds the metadata by the link's info-hash.
    assert_eq!(lab.library.source(keep().entry()), Ok(Source::Magnet(Box::new(magnet))));
    // Named by its file, it goes on with that.
    assert_eq!(lab.keep("it", None, 5).unwrap().entry().name.as_deref(), Some("it"));
}

#[test]
fn what_is_cut_damaged_newer_or_no_entry_is_named_and_left_alone() {
    let lab = Lab::new();
    for name in ["cut", "damaged", "newer", "good"] {
        drop(lab.keep(name, None, 1).unwrap());
    }
    let path = |name| lab.library.path(hash(name), ENTRY);
    let change = |name, change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        fs::write(path(name), change(fs::read(path(name)).unwrap())).unwrap();
    };
    change("cut", &|bytes| bytes[..50].to_vec());
    change("damaged", &|mut bytes| {
        bytes[90] ^= 1;
        bytes
    });
    change("newer", &|bytes| [b"ttui torrent 7 ", &bytes[15..]].concat());
    fs::write(lab.library.folder.join("something else"), b"").unwrap();
    fs::create_dir(lab.library.path(InfoHash([3; 20]), ENTRY)).unwrap();
    let before: Vec<Vec<u8>> = ["cut", "damaged", "newer"].map(|name| fs::read(path(name)).unwrap()).into();
    let listing = lab.library.list().unwrap();
    assert_eq!(lab.names(), ["good"]);
    let mut lines: Vec<String> = listing.unusable.iter().map(ToString::to_string).collect();
    lines.sort();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    for (name, why) in
        [("cut", "cut short"), ("damaged", "damaged"), ("newer", "newer version of ttui (format 7")]
    {
        let named = path(name).display().to_string();
        assert!(lines.iter().any(|line| line.contains(&named) && line.contains(why)), "{name}: {lines:#?}");
        assert!(matches!(lab.keep(name, None, 2), Err(LibraryError::Entry { .. })), "{name}");
    }
    let after: Vec<Vec<u8>> = ["cut", "damaged", "newer"].map(|name| fs::read(path(name)).unwrap()).into();
    assert_eq!(before, after);
}

#[test]
fn a_torrent_file_that_is_gone_or_another_is_named() {
    let lab = Lab::new();
    let kept = lab.keep("it", None, 1).unwrap();
    let path = lab.library.path(hash("it"), TORRENT);
    fs::write(&path, file("another")).unwrap();
    let refused = lab.library.source(kept.entry()).unwrap_err().to_string();
    assert!(refused.contains(&hash("another").to_string()), "{refused}");
    fs::remove_file(&path).unwrap();
    let refused = lab.library.source(kept.entry()).unwrap_err().to_string();
    assert!(refused.starts_with("it is kept, but not its torrent: "), "{refused}");
}

#[test]
fn what_is_forgotten_comes_back_until_it_is_for_good() {
    let lab = Lab::new();
    let kept = lab.keep("it", None, 1).unwrap();
    let entry = kept.entry().clone();
    let output = &entry.output;
    fs::create_dir(output).unwrap();
    let (resume, _) = ResumeFile::open(&lab.library.state, hash("it"), output).unwrap();
    resume.save(&Record::new(hash("it"), 1, 1)).unwrap();
    let path = resume.path().to_owned();
    drop(resume);
    let forgotten = kept.forget().unwrap();
    assert!(lab.names().is_empty() && path.exists());
    assert_eq!(lab.files().len(), 3, "who lists it leaves to us what we may still want");
    let kept = forgotten.revive().unwrap();
    assert_eq!((kept.entry(), lab.names().len()), (&entry, 1));
    kept.forget().unwrap().for_good().unwrap();
    assert!(lab.files().is_empty() && !path.exists(), "{:?}", lab.files());
    assert_eq!(fs::read_dir(&lab.library.state).unwrap().count(), 1, "the folder of entries");
    assert!(output.exists(), "its data stay");
}

#[test]
fn what_was_forgotten_when_the_power_failed_is_removed_by_the_next_run() {
    let lab = Lab::new();
    drop(lab.keep("it", None, 1).unwrap().forget().unwrap());
    assert!(lab.names().is_empty());
    assert!(lab.files().is_empty(), "{:?}", lab.files());
}

#[test]
fn downloads_of_an_earlier_version_wait_until_they_are_named() {
    let lab = Lab::new();
    let state = &lab.library.state;
    let waiting = || lab.library.waiting();
    assert_eq!(waiting(), 0);
    for (name, folder) in [("one", "a"), ("two", "a"), ("two", "b")] {
        let (resume, _) = ResumeFile::open(state, hash(name), Path::new(folder)).unwrap();
        resume.save(&Record::new(hash(name), 1, 1)).unwrap();
    }
    fs::write(state.join("nonsense.resume"), b"").unwrap();
    assert_eq!(waiting(), 3);
    drop(lab.keep("two", None, 1).unwrap());
    assert_eq!(waiting(), 1);
}

#[test]
fn where_nothing_can_be_written_that_is_said_and_changes_wait_for_the_next() {
    let lab = Lab::new();
    fs::create_dir(lab.dir.path().join("state")).unwrap();
    fs::write(&lab.library.folder, b"no folder").unwrap();
    assert!(matches!(lab.keep("it", None, 1), Err(LibraryError::Storage(_))));
    assert!(matches!(lab.library.list(), Err(LibraryError::Storage(_))));
    fs::remove_file(&lab.library.folder).unwrap();
    let mut kept = lab.keep("it", None, 1).unwrap();
    let in_the_way = lab.library.folder.join(format!("{}.entry.new", hash("it")));
    fs::create_dir(&in_the_way).unwrap();
    assert!(kept.change(|entry| entry.paused = true).is_err());
    assert!(!lab.library.list().unwrap().entries[0].paused);
    fs::remove_dir(&in_the_way).unwrap();
    kept.change(|entry| entry.done = true).unwrap();
    let entry = &lab.library.list().unwrap().entries[0];
    assert!(entry.paused && entry.done);
}
