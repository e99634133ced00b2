//! Random histories, the same each time: those of the simulated world beside those of the real one, which wait more than they compute.

mod live;
mod sim;
