//! What those do that are connected: choke, keep silent, lack pieces, send wrong data; and what holds us back.

use super::*;

#[test]
fn all_choke_us_means_all_that_have_what_we_miss_for_a_while() {
    let mut run = Script::downloading(100);
    let peers = run.peers(3);
    run.seed(peers[0]).seed(peers[1]).live(peers[2]);
    run.wait(9);
    assert!(run.verdict(VerdictCode::AllChokeUs).is_none(), "they just met us");
    run.wait(1);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::AllChokeUs, Severity::Warn));
    assert_eq!(
        first.text,
        "Nothing arrives: the 2 live peers that have what we miss are choking us (they serve others first). That often ends by \
         itself."
    );
    run.unchoke(peers[1]);
    assert_eq!(run.first().code, VerdictCode::AllChokeUs, "it may be taken back at once");
    run.wait(5);
    assert!(run.verdict(VerdictCode::AllChokeUs).is_none(), "it was looked at again");
}

#[test]
fn a_peer_we_hold_does_not_choke_us() {
    let mut run = Script::downloading(100);
    let peer = run.peer("80.1.1.1:6881");
    run.seed(peer).wait(20).tell(Event::Held { peer, held: true });
    assert!(run.verdict(VerdictCode::AllChokeUs).is_none());
    let first = run.first();
    assert_eq!(first.code, VerdictCode::OwnLimits);
    assert_eq!(first.text, "Nothing arrives: you hold the one live peer, so it is not asked for data.");
}

#[test]
fn unchoked_but_silent_means_all_that_were_asked() {
    let mut run = Script::downloading(100);
    let peers = run.peers(3);
    run.seed(peers[0]).seed(peers[1]).unchoke(peers[0]).unchoke(peers[1]).seed(peers[2]);
    run.asked_in_vain(peers[0]).wait(34);
    assert!(run.verdict(VerdictCode::UnchokedButSilent).is_none(), "one was not asked");
    run.asked_in_vain(peers[1]);
    let first = run.first();
    assert_eq!(first.code, VerdictCode::UnchokedButSilent);
    assert_eq!(
        first.text,
        "Nothing arrives: the 2 peers that let us download have sent nothing for 34 seconds."
    );
    run.second(&peers[..1], 1000);
    assert!(run.verdict(VerdictCode::UnchokedButSilent).is_none());
}

#[test]
fn row_and_verdict_call_a_peer_snubbed_at_the_same_moment() {
    let mut run = Script::downloading(100);
    let peer = run.open_seeds(1)[0];
    let said = |run: &mut Script| {
        let now = run.view().at;
        let row = run.record(peer).held_back_by(now) == Some(Cause::Snubbed);
        (row, run.verdict(VerdictCode::UnchokedButSilent).is_some())
    };
    run.wait(15);
    assert_eq!(said(&mut run), (false, false), "it was asked for nothing");
    run.send(&[peer], 1000, 1).asked_in_vain(peer).wait(9);
    assert_eq!(said(&mut run), (false, false));
    run.wait(1);
    assert_eq!(said(&mut run), (true, true));
}

#[test]
fn snubbed_by_most_is_worth_a_note() {
    let mut run = Script::downloading(100);
    let peers = run.peers(5);
    for peer in &peers {
        run.seed(*peer).unchoke(*peer);
    }
    run.asked_in_vain(peers[0]).asked_in_vain(peers[1]).wait(20);
    run.send(&peers[2..], 1 << 20, 2);
    assert!(run.verdict(VerdictCode::SnubbedByMost).is_none(), "two of five");
    run.wait(20).asked_in_vain(peers[2]).send(&peers[3..], 1 << 20, 4);
    let verdict = run.verdict(VerdictCode::SnubbedByMost).unwrap();
    assert_eq!(verdict.text, "3 of the 5 peers that let us download send nothing.");
}

#[test]
fn pieces_missing_speaks_first_only_when_nothing_else_is_left() {
    let mut run = Script::downloading(4);
    let peer = run.peer("80.1.1.1:6881");
    run.live(peer).has(peer, &[0, 1, 2]).want(peer).unchoke(peer);
    run.wait(29);
    assert!(run.verdict(VerdictCode::PiecesMissing).is_none(), "others may come");
    run.send(&[peer], 1 << 20, 6);
    let verdict = run.verdict(VerdictCode::PiecesMissing).unwrap();
    assert_eq!(verdict.severity, Severity::Info);
    assert!(
        verdict.text.starts_with("No peer we are connected to has 1 of the 4 missing pieces."),
        "{}",
        verdict.text
    );
    for number in 0..3 {
        let piece = run.piece(number);
        run.tell(Event::PieceVerified { piece, from: vec![peer] });
    }
    run.tell(Event::Interested { peer, by: Side::Us, interested: false }).wait(20);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::PiecesMissing, Severity::Warn));
    assert!(
        first.text.starts_with("Nothing arrives: no peer we are connected to has the one missing piece.")
    );
    let seed = run.peers(1)[0];
    run.seed(seed);
    assert!(run.verdict(VerdictCode::PiecesMissing).is_none());
}

#[test]
fn bad_data_is_laid_to_the_one_peer_it_came_from() {
    let mut run = flowing(1 << 20, 3);
    let liar = run.peer("80.9.9.9:51414");
    run.seed(liar);
    assert!(run.verdict(VerdictCode::BadDataOnePeer).is_none());
    let piece = run.piece(5);
    run.tell(Event::PieceFailed { piece, from: vec![liar] });
    let verdict = run.verdict(VerdictCode::BadDataOnePeer).unwrap();
    assert_eq!(verdict.severity, Severity::Warn);
    assert_eq!(
        verdict.text,
        "80.9.9.9:51414 sent wrong data: 1 piece failed the check. The piece is fetched again."
    );
    let until = Some(run.at + Duration::from_secs(3600));
    run.tell(Event::Banned { peer: liar, until, reason: "wrong data".to_owned() })
        .end(liar, Cause::HashFailures);
    let verdict = run.verdict(VerdictCode::BadDataOnePeer).unwrap();
    assert_eq!((verdict.severity, verdict.advice.as_str()), (Severity::Info, ""));
    assert_eq!(run.first().code, VerdictCode::Healthy);
}

#[test]
fn pieces_that_others_complete_with_blocks_of_a_banned_liar_are_laid_to_it() {
    let mut run = flowing(1 << 20, 3);
    let (liar, others) = (run.peer("80.9.9.9:51414"), run.peers(2));
    run.seed(liar);
    let failed = |run: &mut Script, number, from: &[PeerKey]| {
        let piece = run.piece(number);
        run.tell(Event::PieceFailed { piece, from: from.to_vec() });
    };
    failed(&mut run, 0, &[liar]);
    let until = Some(run.at + Duration::from_secs(3600));
    run.tell(Event::Banned { peer: liar, until, reason: "wrong data".to_owned() })
        .end(liar, Cause::HashFailures);
    for (number, with) in [(1, others[0]), (2, others[0]), (3, others[1])] {
        failed(&mut run, number, &[liar, with]);
        assert!(run.verdict(VerdictCode::BadDataManyPeers).is_none());
    }
    let text = run.verdict(VerdictCode::BadDataOnePeer).unwrap().text;
    assert!(text.starts_with("80.9.9.9:51414 sent wrong data: 4 pieces failed the check."), "{text}");
    // That piece is of somebody else.
    failed(&mut run, 4, &[others[0]]);
    assert!(run.verdict(VerdictCode::BadDataManyPeers).is_some());
}

#[test]
fn bad_data_of_many_peers_leaves_two_suspects() {
    let mut run = flowing(1 << 20, 3);
    let peers = run.peers(3);
    for (number, peer) in peers.iter().enumerate() {
        assert!(run.verdict(VerdictCode::BadDataManyPeers).is_none());
        let piece = run.piece(number as u32);
        run.tell(Event::PieceFailed { piece, from: vec![*peer] });
    }
    let verdict = run.verdict(VerdictCode::BadDataManyPeers).unwrap();
    assert!(
        verdict
            .text
            .starts_with("Wrong data keeps coming: 3 pieces failed the check, with data from 3 peers."),
        "{}",
        verdict.text
    );
    assert_eq!(run.first().code, VerdictCode::BadDataManyPeers, "data that is thrown away is no progress");
    assert!(run.verdict(VerdictCode::BadDataOnePeer).is_none());
}

#[test]
fn own_limits_speak_when_they_hold_it_back() {
    let mut run = flowing(1 << 20, 10);
    run.tell(Event::Limits { down_bps: Some(1 << 21), up_bps: None });
    assert!(run.verdict(VerdictCode::OwnLimits).is_none(), "half of it is used");
    run.tell(Event::Limits { down_bps: Some(1 << 20), up_bps: None });
    let verdict = run.verdict(VerdictCode::OwnLimits).unwrap();
    assert_eq!((verdict.severity, run.first().code), (Severity::Info, VerdictCode::Healthy));
    assert_eq!(verdict.text, "Our own limit of 1.0 MiB/s is used in full.");
    run.tell(Event::Limits { down_bps: Some(1 << 19), up_bps: None });
    assert!(run.verdict(VerdictCode::OwnLimits).is_none(), "it was lowered, and what was asked for comes");
    run.tell(Event::Limits { down_bps: Some(0), up_bps: None }).wait(11);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::OwnLimits, Severity::Warn));
    assert!(first.text.starts_with("Nothing arrives: our own limit lets nothing in"));
}

#[test]
fn a_slow_disk_is_named_while_much_waits_for_it() {
    let mut run = flowing(19 << 20, 10);
    let peer = run.view().peers[0].key;
    let mut second = |pending_bytes: u64| {
        let sample =
            DiskSample { written_bps: 19 << 20, pending_bytes, memory_bytes: 20 << 20, write_ms: 55 };
        run.tell(Event::Disk(sample)).send(&[peer], 19 << 20, 1);
        run.verdict(VerdictCode::DiskSlow)
    };
    assert!((0..5).all(|_| second(2 << 20).is_none()), "it keeps up");
    assert!((0..2).all(|_| second(9 << 20).is_none()), "for a moment");
    let verdict = (0..3).find_map(|_| second(9 << 20)).unwrap();
    assert_eq!(verdict.severity, Severity::Warn);
    assert_eq!(verdict.text, "The disk is the limit: it takes 19.0 MiB/s, and a write takes 55 ms.");
    assert_eq!(evidence(&verdict, "unwritten_bytes"), 9 << 20);
    run.send(&[peer], 19 << 20, 10);
    assert!(run.verdict(VerdictCode::DiskSlow).is_none(), "nothing is told of it any more");
}

#[test]
fn own_limits_count_those_that_wait_for_a_connection() {
    let mut run = flowing(1 << 20, 3);
    let peers = run.peers(2);
    assert!(run.verdict(VerdictCode::OwnLimits).is_none());
    run.tell(Event::Places { most: 3 });
    assert!(run.verdict(VerdictCode::OwnLimits).is_none(), "there is one place more");
    run.live(peers[0]);
    let verdict = run.verdict(VerdictCode::OwnLimits).unwrap();
    assert_eq!(verdict.text, "1 peer waits: all 3 connections that --max-peers allows are open.");
    assert_eq!((verdict.advice.as_str(), verdict.severity), ("raise it.", Severity::Info));
    assert_eq!(verdict.headline, "No more connections are allowed.");
    run.end(peers[0], Cause::ClosedByPeer);
    assert!(run.verdict(VerdictCode::OwnLimits).is_none(), "there is a place again");
}

#[test]
fn seeds_only_matters_while_we_seed() {
    let mut run = Script::downloading(100);
    let peers = run.peers(2);
    run.seed(peers[0]);
    assert!(run.verdict(VerdictCode::SeedsOnly).is_none());
    run.tell(Event::Had { pieces: Arc::new(Bitfield::full(100)) }).phase(Phase::Seeding);
    assert!(run.verdict(VerdictCode::SeedsOnly).is_none(), "they may just be on their way out");
    run.wait(3);
    assert!(run.verdict(VerdictCode::SeedsOnly).is_some());
    run.live(peers[1]).has(peers[1], &[3]);
    assert!(run.verdict(VerdictCode::SeedsOnly).is_none());
}
