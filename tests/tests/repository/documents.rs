//! Checks documents and manifests against each other: patents and default features, the minimum
//! version of Rust, metadata of the crates, decision records, and the files that documents name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use codec_backends::registry::{AUDIO_BACKENDS, BACKENDS};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The default features of a manifest with `default` on one line.
fn default_features(manifest: &str) -> BTreeSet<String> {
    let text = read(manifest);
    let line = text.lines().find(|line| line.starts_with("default = [")).expect("default features");
    line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The texts between backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

struct Format<'a> {
    ids: Vec<&'a str>,
    features: Vec<&'a str>,
    in_command: bool,
    in_library: bool,
}

fn formats(text: &str) -> Vec<Format<'_>> {
    let yes = |cell: &str| match cell {
        "yes" => true,
        "no" => false,
        other => panic!("docs/PATENTS.md: neither yes nor no: {other}"),
    };
    let rows = text.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    rows.map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, _, _, feature, command, library] = cells[..] else { panic!("{line}") };
        Format {
            ids: quoted(name),
            features: quoted(feature),
            in_command: yes(command),
            in_library: yes(library),
        }
    })
    .collect()
}

#[test]
fn patents_names_every_codec_and_its_default_features() {
    let text = read("docs/PATENTS.md");
    let command = default_features("codec-cli/Cargo.toml");
    let library = default_features("codec-backends/Cargo.toml");
    let formats = formats(&text);
    let has = |defaults: &BTreeSet<String>, features: &[&str]| {
        features.is_empty() || features.iter().any(|&feature| defaults.contains(feature))
    };
    for format in &formats {
        let ids = &format.ids;
        assert_eq!(has(&command, &format.features), format.in_command, "{ids:?}: the command");
        assert_eq!(has(&library, &format.features), format.in_library, "{ids:?}: the library");
    }
    let named: BTreeSet<_> = formats.iter().flat_map(|format| format.ids.clone()).collect();
    let video = BACKENDS.iter().map(|backend| backend.codec.name().to_owned());
    let audio = AUDIO_BACKENDS.iter().map(|backend| backend.codec.name().to_owned());
    for id in video.chain(audio) {
        assert!(named.contains(&*id), "docs/PATENTS.md does not name {id}");
    }
}

#[test]
fn patents_explains_how_to_build_without_aac_and_h264() {
    let text = read("docs/PATENTS.md");
    let line = text.lines().find(|line| line.starts_with("cargo build ")).expect("a command");
    let (_, features) = line.split_once("--features ").expect("features");
    let mut expected = default_features("codec-cli/Cargo.toml");
    assert!(expected.remove("import") && expected.remove("h264"));
    assert_eq!(features.split(',').map(str::to_owned).collect::<BTreeSet<_>>(), expected);
}

/// `1.93` as (1, 93).
fn version(text: &str) -> (u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap());
    (parts.next().unwrap(), parts.next().unwrap())
}

fn msrv() -> String {
    let text = read("Cargo.toml");
    let line = text.lines().find(|line| line.starts_with("rust-version = ")).expect("rust-version");
    line.split('"').nth(1).expect("a version").to_owned()
}

/// The folders of the workspace's packages.
fn members() -> Vec<String> {
    let text = read("Cargo.toml");
    let members = text.lines().find(|line| line.starts_with("members = [")).expect("members");
    members.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn all_crates_have_one_minimum_version_of_rust() {
    for name in members() {
        let manifest = read(&format!("{name}/Cargo.toml"));
        assert!(manifest.contains("\nrust-version.workspace = true\n"), "{name}");
    }
    let msrv = msrv();
    for document in
        ["README.md", "CONTRIBUTING.md", "docs/VERSIONS.md", "docs/adr/0035-one-msrv.md"]
    {
        assert!(read(document).contains(&format!("Rust {msrv}")), "{document} does not say {msrv}");
    }
}

/// The text of a key of a manifest: `key = "..."`.
fn text_of<'a>(manifest: &'a str, key: &str) -> Option<&'a str> {
    let start = format!("{key} = \"");
    manifest.lines().find_map(|line| line.strip_prefix(&start)?.strip_suffix('"'))
}

#[test]
fn published_crates_have_complete_and_distinct_metadata() {
    let mut descriptions = BTreeSet::new();
    for name in members() {
        let manifest = read(&format!("{name}/Cargo.toml"));
        let description = text_of(&manifest, "description").unwrap_or_default();
        assert!(description.len() > 20, "{name}: description: {description:?}");
        assert!(!description.ends_with('.'), "{name}: a description is not a sentence");
        assert!(descriptions.insert(description.to_owned()), "{name}: the same description");
        if manifest.contains("\npublish = false\n") {
            continue;
        }
        for key in ["keywords = [", "categories = [", "include = [", "readme = "] {
            assert!(manifest.contains(&format!("\n{key}")), "{name} has no {key}");
        }
        let keywords = manifest.lines().find(|line| line.starts_with("keywords")).unwrap();
        // The limit of crates.io.
        assert!((2..=10).contains(&(keywords.split('"').count() - 1)), "{name}: {keywords}");
        for key in ["version", "edition", "license", "publish"] {
            let inherited = format!("\n{key}.workspace = true\n");
            assert!(manifest.contains(&inherited), "{name}: {key} is not the workspace's");
        }
    }
}

#[test]
fn versions_are_the_same_in_the_workspace_and_between_its_crates() {
    let text = read("Cargo.toml");
    let version = text_of(&text, "version").expect("a version");
    let paths = text.lines().filter(|line| line.contains("{ path = \""));
    for line in paths {
        assert!(line.contains(&format!("version = \"{version}\"")), "{line}");
    }
    assert!(read("CHANGELOG.md").contains(&format!("## [{version}]")), "no {version}");
}

#[test]
fn the_readme_lists_every_crate_and_every_example() {
    let text = read("README.md");
    for name in members().into_iter().filter(|name| name.starts_with("codec-")) {
        assert!(text.contains(&format!("`{name}`")), "{name} is missing");
        let Ok(entries) = fs::read_dir(root().join(&name).join("examples")) else { continue };
        for entry in entries {
            let file = entry.unwrap().file_name().into_string().unwrap();
            // They print digests for `.ci/portability`.
            if !matches!(file.as_str(), "h264_fingerprint" | "fingerprint.rs") {
                assert!(text.contains(&format!("{name}/examples/{file}")), "{name}: {file}");
            }
        }
    }
}

/// The numbers of the decision records in the status of one of them.
fn numbers_in(status: &str) -> BTreeSet<u32> {
    let links = status.split("](").skip(1).filter_map(|link| link.get(..4)?.parse().ok());
    links.collect()
}

#[test]
fn decision_records_have_status_and_date_and_name_each_other() {
    let mut records = BTreeMap::new();
    for entry in fs::read_dir(root().join("docs/adr")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let text = read(&format!("docs/adr/{file}"));
        let number: u32 = file[..4].parse().unwrap();
        assert!(text.starts_with(&format!("# {number:04}. ")), "{file}: its title");
        let (_, rest) = text.split_once("\nStatus: ").unwrap_or_else(|| panic!("{file}: status"));
        let (status, rest) =
            rest.split_once("\nDate: 20").unwrap_or_else(|| panic!("{file}: date"));
        assert!(rest[..8].chars().all(|c| c.is_ascii_digit() || c == '-'), "{file}: date");
        let known = status.starts_with("accepted") || status.starts_with("superseded by [");
        assert!(known, "{file}: {status}");
        records.insert(number, status.replace('\n', " "));
    }
    for (number, status) in &records {
        for other in numbers_in(status) {
            let theirs = records.get(&other).unwrap_or_else(|| panic!("{number} names {other}"));
            // Each of the two says what became of the other.
            if status.contains("superseded by") || status.contains("supersedes") {
                assert!(numbers_in(theirs).contains(number), "{other} does not name {number}");
            }
        }
    }
}

/// Links of documents to files of the repository.
#[test]
fn links_between_documents_lead_to_files() {
    let mut count = 0;
    for dir in ["", "docs", "docs/adr", "samples"] {
        for entry in fs::read_dir(root().join(dir)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let file = link.split('#').next().unwrap_or_default();
                if !file.is_empty() && !file.contains("://") {
                    assert!(root().join(dir).join(file).exists(), "{}: {file}", path.display());
                    count += 1;
                }
            }
        }
    }
    assert!(count > 40, "{count} links");
}

/// Paths between backticks in the documentation of a crate are relative to its `src`, to the crate
/// or to the root of the repository.
#[test]
fn files_named_in_crate_documentation_exist() {
    let mut named = 0;
    for name in members() {
        let files = ["src/lib.rs", "src/main.rs"].map(|file| root().join(&name).join(file));
        let Some(text) = files.iter().find_map(|file| fs::read_to_string(file).ok()) else {
            continue;
        };
        for line in text.lines().filter(|line| line.starts_with("//!")) {
            for path in quoted(line).into_iter().filter(|text| is_path(text)) {
                let places = [root().join(&name).join("src"), root().join(&name), root()];
                assert!(places.iter().any(|place| place.join(path).exists()), "{name}: {path}");
                named += 1;
            }
        }
    }
    assert!(named > 100, "{named}");
}

#[test]
fn files_named_in_the_architecture_exist() {
    let text = read("ARCHITECTURE.md");
    let mut named = 0;
    // The text says which of these it is about.
    let places = ["", "codec-core", "codec-core/src", "codec-vp8/src", "codec-simd/src/x86"];
    let places: Vec<_> = places.iter().chain(&["benches"]).collect();
    for path in quoted(&text).into_iter().filter(|text| is_path(text)) {
        assert!(places.iter().any(|place| root().join(place).join(path).exists()), "{path}");
        named += 1;
    }
    assert!(named > 10, "{named}");
    for name in members() {
        assert!(text.contains(&format!("`{name}`")), "{name} is missing");
    }
}

fn is_path(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    text.chars().all(is_plain) && (text.ends_with(".rs") || text.contains('/')) && text.len() > 3
}

/// No crate of the dependency graph, with the features of this workspace's default build, needs a
/// newer version.
#[test]
fn no_dependency_needs_a_newer_rust() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--format-version", "1"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let msrv = version(&msrv());
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "{}", packages.len());
    for package in packages {
        if let Some(needed) = package["rust_version"].as_str() {
            assert!(version(needed) <= msrv, "{} needs Rust {needed}", package["name"]);
        }
    }
}
