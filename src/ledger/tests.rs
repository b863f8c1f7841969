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
fn who_is_in_the_table_was_named_by_what_named_it() {
    let mut run = Script::downloading(4);
    run.tell(Event::Finder { finder: Finder::Dht, status: FinderStatus::Pending, detail: None });
    let dht =
        |run: &mut Script| run.view().finders.iter().find(|it| it.finder == Finder::Dht).cloned().unwrap();
    assert_eq!((dht(&mut run).status, dht(&mut run).named), (FinderStatus::Pending, 0));
    run.peer_from("80.1.1.1:6881", Source::Dht);
    let told = dht(&mut run);
    assert_eq!((told.status, told.named, told.peers), (FinderStatus::Ok, 1, 1));
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
            "80.0.2.1:6881 lets us download (Transmission 4.0.6).",
            "Piece 1 failed its check. Its data came from 80.0.2.1:6881 (Transmission 4.0.6).",
            "Held.",
            "80.0.2.1:6881: gone after 2m 10s (Transmission 4.0.6). It closed the connection.",
        ]
    );
    assert_eq!(view.answer, Some((Duration::from_millis(61), "Held.".to_owned())));
    assert_eq!(view.log[5].peer, Some(peers[2]));
}

/// The lines that come of this.
fn lines_of(run: &mut Script, told: impl FnOnce(&mut Script)) -> Vec<String> {
    let before = run.view().log.len();
    told(run);
    run.view().log[before..].iter().map(|line| line.text.clone()).collect()
}

#[test]
fn what_the_user_asked_for_has_one_line() {
    let mut run = Script::downloading(4);
    let answer = |text: &str| Event::Note { severity: Severity::Info, text: text.to_owned(), answer: true };
    let choose = |run: &mut Script, priority, said: &str| {
        let choice = Arc::new(Choice::new(vec![priority], false));
        run.wait(1).tell(Event::Chosen { choice }).tell(answer(said));
    };
    let skipped = lines_of(&mut run, |run| choose(run, FilePriority::Skip, "Not wanted any more."));
    assert_eq!(skipped, ["0 of 1 files are wanted."]);
    assert_eq!(run.view().answer.clone().unwrap().1, "Not wanted any more.", "it is answered all the same");
    assert_eq!(
        lines_of(&mut run, |run| choose(run, FilePriority::Normal, "Wanted.")),
        ["1 of 1 files are wanted."]
    );
    let paused = lines_of(&mut run, |run| {
        run.wait(1).phase(Phase::Paused).tell(answer("Paused, until you go on."));
    });
    assert_eq!(paused, ["Paused."]);
    // What comes at another moment, or of something else, has a line of its own.
    let later = lines_of(&mut run, |run| {
        run.wait(1).tell(answer("It is so already.")).tell(answer("Held."));
    });
    assert_eq!(later, ["It is so already.", "Held."]);
}

#[test]
fn where_every_file_is_skipped_the_log_does_not_say_that_it_is_complete() {
    let end_with = |priority| {
        let mut run = Script::downloading(4);
        run.tell(Event::Chosen { choice: Arc::new(Choice::new(vec![priority], false)) });
        lines_of(&mut run, |run| {
            run.phase(Phase::Seeding);
        })
    };
    assert_eq!(end_with(FilePriority::Skip), ["Every file is skipped: nothing is wanted."]);
    assert_eq!(end_with(FilePriority::High), ["Complete: every piece is here and verified."]);
}
