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
        let entries = packet.renamed.into_iter().chain([packet.entry]).flatten();
        let mut parts = packet.target.map_or(0, <[u8]>::len);
        for entry in entries {
            parts += entry.place.len() + entry.name.len();
            assert!(!entry.name.contains(&0));
            assert!(meaning::of_entry(1, &Name::from(entry.name), packet.mask).count() <= 5);
        }
        assert!(parts < bytes.len() && meaning::of_itself(1, packet.mask).count() <= 3);
    }
    assert!(count <= bytes.len() / packet::HEAD_BYTES + 1);
});
