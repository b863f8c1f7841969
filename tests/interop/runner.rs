//! Runs cases, a few at a time, retries a failed one once, and reports the way `cargo test` does.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::{self, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use color_eyre::eyre::{Result, eyre};

use crate::cases::Case;
use crate::clients::Tool;
use crate::lab::Lab;
use crate::process::tails;

const TRIES: usize = 2;
const DEFAULT_JOBS: usize = 3;
const INSTALL: &str = "tests/install-clients";

/// What the command line asks for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) list: bool,
    exact: bool,
    filters: Vec<String>,
}

impl Options {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        for argument in arguments {
            match argument.as_str() {
                "--list" => options.list = true,
                "--exact" => options.exact = true,
                // What `cargo test` hands to every test program and changes nothing here.
                "--nocapture" | "--no-capture" | "--quiet" | "-q" | "--show-output" => {}
                flag if flag.starts_with('-') => {
                    return Err(format!("unknown option {flag}: know --list, --exact"));
                }
                _ => options.filters.push(argument),
            }
        }
        Ok(options)
    }

    fn takes(&self, name: &str) -> bool {
        let matches = |filter: &String| if self.exact { name == filter } else { name.contains(filter) };
        self.filters.is_empty() || self.filters.iter().any(matches)
    }
}

/// How one case ended.
#[derive(Debug)]
enum Ending {
    Passed,
    Failed(String),
    Skipped,
}

/// Names the cases.
pub(crate) fn list(cases: &[Case], options: &Options) {
    for case in cases.iter().filter(|case| options.takes(&case.name)) {
        println!("{}: test", case.name);
    }
}

/// Runs the cases the options take. Failure when one failed, or, with `CI=true`, when a client is missing.
pub(crate) fn run(cases: &[Case], options: &Options) -> ExitCode {
    let cases: Vec<&Case> = cases.iter().filter(|case| options.takes(&case.name)).collect();
    println!("\nrunning {} interop tests", cases.len());
    let missing = missing_tools(&cases);
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("interop-{}", unique()));
    let (next, endings) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..jobs().min(cases.len()) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(number) else { return };
                    let ending = run_case(case, number, &root, &missing);
                    if let Ok(mut endings) = endings.lock() {
                        endings.insert(number, ending);
                    }
                }
            });
        }
    });
    // Folders of failed cases stay, so the root may not be empty.
    let _ = fs::remove_dir(&root);
    let endings = endings.into_inner().unwrap_or_default();
    report(&cases, &endings, &missing)
}

/// Says that nothing can run here. Failure with `CI=true`.
pub(crate) fn report_no_namespaces(cases: &[Case], options: &Options, why: &str) -> ExitCode {
    let skipped = cases.iter().filter(|case| options.takes(&case.name)).count();
    println!("\nThe interop tests need network namespaces, which this machine does not give: {why}");
    println!("As root, or where unprivileged user namespaces are allowed, `unshare -rn true` works.");
    println!("\n0 passed, {} failed, {skipped} skipped", usize::from(ci()));
    if ci() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn run_case(case: &Case, number: usize, root: &Path, missing: &[Tool]) -> Ending {
    let lacks: Vec<_> =
        case.needs.iter().filter(|tool| missing.contains(tool)).map(|tool| tool.package()).collect();
    if !lacks.is_empty() {
        println!(
            "test {} ... {}: no {}",
            case.name,
            if ci() { "FAILED" } else { "skipped" },
            lacks.join(", ")
        );
        return Ending::Skipped;
    }
    let mut try_number = 1;
    loop {
        let dir = root.join(format!("{}-{try_number}", case.name));
        let begin = Instant::now();
        let Err(failure) = attempt(case, &dir, (number * TRIES + try_number) % 250 + 1) else {
            println!("test {} ... ok ({:.1} s)", case.name, begin.elapsed().as_secs_f64());
            let _ = fs::remove_dir_all(&dir);
            return Ending::Passed;
        };
        if try_number == TRIES {
            println!("test {} ... FAILED", case.name);
            let logs = tails(&dir.join("logs"));
            return Ending::Failed(format!("{failure:#}\n{logs}--- all of it in {}", dir.display()));
        }
        println!("test {} ... failed once, trying again: {failure:#}", case.name);
        try_number += 1;
    }
}

fn attempt(case: &Case, dir: &Path, index: usize) -> Result<()> {
    let index = u8::try_from(index)?;
    panic::catch_unwind(AssertUnwindSafe(|| (case.run)(&Lab::new(dir, index)?)))
        .unwrap_or_else(|_| Err(eyre!("the case panicked")))
}

fn report(cases: &[&Case], endings: &BTreeMap<usize, Ending>, missing: &[Tool]) -> ExitCode {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (number, case) in cases.iter().enumerate() {
        match endings.get(&number) {
            Some(Ending::Passed) => passed += 1,
            Some(Ending::Skipped) if ci() => failed += 1,
            Some(Ending::Skipped) => skipped += 1,
            Some(Ending::Failed(why)) => {
                failed += 1;
                println!("\n---- {} ----\n{why}", case.name);
            }
            None => failed += 1,
        }
    }
    if !missing.is_empty() {
        let packages: Vec<_> = missing.iter().map(|tool| tool.package()).collect();
        println!("\nMissing clients: {}. On Debian {INSTALL} installs them.", packages.join(", "));
    }
    println!("\n{passed} passed, {failed} failed, {skipped} skipped");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn missing_tools(cases: &[&Case]) -> Vec<Tool> {
    let mut needed: Vec<Tool> = cases.iter().flat_map(|case| case.needs.iter().copied()).collect();
    needed.sort_by_key(|tool| tool.package());
    needed.dedup();
    needed.retain(|tool| !tool.is_there());
    needed
}

fn jobs() -> usize {
    let asked = std::env::var("TTUI_INTEROP_JOBS").ok().and_then(|jobs| jobs.parse().ok());
    asked.unwrap_or(DEFAULT_JOBS).max(1)
}

fn ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// In a process namespace ids start anew, so the id alone would collide with the leftovers of an earlier run.
fn unique() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", since.as_millis(), process::id())
}
