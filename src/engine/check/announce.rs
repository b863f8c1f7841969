//! Speaking to the trackers of a check.

use std::net::SocketAddr;

use super::Run;
use crate::engine::tracker;
use crate::event::{AnnounceKind, Source, TrackerKey};
use crate::swarm::address::is_allowed;
use crate::swarm::check::Input;
use crate::wire::AnnounceParams;

/// Peers asked for in an announce.
const NUMWANT: u32 = 200;

impl Run {
    pub(super) fn announce(&mut self, tracker: TrackerKey, url: String, kind: AnnounceKind) {
        let stopped = kind == AnnounceKind::Stopped;
        let params = AnnounceParams {
            info_hash: self.torrent.info_hash,
            peer_id: self.ours.peer_id,
            port: self.port,
            uploaded_bytes: 0,
            downloaded_bytes: 0,
            left_bytes: self.torrent.geometry.total_bytes(),
            kind,
            key: self.key,
            numwant: if stopped { 0 } else { NUMWANT },
            tracker_id: None,
        };
        let (client, answers) = (self.client.clone(), self.outlets.answers.clone());
        // Nobody waits for a turn: that is how it is soon known which trackers answer.
        let announce = async move {
            let outcome = client.announce(&url, &params).await;
            // Nobody listens only when the run is over.
            let _ = answers.send((tracker, outcome)).await;
        };
        if stopped {
            self.goodbyes.spawn(announce);
        } else {
            self.tasks.spawn(announce);
        }
    }

    pub(super) fn answered(
        &mut self,
        tracker: TrackerKey,
        outcome: Result<tracker::Answer, tracker::Failure>,
    ) {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(tracker::Failure { error, text }) => {
                return self.feed(Input::Announced(tracker, Err((error, text))));
            }
        };
        if let Some(ours) = answer.our_address {
            self.our_addresses.insert(SocketAddr::new(ours, self.port));
        }
        let ours: Vec<SocketAddr> = self.our_addresses.iter().copied().collect();
        let now = self.clock.now();
        // The peers first: when the last tracker has answered and nobody is known, it is over.
        for addr in answer.peers {
            let valid = is_allowed(answer.scope, addr, &ours);
            self.check.handle(now, Input::Learned { addr, source: Source::Tracker(tracker), valid });
        }
        self.feed(Input::Announced(tracker, Ok(answer.announced)));
    }
}
