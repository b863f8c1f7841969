//! Two endpoints over a line in virtual time.

mod line;
mod memory;
mod opening;
