//! Rejects dependency cycles between modules, read from the sources of every crate.
//!
//! What counts: siblings, that is modules with the same parent, at every level of the tree. A module
//! depends on its sibling if one of its files, at any depth, names a path into the sibling, in a
//! `use`, an expression or a type. Siblings in a cycle cannot be read, tested or moved separately.
//!
//! What does not count: a child that uses items of an ancestor, and a parent that uses its children.
//! Both are usual in Rust, because types that siblings share are defined in their parent. Re-exports
//! are followed: `super::Item` is a use of the sibling that defines `Item`. Method calls are not seen,
//! since they name no path. The test skips comments, strings, `#[cfg(test)]` items and modules,
//! `tests.rs`, `*_tests.rs` and folders named `tests`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module's path within its crate; empty for the root.
type Module = Vec<String>;

/// The sources of a crate: modules, and what each one's own files hold.
#[derive(Default)]
struct Sources {
    /// Tokens of each module, without tests.
    tokens: BTreeMap<Module, Vec<String>>,
    /// The item behind a name that a module re-exports.
    exports: BTreeMap<Module, BTreeMap<String, Module>>,
    /// Modules that only tests see.
    tests: BTreeSet<Module>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Splits Rust into identifiers and single characters, without comments, strings and lifetimes.
fn tokens(text: &str) -> Vec<String> {
    let bytes: Vec<char> = text.chars().collect();
    let at = |index: usize| bytes.get(index).copied().unwrap_or('\0');
    let mut out = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        let c = at(i);
        if c == '/' && at(i + 1) == '/' {
            while i < bytes.len() && at(i) != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            let mut depth = 1;
            i += 2;
            while i < bytes.len() && depth > 0 {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    _ => i += 1,
                }
            }
        } else if let Some(end) = raw_string_end(&bytes, i) {
            i = end;
        } else if c == '"' {
            i += 1;
            while i < bytes.len() && at(i) != '"' {
                i += if at(i) == '\\' { 2 } else { 1 };
            }
            i += 1;
        } else if c == '\'' {
            // A character, or a lifetime.
            if at(i + 1) == '\\' {
                i += 3;
                while i < bytes.len() && at(i) != '\'' {
                    i += 1;
                }
                i += 1;
            } else if at(i + 2) == '\'' {
                i += 3;
            } else {
                i += 1;
            }
        } else if c.is_alphanumeric() || c == '_' {
            let begin = i;
            while at(i).is_alphanumeric() || at(i) == '_' {
                i += 1;
            }
            out.push(bytes[begin..i].iter().collect());
        } else if c == ':' && at(i + 1) == ':' {
            out.push("::".to_owned());
            i += 2;
        } else {
            if !c.is_whitespace() {
                out.push(c.to_string());
            }
            i += 1;
        }
    }
    out
}

/// Where a raw string that begins at `i` ends.
fn raw_string_end(text: &[char], i: usize) -> Option<usize> {
    let before = i.checked_sub(1).and_then(|i| text.get(i)).copied().unwrap_or(' ');
    let mut at = i;
    if text.get(at) == Some(&'b') {
        at += 1;
    }
    if text.get(at) != Some(&'r') || before.is_alphanumeric() || before == '_' {
        return None;
    }
    let hashes = text[at + 1..].iter().take_while(|c| **c == '#').count();
    at += 1 + hashes;
    if text.get(at) != Some(&'"') {
        return None;
    }
    let mut end: Vec<char> = vec!['"'];
    end.extend(std::iter::repeat_n('#', hashes));
    let found = text[at + 1..].windows(end.len()).position(|window| *window == end[..])?;
    Some(at + 1 + found + end.len())
}

/// The index behind the group that opens at `at` with one of `([{`.
fn behind_group(tokens: &[String], at: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth -= 1;
                if depth == 0 {
                    return index + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// Whether the attribute in `#[...]` leaves its item to tests.
fn is_for_tests(attribute: &[String]) -> bool {
    let text = attribute.concat();
    text.starts_with("cfg(test") || text.starts_with("cfg(all(test") || text == "test"
}

/// Takes out what only tests see, and puts modules within the file in modules of their own.
fn sort(tokens: &[String], module: &Module, sources: &mut Sources) {
    let mut own = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        if tokens[i] == "#" && tokens.get(i + 1).is_some_and(|it| it == "[") {
            let end = behind_group(tokens, i + 1);
            if is_for_tests(&tokens[i + 2..end - 1]) {
                i = behind_item(tokens, end);
                // `mod name;`: a file or a folder.
                if i - end == 3 && tokens[end] == "mod" {
                    let name = tokens[end + 1].clone();
                    sources.tests.insert([module.clone(), vec![name]].concat());
                }
                continue;
            }
            i = end;
            continue;
        }
        if tokens[i] == "mod" && tokens.get(i + 2).is_some_and(|it| it == "{") {
            let end = behind_group(tokens, i + 2);
            let inner = [module.clone(), vec![tokens[i + 1].clone()]].concat();
            sort(&tokens[i + 3..end - 1], &inner, sources);
            i = end;
            continue;
        }
        own.push(tokens[i].clone());
        i += 1;
    }
    sources.tokens.entry(module.clone()).or_default().extend(own);
}

/// The index behind the item that begins at `at`: behind its braces or its semicolon.
fn behind_item(tokens: &[String], mut at: usize) -> usize {
    while at < tokens.len() {
        match tokens[at].as_str() {
            "{" => return behind_group(tokens, at),
            ";" | "," => return at + 1,
            "}" => return at,
            "(" | "[" => at = behind_group(tokens, at),
            _ => at += 1,
        }
    }
    at
}

fn read(dir: &Path, module: &Module, sources: &mut Sources) {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|it| it.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name == "tests" || name.ends_with("_tests") || name == "bin" {
            continue;
        }
        let inner = [module.clone(), vec![name.clone()]].concat();
        if path.is_dir() {
            read(&path, &inner, sources);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let is_own = matches!(name.as_str(), "mod" | "lib" | "main");
            let text = fs::read_to_string(&path).unwrap();
            sort(&tokens(&text), if is_own { module } else { &inner }, sources);
        }
    }
}

/// A path in the sources, and the name that a `use` gives it.
type Used = (Vec<String>, Option<String>);

/// The paths that begin at `at`: one, or all of a tree in braces. Gives the index behind them.
fn paths(tokens: &[String], mut at: usize, before: &[String], out: &mut Vec<Used>) -> usize {
    let mut path = before.to_vec();
    loop {
        match tokens.get(at).map(String::as_str) {
            Some("{") => {
                let end = behind_group(tokens, at);
                at += 1;
                while at < end - 1 {
                    let next = paths(tokens, at, &path, out);
                    at = if next == at { at + 1 } else { next };
                }
                return end;
            }
            Some(name) if name.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                path.push(name.to_owned());
                at += 1;
            }
            _ => return at,
        }
        if tokens.get(at).is_none_or(|it| it != "::") {
            let is_renamed = tokens.get(at).is_some_and(|it| it == "as");
            let name = if is_renamed { tokens.get(at + 1).cloned() } else { path.last().cloned() };
            out.push((path, name));
            return if is_renamed { at + 2 } else { at };
        }
        at += 1;
    }
}

/// The paths in a module's tokens, and whether they stand in a `use`.
fn all_paths(tokens: &[String]) -> Vec<(Used, bool)> {
    let mut found = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let is_use = tokens[i] == "use";
        let is_start = tokens[i].starts_with(|c: char| c.is_alphabetic() || c == '_')
            && (i == 0 || tokens[i - 1] != "::" && tokens[i - 1] != ".")
            && tokens.get(i + 1).is_some_and(|it| it == "::");
        if !is_use && !is_start {
            i += 1;
            continue;
        }
        let mut out = Vec::new();
        // A brace that follows `::` outside of a `use` is no tree, but there is no such code.
        let end = paths(tokens, if is_use { i + 1 } else { i }, &[], &mut out);
        found.extend(out.into_iter().map(|used| (used, is_use)));
        i = end.max(i + 1);
    }
    found
}

/// The path from the root of the crate; `None` if it leads out of the crate.
fn absolute(path: &[String], module: &Module, sources: &Sources) -> Option<Vec<String>> {
    let mut base = module.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => {
            base.clear();
            rest = &path[1..];
        }
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|it| it == "super") {
                base.pop()?;
                rest = &rest[1..];
            }
        }
        name => {
            let child = [base.clone(), vec![name.to_owned()]].concat();
            if !sources.tokens.contains_key(&child) {
                return None;
            }
        }
    }
    Some([base, rest.to_vec()].concat())
}

/// The module in which a path ends, and what remains of the path.
fn module_of<'a>(path: &'a [String], sources: &Sources) -> (Module, &'a [String]) {
    let mut len = path.len();
    while len > 0 && !sources.tokens.contains_key(&path[..len]) {
        len -= 1;
    }
    (path[..len].to_vec(), &path[len..])
}

/// The module that defines the item of a path, through re-exports.
fn definition(path: &[String], sources: &Sources) -> Module {
    let (mut module, mut rest) = module_of(path, sources);
    // The limit ends a loop of re-exports, which would not compile anyway.
    for _ in 0..8 {
        let Some(next) = rest.first().and_then(|name| sources.exports.get(&module)?.get(name))
        else {
            break;
        };
        module.clone_from(next);
        rest = &[];
    }
    module
}

fn sources_of(dir: &Path) -> Sources {
    let mut sources = Sources::default();
    read(dir, &Vec::new(), &mut sources);
    let Sources { tokens, tests, .. } = &mut sources;
    tokens.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
    let mut exports: BTreeMap<Module, BTreeMap<String, Module>> = BTreeMap::new();
    for (module, tokens) in &sources.tokens {
        for ((path, name), is_use) in all_paths(tokens) {
            let Some(path) = absolute(&path, module, &sources).filter(|_| is_use) else { continue };
            let (target, rest) = module_of(&path, &sources);
            // Only an item of a module below: that of another place belongs to that place anyway.
            if let Some(name) = name.filter(|_| !rest.is_empty())
                && target.len() > module.len()
                && target.starts_with(module)
            {
                exports.entry(module.clone()).or_default().insert(name, target);
            }
        }
    }
    sources.exports = exports;
    sources
}

/// Which siblings each one uses, by their parent; with one place for each.
fn edges(sources: &Sources) -> BTreeMap<Module, BTreeMap<String, BTreeMap<String, String>>> {
    let mut edges: BTreeMap<Module, BTreeMap<String, BTreeMap<String, String>>> = BTreeMap::new();
    for (module, tokens) in &sources.tokens {
        for ((path, _), _) in all_paths(tokens) {
            let Some(path) = absolute(&path, module, sources) else { continue };
            let target = definition(&path, sources);
            let common = module.iter().zip(&target).take_while(|(one, other)| one == other).count();
            if let (Some(from), Some(to)) = (module.get(common), target.get(common)) {
                let place = format!("{} uses {}", module.join("::"), path.join("::"));
                let parent = edges.entry(module[..common].to_vec()).or_default();
                parent.entry(from.clone()).or_default().entry(to.clone()).or_insert(place);
            }
        }
    }
    edges
}

/// Groups of siblings each of which leads to all others.
fn cycles(edges: &BTreeMap<String, BTreeMap<String, String>>) -> Vec<Vec<String>> {
    let reach = |from: &String| {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(next) = open.pop() {
            for to in edges.get(next).into_iter().flat_map(BTreeMap::keys) {
                if seen.insert(to.clone()) {
                    open.push(to);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<_, _> = edges.keys().map(|from| (from.clone(), reach(from))).collect();
    let mut groups = BTreeSet::new();
    for (from, all) in reached.iter().filter(|(from, all)| all.contains(*from)) {
        let back = |to: &&String| reached.get(*to).is_some_and(|it| it.contains(from));
        groups.insert(all.iter().filter(back).cloned().collect::<Vec<_>>());
    }
    groups.into_iter().collect()
}

/// The cycles of a crate: the parent module, the siblings in alphabetical order, and the uses that
/// make the cycle up.
fn cycles_of(dir: &Path) -> Vec<(String, Vec<String>, Vec<String>)> {
    let mut found = Vec::new();
    for (parent, edges) in edges(&sources_of(dir)) {
        for group in cycles(&edges) {
            let inside = |name: &String| group.contains(name);
            let uses = edges.iter().filter(|(from, _)| inside(from));
            let uses = uses.flat_map(|(_, to)| to.iter().filter(|(to, _)| inside(to)));
            let uses = uses.map(|(_, place)| place.clone()).collect();
            found.push((parent.join("::"), group, uses));
        }
    }
    found
}

/// The folders of the workspace's members that have sources.
fn members() -> Vec<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, list) = manifest.split_once("members = [").unwrap();
    let (list, _) = list.split_once(']').unwrap();
    let names = list.split(',').map(|name| name.trim().trim_matches('"').to_owned());
    names.filter(|name| !name.is_empty() && root().join(name).join("src").is_dir()).collect()
}

#[test]
fn sibling_modules_have_no_dependency_cycles() {
    let mut report = String::new();
    for name in members() {
        for (parent, group, uses) in cycles_of(&root().join(&name).join("src")) {
            report.push_str(&format!("{name} {parent} {group:?}\n    {}\n", uses.join("\n    ")));
        }
    }
    assert!(report.is_empty(), "cycles between modules, with the paths that cause them:\n{report}");
}

#[test]
fn paths_are_found_in_uses_and_expressions() {
    let mut sources = Sources::default();
    for (module, text) in [
        ("", "pub mod a; pub mod b; mod c;"),
        ("a", "pub use inner::Thing; mod inner; // crate::c::Never"),
        (
            "a::inner",
            "pub struct Thing; fn f<'a>(x: &'a str) -> crate::b::Other { '\"'; \"crate::c::No\" }",
        ),
        ("b", "use super::{a::{self, Thing as T}, c}; #[cfg(test)] mod t { use crate::c::Never; }"),
        ("c", "fn f() { self::g(r#\"crate::a::No\"#); }"),
    ] {
        let module = module.split("::").filter(|it| !it.is_empty()).map(str::to_owned).collect();
        sort(&tokens(text), &module, &mut sources);
    }
    let edges = edges(&sources);
    let of = |name: &str| edges[&Vec::new()].get(name).map(|to| to.keys().cloned().collect());
    assert_eq!(of("a"), Some(vec!["b".to_owned()]));
    assert_eq!(of("b"), Some(vec!["a".to_owned(), "c".to_owned()]));
    assert_eq!(of("c"), None::<Vec<String>>);
    assert_eq!(cycles(&edges[&Vec::new()]), [["a", "b"]]);
}
