//! The kernel's packets about directories, which come from one that we do not choose.
//!
//! Checked is that all of them are survived, that what is read lies within them, and that the reading ends.

#![no_main]

use gamin_engine::Name;
use gamin_linux::fanotify::{meaning, packet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut count = 0;
    let mut is_over = false;
    for read in packet::packets(bytes) {
        assert!(!is_over, "behind what is no packet there is none");
        count += 1;
        let Ok(packet) = read else {
            is_over = true;
            continue;
        };
        let parts = packet.place.map_or(0, <[u8]>::len) + packet.name.len() + packet.target.map_or(0, <[u8]>::len);
        assert!(parts < bytes.len());
        assert!(!packet.name.contains(&0));
        let said = meaning::of_entry(1, &Name::from(packet.name), packet.mask).count();
        assert!(said <= 5 && meaning::of_itself(1, packet.mask).count() <= 3);
    }
    assert!(count <= bytes.len() / packet::HEAD_BYTES + 1);
});
