//! A download without a screen: a line a second on standard output, warnings on standard error.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::output::Stdout;
use super::signals::{asked_to_end, interrupted};
use super::{Failure, Status, leaving, runtime, say};
use crate::command::Command;
use crate::engine::{Download, EngineError, Options, Wanted};
use crate::event::{At, Phase, Severity};
use crate::ledger::View;
use crate::report::progress;

/// How it is shown, and when it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Lines of JSON.
    pub(super) json: bool,
    /// Go on when complete.
    pub(super) seed: bool,
}

/// Saving takes two seconds at most, and trackers have five more; what hangs longer is left behind.
const MOST_GOODBYE: Duration = Duration::from_secs(7);

/// Downloads until it is complete (or, seeding, for ever), a signal comes, or nobody reads our lines any more.
pub(super) fn run(wanted: Wanted, options: Options, style: Style) -> Result<Status, Failure> {
    let runtime = runtime()?;
    let patient = options.sync;
    let ended = runtime.block_on(follow(wanted, options, style, patient));
    runtime.shutdown_background();
    ended
}

/// Why the lines end.
enum End {
    Complete,
    Asked,
    Stopped(String),
    Over(Result<(), EngineError>),
}

async fn follow(wanted: Wanted, options: Options, style: Style, patient: bool) -> Result<Status, Failure> {
    let mut signals = pin!(asked_to_end()?);
    let saved = options.metadata_only.then(|| options.output.clone());
    let mut download = Download::start(wanted, options)?;
    let mut views = download.views();
    let mut teller = Teller { style, stdout: Stdout, warned: WarnedUntil::default() };
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let end = loop {
        tokio::select! {
            biased;
            () = &mut signals => break End::Asked,
            end = until(&mut views, &download, style) => match end {
                Some(end) => break end,
                None => break End::Over(download.ended().await),
            },
            _ = second.tick() => {
                if !teller.tell(&views.borrow().clone())? {
                    break End::Asked;
                }
            }
        }
    };
    let (stopped, ended) = match end {
        End::Over(ended) => (None, ended),
        End::Stopped(reason) => (Some(reason), goodbye(download, patient).await),
        End::Complete | End::Asked => (None, goodbye(download, patient).await),
    };
    let view = views.borrow().clone();
    let saved = saved.zip(view.torrent.name());
    let failure = stopped.map(Failure::Stopped).or_else(|| ended.err().map(Failure::Engine));
    match saved.as_ref().filter(|_| failure.is_none() && !style.json) {
        Some((folder, name)) => {
            let path = folder.join(format!("{name}.torrent"));
            teller.stdout.line(&format!("saved {}", path.display())).map(drop)?;
        }
        None => teller.tell_last(&view, failure.as_ref())?,
    }
    match failure {
        Some(failure) => Err(failure),
        None if saved.is_some() => Ok(Status::Done),
        None if progress::is_complete(&view) => Ok(Status::Done),
        None => Ok(Status::NotAchieved),
    }
}

/// Waits for a view that ends the lines; `None` when the download is over. May be dropped and called again.
async fn until(views: &mut watch::Receiver<Arc<View>>, download: &Download, style: Style) -> Option<End> {
    while views.changed().await.is_ok() {
        let view = views.borrow_and_update().clone();
        match view.phase {
            Phase::Seeding if !style.seed => return Some(End::Complete),
            Phase::Stopped => {
                let reason = view.phase_reason.clone().unwrap_or_else(|| "the disk refused".to_owned());
                return Some(End::Stopped(reason));
            }
            // Left paused by an earlier run; nobody could resume it here.
            Phase::Paused => download.send(Command::Resume),
            _ => {}
        }
    }
    None
}

async fn goodbye(download: Download, patient: bool) -> Result<(), EngineError> {
    let interrupted = interrupted();
    download.send(Command::Quit);
    let ended = leaving::ended(download, interrupted);
    if patient {
        return ended.await;
    }
    timeout(MOST_GOODBYE, ended).await.unwrap_or(Ok(()))
}

/// What is written while it goes on.
struct Teller {
    style: Style,
    stdout: Stdout,
    warned: WarnedUntil,
}

impl Teller {
    /// Writes a line; false when nobody reads any more.
    fn tell(&mut self, view: &View) -> Result<bool, Failure> {
        self.warned.warn_of_new(view);
        let line = if self.style.json { progress::json(view) } else { progress::text(view) };
        self.stdout.line(&line)
    }

    fn tell_last(&mut self, view: &View, failure: Option<&Failure>) -> Result<(), Failure> {
        self.warned.warn_of_new(view);
        let line = match (self.style.json, failure) {
            (true, failure) => progress::last_json(view, failure.map(ToString::to_string)),
            (false, None) => progress::last_text(view),
            // The line on standard error says it all.
            (false, Some(_)) => return Ok(()),
        };
        self.stdout.line(&line).map(drop)
    }
}

/// Up to where the log was looked through: a time, and how many lines had it.
#[derive(Default)]
struct WarnedUntil {
    at: At,
    lines: usize,
}

impl WarnedUntil {
    /// Writes new warnings to standard error. What befalls single peers is left to the log file; what stops
    /// everything is the last line, and said there.
    fn warn_of_new(&mut self, view: &View) {
        let first = view.log.partition_point(|line| line.at < self.at);
        for line in view.log[first..].iter().skip(self.lines) {
            // What is worse than a warning ends the run, and is said then.
            if line.severity == Severity::Warn && line.peer.is_none() {
                say(&format!("ttui: {}", line.text));
            }
        }
        if let Some(last) = view.log.last() {
            self.at = last.at;
            self.lines = view.log.iter().rev().take_while(|line| line.at == last.at).count();
        }
    }
}
