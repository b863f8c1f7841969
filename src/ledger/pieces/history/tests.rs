use super::*;

fn history(pieces: u64) -> (History, GroupIndex, Vec<PieceIndex>) {
    let geometry = Geometry::new(pieces, 1).unwrap();
    (History::new(geometry.piece_count()), GroupIndex::new(), geometry.pieces().collect())
}

const A: PeerKey = PeerKey(1);
const B: PeerKey = PeerKey(2);

fn s(seconds: u64) -> At {
    Duration::from_secs(seconds)
}

#[test]
fn keeps_who_sent_a_piece_and_when() {
    let (mut history, mut index, pieces) = history(10_000);
    history.verified_at(s(7), pieces[5000], &[A], &mut index);
    history.verified_at(s(8), pieces[5001], &[A, B], &mut index);
    history.verified_at(s(9), pieces[9999], &[A], &mut index);
    assert_eq!(history.verified(5000), Some(s(7)));
    assert_eq!(history.senders(5000).and_then(Senders::only), Some(A));
    assert_eq!(history.senders(5001).map(Senders::count), Some(2));
    assert_eq!(history.verified(5002), None);
    let counts: Vec<u32> = history.groups().iter().map(|group| group.pieces).collect();
    assert_eq!(counts, [2, 1]);
    history.forget(pieces[5000]);
    assert_eq!((history.verified(5000), history.groups()[0].pieces), (None, 1));
}

#[test]
fn a_change_copies_the_chunk_it_falls_into_and_no_other() {
    let (mut history, mut index, pieces) = history(10_000);
    history.verified_at(s(1), pieces[0], &[A], &mut index);
    history.verified_at(s(1), pieces[5000], &[A], &mut index);
    let view = history.clone();
    history.verified_at(s(2), pieces[1], &[A], &mut index);
    assert!(!Arc::ptr_eq(&view.origins[0].0, &history.origins[0].0));
    assert!(Arc::ptr_eq(&view.origins[1].0, &history.origins[1].0));
    assert_eq!((view.verified(1), history.verified(1)), (None, Some(s(2))));
}

#[test]
fn keeps_the_last_failures_and_counts_all() {
    let (mut history, _, pieces) = history(10);
    for second in 0..9 {
        history.failed(s(second), pieces[3], &[A, B]);
    }
    let failures = history.failures(pieces[3]).unwrap();
    assert_eq!((failures.count, failures.tries.len()), (9, MOST_TRIES));
    assert_eq!(failures.tries.last().unwrap().at, s(8));
    assert_eq!(history.failures(pieces[4]), None);
}

#[test]
fn however_many_send_and_fail_its_memory_is_bounded() {
    let (mut history, mut index, pieces) = history(100_000);
    let crowd: Vec<PeerKey> = (0..100).map(PeerKey).collect();
    for (number, piece) in (0..).zip(&pieces) {
        history.opened(s(1), *piece);
        history.failed(s(1), *piece, &crowd);
        history.verified_at(s(2), *piece, &[PeerKey(number)], &mut index);
    }
    pieces.iter().for_each(|piece| history.opened(s(3), *piece));
    assert_eq!(history.groups.len(), MOST_GROUPS);
    assert_eq!((history.failures.len(), history.under_way.len()), (MOST_FAILED, MOST_UNDER_WAY));
    let tried = &history.failures(pieces[0]).unwrap().tries[0].from;
    assert_eq!((tried.named.len(), tried.count()), (MOST_NAMED, 100));
    assert_eq!(history.verified(99_999), Some(s(2)), "only its senders are not known");
}

#[test]
fn blocks_are_kept_as_far_as_the_piece_has_them() {
    let (mut history, _, pieces) = history(10);
    let told = [
        BlockRun { count: 3, state: BlockState::Here(A) },
        BlockRun { count: u32::MAX, state: BlockState::Asked(vec![A; 100]) },
        BlockRun { count: 9, state: BlockState::Free },
    ];
    assert!(!history.blocks(s(1), pieces[0], &told, 8), "it is not under way");
    history.opened(s(1), pieces[0]);
    assert!(history.blocks(s(2), pieces[0], &told, 8));
    let under_way = history.under_way(pieces[0]).unwrap();
    assert_eq!((under_way.since, under_way.told), (s(1), Some(s(2))));
    assert_eq!(under_way.blocks.iter().map(|run| run.count).collect::<Vec<_>>(), [3, 5]);
    assert_eq!(under_way.blocks[1].state, BlockState::Asked(vec![A; MOST_ASKED]));
    history.closed(pieces[0]);
    assert_eq!(history.under_way(pieces[0]), None);
}

#[test]
fn what_a_merged_row_sent_is_told_of_the_other() {
    let (mut history, mut index, pieces) = history(10);
    history.verified_at(s(1), pieces[0], &[A], &mut index);
    history.failed(s(1), pieces[1], &[A]);
    history.opened(s(1), pieces[2]);
    history.blocks(s(1), pieces[2], &[BlockRun { count: 1, state: BlockState::Here(A) }], 1);
    assert_eq!(history.clone().checked(&Geometry::new(10, 1).unwrap()), Ok(history.clone()));
    assert!(history.clone().checked(&Geometry::new(2, 1).unwrap()).is_err(), "another torrent's");
    history.rename(A, B, &mut index);
    assert_eq!(index, history.index());
    assert_eq!(history.senders(0).and_then(Senders::only), Some(B));
    assert_eq!(history.failures(pieces[1]).unwrap().tries[0].from.only(), Some(B));
    assert_eq!(history.under_way(pieces[2]).unwrap().blocks[0].state, BlockState::Here(B));
}

/// Two bytes of a stranger's file stand for forty in memory.
#[test]
fn what_no_run_writes_is_not_even_read() {
    let reads =
        |history: &History| postcard::from_bytes::<History>(&postcard::to_stdvec(history).unwrap()).is_ok();
    let origins = |count| {
        let chunk = Chunk(Arc::new(vec![Origin::default(); count]));
        History { origins: vec![chunk; 2], ..History::default() }
    };
    assert!(reads(&origins(CHUNK)) && !reads(&origins(CHUNK + 1)));

    let tried = |named| FailedTry { at: s(1), from: Senders { named: vec![A; named], more: 0 } };
    let failed = |pieces: usize, tries, named| {
        let failures = Failures { count: 9, tries: vec![tried(named); tries] };
        let failures = Arc::new((0..pieces as u32).map(|piece| (piece, failures.clone())).collect());
        History { failures, ..History::default() }
    };
    assert!(reads(&failed(MOST_FAILED, MOST_TRIES, MOST_NAMED)));
    assert!(!reads(&failed(MOST_FAILED + 1, 0, 0)));
    assert!(!reads(&failed(1, MOST_TRIES + 1, 0)) && !reads(&failed(1, 1, MOST_NAMED + 1)));

    let under_way = |pieces: usize, runs| {
        let blocks = vec![BlockRun { count: 1, state: BlockState::Free }; runs];
        let piece = Arc::new(UnderWay { since: s(1), told: None, blocks });
        let under_way = Arc::new((0..pieces as u32).map(|number| (number, Arc::clone(&piece))).collect());
        History { under_way, ..History::default() }
    };
    let many = MOST_TOLD_BYTES / (MOST_RUNS * size_of::<BlockRun>());
    assert!(reads(&under_way(MOST_UNDER_WAY, 1)) && reads(&under_way(many - 1, MOST_RUNS)));
    assert!(!reads(&under_way(MOST_UNDER_WAY + 1, 1)) && !reads(&under_way(1, MOST_RUNS + 1)));
    assert!(!reads(&under_way(many + 1, MOST_RUNS)), "each is few, and all are much");
}
