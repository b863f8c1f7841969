//! All peers together: groups, steps, losses, calls.

use super::*;

fn known_causes(loss: &Loss) -> Vec<(&'static str, u32)> {
    loss.causes
        .iter()
        .map(|(cause, count)| (cause.map_or("on its way", |cause| cause.info().code), *count))
        .collect()
}

#[test]
fn puts_every_peer_in_one_group_and_counts_its_losses() {
    let mut run = Script::downloading(4);
    let peers = run.peers(12);
    run.fail(peers[0], Cause::ConnectTimeout).fail(peers[1], Cause::ConnectTimeout);
    run.fail(peers[2], Cause::ConnectionRefused).dial(peers[3]);
    run.connect(peers[4]).end(peers[4], Cause::ClosedBeforeHandshake).connect(peers[5]);
    run.seed(peers[6]).seed(peers[7]).unchoke(peers[7]).seed(peers[8]).unchoke(peers[8]);
    run.tell(Event::FirstBlock { peer: peers[8] }).asked_in_vain(peers[7]).asked_in_vain(peers[8]);
    run.live(peers[9]).end(peers[9], Cause::ClosedByPeer);
    run.tell(Event::NotDialled { peer: peers[10], cause: Some(Cause::InvalidAddress) });
    run.wait(11);
    let view = run.view();
    assert_eq!(
        view.funnel,
        Funnel { known: 12, dialled: 10, connected: 6, handshaken: 4, unchoked: 2, transferring: 1 }
    );
    assert_eq!(view.groups, Groups { live: 3, trying: 2, failed: 5, left: 1, queued: 1, banned: 0 });
    assert_eq!(known_causes(&view.losses[0]), [("queued", 1), ("invalid_address", 1)]);
    assert_eq!(
        known_causes(&view.losses[1]),
        [("connect_timeout", 2), ("connection_refused", 1), ("on its way", 1)]
    );
    assert_eq!(known_causes(&view.losses[2]), [("closed_before_handshake", 1), ("on its way", 1)]);
    assert_eq!(known_causes(&view.losses[3]), [("never_unchoked", 1), ("closed_by_peer", 1)]);
    assert_eq!(view.serving, Serving { unchoked: 2, sending: 0 }, "who sent for long is not who sends");
    assert_eq!(known_causes(&view.losses[4]), [("snubbed", 2)]);
}

#[test]
fn the_last_steps_count_who_serves_us_now() {
    let mut run = Script::downloading(4);
    let peers = run.open_seeds(4);
    run.send(&peers, 1000, 2);
    assert_eq!(run.view().way(), [4, 4, 4, 4, 4, 4]);
    run.tell(Event::Choking { peer: peers[0], by: Side::Them, choking: true });
    run.end(peers[1], Cause::ClosedByPeer);
    run.tell(Event::Held { peer: peers[2], held: true });
    run.send(&peers[3..], 1000, 5);
    let view = run.view();
    assert_eq!((view.way(), view.funnel.unchoked), ([4, 4, 4, 4, 2, 1], 4));
    assert_eq!(known_causes(&view.losses[3]), [("never_unchoked", 1), ("closed_by_peer", 1)]);
    assert_eq!(known_causes(&view.losses[4]), [("held", 1)], "whom we hold is not silent");
    run.phase(Phase::Paused);
    let view = run.view();
    assert_eq!((view.way(), view.rates), ([4, 4, 4, 4, 2, 0], Sample::default()), "at once");
    assert_eq!(known_causes(&view.losses[4]), [("held", 1), ("torrent_paused", 1)]);
    assert!(view.peers.iter().all(|record| !record.is_sending(view.at)));
    run.phase(Phase::Downloading).send(&peers[3..], 1000, 1);
    assert_eq!(run.view().way(), [4, 4, 4, 4, 2, 1]);
    run.send(&peers[3..], 1000, 2).phase(Phase::Seeding);
    assert_eq!((run.view().serving.sending, run.view().rates.down_bps), (0, 0), "complete: nothing comes");
}

#[test]
fn counts_a_connection_to_ourselves_nowhere() {
    let mut run = Script::downloading(4);
    let peers = run.peers(2);
    run.connect(peers[0]).end(peers[0], Cause::SelfConnection);
    let view = run.view();
    assert_eq!((view.funnel.known, view.groups.failed, view.peers.len()), (1, 0, 2));
}

#[test]
fn counts_calls_from_outside() {
    let mut run = Script::downloading(4);
    run.called_by("192.168.1.7:5000");
    run.called_by("80.9.9.9:5000");
    run.tell(Event::IncomingFailed { addr: "80.9.9.10".parse().unwrap(), cause: Cause::NotBittorrent });
    assert_eq!(run.view().incoming, IncomingCounts { public_handshaken: 1, handshaken: 2, failed: 1 });
    let view = run.view();
    assert_eq!((view.funnel.dialled, view.funnel.connected), (2, 2), "who called us counts as dialled");
}

#[test]
fn counts_failed_calls_by_address_and_cause_and_never_our_own() {
    let mut run = Script::downloading(4);
    let addr = "80.1.1.1".parse().unwrap();
    for cause in [Cause::UnknownInfoHash, Cause::NotBittorrent, Cause::UnknownInfoHash, Cause::SelfConnection]
    {
        run.tell(Event::IncomingFailed { addr, cause });
    }
    let view = run.view();
    let of = |cause, count| FailedCalls { addr: Some(addr), cause, count };
    assert_eq!(*view.failed_calls, [of(Cause::NotBittorrent, 1), of(Cause::UnknownInfoHash, 2)]);
    assert_eq!(view.incoming.failed, 3);
}

#[test]
fn folds_the_oldest_peers_that_never_shook_hands_and_still_counts_them() {
    let mut run = Script::with_ledger(4, Ledger::with_most_rows(facts(4), 64));
    run.tracker(0);
    let early = run.peers(40);
    run.live(early[3]);
    for peer in &early[10..20] {
        run.fail(*peer, Cause::ConnectTimeout);
    }
    run.peers(400);
    let view = run.view();
    assert!(view.peers.len() <= 64, "{} rows", view.peers.len());
    assert!(view.peers.iter().any(|record| record.key == early[3]), "it shook hands");
    assert!(view.peers.iter().all(|record| record.key != early[10]), "an old failed one");
    assert_eq!((view.funnel.known, view.groups.failed, view.groups.live), (440, 10, 1));
    assert_eq!(known_causes(&view.losses[1]), [("connect_timeout", 10)]);
    assert_eq!(view.trackers[0].peers, 440);
    run.dial(early[10]);
    let view = run.view();
    assert_eq!(find(&view, early[10]).group, Group::Trying, "it came back when it was dialled again");
    assert_eq!((view.funnel.known, view.groups.failed, view.groups.trying), (440, 9, 1));
}

#[test]
fn folds_those_that_shook_hands_and_are_gone_when_there_are_no_others() {
    let mut run = Script::with_ledger(4, Ledger::with_most_rows(facts(4), 64));
    let stays = run.peers(1)[0];
    run.live(stays);
    for _ in 0..400 {
        let peer = run.peers(1)[0];
        run.live(peer).end(peer, Cause::ClosedByPeer);
    }
    let view = run.view();
    assert!(view.peers.len() <= 64, "{} rows", view.peers.len());
    assert!(view.peers.iter().any(|record| record.key == stays), "it is connected");
    assert_eq!((view.funnel.known, view.funnel.handshaken), (401, 401));
    assert_eq!((view.groups.live, view.groups.left), (1, 400));
}

#[test]
fn keeps_fewer_attempts_of_each_of_a_crowd() {
    let mut run = Script::downloading(4);
    let peers = run.peers(300);
    for _ in 0..9 {
        run.wait(60).fail(peers[7], Cause::ConnectTimeout);
    }
    let numbers: Vec<u32> = run.record(peers[7]).attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, [6, 7, 8, 9]);
}
