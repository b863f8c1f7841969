//! What was decided, until it is carried out.

use std::collections::VecDeque;

use super::{Action, ConnKey, Order};
use crate::event::{At, Event, Severity};

/// What is to be done, in order.
#[derive(Debug, Default)]
pub(super) struct Outbox(VecDeque<Action>);

impl Outbox {
    /// What to do next.
    pub(super) fn poll(&mut self) -> Option<Action> {
        self.0.pop_front()
    }

    pub(super) fn act(&mut self, action: Action) {
        self.0.push_back(action);
    }

    /// Tells the connection. [`Order::Close`] is given by `Swarm::close` alone, for more follows from it.
    pub(super) fn order(&mut self, conn: ConnKey, order: Order) {
        self.act(Action::Order(conn, order));
    }

    pub(super) fn emit(&mut self, now: At, event: Event) {
        self.act(Action::Emit(now, event));
    }

    /// Answers the user, who asked for something.
    pub(super) fn answer(&mut self, now: At, text: String) {
        self.emit(now, Event::Note { severity: Severity::Info, text, answer: true });
    }
}
