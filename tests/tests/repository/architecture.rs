//! Checks that the sources have the structure that ARCHITECTURE.md and ADR 0030 describe.

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
        "codec-h264/src/lib.rs",
        "codec-vp9/src/lib.rs",
        "codec-audio/src/lib.rs",
        "codec-backends/src/lib.rs",
        "codec-container/src/lib.rs",
        "codec-measure/src/lib.rs",
        "codec-rtc/src/lib.rs",
        "codec-webrtc/src/lib.rs",
        "codec-net/src/lib.rs",
        "codec-media/src/lib.rs",
        "codec-cluster/src/lib.rs",
        "codec-lab/src/lib.rs",
        "codec-cli/src/main.rs",
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(text.contains("#![forbid(unsafe_code)]"), "{file} does not forbid unsafe code");
    }
}

/// Names of the crates in the `[dependencies]` of a manifest, optional ones included.
fn dependencies(name: &str) -> Vec<String> {
    let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let section = lines.take_while(|line| !line.starts_with('['));
    let names = section.filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
    names.filter_map(|line| line.split(['.', ' ', '=']).next().map(str::to_owned)).collect()
}

#[test]
fn crates_depend_in_one_direction() {
    let ours = |name: &str| {
        let mut found = dependencies(name);
        found.retain(|other| other.starts_with("codec-"));
        found
    };
    for (name, allowed) in [
        ("codec-simd", &[][..]),
        ("codec-ffi", &[]),
        ("codec-core", &["codec-simd"]),
        ("codec-vp8", &["codec-core", "codec-simd"]),
        ("codec-h264", &["codec-core", "codec-simd"]),
        ("codec-vp9", &["codec-core", "codec-simd"]),
        ("codec-audio", &["codec-core"]),
        (
            "codec-backends",
            &[
                "codec-core",
                "codec-vp8",
                "codec-h264",
                "codec-vp9",
                "codec-audio",
                "codec-simd",
                "codec-ffi",
            ],
        ),
        ("codec-container", &["codec-core", "codec-audio"]),
        ("codec-measure", &["codec-core", "codec-simd"]),
        ("codec-rtc", &["codec-core", "codec-audio"]),
        ("codec-webrtc", &["codec-core", "codec-audio", "codec-rtc"]),
        (
            "codec-net",
            &[
                "codec-core",
                "codec-vp8",
                "codec-vp9",
                "codec-audio",
                "codec-backends",
                "codec-container",
                "codec-rtc",
                "codec-webrtc",
            ],
        ),
        (
            "codec-media",
            &[
                "codec-core",
                "codec-vp8",
                "codec-vp9",
                "codec-audio",
                "codec-backends",
                "codec-container",
                "codec-measure",
                "codec-rtc",
                "codec-webrtc",
                "codec-net",
                "codec-simd",
            ],
        ),
        ("codec-cluster", &["codec-core", "codec-media", "codec-net"]),
        (
            "codec-lab",
            &[
                "codec-core",
                "codec-vp8",
                "codec-audio",
                "codec-backends",
                "codec-container",
                "codec-measure",
                "codec-media",
                "codec-rtc",
                "codec-simd",
            ],
        ),
    ] {
        for other in ours(name) {
            assert!(allowed.contains(&&*other), "{name} depends on {other}");
        }
    }
    // Libraries leave arguments, the terminal and signals to the command.
    for name in ["codec-media", "codec-cluster", "codec-lab"] {
        for other in ["clap", "terminal_size", "ctrlc"] {
            assert!(!dependencies(name).iter().any(|found| found == other), "{name}: {other}");
        }
    }
}

#[test]
fn native_video_codecs_have_no_third_party_dependency() {
    for name in ["codec-vp8", "codec-h264", "codec-vp9"] {
        assert_eq!(dependencies(name), ["codec-core", "codec-simd"], "{name}");
    }
    assert!(dependencies("codec-simd").is_empty());
    // Those of codec-core are behind features, and it has no default features.
    let core = fs::read_to_string(root().join("codec-core/Cargo.toml")).unwrap();
    assert!(core.contains("\ndefault = []\n"));
    for line in core.lines().filter(|line| line.contains("version = \"")) {
        assert!(line.contains("optional = true"), "{line}");
    }
}

#[test]
fn codec_rtc_builds_without_codecs() {
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let audio = workspace.lines().find(|line| line.starts_with("codec-audio = ")).unwrap();
    assert!(audio.contains("default-features = false"), "{audio}");
    let rtc = fs::read_to_string(root().join("codec-rtc/Cargo.toml")).unwrap();
    assert!(rtc.contains("\ncodec-audio.workspace = true\n"), "without features");
    let libraries = dependencies("codec-rtc");
    for other in ["str0m", "dimpl"] {
        assert!(!libraries.iter().any(|name| name == other), "codec-rtc depends on {other}");
    }
}

#[test]
fn codecs_have_no_threads_clocks_files_or_environment() {
    for module in ["std::thread", "std::time", "std::fs", "std::env", "std::net", "std::process"] {
        for name in ["codec-core", "codec-vp8", "codec-h264", "codec-vp9", "codec-audio"] {
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

/// Its tests may: only the dependencies of the library count.
#[test]
fn real_time_crates_know_packets_and_not_encoders() {
    for name in ["codec-rtc", "codec-webrtc"] {
        for codecs in ["codec-vp8", "codec-h264", "codec-vp9", "codec-backends", "codec-ffi"] {
            assert!(!dependencies(name).contains(&codecs.to_owned()), "{name}: {codecs}");
        }
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
        assert_never(&dir, "a shared module sees a codec", |code| {
            ["codec_vp8", "codec_h264", "codec_vp9", "codec_audio"]
                .iter()
                .any(|name| code.contains(name))
        });
    }
}

/// The engine and the lab report events; only the command writes messages and ends the process.
#[test]
fn libraries_do_not_print_or_exit() {
    for dir in ["codec-media/src", "codec-cluster/src", "codec-lab/src"] {
        assert_never(dir, "a library prints or exits", |code| {
            ["println!", "eprintln!", "print!(", "stderr()", "process::exit"]
                .iter()
                .any(|name| code.contains(name))
        });
    }
}

#[test]
fn security_tests_exist() {
    let crates = [
        "codec-core",
        "codec-vp8",
        "codec-h264",
        "codec-vp9",
        "codec-audio",
        "codec-backends",
        "codec-container",
        "codec-net",
        "codec-rtc",
        "codec-webrtc",
        "codec-media",
        "codec-cluster",
        "codec-lab",
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

/// A module with children is `name/mod.rs` in their folder: it moves as one folder, and a listing shows
/// it with its children.
#[test]
fn modules_with_children_are_mod_rs_files() {
    for entry in fs::read_dir(root()).unwrap() {
        let package = entry.unwrap().path();
        if !package.join("Cargo.toml").is_file() {
            continue;
        }
        for folder in ["src", "tests", "benches", "examples"] {
            let dir = package.join(folder);
            // A file directly in `tests`, `benches` or `examples` is the root of a crate.
            for file in if dir.is_dir() { rust_files(&dir) } else { Vec::new() } {
                let is_root = folder != "src" && file.parent() == Some(&dir);
                let folder = file.with_extension("");
                let has_children = folder.is_dir() && !rust_files(&folder).is_empty();
                let file = file.display();
                assert!(is_root || !has_children, "{file}: move to {}/mod.rs", folder.display());
            }
        }
    }
}
