//! The program itself, run without a screen in folders of its own.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::sync::watch;

use super::{Lab, Payload, soon};

/// What a running program wrote, and how it ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
    /// Streams that are still open.
    open: u32,
    status: Option<ExitStatus>,
}

/// A program under way; killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    pid: Pid,
    output: watch::Receiver<Output>,
    /// Set when it was waited for: from then on its number may be somebody else's.
    reaped: Arc<Mutex<bool>>,
}

impl Output {
    /// The exit status; 128 and more for a signal.
    pub(crate) fn code(&self) -> i32 {
        use std::os::unix::process::ExitStatusExt;

        let status = self.status.expect("it has ended");
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
    }

    /// Every line of standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        let parse = |line: &String| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON ({error}): {line:?}"))
        };
        self.stdout.iter().map(parse).collect()
    }

    /// The one line on standard error.
    #[track_caller]
    pub(crate) fn complaint(&self) -> &str {
        let tips = self.stderr.iter().skip(1).filter(|line| line.starts_with("tip: ")).count();
        assert_eq!(
            self.stderr.len(),
            1 + tips.min(1),
            "one line on standard error, and a tip: {:#?}",
            self.stderr
        );
        &self.stderr[0]
    }
}

/// The program with its folders, ready to be given arguments.
pub(crate) fn command(lab: &Lab) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ttui"));
    surroundings(&mut command, lab);
    command
}

fn surroundings(command: &mut Command, lab: &Lab) {
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", lab.path("home"))
        .env("XDG_CONFIG_HOME", lab.path("config"))
        .env("XDG_STATE_HOME", lab.path("state"))
        .current_dir(lab.path("."));
}

/// `ttui` on the payload's torrent, to be followed by JSON lines.
pub(crate) fn download(lab: &Lab, payload: &Payload, more: &[&str]) -> Program {
    let mut command = command(lab);
    command.arg("--json").arg(lab.torrent(payload)).arg("-o").arg(lab.out()).args(more);
    Program::spawn(&mut command)
}

impl Program {
    pub(crate) fn run(lab: &Lab, arguments: &[&str]) -> Self {
        Self::spawn(command(lab).args(arguments))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let pid = Pid::from_child(&child);
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (output_to, output) = watch::channel(Output { open: 2, ..Output::default() });
        let output_to = Arc::new(output_to);
        read(stdout, Arc::clone(&output_to), |output| &mut output.stdout);
        read(stderr, Arc::clone(&output_to), |output| &mut output.stderr);
        let reaped = Arc::new(Mutex::new(false));
        wait(child, output_to, Arc::clone(&reaped));
        Self { pid, output, reaped }
    }

    /// What it wrote so far.
    pub(crate) fn output(&self) -> Output {
        self.output.borrow().clone()
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    pub(crate) fn has_ended(&self) -> bool {
        *self.reaped.lock().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // A process is only waited for under this lock, so the number is its own.
        let reaped = self.reaped.lock().unwrap();
        if !*reaped {
            kill_process(self.pid, signal).unwrap();
        }
    }

    /// Waits for a line of JSON.
    pub(crate) async fn until(&self, what: &str, mut found: impl FnMut(&Value) -> bool) -> Value {
        let mut looked = 0;
        let mut hit = None;
        let mut output = self.output.clone();
        let look = output.wait_for(|output| {
            for line in &output.stdout[looked..] {
                looked += 1;
                let line = serde_json::from_str(line).unwrap_or(Value::Null);
                if found(&line) {
                    hit = Some(line);
                    return true;
                }
            }
            output.status.is_some() && output.open == 0
        });
        let waited = tokio::time::timeout(super::PATIENCE, look).await.map(drop);
        match hit {
            Some(line) => line,
            None => panic!("{what}: in vain ({waited:?}); {:#?}", self.output()),
        }
    }

    /// Waits until a stretch of text was written to standard error.
    pub(crate) async fn until_told(&self, text: &str) {
        let mut output = self.output.clone();
        let told = |output: &Output| output.stderr.iter().any(|line| line.contains(text));
        soon(&format!("it says {text:?}"), output.wait_for(told)).await.unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn ended(self) -> Output {
        let mut output = self.output.clone();
        let ended = output.wait_for(|output| output.status.is_some() && output.open == 0);
        match tokio::time::timeout(super::PATIENCE, ended).await {
            Ok(output) => output.unwrap().clone(),
            Err(_) => panic!("it does not end: {:#?}", self.output()),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

fn read(
    stream: impl Read + Send + 'static,
    output: Arc<watch::Sender<Output>>,
    part: impl Fn(&mut Output) -> &mut Vec<String> + Send + 'static,
) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            output.send_modify(|output| part(output).push(line));
        }
        output.send_modify(|output| output.open -= 1);
    });
}

fn wait(mut child: Child, output: Arc<watch::Sender<Output>>, reaped: Arc<Mutex<bool>>) {
    thread::spawn(move || {
        use rustix::process::{WaitId, WaitIdOptions, waitid};

        let pid = Pid::from_child(&child);
        // Without taking it away, so that its number stays its own until the lock is held.
        let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        let status = {
            let mut reaped = reaped.lock().unwrap();
            *reaped = true;
            child.wait().unwrap()
        };
        output.send_modify(|output| output.status = Some(status));
    });
}

/// Everything that stands in a recording, unpacked.
pub(crate) fn unpacked(path: &Path) -> Vec<u8> {
    let file = std::fs::read(path).unwrap();
    // The header of version 2.
    let (mut all, mut at) = (file[..28].to_vec(), 28);
    while at < file.len() {
        let length = u32::from_le_bytes(file[at + 1..at + 5].try_into().unwrap()) as usize;
        let body = &file[at + 21..at + 21 + length];
        all.extend(miniz_oxide::inflate::decompress_to_vec(body).unwrap());
        at += 21 + length;
    }
    all
}
