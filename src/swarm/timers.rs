//! What waits for the clock: one table of the machines that do. Each says when it wants to be told the time, and does then
//! what is due; what follows from that for others is routed.

use super::Swarm;
use super::check::Check;
use crate::event::At;

/// When a machine wants to be told the time at the latest (`None`: not by time alone), and what is done when it is told.
type Timer = (fn(&Swarm) -> Option<At>, fn(&mut Swarm, At));

/// In the order in which one may follow from another.
pub(super) static TABLE: [Timer; 12] = [
    (|swarm| swarm.content.as_ref()?.picker.deadline(), Swarm::pick),
    (|swarm| swarm.content.as_ref()?.web_seeds_deadline(), Swarm::web_seeds_due),
    (|swarm| swarm.metadata.as_ref()?.deadline(), Swarm::fetch_due),
    (|swarm| swarm.check.as_ref().map(Check::deadline), Swarm::expire_tries),
    (|swarm| (!swarm.is_quiet()).then(|| swarm.meter.deadline()), Swarm::second),
    (|swarm| (!swarm.is_quiet()).then(|| swarm.choker.deadline()), Swarm::round),
    (|swarm| swarm.announcer.deadline(), Swarm::announce_due),
    (|swarm| swarm.exchange.deadline().filter(|_| swarm.serves()), Swarm::tell_of_others),
    (|swarm| swarm.peer_table.next_race(), Swarm::race),
    (|swarm| swarm.peer_table.next_unanswered(), Swarm::expire_punches),
    (Swarm::next_dial, Swarm::dial_due),
    (|_| None, Swarm::go_on_checking),
];
