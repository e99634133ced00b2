//! What a command is given: the paths as arguments, in its environment, or on its standard input.
//!
//! When it runs and how it ends is left to `process`. Invariants: no name is ever read as a part of a command, nor as two names;
//! a command that can't be given its paths as arguments is given all of them on its standard input, and told so.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use gamin_follow::Change;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::{SysconfVar, sysconf};

use crate::arguments::{Names, WatchOptions};
use crate::change::escape;
use crate::error::CommandError;

/// What stands for the paths among the arguments of a program.
const PLACEHOLDER: &str = "{}";
/// How much room a system has for arguments and environment if it does not say so, in bytes.
const ROOM_MIN: usize = 128 * 1024;

/// A command, as it was asked for.
#[derive(Debug)]
pub struct Exec {
    what: What,
    stdin: Option<Names>,
    /// How many bytes of paths are given as arguments.
    arguments_max: usize,
}

#[derive(Debug)]
enum What {
    Shell(String),
    Program(OsString, Vec<OsString>),
}

impl Exec {
    /// Takes the command that the options ask for, if they do.
    ///
    /// # Errors
    /// A command of the shell in which a name would be read as a part of it.
    pub fn new(options: &WatchOptions) -> Result<Option<Exec>, CommandError> {
        let what = match (&options.exec, options.program.split_first()) {
            (Some(script), _) if script.contains(PLACEHOLDER) => {
                return Err(CommandError::Usage(format!(
                    "-x: {PLACEHOLDER} would make names a part of the command. Write \"$@\" for the paths, or \"$GAMIN_PATH\" \
                     with --each; or do without a shell: gamin watch PATH... -- PROGRAM {PLACEHOLDER}"
                )));
            }
            (Some(script), _) => What::Shell(script.clone()),
            (None, Some((program, arguments))) => What::Program(program.clone(), arguments.to_vec()),
            (None, None) => return Ok(None),
        };
        Ok(Some(Exec { what, stdin: options.stdin, arguments_max: room() / 2 }))
    }

    /// Makes the command for changes.
    ///
    /// # Errors
    /// There is no room for what is to stand on its standard input.
    pub fn command(&self, changes: &[Change]) -> io::Result<Command> {
        let paths: Vec<&Path> = changes.iter().map(|change| &*change.absolute).collect();
        let len: usize = paths.iter().map(|path| path.as_os_str().len() + size_of::<usize>() + 1).sum();
        let fits = len <= self.arguments_max;
        let mut command = match &self.what {
            What::Shell(script) => {
                let mut command = Command::new("/bin/sh");
                command.arg("-c").arg(script).arg("gamin");
                command.args(paths.iter().filter(|_| fits));
                command
            }
            What::Program(program, arguments) => {
                let mut command = Command::new(program);
                for argument in arguments {
                    match argument == PLACEHOLDER {
                        true => command.args(paths.iter().filter(|_| fits)),
                        false => command.arg(argument),
                    };
                }
                command
            }
        };
        let names = self.stdin.or((!fits).then_some(Names::Nul));
        if let Some(names) = names {
            command.stdin(file_of(&paths, names)?);
        }
        let place = match names {
            _ if fits => "arguments",
            Some(Names::Lines) => "lines",
            Some(Names::Nul) | None => "nul",
        };
        command.env("GAMIN_COUNT", paths.len().to_string()).env("GAMIN_PATHS", place);
        match changes {
            [change] => command.env("GAMIN_PATH", &change.absolute).env("GAMIN_EVENT", change.event.word()),
            _ => command.env_remove("GAMIN_PATH").env_remove("GAMIN_EVENT"),
        };
        Ok(command)
    }

    /// What is run, for people.
    pub fn program(&self) -> &OsStr {
        match &self.what {
            What::Shell(_) => OsStr::new("/bin/sh"),
            What::Program(program, _) => program,
        }
    }
}

/// How many bytes arguments and environment of a new program may have beside the environment of this one.
fn room() -> usize {
    let all = sysconf(SysconfVar::ARG_MAX).ok().flatten().and_then(|max| usize::try_from(max).ok());
    let environment: usize =
        std::env::vars_os().map(|(name, value)| name.len() + value.len() + 2 + size_of::<usize>()).sum();
    all.unwrap_or(ROOM_MIN).saturating_sub(environment)
}

/// A file without a name that has these paths in it.
fn file_of(paths: &[&Path], names: Names) -> io::Result<Stdio> {
    let mut file = File::from(memfd_create(c"paths", MFdFlags::MFD_CLOEXEC)?);
    let mut bytes = Vec::new();
    for path in paths {
        match names {
            Names::Lines => writeln!(bytes, "{}", escape(path))?,
            Names::Nul => bytes.extend([path.as_os_str().as_bytes(), b"\0"].concat()),
        }
    }
    file.write_all(&bytes)?;
    file.rewind()?;
    Ok(Stdio::from(file))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use gamin_follow::What as Event;

    use super::*;

    fn changes(paths: &[&str]) -> Vec<Change> {
        let change = |path: &&str| {
            let path = PathBuf::from(path);
            Change {
                event: Event::Created,
                shown: path.clone(),
                absolute: path.clone(),
                relative: path,
                moved_to: None,
            }
        };
        paths.iter().map(change).collect()
    }

    fn exec(what: What, stdin: Option<Names>) -> Exec {
        Exec { what, stdin, arguments_max: 64 }
    }

    fn output(exec: &Exec, paths: &[&str]) -> String {
        let output = exec.command(&changes(paths)).and_then(|mut command| command.output());
        String::from_utf8(output.expect("there is a shell").stdout).expect("it is text")
    }

    #[test]
    fn each_path_is_one_argument_whatever_is_in_it() {
        let script = r#"for path do printf '<%s>' "$path"; done; printf '%s' "$GAMIN_COUNT $GAMIN_PATHS""#;
        let shell = exec(What::Shell(script.to_owned()), None);
        let paths = ["/a b", "/*", "/$(touch x);y", "/\n"];
        assert_eq!(output(&shell, &paths), "</a b></*></$(touch x);y></\n>4 arguments");
        let words = ["<%s>", "{}", "last", "x{}"].map(OsString::from).to_vec();
        let program = exec(What::Program("printf".into(), words), None);
        assert_eq!(output(&program, &["/a b", "{}"]), "</a b><{}><last><x{}>");
        assert_eq!(output(&program, &[]), "<last><x{}>");
    }

    #[test]
    fn one_path_is_in_the_environment_too() {
        let shell = exec(What::Shell(r#"printf '%s' "$GAMIN_EVENT $GAMIN_PATH""#.to_owned()), None);
        assert_eq!(output(&shell, &["/a"]), "Created /a");
        assert_eq!(output(&shell, &["/a", "/b"]), " ");
    }

    #[test]
    fn too_many_paths_stand_on_standard_input_and_not_among_the_arguments() {
        let script = r#"printf '%s ' $# "$GAMIN_COUNT" "$GAMIN_PATHS"; tr '\0' '|'"#;
        let long: Vec<String> = (0..9).map(|number| format!("/{number}\n")).collect();
        let long: Vec<&str> = long.iter().map(String::as_str).collect();
        let all = "/0\n|/1\n|/2\n|/3\n|/4\n|/5\n|/6\n|/7\n|/8\n|";
        let shell = |stdin| exec(What::Shell(script.to_owned()), stdin);
        assert_eq!(output(&shell(None), &long), format!("0 9 nul {all}"));
        assert_eq!(output(&shell(Some(Names::Nul)), &long[..2]), "2 2 arguments /0\n|/1\n|");
        assert_eq!(output(&shell(Some(Names::Lines)), &long[..2]), "2 2 arguments /0\\n\n/1\\n\n");
        assert!(output(&shell(Some(Names::Lines)), &long).starts_with("0 9 lines /0\\n\n"));
    }
}
