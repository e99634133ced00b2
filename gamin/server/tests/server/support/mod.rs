//! A real server under a name of its own, and clients that speak to it in bytes.
//!
//! Every wait is bounded by [`PATIENCE`], which only a server that hangs uses up.

#![allow(dead_code, reason = "not every test binary needs all of it")]

use std::io::{ErrorKind, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use gamin_protocol::{CREDENTIAL, Decoder, EventPacket, Kind, MonitorOptions, Request, SYNC, address};
use nix::unistd::{Pid, User, getuid};

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The path of the server's executable.
pub const GAM_SERVER: &str = env!("CARGO_BIN_EXE_gam_server");

/// A server that is killed when it is dropped.
pub struct Server {
    pub id: String,
    child: Option<Child>,
}

impl Server {
    pub fn start() -> Server {
        Server::start_as(Command::new(GAM_SERVER))
    }

    /// Starts `command`, which is or becomes a server that takes its id from GAM_CLIENT_ID.
    pub fn start_as(mut command: Command) -> Server {
        let id = unique_id();
        command.env("GAM_CLIENT_ID", &id).env_remove("GAM_DEBUG").stdin(Stdio::null());
        let child = command.spawn().expect("because the server has been built");
        let server = Server { id, child: Some(child) };
        server.connect();
        server
    }

    pub fn pid(&self) -> Pid {
        let child = self.child.as_ref().expect("because the server has not been waited for");
        Pid::from_raw(child.id().try_into().expect("because it is a process id"))
    }

    /// Connects without a word, as soon as the server listens.
    pub fn connect(&self) -> UnixStream {
        let start = Instant::now();
        loop {
            match try_connect(&self.id) {
                Ok(stream) => return stream,
                Err(error) => assert!(start.elapsed() < PATIENCE, "can't connect to {}: {error}", self.id),
            }
            std::thread::yield_now();
        }
    }

    /// Connects and shows credentials.
    pub fn client(&self) -> Client {
        let mut client = Client { stream: self.connect(), decoder: Decoder::new() };
        client.send(&[CREDENTIAL]);
        let mut answer = [1];
        client.stream.read_exact(&mut answer).expect("because the server answers in time");
        assert_eq!(answer, [CREDENTIAL]);
        client
    }

    /// Waits until the server ends by itself.
    pub fn wait(mut self) -> ExitStatus {
        wait(self.child.take().expect("because nobody has waited for it yet"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub fn wait(mut child: Child) -> ExitStatus {
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || ended.send(child.wait()));
    end.recv_timeout(PATIENCE).expect("because the process ends in time").expect("because it is our child")
}

pub fn unique_id() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("server-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

pub fn try_connect(id: &str) -> std::io::Result<UnixStream> {
    let user = match User::from_uid(getuid()) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => getuid().to_string(),
    };
    connect_to(&address(user.as_bytes(), id.as_bytes()))
}

pub fn connect_to(name: &[u8]) -> std::io::Result<UnixStream> {
    let stream = UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Reads what there is. Since there is a time limit, whatever stops and continues this process ends the call itself.
fn read(mut stream: &UnixStream, buffer: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// Whether the other end has closed the connection, which it does in time.
pub fn is_closed(stream: &UnixStream) -> bool {
    match read(stream, &mut [0; 4096]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

/// Whether the other end closes the connection in time, whatever it has said before.
pub fn is_ended(mut stream: &UnixStream) -> bool {
    match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

/// A client with credentials.
pub struct Client {
    pub stream: UnixStream,
    decoder: Decoder<EventPacket>,
}

impl Client {
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("because the server reads in time");
    }

    /// The next event, as `number code path`.
    pub fn event(&mut self) -> String {
        let mut buffer = [0; 64 * 1024];
        loop {
            if let Some(event) =
                self.decoder.next_message().expect("because the server's packets are well formed")
            {
                return format!("{} {:?} {}", event.seq, event.code, event.path.escape_ascii());
            }
            let count = read(&self.stream, &mut buffer).expect("because the server answers in time");
            assert!(count > 0, "the server has closed the connection");
            self.decoder.push(&buffer[..count]);
        }
    }

    /// All events from now up to `last`.
    pub fn events_until(&mut self, last: &str) -> Vec<String> {
        let mut events = vec![self.event()];
        while events.last().is_none_or(|event| event != last) {
            events.push(self.event());
        }
        events
    }

    /// All that has been told before a barrier that is asked for now.
    pub fn sync(&mut self) -> Vec<String> {
        self.send(&encode(&Request::Ask { seq: 9999, question: SYNC.to_vec() }));
        let mut events = self.events_until("9999 Code(50) sync");
        events.pop();
        events
    }
}

pub fn encode(request: &Request) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode(&mut bytes).expect("because tests ask for short paths");
    bytes
}

pub fn monitor(seq: u32, path: &Path) -> Vec<u8> {
    let path = path.as_os_str().as_bytes().to_vec();
    encode(&Request::Monitor { seq, kind: Kind::Directory, options: MonitorOptions::NONE, path })
}

pub fn cancel(seq: u32) -> Vec<u8> {
    encode(&Request::Cancel { seq })
}
