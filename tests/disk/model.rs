//! A disk that remembers every operation, loses at a power cut what was not synced, and fails where it is told to.
//!
//! What is promised is what POSIX promises and no more: the data of a file is safe once the file was synced, its name
//! once its folder was. Whatever came after may be there, in any order, in parts, torn within a page, or not at all.
//! A file renamed over another is one of the two.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The number of an error of the system.
pub(crate) type Errno = i32;
pub(crate) const EIO: Errno = 5;
pub(crate) const ENOMEM: Errno = 12;
pub(crate) const EACCES: Errno = 13;
pub(crate) const EMFILE: Errno = 24;
pub(crate) const EFBIG: Errno = 27;
pub(crate) const ENOSPC: Errno = 28;
pub(crate) const EROFS: Errno = 30;
pub(crate) const ESTALE: Errno = 116;
pub(crate) const EDQUOT: Errno = 122;
const ENOENT: Errno = 2;
const ENXIO: Errno = 6;
const EEXIST: Errno = 17;
const ENOTDIR: Errno = 20;
const EISDIR: Errno = 21;

const ROOT: u64 = 1;
const PAGE: usize = 4096;
const SECTOR: usize = 512;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    File,
    Folder,
}

/// What is known of a file or folder without reading it.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) inode: u64,
    pub(crate) kind: Kind,
    pub(crate) bytes: u64,
    pub(crate) allocated: u64,
    pub(crate) modified: Time,
    pub(crate) links: u32,
}

type Time = (u64, u32);

/// What can be made to fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    Open,
    Make,
    Read,
    Write,
    Sync,
    Rename,
    Reserve,
}

/// From now on this act fails on files whose name ends so.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) act: Act,
    pub(crate) on: &'static str,
    pub(crate) errno: Errno,
    /// It succeeds so often before.
    pub(crate) after: u32,
    /// It fails so often, then succeeds again.
    pub(crate) times: u32,
}

pub(crate) struct Disk(Mutex<State>);

/// How much a disk takes, and how long an operation takes it, of which several may go on side by side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speed {
    pub(crate) bytes_a_second: f64,
    pub(crate) operation: Duration,
}

#[derive(Default)]
struct State {
    nodes: BTreeMap<u64, Node>,
    /// What was there before the first operation, and is safe.
    base: BTreeMap<u64, Node>,
    log: Vec<Op>,
    faults: Vec<Fault>,
    /// The end of the names of files that are not made yet.
    held: Option<&'static str>,
    /// How slow it is, and when it has taken what was written so far.
    speed: Option<(Speed, Option<Instant>)>,
    /// Seconds since 1970 that the disk takes it to be, and how they go on with each operation.
    clock: (u64, i64),
}

#[derive(Clone, Debug)]
struct Node {
    kind: Kind,
    /// What it was called last.
    name: String,
    bytes: Vec<u8>,
    entries: BTreeMap<String, u64>,
    modified: Time,
    links: u32,
}

#[derive(Clone, Debug)]
enum Op {
    Made {
        inode: u64,
        kind: Kind,
        at: Time,
    },
    Written {
        inode: u64,
        at: usize,
        bytes: Vec<u8>,
    },
    Resized {
        inode: u64,
        bytes: usize,
    },
    Touched {
        inode: u64,
        at: Time,
    },
    /// Under this name there is this file now, or none.
    Named {
        folder: u64,
        name: String,
        inode: Option<u64>,
    },
    Synced {
        inode: u64,
    },
}

impl Node {
    fn new(kind: Kind, name: &str, modified: Time) -> Self {
        let (bytes, entries) = (Vec::new(), BTreeMap::new());
        Self { kind, name: name.to_owned(), bytes, entries, modified, links: 1 }
    }
}

impl Disk {
    pub(crate) fn new() -> Self {
        let mut state = State { clock: (1_700_000_000, 1), ..State::default() };
        state.nodes.insert(ROOT, Node::new(Kind::Folder, "", (1_700_000_000, 0)));
        state.base.clone_from(&state.nodes);
        Self(Mutex::new(state))
    }

    /// Makes it slow. To be called before it is mounted.
    pub(crate) fn slow_down(&self, speed: Speed) {
        self.lock().speed = Some((speed, None));
    }

    pub(crate) fn is_slow(&self) -> bool {
        self.lock().speed.is_some()
    }

    /// Waits as long as an operation with so many bytes takes.
    pub(crate) fn take_time(&self, bytes: usize) {
        let until = {
            let mut state = self.lock();
            let Some((speed, taken)) = &mut state.speed else { return };
            let now = Instant::now();
            let took = Duration::from_secs_f64(bytes as f64 / speed.bytes_a_second);
            let end = taken.map_or(now, |taken| taken.max(now)) + took;
            *taken = Some(end);
            end + speed.operation
        };
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }

    /// Sets what time the disk takes it to be, and by how many seconds it goes on with each operation.
    pub(crate) fn set_clock(&self, seconds: u64, step: i64) {
        self.lock().clock = (seconds, step);
    }

    pub(crate) fn fail(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    pub(crate) fn mend(&self) {
        self.lock().faults.clear();
        self.go_on_making();
    }

    /// Files are made again that were held.
    pub(crate) fn go_on_making(&self) {
        self.lock().held = None;
    }

    /// How many operations there were.
    pub(crate) fn operations(&self) -> usize {
        self.lock().log.len()
    }

    /// How often a file whose name ends so was synced.
    pub(crate) fn syncs(&self, on: &str) -> usize {
        let state = self.lock();
        let synced = |op: &&Op| matches!(op, Op::Synced { inode } if state.nodes[inode].name.ends_with(on));
        state.log.iter().filter(synced).count()
    }

    /// The content of the file at a path.
    pub(crate) fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.lock();
        let mut inode = ROOT;
        for name in path {
            inode = *state.nodes[&inode].entries.get(name.to_str()?)?;
        }
        Some(state.nodes[&inode].bytes.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn look(&self, inode: u64) -> Result<Look, Errno> {
        self.lock().look(inode)
    }

    pub(crate) fn find(&self, folder: u64, name: &str) -> Result<Look, Errno> {
        let state = self.lock();
        let inode = *state.node(folder)?.entries.get(name).ok_or(ENOENT)?;
        state.look(inode)
    }

    pub(crate) fn list(&self, folder: u64) -> Result<Vec<(String, u64)>, Errno> {
        let state = self.lock();
        Ok(state.node(folder)?.entries.iter().map(|(name, inode)| (name.clone(), *inode)).collect())
    }

    /// Files whose names end so are not made before [`Self::mend`].
    pub(crate) fn hold_making(&self, on: &'static str) {
        self.lock().held = Some(on);
    }

    pub(crate) fn make(&self, folder: u64, name: &str, kind: Kind) -> Result<Look, Errno> {
        while self.lock().held.is_some_and(|on| name.ends_with(on)) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut state = self.lock();
        state.fault(Act::Make, name)?;
        if state.node(folder)?.kind != Kind::Folder {
            return Err(ENOTDIR);
        }
        if state.node(folder)?.entries.contains_key(name) {
            return Err(EEXIST);
        }
        let inode = state.nodes.keys().next_back().unwrap_or(&ROOT) + 1;
        let at = state.now();
        state.nodes.insert(inode, Node::new(kind, name, at));
        state.log.push(Op::Made { inode, kind, at });
        state.put(folder, name, Some(inode))?;
        state.look(inode)
    }

    pub(crate) fn remove(&self, folder: u64, name: &str) -> Result<(), Errno> {
        self.lock().put(folder, name, None)
    }

    pub(crate) fn rename(&self, folder: u64, name: &str, to: u64, new: &str) -> Result<(), Errno> {
        let mut state = self.lock();
        state.fault(Act::Rename, new)?;
        let inode = *state.node(folder)?.entries.get(name).ok_or(ENOENT)?;
        state.put(to, new, Some(inode))?;
        state.put(folder, name, None)?;
        let node = state.nodes.get_mut(&inode).ok_or(ENOENT)?;
        node.links = 1;
        node.name = new.to_owned();
        Ok(())
    }

    pub(crate) fn open(&self, inode: u64) -> Result<(), Errno> {
        let mut state = self.lock();
        let name = state.node(inode)?.name.clone();
        state.fault(Act::Open, &name)
    }

    pub(crate) fn read(&self, inode: u64, at: u64, length: usize) -> Result<Vec<u8>, Errno> {
        let mut state = self.lock();
        let name = state.node(inode)?.name.clone();
        state.fault(Act::Read, &name)?;
        let bytes = &state.file(inode)?.bytes;
        let from = bytes.len().min(at as usize);
        Ok(bytes[from..bytes.len().min(from + length)].to_vec())
    }

    pub(crate) fn write(&self, inode: u64, at: u64, bytes: &[u8]) -> Result<(), Errno> {
        let mut state = self.lock();
        let name = state.node(inode)?.name.clone();
        state.fault(Act::Write, &name)?;
        state.file(inode)?;
        let now = state.now();
        // Nobody cuts the power of a slow one; what it is to remember would fill the memory.
        if state.speed.is_some() {
            state.apply(&Op::Written { inode, at: at as usize, bytes: bytes.to_vec() });
            return Ok(());
        }
        state.done(Op::Written { inode, at: at as usize, bytes: bytes.to_vec() });
        state.done(Op::Touched { inode, at: now });
        Ok(())
    }

    pub(crate) fn resize(&self, inode: u64, bytes: u64) -> Result<(), Errno> {
        let mut state = self.lock();
        state.file(inode)?;
        let now = state.now();
        state.done(Op::Resized { inode, bytes: bytes as usize });
        state.done(Op::Touched { inode, at: now });
        Ok(())
    }

    /// Makes the file so long at least.
    pub(crate) fn reserve(&self, inode: u64, bytes: u64) -> Result<(), Errno> {
        let mut state = self.lock();
        let name = state.node(inode)?.name.clone();
        state.fault(Act::Reserve, &name)?;
        if state.file(inode)?.bytes.len() < bytes as usize {
            state.done(Op::Resized { inode, bytes: bytes as usize });
        }
        Ok(())
    }

    pub(crate) fn touch(&self, inode: u64, at: Time) -> Result<(), Errno> {
        let mut state = self.lock();
        state.node(inode)?;
        state.done(Op::Touched { inode, at });
        Ok(())
    }

    /// A sync that fails loses what it was for, as with real disks: the system says so once, and once only.
    pub(crate) fn sync(&self, inode: u64) -> Result<(), Errno> {
        let mut state = self.lock();
        let name = state.node(inode)?.name.clone();
        if let Err(errno) = state.fault(Act::Sync, &name) {
            let safe = state.after(state.log.len(), &mut |_| Fate::Lost);
            if let Some(safe) = safe.nodes.get(&inode) {
                let (bytes, node) = (safe.bytes.clone(), state.nodes.get_mut(&inode).ok_or(ENOENT)?);
                let length = node.bytes.len();
                node.bytes = bytes;
                node.bytes.resize(length, 0);
                let bytes = node.bytes.clone();
                state.log.push(Op::Written { inode, at: 0, bytes });
            }
            return Err(errno);
        }
        state.log.push(Op::Synced { inode });
        Ok(())
    }

    /// The next data (or hole) from here: pages of zeros are holes.
    pub(crate) fn seek(&self, inode: u64, from: u64, data: bool) -> Result<u64, Errno> {
        let state = self.lock();
        let bytes = &state.file(inode)?.bytes;
        let from = from as usize;
        if from >= bytes.len() {
            return Err(ENXIO);
        }
        let pages = bytes.chunks(PAGE).enumerate().skip(from / PAGE);
        let mut fitting = pages.filter(|(_, page)| page.iter().any(|byte| *byte != 0) == data);
        let found = fitting.next().map(|(number, _)| (number * PAGE).max(from));
        found.or_else(|| (!data).then_some(bytes.len())).map(|at| at as u64).ok_or(ENXIO)
    }

    /// The disk as it is found when the power was cut after so many operations.
    pub(crate) fn cut(&self, operations: usize, random: &mut fastrand::Rng) -> Self {
        Self(Mutex::new(self.lock().after(operations, &mut |unsynced| match unsynced {
            Unsynced::Everything => {
                [Fate::Lost, Fate::Kept, Fate::Torn(random.fork())][random.usize(..3)].clone()
            }
            Unsynced::Whether => [Fate::Lost, Fate::Kept][random.usize(..2)].clone(),
        })))
    }

    /// The disk as a killed process leaves it after so many operations: nothing that was done is undone.
    pub(crate) fn kill(&self, operations: usize) -> Self {
        Self(Mutex::new(self.lock().after(operations, &mut |_| Fate::Kept)))
    }
}

/// What becomes of something unsynced.
#[derive(Clone)]
enum Fate {
    Lost,
    Kept,
    /// Some pages, and of some pages some sectors.
    Torn(fastrand::Rng),
}

/// What a fate is drawn for.
enum Unsynced {
    Everything,
    Whether,
}

impl State {
    fn now(&mut self) -> Time {
        self.clock.0 = self.clock.0.saturating_add_signed(self.clock.1);
        (self.clock.0, 0)
    }

    fn fault(&mut self, act: Act, name: &str) -> Result<(), Errno> {
        let fault = self.faults.iter_mut().find(|fault| fault.act == act && name.ends_with(fault.on));
        let Some(fault) = fault else { return Ok(()) };
        if fault.after > 0 {
            fault.after -= 1;
            return Ok(());
        }
        if fault.times == 0 {
            return Ok(());
        }
        fault.times = fault.times.saturating_sub(1);
        Err(fault.errno)
    }

    fn node(&self, inode: u64) -> Result<&Node, Errno> {
        self.nodes.get(&inode).ok_or(ENOENT)
    }

    fn file(&self, inode: u64) -> Result<&Node, Errno> {
        self.node(inode).and_then(|node| if node.kind == Kind::File { Ok(node) } else { Err(EISDIR) })
    }

    fn look(&self, inode: u64) -> Result<Look, Errno> {
        let node = self.node(inode)?;
        let bytes = node.bytes.len() as u64;
        Ok(Look {
            inode,
            kind: node.kind,
            bytes,
            allocated: bytes,
            modified: node.modified,
            links: node.links,
        })
    }

    fn put(&mut self, folder: u64, name: &str, inode: Option<u64>) -> Result<(), Errno> {
        let before = self.node(folder)?.entries.get(name).copied();
        if inode.is_none() && before.is_none() {
            return Err(ENOENT);
        }
        if let Some(before) = before.and_then(|before| self.nodes.get_mut(&before)) {
            before.links = 0;
        }
        self.done(Op::Named { folder, name: name.to_owned(), inode });
        Ok(())
    }

    fn done(&mut self, op: Op) {
        self.apply(&op);
        self.log.push(op);
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Made { inode, kind, at } => {
                self.nodes.entry(*inode).or_insert_with(|| Node::new(*kind, "", *at));
            }
            Op::Written { inode, at, bytes } => {
                if let Some(node) = self.nodes.get_mut(inode) {
                    let end = at + bytes.len();
                    node.bytes.resize(node.bytes.len().max(end), 0);
                    node.bytes[*at..end].copy_from_slice(bytes);
                }
            }
            Op::Resized { inode, bytes } => {
                if let Some(node) = self.nodes.get_mut(inode) {
                    node.bytes.resize(*bytes, 0);
                }
            }
            Op::Touched { inode, at } => {
                if let Some(node) = self.nodes.get_mut(inode) {
                    node.modified = *at;
                }
            }
            Op::Named { folder, name, inode } => {
                if let Some(node) = self.nodes.get_mut(folder) {
                    match inode {
                        Some(inode) => node.entries.insert(name.clone(), *inode),
                        None => node.entries.remove(name),
                    };
                }
                if let Some(node) = inode.and_then(|inode| self.nodes.get_mut(&inode)) {
                    node.name.clone_from(name);
                }
            }
            Op::Synced { .. } => {}
        }
    }

    /// What is there after so many operations, where the fate of each that was not synced is drawn.
    fn after(&self, operations: usize, fate: &mut dyn FnMut(Unsynced) -> Fate) -> Self {
        let log = &self.log[..operations];
        let mut synced: BTreeMap<u64, usize> = BTreeMap::new();
        for (number, op) in log.iter().enumerate() {
            if let Op::Synced { inode } = op {
                synced.insert(*inode, number);
            }
        }
        let is_safe = |inode: &u64, number: usize| synced.get(inode).is_some_and(|at| number < *at);
        let mut found = Self { clock: self.clock, nodes: self.base.clone(), ..Self::default() };
        // A name that is not synced is what it was at some moment since: what came after that moment is lost.
        let mut names_lost: BTreeMap<(u64, &str), bool> = BTreeMap::new();
        for (number, op) in log.iter().enumerate() {
            match op {
                Op::Made { .. } => found.apply(op),
                Op::Synced { .. } => {}
                Op::Named { folder, name, .. } if !is_safe(folder, number) => {
                    let lost = names_lost.entry((*folder, name)).or_insert(false);
                    *lost = *lost || matches!(fate(Unsynced::Whether), Fate::Lost);
                    if !*lost {
                        found.apply(op);
                    }
                }
                Op::Touched { inode, .. } | Op::Resized { inode, .. } if !is_safe(inode, number) => {
                    if !matches!(fate(Unsynced::Whether), Fate::Lost) {
                        found.apply(op);
                    }
                }
                Op::Written { inode, at, bytes } if !is_safe(inode, number) => {
                    match fate(Unsynced::Everything) {
                        Fate::Kept => found.apply(op),
                        Fate::Lost => {}
                        Fate::Torn(mut random) => found.tear(*inode, *at, bytes, &mut random),
                    }
                }
                _ => found.apply(op),
            }
        }
        for node in found.nodes.values_mut() {
            node.links = 1;
        }
        found.base.clone_from(&found.nodes);
        found
    }

    /// Writes some pages, and of some pages some sectors.
    fn tear(&mut self, inode: u64, at: usize, bytes: &[u8], random: &mut fastrand::Rng) {
        let mut begin = 0;
        while begin < bytes.len() {
            let end = bytes.len().min(begin + PAGE - (at + begin) % PAGE);
            let whole = random.bool();
            let mut sector = begin;
            while sector < end {
                let next = end.min(sector + SECTOR - (at + sector) % SECTOR);
                if whole || random.u8(..4) == 0 {
                    let bytes = bytes[sector..next].to_vec();
                    self.apply(&Op::Written { inode, at: at + sector, bytes });
                }
                sector = next;
            }
            // All or nothing of most pages.
            begin = end;
        }
    }
}
