//! The server's life: a host, the connections that it takes in, and the signals that end it.
//!
//! What a session may do and is told is left to the host's core, how connections are accepted to `socket`. Invariant: whoever waits at
//! the sockets has a turn in each turn of the host.

use std::error::Error;
use std::io;
use std::time::Duration;

use gamin_core::NOUNS;
use gamin_engine::{Time, TreePath};
use gamin_host::{Guest, Host, HostOptions, Settings};
use gamin_linux::memory;
use gamin_trace::{Traces, new_file};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use tracing::{info, warn};

use crate::broker::Broker;
use crate::sandbox;
use crate::socket::{Accepted, Listener};

/// The signals that the event loop takes.
const TAKEN: [Signal; 5] =
    [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGUSR2];
/// What the host is told of.
const SIGNALS: Guest = Guest(0);
const LISTENER: Guest = Guest(1);
/// How many connections are taken in before others have their turn.
const ACCEPT_MAX: usize = 64;
/// How long to wait when there is nothing left to take a connection in with.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the server is.
struct Server {
    host: Host,
    signals: SignalFd,
    traces: Traces,
    listener: Listener,
    /// Who opens files for it, if it is confined.
    broker: Option<Broker>,
    /// Whether there may be connections to take in, and not before when.
    is_acceptable: bool,
    accept_at: Time,
    is_stopped: bool,
}

/// Serves the clients of `listener` until a signal ends it or the core is finished, in a sandbox if it is to be confined.
pub(crate) fn serve(
    listener: Listener,
    options: &HostOptions,
    is_confined: bool,
    traces: Traces,
) -> Result<(), Box<dyn Error>> {
    let settings = Settings::new(options.config_dir.as_deref(), options.home.as_deref()).paths();
    let broker = is_confined.then(|| Broker::start(&settings, listener.remains()));
    memory::share();
    let mut server = Server::new(listener, options, traces)?;
    server.confine(broker, settings);
    while !server.is_stopped && !server.host.core().is_finished() {
        server.wait()?;
        server.accept();
        server.host.turn();
        if server.host.give_back() {
            memory::give_back();
        }
    }
    Ok(())
}

/// Keeps the signals that the event loop takes until it does, and no other, whatever the starter did. To be called before anybody can
/// know of the server: to process 1 of a container the kernel gives only what it waits for.
pub(crate) fn hold_signals() -> nix::Result<()> {
    TAKEN.into_iter().collect::<SigSet>().thread_set_mask()
}

impl Server {
    fn new(listener: Listener, options: &HostOptions, traces: Traces) -> Result<Server, Box<dyn Error>> {
        let host = Host::new(options)?;
        let taken: SigSet = TAKEN.into_iter().collect();
        let signals = SignalFd::with_flags(&taken, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        host.add_guest(SIGNALS, &signals)?;
        for socket in &listener.sockets {
            host.add_guest(LISTENER, socket)?;
        }
        let accept_at = Time::default();
        Ok(Server {
            host,
            signals,
            traces,
            listener,
            broker: None,
            is_acceptable: true,
            accept_at,
            is_stopped: false,
        })
    }

    /// Puts the sandbox on if that is wanted and somebody opens files from then on; and has the core say what holds.
    fn confine(&mut self, broker: Option<io::Result<Broker>>, settings: Vec<TreePath>) {
        let words = match broker {
            None => sandbox::words_of_none("off"),
            Some(Err(error)) => {
                warn!(%error, "not confined: nobody could open files for the server");
                sandbox::words_of_none("no")
            }
            Some(Ok(broker)) => {
                self.host.open_settings_by(broker.opener(settings));
                self.broker = Some(broker);
                sandbox::enter().words()
            }
        };
        words.into_iter().for_each(|(guard, word)| self.host.describe(guard, word));
    }

    fn wait(&mut self) -> io::Result<()> {
        let accept_in = self.is_acceptable.then(|| self.accept_at.since(self.host.now()));
        let mut has_signals = false;
        self.host.wait(accept_in, |guest| match guest {
            SIGNALS => has_signals = true,
            _ => self.is_acceptable = true,
        })?;
        if has_signals {
            self.take_signals();
        }
        Ok(())
    }

    /// Does what signals ask for.
    fn take_signals(&mut self) {
        while let Ok(Some(taken)) = self.signals.read_signal() {
            match Signal::try_from(taken.ssi_signo as i32) {
                Ok(Signal::SIGUSR2) => self.switch_trace(),
                ending => {
                    info!(signal = ?ending, "ended by signal");
                    self.is_stopped = true;
                }
            }
        }
    }

    /// Switches the trace to a file on or off. The file opens with all that the core says of itself.
    fn switch_trace(&self) {
        let make = || self.broker.as_ref().map_or_else(new_file, Broker::trace);
        let switched = self.traces.switch(make, |out| {
            let core = self.host.core();
            let mut facts = NOUNS.iter().flat_map(|noun| core.facts(self.host.now(), None, noun, 0));
            facts.try_for_each(|(_, fact)| writeln!(out, "{fact}"))
        });
        if let Err(error) = switched {
            warn!(%error, "can't trace to a file in /tmp");
        }
    }

    /// Takes in the connections that wait.
    fn accept(&mut self) {
        if !self.is_acceptable || self.host.now() < self.accept_at {
            return;
        }
        for _ in 0..ACCEPT_MAX {
            match self.listener.accept() {
                Accepted::Connection(stream, peer) => {
                    if let Err(error) = self.host.connect(stream, peer) {
                        warn!(%error, "connection closed: the event loop can't take it");
                    }
                }
                Accepted::Lost => {}
                Accepted::Nothing => {
                    self.is_acceptable = false;
                    return;
                }
                Accepted::Exhausted => {
                    self.accept_at = self.host.now() + ACCEPT_PAUSE;
                    return;
                }
            }
        }
    }
}
