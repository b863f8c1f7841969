//! What carries a connection: anything that reads and writes.

use std::io::{self, IoSliceMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;

/// A connection's bytes, both ways.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Reads into several slices at once where the transport can, else into the first that has room. Zero bytes:
    /// the other side has closed.
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
}

impl Transport for TcpStream {
    fn poll_read_slices(
        &mut self,
        cx: &mut Context<'_>,
        slices: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_read_ready(cx))?;
            match self.try_read_vectored(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }
}

impl Transport for DuplexStream {}
