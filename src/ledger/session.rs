//! What belongs to the session and to no torrent: the DHT, the way in, and what else comes to our port.
//!
//! It is told to every torrent, so that its screens and its recording have it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::event::validate::{bounded, check, times, totals};
use crate::event::{At, DhtFact, Event, Family, FinderStatus, Invalid, MappingFact, MappingStep};

/// Bootstrap addresses that are kept: each of the names may have several.
const MOST_BOOTSTRAP: usize = 64;
/// Steps of the way in that are kept, the newest.
const MOST_STEPS: usize = 64;
/// Addresses at which others see us that are kept, the newest.
const MOST_SEEN_AT: usize = 4;

/// What is known of the session.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionRecord {
    /// Bootstrap names and what became of each address, in the order in which they were told.
    #[serde(deserialize_with = "bounded::<_, _, MOST_BOOTSTRAP>")]
    pub bootstrap: Vec<Bootstrap>,
    /// When the DHT began to ask bootstrap names; `None`: its kept table works, or it is off.
    pub bootstrap_wanted: Option<At>,
    /// Nodes of the DHT by family: good, doubtful.
    pub nodes: BTreeMap<Family, (u32, u32)>,
    /// Where nodes of the DHT see us.
    #[serde(deserialize_with = "bounded::<_, _, MOST_SEEN_AT>")]
    pub seen_at: Vec<IpAddr>,
    /// Steps on the way to a way in through the router, the newest last.
    #[serde(deserialize_with = "bounded::<_, _, MOST_STEPS>")]
    pub mapping: Vec<(At, MappingFact)>,
    /// Packets at our UDP port that are of no protocol of ours.
    pub other_packets: u64,
    /// Calls that came to our UDP port over uTP.
    pub utp_calls: u64,
    /// Those of them that were refused, or got no answer.
    pub utp_refused: u64,
    /// Packets of uTP that are of no stream, or say of one what cannot be.
    pub utp_unfit: u64,
    /// Connections from outside that named no torrent, where there are several.
    pub unknown_calls: u64,
}

/// How the way in through the router stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WayIn {
    /// Whether it is mapped.
    pub status: FinderStatus,
    /// What the last step that decided it was, with the router's own words.
    pub detail: Option<String>,
    /// Where the router says that others see us.
    pub outside: Option<IpAddr>,
}

/// A bootstrap name, and one address of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The name and its port.
    pub name: String,
    /// The address, or why there is none.
    pub addr: Result<SocketAddr, String>,
    /// What came of it.
    pub answer: BootstrapAnswer,
}

/// What came of asking a bootstrap address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum BootstrapAnswer {
    /// It was not asked.
    #[default]
    NotAsked,
    /// It was asked.
    Asked,
    /// It answered; how long that took, milliseconds.
    After(u32),
    /// It did not answer in time.
    Silent,
}

impl SessionRecord {
    /// Takes in one fact.
    pub(super) fn apply(&mut self, at: At, event: &Event) {
        match event {
            Event::Dht(fact) => self.dht(at, fact),
            Event::Mapping(fact) => {
                self.mapping.push((at, fact.clone()));
                let over = self.mapping.len().saturating_sub(MOST_STEPS);
                self.mapping.drain(..over);
            }
            Event::OtherPackets { packets } => self.other_packets = *packets,
            Event::UtpPackets { calls, refused, unfit } => {
                (self.utp_calls, self.utp_refused, self.utp_unfit) = (*calls, *refused, *unfit);
            }
            Event::UnknownCalls { calls } => self.unknown_calls = *calls,
            _ => {}
        }
    }

    fn dht(&mut self, at: At, fact: &DhtFact) {
        match fact {
            DhtFact::Nodes { family, good, doubtful } => {
                self.nodes.insert(*family, (*good, *doubtful));
            }
            DhtFact::SeenAt { ip } => {
                self.seen_at.retain(|known| Family::of(*known) != Family::of(*ip));
                self.seen_at.push(*ip);
            }
            DhtFact::BootstrapWanted => {
                self.bootstrap_wanted = Some(at);
                self.bootstrap.clear();
            }
            DhtFact::BootstrapResolved { name, addr } => self.name(name, Ok(*addr)),
            DhtFact::BootstrapUnresolved { name, error } => self.name(name, Err(error.clone())),
            DhtFact::BootstrapAsked { addr } => self.answered(*addr, BootstrapAnswer::Asked),
            DhtFact::BootstrapAnswered { addr, after_ms } => {
                self.answered(*addr, BootstrapAnswer::After(*after_ms));
            }
            DhtFact::BootstrapSilent { addr } => self.answered(*addr, BootstrapAnswer::Silent),
        }
    }

    fn name(&mut self, name: &str, addr: Result<SocketAddr, String>) {
        self.bootstrap.retain(|known| known.name != name || (known.addr != addr && known.addr.is_ok()));
        if self.bootstrap.len() < MOST_BOOTSTRAP {
            self.bootstrap.push(Bootstrap { name: name.to_owned(), addr, answer: BootstrapAnswer::NotAsked });
        }
    }

    fn answered(&mut self, addr: SocketAddr, answer: BootstrapAnswer) {
        let of = self.bootstrap.iter_mut().filter(|known| known.addr == Ok(addr));
        of.for_each(|known| known.answer = answer);
    }

    /// How the way in stands, by the steps taken so far.
    pub fn way_in(&self) -> WayIn {
        let mut way_in = WayIn { status: FinderStatus::Off, detail: None, outside: None };
        for (_, fact) in &self.mapping {
            way_in.outside = fact.outside.or(way_in.outside);
            let by = fact.protocol.map_or_else(String::new, |protocol| format!("{}: ", protocol.words()));
            let said = fact.said.as_ref().map_or_else(String::new, |said| format!(", “{said}”"));
            let code = fact.code.map_or_else(String::new, |code| format!(" {code}"));
            let detail = Some(format!("{by}{}{code}{said}", fact.step.words()));
            match fact.step {
                MappingStep::Off | MappingStep::Released => {
                    (way_in.status, way_in.detail) = (FinderStatus::Off, detail);
                }
                MappingStep::Mapped | MappingStep::Renewed => {
                    (way_in.status, way_in.detail) = (FinderStatus::Ok, detail);
                }
                MappingStep::Lost | MappingStep::NoGateway => {
                    (way_in.status, way_in.detail) = (FinderStatus::Failed, detail);
                }
                // What it was that failed last says more.
                MappingStep::GaveUp => way_in.status = FinderStatus::Failed,
                MappingStep::Refused | MappingStep::Silent | MappingStep::Failed
                    if way_in.status != FinderStatus::Ok =>
                {
                    way_in.detail = detail;
                }
                MappingStep::Gateway | MappingStep::Asked if way_in.status == FinderStatus::Off => {
                    (way_in.status, way_in.detail) = (FinderStatus::Pending, None);
                }
                _ => {}
            }
        }
        way_in
    }

    /// Nodes of both families: good, doubtful.
    pub fn all_nodes(&self) -> (u32, u32) {
        let add = |(good, doubtful): (u32, u32), (more, others): &(u32, u32)| {
            (good.saturating_add(*more), doubtful.saturating_add(*others))
        };
        self.nodes.values().fold((0, 0), add)
    }

    /// Bootstrap names that were resolved, those of them of which an address answered, and addresses that were asked
    /// and did not answer.
    pub fn bootstrap_counts(&self) -> (u32, u32, u32) {
        let names = |holds: &dyn Fn(&Bootstrap) -> bool| {
            let mut names: Vec<_> =
                self.bootstrap.iter().filter(|known| holds(known)).map(|known| &known.name).collect();
            names.sort_unstable();
            names.dedup();
            names.len() as u32
        };
        let silent = self.bootstrap.iter().filter(|known| known.answer == BootstrapAnswer::Silent).count();
        let answers = |known: &Bootstrap| matches!(known.answer, BootstrapAnswer::After(_));
        (names(&|known| known.addr.is_ok()), names(&answers), silent as u32)
    }

    /// Holds what a recording says against what any run can have, and makes its texts safe to show.
    pub(super) fn check(&mut self) -> Result<(), Invalid> {
        times([self.bootstrap_wanted])?;
        for known in &mut self.bootstrap {
            check(&mut known.name, None)?;
            known.addr.as_mut().err().map_or(Ok(()), |error| check(error, None))?;
        }
        for (at, fact) in &mut self.mapping {
            times([Some(*at)])?;
            check(fact, None)?;
        }
        let utp = [self.utp_calls, self.utp_refused, self.utp_unfit];
        totals([self.other_packets, self.unknown_calls].into_iter().chain(utp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::MappingProtocol;

    const AT: At = At::from_secs(1);

    fn told(facts: impl IntoIterator<Item = DhtFact>) -> SessionRecord {
        let mut session = SessionRecord::default();
        facts.into_iter().for_each(|fact| session.apply(AT, &Event::Dht(fact)));
        session
    }

    fn addr(n: u8) -> SocketAddr {
        ([198, 51, 100, n], 6881).into()
    }

    fn resolved(name: &str, n: u8) -> DhtFact {
        DhtFact::BootstrapResolved { name: name.to_owned(), addr: addr(n) }
    }

    #[test]
    fn each_bootstrap_name_has_its_addresses_and_what_came_of_each() {
        let session = told([
            DhtFact::BootstrapWanted,
            DhtFact::BootstrapUnresolved { name: "b:1".to_owned(), error: "no such name".to_owned() },
            resolved("a:1", 1),
            resolved("a:1", 2),
            DhtFact::BootstrapAsked { addr: addr(1) },
            DhtFact::BootstrapAsked { addr: addr(2) },
            DhtFact::BootstrapAnswered { addr: addr(2), after_ms: 31 },
            DhtFact::BootstrapSilent { addr: addr(1) },
            resolved("b:1", 3),
        ]);
        let answers: Vec<_> = session
            .bootstrap
            .iter()
            .map(|known| (known.name.as_str(), known.addr.clone(), known.answer))
            .collect();
        assert_eq!(
            answers,
            [
                ("a:1", Ok(addr(1)), BootstrapAnswer::Silent),
                ("a:1", Ok(addr(2)), BootstrapAnswer::After(31)),
                ("b:1", Ok(addr(3)), BootstrapAnswer::NotAsked),
            ]
        );
        assert_eq!(session.bootstrap_counts(), (2, 1, 1));
    }

    #[test]
    fn the_way_in_stands_as_the_steps_say_with_the_router_s_own_words() {
        let step = |step, code, said: Option<&str>| MappingFact {
            step,
            protocol: Some(MappingProtocol::Upnp),
            code,
            said: said.map(str::to_owned),
            ..MappingFact::default()
        };
        let asked = step(MappingStep::Asked, None, None);
        let refused = step(MappingStep::Refused, Some(718), Some("ConflictInMappingEntry"));
        let gave_up = MappingFact { step: MappingStep::GaveUp, ..MappingFact::default() };
        let mut session = SessionRecord::default();
        let why = "UPnP: refused 718, “ConflictInMappingEntry”";
        for (fact, status, detail) in [
            (asked, FinderStatus::Pending, None),
            (refused, FinderStatus::Pending, Some(why)),
            (gave_up, FinderStatus::Failed, Some(why)),
            (step(MappingStep::Mapped, None, None), FinderStatus::Ok, Some("UPnP: mapped")),
            (step(MappingStep::Silent, None, None), FinderStatus::Ok, Some("UPnP: mapped")),
            (step(MappingStep::Lost, None, None), FinderStatus::Failed, Some("UPnP: lost")),
            (step(MappingStep::Released, None, None), FinderStatus::Off, Some("UPnP: released")),
        ] {
            session.apply(AT, &Event::Mapping(fact));
            let way_in = session.way_in();
            assert_eq!((way_in.status, way_in.detail.as_deref()), (status, detail));
        }
    }

    #[test]
    fn whatever_is_told_little_is_kept() {
        let mut session = told((0..=255).map(|n| resolved("a:1", n)));
        for n in 0..1000 {
            let fact = MappingFact { step: MappingStep::Asked, code: Some(n), ..MappingFact::default() };
            session.apply(AT, &Event::Mapping(fact));
        }
        assert_eq!((session.bootstrap.len(), session.mapping.len()), (MOST_BOOTSTRAP, MOST_STEPS));
        assert_eq!(session.mapping.last().unwrap().1.code, Some(999), "the newest steps are kept");
    }
}
