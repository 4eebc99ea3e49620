//! `--chunked` and `codec chunks`: chunks on one machine and on several machines.

use std::fs;

use serde_json::Value;

use super::{Place, depth};

/// A clip of 26 seconds with a scene cut after 9 and 18 seconds, and audio.
pub(super) fn clip() -> Place {
    let place = Place::new();
    for (name, scene, frames) in
        [("a", "clapper", "90"), ("b", "talking-head", "90"), ("c", "clapper", "80")]
    {
        let (video, output) = (format!("{name}.y4m"), format!("{name}.webm"));
        let size = ["--size", "64x48", "--fps", "10", "-n", frames];
        place.ok(&[&["generate", scene, "-o", &video], &size[..]].concat());
        place.ok(&["encode", &video, "-o", &output, "-q", "90", "--speed", "9"]);
    }
    place.ok(&["concat", "a.webm", "b.webm", "c.webm", "-o", "video.mkv"]);
    place
}

/// The times of all shown frames, in seconds.
fn times(place: &Place, file: &str) -> Vec<f64> {
    let probe = place.run(&["probe", file, "--packets", "--json"]);
    let probe: Value = serde_json::from_slice(&probe.out).unwrap();
    let base = probe["tracks"][0]["time_base"].as_str().unwrap();
    let (num, den) = base.split_once('/').unwrap();
    let tick_s = num.parse::<f64>().unwrap() / den.parse::<f64>().unwrap();
    let frames = probe["frames"].as_array().unwrap().iter();
    let shown = frames.filter(|frame| frame["track"] == 0 && frame["shown"] == true);
    let mut times: Vec<i64> = shown.map(|frame| frame["pts"].as_i64().unwrap()).collect();
    times.sort_unstable();
    // Containers with other ticks round to milliseconds.
    let seconds = |ticks: i64| (f64::from(i32::try_from(ticks).unwrap()) * tick_s * 1e3).round();
    times.into_iter().map(|ticks| seconds(ticks) / 1e3).collect()
}

fn plan(place: &Place) -> Value {
    serde_json::from_slice(&place.read("plan.json")).unwrap()
}

#[test]
fn the_output_is_the_same_for_any_number_of_threads_and_machines() {
    if depth::skips_long() {
        return;
    }
    let place = clip();
    for (codec, output) in [("vp8", "o.mkv"), ("vp9", "o.webm"), ("h264", "o.mp4")] {
        let options = ["-c", codec, "-q", "50", "--speed", "8"];
        let whole = ["transcode", "video.mkv", "-o", output, "-y", "--chunked"];
        let run = place.ok(&[&whole[..], &options, &["-j", "1"]].concat());
        assert!(run.err.contains("260 frames in 3 chunks"), "{}", run.err);
        let one = place.read(output);
        place.ok(&[&whole[..], &options, &["-j", "2", "--verify"]].concat());
        assert!(place.read(output) == one, "{codec}");

        let format = ["-f", output.split_once('.').unwrap().1];
        let to_plan = ["chunks", "plan", "video.mkv", "-o", "plan.json", "-y"];
        place.ok(&[&to_plan[..], &options, &format].concat());
        let starts: Vec<_> = plan(&place)["chunks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|chunk| chunk["first_frame"].as_u64().unwrap())
            .collect();
        assert_eq!(starts, [0, 90, 180]);
        place.ok(&["chunks", "run", "plan.json", "--index", "2"]);
        let run = place.ok(&["chunks", "run", "plan.json"]);
        assert!(run.err.contains("2 chunks encoded in plan.chunks, 1 existed"), "{}", run.err);
        place.ok(&["chunks", "join", "plan.json", "-o", output, "-y"]);
        assert!(place.read(output) == one, "{codec}");
        place.ok(&["decode", output, "--null"]);

        place.ok(&[&["transcode", "video.mkv", "-o", "w.mkv", "-y"], &options[..]].concat());
        assert_eq!(times(&place, output), times(&place, "w.mkv"), "{codec}");
        fs::remove_dir_all(place.path("plan.chunks")).unwrap();
    }
    let hidden: Vec<_> = place.names().into_iter().filter(|name| name.starts_with('.')).collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}

#[test]
fn parts_and_other_frame_rates_are_divided_too() {
    let place = clip();
    let options = ["-c", "vp8", "--qp", "30", "--speed", "9", "--from", "2", "--fps", "5", "-y"];
    place.ok(&[&["transcode", "video.mkv", "-o", "w.mkv"], &options[..]].concat());
    let to = ["transcode", "video.mkv", "-o", "o.mkv", "--chunked"];
    place.ok(&[&to[..], &options].concat());
    assert_eq!(times(&place, "o.mkv"), times(&place, "w.mkv"));
    assert_eq!(times(&place, "o.mkv").len(), 120);
    // Every frame shows the same picture of the input.
    let metrics = ["metrics", "w.mkv", "o.mkv", "--metrics", "psnr", "--json"];
    let worst = place.json(&metrics)["metrics"]["psnr_y"]["worst"].as_f64().unwrap();
    assert!(worst > 30.0, "{worst}");

    let few = ["transcode", "video.mkv", "-o", "o.mkv", "--chunked", "-n", "25", "-q", "30", "-y"];
    place.ok(&few);
    assert_eq!(times(&place, "o.mkv").len(), 25);
}

#[test]
fn wrong_results_and_plans_are_found() {
    let place = clip();
    let options = ["-c", "vp8", "-q", "40", "--speed", "9"];
    place.ok(&[&["chunks", "plan", "video.mkv", "-o", "plan.json"], &options[..]].concat());
    let join = ["chunks", "join", "plan.json", "-o", "o.webm"];
    place.fails(3, "plan.chunks lacks the results of 3 chunks: 0, 1, 2", &join);
    place.ok(&["chunks", "run", "plan.json", "-j", "2"]);

    // A damaged result is neither joined nor taken for done.
    let key = plan(&place)["chunks"][1]["key"].as_str().unwrap().to_owned();
    let file = format!("plan.chunks/{key}.chunk");
    let whole = place.read(&file);
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(place.path(&file), &damaged).unwrap();
    place.fails(4, "its checksum is wrong", &join);
    assert!(!place.has("o.webm"));
    let run = place.ok(&["chunks", "run", "plan.json", "--index", "1"]);
    assert!(run.err.contains("encoding chunk 1 again"), "{}", run.err);
    assert!(place.read(&file) == whole);
    // A worker that was killed leaves a temporary file; those of other outputs are not touched.
    let leftover = format!("plan.chunks/.codec-{}-abc.part", &key[..50]);
    for name in [&leftover, "plan.chunks/.codec-a.webm-abc.part"] {
        fs::write(place.path(name), "half").unwrap();
    }
    place.ok(&join);
    assert!(!place.has(&leftover) && place.has("plan.chunks/.codec-a.webm-abc.part"));
    place.fails(2, "already exists", &join);
    place.fails(2, "plan has chunks 0 to 2", &["chunks", "run", "plan.json", "--index", "3"]);

    // Another input, other settings, another version.
    fs::remove_dir_all(place.path("plan.chunks")).unwrap();
    let text = String::from_utf8(place.read("plan.json")).unwrap();
    fs::write(place.path("other.json"), text.replace("\"40\"", "\"41\"")).unwrap();
    place.fails(3, "other.json: the plan was edited", &["chunks", "run", "other.json"]);
    fs::write(place.path("other.json"), text.replace("\"version\":\"", "\"version\":\"9")).unwrap();
    place.fails(3, "the plan was made by version 9", &["chunks", "run", "other.json"]);
    place.fails(3, "not a plan of `codec chunks plan`", &["chunks", "run", "a.y4m"]);
    place.ok(&["concat", "b.webm", "a.webm", "c.webm", "-o", "other.mkv"]);
    let other = ["chunks", "run", "plan.json", "--input", "other.mkv"];
    let run = place.fails(3, "the frames differ from those of the plan", &other);
    assert!(run.err.contains("made by another build of version"), "{}", run.err);
    place.ok(&["concat", "a.webm", "b.webm", "-o", "other.mkv", "-y"]);
    place.fails(3, "make a new plan", &other);
    // A copy of the input is the same input.
    fs::copy(place.path("video.mkv"), place.path("copy.mkv")).unwrap();
    place.ok(&["chunks", "run", "plan.json", "--input", "copy.mkv"]);
    place.ok(&[&join[..], &["--input", "copy.mkv", "-y"]].concat());
}

#[test]
fn a_join_rejects_another_input() {
    let place = Place::new();
    for (output, scene) in
        [("a.webm", "clapper"), ("b.webm", "talking-head"), ("c.webm", "clapper")]
    {
        let frames = if output == "c.webm" { "30" } else { "20" };
        let size = ["--size", "64x48", "--fps", "10", "-n", frames];
        place.ok(&[&["generate", scene, "-o", output][..], &size].concat());
    }
    place.ok(&["generate", "tone", "-n", "20", "--fps", "10", "-o", "tone.wav"]);
    let replaced = ["transcode", "a.webm", "--copy", "--audio-from", "tone.wav", "-o", "other.mkv"];
    place.ok(&replaced);
    place.ok(&["transcode", "a.webm", "--copy", "-o", "copy.mkv"]);
    place.ok(&["transcode", "a.webm", "--resize", "32x24", "-o", "small.webm", "-q", "50"]);
    let plan = ["chunks", "plan", "a.webm", "-o", "plan.json", "-q", "40", "--speed", "9"];
    place.ok(&plan);
    place.ok(&["chunks", "run", "plan.json"]);
    let join = |input: &'static str| {
        ["chunks", "join", "plan.json", "-o", "o.webm", "-y", "--input", input]
    };
    for input in ["b.webm", "c.webm"] {
        place.fails(3, "the frames differ from those of the plan", &join(input));
    }
    place.fails(3, "the audio packets differ from those of the plan", &join("other.mkv"));
    place.fails(2, "for another input or with other settings", &join("small.webm"));
    // Chunks that exist do not hide that the settings or the input are others.
    let run = ["chunks", "run", "plan.json", "--input", "small.webm"];
    place.fails(2, "for another input or with other settings", &run);
    assert!(!place.has("o.webm"));
    // The same packets in another container are the same input.
    place.ok(&join("copy.mkv"));
    let joined = place.read("o.webm");
    place.ok(&["chunks", "join", "plan.json", "-o", "o.webm", "-y"]);
    assert!(place.read("o.webm") == joined);
    // Outputs and plans without audio.
    place.ok(&["chunks", "join", "plan.json", "-o", "o.ivf"]);
    place.ok(&[&plan[..], &["-y", "-f", "ivf"]].concat());
    place.ok(&["chunks", "join", "plan.json", "-o", "o.webm", "-y"]);
    assert!(place.read("o.webm") == joined);

    // Frames that are not coded are compared.
    for input in ["a", "b"] {
        place.ok(&["decode", &format!("{input}.webm"), "-o", &format!("{input}.y4m")]);
    }
    place.ok(&["chunks", "plan", "a.y4m", "-o", "plan.json", "-q", "40", "--speed", "9", "-y"]);
    place.ok(&["chunks", "run", "plan.json"]);
    place.fails(3, "the frames differ from those of the plan", &join("b.y4m"));
    place.ok(&join("a.y4m"));
}

#[test]
fn a_plan_has_the_choice_of_the_audio_and_the_times() {
    let place = Place::new();
    let clip = ["generate", "clapper", "-o", "a.webm", "--size", "64x48", "--fps", "10"];
    place.ok(&[&clip[..], &["-n", "20"]].concat());
    let options = ["-q", "40", "--speed", "9", "--audio", "none"];
    place.ok(&[&["transcode", "a.webm", "-o", "o.webm", "--chunked"], &options[..]].concat());
    place.ok(&[&["chunks", "plan", "a.webm", "-o", "plan.json"], &options[..]].concat());
    place.ok(&["chunks", "run", "plan.json"]);
    place.ok(&["chunks", "join", "plan.json", "-o", "p.webm"]);
    assert!(place.read("p.webm") == place.read("o.webm"));
    let probe = place.json(&["probe", "p.webm", "--json"]);
    assert_eq!(probe["tracks"].as_array().unwrap().len(), 1);

    // Results with other times have other names.
    let key = |more: &[&str]| {
        let cut = ["chunks", "plan", "a.webm", "-o", "plan.json", "-y", "-q", "40", "--from", "1"];
        place.ok(&[&cut[..], more].concat());
        plan(&place)["chunks"][0]["key"].as_str().unwrap().to_owned()
    };
    assert_ne!(key(&[]), key(&["--keep-times"]));
}

#[test]
fn chunks_reach_a_target_together() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    let clip = ["generate", "texture-pan", "-o", "v.y4m", "--size", "64x48", "--fps", "10"];
    place.ok(&[&clip[..], &["-n", "260"]].concat());
    let options = ["-c", "vp8", "--target", "psnr=36", "--speed", "9"];
    let chunked = ["transcode", "v.y4m", "-o", "o.mkv", "--chunked"];
    let run = place.ok(&[&chunked[..], &options, &["--progress", "json"]].concat());
    let summary: Value = serde_json::from_str(run.err.lines().last().unwrap()).unwrap();
    let reached = summary["reached"].as_f64().unwrap();
    assert!((reached - 36.0).abs() <= 0.1 && summary["target_met"] == true, "{summary}");
    place.ok(&["transcode", "o.mkv", "-o", "o.y4m"]);
    let metrics = ["metrics", "v.y4m", "o.y4m", "--metrics", "psnr", "--json"];
    let mean = place.json(&metrics)["metrics"]["psnr_y"]["mean"].as_f64().unwrap();
    assert!((reached - mean).abs() < 0.01, "{reached}, {mean}");

    // The quality of the plan is that of the search.
    place.ok(&[&["chunks", "plan", "v.y4m", "-o", "plan.json"], &options[..]].concat());
    assert!(plan(&place)["quality_q8"].as_u64().is_some_and(|found| found <= 100 << 8));
    place.ok(&["chunks", "run", "plan.json"]);
    let key = plan(&place)["chunks"][1]["key"].as_str().unwrap().to_owned();
    let values = format!("plan.chunks/{key}.psnr");
    let measured = place.read(&values);
    fs::write(place.path(&values), "none").unwrap();
    let run = place.ok(&["chunks", "run", "plan.json", "--index", "1"]);
    assert!(
        run.err.contains("1 chunk encoded in plan.chunks") && place.read(&values) == measured,
        "{}",
        run.err
    );
    let join = ["chunks", "join", "plan.json", "-o", "p.mkv"];
    let run = place.ok(&join);
    assert!(run.err.contains("target psnr 36: reached psnr 3"), "{}", run.err);
    // A miss names the target with which to plan again.
    let keys = plan(&place)["chunks"].as_array().unwrap().clone();
    for key in keys.iter().map(|chunk| chunk["key"].as_str().unwrap()) {
        fs::write(place.path(&format!("plan.chunks/{key}.psnr")), "35.5\n").unwrap();
    }
    let run =
        place.fails(7, "below the target psnr 36: the plan found", &[&join[..], &["-y"]].concat());
    let help = "help: plan again with --target psnr=36.50, or use --chunked";
    assert!(run.err.contains(help), "{}", run.err);
    assert!(place.has("p.mkv"));
    fs::remove_file(place.path(&values)).unwrap();
    let run = place.ok(&[&join[..], &["-y"]].concat());
    assert!(run.err.contains("the quality of 1 chunk is not known"), "{}", run.err);

    let high = ["-c", "vp8", "--target", "psnr=89", "--speed", "9", "-n", "20", "-y"];
    let run = place.run(&[&chunked[..], &high].concat());
    assert_eq!(run.code, 7, "{}", run.err);
    assert!(run.err.contains("cannot reach psnr 89"), "{}", run.err);
    assert_eq!(times(&place, "o.mkv").len(), 20);
}

#[test]
fn shots_have_their_own_qualities_and_reach_the_target_together() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    let scenes = ["texture-pan", "talking-head", "scrolling-text"];
    for scene in scenes {
        let (video, output) = (format!("{scene}.y4m"), format!("{scene}.webm"));
        let size = ["--size", "64x48", "--fps", "10", "-n", "40"];
        place.ok(&[&["generate", scene, "-o", &video], &size[..]].concat());
        place.ok(&["encode", &video, "-o", &output, "-q", "95", "--speed", "9"]);
    }
    let parts = scenes.map(|scene| format!("{scene}.webm"));
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    place.ok(&[&["concat"][..], &parts, &["-o", "video.mkv"]].concat());
    let metrics = |file: &str| {
        place.ok(&["transcode", file, "-o", "o.y4m", "-y"]);
        let metrics = ["metrics", "video.mkv", "o.y4m", "--metrics", "psnr", "--json"];
        place.json(&metrics)["metrics"]["psnr_y"]["mean"].as_f64().unwrap()
    };
    let bytes = |run: &super::Run| {
        let summary: Value = serde_json::from_str(run.err.lines().last().unwrap()).unwrap();
        summary["bytes"].as_u64().unwrap()
    };
    let options = ["-c", "vp8", "--target", "psnr=36", "--speed", "9", "--progress", "json"];
    let chunked = [&["transcode", "video.mkv", "-y", "--chunked"][..], &options].concat();
    let plain = place.ok(&[&chunked[..], &["-o", "plain.mkv"]].concat());
    let per_shot = [&chunked[..], &["--per-shot"]].concat();
    let run = place.ok(&[&per_shot[..], &["-o", "shots.mkv", "-j", "2"]].concat());
    assert!(run.err.contains("120 frames in 3 shots"), "{}", run.err);
    assert!(run.err.contains("3 shots: qualities "), "{}", run.err);
    // Not worse, and not larger except for what the mean is above that of the other.
    let (mean, other) = (metrics("shots.mkv"), metrics("plain.mkv"));
    assert!((35.99..36.5).contains(&mean), "{mean}");
    let (small, large) = (bytes(&run), bytes(&plain));
    assert!(small <= large || mean > other, "{small} bytes, {mean}; {large} bytes, {other}");
    // The same for any number of threads.
    place.ok(&[&per_shot[..], &["-o", "one.mkv", "-j", "1"]].concat());
    assert!(place.read("one.mkv") == place.read("shots.mkv"));
    assert_eq!(times(&place, "shots.mkv").len(), 120);

    let alone = ["transcode", "video.mkv", "-o", "x.mkv", "--per-shot"];
    place.fails(2, "--chunked", &alone);
    place.fails(2, "--target", &[&alone[..], &["--chunked"]].concat());
    place.fails(2, "--chunked", &[&alone[..], &["--target", "psnr=38"]].concat());
}

#[test]
fn settings_that_chunks_cannot_have_are_refused() {
    let place = Place::with_clip("clapper", "64x48", 4);
    let chunked = ["encode", "clip.y4m", "-o", "a.webm", "--chunked"];
    for more in [
        &["-b", "300k"][..],
        &["--preset", "rtc", "-q", "50"],
        &["--size", "8k"],
        &["--skip", "1"],
        &["--report", "a.csv"],
        &["--metrics", "psnr"],
        &["--passes", "1"],
    ] {
        place.fails(2, "chunks", &[&chunked[..], more].concat());
    }
    // The help of `chunks plan` lists only options that it accepts.
    let help = place.ok(&["chunks", "plan", "--help"]).out;
    let help = String::from_utf8(help).unwrap();
    let options = || help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let listed = |flag: &str| options().any(|line| line.split([' ', ',']).any(|it| it == flag));
    let plan = ["chunks", "plan", "clip.y4m", "-o", "p.json", "-c", "vp9"];
    for more in [
        &["--bitrate", "300k"][..],
        &["--preset", "rtc"],
        &["--size", "8k"],
        &["--skip", "1"],
        &["--report", "a.csv"],
        &["--metrics", "psnr"],
        &["--passes", "1"],
        &["--copy"],
        &["--lossless"],
        &["--fragmented"],
        &["--chunked"],
        &["--no-video"],
        &["--for", "web"],
        &["--drop"],
        &["--max-frame-time", "8ms"],
        &["--out-dir", "d"],
        &["--rate-trace", "a.csv"],
    ] {
        assert_eq!(place.run(&[&plan[..], more].concat()).code, 2, "{more:?}");
        assert!(!listed(more[0]), "{more:?}: {help}");
    }
    assert!(listed("--target") && listed("--quality") && listed("--qp"), "{help}");
    place.fails(
        2,
        "with spatial layers cannot be used",
        &[&plan[..], &["--layers", "L2T1"]].concat(),
    );
    assert!(!place.has("p.json"));
    let pipe = ["encode", "-", "-o", "a.webm", "--chunked"];
    place.fails(2, "chunks require a file as input", &pipe);
    let missing = ["encode", "none.y4m", "-o", "a.webm", "--chunked"];
    place.fails(3, "cannot open none.y4m", &missing);
    let raw = ["transcode", "clip.y4m", "-o", "a.yuv", "--chunked"];
    place.fails(2, "--chunked cannot be used with", &raw);
    let copy = ["transcode", "clip.y4m", "-o", "a.webm", "--chunked", "--copy"];
    place.fails(2, "--chunked cannot be used with --copy", &copy);
    let two = ["chunks", "plan", "clip.y4m", "-o", "p.json", "--copy"];
    place.fails(2, "--copy cannot be used with chunks", &two);
    // An image sequence is read several times, too.
    place.ok(&["decode", "clip.y4m", "-o", "f-%d.png"]);
    place.ok(&["encode", "f-%d.png", "-o", "i.webm", "--chunked", "-q", "50", "--fps", "1"]);
    assert_eq!(times(&place, "i.webm"), [0.0, 1.0, 2.0, 3.0]);
    // A short clip is one chunk, with a default quality.
    let run = place.ok(&chunked);
    assert!(run.err.contains("using quality 60 of 100"), "{}", run.err);
    assert!(run.err.contains("4 frames in 1 chunk"), "{}", run.err);
    assert_eq!(times(&place, "a.webm").len(), 4);
}

#[test]
fn frames_before_damage_are_encoded() {
    let place = clip();
    let whole = place.read("b.webm");
    fs::write(place.path("cut.webm"), &whole[..whole.len() / 2]).unwrap();
    let run = place.run(&["transcode", "cut.webm", "-o", "o.webm", "--chunked", "-q", "40"]);
    assert_eq!(run.code, 4, "{}", run.err);
    assert!(run.err.contains("the incomplete result is in o.webm.codec.part"), "{}", run.err);
    assert!(times(&place, "o.webm.codec.part").len() > 10, "{}", run.err);
}

#[test]
fn the_audio_of_another_file_ends_with_the_chunks() {
    let place = clip();
    place.ok(&["generate", "tone", "-n", "900", "-o", "tone.wav"]);
    let options = ["-q", "30", "--speed", "9", "--audio-from", "tone.wav", "--chunked"];
    let run = place.ok(&[&["transcode", "video.mkv", "-o", "o.mkv"], &options[..]].concat());
    assert!(run.err.contains("is cut at 26.000 s"), "{}", run.err);
    let probe = place.json(&["probe", "o.mkv", "--json"]);
    let duration = probe["tracks"][1]["duration_s"].as_f64().unwrap();
    assert!((duration - 26.0).abs() < 0.05, "{duration}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_no_temporary_files() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    let (frames, bytes) = (2000, 640 * 480 * 3 / 2);
    fs::File::create(place.path("a.yuv")).unwrap().set_len(frames * bytes).unwrap();
    let encode = ["encode", "a.yuv", "--raw", "640x480@30", "-o", "a.webm", "--chunked"];
    let rest = super::interrupts::interrupted(&place, &encode, "\"progress\"");
    assert!(rest.iter().any(|line| line.contains("nothing was written")), "{rest:?}");
    assert_eq!(place.names(), ["a.yuv"]);
    // A chunk that is interrupted is not kept, and the message says so.
    let raw = ["a.yuv", "--raw", "1920x1080@12", "-n", "290", "-q", "60", "--speed", "0"];
    place.ok(&[&["chunks", "plan", "-o", "plan.json"], &raw[..]].concat());
    let run = ["chunks", "run", "plan.json", "--index", "0"];
    let rest = super::interrupts::interrupted(&place, &run, "\"progress\"");
    let kept =
        "interrupted: 0 of 3 chunks are complete in plan.chunks\\nhelp: run the same command again";
    assert!(rest.iter().any(|line| line.contains(kept)), "{rest:?}");
}
