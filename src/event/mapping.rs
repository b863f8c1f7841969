//! How a way in through the router is looked for: each step with the router's own words (PCP, NAT-PMP, UPnP).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::parts::{harmless, parts};
use crate::metainfo::address::{Scope, scope_of};

/// Bytes of the router's own words that are kept, at most.
pub const MOST_SAID_BYTES: usize = 256;

/// How a router is asked for a way in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MappingProtocol {
    /// The Port Control Protocol (RFC 6887).
    Pcp,
    /// The NAT Port Mapping Protocol (RFC 6886).
    NatPmp,
    /// The Internet Gateway Device of UPnP.
    Upnp,
}

impl MappingProtocol {
    /// What a person calls it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Pcp => "PCP",
            Self::NatPmp => "NAT-PMP",
            Self::Upnp => "UPnP",
        }
    }
}

/// What a port is mapped for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MappedTransport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl MappedTransport {
    /// What a person calls it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}

/// What happened on the way to a way in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MappingStep {
    /// No way in is looked for: the user turned it off, or none is needed, as `said` tells.
    #[default]
    Off,
    /// The gateway is known.
    Gateway,
    /// The system names no gateway: there is no router to ask by PCP or NAT-PMP.
    NoGateway,
    /// The router is asked by this protocol.
    Asked,
    /// Nothing answered in time.
    Silent,
    /// The router answered that it does not do it: `code` and `said` tell why.
    Refused,
    /// Asking failed on this machine: `said` is the system's error.
    Failed,
    /// The router told the address that others see.
    Outside,
    /// The router mapped the port of this transport.
    Mapped,
    /// The router mapped it again before it ended.
    Renewed,
    /// The router lost what it had mapped: its clock began again, or a renewal failed.
    Lost,
    /// The mapping was given back.
    Released,
    /// No protocol gave a way in. All are tried again later.
    GaveUp,
}

impl MappingStep {
    /// The code other programs read.
    pub fn code(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Gateway => "gateway",
            Self::NoGateway => "no_gateway",
            Self::Asked => "asked",
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Outside => "outside",
            Self::Mapped => "mapped",
            Self::Renewed => "renewed",
            Self::Lost => "lost",
            Self::Released => "released",
            Self::GaveUp => "gave_up",
        }
    }

    /// What happened, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Gateway => "found the gateway",
            Self::NoGateway => "no gateway",
            Self::Asked => "asked",
            Self::Silent => "no answer",
            Self::Refused => "refused",
            Self::Failed => "failed here",
            Self::Outside => "told the outside address",
            Self::Mapped => "mapped",
            Self::Renewed => "renewed",
            Self::Lost => "lost",
            Self::Released => "released",
            Self::GaveUp => "gave up",
        }
    }
}

/// One step. What a step does not tell is `None`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MappingFact {
    /// What happened.
    pub step: MappingStep,
    /// By which protocol.
    pub protocol: Option<MappingProtocol>,
    /// For which transport.
    pub transport: Option<MappedTransport>,
    /// The router.
    pub gateway: Option<IpAddr>,
    /// The result or error code of the protocol.
    pub code: Option<u16>,
    /// What the router or the system said, at most [`MOST_SAID_BYTES`], cleaned for showing.
    pub said: Option<String>,
    /// Where others see us, as the router says.
    pub outside: Option<IpAddr>,
    /// The port there.
    pub outside_port: Option<u16>,
    /// Seconds until the mapping ends unless it is renewed; 0: it does not end.
    pub lease_s: Option<u32>,
}

harmless! { MappingStep, MappingProtocol, MappedTransport }

parts! {
    MappingFact: step protocol transport gateway code said outside outside_port lease_s
}

/// Whether the router's outside address is itself behind a router: private, or shared by a carrier's customers
/// (100.64.0.0/10), so that a mapping there does not reach the internet.
///
/// ```
/// use ttui::event::is_behind_another_router;
///
/// assert!(is_behind_another_router("100.64.3.1".parse()?));
/// assert!(is_behind_another_router("192.168.1.2".parse()?));
/// assert!(!is_behind_another_router("203.0.113.7".parse()?));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn is_behind_another_router(outside: IpAddr) -> bool {
    scope_of(outside) < Scope::Public
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_of_another_version_is_read() {
        let fact: MappingFact = serde_json::from_str(r#"{"step":"refused","code":3,"later":1}"#).unwrap();
        let expected = MappingFact { step: MappingStep::Refused, code: Some(3), ..MappingFact::default() };
        assert_eq!(fact, expected);
    }

    #[test]
    fn private_and_shared_outside_addresses_mean_two_routers() {
        for (address, behind) in [
            ("10.1.2.3", true),
            ("172.31.0.1", true),
            ("192.168.0.1", true),
            ("100.64.0.1", true),
            ("100.127.255.254", true),
            ("169.254.1.1", true),
            ("fd00::1", true),
            ("100.63.0.1", false),
            ("100.128.0.1", false),
            ("198.51.100.1", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_behind_another_router(address.parse().unwrap()), behind, "{address}");
        }
    }
}
