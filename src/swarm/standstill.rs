//! The program stood still, stopped by somebody or asleep with the machine, while everybody else went on.
//!
//! The clock left that time out, so that nobody was silent, and no request is old. What is left to mend is what others
//! counted: pauses before the next dial are over for them, and those who waited for us may have gone.

use std::time::Duration;

use super::Swarm;
use crate::event::{At, Event, Severity};
use crate::units;

impl Swarm {
    pub(super) fn stood_still(&mut self, now: At, time: Duration) {
        let text = format!(
            "stood still for {}: stopped by somebody, or asleep with the machine; no peer is blamed for that time",
            units::duration(time)
        );
        self.emit(now, Event::Note { severity: Severity::Info, text, answer: false });
        for (peer, at) in self.peer_table.stood_still(now, time, &mut self.random) {
            self.emit(now, Event::NextTry { peer, at: Some(at) });
        }
    }
}
