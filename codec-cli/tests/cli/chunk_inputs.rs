//! Inputs that are encoded in chunks: compressed inputs are divided by their packets, without decoding,
//! and uncompressed files without reading all frames.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::chunks::clip;
use super::{Place, depth, has_ffmpeg};

const OPTIONS: [&str; 6] = ["-c", "vp8", "-q", "40", "--speed", "9"];

impl Place {
    /// Makes `plan.json`.
    fn plan(&self, input: &str) -> Value {
        self.ok(&[&["chunks", "plan", input, "-o", "plan.json", "-y"][..], &OPTIONS].concat());
        serde_json::from_slice(&self.read("plan.json")).unwrap()
    }

    /// Encodes an input with `--chunked` and in steps, and checks that the bytes are equal.
    fn encode_both_ways(&self, input: &str) {
        let whole = ["transcode", input, "-o", "one.mkv", "-y", "--chunked", "-j", "2"];
        self.ok(&[&whole[..], &OPTIONS].concat());
        self.plan(input);
        self.ok(&["chunks", "run", "plan.json", "-j", "1"]);
        self.ok(&["chunks", "join", "plan.json", "-o", "two.mkv", "-y"]);
        assert!(self.read("one.mkv") == self.read("two.mkv"), "{input}");
    }

    /// The worst and the number of PSNR values between two files.
    fn psnr(&self, one: &str, other: &str) -> (f64, u64) {
        let found = self.json(&["metrics", one, other, "--metrics", "psnr", "--json"]);
        let worst = found["metrics"]["psnr_y"]["worst"].as_f64().unwrap();
        (worst, found["frames"].as_u64().unwrap_or(0))
    }

    /// The packets of the first track.
    fn packets(&self, file: &str) -> Vec<Value> {
        let probe = self.json(&["probe", file, "--packets", "--json"]);
        let packets = probe["frames"].as_array().unwrap().iter();
        packets.filter(|packet| packet["track"] == 0).cloned().collect()
    }
}

/// The numbers of the first frames of all chunks.
fn starts(plan: &Value) -> Vec<u64> {
    let chunks = plan["chunks"].as_array().unwrap().iter();
    chunks.map(|chunk| chunk["first_frame"].as_u64().unwrap()).collect()
}

#[test]
fn coded_inputs_are_divided_at_key_frames_and_named_by_their_packets() {
    let place = clip();
    let plan = place.plan("video.mkv");
    assert_eq!((&plan["naming"], starts(&plan)), (&"packets".into(), vec![0, 90, 180]));
    // One byte of a packet in the second chunk has changed.
    let mut bytes = place.read("video.mkv");
    let packet = &place.packets("video.mkv")[130];
    let end = packet["offset"].as_u64().unwrap() + packet["bytes"].as_u64().unwrap();
    bytes[usize::try_from(end).unwrap() - 1] ^= 1;
    fs::write(place.path("video.mkv"), bytes).unwrap();
    let run = |index: &'static str| ["chunks", "run", "plan.json", "--index", index];
    let message = "video.mkv: chunk 1: the frames differ from those of the plan";
    place.fails(3, message, &run("1"));
    place.ok(&run("0"));
    place.ok(&run("2"));
    // Also if the change is noticed only by the join.
    let copy = place.read("plan.json");
    let keys = plan["chunks"].as_array().unwrap().iter();
    let keys: Vec<_> = keys.map(|chunk| chunk["key"].as_str().unwrap().to_owned()).collect();
    let changed = place.plan("video.mkv");
    assert!(changed["chunks"][0]["key"] == *keys[0] && changed["chunks"][1]["key"] != *keys[1]);
    place.ok(&["chunks", "run", "plan.json"]);
    place.ok(&["chunks", "join", "plan.json", "-o", "o.mkv"]);
    fs::write(place.path("video.mkv"), place.read("a.webm")).unwrap();
    let join = ["chunks", "join", "plan.json", "-o", "o.mkv", "-y"];
    place.fails(3, "the frames differ from those of the plan", &join);
    assert!(place.read("plan.json") != copy);
}

#[test]
fn frames_out_of_order_are_divided_without_loss() {
    if depth::skips_long() {
        return;
    }
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    let source = "testsrc2=size=64x48:rate=10:duration=27";
    for (output, gop) in [("open.mp4", "open-gop=1:keyint=45"), ("long.mkv", "keyint=400")] {
        let x264 = format!("{gop}:bframes=3:scenecut=0");
        let encode = ["-f", "lavfi", "-i", source, "-c:v", "libx264", "-x264-params", &x264];
        place.ffmpeg(&[&encode[..], &["-pix_fmt", "yuv420p", output]].concat());
        place.encode_both_ways(output);
        let plan = place.plan(output);
        assert!((3..=4).contains(&starts(&plan).len()), "{plan}");
        let plain = ["transcode", output, "-o", "plain.mkv", "-y"];
        place.ok(&[&plain[..], &OPTIONS].concat());
        // The same frames at the same times.
        assert!(place.psnr("plain.mkv", "one.mkv").0 > 25.0, "{output}");
        let shown = |file: &str| {
            let packets = place.packets(file).into_iter();
            packets.filter(|packet| packet["shown"] == true).count()
        };
        assert_eq!((shown("one.mkv"), shown("plain.mkv")), (270, 270), "{output}");
        // A limit of the frames, within the last chunk.
        let few = ["transcode", output, "-o", "few.mkv", "-y", "--chunked", "-n", "233"];
        place.ok(&[&few[..], &OPTIONS].concat());
        assert_eq!(shown("few.mkv"), 233, "{output}");
    }
}

#[test]
fn a_packet_that_cannot_be_decoded_ends_the_output() {
    let place = clip();
    place.ok(&["transcode", "video.mkv", "--copy", "--audio", "none", "-o", "whole.ivf"]);
    // The packets have no size of a partition that they could hold.
    let damaged = |number: usize, name: &str| {
        let mut bytes = place.read("whole.ivf");
        let at = place.packets("whole.ivf")[number]["offset"].as_u64().unwrap();
        let at = usize::try_from(at).unwrap();
        bytes[at] |= 0xE0;
        bytes[at + 1..at + 3].fill(0xFF);
        fs::write(place.path(name), bytes).unwrap();
    };
    let numbers: Vec<usize> = (place.packets("whole.ivf").iter().enumerate())
        .filter(|(_, packet)| packet["key"] == true)
        .map(|(number, _)| number)
        .collect();
    // In the middle of a chunk, and where one begins.
    for (number, chunks) in [(numbers[1] + 20, 2), (numbers[1], 1)] {
        damaged(number, "bad.ivf");
        let plain = ["transcode", "bad.ivf", "-o", "plain.mkv", "-y"];
        assert_eq!(place.run(&[&plain[..], &OPTIONS].concat()).code, 4);
        let chunked = ["transcode", "bad.ivf", "-o", "one.mkv", "-y", "--chunked"];
        let run = place.run(&[&chunked[..], &OPTIONS].concat());
        assert_eq!(run.code, 4, "{}", run.err);
        assert!(run.err.contains("chunk 1 ends before the damage: bad.ivf: packet"), "{}", run.err);
        place.plan("bad.ivf");
        place.ok(&["chunks", "run", "plan.json"]);
        let run = place.ok(&["chunks", "run", "plan.json"]);
        assert!(run.err.contains("0 chunks encoded"), "{}", run.err);
        let join = ["chunks", "join", "plan.json", "-o", "two.mkv", "-y"];
        place.fails(4, "bad.ivf: packet", &join);
        let part = |name: &str| place.read(&format!("{name}.codec.part"));
        assert!(part("one.mkv") == part("two.mkv"));
        let count = |name: &str| {
            let packets = place.packets(&format!("{name}.codec.part")).into_iter();
            packets.filter(|packet| packet["shown"] == true).count()
        };
        assert_eq!(count("one.mkv"), count("plain.mkv"), "{chunks}");
        let results = fs::read_dir(place.path("plan.chunks")).unwrap().flatten();
        let names = results.map(|entry| entry.file_name().into_string().unwrap());
        let stored = names.filter(|name| name.ends_with(".chunk")).count();
        assert_eq!(stored, chunks + 1);
        fs::remove_dir_all(place.path("plan.chunks")).unwrap();
    }
}

#[test]
fn a_change_of_the_frame_size_is_found_by_the_chunk() {
    let place = Place::new();
    for (name, size) in [("a", "64x48"), ("b", "48x64")] {
        let clip = ["generate", "clapper", "-o", &format!("{name}.y4m"), "--size", size];
        place.ok(&[&clip[..], &["--fps", "10", "-n", "100"]].concat());
        let encode = ["encode", &format!("{name}.y4m"), "-o", &format!("{name}.ivf")];
        place.ok(&[&encode[..], &OPTIONS].concat());
    }
    let mut both = place.read("a.ivf");
    let (second, mut at, mut pts) = (place.read("b.ivf"), 32, 100_u64);
    while at < second.len() {
        let length = u32::from_le_bytes(second[at..at + 4].try_into().unwrap()) as usize;
        both.extend_from_slice(&second[at..at + 4]);
        both.extend_from_slice(&pts.to_le_bytes());
        both.extend_from_slice(&second[at + 12..at + 12 + length]);
        (at, pts) = (at + 12 + length, pts + 1);
    }
    fs::write(place.path("both.ivf"), both).unwrap();
    let chunked = ["transcode", "both.ivf", "-o", "o.mkv", "--chunked"];
    let message = "both.ivf: chunk 1: the frame size changes from 64x48 to 48x64";
    place.fails(3, message, &[&chunked[..], &OPTIONS].concat());
}

/// A clip of samples with scene cuts after 9 and 18 seconds.
fn samples(place: &Place) {
    let mut whole = Vec::new();
    for (scene, frames) in [("clapper", "90"), ("talking-head", "90"), ("texture-pan", "80")] {
        let size = ["--size", "64x48", "--fps", "10", "-n", frames, "-y"];
        place.ok(&[&["generate", scene, "-o", "part.y4m"][..], &size].concat());
        let part = place.read("part.y4m");
        let header = part.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        whole.extend_from_slice(&part[if whole.is_empty() { 0 } else { header }..]);
    }
    fs::write(place.path("clip.y4m"), whole).unwrap();
}

#[test]
fn files_of_samples_are_divided_at_scene_cuts() {
    let place = Place::new();
    samples(&place);
    let plan = place.plan("clip.y4m");
    assert_eq!((&plan["naming"], starts(&plan)), (&"file".into(), vec![0, 90, 180]));
    place.encode_both_ways("clip.y4m");
    let plain = ["transcode", "clip.y4m", "-o", "plain.mkv", "-y"];
    place.ok(&[&plain[..], &OPTIONS].concat());
    assert!(place.psnr("plain.mkv", "one.mkv").0 > 25.0);
    // Headerless samples, and a limit.
    place.ok(&["decode", "clip.y4m", "-o", "clip.yuv"]);
    let raw = ["transcode", "clip.yuv", "--raw", "64x48@10", "-o", "raw.mkv", "--chunked"];
    let run = place.ok(&[&raw[..], &OPTIONS, &["-n", "200"]].concat());
    assert!(run.err.contains("200 frames in 2 chunks"), "{}", run.err);
    // Frames with parameters have records of different lengths, and are all read.
    let bytes = place.read("clip.y4m");
    let header = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    let mut longer = bytes[..header].to_vec();
    longer.extend_from_slice(b"FRAME Xa\n");
    longer.extend_from_slice(&bytes[header + 6..]);
    fs::write(place.path("clip.y4m"), longer).unwrap();
    let plan = place.plan("clip.y4m");
    assert_eq!((&plan["naming"], starts(&plan)), (&"frames".into(), vec![0, 90, 180]));
}

#[test]
fn files_of_samples_that_change_are_noticed() {
    let place = Place::new();
    samples(&place);
    place.plan("clip.y4m");
    let run = |index: &'static str| ["chunks", "run", "plan.json", "--index", index];
    let whole = place.read("clip.y4m");
    let mut changed = whole.clone();
    let at = whole.len() / 2;
    changed[at] ^= 1;
    fs::write(place.path("clip.y4m"), &changed).unwrap();
    place.fails(3, "clip.y4m: chunk 1: the frames differ from those of the plan", &run("1"));
    // The frames of the others are the same, but the file was modified.
    let message = "clip.y4m is a copy of the planned file, or was modified after planning";
    assert!(place.ok(&run("0")).err.contains(message));
    place.ok(&run("2"));
    fs::write(place.path("clip.y4m"), &whole).unwrap();
    let run = place.ok(&["chunks", "run", "plan.json", "-j", "1"]);
    assert!(run.err.contains(message), "{}", run.err);
    place.ok(&["chunks", "join", "plan.json", "-o", "o.mkv"]);
    fs::write(place.path("clip.y4m"), &changed).unwrap();
    let join = ["chunks", "join", "plan.json", "-o", "o.mkv", "-y"];
    place.fails(3, "the frames differ from those of the plan", &join);
    // A plan of the changed file has other names, and a file without changes is not reported.
    place.plan("clip.y4m");
    let run = place.ok(&["chunks", "run", "plan.json", "-j", "1"]);
    assert!(run.err.contains("3 chunks encoded") && !run.err.contains("modified"), "{}", run.err);
    // The time of the file alone makes other names: samples do not have every change.
    let file = fs::File::options().write(true).open(place.path("clip.y4m")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
    place.plan("clip.y4m");
    let run = place.ok(&["chunks", "run", "plan.json", "-j", "1"]);
    assert!(run.err.contains("3 chunks encoded"), "{}", run.err);
    // A file of another size is another one.
    fs::write(place.path("clip.y4m"), &whole[..whole.len() - 4614]).unwrap();
    place.fails(
        3,
        "clip.y4m: chunk 0: the frames differ",
        &["chunks", "run", "plan.json", "--folder", "x", "--index", "0"],
    );
}
