//! Which columns the lists of peers show, and in which order.
//!
//! ```text
//!  Columns ── of live peers ──────────────────── ← → move it · Tab not connected ──
//!  ▸ ✓ state       what it is doing, or why it is not
//!      port        the port it listens on
//! ```

use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::peer_list;
use crate::ui::action::Action;
use crate::ui::columns::{self, Part};
use crate::ui::grid;
use crate::ui::model::Model;
use crate::ui::paint::{Pen, inset, take_top};
use crate::ui::theme::Role;

/// Draws the columns there are, the chosen ones first.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let mut body = area;
    let part = model.chooser.part;
    let (of, other) = match part {
        Part::Live => ("of live peers", "not connected"),
        Part::Others => ("of peers that are not connected", "live"),
    };
    let (left, right) = (model.keys.name(Action::Left), model.keys.name(Action::Right));
    let other = model.hint(Action::NextPanel, other);
    let hint = format!("{left} {right} move it · {other}");
    pen.rule(inset(take_top(&mut body, 1), 1, 1), "Columns", of, &hint);
    let chosen = model.columns.chosen(part, || peer_list::visible(model, part));
    let ids = columns::in_order(&chosen);
    let at = model.chooser.at.min(ids.len() - 1);
    for row in grid::visible(ids.len(), usize::from(body.height), Some(at), &[]) {
        let line = inset(take_top(&mut body, 1), 1, 1);
        let Some(column) = columns::column(ids[row]).filter(|_| !line.is_empty()) else {
            continue;
        };
        let on = chosen.contains(&column.id);
        pen.put(line.x, line.y, 1, if row == at { "▸" } else { " " }, Role::Strong);
        pen.put(line.x + 2, line.y, 1, if on { "✓" } else { " " }, Role::Progress);
        let room = |from: u16| line.width.saturating_sub(from);
        pen.put(line.x + 4, line.y, room(4).min(11), column.id, if on { Role::Strong } else { Role::Text });
        let sorted = model.order.column.unwrap_or("state") == column.id;
        let by = if !sorted {
            ""
        } else if model.order.reversed {
            "▴"
        } else {
            "▾"
        };
        pen.put(line.x + 16, line.y, room(16).min(1), by, Role::Strong);
        pen.put(line.x + 18, line.y, room(18), column.help, if on { Role::Text } else { Role::Dim });
        if row == at {
            pen.modify(line, Modifier::BOLD, Modifier::DIM);
        }
    }
}
