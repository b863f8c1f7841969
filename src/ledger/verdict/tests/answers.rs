//! What those say that answer and are not what was asked for.

use super::*;

/// A handshake for another torrent, whose info-hash repeats this byte.
fn other_torrent(run: &mut Script, peer: PeerKey, torrent: u8) {
    let mut received = b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x05".to_vec();
    received.extend([torrent; 20]);
    received.extend(b"-TR4060-abcdefghijkl");
    run.connect(peer).tell(Event::HandshakeBytes { peer, received }).end(peer, Cause::InfoHashMismatch);
}

/// An answer that no BitTorrent client gives.
fn foreign(run: &mut Script, peer: PeerKey, what: LooksLike, received: &[u8]) {
    let received = received.to_vec();
    run.connect(peer).tell(Event::HandshakeBytes { peer, received }).tell(Event::LooksLike { peer, what });
    run.end(peer, Cause::NotBittorrent);
}

#[test]
fn other_torrent_is_what_all_say_once_the_dials_ended() {
    let mut run = Script::downloading(100);
    let peers = run.peers(8);
    peers[..4].iter().for_each(|peer| other_torrent(&mut run, *peer, 9));
    assert_eq!(run.first().code, VerdictCode::Unknown, "four, and four to come");
    peers[4..7].iter().for_each(|peer| other_torrent(&mut run, *peer, 9));
    assert_eq!(run.first().code, VerdictCode::OtherTorrent, "seven of seven, whatever the last one says");
    other_torrent(&mut run, peers[7], 9);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::OtherTorrent, Severity::Warn));
    assert_eq!(
        first.text,
        "Nothing arrives: all 8 peers that answered share another torrent: 0909090909090909090909090909090909090909. Either the tracker mixes torrents up, or a newer torrent has replaced this one."
    );
    assert_eq!(first.advice, "look for the current .torrent where this one came from.");
    run.wait(60);
    assert_eq!(run.first().code, VerdictCode::OtherTorrent, "it explains, so nothing is called stalled");
    run.dial(peers[0]);
    assert_eq!(run.first().code, VerdictCode::OtherTorrent, "dialling again does not take it back");
    for peer in run.peers(3) {
        run.live(peer);
    }
    assert!(run.verdict(VerdictCode::OtherTorrent).is_none(), "eight of eleven are not most");

    let mut mixed = Script::downloading(100);
    for (peer, torrent) in mixed.peers(3).into_iter().zip(1..) {
        other_torrent(&mut mixed, peer, torrent);
    }
    assert!(mixed.first().text.ends_with("share other torrents. The tracker seems to mix torrents up."));
    let more = mixed.peers(1)[0];
    mixed.connect(more).end(more, Cause::ClosedBeforeHandshake);
    assert_eq!(mixed.first().code, VerdictCode::Stalled, "three of four are few");
}

#[test]
fn answered_by_others_needs_answers_that_are_alike() {
    let page = b"HTTP/1.1 302 Found\r\nLocation: http://login.hotel.example/\r\n";
    let mut run = Script::downloading(100);
    let peers = run.peers(8);
    peers.iter().for_each(|peer| foreign(&mut run, *peer, LooksLike::Http, page));
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::AnsweredByOthers, Severity::Warn));
    assert_eq!(
        first.text,
        "Nothing arrives: all 8 peers that answered are no BitTorrent client but http: \
         “HTTP/1.1 302 Found\\r\\nLocation: ht…”. Something on the way (a portal, a proxy) seems to answer in their place."
    );
    let mut unlike = Script::downloading(100);
    let peers = unlike.peers(8);
    for (number, peer) in peers.iter().enumerate() {
        let what = if number % 2 == 0 { LooksLike::Http } else { LooksLike::Ssh };
        foreign(&mut unlike, *peer, what, b"what it says");
    }
    assert_eq!(unlike.first().code, VerdictCode::Stalled, "web pages and shells: services of their own");
    let mut garbage = Script::downloading(100);
    for (number, peer) in (1..).zip(garbage.peers(6)) {
        foreign(&mut garbage, peer, LooksLike::Unknown, &[number; 20]);
    }
    assert_eq!(garbage.first().code, VerdictCode::Stalled, "bytes that are not alike");
}

#[test]
fn encryption_is_wanted_where_our_setting_forbids_the_try_that_would_tell() {
    let hung_up_on = |plain_only: bool| {
        let mut run = Script::downloading(100);
        if plain_only {
            run.tell(Event::PlainOnly);
        }
        let peers = run.peers(6);
        run.refuse_hands(&peers, Cause::ClosedBeforeHandshake);
        run
    };
    let first = hung_up_on(true).first();
    assert_eq!((first.code, first.severity), (VerdictCode::EncryptionWanted, Severity::Warn));
    assert!(
        first.text.starts_with("Nothing arrives: all 6 peers that answered hang up on our plain handshake.")
    );
    assert_eq!(first.advice, "start ttui with --encryption prefer-plain.");
    assert_eq!(
        hung_up_on(false).first().code,
        VerdictCode::Stalled,
        "the encrypted try tells that it is not it"
    );
}
