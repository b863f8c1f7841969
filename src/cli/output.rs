//! Standard output, which somebody may close before we are done.

use std::io::{self, ErrorKind, Write};

use super::{Failure, Status};

/// Standard output.
pub(super) struct Stdout;

impl Stdout {
    /// Writes all of it. That nobody reads any more is no failure.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<Status, Failure> {
        match self.try_write(bytes) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Output(error)),
            _ => Ok(Status::Done),
        }
    }

    /// Writes a line; false when nobody reads any more.
    pub(super) fn line(&mut self, line: &str) -> Result<bool, Failure> {
        match self.try_write(format!("{line}\n").as_bytes()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Failure::Output(error)),
        }
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    }
}
