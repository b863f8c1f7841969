//! Keeps what is asked of a session: stands between those who ask and the session, and tells of kept torrents that rest.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;

use crate::command::{Addition, Command, SessionCommand, What};
use crate::engine::Control;
use crate::event::Severity;
use crate::ledger::{Answer, TorrentRow, Torrents, Totals};
use crate::library::{LibraryError, Named, Shelf, Source};
use crate::metainfo::{InfoHash, Torrent, TorrentError};
use crate::storage::StorageError;

/// Answers of its own that are told: more than can come between two looks.
const MOST_ANSWERS: usize = 64;

/// A torrent file that was read for an addition.
type Read = (Box<Addition>, Result<(Torrent, Vec<u8>), TorrentError>);

/// Begins to keep what is asked of a session, `now` being the time since 1970; torrents that rest stand behind its own. Must
/// be called inside a tokio runtime.
#[must_use]
pub fn attend(
    control: Control,
    shelf: Arc<Shelf>,
    resting: Vec<TorrentRow>,
    now: impl FnMut() -> Duration + Send + 'static,
) -> Control {
    let Control { torrents, view, commands } = control;
    let (asked, wishes) = mpsc::unbounded_channel();
    let (told, all) = watch::channel(Arc::clone(&torrents.borrow()));
    let librarian = Librarian {
        shelf,
        resting: resting.into_iter().map(Arc::new).collect(),
        forgotten: Vec::new(),
        answers: Vec::new(),
        numbers: Numbers::default(),
        now: Box::new(now),
        torrents,
        told,
        commands,
        read: mpsc::unbounded_channel(),
    };
    tokio::spawn(librarian.run(wishes));
    Control { torrents: all, view, commands: asked }
}

struct Librarian {
    shelf: Arc<Shelf>,
    /// Those that are kept and do not run.
    resting: Vec<Arc<TorrentRow>>,
    /// What was forgotten, the last last; with its row where it rested.
    forgotten: Vec<(InfoHash, Option<Arc<TorrentRow>>)>,
    /// The last answers of the session and its own.
    answers: Vec<Arc<Answer>>,
    numbers: Numbers,
    now: Box<dyn FnMut() -> Duration + Send>,
    torrents: watch::Receiver<Arc<Torrents>>,
    told: watch::Sender<Arc<Torrents>>,
    commands: mpsc::UnboundedSender<SessionCommand>,
    read: (mpsc::UnboundedSender<Read>, mpsc::UnboundedReceiver<Read>),
}

/// Counts answers.
#[derive(Clone, Copy, Default)]
struct Numbers {
    /// How many were told.
    told: u64,
    /// The last of the session's among them, by its own count.
    of_session: u64,
}

impl Librarian {
    async fn run(mut self, mut wishes: mpsc::UnboundedReceiver<SessionCommand>) {
        self.tell();
        loop {
            tokio::select! {
                wish = wishes.recv() => {
                    let Some(wish) = wish else { break };
                    self.carry_out(wish);
                }
                Some((addition, read)) = self.read.1.recv() => self.add_read(*addition, read),
                changed = self.torrents.changed() => {
                    if changed.is_err() {
                        break;
                    }
                }
            }
            self.tell();
        }
    }

    /// Tells of the session's torrents, and of those that rest.
    fn tell(&mut self) {
        let torrents = Arc::clone(&self.torrents.borrow_and_update());
        for answer in &torrents.answers {
            if answer.number > self.numbers.of_session {
                self.numbers.of_session = answer.number;
                self.answer(Answer::clone(answer));
            }
        }
        // What was begun after all has a row of its own.
        self.resting.retain(|row| torrents.row(row.id).is_none());
        let rows: Vec<_> = torrents.rows.iter().chain(&self.resting).cloned().collect();
        let totals = Totals::of(&rows);
        let answers = self.answers.clone();
        let (at, port, limits) = (torrents.at, torrents.port, torrents.limits);
        self.told.send_replace(Arc::new(Torrents { at, rows, port, limits, totals, answers }));
    }

    fn answer(&mut self, answer: Answer) {
        self.numbers.told += 1;
        if self.answers.len() == MOST_ANSWERS {
            self.answers.remove(0);
        }
        self.answers.push(Arc::new(Answer { number: self.numbers.told, ..answer }));
    }

    /// Says why something is not done, or not kept.
    fn refuse(&mut self, ticket: Option<u32>, torrent: Option<InfoHash>, text: String) {
        let at = self.torrents.borrow().at;
        self.answer(Answer { number: 0, at, ticket, torrent, severity: Severity::Warn, text });
    }

    fn pass_on(&self, wish: SessionCommand) {
        // A session that is over has nothing to do any more.
        let _ = self.commands.send(wish);
    }

    fn carry_out(&mut self, wish: SessionCommand) {
        match &wish {
            SessionCommand::Add(addition) => {
                let addition = addition.clone();
                return self.add(addition);
            }
            SessionCommand::To(id, Command::Resume) if self.resume(*id) => return,
            SessionCommand::To(id, Command::Pause) => self.pause(*id, true),
            SessionCommand::ToAll(Command::Pause) => self.pause_all(true),
            SessionCommand::ToAll(Command::Resume) => self.pause_all(false),
            SessionCommand::Forget(id) if self.forget(*id) => return,
            SessionCommand::Revive if self.revive() => return,
            SessionCommand::Earlier(id) => self.swap(*id, true),
            SessionCommand::Later(id) => self.swap(*id, false),
            _ => {}
        }
        self.pass_on(wish);
    }

    fn add(&mut self, addition: Box<Addition>) {
        match &addition.what {
            What::File(path) => {
                let (path, to) = (path.clone(), self.read.0.clone());
                tokio::spawn(async move {
                    let read = spawn_blocking(move || Torrent::with_bytes(path)).await;
                    // A thread that panicked has said so; and nobody listens only when the run is over.
                    if let Ok(read) = read {
                        let _ = to.send((addition, read));
                    }
                });
            }
            What::Magnet(magnet) => {
                let magnet = magnet.clone();
                self.keep(addition, Named::Magnet(&magnet));
            }
            What::Torrent(_) => self.pass_on(SessionCommand::Add(addition)),
        }
    }

    fn add_read(&mut self, addition: Addition, read: Result<(Torrent, Vec<u8>), TorrentError>) {
        match read {
            Ok((torrent, file)) => {
                let torrent = Arc::new(torrent);
                let what = What::Torrent(Arc::clone(&torrent));
                self.keep(Box::new(Addition { what, ..addition }), Named::Torrent(&torrent, &file));
            }
            Err(error) => self.refuse(Some(addition.ticket), None, error.to_string()),
        }
    }

    /// Keeps what is to be added, and has it added.
    fn keep(&mut self, mut addition: Box<Addition>, named: Named<'_>) {
        let (id, ticket) = (named.info_hash(), Some(addition.ticket));
        // The session says that it is there.
        if self.shelf.entry(id).is_none() {
            match self.shelf.keep(named, addition.output.as_deref(), (self.now)()) {
                Ok(output) => {
                    addition.output = Some(output);
                    let paused = addition.paused;
                    self.write(|shelf| shelf.change(id, |entry| entry.paused = paused));
                }
                Err(error @ (LibraryError::Elsewhere { .. } | LibraryError::OtherFolder { .. })) => {
                    return self.refuse(ticket, Some(id), error.to_string());
                }
                Err(error) => self.refuse(None, Some(id), format!("It is not kept: {error}")),
            }
        }
        self.pass_on(SessionCommand::Add(addition));
    }

    /// Begins one that rests; whether it did.
    fn resume(&mut self, id: InfoHash) -> bool {
        if !self.rests(id) {
            self.pause(id, false);
            return false;
        }
        match self.shelf.begin(id) {
            Ok((from, output)) => {
                self.write(|shelf| shelf.change(id, |entry| (entry.paused, entry.done) = (false, false)));
                let what = match from {
                    Source::Torrent(torrent) => What::Torrent(Arc::from(torrent)),
                    Source::Magnet(magnet) => What::Magnet(magnet),
                };
                let addition = Addition { ticket: 0, what, output: Some(output), paused: false };
                self.pass_on(SessionCommand::Add(Box::new(addition)));
            }
            Err(error) => self.refuse(None, Some(id), error.to_string()),
        }
        true
    }

    fn rests(&self, id: InfoHash) -> bool {
        self.resting.iter().any(|row| row.id == id)
    }

    fn pause(&mut self, id: InfoHash, paused: bool) {
        self.write(|shelf| shelf.change(id, |entry| entry.paused = paused));
    }

    fn pause_all(&mut self, paused: bool) {
        let all: Vec<InfoHash> = self.torrents.borrow().rows.iter().map(|row| row.id).collect();
        all.into_iter().for_each(|id| self.pause(id, paused));
    }

    /// Forgets one; whether the session has nothing to do for that.
    fn forget(&mut self, id: InfoHash) -> bool {
        let at = self.resting.iter().position(|row| row.id == id);
        let Some(at) = at else {
            self.write(|shelf| shelf.forget(id));
            self.forgotten.push((id, None));
            return false;
        };
        if let Err(error) = self.shelf.begin(id) {
            self.refuse(None, Some(id), error.to_string());
            return true;
        }
        self.write(|shelf| shelf.forget(id));
        let row = self.resting.remove(at);
        self.forgotten.push((id, Some(row)));
        true
    }

    /// Brings back what was forgotten last; whether the session has nothing to do for that.
    fn revive(&mut self) -> bool {
        let Some((id, rested)) = self.forgotten.pop() else { return false };
        self.write(|shelf| shelf.revive(id));
        self.resting.extend(rested.clone());
        rested.is_some()
    }

    fn swap(&mut self, id: InfoHash, earlier: bool) {
        let other = {
            let torrents = self.torrents.borrow();
            let place = torrents.place(id);
            let other = place.and_then(|at| if earlier { at.checked_sub(1) } else { Some(at + 1) });
            other.and_then(|at| torrents.rows.get(at)).map(|row| row.id)
        };
        if let Some(other) = other {
            self.write(|shelf| shelf.swap(id, other));
        }
    }

    /// Changes what is kept, and says where that cannot be written.
    fn write(&mut self, change: impl FnOnce(&Shelf) -> Result<(), StorageError>) {
        if let Err(error) = change(&self.shelf) {
            self.refuse(None, None, format!("That is not kept: {error}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::engine::{Session, SessionOptions, TorrentOptions};
    use crate::ledger::Standing;
    use crate::library::{Entry, Library};
    use crate::metainfo::NewTorrent;

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
            let control = attend(session.control(added), shelf, resting, now);
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
            let addition = Addition { ticket, what, output: None, paused: false };
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
        desk.until("it runs", |torrents| torrents.rows.len() == 1 && torrents.row(id).is_some_and(runs))
            .await;
        assert!(!desk.kept()[0].done);
    }
}
