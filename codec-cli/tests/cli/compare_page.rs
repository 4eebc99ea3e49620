//! The page of a real study in a browser: no console errors, and working controls.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::Place;
use super::browsers::Browser;

#[test]
fn the_report_of_a_study_works_in_a_browser() {
    let Some(folder) = Browser::Chromium.scripts("the report") else { return };
    let place = Place::with_clip("texture-pan", "96x80", 20);
    place.ok(&["generate", "talking-head", "-o", "head.y4m", "--size", "96x80", "-n", "20"]);
    let study = [
        "compare",
        "clip.y4m",
        "head.y4m",
        "-b",
        "40k,80k,160k",
        "--repeat",
        "1",
        "--pictures",
        "3",
    ];
    let arms = ["--arm", "vp8 --preset rtc", "--arm", "vp8 --preset rtc --speed 2", "-o", "rep"];
    place.ok(&[&study[..], &arms].concat());
    // Screenshots are kept on request.
    let kept = std::env::var_os("CODEC_SCREENSHOTS").map(PathBuf::from);
    let shots = kept.unwrap_or_else(|| place.dir.path().to_owned());
    let mut command = Command::new("node");
    command.arg(folder.join("report.mjs")).arg(place.path("rep/index.html"));
    let output = command.arg(shots.join("compare")).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
}
