//! How to play, and what a command line says of it: the world, and whom to play with there.
//!
//! Playing is left to `play`. This is the one place that knows which worlds there are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gamin::ServerCommand;
use testgam_worlds::abi::LoadedLibrary;
use testgam_worlds::live::{ClientLibrary, LiveMonitor, LiveOptions, OwnLibrary, RealFiles};
use testgam_worlds::peer::process::missing;
use testgam_worlds::stop::Stop;
use testgam_worlds::world::{StepError, World};
use testgam_worlds::{embedded, live, peer, sim};

use crate::peers::{Contender, PeerError, Peers};
use crate::server::server_command;
use crate::world_choice::WorldChoice;

/// The worlds that a scenario can be played in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum WorldKind {
    /// Real files, the running kernel, a server of its own.
    #[default]
    Live,
    /// Files in memory, a simulated kernel, a clock that only waiting moves.
    Sim,
    /// As live, but clients go through the library that is named.
    Abi,
    /// As live, but without a server: each client watches by itself.
    Embedded,
    /// Real files, and a watcher of others' making, which is named instead.
    #[value(skip)]
    Peer,
}

/// How to play.
#[derive(Debug, Clone)]
pub struct PlayOptions {
    /// The world to play in.
    pub world: WorldKind,
    /// The libfam.so.0 or libgamin-1.so.0 to load in the world `abi`, `libfam.so.0` if none is named; one without a slash is looked for
    /// as the loader does.
    pub library: Option<PathBuf>,
    /// The server that is started on demand.
    pub server: ServerCommand,
    /// The longest wait for anything that is sure to come.
    pub patience: Duration,
    /// How long nothing has to come, where a server has no barrier, for everything to count as reported.
    /// The original holds events back for up to 1.2 s.
    pub silence: Duration,
    /// Ends the scenario before its last step.
    pub stop: Stop,
    /// In the world `embedded`, each client has a thread that watches.
    pub has_background: bool,
    /// The watcher of the world `peer`.
    pub contender: Option<Contender>,
}

/// The arguments of a command line that say whom to play with.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Players {
    /// The libfam.so.0 or libgamin-1.so.0 that clients go through, each in a process of its own; this is the world
    /// `abi`. Without a slash it is looked for as programs do
    #[arg(long, value_name = "PATH", required_if_eq("world", "abi"))]
    pub library: Option<PathBuf>,
    /// The server to play with [default: the variable GAMIN_DEBUG_SERVER, else the one in this program]
    #[arg(long, value_name = "PROGRAM")]
    pub server: Option<PathBuf>,
    /// The folder of entries of watchers, and of their adapters, instead of those in this program
    #[arg(long, value_name = "FOLDER")]
    pub peers: Option<PathBuf>,
    /// Where in the lines of a watcher without an entry the path is: a regular expression with a group `path`
    #[arg(long, value_name = "REGEX")]
    pub line: Option<String>,
}

/// Why nobody can be played with so.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// A library was named, and a world in which none is used.
    #[error("--library is for the world abi alone; without --world it is played there")]
    Library,
    /// The form of lines was named, and nobody who prints any.
    #[error("--line is for a watcher: name its command with --world")]
    Line,
    /// A kernel was named, and no server that could ask it.
    #[error("--fanotify is for the worlds sim and live: elsewhere there is no server of ours")]
    Fanotify,
    /// There is no such watcher.
    #[error(transparent)]
    Peer(#[from] PeerError),
}

impl Players {
    /// How to play with them in a world of somebody's choice.
    ///
    /// # Errors
    /// [`OptionsError`] if there is no use for the library or the form of lines in that world, or no such watcher.
    pub fn options(&self, world: Option<WorldChoice<WorldKind>>) -> Result<PlayOptions, OptionsError> {
        let contender =
            world.as_ref().and_then(WorldChoice::peer).map(|name| self.contender(name)).transpose()?;
        if self.line.is_some() && contender.is_none() {
            return Err(OptionsError::Line);
        }
        let world = match (&world, &self.library) {
            (None, Some(_)) => WorldKind::Abi,
            (Some(WorldChoice::World(WorldKind::Abi)) | None, _) | (_, None) => {
                world.map_or(WorldKind::default(), |choice| choice.world().unwrap_or(WorldKind::Peer))
            }
            (Some(_), Some(_)) => return Err(OptionsError::Library),
        };
        let server = self.server.as_deref().map(|program| ServerCommand::new(found_from_anywhere(program)));
        Ok(PlayOptions {
            world,
            library: self.library.as_deref().map(found_from_anywhere),
            server: server.unwrap_or_else(server_command),
            contender,
            ..PlayOptions::default()
        })
    }

    /// The watcher of this name.
    fn contender(&self, name: &str) -> Result<Contender, PeerError> {
        let contender = Peers::new(self.peers.as_deref())?.find(name, self.line.as_deref())?;
        match missing(&contender.peer) {
            Some(need) => Err(PeerError::missing(&contender.peer, need)),
            None => Ok(contender),
        }
    }
}

/// A path that means the same in every directory; a bare name, which is looked for elsewhere, stays one.
fn found_from_anywhere(path: &Path) -> PathBuf {
    match path.components().nth(1) {
        Some(_) => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        None => path.to_owned(),
    }
}

impl PlayOptions {
    /// A fresh world for one scenario, in which nobody else has a hand.
    ///
    /// # Errors
    /// Says why there is no room for it.
    pub fn scenario(&self) -> Result<World, StepError> {
        match self.world {
            WorldKind::Sim => Ok(sim::world::scenario(self.patience)),
            WorldKind::Embedded => embedded::scenario(self.live(), self.has_background),
            WorldKind::Peer => match &self.contender {
                Some(Contender { peer, bill, .. }) => peer::scenario(peer, bill, &self.stop),
                None => Err(StepError::Impossible("no watcher was named".into())),
            },
            WorldKind::Live | WorldKind::Abi => live::scenario(self.client_library(), self.live()),
        }
    }

    /// The files and the server around this process: its directory, its environment, the user's session.
    ///
    /// # Errors
    /// Says that the current directory cannot be named.
    pub fn here(&self) -> Result<(RealFiles, LiveMonitor), StepError> {
        live::here(self.client_library(), self.live())
    }

    /// The library through which clients of a live world go.
    fn client_library(&self) -> Box<dyn ClientLibrary> {
        match self.world {
            WorldKind::Live | WorldKind::Sim | WorldKind::Embedded | WorldKind::Peer => Box::new(OwnLibrary),
            WorldKind::Abi => {
                Box::new(LoadedLibrary(self.library.clone().unwrap_or_else(|| "libfam.so.0".into())))
            }
        }
    }

    /// How a live world is set up.
    fn live(&self) -> LiveOptions {
        let PlayOptions { server, patience, silence, stop, .. } = self.clone();
        LiveOptions { server, patience, silence, stop }
    }
}

impl Default for PlayOptions {
    fn default() -> Self {
        PlayOptions {
            world: WorldKind::default(),
            library: None,
            server: server_command(),
            patience: Duration::from_secs(10),
            silence: Duration::from_millis(1500),
            stop: Stop::default(),
            has_background: false,
            contender: None,
        }
    }
}
