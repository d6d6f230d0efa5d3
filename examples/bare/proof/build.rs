//! Where the memory of the Cortex-M3 is: TI's LM3S6965. On x86-64 the linker decides.

fn main() {
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo::rustc-link-search={folder}");
    println!("cargo::rerun-if-changed=memory.x");
}
