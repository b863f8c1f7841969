//! Which columns the lists of peers show, and in which order.
//!
//! ```text
//!  Columns ── of live peers ──────────────────── ← → move it · Tab not connected ──
//!  ▸ ✓ state       what it is doing, or why it is not
//!      port        the port it listens on
//! ```

use ratatui::layout::Rect;

use super::{more, peer_list};
use crate::ui::action::Action;
use crate::ui::columns::{self, PEER_COLUMNS, Part};
use crate::ui::grid;
use crate::ui::model::Model;
use crate::ui::mouse::Target;
use crate::ui::paint::{Pen, inset, take_bottom, take_top, width, wrap};
use crate::ui::theme::Role;

/// Columns before what a column is said to show.
const BEFORE: u16 = 18;

/// Where what a column shows is cut in its row, that of the selected one is told in full below them all.
fn told(pen: &mut Pen<'_>, body: &mut Rect, help: &str) {
    let columns = usize::from(body.width.saturating_sub(2)).max(1);
    let room = columns.saturating_sub(usize::from(BEFORE));
    let lines = |help: &str| if width(help) > room { wrap(help, columns).len() } else { 0 };
    let rows = PEER_COLUMNS.iter().map(|column| lines(column.help)).max().unwrap_or(0) as u16;
    if rows == 0 || body.height < rows + 6 {
        return;
    }
    let area = inset(take_bottom(body, rows + 1), 1, 1);
    for (line, y) in wrap(help, columns).iter().zip(area.top() + 1..area.bottom()) {
        pen.put(area.x, y, area.width, line, Role::Text);
    }
}

/// Draws the columns there are, the chosen ones first.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let mut body = area;
    let part = model.chooser.part;
    let narrow = area.width < 60;
    let (of, other) = match part {
        Part::Live => (if narrow { "live" } else { "of live peers" }, "not connected"),
        Part::Others => (if narrow { "others" } else { "of peers that are not connected" }, "live"),
    };
    let (left, right) = (model.keys.name(Action::Left), model.keys.name(Action::Right));
    let other = model.hint(Action::NextPanel, other);
    let hint = format!("{left} {right} move it · {other}");
    let title = inset(take_top(&mut body, 1), 1, 1);
    let chosen = model.columns.chosen(part, || peer_list::visible(model, part));
    let ids = columns::in_order(&chosen);
    let at = model.chooser.at.min(ids.len() - 1);
    told(pen, &mut body, columns::column(ids[at]).map_or("", |column| column.help));
    let visible = grid::visible(ids.len(), usize::from(body.height), Some(at), &[]);
    let more = more::hidden(&visible, ids.len());
    let right = [format!("{more} · {hint}"), more.clone(), hint];
    let fits = |right: &&String| usize::from(title.width) >= 18 + width(of) + width(right);
    let right = right.iter().skip(usize::from(more.is_empty()) * 2).find(fits);
    pen.rule(title, "Columns", of, right.map_or("", String::as_str));
    for row in visible {
        let line = inset(take_top(&mut body, 1), 1, 1);
        let Some(column) = columns::column(ids[row]).filter(|_| !line.is_empty()) else {
            continue;
        };
        pen.targets.add(line, Target::Column(row));
        let on = chosen.contains(&column.id);
        pen.put(line.x, line.y, 1, if row == at { "▸" } else { " " }, Role::Strong);
        pen.put(line.x + 2, line.y, 1, if on { "✓" } else { " " }, Role::Progress);
        let room = |from: u16| line.width.saturating_sub(from);
        pen.put(line.x + 4, line.y, room(4).min(11), column.id, if on { Role::Strong } else { Role::Text });
        let sorted = model.order.column.unwrap_or("state") == column.id;
        let by = if sorted { model.order.mark() } else { "" };
        pen.put(line.x + 16, line.y, room(16).min(1), by, Role::Strong);
        pen.put(line.x + BEFORE, line.y, room(BEFORE), column.help, if on { Role::Text } else { Role::Dim });
        if row == at {
            pen.select(line);
        }
    }
}
