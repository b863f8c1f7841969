//! What must hold after whatever happened.

use super::super::pieces::FAR_PART;
use super::At;
use super::client::Client;
use crate::event::Phase;

/// Panics where a client is in a state it must never be in. `thorough` looks at every peer, and every piece of it.
pub(super) fn holds(now: At, client: &Client, thorough: bool) {
    let swarm = &client.swarm;
    assert!(swarm.deadline() >= now, "a deadline that was missed");
    // What it claims is on disk, to the piece.
    assert_eq!(swarm.have().count(), client.written.count());
    assert!(swarm.staying() <= client.settings.max_peers, "{} connections", swarm.staying());
    assert!(client.asked_most <= super::super::MOST_REQUESTS, "{} requests to one peer", client.asked_most);
    let memory = client.settings.memory_bytes;
    let most = (memory + memory / FAR_PART).max(u64::from(client.geometry.piece_bytes()));
    assert!(client.held_bytes() <= most, "{} bytes in memory", client.held_bytes());
    if !thorough {
        return;
    }
    let active = matches!(swarm.phase(), Phase::Downloading | Phase::Seeding);
    for (key, conn) in &client.conns {
        assert!(active || conn.owed.is_empty(), "{key:?} owes blocks in a pause");
        assert!(conn.am_choking || active || conn.asked.is_empty(), "{key:?} is served in a pause");
    }
    swarm.assert_consistent();
    assert!(client.written.count_missing_from(swarm.have()) == 0, "a piece is claimed that is not on disk");
}
