//! Downloads without a screen: a line a second of each on standard output, warnings on standard error.

mod teller;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};

use self::teller::Teller;
use super::chosen::{Chosen, Selection};
use super::output::Stdout;
use super::signals::{asked_to_end, interrupted};
use super::{Failure, Status, keeping, leaving, runtime};
use crate::command::Command;
use crate::engine::{EngineError, Options, Session, TorrentHandle};
use crate::event::{Phase, Queued};
use crate::ledger::Standing;
use crate::library::Shelf;
use crate::report::progress;

/// How it is shown, and when it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Lines of JSON.
    pub(super) json: bool,
    /// Go on when complete.
    pub(super) seed: bool,
    /// What is paused is left so, and not waited for.
    pub(super) leaves_paused: bool,
}

/// Saving takes two seconds at most, and trackers have five more; what hangs longer is left behind.
const MOST_GOODBYE: Duration = Duration::from_secs(7);

/// Downloads until everything is complete (or, seeding, for ever) or has failed, a signal comes, or nobody reads our lines
/// any more. What could not be read fails at once. Of one torrent the failure is returned; those of several are told.
///
/// Of what is kept and does not run here, a line each says why.
pub(super) fn run(selection: Selection, options: Options, style: Style) -> Result<Status, Failure> {
    let Selection { running, resting, shelf, .. } = selection;
    let ended = if running.is_empty() {
        let is_done = resting.iter().all(|row| row.standing == Standing::Done);
        if is_done { Status::Done } else { Status::NotAchieved }
    } else {
        let runtime = runtime()?;
        let ended = runtime.block_on(follow(running, shelf, options, style));
        runtime.shutdown_background();
        ended?
    };
    let line = if style.json { progress::resting_json } else { progress::resting_text };
    for row in &resting {
        Stdout.line(&line(row))?;
    }
    Ok(ended)
}

/// One of the torrents.
struct One {
    /// What is under way; where it never was, there is a failure.
    torrent: Option<TorrentHandle>,
    /// It was asked to end: asked again it waits for no trackers.
    leaving: bool,
    /// Nothing of it is waited for any more.
    done: bool,
    /// It is paused, and is left so.
    rests: bool,
    failure: Option<Failure>,
}

/// What happened to a torrent.
enum Happened {
    Complete,
    /// It is left paused.
    Paused,
    /// Every file of it is skipped: nothing comes that could be waited for.
    Unwanted,
    /// None of its files is one that was named.
    Unmatched(String),
    /// It seeded as much as it was to.
    Enough,
    Stopped(String),
    Over(Result<(), EngineError>),
}

async fn follow(
    chosen: Vec<Result<Chosen, Failure>>,
    shelf: Option<Arc<Shelf>>,
    options: Options,
    style: Style,
) -> Result<Status, Failure> {
    let shelf = shelf.as_deref();
    let mut signals = pin!(asked_to_end()?);
    let saved = options.metadata_only.then(|| options.output.clone());
    let patient = options.sync;
    let (of_session, of_torrent) = options.parts();
    let session = Session::start(of_session)?;
    let (happened_to, mut happened) = mpsc::unbounded_channel();
    let mut teller = Teller::new(style.json, chosen.len());
    let mut all = Vec::new();
    for (number, chosen) in chosen.into_iter().enumerate() {
        let added = chosen.and_then(|chosen| {
            let (wanted, options) = chosen.options(&of_torrent);
            Ok(session.add(wanted, options)?)
        });
        all.push(match added {
            Ok(torrent) => {
                tokio::spawn(attend(torrent.clone(), number, style.leaves_paused, happened_to.clone()));
                One { torrent: Some(torrent), leaving: false, done: false, rests: false, failure: None }
            }
            Err(failure) if teller.is_of_one() => return Err(failure),
            Err(failure) => {
                teller.complain(None, &failure);
                let failure = Some(failure);
                One { torrent: None, leaving: false, done: true, rests: false, failure }
            }
        });
    }
    session.takes_no_more();
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !all.iter().all(|one| one.done) {
        tokio::select! {
            biased;
            () = &mut signals => break,
            Some((number, happened)) = happened.recv() => {
                if let Some(one) = all.get_mut(number) {
                    one.hear(happened, style, shelf, &teller);
                }
            }
            _ = second.tick() => {
                if !teller.tell(under_way(&all).map(|(number, torrent)| (number, torrent.known())))? {
                    break;
                }
            }
        }
    }
    goodbye(&mut all, patient).await;
    session.farewell().await;
    for (number, one) in all.iter_mut().enumerate() {
        let Some(torrent) = &one.torrent else {
            one.failure.iter().try_for_each(|failure| teller.tell_unread(failure))?;
            continue;
        };
        let view = torrent.view();
        if one.failure.is_none() {
            one.failure = leaving::outcome(torrent).err().map(Failure::Engine);
            one.failure.iter().for_each(|failure| teller.complain(Some(&view), failure));
        }
        keeping::settle(shelf, torrent, one.failure.is_some());
        match (saved.as_ref().zip(view.torrent.name()), &one.failure) {
            (Some((folder, name)), None) if !style.json => {
                teller.line(&format!("saved {}", folder.join(format!("{name}.torrent")).display()))?;
            }
            (_, failure) => teller.tell_last(number, &view, failure.as_ref())?,
        }
    }
    let is_done = |view: &crate::ledger::View| match &saved {
        Some(_) => view.torrent.name().is_some(),
        None => progress::is_complete(view),
    };
    let mut status = Status::Done;
    for one in all.into_iter().filter(|one| !one.rests) {
        let is_done = one.torrent.is_some_and(|torrent| is_done(&torrent.view()));
        match one.failure {
            Some(failure) if teller.is_of_one() => return Err(failure),
            Some(failure) => status = status.max(Status::Told(failure.status())),
            None if !is_done => status = status.max(Status::NotAchieved),
            None => {}
        }
    }
    Ok(status)
}

fn under_way(all: &[One]) -> impl Iterator<Item = (usize, &TorrentHandle)> {
    all.iter().enumerate().filter(|(_, one)| one.failure.is_none()).filter_map(|(number, one)| {
        let torrent = one.torrent.as_ref()?;
        torrent.outcome().is_none().then_some((number, torrent))
    })
}

impl One {
    fn hear(&mut self, happened: Happened, style: Style, shelf: Option<&Shelf>, teller: &Teller) {
        let failure = match happened {
            Happened::Complete => {
                // It goes on seeding until the last is done.
                self.done |= !style.seed;
                if let Some(torrent) = self.torrent.as_ref().filter(|_| !style.seed) {
                    keeping::change(shelf, torrent.info_hash(), |entry| entry.done = true);
                }
                return;
            }
            Happened::Paused => {
                self.rests = true;
                self.leave();
                None
            }
            Happened::Unwanted => {
                (self.done, self.rests) = (true, style.leaves_paused);
                return;
            }
            Happened::Enough => {
                self.done = true;
                return;
            }
            Happened::Unmatched(why) => {
                self.leave();
                Some(Failure::Unmatched(why))
            }
            Happened::Stopped(reason) => {
                self.leave();
                Some(Failure::Stopped(reason))
            }
            Happened::Over(ended) => ended.err().map(Failure::Engine),
        };
        self.done = true;
        if let (Some(failure), Some(torrent)) = (&failure, &self.torrent) {
            teller.complain(Some(&torrent.view()), failure);
        }
        self.failure = failure;
    }

    /// Ends it, unless it was asked to end or has ended.
    fn leave(&mut self) {
        let under_way = self.torrent.as_ref().filter(|torrent| torrent.outcome().is_none());
        if let Some(torrent) = under_way.filter(|_| !self.leaving) {
            torrent.send(Command::Quit);
            self.leaving = true;
        }
    }
}

/// Tells what happens to a torrent until it is over.
async fn attend(
    mut torrent: TorrentHandle,
    number: usize,
    leaves_paused: bool,
    to: mpsc::UnboundedSender<(usize, Happened)>,
) {
    let mut views = torrent.views();
    let mut is_complete = false;
    while views.changed().await.is_ok() {
        let view = views.borrow_and_update().clone();
        let happened = match view.phase {
            Phase::Queued(Queued::Enough) => Happened::Enough,
            Phase::Seeding if view.wants_nothing() => Happened::Unwanted,
            Phase::Seeding | Phase::Queued(_) if !is_complete && view.is_whole() => {
                is_complete = true;
                Happened::Complete
            }
            Phase::Stopped => {
                let reason = view.phase_reason.clone().unwrap_or_else(|| "the disk refused".to_owned());
                // Nobody listens only when the run is over.
                let _ = to.send((number, Happened::Stopped(reason)));
                return;
            }
            Phase::Paused if view.phase_reason.is_some() => {
                let _ = to.send((number, Happened::Unmatched(view.phase_reason.clone().unwrap_or_default())));
                return;
            }
            // Nobody could resume it here.
            Phase::Paused if leaves_paused => {
                let _ = to.send((number, Happened::Paused));
                return;
            }
            Phase::Paused => {
                torrent.send(Command::Resume);
                continue;
            }
            _ => continue,
        };
        let _ = to.send((number, happened));
    }
    let _ = to.send((number, Happened::Over(torrent.ended().await)));
}

/// Ends what is under way.
async fn goodbye(all: &mut [One], patient: bool) {
    let interrupted = interrupted();
    all.iter_mut().for_each(One::leave);
    let mut torrents: Vec<TorrentHandle> = all.iter().filter_map(|one| one.torrent.clone()).collect();
    let ended = leaving::ended(&mut torrents, interrupted);
    if patient {
        return ended.await;
    }
    // What hangs longer is left behind.
    let _ = timeout(MOST_GOODBYE, ended).await;
}
