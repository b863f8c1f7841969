//! What must hold after whatever happened.

use super::super::picker::FAR_PART;
use super::At;
use super::client::Client;
use super::world::REST;
use crate::event::Phase;
use crate::metainfo::BLOCK_LENGTH;

/// Panics where a client is in a state it must never be in. `thorough` looks at every peer, and every piece of it.
pub(super) fn holds(now: At, client: &Client, thorough: bool) {
    let swarm = &client.swarm;
    assert!(now.saturating_sub(swarm.deadline()) <= REST, "a deadline that was missed");
    assert!(swarm.staying() <= client.settings.max_peers, "{} connections", swarm.staying());
    assert!(client.asked_most <= crate::peer::MOST_REQUESTS, "{} requests to one peer", client.asked_most);
    let Some(have) = swarm.have() else {
        return assert_eq!((client.held_bytes(), client.granted), (0, 0), "blocks of unknown pieces");
    };
    // What it claims is on disk, to the piece.
    assert_eq!(have.count(), client.written.count());
    let memory = client.settings.memory_bytes;
    // One block a peer is never refused, and a peer of which nothing is known is asked for a few.
    let most = memory + memory / FAR_PART + client.most_conns as u64 * 4 * u64::from(BLOCK_LENGTH);
    assert!(
        client.held_bytes() <= most,
        "{} bytes in memory of {most} at {now:?}: {:#?}",
        client.held_bytes(),
        swarm.picker().describe()
    );
    if !thorough {
        return;
    }
    swarm.picker().assert_nobody_idles(now);
    let active = matches!(swarm.phase(), Phase::Downloading | Phase::Seeding);
    for (key, conn) in &client.conns {
        let protocol = &conn.protocol;
        assert!(active || protocol.window().owed().next().is_none(), "{key:?} owes blocks in a pause");
        assert!(active || protocol.upload().waiting() == 0, "{key:?} is served in a pause");
    }
    swarm.assert_consistent();
    assert_eq!(client.written.count_missing_from(have), 0, "a piece is claimed that is not on disk");
}
