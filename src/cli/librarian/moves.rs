//! Moving the files of torrents to other folders: looked at before, once the torrent has closed them, one after the other.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::Librarian;
use crate::command::{Command, SessionCommand};
use crate::event::Severity;
use crate::ledger::{Standing, TorrentRow};
use crate::library::{Entry, LibraryError};
use crate::metainfo::InfoHash;
use crate::storage::{Relocated, without_links};
use crate::{text, units};

/// The most of a folder that is told, characters.
const MOST_FOLDER_CHARS: usize = 300;

/// Torrents that are being moved, and those that can be moved back.
pub(super) struct Moves {
    /// In the order in which they were asked for.
    all: Vec<Move>,
    /// Where those were that were moved last, and left nothing behind.
    from: BTreeMap<InfoHash, PathBuf>,
    /// Set when the run ends: what is under way is gone on with by the next.
    cancel: Arc<AtomicBool>,
    to: mpsc::UnboundedSender<Step>,
    steps: mpsc::UnboundedReceiver<Step>,
}

/// A torrent on its way.
struct Move {
    ticket: Option<u32>,
    to: PathBuf,
    /// What it was before, and its place among those that run; `None`: it rested.
    row: Arc<TorrentRow>,
    place: Option<usize>,
    stage: Stage,
    /// The user takes a move back.
    is_back: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// It is looked whether it can be; the torrent goes on.
    Looking,
    /// The torrent closes its files, or waits for those before it.
    Waiting,
    Moving {
        percent: u8,
    },
    /// It is there, or not, and about to go on.
    GoingOn,
}

/// What was done on the disk.
pub(super) enum Step {
    LookedAt(InfoHash, Result<(), LibraryError>),
    Went(InfoHash, u8),
    Moved(InfoHash, Result<Option<Relocated>, LibraryError>),
}

impl Moves {
    pub(super) fn new() -> Self {
        let (to, steps) = mpsc::unbounded_channel();
        Self { all: Vec::new(), from: BTreeMap::new(), cancel: Arc::default(), to, steps }
    }

    /// Whether files are being moved.
    pub(super) fn are_under_way(&self) -> bool {
        self.all.iter().any(|it| matches!(it.stage, Stage::Moving { .. }))
    }

    /// Stops what is under way.
    pub(super) fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// Waits until something was done on the disk.
    pub(super) async fn next(&mut self) -> Option<Step> {
        self.steps.recv().await
    }

    /// The folder that this torrent is on its way to, for people.
    pub(super) fn where_to(&self, id: InfoHash) -> Option<String> {
        self.of(id).map(|it| text::clean(&it.to.to_string_lossy(), MOST_FOLDER_CHARS))
    }

    /// The way of this torrent.
    fn of(&self, id: InfoHash) -> Option<&Move> {
        self.all.iter().find(|it| it.row.id == id)
    }

    fn find(&mut self, id: InfoHash) -> Option<&mut Move> {
        self.all.iter_mut().find(|it| it.row.id == id)
    }

    fn take(&mut self, id: InfoHash) -> Option<Move> {
        let at = self.all.iter().position(|it| it.row.id == id)?;
        Some(self.all.remove(at))
    }

    /// Has those stand among the rows that have no other now, where they stood.
    pub(super) fn stand_among(&mut self, rows: &mut Vec<Arc<TorrentRow>>) {
        let stands = |it: &Move| rows.iter().any(|row| row.id == it.row.id);
        self.all.retain(|it| it.stage != Stage::GoingOn || !stands(it));
        let mut without: Vec<&Move> = self.all.iter().filter(|it| !stands(it)).collect();
        without.sort_by_key(|it| it.place.unwrap_or(usize::MAX));
        for it in without {
            let standing = match it.stage {
                Stage::Moving { percent } => Standing::Moving { percent },
                Stage::Looking | Stage::Waiting => Standing::Moving { percent: 0 },
                Stage::GoingOn => Standing::Opening,
            };
            let at = it.place.unwrap_or(usize::MAX).min(rows.len());
            rows.insert(at, Arc::new(it.row.at_rest(standing)));
        }
    }
}

impl Librarian {
    /// Goes on with what an earlier run left on its way.
    pub(super) fn go_on_moving(&mut self) {
        let left = self.resting.extract_if(.., |row| matches!(row.standing, Standing::Moving { .. }));
        for row in left.collect::<Vec<_>>() {
            let id = row.id;
            match self.shelf.begin(id).map(|_| self.shelf.entry(id)) {
                Ok(Some(Entry { moving_to: Some(to), done, .. })) => {
                    let place = (!done).then_some(usize::MAX);
                    let row = if done { Arc::new(row.at_rest(Standing::Done)) } else { row };
                    let stage = Stage::Waiting;
                    self.moves.all.push(Move { ticket: None, to, row, place, stage, is_back: false });
                }
                Ok(_) => {}
                Err(error) => self.stay_torn(&row, &error.to_string()),
            }
        }
    }

    /// Looks whether a torrent can be moved, and moves it then.
    pub(super) fn move_to(&mut self, ticket: Option<u32>, id: InfoHash, to: PathBuf, is_back: bool) {
        let running = self.torrents.borrow().row(id).cloned();
        let row = running.clone().or_else(|| self.resting.iter().find(|row| row.id == id).cloned());
        let Some(row) = row else { return };
        if let Standing::Elsewhere { process } = row.standing {
            let text = format!("It is in another ttui (process {process}): move it there.");
            return self.refuse(ticket, Some(id), text);
        }
        if running.is_none()
            && let Err(error) = self.shelf.begin(id)
        {
            return self.refuse(ticket, Some(id), error.to_string());
        }
        // One that was left on its way goes on once it is there.
        let is_left = |entry: Entry| entry.moving_to.is_some() && !entry.done;
        let last = self.shelf.entry(id).is_some_and(is_left).then_some(usize::MAX);
        let place = self.torrents.borrow().place(id).or(last);
        let to = without_links(&to);
        self.moves.all.push(Move { ticket, to: to.clone(), row, place, stage: Stage::Looking, is_back });
        let (shelf, steps) = (Arc::clone(&self.shelf), self.moves.to.clone());
        let cancel = Arc::clone(&self.moves.cancel);
        spawn_blocking(move || {
            let looked_at = shelf.check_move(id, &to, &cancel);
            // Nobody listens only when the run is over.
            let _ = steps.send(Step::LookedAt(id, looked_at));
        });
    }

    /// Moves one back that was moved last.
    pub(super) fn move_back(&mut self, id: InfoHash) {
        match self.moves.from.remove(&id) {
            Some(from) => self.move_to(None, id, from, true),
            None => self.refuse(None, Some(id), "There is no simple way back.".to_owned()),
        }
    }

    /// What is asked of a torrent that is on its way; whether nothing else is to be done for that.
    pub(super) fn asks_of_moving(&mut self, wish: &SessionCommand) -> bool {
        let id = match wish {
            SessionCommand::To(id, _) | SessionCommand::Forget(id) | SessionCommand::Delete(id) => *id,
            SessionCommand::Move { id, .. } | SessionCommand::MoveBack(id) => *id,
            _ => return false,
        };
        let Some(stands) = self.moves.of(id).map(|it| it.stage != Stage::Looking) else { return false };
        let to = self.moves.where_to(id).unwrap_or_default();
        match wish {
            SessionCommand::To(..) if !stands => return false,
            SessionCommand::To(_, Command::Pause) => self.pause(id, true),
            SessionCommand::To(_, Command::Resume) => self.pause(id, false),
            SessionCommand::To(_, Command::LimitOwn { down_bps, up_bps }) => {
                let limits = (*down_bps, *up_bps);
                self.write(|shelf| shelf.change(id, |entry| (entry.down_bps, entry.up_bps) = limits));
            }
            SessionCommand::Move { ticket, .. } => {
                self.refuse(*ticket, Some(id), format!("It is on its way to {to}: wait until it is there."));
            }
            _ => self.refuse(None, Some(id), format!("It is on its way to {to}: wait until it is there.")),
        }
        true
    }

    /// Takes in what was done on the disk.
    pub(super) fn take_step(&mut self, step: Step) {
        match step {
            Step::LookedAt(id, Ok(())) => self.let_go(id),
            Step::LookedAt(id, Err(error)) => {
                let ticket = self.moves.take(id).and_then(|it| it.ticket);
                self.refuse(ticket, Some(id), format!("Not moved: {error}."));
            }
            Step::Went(id, percent) => {
                self.moves.find(id).into_iter().for_each(|it| it.stage = Stage::Moving { percent });
            }
            Step::Moved(id, moved) => self.moved(id, moved),
        }
    }

    /// Has the torrent close its files.
    fn let_go(&mut self, id: InfoHash) {
        let Some(it) = self.moves.find(id) else { return };
        it.stage = Stage::Waiting;
        let running = self.torrents.borrow().row(id).cloned();
        match running {
            Some(row) => {
                (it.place, it.row) = (self.torrents.borrow().place(id), row);
                self.pass_on(SessionCommand::Release(id));
            }
            None => {
                let at = self.resting.iter().position(|row| row.id == id);
                match at {
                    Some(at) => _ = self.resting.remove(at),
                    // It was forgotten meanwhile.
                    None => _ = self.moves.take(id),
                }
            }
        }
    }

    /// Moves the next whose files are closed.
    pub(super) fn move_released(&mut self) {
        if self.moves.are_under_way() || self.moves.cancel.load(Ordering::Relaxed) {
            return;
        }
        let next = {
            let torrents = self.torrents.borrow();
            let has_files = |id| torrents.row(id).is_some() || torrents.leaving.contains(&id);
            self.moves.all.iter_mut().find(|it| it.stage == Stage::Waiting && !has_files(it.row.id))
        };
        let Some(it) = next else { return };
        it.stage = Stage::Moving { percent: 0 };
        let (id, to) = (it.row.id, it.to.clone());
        let (shelf, steps) = (Arc::clone(&self.shelf), self.moves.to.clone());
        let cancel = Arc::clone(&self.moves.cancel);
        let (down_bytes, up_bytes) = (it.row.downloaded_bytes, it.row.uploaded_bytes);
        self.shelf.came_to(id, down_bytes, up_bytes);
        spawn_blocking(move || {
            let mut last = 0;
            let mut told = |done: u64, of: u64| {
                let percent = (u128::from(done) * 100).checked_div(u128::from(of)).unwrap_or(100) as u8;
                if percent != std::mem::replace(&mut last, percent) {
                    let _ = steps.send(Step::Went(id, percent));
                }
            };
            let moved = shelf.move_files(id, &to, &mut told, &cancel);
            let _ = steps.send(Step::Moved(id, moved));
        });
    }

    fn moved(&mut self, id: InfoHash, moved: Result<Option<Relocated>, LibraryError>) {
        let Some(it) = self.moves.take(id) else { return };
        let (name, from) = (it.row.name.clone(), it.row.output.clone());
        match moved {
            Ok(Some(done)) => {
                if !it.is_back && done.adopted == 0 && done.refused.is_empty() {
                    self.moves.from.insert(id, from);
                }
                let folder = text::clean(&it.to.to_string_lossy(), MOST_FOLDER_CHARS);
                self.go_on(it);
                let (severity, text) = (severity(&done), told(&name, &folder, &done));
                let torrent = Some(id);
                self.pass_on(SessionCommand::Answer { ticket: None, torrent, severity, text });
            }
            // The run ends, and the next goes on.
            Ok(None) => {}
            Err(error) if error.is_torn() => self.stay_torn(&it.row, &error.to_string()),
            Err(error) => {
                let ticket = it.ticket;
                self.go_on(it);
                self.refuse(ticket, Some(id), format!("{name} is not moved: {error}."));
            }
        }
    }

    /// Has it go on as it was, in the folder that its files are in now.
    fn go_on(&mut self, it: Move) {
        let id = it.row.id;
        let Some(entry) = self.shelf.entry(id) else { return };
        let Some(place) = it.place else {
            let row = TorrentRow { output: entry.output, ..TorrentRow::clone(&it.row) };
            return self.resting.push(Arc::new(row));
        };
        let paused = entry.paused || it.row.standing == Standing::Paused;
        match self.addition(id, paused, Some(place)) {
            Ok(addition) => {
                self.pass_on(SessionCommand::Add(addition));
                self.moves.all.push(Move { stage: Stage::GoingOn, ..it });
            }
            Err(error) => self.refuse(None, Some(id), error.to_string()),
        }
    }

    /// It does not run before the same move is gone on with.
    fn stay_torn(&mut self, row: &TorrentRow, why: &str) {
        self.resting.push(Arc::new(row.at_rest(Standing::Failed(format!("not all of it is moved: {why}")))));
        self.refuse(None, Some(row.id), format!("Not all of {} is moved: {why}.", row.name));
    }
}

fn severity(done: &Relocated) -> Severity {
    if done.refused.is_empty() && done.left == 0 { Severity::Info } else { Severity::Warn }
}

/// What came of it.
fn told(name: &str, folder: &str, done: &Relocated) -> String {
    let files = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 file {one}"),
        count => format!("{} files {many}", units::count(count as u64)),
    };
    let mut told = vec![format!("{name} is in {folder} now")];
    if done.adopted > 0 {
        told.push(format!("{} there, and looked at", files(done.adopted, "was", "were")));
    }
    if done.left > 0 {
        told.push(format!("{} where it was, because one is there", files(done.left, "stays", "stay")));
    }
    if let Some(refused) = done.refused.first() {
        told.push(refused.to_string());
    }
    told.join("; ") + "."
}
