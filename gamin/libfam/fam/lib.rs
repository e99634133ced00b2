//! libfam.so.0: everything is in gamin-libfam, whose functions a shared library made of this exports.

#![forbid(unsafe_code)]

pub use gamin_libfam::*;
