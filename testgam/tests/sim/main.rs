//! The simulated world against the running one: the same is done in both, and what comes of it compared.

mod kernel;
mod scan;
mod twins;
