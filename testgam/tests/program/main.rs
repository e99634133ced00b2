//! testgam as people, CI and programs meet it: sessions, scenarios, the corpus, and the servers that come and go with them.
//!
//! One program, so that those who wait do so side by side.

mod fake;
mod interpreter;
mod manners;
mod play;
mod process_1;
mod repl;
mod suite;
