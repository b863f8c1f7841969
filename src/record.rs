//! Runs written down, and played again.
//!
//! A recording is the stream of events, and nothing else is needed to show the run again: the same ledger makes
//! the same views of it.
//!
//! # The file
//!
//! All numbers are little-endian. A header of 28 bytes: eight bytes of magic, version (2), wall clock at the
//! start of the run in milliseconds since 1970 (8), the version of the ttui that wrote it (three times 2), CRC-32 of
//! these (4). Then frames, each with a head of 21 bytes: kind (1), stored length (4), length when unpacked (4), time of
//! the run up to which it tells, in nanoseconds (8), CRC-32 of head and body (4); and its body, compressed with
//! DEFLATE.
//!
//! - A *schema* says what stands where in the bodies to come, by name: fields, kinds, and what they hold
//!   (`record/schema.rs`). It is told when something is written for the first time.
//! - *Facts* are what stays the same of a torrent: its name, its lengths, its files. They may come late, and again when
//!   more is known. What is told last holds.
//! - A *snapshot* holds everything that the ledgers of all torrents know. One stands before all events, so a recording
//!   may begin at any time of a run; one more follows every minute, and is what a jump starts from. Most of what a
//!   ledger knows is what it knew a minute ago, so only every twentieth stands whole; a *change* tells how a
//!   snapshot's bytes differ from the one before.
//! - A frame of *events* holds those of a second. Each tells of a torrent or of the session: entries say what those after
//!   them tell of. The `have`s of a second are told per peer, at its end or before anything that they matter to. A
//!   peer's sample is told as what changed since its last one, and left out when nothing did. Blocks have no events.
//!
//! # Versions
//!
//! Bodies are read by the names in the schema. What was not written yet when a file was made is missing and takes its
//! default; what is not known any more is skipped. Events, and frames, of a kind that the reader does not know are
//! left out and counted, and the replay says so. In snapshots, items of lists that hold something unknown are
//! left out. So fields and kinds come and go without a new [`VERSION`]. That grows only when frames or bodies are laid
//! out in another way; a file of a newer version is refused, and its header says which ttui can read it.
//!
//! Files of version 1 hold no names; their schema is told in `record/version_1.rs`. `tests/recordings/` holds a file of every
//! version, which must stay readable.
//!
//! A file that was cut off or damaged is read up to there. Frames are written whole once a second, so a process
//! that is killed loses at most the last second or two.
//!
//! # Size
//!
//! 200 peers of 15 000 pieces, measured with made-up runs whose samples are as noisy as can be (in the tests of this
//! module): an hour in which all 200 send and take every second, half of them going from nothing to everything, weighs
//! 17.4 MiB; a day in which 20 of them at a time do, 56 MiB (17.4 and 56 MiB in version 1: names cost some KiB a
//! file). A connection that does nothing costs nothing.

mod batch;
mod codec;
mod curve;
mod delta;
mod facts;
mod frame;
mod player;
mod reader;
mod samples;
mod scan;
mod schema;
mod stage;
mod version_1;
mod writer;

pub use batch::{Batch, Batcher};
pub use curve::Curve;
pub use frame::{Program, VERSION};
pub use player::{LeftOut, Player, SPEEDS};
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
