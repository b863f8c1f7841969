//! Which columns the user wants to see, in which order.

use super::PEER_COLUMNS;
use crate::ui::torrent_list::TORRENT_COLUMNS;

/// The lists that have columns of their own: the two parts of a list of peers, and that of torrents.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Part {
    /// Live peers.
    #[default]
    Live,
    /// The others.
    Others,
    /// Torrents.
    Torrents,
}

impl Part {
    /// Every list.
    pub const ALL: [Self; 3] = [Self::Live, Self::Others, Self::Torrents];

    /// The other part of the same list.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Live => Self::Others,
            Self::Others => Self::Live,
            Self::Torrents => Self::Torrents,
        }
    }

    /// Every column that it can have, each with what it shows.
    pub(crate) fn columns(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Live | Self::Others => PEER_COLUMNS.iter().map(|column| (column.id, column.help)).collect(),
            Self::Torrents => TORRENT_COLUMNS.iter().map(|column| (column.id, column.help)).collect(),
        }
    }

    /// The chosen columns, and behind them the others.
    pub(crate) fn in_order(self, chosen: &[&'static str]) -> Vec<&'static str> {
        let others = names(self).into_iter().filter(|id| !chosen.contains(id));
        chosen.iter().copied().chain(others).collect()
    }
}

/// The columns that the user chose; where nothing was chosen, as many as there is room for are shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Choice {
    live: Option<Vec<&'static str>>,
    others: Option<Vec<&'static str>>,
    torrents: Option<Vec<&'static str>>,
}

impl Choice {
    /// The chosen columns of a part.
    pub fn of(&self, part: Part) -> Option<&[&'static str]> {
        match part {
            Part::Live => self.live.as_deref(),
            Part::Others => self.others.as_deref(),
            Part::Torrents => self.torrents.as_deref(),
        }
    }

    /// The chosen columns of a part, or those that are shown without a choice.
    pub(crate) fn chosen(&self, part: Part, shown: impl FnOnce() -> Vec<&'static str>) -> Vec<&'static str> {
        self.of(part).map_or_else(shown, <[_]>::to_vec)
    }

    /// Chooses the columns of a part; `None`: as many as there is room for.
    pub fn set(&mut self, part: Part, ids: Option<Vec<&'static str>>) {
        match part {
            Part::Live => self.live = ids,
            Part::Others => self.others = ids,
            Part::Torrents => self.torrents = ids,
        }
    }

    /// This choice, and the other where it chooses nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            live: self.live.or(other.live),
            others: self.others.or(other.others),
            torrents: self.torrents.or(other.torrents),
        }
    }
}

/// The names of all columns of a list.
pub fn names(part: Part) -> Vec<&'static str> {
    part.columns().into_iter().map(|(id, _)| id).collect()
}

/// The columns of a list by these names; `None` when there are none, one is no column, or one is named twice.
pub fn named<'a>(part: Part, wanted: impl IntoIterator<Item = &'a str>) -> Option<Vec<&'static str>> {
    let mut found = Vec::new();
    for name in wanted {
        let id = names(part).into_iter().find(|id| *id == name).filter(|id| !found.contains(id))?;
        found.push(id);
    }
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_taken_by_their_names_each_once() {
        assert_eq!(named(Part::Live, ["client", "state"]), Some(vec!["client", "state"]));
        assert_eq!(named(Part::Torrents, ["size", "client"]), None);
        for part in Part::ALL {
            assert_eq!(named(part, names(part)), Some(names(part)));
            assert!(part.columns().iter().all(|(_, help)| !help.is_empty()));
        }
        for wrong in [&["clint"][..], &["state", "state"], &[]] {
            assert_eq!(named(Part::Live, wrong.iter().copied()), None, "{wrong:?}");
        }
    }

    #[test]
    fn what_is_chosen_here_goes_before_what_is_chosen_there() {
        let mut here = Choice::default();
        here.set(Part::Live, named(Part::Live, ["state"]));
        let mut there = Choice::default();
        there.set(Part::Live, named(Part::Live, ["client"]));
        there.set(Part::Others, named(Part::Others, ["why"]));
        let both = here.or(there);
        assert_eq!((both.of(Part::Live), both.of(Part::Others)), (Some(&["state"][..]), Some(&["why"][..])));
    }
}
