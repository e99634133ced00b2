//! The house keeps its own rules, and what it refers to is there.

mod reading;
mod references;
mod rules;
