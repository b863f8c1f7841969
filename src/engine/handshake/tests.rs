mod encrypted;

use tokio::io::{DuplexStream, duplex};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

use super::*;
use crate::metainfo::{InfoHash, PeerId};
use crate::peer::MOST_STEPS;
use crate::wire::Reserved;

fn ours() -> Handshake {
    Handshake { reserved: Reserved::OURS, info_hash: InfoHash([7; 20]), peer_id: PeerId::ours(1) }
}

fn theirs() -> Handshake {
    Handshake { reserved: Reserved::default(), info_hash: InfoHash([7; 20]), peer_id: PeerId::ours(2) }
}

fn mse(policy: EncryptionPolicy) -> Mse {
    Mse::new(policy, 3)
}

fn untold() -> Steps {
    Steps::untold(Clock::start())
}

async fn call_plain(
    here: DuplexStream,
    steps: &Steps,
) -> Result<(Carrier<DuplexStream>, Handshaken), Box<Closed>> {
    call(here, &ours(), Encryption::Plain, &mse(EncryptionPolicy::default()), steps).await
}

/// Shakes hands with a peer that sends `parts`, a second apart, and then closes or stays silent.
async fn meet(parts: &[&[u8]], then_close: bool, inward: bool) -> Result<Handshaken, Box<Closed>> {
    let (here, mut there) = duplex(4096);
    let parts: Vec<Vec<u8>> = parts.iter().map(|part| part.to_vec()).collect();
    let peer = tokio::spawn(async move {
        for part in parts {
            there.write_all(&part).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if !then_close {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    });
    let result = if inward {
        accept(here, ours().into(), &mse(EncryptionPolicy::default()), &untold()).await
    } else {
        call_plain(here, &untold()).await
    };
    peer.abort();
    result.map(|(_, shaken)| shaken)
}

async fn end(parts: &[&[u8]], then_close: bool) -> Closed {
    *meet(parts, then_close, false).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_handshake_split_anywhere_is_understood() {
    let bytes = theirs().to_bytes();
    for at in [1, 19, 20, 28, 47, 48, 49, 67, 68] {
        for inward in [false, true] {
            let shaken = meet(&[&bytes[..at], &bytes[at..]], false, inward).await.unwrap();
            assert_eq!((shaken.peer_id, shaken.reserved), (theirs().peer_id, theirs().reserved));
        }
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert!(meet(&single, false, false).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn bytes_after_the_handshake_are_left_for_the_reader_of_messages() {
    let (here, mut there) = duplex(4096);
    let mut bytes = theirs().to_bytes().to_vec();
    bytes.extend([0, 0, 0, 1, 2]);
    there.write_all(&bytes).await.unwrap();
    let (Carrier::Bare(mut here), _) = call_plain(here, &untold()).await.unwrap() else {
        panic!("encrypted, where a plain one was asked for")
    };
    let mut rest = [0; 5];
    here.read_exact(&mut rest).await.unwrap();
    assert_eq!(rest, [0, 0, 0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn nothing_at_all_is_closed_or_silent() {
    let closed = end(&[], true).await;
    assert_eq!((closed.cause, closed.bytes_in), (Cause::ClosedBeforeHandshake, 0));
    let began = Instant::now();
    let silent = end(&[], false).await;
    assert_eq!((silent.cause, silent.bytes_out), (Cause::HandshakeTimeout, 68));
    assert_eq!(began.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_right_beginning_that_stops_is_cut_short_however_it_stops() {
    let bytes = theirs().to_bytes();
    for (at, close) in [(1, true), (20, false), (47, true), (48, true), (67, false)] {
        let end = end(&[&bytes[..at]], close).await;
        assert_eq!((end.cause, end.bytes_in), (Cause::HandshakeTruncated, at as u64));
        assert!(end.detail.unwrap().starts_with(&format!("{at} of 68")));
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_wrong_byte_decides_however_few_came() {
    for (bytes, like) in [
        (&b"H"[..], "unknown"),
        (b"HTTP/1.1 400 Bad\r\n", "http"),
        (b"SSH-2.0-x\r\n", "ssh"),
        (&[0; 68], "zeros"),
    ] {
        for close in [true, false] {
            let began = Instant::now();
            let end = end(&[bytes], close).await;
            assert_eq!(end.cause, Cause::NotBittorrent);
            let detail = end.detail.unwrap();
            assert!(detail.contains(&format!("looks like {like}: \"")), "{detail}");
            assert!(began.elapsed() <= Duration::from_millis(201));
        }
    }
    let split = end(&[b"H", b"TTP/1.0 200"], false).await;
    assert!(
        split.detail.unwrap().contains("looks like http: \"HTTP/1.0 200\""),
        "what comes within 200 ms is looked at"
    );
    let mut late_difference = theirs().to_bytes();
    late_difference[19] = b'L';
    assert_eq!(end(&[&late_difference[..20]], true).await.cause, Cause::NotBittorrent);
}

#[tokio::test(start_paused = true)]
async fn another_torrent_is_told_apart_by_who_called() {
    let other = Handshake { info_hash: InfoHash([8; 20]), ..theirs() }.to_bytes();
    for bytes in [&other[..48], &other[..]] {
        let end = end(&[bytes], true).await;
        assert_eq!(end.cause, Cause::InfoHashMismatch);
        assert_eq!(end.bytes_in, bytes.len() as u64);
        let end = meet(&[bytes], true, true).await.unwrap_err();
        assert_eq!((end.cause, end.bytes_out), (Cause::UnknownInfoHash, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn our_own_peer_id_is_ourselves() {
    let end = end(&[&ours().to_bytes()], false).await;
    assert_eq!(end.cause, Cause::SelfConnection);
    let end = meet(&[&ours().to_bytes()], false, true).await.unwrap_err();
    assert_eq!(end.cause, Cause::SelfConnection);
}

async fn steps_of(mut there: DuplexStream, here: DuplexStream, bytes: Vec<u8>) -> Vec<Step> {
    let (to, mut steps) = mailbox::channel(10);
    there.write_all(&bytes).await.unwrap();
    drop(there);
    let _ = call_plain(here, &Steps::new(ConnKey(3), Clock::start(), to)).await;
    let mut seen = Vec::new();
    while let Some((conn, _, step)) = steps.recv().await {
        assert_eq!(conn, ConnKey(3));
        seen.push(step);
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn steps_tell_what_was_sent_and_what_came() {
    let (here, there) = duplex(4096);
    let seen = steps_of(there, here, theirs().to_bytes()[..30].to_vec()).await;
    // The peer has closed already, so ours cannot be written; what it said still counts.
    assert_eq!(seen, [Step::Received(theirs().to_bytes()[..30].to_vec())]);
    let (here, mut there) = duplex(4096);
    let (to, mut steps) = mailbox::channel(10);
    there.write_all(&theirs().to_bytes()).await.unwrap();
    call_plain(here, &Steps::new(ConnKey(4), Clock::start(), to)).await.unwrap();
    let sent = Step::Sent(ours().to_bytes().to_vec());
    assert_eq!(steps.recv().await, Some((ConnKey(4), At::ZERO, sent)));
    let received = Step::Received(theirs().to_bytes().to_vec());
    assert_eq!(steps.recv().await, Some((ConnKey(4), At::ZERO, received)));
    assert_eq!(steps.recv().await, None);
}

async fn dialled(listener: &TcpListener) -> Result<(TcpStream, Handshaken), Box<Closed>> {
    let addr = listener.local_addr().unwrap();
    let mse = mse(EncryptionPolicy::default());
    let (ours, steps) = (ours(), untold());
    let dial = dial(addr, Over::Tcp, &ours, Encryption::Plain, &mse, &steps);
    match timeout(Duration::from_secs(15), dial).await.unwrap()? {
        (Carrier::Bare(Line::Tcp(stream)), shaken) => Ok((stream, shaken)),
        other => panic!("{other:?} for a plain dial"),
    }
}

#[tokio::test]
async fn nobody_listening_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let mse = mse(EncryptionPolicy::default());
    let end = dial(addr, Over::Tcp, &ours(), Encryption::Plain, &mse, &untold()).await.unwrap_err();
    assert_eq!(end.cause, Cause::ConnectionRefused);
    assert_eq!(end.error.unwrap().code, Some(rustix::io::Errno::CONNREFUSED.raw_os_error()));
}

#[tokio::test]
async fn who_is_connected_second_writes_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (addr, race, mse) = (listener.local_addr().unwrap(), Race::default(), mse(EncryptionPolicy::Off));
    assert!(race.clone().win());
    let (steps, told) = mailbox::channel(MOST_STEPS);
    let steps = Steps::new(ConnKey(4), Clock::start(), steps);
    let end = dial_in(&race, addr, Over::Tcp, &ours(), Encryption::Plain, &mse, &steps).await.unwrap_err();
    assert_eq!((end.cause, end.bytes_out), (Cause::LostRace, 0));
    let (mut stream, _) = listener.accept().await.unwrap();
    assert_eq!(stream.read(&mut [0; 68]).await.unwrap(), 0, "it is closed without a byte");
    assert_eq!({ told }.try_recv(), None, "nor was it connected, as far as is told");
}

#[tokio::test]
async fn dials_and_shakes_hands_over_a_real_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (shaken, met) = tokio::join!(dialled(&listener), async {
        let (stream, _) = listener.accept().await.unwrap();
        accept(stream, theirs().into(), &mse(EncryptionPolicy::Off), &untold()).await.unwrap()
    });
    let (Carrier::Bare(mut peer), met) = met else { panic!("encrypted, where a plain one was asked for") };
    assert_eq!((met.peer_id, met.reserved), (ours().peer_id, ours().reserved));
    let (mut stream, shaken) = shaken.unwrap();
    assert!(stream.nodelay().unwrap());
    assert_eq!(shaken.peer_id, theirs().peer_id);
    stream.write_all(b"x").await.unwrap();
    assert_eq!(peer.read_u8().await.unwrap(), b'x');
}

/// Drops the connection so that the other side sees a reset.
fn reset(peer: TcpStream) {
    socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
}

#[tokio::test]
async fn a_reset_is_told_from_a_close() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (result, ()) = tokio::join!(dialled(&listener), async {
        let (mut peer, _) = listener.accept().await.unwrap();
        let mut asked = [0; 68];
        peer.read_exact(&mut asked).await.unwrap();
        reset(peer);
    });
    let end = result.unwrap_err();
    assert_eq!(end.cause, Cause::ResetBeforeHandshake);
    assert_eq!(end.error.unwrap().code, Some(rustix::io::Errno::CONNRESET.raw_os_error()));
    let (result, ()) = tokio::join!(dialled(&listener), async {
        let (mut peer, _) = listener.accept().await.unwrap();
        let mut asked = [0; 68];
        peer.read_exact(&mut asked).await.unwrap();
    });
    assert_eq!(result.unwrap_err().cause, Cause::ClosedBeforeHandshake);
}
