//! The server as a process: what its clients, its user and the kernel see of it.
//!
//! One program, so that those who wait do so side by side; each test has a server of its own.

mod hung_mount;
mod life;
mod methods;
mod never_reads;
mod quiet;
mod sandbox;
mod support;
mod trace;
mod wire;
