//! A question that is answered by typing, in place of the key line.
//!
//! ```text
//!  add  83.148.245.186▏                  and its port behind a colon, as :51413
//! ```

use ratatui::layout::Rect;

use crate::ledger::View;
use crate::ui::model::Model;
use crate::ui::paint::{Pen, Spans, width};
use crate::ui::prompt::Prompt;
use crate::ui::theme::Role;

/// Columns a long answer has at least where something stands beside it.
const LEAST_FIELD: u16 = 22;

/// Draws the question into the area's first row.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, prompt: &Prompt, model: &Model, view: &View) {
    if area.is_empty() {
        return;
    }
    let label = prompt.label();
    let used = if area.width >= 30 { pen.put(area.x, area.y, 16, label, Role::Strong) + 2 } else { 0 };
    let field = Rect { x: area.x + used, width: area.width - used, ..area };
    let note = match prompt.says(model, view) {
        Ok(said) => Spans::new().add(Role::Dim, said),
        Err(why) => Spans::new().add(Role::Trouble, "▲").add(Role::Text, format!(" {why}")),
    };
    let keys = prompt.keys();
    let least = LEAST_FIELD.min(width(prompt.field.text()) as u16 + 3).min(field.width);
    let wanted = (note.width() as u16).min(field.width - least);
    let mut columns = field.width;
    if wanted > 2 {
        let used = pen.spans_right(area.right(), area.y, wanted, &note);
        columns = columns.saturating_sub(used + 2);
    }
    let typed = prompt.field.text();
    let room = usize::from(columns).saturating_sub(width(typed) + 3);
    if width(keys) <= room && note.width() > 0 {
        let end = field.x + columns;
        pen.put_right(end, area.y, width(keys) as u16, keys, Role::Dim);
    } else if note.width() == 0 {
        pen.put_right(area.right(), area.y, (room as u16).min(columns), keys, Role::Dim);
    }
    let shown = prompt.field.shown(usize::from(columns));
    let mut x = field.x;
    let mut put = |pen: &mut Pen<'_>, text: &str, role| {
        let left = (field.x + columns).saturating_sub(x);
        x += pen.put(x, area.y, left, text, role);
        x
    };
    put(pen, if shown.cut { "…" } else { "" }, Role::Dim);
    let from = put(pen, shown.before, Role::Strong);
    let to = put(pen, if shown.under.is_empty() { " " } else { shown.under }, Role::Strong);
    pen.point(Rect { x: from, width: to - from, height: 1, ..area });
    put(pen, shown.after, Role::Strong);
}
