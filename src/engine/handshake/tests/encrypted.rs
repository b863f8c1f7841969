use tokio::io::{DuplexStream, duplex};

use super::*;
use crate::metainfo::{InfoHash, PeerId};
use crate::wire::Reserved;
use crate::wire::mse::Payload;
use EncryptionPolicy::{Off, Prefer, PreferPlain, Require};

fn handshake(torrent: u8, id: u64) -> Handshake {
    Handshake { reserved: Reserved::OURS, info_hash: InfoHash([torrent; 20]), peer_id: PeerId::ours(id) }
}

/// With other keys.
fn their_mse() -> Mse {
    Mse::new(PreferPlain, 4)
}

type Met = Result<(Carrier<DuplexStream>, Handshaken), Box<Closed>>;

fn steps() -> (Steps, mailbox::Receiver<(ConnKey, At, Step)>) {
    let (to, steps) = mailbox::channel(MOST_STEPS);
    (Steps::new(ConnKey(1), Clock::start(), to), steps)
}

fn told(mut steps: mailbox::Receiver<(ConnKey, At, Step)>) -> Vec<Step> {
    std::iter::from_fn(|| steps.try_recv()).map(|(_, _, step)| step).collect()
}

async fn meet(
    calling: &Handshake,
    encrypted: bool,
    called: &Handshake,
    policy: EncryptionPolicy,
) -> (Met, Met) {
    // Narrow, so that what comes after comes in parts.
    let (here, there) = duplex(700);
    let (calls, takes) = (their_mse(), mse(policy));
    let steps = untold();
    let encryption = if encrypted { Encryption::Mse } else { Encryption::Plain };
    tokio::join!(
        call(here, calling, encryption, &calls, &steps),
        accept(there, (*called).into(), &takes, &steps)
    )
}

#[tokio::test(start_paused = true)]
async fn takes_plain_and_encrypted_calls_as_the_setting_says() {
    let table = [
        (false, PreferPlain, true),
        (false, Prefer, true),
        (false, Require, false),
        (false, Off, true),
        (true, PreferPlain, true),
        (true, Prefer, true),
        (true, Require, true),
        (true, Off, false),
    ];
    for (encrypted, policy, met) in table {
        let (out, inward) = meet(&handshake(7, 1), encrypted, &handshake(7, 2), policy).await;
        assert_eq!((out.is_ok(), inward.is_ok()), (met, met), "{encrypted} {policy:?}");
        match (out, inward) {
            (Ok((_, theirs)), Ok((_, ours))) => {
                assert_eq!((theirs.peer_id, ours.peer_id), (PeerId::ours(2), PeerId::ours(1)));
                assert_eq!(theirs.overhead.bytes_in, ours.overhead.bytes_out);
                assert_eq!(theirs.overhead.bytes_out, ours.overhead.bytes_in);
                assert_eq!(theirs.overhead.bytes_in > 96, encrypted);
            }
            (_, Err(end)) => {
                let expected = if encrypted { Cause::NotBittorrent } else { Cause::EncryptionMismatch };
                assert_eq!(end.cause, expected);
            }
            other => panic!("one met nobody: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_bare_connection_is_handed_back_where_messages_are_plain() {
    let (out, inward) = meet(&handshake(7, 1), true, &handshake(7, 2), PreferPlain).await;
    let (Carrier::Bare(mut here), Carrier::Bare(mut there)) = (out.unwrap().0, inward.unwrap().0) else {
        panic!("both can do without RC4")
    };
    there.write_all(b"bitfield").await.unwrap();
    let mut came = [0; 8];
    here.read_exact(&mut came).await.unwrap();
    assert_eq!(&came, b"bitfield");
}

#[tokio::test(start_paused = true)]
async fn each_step_is_told() {
    let (here, there) = duplex(4096);
    let (ours, theirs) = (handshake(7, 1), handshake(7, 2));
    let ((out, out_steps), (inward, in_steps)) = (steps(), steps());
    let (calls, takes) = (their_mse(), mse(PreferPlain));
    let (a, b) = tokio::join!(
        call(here, &ours, Encryption::Mse, &calls, &out),
        accept(there, theirs.into(), &takes, &inward)
    );
    assert!(a.is_ok() && b.is_ok());
    let sent = |shake: &Handshake| Step::Sent(shake.to_bytes().to_vec());
    let received = |shake: &Handshake| Step::Received(shake.to_bytes().to_vec());
    let agreed = Step::Agreed(Payload::Plain);
    assert_eq!(told(out_steps), [sent(&ours), agreed.clone(), received(&theirs)]);
    assert_eq!(told(in_steps), [agreed, sent(&theirs), received(&ours)]);
}

#[tokio::test(start_paused = true)]
async fn who_we_are_and_what_for_is_asked_under_encryption_too() {
    let (out, inward) = meet(&handshake(7, 1), true, &handshake(7, 1), PreferPlain).await;
    assert_eq!(inward.unwrap_err().cause, Cause::SelfConnection);
    assert_eq!(out.unwrap_err().cause, Cause::SelfConnection);
    let (out, inward) = meet(&handshake(8, 1), true, &handshake(7, 2), PreferPlain).await;
    assert_eq!(inward.unwrap_err().cause, Cause::UnknownInfoHash);
    let end = out.unwrap_err();
    assert_eq!((end.cause, end.detail.as_deref()), (Cause::EncryptionFailed, Some("no_sync")));
    assert!(end.bytes_in > 96 && end.bytes_out > 96 + 68, "{end:?}");
}

/// How an encrypted call ends when the peer sends these bytes, and then closes or stays silent.
async fn answered(bytes: &[u8], then_close: bool) -> Closed {
    let (here, mut there) = duplex(8192);
    there.write_all(bytes).await.unwrap();
    if then_close {
        there.shutdown().await.unwrap();
    }
    let mse = mse(PreferPlain);
    *call(here, &handshake(7, 1), Encryption::Mse, &mse, &untold()).await.unwrap_err()
}

/// The same for a call that we take.
async fn called_with(bytes: &[u8], then_close: bool) -> Closed {
    let (here, mut there) = duplex(8192);
    there.write_all(bytes).await.unwrap();
    if then_close {
        there.shutdown().await.unwrap();
    }
    *accept(here, handshake(7, 1).into(), &mse(PreferPlain), &untold()).await.unwrap_err()
}

fn noise(n: usize) -> Vec<u8> {
    let mut bytes = vec![0; n];
    fastrand::Rng::with_seed(4).fill(&mut bytes);
    bytes[0] = 0x7f;
    bytes
}

#[tokio::test(start_paused = true)]
async fn every_way_an_encrypted_dial_fails_has_its_cause() {
    let plain = handshake(7, 2).to_bytes();
    let table: &[(&[u8], bool, Cause, Option<&str>)] = &[
        (b"", true, Cause::ClosedBeforeHandshake, None),
        (b"", false, Cause::HandshakeTimeout, None),
        (&plain, false, Cause::EncryptionMismatch, Some("it answered without encryption")),
        (&[0; 96], false, Cause::EncryptionFailed, Some("bad_key")),
        (&[0xff; 96], false, Cause::EncryptionFailed, Some("bad_key")),
        (&noise(50), true, Cause::EncryptionFailed, Some("no_sync")),
        (&noise(96), true, Cause::EncryptionFailed, Some("no_sync")),
        (&noise(200), false, Cause::EncryptionFailed, Some("no_sync")),
        (&noise(4096), false, Cause::EncryptionFailed, Some("no_sync")),
    ];
    for (bytes, close, cause, detail) in table {
        let began = Instant::now();
        let end = answered(bytes, *close).await;
        assert_eq!((end.cause, end.detail.as_deref()), (*cause, *detail), "{} bytes", bytes.len());
        assert!(began.elapsed() <= Duration::from_secs(10));
        assert!(end.bytes_in <= 96 + 512 + 14, "it read on: {end:?}");
    }
    let web = answered(b"HTTP/1.1 400 Bad Request\r\n\r\n", false).await;
    assert_eq!(web.cause, Cause::NotBittorrent);
    assert!(web.detail.unwrap().contains("looks like http"));
}

#[tokio::test(start_paused = true)]
async fn every_way_an_encrypted_call_fails_has_its_cause() {
    let table: &[(&[u8], bool, Cause, Option<&str>)] = &[
        (b"", true, Cause::ClosedBeforeHandshake, None),
        (b"", false, Cause::HandshakeTimeout, None),
        (&[0; 96], false, Cause::EncryptionFailed, Some("bad_key")),
        (&[0xff; 200], false, Cause::EncryptionFailed, Some("bad_key")),
        (&noise(96), true, Cause::EncryptionFailed, Some("no_sync")),
        (&noise(300), false, Cause::EncryptionFailed, Some("no_sync")),
        (&noise(4096), false, Cause::EncryptionFailed, Some("no_sync")),
    ];
    for (bytes, close, cause, detail) in table {
        let began = Instant::now();
        let end = called_with(bytes, *close).await;
        assert_eq!((end.cause, end.detail.as_deref()), (*cause, *detail), "{} bytes", bytes.len());
        assert!(began.elapsed() <= Duration::from_secs(10));
        assert!(end.bytes_in <= 96 + 512 + 56, "it read on: {end:?}");
    }
    for (bytes, like) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "http"),
        (b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(), "ssh"),
        ([&[0x16, 3, 1, 2, 0][..], &noise(600)].concat(), "tls"),
        (noise(50), "encrypted"),
        (b"\x13BitTorrent Protocol".to_vec(), "unknown"),
    ] {
        let end = called_with(&bytes, like == "unknown" || like == "encrypted").await;
        assert_eq!(end.cause, Cause::NotBittorrent, "{like}");
        assert!(end.detail.as_ref().unwrap().contains(&format!("looks like {like}")), "{end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn words_are_known_at_once() {
    let began = Instant::now();
    assert_eq!(called_with(b"GET / HTTP/1.0\r\n\r\n", false).await.cause, Cause::NotBittorrent);
    assert!(began.elapsed() <= Duration::from_millis(201), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_drips_is_cut_off_in_time() {
    let (here, mut there) = duplex(8192);
    let drip = tokio::spawn(async move {
        for byte in noise(1000) {
            tokio::time::sleep(Duration::from_millis(90)).await;
            if there.write_all(&[byte]).await.is_err() {
                return;
            }
        }
    });
    let began = Instant::now();
    let end = accept(here, handshake(7, 1).into(), &mse(PreferPlain), &untold()).await.unwrap_err();
    assert_eq!((end.cause, end.detail.as_deref()), (Cause::EncryptionFailed, Some("no_sync")));
    assert!(began.elapsed() <= Duration::from_millis(10_001), "{:?}", began.elapsed());
    drip.abort();
}
