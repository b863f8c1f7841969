//! Which bytes of the torrent lie in which file.

use std::path::PathBuf;

use crate::metainfo::{Geometry, PieceIndex, Torrent};

/// The files of a torrent, laid end to end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    geometry: Geometry,
    files: Vec<LayoutFile>,
}

/// One file of a torrent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LayoutFile {
    /// Where it lies beneath the output folder.
    pub path: PathBuf,
    /// Its length in bytes.
    pub length: u64,
    /// Where it begins in the torrent, in bytes.
    pub offset: u64,
    /// Whether it only fills up to the next piece (BEP 47): zeros that are not written.
    pub pad: bool,
}

/// A part of one file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Which file.
    pub file: usize,
    /// Where in the file, in bytes.
    pub at: u64,
    /// How many bytes.
    pub length: u64,
    /// Whether the file is a pad file.
    pub pad: bool,
}

impl Layout {
    /// `None` unless the files follow each other without a gap and fill the torrent.
    pub fn new(geometry: Geometry, files: Vec<LayoutFile>) -> Option<Self> {
        let mut at = 0u64;
        for file in &files {
            if file.offset != at {
                return None;
            }
            at = at.checked_add(file.length)?;
        }
        (at == geometry.total_bytes()).then_some(Self { geometry, files })
    }

    /// The files of this torrent.
    pub fn of(torrent: &Torrent) -> Self {
        let files = torrent.files.iter().map(|file| LayoutFile {
            path: file.path.elements().collect(),
            length: file.length,
            offset: file.offset,
            pad: file.pad,
        });
        Self { geometry: torrent.geometry, files: files.collect() }
    }

    /// Piece lengths and counts.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The files, in order, pad files and empty ones included.
    pub fn files(&self) -> &[LayoutFile] {
        &self.files
    }

    /// The parts of files that this range of the torrent lies in, in order. Empty files are in none.
    pub fn spans(&self, offset: u64, length: u64) -> impl Iterator<Item = Span> + '_ {
        let end = offset.saturating_add(length).min(self.geometry.total_bytes());
        let first = self.files.partition_point(|file| file.offset + file.length <= offset);
        self.files[first..]
            .iter()
            .enumerate()
            .take_while(move |(_, file)| file.offset < end)
            .filter(|(_, file)| file.length > 0)
            .map(move |(i, file)| {
                let from = offset.max(file.offset);
                let to = end.min(file.offset + file.length);
                Span { file: first + i, at: from - file.offset, length: to - from, pad: file.pad }
            })
            .filter(|span| span.length > 0)
    }

    /// The parts of files that this piece lies in.
    pub fn spans_of(&self, piece: PieceIndex) -> impl Iterator<Item = Span> + '_ {
        self.spans(self.geometry.offset_of(piece), u64::from(self.geometry.length_of(piece)))
    }

    /// The pieces with bytes in this range of this file.
    pub fn pieces_in(&self, file: usize, at: u64, length: u64) -> impl Iterator<Item = PieceIndex> + use<> {
        let geometry = self.geometry;
        let from = self.files.get(file).map_or(0, |file| file.offset + at);
        let size = u64::from(geometry.piece_bytes());
        let range = if length == 0 { 0..0 } else { from / size..(from + length).div_ceil(size) };
        range.filter_map(move |number| geometry.piece(u32::try_from(number).ok()?))
    }

    /// The pieces with bytes in this file.
    pub fn pieces_of(&self, file: usize) -> impl Iterator<Item = PieceIndex> + use<> {
        let length = self.files.get(file).map_or(0, |file| file.length);
        self.pieces_in(file, 0, length)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Files named `f0`, `d1/f1`, … of these lengths; negative ones are pad files.
    pub(crate) fn layout(lengths: &[i64], piece_bytes: u32) -> Layout {
        let mut offset = 0;
        let files: Vec<LayoutFile> = lengths
            .iter()
            .enumerate()
            .map(|(i, &length)| {
                let path = if i % 2 == 0 { format!("f{i}") } else { format!("d{}/f{i}", i % 8) };
                let file =
                    LayoutFile { path: path.into(), length: length.unsigned_abs(), offset, pad: length < 0 };
                offset += file.length;
                file
            })
            .collect();
        Layout::new(Geometry::new(offset, piece_bytes).unwrap(), files).unwrap()
    }

    #[test]
    fn refuses_files_that_do_not_fill_the_torrent() {
        let geometry = Geometry::new(10, 4).unwrap();
        let file = |offset, length| LayoutFile { path: "x".into(), length, offset, pad: false };
        assert!(Layout::new(geometry, vec![file(0, 9)]).is_none());
        assert!(Layout::new(geometry, vec![file(0, 4), file(5, 5)]).is_none());
        assert!(Layout::new(geometry, vec![file(0, 4), file(4, u64::MAX)]).is_none());
        assert!(Layout::new(geometry, vec![file(0, 4), file(4, 6)]).is_some());
    }

    proptest! {
        #[test]
        fn spans_cover_the_range_once(
            lengths in proptest::collection::vec(0i64..50, 1..20),
            piece_bytes in 1u32..40, from in 0u64..300, length in 0u64..300,
        ) {
            let total: i64 = lengths.iter().sum();
            prop_assume!(total > 0);
            let layout = layout(&lengths, piece_bytes);
            let mut at = from;
            for span in layout.spans(from, length) {
                let file = &layout.files()[span.file];
                prop_assert_eq!(file.offset + span.at, at);
                prop_assert!(span.length > 0 && span.at + span.length <= file.length);
                at += span.length;
            }
            prop_assert_eq!(at, (from + length).min(total as u64).max(from));
            for piece in layout.geometry().pieces() {
                for span in layout.spans_of(piece) {
                    prop_assert!(layout.pieces_of(span.file).any(|of| of == piece));
                }
            }
            for file in 0..lengths.len() {
                for piece in layout.pieces_of(file) {
                    prop_assert!(layout.spans_of(piece).any(|span| span.file == file));
                }
            }
        }
    }
}
