//! What runs: the torrents that are named, which are kept by that, or all that are kept.

mod moved;

use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::args::DownloadArgs;
use super::{Failure, open_file, open_magnet, warn};
use crate::engine::{TorrentOptions, Wanted};
use crate::ledger::{Standing, TorrentRow};
use crate::library::{Entry, Library, LibraryError, Listing, Named, Shelf, Source};
use crate::metainfo::{Magnet, NamedFiles};
use crate::{text, units};

/// The most of a name that is told, characters.
const MOST_NAME_CHARS: usize = 200;

/// A torrent that is to run.
pub(super) struct Chosen {
    /// What it is.
    pub(super) wanted: Wanted,
    /// The folder its files go to.
    pub(super) output: PathBuf,
    /// An earlier run left it paused, and it is to stay so.
    pub(super) paused: bool,
    /// Limits of its own, bytes a second: down, up.
    pub(super) limits: (Option<u64>, Option<u64>),
    /// For how long the runs before seeded it.
    pub(super) seeded: Duration,
}

impl Chosen {
    /// One of which nothing is kept.
    pub(super) fn new(wanted: Wanted, output: PathBuf) -> Self {
        Self { wanted, output, paused: false, limits: (None, None), seeded: Duration::ZERO }
    }

    /// It runs as it is kept.
    fn kept_as(self, entry: &Entry) -> Self {
        let seeded = Duration::from_secs(entry.totals.seeded_s);
        Self { limits: (entry.down_bps, entry.up_bps), seeded, ..self }
    }

    /// What it is, and how it runs, where others run like this.
    pub(super) fn options(self, others: &TorrentOptions) -> (Wanted, TorrentOptions) {
        let Self { wanted, output, paused, limits, seeded } = self;
        let paused = paused || others.paused;
        (wanted, TorrentOptions { output, paused, limits, seeded, ..others.clone() })
    }
}

/// What runs, and what does not.
#[derive(Default)]
pub(super) struct Selection {
    /// What is kept of it, where anything is.
    pub(super) shelf: Option<Arc<Shelf>>,
    /// What runs.
    pub(super) running: Vec<Result<Chosen, Failure>>,
    /// What does not: it is done, paused, or another process has it.
    pub(super) resting: Vec<TorrentRow>,
    /// Downloads of an earlier version that are not kept.
    pub(super) waiting: usize,
    /// It is all that is kept: nothing was named.
    pub(super) is_all: bool,
    /// What is added while it runs on a screen, of itself.
    pub(super) joining: Option<mpsc::Receiver<Wanted>>,
}

/// What is named, each torrent once, and kept where there is a library.
///
/// What an earlier run left on its way to another folder is brought there first; where a `screen` is to show that, it is not
/// among what runs.
pub(super) fn named(args: &DownloadArgs, usual: &Path, shelf: Option<Arc<Shelf>>, screen: bool) -> Selection {
    let now = super::time::time_of_day();
    let mut keeper = Keeper { args, usual, shelf: shelf.as_deref(), now, is_refused: false };
    let mut first_names = HashMap::new();
    let mut selection = Selection::default();
    for named in &args.torrents {
        let opened = match open(named) {
            Ok((Wanted::Torrent(_), _)) if args.metadata_only => Err(Failure::HasMetadata),
            opened => opened,
        };
        if let Ok((wanted, _)) = &opened {
            match first_names.entry(wanted.info_hash()) {
                Place::Vacant(place) => _ = place.insert(named),
                Place::Occupied(place) => {
                    let first = place.get().display();
                    warn(&format!(
                        "{} is the same torrent as {first}: it is downloaded once",
                        named.display()
                    ));
                    continue;
                }
            }
        }
        let chosen = opened.and_then(|(wanted, file)| {
            // What names no file of it is said before anything is kept.
            if let Wanted::Torrent(torrent) = &wanted {
                NamedFiles::from(args.files.clone()).choice(torrent)?;
            }
            keeper.keep(wanted, &file)
        });
        match chosen {
            Ok(chosen) => selection.take(chosen, shelf.as_deref(), screen),
            Err(failure) => selection.running.push(Err(failure)),
        }
    }
    Selection { shelf, ..selection }
}

/// What is named, and the bytes of its file where it is one.
fn open(named: &Path) -> Result<(Wanted, Vec<u8>), Failure> {
    if Magnet::is_meant(named) {
        return Ok((open_magnet(named)?.into(), Vec::new()));
    }
    let (torrent, file) = open_file(named)?;
    Ok((torrent.into(), file))
}

/// All that is kept. On a `screen` those left paused run, too: there somebody can resume them.
pub(super) fn kept(shelf: Arc<Shelf>, screen: bool) -> Result<Selection, Failure> {
    let library = shelf.library();
    let Listing { entries, unusable } = library.list()?;
    let mut selection = Selection { waiting: library.waiting(), is_all: true, ..Selection::default() };
    selection.running.extend(unusable.into_iter().map(|error| Err(error.into())));
    let rests = |entry: &Entry| standing(entry, screen);
    for entry in entries {
        // One that is not to run is left to others.
        let taken = match rests(&entry) {
            Some(standing) => Ok(Err(standing)),
            None => shelf.take(&entry, rests),
        };
        match taken {
            Ok(Ok((source, output))) => {
                let wanted = match source {
                    Source::Torrent(torrent) => (*torrent).into(),
                    Source::Magnet(magnet) => (*magnet).into(),
                };
                let chosen = Chosen { paused: entry.paused, ..Chosen::new(wanted, output) };
                selection.take(chosen.kept_as(&entry), Some(&shelf), screen);
            }
            Ok(Err(standing)) => selection.resting.push(row(&entry, standing)),
            Err(LibraryError::Elsewhere { process, .. }) => {
                let process = process.unwrap_or_default();
                selection.resting.push(row(&entry, Standing::Elsewhere { process }));
            }
            // It was forgotten a moment ago.
            Err(LibraryError::Absent(_)) => {}
            Err(error) => selection.running.push(Err(error.into())),
        }
    }
    selection.shelf = Some(shelf);
    Ok(selection)
}

/// What a torrent is that is not to run; `None`: it is.
fn standing(entry: &Entry, takes_paused: bool) -> Option<Standing> {
    match (entry.done, entry.paused && !takes_paused) {
        (true, _) => Some(Standing::Done),
        (false, true) => Some(Standing::Paused),
        (false, false) => None,
    }
}

/// Waits until the disk has what was kept.
pub(super) fn sync(library: &Library) {
    if let Err(error) = library.sync() {
        warn(&format!("the disk may not have what is kept: {error}"));
    }
}

impl Selection {
    /// Takes one that is to run, with its files in one folder: where a `screen` shows how they get there, it rests until then.
    fn take(&mut self, chosen: Chosen, shelf: Option<&Shelf>, screen: bool) {
        let kept = shelf.and_then(|shelf| Some((shelf, shelf.entry(chosen.wanted.info_hash())?)));
        match kept.filter(|(_, entry)| entry.moving_to.is_some()) {
            None => self.running.push(Ok(chosen)),
            Some((_, entry)) if screen => self.resting.push(row(&entry, Standing::Moving { percent: 0 })),
            Some((shelf, entry)) => {
                let output = moved::finish(shelf, &entry, chosen.output.clone());
                self.running.push(output.map(|output| Chosen { output, ..chosen }));
            }
        }
    }

    /// Says how many downloads of an earlier version are not kept.
    pub(super) fn tell_waiting(&self) {
        if self.waiting > 0 {
            warn(&waiting_text(self.waiting));
        }
    }
}

/// How downloads of an earlier version go on.
pub(super) fn waiting_text(waiting: usize) -> String {
    let number = units::count(waiting as u64);
    format!(
        "downloads of an earlier version wait ({number}): each goes on when its torrent is named with its folder (-o)"
    )
}

/// What is known of a torrent that does not run.
fn row(entry: &Entry, standing: Standing) -> TorrentRow {
    let name = text::clean(&entry.title(), MOST_NAME_CHARS);
    TorrentRow {
        total_bytes: entry.totals.total_bytes,
        have_bytes: entry.totals.have_bytes,
        downloaded_bytes: entry.totals.downloaded_bytes,
        uploaded_bytes: entry.totals.uploaded_bytes,
        limits: (entry.down_bps, entry.up_bps),
        ..TorrentRow::resting(entry.info_hash, name, entry.output.clone(), standing)
    }
}

/// Keeps what is named.
struct Keeper<'a> {
    args: &'a DownloadArgs,
    /// The folder where no other is named.
    usual: &'a Path,
    shelf: Option<&'a Shelf>,
    now: Duration,
    /// The system refused to keep one: that is said once.
    is_refused: bool,
}

impl Keeper<'_> {
    fn keep(&mut self, wanted: Wanted, file: &[u8]) -> Result<Chosen, Failure> {
        let usual = |wanted| Chosen::new(wanted, self.usual.to_owned());
        let Some(shelf) = self.shelf.filter(|_| !self.is_refused) else { return Ok(usual(wanted)) };
        let named = match &wanted {
            Wanted::Torrent(torrent) => Named::Torrent(torrent, file),
            Wanted::Magnet(magnet) => Named::Magnet(magnet),
        };
        // One after the other in the queue, as they are named.
        self.now += Duration::from_nanos(1);
        match shelf.keep(named, self.args.output.as_deref(), self.now) {
            Ok(output) => {
                let paused = self.args.paused;
                if paused {
                    super::keeping::change(Some(shelf), wanted.info_hash(), |entry| entry.paused = true);
                }
                let entry = shelf.entry(wanted.info_hash());
                let chosen = Chosen { paused, ..Chosen::new(wanted, output) };
                Ok(match entry {
                    Some(entry) => chosen.kept_as(&entry),
                    None => chosen,
                })
            }
            Err(error @ (LibraryError::Elsewhere { .. } | LibraryError::OtherFolder { .. })) => {
                Err(error.into())
            }
            Err(error) => {
                self.is_refused = matches!(error, LibraryError::Storage(_));
                if self.is_refused && !shelf.library().is_reachable() {
                    // The session needs the folder, and says what is wrong with it.
                    return Ok(usual(wanted));
                }
                warn(&format!("{error}; it is downloaded, and `ttui` alone will not know of it"));
                Ok(usual(wanted))
            }
        }
    }
}
