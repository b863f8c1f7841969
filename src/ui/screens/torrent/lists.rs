//! The lists of the page: who names peers, the files, and whose data it is.

use std::cmp::Reverse;

use crate::event::PeerKey;
use crate::ledger::{FileFacts, PeerRecord, TrackerRecord, TrackerStatus, View};
use crate::text::clean;
use crate::ui::action::Action;
use crate::ui::hues;
use crate::ui::model::{Model, Screen};
use crate::ui::paint::{Spans, clip, clip_address, width};
use crate::ui::screens::trackers;
use crate::ui::source::{self, SourceRecord};
use crate::ui::theme::Role;
use crate::ui::widgets::{bar, rule};
use crate::units::{self, Units};

/// Columns of a size, of a percentage, and of a bar at least, with what stands between.
const SIZE: usize = 11;
const PERCENT: usize = 6;
const BAR: usize = 8;
/// Columns of the name of a row at least and at most.
const NAME: (usize, usize) = (8, 48);

/// A row that has a part of something.
struct Share {
    /// What stands before its name.
    mark: Spans,
    name: String,
    /// Bytes that are told.
    bytes: u64,
    /// How much of how much its bar shows, and how that looks.
    part: (u64, u64),
    bar: Role,
}

/// Rows with their numbers below each other and their bars on one scale, in so many columns.
fn rows(shares: &[Share], columns: usize, model: &Model) -> Vec<Spans> {
    let marks = shares.iter().map(|share| share.mark.width()).max().unwrap_or(0);
    let most = columns.saturating_sub(marks + SIZE + PERCENT + BAR + 1).clamp(NAME.0, NAME.1);
    let names = shares.iter().map(|share| width(&share.name)).max().unwrap_or(0).clamp(NAME.0, most);
    let gap = |text: &str, columns: usize| " ".repeat(columns.saturating_sub(width(text)));
    let row = |share: &Share| {
        let name = clip_address(&share.name, names);
        let (done, of) = share.part;
        let percent = u128::from(done) * 100 / u128::from(of.max(1));
        let line = share
            .mark
            .clone()
            .add(Role::Text, format!("{name}{}", gap(&name, names)))
            .add(Role::Text, format!("{:>SIZE$}", units::bytes(share.bytes, model.look.units)))
            .add(Role::Strong, format!("{:>PERCENT$} ", format!("{percent} %")));
        let left = columns.saturating_sub(line.width());
        line.and(bar::line_spans_as(share.bar, left, done, of))
    };
    shares.iter().map(row).collect()
}

/// A title above the rows of `all`, of which as many are made as fit into `most`; the others are counted.
fn titled<T>(
    (title, right): (&str, &str),
    all: &[T],
    share: impl Fn(usize, &T) -> Share,
    (columns, most): (usize, usize),
    model: &Model,
) -> Vec<Spans> {
    let shown = if all.len() > most { most.saturating_sub(1) } else { all.len() };
    let count = units::count(all.len() as u64);
    let mut lines = vec![rule::line(&format!("{title} ── {count}"), right, columns)];
    let shares: Vec<Share> = all.iter().take(shown).enumerate().map(|(at, one)| share(at, one)).collect();
    lines.extend(rows(&shares, columns, model));
    if all.len() > shown {
        let others = units::count((all.len() - shown) as u64);
        lines.push(Spans::new().add(Role::Dim, format!("and {others} more")));
    }
    lines
}

/// The files with their sizes, and how much of each is here.
pub(super) fn files(columns: usize, most: usize, model: &Model, view: &View) -> Vec<Spans> {
    let all = view.torrent.files();
    if all.is_empty() {
        return Vec::new();
    }
    let good = model.files.up_to_date(view).good_of_files(most);
    // All of them are in the folder that is the torrent's name, which stands at the top of the page.
    let folder = view.torrent.name().map(|name| format!("{name}/")).unwrap_or_default();
    let share = |at: usize, file: &FileFacts| {
        // What has no bytes is here as soon as anything is.
        let part = if file.length_bytes == 0 { (1, 1) } else { (good[at], file.length_bytes) };
        let name = file.path.strip_prefix(&folder).unwrap_or(&file.path).to_owned();
        Share { mark: Spans::new(), name, bytes: file.length_bytes, part, bar: Role::Progress }
    };
    let right = model.hint(Action::Show(Screen::Files), "all of them");
    titled(("Files", &right), all, share, (columns, most), model)
}

/// Whose data this is: what came from each peer; once nothing came, what went there.
struct Given {
    title: &'static str,
    of: fn(&PeerRecord) -> u64,
    total: u64,
    role: Role,
}

impl Given {
    fn of(view: &View) -> Option<Self> {
        let sum = |of: fn(&PeerRecord) -> u64| view.peers.iter().map(|peer| of(peer)).sum::<u64>();
        let down: fn(&PeerRecord) -> u64 = |peer| peer.down_bytes;
        let up: fn(&PeerRecord) -> u64 = |peer| peer.up_bytes;
        match (sum(down), sum(up)) {
            (0, 0) => None,
            (0, total) => Some(Self { title: "Sent to", of: up, total, role: Role::Up }),
            (total, _) => Some(Self { title: "Received from", of: down, total, role: Role::Down }),
        }
    }
}

/// How much came from the peers of each client.
pub(super) fn clients(columns: usize, most: usize, model: &Model, view: &View) -> Vec<Spans> {
    let Some(given) = Given::of(view) else { return Vec::new() };
    let mut clients: Vec<(&str, u64)> = Vec::new();
    for peer in view.peers.iter().filter(|peer| (given.of)(peer) > 0) {
        let client = peer.client.as_deref().unwrap_or("a client that is not known");
        match clients.iter_mut().find(|(other, _)| *other == client) {
            Some((_, bytes)) => *bytes += (given.of)(peer),
            None => clients.push((client, (given.of)(peer))),
        }
    }
    clients.sort_by_key(|(client, bytes)| (Reverse(*bytes), *client));
    let share = |_, (client, bytes): &(&str, u64)| Share {
        mark: Spans::new(),
        name: (*client).to_owned(),
        bytes: *bytes,
        part: (*bytes, given.total),
        bar: given.role,
    };
    titled((&format!("{} each client", given.title), ""), &clients, share, (columns, most), model)
}

/// How much came from each peer, with its sign and its bar in its hue where it has one.
pub(super) fn peers(columns: usize, most: usize, model: &Model, view: &View) -> Vec<Spans> {
    let Some(given) = Given::of(view) else { return Vec::new() };
    let mut peers: Vec<&PeerRecord> =
        view.peers.iter().map(|peer| &**peer).filter(|peer| (given.of)(peer) > 0).collect();
    peers.sort_by_key(|peer| (Reverse((given.of)(peer)), peer.key));
    let mark = |key: PeerKey| {
        let plain = Spans::new().add(Role::Text, "●").add(Role::Text, " ");
        match model.hues.of(key) {
            Some(hue) => hues::sign(&model.look, hue, plain),
            None => plain,
        }
    };
    let share = |_, peer: &&PeerRecord| Share {
        mark: mark(peer.key),
        name: format!("{}  {}", peer.addr, peer.client.as_deref().unwrap_or("")).trim_end().to_owned(),
        bytes: (given.of)(peer),
        part: ((given.of)(peer), given.total),
        bar: model.hues.of(peer.key).map_or(given.role, Role::Peer),
    };
    titled((&format!("{} each peer", given.title), ""), &peers, share, (columns, most), model)
}

/// Who names peers: what each answered, and how many of its peers shook hands.
pub(super) fn sources(columns: usize, model: &Model, view: &View) -> Vec<Spans> {
    let all = model.hint(Action::Show(Screen::Trackers), "all of them");
    let count = units::count(source::count(view) as u64);
    let mut lines = vec![rule::line(&format!("Sources ── {count}"), &all, columns)];
    if source::count(view) == 0 {
        lines.push(Spans::new().add(Role::Dim, "the file names no tracker"));
    }
    let failed = trackers::failed_roles(view).0;
    for source in source::all(view) {
        let (glyph, role) = match source.tracker().map(|tracker| &tracker.status) {
            Some(TrackerStatus::Failed(..)) => ("✗", failed),
            Some(TrackerStatus::Ok(_)) => ("✓", Role::Progress),
            Some(TrackerStatus::Pending) => ("◌", Role::Waiting),
            None if source.peers().0 > 0 || gave(&source) > 0 => ("✓", Role::Progress),
            None => ("–", Role::Dim),
        };
        let tier =
            source.tracker().map_or(String::new(), |tracker| format!("tier {}", u32::from(tracker.tier) + 1));
        let head = Spans::new().add(role, glyph).add(Role::Text, " ").add(Role::Dim, format!("{tier:<8}"));
        let said = said(&source, model.look.units);
        let room = columns.saturating_sub(head.width());
        // Where both have no room beside each other, what came of it stands below its name.
        match room.checked_sub(width(source.name()) + width(&said) + 2) {
            Some(gap) => {
                let gap = " ".repeat(gap + 2);
                lines.push(head.add(Role::Text, source.name()).add(Role::Text, gap).add(Role::Text, said));
            }
            None => {
                lines.push(head.add(Role::Text, clip_address(source.name(), room)));
                let said = clip(&said, columns.saturating_sub(2)).into_owned();
                lines.push(Spans::new().add(Role::Dim, format!("  {said}")));
            }
        }
    }
    lines
}

/// Bytes that a web seed gave.
fn gave(source: &SourceRecord) -> u64 {
    match source {
        SourceRecord::WebSeed(record) => record.down_bytes,
        _ => 0,
    }
}

/// What came of a source.
fn said(source: &SourceRecord, in_units: Units) -> String {
    let tracker = source.tracker();
    if let Some((_, text)) = tracker.and_then(TrackerRecord::failure) {
        return clean(text, 60);
    }
    if let SourceRecord::WebSeed(_) = source {
        return format!("gave {}", units::bytes(gave(source), in_units));
    }
    match source.peers() {
        (0, _) if tracker.is_some_and(|tracker| tracker.answer().is_none()) => "no answer yet".to_owned(),
        (0, _) => "named nobody".to_owned(),
        (peers, shook) => {
            let peers = if peers == 1 {
                "1 peer".to_owned()
            } else {
                format!("{} peers", units::count(peers.into()))
            };
            format!("named {peers}, {} of them shook hands", units::count(shook.into()))
        }
    }
}
