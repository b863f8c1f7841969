//! Reads messages of the DHT: bytes of strangers.

use std::net::SocketAddr;

use super::{
    Body, MOST_ERROR_CHARS, MOST_NODES, MOST_OPAQUE_BYTES, MOST_VALUES, Malformed, Message, NodeId, NodeInfo,
    Query, Reply, Want, code,
};
use crate::metainfo::InfoHash;
use crate::metainfo::bencode::{self, Limits, Value};
use crate::text;
use crate::wire::tracker::compact_peers;

/// No datagram is longer, and no honest one has nearly as many values.
const LIMITS: Limits = Limits { bytes: 1 << 16, depth: 6, tokens: 1000 };

type Fault = &'static str;

impl Message {
    /// Reads a datagram.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when it is no message, with as much of it as can be told.
    pub fn decode(datagram: &[u8]) -> Result<Self, Malformed> {
        let nothing = |what| Malformed { transaction: None, is_query: false, what };
        let document = bencode::parse(datagram, LIMITS).map_err(|_| nothing("it is not bencode"))?;
        let root = document.root();
        let transaction = root.dict_get(b"t").and_then(Value::bytes);
        let transaction = transaction.filter(|id| id.len() <= MOST_OPAQUE_BYTES);
        let transaction = transaction.ok_or_else(|| nothing("it has no transaction id"))?.to_vec();
        let kind = root.dict_get(b"y").and_then(Value::bytes);
        let is_query = kind == Some(b"q");
        let body = match kind {
            Some(b"q") => query(root),
            Some(b"r") => reply(root).map(Body::Reply),
            Some(b"e") => Ok(error(root)),
            _ => Err("it is neither query nor answer"),
        };
        match body {
            Ok(body) => Ok(Self {
                transaction,
                seen_at: root.dict_get(b"ip").and_then(Value::bytes).and_then(address),
                read_only: root.dict_get(b"ro").and_then(Value::uint) == Some(1),
                body,
            }),
            Err(what) => Err(Malformed { transaction: Some(transaction), is_query, what }),
        }
    }
}

fn query(root: Value<'_>) -> Result<Body, Fault> {
    let said = root.dict_get(b"a").ok_or("it has no arguments")?;
    let id = NodeId(twenty(said, b"id").ok_or("it has no node id")?);
    let info_hash = || twenty(said, b"info_hash").map(InfoHash).ok_or("it has no info-hash");
    let query = match root.dict_get(b"q").and_then(Value::bytes) {
        Some(b"ping") => Query::Ping,
        Some(b"find_node") => {
            let target = NodeId(twenty(said, b"target").ok_or("it has no target")?);
            Query::FindNode { target, want: want(said) }
        }
        Some(b"get_peers") => Query::GetPeers { info_hash: info_hash()?, want: want(said) },
        Some(b"announce_peer") => {
            let implied_port =
                said.dict_get(b"implied_port").and_then(Value::uint).is_some_and(|set| set != 0);
            let port = said.dict_get(b"port").and_then(Value::uint).and_then(|port| u16::try_from(port).ok());
            let port = port.filter(|&port| port > 0 || implied_port);
            let token = opaque(said.dict_get(b"token"));
            Query::Announce {
                info_hash: info_hash()?,
                port: if implied_port { port.unwrap_or(0) } else { port.ok_or("it has no port")? },
                implied_port,
                token: token.ok_or("it has no token")?,
            }
        }
        Some(_) => Query::Unknown,
        None => return Err("it has no method"),
    };
    Ok(Body::Query { id, query })
}

fn reply(root: Value<'_>) -> Result<Reply, Fault> {
    let said = root.dict_get(b"r").ok_or("it has no answer in it")?;
    let mut reply = Reply::of(NodeId(twenty(said, b"id").ok_or("it has no node id")?));
    let bytes = |key: &[u8]| said.dict_get(key).and_then(Value::bytes).unwrap_or_default();
    reply.nodes = nodes::<26>(bytes(b"nodes"), |compact| compact_peers::<4>(compact).0)?;
    reply.nodes.extend(nodes::<38>(bytes(b"nodes6"), |compact| compact_peers::<16>(compact).0)?);
    if let Some(values) = said.dict_get(b"values").and_then(Value::list) {
        reply.peers = values.take(MOST_VALUES).filter_map(|value| address(value.bytes()?)).collect();
    }
    reply.token = opaque(said.dict_get(b"token"));
    Ok(reply)
}

fn error(root: Value<'_>) -> Body {
    let mut said = root.dict_get(b"e").and_then(Value::list).into_iter().flatten();
    let number = said.next().and_then(Value::int).and_then(|number| i32::try_from(number).ok());
    let text = said.next().and_then(Value::bytes).unwrap_or_default();
    Body::Error { code: number.unwrap_or(code::GENERIC), text: text::clean_bytes(text, MOST_ERROR_CHARS) }
}

fn nodes<const EACH: usize>(
    bytes: &[u8],
    compact: impl Fn(&[u8]) -> Vec<SocketAddr>,
) -> Result<Vec<NodeInfo>, Fault> {
    if !bytes.len().is_multiple_of(EACH) {
        return Err("the length of its list of nodes is not that of whole nodes");
    }
    let nodes = bytes.chunks_exact(EACH).take(MOST_NODES).filter_map(|entry| {
        let (id, rest) = entry.split_first_chunk::<20>()?;
        Some(NodeInfo { id: NodeId(*id), addr: compact(rest).pop()? })
    });
    Ok(nodes.collect())
}

fn want(said: Value<'_>) -> Want {
    let mut want = Want::default();
    for family in said.dict_get(b"want").and_then(Value::list).into_iter().flatten() {
        want.v4 |= family.bytes() == Some(b"n4");
        want.v6 |= family.bytes() == Some(b"n6");
    }
    want
}

fn twenty(said: Value<'_>, key: &[u8]) -> Option<[u8; 20]> {
    said.dict_get(key)?.bytes()?.try_into().ok()
}

fn opaque(value: Option<Value<'_>>) -> Option<Vec<u8>> {
    value.and_then(Value::bytes).filter(|bytes| bytes.len() <= MOST_OPAQUE_BYTES).map(<[u8]>::to_vec)
}

/// An address and port as six or eighteen bytes.
fn address(bytes: &[u8]) -> Option<SocketAddr> {
    match bytes.len() {
        6 => compact_peers::<4>(bytes).0.pop(),
        18 => compact_peers::<16>(bytes).0.pop(),
        _ => None,
    }
}
