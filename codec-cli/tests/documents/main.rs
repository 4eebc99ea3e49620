//! Runs the commands that the documents show, in a temporary folder with small clips: every line of every code block of
//! the README and, with `CODEC_TESTS=all`, of the reference and the guides. The test fails if one of these commands fails.
//!
//! `<!-- not run: REASON -->` above a block exempts it; the number of exempt blocks may only fall.

#![cfg(all(unix, feature = "serve", feature = "ssimulacra2"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests: a panic is the report"
)]

mod blocks;
mod cargo;
#[path = "../../../tests/src/depth.rs"]
#[expect(unreachable_pub, dead_code, reason = "shared with the tests of other crates")]
mod depth;
mod flags;
mod run;

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use blocks::Block;

/// At most this many blocks are exempt. Lower it when one is run.
const MAX_NOT_RUN: usize = 2;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The documents whose commands are run, relative to the repository. The architecture and the
/// decision records show no commands.
fn documents() -> Vec<String> {
    let guides = fs::read_dir(root().join("docs")).unwrap();
    let guides = guides.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut all: Vec<_> = guides
        .filter(|name| name.ends_with(".md"))
        .map(|name| format!("docs/{name}"))
        .chain(["README.md", "CONTRIBUTING.md", "samples/README.md"].map(str::to_owned))
        .collect();
    all.sort();
    all
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// All blocks of commands, and those of them that are exempt.
fn all_blocks() -> (Vec<Block>, Vec<Block>) {
    let all = documents().into_iter().flat_map(|path| blocks::of(&path, &read(&path)));
    all.partition(|block| block.not_run.is_none())
}

#[test]
fn every_command_of_the_documents_succeeds() {
    let (blocks, exempt) = all_blocks();
    for block in &exempt {
        let reason = block.not_run.as_deref().unwrap_or_default();
        eprintln!("not run: {}: {reason}", block.place());
    }
    assert!(exempt.len() <= MAX_NOT_RUN, "{} blocks are exempt", exempt.len());
    let mut runner = run::Runner::new();
    let mut documents: Vec<_> = blocks.chunk_by(|one, next| one.file == next.file).collect();
    // Those of the reference and of the measurements take half a minute.
    documents.retain(|document| document[0].file == "README.md" || depth::is_full());
    documents.sort_by_key(|document| document.len());
    let documents = Mutex::new(documents);
    let run = || {
        let mut done = Vec::new();
        while let Some(document) = { documents.lock().unwrap().pop() } {
            let mut runner = runner.copy();
            document.iter().for_each(|block| runner.run(block));
            done.push(runner);
        }
        done
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let done: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    done.into_iter().for_each(|it| runner.add(it));
    eprintln!("{} commands run", runner.count);
    assert!(runner.failures.is_empty(), "{}", runner.failures.join("\n"));
    if depth::is_full() {
        assert!(runner.count >= 35, "{} commands", runner.count);
        runner.assert_all_reductions_are_used();
    }
}

#[test]
fn every_cargo_command_names_existing_packages_tests_and_features() {
    let (run, exempt) = all_blocks();
    let lines = run
        .iter()
        .chain(&exempt)
        .flat_map(|block| block.lines.iter().map(move |line| (block.place(), line.clone())));
    let mut count = 0;
    let mut wrong = Vec::new();
    for (place, line) in lines.chain(cargo::in_crate_documentation(&root())) {
        if let Some(command) = line.find("cargo ").map(|at| &line[at..]) {
            let command = command.split(" # ").next().unwrap_or(command);
            if let Err(error) = cargo::check(&root(), command) {
                wrong.push(format!("{place}: {command}: {error}"));
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 15, "{count} commands");
}

#[test]
fn every_flag_in_the_documents_exists() {
    let known = flags::of_the_command();
    let mut count = 0;
    let mut unknown = Vec::new();
    for path in ["README.md", "docs/COMMAND.md", "docs/SECURITY.md", "docs/BACKENDS.md"] {
        for (line, flag) in flags::named_in(&read(path)) {
            if !known.contains(&flag) {
                unknown.push(format!("{path}:{line}: no command has the flag {flag}"));
            }
            count += 1;
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
    assert!(count >= 100, "{count} flags");
}
