//! What happened, line by line.

use ratatui::layout::Rect;

use super::frame;
use crate::event::Severity;
use crate::ledger::{LogLine, View};
use crate::ui::model::{self, Model};
use crate::ui::paint::{Pen, inset, take_top};
use crate::ui::theme::Role;
use crate::units;

/// The lines that are shown: all, or those of one peer.
fn shown<'a>(model: &'a Model, view: &'a View) -> impl DoubleEndedIterator<Item = &'a LogLine> {
    view.log.iter().filter(|line| model.log_of.is_none() || line.peer == model.log_of)
}

/// How many lines are shown.
pub(super) fn count(model: &Model, view: &View) -> usize {
    shown(model, view).count()
}

/// Draws the log.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let mut body = area;
    frame::short_head(pen, &mut body, model, view);
    let count = count(model, view);
    let title = inset(take_top(&mut body, 1), 1, 1);
    let peer = model.log_of.and_then(|key| model::peer(view, key));
    match (model.log_of, peer) {
        (Some(_), Some(peer)) => {
            pen.rule(title, "Log", &format!("{count} lines of {}", peer.addr), "L shows all")
        }
        (Some(_), None) => {
            pen.rule(title, "Log", &format!("{count} lines of a peer that is gone"), "L shows all")
        }
        (None, _) => pen.rule(title, "Log", &units::count(count as u64), "time since the start"),
    }
    if count == 0 {
        pen.put(body.x + 2, body.y, body.width.saturating_sub(3), "Nothing happened yet.", Role::Dim);
        return;
    }
    let room = usize::from(body.height);
    let back = model.scrolls.log_back.min(count.saturating_sub(room));
    let first = count.saturating_sub(room + back);
    let mut rows = inset(body, 1, 1);
    for line in shown(model, view).skip(first).take(room) {
        let row = take_top(&mut rows, 1);
        let s = line.at.as_secs();
        let at = format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
        let used = pen.put_right(row.x + 8, row.y, 9, &at, Role::Dim);
        let (glyph, role) = match line.severity {
            Severity::Good => ("✓", Role::Progress),
            Severity::Info => ("·", Role::Dim),
            Severity::Warn => ("▲", Role::Trouble),
            Severity::Error => ("✗", Role::Trouble),
        };
        let x = row.x + 8.max(used) + 2;
        pen.put(x, row.y, 1, glyph, role);
        pen.put(x + 2, row.y, row.right().saturating_sub(x + 2), &line.text, Role::Text);
    }
}
