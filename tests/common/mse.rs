//! Peers that speak message stream encryption.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use ttui::engine::mse::Encrypted;
use ttui::metainfo::InfoHash;
use ttui::wire::mse::{Agreed, Incoming, Negotiation, Offer, Step};
use ttui::wire::{HANDSHAKE_BYTES, PROTOCOL};

/// Carries a negotiation out; nothing when the other side does not go along.
pub(crate) async fn negotiate(stream: &mut TcpStream, mut side: impl Negotiation) -> Option<Agreed> {
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

/// Stands before a peer that knows no encryption, and lets through who comes encrypted, with messages as `accept` says.
/// Who comes plain is hung up on.
pub(crate) async fn encrypted_only(behind: SocketAddr, torrent: InfoHash, accept: Offer) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut seed = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            seed += 1;
            let side = Incoming::new(&[torrent], accept, fastrand::Rng::with_seed(seed));
            tokio::spawn(async move {
                let mut first = [0; HANDSHAKE_BYTES];
                if stream.peek(&mut first).await.is_err() || first.starts_with(&PROTOCOL[..2]) {
                    // Read, so that the end is a close and no reset.
                    let _ = stream.read_exact(&mut first).await;
                    return;
                }
                let Some(agreed) = negotiate(&mut stream, side).await else { return };
                let mut behind = TcpStream::connect(behind).await.unwrap();
                behind.write_all(&agreed.initial).await.unwrap();
                // However it ends, it is over.
                let _ = match agreed.ciphers {
                    None => copy_bidirectional(&mut stream, &mut behind).await,
                    Some(ciphers) => {
                        copy_bidirectional(&mut Encrypted::new(stream, ciphers), &mut behind).await
                    }
                };
            });
        }
    });
    addr
}
