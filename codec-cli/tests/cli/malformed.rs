//! Damaged files: an error with the position, or a concealed result; never a panic or a hang.

use std::fs;
use std::time::{Duration, Instant};

use super::{Place, damaged_files, depth};

/// Far above the time that any file needs, so that a busy machine does not fail the test.
const LONGEST: Duration = Duration::from_secs(60);

#[test]
fn damaged_files_end_in_a_documented_way() {
    if depth::skips_long() {
        return;
    }
    let Some(files) = damaged_files() else { return };
    let place = Place::new();
    for file in &files {
        for extra in [&[][..], &["--conceal"]] {
            let begun = Instant::now();
            // `Run` itself rejects panics and internal errors.
            let run = place.run(&[&["decode", file, "--md5"][..], extra].concat());
            assert!([0, 3, 4].contains(&run.code), "{file}: code {}: {}", run.code, run.err);
            assert!(run.code == 0 || run.err.contains(file), "{file}: no name in: {}", run.err);
            assert!(begun.elapsed() < LONGEST, "{file} takes {:?}", begun.elapsed());
        }
        let run = place.run(&["probe", file, "--json", "--frames"]);
        assert!([0, 3, 4].contains(&run.code), "{file}: code {}: {}", run.code, run.err);
    }
}

#[test]
fn concealment_continues_where_plain_decoding_stops() {
    let place = Place::with_clip("texture-pan", "96x64", 12);
    place.ok(&["encode", "clip.y4m", "-o", "a.ivf", "--preset", "rtc", "-b", "200k"]);
    let mut coded = place.read("a.ivf");
    // Damage the middle of the fourth packet.
    let mut at = 32;
    for _ in 0..3 {
        at += 12 + u32::from_le_bytes(coded[at..at + 4].try_into().unwrap()) as usize;
    }
    let len = u32::from_le_bytes(coded[at..at + 4].try_into().unwrap());
    let kept = len / 3;
    coded[at..at + 4].copy_from_slice(&kept.to_le_bytes());
    let (from, to) = (at + 12 + kept as usize, at + 12 + len as usize);
    coded.drain(from..to);
    fs::write(place.path("damaged.ivf"), coded).unwrap();
    place.fails(4, "packet 3 at byte", &["decode", "damaged.ivf", "-o", "a.yuv"]);
    let kept = place.read("a.yuv.codec.part");
    assert_eq!(kept.len(), 3 * 96 * 64 * 3 / 2, "frames before the damage are kept");
    let run = place.ok(&["decode", "damaged.ivf", "-o", "b.yuv", "--conceal"]);
    assert_eq!(place.read("b.yuv").len(), 12 * 96 * 64 * 3 / 2);
    assert!(run.err.contains("% of all macroblocks"), "{}", run.err);
}

#[test]
fn frames_without_their_references_are_reported() {
    let place = Place::with_clip("texture-pan", "96x64", 6);
    place.ok(&["encode", "clip.y4m", "-o", "a.h264", "--preset", "rtc", "-b", "200k"]);
    let coded = place.read("a.h264");
    let starts: Vec<usize> = coded
        .windows(3)
        .enumerate()
        .filter(|(_, code)| *code == [0, 0, 1])
        .map(|at| at.0)
        .collect();
    let ends = starts[1..].iter().copied().chain([coded.len()]);
    let units = starts.iter().zip(ends).map(|(&from, to)| &coded[from..to]);
    // Without the slices of the IDR picture.
    let kept: Vec<&[u8]> = units.filter(|unit| unit[3] & 31 != 5).collect();
    fs::write(place.path("lost.h264"), kept.concat()).unwrap();
    place.fails(4, "before the first key frame", &["decode", "lost.h264", "--null"]);
    let run = place.ok(&["decode", "lost.h264", "--null", "--conceal", "--progress", "json"]);
    assert!(run.err.contains("\"replaced_references\":1"), "{}", run.err);
    let run = place.ok(&["decode", "lost.h264", "--null", "--conceal"]);
    assert!(
        run.err.contains("1 frame predicted from substitutes for lost references"),
        "{}",
        run.err
    );
}
