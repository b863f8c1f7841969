//! The torrents of the run: which of them are listed, in which order, and which one is looked at.

mod columns;
mod state;
mod table;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::ledger::{Queued, Removable, Standing, TorrentRow, Torrents, View};
use crate::metainfo::InfoHash;

pub(crate) use self::columns::{ORDERS, TORRENT_COLUMNS, columns_for, is_order};
use self::columns::{QUEUE, order_mark};
pub(crate) use self::state::{rests, state, why};
pub(crate) use self::table::{NAMES as TABLE_NAMES, rows as table_rows};
use super::filter::Words;
use super::order::Pace;

/// The torrents, as the screen lists them.
#[derive(Clone, Debug, Default)]
pub(crate) struct TorrentList {
    /// All there are, in the order of the queue.
    pub(crate) newest: Arc<Torrents>,
    /// The places in it of those that are listed, in the order of their rows.
    listed: Vec<usize>,
    /// The torrent that is looked at: on every screen, and the selected row of the list.
    selected: Option<InfoHash>,
    /// The row of the selected one when it was last listed.
    row: usize,
    /// Whether it was told which there are.
    is_told: bool,
    /// Those that keys act on together.
    pub(crate) marked: BTreeSet<InfoHash>,
    /// Those that were forgotten last.
    pub(crate) forgotten: Vec<InfoHash>,
    /// Those that were moved last.
    pub(crate) moved: Vec<InfoHash>,
    /// Those of which it is shown what can be deleted.
    pub(crate) deleting: Vec<InfoHash>,
    /// The column they are sorted by; `None`: by their place in the queue.
    column: Option<&'static str>,
    /// Whether the order is turned around.
    reversed: bool,
    pace: Pace,
}

impl TorrentList {
    /// Takes in the newest rows. They are sorted when it is time, and the selection stays on its torrent; where that is
    /// gone, it goes to the one that took its row. Returns those that became complete before our eyes.
    pub(crate) fn take_in(
        &mut self,
        newest: &Arc<Torrents>,
        filter: &Words,
        clock: Duration,
    ) -> Vec<Arc<TorrentRow>> {
        let before = std::mem::replace(&mut self.newest, Arc::clone(newest));
        self.is_told = true;
        self.marked.retain(|id| newest.place(*id).is_some());
        let same = before.rows.len() == newest.rows.len()
            && before.rows.iter().zip(&newest.rows).all(|(one, other)| one.id == other.id);
        if !same || self.pace.is_due(clock) {
            self.list(filter);
            self.pace.sorted(clock);
        } else {
            self.follow();
        }
        completed(&before, newest)
    }

    /// Lists those that the filter takes, in order.
    pub(crate) fn list(&mut self, filter: &Words) {
        let rows = &self.newest.rows;
        self.listed = (0..rows.len()).filter(|at| filter.takes(&columns::words(&rows[*at]))).collect();
        if let Some(order) = self.column.and_then(columns::order) {
            self.listed.sort_by_cached_key(|at| ((order.key)(&rows[*at]), *at));
        }
        if self.reversed {
            self.listed.reverse();
        }
        self.follow();
    }

    /// Keeps the selection among the rows.
    fn follow(&mut self) {
        let at = self.selected.and_then(|id| self.rows().position(|row| row.id == id));
        let gone = self.selected.is_none_or(|id| self.newest.place(id).is_none());
        match at {
            Some(at) => self.row = at,
            // What a filter hides is looked at all the same.
            None if gone || !self.listed.is_empty() => {
                let near = self.row.min(self.listed.len().saturating_sub(1));
                let id = self.rows().nth(near).map(|row| row.id);
                self.selected = id.or_else(|| self.newest.rows.first().map(|row| row.id));
            }
            None => {}
        }
    }

    /// How many are listed.
    pub(crate) fn len(&self) -> usize {
        self.listed.len()
    }

    /// The listed ones, in the order of their rows.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Arc<TorrentRow>> {
        self.listed.iter().filter_map(|at| self.newest.rows.get(*at))
    }

    /// The one in this row.
    pub(crate) fn at(&self, row: usize) -> Option<&Arc<TorrentRow>> {
        self.newest.rows.get(*self.listed.get(row)?)
    }

    /// How many there are, where they are several, whose download quitting stops.
    pub(crate) fn under_way(&self) -> usize {
        let downloads = |row: &&Arc<TorrentRow>| {
            use Standing::{Checking, Downloading, Metadata, Opening, Stalled};
            matches!(row.standing, Opening | Checking | Metadata | Downloading | Stalled)
        };
        if self.are_several() { self.newest.rows.iter().filter(downloads).count() } else { 0 }
    }

    /// Whether it is known that there are none.
    pub(crate) fn are_none(&self) -> bool {
        self.is_told && self.newest.rows.is_empty()
    }

    /// Whether there are others beside the one that is looked at.
    pub(crate) fn are_several(&self) -> bool {
        self.newest.rows.len() > 1
    }

    /// The row of the torrent that is looked at.
    pub(crate) fn selected(&self) -> Option<&Arc<TorrentRow>> {
        self.newest.row(self.selected?)
    }

    /// Whether the view is of the torrent that is looked at, as it is now: another is on its way, one that does not run has none,
    /// and of one whose files are moved it is of before.
    pub(crate) fn is_seen_in(&self, view: &View) -> bool {
        let is_moving = || self.selected().is_some_and(|row| matches!(row.standing, Standing::Moving { .. }));
        self.selected.map_or(!self.is_told, |id| id == view.torrent.info_hash && !is_moving())
    }

    /// Its row, where it is listed.
    pub(crate) fn selected_row(&self) -> Option<usize> {
        (self.at(self.row)?.id == self.selected?).then_some(self.row)
    }

    /// Its place in the queue, from 1, and how many there are.
    pub(crate) fn place(&self) -> Option<(usize, usize)> {
        Some((self.newest.place(self.selected?)? + 1, self.newest.rows.len()))
    }

    /// Looks at this torrent, once there is a row of it.
    pub(crate) fn look_at(&mut self, id: Option<InfoHash>) {
        self.selected = id;
    }

    /// Moves the selection to this row, or as near as there is one.
    pub(crate) fn select_row(&mut self, row: usize, clock: Duration) {
        self.row = row.min(self.listed.len().saturating_sub(1));
        self.selected = self.at(self.row).map(|row| row.id).or(self.selected);
        self.pace.moved(clock);
    }

    /// Moves the selection by so many rows.
    pub(crate) fn step(&mut self, by: isize, clock: Duration) {
        self.select_row(self.row.saturating_add_signed(by), clock);
    }

    /// Marks the selected torrent, or takes its mark away.
    pub(crate) fn mark(&mut self) {
        if let Some(id) = self.selected
            && !self.marked.remove(&id)
        {
            self.marked.insert(id);
        }
    }

    /// The torrents that keys act on, in the order of the queue: the marked ones, and where there are none the selected one.
    pub(crate) fn meant(&self) -> Vec<Arc<TorrentRow>> {
        match self.marked.is_empty() {
            true => self.selected().into_iter().cloned().collect(),
            false => self.newest.rows.iter().filter(|row| self.marked.contains(&row.id)).cloned().collect(),
        }
    }

    /// What of a torrent can be deleted, once that is known.
    pub(crate) fn removable(&self, id: InfoHash) -> Option<&Removable> {
        self.newest.removable.iter().find(|found| found.id == id).map(|found| &**found)
    }

    /// The id of the order there is.
    pub(crate) fn order(&self) -> &'static str {
        self.column.unwrap_or(QUEUE)
    }

    /// Which way the rows go.
    pub(crate) fn mark_of_order(&self) -> &'static str {
        order_mark(self.order(), self.reversed)
    }

    /// Sorts by this column; where it does already, the other way round.
    pub(crate) fn by(&mut self, id: &'static str, filter: &Words) {
        let column = (id != QUEUE).then_some(id);
        self.reversed = self.column == column && !self.reversed;
        self.column = column;
        self.list(filter);
    }

    /// Turns the order around.
    pub(crate) fn reverse(&mut self, filter: &Words) {
        self.reversed = !self.reversed;
        self.list(filter);
    }

    /// Whether the rows stand in the order of the queue.
    pub(crate) fn is_by_queue(&self) -> bool {
        self.column.is_none() && !self.reversed
    }
}

/// Those that were fetched before and are whole now.
fn completed(before: &Torrents, newest: &Torrents) -> Vec<Arc<TorrentRow>> {
    let was_fetched = |at: usize, row: &TorrentRow| {
        // Rows mostly stay where they are.
        let same_place = before.rows.get(at).filter(|then| then.id == row.id);
        let then = same_place.or_else(|| before.row(row.id));
        then.is_some_and(|then| matches!(then.standing, Standing::Downloading | Standing::Stalled))
    };
    let is_whole = |row: &TorrentRow| {
        matches!(row.standing, Standing::Seeding | Standing::Done | Standing::Queued(Queued::Seeding { .. }))
    };
    let rows = newest.rows.iter().enumerate();
    rows.filter(|(at, row)| is_whole(row) && was_fetched(*at, row)).map(|(_, row)| Arc::clone(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Totals;
    use crate::ui::sample;

    fn among(all: &Arc<Torrents>, change: impl FnOnce(&mut Vec<Arc<TorrentRow>>)) -> Arc<Torrents> {
        let mut torrents = (**all).clone();
        change(&mut torrents.rows);
        torrents.totals = Totals::of(&torrents.rows);
        Arc::new(torrents)
    }

    #[test]
    fn the_selection_stays_on_its_torrent_and_goes_to_the_next_where_that_is_gone() {
        let all = sample::torrents(&sample::healthy());
        let (mut list, no_filter) = (TorrentList::default(), Words::default());
        list.take_in(&all, &no_filter, Duration::ZERO);
        list.step(2, Duration::ZERO);
        let third = all.rows[2].id;
        assert_eq!((list.selected, list.place()), (Some(third), Some((3, 13))));
        list.take_in(&among(&all, |rows| rows.reverse()), &no_filter, Duration::ZERO);
        assert_eq!((list.selected, list.selected_row()), (Some(third), Some(10)));
        list.take_in(&among(&all, |rows| _ = rows.remove(2)), &no_filter, Duration::ZERO);
        list.select_row(2, Duration::ZERO);
        list.take_in(&among(&all, |rows| drop(rows.drain(2..4))), &no_filter, Duration::ZERO);
        assert_eq!(list.selected, Some(all.rows[4].id), "the next one came to its row");
        list.take_in(&among(&all, Vec::clear), &no_filter, Duration::ZERO);
        assert_eq!((list.len(), list.selected()), (0, None));
    }

    #[test]
    fn who_became_complete_is_told_once() {
        let all = sample::torrents(&sample::healthy());
        let (mut list, no_filter) = (TorrentList::default(), Words::default());
        assert!(list.take_in(&all, &no_filter, Duration::ZERO).is_empty(), "that is no news");
        let done = among(&all, |rows| Arc::make_mut(&mut rows[1]).standing = Standing::Seeding);
        let told = list.take_in(&done, &no_filter, Duration::ZERO);
        assert_eq!(told.iter().map(|row| row.id).collect::<Vec<_>>(), [all.rows[1].id]);
        assert!(list.take_in(&done, &no_filter, Duration::ZERO).is_empty());
    }
}
