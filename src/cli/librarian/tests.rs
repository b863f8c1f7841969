//! What is asked of a session is kept.

use std::path::PathBuf;

use super::*;
use crate::command::{Addition, Stood, What};
use crate::engine::{Give, Session, SessionOptions, TorrentOptions};
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
        Self::giving(resting, dir, Give::default())
    }

    /// The same where this is enough of seeding.
    fn giving(resting: Vec<TorrentRow>, dir: tempfile::TempDir, give: Give) -> Self {
        let state = dir.path().join("state");
        let library = Library::of(&state);
        let options = SessionOptions { state: Some(state), loopback: true, ..SessionOptions::default() };
        let mut session = Session::start(options).unwrap();
        let output = dir.path().canonicalize().unwrap().join("out");
        let shelf = Arc::new(Shelf::new(library.clone(), &output));
        let added = TorrentOptions { output, give, ..TorrentOptions::default() };
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
        let addition =
            Addition { ticket: Some(ticket), what, output: None, paused: false, stood: Stood::default() };
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

impl Desk {
    /// Adds a torrent of which everything is here.
    async fn seed(&mut self, ticket: u32, name: &str) -> InfoHash {
        let (path, id) = self.torrent(name);
        let out = self.dir.path().join("out");
        std::fs::create_dir_all(&out).unwrap();
        std::fs::write(out.join(name), [7; 100]).unwrap();
        self.add(ticket, What::File(path));
        self.until("it seeds", |torrents| stands(torrents, id, &Standing::Seeding)).await;
        id
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn move_to(&self, ticket: u32, id: InfoHash, name: &str) {
        self.ask(SessionCommand::Move { ticket: Some(ticket), id, to: self.folder(name) });
    }
}

fn stands(torrents: &Torrents, id: InfoHash, standing: &Standing) -> bool {
    torrents.row(id).is_some_and(|row| row.standing == *standing)
}

fn is_in(torrents: &Torrents, id: InfoHash, folder: &std::path::Path) -> bool {
    torrents.row(id).is_some_and(|row| row.output == folder)
}

#[tokio::test]
async fn what_is_moved_goes_on_there_at_its_place_and_comes_back() {
    let mut desk = Desk::new(Vec::new(), tempfile::tempdir().unwrap());
    let (first, second) = (desk.seed(1, "first").await, desk.seed(2, "second").await);
    desk.ask(SessionCommand::To(first, Command::LimitOwn { down_bps: None, up_bps: Some(77_000) }));
    desk.ask(SessionCommand::To(first, Command::Pause));
    desk.until("it rests", |torrents| stands(torrents, first, &Standing::Paused)).await;
    let (out, there) = (desk.folder("out"), desk.folder("there"));
    desk.move_to(3, first, "there");
    let is_there =
        |torrents: &Torrents| is_in(torrents, first, &there) && stands(torrents, first, &Standing::Paused);
    desk.until("it is there", is_there).await;
    let moved =
        |torrents: &Torrents| torrents.answers.iter().any(|said| said.text.starts_with("first is in "));
    desk.until("that is said", moved).await;
    let row = desk.control.torrents.borrow().row(first).cloned().unwrap();
    assert_eq!((row.limits, desk.control.torrents.borrow().place(first)), ((None, Some(77_000)), Some(0)));
    assert_eq!(desk.control.torrents.borrow().rows.len(), 2);
    let entry = desk.kept().into_iter().find(|entry| entry.info_hash == first).unwrap();
    assert_eq!((&entry.output, &entry.moving_to, entry.paused), (&there, &None, true));
    assert!(there.join("first").exists() && !out.join("first").exists() && out.join("second").exists());
    desk.ask(SessionCommand::To(first, Command::Resume));
    desk.until("it seeds", |torrents| stands(torrents, first, &Standing::Seeding)).await;
    desk.ask(SessionCommand::MoveBack(first));
    let is_back =
        |torrents: &Torrents| is_in(torrents, first, &out) && stands(torrents, first, &Standing::Seeding);
    desk.until("it is back", is_back).await;
    assert!(out.join("first").exists() && desk.control.torrents.borrow().place(second) == Some(1));
    desk.ask(SessionCommand::MoveBack(first));
    let said =
        |torrents: &Torrents| torrents.answers.iter().any(|said| said.text.contains("no simple way back"));
    desk.until("there is no way back", said).await;
}

#[tokio::test]
async fn what_cannot_be_moved_is_said_and_goes_on_where_it_is() {
    let mut desk = Desk::new(Vec::new(), tempfile::tempdir().unwrap());
    let id = desk.seed(1, "it").await;
    let out = desk.folder("out");
    desk.move_to(2, id, "out");
    let refused = desk.answer(2).await;
    assert_eq!((refused.severity, refused.torrent), (Severity::Warn, Some(id)));
    assert_eq!(refused.text, format!("Not moved: its files are in {} already.", out.display()));
    desk.move_to(3, id, "out/it/below");
    assert!(desk.answer(3).await.text.ends_with("something on the way is not a folder."));
    std::fs::create_dir_all(desk.folder("there")).unwrap();
    std::fs::write(desk.folder("there/it"), b"my diary").unwrap();
    desk.move_to(4, id, "there");
    assert!(desk.answer(4).await.text.contains("holds no piece of this torrent"));
    assert!(stands(&desk.control.torrents.borrow(), id, &Standing::Seeding));
    assert_eq!(std::fs::read(desk.folder("there/it")).unwrap(), b"my diary");
    assert_eq!((desk.kept()[0].output.clone(), desk.kept()[0].moving_to.clone()), (out, None));
}

#[tokio::test]
async fn what_rests_is_moved_and_rests_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = file("it");
    let torrent = Torrent::from_bytes(&file).unwrap();
    let id = torrent.info_hash;
    let library = Library::of(&dir.path().join("state"));
    let output = dir.path().canonicalize().unwrap().join("out");
    std::fs::create_dir(&output).unwrap();
    std::fs::write(output.join("it"), [7; 100]).unwrap();
    let named = Named::Torrent(&torrent, &file);
    let mut kept = library.keep(named, Some(&output), &output, Duration::ZERO).unwrap();
    kept.change(|entry| (entry.done, entry.totals.seeded_s) = (true, 90)).unwrap();
    drop(kept);
    let row = TorrentRow::resting(id, "it".to_owned(), output.clone(), Standing::Done);
    let mut desk = Desk::new(vec![row], dir);
    desk.move_to(1, id, "there");
    let there = desk.folder("there");
    let rests = |torrents: &Torrents| is_in(torrents, id, &there) && stands(torrents, id, &Standing::Done);
    desk.until("it rests there", rests).await;
    assert!(there.join("it").exists() && !output.join("it").exists());
    assert!(desk.kept()[0].done && desk.kept()[0].output == there);
    desk.ask(SessionCommand::To(id, Command::Resume));
    desk.until("it seeds", |torrents| stands(torrents, id, &Standing::Seeding)).await;
}

#[tokio::test]
async fn what_an_earlier_run_left_on_its_way_is_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let file = file("it");
    let torrent = Torrent::from_bytes(&file).unwrap();
    let id = torrent.info_hash;
    let library = Library::of(&dir.path().join("state"));
    let root = dir.path().canonicalize().unwrap();
    let (output, there) = (root.join("out"), root.join("there"));
    std::fs::create_dir(&output).unwrap();
    std::fs::write(output.join("it"), [7; 100]).unwrap();
    let named = Named::Torrent(&torrent, &file);
    let mut kept = library.keep(named, Some(&output), &output, Duration::ZERO).unwrap();
    kept.change(|entry| entry.moving_to = Some(there.clone())).unwrap();
    drop(kept);
    let row = TorrentRow::resting(id, "it".to_owned(), output.clone(), Standing::Moving { percent: 0 });
    let mut desk = Desk::new(vec![row], dir);
    let is_there =
        |torrents: &Torrents| is_in(torrents, id, &there) && stands(torrents, id, &Standing::Seeding);
    desk.until("it seeds there", is_there).await;
    assert!(there.join("it").exists() && !output.join("it").exists());
    assert_eq!((desk.kept()[0].output.clone(), desk.kept()[0].moving_to.clone()), (there, None));
}

#[tokio::test]
async fn what_rested_has_seeded_for_as_long_as_in_the_runs_before() {
    for (seeded_s, standing) in [(90, Standing::Done), (30, Standing::Seeding)] {
        let dir = tempfile::tempdir().unwrap();
        let file = file("it");
        let torrent = Torrent::from_bytes(&file).unwrap();
        let id = torrent.info_hash;
        let output = dir.path().canonicalize().unwrap().join("out");
        std::fs::create_dir(&output).unwrap();
        std::fs::write(output.join("it"), [7; 100]).unwrap();
        let library = Library::of(&dir.path().join("state"));
        let named = Named::Torrent(&torrent, &file);
        let mut kept = library.keep(named, Some(&output), &output, Duration::ZERO).unwrap();
        kept.change(|entry| (entry.done, entry.totals.seeded_s) = (true, seeded_s)).unwrap();
        drop(kept);
        let row = TorrentRow::resting(id, "it".to_owned(), output, Standing::Paused);
        let give = Give { ratio: None, time: Some(Duration::from_secs(60)) };
        let mut desk = Desk::giving(vec![row], dir, give);
        desk.ask(SessionCommand::To(id, Command::Resume));
        desk.until("it seeds, or did", |torrents| stands(torrents, id, &standing)).await;
    }
}
