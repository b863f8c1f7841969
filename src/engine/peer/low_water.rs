//! How much must have come before a fast peer is read again.
//!
//! Being woken for every segment costs more than taking it. Who sends fast, and owes much more than the mark, is read
//! when that much is there. A mark must not outlive the flow it was set for: what is below it would never be read. So
//! it falls as soon as less is owed, and when nothing was read for a moment.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::engine::transport::Transport;
use crate::metainfo::BLOCK_LENGTH;
use crate::peer::WindowState;

/// The mark, in bytes.
const MARK: u32 = 256 * 1024;
/// It is set while at least so much is owed,
const OWED: u32 = 2 * MARK;
/// at least so much comes in a second,
const FAST_BPS: u64 = 20 << 20;
/// and something was read within this time, four times what the mark takes at that rate.
const QUIET: Duration = Duration::from_millis(50);
/// After a pause it stays down for this long.
const DOWN: Duration = Duration::from_secs(1);

pub(super) struct LowWaterMark {
    is_up: bool,
    /// When something was last read.
    read: Instant,
    /// Not to be set before.
    not_before: Instant,
    /// Fires when nothing may have been read for too long.
    guard: Pin<Box<Sleep>>,
}

impl LowWaterMark {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { is_up: false, read: now, not_before: now, guard: Box::pin(sleep_until(now)) }
    }

    /// Something was read.
    pub(super) fn read(&mut self) {
        if self.is_up {
            self.read = Instant::now();
        }
    }

    /// Sets it or takes it down, as the window now wants it.
    pub(super) fn follow<T: Transport>(&mut self, window: WindowState, transport: &mut T) {
        let wanted = window.outstanding >= OWED / BLOCK_LENGTH && window.down_bps >= FAST_BPS;
        if wanted == self.is_up || (wanted && Instant::now() < self.not_before) {
            return;
        }
        self.set(wanted, transport);
    }

    /// Waits until nothing was read for too long while it is up.
    pub(super) async fn quiet(&mut self) {
        if !self.is_up {
            return std::future::pending().await;
        }
        loop {
            self.guard.as_mut().await;
            let due = self.read + QUIET;
            if due <= Instant::now() {
                return;
            }
            // Once in a while, not at every read.
            self.guard.as_mut().reset(due);
        }
    }

    /// The peer pauses: whatever came is to be read.
    pub(super) fn give_up<T: Transport>(&mut self, transport: &mut T) {
        self.not_before = Instant::now() + DOWN;
        self.set(false, transport);
    }

    fn set<T: Transport>(&mut self, up: bool, transport: &mut T) {
        let now = Instant::now();
        self.is_up = transport.set_readable_from(if up { MARK } else { 1 }).is_ok() && up;
        if self.is_up {
            self.read = now;
            self.guard.as_mut().reset(now + QUIET);
        } else if up {
            // Where it cannot be set the socket is read as it always was.
            self.not_before = now + DOWN;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
    use tokio::time::{advance, timeout};

    use super::*;

    /// Remembers the marks that were set.
    #[derive(Default)]
    struct Marks(Vec<u32>);

    impl Transport for Marks {
        fn set_readable_from(&mut self, bytes: u32) -> io::Result<()> {
            self.0.push(bytes);
            Ok(())
        }
    }

    impl AsyncRead for Marks {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Marks {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    fn window(owed_bytes: u32, down_bps: u64) -> WindowState {
        WindowState { outstanding: owed_bytes / BLOCK_LENGTH, down_bps, ..WindowState::default() }
    }

    async fn is_quiet(mark: &mut LowWaterMark, within: Duration) -> bool {
        timeout(within, mark.quiet()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn is_up_while_much_is_owed_and_comes_fast() {
        let (mut mark, mut marks) = (LowWaterMark::new(), Marks::default());
        mark.follow(window(OWED, FAST_BPS - 1), &mut marks);
        mark.follow(window(OWED - BLOCK_LENGTH, FAST_BPS), &mut marks);
        assert!(marks.0.is_empty());
        for _ in 0..3 {
            mark.follow(window(OWED, FAST_BPS), &mut marks);
        }
        assert_eq!(marks.0, [MARK]);
        mark.follow(window(OWED - BLOCK_LENGTH, FAST_BPS), &mut marks);
        assert_eq!(marks.0, [MARK, 1], "less is owed than could be below the mark for good");
        assert!(!is_quiet(&mut mark, Duration::from_secs(60)).await, "it is down");
        mark.follow(window(OWED, FAST_BPS), &mut marks);
        assert_eq!(marks.0, [MARK, 1, MARK]);
    }

    #[tokio::test(start_paused = true)]
    async fn falls_when_nothing_is_read_and_stays_down_for_a_while() {
        let (mut mark, mut marks) = (LowWaterMark::new(), Marks::default());
        mark.follow(window(OWED, FAST_BPS), &mut marks);
        for _ in 0..10 {
            assert!(!is_quiet(&mut mark, QUIET / 2).await);
            mark.read();
        }
        assert!(is_quiet(&mut mark, QUIET + Duration::from_millis(1)).await);
        mark.give_up(&mut marks);
        mark.follow(window(OWED, FAST_BPS), &mut marks);
        assert_eq!(marks.0, [MARK, 1]);
        advance(DOWN).await;
        mark.follow(window(OWED, FAST_BPS), &mut marks);
        assert_eq!(marks.0, [MARK, 1, MARK]);
    }
}
