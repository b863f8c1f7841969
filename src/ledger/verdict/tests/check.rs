//! A run that only looks who answers.

use super::*;

#[test]
fn judges_a_run_that_only_looks_by_who_answered() {
    let mut run = Script::downloading(4);
    run.tell(Event::Probing);
    let peers = run.peers(9);
    peers[2..].iter().for_each(|peer| {
        run.fail(*peer, Cause::ConnectTimeout);
    });
    assert_eq!(run.first().code, VerdictCode::Unknown, "too few to tell");
    run.fail(peers[0], Cause::ConnectTimeout);
    let verdict = run.first();
    assert_eq!((verdict.code, verdict.severity), (VerdictCode::DialsTimeOut, Severity::Warn));
    assert!(verdict.text.starts_with("8 of the 8"), "{}", verdict.text);
    run.live(peers[1]);
    run.unchoke(peers[1]);
    run.tell(Event::FirstBlock { peer: peers[1] }).wait(60);
    let verdict = run.first();
    assert_eq!((verdict.code, verdict.severity), (VerdictCode::Healthy, Severity::Good));
    assert_eq!(verdict.text, "It works: 1 of the 9 known peers shook hands, and 1 sent data.");
}

#[test]
fn a_check_of_peers_that_send_wrong_data_does_not_say_that_it_works() {
    let mut run = Script::downloading(40);
    run.tell(Event::Probing);
    let peers = run.peers(4);
    let lies = |run: &mut Script, peer| {
        let piece = run.piece(1);
        run.seed(peer).unchoke(peer).tell(Event::FirstBlock { peer });
        run.tell(Event::PieceFailed { piece, from: vec![peer] }).end(peer, Cause::HashFailures);
    };
    lies(&mut run, peers[0]);
    assert_eq!(run.codes(), [VerdictCode::BadDataOnePeer]);
    let first = run.first();
    assert!(first.text.ends_with(" sent wrong data: 1 piece failed the check."), "{}", first.text);
    peers[1..].iter().for_each(|peer| lies(&mut run, *peer));
    assert_eq!(run.codes(), [VerdictCode::BadDataManyPeers], "nobody sends who makes up for them");
    // One that sends what it was asked for is enough.
    let honest = run.peers(1)[0];
    run.seed(honest).unchoke(honest).tell(Event::FirstBlock { peer: honest });
    let first = run.first();
    assert_eq!(first.code, VerdictCode::Healthy);
    assert_eq!(
        first.text,
        "It works: 5 of the 5 known peers shook hands, and 5 sent data, 4 of them wrong data."
    );
}

#[test]
fn a_check_tells_of_peers_that_unchoke_and_send_nothing() {
    let mut run = Script::downloading(40);
    run.tell(Event::Probing);
    let peers = run.peers(3);
    for peer in &peers[..2] {
        run.seed(*peer).unchoke(*peer);
    }
    run.wait(9);
    assert!(run.verdict(VerdictCode::UnchokedButSilent).is_none(), "they have a second left");
    run.wait(1);
    let first = run.first();
    assert_eq!(first.code, VerdictCode::UnchokedButSilent);
    assert_eq!(first.text, "The 2 peers that let us download have sent nothing for 10 seconds.");
    // One that sent was let go: those that are left are a matter of their own.
    run.seed(peers[2]).unchoke(peers[2]).tell(Event::FirstBlock { peer: peers[2] });
    run.end(peers[2], Cause::Shutdown);
    assert_eq!(run.codes(), [VerdictCode::Healthy]);
}

#[test]
fn a_check_tells_what_is_out_there() {
    let mut run = Script::downloading(40);
    run.tell(Event::Probing);
    assert_eq!(run.view().availability, None, "nobody shook hands");
    let without = |piece: u32| (0..40).filter(|n| *n != piece).collect::<Vec<_>>();
    let peers = run.peers(5);
    for peer in &peers {
        run.live(*peer)
            .has(*peer, &without(3))
            .want(*peer)
            .unchoke(*peer)
            .tell(Event::FirstBlock { peer: *peer });
    }
    // Who goes away still has what it has.
    run.end(peers[0], Cause::ClosedByPeer);
    let out_there = run.view().availability.unwrap();
    assert_eq!((out_there.share_thousandths(), out_there.copies_thousandths()), (975, 975));
    assert_eq!(run.codes(), [VerdictCode::Healthy, VerdictCode::PiecesMissing]);
    assert_eq!(
        run.verdict(VerdictCode::PiecesMissing).unwrap().text,
        "No peer has 1 of the 40 pieces: those that shook hands hold 97.5 % of the torrent, and a download would stop there."
    );
    let last = run.peers(1)[0];
    run.live(last).has(last, &[3]);
    let out_there = run.view().availability.unwrap();
    assert_eq!((out_there.share_thousandths(), out_there.copies_thousandths()), (1000, 1975));
    assert!(run.verdict(VerdictCode::PiecesMissing).is_none());
}
