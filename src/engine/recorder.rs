//! Writes a recording on a thread of its own: nothing waits for it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, TrySendError};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::event::{At, Event, OsError, TorrentKey};
use crate::ledger::{Ledger, Snapshot, TorrentFacts};
use crate::record::{Batch, Batcher, Writer};
use crate::text;

/// Seconds that may wait for the disk before the recording is given up.
const MOST_WAITING: usize = 60;
/// The torrent of a run, as long as a run has one.
const TORRENT: TorrentKey = TorrentKey(0);
/// Characters shown of a path.
const LONGEST_PATH: usize = 300;
/// So long the end waits for the disk.
const PATIENCE: Duration = Duration::from_millis(800);

/// Why there is no recording, or no more.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum RecordingError {
    /// It would take the place of another file.
    #[error("cannot record to {}: a file of that name exists; name another one", shown(.0))]
    Exists(PathBuf),
    /// The file cannot be made.
    #[error("cannot record to {}: {}", shown(.0), .1.text)]
    Create(PathBuf, OsError),
    /// It can be written no more.
    #[error("Recording to {} ended: {}; what was written can be replayed", shown(.0), .1.text)]
    Write(PathBuf, OsError),
    /// The disk does not keep up.
    #[error("Recording to {} ended: the disk takes longer than a minute; what was written can be replayed", shown(.0))]
    TooSlow(PathBuf),
}

impl RecordingError {
    /// 2 for a name that cannot be, 3 for this machine.
    pub fn exit_status(&self) -> u8 {
        const NOT_FOUND: i32 = 2;
        match self {
            Self::Exists(_) => 2,
            Self::Create(_, error) if error.code == Some(NOT_FOUND) => 2,
            Self::Create(..) | Self::Write(..) | Self::TooSlow(_) => 3,
        }
    }
}

/// A path as it may be shown.
pub(super) fn shown(path: &Path) -> String {
    text::clean(&path.to_string_lossy(), LONGEST_PATH)
}

enum Job {
    Second(Batch),
    Snapshot(At, Box<Snapshot>),
    End(At),
}

#[derive(Debug, Default)]
struct State {
    wants_snapshot: AtomicBool,
    written_bytes: AtomicU64,
    failed: OnceLock<OsError>,
}

/// A recording under way. What was gathered is lost when it is dropped without [`Recorder::finish`].
#[derive(Debug)]
pub(super) struct Recorder {
    path: PathBuf,
    batcher: Batcher,
    jobs: mpsc::SyncSender<Job>,
    state: Arc<State>,
    done: oneshot::Receiver<()>,
}

impl Recorder {
    /// Makes the file and begins with what is known now.
    ///
    /// # Errors
    ///
    /// When the file is there already or cannot be made.
    pub(super) fn start(
        path: &Path,
        facts: Arc<TorrentFacts>,
        wall_ms: u64,
        now: At,
        snapshot: Snapshot,
    ) -> Result<Self, RecordingError> {
        let path = path.to_owned();
        let file = File::create_new(&path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => RecordingError::Exists(path.clone()),
            _ => RecordingError::Create(path.clone(), OsError::from(&error)),
        })?;
        let (jobs, queue) = mpsc::sync_channel(MOST_WAITING);
        let (alive, done) = oneshot::channel();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || {
                // Its end is noticed however it comes.
                let _alive: oneshot::Sender<()> = alive;
                let written = begin(file, &facts, wall_ms, now, &snapshot)
                    .and_then(|writer| work(writer, &queue, &shared));
                if let Err(error) = written {
                    let _ = shared.failed.set(OsError::from(&error));
                }
            })
            .map_err(|error| RecordingError::Create(path.clone(), OsError::from(&error)))?;
        Ok(Self { path, batcher: Batcher::default(), jobs, state, done })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes written so far.
    pub(super) fn written_bytes(&self) -> u64 {
        self.state.written_bytes.load(Ordering::Relaxed)
    }

    /// Takes an event in.
    pub(super) fn push(&mut self, at: At, event: &Event) {
        self.batcher.push(at, TORRENT, event);
    }

    /// Takes in what is known of the torrent from now on.
    pub(super) fn know(&mut self, at: At, facts: Arc<TorrentFacts>) {
        self.batcher.know(at, TORRENT, facts);
    }

    /// A second is over: hands it to the disk.
    ///
    /// # Errors
    ///
    /// When nothing more can be written.
    pub(super) fn second(&mut self, now: At, ledger: &Ledger) -> Result<(), RecordingError> {
        let second = self.batcher.take(now);
        self.hand_over(Job::Second(second))?;
        if self.state.wants_snapshot.swap(false, Ordering::Relaxed) {
            self.hand_over(Job::Snapshot(now, Box::new(ledger.snapshot())))?;
        }
        Ok(())
    }

    fn hand_over(&self, job: Job) -> Result<(), RecordingError> {
        self.jobs.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => RecordingError::TooSlow(self.path.clone()),
            TrySendError::Disconnected(_) => {
                let unknown = || OsError { code: None, text: "an internal error".to_owned() };
                let error = self.state.failed.get().cloned().unwrap_or_else(unknown);
                RecordingError::Write(self.path.clone(), error)
            }
        })
    }

    /// Hands the rest to the disk. Awaiting what is returned waits until it is written, but not for ever.
    pub(super) fn finish(mut self, now: At) -> impl Future<Output = ()> {
        let last = self.batcher.take(now);
        // A recording that failed has said so.
        let _ = self.hand_over(Job::Second(last)).and_then(|()| self.hand_over(Job::End(now)));
        let Self { done, .. } = self;
        async {
            let _ = timeout(PATIENCE, done).await;
        }
    }

    /// Takes the file away again.
    pub(super) fn abandon(self) {
        // What cannot be removed is left, and says itself what it is.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn begin(
    file: File,
    facts: &TorrentFacts,
    wall_ms: u64,
    now: At,
    snapshot: &Snapshot,
) -> io::Result<Writer<File>> {
    let mut writer = Writer::begin(file, wall_ms)?;
    writer.facts(now, TORRENT, facts)?;
    writer.snapshot(now, &[(TORRENT, snapshot)])?;
    Ok(writer)
}

fn work(mut writer: Writer<File>, jobs: &mpsc::Receiver<Job>, state: &State) -> io::Result<()> {
    for job in jobs {
        match job {
            Job::Second(batch) => {
                let now = batch.until();
                writer.write(batch)?;
                state.wants_snapshot.store(writer.wants_snapshot(now), Ordering::Relaxed);
            }
            Job::Snapshot(now, snapshot) => writer.snapshot(now, &[(TORRENT, &*snapshot)])?,
            Job::End(now) => return writer.end(now).map(drop),
        }
        state.written_bytes.store(writer.written_bytes(), Ordering::Relaxed);
    }
    Ok(())
}

/// A name for a recording begun now (milliseconds since 1970), in UTC, that no file of the folder has.
pub(super) fn unused(folder: &Path, wall_ms: u64) -> PathBuf {
    let (days, seconds) = (wall_ms / 86_400_000, wall_ms / 1000 % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let name = format!("ttui-{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}");
    let first = folder.join(format!("{name}.ttrec"));
    let more = (2..100).map(|number| folder.join(format!("{name}-{number}.ttrec")));
    let free = std::iter::once(first.clone()).chain(more).find(|path| !path.exists());
    free.unwrap_or(first)
}

/// Year, month and day of the so many days after 1970-01-01: years are counted from March, so that the day that
/// some have more is their last.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_recordings_by_their_time() {
        let folder = tempfile::tempdir().unwrap();
        let name = |wall_ms| {
            let path = unused(folder.path(), wall_ms);
            path.file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(name(0), "ttui-19700101-000000.ttrec");
        assert_eq!(name(951_782_399_000), "ttui-20000228-235959.ttrec");
        assert_eq!(name(951_782_400_000), "ttui-20000229-000000.ttrec");
        assert_eq!(name(1_709_210_096_000), "ttui-20240229-123456.ttrec");
        assert_eq!(name(1_735_689_599_000), "ttui-20241231-235959.ttrec");
        File::create(folder.path().join("ttui-19700101-000000.ttrec")).unwrap();
        assert_eq!(name(0), "ttui-19700101-000000-2.ttrec");
    }
}
