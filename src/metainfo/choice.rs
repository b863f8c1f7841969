//! Which files of a torrent are wanted, and how much; and what follows from that for its pieces.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Bitfield, File, Files, Geometry, PieceIndex, Torrent};

/// How much a file is wanted; a piece is wanted as much as the most wanted file that reaches into it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
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
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Choice {
    /// By file. Pad files stand in it too, so that the numbers are the torrent's, and are wanted by nobody.
    files: Vec<FilePriority>,
    /// Pieces are asked for in the order of the torrent, its files' first and last ones early.
    pub sequential: bool,
}

impl Choice {
    /// Every file of a torrent with this number of them, in no order.
    #[must_use]
    pub fn everything(files: usize) -> Self {
        Self { files: vec![FilePriority::Normal; files], sequential: false }
    }

    /// How much each file is wanted, pad files among them, and whether in order.
    #[must_use]
    pub fn new(files: Vec<FilePriority>, sequential: bool) -> Self {
        Self { files, sequential }
    }

    /// How much this file is wanted. One that the torrent does not have is not.
    pub fn of(&self, file: usize) -> FilePriority {
        self.files.get(file).copied().unwrap_or(FilePriority::Skip)
    }

    /// Says how much this file is wanted: whether that is new.
    pub fn set(&mut self, file: usize, priority: FilePriority) -> bool {
        self.files.get_mut(file).is_some_and(|was| std::mem::replace(was, priority) != priority)
    }

    /// Says how much these files are wanted, as far as there are such: whether that is new.
    pub fn set_all(&mut self, files: Range<usize>, priority: FilePriority) -> bool {
        let end = files.end.min(self.files.len());
        let Some(files) = self.files.get_mut(files.start..end) else { return false };
        let new = files.iter().any(|was| *was != priority);
        files.fill(priority);
        new
    }

    /// By file.
    pub fn files(&self) -> &[FilePriority] {
        &self.files
    }

    /// Whether no file is skipped.
    pub fn is_everything(&self) -> bool {
        !self.files.contains(&FilePriority::Skip)
    }

    /// Whether nothing was chosen: all files are wanted alike, in no order.
    pub fn is_plain(&self) -> bool {
        !self.sequential && self.files.iter().all(|priority| *priority == FilePriority::default())
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

    /// Of these pieces that are here and of those that nobody wants nothing is to be fetched.
    #[must_use]
    pub fn settled(&self, torrent: &Torrent, have: &Bitfield) -> Bitfield {
        let mut settled = have.clone();
        if !self.is_everything() {
            let pieces = self.of_pieces(&torrent.files, torrent.geometry);
            let skipped = torrent.geometry.pieces().filter(|piece| pieces.of(*piece) == FilePriority::Skip);
            skipped.for_each(|piece| _ = settled.set(piece));
        }
        settled
    }

    /// How much each piece of a torrent with these files is wanted, and in which order.
    pub fn of_pieces(&self, files: &Files, geometry: Geometry) -> PieceChoice {
        let real = || files.iter().zip(&self.files).filter(|(file, _)| !file.pad);
        let alike = self.files.iter().all(|priority| *priority == FilePriority::default());
        let mut priorities = vec![None; if alike { 0 } else { geometry.piece_count() as usize }];
        for (file, priority) in real().filter(|_| !alike) {
            let pieces = &mut priorities[pieces_of(geometry, file)];
            pieces.iter_mut().for_each(|piece| *piece = (*piece).max(Some(*priority)));
        }
        let mut early: Vec<PieceIndex> = Vec::new();
        for (file, _) in real().filter(|(_, priority)| self.sequential && **priority != FilePriority::Skip) {
            let pieces = pieces_of(geometry, file);
            let ends = [pieces.clone().next(), pieces.last()].into_iter().flatten();
            early.extend(ends.filter_map(|number| geometry.piece(number as u32)));
        }
        early.sort_unstable();
        early.dedup();
        PieceChoice {
            priorities: priorities.into_iter().map(Option::unwrap_or_default).collect(),
            in_order: self.sequential,
            early,
        }
    }
}

/// The pieces that the file reaches into.
fn pieces_of(geometry: Geometry, file: &File) -> Range<usize> {
    let piece_bytes = u64::from(geometry.piece_bytes());
    let first = file.offset / piece_bytes;
    let end = if file.length == 0 { first } else { (file.offset + file.length).div_ceil(piece_bytes) };
    first as usize..end as usize
}

/// How much each piece of a torrent is wanted, and in which order; by default all alike, in no order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PieceChoice {
    /// By piece; none: all are wanted as pieces are of which nothing was said.
    priorities: Box<[FilePriority]>,
    in_order: bool,
    early: Vec<PieceIndex>,
}

impl PieceChoice {
    /// How much the piece is wanted.
    pub fn of(&self, piece: PieceIndex) -> FilePriority {
        self.priorities.get(piece.index()).copied().unwrap_or_default()
    }

    /// Whether all pieces are wanted alike, in no order.
    pub fn is_plain(&self) -> bool {
        self.priorities.is_empty() && !self.in_order
    }

    /// Whether pieces that are wanted as much are asked for in the order of the torrent.
    pub fn is_in_order(&self) -> bool {
        self.in_order
    }

    /// Whether the piece comes before those that are wanted as much: a file begins or ends in it, and it is asked for in
    /// order.
    pub fn is_early(&self, piece: PieceIndex) -> bool {
        self.early.binary_search(&piece).is_ok()
    }
}

#[cfg(test)]
impl PieceChoice {
    /// Pieces that are wanted so, in order or not, and these early.
    pub(crate) fn made(priorities: Vec<FilePriority>, in_order: bool, early: Vec<PieceIndex>) -> Self {
        Self { priorities: priorities.into(), in_order, early }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metainfo::NewTorrent;

    const PADDING: &str = "_____padding_file_";

    /// A torrent of files this long; those marked only pad.
    fn torrent(files: &[(usize, bool)], piece_bytes: u32) -> Option<Torrent> {
        let content: Vec<(String, Vec<u8>)> = (0..)
            .zip(files)
            .map(|(n, (length, pad))| (format!("{}{n}", if *pad { PADDING } else { "" }), vec![0; *length]))
            .collect();
        let files: Vec<(&str, &[u8])> = content.iter().map(|(path, bytes)| (&**path, &**bytes)).collect();
        Torrent::from_bytes(&NewTorrent::of_files("t", piece_bytes, &files).to_bytes()).ok()
    }

    #[test]
    fn files_begin_and_end_early_where_it_goes_in_order_and_only_those_that_are_wanted() {
        let torrent = torrent(&[(100, false), (0, false), (60, false), (100, false)], 20).unwrap();
        let mut choice = Choice { sequential: true, ..Choice::everything(4) };
        choice.set(2, FilePriority::Skip);
        let pieces = choice.of_pieces(&torrent.files, torrent.geometry);
        let early = torrent.geometry.pieces().filter(|piece| pieces.is_early(*piece));
        assert_eq!(early.map(PieceIndex::number).collect::<Vec<_>>(), [0, 4, 8, 12]);
        assert!(pieces.is_in_order() && !pieces.is_plain());
        assert_eq!(Choice::everything(4).of_pieces(&torrent.files, torrent.geometry), PieceChoice::default());
    }

    proptest! {
        #[test]
        fn a_piece_is_wanted_as_much_as_the_most_wanted_file_in_it(
            files in proptest::collection::vec((0usize..40, 0u8..5, any::<bool>()), 1..12), piece_bytes in 1u32..30,
        ) {
            use FilePriority::{High, Low, Normal, Skip};
            let lengths: Vec<(usize, bool)> = files.iter().map(|(length, _, pad)| (*length, *pad)).collect();
            let torrent = torrent(&lengths, piece_bytes);
            prop_assume!(torrent.is_some());
            let torrent = torrent.unwrap();
            let mut choice = Choice::everything(files.len());
            for (file, (_, priority, _)) in files.iter().enumerate() {
                choice.set(file, [Skip, Low, Normal, High, Normal][usize::from(*priority)]);
            }
            let pieces = choice.of_pieces(&torrent.files, torrent.geometry);
            for piece in torrent.geometry.pieces() {
                prop_assert_eq!(pieces.of(piece), choice.of_piece(&torrent, piece));
            }
        }
    }
}
