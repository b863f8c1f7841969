//! Bytes on their way to the terminal. A thread of its own waits for a slow terminal, so that nobody else has to:
//! keys are taken, signals are heard and the download runs on while the terminal takes nothing.

use std::io::{self, ErrorKind, Write};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

/// There is one terminal.
static TERMINAL: LazyLock<TerminalWriter> = LazyLock::new(|| TerminalWriter {
    queue: Mutex::new(Queue::default()),
    moved: Condvar::new(),
    taken: watch::Sender::new(true),
});

struct TerminalWriter {
    queue: Mutex<Queue>,
    moved: Condvar,
    taken: watch::Sender<bool>,
}

#[derive(Default)]
struct Queue {
    /// What has to be written, and is written first.
    bytes: Vec<u8>,
    /// A frame, which nobody misses once the terminal is given back.
    frame: Vec<u8>,
    /// A write is under way.
    writing: bool,
    /// Why nothing can be written any more.
    failed: Option<ErrorKind>,
    /// The terminal was given back: nothing more is written, and nobody has to be told.
    closed: bool,
    started: bool,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.frame.is_empty()
    }
}

impl TerminalWriter {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // A panic elsewhere leaves nothing half-done here.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, bytes: &[u8], to: fn(&mut Queue) -> &mut Vec<u8>) -> io::Result<()> {
        let mut queue = self.queue();
        if queue.closed {
            return Ok(());
        }
        if let Some(kind) = queue.failed {
            return Err(kind.into());
        }
        to(&mut queue).extend_from_slice(bytes);
        self.taken.send_replace(false);
        self.moved.notify_all();
        Ok(())
    }

    fn write_on(&self) {
        let mut queue = self.queue();
        loop {
            while queue.is_empty() {
                queue = self.moved.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            let mut bytes = std::mem::take(&mut queue.bytes);
            bytes.append(&mut queue.frame);
            queue.writing = true;
            drop(queue);
            let mut out = io::stdout().lock();
            let written = out.write_all(&bytes).and_then(|()| out.flush());
            drop(out);
            queue = self.queue();
            queue.writing = false;
            if let Err(error) = written {
                queue.failed = Some(error.kind());
                queue.bytes.clear();
                queue.frame.clear();
            }
            if queue.is_empty() {
                self.taken.send_replace(true);
            }
            self.moved.notify_all();
        }
    }
}

/// Opens the way to the terminal, with the thread that writes.
pub(super) fn open() -> io::Result<()> {
    let mut queue = TERMINAL.queue();
    queue.closed = false;
    if !queue.started {
        thread::Builder::new().name("terminal".to_owned()).spawn(|| TERMINAL.write_on())?;
        queue.started = true;
    }
    Ok(())
}

/// Whether the terminal has taken everything so far.
pub(super) fn taken() -> watch::Receiver<bool> {
    TERMINAL.taken.subscribe()
}

/// Whether the terminal has taken everything, and takes more.
pub(super) fn is_heard() -> bool {
    let queue = TERMINAL.queue();
    !queue.writing && queue.is_empty() && queue.failed.is_none()
}

/// Writes these bytes soon.
pub(super) fn send(bytes: &[u8]) -> io::Result<()> {
    TERMINAL.add(bytes, |queue| &mut queue.bytes)
}

/// Writes these bytes in place of the frame that is not under way yet, closes the way to the terminal, and waits so
/// long for it to take them: whether it did.
pub(super) fn close(bytes: &[u8], within: Duration) -> bool {
    TERMINAL.queue().frame.clear();
    let sent = send(bytes);
    TERMINAL.queue().closed = true;
    if sent.is_err() {
        return false;
    }
    let waits = |queue: &mut Queue| queue.writing || !queue.is_empty();
    let waited = TERMINAL.moved.wait_timeout_while(TERMINAL.queue(), within, waits);
    let (queue, waited) = waited.unwrap_or_else(PoisonError::into_inner);
    !waited.timed_out() && queue.failed.is_none()
}

/// What begins and ends a frame: a terminal that knows it (synchronized output, mode 2026) shows all of it at once, so that
/// no frame is seen half drawn. Others pass over it.
const FRAME: (&[u8], &[u8]) = (b"\x1b[?2026h", b"\x1b[?2026l");

/// Where a frame is written to; flushing sends it on its way.
#[derive(Debug, Default)]
pub struct Port(Vec<u8>);

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        TERMINAL.add(&as_one(&std::mem::take(&mut self.0)), |queue| &mut queue.frame)
    }
}

/// The bytes of a frame, which is shown as one.
fn as_one(bytes: &[u8]) -> Vec<u8> {
    [FRAME.0, bytes, FRAME.1].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_shown_as_one() {
        assert_eq!(as_one(b"\x1b[2;3Hx"), b"\x1b[?2026h\x1b[2;3Hx\x1b[?2026l");
    }
}
