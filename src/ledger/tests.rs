//! Events in, view out.

pub(crate) mod any;
mod counts;
mod peers;
mod pieces;

use std::sync::Arc;
use std::time::Duration;

use super::script::{Script, facts, find, magnet};
use super::*;
use crate::event::*;
use crate::metainfo::{Bitfield, Choice, FilePriority, Geometry};

#[test]
fn keeps_the_rate_columns_honest_about_since_when() {
    let mut run = Script::downloading(100);
    let peer = run.peer("80.1.1.1:6881");
    run.seed(peer).wait(5).unchoke(peer);
    assert_eq!(run.record(peer).since.as_secs(), 5);
    run.wait(2).send(&[peer], 1000, 10);
    assert_eq!(run.record(peer).since.as_secs(), 8, "since the first block");
    run.send(&[], 0, 10);
    assert_eq!(run.record(peer).since.as_secs(), 20, "since three seconds after the last one");
}

#[test]
fn follows_trackers_and_whom_they_named() {
    let mut run = Script::downloading(4);
    let (first, second) = (run.tracker(0), run.tracker(1));
    run.tell(Event::AnnounceBegan { tracker: first, kind: AnnounceKind::Started });
    assert_eq!(run.view().trackers[0].asking, Some(AnnounceKind::Started));
    run.answer(first, 2).refuse(second, TrackerError::Timeout).refuse(second, TrackerError::DnsFailed);
    let peers = run.peers(2);
    run.tell(Event::PeerLearned {
        peer: peers[0],
        addr: "80.0.0.1:6881".parse().unwrap(),
        source: Source::Tracker(second),
    });
    run.live(peers[0]);
    let view = run.view();
    assert_eq!((view.trackers[0].peers, view.trackers[0].handshaken), (2, 1));
    assert_eq!((view.trackers[1].peers, view.trackers[1].handshaken, view.trackers[1].failures), (1, 1, 2));
    run.tell(Event::AnnounceBegan { tracker: first, kind: AnnounceKind::Stopped }).answer(first, 0);
    let TrackerStatus::Ok(answer) = &run.view().trackers[0].status else { panic!("it answered") };
    assert_eq!(answer.peers, 2, "the answer to a goodbye says nothing");
}

#[test]
fn writes_the_log_in_words() {
    let mut run = Script::downloading(4);
    let tracker = run.tracker(0);
    run.answer(tracker, 3);
    let peers = run.peers(3);
    run.fail(peers[0], Cause::ConnectTimeout).fail(peers[1], Cause::ConnectTimeout);
    run.connect(peers[2]).wait_ms(61).handshake(peers[2], b"-TR4060-abcdefghijkl").unchoke(peers[2]);
    let piece = run.piece(1);
    run.tell(Event::PieceFailed { piece, from: vec![peers[2]] });
    run.tell(Event::Note { severity: Severity::Info, text: "Held.".to_owned(), answer: true });
    run.wait(130).end(peers[2], Cause::ClosedByPeer);
    let view = run.view();
    let lines: Vec<&str> = view.log.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(
        lines,
        [
            "Downloading.",
            "http://t0.example:6969 named 3 peers.",
            "2 peers: no answer; the last was 80.0.1.1:6881. Nothing answered: they are offline, or a firewall or router drops our packets.",
            "80.0.2.1:6881 shook hands after 61 ms: Transmission 4.0.6.",
            "80.0.2.1:6881 (Transmission 4.0.6) lets us download.",
            "Piece 1 failed its check. Its data came from 80.0.2.1:6881 (Transmission 4.0.6).",
            "Held.",
            "80.0.2.1:6881 (Transmission 4.0.6): gone after 2m 10s. It closed the connection.",
        ]
    );
    assert_eq!(view.answer, Some((Duration::from_millis(61), "Held.".to_owned())));
    assert_eq!(view.log[5].peer, Some(peers[2]));
}
