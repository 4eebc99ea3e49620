//! The recipe for chunks on a Ray cluster.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::chunks::clip;
use super::{Place, depth};

fn of_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The program that runs Python with Ray.
fn python(place: &Place) -> Option<Command> {
    let python = std::env::var("CODEC_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import ray"]).output();
    if !found.is_ok_and(|run| run.status.success()) {
        assert!(std::env::var_os("CODEC_COUNTERPARTS").is_none(), "no Ray: see .ci/run");
        eprintln!("skipped, no Ray (pip install ray, its Python in CODEC_PYTHON): chunks on Ray");
        return None;
    }
    let mut command = Command::new(python);
    command
        .current_dir(place.path("."))
        .env("HOME", place.path("."))
        .env("RAY_USAGE_STATS_ENABLED", "0")
        .env("RAY_AUTH_MODE", "disabled");
    Some(command)
}

#[test]
fn a_ray_cluster_that_loses_a_node_gives_the_same_file() {
    if depth::skips_long() {
        return;
    }
    let place = clip();
    let Some(mut two_nodes) = python(&place) else { return };
    let Some(mut alone) = python(&place) else { return };
    let options = ["-c", "vp8", "-q", "50", "--speed", "8"];
    place.ok(&[&["transcode", "video.mkv", "-o", "one.webm", "--chunked"], &options[..]].concat());
    place.ok(&[&["chunks", "plan", "video.mkv", "-o", "plan.json"], &options[..]].concat());

    let recipe = of_repository("docs/recipes/chunks_ray.py");
    two_nodes.arg(of_repository("tests/ray/two_nodes.py")).arg(&recipe);
    let run = two_nodes.args([env!("CARGO_BIN_EXE_codec"), "plan.json"]).output().unwrap();
    let text = String::from_utf8_lossy(&run.stdout);
    let (end, errors) = (run.status, String::from_utf8_lossy(&run.stderr));
    assert!(end.success(), "{end}: {text}\n{errors}");
    let found = text.lines().find(|line| line.starts_with("{\"errors\"")).unwrap();
    let found: Value = serde_json::from_str(found).unwrap();
    assert_eq!(found["errors"], Value::Object(serde_json::Map::default()), "{found}");
    // Each chunk once, and that of the lost node again.
    assert_eq!((found["killed"].as_u64(), found["starts"].as_u64()), (Some(1), Some(4)), "{found}");
    place.ok(&["chunks", "join", "plan.json", "-o", "two.webm"]);
    assert!(place.read("two.webm") == place.read("one.webm"));

    // Chunks that cannot be encoded are listed, and the others have results.
    fs::rename(place.path("video.mkv"), place.path("moved.mkv")).unwrap();
    fs::remove_dir_all(place.path("plan.chunks")).unwrap();
    alone.arg(&recipe).args(["plan.json", "-o", "failed.webm"]);
    let run = alone.args(["--codec", env!("CARGO_BIN_EXE_codec")]).output().unwrap();
    let errors = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(1), "{errors}");
    assert!(errors.contains("chunk 2: codec: error: cannot open video.mkv"), "{errors}");
    assert!(!place.has("failed.webm"));
}
