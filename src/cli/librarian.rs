//! Keeps what is asked of a session: stands between those who ask and the session, and tells of kept torrents that rest.

mod additions;
mod moves;
mod removals;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use self::additions::Read;
use self::moves::Moves;
use self::removals::Removals;
use crate::command::{Command, SessionCommand};
use crate::engine::Control;
use crate::event::Severity;
use crate::ledger::{TorrentRow, Torrents, Totals};
use crate::library::Shelf;
use crate::metainfo::InfoHash;
use crate::storage::StorageError;

/// Begins to keep what is asked of a session, `now` being the time since 1970; torrents that rest stand behind its own. What
/// is returned beside the control ends when nobody asks any more and what was to be deleted is. Must be called inside a
/// tokio runtime.
#[must_use]
pub fn attend(
    control: Control,
    shelf: Arc<Shelf>,
    resting: Vec<TorrentRow>,
    now: impl FnMut() -> Duration + Send + 'static,
) -> (Control, JoinHandle<()>) {
    let Control { torrents, view, commands } = control;
    let (asked, wishes) = mpsc::unbounded_channel();
    let (told, all) = watch::channel(Arc::clone(&torrents.borrow()));
    let librarian = Librarian {
        shelf,
        resting: resting.into_iter().map(Arc::new).collect(),
        forgotten: Vec::new(),
        now: Box::new(now),
        torrents,
        told,
        commands,
        read: mpsc::unbounded_channel(),
        removals: Removals::new(),
        moves: Moves::new(),
    };
    let task = tokio::spawn(librarian.run(wishes));
    (Control { torrents: all, view, commands: asked }, task)
}

struct Librarian {
    shelf: Arc<Shelf>,
    /// Those that are kept and do not run.
    resting: Vec<Arc<TorrentRow>>,
    /// What was forgotten, the last last; with its row where it rested.
    forgotten: Vec<(InfoHash, Option<Arc<TorrentRow>>)>,
    now: Box<dyn FnMut() -> Duration + Send>,
    torrents: watch::Receiver<Arc<Torrents>>,
    told: watch::Sender<Arc<Torrents>>,
    commands: mpsc::UnboundedSender<SessionCommand>,
    read: (mpsc::UnboundedSender<Read>, mpsc::UnboundedReceiver<Read>),
    removals: Removals,
    moves: Moves,
}

impl Librarian {
    async fn run(mut self, mut wishes: mpsc::UnboundedReceiver<SessionCommand>) {
        self.go_on_moving();
        self.move_released();
        self.tell();
        let mut is_asked = true;
        while is_asked || self.removals.are_under_way() || self.moves.are_under_way() {
            tokio::select! {
                wish = wishes.recv(), if is_asked => match wish {
                    Some(wish) => self.carry_out(wish),
                    None => {
                        is_asked = false;
                        self.moves.cancel();
                    }
                },
                Some((addition, read)) = self.read.1.recv() => self.add_read(*addition, read),
                Some(done) = self.removals.next() => self.take_done(done),
                Some(step) = self.moves.next() => self.take_step(step),
                changed = self.torrents.changed() => {
                    if changed.is_err() {
                        break;
                    }
                }
            }
            self.delete_released();
            self.move_released();
            self.tell();
        }
    }

    /// Tells of the session's torrents, and of those that rest.
    fn tell(&mut self) {
        let torrents = Arc::clone(&self.torrents.borrow_and_update());
        // What was begun after all has a row of its own.
        self.resting.retain(|row| torrents.row(row.id).is_none());
        let mut rows = torrents.rows.clone();
        self.moves.stand_among(&mut rows);
        rows.extend(self.resting.iter().cloned());
        let totals = Totals::of(&rows);
        let removable = self.removals.found.clone();
        self.told.send_replace(Arc::new(Torrents { rows, totals, removable, ..(*torrents).clone() }));
    }

    /// Says why something is not done, or not kept.
    fn refuse(&self, ticket: Option<u32>, torrent: Option<InfoHash>, text: String) {
        self.pass_on(SessionCommand::Answer { ticket, torrent, severity: Severity::Warn, text });
    }

    fn pass_on(&self, wish: SessionCommand) {
        // A session that is over has nothing to do any more.
        let _ = self.commands.send(wish);
    }

    fn carry_out(&mut self, wish: SessionCommand) {
        if self.asks_of_moving(&wish) {
            return;
        }
        match &wish {
            SessionCommand::Add(addition) => {
                let addition = addition.clone();
                return self.add(addition);
            }
            SessionCommand::To(id, Command::Resume) if self.resume(*id) => return,
            SessionCommand::To(id, Command::Pause) => self.pause(*id, true),
            SessionCommand::To(id, Command::LimitOwn { .. }) if self.rests(*id) => {
                let text = "It does not run: resume it, and set its limit then.".to_owned();
                return self.refuse(None, Some(*id), text);
            }
            SessionCommand::To(id, Command::LimitOwn { down_bps, up_bps }) => {
                self.write(|shelf| {
                    shelf.change(*id, |entry| (entry.down_bps, entry.up_bps) = (*down_bps, *up_bps))
                });
            }
            SessionCommand::ToAll(Command::Pause) => self.pause_all(true),
            SessionCommand::ToAll(Command::Resume) => self.pause_all(false),
            SessionCommand::Forget(id) if self.forget(*id) => return,
            SessionCommand::Revive if self.revive() => return,
            SessionCommand::Weigh(ids) => return self.weigh(ids.clone()),
            SessionCommand::Delete(id) => return self.delete(*id),
            SessionCommand::Move { ticket, id, to } => return self.move_to(*ticket, *id, to.clone(), false),
            SessionCommand::MoveBack(id) => return self.move_back(*id),
            SessionCommand::Earlier(id) => self.swap(*id, true),
            SessionCommand::Later(id) => self.swap(*id, false),
            _ => {}
        }
        self.pass_on(wish);
    }

    /// Begins one that rests; whether it did.
    fn resume(&mut self, id: InfoHash) -> bool {
        if !self.rests(id) {
            self.pause(id, false);
            return false;
        }
        if let Some(to) = self.shelf.begin(id).ok().and_then(|_| self.shelf.entry(id)?.moving_to) {
            // Before it runs, its files are in one place.
            self.move_to(None, id, to, false);
            return true;
        }
        match self.addition(id, false, None) {
            Ok(addition) => {
                self.write(|shelf| shelf.change(id, |entry| (entry.paused, entry.done) = (false, false)));
                self.pass_on(SessionCommand::Add(addition));
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
