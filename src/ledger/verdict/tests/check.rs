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
