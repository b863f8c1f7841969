//! One lookup: asks nodes nearer and nearer to an id until the nearest have answered (BEP 5).

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::{diversity, node_id};
use crate::event::{MOST_LOOKUP_NODES, NodeOutcome};
use crate::metainfo::InfoHash;
use crate::metainfo::address::{Family, is_allowed, scope_of};
use crate::wire::krpc::{NodeId, NodeInfo, Reply};

/// The nearest nodes that have to answer, and that are announced to.
pub(super) const NEAREST: usize = 8;
/// Queries out at once, not counting slow ones.
const AT_ONCE: usize = 4;
/// Nodes that are remembered: the nearest of those that were named.
const MOST_KNOWN: usize = 100;
/// Nodes asked whose ids do not fit their addresses (BEP 42). They do not count among the nearest.
const MOST_UNFIT: usize = 8;
/// Peers that are taken of all answers together.
const MOST_PEERS: usize = 4000;

/// A lookup; given out once in a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct LookupKey(pub(super) u32);

/// What a lookup is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Aim {
    /// Peers of a torrent.
    Peers {
        info_hash: InfoHash,
        /// And then to announce us.
        announce: bool,
    },
    /// Nodes, for the table.
    Nodes,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    Known,
    Asked { slow: bool },
    Answered { token: Option<Vec<u8>> },
    Failed,
}

#[derive(Clone, Debug)]
struct Candidate {
    info: NodeInfo,
    state: State,
    fits: bool,
}

impl Candidate {
    /// Whether it stands among the nearest that have to answer. A slow one does not hold up the others.
    fn counts(&self) -> bool {
        self.fits && !matches!(self.state, State::Failed | State::Asked { slow: true })
    }
}

/// How far a lookup came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Tally {
    /// Nodes asked.
    pub(super) asked: u32,
    /// Nodes that answered.
    pub(super) answered: u32,
}

/// One lookup over one family.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) family: Family,
    pub(super) target: NodeId,
    pub(super) aim: Aim,
    own: NodeId,
    /// Where others see us, if they told: nodes may still know us there under an id that we had.
    ours: Option<SocketAddr>,
    /// Nearest first.
    candidates: Vec<Candidate>,
    /// Addresses that were asked: a node that comes again under another id is not asked again.
    asked: BTreeSet<SocketAddr>,
    unfit_asked: usize,
    peers: BTreeSet<SocketAddr>,
    pub(super) tally: Tally,
    /// The nearest have answered: what comes now is taken, nobody else is asked.
    pub(super) is_over: bool,
    /// Queries and announces that are out for it.
    pub(super) out: usize,
}

impl Lookup {
    pub(super) fn new(
        family: Family,
        target: NodeId,
        aim: Aim,
        (own, ours): (NodeId, Option<SocketAddr>),
        first: Vec<NodeInfo>,
    ) -> Self {
        let mut lookup = Self {
            family,
            target,
            aim,
            own,
            ours,
            candidates: Vec::new(),
            asked: BTreeSet::new(),
            unfit_asked: 0,
            peers: BTreeSet::new(),
            tally: Tally::default(),
            is_over: false,
            out: 0,
        };
        first.into_iter().for_each(|info| lookup.add(info));
        lookup
    }

    /// Different peers that were named so far.
    pub(super) fn peers(&self) -> usize {
        self.peers.len()
    }

    /// The torrent it looks for peers of.
    pub(super) fn info_hash(&self) -> Option<InfoHash> {
        match self.aim {
            Aim::Peers { info_hash, .. } => Some(info_hash),
            Aim::Nodes => None,
        }
    }

    /// It became known where others see us.
    pub(super) fn seen_at(&mut self, ours: SocketAddr) {
        self.ours = Some(ours);
        self.candidates.retain(|other| other.state != State::Known || other.info.addr != ours);
    }

    /// A node was named.
    pub(super) fn add(&mut self, info: NodeInfo) {
        let there = self.candidates.iter().map(|candidate| candidate.info.addr);
        let is_asked = self.asked.contains(&diversity::one_of(info.addr));
        if info.id == self.own
            || Some(info.addr) == self.ours
            || is_asked
            || Family::of(info.addr.ip()) != self.family
            || !diversity::admits(there, info.addr)
        {
            return;
        }
        let fits = node_id::fits(&info.id, info.addr.ip());
        self.insert(Candidate { info, state: State::Known, fits });
        if self.candidates.len() > MOST_KNOWN {
            // Those that were asked are still awaited.
            let farthest = self.candidates.iter().rposition(|other| other.state == State::Known);
            farthest.map(|at| self.candidates.remove(at));
        }
    }

    /// Who is to be asked next; `None`: nobody now.
    pub(super) fn next(&mut self) -> Option<NodeInfo> {
        let out = self.candidates.iter().filter(|other| other.state == State::Asked { slow: false }).count();
        if self.is_over || out >= AT_ONCE || self.asked.len() >= MOST_LOOKUP_NODES {
            return None;
        }
        let may_ask_unfit = self.unfit_asked < MOST_UNFIT;
        let at = self.window().find(|&at| {
            let candidate = &self.candidates[at];
            candidate.state == State::Known && (candidate.fits || may_ask_unfit)
        })?;
        let candidate = &mut self.candidates[at];
        candidate.state = State::Asked { slow: false };
        self.unfit_asked += usize::from(!candidate.fits);
        self.tally.asked += 1;
        let info = candidate.info;
        self.asked.insert(diversity::one_of(info.addr));
        Some(info)
    }

    /// Whether the nearest have answered, or nobody is left to ask.
    pub(super) fn is_done(&self) -> bool {
        let is_out = |state: &State| *state == State::Asked { slow: false };
        let is_full = self.asked.len() >= MOST_LOOKUP_NODES;
        let may_ask_unfit = self.unfit_asked < MOST_UNFIT;
        let waits = self.window().map(|at| &self.candidates[at]).any(|candidate| {
            let may_be_asked = !is_full && (candidate.fits || may_ask_unfit);
            is_out(&candidate.state) || (candidate.state == State::Known && may_be_asked)
        });
        let is = |state: fn(&State) -> bool| self.candidates.iter().filter(move |other| state(&other.state));
        // With fewer answers than that, one that is slow may still name others.
        let hopes = is(|state| matches!(state, State::Answered { .. })).count() < NEAREST
            && is(|state| matches!(state, State::Asked { .. })).next().is_some();
        !waits && !hopes
    }

    /// A query was not answered soon: another node is asked beside it.
    pub(super) fn slow(&mut self, addr: SocketAddr) {
        if let Some(candidate) = self.candidate(addr)
            && matches!(candidate.state, State::Asked { .. })
        {
            candidate.state = State::Asked { slow: true };
        }
    }

    /// A query came to nothing.
    pub(super) fn failed(&mut self, addr: SocketAddr) {
        if let Some(candidate) = self.candidate(addr) {
            candidate.state = State::Failed;
        }
    }

    /// A node answered: what came of it, and the peers that nobody had named before.
    pub(super) fn answered(&mut self, from: SocketAddr, reply: Reply) -> (NodeOutcome, Vec<SocketAddr>) {
        let Some(candidate) = self.candidate(from) else { return (NodeOutcome::WrongId, Vec::new()) };
        let was_named = candidate.info.id == reply.id;
        if !was_named && !node_id::is_bound(&reply.id, from.ip()) {
            candidate.state = State::Failed;
            return (NodeOutcome::WrongId, Vec::new());
        }
        candidate.state = State::Answered { token: reply.token };
        if !was_named {
            self.rename(from, reply.id);
        }
        self.tally.answered += 1;
        let scope = scope_of(from.ip());
        let may_be_named = |addr: SocketAddr| is_allowed(scope, addr, &[]);
        let outcome =
            NodeOutcome::Answered { peers: reply.peers.len() as u32, nodes: reply.nodes.len() as u32 };
        for node in reply.nodes.into_iter().filter(|node| may_be_named(node.addr)) {
            self.add(node);
        }
        let mut new = Vec::new();
        // We announced ourselves there, too.
        let ours = self.ours;
        for peer in reply.peers.into_iter().filter(|peer| may_be_named(*peer) && Some(*peer) != ours) {
            if self.peers.len() < MOST_PEERS && self.peers.insert(peer) {
                new.push(peer);
            }
        }
        (outcome, new)
    }

    /// A node that was not asked by this lookup answered and named others.
    pub(super) fn hear(&mut self, from: NodeInfo, nodes: Vec<NodeInfo>) {
        let scope = scope_of(from.addr.ip());
        self.asked.insert(diversity::one_of(from.addr));
        for node in nodes.into_iter().filter(|node| is_allowed(scope, node.addr, &[])) {
            self.add(node);
        }
    }

    /// The nearest that answered, with their tokens: those whose ids fit first.
    pub(super) fn nearest(&self) -> Vec<(NodeInfo, Option<Vec<u8>>)> {
        let answered = |fits: bool| {
            self.candidates.iter().filter(move |candidate| candidate.fits == fits).filter_map(|candidate| {
                match &candidate.state {
                    State::Answered { token } => Some((candidate.info, token.clone())),
                    _ => None,
                }
            })
        };
        answered(true).chain(answered(false)).take(NEAREST).collect()
    }

    /// The id by which a node was named, if it is known.
    pub(super) fn id_of(&self, addr: SocketAddr) -> Option<NodeId> {
        self.candidates.iter().find(|other| other.info.addr == addr).map(|other| other.info.id)
    }

    /// The nearest that count, and the others between them.
    fn window(&self) -> impl Iterator<Item = usize> {
        let mut counted = 0;
        (0..self.candidates.len()).take_while(move |&at| {
            let within = counted < NEAREST;
            counted += usize::from(self.candidates[at].counts());
            within
        })
    }

    /// A node took another id, as it does once it knows its address (BEP 42), and others still name it by that which it had.
    fn rename(&mut self, addr: SocketAddr, id: NodeId) {
        if let Some(at) = self.candidates.iter().position(|other| other.info.addr == addr) {
            let renamed = self.candidates.remove(at);
            self.insert(Candidate { info: NodeInfo { id, addr }, fits: true, ..renamed });
        }
    }

    fn insert(&mut self, candidate: Candidate) {
        let distance = candidate.info.id.distance(&self.target);
        let at = self.candidates.partition_point(|other| other.info.id.distance(&self.target) < distance);
        self.candidates.insert(at, candidate);
    }

    fn candidate(&mut self, addr: SocketAddr) -> Option<&mut Candidate> {
        self.candidates.iter_mut().find(|other| other.info.addr == addr)
    }
}

#[cfg(test)]
mod tests;
