//! Names between backticks in the documents exist: files, items of the code, and keys of JSON, so
//! that a rename that forgets a document fails.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold nothing of ours.
const SKIPPED: [&str; 5] = ["target", ".git", "node_modules", "corpus", "seeds"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn all_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !path.is_dir() {
            found.push(path);
        } else if !SKIPPED.contains(&name.as_str()) {
            all_files(&path, found);
        }
    }
}

/// All files of the repository, relative to it, with a slash in front.
fn files() -> Vec<String> {
    let mut found = Vec::new();
    all_files(&root(), &mut found);
    let relative =
        |path: PathBuf| path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
    found.into_iter().map(|path| format!("/{}", relative(path).replace('\\', "/"))).collect()
}

/// Code spans of the documents in these folders, with their document; spans in code blocks are excluded.
fn spans(folders: &[&str]) -> Vec<(String, String)> {
    let files = files();
    let is_document = |file: &&String| {
        let (folder, name) = file.rsplit_once('/').unwrap_or_default();
        folders.contains(&folder) && name.ends_with(".md") && name != "CHANGELOG.md"
    };
    let mut spans = Vec::new();
    for file in files.iter().filter(is_document) {
        let text = fs::read_to_string(root().join(&file[1..])).unwrap();
        let prose = text.split("```").step_by(2);
        let found = prose.flat_map(|part| part.split('`').skip(1).step_by(2));
        spans.extend(found.map(|span| (file.clone(), span.to_owned())));
    }
    assert!(spans.len() > 500, "{}", spans.len());
    spans
}

/// All words in the sources of the crates, including the pages.
fn words_of_sources() -> BTreeSet<String> {
    let is_source = |file: &&String| {
        let is_code = [".rs", ".js", ".html"].iter().any(|end| file.ends_with(end));
        is_code && file.starts_with("/codec-") && file.contains("/src/")
    };
    let mut words = BTreeSet::new();
    for file in files().iter().filter(is_source) {
        let text = fs::read_to_string(root().join(&file[1..])).unwrap();
        let found = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        words.extend(found.map(str::to_owned));
    }
    words
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[test]
fn files_named_in_documents_exist() {
    let files = files();
    let ends = [".rs", ".py", ".mjs", ".js"];
    let is_path = |span: &str| {
        let is_plain = span.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
        is_plain && (ends.iter().any(|end| span.ends_with(end)) || span.starts_with(".ci/"))
    };
    let spans = spans(&["", "/docs", "/docs/adr"]);
    let paths: Vec<_> = spans.iter().filter(|(_, span)| is_path(span)).collect();
    assert!(paths.len() > 30, "{}", paths.len());
    let exists = |path: &str| files.iter().any(|file| file.ends_with(&format!("/{path}")));
    let missing: Vec<_> = paths.iter().filter(|(_, path)| !exists(path)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn items_named_in_documents_exist() {
    let words = words_of_sources();
    let mut count = 0;
    let mut missing = Vec::new();
    for (document, span) in spans(&["", "/docs"]) {
        let path = span.split('(').next().unwrap_or_default();
        if path.contains("::") && path.split("::").all(is_word) {
            count += 1;
            if !path.split("::").all(|part| words.contains(part)) {
                missing.push(format!("{document}: {span}"));
            }
        }
    }
    assert!(count > 20, "{count}");
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Keys of JSON and columns of CSV have underscores or capitals: `bytes_sent`, `framesDropped`.
#[test]
fn keys_named_in_the_reference_exist() {
    let words = words_of_sources();
    let is_key = |span: &str| {
        let has_mark = span.contains('_') || span.chars().any(|c| c.is_ascii_uppercase());
        is_word(span) && has_mark && span.starts_with(|c: char| c.is_ascii_lowercase())
    };
    let keys: Vec<_> = spans(&["", "/docs"])
        .into_iter()
        .filter(|(document, span)| document == "/docs/COMMAND.md" && is_key(span))
        .collect();
    assert!(keys.len() > 100, "{}", keys.len());
    let missing: Vec<_> = keys.iter().filter(|(_, key)| !words.contains(key)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
