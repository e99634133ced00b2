//! Gives the shared library the name that programs were linked with.

fn main() {
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libfam.so.0");
    println!("cargo::rerun-if-changed=build.rs");
}
