use proptest::prelude::*;

use super::*;

fn header() -> impl Strategy<Value = Header> {
    let kinds = [Kind::Data, Kind::Fin, Kind::State, Kind::Reset, Kind::Syn];
    let numbers = (any::<u16>(), any::<u32>(), any::<u32>(), any::<u32>(), any::<u16>(), any::<u16>());
    (proptest::sample::select(kinds.to_vec()), numbers).prop_map(
        |(kind, (id, sent, delay, window, seq, ack))| Header { kind, id, sent, delay, window, seq, ack },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        header in header(),
        payload in proptest::collection::vec(any::<u8>(), 0..100),
        mask in proptest::option::of(proptest::collection::vec(any::<u8>(), 1..64)),
        reason in proptest::option::of(any::<u16>().prop_map(CloseReason)),
        padding in Header::LEAST_PADDING..1_200,
    ) {
        let mask: Option<Vec<u8>> = mask.map(|mask| [&mask[..]; 4].concat()).filter(|mask| mask.len() <= 252);
        let (head, tail) = payload.split_at(payload.len() / 2);
        let mut out = b"before".to_vec();
        header.write(&mut out, &[head, tail]);
        let read = Packet::read(&out[6..]);
        prop_assert_eq!(read, Ok(Packet { header, selective_ack: None, close_reason: None, payload: &payload }));

        out.clear();
        header.write_extended(&mut out, mask.as_deref(), reason);
        // libutp takes no other extension for the first.
        prop_assert!(out[1] < 3);
        let read = Packet::read(&out);
        let expected = Packet { header, selective_ack: mask.as_deref(), close_reason: reason, payload: &[] };
        prop_assert_eq!(read, Ok(expected));

        out.clear();
        header.write_padded(&mut out, padding, &[head, tail]);
        prop_assert!(out[1] < 3);
        prop_assert_eq!(out.len(), HEADER_BYTES + padding + payload.len());
        let read = Packet::read(&out);
        prop_assert_eq!(read, Ok(Packet { header, selective_ack: None, close_reason: None, payload: &payload }));
    }

    #[test]
    fn hostile_bytes_are_refused_or_lie_within_what_came(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
        is_packet in any::<bool>(),
    ) {
        if let Some(first) = bytes.first_mut().filter(|_| is_packet) {
            *first = (*first % 5) << 4 | 1;
        }
        if let Ok(packet) = Packet::read(&bytes) {
            prop_assert!(HEADER_BYTES + packet.payload.len() <= bytes.len());
            prop_assert!(packet.selective_ack.is_none_or(|mask| mask.len() <= 255));
        }
    }

    #[test]
    fn a_packet_that_is_cut_short_in_its_extensions_is_none(header in header(), cut in 0..42_usize) {
        let mut out = Vec::new();
        header.write_extended(&mut out, Some(&[1; 16]), Some(CloseReason::PEER_CHURN));
        prop_assert!(Packet::read(&out).is_ok());
        prop_assert!(Packet::read(&out[..cut.min(out.len() - 1)]).is_err());
    }
}

fn data() -> Header {
    Header { kind: Kind::Data, id: 1, sent: 2, delay: 3, window: 4, seq: 5, ack: 6 }
}

/// A packet with these extensions, each of a type and a content, and a payload.
fn extended(extensions: &[(u8, &[u8])], payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    data().write(&mut out, &[]);
    out[1] = extensions.first().map_or(0, |first| first.0);
    for (index, (_, content)) in extensions.iter().enumerate() {
        out.push(extensions.get(index + 1).map_or(0, |next| next.0));
        out.push(u8::try_from(content.len()).unwrap());
        out.extend_from_slice(content);
    }
    out.extend_from_slice(payload);
    out
}

#[test]
fn extensions_that_are_not_known_are_skipped_whatever_their_length() {
    for length in [0, 1, 4, 255] {
        let unknown = vec![0xff; length];
        let bytes =
            extended(&[(200, &unknown), (1, &[1, 2, 3, 4]), (4, &unknown), (3, &[9, 9, 1, 1])], b"payload");
        let packet = Packet::read(&bytes).unwrap();
        assert_eq!(packet.payload, b"payload");
        assert_eq!(packet.selective_ack, Some(&[1, 2, 3, 4][..]));
        assert_eq!(packet.close_reason, Some(CloseReason(257)));
    }
}

#[test]
fn extensions_that_never_end_are_refused() {
    let ring: Vec<(u8, &[u8])> = vec![(1, &[]); 200];
    assert_eq!(Packet::read(&extended(&ring, b"")), Err(PacketError::Extensions));
    let few: Vec<(u8, &[u8])> = vec![(7, &[]); MOST_EXTENSIONS];
    assert!(Packet::read(&extended(&few, b"")).is_ok());
}

#[test]
fn of_two_extensions_of_a_kind_the_first_counts() {
    let bytes = extended(&[(1, &[1]), (1, &[2]), (3, &[0, 0, 0, 1]), (3, &[0, 0, 0, 2])], b"");
    let packet = Packet::read(&bytes).unwrap();
    assert_eq!((packet.selective_ack, packet.close_reason), (Some(&[1][..]), Some(CloseReason(1))));
}

#[test]
fn what_is_no_packet_says_why() {
    assert_eq!(Packet::read(b""), Err(PacketError::Short(0)));
    assert_eq!(Packet::read(&[0x01; 19]), Err(PacketError::Short(19)));
    let mut bytes = extended(&[], b"");
    bytes[0] = 0x02;
    assert_eq!(Packet::read(&bytes), Err(PacketError::Version(2)));
    bytes[0] = 0x51;
    assert_eq!(Packet::read(&bytes), Err(PacketError::Kind(5)));
}

#[test]
fn reasons_have_the_names_of_libtorrent() {
    let names = [
        (CloseReason::NONE, "none"),
        (CloseReason::DUPLICATE_PEER_ID, "duplicate_peer_id"),
        (CloseReason::TORRENT_REMOVED, "torrent_removed"),
        (CloseReason::BLOCKED, "blocked"),
        (CloseReason::UPLOAD_TO_UPLOAD, "upload_to_upload"),
        (CloseReason::TIMED_OUT_ACTIVITY, "timed_out_activity"),
        (CloseReason::TIMED_OUT_HANDSHAKE, "timed_out_handshake"),
        (CloseReason::PEER_CHURN, "peer_churn"),
        (CloseReason::TOO_MANY_CONNECTIONS, "too_many_connections"),
        (CloseReason::INVALID_INFO_HASH, "invalid_info_hash"),
        (CloseReason::SELF_CONNECTION, "self_connection"),
        (CloseReason::INVALID_MESSAGE, "invalid_message"),
        (CloseReason::CORRUPT_PIECES, "corrupt_pieces"),
        (CloseReason(16), "too_many_files"),
        (CloseReason(288), "pex_too_frequent"),
    ];
    for (reason, name) in names {
        assert_eq!(reason.name(), Some(name));
    }
    for number in [17, 255, 289, u16::MAX] {
        assert_eq!(CloseReason(number).name(), None);
    }
}
