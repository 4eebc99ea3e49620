//! The clips in `samples/`, which the README's first command uses.

use std::fs;
use std::path::Path;

use super::Place;

#[test]
fn samples_match_the_generator_and_the_manifest() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
    let manifest = fs::read_to_string(samples.join("MANIFEST.csv")).unwrap();
    let place = Place::new();
    let mut rows = 0;
    for row in manifest.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        let [file, scene, size, fps, frames, seed, ..] = fields[..] else {
            panic!("manifest row: {row}")
        };
        place.ok(&[
            "generate", scene, "--size", size, "--fps", fps, "-n", frames, "--seed", seed, "-o",
            file,
        ]);
        let sample = fs::read(samples.join(file)).unwrap();
        assert!(sample.len() <= 2_000_000, "{file} has {} bytes", sample.len());
        assert!(sample == place.read(file), "{file} differs from the generator's output");
        rows += 1;
    }
    assert_eq!(
        rows,
        fs::read_dir(&samples).unwrap().count() - 2,
        "files other than README and manifest"
    );
}
