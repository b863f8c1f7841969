//! What is left when everything is saved: trackers are told that we are gone.

use tokio::time::sleep_until;

use super::super::board::Shown;
use super::super::clock::Clock;
use super::super::event_sink::EventSink;
use super::PUBLISH_EVERY;
use super::inbox::Inbox;
use super::trackers::{Amounts, Announces, heard};
use crate::command::Command;
use crate::event::At;
use crate::swarm::announce::Announcer;

/// A run without peers and disk.
pub(super) struct Farewell {
    pub(super) clock: Clock,
    pub(super) announcer: Announcer,
    pub(super) announces: Announces,
    /// How far we are, which changes no more.
    pub(super) amounts: Amounts,
    pub(super) event_sink: EventSink,
    pub(super) shown: Shown,
}

impl Farewell {
    /// Waits until trackers have heard it, until that moment at the latest, or until the user asks for the end again;
    /// then publishes the end. Announces that have not been answered by then are dropped.
    pub(super) async fn say(mut self, inbox: &mut Inbox, by: At) {
        loop {
            while let Some(output) = self.announcer.poll() {
                if let Some((at, event)) = self.announces.carry_out(output, self.amounts) {
                    self.event_sink.emit(at, &event);
                }
            }
            let now = self.clock.now();
            if !self.announcer.is_stopping() || now >= by {
                break;
            }
            // A clock that nobody looks at takes the program for standing still.
            let wake = self.clock.instant(by.min(now + PUBLISH_EVERY));
            tokio::select! {
                biased;
                command = inbox.commands.recv() => {
                    if command.unwrap_or(Command::Quit) == Command::Quit {
                        break;
                    }
                }
                Some((ticket, outcome)) = inbox.answers.recv() => {
                    self.announcer.handle(self.clock.now(), heard(ticket, outcome));
                }
                () = sleep_until(wake) => {}
            }
        }
        // Those that wait for their turn see by it that nobody waits for them.
        inbox.answers.close();
        self.announces.drop_all();
        let now = self.clock.now();
        self.shown.show(self.event_sink.view(now));
        self.event_sink.end(now).await;
    }
}
