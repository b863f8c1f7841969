//! Runs written down, and played again.
//!
//! A recording is the stream of events, and nothing else is needed to show the run again: the same ledger makes
//! the same views of it.
//!
//! # The file
//!
//! All numbers are little-endian. A header of 22 bytes: eight bytes of magic, version (2), wall clock at the
//! start of the run in milliseconds since 1970 (8), CRC-32 of these (4). Then frames, each with a head of 21
//! bytes: kind (1), stored length (4), length when unpacked (4), time of the run up to which it tells, in
//! nanoseconds (8), CRC-32 of head and body (4); and its body, compressed with DEFLATE.
//!
//! - The first frame holds the torrent's facts.
//! - A *snapshot* holds everything the ledger knows. One follows the facts, so a recording may begin at any time
//!   of a run; one more follows every minute, and is what a jump starts from. Most of what a ledger knows is what it
//!   knew a minute ago, so only every twentieth stands whole; a *change* tells how a snapshot's bytes differ from
//!   the one before.
//! - A frame of *events* holds those of a second. The `have`s of a second are told per peer, at its end or before
//!   anything that they matter to. A peer's sample is told as what changed since its last one, and left out when
//!   nothing did. Blocks have no events.
//!
//! Bodies are [postcard](https://docs.rs/postcard) with its fixed wire format. Kinds of events, and of what stands
//! in them, go by their place in their enum, so they are only ever appended, and [`VERSION`] grows with them; a
//! file of a newer version is refused. Causes go by their code. `tests/recordings/` holds a file of every
//! version, which must stay readable.
//!
//! A file that was cut off or damaged is read up to there. Frames are written whole once a second, so a process
//! that is killed loses at most the last second or two.
//!
//! # Size
//!
//! 200 peers of 15 000 pieces, measured with made-up runs whose samples are as noisy as can be (in the tests of this module):
//! an hour in which all 200 send and take every second, half of them going from nothing to everything, weighs
//! 16 MiB; a day in which 20 of them at a time do, 47 MiB. A connection that does nothing costs nothing.

mod batch;
mod codec;
mod delta;
mod facts;
mod frame;
mod player;
mod reader;
mod scan;
mod stage;
mod writer;

pub use batch::{Batch, Batcher};
pub use frame::VERSION;
pub use player::{Player, SPEEDS};
pub use reader::{Damage, RecordError, Recording};
pub use scan::{Mark, MarkKind};
#[cfg(test)]
pub(crate) use stage::standing;
pub use stage::{Control, Playback, Replay};
pub use writer::Writer;

#[cfg(test)]
pub(crate) mod scenes;
#[cfg(test)]
mod tests;
