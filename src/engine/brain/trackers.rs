//! Announcing, and what comes of it.

use std::collections::BTreeMap;

use tokio::task::{AbortHandle, JoinSet};

use super::super::tracker::{self, Answer};
use super::Brain;
use crate::event::{Source, TrackerKey};
use crate::metainfo::{Bitfield, Geometry};
use crate::swarm::Input;
use crate::swarm::address::is_allowed;
use crate::swarm::announce::{self, Output, Ticket};
use crate::wire::AnnounceParams;

/// Peers asked for in an announce, unless we leave.
const NUMWANT: u32 = 200;

/// The announces under way, each with the tracker it went to.
#[derive(Default)]
pub(super) struct Announces {
    asked: BTreeMap<Ticket, (TrackerKey, AbortHandle)>,
    tasks: JoinSet<()>,
}

impl Announces {
    fn begin(&mut self, ticket: Ticket, to: TrackerKey, announce: impl Future<Output = ()> + Send + 'static) {
        self.asked.insert(ticket, (to, self.tasks.spawn(announce)));
    }

    /// It is over; whom it went to.
    fn end(&mut self, ticket: Ticket) -> Option<TrackerKey> {
        self.asked.remove(&ticket).map(|(tracker, _)| tracker)
    }

    fn abandon(&mut self, ticket: Ticket) {
        if let Some((_, task)) = self.asked.remove(&ticket) {
            task.abort();
        }
    }

    /// Takes leave of the tasks that are over.
    pub(super) fn take_leave(&mut self) {
        while self.tasks.try_join_next().is_some() {}
    }

    /// Ends all that are left.
    pub(super) async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
    }
}

impl Brain {
    pub(super) fn announce(&mut self, output: Output) {
        let (ticket, tracker, url, kind, tracker_id) = match output {
            Output::Learned(at, event) => return self.learned(at, &event),
            Output::Abandon(ticket) => return self.announces.abandon(ticket),
            Output::Announce { ticket, tracker, url, kind, tracker_id } => {
                (ticket, tracker, url, kind, tracker_id)
            }
        };
        let (downloaded_bytes, uploaded_bytes) = self.transferred();
        let stopped = kind == crate::event::AnnounceKind::Stopped;
        let params = AnnounceParams {
            info_hash: self.torrent.info_hash,
            peer_id: self.ours.peer_id,
            port: self.port,
            uploaded_bytes,
            downloaded_bytes,
            left_bytes: missing_bytes(self.torrent.geometry, self.swarm.have()),
            kind,
            key: self.key,
            numwant: if stopped { 0 } else { NUMWANT },
            tracker_id,
        };
        let (client, answers) = (self.client.clone(), self.outlets.answers.clone());
        self.announces.begin(ticket, tracker, async move {
            let outcome = client.announce(&url, &params).await;
            // Nobody listens only when the run is over.
            let _ = answers.send((ticket, outcome)).await;
        });
    }

    pub(super) fn answered(&mut self, ticket: Ticket, outcome: Result<Answer, tracker::Failure>) {
        let now = self.clock.now();
        let tracker = self.announces.end(ticket);
        match outcome {
            Err(failure) => {
                let tracker::Failure { error, text } = failure;
                self.announcer.handle(now, announce::Input::Failed { ticket, error, text });
            }
            Ok(answer) => {
                let Answer { peers, scope, announced, min_interval_s, tracker_id, our_address } = answer;
                if let Some(ours) = our_address {
                    self.our_addresses.insert(std::net::SocketAddr::new(ours, self.port));
                }
                let input =
                    announce::Input::Answered { ticket, answer: announced, min_interval_s, tracker_id };
                self.announcer.handle(now, input);
                let ours: Vec<_> = self.our_addresses.iter().copied().collect();
                for addr in peers {
                    let Some(source) = tracker.map(Source::Tracker) else { break };
                    let input = if is_allowed(scope, addr, &ours) {
                        Input::Learned { addr, source }
                    } else {
                        Input::LearnedInvalid { addr, source }
                    };
                    self.swarm.handle(now, input);
                }
            }
        }
        self.settle();
    }
}

/// Bytes of the pieces that are not good: without a look at every piece, of which there may be millions.
fn missing_bytes(geometry: Geometry, have: &Bitfield) -> u64 {
    let missing = u64::from(have.len() - have.count()) * u64::from(geometry.piece_bytes());
    let last = geometry.piece(geometry.piece_count().saturating_sub(1)).filter(|last| !have.has(*last));
    missing - last.map_or(0, |last| u64::from(geometry.piece_bytes() - geometry.length_of(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_counted_to_the_byte() {
        for (total, piece_bytes) in [(1, 16384), (100_000, 16384), (65536, 16384), (10, 3)] {
            let geometry = Geometry::new(total, piece_bytes).unwrap();
            let mut have = Bitfield::empty(geometry.piece_count());
            let mut missing = total;
            assert_eq!(missing_bytes(geometry, &have), missing);
            for piece in geometry.pieces().rev() {
                have.set(piece);
                missing -= u64::from(geometry.length_of(piece));
                assert_eq!(missing_bytes(geometry, &have), missing);
            }
            assert_eq!(missing, 0);
        }
    }
}
