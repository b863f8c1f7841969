//! Announcing, looking up in the DHT, and what comes of both.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::{AbortHandle, JoinSet};

use super::super::mailbox;
use super::super::mapping::Mapping;
use super::super::tracker::{Answer, Client, Failure};
use super::TorrentTask;
use super::inbox::Answered;
use crate::event::{AnnounceKind, At, Event, Source, TrackerKey};
use crate::metainfo::{BLOCK_LENGTH, InfoHash, PeerId};
use crate::swarm::Input;
use crate::swarm::announce::{self, Output, Ticket};
use crate::wire::AnnounceParams;

/// What is left of a torrent of which nobody knows how long it is, bytes: a seed has nothing left.
const SOMETHING_LEFT: u64 = BLOCK_LENGTH as u64;
/// Peers asked for in an announce, unless we leave.
const NUMWANT: u32 = 200;

/// What trackers are told of how far we are.
#[derive(Clone, Copy)]
pub(super) struct Amounts {
    downloaded_bytes: u64,
    uploaded_bytes: u64,
    left_bytes: u64,
}

/// Who we are to trackers.
pub(super) struct Caller {
    pub(super) info_hash: InfoHash,
    pub(super) peer_id: PeerId,
    /// Knows at which port others reach us.
    pub(super) mapping: Arc<Mapping>,
    /// Drawn once a run, so that trackers know us over every address we have.
    pub(super) key: u32,
}

/// The announces under way, each with the tracker it went to.
pub(super) struct Announces {
    client: Client,
    caller: Caller,
    answers: mailbox::Sender<(Ticket, Answered)>,
    asked: BTreeMap<Ticket, (TrackerKey, AbortHandle)>,
    tasks: JoinSet<()>,
}

impl Announces {
    /// Announces through `client`; what comes of it goes to `answers`.
    pub(super) fn new(client: Client, caller: Caller, answers: mailbox::Sender<(Ticket, Answered)>) -> Self {
        Self { client, caller, answers, asked: BTreeMap::new(), tasks: JoinSet::new() }
    }

    /// Carries out what was decided; what was learned is returned.
    pub(super) fn carry_out(&mut self, output: Output, amounts: Amounts) -> Option<(At, Event)> {
        match output {
            Output::Announce { ticket, tracker, url, kind, tracker_id } => {
                let params = self.params(kind, tracker_id, amounts);
                self.begin(ticket, tracker, url, params);
            }
            Output::Abandon(ticket) => {
                if let Some((_, task)) = self.asked.remove(&ticket) {
                    task.abort();
                }
            }
            Output::Emit(at, event) => return Some((at, event)),
        }
        None
    }

    fn params(&self, kind: AnnounceKind, tracker_id: Option<Vec<u8>>, amounts: Amounts) -> AnnounceParams {
        let Amounts { downloaded_bytes, uploaded_bytes, left_bytes } = amounts;
        AnnounceParams {
            info_hash: self.caller.info_hash,
            peer_id: self.caller.peer_id,
            port: self.caller.mapping.outside_port(),
            uploaded_bytes,
            downloaded_bytes,
            left_bytes,
            kind,
            key: self.caller.key,
            numwant: if kind == AnnounceKind::Stopped { 0 } else { NUMWANT },
            tracker_id,
        }
    }

    fn begin(&mut self, ticket: Ticket, to: TrackerKey, url: String, params: AnnounceParams) {
        let (client, answers) = (self.client.clone(), self.answers.clone());
        let task = self.tasks.spawn(async move {
            let _turn = client.turn().await;
            // The turn may be that of an announce which was dropped at the end of the run, as this one is about to be.
            if answers.is_closed() {
                return;
            }
            let outcome = client.announce(&url, &params).await;
            // Nobody listens only when the run is over.
            let _ = answers.send((ticket, outcome)).await;
        });
        self.asked.insert(ticket, (to, task));
    }

    /// It is over; whom it went to.
    fn end(&mut self, ticket: Ticket) -> Option<TrackerKey> {
        self.asked.remove(&ticket).map(|(tracker, _)| tracker)
    }

    /// Drops all that are left.
    pub(super) fn drop_all(&mut self) {
        self.asked.clear();
        self.tasks.abort_all();
    }

    /// Takes leave of the tasks that are over.
    pub(super) fn take_leave(&mut self) {
        while self.tasks.try_join_next().is_some() {}
    }
}

impl TorrentTask {
    pub(super) fn announce(&mut self, output: Output) {
        let amounts = self.amounts();
        if let Some((at, event)) = self.announces.carry_out(output, amounts) {
            self.emit(at, &event);
        }
    }

    pub(super) fn amounts(&self) -> Amounts {
        let (downloaded_bytes, uploaded_bytes) = self.transferred();
        let left_bytes = self.swarm.missing_bytes().unwrap_or(SOMETHING_LEFT);
        Amounts { downloaded_bytes, uploaded_bytes, left_bytes }
    }

    pub(super) fn answered(&mut self, ticket: Ticket, outcome: Answered) {
        let now = self.clock.now();
        let Some(tracker) = self.announces.end(ticket) else { return };
        if let Ok(Answer { peers, scope, our_address, .. }) = &outcome {
            let seen_at =
                our_address.map(|ours| SocketAddr::new(ours, self.resources.mapping.outside_port()));
            self.swarm.handle(now, Input::Reached { tracker, scope: *scope, seen_at });
            for addr in peers.iter().copied() {
                self.swarm.handle(now, Input::Learned { addr, source: Source::Tracker(tracker) });
            }
        }
        self.feed(Input::Announced(heard(ticket, outcome)));
    }
}

/// What came of an announce, for those who decide.
pub(super) fn heard(ticket: Ticket, outcome: Answered) -> announce::Input {
    match outcome {
        Ok(Answer { announced: answer, min_interval_s, tracker_id, .. }) => {
            announce::Input::Answered { ticket, answer, min_interval_s, tracker_id }
        }
        Err(Failure { error, text }) => announce::Input::Failed { ticket, error, text },
    }
}
