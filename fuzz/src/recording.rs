//! Recordings: as files, and as the bodies of their frames, which no change of a packed file reaches.

use std::io::Cursor;
use std::time::Duration;

use ttui::record::{Player, Recording};

/// Bytes of the head of a frame: the last four are a checksum.
const HEAD_BYTES: usize = 21;
/// What every recording begins with.
const MAGIC: &[u8; 8] = b"\x89ttrec\r\n";
/// In place of the kind of the first frame: the frames are those of version 2.
const VERSION_2: u8 = 0;

/// Bytes of the header of this version: the last four are a checksum.
fn header_bytes(version: u8) -> usize {
    if version == 1 { 22 } else { 28 }
}

/// A recording, as it is and with its checksums made right, looked at from several places.
pub fn recording(bytes: &[u8]) {
    look_at(bytes);
    let mut mended = bytes.to_vec();
    if mend_checksums(&mut mended).is_some() {
        look_at(&mended);
    }
}

fn look_at(file: &[u8]) {
    let Ok(recording) = Recording::open(Cursor::new(file)) else { return };
    let Ok(mut player) = Player::new(recording) else { return };
    player.view();
    for seconds in [1, 0, 3, 2, 100] {
        player.go_to(Duration::from_secs(seconds));
        player.view();
    }
    for _ in 0..20 {
        if !player.previous_failure() {
            break;
        }
    }
    player.step_back();
    player.step_forward();
}

/// A header with its checksum. A frame: kind, packed length (4), 12 more, the checksum of those and the body.
fn mend_checksums(file: &mut [u8]) -> Option<()> {
    let header_bytes = header_bytes(*file.get(MAGIC.len())?);
    let header = file.get_mut(..header_bytes)?;
    let crc = crc32fast::hash(&header[..header_bytes - 4]);
    header[header_bytes - 4..].copy_from_slice(&crc.to_le_bytes());
    let mut rest = file.get_mut(header_bytes..)?;
    while let Some(head) = rest.first_chunk::<HEAD_BYTES>() {
        let packed = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let Some((frame, behind)) = rest.split_at_mut_checked(HEAD_BYTES.checked_add(packed)?) else { break };
        let mut crc = crc32fast::Hasher::new();
        crc.update(&frame[..HEAD_BYTES - 4]);
        crc.update(&frame[HEAD_BYTES..]);
        frame[HEAD_BYTES - 4..HEAD_BYTES].copy_from_slice(&crc.finalize().to_le_bytes());
        rest = behind;
    }
    Some(())
}

/// The frames of a recording before they are packed: of each its kind (1), the seconds since the one before (1), the
/// length of its body (2, little-endian) and its body. A 0 before the first one says that they are of version 2.
pub fn recording_frames(mut bytes: &[u8]) {
    let version = match bytes.split_first() {
        Some((&VERSION_2, rest)) => {
            bytes = rest;
            2
        }
        _ => 1,
    };
    let mut file = MAGIC.to_vec();
    file.push(version);
    file.resize(header_bytes(version), 0);
    let mut until = Duration::ZERO;
    while let Some((&[kind, seconds, low, high], rest)) = bytes.split_first_chunk::<4>() {
        let (body, rest) = rest.split_at(usize::from(u16::from_le_bytes([low, high])).min(rest.len()));
        bytes = rest;
        until += Duration::from_secs(u64::from(seconds));
        let packed = miniz_oxide::deflate::compress_to_vec(body, 0);
        file.push(kind);
        file.extend((packed.len() as u32).to_le_bytes());
        file.extend((body.len() as u32).to_le_bytes());
        file.extend((until.as_nanos() as u64).to_le_bytes());
        file.extend([0; 4]);
        file.extend(packed);
    }
    mend_checksums(&mut file);
    look_at(&file);
}
