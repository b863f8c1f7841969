//! One stream, as a connection that is read and written like any other.

use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Shared, State, farewell};
use crate::engine::transport::Transport;
use crate::event::{Cause, StreamFigures};
use crate::utp::{End, StreamId};
use crate::wire::utp::CloseReason;

/// A stream of uTP. Dropping it closes it; what was written before a shutdown still arrives, if the other side takes it soon.
#[derive(Debug)]
pub struct UtpStream {
    shared: Arc<Shared>,
    id: StreamId,
    /// What the other side is told when it is closed.
    farewell: CloseReason,
}

impl UtpStream {
    pub(super) fn new(shared: Arc<Shared>, id: StreamId) -> Self {
        Self { shared, id, farewell: CloseReason::NONE }
    }

    /// Ready once it is open.
    pub(super) fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.shared.state();
        let State { endpoint, waiting, .. } = &mut *state;
        if let Some(end) = endpoint.end_of(self.id) {
            return Poll::Ready(Err(broken(end)));
        }
        let waiting = waiting.entry(self.id).or_default();
        if waiting.is_open {
            return Poll::Ready(Ok(()));
        }
        wait(&mut waiting.reader, cx);
        Poll::Pending
    }

    /// Writes what there is room for, in order.
    fn write<'a>(
        &self,
        cx: &mut Context<'_>,
        slices: impl IntoIterator<Item = &'a [u8]>,
    ) -> Poll<io::Result<usize>> {
        let now = self.shared.clock.now();
        let mut state = self.shared.state();
        let State { endpoint, waiting, .. } = &mut *state;
        if let Some(end) = endpoint.end_of(self.id) {
            return Poll::Ready(Err(match end {
                End::Finished => io::ErrorKind::BrokenPipe.into(),
                end => broken(end),
            }));
        }
        let (mut written, mut is_full) = (0, false);
        for slice in slices {
            let n = endpoint.write(now, self.id, slice);
            written += n;
            is_full = n < slice.len();
            if is_full {
                break;
            }
        }
        if written == 0 && is_full {
            wait(&mut waiting.entry(self.id).or_default().writer, cx);
            return Poll::Pending;
        }
        drop(state);
        self.shared.send();
        Poll::Ready(Ok(written))
    }
}

/// `waker` is told next.
fn wait(place: &mut Option<Waker>, cx: &mut Context<'_>) {
    match place {
        Some(waker) if waker.will_wake(cx.waker()) => {}
        place => *place = Some(cx.waker().clone()),
    }
}

/// How the end of a stream reads as the error of a connection.
fn broken(end: &End) -> io::Error {
    match end {
        End::Finished => io::ErrorKind::UnexpectedEof.into(),
        End::Refused(Some(code)) => io::Error::from_raw_os_error(*code),
        End::Refused(None) => rustix::io::Errno::CONNREFUSED.into(),
        End::Unanswered | End::Silent => io::ErrorKind::TimedOut.into(),
        End::Reset(_) => io::ErrorKind::ConnectionReset.into(),
        End::Broken(what) => io::Error::new(io::ErrorKind::ConnectionAborted, *what),
        End::Ours => io::ErrorKind::NotConnected.into(),
    }
}

impl Transport for UtpStream {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.shared.state();
        let State { endpoint, waiting, .. } = &mut *state;
        if endpoint.readable(self.id) > 0 || endpoint.at_end(self.id) {
            return Poll::Ready(Ok(()));
        }
        wait(&mut waiting.entry(self.id).or_default().reader, cx);
        Poll::Pending
    }

    fn poll_read_slices(
        &mut self,
        cx: &mut Context<'_>,
        slices: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        if slices.iter().all(|slice| slice.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        let now = self.shared.clock.now();
        let mut state = self.shared.state();
        let State { endpoint, waiting, .. } = &mut *state;
        let n = endpoint.read(now, self.id, slices);
        if n == 0 && !endpoint.at_end(self.id) {
            wait(&mut waiting.entry(self.id).or_default().reader, cx);
            return Poll::Pending;
        }
        let end = endpoint.end_of(self.id).filter(|end| n == 0 && **end != End::Finished).map(broken);
        drop(state);
        if n > 0 {
            // The other side may hear that there is room again.
            self.shared.send();
        }
        Poll::Ready(end.map_or(Ok(n), Err))
    }

    fn stream_figures(&self) -> Option<StreamFigures> {
        let now = self.shared.clock.now();
        self.shared.state().endpoint.figures(now, self.id)
    }

    fn last_words(&self) -> Option<String> {
        let reason = self.shared.state().endpoint.close_reason(self.id)?;
        farewell::words(reason)
    }

    fn end_because(&mut self, cause: Cause) {
        self.farewell = farewell::reason(cause);
    }
}

impl AsyncRead for UtpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.get_mut().poll_read_slices(cx, &mut [IoSliceMut::new(buffer.initialize_unfilled())]);
        read.map_ok(|n| buffer.advance(n))
    }
}

impl AsyncWrite for UtpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, [bytes])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, slices.iter().map(|slice| &**slice))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What is written is on its way.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let now = self.shared.clock.now();
        self.shared.state().endpoint.finish(now, self.id);
        self.shared.send();
        Poll::Ready(Ok(()))
    }
}

impl Drop for UtpStream {
    fn drop(&mut self) {
        let now = self.shared.clock.now();
        {
            let mut state = self.shared.state();
            state.waiting.remove(&self.id);
            state.endpoint.close(now, self.id, self.farewell);
        }
        self.shared.send();
    }
}
