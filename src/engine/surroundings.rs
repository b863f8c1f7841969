//! What all torrents of a session have around them: looked at once for all, so that one that idles does nothing.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::addresses::of_this_machine;
use super::clock::Clock;

/// How often the machine's addresses are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often the clock is looked at, so that it knows when the program stood still.
const ATTEND_EVERY: Duration = Duration::from_millis(250);

/// What was found last.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Around {
    /// The machine's addresses; `None`: not known yet.
    pub(super) addresses: Option<BTreeSet<IpAddr>>,
    /// For how long the program stood still so far.
    stood_still: Duration,
}

/// Tells all torrents when something changed around them.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    around: watch::Sender<Around>,
    woke: Notify,
}

impl Surroundings {
    /// What is around, whenever it changes.
    pub(super) fn look(&self) -> watch::Receiver<Around> {
        self.around.subscribe()
    }

    /// The machine may wake up in another network: its addresses are looked at again now.
    pub(super) fn woke(&self) {
        self.woke.notify_one();
    }

    /// Looks for as long as it is polled.
    pub(super) async fn watch(&self, clock: Clock) {
        clock.attend();
        let mut look_at = Instant::now();
        loop {
            if Instant::now() >= look_at {
                look_at = Instant::now() + LOOK_EVERY;
                if let Ok(Some(addresses)) = spawn_blocking(of_this_machine).await {
                    self.tell(|around| around.addresses = Some(addresses));
                }
            }
            clock.now();
            let stood_still = clock.stood_still();
            self.tell(|around| around.stood_still = stood_still);
            tokio::select! {
                () = sleep(ATTEND_EVERY) => {}
                () = self.woke.notified() => look_at = Instant::now(),
            }
        }
    }

    fn tell(&self, change: impl FnOnce(&mut Around)) {
        self.around.send_if_modified(|around| {
            let before = around.clone();
            change(around);
            *around != before
        });
    }
}
