//! How a download stands, as a line of text or of JSON.

use serde::Serialize;

use super::json_line;
use crate::event::Phase;
use crate::ledger::{Funnel, Groups, VerdictCode, View};
use crate::units::{self, Units};

#[derive(Serialize)]
struct Progress {
    schema: &'static str,
    t_ms: u64,
    state: &'static str,
    have_bytes: u64,
    total_bytes: u64,
    down_bps: u64,
    up_bps: u64,
    peers: Groups,
    funnel: Funnel,
    verdict: Option<VerdictCode>,
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    last: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Option<String>>,
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ending {
    /// What went wrong, in one line; `None`: nothing.
    pub error: Option<String>,
}

/// The view as one line of JSON (`ttui.progress/1`); the last one of a run has its ending.
pub fn json(view: &View, ending: Option<&Ending>) -> String {
    let failed = ending.is_some_and(|ending| ending.error.is_some());
    json_line(&Progress {
        schema: "ttui.progress/1",
        t_ms: u64::try_from(view.at.as_millis()).unwrap_or(u64::MAX),
        state: if failed { "error" } else { state(view, ending.is_some()) },
        have_bytes: view.have_bytes,
        total_bytes: view.torrent.geometry.total_bytes(),
        down_bps: view.rates.down_bps,
        up_bps: view.rates.up_bps,
        peers: view.groups,
        funnel: view.funnel,
        verdict: view.verdicts.first().map(|verdict| verdict.code),
        last: ending.map(|_| true),
        error: ending.map(|ending| ending.error.clone()),
    })
}

/// What the torrent does, in the contract's words. A run that ends with everything here is complete.
fn state(view: &View, over: bool) -> &'static str {
    match view.phase {
        Phase::Checking => "checking",
        Phase::Downloading => "downloading",
        Phase::Seeding if over => "complete",
        Phase::Seeding => "seeding",
        Phase::Paused => "paused",
        Phase::Stopped => "error",
    }
}

/// The view as one line for people.
pub fn text(view: &View) -> String {
    let shown = |bytes| units::bytes(bytes, Units::Binary);
    let total = view.torrent.geometry.total_bytes();
    let percent = percent(view);
    let groups = view.groups;
    let peers = format!("{} live {} trying {} failed", groups.live, groups.trying, groups.failed);
    let rates = format!(
        "down {}  up {}",
        units::rate(view.rates.down_bps, Units::Binary),
        units::rate(view.rates.up_bps, Units::Binary)
    );
    let state = match view.phase {
        Phase::Checking => {
            let (done, of) = view.checked.unwrap_or_default();
            return format!(
                "checking  {} of {} pieces",
                units::count(u64::from(done)),
                units::count(u64::from(of))
            );
        }
        Phase::Downloading => match view.eta {
            Some(eta) => format!("{} left", units::duration(eta)),
            None => "no ETA".to_owned(),
        },
        Phase::Seeding => "seeding".to_owned(),
        Phase::Paused => "paused".to_owned(),
        Phase::Stopped => "stopped".to_owned(),
    };
    format!("{percent:>3} %  {} of {}  {rates}  {peers}  {state}", shown(view.have_bytes), shown(total))
}

/// Whole percent of the torrent that are here; 100 only when all is.
pub fn percent(view: &View) -> u64 {
    let total = view.torrent.geometry.total_bytes().max(1);
    (u128::from(view.have_bytes) * 100 / u128::from(total)) as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::{Event, Sample};
    use crate::ledger::Ledger;
    use crate::ledger::script::facts;
    use crate::metainfo::Bitfield;

    fn ledger() -> Ledger {
        let facts = facts(100);
        let mut ledger = Ledger::new(facts.clone());
        let mut have = Bitfield::empty(100);
        for piece in facts.geometry.pieces().take(25) {
            have.set(piece);
        }
        ledger.apply(Duration::ZERO, &Event::Had { pieces: have.into() });
        ledger.apply(Duration::ZERO, &Event::Phase { phase: Phase::Downloading, reason: None });
        for second in 1..=5 {
            let sample = Sample { down_bps: 2048, up_bps: 0 };
            ledger.apply(Duration::from_secs(second), &Event::Sample(sample));
        }
        ledger
    }

    #[test]
    fn the_json_has_the_keys_of_the_contract() {
        let view = ledger().view(Duration::from_secs(5));
        let line: serde_json::Value = serde_json::from_str(&json(&view, None)).unwrap();
        assert_eq!(line["schema"], "ttui.progress/1");
        assert_eq!((&line["t_ms"], &line["state"]), (&5000.into(), &"downloading".into()));
        assert_eq!(line["have_bytes"].as_u64(), Some(25 * 16 * 1024));
        assert_eq!(line["peers"]["live"], 0);
        assert_eq!(line["funnel"]["known"], 0);
        assert!(line["verdict"].is_string());
        assert!(line.get("final").is_none() && line.get("error").is_none());
    }

    #[test]
    fn the_last_line_says_how_it_ended() {
        let view = ledger().view(Duration::from_secs(5));
        let well: serde_json::Value =
            serde_json::from_str(&json(&view, Some(&Ending { error: None }))).unwrap();
        assert_eq!((&well["final"], &well["error"]), (&true.into(), &serde_json::Value::Null));
        assert!(well.as_object().unwrap().contains_key("error"));
        let ending = Ending { error: Some("the disk is full".to_owned()) };
        let badly: serde_json::Value = serde_json::from_str(&json(&view, Some(&ending))).unwrap();
        assert_eq!((&badly["state"], &badly["error"]), (&"error".into(), &"the disk is full".into()));
    }

    #[test]
    fn the_text_says_how_far_it_is() {
        let line = text(&ledger().view(Duration::from_secs(5)));
        assert!(line.starts_with(" 25 %  400 KiB of 1.6 MiB  down 2.0 KiB/s"), "{line}");
        assert!(line.ends_with("10m 00s left"), "{line}");
    }
}
