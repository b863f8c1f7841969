use super::*;
use crate::metainfo::BLOCK_LENGTH;

const A: ConnKey = ConnKey(1);
const B: ConnKey = ConnKey(2);
const NOW: At = At::ZERO;

fn pieces(total: u64, piece: u32, mark: u64) -> (Geometry, OpenPieces) {
    let geometry = Geometry::new(total, piece).unwrap();
    (geometry, OpenPieces::new(geometry, mark))
}

#[test]
fn gives_a_released_block_to_the_next_who_asks() {
    let (geometry, mut open) = pieces(4 * u64::from(BLOCK_LENGTH), 4 * BLOCK_LENGTH, 1 << 20);
    let piece = geometry.piece(0).unwrap();
    open.open(piece, NOW);
    let granted = open.grant(piece, A, 3);
    assert_eq!(granted.len(), 3);
    open.release(granted[1], A);
    assert_eq!(open.grant(piece, B, 9), vec![granted[1], geometry.block(piece, 3).unwrap()]);
    assert!(!open.piece(piece).unwrap().has_free());
}

#[test]
fn blocks_that_are_lost_are_given_out_again() {
    let (geometry, mut open) = pieces(4 * u64::from(BLOCK_LENGTH), 4 * BLOCK_LENGTH, 1 << 20);
    let piece = geometry.piece(0).unwrap();
    open.open(piece, NOW);
    let granted = open.grant(piece, A, 4);
    for block in &granted[..3] {
        let _ = open.arrived(*block, A, PeerKey(7), NOW);
    }
    open.lost(piece, &granted[1..]);
    assert_eq!(open.grant(piece, B, 9), granted[1..3], "what is asked for was not here");
    assert_eq!(open.piece(piece).unwrap().missing(), 3);
    open.piece(piece).unwrap().assert_consistent();
    open.assert_charged();
}

#[test]
fn a_shared_block_is_cancelled_at_the_others_when_it_comes() {
    let (geometry, mut open) = pieces(2 * u64::from(BLOCK_LENGTH), 2 * BLOCK_LENGTH, 1 << 20);
    let piece = geometry.piece(0).unwrap();
    open.open(piece, NOW);
    let granted = open.grant(piece, A, 2);
    assert_eq!(open.share(piece, B, 9, |_| false), vec![granted[1], granted[0]]);
    assert!(open.share(piece, B, 9, |_| false).is_empty(), "not twice to the same");
    let Arrived::Wanted { cancel } = open.arrived(granted[0], B, PeerKey(7), NOW) else { panic!() };
    assert_eq!(cancel, vec![A]);
    assert!(matches!(open.arrived(granted[0], A, PeerKey(8), NOW), Arrived::Useless));
    assert!(matches!(open.arrived(granted[1], A, PeerKey(8), NOW), Arrived::Wanted { .. }));
    assert_eq!(open.piece(piece).unwrap().missing(), 0);
    assert_eq!(open.close(piece).unwrap().senders(), vec![Some(PeerKey(7)), Some(PeerKey(8))]);
    assert_eq!(open.charged, 0);
}

#[test]
fn tells_of_the_blocks_that_changed_and_of_the_piece_told_longest_ago_first() {
    let block = u64::from(BLOCK_LENGTH);
    let (geometry, mut open) = pieces(12 * block, 4 * BLOCK_LENGTH, 1 << 20);
    let all: Vec<PieceIndex> = geometry.pieces().collect();
    let peer_of = |conn: ConnKey| Some(PeerKey(10 + conn.0));
    let second = |n| At::from_secs(n);
    for piece in &all {
        open.open(*piece, second(0));
    }
    assert!(open.tell(second(1), 9, peer_of).is_empty(), "nothing changed");
    let granted = open.grant(all[0], A, 2);
    let _ = open.arrived(granted[0], A, PeerKey(11), second(1));
    open.share(all[0], B, 1, |_| false);
    let run = |count, state| BlockRun { count, state };
    let expected = vec![
        run(1, BlockState::Here(PeerKey(11))),
        run(1, BlockState::Asked(vec![PeerKey(11), PeerKey(12)])),
        run(2, BlockState::Free),
    ];
    assert_eq!(open.tell(second(1), 9, peer_of), vec![(all[0], expected)]);
    open.grant(all[0], A, 1);
    open.grant(all[2], B, 1);
    let numbers = |told: Vec<(PieceIndex, Vec<BlockRun>)>| -> Vec<u32> {
        told.iter().map(|(piece, _)| piece.number()).collect()
    };
    assert_eq!(numbers(open.tell(second(2), 1, peer_of)), [2]);
    assert_eq!(numbers(open.tell(second(3), 1, peer_of)), [0]);
    assert!(open.tell(second(4), 1, peer_of).is_empty());
}

#[test]
fn at_the_mark_only_gaps_of_a_long_piece_are_granted() {
    let block = u64::from(BLOCK_LENGTH);
    let (geometry, mut open) = pieces(8 << 20, 4 << 20, 20 * block);
    let piece = geometry.piece(0).unwrap();
    open.open(piece, NOW);
    let granted = open.grant(piece, A, 100);
    assert_eq!(granted.len(), 20, "memory ends it");
    for block in &granted[1..] {
        let _ = open.arrived(*block, A, PeerKey(1), NOW);
    }
    open.release(granted[0], A);
    assert_eq!(open.grant(piece, B, 100), granted[..1], "the gap, and nothing above it");
    let _ = open.arrived(granted[0], B, PeerKey(2), NOW);
    open.written(piece, 20 * block);
    assert_eq!(open.charged, u64::from(RUN_BYTES), "its next run has its place");
    assert_eq!(open.grant(piece, B, 100).len(), 20);
}

#[test]
fn who_is_far_away_may_open_a_quarter_beyond_the_mark_and_no_more() {
    let (geometry, mut open) = pieces(64 << 20, 1 << 20, 20 << 20);
    for (far, count) in [(false, 19), (true, 24)] {
        while let Some(piece) = geometry.piece(open.iter().count() as u32)
            && open.may_open(piece, far)
        {
            open.open(piece, NOW);
        }
        assert_eq!(open.iter().count(), count);
        assert!(!open.may_open_any(far));
    }
}

#[test]
fn however_many_long_pieces_are_open_each_can_go_on_to_its_next_write() {
    for mark in [1, 64 << 10, 400_000, 1 << 20, 24 << 20] {
        let (geometry, mut open) = pieces(1 << 30, 2 << 20, mark);
        let mut opened = Vec::new();
        for piece in geometry.pieces() {
            if open.may_open(piece, false) {
                open.open(piece, NOW);
                // Not enough to be written.
                assert_eq!(open.grant(piece, A, 15).len(), 15);
                opened.push(piece);
            }
        }
        assert!(open.is_tight() && !opened.is_empty());
        // Those that came first take all they get.
        opened.iter().for_each(|piece| assert!(!open.grant(*piece, A, 1000).is_empty()));
        assert!(open.charged <= mark.max(u64::from(RUN_BYTES)), "{mark}");
    }
}
