//! One panel of the overview with the whole screen for itself.

use ratatui::layout::Rect;

use super::{overview, peer_list};
use crate::ledger::View;
use crate::ui::flow::{Flow, rest, up_to, whole};
use crate::ui::model::{Model, Panel};
use crate::ui::paint::Pen;

/// What the screen is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Title,
    Progress,
    Rate,
    Panel,
}

/// Rows from which on the panel leaves some to a larger rate.
const PANEL: u16 = 16;

/// Draws the head of the overview, and below it the panel that takes the keys.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    use Part::{Panel as Shown, Progress, Rate, Title};
    let large = overview::large_rate(model).map(|rows| whole(Rate, rows));
    let first = [up_to(Title, 1), up_to(Progress, 1), up_to(Rate, 1), up_to(Shown, PANEL)];
    let claims: Vec<_> = first.into_iter().chain(large).chain([rest(Shown)]).collect();
    let flow = Flow::new(area, &[Title, Progress, Rate, Shown], &claims);
    overview::head(pen, [Title, Progress, Rate].map(|part| flow.of(part)), model, view);
    match model.panel {
        Panel::Peers => {
            let (rule, rows) = overview::list_in(flow.of(Shown));
            peer_list::draw(pen, rule, rows, model, view, true);
        }
        Panel::Funnel => overview::middle(pen, flow.of(Shown), model, view),
    }
}
