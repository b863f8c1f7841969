//! How a download without a screen is getting on: a line a second.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use super::json_line;
use crate::event::{At, Phase, Queued, Severity};
use crate::ledger::{Funnel, Groups, MetadataProgress, Standing, TorrentRow, VerdictCode, View};
use crate::text::clean;
use crate::units::{self, Units};

const SCHEMA: &str = "ttui.progress/1";

#[derive(Serialize)]
struct Progress<'a> {
    schema: &'static str,
    t_ms: u64,
    state: &'static str,
    have_bytes: u64,
    total_bytes: Option<u64>,
    down_bps: u64,
    up_bps: u64,
    peers: Groups,
    funnel: Funnel,
    verdict: Option<VerdictCode>,
    torrent: Named<'a>,
    eta_s: Option<u64>,
    uploaded_bytes: u64,
    elapsed_ms: u64,
    mean_down_bps: u64,
    #[serde(flatten)]
    ending: Option<Ending>,
}

#[derive(Serialize)]
struct Named<'a> {
    name: Option<&'a str>,
    info_hash: Option<String>,
}

#[derive(Serialize)]
struct Ending {
    r#final: bool,
    error: Option<String>,
}

/// One line of JSON while it goes on: what is known, which is right `until` then.
pub fn json(view: &View, until: At) -> String {
    json_line(&progress(view, until, state(view), None))
}

/// The last line of JSON: how it ended, and what ended it if not the user or completion.
pub fn last_json(view: &View, error: Option<String>) -> String {
    let state = match () {
        () if error.is_some() => "error",
        () if is_complete(view) => "complete",
        () => state(view),
    };
    json_line(&progress(view, view.at, state, Some(Ending { r#final: true, error })))
}

/// The only line of JSON of what could not be read: there is no torrent that it would be about.
pub fn unread_json(error: String) -> String {
    json_line(&Progress::last("error", Some(error)))
}

impl Progress<'_> {
    /// The only line about what did not run.
    fn last(state: &'static str, error: Option<String>) -> Self {
        Self {
            schema: SCHEMA,
            t_ms: 0,
            state,
            have_bytes: 0,
            total_bytes: None,
            down_bps: 0,
            up_bps: 0,
            peers: Groups::default(),
            funnel: Funnel::default(),
            verdict: None,
            torrent: Named { name: None, info_hash: None },
            eta_s: None,
            uploaded_bytes: 0,
            elapsed_ms: 0,
            mean_down_bps: 0,
            ending: Some(Ending { r#final: true, error }),
        }
    }
}

/// The only line of JSON of a torrent that is kept and does not run here.
pub fn resting_json(row: &TorrentRow) -> String {
    let elsewhere = matches!(row.standing, Standing::Elsewhere { .. });
    let state = match row.standing {
        Standing::Done => "complete",
        Standing::Paused => "paused",
        _ => "error",
    };
    json_line(&Progress {
        have_bytes: row.have_bytes,
        total_bytes: row.total_bytes,
        torrent: Named { name: row.total_bytes.map(|_| &*row.name), info_hash: Some(row.id.to_string()) },
        ..Progress::last(state, elsewhere.then(|| resting_text(row)))
    })
}

/// The only line for a person about a torrent that is kept and does not run here.
pub fn resting_text(row: &TorrentRow) -> String {
    let (name, folder) = (clean(&row.name, 200), clean(&row.output.to_string_lossy(), 300));
    match row.standing {
        Standing::Done => {
            format!("done: {name} in {folder}, complete in an earlier run; name it to run it again")
        }
        Standing::Paused => format!("paused: {name} in {folder}; name it to go on"),
        Standing::Elsewhere { process: 0 } => format!("in another ttui: {name} in {folder}"),
        Standing::Elsewhere { process } => format!("in another ttui (process {process}): {name} in {folder}"),
        _ => format!("not running: {name} in {folder}"),
    }
}

fn progress<'a>(view: &'a View, until: At, state: &'static str, ending: Option<Ending>) -> Progress<'a> {
    Progress {
        schema: SCHEMA,
        t_ms: until.as_millis() as u64,
        state,
        have_bytes: view.have_bytes,
        total_bytes: view.wanted_bytes,
        down_bps: view.rates.down_bps,
        up_bps: view.rates.up_bps,
        peers: view.groups,
        funnel: view.funnel,
        verdict: view.verdicts.first().map(|verdict| verdict.code),
        torrent: Named { name: view.torrent.name(), info_hash: Some(view.torrent.info_hash.to_string()) },
        eta_s: view.eta.map(|eta| eta.as_secs()),
        uploaded_bytes: view.up_bytes,
        elapsed_ms: until.as_millis() as u64,
        mean_down_bps: mean_down_bps(view, until),
        ending,
    }
}

/// Bytes received a second, from the start of the run to its completion or until then.
fn mean_down_bps(view: &View, until: At) -> u64 {
    let millis = took(view, until).as_millis().max(1);
    u64::try_from(u128::from(view.down_bytes) * 1000 / millis).unwrap_or(u64::MAX)
}

/// How long the run took until everything was here, or has taken until then.
fn took(view: &View, until: At) -> Duration {
    if view.phase == Phase::Seeding { view.phase_since } else { until }
}

fn state(view: &View) -> &'static str {
    match view.phase {
        Phase::Checking => "checking",
        Phase::Metadata => "metadata",
        Phase::Downloading => "downloading",
        Phase::Seeding if view.wants_nothing() => "unwanted",
        Phase::Seeding => "seeding",
        Phase::Paused => "paused",
        Phase::Queued(Queued::Enough) => "complete",
        Phase::Queued(_) => "queued",
        Phase::Stopped => "error",
    }
}

/// Whether everything is here.
pub fn is_complete(view: &View) -> bool {
    (view.phase == Phase::Seeding || view.is_whole()) && !view.wants_nothing()
}

/// One line for a person while it goes on.
pub fn text(view: &View) -> String {
    let mut line = state(view).to_owned();
    if let (Phase::Checking, Some((done, of))) = (view.phase, view.checked) {
        let _ = write!(line, " {} of {} pieces", units::count(done.into()), units::count(of.into()));
        return line;
    }
    match (view.wanted_bytes, view.metadata) {
        (Some(_), _) if view.wants_nothing() => line += ": every file is skipped",
        (Some(total), _) => {
            let of = units::bytes(total, Units::Binary);
            let _ = write!(line, " {} of {of}", percent(view.have_bytes, total));
            let rate = |bps| units::rate(bps, Units::Binary);
            let _ = write!(line, ", down {}, up {}", rate(view.rates.down_bps), rate(view.rates.up_bps));
        }
        (None, Some(MetadataProgress { got, of, .. })) if of > 0 => {
            let _ = write!(line, " {} of {} parts", units::count(got.into()), units::count(of.into()));
        }
        (None, _) => line += " not offered by anybody yet",
    }
    let groups = view.groups;
    let _ = write!(line, ", peers: {} live", groups.live);
    for (count, word) in [(groups.trying, "trying"), (groups.queued, "queued"), (groups.failed, "failed")] {
        if count > 0 {
            let _ = write!(line, " {count} {word}");
        }
    }
    if let Some(eta) = view.eta {
        let _ = write!(line, ", {} left", units::duration(eta));
    }
    // What goes well needs no explaining.
    if let Some(verdict) = view.verdicts.first().filter(|verdict| verdict.severity >= Severity::Warn) {
        let _ = write!(line, ": {}", clean(&verdict.text, 300));
    }
    line
}

/// The last line for a person: what is here and where, what that took, and how to go on where something is missing.
pub fn last_text(view: &View) -> String {
    let size = |bytes| units::bytes(bytes, Units::Binary);
    let folder = clean(&view.torrent.output.to_string_lossy(), 300);
    let name = clean(&view.torrent.title(), 200);
    let time = match took(view, view.at) {
        time if time.as_secs() == 0 => "within a second".to_owned(),
        time => format!("in {}", units::duration(time)),
    };
    let mean = units::rate(mean_down_bps(view, view.at), Units::Binary);
    let moved = match view.down_bytes {
        0 => format!("nothing received {time}"),
        down => format!("{} received {time}, {mean} on average", size(down)),
    };
    let sent = if view.up_bytes > 0 { format!(", {} sent", size(view.up_bytes)) } else { String::new() };
    match view.wanted_bytes {
        Some(_) if view.wants_nothing() => {
            format!("unwanted: every file of {name} is skipped; --files says which to download")
        }
        Some(total) if is_complete(view) => {
            format!("complete: {name} in {folder} ({}; {moved}{sent})", size(total))
        }
        Some(total) => {
            let percent = percent(view.have_bytes, total);
            format!("incomplete: {percent} of {name} in {folder} ({moved}{sent}); start again to go on")
        }
        None => format!("incomplete: the metadata of {name} did not come {time}; start again to go on"),
    }
}

/// `45.3 %`, and 100 only when nothing is missing.
fn percent(part: u64, of: u64) -> String {
    units::thousandths((u128::from(part) * 1000 / u128::from(of.max(1))) as u64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::Event;
    use crate::ledger::{Ledger, Metadata, TorrentFacts};
    use crate::metainfo::{Geometry, InfoHash};

    fn view() -> View {
        let facts = TorrentFacts {
            info_hash: InfoHash([0; 20]),
            metadata: Some(Metadata {
                name: "n\u{1b}".to_owned(),
                geometry: Geometry::new(1000, 100).unwrap(),
                private: false,
                files: Vec::new(),
            }),
            magnet_name: None,
            output: "out".into(),
            peer_id: String::new(),
        };
        let mut ledger = Ledger::new(Arc::new(facts));
        let at = Duration::from_millis(1500);
        ledger.apply(at, &Event::Phase { phase: Phase::Downloading, reason: None });
        let mut view = (*ledger.view(at)).clone();
        view.have_bytes = 999;
        view.rates.down_bps = 2048;
        view
    }

    #[test]
    fn writes_a_line_of_json_with_every_field_of_the_contract() {
        let value: serde_json::Value = serde_json::from_str(&json(&view(), view().at)).unwrap();
        let fields = [
            "schema",
            "t_ms",
            "state",
            "have_bytes",
            "total_bytes",
            "down_bps",
            "up_bps",
            "peers",
            "funnel",
            "verdict",
            "torrent",
            "eta_s",
            "uploaded_bytes",
            "elapsed_ms",
            "mean_down_bps",
        ];
        assert_eq!(value.as_object().unwrap().len(), fields.len());
        assert!(fields.iter().all(|field| value.get(field).is_some()), "{value}");
        assert_eq!(value["schema"], "ttui.progress/1");
        assert_eq!(
            (&value["t_ms"], &value["state"], &value["down_bps"]),
            (&1500.into(), &"downloading".into(), &2048.into())
        );
        for group in ["live", "trying", "failed", "left", "queued", "banned"] {
            assert_eq!(value["peers"][group], 0);
        }
        for step in ["known", "dialled", "connected", "handshaken", "unchoked", "transferring"] {
            assert_eq!(value["funnel"][step], 0);
        }
        assert!(value["verdict"].is_string());
    }

    #[test]
    fn what_the_metadata_of_a_magnet_will_tell_is_null_before_they_are_here() {
        let mut run = crate::ledger::script::Script::magnet();
        run.wait(2).tell(Event::MetadataParts { got: 0, of: 0, bytes: 0 });
        assert!(text(&run.view()).starts_with("metadata not offered by anybody yet, peers: 0 live"));
        run.tell(Event::MetadataParts { got: 8, of: 12, bytes: 190_000 });
        let view = run.view();
        let value: serde_json::Value = serde_json::from_str(&json(&view, view.at)).unwrap();
        assert_eq!(value["state"], "metadata");
        assert!(value["total_bytes"].is_null() && value["torrent"]["name"].is_null(), "{value}");
        assert_eq!((&value["have_bytes"], &value["eta_s"]), (&0.into(), &serde_json::Value::Null));
        assert!(text(&view).starts_with("metadata 8 of 12 parts, peers: 0 live"), "{}", text(&view));
        let last: serde_json::Value = serde_json::from_str(&last_json(&view, None)).unwrap();
        assert_eq!(last["state"], "metadata");
        assert_eq!(
            last_text(&view),
            "incomplete: the metadata of magnet 07070707… “debian” did not come in 2s; start again to go on"
        );
    }

    #[test]
    fn says_what_it_is_how_long_it_takes_and_what_it_has_moved() {
        let told = |view: &View| -> serde_json::Value { serde_json::from_str(&json(view, view.at)).unwrap() };
        let mut view = view();
        (view.down_bytes, view.up_bytes) = (3000, 700);
        let value = told(&view);
        assert_eq!(value["torrent"], serde_json::json!({"name": "n\u{1b}", "info_hash": "0".repeat(40)}));
        assert_eq!(value["eta_s"], serde_json::Value::Null);
        assert_eq!(
            [&value["uploaded_bytes"], &value["elapsed_ms"], &value["mean_down_bps"]],
            [700, 1500, 2000]
        );
        view.eta = Some(Duration::from_secs(168));
        assert_eq!(told(&view)["eta_s"], 168);
        // What comes after completion does not thin out the mean.
        (view.phase, view.phase_since, view.at) = (Phase::Seeding, view.at, Duration::from_secs(3600));
        let value = told(&view);
        assert_eq!([&value["elapsed_ms"], &value["mean_down_bps"]], [3_600_000, 2000]);
        // No time at all is no reason to fail.
        (view.phase_since, view.down_bytes) = (Duration::ZERO, u64::MAX);
        assert_eq!(told(&view)["mean_down_bps"], u64::MAX);
    }

    #[test]
    fn says_in_the_last_line_how_it_ended() {
        let mut view = view();
        let ended = |view: &View, error: Option<&str>| -> (String, serde_json::Value, bool) {
            let value: serde_json::Value =
                serde_json::from_str(&last_json(view, error.map(String::from))).unwrap();
            (
                value["state"].as_str().unwrap().to_owned(),
                value["error"].clone(),
                value["final"].as_bool().unwrap(),
            )
        };
        assert_eq!(ended(&view, None), ("downloading".into(), serde_json::Value::Null, true));
        assert_eq!(ended(&view, Some("disk")), ("error".into(), "disk".into(), true));
        assert_eq!(
            last_text(&view),
            "incomplete: 99.9 % of n· in out (nothing received in 1s); start again to go on"
        );
        view.have_bytes = 1000;
        assert_eq!(ended(&view, None).0, "complete");
        (view.down_bytes, view.up_bytes) = (3000, 2048);
        assert_eq!(
            last_text(&view),
            "complete: n· in out (1000 B; 2.9 KiB received in 1s, 2.0 KiB/s on average, 2.0 KiB sent)"
        );
    }

    #[test]
    fn where_every_file_is_skipped_it_is_unwanted_and_not_complete() {
        let mut view = view();
        (view.phase, view.wanted_files, view.wanted_bytes, view.have_bytes) =
            (Phase::Seeding, Some(0), Some(0), 0);
        let value: serde_json::Value = serde_json::from_str(&last_json(&view, None)).unwrap();
        assert_eq!((&value["state"], &value["total_bytes"]), (&"unwanted".into(), &0.into()));
        assert!(text(&view).starts_with("unwanted: every file is skipped, peers"), "{}", text(&view));
        assert_eq!(last_text(&view), "unwanted: every file of n· is skipped; --files says which to download");
        assert!(!is_complete(&view));
    }

    #[test]
    fn writes_a_line_for_a_person() {
        let mut view = view();
        view.eta = Some(Duration::from_secs(168));
        view.groups.failed = 3;
        view.verdicts.clear();
        assert_eq!(
            text(&view),
            "downloading 99.9 % of 1000 B, down 2.0 KiB/s, up 0 B/s, peers: 0 live 3 failed, 2m 48s left"
        );
        view.phase = Phase::Checking;
        view.checked = Some((5, 1200));
        assert_eq!(text(&view), "checking 5 of 1 200 pieces");
    }
}
