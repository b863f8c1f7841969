//! The channels through which everybody speaks to the torrent's task.

use std::net::SocketAddr;

use tokio::sync::{mpsc, watch};

use super::super::disk::DiskDone;
use super::super::found::Found;
use super::super::link::Report;
use super::super::listen::Arrived;
use super::super::mailbox;
use super::super::mse::Carrier;
use super::super::opening::Told;
use super::super::tracker;
use crate::command::Command;
use crate::event::{At, Queued};
use crate::peer::{Handshaken, Step};
use crate::storage::{StorageError, Verdicts};
use crate::swarm::announce::Ticket;
use crate::swarm::{Closed, ConnKey};

/// Reports that may wait for the torrent's task before peer tasks stop reading.
const REPORTS: usize = 1024;
const OTHERS: usize = 256;

/// What is asked of a torrent for the sake of others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::engine) struct Asked {
    /// Why it has to wait; `None`: it is its turn.
    pub(in crate::engine) waits: Option<Queued>,
    /// Somebody watches it: its views go on with time, also where nothing happens.
    pub(in crate::engine) watched: bool,
}

/// How an announce ended.
pub(in crate::engine) type Answered = Result<tracker::Answer, tracker::Failure>;

/// How a dial ended.
pub(in crate::engine) struct Dialled {
    pub(super) conn: ConnKey,
    pub(super) addr: SocketAddr,
    pub(super) outcome: Result<(Carrier, Handshaken), Box<Closed>>,
}

/// How far a recheck has come.
pub(in crate::engine) enum Rechecking {
    /// So many pieces were looked at, of so many.
    Progress(u32, u32),
    /// It is over.
    Done(Result<Verdicts, StorageError>),
}

/// Makes both ends of all channels of one row each: what it is called, how it is opened, and what goes through it.
macro_rules! channels {
    ($($name:ident: $to:ident, $from:ident, $open:expr => $carries:ty;)*) => {
        /// The task's end of every channel.
        pub(in crate::engine) struct Inbox {
            pub(in crate::engine) commands: mpsc::UnboundedReceiver<Command>,
            /// What is asked of it for the sake of others.
            pub(in crate::engine) asked: watch::Receiver<Asked>,
            $(pub(in crate::engine) $name: mailbox::$from<$carries>,)*
        }

        /// What tasks are given to speak through.
        #[derive(Clone)]
        pub(in crate::engine) struct Outlets {
            $(pub(in crate::engine) $name: mailbox::$to<$carries>,)*
        }

        /// Both ends; what is asked comes in through channels that exist already.
        pub(in crate::engine) fn open(
            commands: mpsc::UnboundedReceiver<Command>,
            asked: watch::Receiver<Asked>,
        ) -> (Inbox, Outlets) {
            $(let $name = $open;)*
            let outlets = Outlets { $($name: $name.0,)* };
            (Inbox { commands, asked, $($name: $name.1,)* }, outlets)
        }
    };
}

channels! {
    disk: UnboundedSender, UnboundedReceiver, mailbox::unbounded() => DiskDone;
    prepared: Sender, Receiver, mailbox::channel(OTHERS) => Result<(), StorageError>;
    // Files stand where they belong by what is wanted from now on, or the disk refuses.
    placed: UnboundedSender, UnboundedReceiver, mailbox::unbounded() => Result<(), StorageError>;
    opening: UnboundedSender, UnboundedReceiver, mailbox::unbounded() => Told;
    rechecks: UnboundedSender, UnboundedReceiver, mailbox::unbounded() => Rechecking;
    steps: Sender, Receiver, mailbox::channel(OTHERS) => (ConnKey, At, Step);
    dialled: Sender, Receiver, mailbox::channel(OTHERS) => Dialled;
    arrivals: Sender, Receiver, mailbox::channel(OTHERS) => Arrived;
    answers: Sender, Receiver, mailbox::channel(OTHERS) => (Ticket, Answered);
    // What the DHT and local discovery found.
    found: UnboundedSender, UnboundedReceiver, mailbox::unbounded() => Found;
    reports: Sender, Receiver, mailbox::channel(REPORTS) => (ConnKey, Report);
    // The pieces of a check, each with whether its hash was right.
    hashed: UnboundedSender, UnboundedReceiver, mailbox::unbounded() => (ConnKey, bool);
}
