//! The words and glyphs for what a torrent is doing, among others.

use crate::event::Severity;
use crate::ledger::{Queued, Standing, TorrentRow, VerdictCode};
use crate::ui::theme::Role;
use crate::units;

/// A state as it is shown: its glyph, its word, and how they look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct State {
    /// The glyph.
    pub(crate) glyph: &'static str,
    /// The word.
    pub(crate) word: &'static str,
    /// How the glyph looks, and the word.
    pub(crate) roles: (Role, Role),
}

/// What the torrent is doing, in the words of its own header.
pub(crate) fn state(row: &TorrentRow) -> State {
    let (glyph, word, glyph_role, word_role) = match &row.standing {
        Standing::Opening => ("◌", "opening", Role::Waiting, Role::Text),
        Standing::Checking => ("▸", "verifying", Role::Progress, Role::Text),
        Standing::Metadata if is_trouble(row) => ("▲", "metadata", Role::Trouble, Role::TroubleWord),
        Standing::Metadata => ("▸", "metadata", Role::Progress, Role::Text),
        Standing::Stalled => ("▲", "stalled", Role::Trouble, Role::TroubleWord),
        Standing::Downloading => match row.verdict.as_ref().map(|verdict| verdict.code) {
            Some(VerdictCode::Slow) => ("▲", "slow", Role::Trouble, Role::TroubleWord),
            Some(VerdictCode::Stalled) => ("▲", "stalled", Role::Trouble, Role::TroubleWord),
            Some(_) if is_trouble(row) => ("▲", "downloading", Role::Trouble, Role::TroubleWord),
            _ => ("▸", "downloading", Role::Progress, Role::Text),
        },
        Standing::Seeding => ("✓", "seeding", Role::Progress, Role::Text),
        Standing::Unwanted => ("–", "unwanted", Role::Dim, Role::Text),
        Standing::Moving { .. } => ("▸", "moving", Role::Progress, Role::Text),
        Standing::Paused => ("‖", "paused", Role::Barred, Role::BarredWord),
        Standing::Queued(_) => ("–", "queued", Role::Dim, Role::Dim),
        Standing::Done => ("✓", "done", Role::Dim, Role::Dim),
        Standing::Elsewhere { .. } => ("–", "elsewhere", Role::Dim, Role::Dim),
        Standing::Failed(_) => ("■", "stopped", Role::Trouble, Role::TroubleWord),
    };
    State { glyph, word, roles: (glyph_role, word_role) }
}

/// Whether nothing goes on with it here.
pub(crate) fn rests(row: &TorrentRow) -> bool {
    matches!(row.standing, Standing::Queued(_) | Standing::Done | Standing::Elsewhere { .. })
}

/// Whether what judges it says that something is wrong.
fn is_trouble(row: &TorrentRow) -> bool {
    row.verdict.as_ref().is_some_and(|verdict| verdict.severity > Severity::Info)
}

/// What is the matter with it, or what it waits for; empty where all is well.
pub(crate) fn why(row: &TorrentRow) -> String {
    match &row.standing {
        Standing::Queued(queued) => waits_for(*queued),
        Standing::Elsewhere { process } => format!("in another ttui (process {process})"),
        Standing::Moving { percent } => format!("{percent} % of it is there"),
        _ => row.why().to_owned(),
    }
}

/// What a torrent waits for that is not its turn yet.
fn waits_for(queued: Queued) -> String {
    let others = |most: u32, what: &str| format!("{} others {what} first", units::count(most.into()));
    match queued {
        Queued::Downloading { most } => others(most, "download"),
        Queued::Stalled { most } => format!("stalled; {}", others(most, "are tried")),
        Queued::Metadata { most } => others(most, "fetch their metadata"),
        Queued::Seeding { most } => others(most, "seed"),
        Queued::Enough => "seeded as much as it was to".to_owned(),
    }
}

/// How long it takes; where everything is here, how often it was given on.
pub(crate) fn left(row: &TorrentRow) -> String {
    match (&row.standing, row.ratio()) {
        (Standing::Seeding | Standing::Done, Some(ratio)) => format!("×{ratio:.2}"),
        (Standing::Downloading, _) => row.eta.map_or_else(|| "no ETA".to_owned(), units::duration),
        (Standing::Stalled, _) => "no ETA".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::metainfo::InfoHash;

    fn row(standing: Standing) -> TorrentRow {
        let id = InfoHash([7; 20]);
        TorrentRow::resting(id, "one".to_owned(), PathBuf::from("."), standing)
    }

    #[test]
    fn what_a_torrent_waits_for_is_said_in_words() {
        assert_eq!(why(&row(Standing::Queued(Queued::Downloading { most: 5 }))), "5 others download first");
        let stalled = why(&row(Standing::Queued(Queued::Stalled { most: 15 })));
        assert_eq!(stalled, "stalled; 15 others are tried first");
        assert_eq!(why(&row(Standing::Elsewhere { process: 812 })), "in another ttui (process 812)");
        assert_eq!(why(&row(Standing::Moving { percent: 43 })), "43 % of it is there");
        assert_eq!(why(&row(Standing::Failed("the disk is full".to_owned()))), "the disk is full");
        assert_eq!(why(&row(Standing::Seeding)), "");
    }

    #[test]
    fn what_is_left_is_a_time_or_what_was_given_on() {
        let mut row = row(Standing::Downloading);
        assert_eq!(left(&row), "no ETA");
        row.eta = Some(std::time::Duration::from_secs(168));
        assert_eq!(left(&row), "2m 48s");
        (row.total_bytes, row.uploaded_bytes, row.standing) = (Some(1000), 1310, Standing::Seeding);
        assert_eq!(left(&row), "×1.31");
        row.standing = Standing::Paused;
        assert_eq!(left(&row), "");
    }
}
