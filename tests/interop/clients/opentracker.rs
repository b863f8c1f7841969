//! opentracker, HTTP and UDP on one port. Debian's build serves only the torrents on a list it is given.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use color_eyre::eyre::{Result, ensure};

use crate::http;
use crate::lab::Lab;
use crate::net::Host;
use crate::outer;
use crate::process::Process;
use crate::torrents::Torrent;

const PORT: u16 = 6969;
const LIST: &str = "allowed";

/// A tracker on a host of its own. Its address is known before it runs: the torrent carries it.
#[derive(Debug)]
pub(crate) struct Tracker {
    host: Host,
    process: Option<Process>,
}

impl Tracker {
    /// Takes a host; [`Self::start`] follows once the torrent is made.
    pub(crate) fn new(lab: &Lab) -> Result<Self> {
        Ok(Self { host: lab.host("tracker")?, process: None })
    }

    /// The announce URL over HTTP.
    pub(crate) fn http(&self) -> String {
        format!("http://{}/announce", self.host.at(PORT))
    }

    /// The announce URL over UDP.
    pub(crate) fn udp(&self) -> String {
        format!("udp://{}/announce", self.host.at(PORT))
    }

    /// Serves one torrent; returns when it listens.
    pub(crate) fn start(&mut self, lab: &Lab, torrent: &Torrent) -> Result<()> {
        let folder = lab.folder("opentracker")?;
        fs::write(folder.join(LIST), format!("{}\n", torrent.hex()))?;
        // It reads the list as `nobody`, whatever our umask is.
        fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
        fs::set_permissions(folder.join(LIST), Permissions::from_mode(0o644))?;
        let mut command = as_nobody(&self.host);
        command.args(["-i", &self.host.v4.to_string(), "-p", &PORT.to_string(), "-P", &PORT.to_string()]);
        // It moves into the folder (as root with `chroot`) before it looks for the list.
        command.arg("-d").arg(&folder).args(["-w", LIST]);
        let mut process = lab.spawn(command, "opentracker")?;
        lab.wait_for_listener(&mut process, self.host.at(PORT))?;
        self.process = Some(process);
        Ok(())
    }

    /// Waits until a seed has announced itself: a client that asks earlier hears of nobody, and asks again too late.
    pub(crate) fn wait_for_seed(&mut self, lab: &Lab, torrent: &Torrent) -> Result<()> {
        let hash: String = torrent.info_hash.iter().map(|byte| format!("%{byte:02x}")).collect();
        let (addr, path) = (self.host.at(PORT), format!("/scrape?info_hash={hash}"));
        let Some(process) = self.process.as_mut() else {
            color_eyre::eyre::bail!("the tracker was not started")
        };
        lab.wait_for("a seed to announce itself", process, || {
            let body = http::get(addr, &path)?.body;
            let body = String::from_utf8_lossy(&body);
            ensure!(body.contains("8:completei"), "the tracker does not know the torrent");
            Ok((!body.contains("8:completei0e")).then_some(()))
        })
    }
}

/// Started by root it becomes `nobody`, which does not exist where only root is mapped: there it starts as `nobody`.
fn as_nobody(host: &Host) -> Command {
    if !outer::root_is_mapped() {
        return host.command("opentracker");
    }
    let mut command = host.command("unshare");
    command.args(["-U", "--map-user=65534", "--map-group=65534", "--", "opentracker"]);
    command
}
