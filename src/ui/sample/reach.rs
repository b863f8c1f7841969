//! A moment with every way to find peers: a DHT in which one node lies, local discovery, a router that refuses.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::healthy;
use crate::event::{
    AnnounceOutcome, Cause, Family, Finder, FinderStatus, MappingFact, MappingProtocol, MappingStep,
    NodeOutcome, WebSeedKey,
};
use crate::ledger::{
    Bootstrap, BootstrapAnswer, FinderRecord, LookupNode, LookupRecord, SessionRecord, View, WebSeedRecord,
};

const V4: [u8; 3] = [198, 51, 100];

fn at(second: u64) -> Duration {
    Duration::from_secs(second)
}

fn node(host: u8, far: u32, took: Option<u32>, outcome: NodeOutcome) -> LookupNode {
    let [a, b, c] = V4;
    LookupNode {
        addr: ([a, b, c, host], 6881).into(),
        distance_bits: Some(far),
        round_trip_ms: took,
        lied: host == 31,
        outcome,
        announced: (host == 9).then_some(AnnounceOutcome::Stored),
    }
}

/// The healthy download with all of it.
pub(crate) fn sources() -> View {
    let mut view = healthy();
    let finder = |finder, status, detail: Option<&str>, peers| FinderRecord {
        finder,
        status,
        detail: detail.map(str::to_owned),
        named: peers,
        new: peers,
        peers: peers as u32,
        handshaken: peers as u32 / 3,
    };
    view.finders.insert(0, finder(Finder::Dht, FinderStatus::Ok, None, 12));
    view.finders.push(finder(Finder::Lsd, FinderStatus::Failed, Some("no interface can send to a group"), 0));
    let bootstrap = |name: &str, addr: Result<u8, &str>, answer| Bootstrap {
        name: format!("{name}.example:6881"),
        addr: addr.map(|host| ([203, 0, 113, host], 6881).into()).map_err(str::to_owned),
        answer,
    };
    let step = |step, code, said: Option<&str>| MappingFact {
        step,
        protocol: Some(MappingProtocol::NatPmp),
        code,
        said: said.map(str::to_owned),
        ..MappingFact::default()
    };
    view.session = Arc::new(SessionRecord {
        bootstrap: vec![
            bootstrap("router", Ok(7), BootstrapAnswer::After(41)),
            bootstrap("dht", Ok(8), BootstrapAnswer::Silent),
            bootstrap("gone", Err("no such name"), BootstrapAnswer::NotAsked),
        ],
        bootstrap_wanted: Some(at(1)),
        nodes: BTreeMap::from([(Family::V4, (212, 31)), (Family::V6, (18, 2))]),
        seen_at: vec![[192, 0, 2, 44].into()],
        mapping: vec![
            (at(1), step(MappingStep::Asked, None, None)),
            (at(2), step(MappingStep::Refused, Some(2), Some("not authorised"))),
            (at(3), MappingFact { step: MappingStep::GaveUp, ..MappingFact::default() }),
        ],
        other_packets: 3,
        utp_calls: 1_204,
        utp_refused: 12,
        utp_unfit: 31,
        unknown_calls: 2,
    });
    let web = |key, url: &str| WebSeedRecord::new(WebSeedKey(key), url.to_owned());
    view.web_seeds = vec![
        WebSeedRecord {
            asked: Some(at(3)),
            status: Some(206),
            down_bps: 3 << 20,
            down_bytes: 412 << 20,
            ..web(0, "https://mirror.example")
        },
        WebSeedRecord {
            status: Some(503),
            cause: Some(Cause::HttpStatus),
            detail: "503 Service Unavailable, with Retry-After".to_owned(),
            next: Some(at(400)),
            ..web(1, "http://old.example:8080")
        },
    ];
    let answered = |peers, nodes| NodeOutcome::Answered { peers, nodes };
    let refused = NodeOutcome::Error { code: 202, text: "too many queries".to_owned() };
    view.lookups = Arc::new(BTreeMap::from([(
        Family::V4,
        LookupRecord {
            began: at(170),
            announces: true,
            nodes: vec![
                node(31, 158, Some(122), answered(0, 8)),
                node(12, 151, None, NodeOutcome::TimedOut),
                node(9, 146, Some(31), answered(12, 8)),
                node(14, 149, Some(77), refused),
            ],
            ended: Some(at(175)),
            peers: 12,
            next: Some(at(1070)),
        },
    )]));
    view
}
