//! Sockets on loopback.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout};

use super::*;

/// Far above what any step takes here.
const LONG: Duration = Duration::from_secs(20);

/// Sockets that are read, and their IPv4 address.
fn udp() -> (Udp, SocketAddr) {
    let socket = Socket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let addr = socket.local_addr().unwrap();
    let udp = Udp::over(vec![socket]);
    tokio::spawn(udp.clone().run());
    (udp, addr)
}

async fn other() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    (socket, addr)
}

/// An address where nothing listens.
async fn nobody() -> SocketAddr {
    other().await.1
}

fn answer(transaction: u32) -> Vec<u8> {
    [&1u32.to_be_bytes()[..], &transaction.to_be_bytes(), &[7; 12]].concat()
}

async fn has_counted(udp: &Udp, packets: u64) {
    let end = Instant::now() + LONG;
    while udp.other_packets() < packets {
        assert!(Instant::now() < end, "{} of {packets}", udp.other_packets());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn an_answer_reaches_who_asked_that_address_for_that_transaction() {
    let (udp, ours) = udp();
    let ((tracker, addr), (stranger, _)) = (other().await, other().await);
    let (mut first, mut second) = (udp.ask(addr, [1, 2]), udp.ask(addr, [3, 4]));
    stranger.send_to(&answer(1), ours).await.unwrap();
    tracker.send_to(&answer(4), ours).await.unwrap();
    tracker.send_to(&answer(1), ours).await.unwrap();
    assert_eq!(timeout(LONG, first.answer()).await.unwrap().unwrap(), answer(1));
    assert_eq!(timeout(LONG, second.answer()).await.unwrap().unwrap(), answer(4));
    has_counted(&udp, 1).await;
    assert_eq!((first.foreign(), second.foreign()), (None, None));
    drop(first);
    tracker.send_to(&answer(1), ours).await.unwrap();
    tracker.send_to(&answer(3), ours).await.unwrap();
    assert_eq!(timeout(LONG, second.answer()).await.unwrap().unwrap(), answer(3));
    assert_eq!(second.foreign(), Some(20), "nobody waits for that one any more");
    drop(second);
    tracker.send_to(&answer(3), ours).await.unwrap();
    has_counted(&udp, 2).await;
}

#[tokio::test]
#[cfg_attr(any(not(target_os = "linux"), feature = "portable"), ignore = "Linux alone says who refuses")]
async fn a_refusal_reaches_who_asked_there_and_nobody_else() {
    let (udp, ours) = udp();
    let (gone, (there, addr)) = (nobody().await, other().await);
    let (mut refused, mut answered) = (udp.ask(gone, [1, 2]), udp.ask(addr, [3, 4]));
    for _ in 0..50 {
        udp.send(gone, &answer(1)).await.unwrap();
        udp.send(addr, &answer(3)).await.expect("the refusal of another is no failure here");
        let error = timeout(LONG, refused.answer()).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
    let mut buffer = [0; 64];
    for _ in 0..50 {
        timeout(LONG, there.recv_from(&mut buffer)).await.expect("every packet arrives").unwrap();
    }
    there.send_to(&answer(3), ours).await.unwrap();
    assert_eq!(timeout(LONG, answered.answer()).await.unwrap().unwrap(), answer(3));
}

#[tokio::test]
async fn what_is_of_nobody_is_counted_and_answered_by_nothing() {
    let (udp, ours) = udp();
    let (stranger, addr) = other().await;
    let asking = udp.ask(addr, [1, 2]);
    stranger.send_to(&[9; 30], ours).await.unwrap();
    drop(asking);
    let packets: [&[u8]; 5] = [&[], &[0; 3], &[9; 30], b"GET / HTTP/1.1\r\n", &[0x40; 1_400]];
    for packet in packets {
        stranger.send_to(packet, ours).await.unwrap();
    }
    // A packet without bytes is nothing, also for the counter.
    has_counted(&udp, 4).await;
    assert_eq!(stranger.try_recv(&mut [0; 64]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_flood_leaves_nothing_behind_but_its_count() {
    let udp = Udp::default();
    let tracker: SocketAddr = "192.0.2.1:80".parse().unwrap();
    let asking = udp.ask(tracker, [1, 2]);
    let packet = answer(1);
    for _ in 0..10_000 {
        udp.0.take(Read::Packet { from: tracker, packet: &packet });
        udp.0.take(Read::Refused { to: tracker, error: Errno::CONNREFUSED.into() });
    }
    assert_eq!(asking.waiting(), routes::MOST_UNTAKEN);
    drop(asking);
    for n in 0..10_000u16 {
        let from = SocketAddr::from((Ipv4Addr::from(u32::from(n)), n));
        udp.0.take(Read::Packet { from, packet: &packet });
        udp.0.take(Read::Packet { from, packet: b"?" });
    }
    assert_eq!(udp.other_packets(), 20_000);
    assert!(udp.0.routes.is_empty());
}

#[tokio::test]
async fn without_a_socket_of_the_family_nothing_is_sent() {
    let (udp, _) = udp();
    let error = udp.send("[::1]:9".parse().unwrap(), &answer(1)).await.unwrap_err();
    assert_eq!(Errno::from_io_error(&error), Some(Errno::AFNOSUPPORT));
}
