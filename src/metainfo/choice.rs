//! Which files of a torrent are wanted, and how much.

use super::{PieceIndex, Torrent};

/// How much a file is wanted; a piece is wanted as much as the most wanted file that reaches into it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum FilePriority {
    /// Not at all: the file is not created.
    Skip,
    /// After the others.
    Low,
    /// As files are wanted of which nothing was said.
    #[default]
    Normal,
    /// Before the others.
    High,
}

/// Which files of a torrent are wanted, and in which order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// By file. Pad files stand in it too, so that the numbers are the torrent's, and are wanted by nobody.
    files: Vec<FilePriority>,
    /// Pieces are asked for in the order of the torrent, its files' first and last ones early.
    pub sequential: bool,
}

impl Choice {
    /// All of so many files, in no order.
    #[must_use]
    pub fn everything(files: usize) -> Self {
        Self { files: vec![FilePriority::Normal; files], sequential: false }
    }

    /// How much this file is wanted. One that the torrent does not have is not.
    pub fn of(&self, file: usize) -> FilePriority {
        self.files.get(file).copied().unwrap_or(FilePriority::Skip)
    }

    /// Says how much this file is wanted: whether that is new.
    pub fn set(&mut self, file: usize, priority: FilePriority) -> bool {
        self.files.get_mut(file).is_some_and(|was| std::mem::replace(was, priority) != priority)
    }

    /// By file.
    pub fn files(&self) -> &[FilePriority] {
        &self.files
    }

    /// Whether no file is skipped.
    pub fn is_everything(&self) -> bool {
        !self.files.contains(&FilePriority::Skip)
    }

    /// How much the piece is wanted: as much as the most wanted file with bytes in it.
    pub fn of_piece(&self, torrent: &Torrent, piece: PieceIndex) -> FilePriority {
        let files = torrent.spans_of(piece).map(|span| span.file);
        let real = files.filter(|&file| torrent.files.file(file).is_some_and(|file| !file.pad));
        real.map(|file| self.of(file)).max().unwrap_or_default()
    }

    /// Bytes of the files that are wanted.
    pub fn wanted_bytes(&self, torrent: &Torrent) -> u64 {
        let files = torrent.files.iter().zip(&self.files);
        files
            .filter(|(file, priority)| !file.pad && **priority != FilePriority::Skip)
            .map(|(file, _)| file.length)
            .sum()
    }
}
