//! Disks without room.

use std::process::{Child, Command, Stdio};

use super::support::program::{Output, command};
use super::support::{Lab, Payload, Program, Recipe, Script, Seed};

const PIECE: usize = 64 * 1024;

/// A file system of few bytes over a lab's output folder, in a mount namespace of its own.
struct SmallDisk {
    holder: Child,
}

impl SmallDisk {
    /// `None` where namespaces cannot be made; with `CI` set that is a failure.
    fn over(lab: &Lab, bytes: u64) -> Option<Self> {
        Self::mounted(lab, &format!("size={bytes}"))
    }

    /// The same, with whatever this kind of file system can be told.
    fn mounted(lab: &Lab, options: &str) -> Option<Self> {
        let script = format!(
            "mount -t tmpfs -o {options} small '{}' && echo ready && exec cat >/dev/null",
            lab.out().display()
        );
        let mut holder = Command::new("unshare")
            .args(["-rm", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let mut said = String::new();
        let stdout = holder.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut said).unwrap();
        if said == "ready\n" {
            return Some(Self { holder });
        }
        let ended = holder.wait_with_output().unwrap();
        let reason = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(std::env::var_os("CI").is_none(), "CI must allow mount namespaces: {reason}");
        println!("skipped: no mount namespace can be made here: {reason}");
        None
    }

    /// A command that is run where the small disk is.
    fn enter(&self, lab: &Lab, program: &str) -> Command {
        let inside = command(lab);
        let mut enter = Command::new("nsenter");
        enter.arg("--preserve-credentials").args(["-U", "-m", "-t", &self.holder.id().to_string()]);
        enter.arg("--").arg(program);
        enter.env_clear().envs(inside.get_envs().filter_map(|(key, value)| Some((key, value?))));
        enter
    }

    fn download(&self, lab: &Lab, payload: &Payload, seeds: &[&Seed]) -> Program {
        let mut command = self.enter(lab, env!("CARGO_BIN_EXE_ttui"));
        command.arg("--json").arg(lab.torrent(payload)).arg("-o").arg(lab.out());
        for seed in seeds {
            command.arg("--peer").arg(seed.addr.to_string());
        }
        Program::spawn(&mut command)
    }

    async fn shell(&self, lab: &Lab, script: &str) -> Output {
        Program::spawn(self.enter(lab, "sh").arg("-c").arg(script)).ended().await
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The namespace goes with the last process in it.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_full_of_recording_ends_the_recording_and_not_the_download() {
    let lab = Lab::new();
    let Some(disk) = SmallDisk::over(&lab, 8 << 10) else { return };
    // Names that no compression makes small fill the disk with the first frames.
    let names: Vec<String> = (0..1200).map(|n| format!("{:x}", noise(n))).collect();
    let files: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 16)).collect();
    let payload = Recipe::files("it", &files, PIECE).make();
    let seed = Seed::start(&payload, Script { allowed: 0, ..Script::default() }).await;
    let mut command = disk.enter(&lab, env!("CARGO_BIN_EXE_ttui"));
    command.arg("--json").arg(lab.torrent(&payload)).arg("-o").arg(lab.path("elsewhere"));
    command.arg("--record").arg(lab.out().join("run.ttrec")).arg("--peer").arg(seed.addr.to_string());
    let run = Program::spawn(&mut command);
    run.until_told("run.ttrec ended: No space left on device").await;
    seed.allow(u64::MAX);
    let ended = run.ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let last = ended.json().pop().unwrap();
    assert!(last["state"] == "complete" && last["error"].is_null(), "{last}");
    assert_eq!(last["have_bytes"], last["total_bytes"]);
}

/// Numbers without a pattern.
fn noise(n: u64) -> u128 {
    let mut random = fastrand::Rng::with_seed(n);
    random.u128(..)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_ends_it_with_what_was_verified_kept() {
    let lab = Lab::new();
    let Some(disk) = SmallDisk::over(&lab, 4 << 20) else { return };
    let payload = Recipe::files("it", &[("a", 16 * PIECE), ("b", 16 * PIECE)], PIECE).make();
    let first = Seed::start(&payload, Script { has: Some((0..16).collect()), ..Script::default() }).await;
    let second = Script { has: Some((16..32).collect()), allowed: 0, ..Script::default() };
    let second = Seed::start(&payload, second).await;
    let program = disk.download(&lab, &payload, &[&first, &second]);
    let half = 16 * PIECE as u64;
    program.until("the first file is here", |line| line["have_bytes"].as_u64() == Some(half)).await;
    second.until("the second is asked for", |seen| !seen.requests.is_empty()).await;

    let out = lab.out();
    let ballast = out.join("ballast");
    disk.shell(&lab, &format!("cat /dev/zero > '{}'", ballast.display())).await;
    second.allow(u64::MAX);
    let ended = program.ended().await;
    assert_eq!(ended.code(), 3, "{ended:#?}");
    let complaint = ended.complaint();
    assert!(complaint.contains("full") && complaint.contains(&*out.to_string_lossy()), "{complaint}");
    let last = ended.json().pop().unwrap();
    assert_eq!((&last["final"], &last["state"]), (&true.into(), &"error".into()), "{last}");
    assert_eq!(last["have_bytes"], half, "what was verified stays: {last}");

    let removed = disk.shell(&lab, &format!("rm '{}'", ballast.display())).await;
    assert_eq!(removed.code(), 0, "{removed:?}");
    let asked_before = first.seen().requests.len();
    let ended = disk.download(&lab, &payload, &[&first, &second]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert_eq!(first.seen().requests.len(), asked_before, "what was verified is not asked for again");
    let copied =
        disk.shell(&lab, &format!("cp -r '{}' '{}'", out.display(), lab.path("copy").display())).await;
    assert_eq!(copied.code(), 0, "{copied:?}");
    payload.assert_at(&lab.path("copy"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_too_small_is_said_before_the_first_byte() {
    let lab = Lab::new();
    let Some(disk) = SmallDisk::over(&lab, 1 << 20) else { return };
    let payload = Recipe::file("it", 32 * PIECE, PIECE).make();
    let seed = Seed::honest(&payload).await;
    let ended = disk.download(&lab, &payload, &[&seed]).ended().await;
    assert_eq!(ended.code(), 3, "{ended:#?}");
    assert!(ended.complaint().contains(&*lab.out().to_string_lossy()), "{}", ended.complaint());
    assert_eq!(seed.seen().sent.len(), 0, "nothing is fetched");
    let listed = disk.shell(&lab, &format!("ls -A '{}'", lab.out().display())).await;
    assert_eq!(listed.stdout, Vec::<String>::new(), "nothing is created");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_takes_too_few_files_is_said_before_the_first_byte() {
    let lab = Lab::new();
    let Some(disk) = SmallDisk::mounted(&lab, "size=4M,nr_inodes=20") else { return };
    let names: Vec<String> = (0..30).map(|number| format!("{number}")).collect();
    let files: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 100)).collect();
    let payload = Recipe::files("it", &files, PIECE).make();
    let seed = Seed::honest(&payload).await;
    let ended = disk.download(&lab, &payload, &[&seed]).ended().await;
    assert_eq!(ended.code(), 3, "{ended:#?}");
    let complaint = ended.complaint();
    assert!(complaint.contains("30 are still to be created"), "{complaint}");
    assert!(complaint.contains(&*lab.out().to_string_lossy()), "{complaint}");
    assert_eq!(seed.seen().sent.len(), 0, "nothing is fetched");
    let listed = disk.shell(&lab, &format!("ls -A '{}'", lab.out().display())).await;
    assert_eq!(listed.stdout, Vec::<String>::new(), "nothing is created");
}
