//! A connection under RC4, for the task of a peer no different from any other.

use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::engine::transport::Transport;
use crate::event::{Cause, StreamFigures};
use crate::wire::mse::{Cipher, Ciphers};

/// Bytes that are enciphered ahead of the socket at most.
const MOST_AHEAD: usize = 128 * 1024;

/// Deciphers what is read where it was read to; enciphers a copy of what is written, as it belongs to others too.
///
/// A stream cannot go back: what was enciphered counts as written, and leaves with the next write or flush.
#[derive(Debug)]
pub struct Encrypted<T> {
    inner: T,
    incoming: Cipher,
    outgoing: Cipher,
    /// Enciphered and not yet written, from `sent` on.
    ahead: Vec<u8>,
    sent: usize,
}

impl<T> Encrypted<T> {
    /// From here on `inner` carries these streams.
    pub fn new(inner: T, ciphers: Ciphers) -> Self {
        let Ciphers { incoming, outgoing } = ciphers;
        Self { inner, incoming, outgoing, ahead: Vec::new(), sent: 0 }
    }
}

impl<T> Encrypted<T> {
    /// What carries it.
    pub(super) fn inner(&self) -> &T {
        &self.inner
    }
}

impl<T: Transport> Encrypted<T> {
    /// Writes what is enciphered. Ready when nothing is left.
    fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.ahead.len() {
            let n = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.ahead[self.sent..]))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += n;
        }
        self.ahead.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    fn encipher(&mut self, bytes: &[u8]) -> usize {
        let taken = &bytes[..bytes.len().min(MOST_AHEAD - self.ahead.len())];
        let from = self.ahead.len();
        self.ahead.extend_from_slice(taken);
        self.outgoing.apply(&mut self.ahead[from..]);
        taken.len()
    }

    /// Takes bytes once all before them are with the socket, and hands it as many of them as it has room for.
    fn poll_taking(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut Self) -> usize,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_ahead(cx))?;
        let taken = take(self);
        match self.poll_ahead(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(taken)),
        }
    }
}

impl<T: Transport> AsyncRead for Encrypted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        self.incoming.apply(&mut buffer.filled_mut()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<T: Transport> AsyncWrite for Encrypted<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_taking(cx, |this| this.encipher(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_taking(cx, |this| slices.iter().map(|slice| this.encipher(slice)).sum())
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_ahead(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_ahead(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<T: Transport> Transport for Encrypted<T> {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_readable(cx)
    }

    fn set_readable_from(&mut self, bytes: u32) -> io::Result<()> {
        self.inner.set_readable_from(bytes)
    }

    fn poll_read_slices(
        &mut self,
        cx: &mut Context<'_>,
        slices: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let n = ready!(self.inner.poll_read_slices(cx, slices))?;
        let mut left = n;
        for slice in slices {
            let came = slice.len().min(left);
            self.incoming.apply(&mut slice[..came]);
            left -= came;
        }
        Poll::Ready(Ok(n))
    }

    fn stream_figures(&self) -> Option<StreamFigures> {
        self.inner.stream_figures()
    }

    fn last_words(&self) -> Option<String> {
        self.inner.last_words()
    }

    fn end_because(&mut self, cause: Cause) {
        self.inner.end_because(cause);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;
    use crate::metainfo::InfoHash;
    use crate::wire::mse::{Agreed, Incoming, Negotiation, Offer, Outgoing, Step};

    const TORRENT: InfoHash = InfoHash([3; 20]);

    /// The streams of two sides that agreed on RC4.
    fn ciphers() -> [Ciphers; 2] {
        let random = fastrand::Rng::with_seed;
        let mut out = Outgoing::new(TORRENT, Offer::BOTH, &[], random(1));
        let mut inward = Incoming::new([TORRENT].into_iter().collect(), Offer::RC4, random(2));
        let (mut to_out, mut to_in) = (Vec::new(), Vec::new());
        let (mut ours, mut theirs) = (None, None);
        while ours.is_none() || theirs.is_none() {
            drive(&mut out, &mut to_out, &mut to_in, &mut ours);
            drive(&mut inward, &mut to_in, &mut to_out, &mut theirs);
        }
        [ours.unwrap().ciphers.unwrap(), theirs.unwrap().ciphers.unwrap()]
    }

    fn drive(side: &mut impl Negotiation, from: &mut Vec<u8>, to: &mut Vec<u8>, agreed: &mut Option<Agreed>) {
        while agreed.is_none() {
            match side.next().unwrap() {
                Step::Write(bytes) => to.extend(bytes),
                Step::Exchange(exchange) => side.exchanged(exchange.run()),
                Step::Read(most) => {
                    let some: Vec<u8> = from.drain(..most.min(from.len())).collect();
                    if some.is_empty() {
                        return;
                    }
                    side.received(&some);
                }
                Step::Agreed(done) => *agreed = Some(done),
            }
        }
    }

    fn pair(room: usize) -> [Encrypted<DuplexStream>; 2] {
        let (a, b) = duplex(room);
        let [for_a, for_b] = ciphers();
        [Encrypted::new(a, for_a), Encrypted::new(b, for_b)]
    }

    #[tokio::test]
    async fn everything_arrives_as_it_was_written() {
        let [mut a, mut b] = pair(1000);
        let sent: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
        let expected = sent.clone();
        let writer = tokio::spawn(async move {
            for part in sent.chunks(70_001) {
                a.write_all(part).await.unwrap();
            }
            a.shutdown().await.unwrap();
            let mut answer = [0; 4];
            a.read_exact(&mut answer).await.unwrap();
            answer
        });
        let mut came = Vec::new();
        b.read_to_end(&mut came).await.unwrap();
        assert_eq!(came, expected);
        b.write_all(b"have").await.unwrap();
        b.flush().await.unwrap();
        assert_eq!(&writer.await.unwrap(), b"have");
    }

    #[tokio::test]
    async fn slices_are_written_and_read_in_order() {
        let [mut a, mut b] = pair(4096);
        let slices = [IoSlice::new(b"head"), IoSlice::new(b""), IoSlice::new(b"block")];
        let n = poll_fn(|cx| Pin::new(&mut a).poll_write_vectored(cx, &slices)).await.unwrap();
        assert_eq!(n, 9);
        let (mut first, mut second) = ([0; 2], [0; 20]);
        let mut came: Vec<u8> = Vec::new();
        while came.len() < 9 {
            let n = poll_fn(|cx| {
                let mut slices = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
                b.poll_read_slices(cx, &mut slices)
            })
            .await
            .unwrap();
            came.extend(first.iter().chain(&second).take(n));
        }
        assert_eq!(came, b"headblock");
    }

    #[tokio::test]
    async fn what_is_taken_ahead_of_the_socket_leaves_with_the_next_flush() {
        let [mut a, mut b] = pair(10);
        let n = poll_fn(|cx| Pin::new(&mut a).poll_write(cx, &[5; 64])).await.unwrap();
        assert_eq!(n, 64, "it is enciphered, and a stream does not go back");
        let more = poll_fn(|cx| Poll::Ready(Pin::new(&mut a).poll_write(cx, &[6; 1]).is_pending()));
        assert!(more.await, "no more is taken before that is out");
        let mut came = [0; 64];
        let (flushed, read) = tokio::join!(a.flush(), b.read_exact(&mut came));
        flushed.unwrap();
        read.unwrap();
        assert_eq!(came, [5; 64]);
    }
}
