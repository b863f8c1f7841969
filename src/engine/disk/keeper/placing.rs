//! Files that are wanted stand at their paths; of the others nothing is created, and what is here of them stands aside.

use std::sync::PoisonError;

use super::{Keeper, Shared};
use crate::metainfo::{Choice, FilePriority};
use crate::storage::{FileStat, StorageError};

/// Files moved at a time: who writes to one that stands aside waits that long, and so does the end.
const MOVED_AT_ONCE: usize = 16;

impl Keeper {
    /// Which files are wanted.
    pub fn choice(&self) -> Choice {
        self.shared.lock().record.choice.clone()
    }

    /// Remembers which files are wanted from now on; that is saved at once. [`Self::place`] is to follow.
    pub fn choose(&self, choice: &Choice) {
        let mut state = self.shared.lock();
        state.record.choice = choice.clone();
        state.save_at = Some(self.shared.clock.now());
        drop(state);
        self.shared.rouse();
    }

    /// Has files stand where they belong by what is wanted now: those that are not wanted and do not exist aside, and those
    /// that are wanted at their paths, with what was kept of them aside. Blocks.
    ///
    /// # Errors
    /// A file cannot be created, or what was kept of it not be moved there: it stands aside as before, and nothing is lost.
    pub fn place(&self) -> Result<(), StorageError> {
        let shared = &*self.shared;
        let _alone = shared.placing.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let state = shared.lock();
            if state.ended {
                return Ok(());
            }
            let choice = state.record.choice.clone();
            drop(state);
            let files = 0..choice.files().len();
            let is_skipped = |number: &usize| choice.of(*number) == FilePriority::Skip;
            for number in shared.storage.leave_out(files.clone().filter(is_skipped)) {
                shared.lock().record.aside[number] = true;
            }
            let is_misplaced = |number: &usize| !is_skipped(number) && shared.storage.is_aside(*number);
            let wanted: Vec<usize> = files.filter(is_misplaced).take(MOVED_AT_ONCE).collect();
            if wanted.is_empty() {
                return Ok(());
            }
            shared.storage.bring_home(&wanted, |moved| shared.remember(&wanted, moved))?;
        }
    }
}

impl Shared {
    /// Remembers that these files stand at their paths from now on, of which some were moved there.
    fn remember(&self, files: &[usize], moved: &[(usize, FileStat)]) -> Result<(), StorageError> {
        let _alone = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.lock();
        state.record.clean = false;
        files.iter().for_each(|&number| state.record.aside[number] = false);
        moved.iter().for_each(|&(number, found)| state.record.files[number] = Some(found.into()));
        let record = self.record(&state);
        drop(state);
        self.resume.save(&record).inspect_err(|_| {
            let mut state = self.lock();
            files.iter().for_each(|&number| state.record.aside[number] = true);
        })
    }
}
