//! Which columns the user wants to see, in which order.

use super::PEER_COLUMNS;

/// The two parts of a list of peers, each with columns of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Part {
    /// Live peers.
    #[default]
    Live,
    /// The others.
    Others,
}

impl Part {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Live => Self::Others,
            Self::Others => Self::Live,
        }
    }
}

/// The columns that the user chose; where nothing was chosen, as many as there is room for are shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Choice {
    live: Option<Vec<&'static str>>,
    others: Option<Vec<&'static str>>,
}

impl Choice {
    /// The chosen columns of a part.
    pub fn of(&self, part: Part) -> Option<&[&'static str]> {
        match part {
            Part::Live => self.live.as_deref(),
            Part::Others => self.others.as_deref(),
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
        }
    }

    /// This choice, and the other where it chooses nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { live: self.live.or(other.live), others: self.others.or(other.others) }
    }
}

/// The names of all columns.
pub fn names() -> Vec<&'static str> {
    PEER_COLUMNS.iter().map(|column| column.id).collect()
}

/// The columns of these names; `None` when there are none, one is no column, or one is named twice.
pub fn named<'a>(wanted: impl IntoIterator<Item = &'a str>) -> Option<Vec<&'static str>> {
    let mut found = Vec::new();
    for name in wanted {
        let id = names().into_iter().find(|id| *id == name).filter(|id| !found.contains(id))?;
        found.push(id);
    }
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_taken_by_their_names_each_once() {
        assert_eq!(named(["client", "state"]), Some(vec!["client", "state"]));
        assert_eq!(named(names()), Some(names()));
        for wrong in [&["clint"][..], &["state", "state"], &[]] {
            assert_eq!(named(wrong.iter().copied()), None, "{wrong:?}");
        }
    }

    #[test]
    fn what_is_chosen_here_goes_before_what_is_chosen_there() {
        let mut here = Choice::default();
        here.set(Part::Live, named(["state"]));
        let mut there = Choice::default();
        there.set(Part::Live, named(["client"]));
        there.set(Part::Others, named(["why"]));
        let both = here.or(there);
        assert_eq!((both.of(Part::Live), both.of(Part::Others)), (Some(&["state"][..]), Some(&["why"][..])));
    }
}
