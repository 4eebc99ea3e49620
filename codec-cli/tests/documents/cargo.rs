//! Checks `cargo` commands without running them: packages, targets, features, names of tests.

use std::fs;
use std::path::{Path, PathBuf};

/// The commands between backticks in the documentation of crates, tests, benches and examples, by
/// place.
pub(crate) fn in_crate_documentation(root: &Path) -> Vec<(String, String)> {
    let mut commands = Vec::new();
    for path in rust_files(root) {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().take_while(|line| line.starts_with("//!"));
        let prose: String = lines.map(|line| line[3..].to_owned()).collect();
        for command in prose.split('`').skip(1).step_by(2) {
            if command.starts_with("cargo ") && command.contains(" -p ") {
                commands.push((path.display().to_string(), command.to_owned()));
            }
        }
    }
    assert!(commands.len() > 5, "{commands:?}");
    commands
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir() && !["target", ".git", "node_modules", "seeds"].contains(&name.as_ref()) {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The folder of a workspace member.
fn folder(root: &Path, package: &str) -> Option<PathBuf> {
    let folders = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let name = format!("name = \"{package}\"");
    folders.into_iter().find(|folder| {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        manifest.lines().nth(1) == Some(&name)
    })
}

/// # Errors
/// What of `command` does not exist.
pub(crate) fn check(root: &Path, command: &str) -> Result<(), String> {
    let (own, passed) = command.split_once(" -- ").unwrap_or((command, ""));
    let mut words = own.split_whitespace().skip(1);
    let verb = words.next().unwrap_or_default();
    let (mut package, mut filter) = (None, None);
    let (mut features, mut targets) = (Vec::new(), Vec::new());
    while let Some(word) = words.next() {
        match word {
            "-p" => package = words.next(),
            "--features" => features.extend(words.next().unwrap_or_default().split(',')),
            "--test" | "--bench" | "--bin" | "--example" => targets.extend(words.next()),
            "--path" => {
                let path = words.next().unwrap_or_default();
                if !root.join(path).join("Cargo.toml").exists() {
                    return Err(format!("no package in {path}"));
                }
            }
            flag if flag.starts_with('-') => {}
            name => filter = Some(name),
        }
    }
    // Without a package: the command, as the workspace's default member.
    let name = package.unwrap_or("codec-cli");
    let folder = folder(root, name).ok_or(format!("no package {name}"))?;
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for feature in features {
        if !manifest.contains(&format!("\n{feature} = [")) {
            return Err(format!("{name} has no feature {feature}"));
        }
    }
    for target in targets {
        let is_file = ["tests", "benches", "examples", ""].iter().any(|kind| {
            let dir = folder.join(kind);
            dir.join(format!("{target}.rs")).exists() || dir.join(target).join("main.rs").exists()
        });
        if !is_file && !manifest.contains(&format!("name = \"{target}\"")) {
            return Err(format!("{name} has no target {target}"));
        }
    }
    if verb == "test" {
        let passed = passed.split_whitespace();
        let names = passed.filter(|word| !word.starts_with('-') && word.parse::<u32>().is_err());
        for name in filter.into_iter().chain(names) {
            if !has_test(&folder, name) {
                return Err(format!("no test has {name} in its name"));
            }
        }
    }
    Ok(())
}

/// Whether a module or a function of the package has `name` in its name.
fn has_test(folder: &Path, name: &str) -> bool {
    let last = name.rsplit("::").next().unwrap_or(name);
    rust_files(folder).iter().any(|path| {
        let text = fs::read_to_string(path).unwrap();
        path.strip_prefix(folder).is_ok_and(|path| path.to_string_lossy().contains(last))
            || text.lines().any(|line| {
                let line = line.trim_start();
                line.starts_with("fn ") && line.contains(last)
            })
    })
}
