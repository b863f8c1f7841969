//! A server that gives the files of the torrent (BEP 19), among the sources and on a page of its own: what it gave, or why
//! it does not.

use crate::event::At;
use crate::ledger::WebSeedRecord;
use crate::ui::paint::Spans;
use crate::ui::theme::Role;
use crate::ui::words;
use crate::units::{self, Units};

fn plain(role: Role, text: impl Into<String>) -> Spans {
    Spans::new().add(role, text)
}

/// How it stands, in a word or two.
pub(super) fn state(record: &WebSeedRecord, units: Units) -> Spans {
    match record.cause {
        Some(cause) => plain(Role::Harmless, "✗").add(Role::Harmless, format!(" {}", cause.info().short)),
        None if record.is_sending() => {
            plain(Role::Progress, "●").add(Role::Text, format!(" {}", units::rate(record.down_bps, units)))
        }
        None if record.down_bytes > 0 => plain(Role::Progress, "✓").add(Role::Text, " gave data"),
        None if record.asked.is_some() => plain(Role::Waiting, "◌ asking"),
        None => plain(Role::Dim, "· not asked"),
    }
}

/// When it is asked again after it failed.
pub(super) fn next(record: &WebSeedRecord, now: At) -> Spans {
    match (record.cause, record.next) {
        (None, _) => plain(Role::Dim, "–"),
        (Some(_), None) => plain(Role::Dim, "not again"),
        (Some(_), Some(at)) => plain(Role::Text, words::when(at, now)),
    }
}

/// What it gave, and what became of it, in sentences.
pub(super) fn said(record: &WebSeedRecord, now: At, units: Units) -> Vec<String> {
    let mut said = vec![match record.down_bytes {
        0 => "It has given nothing in this run.".to_owned(),
        bytes => format!(
            "It gave {} in this run, and gives {} now.",
            units::bytes(bytes, units),
            units::rate(record.down_bps, units)
        ),
    }];
    said.extend(record.status.map(|status| format!("Its last answer has the status {status} of HTTP.")));
    if let Some((cause, why)) = record.cause.zip(record.failure()) {
        let (advice, why) = (cause.info().advice, why.trim_end_matches('.'));
        let again = match record.next {
            Some(at) => format!("it is asked again in {}", words::span(at.saturating_sub(now))),
            None => "it is not asked again in this run".to_owned(),
        };
        said.push(format!("It failed: {why}; {again}."));
        said.extend((!advice.is_empty()).then(|| advice.to_owned()));
    } else if let Some(asked) = record.asked.filter(|_| !record.is_sending()) {
        said.push(format!("It was asked {} ago.", words::span(now.saturating_sub(asked))));
    }
    said
}
