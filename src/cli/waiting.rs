//! Waiting for what takes its time, until a signal ends it.

use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};

use super::signals::asked_to_end;
use super::{Failure, runtime};
use crate::engine::EngineError;

/// Resolves when the work is to end early.
pub(super) type Stop<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// What came of it.
pub(super) struct Waited<T> {
    pub(super) outcome: T,
    /// A signal ended it.
    pub(super) interrupted: bool,
}

/// Runs `work` while a terminal shows these words, until it is done or a signal asks it to end.
///
/// # Errors
///
/// Those of the work, and of a machine that starts no threads or gives no signals.
pub(super) fn wait_for<T>(
    words: &str,
    work: impl AsyncFnOnce(Stop<'_>) -> Result<T, EngineError>,
) -> Result<Waited<T>, Failure> {
    let words = Words::begin(words);
    let interrupted = AtomicBool::new(false);
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let asked = asked_to_end()?;
        let stop = Box::pin(async {
            asked.await;
            interrupted.store(true, Ordering::Relaxed);
        });
        Ok::<_, Failure>(work(stop).await?)
    });
    runtime.shutdown_background();
    drop(words);
    Ok(Waited { outcome: outcome?, interrupted: interrupted.into_inner() })
}

/// Words on a terminal while nothing else is written.
struct Words(bool);

impl Words {
    fn begin(words: &str) -> Self {
        let shown = io::stderr().is_terminal();
        if shown {
            let _ = write!(io::stderr(), "{words}");
        }
        Self(shown)
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        if self.0 {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
