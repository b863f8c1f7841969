//! Disks that lose power, fail and lie, under the real program and library.
//!
//! The disk is one of memory that the system sees as a file system (FUSE), in a mount namespace of the test's own. It
//! remembers every operation, so what is on it after a power cut at any of them can be had, and fails where it is told.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test says what it skips, and one that cannot do its work has failed; a slow disk has a clock"
)]

mod faults;
mod full;
mod fuse;
mod model;
mod power;
mod slow;
#[path = "../common/support.rs"]
mod support;
mod ten;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use fuse::{Mounted, OPTIONS};
use model::Disk;
use support::{Lab, Payload, Program, program};

/// A lab whose output folder lies on a disk of memory.
struct Bench {
    // It goes first: nothing of the lab can be removed beneath it.
    _mounted: Mounted,
    lab: Lab,
    disk: Arc<Disk>,
}

impl Bench {
    fn new() -> Self {
        Self::on(Disk::new())
    }

    fn on(disk: Disk) -> Self {
        let (lab, disk) = (Lab::new(), Arc::new(disk));
        let mounted = Mounted::over(&lab.out(), Arc::clone(&disk));
        Self { lab, disk, _mounted: mounted }
    }

    fn out(&self) -> PathBuf {
        out(&self.lab)
    }

    /// The program, with its files on the disk, and its state elsewhere.
    fn download(&self, payload: &Payload, more: &[&str]) -> Program {
        let mut command = program::command(&self.lab);
        command.arg("--json").arg(self.lab.torrent(payload)).arg("-o").arg(self.out()).args(more);
        Program::spawn(&mut command)
    }

    fn assert_right(&self, payload: &Payload) {
        for (path, content) in &payload.files {
            let path = Path::new("data").join(path);
            assert!(self.disk.content(&path).as_ref() == Some(content), "{} is not right", path.display());
        }
    }
}

/// Where files are downloaded to, on the disk.
fn out(lab: &Lab) -> PathBuf {
    lab.out().join("data")
}

/// Runs a test in a mount namespace of its own, in another process; `work` is what it does there.
fn in_a_namespace<F: Future<Output = ()>>(test: &str, work: impl FnOnce() -> F) {
    const MARK: &str = "TTUI_TEST_IN_A_NAMESPACE";
    if std::env::var_os(MARK).is_some() {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        return runtime.worker_threads(2).enable_all().build().unwrap().block_on(work());
    }
    let script = format!("mount -i -t fuse -o fd=0,{OPTIONS} probe \"$0\" <> /dev/fuse");
    let possible =
        Command::new("unshare").args(["-rm", "sh", "-c", &script]).arg(std::env::temp_dir()).output();
    if !possible.as_ref().is_ok_and(|ran| ran.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "CI must allow FUSE in mount namespaces: {possible:?}");
        println!("skipped: no FUSE file system can be mounted here: {possible:?}");
        return;
    }
    let ran = Command::new("unshare")
        .arg("-rm")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(MARK, "1")
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    println!("{said}");
    assert!(ran.status.success() && said.contains("1 passed"), "it failed in its namespace");
}
