//! Says loudly when the video codec is about to be built without its assembly.
//!
//! The codec's own build script falls back to plain C in silence, and encoding then takes about
//! three times as long.

use std::env;
use std::process::{Command, Stdio};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=OPENH264_NO_ASM");
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if !matches!(arch.as_str(), "x86" | "x86_64") {
        return;
    }
    if env::var_os("OPENH264_NO_ASM").is_some() {
        println!("cargo:warning=OPENH264_NO_ASM is set: video encoding will be about 3x slower");
        return;
    }
    let nasm = Command::new("nasm").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !nasm.is_ok_and(|status| status.success()) {
        println!(
            "cargo:warning=nasm was not found: video encoding will be about 3x slower. Install \
             nasm, run `cargo clean -p openh264-sys2 -p parhelion`, and build again"
        );
    }
}
