//! What a server may send: any bytes to a client that has asked for a directory, a file and a barrier.
//!
//! The first byte says which of the requests are cancelled half-way. Checked is that the client survives, and that with a
//! new server it goes on.

#![no_main]

use gamin::Kind;
use gamin::state::State;
use gamin_protocol::{CREDENTIAL, Decoder, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let mut state = State::default();
    let paths = [("/d", Kind::Directory), ("/f", Kind::File), ("/d", Kind::Directory)];
    let requests = paths.map(|(path, kind)| state.monitor(kind, path.as_ref(), None).expect("because it is absolute"));
    state.handle_connected();
    state.ask_barrier().expect("because no other is open");
    let _ = state.handle_bytes(&[CREDENTIAL]);
    let (before, after) = bytes.split_at(bytes.len() / 2);
    let is_understood = state.handle_bytes(before).is_ok();
    for (bit, request) in requests.into_iter().enumerate().filter(|(bit, _)| first >> bit & 1 == 1) {
        state.cancel(request).unwrap_or_else(|error| panic!("{bit} is live: {error}"));
    }
    if is_understood {
        let _ = state.handle_bytes(after);
    }
    while state.poll_event().is_some() {}
    state.handle_lost();
    while state.poll_event().is_some() {}
    state.handle_connected();
    let (greeting, sent) = state.output().split_first().expect("because it greets");
    assert_eq!(*greeting, CREDENTIAL);
    let mut decoder = Decoder::<Request>::new();
    decoder.push(sent);
    let mut live = 0;
    while let Some(request) = decoder.next_message().expect("because its packets are well formed") {
        live += usize::from(matches!(request, Request::Monitor { .. }));
    }
    assert_eq!(live, 3 - (first & 7).count_ones() as usize);
});
