//! Writes a recording, a second at a time.

use std::io::{self, Write};
use std::time::Duration;

use super::batch::Batch;
use super::codec::Encoder;
use super::delta;
use super::facts;
use super::frame::{self, Kind};
use crate::event::At;
use crate::ledger::{Snapshot, TorrentFacts};

/// Time from one snapshot to the next.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(60);
/// So many snapshots in a row are told by what changed, then one is written whole.
const MOST_CHANGES: u32 = 19;
/// Events in one frame, bytes before packing; a busier second takes several.
const MOST_IN_FRAME: usize = 4 << 20;

/// Writes a recording.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use ttui::event::{Event, PeerKey, Source};
/// use ttui::ledger::{Ledger, TorrentFacts};
/// use ttui::metainfo::{Geometry, InfoHash};
/// use ttui::record::{Batcher, Player, Recording, Writer};
///
/// let facts = Arc::new(TorrentFacts {
///     name: "debian.iso".to_owned(),
///     info_hash: InfoHash([0; 20]),
///     geometry: Geometry::new(1 << 20, 1 << 14).expect("lengths a torrent can have"),
///     private: false,
///     files: Vec::new(),
///     output: "iso".into(),
///     peer_id: "-Tu0100-0123456789ab".to_owned(),
/// });
/// let mut file = Vec::new();
/// let mut ledger = Ledger::new(Arc::clone(&facts));
/// let mut writer = Writer::begin(&mut file, &facts, 0, Duration::ZERO, &ledger.snapshot())?;
/// let (mut batcher, at) = (Batcher::default(), Duration::from_millis(700));
/// let addr = "192.0.2.1:6881".parse().expect("an address");
/// let event = Event::PeerLearned { peer: PeerKey(0), addr, source: Source::Manual };
/// ledger.apply(at, &event);
/// batcher.push(at, &event);
/// writer.write(batcher.take(Duration::from_secs(1)))?;
///
/// let mut player = Player::new(Recording::open(std::io::Cursor::new(file))?)?;
/// player.go_to(Duration::from_secs(1));
/// assert_eq!(player.view(), ledger.view(Duration::from_secs(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    encoder: Encoder,
    written_bytes: u64,
    snapshot_at: At,
    /// The last snapshot, unpacked, and how many since the last whole one were told by what changed.
    last: Vec<u8>,
    changes: u32,
}

impl<W: Write> Writer<W> {
    /// Begins a recording of a run that knows this much now; its clock was 0 at `wall_ms` (since 1970).
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn begin(
        mut out: W,
        torrent: &TorrentFacts,
        wall_ms: u64,
        now: At,
        snapshot: &Snapshot,
    ) -> io::Result<Self> {
        let header = frame::header(wall_ms);
        out.write_all(&header)?;
        let facts_bytes = frame::write(&mut out, Kind::Facts, now, &facts::write(torrent))?;
        let mut writer = Self {
            out,
            encoder: Encoder::default(),
            written_bytes: header.len() as u64 + facts_bytes,
            snapshot_at: now,
            last: Vec::new(),
            changes: 0,
        };
        writer.snapshot(now, snapshot)?;
        Ok(writer)
    }

    /// Writes a second of events, and brings it to the system.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn write(&mut self, batch: Batch) -> io::Result<()> {
        let Batch { until, entries } = batch;
        let (mut body, mut before) = (Vec::new(), until);
        for entry in entries {
            (before, body) = self.encoder.encode(before, entry, body);
            if body.len() >= MOST_IN_FRAME {
                self.events(until, &body)?;
                body.clear();
                before = until;
            }
        }
        if !body.is_empty() {
            self.events(until, &body)?;
        }
        self.out.flush()
    }

    /// Writes how far the run went, though nothing happened; then nothing more comes.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn end(mut self, now: At) -> io::Result<W> {
        self.events(now, &[])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn events(&mut self, until: At, body: &[u8]) -> io::Result<()> {
        self.written_bytes += frame::write(&mut self.out, Kind::Events, until, body)?;
        Ok(())
    }

    /// Whether it is time for a snapshot.
    pub fn wants_snapshot(&self, now: At) -> bool {
        now.saturating_sub(self.snapshot_at) >= SNAPSHOT_EVERY
    }

    /// Writes what the ledger knows after all that was written. One that is larger than a recording can hold is
    /// left out; only the first one has to be there.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn snapshot(&mut self, now: At, snapshot: &Snapshot) -> io::Result<()> {
        let body = postcard::to_stdvec(snapshot).map_err(io::Error::other)?;
        self.snapshot_at = now;
        let is_first = self.last.is_empty();
        if !is_first && body.len() > Kind::Snapshot.most_bytes() {
            return Ok(());
        }
        let change = (!is_first && self.changes < MOST_CHANGES).then(|| delta::difference(&self.last, &body));
        self.written_bytes += match change.filter(|change| change.len() <= Kind::Change.most_bytes()) {
            Some(change) => {
                self.changes += 1;
                frame::write(&mut self.out, Kind::Change, now, &change)?
            }
            None => {
                self.changes = 0;
                frame::write(&mut self.out, Kind::Snapshot, now, &body)?
            }
        };
        self.last = body;
        self.encoder.reset();
        self.out.flush()
    }

    /// Bytes written so far.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes
    }
}
