//! Rows of several torrents.

use std::sync::Arc;
use std::time::Duration;

use super::moment;
use crate::ledger::{Before, Found, Queued, Removable, Standing, TorrentRow, Torrents, Totals, View};
use crate::metainfo::InfoHash;

/// Torrents of every kind, of which the first is that of the view.
pub(crate) fn torrents(view: &View) -> Arc<Torrents> {
    let row = |number: u8, name: &str, standing: Standing, bytes: Option<(u64, u64)>| {
        let output = "/home/me/iso".into();
        let mut row = TorrentRow::resting(InfoHash([number; 20]), name.to_owned(), output, standing);
        row.total_bytes = bytes.map(|(total, _)| total);
        row.have_bytes = bytes.map_or(0, |(_, have)| have);
        row
    };
    let of_moment = |number: u8, name: &str| {
        let mut row = TorrentRow::of(&moment(name), Before::default());
        row.id = InfoHash([number; 20]);
        row
    };
    let arch = TorrentRow {
        down_bps: 5_662_310,
        up_bps: 81_920,
        sending: 3,
        live: 9,
        known: 31,
        eta: Some(Duration::from_secs(179)),
        ..row(1, "archlinux-2026.11.01-x86_64.iso", Standing::Downloading, Some((1_288_490_188, 270_582_939)))
    };
    let seeding = TorrentRow {
        up_bps: 1_468_006,
        sending: 4,
        live: 6,
        known: 22,
        uploaded_bytes: 6_189_071_892,
        ..row(4, "nature-pack", Standing::Seeding, Some((4_724_464_025, 4_724_464_025)))
    };
    let queued = Standing::Queued(Queued::Downloading { most: 5 });
    let full = "the disk is full: 3.3 GiB are missing in ~/iso".to_owned();
    let rows = [
        TorrentRow::of(view, Before::default()),
        arch,
        of_moment(2, "magnet-missing"),
        of_moment(3, "stalled"),
        seeding,
        row(5, "fedora-workstation-44", queued, Some((2_362_232_012, 0))),
        row(6, "alpine-3.23.0", Standing::Paused, Some((214_748_364, 171_798_691))),
        row(7, "field-recordings", Standing::Failed(full), Some((167_772_160, 162_000_000))),
        row(8, "kubuntu-26.10", Standing::Checking, Some((4_831_838_208, 0))),
        row(9, "a \u{202e}name\u{7} from outside", Standing::Elsewhere { process: 4711 }, None),
        row(10, "void-live", Standing::Done, Some((1_073_741_824, 1_073_741_824))),
        row(11, "slackware-15.0", Standing::Moving { percent: 43 }, Some((3_758_096_384, 3_758_096_384))),
        row(12, "skipped", Standing::Unwanted, Some((0, 0))),
    ];
    let rows: Vec<Arc<TorrentRow>> = rows.into_iter().map(Arc::new).collect();
    let totals = Totals::of(&rows);
    Arc::new(Torrents { rows, port: 6881, totals, ..Torrents::default() })
}

/// What of some of them can be deleted.
pub(crate) fn removable(torrents: &Torrents) -> Vec<Arc<Removable>> {
    let named = |row: &TorrentRow| Found {
        folder: row.output.clone(),
        files: vec![(row.name.clone(), row.total_bytes.unwrap_or_default())],
        count: 1,
        bytes: row.total_bytes.unwrap_or_default(),
        foreign: 0,
    };
    let many = |row: &TorrentRow| Found {
        files: (1..=60).map(|number| (format!("{}/birds/{number:02}.flac", row.name), 75_000_000)).collect(),
        count: 63,
        bytes: 4_724_464_025,
        foreign: 2,
        ..named(row)
    };
    let one = |at: usize, found: &dyn Fn(&TorrentRow) -> Found| {
        let row: &TorrentRow = &torrents.rows[at];
        Arc::new(Removable { id: row.id, found: Ok(found(row)) })
    };
    vec![one(0, &named), one(4, &many)]
}
