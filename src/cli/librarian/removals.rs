//! Deleting what was downloaded: only what this program created, told before, and once the torrent has closed its files.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::Librarian;
use crate::command::SessionCommand;
use crate::event::Severity;
use crate::ledger::{Found, Removable, Standing, TorrentRow};
use crate::library::LibraryError;
use crate::metainfo::InfoHash;
use crate::storage::{Removal, Removed};
use crate::{text, units};

/// Files that are told by their names.
const MOST_TOLD: usize = 100;
/// Files that could not be deleted and are told by their names.
const MOST_REFUSED: usize = 3;
/// The most of a name that is told, characters.
const MOST_NAME_CHARS: usize = 200;

/// What is looked at, and what is being deleted.
pub(super) struct Removals {
    /// What was found last, for those who asked.
    pub(super) found: Vec<Arc<Removable>>,
    /// Those that close their files first.
    leaving: Vec<Arc<TorrentRow>>,
    /// How many are deleted now.
    under_way: usize,
    to: mpsc::UnboundedSender<Done>,
    done: mpsc::UnboundedReceiver<Done>,
}

/// What was done on the disk.
pub(super) enum Done {
    LookedAt(Removable),
    Deleted(Arc<TorrentRow>, Result<Removed, LibraryError>),
}

impl Removals {
    pub(super) fn new() -> Self {
        let (to, done) = mpsc::unbounded_channel();
        Self { found: Vec::new(), leaving: Vec::new(), under_way: 0, to, done }
    }

    /// Whether something is still to be deleted, or being deleted.
    pub(super) fn are_under_way(&self) -> bool {
        self.under_way > 0 || !self.leaving.is_empty()
    }

    /// Waits until something was done on the disk.
    pub(super) async fn next(&mut self) -> Option<Done> {
        self.done.recv().await
    }
}

impl Librarian {
    /// Looks at what of these torrents can be deleted.
    pub(super) fn weigh(&mut self, ids: Vec<InfoHash>) {
        self.removals.found.clear();
        for id in ids {
            let elsewhere = self.resting.iter().find_map(|row| match row.standing {
                Standing::Elsewhere { process } if row.id == id => Some(process),
                _ => None,
            });
            let why = match elsewhere {
                Some(process) => Some(format!("it is in another ttui (process {process}): delete it there")),
                None => self.moves.where_to(id).map(|to| format!("it is on its way to {to}")),
            };
            if let Some(why) = why {
                self.removals.found.push(Arc::new(Removable { id, found: Err(why) }));
                continue;
            }
            let (shelf, to) = (Arc::clone(&self.shelf), self.removals.to.clone());
            spawn_blocking(move || {
                let found = shelf.removal(id).map(found).map_err(|error| error.to_string());
                // Nobody listens only when the run is over.
                let _ = to.send(Done::LookedAt(Removable { id, found }));
            });
        }
    }

    /// Deletes what this program created of a torrent, once its files are closed.
    pub(super) fn delete(&mut self, id: InfoHash) {
        let rests = self.resting.iter().position(|row| row.id == id);
        let Some(at) = rests else {
            let Some(row) = self.torrents.borrow().row(id).cloned() else { return };
            self.pass_on(SessionCommand::Release(id));
            return self.removals.leaving.push(row);
        };
        match self.shelf.begin(id) {
            Ok(_) => {
                let row = self.resting.remove(at);
                self.remove_files(row);
            }
            Err(error) => self.refuse(None, Some(id), error.to_string()),
        }
    }

    /// Deletes the files of torrents that have closed them meanwhile.
    pub(super) fn delete_released(&mut self) {
        let released: Vec<_> = {
            let torrents = self.torrents.borrow();
            let has_files =
                |row: &Arc<TorrentRow>| torrents.row(row.id).is_some() || torrents.leaving.contains(&row.id);
            self.removals.leaving.extract_if(.., |row| !has_files(row)).collect()
        };
        released.into_iter().for_each(|row| self.remove_files(row));
    }

    fn remove_files(&mut self, row: Arc<TorrentRow>) {
        // Whatever stops this, it is not fetched again.
        if let Err(error) = self.shelf.forget(row.id) {
            return self.refuse(None, Some(row.id), format!("Nothing is deleted: {error}"));
        }
        self.removals.under_way += 1;
        let (shelf, to) = (Arc::clone(&self.shelf), self.removals.to.clone());
        spawn_blocking(move || {
            let removed = shelf.removal(row.id);
            let removed = removed.map(|removal| removal.map(Removal::remove).unwrap_or_default());
            let _ = to.send(Done::Deleted(row, removed));
        });
    }

    /// Takes in what was done on the disk.
    pub(super) fn take_done(&mut self, done: Done) {
        match done {
            Done::LookedAt(found) => {
                self.removals.found.retain(|known| known.id != found.id);
                self.removals.found.push(Arc::new(found));
            }
            Done::Deleted(row, removed) => {
                self.removals.under_way -= 1;
                match removed {
                    Ok(removed) if removed.refused.is_empty() => self.deleted(&row, &removed),
                    Ok(removed) => self.not_deleted(&row, &refused(&removed)),
                    Err(error) => self.not_deleted(&row, &error.to_string()),
                }
            }
        }
    }

    fn deleted(&mut self, row: &TorrentRow, removed: &Removed) {
        if let Err(error) = self.shelf.forget_for_good(row.id) {
            tracing::warn!(%error, "the rest of what was deleted goes with the next run");
        }
        let bytes = units::bytes(removed.bytes, units::Units::Binary);
        let text = match removed.files {
            0 => format!("Forgot {}; nothing of it was to be deleted.", row.name),
            1 => format!("Deleted {}: 1 file, {bytes}.", row.name),
            files => format!("Deleted {}: {} files, {bytes}.", row.name, units::count(files as u64)),
        };
        let (torrent, severity) = (Some(row.id), Severity::Info);
        self.pass_on(SessionCommand::Answer { ticket: None, torrent, severity, text });
    }

    /// It stays kept, so that it can be tried again, and does not run.
    fn not_deleted(&mut self, row: &TorrentRow, why: &str) {
        let id = row.id;
        self.write(|shelf| shelf.revive(id));
        self.write(|shelf| shelf.change(id, |entry| entry.paused = true));
        let rests = TorrentRow::resting(id, row.name.clone(), row.output.clone(), Standing::Paused);
        let known = TorrentRow { total_bytes: row.total_bytes, uploaded_bytes: row.uploaded_bytes, ..rests };
        self.resting.push(Arc::new(known));
        self.refuse(None, Some(id), format!("Not all of {} is deleted: {why}", row.name));
    }
}

/// What was found, in the words of the ledger.
fn found(removal: Option<Removal>) -> Found {
    let Some(removal) = removal else { return Found::default() };
    let told = removal.files().iter().take(MOST_TOLD);
    let clean =
        |(path, bytes): &(PathBuf, u64)| (text::clean(&path.to_string_lossy(), MOST_NAME_CHARS), *bytes);
    Found {
        folder: removal.folder().to_owned(),
        files: told.map(clean).collect(),
        count: removal.files().len(),
        bytes: removal.bytes(),
        foreign: removal.foreign,
    }
}

/// What could not be deleted, by its names.
fn refused(removed: &Removed) -> String {
    let told: Vec<String> = removed.refused.iter().take(MOST_REFUSED).map(ToString::to_string).collect();
    let more = removed.refused.len().saturating_sub(MOST_REFUSED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("{}{more}", told.join("; "))
}
