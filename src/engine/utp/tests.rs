use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::engine::handshake::{Over, Steps, accept, call, connect};
use crate::engine::line::Line;
use crate::engine::mse::{Carrier, Mse};
use crate::engine::transport::Transport;
use crate::event::{Cause, Encryption};
use crate::metainfo::{InfoHash, PeerId};
use crate::swarm::EncryptionPolicy;
use crate::wire::utp::{Header, Kind};
use crate::wire::{Handshake, Reserved};

/// A port of its own on loopback, with all that drives it.
pub(in crate::engine) struct Host {
    utp: Utp,
    addr: SocketAddr,
    _tasks: JoinSet<()>,
}

pub(in crate::engine) fn host(seed: u64) -> Host {
    let (utp, addr, driving) = Utp::alone((Ipv4Addr::LOCALHOST, 0).into(), Clock::start(), seed).unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(driving);
    Host { utp, addr, _tasks: tasks }
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), what).await.expect("within twenty seconds")
}

/// A stream from `a` to `b`, both ends of it. The caller speaks first: before that nothing is kept of it.
pub(in crate::engine) async fn opened(a: &Host, b: &Host) -> (UtpStream, UtpStream) {
    soon(async {
        let (mut here, (mut there, from)) = tokio::join!(
            async {
                let mut here = a.utp.connect(b.addr).await.unwrap();
                here.write_all(b"!").await.unwrap();
                here
            },
            b.utp.accept()
        );
        assert_eq!(from, a.addr);
        assert_eq!(there.read_u8().await.unwrap(), b'!');
        here.flush().await.unwrap();
        (here, there)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_arrive_as_they_were_written_both_ways_at_once() {
    let (a, b) = (host(1), host(2));
    let (here, there) = opened(&a, &b).await;
    let content: Vec<u8> = (0..8_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut ways = JoinSet::new();
    for mut stream in [here, there] {
        let content = content.clone();
        ways.spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(&mut stream);
            let mut came = vec![0; content.len()];
            let (written, read) = tokio::join!(writer.write_all(&content), reader.read_exact(&mut came));
            written.unwrap();
            read.unwrap();
            assert!(came == content);
            stream.shutdown().await.unwrap();
            assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        });
    }
    soon(async {
        while let Some(done) = ways.join_next().await {
            done.unwrap()
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_of_one_socket_do_not_mix() {
    let (a, b) = (host(3), host(4));
    let mut all = JoinSet::new();
    for n in 0..50u8 {
        let (mut here, mut there) = opened(&a, &b).await;
        all.spawn(async move {
            here.write_all(&vec![n; 100_000]).await.unwrap();
            here.shutdown().await.unwrap();
            drop(here);
            let mut came = Vec::new();
            there.read_to_end(&mut came).await.unwrap();
            assert!(
                came == vec![n; 100_000],
                "{} bytes of what was written before it closed arrived",
                came.len()
            );
        });
    }
    soon(async {
        while let Some(done) = all.join_next().await {
            done.unwrap()
        }
    })
    .await;
}

#[tokio::test]
async fn where_nobody_is_and_where_nobody_is_let_in_it_is_refused_at_once() {
    let (a, b) = (host(5), host(6));
    let gone = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    b.utp.set_accepts(false);
    let steps = Steps::untold(Clock::start());
    for addr in [gone, b.addr] {
        let end = soon(connect(addr, Over::Utp(&a.utp), &steps)).await.unwrap_err();
        assert_eq!(end.cause, Cause::ConnectionRefused, "{addr}");
    }
}

#[tokio::test]
async fn where_utp_is_not_used_who_calls_over_it_gets_no_answer() {
    let socket = Socket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let addr = socket.local_addr().unwrap();
    let udp = Udp::over(vec![socket]);
    let unused = Utp::over(udp.clone(), Clock::start(), 12);
    let mut tasks = JoinSet::new();
    tasks.spawn(udp.run());
    tasks.spawn(unused.clone().run());
    let caller = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut call = Vec::new();
    let header = Header { kind: Kind::Syn, id: 1, sent: 1, delay: 0, window: 1 << 20, seq: 1, ack: 0 };
    header.write(&mut call, &[]);
    caller.send_to(&call, addr).await.unwrap();
    soon(async {
        while unused.other_packets() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // What is answered was sent by the time the packet is counted.
    assert_eq!(caller.try_recv(&mut [0; 64]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(unused.counters(), Counters::default());
}

#[tokio::test]
async fn where_nothing_answers_the_end_is_told_in_time() {
    let a = host(7);
    let silent = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let steps = Steps::untold(Clock::start());
    let dialled = connect(silent.local_addr().unwrap(), Over::Utp(&a.utp), &steps);
    assert_eq!(soon(dialled).await.unwrap_err().cause, Cause::ConnectTimeout);
}

#[tokio::test]
async fn why_it_was_closed_reaches_the_other_side() {
    let (a, b) = (host(8), host(9));
    let (mut here, mut there) = opened(&a, &b).await;
    here.end_because(Cause::InfoHashMismatch);
    drop(here);
    let mut rest = Vec::new();
    match soon(there.read_to_end(&mut rest)).await {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    assert!(there.last_words().unwrap().contains("invalid info hash"), "{:?}", there.last_words());
}

#[tokio::test]
async fn hands_are_shaken_over_it_plain_and_encrypted() {
    let (a, b) = (host(10), host(11));
    let ours =
        |n| Handshake { reserved: Reserved::OURS, info_hash: InfoHash([7; 20]), peer_id: PeerId::ours(n) };
    for encryption in [Encryption::Plain, Encryption::Mse] {
        let mse = Mse::new(EncryptionPolicy::default(), 1);
        let steps = Steps::untold(Clock::start());
        let (dialled, met) = soon(async {
            tokio::join!(
                async {
                    let line = connect(b.addr, Over::Utp(&a.utp), &steps).await.unwrap();
                    call(line, &ours(1), encryption, &mse, &steps).await.unwrap()
                },
                async {
                    let (stream, _) = b.utp.accept().await;
                    accept(Line::Utp(stream), ours(2).into(), &mse, &steps).await.unwrap()
                }
            )
        })
        .await;
        assert_eq!((dialled.1.peer_id, met.1.peer_id), (PeerId::ours(2), PeerId::ours(1)));
        assert!(matches!(dialled.0, Carrier::Bare(_)), "both can do without");
    }
}
