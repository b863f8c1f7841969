//! The torrent's files as a tree of folders, of which some are folded.
//!
//! The tree is built once for a torrent. What is drawn is found by row, so a hundred thousand files cost a frame
//! no more than the rows in sight.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::ledger::{PieceMap, PieceState, TorrentFacts, View};
use crate::metainfo::{Choice, FilePriority};

/// Trees with more entries begin with all folders folded but the first.
const MOST_UNFOLDED: usize = 500;

/// A folder or a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// Its place among the torrent's files; `None`: a folder.
    pub(crate) file: Option<usize>,
    /// Where its own name begins in the path of the first file in it, and where it ends.
    name: (usize, usize),
    /// The first file in it.
    first_file: usize,
    /// Folders above it.
    pub(crate) depth: usize,
    /// The folder it lies in.
    parent: Option<usize>,
    /// One more than the last entry in it: entries stand in the order they are shown in.
    end: usize,
    /// Files in it, itself included.
    pub(crate) files: usize,
    /// Bytes of all of them.
    pub(crate) bytes: u64,
    /// From which byte of the torrent to which they lie: those of a folder do not always follow each other.
    within: (u64, u64),
}

impl Entry {
    /// The bytes of the torrent that it holds; `None`: there are none, or they do not follow each other.
    pub(crate) fn span(&self) -> Option<Range<u64>> {
        let (from, to) = self.within;
        (self.bytes > 0 && to - from == self.bytes).then_some(from..to)
    }
}

/// Everything that follows from the torrent alone.
#[derive(Debug)]
struct Tree {
    facts: Arc<TorrentFacts>,
    entries: Vec<Entry>,
}

/// The tree, what of it is folded, which row is selected, and how much of every entry is here.
#[derive(Clone, Debug, Default)]
pub struct FileTree {
    tree: Option<Arc<Tree>>,
    folded: Arc<Vec<bool>>,
    /// The entries that no folded folder hides.
    rows: Arc<Vec<usize>>,
    /// Bytes of every entry that lie in good pieces, and the generation of the pieces they were counted from.
    good: Arc<(u64, Vec<u64>)>,
    wanted: Arc<Wanted>,
    selected: usize,
}

/// How much every entry is wanted, where anything was chosen.
#[derive(Debug, Default)]
struct Wanted {
    /// The choice from which it follows.
    choice: Option<Arc<Choice>>,
    /// The least and the most that any file of the entry is wanted.
    of: Vec<(FilePriority, FilePriority)>,
}

impl Wanted {
    fn of(tree: &Tree, choice: Option<&Arc<Choice>>) -> Self {
        let Some(chosen) = choice else { return Self::default() };
        let files = tree.facts.files();
        let of_file =
            |file: usize| files.get(file).map_or(FilePriority::Skip, |it| chosen.of(it.number as usize));
        let of_entry = |entry: &Entry| match entry.file.map(of_file) {
            Some(priority) => (priority, priority),
            None => (FilePriority::High, FilePriority::Skip),
        };
        let mut of: Vec<_> = tree.entries.iter().map(of_entry).collect();
        // Entries stand behind their folders, so from the end every folder is complete when it is reached.
        for at in (0..of.len()).rev() {
            if let Some(parent) = tree.entries[at].parent {
                of[parent] = (of[parent].0.min(of[at].0), of[parent].1.max(of[at].1));
            }
        }
        Self { choice: choice.cloned(), of }
    }

    fn is_of(&self, choice: Option<&Arc<Choice>>) -> bool {
        self.choice.as_ref().map(Arc::as_ptr) == choice.map(Arc::as_ptr)
    }
}

impl FileTree {
    /// Brings everything up to date.
    pub(crate) fn take_in(&mut self, view: &View) {
        let is_same = |tree: &Arc<Tree>| Arc::ptr_eq(&tree.facts, &view.torrent);
        if !self.tree.as_ref().is_some_and(is_same) {
            let tree = Tree::of(Arc::clone(&view.torrent));
            let many = tree.entries.len() > MOST_UNFOLDED;
            let folded = tree.entries.iter().map(|entry| many && entry.file.is_none() && entry.depth > 0);
            self.folded = Arc::new(folded.collect());
            self.good = Arc::new((u64::MAX, Vec::new()));
            self.wanted = Arc::default();
            self.tree = Some(Arc::new(tree));
            self.find_rows();
        }
        if self.good.0 != view.pieces.generation {
            self.good = Arc::new((view.pieces.generation, self.count(&view.pieces)));
        }
        let choice = view.choice.as_ref();
        if let Some(tree) = self.tree.as_ref().filter(|_| !self.wanted.is_of(choice)) {
            self.wanted = Arc::new(Wanted::of(tree, choice));
        }
    }

    /// Whether this is what the view shows now.
    fn is_of(&self, view: &View) -> bool {
        let is_same = |tree: &Arc<Tree>| Arc::ptr_eq(&tree.facts, &view.torrent);
        let is_of = self.tree.as_ref().is_some_and(is_same) && self.wanted.is_of(view.choice.as_ref());
        is_of && self.good.0 == view.pieces.generation
    }

    fn entries(&self) -> &[Entry] {
        self.tree.as_ref().map_or(&[], |tree| &tree.entries)
    }

    /// Rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The selected row.
    pub(crate) fn selected(&self) -> usize {
        self.selected
    }

    /// The entry of a row.
    pub(crate) fn entry(&self, row: usize) -> Option<&Entry> {
        self.entries().get(*self.rows.get(row)?)
    }

    /// The name of a row's entry, less its folders.
    pub(crate) fn name(&self, row: usize) -> &str {
        let (Some(tree), Some(entry)) = (&self.tree, self.entry(row)) else { return "" };
        let path = tree.facts.files().get(entry.first_file).map_or("", |file| &file.path);
        path.get(entry.name.0..entry.name.1).unwrap_or(path)
    }

    /// The path of a row's entry, from the output folder on.
    pub(crate) fn path(&self, row: usize) -> Option<&str> {
        let (tree, entry) = (self.tree.as_ref()?, self.entry(row)?);
        tree.facts.files().get(entry.first_file)?.path.get(..entry.name.1)
    }

    /// This, or where the view shows something newer, the same brought up to date.
    pub(crate) fn up_to_date(&self, view: &View) -> Cow<'_, Self> {
        if self.is_of(view) {
            return Cow::Borrowed(self);
        }
        let mut newer = self.clone();
        newer.take_in(view);
        Cow::Owned(newer)
    }

    /// How many bytes of each of the torrent's first files, `most` at most, lie in good pieces.
    pub(crate) fn good_of_files(&self, most: usize) -> Vec<u64> {
        let files = self.tree.as_ref().map_or(0, |tree| tree.facts.files().len());
        let mut good_of = vec![0; files.min(most)];
        for (entry, good_bytes) in self.entries().iter().zip(&self.good.1) {
            if let Some(good) = entry.file.and_then(|file| good_of.get_mut(file)) {
                *good = *good_bytes;
            }
        }
        good_of
    }

    /// Bytes of a row's entry that lie in good pieces.
    pub(crate) fn good_bytes(&self, row: usize) -> u64 {
        self.rows.get(row).and_then(|at| self.good.1.get(*at)).copied().unwrap_or(0)
    }

    /// Bytes of a row's entry that are wanted and do not lie in good pieces.
    pub(crate) fn missing_bytes(&self, row: usize) -> u64 {
        let (Some(at), Some(entry)) = (self.rows.get(row), self.entry(row)) else { return 0 };
        let good = |at: usize| self.good.1.get(at).copied().unwrap_or(0);
        match self.wanted(row) {
            (_, FilePriority::Skip) => 0,
            (FilePriority::Skip, _) => {
                let wanted =
                    |at: &usize| self.wanted.of.get(*at).is_some_and(|of| of.0 != FilePriority::Skip);
                let files = (*at..entry.end).filter(|at| self.entries()[*at].file.is_some()).filter(wanted);
                files.map(|at| self.entries()[at].bytes.saturating_sub(good(at))).sum()
            }
            _ => entry.bytes.saturating_sub(good(*at)),
        }
    }

    /// Whether anything was chosen.
    pub(crate) fn is_chosen(&self) -> bool {
        self.wanted.choice.is_some()
    }

    /// The least and the most that any file of a row's entry is wanted.
    pub(crate) fn wanted(&self, row: usize) -> (FilePriority, FilePriority) {
        let wanted = self.rows.get(row).and_then(|at| self.wanted.of.get(*at));
        wanted.copied().unwrap_or_default()
    }

    /// The numbers of the files of a row's entry, as the torrent counts them: those that follow each other together.
    pub(crate) fn numbers(&self, row: usize) -> Vec<Range<u32>> {
        let (Some(tree), Some(at)) = (&self.tree, self.rows.get(row)) else { return Vec::new() };
        let Some(entry) = tree.entries.get(*at) else { return Vec::new() };
        let inside = tree.entries.get(*at..entry.end).unwrap_or_default();
        let mut files: Vec<usize> = inside.iter().filter_map(|entry| entry.file).collect();
        files.sort_unstable();
        let number = |file: usize| tree.facts.files().get(file).map_or(0, |file| file.number);
        // What only pads lies between them and counts for nothing.
        let together = files.chunk_by(|file, next| file + 1 == *next);
        together.filter_map(|files| Some(number(*files.first()?)..number(*files.last()?) + 1)).collect()
    }

    /// The pieces of a row's entry; `None`: it has no bytes, or they do not follow each other.
    pub(crate) fn pieces(&self, row: usize, view: &View) -> Option<Range<usize>> {
        let span = self.entry(row)?.span()?;
        let piece_bytes = u64::from(view.torrent.geometry()?.piece_bytes());
        let (first, end) = ((span.start / piece_bytes) as usize, span.end.div_ceil(piece_bytes) as usize);
        (end <= view.pieces.states.len()).then_some(first..end)
    }

    /// Whether the row's folder is folded.
    pub(crate) fn is_folded(&self, row: usize) -> bool {
        self.rows.get(row).and_then(|at| self.folded.get(*at)).copied().unwrap_or(false)
    }

    /// Selects the row so many further down.
    pub(crate) fn step(&mut self, by: isize) {
        let last = self.rows.len().saturating_sub(1);
        self.selected = (self.selected as isize).saturating_add(by).clamp(0, last as isize) as usize;
    }

    /// Selects this row.
    pub(crate) fn select(&mut self, row: usize) {
        self.selected = row.min(self.rows.len().saturating_sub(1));
    }

    /// Folds the selected folder, or unfolds it.
    pub(crate) fn toggle(&mut self) {
        let fold = !self.is_folded(self.selected);
        self.fold(fold);
    }

    /// Unfolds the selected folder, or goes to its first entry.
    pub(crate) fn unfold(&mut self) {
        match self.entry(self.selected) {
            Some(entry) if entry.file.is_none() && !self.is_folded(self.selected) => self.step(1),
            _ => self.fold(false),
        }
    }

    /// Folds the selected folder, or goes to the one around it.
    pub(crate) fn fold_or_leave(&mut self) {
        let Some(entry) = self.entry(self.selected) else { return };
        if entry.file.is_none() && !self.is_folded(self.selected) {
            return self.fold(true);
        }
        if let Some(row) = entry.parent.and_then(|parent| self.rows.binary_search(&parent).ok()) {
            self.selected = row;
        }
    }

    fn fold(&mut self, fold: bool) {
        let Some(at) = self.rows.get(self.selected).copied() else { return };
        if self.entries()[at].file.is_none() && self.folded[at] != fold {
            Arc::make_mut(&mut self.folded)[at] = fold;
            self.find_rows();
        }
    }

    fn find_rows(&mut self) {
        let mut rows = Vec::new();
        let mut at = 0;
        while let Some(entry) = self.entries().get(at) {
            rows.push(at);
            at = if self.folded[at] { entry.end } else { at + 1 };
        }
        self.rows = Arc::new(rows);
        self.selected = self.selected.min(self.rows.len().saturating_sub(1));
    }

    /// Bytes of every entry that lie in good pieces.
    fn count(&self, pieces: &PieceMap) -> Vec<u64> {
        let Some(tree) = &self.tree else { return Vec::new() };
        let Some(geometry) = tree.facts.geometry() else { return Vec::new() };
        let piece_bytes = u64::from(geometry.piece_bytes());
        let mut before = Vec::with_capacity(pieces.states.len() + 1);
        let mut count = 0u32;
        before.push(0);
        for state in &pieces.states {
            count += u32::from(*state == PieceState::Good);
            before.push(count);
        }
        let good_of = |file: usize| {
            tree.facts.files().get(file).map_or(0, |file| {
                good_within(&before, pieces, piece_bytes, file.offset_bytes, file.length_bytes)
            })
        };
        let mut good: Vec<u64> = tree.entries.iter().map(|entry| entry.file.map_or(0, good_of)).collect();
        // Entries stand behind their folders, so from the end every folder is complete when it is reached.
        for at in (0..good.len()).rev() {
            if let Some(parent) = tree.entries[at].parent {
                good[parent] = good[parent].saturating_add(good[at]);
            }
        }
        good
    }
}

/// Bytes of a range of the torrent that lie in good pieces; `before` counts the good pieces before each piece.
fn good_within(before: &[u32], pieces: &PieceMap, piece_bytes: u64, from: u64, length: u64) -> u64 {
    let end = from.saturating_add(length).min(piece_bytes.saturating_mul(pieces.states.len() as u64));
    if length == 0 || from >= end {
        return 0;
    }
    let (first, last) = ((from / piece_bytes) as usize, ((end - 1) / piece_bytes) as usize);
    let is_good = |piece: usize| pieces.states[piece] == PieceState::Good;
    if first == last {
        return if is_good(first) { end - from } else { 0 };
    }
    let head = if is_good(first) { (first as u64 + 1) * piece_bytes - from } else { 0 };
    let tail = if is_good(last) { end - last as u64 * piece_bytes } else { 0 };
    head + u64::from(before[last] - before[first + 1]) * piece_bytes + tail
}

impl Tree {
    fn of(facts: Arc<TorrentFacts>) -> Self {
        // Folders by their place in a list of children, in the order in which files first name them.
        let mut made: Vec<Entry> = Vec::new();
        let mut children: Vec<Vec<usize>> = Vec::new();
        let mut roots: Vec<usize> = Vec::new();
        let mut folders: HashMap<(Option<usize>, &str), usize> = HashMap::new();
        for (number, file) in facts.files().iter().enumerate() {
            let (mut parent, mut begin, mut depth) = (None, 0, 0);
            while begin <= file.path.len() {
                let length = file.path[begin..].find('/');
                let end = length.map_or(file.path.len(), |length| begin + length);
                let fresh = Entry {
                    file: length.is_none().then_some(number),
                    name: (begin, end),
                    first_file: number,
                    depth,
                    parent,
                    end: 0,
                    files: 0,
                    bytes: 0,
                    within: (u64::MAX, 0),
                };
                let make = || {
                    made.push(fresh);
                    children.push(Vec::new());
                    let at = made.len() - 1;
                    parent.map_or(&mut roots, |parent: usize| &mut children[parent]).push(at);
                    at
                };
                let at = match length {
                    None => make(),
                    Some(_) => *folders.entry((parent, &file.path[begin..end])).or_insert_with(make),
                };
                made[at].files += 1;
                made[at].bytes = made[at].bytes.saturating_add(file.length_bytes);
                if file.length_bytes > 0 {
                    let (from, to) = made[at].within;
                    let end = file.offset_bytes.saturating_add(file.length_bytes);
                    made[at].within = (from.min(file.offset_bytes), to.max(end));
                }
                (parent, begin, depth) = (Some(at), end + 1, depth + 1);
                if length.is_none() {
                    break;
                }
            }
        }
        let entries = in_order(&made, &children, &roots);
        Self { facts, entries }
    }
}

/// The entries as they are shown: every folder before what is in it. Without recursion, since foreign paths may be
/// as deep as they like.
fn in_order(made: &[Entry], children: &[Vec<usize>], roots: &[usize]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::with_capacity(made.len());
    let mut to_do: Vec<(usize, Option<usize>)> = roots.iter().rev().map(|root| (*root, None)).collect();
    while let Some((at, parent)) = to_do.pop() {
        let place = entries.len();
        entries.push(Entry { parent, ..made[at].clone() });
        to_do.extend(children[at].iter().rev().map(|child| (*child, Some(place))));
    }
    for at in (0..entries.len()).rev() {
        entries[at].end = entries[at].end.max(at + 1);
        if let Some(parent) = entries[at].parent {
            entries[parent].end = entries[parent].end.max(entries[at].end);
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::FileFacts;
    use crate::ui::sample;

    /// A view of these files, one after the other.
    fn view(files: &[(&str, u64)]) -> View {
        let mut view = sample::healthy();
        let mut offset_bytes = 0;
        let files = (0..).zip(files).map(|(number, (path, length_bytes))| {
            let path = (*path).to_owned();
            let file = FileFacts { path, offset_bytes, length_bytes: *length_bytes, number };
            offset_bytes += length_bytes;
            file
        });
        Arc::make_mut(&mut view.torrent).metadata.as_mut().unwrap().files = files.collect();
        view
    }

    fn tree_of(view: &View) -> FileTree {
        let mut tree = FileTree::default();
        tree.take_in(view);
        tree
    }

    fn shown(tree: &FileTree) -> Vec<String> {
        let row = |row: usize| {
            let entry = tree.entry(row).unwrap();
            format!("{}{} {}", "  ".repeat(entry.depth), tree.name(row), entry.bytes)
        };
        (0..tree.len()).map(row).collect()
    }

    const FILES: [(&str, u64); 5] = [("a/b/1", 1), ("a/c/2", 2), ("a/b/3", 3), ("a/4", 4), ("a/c/d/5", 5)];

    #[test]
    fn files_stand_in_their_folders_with_their_sums() {
        let tree = tree_of(&view(&FILES));
        assert_eq!(
            shown(&tree),
            ["a 15", "  b 4", "    1 1", "    3 3", "  c 7", "    2 2", "    d 5", "      5 5", "  4 4"]
        );
        assert_eq!(tree.entry(0).unwrap().files, 5);
    }

    #[test]
    fn what_is_missing_of_a_folder_is_what_is_wanted_of_it() {
        let mut view = view(&FILES);
        let pieces = Arc::make_mut(&mut view.pieces);
        pieces.states.fill(PieceState::Missing);
        pieces.generation += 1;
        assert_eq!(tree_of(&view).missing_bytes(0), 15);
        let mut choice = Choice::everything(FILES.len());
        choice.set_all(1..3, FilePriority::Skip);
        view.choice = Some(Arc::new(choice));
        let tree = tree_of(&view);
        let missing: Vec<u64> = (0..tree.len()).map(|row| tree.missing_bytes(row)).collect();
        assert_eq!(missing, [10, 1, 1, 0, 5, 0, 5, 5, 4]);
    }

    #[test]
    fn folders_fold_and_unfold_and_the_selection_stays_where_it_can() {
        let mut tree = tree_of(&view(&FILES));
        tree.step(1);
        tree.toggle();
        assert_eq!(shown(&tree), ["a 15", "  b 4", "  c 7", "    2 2", "    d 5", "      5 5", "  4 4"]);
        tree.unfold();
        tree.unfold();
        assert_eq!(tree.name(tree.selected()), "1");
        tree.fold_or_leave();
        assert_eq!(tree.name(tree.selected()), "b");
        tree.fold_or_leave();
        tree.fold_or_leave();
        assert_eq!(tree.name(tree.selected()), "a");
        tree.fold_or_leave();
        assert_eq!(shown(&tree), ["a 15"]);
        tree.step(100);
        tree.toggle();
        tree.step(100);
        assert_eq!(tree.name(tree.selected()), "4");
    }

    #[test]
    fn a_hundred_thousand_files_begin_folded() {
        let paths: Vec<String> = (0..100_000).map(|n| format!("all/{}/{n}", n % 100)).collect();
        let files: Vec<(&str, u64)> = paths.iter().map(|path| (path.as_str(), 10)).collect();
        let tree = tree_of(&view(&files));
        assert_eq!((tree.len(), tree.entry(0).unwrap().bytes), (101, 1_000_000));
    }

    #[test]
    fn paths_of_any_kind_make_a_tree() {
        let deep = "a/".repeat(5000) + "b";
        let files = [("", 1), ("/", 2), ("x//y", 3), (deep.as_str(), 4), ("x", 5), ("x", 6)];
        let mut tree = tree_of(&view(&files));
        for _ in 0..20 {
            tree.unfold();
            tree.step(1);
        }
        assert!(tree.len() >= 9, "{}", tree.len());
    }

    proptest! {
        #[test]
        fn counts_what_a_file_has_of_the_pieces_at_its_ends(
            states in proptest::collection::vec(any::<bool>(), 1..40), from in 0u64..400, length in 0u64..400,
        ) {
            let state = |good: &bool| if *good { PieceState::Good } else { PieceState::Missing };
            let map = PieceMap { states: states.iter().map(state).collect(), ..PieceMap::default() };
            let mut before = vec![0];
            before.extend(states.iter().scan(0, |sum, good| { *sum += u32::from(*good); Some(*sum) }));
            let expected = (from..from + length).filter(|byte| states.get((byte / 10) as usize) == Some(&true));
            prop_assert_eq!(good_within(&before, &map, 10, from, length), expected.count() as u64);
        }
    }
}
