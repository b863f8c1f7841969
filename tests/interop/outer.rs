//! Starting again inside private namespaces, so that hosts can be made without privilege and nothing outlives the run.

use std::env;
use std::process::{Command, ExitCode, Stdio};

/// Set in the environment of the second start; its value says whose root we are.
const MARK: &str = "TTUI_INTEROP_INSIDE";
const REAL_ROOT: &str = "root";
const MAPPED_ROOT: &str = "mapped";

/// Where this process stands.
pub(crate) enum Place {
    /// In namespaces of our own: go on.
    Inside,
    /// The second start ran and ended with this status.
    Ended(ExitCode),
    /// No way to make namespaces here, with what each try said.
    Impossible(String),
}

/// Ways to call `unshare`, best first. With a process namespace the kernel itself ends whatever a killed run leaves.
const WAYS: [(&str, &[&str]); 4] = [
    (REAL_ROOT, &["-n", "-m", "-p", "-f", "--mount-proc", "--kill-child=SIGKILL"]),
    (MAPPED_ROOT, &["-r", "-n", "-m", "-p", "-f", "--mount-proc", "--kill-child=SIGKILL"]),
    (REAL_ROOT, &["-n", "-m"]),
    (MAPPED_ROOT, &["-r", "-n", "-m"]),
];

/// Looks where we are and, when outside, runs this program again inside.
pub(crate) fn place() -> Place {
    // `ip` and `unshare` live in the folders that ordinary users on Debian have not on their path.
    let path = env::var("PATH").unwrap_or_default();
    let path = format!("{path}:/usr/sbin:/sbin:/usr/bin:/bin");
    if env::var_os(MARK).is_some() {
        return Place::Inside;
    }
    let mut complaints = Vec::new();
    for (mark, flags) in WAYS {
        if let Some(complaint) = complaint_about(flags, &path) {
            complaints.push(complaint);
            continue;
        }
        let program = match env::current_exe() {
            Ok(program) => program,
            Err(error) => return Place::Impossible(format!("cannot find this test program: {error}")),
        };
        let status = Command::new("unshare")
            .args(flags)
            .arg(program)
            .args(env::args_os().skip(1))
            .env(MARK, mark)
            .env("PATH", &path)
            .status();
        return Place::Ended(match status {
            Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
            Err(error) => {
                eprintln!("unshare could not be started: {error}");
                ExitCode::FAILURE
            }
        });
    }
    complaints.dedup();
    Place::Impossible(complaints.join("; "))
}

/// Whether the root we are is only that of our user namespace, in which no other user exists.
pub(crate) fn root_is_mapped() -> bool {
    env::var(MARK).is_ok_and(|mark| mark == MAPPED_ROOT)
}

fn complaint_about(flags: &[&str], path: &str) -> Option<String> {
    let probe = Command::new("unshare")
        .args(flags)
        .args(["ip", "link", "add", "probe0", "type", "bridge"])
        .env("PATH", path)
        .stdin(Stdio::null())
        .output();
    match probe {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().replace('\n', ", ")),
        Err(error) => Some(format!("unshare: {error}")),
    }
}
