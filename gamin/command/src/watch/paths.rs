//! The paths to watch, as they were given: as arguments, or in a file or on standard input.
//!
//! Invariant: a path is taken as it is, byte for byte, up to the end of its line or record.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::arguments::WatchOptions;
use crate::complaint::Complaint;

/// All paths that the options name.
///
/// # Errors
/// A list can't be read; there is none.
pub(super) fn all(options: &WatchOptions) -> Result<Vec<PathBuf>, Complaint> {
    let end = if options.null { 0 } else { b'\n' };
    let mut paths = Vec::new();
    for path in &options.paths {
        if path == Path::new("-") {
            paths.extend(read(path, end)?);
        } else {
            paths.push(path.clone());
        }
    }
    if let Some(file) = &options.files_from {
        paths.extend(read(file, end)?);
    }
    match paths.is_empty() {
        true => Err(Complaint::Usage("there is no path to watch: the list is empty".to_owned())),
        false => Ok(paths),
    }
}

fn read(file: &Path, end: u8) -> Result<Vec<PathBuf>, Complaint> {
    let mut bytes = Vec::new();
    let read = match file == Path::new("-") {
        true => io::stdin().read_to_end(&mut bytes).map(drop),
        false => fs::read(file).map(|read| bytes = read),
    };
    read.map_err(|error| Complaint::File { path: file.to_owned(), error })?;
    let names = bytes.split(|byte| *byte == end).filter(|name| !name.is_empty());
    Ok(names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect())
}
