//! Rules about data that failed its check, and who sent it.

use super::say::{Told, many};
use super::scene::Scene;
use super::table::rules;
use super::{Finding, Remedy};
use crate::event::Severity;
use crate::ledger::peer::PeerRecord;

rules! {
    POISONED = BadDataManyPeers Whole, Every(10), poisoned, "failures peers",
        told => failed(told), { after_a_check: Some("") };
    ONE_PEER = BadDataOnePeer Trouble, Peers, bad_data_one_peer, "failed_pieces failures",
        _ => "One peer sent wrong data.",
        { brief: |told| told.cut_at(&[" sent "], " sent wrong data."), after_a_check: Some("") };
    MANY_PEERS = BadDataManyPeers Trouble, Peers, bad_data_many_peers, "failures peers",
        told => failed(told), { after_a_check: Some("") };
}

/// Data arrives, and again and again it is wrong.
fn poisoned(scene: &Scene<'_>) -> Option<Finding> {
    scene.is_poisoned().then(|| wrong_data(scene, "Wrong data keeps coming: ")).flatten()
}

fn bad_data_one_peer(scene: &Scene<'_>) -> Option<Finding> {
    let failures = scene.view.pieces.failures;
    let [worst, others @ ..] = scene.crowd.liars.as_slice() else { return None };
    let banned = worst.banned.as_ref().is_some_and(|(until, _)| *until > scene.view.at);
    // Who sent it was proved of a banned peer. Blocks of it that came before still fail in pieces that others complete.
    let alone = others.first().is_none_or(|next| {
        let in_all = worst.failed_pieces >= failures && next.failed_pieces < failures;
        in_all && (banned || next.failed_pieces == 1)
    });
    alone.then(|| {
        let pieces = many(worst.failed_pieces, "piece");
        let they = if worst.failed_pieces == 1 { "the piece is" } else { "the pieces are" };
        let (severity, after) = if scene.probing {
            (Severity::Warn, String::new())
        } else if banned {
            (Severity::Info, format!(" It is banned, and {they} fetched again."))
        } else {
            (Severity::Warn, format!(" T{} fetched again.", &they[1..]))
        };
        let text = format!("{} sent wrong data: {pieces} failed the check.{after}", worst.addr);
        let finding = Finding::new(severity, text)
            .evidence("failed_pieces", worst.failed_pieces)
            .evidence("failures", failures);
        match (banned, nobody_else_sent(scene)) {
            (true, true) => finding.advice("leave it running until somebody else comes.").explains(),
            (true, false) => finding,
            (false, true) => finding.remedy("ban it.", Remedy::Ban).explains(),
            (false, false) => finding.remedy("ban it.", Remedy::Ban),
        }
    })
}

/// Nobody is left, and everybody who ever sent anything sent wrong data. A check is told of it at its end, when all who
/// are left have had their turn.
fn nobody_else_sent(scene: &Scene<'_>) -> bool {
    let sent_well = |record: &PeerRecord| record.last_block.is_some() && record.failed_pieces == 0;
    let nobody = scene.live() == 0 && !scene.flows() && scene.answers.dials_ended();
    (nobody || scene.probing) && !scene.view.peers.iter().any(|record| sent_well(record))
}

/// Pieces that failed, whichever peers sent them.
fn failed(told: &Told<'_>) -> String {
    format!("{} failed the check.", told.many("failures", "piece"))
}

/// Many sent wrong data. While more of it comes it judges the whole, for data that is thrown away is no progress.
fn bad_data_many_peers(scene: &Scene<'_>) -> Option<Finding> {
    if scene.is_poisoned() { None } else { wrong_data(scene, "") }
}

/// Wrong data of many, however long ago.
fn wrong_data(scene: &Scene<'_>, begins: &str) -> Option<Finding> {
    let (liars, failures) = (&scene.crowd.liars, scene.view.pieces.failures);
    let one = bad_data_one_peer(scene).is_some();
    (!one && liars.len() >= 3 && failures >= 3).then(|| {
        let text = format!(
            "{begins}{} failed the check, with data from {}. Either some of them send wrong data, or this machine's \
             memory or disk is at fault; ttui cannot tell which from the data alone.",
            many(failures, "piece"),
            many(liars.len() as u32, "peer")
        );
        let finding = Finding::new(Severity::Warn, text)
            .advice("run ttui verify twice; if the results differ, the fault is in this machine.")
            .evidence("failures", failures)
            .evidence("peers", liars.len() as u64);
        if nobody_else_sent(scene) { finding.explains() } else { finding }
    })
}
