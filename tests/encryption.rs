//! Message stream encryption over real sockets: between two of ours in every setting, and with peers that take
//! nothing but encryption.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

#[path = "common/support.rs"]
mod support;

use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use support::{Lab, Payload, Recipe, Script, Seed, Wire, call, peer_at, soon, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use ttui::engine::mse::Carrier;
use ttui::engine::{CheckOptions, Download, Options, check};
use ttui::event::{Attempt, Cause, Direction, Encryption, Payload as Messages};
use ttui::ledger::{PeerRecord, View};
use ttui::swarm::{EncryptionPolicy, TransportPolicy as Over};
use ttui::wire::Message;
use ttui::wire::mse::{Agreed, Negotiation, Offer, Outgoing, Step};

use Encryption::{Mse, Plain};
use EncryptionPolicy::{Off, Prefer, PreferPlain, Require};

const KIB: usize = 1024;
const PLAIN: Offer = Offer { plain: true, rc4: false };

fn payload() -> Arc<Payload> {
    Recipe::file("it", 500 * KIB + 77, 64 * KIB).make()
}

fn start(lab: &Lab, payload: &Payload, peers: &[SocketAddr], policy: (EncryptionPolicy, Over)) -> Download {
    let (encryption, transport) = policy;
    lab.start_with(payload, Options { encryption, transport, ..lab.options(peers) })
}

/// One of ours that has everything.
async fn seed(lab: &Lab, payload: &Payload, policy: (EncryptionPolicy, Over)) -> (Download, SocketAddr) {
    payload.lay_out(&lab.out());
    let mut seed = start(lab, payload, &[], policy);
    soon("the seed has looked at its files", seed.completed()).await.unwrap();
    let port = until(&seed, "the seed listens", |view| view.port).await;
    (seed, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

fn ways(record: &PeerRecord) -> Vec<(Encryption, bool)> {
    record.attempts.iter().map(|tried| (tried.encryption, tried.handshaken.is_some())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_ours_meet_in_every_setting_that_lets_them() {
    let table: &[(EncryptionPolicy, EncryptionPolicy, &[Encryption], bool)] = &[
        (PreferPlain, PreferPlain, &[Plain], true),
        (PreferPlain, Prefer, &[Plain], true),
        (PreferPlain, Require, &[Plain, Mse], true),
        (PreferPlain, Off, &[Plain], true),
        (Prefer, PreferPlain, &[Mse], true),
        (Prefer, Prefer, &[Mse], true),
        (Prefer, Require, &[Mse], true),
        (Prefer, Off, &[Mse, Plain], true),
        (Require, PreferPlain, &[Mse], true),
        (Require, Prefer, &[Mse], true),
        (Require, Require, &[Mse], true),
        (Require, Off, &[Mse], false),
        (Off, PreferPlain, &[Plain], true),
        (Off, Prefer, &[Plain], true),
        (Off, Require, &[Plain], false),
        (Off, Off, &[Plain], true),
    ];
    let payload = payload();
    let over = [Over::Tcp, Over::Utp];
    for ((ours, theirs, tries, met), over) in table.iter().flat_map(|row| over.map(|over| (row, over))) {
        let what = format!("{ours:?} calls {theirs:?} over {over:?}");
        let (from, into) = (Lab::new(), Lab::new());
        let (seed, addr) = seed(&from, &payload, (*theirs, over)).await;
        let mut download = start(&into, &payload, &[addr], (*ours, over));
        if *met {
            soon(&what, download.completed()).await.unwrap();
            payload.assert_at(&into.out());
        } else {
            until(&download, &what, |view| peer_at(view, addr)?.attempts.first()?.cause).await;
        }
        let view = download.view();
        let record = peer_at(&view, addr).unwrap();
        let last = tries.len() - 1;
        let expected: Vec<(Encryption, bool)> =
            tries.iter().enumerate().map(|(n, way)| (*way, *met && n == last)).collect();
        assert_eq!(ways(record), expected, "{what}");
        if *met {
            let required = [*ours, *theirs].contains(&Require);
            let messages = if required { Messages::Rc4 } else { Messages::Plain };
            assert_eq!(
                record.attempts[last].payload,
                Some(messages),
                "{what}: plain where both can do without"
            );
            let resolved = (tries[0] == Plain && last == 1).then_some(Cause::EncryptionRequired);
            assert_eq!(record.resolved(&record.attempts[0]), resolved, "{what}");
            let called = until(&seed, &what, |view| {
                let mut tries = view.peers.iter().filter_map(|peer| peer.attempts.last());
                tries.find(|attempt| attempt.handshaken.is_some()).cloned()
            })
            .await;
            assert_eq!((called.direction, called.encryption), (Direction::In, tries[last]), "{what}");
        }
        download.stop().await.unwrap();
        seed.stop().await.unwrap();
    }
}

/// A seed that shakes hands encrypted only, and by this setting.
async fn encrypted_only(payload: &Arc<Payload>, takes: EncryptionPolicy) -> Seed {
    Seed::start(payload, Script { encrypted: Some(takes), ..Script::default() }).await
}

fn the_attempts(view: &View, addr: SocketAddr) -> Vec<Attempt> {
    peer_at(view, addr).unwrap().attempts.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_takes_only_encryption_is_found_out_and_downloaded_from() {
    let payload = payload();
    for (takes, messages) in [(Prefer, Messages::Plain), (Require, Messages::Rc4)] {
        let seed = encrypted_only(&payload, takes).await;
        let addr = seed.addr;
        let lab = Lab::new();
        let mut download = start(&lab, &payload, &[addr], (PreferPlain, Over::Tcp));
        soon("the download completes", download.completed()).await.unwrap();
        payload.assert_at(&lab.out());
        let view = download.view();
        let record = peer_at(&view, addr).unwrap();
        assert_eq!(ways(record), [(Plain, false), (Mse, true)]);
        let [plain, encrypted] = &record.attempts[..] else { panic!("two attempts") };
        assert_eq!(plain.cause, Some(Cause::ClosedBeforeHandshake), "it is never rewritten");
        assert_eq!(record.resolved(plain), Some(Cause::EncryptionRequired));
        assert_eq!((plain.payload, encrypted.payload), (None, Some(messages)));
        assert!(encrypted.handshake_sent.is_some() && !encrypted.received.is_empty());
        download.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_encryption_is_off_it_stays_a_peer_that_hangs_up() {
    let payload = payload();
    let seed = encrypted_only(&payload, Prefer).await;
    let addr = seed.addr;
    let lab = Lab::new();
    let download = start(&lab, &payload, &[addr], (Off, Over::Tcp));
    until(&download, "it hangs up", |view| {
        (peer_at(view, addr)?.cause? == Cause::ClosedBeforeHandshake).then_some(())
    })
    .await;
    assert_eq!(ways(peer_at(&download.view(), addr).unwrap()), [(Plain, false)]);
    download.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_wants_rc4_is_uploaded_to() {
    let payload = payload();
    let lab = Lab::new();
    let (seed, addr) = seed(&lab, &payload, (PreferPlain, Over::Tcp)).await;
    let Carrier::Encrypted(stream) = call(addr, payload.info_hash(), Mse).await else { panic!("in plain") };
    let mut caller = Wire::new(*stream);
    caller.say(&[Message::Interested]).await;
    caller.expect(&Message::Unchoke).await;
    for piece in 0..payload.pieces() {
        caller.fetch(&payload, piece).await;
    }
    until(&seed, "who called is shown as it called", |view| {
        let call = view.peers.first()?.attempts.first()?;
        ((call.direction, call.encryption, call.payload) == (Direction::In, Mse, Some(Messages::Rc4)))
            .then_some(())
    })
    .await;
    seed.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_only_peer_is_named_where_encryption_is_required() {
    let payload = payload();
    let plain = Seed::honest(&payload).await;
    let lab = Lab::new();
    let download = start(&lab, &payload, &[plain.addr], (Require, Over::Tcp));
    let cause = until(&download, "it fails", |view| peer_at(view, plain.addr)?.cause).await;
    assert!(matches!(cause, Cause::ClosedBeforeHandshake | Cause::ResetBeforeHandshake), "{cause:?}");
    assert_eq!(ways(peer_at(&download.view(), plain.addr).unwrap()), [(Mse, false)]);
    download.stop().await.unwrap();
}

/// Carries a negotiation out; nothing when the other side does not go along.
async fn negotiate(stream: &mut TcpStream, mut side: impl Negotiation) -> Option<Agreed> {
    loop {
        match side.next().ok()? {
            Step::Write(bytes) => stream.write_all(&bytes).await.ok()?,
            Step::Exchange(exchange) => side.exchanged(exchange.run()),
            Step::Read(most) => {
                let mut bytes = vec![0; most];
                let n = stream.read(&mut bytes).await.ok().filter(|n| *n > 0)?;
                side.received(&bytes[..n]);
            }
            Step::Agreed(agreed) => return Some(agreed),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_calls_to_go_on_in_plain_is_named_where_encryption_is_required() {
    let payload = payload();
    for (policy, taken) in [(Require, false), (Prefer, true)] {
        let lab = Lab::new();
        let (seed, addr) = seed(&lab, &payload, (policy, Over::Tcp)).await;
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let side = Outgoing::new(payload.info_hash(), PLAIN, &[0; 68], fastrand::Rng::with_seed(7));
        let agreed = soon("it is answered", negotiate(&mut stream, side)).await;
        assert_eq!(agreed.is_some(), taken, "{policy:?}");
        if !taken {
            until(&seed, "the call is named", |view| {
                view.failed_calls.iter().find(|call| call.cause == Cause::EncryptionMismatch).map(|_| ())
            })
            .await;
        }
        seed.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_tells_who_wants_encryption() {
    let payload = payload();
    let seed = encrypted_only(&payload, Require).await;
    let addr = seed.addr;
    for (encryption, expected) in [
        (PreferPlain, vec![(Plain, false), (Mse, true)]),
        (Prefer, vec![(Mse, true)]),
        (Require, vec![(Mse, true)]),
        (Off, vec![(Plain, false)]),
    ] {
        let torrent = payload.torrent.clone();
        let (peers, transport) = (vec![addr], Over::Tcp);
        let options =
            CheckOptions { loopback: true, peers, encryption, transport, ..CheckOptions::default() };
        let view = soon("the check ends", check(torrent, options, pending())).await.unwrap();
        assert_eq!(ways(peer_at(&view, addr).unwrap()), expected, "{encryption:?}");
        let last = the_attempts(&view, addr).pop().unwrap();
        assert_eq!(last.payload, (encryption != Off).then_some(Messages::Rc4));
        assert_eq!(view.funnel.transferring, u32::from(encryption != Off));
    }
}
