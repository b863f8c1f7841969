//! `ttui verify`

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::args::VerifyArgs;
use super::output::Stdout;
use super::{Failure, Status, home, open_torrent};
use crate::config::Settings;
use crate::metainfo::{Bitfield, FilePriority, NamedFiles, Torrent};
use crate::{report, storage};

pub(super) fn run(args: &VerifyArgs, settings: &Settings) -> Result<Status, Failure> {
    let torrent = Arc::new(open_torrent(&args.torrent)?);
    let output = args.output.clone().unwrap_or_else(|| settings.output_folder(home().as_deref()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let meter = Meter { shown: io::stderr().is_terminal(), percent: AtomicU32::new(u32::MAX) };
    let progress = |done, of| meter.tell(done, of);
    let cancel = AtomicBool::new(false);
    let state = storage::state_dir(std::env::var_os("XDG_STATE_HOME"), std::env::var_os(storage::HOME));
    let pieces = pieces(args, &torrent)?;
    let found = storage::verify(
        Arc::clone(&torrent),
        &output,
        state.as_deref(),
        &pieces,
        threads,
        &progress,
        &cancel,
    );
    meter.clear();
    let verdicts = found?;
    let text = if args.json {
        report::verify::json(&torrent, &verdicts) + "\n"
    } else {
        report::verify::text(&torrent, &verdicts)
    };
    Stdout.write(text.as_bytes())?;
    let is_whole = verdicts.bad.is_empty() && verdicts.missing.is_empty();
    Ok(if is_whole { Status::Done } else { Status::NotAchieved })
}

/// The pieces of the files that are named; where none is, all.
fn pieces(args: &VerifyArgs, torrent: &Torrent) -> Result<Bitfield, Failure> {
    let mut pieces = Bitfield::full(torrent.geometry.piece_count());
    if let Some(choice) = NamedFiles::from(args.files.clone()).choice(torrent)? {
        let choice = choice.of_pieces(&torrent.files, torrent.geometry);
        let skipped = torrent.geometry.pieces().filter(|piece| choice.of(*piece) == FilePriority::Skip);
        skipped.for_each(|piece| _ = pieces.clear(piece));
    }
    Ok(pieces)
}

/// How far the hashing is, on a terminal's last line.
struct Meter {
    shown: bool,
    percent: AtomicU32,
}

impl Meter {
    fn tell(&self, done: u32, of: u32) {
        let percent = (u64::from(done) * 100 / u64::from(of.max(1))) as u32;
        if self.shown && self.percent.swap(percent, Ordering::Relaxed) != percent {
            let _ = write!(io::stderr(), "\rhashing: {percent} %");
        }
    }

    fn clear(&self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
