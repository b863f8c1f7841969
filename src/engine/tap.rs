//! A connection that keeps a copy of all that passes over it, for those who want to see every byte.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::transport::Transport;
use crate::event::{Cause, WireBytes};

/// What passed over a connection so far. Nothing bounds it: it is for handshakes, which have bounds of their own.
#[derive(Clone, Debug, Default)]
pub(super) struct Tap(Arc<Mutex<WireBytes>>);

impl Tap {
    /// `inner`, watched.
    pub(super) fn on<T>(&self, inner: T) -> Tapped<T> {
        Tapped { inner, tap: self.clone() }
    }

    /// What passed.
    pub(super) fn bytes(&self) -> WireBytes {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, note: impl FnOnce(&mut WireBytes)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A transport that a [`Tap`] watches.
#[derive(Debug)]
pub(super) struct Tapped<T> {
    inner: T,
    tap: Tap,
}

impl<T: Transport> AsyncRead for Tapped<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        self.tap.note(|bytes| bytes.received.extend_from_slice(&buffer.filled()[before..]));
        Poll::Ready(Ok(()))
    }
}

impl<T: Transport> AsyncWrite for Tapped<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, from))?;
        self.tap.note(|bytes| bytes.sent.extend_from_slice(&from[..written]));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<T: Transport> Transport for Tapped<T> {
    fn last_words(&self) -> Option<String> {
        self.inner.last_words()
    }

    fn end_because(&mut self, cause: Cause) {
        self.inner.end_because(cause);
    }
}
