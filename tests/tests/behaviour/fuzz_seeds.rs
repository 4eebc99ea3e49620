//! The seeds of the fuzz targets exist, are small, and match the output of `fuzz_seeds`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use codec_tests::fuzz_seeds::{MAX_BYTES, Seed, drawn, fixed};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn file((target, name, _): &Seed) -> PathBuf {
    fuzz().join("seeds").join(target).join(name)
}

fn write(seed: &Seed) {
    let file = file(seed);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, &seed.2).unwrap();
}

#[test]
fn every_target_has_generated_seeds() {
    let is_asked = std::env::var_os("CODEC_WRITE_SEEDS").is_some();
    let (fixed, drawn) = (fixed(), drawn());
    if is_asked {
        fixed.iter().for_each(write);
        drawn.iter().filter(|seed| !file(seed).exists()).for_each(write);
    }
    for seed in &fixed {
        assert!(fs::read(file(seed)).unwrap() == seed.2, "{}: CODEC_WRITE_SEEDS=1", seed.0);
    }
    let all: Vec<&Seed> = fixed.iter().chain(&drawn).collect();
    for seed in &all {
        let len = fs::read(file(seed)).unwrap().len();
        assert!(len > 0 && len <= MAX_BYTES, "{}", seed.0);
    }
    let seeded: BTreeSet<String> = all.iter().map(|seed| seed.0.to_owned()).collect();
    let targets = fs::read_dir(fuzz().join("fuzz_targets")).unwrap().map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".rs").unwrap().to_owned()
    });
    assert_eq!(targets.collect::<BTreeSet<_>>(), seeded);
}
