//! Parses the Rust code to check that every error which wraps another one returns it as its `source()`.
//!
//! An error type with an empty `impl Error` must not have a field or variant whose type is an error
//! itself. Such fields hold the cause, and loggers print the chain of causes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Error types of the standard library and of other crates that may be wrapped.
const FOREIGN: &[&str] = &["io::Error", "dyn Error", "dyn std::error::Error", "roxmltree::Error"];

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder of the repository") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

/// Returns the code without comments and attributes.
fn code(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with("//") && !line.starts_with("#["));
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the type that a line implements `Error` for, and whether the body is empty.
fn implemented(line: &str) -> Option<(&str, bool)> {
    let rest = line.strip_prefix("impl ")?;
    let rest = rest.strip_prefix("std::error::").unwrap_or(rest);
    let rest = rest.strip_prefix("Error for ")?;
    let name = rest.split([' ', '<', '{']).next()?;
    Some((name, rest.trim_end().ends_with("{}")))
}

/// Returns the body of the definition of `name`.
fn definition<'a>(code: &'a str, name: &str) -> Option<&'a str> {
    for kind in ["enum", "struct"] {
        let start = code.match_indices(&format!("{kind} {name}")).find(|(at, found)| {
            !code[at + found.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
        });
        if let Some((at, _)) = start {
            let rest = &code[at..];
            let end = rest.find("\n}").or_else(|| rest.find(';')).unwrap_or(rest.len());
            let end = rest.find(";\n").map_or(end, |line| line.min(end));
            return Some(&rest[..end]);
        }
    }
    None
}

#[test]
fn errors_that_wrap_errors_have_a_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut wrapped = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(&root).expect("the repository") {
        let src = entry.expect("an entry").path().join("src");
        let is_crate = src.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        if !is_crate.is_some_and(|name| name.starts_with("codec-")) || !src.is_dir() {
            continue;
        }
        let mut files = Vec::new();
        sources(&src, &mut files);
        let texts: BTreeMap<PathBuf, String> = files
            .into_iter()
            .map(|path| (path.clone(), code(&fs::read_to_string(path).expect("a source file"))))
            .collect();
        let impls: Vec<_> = texts
            .iter()
            .flat_map(|(path, text)| text.lines().filter_map(implemented).map(move |of| (path, of)))
            .collect();
        let errors: BTreeSet<&str> = impls.iter().map(|(_, (name, _))| *name).collect();
        for (path, (name, is_empty)) in &impls {
            count += 1;
            let Some(body) = definition(&texts[*path], name).filter(|_| *is_empty) else {
                continue;
            };
            let fields = body.split_once(['{', '(']).map_or("", |(_, fields)| fields);
            let holds = |error: &str| {
                fields.match_indices(error).any(|(at, _)| {
                    let is_part = |c: char| c.is_alphanumeric() || c == '_';
                    // A type follows `(` or `: `, perhaps with a path; a variant begins a line.
                    let before = fields[..at].trim_end_matches(|c: char| is_part(c) || c == ':');
                    let before = before.trim_end_matches("Box<dyn ");
                    let is_type = before.ends_with(['(', ' ', '<']) && !before.ends_with('\n');
                    is_type && !fields[at + error.len()..].starts_with(is_part)
                })
            };
            let inner = errors.iter().filter(|error| *error != name);
            for error in inner.chain(FOREIGN).filter(|error| holds(error)) {
                wrapped.push(format!("{}: {name} wraps {error}", path.display()));
            }
        }
    }
    assert!(count > 20, "found {count} errors only");
    assert!(wrapped.is_empty(), "without source():\n{}", wrapped.join("\n"));
}
