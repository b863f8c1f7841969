//! The menu of orders, over the last rows of the list.
//!
//! ```text
//!  Sort by ── state ▾ ──────────────────── again turns it around · Esc closes ──
//!  s state ▾       a address       c client        h handshake     g has
//! ```

use ratatui::layout::Rect;

use crate::ui::action::Action;
use crate::ui::model::Model;
use crate::ui::mouse::Target;
use crate::ui::order_menu::{entries, now};
use crate::ui::paint::{Pen, inset, take_bottom, take_top};
use crate::ui::theme::Role;

/// Columns of an entry: letter, name, mark, and the gaps.
const ENTRY: u16 = 15;

/// Entries beside each other in so many columns.
fn a_row(columns: u16) -> u16 {
    (columns.saturating_sub(1) / ENTRY).max(1)
}

/// Takes the rows of the menu off the bottom of the list that it orders: at most half of them.
pub(super) fn take(body: &mut Rect, model: &Model) -> Rect {
    let rows = (entries(model).len() as u16).div_ceil(a_row(body.width));
    take_bottom(body, (rows + 1).min(body.height / 2))
}

/// Draws the menu over what stands there.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let (entries, a_row) = (entries(model), a_row(area.width));
    let mut menu = area;
    for at in menu.positions() {
        pen.put(at.x, at.y, 1, " ", Role::Text);
    }
    let title = inset(take_top(&mut menu, 1), 1, 1);
    let (now, name, mark) = now(model);
    let hint = format!("a letter; again turns it around · {}", model.hint(Action::Back, "closes"));
    pen.rule(title, "Sort by", &format!("{name} {mark}"), &hint);
    for (at, (letter, id)) in entries.into_iter().enumerate() {
        let (row, column) = (at as u16 / a_row, at as u16 % a_row);
        if row >= menu.height {
            return;
        }
        let (x, y) = (menu.x + 1 + column * ENTRY, menu.y + row);
        pen.targets.add(Rect { x, y, width: ENTRY - 1, height: 1 }, Target::Order(id));
        let is_now = id == now;
        pen.put(x, y, 1, &letter.to_string(), Role::Strong);
        let used = pen.put(x + 2, y, ENTRY - 5, id, if is_now { Role::Strong } else { Role::Text });
        if is_now {
            pen.put(x + 3 + used, y, 1, mark, Role::Strong);
            pen.select(Rect { x, y, width: ENTRY - 1, height: 1 });
        }
    }
}
