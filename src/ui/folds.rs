//! Peers that failed for one cause, in one row: on the overview where more failed than there is room for, on the list of
//! peers where the user folds them.

use crate::event::{Cause, PeerKey};
use crate::ledger::View;

use super::model::{self, Mode, Model, Screen, Shown};
use super::screens;
use super::words::Standing;

/// Several peers in one row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fold {
    /// What all of them failed of.
    pub(crate) cause: Cause,
    /// The peers, in the order of the list.
    pub(crate) peers: Vec<PeerKey>,
}

/// A row of the peers that are not connected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Line {
    /// The peer of the row; of a fold the one that stands for the others.
    pub(crate) key: PeerKey,
    /// The peers that share the row.
    pub(crate) fold: Option<Fold>,
}

impl Model {
    /// The rows of the list as they are drawn: a fold is one.
    pub(crate) fn lines(&self, view: &View) -> impl Iterator<Item = PeerKey> {
        let others = self.other_lines(view).into_iter().map(|line| line.key);
        self.live_rows(view).chain(others).collect::<Vec<_>>().into_iter()
    }

    /// The rows of the peers that are not connected as they are drawn.
    pub(crate) fn other_lines(&self, view: &View) -> Vec<Line> {
        let listed: Vec<(PeerKey, Option<Cause>)> =
            self.other_rows(view).map(|key| (key, self.shared_cause(view, key))).collect();
        let folded = self.folded_causes(view, &listed);
        let mut lines: Vec<Line> = Vec::new();
        for (key, cause) in listed {
            let Some(cause) = cause.filter(|cause| folded.contains(cause)) else {
                lines.push(Line { key, fold: None });
                continue;
            };
            let same = |fold: &&mut Fold| fold.cause == cause;
            match lines.iter_mut().filter_map(|line| line.fold.as_mut()).find(same) {
                Some(fold) => fold.peers.push(key),
                None => lines.push(Line { key, fold: Some(Fold { cause, peers: vec![key] }) }),
            }
        }
        for line in &mut lines {
            // Whichever of them is selected, the row is.
            let chosen = |fold: &Fold| self.selected.filter(|chosen| fold.peers.contains(chosen));
            line.key = line.fold.as_ref().and_then(chosen).unwrap_or(line.key);
        }
        lines
    }

    /// The fold whose row is selected.
    pub(crate) fn selected_fold(&self, view: &View) -> Option<Fold> {
        let chosen = |line: &Line| Some(line.key) == self.selected;
        self.other_lines(view).into_iter().find(chosen)?.fold
    }

    /// Folds the peers that failed as the selected one did, or unfolds them; `false`: there is nothing to fold.
    pub(super) fn fold(&mut self, view: &View, folds: bool) -> bool {
        if self.screen != Screen::Peers || matches!(self.shown, Shown::Because(_)) {
            return false;
        }
        let Some(cause) = self.selected.and_then(|key| self.shared_cause(view, key)) else {
            return false;
        };
        let count = self.other_rows(view).filter(|key| self.shared_cause(view, *key) == Some(cause)).count();
        match (folds, self.folded.contains(&cause)) {
            (true, false) if count > 1 => self.folded.insert(cause),
            (false, true) => self.folded.remove(&cause),
            _ => false,
        }
    }

    /// The cause by which a peer can share its row: that of a failure, and nobody marked it.
    fn shared_cause(&self, view: &View, key: PeerKey) -> Option<Cause> {
        let peer = model::peer(view, key).filter(|peer| Standing::of(peer, view.at) == Standing::Failed)?;
        peer.cause.filter(|_| !self.marked.contains(&key))
    }

    /// Rows of the peers that are not connected: one for each, and as few as they are where all share them that can.
    pub(crate) fn other_rows_folded(&self, view: &View) -> (usize, usize) {
        let mut all = 0;
        let causes =
            self.other_rows(view).inspect(|_| all += 1).filter_map(|key| self.shared_cause(view, key));
        let shared: usize = alike(causes).iter().map(|(_, count)| count - 1).sum();
        (all, all - shared)
    }

    /// The causes whose peers share a row now; one peer alone has its own.
    fn folded_causes(&self, view: &View, listed: &[(PeerKey, Option<Cause>)]) -> Vec<Cause> {
        let mut groups = alike(listed.iter().filter_map(|(_, cause)| *cause));
        groups.retain(|(_, count)| *count > 1);
        match (self.page(), self.screen, self.shown) {
            (Mode::Browse, Screen::Overview, _) if !self.zoomed => {
                // The largest first, until what is left fits.
                groups.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
                let mut rows = listed.len();
                let room = screens::room_for_others(self, view);
                let mut too_many = |(_, count): &&(Cause, usize)| {
                    let folds = rows > room(rows);
                    rows -= if folds { count - 1 } else { 0 };
                    folds
                };
                groups.iter().take_while(|group| too_many(group)).map(|(cause, _)| *cause).collect()
            }
            (Mode::Browse, Screen::Peers, shown) if !matches!(shown, Shown::Because(_)) => {
                let causes = groups.iter().map(|(cause, _)| *cause);
                causes.filter(|cause| self.folded.contains(cause)).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// How often each cause is among these.
fn alike(causes: impl Iterator<Item = Cause>) -> Vec<(Cause, usize)> {
    let mut groups: Vec<(Cause, usize)> = Vec::new();
    for cause in causes {
        match groups.iter_mut().find(|(other, _)| *other == cause) {
            Some((_, count)) => *count += 1,
            None => groups.push((cause, 1)),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::ui::action::Action;
    use crate::ui::{sample, update};

    /// Selects the row of those that failed for this cause.
    fn select(model: &mut Model, view: &View, cause: Cause) -> Fold {
        let lines = model.other_lines(view);
        let of_cause = |line: &&Line| line.fold.as_ref().is_some_and(|fold| fold.cause == cause);
        let line = lines.iter().find(of_cause).unwrap();
        model.selected = Some(line.key);
        line.fold.clone().unwrap()
    }

    #[test]
    fn where_more_failed_than_fit_each_cause_has_one_row_and_who_failed_alone_its_own() {
        let view = sample::healthy();
        let model = Model::at(Screen::Overview, &view);
        let lines = model.other_lines(&view);
        let folded: usize = lines.iter().filter_map(|line| Some(line.fold.as_ref()?.peers.len())).sum();
        let alone = lines.iter().filter(|line| line.fold.is_none()).count();
        assert_eq!(folded + alone, model.other_rows(&view).count(), "nobody is lost");
        let mut causes = std::collections::HashSet::new();
        for fold in lines.iter().filter_map(|line| line.fold.as_ref()) {
            assert!(fold.peers.len() > 1 && causes.insert(fold.cause), "{:?} has two rows", fold.cause);
        }
        assert_eq!(model.rows(&view).count(), 50, "what is exported is every peer");
    }

    #[test]
    fn the_largest_group_folds_first_and_no_more_than_needed() {
        for moment in ["healthy", "stalled", "barred"] {
            let view = sample::moment(moment);
            for rows in 20..70 {
                let mut model = Model::at(Screen::Overview, &view);
                model.size = (120, rows);
                let lines = model.other_lines(&view);
                let fits = screens::room_for_others(&model, &view)(lines.len());
                let sizes: Vec<usize> =
                    lines.iter().filter_map(|line| Some(line.fold.as_ref()?.peers.len())).collect();
                let Some(least) = sizes.iter().min() else { continue };
                // Unfolded again, the last to fold would not fit.
                let without = lines.len() + least - 1;
                let room = screens::room_for_others(&model, &view)(without);
                assert!(
                    without > room,
                    "{moment}, {rows}: {without} rows would fit into {room}, {fits} were"
                );
                let mut alone = std::collections::HashMap::new();
                for line in lines.iter().filter(|line| line.fold.is_none()) {
                    let cause = model.shared_cause(&view, line.key);
                    *alone.entry(cause).or_insert(0) += usize::from(cause.is_some());
                }
                assert!(
                    alone.values().all(|count| count <= least),
                    "{moment}, {rows}: {alone:?} over {least}"
                );
            }
        }
    }

    #[test]
    fn where_all_that_failed_fit_everybody_has_a_row() {
        let view = sample::healthy();
        let mut model = Model::at(Screen::Overview, &view);
        model.size = (120, 140);
        assert!(model.other_lines(&view).iter().all(|line| line.fold.is_none()));
        model.size = (80, 24);
        model.zoomed = true;
        assert!(model.other_lines(&view).iter().all(|line| line.fold.is_none()));
    }

    #[test]
    fn a_row_of_many_opens_them_is_retried_as_a_whole_and_is_never_dropped_as_a_whole() {
        let view = sample::healthy();
        let mut model = Model::at(Screen::Overview, &view);
        let fold = select(&mut model, &view, Cause::ConnectTimeout);
        assert_eq!(fold.peers.len(), 17);
        for action in [Action::Drop, Action::Ban, Action::Hold, Action::Mark, Action::PeerLog] {
            model.note = None;
            assert_eq!(update(&mut model, action, &view), None);
            assert!(model.note.as_ref().unwrap().text.starts_with("Enter first"), "{action:?}");
            assert_eq!((model.screen, model.marked.len(), model.more.len()), (Screen::Overview, 0, 0));
        }
        let first = update(&mut model, Action::Retry, &view);
        let asked: Vec<Command> = first.into_iter().chain(model.more.drain(..)).collect();
        assert_eq!(asked, fold.peers.iter().map(|key| Command::Retry(*key)).collect::<Vec<_>>());
        assert!(model.note.as_ref().unwrap().text.starts_with("17 peers dialled"));
        update(&mut model, Action::Open, &view);
        assert_eq!(model.screen, Screen::Peers);
        assert_eq!(model.lines(&view).collect::<Vec<_>>(), fold.peers);
        assert_eq!(update(&mut model, Action::Drop, &view), model.selected.map(Command::Drop));
        update(&mut model, Action::Back, &view);
        assert_eq!(model.lines(&view).count(), 50);
    }

    #[test]
    fn the_selection_stays_on_the_row_while_its_peers_come_and_go() {
        let mut view = sample::healthy();
        let mut model = Model::at(Screen::Overview, &view);
        let fold = select(&mut model, &view, Cause::ConnectTimeout);
        model.order.moved(model.clock);
        model.selected = fold.peers.last().copied();
        // The peer of the row it would stand in by itself is dialled again.
        std::sync::Arc::make_mut(&mut view.peers[fold.peers[0].0 as usize]).group =
            crate::ledger::Group::Trying;
        model.take_in(&view);
        assert_eq!(
            model.selected_fold(&view).map(|fold| (fold.cause, fold.peers.len())),
            Some((Cause::ConnectTimeout, 16))
        );
    }

    #[test]
    fn on_the_list_of_peers_left_folds_a_cause_and_right_unfolds_it() {
        let view = sample::healthy();
        let mut model = Model::at(Screen::Peers, &view);
        assert_eq!(model.lines(&view).count(), 50, "it keeps every one");
        let timed_out = view.peers.iter().find(|peer| peer.cause == Some(Cause::ConnectTimeout)).unwrap();
        model.selected = Some(timed_out.key);
        update(&mut model, Action::Left, &view);
        assert_eq!(model.lines(&view).count(), 50 - 16);
        assert!(model.selected_fold(&view).is_some(), "the selection is on the fold");
        update(&mut model, Action::Right, &view);
        assert_eq!((model.lines(&view).count(), model.columns_off), (50, 0));
        update(&mut model, Action::Right, &view);
        assert_eq!(model.columns_off, 1, "with nothing to unfold, it scrolls columns");
        update(&mut model, Action::Left, &view);
        assert_eq!((model.lines(&view).count(), model.columns_off), (50, 0));
    }
}
