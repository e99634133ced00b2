//! The arguments of `fault`: what goes wrong, and how much of it.
//!
//! What a fault does is left to the simulated world. Invariant: each kind of fault is one word, the first of
//! its choice in the usage of the verb.

use std::path::PathBuf;
use std::time::Duration;

use gamin_engine::{Refusal, Unlisted};

use super::arguments::{ArgumentError, Arguments, number, path, unsuitable};
use crate::action::{Action, Block, ClientAction, Fault, ScanFault};

/// The longest time of a fault, in milliseconds; also how far the clock is set, forward or back.
const TIME_MAX_MS: u32 = 3_600_000;
/// The type of what is mounted if none is said.
const LOCAL: &str = "tmpfs";

pub(super) fn read(a: &mut Arguments<'_>) -> Result<Action, ArgumentError> {
    let word = a.next("what goes wrong")?;
    let fault = match word.bytes.as_slice() {
        b"delay" => Fault::Delay(time(a)?),
        b"queue" => Fault::QueueMax(size(a)?),
        b"watches" => Fault::WatchesMax(size(a)?),
        b"refuse" => Fault::Refuse { directory: directory(a)?, times: a.count()?, refusal: refusal(a)? },
        b"slow-scan" => {
            let takes = time(a)?;
            let late = a.optional();
            match late {
                Some(word) if word.bytes != b"late" => return Err(unsuitable(word, "`late`")),
                _ => Fault::Scan(ScanFault::Slow { takes, looks_late: late.is_some() }),
            }
        }
        b"failing-scan" => Fault::Scan(ScanFault::Fails(unlisted(a)?)),
        b"during-scan" => return Ok(Action::Begin(Block::DuringScan)),
        b"between" => return Ok(Action::Begin(Block::Between(a.count()?))),
        b"room" => return Ok(Action::Client(ClientAction::Room(room(a)?))),
        b"capacity" => Fault::Capacity(size(a)?.max(1)),
        b"outbox" => Fault::Outbox(size(a)?.max(1)),
        b"clock" => Fault::ClockJump(jump(a)?),
        b"coarse-clock" => Fault::CoarseClock(time(a)?),
        b"mount" => Fault::Mount { directory: a.path("DIR")?, file_system: file_system(a)? },
        b"unmount" => Fault::Unmount(a.path("DIR")?),
        b"hang" => Fault::Hang(a.path("DIR")?),
        b"answer" => Fault::Answer(a.path("DIR")?),
        _ => return Err(unsuitable(word, "a fault; `help fault` shows all")),
    };
    Ok(Action::Fault(fault))
}

fn time(a: &mut Arguments<'_>) -> Result<Duration, ArgumentError> {
    let word = a.next("MS")?;
    let time = number(word, 0..=TIME_MAX_MS);
    let time = time.ok_or_else(|| unsuitable(word, "a number of milliseconds up to 3600000"))?;
    Ok(Duration::from_millis(time.into()))
}

fn jump(a: &mut Arguments<'_>) -> Result<i64, ArgumentError> {
    let word = a.next("MS")?;
    let furthest = i64::from(TIME_MAX_MS);
    let jump = number(word, -furthest..=furthest);
    jump.ok_or_else(|| unsuitable(word, "a number of milliseconds from -3600000 to 3600000"))
}

fn size(a: &mut Arguments<'_>) -> Result<usize, ArgumentError> {
    Ok(a.count()? as usize)
}

/// A number of bytes, or `all`.
fn room(a: &mut Arguments<'_>) -> Result<Option<usize>, ArgumentError> {
    let word = a.next("N")?;
    if word.bytes == b"all" {
        return Ok(None);
    }
    number(word, 0..=usize::MAX).map(Some).ok_or_else(|| unsuitable(word, "a number of bytes or `all`"))
}

/// A directory of the scenario, or `any`.
fn directory(a: &mut Arguments<'_>) -> Result<Option<PathBuf>, ArgumentError> {
    let word = a.next("DIR")?;
    if word.bytes == b"any" { Ok(None) } else { path(word).map(Some) }
}

/// A type of file systems, by default a local one.
fn file_system(a: &mut Arguments<'_>) -> Result<String, ArgumentError> {
    let Some(word) = a.optional() else { return Ok(LOCAL.to_owned()) };
    let is_type = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let text = str::from_utf8(&word.bytes).ok().filter(|_| word.bytes.iter().all(is_type));
    let text = text.filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| unsuitable(word, "a type of file systems, such as `nfs`"))
}

fn refusal(a: &mut Arguments<'_>) -> Result<Refusal, ArgumentError> {
    let word = a.next("WHY")?;
    match word.bytes.as_slice() {
        b"limit" => Ok(Refusal::Limit),
        b"denied" => Ok(Refusal::Denied),
        b"failed" => Ok(Refusal::Failed),
        b"missing" => Ok(Refusal::Missing),
        _ => Err(unsuitable(word, "limit, denied, failed or missing")),
    }
}

fn unlisted(a: &mut Arguments<'_>) -> Result<Unlisted, ArgumentError> {
    let word = a.next("WHY")?;
    match word.bytes.as_slice() {
        b"denied" => Ok(Unlisted::Denied),
        b"failed" => Ok(Unlisted::Failed),
        _ => Err(unsuitable(word, "denied or failed")),
    }
}
