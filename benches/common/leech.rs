//! A peer that asks for everything, as fast as it can, and throws it away.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use bytes::BytesMut;

use ttui::metainfo::{BLOCK_LENGTH, Geometry};
use ttui::wire::{BlockSpec, Message, PIECE_HEADER_BYTES};

/// Requests it keeps out.
const WINDOW: usize = 256;
const REQUEST_BYTES: usize = 17;

/// Takes a whole torrent of whole blocks from a peer that has shaken hands.
pub(crate) fn leech(mut stream: TcpStream, geometry: Geometry) -> io::Result<()> {
    let mut hello = BytesMut::new();
    Message::Interested.encode(&mut hello);
    stream.write_all(&hello)?;
    until_unchoked(&mut stream)?;
    let mut requests = BytesMut::new();
    for block in geometry.pieces().flat_map(|piece| geometry.blocks_of(piece)) {
        let spec = BlockSpec { index: block.piece().number(), begin: block.begin(), length: BLOCK_LENGTH };
        Message::Request(spec).encode(&mut requests);
    }
    let mut requests = requests.chunks(WINDOW / 4 * REQUEST_BYTES);
    let mut buffer = vec![0; 1 << 20];
    let block = i64::from(BLOCK_LENGTH) + PIECE_HEADER_BYTES as i64;
    let mut left = geometry.total_bytes() as i64 / i64::from(BLOCK_LENGTH) * block;
    let mut out = 0;
    while left > 0 {
        while out < (WINDOW * 3 / 4) as i64 * block {
            let Some(some) = requests.next() else { break };
            stream.write_all(some)?;
            out += (some.len() / REQUEST_BYTES) as i64 * block;
        }
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (out, left) = (out - n as i64, left - n as i64);
    }
    Ok(())
}

/// Reads messages up to the one that lets it ask.
fn until_unchoked(stream: &mut TcpStream) -> io::Result<()> {
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut frame)?;
        if matches!(Message::decode(&frame), Ok(Message::Unchoke)) {
            return Ok(());
        }
    }
}
