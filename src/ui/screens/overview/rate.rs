//! The rate, the largest thing on the screen, and beside it what else is counted.

use ratatui::layout::Rect;

use crate::ledger::{Group, View};
use crate::ui::funnel::Funnel;
use crate::ui::paint::{Pen, Spans, inset, width};
use crate::ui::screens::{frame, torrent};
use crate::ui::theme::{Look, Role};
use crate::ui::widgets::large;
use crate::units;

/// Columns of the large number with its unit; what stands beside it keeps its place whatever the number.
const NUMBER: u16 = 25;
/// In fewer columns there is room for the rates and the time to go only.
const COUNTS_FROM: u16 = 72;
/// From so many columns on counts stand apart.
const WIDE: u16 = 98;

/// Which way data goes, and how fast: what matters more now first.
fn rates(view: &View) -> [(&'static str, u64, Role); 2] {
    let (down, up) = (("↓", view.rates.down_bps, Role::Down), ("↑", view.rates.up_bps, Role::Up));
    match Funnel::of(view) {
        Funnel::Fetching => [down, up],
        Funnel::Giving => [up, down],
    }
}

/// Where peers stand.
fn peers(view: &View, separator: &str, zeros: bool, room: usize) -> String {
    let groups = view.groups;
    let counts = [
        (groups.live, "live"),
        (groups.trying, "trying"),
        (groups.failed, "failed"),
        (groups.left, Group::Left.word()),
        (groups.queued, "queued"),
        (groups.banned, "banned"),
    ];
    let counts = counts.iter().filter(|(count, name)| *count > 0 || zeros && *name != "banned");
    let mut named: Vec<String> = counts.map(|(count, name)| format!("{count} {name}")).collect();
    // Who waits or is gone matters least.
    while named.len() > 1 && width(&named.join(separator)) > room {
        named.pop();
    }
    let joined = named.join(separator);
    if width(&joined) > room { String::new() } else { joined }
}

/// What else is known of the run, the most telling first.
fn others(view: &View, look: &Look) -> Vec<String> {
    let verified = view.wanted_bytes.map(|total| {
        let (here, of) = (units::bytes(view.have_bytes, look.units), units::bytes(total, look.units));
        format!("{here} of {of} verified")
    });
    let ratio = torrent::ratio(view).map(|ratio| format!("ratio {ratio:.2}"));
    let since = (!view.at.is_zero()).then(|| format!("running {}", units::duration(view.at)));
    let port = view.port.map(|port| format!("port {port}"));
    [verified, ratio, since, port].into_iter().flatten().collect()
}

/// As many of them as there is room for, from the first on; the others stay.
fn fitting(all: &mut Vec<String>, gap: &str, room: usize) -> String {
    let mut line = String::new();
    while let Some(next) = all.first() {
        let longer = if line.is_empty() { next.clone() } else { format!("{line}{gap}{next}") };
        if width(&longer) > room {
            break;
        }
        line = longer;
        all.remove(0);
    }
    line
}

/// Draws the rate into one, two or three rows.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, view: &View) {
    let area = inset(area, 1, 1);
    match area.height {
        0 => {}
        1 => in_one_row(pen, area, view),
        _ => in_rows(pen, area, view),
    }
}

fn in_one_row(pen: &mut Pen<'_>, area: Rect, view: &View) {
    let look = *pen.look;
    let wide = area.width >= WIDE;
    let gap = if wide { "     " } else { "  " };
    let rate = |(way, bps, role)| (role, format!("{way} {}", units::rate(bps, look.units)));
    let [(main_role, main), (other_role, other)] = rates(view).map(rate);
    let mut left = Spans::new().add(main_role, main).add(Role::Text, gap).add(other_role, other);
    let room = |left: &Spans| usize::from(area.width).saturating_sub(left.width() + 2);
    if area.width < COUNTS_FROM - 2 {
        let used = pen.spans(area.x, area.y, area.width, &left);
        let eta = frame::eta(view);
        if usize::from(used) + 2 + width(&eta) <= usize::from(area.width) {
            pen.put_right(area.right(), area.y, area.width, &eta, Role::Text);
        }
        return;
    }
    // What holds the run back matters more than who waits or is gone.
    if let Some(limits) = torrent::limits_in_force(view, &look) {
        left.push(Role::Dim, format!("{gap}{limits}"));
    }
    let peers = peers(view, if wide { " · " } else { " " }, wide, room(&left));
    let others =
        fitting(&mut others(view, &look), gap, room(&left).saturating_sub(width(&peers) + gap.len() + 2));
    if !others.is_empty() {
        left.push(Role::Dim, format!("{gap}{others}"));
    }
    pen.spans(area.x, area.y, area.width, &left);
    pen.put_right(area.right(), area.y, area.width, &peers, Role::Text);
}

fn in_rows(pen: &mut Pen<'_>, area: Rect, view: &View) {
    let look = *pen.look;
    let [(way, main, role), (other_way, other, other_role)] = rates(view);
    let shown = units::rate(main, look.units);
    let (number, unit) = shown.split_once(' ').unwrap_or((&shown, ""));
    let (rows, columns) = large::draw(pen, area, number, role);
    let x = area.x + columns + 1;
    let room = area.right().saturating_sub(x);
    pen.put(x, area.y, room, way, role);
    pen.put(x, area.y + rows.saturating_sub(1), room, unit, Role::Strong);
    let beside = inset(area, NUMBER, 0);
    let row = |at: u16| Rect { y: beside.y + at, height: 1, ..beside };
    let other = format!("{other_way} {}", units::rate(other, look.units));
    if area.width < COUNTS_FROM - 2 {
        pen.put(beside.x, beside.y, beside.width, &other, other_role);
        let last = row(area.height - 1);
        pen.put(last.x, last.y, last.width, &frame::eta(view), Role::Text);
        return;
    }
    let wide = area.width >= WIDE;
    let gap = if wide { "     " } else { "   " };
    let mut first = Spans::new().add(other_role, other);
    if let Some(limits) = torrent::limits_in_force(view, &look) {
        first.push(Role::Dim, format!("{gap}{limits}"));
    }
    let peers = peers(view, if wide { " · " } else { " " }, wide, usize::from(beside.width));
    let lines = [first, Spans::new().add(Role::Text, peers)];
    let mut others = others(view, &look);
    for (at, line) in (0..).zip(&lines) {
        let Rect { x, y, width: room, .. } = row(at);
        let used = pen.spans(x, y, room, line);
        // Where there is no row for the others, they stand at the end of these.
        if area.height == 2 {
            let room = usize::from(room.saturating_sub(used + 3));
            pen.put_right(area.right(), y, beside.width, &fitting(&mut others, gap, room), Role::Dim);
        }
    }
    if area.height > 2 {
        let Rect { x, y, width: room, .. } = row(2);
        pen.put(x, y, room, &fitting(&mut others, gap, usize::from(room)), Role::Dim);
    }
}
