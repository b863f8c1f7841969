//! What files say of a peer: one table, of which the objects of JSON and the rows of CSV and Markdown are made.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::{about_metadata, cause, code, connect_ms, handshake_ms};
use crate::event::{Attempt, Direction, Encryption, Payload};
use crate::ledger::{PeerRecord, View};
use crate::report::hex;
use crate::report::table::Rows;
use crate::units::milliseconds;

/// In which files a field stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    /// In all of them.
    All,
    /// In all of them, but in JSON only where something is known.
    AllIfKnown,
    /// In JSON.
    Json,
    /// In JSON, and only where something is known.
    JsonIfKnown,
    /// In CSV and Markdown: of what JSON tells in its list of attempts.
    Rows,
    /// In CSV, and in JSON that a screen writes.
    Screen,
}

/// One field.
struct Field {
    name: &'static str,
    stands: In,
    value: fn(&PeerRecord, &View) -> Value,
}

const fn field(name: &'static str, stands: In, value: fn(&PeerRecord, &View) -> Value) -> Field {
    Field { name, stands, value }
}

/// Every field, in the order of all files; in JSON the attempts follow what is in all of them.
const FIELDS: &[Field] = &[
    field("addr", In::All, |peer, _| json!(peer.addr.to_string())),
    field("source", In::All, sources),
    field("stage", In::All, |peer, _| json!(peer.stage)),
    field("live", In::All, |peer, _| json!(peer.is_live())),
    field("group", In::All, |peer, _| json!(peer.group)),
    field("cause", In::All, |peer, view| json!(cause(peer, view.at).map(code))),
    field("detail", In::AllIfKnown, |peer, _| json!(detail(peer))),
    field("looks_like", In::AllIfKnown, |peer, _| json!(telling(peer, |attempt| attempt.looks_like))),
    field("client", In::All, |peer, _| json!(peer.client)),
    field("peer_id", In::Json, |peer, _| json!(peer.peer_id.map(|id| id.printable()))),
    field("peer_id_hex", In::All, |peer, _| json!(peer.peer_id.map(|id| hex(&id.0)))),
    field("reserved_hex", In::All, |peer, _| json!(peer.reserved.map(|reserved| hex(&reserved)))),
    field("extensions", In::All, |peer, _| json!(peer.info.extensions)),
    field("stream", In::JsonIfKnown, |peer, _| json!(peer.stream)),
    field("attempts", In::Rows, |peer, _| json!(peer.attempts.len())),
    field("encryption", In::Rows, |peer, _| json!(telling(peer, |attempt| Some(encryption(attempt))))),
    field("resolved", In::Rows, |peer, _| json!(peer.found_out().next().map(code))),
    field("connect_ms", In::Rows, |peer, _| json!(telling(peer, connect_ms))),
    field("handshake_ms", In::Rows, |peer, _| json!(telling(peer, handshake_ms))),
    field("bytes_in", In::Rows, |peer, _| json!(carried(peer, |(bytes_in, _)| bytes_in))),
    field("bytes_out", In::Rows, |peer, _| json!(carried(peer, |(_, bytes_out)| bytes_out))),
    field("error", In::Rows, |peer, _| json!(telling(peer, error))),
    field("down_bps", In::Screen, |peer, _| json!(peer.rates.down_bps)),
    field("up_bps", In::Screen, |peer, _| json!(peer.rates.up_bps)),
    field("received_bytes", In::Screen, |peer, _| json!(peer.down_bytes)),
    field("sent_bytes", In::Screen, |peer, _| json!(peer.up_bytes)),
    field("has_percent", In::Screen, |peer, _| json!(peer.has_percent())),
];

/// What this field says of the peer.
pub(super) fn value(name: &str, peer: &PeerRecord, view: &View) -> Value {
    FIELDS.iter().find(|field| field.name == name).map_or(Value::Null, |field| (field.value)(peer, view))
}

/// The columns of the screen that say what none of these fields says, with their place in its rows.
fn beside(columns: Rows<'_>, fields: fn(&Field) -> bool) -> impl Iterator<Item = (usize, &String)> {
    let told = move |name: &str| FIELDS.iter().any(|field| field.name == name && fields(field));
    columns.columns.iter().enumerate().filter(move |(_, name)| !told(name))
}

fn is_in_rows(field: &Field) -> bool {
    !matches!(field.stands, In::Json | In::JsonIfKnown)
}

/// The names of the cells of [`row`].
pub(super) fn names(columns: Rows<'_>) -> Vec<String> {
    let fields = FIELDS.iter().filter(|field| is_in_rows(field)).map(|field| field.name.to_owned());
    fields.chain(beside(columns, is_in_rows).map(|(_, name)| name.clone())).collect()
}

/// A peer as a row, with what the screen has of it in this row of its columns.
pub(super) fn row(peer: &PeerRecord, view: &View, columns: Rows<'_>, row: usize) -> Vec<Value> {
    let fields = FIELDS.iter().filter(|field| is_in_rows(field)).map(|field| (field.value)(peer, view));
    fields.chain(beside(columns, is_in_rows).map(|(at, _)| columns.rows[row][at].clone())).collect()
}

/// A peer as an object, as every report that has peers shows it.
pub(in crate::report) struct Peer<'a> {
    record: &'a PeerRecord,
    view: &'a View,
    /// What a screen shows of it beside that.
    columns: Option<(Rows<'a>, usize)>,
}

impl<'a> Peer<'a> {
    pub(in crate::report) fn new(record: &'a PeerRecord, view: &'a View) -> Self {
        Self { record, view, columns: None }
    }

    /// The peer with what the screen has of it in this row of its columns.
    pub(super) fn with(self, columns: Rows<'a>, row: usize) -> Self {
        Self { columns: Some((columns, row)), ..self }
    }
}

impl Serialize for Peer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        let add = |object: &mut S::SerializeMap, stands: fn(In) -> bool| {
            FIELDS.iter().filter(|field| stands(field.stands)).try_for_each(|field| {
                let value = (field.value)(self.record, self.view);
                match field.stands {
                    In::AllIfKnown | In::JsonIfKnown if value.is_null() => Ok(()),
                    _ => object.serialize_entry(field.name, &value),
                }
            })
        };
        add(&mut object, |stands| !matches!(stands, In::Rows | In::Screen))?;
        let tries = self.record.attempts.iter().map(|attempt| Try::new(self.record, attempt));
        object.serialize_entry("attempts", &tries.collect::<Vec<_>>())?;
        if let Some((columns, row)) = self.columns {
            add(&mut object, |stands| stands == In::Screen)?;
            let mut more = beside(columns, |_| true);
            more.try_for_each(|(at, name)| object.serialize_entry(name, &columns.rows[row][at]))?;
        }
        object.end()
    }
}

#[derive(serde::Serialize)]
struct Try<'a> {
    direction: &'static str,
    transport: &'static str,
    encryption: &'static str,
    payload: Option<&'static str>,
    started_ms: u64,
    connect_ms: Option<u64>,
    handshake_ms: Option<u64>,
    bytes_in: u64,
    bytes_out: u64,
    cause: Option<&'static str>,
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved: Option<&'static str>,
}

impl<'a> Try<'a> {
    fn new(record: &PeerRecord, attempt: &'a Attempt) -> Self {
        let (bytes_in, bytes_out) = record.bytes_of(attempt);
        Self {
            direction: match attempt.direction {
                Direction::Out => "out",
                Direction::In => "in",
            },
            transport: attempt.transport.name(),
            encryption: encryption(attempt),
            payload: attempt.payload.map(Payload::name),
            started_ms: milliseconds(attempt.began),
            connect_ms: connect_ms(attempt),
            handshake_ms: handshake_ms(attempt),
            bytes_in,
            bytes_out,
            cause: attempt.cause.map(code),
            error: error(attempt),
            resolved: record.resolved(attempt).map(code),
        }
    }
}

fn encryption(attempt: &Attempt) -> &'static str {
    match attempt.encryption {
        Encryption::Plain => "plain",
        Encryption::Mse => "mse",
    }
}

fn error(attempt: &Attempt) -> Option<&str> {
    attempt.error.as_ref().map(|error| error.text.as_str())
}

/// Something of the attempt that tells most of the peer.
fn telling<'a, T>(peer: &'a PeerRecord, of: impl FnOnce(&'a Attempt) -> Option<T>) -> Option<T> {
    peer.telling_attempt().and_then(of)
}

/// Bytes of all its attempts, one way.
fn carried(peer: &PeerRecord, way: fn((u64, u64)) -> u64) -> u64 {
    peer.attempts.iter().map(|attempt| way(peer.bytes_of(attempt))).sum()
}

/// What the attempt says beside its cause; of a magnet, what the peer did about the metadata.
fn detail(peer: &PeerRecord) -> Option<String> {
    telling(peer, |attempt| attempt.detail.clone()).or_else(|| about_metadata(peer))
}

fn sources(peer: &PeerRecord, view: &View) -> Value {
    let url = |key| view.tracker(key).map(|tracker| tracker.url.as_str());
    let sources = peer.sources.iter().map(|source| match source.tracker() {
        Some(key) => format!("{}:{}", source.info().code, url(key).unwrap_or_default()),
        None => source.info().code.to_owned(),
    });
    json!(sources.collect::<Vec<_>>())
}
