//! Peers that behave as a test says, and `check` run on them.

use std::future::{Future, pending};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;
use ttui::engine::{CheckOptions, Wanted, check};
use ttui::ledger::View;
use ttui::metainfo::{InfoHash, PeerId};
use ttui::report;
use ttui::wire::{HANDSHAKE_BYTES, Handshake, Message, Reserved};

use crate::support::program::{Output, command};
use crate::support::{Heard, Lab, Payload, Program, Recipe, Wire, nobody_at, soon};

pub(crate) const PIECE: usize = 32 * 1024;

pub(crate) fn payload() -> Arc<Payload> {
    Recipe::file("it", 4 * PIECE, PIECE).make()
}

/// A listener on loopback whose connections are all handled so.
pub(crate) async fn serve<F>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handle(stream));
        }
    });
    addr
}

/// One that reads our handshake and answers with these bytes, then closes.
pub(crate) async fn answers(bytes: &[u8]) -> SocketAddr {
    let bytes = bytes.to_vec();
    serve(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            let mut theirs = [0; HANDSHAKE_BYTES];
            let _ = stream.read_exact(&mut theirs).await;
            let _ = stream.write_all(&bytes).await;
        }
    })
    .await
}

pub(crate) fn handshake(info_hash: InfoHash, name: u8) -> [u8; HANDSHAKE_BYTES] {
    named(info_hash, name).to_bytes()
}

fn named(info_hash: InfoHash, name: u8) -> Handshake {
    let mut id = *b"-TR4060-aaaaaaaaaaaa";
    id[19] = name;
    Handshake { reserved: Reserved::OURS, info_hash, peer_id: PeerId(id) }
}

/// One that shakes hands, sends these messages, and goes on so.
pub(crate) async fn talks<F>(
    payload: &Payload,
    name: u8,
    first: &[u8],
    then: impl Fn(Wire) -> F + Send + 'static,
) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let (ours, first) = (named(payload.info_hash(), name), first.to_vec());
    let then = Arc::new(std::sync::Mutex::new(then));
    serve(move |stream| {
        let (first, then) = (first.clone(), Arc::clone(&then));
        async move {
            if let Some(mut wire) = Wire::answer(stream, &ours).await {
                wire.raw(&first).await;
                let rest = (*then.lock().unwrap())(wire);
                rest.await;
            }
        }
    })
    .await
}

/// Hears everything and says nothing more.
pub(crate) async fn listen_only(mut wire: Wire) {
    while wire.read().await != Heard::End {}
}

pub(crate) fn message(message: &Message) -> Vec<u8> {
    let mut out = bytes::BytesMut::new();
    message.encode(&mut out);
    out.to_vec()
}

/// An address at which nothing ever answers: its queue of connections is full.
pub(crate) async fn black_hole() -> (SocketAddr, impl Sized) {
    let addr = nobody_at().await;
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&addr.into()).unwrap();
    socket.listen(0).unwrap();
    let mut fillers = Vec::new();
    while let Ok(Ok(filler)) = timeout(Duration::from_millis(100), TcpStream::connect(addr)).await {
        fillers.push(filler);
        assert!(fillers.len() < 16, "the queue never fills");
    }
    (addr, (socket, fillers))
}

/// An address from which uTP leads on to this one, and nothing else: over TCP nobody is there.
pub(crate) async fn over_utp_only(to: SocketAddr) -> SocketAddr {
    let here = UdpSocket::bind(nobody_at().await).await.unwrap();
    let there = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    there.connect(to).await.unwrap();
    let addr = here.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut from_here, mut from_there, mut caller) = ([0; 2048], [0; 2048], addr);
        loop {
            tokio::select! {
                came = here.recv_from(&mut from_here) => {
                    let (bytes, from) = came.unwrap();
                    caller = from;
                    there.send(&from_here[..bytes]).await.unwrap();
                }
                came = there.recv(&mut from_there) => {
                    here.send_to(&from_there[..came.unwrap()], caller).await.unwrap();
                }
            }
        }
    });
    addr
}

/// A port that no test is given by the system, as those are all above it.
pub(crate) fn port_of_our_own() -> u16 {
    std::iter::repeat_with(|| fastrand::u16(10_000..30_000)).take(100).find(|port| nobody_has(*port)).unwrap()
}

fn nobody_has(port: u16) -> bool {
    let addr = (Ipv4Addr::UNSPECIFIED, port);
    std::net::TcpListener::bind(addr).is_ok() && std::net::UdpSocket::bind(addr).is_ok()
}

/// Waits until the run before has closed its sockets.
pub(crate) async fn is_free(port: u16) {
    let free = async {
        while !nobody_has(port) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the port is free again", free).await;
}

pub(crate) fn options(peers: &[SocketAddr]) -> CheckOptions {
    CheckOptions { loopback: true, peers: peers.to_vec(), ..CheckOptions::default() }
}

pub(crate) async fn run(payload: &Payload, options: CheckOptions) -> Arc<View> {
    run_on(payload.torrent.clone(), options).await
}

pub(crate) async fn run_on(wanted: impl Into<Wanted>, options: CheckOptions) -> Arc<View> {
    soon("the check ends", check(wanted, options, pending())).await.unwrap()
}

pub(crate) fn as_json(view: &View) -> Value {
    serde_json::from_str(&report::check::json(view)).unwrap()
}

/// What the report says of this way to find peers.
pub(crate) fn source_of<'a>(report: &'a Value, kind: &str) -> &'a Value {
    let sources = report["sources"].as_array().unwrap();
    sources.iter().find(|source| source["kind"] == kind).unwrap_or_else(|| panic!("no {kind} in {sources:?}"))
}

#[track_caller]
pub(crate) fn peer_of(report: &Value, addr: SocketAddr) -> &Value {
    let found = report["peers"].as_array().unwrap().iter().find(|peer| peer["addr"] == addr.to_string());
    found.unwrap_or_else(|| panic!("{addr} in {report:#}"))
}

/// Runs `ttui check` to its end.
pub(crate) async fn program_check(lab: &Lab, payload: &Payload, more: &[&str]) -> Output {
    let mut command = command(lab);
    command.arg("check").arg(lab.torrent(payload)).args(more);
    Program::spawn(&mut command).ended().await
}
