//! Checks the structure that ARCHITECTURE.md and ADR 0001 describe in the sources.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            files.push(path);
        }
    }
    files
}

/// Source lines of a folder that are not comments, with their positions.
fn code_lines(dir: &str) -> Vec<(String, String)> {
    let dir = root().join(dir);
    let mut lines = Vec::new();
    for file in rust_files(&dir) {
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let code = line.trim();
            if !code.starts_with("//") {
                lines.push((format!("{}:{}", file.display(), number + 1), code.to_owned()));
            }
        }
    }
    lines
}

fn assert_never(dir: &str, what: &str, forbidden: impl Fn(&str) -> bool) {
    let found: Vec<_> = code_lines(dir).into_iter().filter(|(_, code)| forbidden(code)).collect();
    assert!(found.is_empty(), "{what}:\n{found:#?}");
}

#[test]
fn every_crate_but_codec_simd_and_codec_ffi_forbids_unsafe_code() {
    for file in [
        "codec-core/src/lib.rs",
        "codec-vp8/src/lib.rs",
        "codec-audio/src/lib.rs",
        "codec-backends/src/lib.rs",
        "codec-container/src/lib.rs",
        "codec-measure/src/lib.rs",
        "codec-rtc/src/lib.rs",
        "codec-webrtc/src/lib.rs",
        "codec-net/src/lib.rs",
        "codec-cli/src/main.rs",
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(text.contains("#![forbid(unsafe_code)]"), "{file} does not forbid unsafe code");
    }
}

#[test]
fn crates_depend_in_one_direction() {
    let manifest = |name: &str| fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
    let mentions = |name: &str, other: &str| {
        let (_, dependencies) = manifest(name).split_once("[dependencies]").map_or_else(
            || (String::new(), String::new()),
            |(head, tail)| (head.to_owned(), tail.to_owned()),
        );
        dependencies.lines().any(|line| line.starts_with(other))
    };
    for (name, forbidden) in [
        ("codec-simd", ["codec-core", "codec-container", "codec-cli"]),
        ("codec-ffi", ["codec-core", "codec-container", "codec-simd"]),
        ("codec-core", ["codec-container", "codec-cli", "codec-rtc"]),
        ("codec-core", ["codec-backends", "codec-ffi", "codec-vp8"]),
        ("codec-backends", ["codec-container", "codec-cli", "codec-rtc"]),
        ("codec-container", ["codec-vp8", "codec-backends", "codec-ffi"]),
        ("codec-container", ["codec-cli", "codec-rtc", "codec-simd"]),
        ("codec-measure", ["codec-cli", "codec-rtc", "codec-container"]),
        ("codec-rtc", ["codec-cli", "codec-container", "codec-simd"]),
        ("codec-rtc", ["codec-net", "codec-measure", "codec-ffi"]),
        ("codec-core", ["codec-webrtc", "codec-net", "codec-measure"]),
        ("codec-rtc", ["codec-webrtc", "str0m", "dimpl"]),
        ("codec-webrtc", ["codec-net", "codec-cli", "codec-container"]),
        ("codec-webrtc", ["codec-measure", "codec-simd", "codec-ffi"]),
        ("codec-net", ["codec-cli", "codec-measure", "codec-simd"]),
    ] {
        for other in forbidden {
            assert!(!mentions(name, other), "{name} depends on {other}");
        }
    }
}

#[test]
fn codecs_have_no_threads_clocks_files_or_environment() {
    for module in ["std::thread", "std::time", "std::fs", "std::env", "std::net", "std::process"] {
        for name in ["codec-core", "codec-vp8", "codec-audio"] {
            assert_never(&format!("{name}/src"), module, |code| code.contains(module));
        }
    }
}

#[test]
fn codec_rtc_has_no_threads_clocks_files_sockets_or_environment() {
    assert_sans_io("codec-rtc/src");
}

#[test]
fn codec_webrtc_has_no_threads_clocks_files_sockets_or_environment() {
    assert_sans_io("codec-webrtc/src");
}

fn assert_sans_io(dir: &str) {
    // Addresses are only numbers; sockets and resolvers are not.
    let sockets = ["UdpSocket", "TcpStream", "TcpListener", "ToSocketAddrs"];
    for name in
        ["std::thread", "std::fs", "std::env", "std::process", "std::io"].into_iter().chain(sockets)
    {
        assert_never(dir, name, |code| code.contains(name));
    }
    // Times are arguments, even if a library wants an `Instant`; its tests have to start at one.
    let read: Vec<_> = code_lines(dir)
        .into_iter()
        // The path begins within this crate, whose name is `tests`.
        .filter(|(place, _)| !place.rsplit(dir).next().unwrap().contains("/tests/"))
        .filter(|(_, code)| code.contains("Instant::now") || code.contains("SystemTime::now"))
        .collect();
    assert!(read.is_empty(), "a clock is read:\n{read:#?}");
}

#[test]
fn real_time_crates_know_packets_and_not_encoders() {
    for dir in ["codec-rtc/src", "codec-webrtc/src"] {
        assert_never(dir, "a crate for transport sees an encoder or the registry", |code| {
            code.contains("codec_backends") || code.contains("codec_vp8")
        });
    }
}

#[test]
fn the_decoder_does_not_see_the_encoder() {
    let vp8 = root().join("codec-vp8/src");
    for file in rust_files(&vp8) {
        let relative = file.strip_prefix(&vp8).unwrap().to_string_lossy().into_owned();
        if relative.starts_with("encoder") || relative == "lib.rs" {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("crate::encoder"), "{relative} sees the encoder");
        assert!(!text.contains("super::encoder"), "{relative} sees the encoder");
    }
}

#[test]
fn shared_parts_of_codec_core_do_not_see_a_codec() {
    for shared in ["frame", "rate", "motion", "analysis", "entropy", "codec"] {
        let dir = format!("codec-core/src/{shared}");
        if !root().join(&dir).is_dir() {
            continue;
        }
        assert_never(&dir, "a shared module sees a codec", |code| code.contains("crate::vp8"));
    }
}

#[test]
fn security_tests_exist() {
    let crates = [
        "codec-core",
        "codec-vp8",
        "codec-audio",
        "codec-backends",
        "codec-container",
        "codec-net",
        "codec-rtc",
        "codec-webrtc",
        "codec-cli",
        "tests",
    ];
    let mut tests = std::collections::BTreeSet::new();
    for name in crates {
        for folder in ["src", "tests"] {
            let dir = format!("{name}/{folder}");
            if !root().join(&dir).is_dir() {
                continue;
            }
            for (_, code) in code_lines(&dir) {
                let name = code.split_once("fn ").and_then(|(_, rest)| rest.split_once("()"));
                tests.extend(name.map(|(name, _)| name.to_owned()));
            }
        }
    }
    let text = fs::read_to_string(root().join("docs/SECURITY.md")).unwrap();
    let mut named = 0;
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let last = line.strip_suffix('|').unwrap().rsplit('|').next().unwrap();
        for name in last.split('`').skip(1).step_by(2) {
            assert!(tests.contains(name), "docs/SECURITY.md names {name}, which is not a test");
            named += 1;
        }
    }
    assert!(named > 60, "{named}");
}
