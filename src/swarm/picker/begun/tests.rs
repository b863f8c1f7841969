use super::*;
use crate::event::BlockState;

const A: ConnKey = ConnKey(1);
const B: ConnKey = ConnKey(2);
const NOW: At = At::ZERO;

fn begun(total: u64, piece: u32) -> (Geometry, Begun) {
    let geometry = Geometry::new(total, piece).unwrap();
    (geometry, Begun::new(geometry))
}

fn ask(begun: &mut Begun, piece: PieceIndex, of: ConnKey, most: u32) -> Vec<BlockRef> {
    begun.ask(piece, of, most, |_| false)
}

#[test]
fn asks_the_next_for_a_released_block() {
    let (geometry, mut begun) = begun(4 * u64::from(BLOCK_LENGTH), 4 * BLOCK_LENGTH);
    let piece = geometry.piece(0).unwrap();
    begun.begin(piece, NOW);
    let asked = ask(&mut begun, piece, A, 3);
    assert_eq!(asked.len(), 3);
    begun.release(asked[1], A);
    assert_eq!(ask(&mut begun, piece, B, 9), vec![asked[1], geometry.block(piece, 3).unwrap()]);
    assert!(!begun.get(piece).unwrap().has_free());
    begun.assert_consistent();
}

#[test]
fn asks_again_for_blocks_that_are_lost() {
    let (geometry, mut begun) = begun(4 * u64::from(BLOCK_LENGTH), 4 * BLOCK_LENGTH);
    let piece = geometry.piece(0).unwrap();
    begun.begin(piece, NOW);
    let asked = ask(&mut begun, piece, A, 4);
    for block in &asked[..3] {
        let _ = begun.arrived(*block, A, PeerKey(7), NOW);
    }
    begun.lost(piece, &asked[1..]);
    assert_eq!(ask(&mut begun, piece, B, 9), asked[1..3], "what is asked for was not here");
    assert_eq!(begun.get(piece).unwrap().missing(), 3);
    begun.assert_consistent();
}

#[test]
fn what_an_earlier_run_kept_is_here_and_of_nobody() {
    let (geometry, mut begun) = begun(4 * u64::from(BLOCK_LENGTH), 4 * BLOCK_LENGTH);
    let piece = geometry.piece(0).unwrap();
    let all: Vec<BlockRef> = geometry.blocks_of(piece).collect();
    begun.begin(piece, NOW);
    begun.keep(piece, &all[1..3]);
    begun.assert_consistent();
    assert_eq!(begun.arrived(all[1], A, PeerKey(7), NOW), None);
    assert_eq!(ask(&mut begun, piece, A, 9), [all[0], all[3]]);
    let _ = begun.arrived(all[0], A, PeerKey(7), NOW);
    begun.lost(piece, &all[2..3]);
    assert_eq!(begun.get(piece).unwrap().senders(), [Some(PeerKey(7)), None]);
    begun.assert_consistent();
}

#[test]
fn leaves_out_what_a_peer_refuses_and_offers_it_to_the_next() {
    let (geometry, mut begun) = begun(4 * u64::from(BLOCK_LENGTH), 4 * BLOCK_LENGTH);
    let piece = geometry.piece(0).unwrap();
    begun.begin(piece, NOW);
    let all: Vec<BlockRef> = geometry.blocks_of(piece).collect();
    assert_eq!(begun.ask(piece, A, 9, |block| block.number() % 2 == 0), [all[1], all[3]]);
    begun.assert_consistent();
    assert_eq!(ask(&mut begun, piece, B, 1), [all[0]]);
    assert_eq!(ask(&mut begun, piece, B, 9), [all[2]]);
    begun.assert_consistent();
}

#[test]
fn a_block_asked_of_two_names_the_other_when_it_comes() {
    let (geometry, mut begun) = begun(2 * u64::from(BLOCK_LENGTH), 2 * BLOCK_LENGTH);
    let piece = geometry.piece(0).unwrap();
    begun.begin(piece, NOW);
    let asked = ask(&mut begun, piece, A, 2);
    begun.ask_too(asked[0], B);
    begun.ask_too(asked[0], B);
    assert_eq!(begun.owners(asked[0]), [A, B]);
    assert_eq!(begun.arrived(asked[0], B, PeerKey(7), NOW), Some(vec![A, B]));
    assert_eq!(begun.arrived(asked[0], A, PeerKey(8), NOW), None);
    assert_eq!(begun.arrived(asked[1], A, PeerKey(8), NOW), Some(vec![A]));
    begun.assert_consistent();
    assert_eq!(begun.get(piece).unwrap().missing(), 0);
    assert_eq!(begun.unwritten(), 2 * u64::from(BLOCK_LENGTH));
    begun.written(piece, u64::from(BLOCK_LENGTH));
    assert_eq!(begun.unwritten(), u64::from(BLOCK_LENGTH));
    assert_eq!(begun.close(piece).unwrap().senders(), vec![Some(PeerKey(7)), Some(PeerKey(8))]);
    assert_eq!(begun.unwritten(), 0);
}

#[test]
fn tells_of_the_blocks_that_changed_and_of_the_piece_told_longest_ago_first() {
    let block = u64::from(BLOCK_LENGTH);
    let (geometry, mut begun) = begun(12 * block, 4 * BLOCK_LENGTH);
    let all: Vec<PieceIndex> = geometry.pieces().collect();
    let peer_of = |conn: ConnKey| Some(PeerKey(10 + conn.0));
    let second = |n| At::from_secs(n);
    for piece in &all {
        begun.begin(*piece, second(0));
    }
    assert!(begun.emit(second(1), 9, peer_of).is_empty(), "nothing changed");
    let asked = ask(&mut begun, all[0], A, 2);
    let _ = begun.arrived(asked[0], A, PeerKey(11), second(1));
    begun.ask_too(asked[1], B);
    let run = |count, state| BlockRun { count, state };
    let expected = vec![
        run(1, BlockState::Here(PeerKey(11))),
        run(1, BlockState::Asked(vec![PeerKey(11), PeerKey(12)])),
        run(2, BlockState::Free),
    ];
    assert_eq!(begun.emit(second(1), 9, peer_of), vec![(all[0], expected)]);
    ask(&mut begun, all[0], A, 1);
    ask(&mut begun, all[2], B, 1);
    let numbers = |told: Vec<(PieceIndex, Vec<BlockRun>)>| -> Vec<u32> {
        told.iter().map(|(piece, _)| piece.number()).collect()
    };
    assert_eq!(numbers(begun.emit(second(2), 1, peer_of)), [2]);
    assert_eq!(numbers(begun.emit(second(3), 1, peer_of)), [0]);
    assert!(begun.emit(second(4), 1, peer_of).is_empty());
}
