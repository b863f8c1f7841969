//! Writes messages of the DHT. Keys go in their order, as bencode wants it.

use std::net::{IpAddr, SocketAddr};

use super::{Body, Message, NodeInfo, Query, Reply, Want};
use crate::wire::extension::{integer, string};

/// Which program it is, as nodes tell each other: two letters and two numbers.
const OUR_VERSION: &[u8; 4] = b"Tu\x01\x00";

impl Message {
    /// The datagram to send.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![b'd'];
        if let Body::Query { id, query } = &self.body {
            string(&mut out, b"a");
            arguments(&mut out, &id.0, query);
        }
        if let Body::Error { code, text } = &self.body {
            string(&mut out, b"e");
            out.extend(format!("li{code}e").as_bytes());
            string(&mut out, text.as_bytes());
            out.push(b'e');
        }
        if let Some(seen_at) = self.seen_at {
            entry(&mut out, b"ip", &compact(seen_at));
        }
        if let Body::Query { query, .. } = &self.body {
            entry(&mut out, b"q", query.method().as_bytes());
        }
        if let Body::Reply(reply) = &self.body {
            string(&mut out, b"r");
            values(&mut out, reply);
        }
        if self.read_only {
            string(&mut out, b"ro");
            integer(&mut out, 1);
        }
        entry(&mut out, b"t", &self.transaction);
        entry(&mut out, b"v", OUR_VERSION);
        let kind = match self.body {
            Body::Query { .. } => b"q",
            Body::Reply(_) => b"r",
            Body::Error { .. } => b"e",
        };
        entry(&mut out, b"y", kind);
        out.push(b'e');
        out
    }
}

impl Query {
    fn method(&self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::FindNode { .. } => "find_node",
            Self::GetPeers { .. } => "get_peers",
            Self::Announce { .. } => "announce_peer",
            Self::Unknown => "",
        }
    }
}

fn arguments(out: &mut Vec<u8>, id: &[u8; 20], query: &Query) {
    out.push(b'd');
    entry(out, b"id", id);
    match query {
        Query::Ping | Query::Unknown => {}
        Query::FindNode { target, want } => {
            entry(out, b"target", &target.0);
            wanted(out, *want);
        }
        Query::GetPeers { info_hash, want } => {
            entry(out, b"info_hash", &info_hash.0);
            wanted(out, *want);
        }
        Query::Announce { info_hash, port, implied_port, token } => {
            string(out, b"implied_port");
            integer(out, u64::from(*implied_port));
            entry(out, b"info_hash", &info_hash.0);
            string(out, b"port");
            integer(out, u64::from(*port));
            entry(out, b"token", token);
        }
    }
    out.push(b'e');
}

fn wanted(out: &mut Vec<u8>, want: Want) {
    if want == Want::default() {
        return;
    }
    string(out, b"want");
    out.push(b'l');
    for (wanted, family) in [(want.v4, b"n4"), (want.v6, b"n6")] {
        if wanted {
            string(out, family);
        }
    }
    out.push(b'e');
}

fn values(out: &mut Vec<u8>, reply: &Reply) {
    out.push(b'd');
    entry(out, b"id", &reply.id.0);
    for (key, is_v4) in [(b"nodes".as_slice(), true), (b"nodes6", false)] {
        let nodes = reply.nodes.iter().filter(|node| node.addr.is_ipv4() == is_v4).flat_map(compact_node);
        let nodes: Vec<u8> = nodes.collect();
        if !nodes.is_empty() {
            entry(out, key, &nodes);
        }
    }
    if let Some(token) = &reply.token {
        entry(out, b"token", token);
    }
    if !reply.peers.is_empty() {
        string(out, b"values");
        out.push(b'l');
        reply.peers.iter().for_each(|peer| string(out, &compact(*peer)));
        out.push(b'e');
    }
    out.push(b'e');
}

fn entry(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    string(out, key);
    string(out, value);
}

fn compact_node(node: &NodeInfo) -> Vec<u8> {
    [node.id.0.to_vec(), compact(node.addr)].concat()
}

fn compact(addr: SocketAddr) -> Vec<u8> {
    let mut bytes = match addr.ip() {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    bytes.extend(addr.port().to_be_bytes());
    bytes
}
