//! Lets the linker merge functions with identical code, if it supports that: the release binary becomes 0.9 MB smaller
//! (docs/adr/0071-one-copy-of-identical-functions.md).

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// An option of lld, gold and mold. GNU ld refuses it; the linkers of Windows and macOS are not asked.
const FOLD: &str = "-Wl,--icf=all";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    let elf = env::var("CARGO_CFG_TARGET_OS")
        .is_ok_and(|os| matches!(&*os, "linux" | "android" | "freebsd"));
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if elf && release && links_with_folding() {
        println!("cargo::rustc-link-arg-bins={FOLD}");
    }
}

/// Whether an empty program links with the option, with the compiler, linker and flags of this build.
fn links_with_folding() -> bool {
    let Some(out) = env::var_os("OUT_DIR").map(PathBuf::from) else { return false };
    let source = out.join("empty.rs");
    if std::fs::write(&source, "fn main() {}\n").is_err() {
        return false;
    }
    let mut compiler =
        Command::new(env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc")));
    if let Some(target) = env::var_os("TARGET") {
        compiler.arg("--target").arg(target);
    }
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    compiler.args(flags.split('\u{1f}').filter(|flag| !flag.is_empty()));
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut option = OsString::from("linker=");
        option.push(linker);
        compiler.arg("-C").arg(option);
    }
    compiler.arg("-C").arg(format!("link-arg={FOLD}"));
    compiler.arg("-o").arg(out.join("empty")).arg(source);
    compiler
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
