//! Why an attempt ended, or a peer is not dialled: one table, from which code, words and advice are taken.

use serde::{Deserialize, Serialize};

/// Who is to blame for an end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The peer.
    Peer,
    /// The path between, or either end of it.
    Network,
    /// The source that named the address.
    TrackerData,
    /// This program, this machine, or its user.
    Us,
    /// It cannot be told.
    Unknown,
}

/// What the table says of a cause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CauseInfo {
    /// The code other programs read; it never changes its meaning.
    pub code: &'static str,
    /// Nine columns at most, for tables.
    pub short: &'static str,
    /// A few words, to stand in a row behind the peer's state.
    pub brief: &'static str,
    /// One plain sentence, of one peer.
    pub sentence: &'static str,
    /// The same of several; empty where one sentence suits both.
    pub of_many: &'static str,
    /// Who is to blame.
    pub blame: Blame,
    /// What to do, or that there is nothing to do; empty where that goes without saying.
    pub advice: &'static str,
    /// Whether an attempt that ended so after a valid handshake ended by a fault, rather than just left.
    pub fault: bool,
    /// Whether it says that nobody is at the address now, rather than that somebody did wrong.
    pub offline: bool,
    /// Whether a connection may end so because we were silent for long: asleep, or without a network.
    pub of_silence: bool,
    /// When the peer is dialled again.
    pub again: Again,
    /// Whether the end may be due to how it was dialled, plain or encrypted.
    pub other_way: OtherWay,
    /// Whether the end may be due to what it was dialled over, TCP or uTP.
    pub other_transport: bool,
}

impl CauseInfo {
    /// Its sentence, of this many peers.
    pub fn sentence_of(&self, peers: usize) -> &'static str {
        if peers == 1 || self.of_many.is_empty() { self.sentence } else { self.of_many }
    }
}

/// When a peer whose connection ended so is dialled again by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Again {
    /// After a wait that doubles with each failure.
    Later,
    /// The same; never while everything is here.
    LaterUnlessComplete,
    /// At once: what kept it away is over when it is asked for.
    AtOnce,
    /// The same; never while everything is here.
    AtOnceUnlessComplete,
    /// It made room for others, which get their time.
    InAQuarterOfAnHour,
    /// It will hardly be another one soon.
    InHalfAnHour,
    /// Not at all.
    Never,
}

/// Which way of dialling an end may be due to, so that the other is worth a try at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OtherWay {
    /// Neither.
    No,
    /// Plain and encrypted alike.
    Both,
    /// The encrypted one.
    Encrypted,
    /// The plain one, where what came looked encrypted.
    PlainIfItLookedEncrypted,
}

/// What holds of a cause that says nothing else.
const USUAL: CauseInfo = CauseInfo {
    code: "",
    short: "",
    brief: "",
    sentence: "",
    of_many: "",
    blame: Blame::Unknown,
    advice: "",
    fault: false,
    offline: false,
    of_silence: false,
    again: Again::Later,
    other_way: OtherWay::No,
    other_transport: false,
};

/// An advice for reading: `Try: raise it.`, or `Nothing to do: ttui dials again.`
pub fn advised(advice: &str) -> String {
    let mut chars = advice.chars();
    match chars.next() {
        None => String::new(),
        Some(_) if advice.get(..13).is_some_and(|head| head.eq_ignore_ascii_case("Nothing to do")) => {
            format!("N{}", &advice[1..])
        }
        Some(first) => format!("Try: {}{}", first.to_lowercase(), chars.as_str()),
    }
}

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident: $code:literal, $short:literal, $brief:literal,
        $blame:ident { $($field:ident: $value:expr),* }, $sentence:literal, $advice:literal;)*) => {
        /// Why an attempt ended, or why a peer is not dialled. In every format it goes by its code.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub enum Cause {
            $(#[doc = $sentence] $(#[$doc])* #[serde(rename = $code)] $name,)*
        }

        impl Cause {
            /// Every cause, in the order of a connection's life.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The table's entry.
            pub fn info(self) -> &'static CauseInfo {
                match self {
                    $(Self::$name => &CauseInfo {
                        code: $code, short: $short, brief: $brief, sentence: $sentence, blame: Blame::$blame,
                        advice: $advice, $($field: $value,)* ..USUAL
                    },)*
                }
            }
        }
    };
}

causes! {
    // Never dialled.
    Queued: "queued", "queued", "not started; queued", Us { of_many: "They are queued: not dialled yet." },
        "It is queued: not dialled yet.", "";
    BackingOff: "backing_off", "waiting", "failed before, waits", Us { of_many: "They failed before and are tried again later." },
        "It failed before and is tried again later.", "Nothing to do, or retry now.";
    ConnectionLimit: "connection_limit", "queued", "not started; queued", Us {},
        "We have as many connections as the settings allow.", "Raise --max-peers.";
    Blocked: "blocked", "blocked", "on a block list", Us { of_many: "A block list forbids their addresses." },
        "A block list forbids this address.", "Nothing to do, or change the list.";
    InvalidAddress: "invalid_address", "bad addr", "no peer can be at this address", TrackerData { fault: true, again: Again::Never },
        "No peer can be at this address: port 0, multicast, loopback, or our own.", "Nothing to do: the source is wrong.";
    DuplicateConnection: "duplicate_connection", "duplicate", "we are connected to it already", Us { of_many: "We are connected to these peers already." },
        "We are connected to this peer already.", "Nothing to do.";
    // Dialling.
    ConnectTimeout: "connect_timeout", "no answer", "offline, or blocked", Network { fault: true, other_transport: true, offline: true, of_silence: true, of_many: "Nothing answered: they are offline, or a firewall or router drops our packets." },
        "Nothing answered: it is offline, or a firewall or router drops our packets.", "Nothing to do if others answer. If nobody does, look at the VPN and the firewall.";
    ConnectionRefused: "connection_refused", "refused", "host up, port closed", Peer { fault: true, other_transport: true, offline: true, of_many: "The machines are up, but nothing listens on that port: the client is closed, or the port is old." },
        "The machine is up, but nothing listens on that port: the client is closed, or the port is old.", "Nothing to do: ttui dials again.";
    HostUnreachable: "host_unreachable", "no route", "a router says it cannot be reached", Network { fault: true, other_transport: true, offline: true, of_many: "A router says that the machines cannot be reached." },
        "A router says that the machine cannot be reached.", "Nothing to do if others answer. If nobody does, look at the network.";
    NetworkUnreachable: "network_unreachable", "no route", "no route from here to that network", Us { fault: true },
        "This machine has no route to that network.", "Look at the network or VPN. If only IPv6 addresses are like this, this machine merely has no IPv6.";
    PermissionDenied: "permission_denied", "forbidden", "this machine forbids it: firewall", Us { fault: true, other_transport: true },
        "This machine forbids the connection.", "Look for a rule in a local firewall or sandbox.";
    NoLocalPorts: "no_local_ports", "no ports", "no free port here to dial from", Us { fault: true, other_transport: true },
        "This machine has no free port or address to dial from.", "Allow fewer connections (--max-peers), or wait a minute.";
    TooManyOpenFiles: "too_many_open_files", "no files", "too many open files here (ulimit -n)", Us { fault: true, other_transport: true },
        "This process may open no more files.", "Raise the limit (ulimit -n) or lower --max-peers.";
    LostRace: "lost_race", "slower", "reached over the other transport first", Us { of_many: "They were reached over the other transport first." },
        "It was reached over the other transport first.", "Nothing to do.";
    // Handshake.
    ClosedBeforeHandshake: "closed_before_handshake", "hung up", "after our handshake", Unknown { fault: true, of_silence: true, other_way: OtherWay::Both, of_many: "They hung up on our handshake: they are full, have banned us, want encryption, or do not have this torrent." },
        "It hung up on our handshake: it is full, has banned us, wants encryption, or does not have this torrent.", "Nothing to do if others answer: ttui dials again.";
    ResetBeforeHandshake: "reset_before_handshake", "reset", "before any handshake", Unknown { fault: true, other_transport: true, of_silence: true, other_way: OtherWay::Both, of_many: "The connections were reset before their handshake: by the peers, or by something on the way." },
        "The connection was reset before its handshake: by the peer, or by something on the way.", "Nothing to do if others answer: ttui dials again.";
    HandshakeTimeout: "handshake_timeout", "silent", "opened, then said nothing", Unknown { fault: true, of_silence: true, other_way: OtherWay::Both, of_many: "They took the connection and then said nothing for 10 seconds: they are overloaded, or no BitTorrent clients." },
        "It took the connection and then said nothing for 10 seconds: it is overloaded, or no BitTorrent client.", "Nothing to do: ttui dials again.";
    HandshakeTruncated: "handshake_truncated", "cut short", "handshake stopped half way", Peer { fault: true, of_silence: true, of_many: "Their handshakes began well and stopped before their end." },
        "Its handshake began well and stopped before its end.", "Nothing to do: ttui dials again.";
    NotBittorrent: "not_bittorrent", "not BT", "not a BitTorrent client", TrackerData { fault: true, again: Again::InHalfAnHour, other_way: OtherWay::PlainIfItLookedEncrypted },
        "What answers there is not a BitTorrent client.", "Nothing to do: the address is wrong or old.";
    InfoHashMismatch: "info_hash_mismatch", "not ours", "answered for another torrent", Peer { fault: true, again: Again::InHalfAnHour, of_many: "They answered for another torrent." },
        "It answered for another torrent.", "Nothing to do: this torrent is not there.";
    UnknownInfoHash: "unknown_info_hash", "not ours", "called us for another torrent", Peer { fault: true, of_many: "They called us for a torrent we do not have." },
        "It called us for a torrent we do not have.", "Nothing to do.";
    SelfConnection: "self_connection", "ourselves", "that is ourselves", TrackerData { fault: true, again: Again::Never },
        "This is us: somebody named our own address.", "Nothing to do.";
    DuplicatePeerId: "duplicate_peer_id", "duplicate", "the same client is connected already", Peer {},
        "The same client is connected already.", "Nothing to do: one connection is enough.";
    EncryptionRequired: "encryption_required", "encrypted", "takes encrypted connections only", Peer { fault: true, of_many: "They take encrypted connections only." },
        "It takes encrypted connections only.", "Allow encryption (--encryption).";
    EncryptionFailed: "encryption_failed", "encrypted", "encrypted handshake failed", Peer { fault: true, of_silence: true, other_way: OtherWay::Encrypted },
        "The encrypted handshake failed.", "Nothing to do: ttui dials again.";
    EncryptionMismatch: "encryption_mismatch", "encrypted", "its encryption and our setting differ", Us { fault: true, other_way: OtherWay::Encrypted, of_many: "Their encryption and our setting do not match." },
        "Its encryption and our setting do not match.", "Use --encryption prefer-plain.";
    // Protocol.
    MessageTooLarge: "message_too_large", "bad data", "sent a message longer than allowed", Peer { fault: true, of_many: "They sent messages longer than the protocol allows." },
        "It sent a message longer than the protocol allows.", "";
    BadMessage: "bad_message", "bad data", "broke the protocol", Peer { fault: true, of_many: "They sent messages that break the protocol." },
        "It sent a message that breaks the protocol.", "";
    BadBitfield: "bad_bitfield", "bad data", "its list of pieces does not fit", Peer { fault: true, of_many: "Their lists of pieces do not fit this torrent." },
        "Its list of pieces does not fit this torrent.", "";
    PieceOutOfRange: "piece_out_of_range", "bad data", "spoke of a piece that does not exist", Peer { fault: true, of_many: "They spoke of pieces that the torrent does not have." },
        "It spoke of a piece that the torrent does not have.", "";
    UnrequestedBlock: "unrequested_block", "bad data", "sent what we never asked for", Peer { fault: true, of_many: "They sent data we never asked for." },
        "It sent data we never asked for.", "";
    BadExtensionMessage: "bad_extension_message", "bad data", "sent a broken extension message", Peer { fault: true, of_many: "They sent broken extension messages." },
        "It sent a broken extension message.", "";
    RequestFlood: "request_flood", "flood", "asked for more than any client may", Peer { fault: true, of_many: "They asked for more than a client may." },
        "It asked for more than a client may.", "";
    // Service.
    NeverUnchoked: "never_unchoked", "choked", "never unchoked us", Peer { of_many: "They never let us download (they kept choking us)." },
        "It never let us download (it kept choking us).", "Nothing to do but wait: choking often ends by itself.";
    Snubbed: "snubbed", "silent", "unchoked us, then sent nothing", Peer { of_many: "They let us download and then sent nothing." },
        "It let us download and then sent nothing.", "Nothing to do while others send. If nobody does, drop what is silent.";
    NotInteresting: "not_interesting", "no need", "has nothing that we miss", Peer { again: Again::LaterUnlessComplete, of_many: "They have nothing that we miss." },
        "It has nothing that we miss.", "Nothing to do.";
    BothSeeds: "both_seeds", "complete", "both complete", Peer { again: Again::AtOnceUnlessComplete, of_many: "Both complete: they have everything, and so do we." },
        "Both complete: it has everything, and so do we.", "Nothing to do.";
    IdleTimeout: "idle_timeout", "idle", "said nothing for two minutes", Network { of_silence: true, of_many: "They said nothing for two minutes." },
        "It said nothing for two minutes.", "Nothing to do: ttui dials again.";
    HashFailures: "hash_failures", "bad data", "sent wrong data", Peer { fault: true, again: Again::AtOnce, of_many: "They sent wrong data." },
        "It sent wrong data.", "";
    // Ended by the other side or the path.
    ClosedAfterHandshake: "closed_after_handshake", "hung up", "right after the handshake: full, or no use", Unknown { of_silence: true, of_many: "They shook hands and hung up at once: they are full, or neither side needs the other." },
        "It shook hands and hung up at once: it is full, or neither needs the other.", "Nothing to do: ttui dials again.";
    ClosedByPeer: "closed_by_peer", "gone", "closed by it", Peer { of_silence: true, of_many: "They closed the connection." },
        "It closed the connection.", "Nothing to do: ttui dials again.";
    ResetByPeer: "reset_by_peer", "reset", "by it, or on the way", Network { of_silence: true, of_many: "The connections were reset, by the peers or on the way." },
        "The connection was reset, by the peer or on the way.", "Nothing to do: ttui dials again.";
    ConnectionLost: "connection_lost", "lost", "the path to it broke", Network { of_silence: true, of_many: "The paths to the peers broke." },
        "The path to the peer broke.", "Nothing to do: ttui dials again.";
    // Ended by us.
    DroppedByUser: "dropped_by_user", "dropped", "by you, until you retry it", Us { again: Again::AtOnce, of_many: "You dropped them." },
        "You dropped it.", "Retry to undo that.";
    Held: "held", "held", "by you, until you let go", Us { of_many: "You hold them: they are neither asked nor served." },
        "You hold it: it is neither asked nor served.", "Let go.";
    Banned: "banned", "banned", "its address is banned", Us { fault: true, again: Again::AtOnce, of_many: "They are banned." },
        "It is banned.", "";
    Replaced: "replaced", "replaced", "another connection took its place", Us { again: Again::InAQuarterOfAnHour, of_many: "Other connections took their places." },
        "Another connection took its place.", "";
    TooManyFromAddress: "too_many_from_address", "too many", "its address has enough connections", Us { fault: true, of_many: "Their addresses have as many connections to us as one address may have." },
        "Its address has as many connections to us as one address may have.", "";
    TorrentPaused: "torrent_paused", "paused", "the download is paused", Us { again: Again::AtOnce },
        "The download is paused.", "Go on with the download.";
    PrivateTorrent: "private_torrent", "private", "the torrent is private: no tracker named it", Us { again: Again::Never, of_many: "The torrent is private, and none of its trackers named these peers." },
        "The torrent is private, and none of its trackers named this peer.", "Nothing to do: its trackers name the peers.";
    Shutdown: "shutdown", "ended", "we quit", Us { again: Again::Never },
        "We quit.", "";
    NotAnswered: "not_answered", "no time", "the run ended before it answered", Us { again: Again::Never, of_many: "The run ended before they could answer." },
        "The run ended before it could answer.", "Give the run more time (--for).";
    DiskError: "disk_error", "our disk", "our disk failed", Us {},
        "Our disk failed.", "";
    // Metadata (BEP 9).
    MetadataRefused: "metadata_refused", "refuses", "does not give the metadata", Peer { of_many: "They refuse to give us the metadata: most likely they have none themselves." },
        "It refuses to give us the metadata: most likely it has none itself.", "Nothing to do while others give them.";
    MetadataWrong: "metadata_wrong", "bad meta", "gave wrong metadata", Peer { fault: true, of_many: "They gave metadata that are not those of the magnet." },
        "It gave metadata that are not those of the magnet.", "Nothing to do: nothing more is asked there.";
    MetadataSilent: "metadata_silent", "silent", "asked for metadata, says nothing", Peer { of_many: "They were asked for the metadata and sent nothing." },
        "It was asked for the metadata and sent nothing.", "Nothing to do while others give them.";
    // Web seeds (BEP 19).
    HttpStatus: "http_status", "http", "the server refuses the file", Peer { of_many: "The servers do not give the files." },
        "The server does not give the file.", "Nothing to do: ttui asks again.";
    RangeRefused: "range_refused", "no ranges", "the server gives whole files only", Peer { of_many: "The servers give no parts of files." },
        "The server gives no parts of files.", "Nothing to do: ttui asks again.";
    WrongLength: "wrong_length", "length", "the file there has another length", Peer { of_many: "The files there have other lengths than in the torrent, or ended early." },
        "The file there has another length than in the torrent, or ended early.", "Nothing to do: ttui asks again.";
    WebUnreachable: "web_unreachable", "no answer", "the server does not answer", Network { offline: true, of_many: "The servers cannot be reached, or do not answer." },
        "The server cannot be reached, or does not answer.", "Nothing to do: ttui asks again.";
    // Holepunch (BEP 55).
    PunchFailed: "punch_failed", "not met", "no third peer could bring us together", Unknown { fault: true, of_many: "They cannot be called, and no peer that is connected to both sides brought us together." },
        "It cannot be called, and the peer that was asked did not bring us together.", "Nothing to do: ttui asks another one, and dials again.";
    // Any.
    LocalError: "local_error", "our fault", "this machine could not do it", Us { fault: true, other_transport: true },
        "This machine could not do that.", "";
    // Of a dial that failed, once another one of the peer shook hands.
    TransportBlocked: "transport_blocked", "other way", "reached over the other transport only", Network { fault: true, of_many: "They were reached over the other transport only: they do not speak this one, or a firewall or router stops that." },
        "It was reached over the other transport only: it does not speak this one, or a firewall or router stops that.", "Nothing to do: ttui uses what works.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_cause_fits_its_table() {
        let mut codes = BTreeSet::new();
        for cause in Cause::ALL {
            let info = cause.info();
            assert!(codes.insert(info.code), "{} twice", info.code);
            assert!((1..=9).contains(&info.short.chars().count()), "{}: short {}", info.code, info.short);
            assert!((1..=44).contains(&info.brief.chars().count()), "{}: brief {}", info.code, info.brief);
            let one = |said: &str| {
                said.split(|c: char| !c.is_alphanumeric()).any(|word| ["It", "it", "Its"].contains(&word))
            };
            for said in [info.sentence_of(1), info.sentence_of(2)] {
                assert!(said.ends_with('.'), "{}", info.code);
            }
            assert!(!one(info.sentence_of(2)) && !one(info.advice), "{} speaks of one peer", info.code);
            let does = [
                "Nothing to do",
                "Raise ",
                "Lower ",
                "Look ",
                "Allow ",
                "Use ",
                "Retry ",
                "Go on ",
                "Give ",
                "Let ",
            ];
            let said = info.advice.is_empty() || does.iter().any(|verb| info.advice.starts_with(verb));
            assert!(said, "{}: {:?} says what to do", info.code, info.advice);
            let written = serde_json::to_value(cause).unwrap();
            assert_eq!(written, info.code);
            assert_eq!(serde_json::from_value::<Cause>(written).unwrap(), *cause);
        }
    }
}
