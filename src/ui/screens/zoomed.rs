//! One panel of the overview with the whole screen for itself.

use ratatui::layout::Rect;

use super::{frame, judgement, overview, peer_list};
use crate::ledger::View;
use crate::ui::funnel;
use crate::ui::model::{Model, Panel};
use crate::ui::paint::{Pen, inset, take_top};

/// Draws the head of the overview, and below it the panel that takes the keys.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let mut body = area;
    frame::head(pen, &mut body, model, view);
    let wide = area.width >= 100;
    match model.panel {
        Panel::Peers => {
            let title = inset(take_top(&mut body, 1), 1, 1);
            peer_list::draw(pen, title, inset(body, u16::from(wide), 0), model, view, true);
        }
        Panel::Funnel if wide => {
            overview::roomy_middle(pen, body, model, view);
            // Below the funnel, what its losses mean.
            let rows = 2 + funnel::ROWS;
            let width = overview::funnel_columns(body.width) - 2;
            let below = Rect { y: body.y + rows, height: body.height.saturating_sub(rows), width, ..body };
            judgement::put_lines(pen, below, judgement::lost(view, width).iter());
        }
        Panel::Funnel => {
            overview::funnel(pen, inset(take_top(&mut body, 1 + funnel::ROWS), 0, 1), model, view);
            overview::compact_speed(pen, inset(body, 1, 1), model, view);
        }
    }
}
