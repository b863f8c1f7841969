//! What is run when a torrent was downloaded.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs the program with its arguments and the path as one more; nothing waits for it, and it has neither input nor output
/// of ours. `None`: it was started, or there is none.
pub(in crate::engine) fn run(on_complete: &[String], path: &Path) -> Option<String> {
    let (program, arguments) = on_complete.split_first()?;
    let mut command = Command::new(program);
    command.args(arguments).arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let told = |error| format!("on-complete: {program} cannot be run: {error}");
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Some(told(error)),
    };
    // Somebody has to hear of its end, or the system keeps it for ever.
    let reaper = std::thread::Builder::new().name("on-complete".to_owned());
    reaper.spawn(move || child.wait()).err().map(told)
}
