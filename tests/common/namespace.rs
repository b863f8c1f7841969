//! Tests that need a network of their own.

#![allow(clippy::print_stdout, reason = "what a run inside said is printed, and why there is none")]

use std::env;
use std::process::Command;

use super::Lab;

/// Set where a test runs inside.
const MARK: &str = "TTUI_TEST_NAMESPACE";
/// Shows whether a namespace can be made and given a network.
const PROBE: &str =
    "ip link set lo up && ip addr add 10.8.0.1/32 dev lo && ip route add unreachable 10.1.0.0/16";

/// Where a test runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// In a namespace of its own.
    Inside,
    /// It has run inside, and passed.
    Done,
    /// None can be made here; loopback is as ever.
    Impossible,
}

/// Runs the calling test, named in full, once more inside a namespace, after `setup`. What it said is printed; it
/// panics as it did there.
pub(crate) fn enter(test: &str, setup: &str) -> Place {
    if env::var_os(MARK).is_some() {
        return Place::Inside;
    }
    if !possible() {
        return Place::Impossible;
    }
    let script = format!("{setup} && exec \"$0\" --exact \"$1\" --nocapture");
    let output = Command::new("unshare")
        .args(["-rn", "sh", "-c", &script])
        .arg(env::current_exe().unwrap())
        .arg(test)
        .env(MARK, "1")
        .env("PATH", path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "inside a namespace: {said}");
    println!("{said}");
    Place::Done
}

/// Whether namespaces can be made here. With `CI` set they must be.
pub(crate) fn possible() -> bool {
    let probe = Command::new("unshare").args(["-rn", "sh", "-c", PROBE]).env("PATH", path()).output();
    let complaint = match &probe {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    assert!(env::var_os("CI").is_none(), "CI must allow network namespaces: {complaint}");
    println!("no network namespace can be made here: {complaint}");
    false
}

/// The program in a namespace of its own, after `setup`; ready to be given arguments.
pub(crate) fn command_after(lab: &Lab, setup: &str) -> Command {
    let script = format!("{setup} && exec \"$0\" \"$@\"");
    let mut command = Command::new("unshare");
    command.args(["-rn", "sh", "-c", &script, env!("CARGO_BIN_EXE_ttui")]);
    command.env("PATH", path()).env("XDG_CONFIG_HOME", lab.path("config")).current_dir(lab.path("."));
    command
}

/// `ip` lives where ordinary users have no path to on Debian.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin", env::var("PATH").unwrap_or_default())
}
