//! Pieces, bytes and the time left.

use super::*;

#[test]
fn counts_who_holds_what_while_they_are_live() {
    let mut run = Script::downloading(3);
    let peers = run.peers(3);
    run.live(peers[0]).has(peers[0], &[0, 1]).seed(peers[1]);
    run.connect(peers[2]).has(peers[2], &[2]);
    let held =
        |view: &View| (0..3).map(|n| view.pieces.held_by[n] as u32 + view.pieces.seeds).collect::<Vec<_>>();
    assert_eq!(held(&run.view()), [2, 2, 1], "a peer without a handshake does not count");
    run.handshake(peers[2], b"-TR4060-abcdefghijkl");
    assert_eq!(held(&run.view()), [2, 2, 2]);
    let piece = run.piece(2);
    run.tell(Event::Have { peer: peers[0], piece }).tell(Event::Have { peer: peers[0], piece });
    let view = run.view();
    assert_eq!((held(&view), view.pieces.seeds), (vec![2, 2, 3], 2), "it became a seed");
    assert!(find(&view, peers[0]).has.as_ref().unwrap().is_full());
    run.end(peers[1], Cause::ClosedByPeer).end(peers[0], Cause::ClosedByPeer);
    assert_eq!(held(&run.view()), [0, 0, 1]);
}

#[test]
fn follows_pieces_and_bytes() {
    let mut run = Script::downloading(4);
    let peers = run.peers(2);
    let (p0, p1, p2) = (run.piece(0), run.piece(1), run.piece(2));
    let mut had = Bitfield::empty(4);
    had.set(p0);
    run.tell(Event::Had { pieces: Arc::new(had) });
    run.tell(Event::PieceOpened { piece: p1 }).tell(Event::PieceOpened { piece: p0 });
    assert_eq!(run.view().pieces.states[..3], [PieceState::Good, PieceState::Arriving, PieceState::Missing]);
    run.tell(Event::PieceFailed { piece: p1, from: peers.clone() });
    assert_eq!((run.view().pieces.failed, run.view().pieces.failures), (1, 1));
    assert_eq!(run.record(peers[1]).failed_pieces, 1);
    run.tell(Event::PieceOpened { piece: p1 }).tell(Event::PieceVerified { piece: p1, from: vec![] });
    run.tell(Event::PieceOpened { piece: p2 }).tell(Event::PieceClosed { piece: p2 });
    let view = run.view();
    assert_eq!((view.pieces.good, view.pieces.arriving, view.pieces.failed), (2, 0, 0));
    assert_eq!(view.have_bytes, 2 * u64::from(script::PIECE_BYTES));
}

#[test]
fn tells_the_time_left_only_when_it_can_be_told() {
    let mut run = Script::downloading(100);
    let peer = run.peer("80.1.1.1:6881");
    run.seed(peer).unchoke(peer);
    assert_eq!(run.view().eta, None);
    run.send(&[peer], 16 * 1024, 3);
    assert_eq!(run.view().eta, Some(Duration::from_secs(100)));
    assert_eq!((run.view().rates.down_bps, run.view().down_bytes), (16 * 1024, 48 * 1024));
    run.phase(Phase::Paused);
    assert_eq!(run.view().eta, None);
    run.phase(Phase::Downloading).wait(10);
    assert_eq!((run.view().eta, run.view().rates.down_bps), (None, 0));
}

#[test]
fn tells_how_far_checking_and_making_files_are_until_they_are_done() {
    let mut run = Script::with_ledger(9, Ledger::new(facts(9)));
    run.tell(Event::Checked { done: 4, of: 9 });
    assert_eq!((run.view().checked, run.view().preparing), (Some((4, 9)), None));
    run.tell(Event::Preparing { done: 64, of: 200 });
    assert_eq!(run.view().preparing, Some((64, 200)));
    run.phase(Phase::Downloading);
    assert_eq!((run.view().checked, run.view().preparing), (None, None));
}

#[test]
fn files_that_are_made_while_blocks_come_are_told_until_all_are() {
    let mut run = Script::downloading(9);
    run.tell(Event::Preparing { done: 128, of: 200 });
    let view = run.view();
    assert_eq!((view.preparing, view.phase), (Some((128, 200)), Phase::Downloading));
    run.tell(Event::Preparing { done: 200, of: 200 });
    assert_eq!(run.view().preparing, None);
}

#[test]
fn tells_of_a_piece_who_is_asked_who_sent_it_and_who_is_at_fault() {
    let mut run = Script::downloading(4);
    let peers = run.peers(3);
    let (piece, other) = (run.piece(1), run.piece(2));
    let here = |peer| vec![BlockRun { count: 1, state: BlockState::Here(peer) }];
    run.wait(5).tell(Event::PieceOpened { piece }).wait(1);
    run.tell(Event::PieceBlocks { piece, blocks: here(peers[0]) });
    run.tell(Event::PieceBlocks { piece: other, blocks: here(peers[0]) });
    let view = run.view();
    let history = &view.pieces.history;
    let under_way = history.under_way(piece).unwrap();
    assert_eq!((under_way.since.as_secs(), under_way.told.unwrap().as_secs()), (5, 6));
    assert_eq!(under_way.blocks, here(peers[0]));
    assert_eq!(history.under_way(other), None, "nothing of it was asked for");
    run.tell(Event::PieceFailed { piece, from: peers.clone() }).wait(1);
    run.tell(Event::PieceOpened { piece }).tell(Event::PieceVerified { piece, from: vec![peers[2]] });
    let view = run.view();
    let history = &view.pieces.history;
    assert_eq!(history.under_way(piece), None);
    assert_eq!(history.senders(1).unwrap().only(), Some(peers[2]));
    assert_eq!(history.verified(1), Some(Duration::from_secs(7)));
    let failures = history.failures(piece).unwrap();
    assert_eq!((failures.count, &failures.tries[0].from.named), (1, &peers));
    // What was there before came from nobody we know.
    let mut had = Bitfield::empty(4);
    had.set(run.piece(0));
    run.tell(Event::Had { pieces: Arc::new(had) });
    assert_eq!(run.view().pieces.history.verified(0), None);
    assert_eq!(run.view().pieces.history.senders(1), None, "it is gone");
}

#[test]
fn shares_with_the_last_view_what_did_not_change() {
    let mut run = Script::downloading(1000);
    let peers = run.peers(3);
    run.seed(peers[0]).seed(peers[1]);
    let first = run.view();
    run.wait_ms(250).unchoke(peers[0]);
    let second = run.view();
    assert!(!Arc::ptr_eq(&first.peers[0], &second.peers[0]));
    assert!(Arc::ptr_eq(&first.peers[1], &second.peers[1]) && Arc::ptr_eq(&first.peers[2], &second.peers[2]));
    assert!(Arc::ptr_eq(&first.pieces, &second.pieces) && Arc::ptr_eq(&first.series, &second.series));
}
