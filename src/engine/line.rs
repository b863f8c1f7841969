//! A connection over TCP or over uTP, read and written in the same way.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::transport::Transport;
use super::utp::UtpStream;
use crate::event::{self, Cause, StreamFigures};

/// What a peer is talked to over.
#[derive(Debug)]
pub enum Line {
    /// TCP.
    Tcp(TcpStream),
    /// uTP (BEP 29).
    Utp(UtpStream),
}

/// Does the same with either.
macro_rules! either {
    ($line:expr, $stream:ident => $done:expr) => {
        match $line {
            Line::Tcp($stream) => $done,
            Line::Utp($stream) => $done,
        }
    };
}

impl Line {
    /// Which of both it is.
    pub fn transport(&self) -> event::Transport {
        match self {
            Self::Tcp(_) => event::Transport::Tcp,
            Self::Utp(_) => event::Transport::Utp,
        }
    }

    /// The address of ours that it is over, where the system knows it.
    pub(super) fn local_ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(stream) => stream.local_addr().ok().map(|addr| addr.ip().to_canonical()),
            // One socket serves all, at no address of its own.
            Self::Utp(_) => None,
        }
    }
}

impl From<TcpStream> for Line {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx))
    }
}

impl Transport for Line {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_readable(cx))
    }

    fn set_readable_from(&mut self, bytes: u32) -> io::Result<()> {
        either!(self, stream => stream.set_readable_from(bytes))
    }

    fn poll_read_slices(
        &mut self,
        cx: &mut Context<'_>,
        slices: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_read_slices(cx, slices))
    }

    fn stream_figures(&self) -> Option<StreamFigures> {
        either!(self, stream => stream.stream_figures())
    }

    fn last_words(&self) -> Option<String> {
        either!(self, stream => stream.last_words())
    }

    fn end_because(&mut self, cause: Cause) {
        either!(self, stream => stream.end_because(cause));
    }
}
