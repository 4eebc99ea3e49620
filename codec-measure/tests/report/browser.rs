//! Reports in a browser: no console messages, and working controls. The screenshots stay in
//! `target/browser`.

use std::path::{Path, PathBuf};
use std::process::Command;

use codec_measure::{report, results::Results};

use crate::browsers::Browser;
use crate::sample;

#[test]
fn a_report_works_in_a_browser() {
    check("ordinary", &sample::results());
}

#[test]
fn names_that_are_markup_stay_names_in_a_browser() {
    check("hostile", &sample::hostile());
}

fn check(name: &str, results: &Results) {
    let Some(scripts) = Browser::Chromium.scripts(name) else { return };
    let folder = shots();
    std::fs::create_dir_all(&folder).unwrap();
    let page = folder.join(format!("{name}.html"));
    std::fs::write(&page, report::html(results, &sample::extras(results))).unwrap();
    let run = Command::new("node")
        .arg(scripts.join("report.mjs"))
        .arg(&page)
        .arg(folder.join(name))
        .output()
        .unwrap();
    assert!(run.status.success(), "{name}: {}", String::from_utf8_lossy(&run.stderr));
    assert!(folder.join(format!("{name}-dark.png")).is_file());
}

/// In addition to cargo's output.
fn shots() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("browser")
}
