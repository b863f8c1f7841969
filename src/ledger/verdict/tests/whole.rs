//! What judges the whole: paused, stopped, complete, well, slow, stalled, and what is not known yet.

use super::*;

#[test]
fn paused_speaks_for_the_whole_while_it_is() {
    let mut run = flowing(1 << 20, 5);
    assert_ne!(run.first().code, VerdictCode::Paused);
    run.phase(Phase::Paused).wait(60);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::Paused, Severity::Info));
    assert_eq!(evidence(&first, "paused_s"), 60);
}

#[test]
fn disk_trouble_says_what_the_disk_said() {
    let mut run = flowing(1 << 20, 5);
    let reason = Some("No space left in /home/me/iso.".to_owned());
    run.tell(Event::Phase { phase: Phase::Stopped, reason });
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::DiskTrouble, Severity::Error));
    assert_eq!(first.text, "Stopped: No space left in /home/me/iso.");
    assert!(!first.advice.is_empty());
    run.phase(Phase::Downloading);
    assert!(run.verdict(VerdictCode::DiskTrouble).is_none());
}

#[test]
fn complete_says_where_and_who_is_served() {
    let mut run = flowing(1 << 20, 5);
    run.phase(Phase::Seeding);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::Complete, Severity::Good));
    assert_eq!(first.text, "Complete. Everything is in /home/me/iso.");
}

#[test]
fn checking_counts_up() {
    let mut run = Script::downloading(100);
    run.phase(Phase::Checking).tell(Event::Checked { done: 41, of: 100 });
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::Unknown, Severity::Info));
    assert_eq!(first.text, "Looking at what is already on disk: 41 of 100 pieces so far.");
}

#[test]
fn healthy_counts_senders_and_tells_the_time_left() {
    let mut run = Script::downloading(15_104);
    let peers = run.peers(17);
    for peer in &peers {
        run.seed(*peer);
    }
    for peer in &peers[..7] {
        run.unchoke(*peer);
    }
    run.send(&peers[..7], 200 * 1024, 3);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::Healthy, Severity::Good));
    assert_eq!(
        first.text,
        "Going well. 7 of the 17 live peers are sending; the rest of the file arrives in about 3 minutes."
    );
    run.wait(12);
    assert_ne!(run.first().code, VerdictCode::Healthy, "nothing for twelve seconds");
}

#[test]
fn slow_needs_half_a_minute_of_little_that_is_not_our_own_limit() {
    let mut run = flowing(20 * 1024, 29);
    assert_eq!(run.first().code, VerdictCode::Healthy, "not half a minute yet");
    run = flowing(20 * 1024, 31);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::Slow, Severity::Warn));
    assert!(
        first
            .text
            .starts_with("Slow. 1 of the 2 live peers is sending: 20.0 KiB/s on average over half a minute"),
        "{}",
        first.text
    );
    run.tell(Event::Limits { down_bps: Some(20 * 1024), up_bps: None });
    assert_eq!(run.first().code, VerdictCode::Healthy, "we wanted it so");
    assert_eq!(flowing(40 * 1024, 31).first().code, VerdictCode::Healthy);
}

#[test]
fn stalled_comes_after_thirty_seconds_that_nothing_explains() {
    let mut run = flowing(1 << 20, 5);
    for peer in run.view().peers.iter().map(|record| record.key) {
        run.tell(Event::Interested { peer, by: Side::Us, interested: false });
    }
    run.send(&[], 0, 29);
    assert_eq!(run.first().code, VerdictCode::Unknown);
    assert!(run.view().stalled_for().is_none());
    run.wait(1);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::Stalled, Severity::Warn));
    assert_eq!(
        first.text,
        "Nothing has arrived for 30 seconds: 2 peers are connected, and none of them sends."
    );
    assert_eq!(run.view().stalled_for(), Some(Duration::from_secs(30)));
}

#[test]
fn stalled_without_anybody_names_the_reasons() {
    let mut run = Script::downloading(100);
    let peers = run.peers(5);
    for peer in &peers[..3] {
        run.fail(*peer, Cause::ConnectionRefused);
    }
    for peer in &peers[3..] {
        run.fail(*peer, Cause::ConnectTimeout);
    }
    run.wait(40);
    let first = run.first();
    assert_eq!(first.code, VerdictCode::Stalled);
    assert_eq!(
        first.text,
        "Nothing has arrived for 40 seconds: none of the 5 peers shook hands (3 refused, 2 no answer)."
    );
}

#[test]
fn where_all_refuse_nothing_near_us_is_blamed() {
    let advice = |cause| {
        let mut run = Script::downloading(100);
        let peers = run.peers(2);
        run.fail(peers[0], Cause::ConnectionRefused).fail(peers[1], cause).wait(5);
        let first = run.first();
        assert_eq!(first.code, VerdictCode::Stalled, "{}", first.text);
        first.advice
    };
    assert!(advice(Cause::ConnectionRefused).starts_with("look whether clients run there"));
    assert!(advice(Cause::ClosedBeforeHandshake).contains("it is near us"));
}

#[test]
fn going_well_ends_with_the_last_live_peer() {
    let mut run = Script::downloading(10_000);
    let peers = run.peers(4);
    run.fail(peers[0], Cause::ConnectionRefused);
    for peer in &peers[1..3] {
        run.seed(*peer).unchoke(*peer);
    }
    run.send(&peers[1..3], 1 << 20, 5);
    assert_eq!(run.first().code, VerdictCode::Healthy);
    run.end(peers[1], Cause::ResetByPeer)
        .end(peers[2], Cause::ClosedByPeer)
        .fail(peers[3], Cause::ConnectTimeout);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::Unknown, Severity::Warn));
    assert_eq!(
        first.text,
        "Nobody is connected: 2 of the 4 peers shook hands and went away; 2 failed (1 refused, 1 no answer)."
    );
    run.wait(40);
    let first = run.first();
    assert_eq!(first.code, VerdictCode::Stalled);
    assert!(first.text.contains("2 of the 4 peers shook hands and went away"), "{}", first.text);
}

#[test]
fn a_start_that_goes_badly_says_why_at_once() {
    let mut run = Script::downloading(100);
    let peers = run.peers(4);
    for peer in &peers[..3] {
        run.fail(*peer, Cause::NotBittorrent);
    }
    run.dial(peers[3]);
    assert_eq!(run.first().text, "Getting started: 1 peer is being tried, 3 failed (3 not BT).");
    run.wait(40);
    let text = run.first().text;
    assert!(text.ends_with("none of the 4 peers shook hands (3 not BT); 1 peer is being tried."), "{text}");
}

#[test]
fn unknown_is_what_can_be_said_at_the_start() {
    let mut run = Script::downloading(100);
    run.tracker(0);
    assert_eq!(run.first().code, VerdictCode::Unknown);
    assert_eq!(run.first().text, "Asking 1 tracker for peers.");
    let peers = run.peers(3);
    run.dial(peers[0]);
    assert_eq!(run.first().text, "Getting started: 1 peer is being tried, 2 to be tried.");
    run.live(peers[1]);
    assert_eq!(run.first().text, "Getting started: 1 peer is connected, nothing has come yet.");
    // Between two looks at the rules the funnel has it first.
    run.seed(peers[1]).unchoke(peers[1]).wait_ms(10).tell(Event::FirstBlock { peer: peers[1] });
    let view = run.view();
    assert_eq!(view.funnel.transferring, 1);
    assert!(!view.verdicts[0].text.contains("nothing has come"), "{}", view.verdicts[0].text);
}

#[test]
fn how_well_it_goes_is_what_the_rate_says() {
    let mut run = Script::downloading(100_000);
    let peers = run.open_seeds(1);
    run.tell(Event::FirstBlock { peer: peers[0] });
    let first = run.first();
    assert_eq!(
        (first.code, first.text.split_once('.').unwrap().0),
        (VerdictCode::Healthy, "Getting started")
    );
    run.send(&peers, 24 * 1024, 5);
    let first = run.first();
    assert!(first.text.starts_with("Data arrives. The one live peer is sending; the rest"), "{}", first.text);
    assert!(first.brief.0.starts_with("Data arrives. 1 peer is sending; the rest"), "{}", first.brief.0);
    run.send(&peers, 1 << 20, 5);
    assert!(run.first().text.starts_with("Going well. "));
}

#[test]
fn ranks_by_weight_after_what_judges_the_whole() {
    let mut run = flowing(1 << 20, 3);
    run.tell(Event::Listening { port: 6881 }).tell(Event::Limits { down_bps: Some(1 << 20), up_bps: None });
    let first_peer = run.view().peers[0].key;
    run.wait(200).send(&[first_peer], 1 << 20, 5);
    assert_eq!(run.codes(), [VerdictCode::Healthy, VerdictCode::PortUnreached, VerdictCode::OwnLimits]);
}

#[test]
fn what_is_over_is_told_at_once_and_what_may_still_come_is_waited_for() {
    let mut run = Script::downloading(100);
    let peers = run.peers(3);
    run.fail_all(&peers[..2], Cause::ConnectionRefused);
    assert_eq!(run.first().code, VerdictCode::Unknown, "one was not dialled yet");
    run.connect(peers[2]).end(peers[2], Cause::HandshakeTimeout);
    run.tell(Event::NextTry { peer: peers[2], at: Some(run.at) });
    assert_eq!(run.first().code, VerdictCode::Unknown, "it is dialled in another way at once");
    run.begin(peers[2], Direction::Out, Encryption::Mse);
    assert_eq!(run.first().code, VerdictCode::Unknown, "it is being dialled");
    run.end(peers[2], Cause::HandshakeTimeout);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::Stalled, Severity::Warn));
    assert_eq!(first.text, "Nothing arrives: none of the 3 peers shook hands (2 refused, 1 silent).");
    run.dial(peers[0]);
    assert_eq!(run.first().code, VerdictCode::Stalled, "a second round does not take it back");
    run.live(peers[0]);
    assert_eq!(run.first().code, VerdictCode::Unknown);

    let mut asked = Script::downloading(100);
    asked.tracker(0);
    let peer = asked.peers(1)[0];
    asked.fail(peer, Cause::ConnectionRefused);
    assert_eq!(asked.first().code, VerdictCode::Unknown, "the tracker may name others");
}

#[test]
fn nothing_is_praised_and_no_time_is_told_before_three_seconds_of_data() {
    let mut run = Script::downloading(100);
    let peers = run.open_seeds(2);
    for second in 1..=5 {
        run.second(&peers, 100_000);
        let (first, eta) = (run.first(), run.view().eta);
        let known = second >= 3;
        assert_eq!(
            (eta.is_some(), first.text.contains("arrives in")),
            (known, known),
            "{second}: {}",
            first.text
        );
        assert_eq!(first.text.starts_with("Going well."), known, "{second}: {}", first.text);
        assert_eq!((first.code, first.severity == Severity::Good), (VerdictCode::Healthy, known), "{second}");
    }
    // Between two seconds nothing moves, so that header and verdict tell the same.
    let eta = run.view().eta;
    let piece = run.piece(0);
    run.wait_ms(400).tell(Event::PieceVerified { piece, from: peers });
    assert_eq!(run.view().eta, eta);
}
