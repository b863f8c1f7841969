//! Where every fact goes: the log file, the ledger, and the recording where there is one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::clock::wall_ms;
use super::log;
use super::recorder::{Recorder, RecordingError, shown};
use crate::event::{At, Event, Pseudonyms, Severity};
use crate::ledger::{Ledger, TorrentFacts, View};
use crate::storage;
use crate::units::{self, Units};

/// How often the recording is brought to the disk.
const SECOND: Duration = Duration::from_secs(1);

/// What is to be written down of a run, and how.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recording {
    /// Record from the start, into this new file.
    pub file: Option<PathBuf>,
    /// Where recordings go that are begun later, without a name; empty: the current folder.
    pub folder: PathBuf,
    /// Names that tell nothing in place of peers' addresses, wherever they are shown or written down.
    pub privacy: bool,
}

/// Takes every fact in.
#[derive(Debug)]
pub(super) struct EventSink {
    ledger: Ledger,
    facts: Arc<TorrentFacts>,
    pseudonyms: Option<Pseudonyms>,
    recorder: Option<Recorder>,
    folder: PathBuf,
    /// The wall clock at the start of the run, milliseconds since 1970.
    wall_ms: u64,
    next_second: At,
    /// Something happened since it was last told.
    fresh: bool,
}

impl EventSink {
    /// Begins a torrent's facts, `now` being the time since the start of the run. `secret` is a random number that stands
    /// nowhere else.
    ///
    /// # Errors
    ///
    /// When the file to record into cannot be made.
    pub(super) fn begin(
        now: At,
        mut facts: TorrentFacts,
        max_rows: usize,
        recording: &Recording,
        secret: u64,
    ) -> Result<Self, RecordingError> {
        let pseudonyms = recording.privacy.then(|| {
            let home = std::env::var_os(storage::HOME).map(|home| home.to_string_lossy().into_owned());
            Pseudonyms::new(secret, home)
        });
        if let Some(names) = &pseudonyms {
            rename(&mut facts, names.clone());
        }
        let facts = Arc::new(facts);
        let mut event_sink = Self {
            ledger: Ledger::with_most_rows(Arc::clone(&facts), max_rows),
            facts,
            pseudonyms,
            recorder: None,
            folder: recording.folder.clone(),
            wall_ms: wall_ms().saturating_sub(now.as_millis() as u64),
            next_second: now + SECOND,
            fresh: true,
        };
        if let Some(path) = &recording.file {
            event_sink.start_recording(now, path)?;
        }
        Ok(event_sink)
    }

    /// Takes in one fact.
    pub(super) fn emit(&mut self, at: At, event: &Event) {
        let named;
        let event = match &mut self.pseudonyms {
            Some(names) => {
                named = names.event(event);
                &named
            }
            None => event,
        };
        self.fresh = true;
        if let Some(recorder) = &mut self.recorder {
            recorder.push(at, event);
        }
        self.ledger.apply(at, event);
        log::write(&self.ledger, at, event);
    }

    /// The metadata of a magnet are known from now on, and with them what the torrent is made of.
    pub(super) fn know(&mut self, at: At, mut facts: TorrentFacts) {
        if let Some(names) = &self.pseudonyms {
            rename(&mut facts, names.clone());
        }
        self.facts = Arc::new(facts);
        if let Some(recorder) = &mut self.recorder {
            recorder.know(at, Arc::clone(&self.facts));
        }
        self.ledger.know(at, Arc::clone(&self.facts));
    }

    /// All that happened is told.
    pub(super) fn told(&mut self) {
        self.fresh = false;
    }

    /// It is told again, even if nothing happened.
    pub(super) fn freshen(&mut self) {
        self.fresh = true;
    }

    /// Whether nothing happened since it was told, and nothing is written down as time goes on.
    pub(super) fn is_told(&self) -> bool {
        !self.fresh && self.recorder.is_none()
    }

    /// Everything known now.
    pub(super) fn view(&mut self, now: At) -> Arc<View> {
        self.ledger.view(now)
    }

    /// Brings a second of the recording to the disk when it is over. To be called a few times a second.
    pub(super) fn tick(&mut self, now: At) {
        if now < self.next_second {
            return;
        }
        self.next_second = now + SECOND;
        let Some(recorder) = &mut self.recorder else { return };
        if let Err(error) = recorder.second(now, &self.ledger) {
            self.recorder = None;
            self.emit(now, &Event::Recording { on: false });
            self.note(now, Severity::Warn, error.to_string());
        }
    }

    /// Begins a recording that knows all there is to know by now, or ends the one there is.
    pub(super) fn record(&mut self, now: At) {
        if self.recorder.is_some() {
            self.emit(now, &Event::Recording { on: false });
        }
        let (severity, text) = match self.recorder.take() {
            Some(recorder) => {
                let size = units::bytes(recorder.written_bytes(), Units::Binary);
                let text = format!("Recording ended: {size} in {}", shown(recorder.path()));
                drop(recorder.finish(now));
                (Severity::Info, text)
            }
            None => {
                let path = super::recorder::unused(&self.folder, self.wall_ms + now.as_millis() as u64);
                match self.start_recording(now, &path) {
                    Ok(()) => (Severity::Info, format!("Recording to {}; R ends it.", shown(&path))),
                    Err(error) => (Severity::Warn, error.to_string()),
                }
            }
        };
        self.note(now, severity, text);
    }

    fn start_recording(&mut self, now: At, path: &Path) -> Result<(), RecordingError> {
        let snapshot = self.ledger.snapshot();
        self.recorder = Some(Recorder::start(path, Arc::clone(&self.facts), self.wall_ms, now, snapshot)?);
        self.emit(now, &Event::Recording { on: true });
        Ok(())
    }

    fn note(&mut self, now: At, severity: Severity, text: String) {
        self.emit(now, &Event::Note { severity, text, answer: true });
    }

    /// Brings the recording to its end, and waits until it is written, but not for ever.
    pub(super) async fn end(&mut self, now: At) {
        if let Some(recorder) = self.recorder.take() {
            recorder.finish(now).await;
        }
    }

    /// The run never began: takes away what was recorded of it, so that the next try can have the same name.
    pub(super) fn abandon(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            recorder.abandon();
        }
    }
}

/// Makes the facts tell nothing of the user.
fn rename(facts: &mut TorrentFacts, mut names: Pseudonyms) {
    facts.output = names.text(&facts.output.to_string_lossy()).into();
}
