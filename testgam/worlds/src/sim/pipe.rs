//! Connections between clients and servers: two streams of bytes, each with room for so many.
//!
//! Who is at the ends is left to `client` and `host`. Invariant: what a stream has taken arrives, in order, also after
//! its writer has closed it; a stream whose reader has closed it takes nothing.

use std::collections::{BTreeMap, VecDeque};

/// How many bytes wait for a reader at most: about what a socket of the kernel holds by default.
pub const CAPACITY: usize = 208 * 1024;

/// Names a connection; each is greater than the one before, and none is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PipeId(pub u32);

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The one that connected.
    Client,
    /// The one that was connected to.
    Server,
}

/// What came of reading or writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// So many bytes were moved.
    Bytes(usize),
    /// There is nothing to read, or no room to write.
    Blocked,
    /// The other end is closed, and what it wrote has been read.
    Ended,
}

#[derive(Debug)]
struct Stream {
    bytes: VecDeque<u8>,
    /// How many more it takes, if a fault has it take fewer than it has room for.
    room: Option<usize>,
}

#[derive(Debug)]
struct Pipe {
    to_server: Stream,
    to_client: Stream,
    client_closed: bool,
    server_closed: bool,
}

/// All connections of a world.
#[derive(Debug)]
pub struct Pipes {
    pipes: BTreeMap<PipeId, Pipe>,
    last: u32,
    /// How many bytes wait for a reader at most.
    pub capacity: usize,
}

impl Pipes {
    /// No connections yet.
    pub fn new() -> Pipes {
        Pipes { pipes: BTreeMap::new(), last: 0, capacity: CAPACITY }
    }

    /// Makes a connection.
    pub fn connect(&mut self) -> PipeId {
        self.last += 1;
        let id = PipeId(self.last);
        let stream = || Stream { bytes: VecDeque::new(), room: None };
        let pipe =
            Pipe { to_server: stream(), to_client: stream(), client_closed: false, server_closed: false };
        self.pipes.insert(id, pipe);
        id
    }

    /// How many connections there are.
    pub fn count(&self) -> usize {
        self.pipes.len()
    }

    /// Has a connection take so many bytes more from the server, or again as many as it has room for.
    pub fn limit(&mut self, id: PipeId, room: Option<usize>) {
        if let Some(pipe) = self.pipes.get_mut(&id) {
            pipe.to_client.room = room;
        }
    }

    /// Whether a connection takes anything more from the server.
    pub fn has_room(&self, id: PipeId) -> bool {
        let has_room = |stream: &Stream| stream.bytes.len() < self.capacity && stream.room != Some(0);
        self.pipes.get(&id).is_some_and(|pipe| !pipe.client_closed && has_room(&pipe.to_client))
    }

    /// Has every connection take as many bytes as by default.
    pub fn heal(&mut self) {
        self.capacity = CAPACITY;
        for pipe in self.pipes.values_mut() {
            pipe.to_client.room = None;
        }
    }

    /// Writes as much as there is room for.
    pub fn write(&mut self, id: PipeId, end: End, bytes: &[u8]) -> Transfer {
        let capacity = self.capacity;
        let Some(pipe) = self.pipes.get_mut(&id) else { return Transfer::Ended };
        let (stream, is_closed) = match end {
            End::Client => (&mut pipe.to_server, pipe.server_closed),
            End::Server => (&mut pipe.to_client, pipe.client_closed),
        };
        if is_closed {
            return Transfer::Ended;
        }
        let room = capacity.saturating_sub(stream.bytes.len());
        let count = bytes.len().min(stream.room.map_or(room, |left| left.min(room)));
        if count == 0 {
            return Transfer::Blocked;
        }
        stream.room = stream.room.map(|left| left - count);
        stream.bytes.extend(&bytes[..count]);
        Transfer::Bytes(count)
    }

    /// Reads as much as there is, and no more than `max`, into an emptied buffer.
    pub fn read(&mut self, id: PipeId, end: End, max: usize, into: &mut Vec<u8>) -> Transfer {
        into.clear();
        let Some(pipe) = self.pipes.get_mut(&id) else { return Transfer::Ended };
        let (stream, is_closed) = match end {
            End::Client => (&mut pipe.to_client, pipe.server_closed),
            End::Server => (&mut pipe.to_server, pipe.client_closed),
        };
        let count = max.min(stream.bytes.len());
        into.extend(stream.bytes.drain(..count));
        match (count, is_closed) {
            (0, true) => Transfer::Ended,
            (0, false) => Transfer::Blocked,
            _ => Transfer::Bytes(count),
        }
    }

    /// Closes one end.
    pub fn close(&mut self, id: PipeId, end: End) {
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        match end {
            End::Client => pipe.client_closed = true,
            End::Server => pipe.server_closed = true,
        }
        if pipe.client_closed && pipe.server_closed {
            self.pipes.remove(&id);
        }
    }
}

impl Default for Pipes {
    fn default() -> Pipes {
        Pipes::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_arrives_after_the_end() {
        let mut pipes = Pipes::new();
        let id = pipes.connect();
        pipes.capacity = 3;
        assert_eq!(pipes.write(id, End::Server, b"abcd"), Transfer::Bytes(3));
        assert_eq!(pipes.write(id, End::Server, b"d"), Transfer::Blocked);
        pipes.close(id, End::Server);
        let mut read = Vec::new();
        assert_eq!(pipes.read(id, End::Client, 2, &mut read), Transfer::Bytes(2));
        assert_eq!(pipes.read(id, End::Client, 2, &mut read), Transfer::Bytes(1));
        assert_eq!(pipes.read(id, End::Client, 2, &mut read), Transfer::Ended);
        assert_eq!(pipes.write(id, End::Client, b"x"), Transfer::Ended);
        pipes.close(id, End::Client);
        assert_eq!(pipes.count(), 0);
    }

    #[test]
    fn a_limited_pipe_takes_no_more_than_it_was_told() {
        let mut pipes = Pipes::new();
        let id = pipes.connect();
        pipes.limit(id, Some(1));
        assert_eq!(pipes.write(id, End::Server, b"ab"), Transfer::Bytes(1));
        assert_eq!(pipes.write(id, End::Server, b"b"), Transfer::Blocked);
        pipes.limit(id, None);
        assert_eq!(pipes.write(id, End::Server, b"b"), Transfer::Bytes(1));
    }
}
