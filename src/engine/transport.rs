//! What carries a connection: anything that reads and writes.

use std::io::{self, IoSliceMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;

use super::sockopt;
use crate::event::{Cause, StreamFigures};

/// A connection's bytes, both ways.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Whether a read may bring something, as far as the transport can tell beforehand.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    fn poll_readable(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Asks to be told of what comes only when at least so many bytes are there, or no more can come.
    ///
    /// # Errors
    ///
    /// It cannot be set, and every byte counts.
    fn set_readable_from(&mut self, _bytes: u32) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Reads into several slices at once where the transport can, else into the first that has room. Zero bytes:
    /// the other side has closed.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    fn poll_read_slices(
        &mut self,
        cx: &mut Context<'_>,
        slices: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some(slice) = slices.iter_mut().find(|slice| !slice.is_empty()) else {
            return Poll::Ready(Ok(0));
        };
        let mut buffer = ReadBuf::new(slice);
        ready!(Pin::new(self).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// How it goes, where the transport is one that we drive ourselves (uTP).
    fn stream_figures(&self) -> Option<StreamFigures> {
        None
    }

    /// Why the other side closed, where the transport carries that.
    fn last_words(&self) -> Option<String> {
        None
    }

    /// Tells the other side why we close, where the transport carries that.
    fn end_because(&mut self, _cause: Cause) {}
}

impl Transport for TcpStream {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(cx)
    }

    fn set_readable_from(&mut self, bytes: u32) -> io::Result<()> {
        sockopt::set_readable_from(self, i32::try_from(bytes).unwrap_or(i32::MAX))
    }

    fn poll_read_slices(
        &mut self,
        cx: &mut Context<'_>,
        slices: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_read_ready(cx))?;
            match read_what_is_there(self, slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }
}

/// One `readv`. When it brings less than it could, the socket is empty: that is noted here, which saves asking once
/// more just to be told so. (News that comes after the read still wakes the task: it was not seen when the readiness
/// being cleared was taken.)
#[cfg(all(any(target_os = "linux", target_os = "android"), not(feature = "portable")))]
fn read_what_is_there(stream: &TcpStream, slices: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    let room: usize = slices.iter().map(|slice| slice.len()).sum();
    let mut read = None;
    let tried = stream.try_io(tokio::io::Interest::READABLE, || {
        let n = rustix::io::readv(stream, slices)?;
        read = Some(n);
        if (1..room).contains(&n) { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(n) }
    });
    read.map_or(tried, Ok)
}

#[cfg(any(not(any(target_os = "linux", target_os = "android")), feature = "portable"))]
fn read_what_is_there(stream: &TcpStream, slices: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    stream.try_read_vectored(slices)
}

impl Transport for DuplexStream {}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::io::{AsyncWriteExt, duplex};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    async fn read<T: Transport>(transport: &mut T, sizes: &[usize]) -> (usize, Vec<u8>) {
        let mut parts: Vec<Vec<u8>> = sizes.iter().map(|&size| vec![0; size]).collect();
        let read = poll_fn(|cx| {
            let mut slices: Vec<IoSliceMut<'_>> =
                parts.iter_mut().map(|part| IoSliceMut::new(part)).collect();
            transport.poll_read_slices(cx, &mut slices)
        });
        let n = timeout(Duration::from_secs(5), read).await.unwrap().unwrap();
        (n, parts.concat())
    }

    #[tokio::test]
    async fn tcp_fills_several_slices_in_one_read_and_goes_on_after_short_ones() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut there = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut here, _) = listener.accept().await.unwrap();
        for round in 0..50u8 {
            there.write_all(&[round; 10]).await.unwrap();
            assert_eq!(read(&mut here, &[3, 0, 5, 100]).await.0, 10);
            there.write_all(&[round; 8]).await.unwrap();
            assert_eq!(read(&mut here, &[3, 5]).await, (8, vec![round; 8]));
        }
        drop(there);
        assert_eq!(read(&mut here, &[3]).await.0, 0);
    }

    #[tokio::test]
    async fn a_pipe_fills_the_first_slice_with_room() {
        let (mut here, mut there) = duplex(100);
        there.write_all(b"abcdef").await.unwrap();
        assert_eq!(read(&mut here, &[0, 4, 4]).await, (4, b"abcd\0\0\0\0".to_vec()));
        assert_eq!(read(&mut here, &[4]).await.0, 2);
    }
}
