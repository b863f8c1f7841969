//! The channels through which everybody speaks to the torrent's task.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use tokio::sync::mpsc;

use super::super::disk::DiskDone;
use super::super::link::Report;
use super::super::listen::Arrived;
use super::super::mse::Carrier;
use super::super::tracker;
use crate::command::Command;
use crate::event::At;
use crate::peer::{Handshaken, Step};
use crate::storage::{StorageError, Verdicts};
use crate::swarm::announce::Ticket;
use crate::swarm::{Closed, ConnKey};

/// Reports that may wait for the torrent's task before peer tasks stop reading.
const REPORTS: usize = 1024;
const OTHERS: usize = 256;

/// How an announce ended.
pub(super) type Answered = Result<tracker::Answer, tracker::Failure>;

/// How a dial ended.
pub(super) struct Dialled {
    pub(super) conn: ConnKey,
    pub(super) addr: SocketAddr,
    pub(super) outcome: Result<(Carrier, Handshaken), Box<Closed>>,
}

/// How far a recheck has come.
pub(super) enum Rechecking {
    /// So many pieces were looked at, of so many.
    Progress(u32, u32),
    /// It is over.
    Done(Result<Verdicts, StorageError>),
}

/// The task's end of every channel.
pub(in crate::engine) struct Inbox {
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
    pub(super) disk: mpsc::UnboundedReceiver<DiskDone>,
    pub(super) prepared: mpsc::Receiver<Result<(), StorageError>>,
    pub(super) rechecks: mpsc::UnboundedReceiver<Rechecking>,
    pub(super) steps: mpsc::Receiver<(ConnKey, At, Step)>,
    pub(super) dialled: mpsc::Receiver<Dialled>,
    pub(super) arrivals: mpsc::Receiver<Arrived>,
    pub(super) answers: mpsc::Receiver<(Ticket, Answered)>,
    pub(super) addresses: mpsc::Receiver<BTreeSet<IpAddr>>,
    pub(super) reports: mpsc::Receiver<(ConnKey, Report)>,
    pub(super) hashed: mpsc::UnboundedReceiver<(ConnKey, bool)>,
}

/// What tasks are given to speak through.
#[derive(Clone)]
pub(in crate::engine) struct Outlets {
    pub(in crate::engine) disk: mpsc::UnboundedSender<DiskDone>,
    pub(super) prepared: mpsc::Sender<Result<(), StorageError>>,
    pub(super) rechecks: mpsc::UnboundedSender<Rechecking>,
    pub(super) steps: mpsc::Sender<(ConnKey, At, Step)>,
    pub(super) dialled: mpsc::Sender<Dialled>,
    pub(in crate::engine) arrivals: mpsc::Sender<Arrived>,
    pub(super) answers: mpsc::Sender<(Ticket, Answered)>,
    pub(super) addresses: mpsc::Sender<BTreeSet<IpAddr>>,
    pub(super) reports: mpsc::Sender<(ConnKey, Report)>,
    /// The pieces of a check, each with whether its hash was right.
    pub(in crate::engine) hashed: mpsc::UnboundedSender<(ConnKey, bool)>,
}

/// Both ends; commands come in through a channel that exists already.
pub(in crate::engine) fn open(commands: mpsc::UnboundedReceiver<Command>) -> (Inbox, Outlets) {
    let (disk_to, disk) = mpsc::unbounded_channel();
    let (prepared_to, prepared) = mpsc::channel(OTHERS);
    let (rechecks_to, rechecks) = mpsc::unbounded_channel();
    let (steps_to, steps) = mpsc::channel(OTHERS);
    let (dialled_to, dialled) = mpsc::channel(OTHERS);
    let (arrivals_to, arrivals) = mpsc::channel(OTHERS);
    let (answers_to, answers) = mpsc::channel(OTHERS);
    let (addresses_to, addresses) = mpsc::channel(1);
    let (reports_to, reports) = mpsc::channel(REPORTS);
    let (hashed_to, hashed) = mpsc::unbounded_channel();
    let inbox = Inbox {
        commands,
        disk,
        prepared,
        rechecks,
        steps,
        dialled,
        arrivals,
        answers,
        addresses,
        reports,
        hashed,
    };
    let outlets = Outlets {
        disk: disk_to,
        prepared: prepared_to,
        rechecks: rechecks_to,
        steps: steps_to,
        dialled: dialled_to,
        arrivals: arrivals_to,
        answers: answers_to,
        addresses: addresses_to,
        reports: reports_to,
        hashed: hashed_to,
    };
    (inbox, outlets)
}
