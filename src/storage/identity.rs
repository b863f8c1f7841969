//! Which file it is that is written to: another one at the same path has none of what was written.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// By file of the torrent: the device and the number there, as first met in this run.
#[derive(Debug)]
pub(super) struct Identities(Vec<Met>);

#[derive(Debug, Default)]
struct Met {
    first: OnceLock<(u64, u64)>,
    /// Whether it was another one later.
    changed: AtomicBool,
}

impl Identities {
    /// None of so many files was met.
    pub(super) fn new(files: usize) -> Self {
        Self(std::iter::repeat_with(Met::default).take(files).collect())
    }

    /// Meets a file. False when it is another than at first.
    pub(super) fn meet(&self, file: usize, identity: (u64, u64)) -> bool {
        let met = &self.0[file];
        let is_same = *met.first.get_or_init(|| identity) == identity;
        if !is_same {
            met.changed.store(true, Ordering::Relaxed);
        }
        is_same
    }

    /// Which one it was at first; `None` before it was met.
    pub(super) fn first_of(&self, file: usize) -> Option<(u64, u64)> {
        self.0.get(file)?.first.get().copied()
    }

    /// The device of those that were met; `None` before any was.
    pub(super) fn device(&self) -> Option<u64> {
        self.0.iter().find_map(|met| met.first.get()).map(|(device, _)| *device)
    }

    /// The files that were another one later.
    pub(super) fn changed(&self) -> impl Iterator<Item = usize> + '_ {
        let changed = self.0.iter().enumerate().filter(|(_, met)| met.changed.load(Ordering::Relaxed));
        changed.map(|(number, _)| number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_another_than_at_first_is_remembered() {
        let files = Identities::new(3);
        assert_eq!(files.device(), None);
        assert!(files.meet(1, (5, 7)) && files.meet(1, (5, 7)) && files.meet(2, (5, 8)));
        assert_eq!(files.device(), Some(5));
        assert_eq!((files.first_of(0), files.first_of(1), files.changed().count()), (None, Some((5, 7)), 0));
        assert!(!files.meet(1, (5, 9)), "another file");
        assert!(files.meet(1, (5, 7)), "the first again");
        assert!(!files.meet(2, (6, 8)), "the same number on another device");
        assert_eq!(files.changed().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(files.first_of(1), Some((5, 7)));
    }
}
