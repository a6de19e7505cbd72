//! Rebuilds the crate when a query changes, since the files are embedded in it.

fn main() {
    println!("cargo:rerun-if-changed=../queries");
}
