//! `--log FILE` and `RUST_LOG`: one line a step, written by a thread of its own so that nobody waits for the disk.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::Failure;
use crate::text;

/// Lines that may wait for the disk; more are left out rather than slow the download.
const MOST_WAITING: usize = 16 * 1024;
/// Characters of a line.
const MOST_LINE_CHARS: usize = 8192;

/// Writes what waits when dropped.
pub(super) struct LogGuard {
    lines: Option<SyncSender<Option<Vec<u8>>>>,
    thread: Option<JoinHandle<()>>,
}

/// Begins to log, where a file is named. The file is added to, never shortened.
pub(super) fn start(path: Option<&Path>) -> Result<LogGuard, Failure> {
    let Some(path) = path else { return Ok(LogGuard { lines: None, thread: None }) };
    let bad = |error: io::Error| {
        Failure::Log(format!(
            "{}: cannot be written as the log: {error}",
            text::clean(&path.to_string_lossy(), 300)
        ))
    };
    let file = File::options().append(true).create(true).open(path).map_err(bad)?;
    let wanted = std::env::var("RUST_LOG").ok();
    let (lines, waiting) = sync_channel(MOST_WAITING);
    let thread =
        std::thread::Builder::new().name("log".to_owned()).spawn(move || write_lines(file, &waiting));
    let thread = thread.map_err(|error| Failure::Machine(format!("cannot start a thread: {error}")))?;
    let sender = lines.clone();
    // It is only refused when something else logs already, as in a test of many.
    let layer =
        tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || Line { lines: sender.clone() });
    let _ = tracing_subscriber::registry().with(layer).with(filter(wanted.as_deref())).try_init();
    Ok(LogGuard { lines: Some(lines), thread: Some(thread) })
}

/// What is logged: by `RUST_LOG`, as `debug` or `ttui=trace,hyper_util=info`, and where that says nothing or makes no
/// sense what the program itself does.
fn filter(wanted: Option<&str>) -> Targets {
    let wanted = wanted.filter(|wanted| !wanted.trim().is_empty()).and_then(|wanted| wanted.parse().ok());
    wanted.unwrap_or_else(|| Targets::new().with_target("ttui", LevelFilter::INFO))
}

/// Writes until told to end, and to the disk whenever nothing waits.
fn write_lines(file: File, waiting: &Receiver<Option<Vec<u8>>>) {
    let mut file = BufWriter::new(file);
    while let Ok(Some(line)) = waiting.recv() {
        let mut next = Some(line);
        while let Some(line) = next {
            // A full disk ends the log and not the download.
            if file.write_all(&line).is_err() {
                return;
            }
            next = match waiting.try_recv() {
                Ok(Some(line)) => Some(line),
                Ok(None) => {
                    let _ = file.flush();
                    return;
                }
                Err(_) => None,
            };
        }
        if file.flush().is_err() {
            return;
        }
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        if let (Some(lines), Some(thread)) = (self.lines.take(), self.thread.take()) {
            // Fails only when the thread has ended already.
            let _ = lines.send(None);
            let _ = thread.join();
        }
    }
}

/// Takes a line. Libraries log as well, and repeat what servers say; a log is looked at on terminals.
struct Line {
    lines: SyncSender<Option<Vec<u8>>>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = text::clean_bytes(bytes.trim_ascii_end(), MOST_LINE_CHARS) + "\n";
        let _ = self.lines.try_send(Some(line.into_bytes()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn logs_what_is_asked_for_and_else_what_the_program_does() {
        for nothing in [None, Some(""), Some(" "), Some("ttui=loud")] {
            let usual = filter(nothing);
            assert!(usual.would_enable("ttui::engine", &Level::INFO), "{nothing:?}");
            assert!(!usual.would_enable("ttui::engine", &Level::DEBUG), "{nothing:?}");
            assert!(!usual.would_enable("hyper_util", &Level::ERROR), "{nothing:?}");
        }
        let all = filter(Some("trace"));
        assert!(all.would_enable("hyper_util", &Level::TRACE));
        let some = filter(Some("warn,ttui=debug"));
        assert!(
            some.would_enable("ttui::cli", &Level::DEBUG) && !some.would_enable("ttui::cli", &Level::TRACE)
        );
        assert!(
            some.would_enable("hyper_util", &Level::WARN) && !some.would_enable("hyper_util", &Level::INFO)
        );
    }
}
