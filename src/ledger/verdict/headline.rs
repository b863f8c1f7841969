//! What a judgement comes to in one row of the smallest screen.

use std::time::Duration;

use super::VerdictCode;
use super::say::{many, span};
use crate::units::{self, Units};

/// Columns of a headline at most: a row of 40 columns less its glyph and margins.
pub(super) const MOST_COLUMNS: usize = 36;

/// What is, in one row of 40 columns.
pub(super) fn headline(code: VerdictCode, text: &str, evidence: &[(&'static str, u64)]) -> String {
    let seen = |name: &str| evidence.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
    let number = |name: &str| seen(name).unwrap_or_default();
    let count = |name: &str| units::count(number(name));
    let many = |name: &str, noun: &str| many(u32::try_from(number(name)).unwrap_or(u32::MAX), noun);
    match code {
        VerdictCode::NoPeersKnown => "No peer is known.".to_owned(),
        VerdictCode::TrackersFailing => match number("trackers") {
            1 => "The tracker fails.".to_owned(),
            2 => "Both trackers fail.".to_owned(),
            _ => format!("All {} trackers fail.", count("trackers")),
        },
        VerdictCode::DialsTimeOut => {
            format!("{} of {} never answered.", count("timed_out"), count("dialled"))
        }
        VerdictCode::AddressFamilyDead => {
            let family =
                ["IPv6 ", "IPv4 "].into_iter().find(|family| text.contains(&format!("{family}peers can")));
            format!("No {}peer can be reached.", family.unwrap_or_default())
        }
        VerdictCode::PortUnreached => format!("Port {} may be closed.", number("port")),
        VerdictCode::EncryptionWanted if seen("encrypted_only").is_some() => {
            "Some take only encryption.".to_owned()
        }
        VerdictCode::EncryptionWanted => "Our encryption setting stops it.".to_owned(),
        VerdictCode::AllChokeUs if number("choking") == 1 => "The one live peer chokes us.".to_owned(),
        VerdictCode::AllChokeUs => format!("{} live peers choke us.", count("choking")),
        VerdictCode::UnchokedButSilent | VerdictCode::SnubbedByMost => {
            format!("{} of {} unchoked send nothing.", count("silent"), count("open"))
        }
        VerdictCode::PiecesMissing => format!("No peer has {}.", many("unheld", "missing piece")),
        VerdictCode::StaleTracker => "No address of the tracker answers.".to_owned(),
        VerdictCode::BadDataOnePeer => "One peer sent wrong data.".to_owned(),
        VerdictCode::BadDataManyPeers => format!("{} failed the check.", many("failures", "piece")),
        VerdictCode::OwnLimits => match () {
            () if seen("held").is_some() => "You hold all live peers.".to_owned(),
            () if seen("limit_bps").is_some() => "Our own limit is used in full.".to_owned(),
            () if seen("starved").is_some() => "This machine cannot dial any more.".to_owned(),
            () if seen("queued").is_some() => "No more connections are allowed.".to_owned(),
            () => "Our own download limit is 0.".to_owned(),
        },
        VerdictCode::DiskTrouble => short(text, "Stopped: the disk refuses."),
        VerdictCode::SeedsOnly => "Nobody wants our data.".to_owned(),
        VerdictCode::Paused => "Paused.".to_owned(),
        VerdictCode::Complete => "Complete. Everything is here.".to_owned(),
        VerdictCode::Healthy if seen("offline").is_some() => {
            format!("{} of {} peers failed.", count("failed"), count("known"))
        }
        VerdictCode::Healthy => {
            let pace = head(text, &[". "]);
            let verb = if number("sending") == 1 { "is" } else { "are" };
            short(&format!("{pace} {} {verb} sending.", many("sending", "peer")), &pace)
        }
        VerdictCode::Slow if number("sending") == 0 => "Slow. Data trickles in.".to_owned(),
        VerdictCode::Slow => {
            let rate = units::rate(number("down_bps"), Units::Binary);
            format!("Slow: {rate} from {}.", many("sending", "peer"))
        }
        VerdictCode::Stalled | VerdictCode::Unknown => short(text, &head(text, &[": ", "; ", ". "])),
        VerdictCode::DiskSlow => "The disk is the limit.".to_owned(),
        VerdictCode::OtherTorrent => "Peers share another torrent.".to_owned(),
        VerdictCode::AnsweredByOthers => "No BitTorrent client answers.".to_owned(),
        VerdictCode::TurnedAway => "All hang up after the handshake.".to_owned(),
        VerdictCode::CutRegularly => {
            format!("Connections end after {}.", span(Duration::from_secs(number("lasted_s"))))
        }
        VerdictCode::PortsBlocked => "Ports 6881 to 6999 may be blocked.".to_owned(),
    }
}

/// The text where it fits into a row, and this otherwise.
fn short(text: &str, otherwise: &str) -> String {
    if text.chars().count() <= MOST_COLUMNS { text.to_owned() } else { otherwise.to_owned() }
}

/// What stands before the first of these, as a sentence.
fn head(text: &str, ends: &[&str]) -> String {
    let end = ends.iter().filter_map(|end| text.find(end)).min();
    end.map_or_else(|| text.to_owned(), |end| format!("{}.", &text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether this takes one row.
    fn fits(headline: &str) -> bool {
        headline.chars().count() <= MOST_COLUMNS && headline.ends_with('.')
    }

    #[test]
    fn great_numbers_fit_the_row_too() {
        let told = |code, text: &str, evidence: &[(&'static str, u64)]| {
            let headline = headline(code, text, evidence);
            assert!(fits(&headline), "{headline}");
            headline
        };
        told(VerdictCode::DialsTimeOut, "", &[("timed_out", 12_345), ("dialled", 20_000)]);
        told(VerdictCode::TrackersFailing, "", &[("trackers", 500)]);
        told(VerdictCode::SnubbedByMost, "", &[("silent", 999), ("open", 1000)]);
        told(VerdictCode::Healthy, "", &[("failed", 12_345), ("known", 20_000), ("offline", 12_000)]);
        told(VerdictCode::Healthy, "Going well. All", &[("sending", 1200)]);
        told(VerdictCode::PiecesMissing, "", &[("unheld", 999_999)]);
        told(VerdictCode::CutRegularly, "", &[("lasted_s", 119)]);
        let places = told(VerdictCode::OwnLimits, "", &[("queued", 4), ("live", 2)]);
        assert_eq!(places, "No more connections are allowed.");
        let slow = told(VerdictCode::Slow, "", &[("sending", 120), ("down_bps", 32_700)]);
        assert_eq!(slow, "Slow: 31.9 KiB/s from 120 peers.");
        let starting = told(VerdictCode::Healthy, "Getting started. All", &[("sending", 7)]);
        assert_eq!(starting, "Getting started.");
        let full = "Stopped: no space is left in /home/somebody/with/a/long/path.";
        assert_eq!(told(VerdictCode::DiskTrouble, full, &[]), "Stopped: the disk refuses.");
    }

    #[test]
    fn a_text_that_is_short_stands_as_it_is() {
        let unknown = |text: &str| headline(VerdictCode::Unknown, text, &[]);
        assert_eq!(unknown("Asking 3 trackers for peers."), "Asking 3 trackers for peers.");
        assert_eq!(unknown("Nobody is connected: none of the 5 peers shook hands."), "Nobody is connected.");
        let stalled = "Nothing has arrived for 34 seconds: 3 peers are connected, and none of them sends.";
        assert_eq!(headline(VerdictCode::Stalled, stalled, &[]), "Nothing has arrived for 34 seconds.");
    }
}
