//! Which columns the lists of peers show, and in which order.
//!
//! ```text
//!  Columns ── of live peers ──────────────────── ← → move it · Tab not connected ──
//!  ▸ ✓ state       what it is doing, or why it is not
//!      port        the port it listens on
//! ```

use ratatui::layout::Rect;

use super::more;
use crate::ui::action::Action;
use crate::ui::choose;
use crate::ui::columns::Part;
use crate::ui::flow::{Flow, rest, up_to, whole};
use crate::ui::grid;
use crate::ui::model::Model;
use crate::ui::mouse::Target;
use crate::ui::paint::{Pen, inset, take_top, width, wrap};
use crate::ui::screens;
use crate::ui::theme::Role;
use crate::ui::widgets::selection;

/// Columns before what a column is said to show.
const BEFORE: u16 = 18;

/// What the page is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Section {
    Title,
    List,
    /// What the selected column shows, in full.
    Told,
}

/// What a column shows where that is cut in its row, in lines of this many columns.
fn told(help: &str, columns: u16) -> Vec<String> {
    let columns = usize::from(columns.saturating_sub(2)).max(1);
    let cut = width(help) > columns.saturating_sub(usize::from(BEFORE));
    if cut { wrap(help, columns) } else { Vec::new() }
}

/// What a column of a list shows.
fn help(part: Part, id: &str) -> &'static str {
    part.columns().into_iter().find(|(other, _)| *other == id).map_or("", |(_, help)| help)
}

/// Gives every part its place. What is told has the room of the longest, so that the list stays where it is.
fn flow(area: Rect, part: Part) -> Flow<Section> {
    use Section::{List, Title, Told};
    let columns = part.columns();
    let rows = columns.iter().map(|(_, help)| told(help, area.width).len()).max().unwrap_or(0);
    let below = if rows > 0 { rows as u16 + 1 } else { 0 };
    let claims = [up_to(Title, 1), up_to(List, 5), whole(Told, below), rest(List)];
    Flow::new(area, &[Title, List, Told], &claims)
}

/// Draws the columns there are, the chosen ones first.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let part = choose::part(model);
    let flow = flow(area, part);
    let mut body = flow.of(Section::List);
    let narrow = area.width < 60;
    let (of, other) = match part {
        Part::Live => (if narrow { "live" } else { "of live peers" }, "not connected"),
        Part::Others => (if narrow { "others" } else { "of peers that are not connected" }, "live"),
        Part::Torrents => ("of torrents", ""),
    };
    let (left, right) = (model.keys.name(Action::Left), model.keys.name(Action::Right));
    let hint = match other {
        "" => format!("{left} {right} move it"),
        other => format!("{left} {right} move it · {}", model.hint(Action::NextPanel, other)),
    };
    let title = inset(flow.of(Section::Title), 1, 1);
    let chosen = model.columns.chosen(part, || screens::visible_columns(model, part));
    let ids = part.in_order(&chosen);
    let at = model.chooser.at.min(ids.len() - 1);
    let below = inset(flow.of(Section::Told), 1, 1);
    let said = told(help(part, ids[at]), area.width);
    for (line, y) in said.iter().zip(below.top() + 1..below.bottom()) {
        pen.put(below.x, y, below.width, line, Role::Text);
    }
    let visible = grid::visible(ids.len(), usize::from(body.height), Some(at), &[]);
    let more = more::hidden(&visible, ids.len());
    let right = [format!("{more} · {hint}"), more.clone(), hint];
    let fits = |right: &&String| usize::from(title.width) >= 18 + width(of) + width(right);
    let right = right.iter().skip(usize::from(more.is_empty()) * 2).find(fits);
    pen.rule(title, "Columns", of, right.map_or("", String::as_str));
    for row in visible {
        let line = inset(take_top(&mut body, 1), 1, 1);
        if line.is_empty() {
            continue;
        }
        let (id, help) = (ids[row], help(part, ids[row]));
        pen.targets.add(line, Target::Column(row));
        let on = chosen.contains(&id);
        pen.put(line.x, line.y, 1, if row == at { "▸" } else { " " }, Role::Strong);
        pen.put(line.x + 2, line.y, 1, if on { "✓" } else { " " }, Role::Progress);
        let room = |from: u16| line.width.saturating_sub(from);
        pen.put(line.x + 4, line.y, room(4).min(11), id, if on { Role::Strong } else { Role::Text });
        let (order, mark) = match part {
            Part::Torrents => (model.torrents.order(), model.torrents.mark_of_order()),
            Part::Live | Part::Others => (model.order.column.unwrap_or("state"), model.order.mark()),
        };
        let by = if order == id { mark } else { "" };
        pen.put(line.x + 16, line.y, room(16).min(1), by, Role::Strong);
        pen.put(line.x + BEFORE, line.y, room(BEFORE), help, if on { Role::Text } else { Role::Dim });
        if row == at {
            selection::bar(pen, line);
        }
    }
}
