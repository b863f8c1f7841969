//! Children of a case. Each is a process group of its own, writes to a log file, and is gone when its value is.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use color_eyre::eyre::{Result, WrapErr, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// How much of a log a failure shows.
const TAIL_BYTES: usize = 1500;

/// A running client.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) stdout: PathBuf,
    child: Child,
}

impl Process {
    /// Starts `command`; its output goes to `logs/name.out` and `logs/name.err`.
    pub(crate) fn spawn(mut command: Command, name: &str, logs: &Path) -> Result<Self> {
        fs::create_dir_all(logs)?;
        let stdout = logs.join(format!("{name}.out"));
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&stdout)?)
            .stderr(File::create(logs.join(format!("{name}.err")))?)
            .process_group(0)
            .spawn()
            .wrap_err_with(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.to_owned(), stdout, child })
    }

    /// The status, once it has ended.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// An error when it has ended: for children that have to stay.
    pub(crate) fn must_run(&mut self) -> Result<()> {
        match self.ended()? {
            None => Ok(()),
            Some(status) => bail!("{} ended early: {status}", self.name),
        }
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// What it has written to standard output up to now.
    pub(crate) fn output(&self) -> String {
        read_lossy(&self.stdout)
    }

    fn signal(&self, signal: Signal) {
        // A group that is already gone is what we want.
        let _ = kill_process_group(Pid::from_child(&self.child), signal);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// The ends of all logs in a folder, for the report of a failure.
pub(crate) fn tails(logs: &Path) -> String {
    let mut paths: Vec<_> =
        fs::read_dir(logs).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut report = String::new();
    for path in paths {
        let text = read_lossy(&path);
        if text.trim().is_empty() {
            continue;
        }
        let from = text.len().saturating_sub(TAIL_BYTES);
        let from = (from..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        report.push_str(&format!("--- end of {name}\n{}\n", text[from..].trim_end()));
    }
    report
}

fn read_lossy(path: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(path) {
        let _ = file.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
