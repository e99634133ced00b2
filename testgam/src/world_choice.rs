//! Which world somebody names on a command line: one of ours, or a watcher of others' making.
//!
//! Which watchers there are is left to `peers`. Invariant: a name that is a world's stands for that.

use std::ffi::OsStr;
use std::marker::PhantomData;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, Error, ValueEnum};

/// What was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorldChoice<W> {
    /// A world of ours.
    World(W),
    /// The name of a watcher, the path of its entry, or its command.
    Peer(String),
}

impl<W: Copy> WorldChoice<W> {
    /// The world, unless it is a watcher.
    pub fn world(&self) -> Option<W> {
        match self {
            WorldChoice::World(world) => Some(*world),
            WorldChoice::Peer(_) => None,
        }
    }

    /// The watcher, if it is one.
    pub fn peer(&self) -> Option<&str> {
        match self {
            WorldChoice::World(_) => None,
            WorldChoice::Peer(name) => Some(name),
        }
    }
}

/// Reads it: the names of worlds go first.
#[derive(Debug, Clone)]
pub struct WorldParser<W>(PhantomData<W>);

impl<W> Default for WorldParser<W> {
    fn default() -> Self {
        WorldParser(PhantomData)
    }
}

impl<W: ValueEnum + Send + Sync + 'static> TypedValueParser for WorldParser<W> {
    type Value = WorldChoice<W>;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, value: &OsStr) -> Result<Self::Value, Error> {
        let Some(text) = value.to_str() else {
            return Err(command.clone().error(ErrorKind::InvalidUtf8, "the name of a world is text"));
        };
        if text.trim().is_empty() {
            let names = self
                .possible_values()
                .into_iter()
                .flatten()
                .map(|name| name.get_name().to_owned())
                .collect::<Vec<_>>()
                .join(", ");
            let why = format!(
                "--world names nothing: name a world ({names}), or a watcher, by its name, the path of its entry or its command"
            );
            return Err(command.clone().error(ErrorKind::InvalidValue, why));
        }
        Ok(W::from_str(text, false).map_or_else(|_| WorldChoice::Peer(text.to_owned()), WorldChoice::World))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(W::value_variants().iter().filter_map(ValueEnum::to_possible_value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
    enum Place {
        Here,
        There,
    }

    fn read(text: &str) -> Result<WorldChoice<Place>, String> {
        let parser = WorldParser::<Place>::default();
        parser.parse_ref(&Command::new("x"), None, OsStr::new(text)).map_err(|why| why.to_string())
    }

    #[test]
    fn what_is_no_world_is_a_watcher() {
        assert_eq!(read("there"), Ok(WorldChoice::World(Place::There)));
        assert_eq!(read("nowhere"), Ok(WorldChoice::Peer("nowhere".into())));
        for nothing in ["", " "] {
            let why = read(nothing).expect_err("because nothing is named");
            assert!(why.contains("--world names nothing: name a world (here, there), or a watcher"), "{why}");
        }
    }
}
