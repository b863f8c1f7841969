//! In place of the pieces of a magnet whose metadata are missing: who was asked for them, and what each said.
//!
//! ```text
//!  Metadata ── 186 KiB in 12 parts ───────────────── 5 asked · 1 gave ───
//!  ● 5.45.6.7:51413    Transmission 4.0.4  gives    ─○━━━━━━━━┃  parts 1–8, 31 ms each
//!  ✗ 88.9.1.22:6881    µTorrent 2.2.1      refuses  ───○✗─────┃  1 request refused
//!  ◌ 10 more are being dialled
//! ```

use ratatui::layout::Rect;

use super::WIDE;
use crate::event::{At, Phase};
use crate::ledger::{MetadataProgress, PeerRecord, View};
use crate::ui::metadata;
use crate::ui::model::Model;
use crate::ui::mouse::Target;
use crate::ui::paint::{Pen, clip, clip_address, inset, take_top, width};
use crate::ui::screens::frame;
use crate::ui::screens::page::Page;
use crate::ui::theme::Role;
use crate::units::{self, Units};

/// Columns of an address, at least and at most.
const ADDRESS: (usize, usize) = (14, 40);
/// Columns of a client's name, and of a word.
const CLIENT: usize = 20;
const WORD: usize = 9;
/// In fewer columns nothing can be said of what a peer did.
const LEAST_DETAIL: u16 = 16;
/// From this number of columns on a timeline is longer.
const BROAD: u16 = 160;

/// Peers that say something of the metadata, those that give them first.
fn asked(view: &View) -> Vec<&PeerRecord> {
    let says = |peer: &&PeerRecord| peer.is_live() || peer.metadata.is_some();
    let mut peers: Vec<&PeerRecord> = view.peers.iter().map(AsRef::as_ref).filter(says).collect();
    peers.sort_by_key(|peer| (metadata::rank(peer), peer.key));
    peers
}

/// Those who may say something yet, each in a line.
fn others(view: &View) -> Vec<(&'static str, String)> {
    let waits = |count: u32, one: &str, more: &str| {
        let counted = units::count(count.into());
        if count == 1 { format!("1 more {one}") } else { format!("{counted} more {more}") }
    };
    let groups = view.groups;
    let all = [
        ("◌", groups.trying, "is being dialled", "are being dialled"),
        ("–", groups.queued, "waits for its turn", "wait for their turn"),
    ];
    let some = all.into_iter().filter(|(_, count, ..)| *count > 0);
    some.map(|(glyph, count, one, more)| (glyph, waits(count, one, more))).collect()
}

/// Rows of the panel with everything in it.
pub(super) fn rows(view: &View) -> u16 {
    let all = 1 + asked(view).len().max(1) + others(view).len();
    u16::try_from(all).unwrap_or(u16::MAX)
}

/// How long they are.
fn length(progress: MetadataProgress, in_units: Units) -> String {
    match progress.of {
        0 => "nobody offers them yet".to_owned(),
        1 => format!("{} in 1 part", units::bytes(progress.bytes.into(), in_units)),
        of => {
            format!("{} in {} parts", units::bytes(progress.bytes.into(), in_units), units::count(of.into()))
        }
    }
}

/// How many say what.
fn counts(progress: MetadataProgress) -> String {
    let MetadataProgress { asked, gave, refused, silent, wrong, .. } = progress;
    let counted = [
        (asked, "asked"),
        (gave, "gave"),
        (refused, if refused == 1 { "refuses" } else { "refuse" }),
        (silent, "silent"),
        (wrong, "wrong"),
    ];
    let some = counted.iter().filter(|(count, _)| *count > 0);
    some.map(|(count, word)| format!("{} {word}", units::count((*count).into())))
        .collect::<Vec<_>>()
        .join(" · ")
}

/// Draws the panel.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, view: &View) {
    let Some(progress) = view.metadata.filter(|_| !area.is_empty()) else { return };
    let mut rest = area;
    let rule = inset(take_top(&mut rest, 1), 1, 1);
    pen.rule(rule, "Metadata", &length(progress, pen.look.units), &counts(progress));
    let mut rest = inset(rest, 1, 1);
    let (peers, others) = (asked(view), others(view));
    if peers.is_empty() {
        let row = take_top(&mut rest, 1);
        pen.put(row.x, row.y, row.width, "Nobody who could give them shook hands yet.", Role::Dim);
    }
    // Where not all have a row, the last one says how many are left.
    let all = peers.len() + others.len();
    let room = usize::from(rest.height);
    let shown = if all > room { peers.len().min(room.saturating_sub(1)) } else { peers.len() };
    let columns = Columns::of(rest.width, &peers[..shown]);
    for peer in &peers[..shown] {
        row(pen, take_top(&mut rest, 1), peer, &columns, view);
    }
    let mut left: Vec<(&str, String)> = Vec::new();
    if shown < peers.len() {
        left.push((" ", format!("{} more", units::count((peers.len() - shown) as u64))));
    }
    left.extend(others);
    for (glyph, said) in left {
        let row = take_top(&mut rest, 1);
        pen.put(row.x, row.y, row.width, glyph, Role::Waiting);
        pen.put(row.x + 2, row.y, row.width.saturating_sub(2), &said, Role::Waiting);
    }
}

/// The columns of a row; one of no width is left out.
struct Columns {
    address: usize,
    client: usize,
    word: usize,
    timeline: usize,
}

impl Columns {
    fn of(columns: u16, peers: &[&PeerRecord]) -> Self {
        let longest = peers.iter().map(|peer| width(&peer.addr.to_string())).max().unwrap_or_default();
        let least = usize::from(columns).saturating_sub(WORD + 4).min(longest);
        let wide = columns >= WIDE - 2;
        Self {
            address: least.clamp(ADDRESS.0, ADDRESS.1),
            client: if wide { CLIENT } else { 0 },
            word: WORD,
            timeline: if !wide {
                0
            } else if columns >= BROAD {
                60
            } else {
                24
            },
        }
    }
}

fn row(pen: &mut Pen<'_>, area: Rect, peer: &PeerRecord, columns: &Columns, view: &View) {
    if area.is_empty() {
        return;
    }
    pen.targets.add(area, Target::Peer(peer.key));
    let (glyph, mark, role) = metadata::glyph(peer);
    let (mut x, end) = (area.x, area.right());
    pen.put(x, area.y, 1, glyph, mark);
    x += 2;
    let mut cell = |pen: &mut Pen<'_>, columns: usize, text: &str, role: Role| {
        if columns > 0 && x < end {
            pen.put(x, area.y, (end - x).min(columns as u16), text, role);
            x += columns as u16 + 2;
        }
    };
    let address = peer.addr.to_string();
    cell(pen, columns.address, &clip_address(&address, columns.address), Role::Text);
    let client = peer.client.as_deref().unwrap_or("–");
    cell(pen, columns.client, &clip(client, columns.client), Role::Text);
    cell(pen, columns.word, metadata::word(peer), role);
    if columns.timeline > 0 && x < end {
        let [line, _] = metadata::timeline(peer, since(view), view.at).lines(columns.timeline);
        pen.spans(x, area.y, end - x, &line);
        x += columns.timeline as u16 + 2;
    }
    if x + LEAST_DETAIL <= end {
        let detail = metadata::detail(peer, view.at);
        pen.put(x, area.y, end - x, &clip(&detail, usize::from(end - x)), Role::Dim);
    }
}

/// Since when metadata are asked for.
fn since(view: &View) -> At {
    if view.phase == Phase::Metadata { view.phase_since } else { At::ZERO }
}

/// Draws a page of what the metadata will tell.
pub(in crate::ui::screens) fn later(pen: &mut Pen<'_>, area: Rect, name: &str, model: &Model, view: &View) {
    let page = Page::of(area);
    frame::page_head(pen, &page, model, view);
    pen.rule(page.rule, name, metadata::TELL_LATER, "");
}
