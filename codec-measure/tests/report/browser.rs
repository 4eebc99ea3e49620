//! Reports in a browser: no console messages, and working controls. The screenshots stay in
//! `target/browser`.

use std::path::{Path, PathBuf};
use std::process::Command;

use codec_measure::{report, results::Results};

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
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/browser");
    if let Some(missing) = missing(&scripts) {
        // In CI with test data, a skipped test is a failure.
        assert!(
            std::env::var_os("CODEC_COUNTERPARTS").is_none(),
            "{missing} is missing: see .ci/run"
        );
        eprintln!("skipped: {missing} is missing");
        return;
    }
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

fn missing(scripts: &Path) -> Option<&'static str> {
    let runs = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !runs("node") {
        return Some("node");
    }
    if !Path::new("/usr/bin/chromium").exists() {
        return Some("chromium");
    }
    let package = scripts.join("node_modules/playwright-core");
    (!package.is_dir()).then_some("playwright-core (npm ci in tests/browser)")
}

/// In addition to cargo's output.
fn shots() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("browser")
}
