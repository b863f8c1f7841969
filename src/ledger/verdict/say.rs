//! Numbers and times as sentences have them.

use std::time::Duration;

use super::VerdictCode;
use crate::units;

/// `1 peer`, `7 peers`, `15 104 pieces`: nouns that take an s.
pub(super) fn many(count: u32, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{} {noun}s", units::count(count.into())) }
}

/// A number in a sentence.
pub(super) fn count(count: u32) -> String {
    units::count(count.into())
}

/// A rough time: `about 40 seconds`, `about a minute`, `about 3 hours`.
pub(super) fn about(time: Duration) -> String {
    let seconds = time.as_secs();
    let (count, noun) = match seconds {
        0..10 => return "a few seconds".to_owned(),
        10..55 => return format!("about {} seconds", (seconds + 5) / 10 * 10),
        55..3570 => ((seconds + 30) / 60, "minute"),
        3570..127_800 => ((seconds + 1800) / 3600, "hour"),
        _ => ((seconds + 43_200) / 86_400, "day"),
    };
    match (count, noun) {
        (1, "hour") => "about an hour".to_owned(),
        (1, _) => format!("about a {noun}"),
        _ => format!("about {} {noun}s", units::count(count)),
    }
}

/// A time that went by: `34 seconds`, `3 minutes`, `1 hour`.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (count, noun) = match seconds {
        0..120 => (seconds, "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    if count == 1 { format!("1 {noun}") } else { format!("{} {noun}s", units::count(count)) }
}

/// What a judgement comes to in a line or two: what is, and what to do.
pub(super) fn brief(
    code: VerdictCode,
    text: &str,
    advice: &str,
    evidence: &[(&'static str, u64)],
) -> (String, String) {
    let seen = |name: &str| evidence.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
    let advice = first_clause(advice);
    let told = match code {
        VerdictCode::PortUnreached => {
            let minutes = seen("listening_s").unwrap_or_default() / 60;
            let time = if minutes < 120 { format!("{minutes} min") } else { format!("{} h", minutes / 60) };
            let port = seen("port").unwrap_or_default();
            return (
                format!("Nobody has reached us on port {port} in {time}."),
                "open it in the router.".to_owned(),
            );
        }
        VerdictCode::BadDataOnePeer => {
            let head = text.split_once(" sent ").map_or(text, |(head, _)| head);
            format!("{head} sent wrong data.")
        }
        VerdictCode::StaleTracker => {
            let head = text.split_once(", and no").map_or(text, |(head, _)| head);
            format!("{head}: none can be reached.")
        }
        VerdictCode::OtherTorrent => {
            let ends = [text.find(": "), text.find(". ")];
            let end = ends.into_iter().flatten().min();
            end.map_or_else(|| text.to_owned(), |end| format!("{}.", &text[..end]))
        }
        VerdictCode::AnsweredByOthers => {
            let head = text.split_once(": “").map_or(text, |(head, _)| head);
            format!("{head}.")
        }
        VerdictCode::Healthy if seen("offline").is_some() => {
            let head = text.split_once([',', '.']).map_or(text, |(head, _)| head);
            format!("{head}. That is usual, and costs nothing.")
        }
        VerdictCode::Healthy if seen("sending").is_some_and(|sending| sending > 0) => {
            let sending = seen("sending").unwrap_or_default();
            let verb = if sending == 1 { "peer is" } else { "peers are" };
            let rest = text.split_once("; ").map_or_else(|| ".".to_owned(), |(_, rest)| format!("; {rest}"));
            let rest = rest.replace("the rest of the file", "the rest");
            let pace = text.split_once('.').map_or("Going well", |(pace, _)| pace);
            format!("{pace}. {} {verb} sending{rest}", units::count(sending))
        }
        _ => first_sentence(text),
    };
    (told, advice)
}

/// The first sentence, or what stands before its semicolon; one of a word or two takes the next with it.
fn first_sentence(text: &str) -> String {
    let ends = text.match_indices([';', '.']).map(|(end, _)| end);
    let mut ends = ends.filter(|&end| end >= 20 && text[end + 1..].starts_with(' '));
    ends.next().map_or_else(|| text.to_owned(), |end| format!("{}.", &text[..end]))
}

/// An advice less what stands behind its semicolon.
fn first_clause(advice: &str) -> String {
    advice.split_once("; ").map_or_else(|| advice.to_owned(), |(first, _)| format!("{first}."))
}

/// What to try where a run only looked who answers and is over: there are no keys to press, and nobody waits.
/// `None`: the same as in a download.
pub(super) fn advice_of_a_check(code: VerdictCode) -> Option<&'static str> {
    Some(match code {
        VerdictCode::StaleTracker => "look again later, or take a newer torrent.",
        VerdictCode::NoPeersKnown => "name a peer with --peer NAME:PORT, or look again later.",
        VerdictCode::TurnedAway => "look again later: they may be full.",
        VerdictCode::AllChokeUs => {
            "download it; clients let others have a turn after a while, and a check does not wait for that."
        }
        VerdictCode::UnchokedButSilent => "look again later: they may be busy.",
        VerdictCode::PiecesMissing => "look again later: a peer with everything may come.",
        VerdictCode::BadDataOnePeer | VerdictCode::BadDataManyPeers => "",
        _ => return None,
    })
}

/// The sentence for use after a colon: its first letter small, unless it begins a name.
pub(super) fn after_colon(sentence: &str) -> String {
    let mut chars = sentence.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(chars).collect(),
        _ => sentence.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_times_as_people_do() {
        for (seconds, said) in [
            (3, "a few seconds"),
            (38, "about 40 seconds"),
            (58, "about a minute"),
            (168, "about 3 minutes"),
            (3600, "about an hour"),
            (80_000, "about 22 hours"),
            (200_000, "about 2 days"),
        ] {
            assert_eq!(about(Duration::from_secs(seconds)), said);
        }
        assert_eq!(span(Duration::from_secs(34)), "34 seconds");
        assert_eq!(span(Duration::from_secs(180)), "3 minutes");
    }

    #[test]
    fn makes_the_first_letter_small_except_in_names() {
        assert_eq!(after_colon("The 3 live peers wait."), "the 3 live peers wait.");
        assert_eq!(after_colon("41 of 48"), "41 of 48");
        assert_eq!(after_colon("TCP"), "TCP");
    }
}
