//! What is given as a list, as arguments, or in a file or on standard input: the paths to watch, and the patterns to ignore.
//!
//! Invariant: a path is taken as it is, byte for byte, up to the end of its line or record.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::arguments::WatchOptions;
use crate::error::CommandError;

/// What stands for standard input.
const STDIN: &str = "-";

/// All paths that the options name.
///
/// # Errors
/// A list can't be read; there is none.
pub(super) fn all(options: &WatchOptions) -> Result<Vec<PathBuf>, CommandError> {
    let lists = options.paths.iter().chain(&options.files_from).chain(&options.ignore_file);
    if lists.filter(|path| *path == Path::new(STDIN)).count() > 1 {
        let why = "- stands for standard input, which can be read only once: name a file for the other";
        return Err(CommandError::Usage(why.to_owned()));
    }
    let end = if options.null { 0 } else { b'\n' };
    let mut paths = Vec::new();
    for path in &options.paths {
        if path == Path::new(STDIN) {
            paths.extend(read(path, end)?);
        } else {
            paths.push(path.clone());
        }
    }
    if let Some(file) = &options.files_from {
        paths.extend(read(file, end)?);
    }
    match paths.is_empty() {
        true => Err(CommandError::Usage("there is no path to watch: the list is empty".to_owned())),
        false => Ok(paths),
    }
}

/// The patterns to ignore that stand on standard input, and the files of others.
///
/// # Errors
/// Standard input can't be read, or is no text.
pub(super) fn ignore_files(options: &WatchOptions) -> Result<(Vec<String>, Vec<PathBuf>), CommandError> {
    let (stdin, files): (Vec<_>, Vec<_>) =
        options.ignore_file.iter().partition(|file| *file == Path::new(STDIN));
    let mut lines = Vec::new();
    if !stdin.is_empty() {
        let text = io::read_to_string(io::stdin());
        let text = text.map_err(|error| CommandError::File { path: STDIN.into(), error })?;
        lines.extend(text.lines().map(str::to_owned));
    }
    let files = files.into_iter().map(std::path::absolute).collect::<io::Result<_>>()?;
    Ok((lines, files))
}

fn read(file: &Path, end: u8) -> Result<Vec<PathBuf>, CommandError> {
    let mut bytes = Vec::new();
    let read = match file == Path::new(STDIN) {
        true => io::stdin().read_to_end(&mut bytes).map(drop),
        false => fs::read(file).map(|read| bytes = read),
    };
    read.map_err(|error| CommandError::File { path: file.to_owned(), error })?;
    let names = bytes.split(|byte| *byte == end).filter(|name| !name.is_empty());
    Ok(names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect())
}
