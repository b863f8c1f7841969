//! What is asked of a session is kept.

use std::path::PathBuf;

use super::*;
use crate::engine::{Session, SessionOptions, TorrentOptions};
use crate::ledger::{Answer, Standing};
use crate::library::{Entry, Library, Named};
use crate::metainfo::{NewTorrent, Torrent};

/// A session whose wishes are kept.
struct Desk {
    dir: tempfile::TempDir,
    library: Library,
    control: Control,
    _session: Session,
}

impl Desk {
    fn new(resting: Vec<TorrentRow>, dir: tempfile::TempDir) -> Self {
        let state = dir.path().join("state");
        let library = Library::of(&state);
        let options = SessionOptions { state: Some(state), loopback: true, ..SessionOptions::default() };
        let mut session = Session::start(options).unwrap();
        let output = dir.path().canonicalize().unwrap().join("out");
        let shelf = Arc::new(Shelf::new(library.clone(), &output));
        let added = TorrentOptions { output, ..TorrentOptions::default() };
        let mut seconds = 0;
        let now = move || {
            seconds += 1;
            Duration::from_secs(seconds)
        };
        let (control, _) = attend(session.control(added), shelf, resting, now);
        Self { dir, library, control, _session: session }
    }

    fn torrent(&self, name: &str) -> (PathBuf, InfoHash) {
        let (path, file) = (self.dir.path().join(name), file(name));
        std::fs::write(&path, &file).unwrap();
        (path, Torrent::from_bytes(&file).unwrap().info_hash)
    }

    fn ask(&self, wish: SessionCommand) {
        self.control.commands.send(wish).unwrap();
    }

    fn add(&self, ticket: u32, what: What) {
        let addition = Addition { ticket: Some(ticket), what, output: None, paused: false };
        self.ask(SessionCommand::Add(Box::new(addition)));
    }

    async fn until(&mut self, what: &str, mut is: impl FnMut(&Torrents) -> bool) {
        let reached = self.control.torrents.wait_for(|torrents| is(torrents));
        let reached = tokio::time::timeout(Duration::from_secs(20), reached).await;
        assert!(reached.is_ok_and(|reached| reached.is_ok()), "{what}");
    }

    async fn answer(&mut self, ticket: u32) -> Answer {
        let of = |torrents: &Torrents| {
            torrents.answers.iter().find(|answer| answer.ticket == Some(ticket)).cloned()
        };
        self.until("an answer", |torrents| of(torrents).is_some()).await;
        Answer::clone(&of(&self.control.torrents.borrow()).unwrap())
    }

    fn kept(&self) -> Vec<Entry> {
        self.library.list().unwrap().entries
    }
}

fn file(name: &str) -> Vec<u8> {
    NewTorrent::of_file(name, 16_384, &[7; 100]).to_bytes()
}

#[tokio::test]
async fn what_is_added_paused_forgotten_and_brought_back_is_kept_so() {
    let mut desk = Desk::new(Vec::new(), tempfile::tempdir().unwrap());
    let ((path, id), (other, other_id)) = (desk.torrent("it"), desk.torrent("other"));
    desk.add(1, What::File(path.clone()));
    assert_eq!(desk.answer(1).await.torrent, Some(id));
    desk.add(2, What::File(other));
    desk.answer(2).await;
    let names = |desk: &Desk| desk.kept().iter().map(Entry::title).collect::<Vec<_>>();
    assert_eq!(names(&desk), ["it", "other"]);
    assert_eq!(desk.kept()[0].output, desk.dir.path().canonicalize().unwrap().join("out"));
    desk.ask(SessionCommand::To(id, Command::Pause));
    let is_paused = |row: &Arc<TorrentRow>| row.standing == Standing::Paused;
    desk.until("it rests", |torrents| torrents.row(id).is_some_and(is_paused)).await;
    assert!(desk.kept()[0].paused);
    desk.ask(SessionCommand::Earlier(other_id));
    desk.until("it moved", |torrents| torrents.place(other_id) == Some(0)).await;
    assert_eq!(names(&desk), ["other", "it"]);
    desk.ask(SessionCommand::Forget(id));
    desk.until("it is gone", |torrents| torrents.row(id).is_none()).await;
    assert_eq!(names(&desk), ["other"]);
    desk.ask(SessionCommand::Revive);
    desk.until("it is back", |torrents| torrents.row(id).is_some()).await;
    assert_eq!(names(&desk), ["other", "it"]);
    // The same again is no second one.
    desk.add(3, What::File(path));
    assert_eq!(desk.answer(3).await.torrent, Some(id));
    assert_eq!(desk.kept().len(), 2);
    desk.add(4, What::File(desk.dir.path().join("none")));
    assert_eq!(desk.answer(4).await.severity, Severity::Warn);
    let numbers: Vec<u64> = desk.control.torrents.borrow().answers.iter().map(|it| it.number).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
}

#[tokio::test]
async fn what_rests_stands_behind_the_others_and_begins_when_it_is_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let (file, output) = (file("it"), dir.path().join("there"));
    let torrent = Torrent::from_bytes(&file).unwrap();
    let id = torrent.info_hash;
    let library = Library::of(&dir.path().join("state"));
    let named = Named::Torrent(&torrent, &file);
    let mut kept = library.keep(named, Some(&output), &output, Duration::ZERO).unwrap();
    kept.change(|entry| entry.done = true).unwrap();
    let output = kept.entry().output.clone();
    drop(kept);
    let row = TorrentRow::resting(id, "it".to_owned(), output.clone(), Standing::Done);
    let mut desk = Desk::new(vec![row], dir);
    desk.until("it rests", |torrents| torrents.row(id).is_some() && torrents.totals.resting == 1).await;
    desk.ask(SessionCommand::Forget(id));
    desk.until("it is gone", |torrents| torrents.rows.is_empty()).await;
    assert!(desk.kept().is_empty());
    desk.ask(SessionCommand::Revive);
    desk.until("it is back", |torrents| torrents.row(id).is_some()).await;
    assert!(desk.kept()[0].done);
    desk.ask(SessionCommand::To(id, Command::Resume));
    let runs = |row: &Arc<TorrentRow>| row.standing == Standing::Downloading && row.output == output;
    desk.until("it runs", |torrents| torrents.rows.len() == 1 && torrents.row(id).is_some_and(runs)).await;
    assert!(!desk.kept()[0].done);
}
