//! Everything in one line, where there is room for no more.

use ratatui::layout::Rect;

use super::{asking, frame};
use crate::ledger::View;
use crate::ui::model::Model;
use crate::ui::paint::{Pen, Spans, take_bottom};
use crate::ui::theme::Role;

/// Everything in one line; what is asked stands in the last one.
pub(super) fn line(pen: &mut Pen<'_>, mut area: Rect, model: &Model, view: &View) {
    if let Some(prompt) = &model.prompt {
        asking::draw(pen, take_bottom(&mut area, 1), prompt, model, view);
        if area.is_empty() {
            return;
        }
    }
    if model.torrents.are_none() {
        pen.put(area.x, area.y, area.width, "No torrents", Role::Text);
        return;
    }
    let (down, _) = frame::rates(view, pen.look);
    let mut parts = vec![
        Spans::new().add(Role::Progress, format!("{} %", frame::percent(view))),
        Spans::new().add(Role::Text, down),
        frame::state(model, view, area.width),
        Spans::new().add(Role::Text, frame::eta(view)),
    ];
    // The glyph alone is better than nothing.
    if area.width < 5 {
        parts = vec![frame::state(model, view, area.width)];
    }
    let mut x = area.x;
    for part in parts {
        if x > area.x && usize::from(x - area.x) + part.width() > usize::from(area.width) {
            break;
        }
        x += pen.spans(x, area.y, area.right().saturating_sub(x), &part) + 2;
        if x >= area.right() {
            break;
        }
    }
}
