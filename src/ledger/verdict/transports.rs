//! Rules about what dials travel over: TCP gets through where uTP does not, or the other way round.

use super::Finding;
use super::say::{count, many};
use super::scene::Scene;
use super::table::rules;
use crate::event::{Severity, Transport};
use crate::ledger::peer::PeerRecord;

/// Peers that only the other transport reached before something on the way is blamed.
const ENOUGH_BLOCKED: usize = 5;
/// It gets through to fewer than one in this many: of those, and of those that it reached.
const FEWER_THAN_ONE_IN: usize = 10;

rules! {
    UTP_ONLY = UtpOnly Note, Retry, utp_only, "blocked tcp utp",
        _ => "uTP gets through, and TCP does not.";
    TCP_ONLY = TcpOnly Note, Retry, tcp_only, "blocked tcp utp",
        _ => "TCP gets through, and uTP does not.";
}

fn utp_only(scene: &Scene<'_>) -> Option<Finding> {
    let why = "Something on the way (a firewall, a VPN, the provider) seems to stop TCP.";
    let finding = blocked(scene, Transport::Tcp, why)?;
    Some(
        finding.advice(
            "allow outgoing TCP in the firewall and the VPN; nothing is lost while peers come over uTP.",
        ),
    )
}

fn tcp_only(scene: &Scene<'_>) -> Option<Finding> {
    let why = "They do not speak uTP, or something on the way (a firewall, a VPN, the provider) stops UDP.";
    let finding = blocked(scene, Transport::Utp, why)?;
    Some(finding.advice("allow UDP in the firewall and the VPN; --transport tcp saves the dials over uTP."))
}

/// Dials over this transport do not get through to peers that are reached over the other one.
fn blocked(scene: &Scene<'_>, over: Transport, why: &str) -> Option<Finding> {
    let peers =
        |is: &dyn Fn(&PeerRecord) -> bool| scene.view.peers.iter().filter(|record| is(record)).count();
    let reached = |over| {
        let shook = |record: &PeerRecord| {
            record.attempts.iter().any(|tried| tried.transport == over && tried.handshaken.is_some())
        };
        peers(&shook)
    };
    let blocked = peers(&|record| record.blocked_over() == Some(over));
    if blocked < ENOUGH_BLOCKED {
        return None;
    }
    let (through, others) = (reached(over), reached(over.other()));
    (through * FEWER_THAN_ONE_IN < through + blocked).then(|| {
        let (it, other) = (over.word(), over.other().word());
        let beside = match through {
            0 => "nobody".to_owned(),
            through => format!("only {}", count(through as u32)),
        };
        let whom = many(blocked as u32, "peer");
        let text = format!(
            "{whom} shook hands over {other} and failed over {it}; {beside} shook hands over {it}. {why}"
        );
        let (tcp, utp) = if over == Transport::Tcp { (through, others) } else { (others, through) };
        Finding::new(Severity::Info, text)
            .evidence("blocked", blocked as u64)
            .evidence("tcp", tcp as u64)
            .evidence("utp", utp as u64)
    })
}
