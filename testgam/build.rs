//! Has the entries of watchers and their adapters carried anew when one comes or goes, of which `include_dir` alone does not hear.
#![allow(clippy::print_stdout, reason = "so a build says what it depends on")]

fn main() {
    println!("cargo:rerun-if-changed=peers");
    println!("cargo:rerun-if-changed=build.rs");
}
