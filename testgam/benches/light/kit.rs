//! What is compared: our server and library, the original's, inotify alone, and a bare second process, each under the same client.
//!
//! What is done with them is left to the workloads. Invariant: a side is three processes, of which this one changes the files; nothing of the
//! machine is replaced, and all that was started ends with its side.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use gamin_protocol::address;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::{Pid, User, getuid};

use crate::shipped::{build, succeed};
use crate::usage::Usage;

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// The servers poll a folder of this name, and what is in it.
pub const POLLED: &str = "polled";

/// Who watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watcher {
    Ours,
    /// Our library without a server.
    Embedded,
    Original,
    Raw,
    /// A second process that passes on what inotify says.
    Bare,
    /// The same, which reads each directory once when it is asked for it.
    BareListing,
}

impl Watcher {
    /// Whether the benchmark's own process stands between inotify and the client.
    fn is_bare(self) -> bool {
        matches!(self, Watcher::Bare | Watcher::BareListing)
    }
}

/// The programs, in a scratch folder.
pub struct Kit {
    scratch: tempfile::TempDir,
    /// Our server.
    server: PathBuf,
    /// The original's server, and the folder of its libraries.
    original: Option<(PathBuf, PathBuf)>,
    /// The bare process.
    bare: PathBuf,
}

impl Kit {
    /// Builds the client, our libraries and our server as they are installed, and unpacks the original from its packages, if they can be had.
    pub fn new() -> Outcome<Kit> {
        // The servers look for their configuration there, so nobody else may make and remove files beside it.
        let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        succeed(Command::new(root.join("ci/libraries")))?;
        let server = build("gamin-server", "server", "gam_server")?;
        let library = scratch.path().join("libfam.so.0");
        std::os::unix::fs::symlink(root.canonicalize()?.join("target/release/libfam.so"), &library)?;
        let sources = root.join("testgam/benches/light");
        let source = sources.join("client.c");
        for (program, option) in [("raw", "-DRAW"), ("of-bare", "-DBARE")] {
            compile(&source, option, &scratch.path().join(program))?;
        }
        let bare = scratch.path().join("bare");
        compile(&sources.join("bare.c"), "-Wall", &bare)?;
        let mut fam = Command::new("cc");
        fam.arg("-O2").arg("-I").arg(root.join("gamin/libfam/include")).arg("-o");
        fam.arg(scratch.path().join("fam")).arg(&source).arg(&library);
        succeed(fam)?;
        let original = original(scratch.path());
        if original.is_none() {
            println!("The original's packages can't be had: it is left out.");
        }
        fs::write(scratch.path().join(".gaminrc"), format!("poll /*/{POLLED} /*/{POLLED}/*\n"))?;
        Ok(Kit { scratch, server, original, bare })
    }

    /// Who can be compared.
    pub fn watchers(&self) -> Vec<Watcher> {
        let original = self.original.is_some().then_some(Watcher::Original);
        let others = [original, Some(Watcher::Raw)].into_iter().flatten();
        [Watcher::Ours, Watcher::Embedded].into_iter().chain(others).collect()
    }

    /// Starts a server, if there is one, and nothing else.
    pub fn side(&self, watcher: Watcher) -> Outcome<Side<'_>> {
        let id = format!("light-{}-{:?}", std::process::id(), watcher);
        let server = self.program(watcher).map(|program| {
            let mut command = Command::new(program);
            command.env("LD_LIBRARY_PATH", self.libraries(watcher)).env("HOME", self.scratch.path());
            command.args((watcher == Watcher::BareListing).then_some("-l"));
            command.arg(&id).stderr(Stdio::null()).spawn()
        });
        let server = server.transpose()?.map(Ended);
        if server.is_some() {
            listen(&place(watcher, &id)?)?;
        }
        Ok(Side { kit: self, watcher, id, server })
    }

    /// `inotifywait`, if its package can be had.
    pub fn inotifywait(&self) -> Option<Command> {
        let folder = unpack(&["inotify-tools", "libinotifytools0"], self.scratch.path())?;
        let mut command = Command::new(folder.join("usr/bin/inotifywait"));
        command.env("LD_LIBRARY_PATH", library_folder(&folder, "libinotifytools.so.0")?);
        Some(command)
    }

    /// The server.
    fn program(&self, watcher: Watcher) -> Option<&Path> {
        match watcher {
            Watcher::Ours => Some(&self.server),
            Watcher::Original => self.original.as_ref().map(|(server, _)| &**server),
            Watcher::Embedded | Watcher::Raw => None,
            Watcher::Bare | Watcher::BareListing => Some(&self.bare),
        }
    }

    fn libraries(&self, watcher: Watcher) -> &Path {
        match &self.original {
            Some((_, libraries)) if watcher == Watcher::Original => libraries,
            _ => self.scratch.path(),
        }
    }
}

/// One who watches, with its server.
pub struct Side<'a> {
    kit: &'a Kit,
    pub watcher: Watcher,
    id: String,
    server: Option<Ended>,
}

impl Side<'_> {
    /// Starts a client.
    pub fn client(&self) -> Outcome<Client> {
        self.client_of(&self.id)
    }

    /// The same with a name under which no server runs: who needs one starts it.
    pub fn without_server(&self, number: usize) -> Outcome<Side<'_>> {
        Ok(Side { kit: self.kit, watcher: self.watcher, id: format!("{}-{number}", self.id), server: None })
    }

    /// Listens where a client looks for a server that it is told this name of.
    pub fn listen(&self) -> Outcome<(String, UnixListener)> {
        let id = format!("{}-alone", self.id);
        let listener = UnixListener::bind_addr(&place(self.watcher, &id)?)?;
        Ok((id, listener))
    }

    /// Starts a client of the server with this name.
    pub fn client_of(&self, id: &str) -> Outcome<Client> {
        let program = match self.watcher {
            Watcher::Ours | Watcher::Embedded | Watcher::Original => "fam",
            Watcher::Raw => "raw",
            Watcher::Bare | Watcher::BareListing => "of-bare",
        };
        Client::new(self.command(&self.kit.scratch.path().join(program), id))
    }

    /// How to start a program that asks the server with this name.
    pub fn command(&self, program: &Path, id: &str) -> Command {
        let mut command = Command::new(program);
        command.env("LD_LIBRARY_PATH", self.kit.libraries(self.watcher)).env("GAM_CLIENT_ID", id);
        if let Some(server) = self.kit.program(self.watcher) {
            command.env("GAMIN_DEBUG_SERVER", server);
        }
        if self.watcher == Watcher::Embedded {
            // Which files are polled, it has to read itself.
            command.env("GAM_MODE", "embedded").env("HOME", self.kit.scratch.path());
        }
        command
    }

    /// How to start our command, for this server.
    pub fn gamin(&self) -> Outcome<Command> {
        Ok(self.command(&build("gamin-command", "release", "gamin")?, &self.id))
    }

    /// Starts one that changes files as fast as it can, and gives way to all others.
    pub fn writer(&self) -> Outcome<Client> {
        let mut command = Command::new("nice");
        command.args(["-n", "10"]).arg(self.kit.scratch.path().join("raw"));
        Client::new(command)
    }

    /// What the server has used; nothing where there is none.
    pub fn server_usage(&self) -> Outcome<Usage> {
        Ok(self.server.as_ref().map_or(Ok(Usage::default()), |server| Usage::of(server.0.id()))?)
    }
}

impl Drop for Side<'_> {
    /// A server that a client has started ends, too.
    fn drop(&mut self) {
        let server =
            place(self.watcher, &self.id).ok().and_then(|place| UnixStream::connect_addr(&place).ok());
        let server = server.filter(|_| self.server.is_none());
        if let Some(peer) = server.and_then(|server| getsockopt(&server, PeerCredentials).ok()) {
            let _ = kill(Pid::from_raw(peer.pid()), Signal::SIGKILL);
        }
    }
}

/// A process that ends with this.
pub struct Ended(pub Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A client, to be told what to do a line at a time.
pub struct Client {
    child: Ended,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn new(mut command: Command) -> Outcome<Client> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().ok_or("a client has no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("a client has no output")?);
        Ok(Client { child: Ended(child), input, output })
    }

    /// Has it begin something.
    pub fn begin(&mut self, command: &str) -> Outcome<()> {
        Ok(writeln!(self.input, "{command}")?)
    }

    /// The next line that it says: two numbers behind a word, or a name behind a number.
    pub fn line(&mut self) -> Outcome<(String, String)> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err("a client has ended".into());
        }
        let (first, rest) = line.trim_end().split_once(' ').ok_or("a client speaks strangely")?;
        Ok((first.to_owned(), rest.to_owned()))
    }

    /// Waits until what was begun is done: at what time in nanoseconds that was, and the number that goes with it.
    pub fn end(&mut self) -> Outcome<(u64, u64)> {
        let (word, numbers) = self.line()?;
        if word == "short" {
            return Err(format!("not all was told: {numbers} events").into());
        }
        let (time, number) = numbers.split_once(' ').ok_or("a client speaks strangely")?;
        Ok((time.parse()?, number.parse()?))
    }

    /// Begins something and waits until it is done.
    pub fn carry_out(&mut self, command: &str) -> Outcome<(u64, u64)> {
        self.begin(command)?;
        self.end()
    }

    /// What it has used.
    pub fn usage(&self) -> Outcome<Usage> {
        Ok(Usage::of(self.child.0.id())?)
    }
}

/// Writes paths for a client into a file there, a line each.
pub fn list(folder: &Path, paths: &[PathBuf]) -> Outcome<PathBuf> {
    let list = folder.join("list");
    let mut file = BufWriter::new(File::create(&list)?);
    paths.iter().try_for_each(|path| writeln!(file, "{}", path.display()))?;
    file.flush()?;
    Ok(list)
}

/// Where a server listens: one of ours and of the original's, or the bare process.
fn place(watcher: Watcher, id: &str) -> Outcome<SocketAddr> {
    if watcher.is_bare() {
        return Ok(SocketAddr::from_abstract_name(id)?);
    }
    let user = User::from_uid(getuid())?.map_or_else(|| getuid().to_string(), |user| user.name);
    Ok(SocketAddr::from_abstract_name(address(user.as_bytes(), id.as_bytes()))?)
}

/// Waits until a server listens.
fn listen(place: &SocketAddr) -> Outcome<()> {
    let begin = Instant::now();
    while UnixStream::connect_addr(place).is_err() {
        if begin.elapsed() > PATIENCE {
            return Err("the server does not listen".into());
        }
        thread::yield_now();
    }
    Ok(())
}

/// Builds a program in C that needs nothing of ours.
fn compile(source: &Path, option: &str, program: &Path) -> Outcome<()> {
    let mut compiler = Command::new("cc");
    compiler.args(["-O2", option, "-o"]).arg(program).arg(source);
    succeed(compiler)
}

/// The original's server and libraries, unpacked here.
fn original(scratch: &Path) -> Option<(PathBuf, PathBuf)> {
    let folder = unpack(&["gamin", "libgamin0"], scratch)?;
    let server = ["usr/libexec/gam_server", "usr/lib/gamin/gam_server"].map(|path| folder.join(path));
    let server = server.into_iter().find(|path| path.exists())?;
    Some((server, library_folder(&folder, "libfam.so.0")?))
}

/// Packages of Debian, unpacked in a folder of their own.
fn unpack(packages: &[&str], scratch: &Path) -> Option<PathBuf> {
    let folder = scratch.join(packages.first()?);
    fs::create_dir(&folder).ok()?;
    let mut download = Command::new("apt-get");
    download.args(["-q", "download"]).args(packages).current_dir(&folder);
    succeed(download).ok()?;
    let packages = fs::read_dir(&folder).ok()?.flatten().map(|entry| entry.path());
    for package in
        packages.filter(|path| path.extension().is_some_and(|end| end == "deb")).collect::<Vec<_>>()
    {
        let mut unpack = Command::new("dpkg");
        unpack.arg("-x").arg(package).arg(&folder);
        succeed(unpack).ok()?;
    }
    Some(folder)
}

/// Where a library is that was unpacked.
fn library_folder(folder: &Path, library: &str) -> Option<PathBuf> {
    let folders = fs::read_dir(folder.join("usr/lib")).ok()?.flatten().map(|entry| entry.path());
    folders.into_iter().find(|path| path.join(library).exists())
}
