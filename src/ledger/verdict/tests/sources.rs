//! Trackers that fail, name nobody, or name those that are gone.

use super::*;

#[test]
fn no_peers_known_waits_for_the_trackers() {
    let mut run = Script::downloading(100);
    assert_eq!(run.first().code, VerdictCode::Unknown, "too early");
    run.wait(1);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::NoPeersKnown, Severity::Warn));
    assert_eq!(first.text, "Nothing arrives: no peers are known: the torrent names no tracker.");

    let mut run = Script::downloading(100);
    let tracker = run.tracker(0);
    run.wait(20);
    assert_eq!(run.first().code, VerdictCode::Unknown, "it has not answered yet");
    run.answer(tracker, 0);
    assert_eq!(run.first().code, VerdictCode::NoPeersKnown);
    run.peers(1);
    assert!(run.verdict(VerdictCode::NoPeersKnown).is_none());
}

#[test]
fn trackers_failing_means_all_of_them() {
    let mut run = Script::downloading(100);
    let (first, second) = (run.tracker(0), run.tracker(1));
    run.refuse(first, TrackerError::Timeout);
    assert!(run.verdict(VerdictCode::TrackersFailing).is_none(), "one may still answer");
    run.refuse(second, TrackerError::Timeout);
    let verdict = run.first();
    assert_eq!((verdict.code, verdict.severity), (VerdictCode::TrackersFailing, Severity::Warn));
    assert_eq!(
        verdict.text,
        "Nothing arrives: both trackers fail: no answer. Without one, there is nobody to ask for data."
    );
    let peer = run.peer_from("80.1.1.1:6881", Source::Manual);
    run.seed(peer).unchoke(peer).send(&[peer], 1 << 20, 3);
    let verdict = run.verdict(VerdictCode::TrackersFailing).unwrap();
    assert_eq!(verdict.severity, Severity::Info, "it costs nothing while others send");
    assert_eq!(run.first().code, VerdictCode::Healthy);
    run.answer(second, 3);
    assert!(run.verdict(VerdictCode::TrackersFailing).is_none());
}

#[test]
fn stale_tracker_is_one_that_named_nobody_who_answers() {
    let mut run = Script::downloading(100);
    let tracker = run.tracker(0);
    run.answer(tracker, 10);
    let peers = run.peers(10);
    for peer in &peers[..9] {
        run.fail(*peer, Cause::ConnectionRefused);
    }
    assert!(run.verdict(VerdictCode::StaleTracker).is_none(), "one was not tried yet");
    run.fail(peers[9], Cause::ConnectionRefused);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::StaleTracker, Severity::Warn), "at once");
    assert_eq!(
        first.text,
        "Nothing arrives: http://t0.example:6969 named 10 peers, and none of them can be reached (all refuse: no \
         client runs there): its addresses seem to be old."
    );
    run.connect(peers[4]);
    assert!(run.verdict(VerdictCode::StaleTracker).is_none());
}
