//! The library as C programs see it: each of tests/c is compiled, linked with the shared library and run, with a session, a server
//! and a directory of its own.
//!
//! What they check is in them; here is what is checked from outside: names, symbols, and that nothing is printed. `ci/abi` runs the
//! same programs with the original's library. Without a C compiler all are ignored, and say so.

use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use gamin::Options;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Makes this executable the server that the programs start.
const SERVE: &str = "GAMIN_LIBFAM_TEST_SERVES";
const HERE: &str = env!("CARGO_MANIFEST_DIR");
const LIBRARIES: [(&str, &str); 2] = [("libfam.so", "libfam.so.0"), ("libgamin_1.so", "libgamin-1.so.0")];

/// How a program ends that can't be run here.
const IMPOSSIBLE: i32 = 77;

/// Ways to link with libfam.a. Of a library as the tests have it, which is not optimised at link time, unused parts are dropped here.
const STATIC: [(&str, &[&str]); 3] = [
    ("the_static_library_links", &[]),
    ("a_program_links_statically_as_a_whole", &["-static", "-Wl,--gc-sections"]),
    ("a_program_links_statically_and_independent_of_position", &["-static-pie", "-Wl,--gc-sections"]),
];

/// The words of programs that have something to do with their server, or see other files than it does; all others are also run
/// without one.
const OF_SERVERS: [&str; 5] = ["fake_server.h", "kill_server", "server_pid", "GAMIN_DEBUG_SERVER", "chroot"];
/// What stands before the name of a test that has none.
const EMBEDDED: &str = "embedded";

fn main() -> ExitCode {
    if env::var_os(SERVE).is_some() {
        return gamin_server::run(env::args_os().skip(1));
    }
    let arguments = Arguments::from_args();
    let room = Arc::new(Room::new());
    let has_compiler =
        ["cc", "c++", "nm", "readelf"].iter().all(|tool| succeeds(Command::new(tool).arg("--version")));
    let mut tests = Vec::new();
    for file in programs() {
        tests.push(test_program(&room, file.clone(), "program"));
        if !needs_server(&file) {
            tests.push(test_program(&room, file, EMBEDDED));
        }
    }
    for (library, name) in LIBRARIES {
        let room = Arc::clone(&room);
        tests.push(Trial::test(format!("{name}::exports_what_the_original_does"), move || {
            check_library(&room.folder.path().join(name), library, name)
        }));
    }
    for (name, flags) in STATIC {
        let room = Arc::clone(&room);
        tests.push(Trial::ignorable_test(name, move || room.link_statically(name, flags)));
    }
    if !has_compiler {
        let ignored = |test: Trial| test.with_kind("no cc, c++, nm and readelf").with_ignored_flag(true);
        tests = tests.into_iter().map(ignored).collect();
    }
    libtest_mimic::run(&arguments, tests).exit_code()
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn programs() -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(HERE).join("tests/c")).expect("because the programs are there");
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| matches!(file.extension().and_then(OsStr::to_str), Some("c" | "cpp")));
    files.sort();
    files
}

/// Whether a program has something to do with its server.
fn needs_server(file: &Path) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    OF_SERVERS.iter().any(|word| text.contains(word))
}

fn test_program(room: &Arc<Room>, file: PathBuf, kind: &'static str) -> Trial {
    let room = Arc::clone(room);
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Trial::ignorable_test(format!("{kind}::{name}"), move || {
        room.run(&format!("{kind}-{name}"), &file, kind == EMBEDDED)
    })
}

/// The folder in which the libraries have the names that the loader looks for.
struct Room {
    folder: TempDir,
    built: PathBuf,
}

impl Room {
    fn new() -> Room {
        let folder =
            tempfile::Builder::new().prefix("libfam-").tempdir().expect("because there is room for a folder");
        let program = env::current_exe().expect("because this program is there");
        let built = program.parent().expect("because it stands in a folder").to_owned();
        for (library, name) in LIBRARIES {
            symlink(built.join(library), folder.path().join(name)).expect("because the folder is new");
        }
        Room { folder, built }
    }

    fn compile(&self, name: &str, file: &Path, library: &[&OsStr]) -> Result<PathBuf, Failed> {
        let text = fs::read_to_string(file).map_err(|why| format!("{}: {why}", file.display()))?;
        let extra = text
            .lines()
            .find_map(|line| line.strip_prefix("/* cc: ")?.strip_suffix(" */"))
            .unwrap_or_default();
        let is_c = file.extension().is_some_and(|extension| extension == "c");
        let program = self.folder.path().join(name);
        let mut command = Command::new(if is_c { "cc" } else { "c++" });
        command.args(["-O1", "-g", "-Wall", "-Wextra", "-Werror", "-D_FORTIFY_SOURCE=2", "-pthread"]);
        command.arg("-I").arg(Path::new(HERE).join("include"));
        command.args(extra.split_whitespace()).arg("-o").arg(&program).arg(file).args(library);
        let output = command.output().map_err(|why| format!("cc: {why}"))?;
        if output.status.success() { Ok(program) } else { Err(said(&output).into()) }
    }

    fn run(&self, name: &str, file: &Path, is_embedded: bool) -> Result<Completion, Failed> {
        let program = self.compile(name, file, &[self.folder.path().join("libfam.so.0").as_os_str()])?;
        self.play(name, &program, is_embedded)
    }

    /// Runs a program; it is to succeed and to print nothing, or to say why it can't be run here.
    fn play(&self, name: &str, program: &Path, is_embedded: bool) -> Result<Completion, Failed> {
        let folder = self.folder.path().join(format!("{name}.d"));
        let watched = folder.join("watched");
        fs::create_dir_all(&watched)?;
        let session = Session(format!("libfam-{}-{name}", std::process::id()));
        let mut command = Command::new(program);
        if is_embedded {
            command.env("GAM_MODE", "embedded").env_remove("GAMIN_DEBUG_SERVER");
            // What malloc keeps for the thread would count as in use.
            command.env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0");
        } else {
            command.env("GAMIN_DEBUG_SERVER", env::current_exe()?).env(SERVE, "1");
        }
        let output = command
            .arg(&watched)
            .env("LD_LIBRARY_PATH", self.folder.path())
            .env("GAM_CLIENT_ID", &session.0)
            .env_remove("GAM_DEBUG")
            .stdin(Stdio::null())
            .output()?;
        if output.status.success() && output.stdout.is_empty() && output.stderr.is_empty() {
            return Ok(Completion::Completed);
        }
        if output.status.code() == Some(IMPOSSIBLE) {
            return Ok(Completion::ignored_with(String::from_utf8_lossy(&output.stdout).trim_end()));
        }
        Err(said(&output).into())
    }

    /// Links with libfam.a, and with what gamin.pc says that it needs.
    fn link_statically(&self, name: &str, flags: &[&str]) -> Result<Completion, Failed> {
        let file = Path::new(HERE).join("tests/c/a_session_as_ever.c");
        let archive = self.built.join("libfam.a");
        let needed =
            include_str!("../gamin.pc.in").lines().find_map(|line| line.strip_prefix("Libs.private:"));
        let needed = needed.ok_or("gamin.pc says nothing of it")?.split_whitespace();
        let words: Vec<_> = flags.iter().copied().chain(needed).map(OsStr::new).collect();
        let program = self.compile(name, &file, &[&[archive.as_os_str()], words.as_slice()].concat())?;
        self.play(name, &program, false)
    }
}

/// A session whose server is ended with it.
struct Session(String);

impl Drop for Session {
    fn drop(&mut self) {
        let options = Options::new().client_id(&self.0).server(None).patience(Duration::ZERO);
        if let Some(pid) = options.open().ok().and_then(|connection| connection.server_pid()) {
            // It may have ended by itself.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// What `nm` and `readelf` say of the original: kind and name, and the size of data. FAMDebugLevel is declared there, and missing;
/// FAMCollectionGaps is ours alone.
const SYMBOLS: &str = "\
T FAMCancelMonitor
T FAMClose
T FAMCollectionGaps
T FAMDebugLevel
B FAMErrno 4
T FAMMonitorCollection
T FAMMonitorDirectory
T FAMMonitorDirectory2
T FAMMonitorFile
T FAMMonitorFile2
T FAMNextEvent
T FAMNoExists
T FAMOpen
T FAMOpen2
T FAMPending
T FAMResumeMonitor
T FAMSuspendMonitor
D FamErrlist 64
";

fn check_library(path: &Path, library: &str, name: &str) -> Result<(), Failed> {
    let output = Command::new("nm").args(["-D", "-S", "--defined-only"]).arg(path).output()?;
    let mut symbols = String::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let [_, size, kind, symbol] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(format!("{library}: {line}").into());
        };
        symbols += &match kind {
            "T" => format!("{kind} {symbol}\n"),
            _ => format!("{kind} {symbol} {}\n", u64::from_str_radix(size, 16)?),
        };
    }
    if symbols != SYMBOLS {
        return Err(format!("{library} exports\n{symbols}").into());
    }
    let output = Command::new("readelf").args(["-dVW"]).arg(path).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !text.contains(&format!("soname: [{name}]")) || text.contains("gnu.version_d") {
        return Err(format!("{library} has another name, or versions:\n{text}").into());
    }
    Ok(())
}
