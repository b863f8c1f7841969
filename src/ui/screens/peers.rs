//! Every peer, by group.

use ratatui::layout::Rect;

use super::{frame, peer_list};
use crate::ledger::{Group, View};
use crate::ui::action::Action;
use crate::ui::flow::{Flow, rest, up_to};
use crate::ui::funnel::Funnel;
use crate::ui::model::{Model, Shown};
use crate::ui::mouse::Target;
use crate::ui::paint::{self, Pen, Spans, inset};
use crate::ui::theme::Role;
use crate::units;

/// The tabs with their counts, of the peers that the filter takes.
fn tabs(model: &Model, view: &View) -> [(&'static str, u32); 7] {
    let groups = view.groups;
    let mut tabs = [
        ("all", view.peers.len() as u32),
        ("live", groups.live),
        ("trying", groups.trying),
        ("failed", groups.failed),
        (Group::Left.word(), groups.left),
        ("queued", groups.queued),
        ("banned", groups.banned),
    ];
    for (tab, (_, count)) in Shown::TABS.into_iter().zip(&mut tabs) {
        *count = model.found(view, tab).map_or(*count, |found| found as u32);
    }
    tabs
}

/// What is shown where it is none of the tabs.
fn narrowed(shown: Shown) -> Option<String> {
    match shown {
        Shown::All | Shown::Of(_) => None,
        Shown::Because(cause) => Some(format!("failed: {}", cause.info().short)),
        Shown::Reached(Funnel::Fetching, 4) => Some("those that let us download now".to_owned()),
        Shown::Reached(Funnel::Fetching, 5) => Some("those that send now".to_owned()),
        Shown::Reached(funnel @ Funnel::Fetching, step) => {
            Some(format!("those that got as far as {}", funnel.step(step)))
        }
        Shown::Reached(Funnel::Giving, 4) => Some("those that take data now".to_owned()),
        Shown::Reached(funnel @ Funnel::Giving, step) => Some(format!("{} now", funnel.step(step))),
        Shown::Lost(funnel, step, word) => {
            let (from, to) = (funnel.step(step.saturating_sub(1)), funnel.step(step));
            Some(format!("{from}, not {to}: {word}"))
        }
    }
}

/// What the screen is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Title,
    Rule,
    Tabs,
    List,
}

/// Draws the list of peers.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    use Part::{List, Rule, Tabs, Title};
    let claims = [up_to(Title, 1), up_to(Rule, 1), up_to(Tabs, 1), rest(List)];
    let flow = Flow::new(area, &[Title, Rule, Tabs, List], &claims);
    frame::title(pen, flow.of(Title), model, view);
    let wide = area.width >= 100;
    let row = inset(flow.of(Tabs), 1, 1);
    if let Some(said) = narrowed(model.shown) {
        let found = model.rows(view).count();
        let line = Spans::new()
            .add(Role::Text, "▸ ")
            .add(Role::Strong, said)
            .add(Role::Text, format!(" · {}", units::count(found as u64)))
            .add(Role::Dim, format!("   {}", model.hint(Action::Back, "shows all")));
        pen.spans(row.x, row.y, row.width, &line);
    } else {
        let mut x = row.x;
        let gap = if wide { 4 } else { 2 };
        for (tab, (name, count)) in Shown::TABS.iter().zip(tabs(model, view)) {
            let here = *tab == model.shown;
            let text = if here { format!("[{name} {count}]") } else { format!("{name} {count}") };
            let columns = paint::width(&text) as u16;
            if x + columns > row.right() {
                pen.put_right(row.right(), row.y, 1, "…", Role::Dim);
                break;
            }
            pen.targets.add(Rect { x, width: columns, height: 1, ..row }, Target::Tab(*tab));
            x += pen.put(x, row.y, columns, &text, if here { Role::Strong } else { Role::Dim }) + gap;
        }
        let hint = model.hint(Action::NextTab, "next");
        if usize::from(row.right().saturating_sub(x)) >= paint::width(&hint) {
            pen.put_right(row.right(), row.y, row.width, &hint, Role::Dim);
        }
    }
    let list = inset(flow.of(List), u16::from(wide), 0);
    peer_list::draw(pen, inset(flow.of(Rule), 1, 1), list, model, view, true);
}
