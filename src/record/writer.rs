//! Writes a recording, a second at a time.

use std::io::{self, Write};
use std::time::Duration;

use super::batch::{Batch, Entry, Told};
use super::codec::Encoder;
use super::delta;
use super::facts;
use super::frame::{self, Kind};
use super::schema::WriteError;
use crate::event::{At, Subject, TorrentKey};
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
/// use ttui::event::{Event, PeerKey, Source, TorrentKey};
/// use ttui::ledger::{Ledger, Metadata, TorrentFacts};
/// use ttui::metainfo::{Geometry, InfoHash};
/// use ttui::record::{Batcher, Player, Recording, Writer};
///
/// let facts = Arc::new(TorrentFacts {
///     info_hash: InfoHash([0; 20]),
///     metadata: Some(Metadata {
///         name: "debian.iso".to_owned(),
///         geometry: Geometry::new(1 << 20, 1 << 14).expect("lengths a torrent can have"),
///         private: false,
///         files: Vec::new(),
///     }),
///     magnet_name: None,
///     output: "iso".into(),
///     peer_id: "-Tu0100-0123456789ab".to_owned(),
/// });
/// let mut file = Vec::new();
/// let mut ledger = Ledger::new(Arc::clone(&facts));
/// let torrent = TorrentKey(0);
/// let mut writer = Writer::begin(&mut file, 0)?;
/// writer.facts(Duration::ZERO, torrent, &facts)?;
/// writer.snapshot(Duration::ZERO, &[(torrent, &ledger.snapshot())])?;
/// let (mut batcher, at) = (Batcher::default(), Duration::from_millis(700));
/// let addr = "192.0.2.1:6881".parse().expect("an address");
/// let event = Event::PeerLearned { peer: PeerKey(0), addr, source: Source::Manual };
/// ledger.apply(at, &event);
/// batcher.push(at, torrent, &event);
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
    /// Begins a recording of a run whose clock was 0 at `wall_ms` (since 1970). Before any events, it has to be told
    /// what is known: the facts of torrents, and a snapshot.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn begin(mut out: W, wall_ms: u64) -> io::Result<Self> {
        let header = frame::header(wall_ms);
        out.write_all(&header)?;
        Ok(Self {
            out,
            encoder: Encoder::default(),
            written_bytes: header.len() as u64,
            snapshot_at: At::ZERO,
            last: Vec::new(),
            changes: 0,
        })
    }

    /// Writes what is known of a torrent from now on, until more is: any number of torrents, at any time.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn facts(&mut self, now: At, torrent: TorrentKey, facts: &TorrentFacts) -> io::Result<()> {
        let mut body = Vec::new();
        facts::write(&mut self.encoder.schema, torrent, facts, &mut body).map_err(refused)?;
        self.frame(Kind::Facts, now, &body)
    }

    /// Writes a second of events, and brings it to the system.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn write(&mut self, batch: Batch) -> io::Result<()> {
        let Batch { until, mut entries } = batch;
        // What was told before facts became known stands before them.
        while let Some(place) = entries.iter().position(|entry| matches!(entry.told, Told::Known(_))) {
            let later = entries.split_off(place + 1);
            let until = entries.iter().map(|entry| entry.at).max().unwrap_or(until);
            if let Some(Entry { of: Subject::Torrent(torrent), told: Told::Known(facts), .. }) = entries.pop()
            {
                self.events(until, entries)?;
                self.facts(until, torrent, &facts)?;
            }
            entries = later;
        }
        self.events(until, entries)?;
        self.out.flush()
    }

    fn events(&mut self, until: At, entries: Vec<Entry>) -> io::Result<()> {
        let (mut body, mut before) = (Vec::new(), until);
        for entry in entries {
            before = self.encoder.encode(before, entry, &mut body).map_err(refused)?;
            if body.len() >= MOST_IN_FRAME {
                self.frame(Kind::Events, until, &body)?;
                body.clear();
                before = until;
            }
        }
        if !body.is_empty() {
            self.frame(Kind::Events, until, &body)?;
        }
        Ok(())
    }

    /// Writes how far the run went, though nothing happened; then nothing more comes.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn end(mut self, now: At) -> io::Result<W> {
        self.frame(Kind::Events, now, &[])?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// Writes a frame, after what the schema learned when its body was made.
    fn frame(&mut self, kind: Kind, until: At, body: &[u8]) -> io::Result<()> {
        if let Some(added) = self.encoder.schema.take_added() {
            self.written_bytes += frame::write(&mut self.out, Kind::Schema, until, &added)?;
        }
        self.written_bytes += frame::write(&mut self.out, kind, until, body)?;
        Ok(())
    }

    /// Whether it is time for a snapshot.
    pub fn wants_snapshot(&self, now: At) -> bool {
        now.saturating_sub(self.snapshot_at) >= SNAPSHOT_EVERY
    }

    /// Writes what the ledgers of all torrents know after all that was written. One that is larger than a recording
    /// can hold is left out; only the first one has to be there.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn snapshot(&mut self, now: At, ledgers: &[(TorrentKey, &Snapshot)]) -> io::Result<()> {
        let mut body = Vec::with_capacity(self.last.len());
        for (torrent, ledger) in ledgers {
            facts::write_ledger(&mut self.encoder.schema, *torrent, ledger, &mut body).map_err(refused)?;
        }
        self.snapshot_at = now;
        let is_first = self.last.is_empty();
        if !is_first && body.len() > Kind::Snapshot.most_bytes() {
            return Ok(());
        }
        let change = (!is_first && self.changes < MOST_CHANGES).then(|| delta::difference(&self.last, &body));
        match change.filter(|change| change.len() <= Kind::Change.most_bytes()) {
            Some(change) => {
                self.changes += 1;
                self.frame(Kind::Change, now, &change)?;
            }
            None => {
                self.changes = 0;
                self.frame(Kind::Snapshot, now, &body)?;
            }
        }
        self.last = body;
        self.encoder.forget();
        self.out.flush()
    }

    /// Bytes written so far.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes
    }
}

/// A type that cannot be recorded ends the recording, as a full disk does.
fn refused(error: WriteError) -> io::Error {
    io::Error::other(error)
}
