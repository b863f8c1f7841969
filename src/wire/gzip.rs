//! Unpacks what a server compressed although nobody asked it to (RFC 1952).

use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_with_limit};

const MAGIC: &[u8] = &[0x1f, 0x8b, 8];
const TRAILER_BYTES: usize = 8;

/// What is packed in `body`, at most `most_bytes`; `None` where it is not packed. The checksum is not looked at:
/// what came over TCP and unpacks is read, and judged by its reader.
///
/// # Errors
/// What is wrong with it.
pub(super) fn content(body: &[u8], most_bytes: usize) -> Result<Option<Vec<u8>>, String> {
    let Some(rest) = body.strip_prefix(MAGIC) else { return Ok(None) };
    let damaged = || "is cut off or damaged".to_owned();
    let deflated =
        behind_header(rest).and_then(|rest| rest.len().checked_sub(TRAILER_BYTES).map(|end| &rest[..end]));
    match decompress_to_vec_with_limit(deflated.ok_or_else(damaged)?, most_bytes) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.status == TINFLStatus::HasMoreOutput => {
            Err(format!("unpacks to more than {most_bytes} bytes"))
        }
        Err(_) => Err(damaged()),
    }
}

/// Skips the rest of the header: flags, time, two bytes, and what the flags say follows.
fn behind_header(bytes: &[u8]) -> Option<&[u8]> {
    let (&[flags, ..], mut rest) = bytes.split_first_chunk::<7>()?;
    if flags & 4 != 0 {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        rest = behind.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & 2 != 0 { rest.get(2..) } else { Some(rest) }
}

/// As a server packs it, with a name and a field of its own in the header.
#[cfg(test)]
pub(super) fn pack(content: &[u8]) -> Vec<u8> {
    let mut packed = [MAGIC, &[4 | 8, 1, 2, 3, 4, 0, 3], b"\x02\0xy", b"name\0"].concat();
    packed.extend(miniz_oxide::deflate::compress_to_vec(content, 6));
    packed.extend(crc32fast::hash(content).to_le_bytes());
    packed.extend((content.len() as u32).to_le_bytes());
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_what_is_not_packed_alone() {
        assert_eq!(content(b"d8:intervali900ee", 100), Ok(None));
    }

    #[test]
    fn an_answer_that_unpacks_to_too_much_is_refused() {
        let packed = pack(&vec![0; 10_000_000]);
        assert!(packed.len() < 20_000);
        assert_eq!(content(&packed, 2 << 20), Err(format!("unpacks to more than {} bytes", 2 << 20)));
    }

    #[test]
    fn a_packed_answer_cut_anywhere_is_damaged() {
        let packed = pack(b"d8:intervali900ee");
        assert_eq!(content(&packed, 100), Ok(Some(b"d8:intervali900ee".to_vec())));
        for end in MAGIC.len()..packed.len() {
            assert_eq!(content(&packed[..end], 100), Err("is cut off or damaged".to_owned()), "{end}");
        }
    }
}
