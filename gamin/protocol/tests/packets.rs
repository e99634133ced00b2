//! Packets as they travel: what is accepted, what is refused and why, and that no byte can do harm.

use gamin_protocol::{
    Code, DecodeError, Decoder, EventPacket, HEADER_LEN, Kind, MonitorOptions, NARROW_MAX, NUMBER_MAX,
    PACKET_MAX, PATH_MAX, Request, SYNC, Tag,
};
use proptest::prelude::*;

fn packet(len: u16, version: u16, seq: u16, kind: u16, path_len: u16, path: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        [len, version, seq, kind, path_len].iter().flat_map(|word| word.to_ne_bytes()).collect();
    bytes.extend_from_slice(path);
    bytes
}

fn well_formed(seq: u16, kind: u16, path: &[u8]) -> Vec<u8> {
    packet((HEADER_LEN + path.len()) as u16, 1, seq, kind, path.len() as u16, path)
}

fn decode_request(bytes: &[u8]) -> Result<Option<Request>, DecodeError> {
    let mut decoder = Decoder::new();
    decoder.push(bytes);
    decoder.next_message()
}

fn decode_event(bytes: &[u8]) -> Result<Option<EventPacket>, DecodeError> {
    let mut decoder = Decoder::new();
    decoder.push(bytes);
    decoder.next_message()
}

#[test]
fn a_request_is_the_bytes_that_the_original_sends() {
    let mut bytes = Vec::new();
    let request = Request::Monitor {
        seq: 7,
        kind: Kind::Directory,
        options: MonitorOptions::NO_EXISTS,
        path: b"/tmp".to_vec(),
    };
    request.encode(&mut bytes).expect("because the path is short");
    assert_eq!(bytes, well_formed(7, 0x12, b"/tmp"));

    bytes.clear();
    Request::Cancel { seq: 7 }.encode(&mut bytes).expect("because a cancel has no path");
    assert_eq!(bytes, well_formed(7, 3, b""));
}

#[test]
fn a_wide_number_has_its_upper_bits_in_the_type_and_leaves_room_for_options() {
    let mut bytes = Vec::new();
    let options = MonitorOptions::TAGGED.with(MonitorOptions::COVERAGE).with(MonitorOptions::MOVES);
    let request = Request::Monitor { seq: 0xa_3456, kind: Kind::Directory, options, path: b"/tmp".to_vec() };
    request.encode(&mut bytes).expect("because the path is short");
    assert_eq!(bytes, well_formed(0x3456, 0x1ae2, b"/tmp"));
    assert_eq!(decode_request(&bytes), Ok(Some(request)));

    bytes.clear();
    let cancel = Request::Cancel { seq: NUMBER_MAX };
    cancel.encode(&mut bytes).expect("because a cancel has no path");
    assert_eq!(bytes, well_formed(0xffff, 0x0f83, b""));
    assert_eq!(decode_request(&bytes), Ok(Some(cancel)));

    bytes.clear();
    EventPacket::encode(&mut bytes, NARROW_MAX + 1, Code::EndExist, b"/tmp", None)
        .expect("because the path is short");
    assert_eq!(bytes, well_formed(0, 0x0189, b"/tmp"));
}

#[test]
fn without_the_bit_for_it_no_number_is_wide() {
    let request = decode_request(&well_formed(7, 0x1202, b"/tmp"));
    assert!(matches!(request, Ok(Some(Request::Monitor { seq: 7, .. }))), "{request:?}");
    assert_eq!(decode_request(&well_formed(7, 0x1203, b"")), Err(DecodeError::PathLength(0)));
    let event = decode_event(&well_formed(7, 0x0109, b"/tmp")).expect("because it is well formed");
    assert_eq!(event.map(|event| (event.seq, event.code)), Some((7, Code::from(0x0109))));
}

#[test]
fn a_request_that_breaks_a_rule_is_refused_for_it() {
    let long = vec![b'a'; PATH_MAX];
    let cases = [
        (packet(4107, 1, 1, 1, 4097, b""), DecodeError::TooLong(4107)),
        (packet(14, 2, 1, 1, 4, b"/tmp"), DecodeError::Version(2)),
        (packet(10, 1, 1, 1, 0, b""), DecodeError::PathLength(0)),
        (packet(10, 1, 1, 0x13, 0, b""), DecodeError::PathLength(0)),
        (packet(4106, 1, 1, 1, 4097, b""), DecodeError::PathLength(4097)),
        (packet(14, 1, 1, 1, 5, b"/tmp"), DecodeError::LengthMismatch { len: 14, path_len: 5 }),
        (packet(3, 1, 1, 1, 4, b"/tmp"), DecodeError::LengthMismatch { len: 3, path_len: 4 }),
        (well_formed(1, 1, &long), DecodeError::PathLength(4096)),
        (well_formed(1, 0, b"/tmp"), DecodeError::Type(0)),
        (well_formed(1, 0x15, b"/tmp"), DecodeError::Type(0x15)),
    ];
    for (bytes, why) in cases {
        assert_eq!(decode_request(&bytes), Err(why), "{why}");
    }
}

#[test]
fn a_request_at_the_limit_is_accepted() {
    let path = vec![b'a'; PATH_MAX - 1];
    let request = decode_request(&well_formed(65535, 1, &path)).expect("because it is well formed");
    assert_eq!(
        request,
        Some(Request::Monitor {
            seq: 65535,
            kind: Kind::File,
            options: MonitorOptions::NONE,
            path: path.clone()
        })
    );
    let too_long = Request::Monitor {
        seq: 1,
        kind: Kind::File,
        options: MonitorOptions::NONE,
        path: vec![b'a'; PATH_MAX],
    };
    assert_eq!(too_long.encode(&mut Vec::new()), Err(DecodeError::PathLength(4096)));
}

#[test]
fn what_the_original_overlooks_is_overlooked() {
    let monitor = |path: &[u8]| {
        Some(Request::Monitor {
            seq: 1,
            kind: Kind::Directory,
            options: MonitorOptions::NONE,
            path: path.to_vec(),
        })
    };
    assert_eq!(
        decode_request(&well_formed(1, 2, b"/a\0/b")),
        Ok(monitor(b"/a")),
        "a path ends at its first NUL"
    );
    assert_eq!(decode_request(&well_formed(1, 2, b"\0")), Ok(monitor(b"")));
    assert_eq!(decode_request(&well_formed(1, 3, b"/a")), Ok(Some(Request::Cancel { seq: 1 })));
    assert_eq!(decode_request(&well_formed(1, 0x13, b"/a")), Ok(Some(Request::Cancel { seq: 1 })));
    assert_eq!(
        decode_request(&well_formed(9, 4, SYNC)),
        Ok(Some(Request::Ask { seq: 9, question: SYNC.to_vec() }))
    );
}

#[test]
fn an_event_carries_its_tag_behind_the_path() {
    let mut bytes = Vec::new();
    EventPacket::encode(&mut bytes, 3, Code::Created, b"name", Some(Tag::new(42)))
        .expect("because the name is short");
    let event = EventPacket { seq: 3, code: Code::Created, path: b"name".to_vec(), tag: Some(Tag::new(42)) };
    assert_eq!(decode_event(&bytes), Ok(Some(event)));
}

#[test]
fn a_tag_that_does_not_fit_is_left_out() {
    let path = vec![b'a'; PATH_MAX - 8];
    let mut bytes = Vec::new();
    EventPacket::encode(&mut bytes, 3, Code::Exists, &path, Some(Tag::new(42)))
        .expect("because the path fits");
    assert_eq!(bytes.len(), PACKET_MAX - 8);
    assert_eq!(decode_event(&bytes), Ok(Some(EventPacket { seq: 3, code: Code::Exists, path, tag: None })));
}

#[test]
fn a_broken_stream_stays_broken() {
    let mut decoder = Decoder::<Request>::new();
    decoder.push(&packet(14, 9, 1, 1, 4, b"/tmp"));
    assert_eq!(decoder.next_message(), Err(DecodeError::Version(9)));
    decoder.push(&well_formed(1, 1, b"/tmp"));
    assert_eq!(decoder.next_message(), Err(DecodeError::Version(9)));
}

/// Narrow ones and wide ones.
fn numbers() -> impl Strategy<Value = u32> {
    prop_oneof![0..=NARROW_MAX, 0..=NUMBER_MAX]
}

fn requests() -> impl Strategy<Value = Request> {
    let path = prop::collection::vec(1..=255_u8, 1..200);
    prop_oneof![
        (numbers(), any::<bool>(), any::<bool>(), path.clone()).prop_map(|(seq, is_file, tagged, path)| {
            let kind = if is_file { Kind::File } else { Kind::Directory };
            let options = if tagged {
                MonitorOptions::TAGGED.with(MonitorOptions::NO_EXISTS)
            } else {
                MonitorOptions::NONE
            };
            Request::Monitor { seq, kind, options, path }
        }),
        numbers().prop_map(|seq| Request::Cancel { seq }),
        (numbers(), path).prop_map(|(seq, question)| Request::Ask { seq, question }),
    ]
}

proptest! {
    #[test]
    fn requests_come_out_as_they_went_in_however_they_are_cut(
        requests in prop::collection::vec(requests(), 0..20),
        cuts in prop::collection::vec(1..50_usize, 1..50),
    ) {
        let mut bytes = Vec::new();
        for request in &requests {
            request.encode(&mut bytes).expect("because the paths are short");
        }
        let mut decoder = Decoder::<Request>::new();
        let mut decoded = Vec::new();
        let mut rest = bytes.as_slice();
        for cut in cuts.iter().cycle() {
            let (piece, others) = rest.split_at((*cut).min(rest.len()));
            decoder.push(piece);
            while let Some(request) = decoder.next_message().expect("because it is well formed") {
                decoded.push(request);
            }
            rest = others;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(decoded, requests);
    }

    #[test]
    fn a_narrow_number_is_all_that_its_packet_says_of_it(seq in any::<u16>(), request in requests(), code in 0..64_u16) {
        let seq_of = |bytes: &[u8]| u16::from_ne_bytes([bytes[4], bytes[5]]);
        let type_of = |bytes: &[u8]| u16::from_ne_bytes([bytes[6], bytes[7]]);
        let mut bytes = Vec::new();
        let narrow = match request {
            Request::Monitor { kind, options, path, .. } => Request::Monitor { seq: seq.into(), kind, options, path },
            Request::Cancel { .. } => Request::Cancel { seq: seq.into() },
            Request::Ask { question, .. } => Request::Ask { seq: seq.into(), question },
        };
        narrow.encode(&mut bytes).expect("because the path is short");
        prop_assert_eq!((seq_of(&bytes), type_of(&bytes) & 0xff80), (seq, 0));
        bytes.clear();
        EventPacket::encode(&mut bytes, seq.into(), Code::from(code), b"name", None).expect("because the name is short");
        prop_assert_eq!((seq_of(&bytes), type_of(&bytes)), (seq, code));
    }

    #[test]
    fn an_event_of_any_number_comes_out_as_it_went_in(seq in numbers(), code in 0..64_u16, tag in prop::option::of(any::<u64>())) {
        let event = EventPacket { seq, code: Code::from(code), path: b"name".to_vec(), tag: tag.map(Tag::new) };
        let mut bytes = Vec::new();
        EventPacket::encode(&mut bytes, seq, event.code, &event.path, event.tag).expect("because the name is short");
        let mut decoder = Decoder::<EventPacket>::new();
        decoder.push(&bytes);
        let peeked = decoder.peek().expect("because it was encoded").expect("because it is whole");
        prop_assert_eq!((peeked.seq, peeked.code), (seq, event.code));
        prop_assert_eq!(decoder.take(peeked).into_owned(), event.clone());
        decoder.push(&bytes);
        prop_assert_eq!(decoder.next_message(), Ok(Some(event)));
        prop_assert_eq!(decoder.peek(), Ok(None));
    }

    #[test]
    fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..5000)) {
        let mut requests = Decoder::<Request>::new();
        let mut events = Decoder::<EventPacket>::new();
        requests.push(&bytes);
        events.push(&bytes);
        while let Ok(Some(_)) = requests.next_message() {}
        while let Ok(Some(_)) = events.next_message() {}
    }
}

#[test]
fn every_number_is_one_code_and_comes_back() {
    for number in 0..=u16::MAX {
        assert_eq!(Code::from(number).number(), number);
    }
    assert_eq!((Code::from(9), Code::from(10)), (Code::EndExist, Code::Unknown(10)));
}
