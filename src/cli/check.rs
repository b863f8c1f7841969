//! `ttui check`

use std::time::Duration;

use super::args::{CheckArgs, dht, recording};
use super::export::peers_csv;
use super::output::Stdout;
use super::waiting::{Waited, wait_for};
use super::{Failure, Status, open_wanted, peers, warn};
use crate::config::Settings;
use crate::engine::{self, CheckOptions};
use crate::event::Finder;
use crate::report;
use crate::ui::export::Peers;
use crate::units;

pub(super) fn run(args: &CheckArgs, settings: &Settings) -> Result<Status, Failure> {
    let wanted = open_wanted(&args.torrent)?;
    let mut settings = settings.clone();
    args.finders.overrule(&mut settings);
    // A check tries who is known elsewhere; it says nothing on the local network.
    settings.finders.remove(&Finder::Lsd);
    let options = CheckOptions {
        port: args.port,
        peers: peers::addresses(&args.peer)?,
        encryption: args.encryption.unwrap_or(settings.encryption).policy(),
        transport: args.transport.unwrap_or(settings.transport).policy(),
        dht: dht(&settings, true),
        finders: settings.finders,
        time: args.time,
        recording: recording(args.record.as_ref(), args.privacy),
        ..CheckOptions::default()
    };
    let most = units::duration(args.time.max(Duration::from_secs(1)));
    let words = format!("Trying every peer, for {most} at most. Ctrl-C ends it now.");
    let Waited { outcome: view, interrupted } =
        wait_for(&words, async |stop| engine::check(wanted, options, stop).await)?;
    let form = args.form;
    let shown = match () {
        () if form.json => report::check::json(&view) + "\n",
        () if form.csv => peers_csv(&Peers::all(&view), &view),
        () if form.markdown => report::check::markdown(&view),
        () => report::check::text(&view),
    };
    // Text and Markdown have it.
    if let Some((_, note)) = view.answer.as_ref().filter(|_| form.json || form.csv) {
        warn(note);
    }
    Stdout.write(shown.as_bytes())?;
    let achieved = view.funnel.handshaken > 0 && !interrupted;
    Ok(if achieved { Status::Done } else { Status::NotAchieved })
}
