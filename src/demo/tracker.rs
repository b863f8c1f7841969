//! The demonstration's tracker: names the peers, and tells those that call where we listen.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::loopback;
use super::serve::Host;

const LONGEST_REQUEST: usize = 8 * 1024;

/// Answers announces until its task is ended.
pub(super) async fn run(listener: TcpListener, peers: Vec<SocketAddr>, mut callers: Vec<Host>) {
    let mut calls = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(Some(port)) = timeout(Duration::from_secs(5), answer(stream, &peers)).await else { continue };
        // They call one after the other, as real ones do.
        for (n, caller) in callers.drain(..).enumerate() {
            calls.spawn(async move {
                sleep(Duration::from_secs(4 + 5 * n as u64)).await;
                caller.call(loopback(port)).await;
            });
        }
    }
}

/// Answers one announce; returns the port it came with.
async fn answer(mut stream: TcpStream, peers: &[SocketAddr]) -> Option<u16> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if request.len() > LONGEST_REQUEST || stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let value = |key: &str| {
        let query = request.split([' ', '?', '&']).find_map(|part| part.strip_prefix(key)?.strip_prefix('='));
        query.map(str::to_owned)
    };
    let stopped = value("event").as_deref() == Some("stopped");
    let mut compact = Vec::new();
    for peer in peers.iter().filter(|_| !stopped) {
        if let SocketAddr::V4(peer) = peer {
            compact.extend(peer.ip().octets());
            compact.extend(peer.port().to_be_bytes());
        }
    }
    let mut body =
        format!("d8:completei5e10:incompletei4e8:intervali1800e5:peers{}:", compact.len()).into_bytes();
    body.extend(compact);
    body.push(b'e');
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(&body).await.ok()?;
    stream.shutdown().await.ok()?;
    value("port")?.parse().ok().filter(|_| !stopped)
}
