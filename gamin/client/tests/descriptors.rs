//! What a connection leaves in its process. The only test of its binary, for it counts descriptors.

mod fake;

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use fake::{FakeServer, options, session_id};

fn open_descriptors() -> BTreeSet<String> {
    let entries = fs::read_dir("/proc/self/fd").expect("procfs").map(|entry| entry.expect("procfs"));
    let mut names: BTreeSet<_> =
        entries.map(|entry| entry.file_name().into_string().expect("a number")).collect();
    // The listing's own descriptor is closed by now.
    names.retain(|name| fs::read_link(format!("/proc/self/fd/{name}")).is_ok());
    names
}

#[test]
fn a_dropped_connection_leaves_nothing_and_a_live_one_is_not_inherited() {
    let id = session_id();
    let server = FakeServer::bind(&id);
    let before = open_descriptors();
    // As many as the kind of connection needs, and no more.
    for (one_descriptor, count) in [(false, 2), (true, 1), (false, 2), (true, 1)] {
        let connection = options(&id).one_descriptor(one_descriptor).open().expect("the server listens");
        assert_eq!(open_descriptors().difference(&before).count(), count);
        let mut session = server.welcome();
        assert_eq!(connection.next_event_timeout(Duration::ZERO).expect("a server"), None);
        for name in open_descriptors().difference(&before) {
            let info = fs::read_to_string(format!("/proc/self/fdinfo/{name}")).expect("procfs");
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("flags");
            let flags = u32::from_str_radix(flags.trim(), 8).expect("an octal number");
            assert_ne!(flags & 0o2_000_000, 0, "descriptor {name} would be inherited");
        }
        drop(connection);
        assert_eq!(session.next_request(), None);
        drop(session);
        assert_eq!(open_descriptors(), before);
    }
}
