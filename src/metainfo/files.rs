//! The files of a torrent, end to end, and which of them a stretch of the torrent falls on.

use super::SafePath;

/// One file of a torrent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// Where it is created under the output folder.
    pub path: SafePath,
    /// Its length in bytes; zero is possible.
    pub length: u64,
    /// Its first byte within the torrent.
    pub offset: u64,
    /// It only pads the next file to the start of a piece: all zeros, never created (BEP 47).
    pub pad: bool,
}

/// A stretch of one file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileSpan {
    /// The file's place in [`Files`].
    pub file: usize,
    /// First byte within the file.
    pub offset: u64,
    /// Bytes, at least one.
    pub length: u64,
}

/// All files of a torrent in its order: each begins where the one before ends.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Files(Vec<File>);

impl Files {
    /// Lays files out one after the other: path, length in bytes, and whether it is padding.
    /// `None` when their lengths sum up to more than 64 bits can count.
    pub fn lay_out(files: impl IntoIterator<Item = (SafePath, u64, bool)>) -> Option<Self> {
        let mut offset = 0u64;
        let mut laid_out = Vec::new();
        for (path, length, pad) in files {
            laid_out.push(File { path, length, offset, pad });
            offset = offset.checked_add(length)?;
        }
        Some(Self(laid_out))
    }

    /// Bytes of all files together, padding included.
    pub fn total_bytes(&self) -> u64 {
        self.0.last().map_or(0, |file| file.offset + file.length)
    }

    /// The files as a slice.
    pub fn as_slice(&self) -> &[File] {
        &self.0
    }

    /// The files in order.
    pub fn iter(&self) -> std::slice::Iter<'_, File> {
        self.0.iter()
    }

    /// The file of this number.
    pub fn file(&self, number: usize) -> Option<&File> {
        self.0.get(number)
    }

    /// How many files there are, padding included.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The stretches of files that bytes `offset..offset + length` of the torrent fall on, in order. What lies
    /// behind the last file is left out.
    ///
    /// ```
    /// use ttui::metainfo::{FileSpan, Files, SafePath};
    ///
    /// let path = |name: &'static str| SafePath::new([name.as_bytes()]);
    /// let files = Files::lay_out([(path("a"), 10, false), (path("b"), 0, false), (path("c"), 5, false)]).unwrap();
    /// let spans: Vec<_> = files.spans(8, 4).collect();
    /// assert_eq!(spans[0], FileSpan { file: 0, offset: 8, length: 2 });
    /// assert_eq!(spans[1], FileSpan { file: 2, offset: 0, length: 2 });
    /// ```
    pub fn spans(&self, offset: u64, length: u64) -> impl Iterator<Item = FileSpan> + '_ {
        let end = offset.saturating_add(length);
        let first = self.0.partition_point(|file| file.offset + file.length <= offset);
        self.0[first..].iter().zip(first..).take_while(move |(file, _)| file.offset < end).filter_map(
            move |(file, number)| {
                let from = offset.max(file.offset);
                let to = end.min(file.offset + file.length);
                (from < to).then(|| FileSpan { file: number, offset: from - file.offset, length: to - from })
            },
        )
    }

    pub(super) fn paths_mut(&mut self) -> impl Iterator<Item = &mut SafePath> {
        self.0.iter_mut().filter(|file| !file.pad).map(|file| &mut file.path)
    }
}

impl<'a> IntoIterator for &'a Files {
    type Item = &'a File;
    type IntoIter = std::slice::Iter<'a, File>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metainfo::Geometry;

    fn files(lengths: &[u64]) -> Option<Files> {
        Files::lay_out(lengths.iter().map(|&length| (SafePath::new([&b"x"[..]]), length, false)))
    }

    #[test]
    fn refuses_lengths_that_overflow() {
        assert!(files(&[u64::MAX, 1]).is_none());
        assert_eq!(files(&[u64::MAX, 0]).unwrap().total_bytes(), u64::MAX);
    }

    #[test]
    fn has_no_spans_outside() {
        let files = files(&[3, 0, 4]).unwrap();
        assert_eq!(files.spans(7, 10).count(), 0);
        assert_eq!(files.spans(3, 0).count(), 0);
        assert_eq!(files.spans(6, u64::MAX).next(), Some(FileSpan { file: 2, offset: 3, length: 1 }));
        assert_eq!(Files::default().spans(0, 1).count(), 0);
    }

    proptest! {
        #[test]
        fn pieces_map_every_byte_exactly_once(
            lengths in proptest::collection::vec(prop_oneof![Just(0), 0u64..50], 1..30), piece in 1u32..70,
        ) {
            let files = files(&lengths).unwrap();
            prop_assume!(files.total_bytes() > 0);
            let geometry = Geometry::new(files.total_bytes(), piece).unwrap();
            let mut reached: Vec<Vec<u32>> = lengths.iter().map(|&length| vec![0; length as usize]).collect();
            let mut at = 0;
            for piece in geometry.pieces() {
                for span in files.spans(geometry.offset_of(piece), u64::from(geometry.length_of(piece))) {
                    prop_assert_eq!(files.file(span.file).unwrap().offset + span.offset, at);
                    prop_assert!(span.length > 0);
                    at += span.length;
                    for byte in span.offset..span.offset + span.length {
                        reached[span.file][byte as usize] += 1;
                    }
                }
            }
            prop_assert_eq!(at, files.total_bytes());
            prop_assert!(reached.iter().flatten().all(|&times| times == 1));
        }
    }
}
