//! What of torrents can be deleted, before anything is.
//!
//! ```text
//!  Delete nature-pack? ──────────────────────────────── nothing is deleted before d ──
//!  nature-pack in ~/films                                            3 files  4.4 GiB
//!    nature-pack/forest.mp4                                                   2.1 GiB
//!    … 2 more files                                                           2.3 GiB
//!    1 file stays: ttui did not create it, or another torrent has it too.
//! ```

use ratatui::layout::Rect;

use super::frame;
use crate::ledger::{Found, TorrentRow};
use crate::ui::action::Action;
use crate::ui::model::Model;
use crate::ui::paint::{Pen, inset, take_bottom, take_top, width, wrap};
use crate::ui::theme::Role;
use crate::units;

/// Draws what can be deleted, and what stays.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let mut area = inset(area, 1, 1);
    let torrents = &model.torrents;
    let rows: Vec<&TorrentRow> =
        torrents.deleting.iter().filter_map(|id| torrents.newest.row(*id).map(|row| &**row)).collect();
    let title = match &rows[..] {
        [row] => format!("Delete {}?", row.name),
        rows => format!("Delete {} torrents?", units::count(rows.len() as u64)),
    };
    let key = model.keys.name_here(Action::DeleteFiles, model).unwrap_or_default();
    let hint = format!("nothing is deleted before {key}");
    let rule = take_top(&mut area, 1);
    let room = usize::from(rule.width).saturating_sub(width(&hint) + 8);
    pen.rule(rule, &crate::ui::paint::clip(&title, room), "", &hint);
    let last = wrap(&ending(&rows, model, &key), usize::from(area.width));
    let mut end = take_bottom(&mut area, last.len() as u16 + 1);
    take_top(&mut end, 1);
    for line in last {
        let row = take_top(&mut end, 1);
        pen.put(row.x, row.y, row.width, &line, Role::Strong);
    }
    for (at, row) in rows.iter().enumerate() {
        let others = (rows.len() - at) as u16;
        let most = (area.height / others.max(1)).max(1);
        let mut place = Rect { height: most.min(area.height), ..area };
        let before = place.height;
        of_one(pen, &mut place, model, row);
        take_top(&mut area, before - place.height);
    }
}

/// What the key does.
fn ending(rows: &[&TorrentRow], model: &Model, key: &str) -> String {
    let found: Vec<&Found> =
        rows.iter().filter_map(|row| model.torrents.removable(row.id)?.found.as_ref().ok()).collect();
    let is_known = rows.iter().all(|row| model.torrents.removable(row.id).is_some());
    let (count, bytes) =
        found.iter().fold((0, 0), |(count, bytes), found| (count + found.count, bytes + found.bytes));
    let back = model.hint(Action::Back, "leaves all as it is");
    match (count, is_known) {
        (_, false) => "Looking at the disk…".to_owned(),
        (0, true) if found.is_empty() => format!("{back}."),
        (0, true) => format!("There is no file to delete: {key} forgets the torrent. {back}."),
        (count, true) => {
            let bytes = units::bytes(bytes, model.look.units);
            format!("{key} deletes {}, {bytes}, and nothing brings them back. {back}.", files(count))
        }
    }
}

/// A number of files.
fn files(count: usize) -> String {
    format!("{} {}", units::count(count as u64), if count == 1 { "file" } else { "files" })
}

/// Draws what was found of a torrent, and takes the rows for it.
fn of_one(pen: &mut Pen<'_>, area: &mut Rect, model: &Model, torrent: &TorrentRow) {
    let row = take_top(area, 1);
    if row.is_empty() {
        return;
    }
    let found = match model.torrents.removable(torrent.id).map(|found| &found.found) {
        Some(Ok(found)) => found,
        Some(Err(why)) => {
            return line(pen, row, (&torrent.name, Role::Strong), (why, Role::TroubleWord));
        }
        None => return line(pen, row, (&torrent.name, Role::Strong), ("", Role::Dim)),
    };
    let units = model.look.units;
    let sum = format!("{}  {:>9}", files(found.count), units::bytes(found.bytes, units));
    let name = format!("{} in {}", torrent.name, frame::folder_as_tilde(&torrent.output));
    line(pen, row, (&name, Role::Strong), (&sum, Role::Strong));
    let stay = usize::from(found.foreign > 0);
    let room = usize::from(area.height).saturating_sub(stay);
    let all = found.count <= room && found.count == found.files.len();
    let shown = if all { found.count } else { found.files.len().min(room.saturating_sub(1)) };
    for (path, bytes) in &found.files[..shown] {
        let row = inset(take_top(area, 1), 2, 0);
        line(pen, row, (path, Role::Text), (&units::bytes(*bytes, units), Role::Text));
    }
    if shown < found.count && room > 0 {
        let told: u64 = found.files[..shown].iter().map(|(_, bytes)| bytes).sum();
        let left = found.count - shown;
        let rest =
            format!("… {} more {}", units::count(left as u64), if left == 1 { "file" } else { "files" });
        let row = inset(take_top(area, 1), 2, 0);
        line(pen, row, (&rest, Role::Dim), (&units::bytes(found.bytes - told, units), Role::Dim));
    }
    if found.foreign > 0 {
        let row = inset(take_top(area, 1), 2, 0);
        let (stay, it) = if found.foreign == 1 { ("stays", "it") } else { ("stay", "them") };
        let said = format!(
            "{} {stay}: ttui did not create {it}, or another torrent has {it} too.",
            files(found.foreign)
        );
        line(pen, row, (&said, Role::Dim), ("", Role::Dim));
    }
}

/// A text, and one at the right that has its room first.
fn line(pen: &mut Pen<'_>, row: Rect, (text, role): (&str, Role), (right, right_role): (&str, Role)) {
    if row.is_empty() {
        return;
    }
    let used = pen.put_right(row.right(), row.y, row.width, right, right_role);
    let room = row.width.saturating_sub(if used > 0 { used + 2 } else { 0 });
    pen.put(row.x, row.y, room, text, role);
}
