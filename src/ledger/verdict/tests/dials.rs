//! Dials that come to nothing, and calls that never come.

use super::*;

#[test]
fn dials_time_out_needs_most_of_enough() {
    let mut run = Script::downloading(100);
    let peers = run.peers(50);
    for peer in &peers[..41] {
        run.fail(*peer, Cause::ConnectTimeout);
    }
    for peer in &peers[41..45] {
        run.fail(*peer, Cause::ConnectionRefused);
    }
    for peer in &peers[45..48] {
        run.seed(*peer);
    }
    run.wait(130);
    let verdicts = run.verdicts();
    let (first, second) = (&verdicts[0], &verdicts[1]);
    assert_eq!((first.code, first.severity), (VerdictCode::DialsTimeOut, Severity::Warn));
    assert!(first.text.starts_with("Nothing arrives: 41 of the 48 peers we dialled never answered. Either"));
    assert_eq!(first.advice, "run ttui check with another torrent; if that fails too, it is near us.");
    assert_eq!((evidence(first, "timed_out"), evidence(first, "dialled")), (41, 48));
    assert_eq!(
        second.text,
        "The 3 live peers are choking us (they serve others first). That often ends by itself."
    );

    let mut nearly = Script::downloading(100);
    let peers = nearly.peers(48);
    for peer in &peers[..37] {
        nearly.fail(*peer, Cause::ConnectTimeout);
    }
    for peer in &peers[37..] {
        nearly.fail(*peer, Cause::ConnectionRefused);
    }
    assert!(nearly.verdict(VerdictCode::DialsTimeOut).is_none(), "not eight of ten");
    let mut few = Script::downloading(100);
    for peer in few.peers(7) {
        few.fail(peer, Cause::ConnectTimeout);
    }
    assert!(few.verdict(VerdictCode::DialsTimeOut).is_none(), "too few to tell");
}

#[test]
fn encryption_wanted_by_those_our_setting_shuts_out() {
    let mut run = Script::downloading(100);
    let peers = run.peers(3);
    for peer in &peers[..2] {
        run.connect(*peer).end(*peer, Cause::EncryptionRequired);
    }
    assert!(run.verdict(VerdictCode::EncryptionWanted).is_none());
    run.connect(peers[2]).end(peers[2], Cause::EncryptionRequired);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::EncryptionWanted, Severity::Warn));
}

#[test]
fn encryption_wanted_by_those_that_hung_up_on_plain_handshakes() {
    let mut run = Script::downloading(100);
    let peers = run.peers(4);
    for peer in &peers {
        assert!(*peer == peers[3] || run.verdict(VerdictCode::EncryptionWanted).is_none());
        run.connect(*peer).end(*peer, Cause::ClosedBeforeHandshake);
        if *peer != peers[3] {
            run.begin(*peer, Direction::Out, Encryption::Mse).handshake(*peer, b"-TR4060-abcdefghijkl");
        }
    }
    let verdict = run.verdict(VerdictCode::EncryptionWanted).unwrap();
    assert_eq!(verdict.text, "3 of the 3 peers that shook hands did so only encrypted.");
}

#[test]
fn those_dialled_to_the_end_are_not_called_all_who_were_dialled() {
    let mut run = Script::downloading(100);
    let peers = run.peers(44);
    run.fail_all(&peers[..15], Cause::ConnectTimeout);
    run.fail_all(&peers[15..18], Cause::ConnectionRefused);
    let told = |run: &mut Script| run.verdict(VerdictCode::DialsTimeOut).unwrap().text;
    assert!(told(&mut run).contains("15 of the 18 peers we dialled never answered."));
    for peer in &peers[18..] {
        run.dial(*peer);
    }
    assert!(told(&mut run).contains("15 of the 18 peers dialled so far never answered."));
}

#[test]
fn port_unreached_needs_time_and_somebody_who_could_have_called() {
    let mut run = flowing(1 << 20, 1);
    run.tell(Event::Listening { port: 6881 });
    run.wait(179);
    assert!(run.verdict(VerdictCode::PortUnreached).is_none());
    run.wait(1);
    let verdict = run.verdict(VerdictCode::PortUnreached).unwrap();
    assert_eq!(verdict.severity, Severity::Warn);
    assert_eq!(
        verdict.text,
        "Nobody has reached us on port 6881 in 3 minutes. It may be closed; opening it can bring more peers."
    );
    run.called_by("192.168.1.4:5555");
    assert!(run.verdict(VerdictCode::PortUnreached).is_some(), "a neighbour proves nothing");
    run.called_by("81.2.3.4:5555");
    assert!(run.verdict(VerdictCode::PortUnreached).is_none());

    let mut local = Script::downloading(100);
    let peer = local.peer("127.0.0.1:6881");
    local.tell(Event::Listening { port: 6881 }).seed(peer).wait(300);
    assert!(local.verdict(VerdictCode::PortUnreached).is_none(), "nobody out there knows us");
}

#[test]
fn losses_are_called_usual_only_while_others_send() {
    let mut run = flowing(1 << 20, 3);
    let peers = run.peers(48);
    for peer in &peers[..17] {
        run.fail(*peer, Cause::ConnectTimeout);
    }
    for peer in &peers[17..28] {
        run.connect(*peer).end(*peer, Cause::ClosedBeforeHandshake);
    }
    let verdicts = run.verdicts();
    let note = verdicts[1..].iter().find(|verdict| verdict.code == VerdictCode::Healthy).unwrap();
    assert_eq!(note.severity, Severity::Info);
    assert_eq!(
        note.text,
        "28 of 50 peers failed, most of them simply offline. That is usual, and costs nothing."
    );
    run.wait(20);
    assert!(run.verdict(VerdictCode::Healthy).is_none());
}

#[test]
fn address_family_dead_needs_the_other_one_alive() {
    let mut run = Script::downloading(100);
    let v6: Vec<_> = (1..4).map(|n| run.peer(&format!("[2a01:4f8::{n}]:6881"))).collect();
    for peer in &v6 {
        run.fail(*peer, Cause::NetworkUnreachable);
    }
    let first = run.first();
    assert_eq!(
        (first.code, first.severity),
        (VerdictCode::AddressFamilyDead, Severity::Warn),
        "nobody else is known"
    );
    let v4 = run.peers(1)[0];
    run.live(v4);
    let verdict = run.verdict(VerdictCode::AddressFamilyDead).unwrap();
    assert_eq!(verdict.severity, Severity::Info);
    assert_eq!(verdict.text, "None of the 3 IPv6 peers can be reached: there is no route to them from here.");
    run.live(v6[0]);
    assert!(run.verdict(VerdictCode::AddressFamilyDead).is_none());
}

#[test]
fn an_address_family_that_is_silent_while_the_other_answers_is_dead() {
    let silent = |v4_silent: u32| {
        let mut run = Script::downloading(10_000);
        let v6: Vec<_> = (1..11).map(|n| run.peer(&format!("[2a01:4f8::{n}]:6881"))).collect();
        run.fail_all(&v6, Cause::ConnectTimeout);
        let others = run.peers(v4_silent);
        run.fail_all(&others, Cause::ConnectTimeout);
        let seeds = run.open_seeds(3);
        run.send(&seeds, 1 << 20, 3);
        run
    };
    let mut run = silent(0);
    assert_eq!(run.codes(), [VerdictCode::Healthy, VerdictCode::AddressFamilyDead]);
    let verdict = run.verdict(VerdictCode::AddressFamilyDead).unwrap();
    assert_eq!(
        verdict.text,
        "None of the 10 IPv6 peers can be reached: all are silent, while 3 of the 3 IPv4 peers answer."
    );
    assert_eq!((evidence(&verdict, "peers"), evidence(&verdict, "other_family")), (10, 3));
    // Where the others are as silent, it is the swarm that is old.
    assert!(silent(4).verdict(VerdictCode::AddressFamilyDead).is_none());
}
