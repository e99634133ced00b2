//! What a server may send: any bytes to a client that has asked for a directory, a file and a barrier.
//!
//! The first byte says which of the requests are cancelled half-way. Checked is that the client survives, and that with a
//! new server it goes on.

#![no_main]

mod packets;

use gamin::Kind;
use gamin::state::State;
use gamin_protocol::{CREDENTIAL, Decoder, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((first, input)) = input.split_first() else { return };
    let bytes = packets::packets(input);
    let mut state = State::default();
    let paths = [("/d", Kind::Directory), ("/f", Kind::File), ("/d", Kind::Directory)];
    let requests =
        paths.map(|(path, kind)| state.monitor(kind, path.as_ref(), None).expect("because it is absolute"));
    state.handle_connected();
    state.ask_barrier().expect("because no other is open");
    let _ = state.handle_bytes(&[CREDENTIAL]);
    let (before, after) = bytes.split_at(bytes.len() / 2);
    let is_understood = state.handle_bytes(before).is_ok();
    for (bit, request) in requests.into_iter().enumerate() {
        if first >> bit & 1 == 1 {
            // The server may have ended it.
            let _ = state.cancel(request);
        }
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
    // The server may have ended some by itself; the barrier may take another to find out whether the server knows barriers.
    let asked = 3 - (first & 7).count_ones() as usize;
    assert!(live <= asked + 1, "{live} requests for {asked}");
});
