//! Which pieces lie in which part of a file.

use crate::metainfo::{PieceIndex, Torrent};

/// The pieces with bytes in this range of this file.
pub(super) fn pieces_in(
    torrent: &Torrent,
    file: usize,
    at: u64,
    length: u64,
) -> impl Iterator<Item = PieceIndex> + use<> {
    let geometry = torrent.geometry;
    let from = torrent.files.file(file).map_or(0, |file| file.offset + at);
    let size = u64::from(geometry.piece_bytes());
    let range = if length == 0 { 0..0 } else { from / size..(from + length).div_ceil(size) };
    range.filter_map(move |number| geometry.piece(u32::try_from(number).ok()?))
}

/// The pieces with bytes in this file.
pub(super) fn pieces_of(torrent: &Torrent, file: usize) -> impl Iterator<Item = PieceIndex> + use<> {
    let length = torrent.files.file(file).map_or(0, |file| file.length);
    pieces_in(torrent, file, 0, length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::torrent;
    use super::*;

    proptest! {
        #[test]
        fn a_file_has_the_pieces_that_have_the_file(
            lengths in proptest::collection::vec(0i64..50, 1..20),
            piece_bytes in 1u32..40,
        ) {
            prop_assume!(lengths.iter().sum::<i64>() > 0);
            let torrent = torrent(&lengths, piece_bytes, |_| [0; 20]);
            for piece in torrent.geometry.pieces() {
                for span in torrent.spans_of(piece) {
                    prop_assert!(pieces_of(&torrent, span.file).any(|of| of == piece));
                }
            }
            for file in 0..lengths.len() {
                for piece in pieces_of(&torrent, file) {
                    prop_assert!(torrent.spans_of(piece).any(|span| span.file == file));
                }
            }
        }
    }
}
