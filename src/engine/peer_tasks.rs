//! Tasks of one run, and whose connection ended with a task that failed as none should.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, Id, JoinSet, spawn_blocking};

use super::link::Report;
use super::mailbox;
use super::mse::Carrier;
use super::peer::{self, Common};
use crate::event::{Cause, OsError};
use crate::peer::{Closed, ConnKey, Handshaken, Order};

/// The tasks, those of connections by their connection.
#[derive(Debug, Default)]
pub(super) struct PeerTasks {
    tasks: JoinSet<()>,
    conns: HashMap<Id, ConnKey>,
}

impl PeerTasks {
    /// Starts a task of no connection.
    pub(super) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Starts a task that dials or serves a connection.
    pub(super) fn spawn_for(
        &mut self,
        conn: ConnKey,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> AbortHandle {
        let handle = self.tasks.spawn(task);
        self.conns.insert(handle.id(), conn);
        handle
    }

    /// Starts the task of a connection that shook hands. Returns what gives it its orders.
    pub(super) fn serve(
        &mut self,
        conn: ConnKey,
        carrier: Carrier,
        peer: Handshaken,
        common: Arc<Common>,
        reports: mailbox::Sender<(ConnKey, Report)>,
    ) -> mpsc::UnboundedSender<Order> {
        let (orders, taken) = mpsc::unbounded_channel();
        self.spawn_for(conn, async move {
            read_back(&common).await;
            peer::run_over(carrier, peer, conn, common, taken, reports).await;
        });
        orders
    }

    /// Takes leave of the tasks that are over. Returns the connections whose task panicked: nobody else tells of
    /// their end.
    pub(super) fn panicked(&mut self) -> Vec<ConnKey> {
        let mut panicked = Vec::new();
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            let id = match &ended {
                Ok((id, ())) => *id,
                Err(error) => error.id(),
            };
            let conn = self.conns.remove(&id);
            if ended.is_err_and(|error| error.is_panic()) {
                panicked.extend(conn);
            }
        }
        panicked
    }

    /// Ends all that are left.
    pub(super) async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
    }
}

/// Has in memory what a peer may ask for of the torrent's file.
async fn read_back(common: &Common) {
    let info = common.ours.holdings.get().and_then(|holdings| holdings.info.clone());
    if let Some(info) = info.filter(|info| info.here().is_none()) {
        // What cannot be read is given to nobody.
        let _ = spawn_blocking(move || info.read().is_ok()).await;
    }
}

/// How a connection ended whose task panicked.
pub(super) fn internal_error() -> Closed {
    let text = "an internal error ended it".to_owned();
    Closed { error: Some(OsError { code: None, text }), ..Closed::because(Cause::LocalError) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn names_the_connections_whose_task_panicked_and_no_others() {
        let mut peer_tasks = PeerTasks::default();
        peer_tasks.spawn(async { panic!("a task of no connection") });
        peer_tasks.spawn_for(ConnKey(1), async {});
        peer_tasks.spawn_for(ConnKey(2), async { panic!("as no task should") });
        peer_tasks.spawn_for(ConnKey(3), std::future::pending());
        peer_tasks.spawn_for(ConnKey(4), std::future::pending()).abort();
        // Under a paused clock this lets every task that can go on do so.
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(peer_tasks.panicked(), [ConnKey(2)]);
        assert_eq!(peer_tasks.panicked(), []);
        assert_eq!(peer_tasks.conns.len(), 1, "the one that goes on");
        peer_tasks.shutdown().await;
    }
}
