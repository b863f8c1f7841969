//! What pages and lists have in common: the head of the torrent, a rule, and the body below it.

use ratatui::layout::Rect;

use crate::ui::flow::{Flow, rest, up_to};
use crate::ui::paint::inset;

/// What a page is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Title,
    Progress,
    Rule,
    Body,
}

/// Where the parts of a page stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Page {
    pub(super) title: Rect,
    pub(super) progress: Rect,
    pub(super) rule: Rect,
    pub(super) body: Rect,
}

impl Page {
    /// Of this area.
    pub(super) fn of(area: Rect) -> Self {
        Self::with(area, 1)
    }

    /// Of this area, where the body begins with a rule of its own.
    pub(super) fn without_rule(area: Rect) -> Self {
        Self::with(area, 0)
    }

    fn with(area: Rect, rules: u16) -> Self {
        use Part::{Body, Progress, Rule, Title};
        let claims = [up_to(Title, 1), up_to(Body, 1), up_to(Rule, rules), up_to(Progress, 1), rest(Body)];
        let flow = Flow::new(area, &[Title, Progress, Rule, Body], &claims);
        Self {
            title: flow.of(Title),
            progress: flow.of(Progress),
            rule: inset(flow.of(Rule), 1, 1),
            body: flow.of(Body),
        }
    }
}
