//! Where scenarios are played, and what must be true wherever that is.
//!
//! A [`world`] is files, clients and a server: [`live`] is the one with real files and a real server, [`abi`] the same through
//! any libfam, [`sim`] a simulation of all of it, [`peer`] real files and a watcher of others' making. What is to be seen there is a [`sight`]; whether a stream of events may be so, is
//! for [`told`] and the [checkers](check). The language of scenarios is `testgam-language`; who plays them is left to testgam.

pub mod abi;
mod calls;
pub mod check;
pub mod disk;
pub mod embedded;
mod forks;
pub mod live;
mod marked;
pub mod peer;
pub mod session;
pub mod sight;
pub mod sim;
pub mod stop;
pub mod told;
pub mod world;
