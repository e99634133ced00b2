//! The file of a trace.
//!
//! When there is one is left to its parent. Invariants: the file is new, only its owner's and no link; it never
//! becomes longer than its opening and [`TRACE_MAX`]; that it can't be written harms nobody.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// How many bytes a trace may have behind its opening. One that was forgotten does not fill the disk.
pub const TRACE_MAX: u64 = 256 * 1024 * 1024;

/// Where such files are, as the original's documentation says.
const FOLDER: &str = "/tmp";

/// Makes a file for a trace, `/tmp/gamin_debug_XXXXXX`; gives its path too.
///
/// # Errors
/// It can't be made.
pub fn new_file() -> io::Result<(File, PathBuf)> {
    let made = tempfile::Builder::new().prefix("gamin_debug_").rand_bytes(6).tempfile_in(FOLDER)?;
    made.keep().map_err(|error| error.error)
}

/// A file that may be there.
#[derive(Debug, Default)]
pub(crate) struct TraceFile(Mutex<Option<Open>>);

#[derive(Debug)]
struct Open {
    file: File,
    left: u64,
}

impl TraceFile {
    pub fn is_open(&self) -> bool {
        self.lock().is_some()
    }

    /// Takes a new file, which opens with what `dump` writes.
    pub fn open(&self, file: File, dump: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut out = BufWriter::new(&file);
        dump(&mut out)?;
        out.flush()?;
        drop(out);
        *self.lock() = Some(Open { file, left: TRACE_MAX });
        Ok(())
    }

    pub fn close(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Open>> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for &TraceFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(open) = &mut *self.lock()
            && open.left > 0
        {
            let is_full = bytes.len() as u64 > open.left;
            let wanted = if is_full { b"the trace ends here: it is long enough\n" } else { bytes };
            open.left = if is_full { 0 } else { open.left - bytes.len() as u64 };
            // A full disk ends the trace, not the program.
            if open.file.write_all(wanted).is_err() {
                open.left = 0;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_trace_is_new_and_its_owner_s_and_ends_when_it_is_long_enough() {
        let trace = TraceFile::default();
        (&trace).write_all(b"nobody listens\n").expect("nothing is done");
        let (file, path) = new_file().expect("there is room in /tmp");
        trace.open(file, |out| out.write_all(b"opening\n")).expect("there is room in /tmp");
        let metadata = fs::symlink_metadata(&path).expect("it is there");
        assert!(metadata.is_file());
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o600);
        (&trace).write_all(b"said\n").expect("nothing fails");
        if let Some(open) = &mut *trace.lock() {
            open.left = 3;
        }
        (&trace).write_all(b"four").expect("nothing fails");
        (&trace).write_all(b"1").expect("nothing fails");
        let text = fs::read_to_string(&path).expect("it is text");
        fs::remove_file(&path).expect("it is ours");
        assert_eq!(text, "opening\nsaid\nthe trace ends here: it is long enough\n");
        trace.close();
        assert!(!trace.is_open());
    }

    #[test]
    fn a_dump_that_fails_switches_nothing_on() {
        let trace = TraceFile::default();
        let file = tempfile::tempfile().expect("there is room for temporary files");
        let failed = trace.open(file, |_| Err(io::Error::other("no")));
        assert!(failed.is_err() && !trace.is_open());
    }
}
