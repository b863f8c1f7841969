//! What one case works with: a folder, a network, and the time it has.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use color_eyre::eyre::{Result, WrapErr, bail, ensure, eyre};

use crate::net::{Host, Net};
use crate::process::Process;

/// All a case may take.
pub(crate) const CASE_LIMIT: Duration = Duration::from_secs(60);

const POLL_EVERY: Duration = Duration::from_millis(50);
const CONNECT_LIMIT: Duration = Duration::from_millis(500);

/// The surroundings of one try of one case.
#[derive(Debug)]
pub(crate) struct Lab {
    dir: PathBuf,
    net: Net,
    deadline: Instant,
}

impl Lab {
    /// A lab in the (new, empty) folder `dir` with the network number `index`.
    pub(crate) fn new(dir: &Path, index: u8) -> Result<Self> {
        let deadline = Instant::now() + CASE_LIMIT;
        std::fs::create_dir_all(dir)?;
        Ok(Self { dir: dir.to_owned(), net: Net::new(index)?, deadline })
    }

    /// A new host on the network.
    pub(crate) fn host(&self, name: &str) -> Result<Host> {
        self.net.host(name)
    }

    /// Where the case itself stands on the bridge: the default gateway of its hosts.
    pub(crate) fn here(&self) -> Ipv4Addr {
        self.net.here()
    }

    /// A new host behind a router.
    pub(crate) fn host_behind(&self, router: &Host) -> Result<Host> {
        self.net.host_behind(router)
    }

    /// The folder `name` of this case, made if need be.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.dir.join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// Where the logs of the children stand.
    pub(crate) fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// Starts `command` with a home of its own.
    pub(crate) fn spawn(&self, mut command: Command, name: &str) -> Result<Process> {
        let home = self.folder(&format!("home-{name}"))?;
        command.env("HOME", &home).env("XDG_STATE_HOME", home.join("state")).current_dir(&home);
        if !home.join(".config/ttui/config.toml").exists() {
            std::fs::create_dir_all(home.join(".config/ttui"))?;
            std::fs::write(
                home.join(".config/ttui/config.toml"),
                "dht = false\nlsd = false\nport-mapping = false\n",
            )?;
        }
        // Qt reads file names in the locale's encoding.
        command.env("LC_ALL", "C.UTF-8");
        for variable in
            ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "http_proxy", "https_proxy", "all_proxy"]
        {
            command.env_remove(variable);
        }
        Process::spawn(command, name, &self.logs())
    }

    /// Runs `command` to its end, which has to be a good one, and returns what it wrote to standard output.
    pub(crate) fn output(&self, name: &str, command: Command) -> Result<String> {
        let mut child = self.spawn(command, name)?;
        let status = self.wait_for_end(&mut child, CASE_LIMIT)?;
        ensure!(status == Some(0), "{name} ended with status {status:?}");
        Ok(child.output())
    }

    /// Asks until there is an answer, or the time of the case is over. `child` has to stay alive meanwhile.
    pub(crate) fn wait_for<T>(
        &self,
        what: &str,
        child: &mut Process,
        mut ask: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        loop {
            // An error may only mean that the client is not up yet; it counts when time is over.
            let answer = ask();
            if let Ok(Some(answer)) = answer {
                return Ok(answer);
            }
            child.must_run().wrap_err_with(|| format!("waiting for {what}"))?;
            if Instant::now() >= self.deadline {
                return Err(match answer {
                    Err(error) => error.wrap_err(format!("{CASE_LIMIT:?} are over, waiting for {what}")),
                    Ok(_) => eyre!("{CASE_LIMIT:?} are over, waiting for {what}"),
                });
            }
            thread::sleep(POLL_EVERY);
        }
    }

    /// Waits until `child` has ended by itself and returns its exit status.
    pub(crate) fn wait_for_end(&self, child: &mut Process, limit: Duration) -> Result<Option<i32>> {
        let deadline = self.deadline.min(Instant::now() + limit);
        loop {
            if let Some(status) = child.ended()? {
                return Ok(status.code());
            }
            if Instant::now() >= deadline {
                bail!("{} had to end and did not within {limit:?}", child.name);
            }
            thread::sleep(POLL_EVERY);
        }
    }

    /// Waits until someone listens at `addr`.
    pub(crate) fn wait_for_listener(&self, child: &mut Process, addr: SocketAddr) -> Result<()> {
        let what = format!("{} to listen at {addr}", child.name);
        self.wait_for(&what, child, || {
            TcpStream::connect_timeout(&addr, CONNECT_LIMIT)?;
            Ok(Some(()))
        })
    }
}
