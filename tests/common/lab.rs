//! Folders of a test, and the library run in them.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use ttui::engine::{Download, Options};
use ttui::event::PeerKey;
use ttui::ledger::{PeerRecord, View};

use super::{Payload, soon};

/// Settings that keep the program from looking for others around it, in the world and in the local network, and from asking
/// the router for a way in.
pub(crate) const QUIET: &str = "dht = false\nlsd = false\nport-mapping = false\n";

/// A temporary folder with places for output and state.
#[derive(Debug)]
pub(crate) struct Lab {
    dir: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("ttui-test-").tempdir().unwrap();
        let lab = Self { dir };
        fs::create_dir(lab.out()).unwrap();
        lab.settings("config/ttui/config.toml", "");
        lab
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where files are downloaded to.
    pub(crate) fn out(&self) -> PathBuf {
        self.path("out")
    }

    /// A file of settings by which nothing is said beyond the test's own sockets, and what `more` says.
    pub(crate) fn settings(&self, name: &str, more: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("{QUIET}{more}")).unwrap();
        path
    }

    /// Where resume files lie.
    pub(crate) fn state(&self) -> PathBuf {
        self.path("state").join("ttui")
    }

    /// Writes a torrent file and returns its path.
    pub(crate) fn torrent(&self, payload: &Payload) -> PathBuf {
        // Another program may be about to read it: it is there as a whole or not at all.
        let (fresh, path) = (self.write("it.torrent.fresh", &payload.torrent_bytes), self.path("it.torrent"));
        fs::rename(fresh, &path).unwrap();
        path
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn options(&self, peers: &[SocketAddr]) -> Options {
        Options {
            output: self.out(),
            state: Some(self.state()),
            loopback: true,
            peers: peers.to_vec(),
            ..Options::default()
        }
    }

    /// Starts to download.
    pub(crate) fn start(&self, payload: &Payload, peers: &[SocketAddr]) -> Download {
        self.start_with(payload, self.options(peers))
    }

    pub(crate) fn start_with(&self, payload: &Payload, options: Options) -> Download {
        Download::start(payload.torrent.clone(), options).unwrap()
    }

    /// Downloads to the end, holds the files against the payload, and stops.
    pub(crate) async fn download(&self, payload: &Payload, peers: &[SocketAddr]) {
        let mut download = self.start(payload, peers);
        soon("the download completes", download.completed()).await.unwrap();
        payload.assert_at(&self.out());
        soon("the download stops", download.stop()).await.unwrap();
    }
}

/// Waits until a view shows what is looked for.
pub(crate) async fn until<T>(
    download: &Download,
    what: &str,
    mut found: impl FnMut(&View) -> Option<T>,
) -> T {
    let mut views = download.views();
    let look = async {
        loop {
            let value = found(&views.borrow_and_update());
            if let Some(value) = value {
                return Some(value);
            }
            if views.changed().await.is_err() {
                return None;
            }
        }
    };
    match tokio::time::timeout(super::PATIENCE, look).await {
        Ok(Some(value)) => value,
        Ok(None) => panic!("the download ended before: {what}\n{}", shown(&download.view())),
        Err(_) => panic!("waited in vain: {what}\n{}", shown(&download.view())),
    }
}

/// A view in few lines, for those who wonder why a test failed.
fn shown(view: &View) -> String {
    let mut lines = vec![format!(
        "{:?} {:?}, {} of {} bytes, {:?}, {:?}",
        view.phase,
        view.phase_reason,
        view.have_bytes,
        view.torrent.total_bytes().unwrap_or_default(),
        view.groups,
        view.trackers.iter().map(|tracker| &tracker.status).collect::<Vec<_>>()
    )];
    lines.extend(view.peers.iter().map(|peer| {
        format!("{} {:?} {:?} {:?} {:?}", peer.addr, peer.stage, peer.group, peer.cause, peer.flags)
    }));
    lines.join("\n")
}

/// The row of the peer at an address.
pub(crate) fn peer_at(view: &View, addr: SocketAddr) -> Option<&PeerRecord> {
    view.peers.iter().map(AsRef::as_ref).find(|peer| peer.addr == addr)
}

/// Waits for the row of the peer at an address.
pub(crate) async fn key_of(download: &Download, addr: SocketAddr) -> PeerKey {
    until(download, "a row for the peer", |view| peer_at(view, addr).map(|peer| peer.key)).await
}

/// Whether nothing lies in a folder.
pub(crate) fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}
