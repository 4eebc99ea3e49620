//! `encode` and `transcode`.

use std::fs;

use super::{Place, y4m_frames};

#[test]
fn a_clip_is_encoded_verified_measured_and_decoded_back() {
    let place = Place::with_clip("talking-head", "98x54", 12);
    for preset in ["rtc", "file"] {
        let options = ["--preset", preset, "--verify", "--metrics", "psnr,ssim", "-y"];
        let arguments = [&["encode", "clip.y4m", "-o", "clip.webm", "-b", "80k"][..], &options];
        let run = place.ok(&arguments.concat());
        assert!(run.out.is_empty());
        for word in ["80 kb/s", "PSNR", "SSIM", "verified"] {
            assert!(run.err.contains(word), "no {word} in {}", run.err);
        }
        place.ok(&["decode", "clip.webm", "-o", "back.y4m", "-y"]);
        assert_eq!(y4m_frames(&place.read("back.y4m")).len(), 12, "{preset}");
        let metrics = place.json(&["metrics", "clip.y4m", "clip.webm", "--json"]);
        assert_eq!(metrics["frames_compared"], 12);
        assert!(metrics["psnr_y"].as_f64().unwrap() > 28.0, "{preset}: {}", metrics["psnr_y"]);
    }
}

#[test]
fn bytes_do_not_depend_on_threads_or_instruction_set() {
    let place = Place::with_clip("texture-pan", "176x144", 8);
    let encode = ["encode", "clip.y4m", "-f", "ivf", "-b", "200k", "--token-parts", "4", "-o", "-"];
    let expected = place.ok(&[&encode[..], &["-j", "1"]].concat()).out;
    let threaded = place.ok(&[&encode[..], &["-j", "4"]].concat()).out;
    assert!(expected == threaded, "threads change the bytes");
    let scalar = place.command(&encode).env("CODEC_SIMD", "scalar").output().unwrap();
    assert!(scalar.status.success() && scalar.stdout == expected, "the level changes the bytes");
}

#[test]
fn the_default_bitrate_is_used_and_reported() {
    let place = Place::with_clip("static-slide", "64x48", 3);
    let run = place.ok(&["encode", "clip.y4m", "-o", "a.ivf", "--preset", "rtc"]);
    assert!(run.err.contains("no -b, -q or --qp") && run.err.contains("kb/s"), "{}", run.err);
    let run = place.ok(&["encode", "clip.y4m", "-o", "b.ivf", "-q", "70"]);
    assert!(run.err.contains("quality 70"), "{}", run.err);
    let run = place.ok(&["encode", "clip.y4m", "-o", "c.ivf", "--qp", "40", "--report", "c.json"]);
    assert!(run.err.contains("qindex 40"), "{}", run.err);
    let report: serde_json::Value = serde_json::from_slice(&place.read("c.json")).unwrap();
    let shown = report["frames"].as_array().unwrap().iter().filter(|f| f["type"] != "altref");
    assert!(shown.clone().count() == 3 && shown.clone().all(|f| f["qindex"] == 40), "{report}");
}

#[test]
fn frames_are_skipped_limited_and_keep_their_times() {
    let place = Place::with_clip("scrolling-text", "64x48", 10);
    let range = ["--skip", "3", "-n", "4", "--keep-times", "--preset", "rtc"];
    place.ok(&[&["encode", "clip.y4m", "-o", "part.ivf"][..], &range].concat());
    let frames = place.json(&["probe", "part.ivf", "--json", "--frames"]);
    let times: Vec<_> = frames["frames"].as_array().unwrap().iter().map(|f| &f["pts"]).collect();
    assert_eq!(times, [3, 4, 5, 6]);
    place.ok(&["transcode", "part.ivf", "-o", "part.webm", "--preset", "rtc"]);
    let frames = place.json(&["probe", "part.webm", "--json", "--frames"]);
    let ms: Vec<_> =
        frames["frames"].as_array().unwrap().iter().map(|f| f["pts"].as_i64().unwrap()).collect();
    let base = frames["tracks"][0]["time_base"].as_str().unwrap();
    assert_eq!((base, &ms[..]), ("1/1000", &[100, 133, 167, 200][..]));
}

#[test]
fn frames_are_cropped_rotated_and_scaled() {
    let place = Place::with_clip("scene-cuts", "80x48", 3);
    let changes = ["--crop", "64x32+8+4", "--rotate=90", "--resize", "48x96", "--preset", "rtc"];
    place.ok(&[&["encode", "clip.y4m", "-o", "a.ivf"][..], &changes].concat());
    let probe = place.json(&["probe", "a.ivf", "--json"]);
    assert_eq!(
        (&probe["tracks"][0]["width"], &probe["tracks"][0]["height"]),
        (&48.into(), &96.into())
    );
    place.fails(2, "exceeds the frame", &["encode", "clip.y4m", "-o", "b.ivf", "--crop", "90x8"]);
    assert!(!place.has("b.ivf"));
}

#[test]
fn one_side_of_the_size_follows_from_the_aspect_ratio() {
    let place = Place::with_clip("scene-cuts", "80x48", 3);
    let size = |file: &str| {
        let probe = place.json(&["probe", file, "--json"]);
        let side = |key: &str| probe["tracks"][0][key].as_u64().unwrap();
        (side("width"), side("height"))
    };
    for (options, expected) in [
        (&["--resize", "40x-1"][..], (40, 24)),
        (&["--resize", "-1x96"], (160, 96)),
        (&["--resize", "30x-1"], (30, 18)),
        (&["--crop", "64x32+8+4", "--rotate=90", "--resize", "16x-1"], (16, 32)),
    ] {
        let encode = [&["encode", "clip.y4m", "-o", "a.mkv", "-y", "--preset", "rtc"], options];
        place.ok(&encode.concat());
        assert_eq!(size("a.mkv"), expected, "{options:?}");
    }
    place.ok(&["decode", "a.mkv", "-o", "b.y4m", "--resize=-1x64"]);
    place.ok(&["decode", "a.mkv", "-o", "c.y4m", "--resize", "-1x64"]);
    assert!(place.read("b.y4m") == place.read("c.y4m"));
    assert_eq!(size("b.y4m"), (32, 64));
    place.ok(&["snapshot", "clip.y4m", "-o", "a.png", "--resize", "40x-1"]);
    assert_eq!(place.read("a.png")[16..24], [0, 0, 0, 40, 0, 0, 0, 24]);
    place.fails(
        2,
        "or one of them -1",
        &["encode", "clip.y4m", "-o", "c.ivf", "--resize", "-1x-1"],
    );
    // Frames of another size in mid-stream are scaled to the size of the first ones.
    let place = Place::with_size_change();
    place.ok(&["transcode", "both.ivf", "-o", "a.ivf", "--resize", "32x-1", "--preset", "rtc"]);
    let probe = place.json(&["probe", "a.ivf", "--json"]);
    assert_eq!(probe["tracks"][0]["height"], 24, "{probe}");
    place.ok(&["decode", "a.ivf", "-o", "a.y4m"]);
}

#[test]
fn headerless_input_of_every_pixel_format_is_encoded() {
    let place = Place::with_clip("talking-head", "48x32", 4);
    place.ok(&["encode", "clip.y4m", "-o", "clip.ivf", "--qp", "4", "--preset", "rtc"]);
    for pixels in ["i420", "nv12", "yuy2", "rgb24", "bgra"] {
        place.ok(&["decode", "clip.ivf", "-o", "clip.yuv", "--pixels", pixels, "-y"]);
        let layout = format!("48x32@30:{pixels}");
        let input = ["encode", "clip.yuv", "--raw", &layout, "-o", "again.ivf"];
        place.ok(&[&input[..], &["--qp", "4", "--preset", "rtc", "-y"]].concat());
        let metrics = place.json(&["metrics", "clip.y4m", "again.ivf", "--json"]);
        assert_eq!(metrics["frames_compared"], 4, "{pixels}");
        assert!(metrics["psnr_y"].as_f64().unwrap() > 35.0, "{pixels}: {}", metrics["psnr_y"]);
    }
}

#[test]
fn files_get_trial_encodes_and_pipes_do_not() {
    let place = Place::with_clip("talking-head", "98x54", 40);
    let encode = ["encode", "clip.y4m", "-o", "a.ivf", "-b", "60k", "-y", "-v"];
    let run = place.ok(&encode);
    assert!(run.err.contains("trial encode"), "{}", run.err);
    let bytes = place.read("a.ivf").len() - 32 - 12 * 43;
    // 40 frames at 30 per second.
    assert!((9_000..11_000).contains(&bytes), "{bytes}");
    let run = place.ok(&[&encode[..], &["--passes", "1"]].concat());
    assert!(!run.err.contains("trial encode"), "{}", run.err);
    let piped = place.feed(&["encode", "-", "-o", "-", "--passes", "2"], &place.read("clip.y4m"));
    assert_eq!(piped.code, 2, "{}", piped.err);
    let quality = place.run(&["encode", "clip.y4m", "-o", "b.ivf", "-q", "50", "--passes", "2"]);
    assert_eq!(quality.code, 2, "{}", quality.err);
}

#[test]
fn pipes_carry_every_stage() {
    let place = Place::new();
    let clip = place.ok(&["generate", "texture-pan", "--size", "64x48", "-n", "6"]).out;
    let coded = place.feed(&["encode", "-", "-o", "-", "--preset", "rtc"], &clip);
    assert_eq!(coded.code, 0, "{}", coded.err);
    let live = place.feed(&["transcode", "-", "-o", "-", "-f", "webm"], &coded.out);
    assert_eq!(live.code, 0, "{}", live.err);
    let back = place.feed(&["decode", "-", "-o", "-"], &live.out);
    assert_eq!((back.code, y4m_frames(&back.out).len()), (0, 6), "{}", back.err);
}

#[test]
fn reports_have_a_row_for_every_frame_and_name_the_level() {
    let place = Place::with_clip("talking-head", "176x144", 60);
    // A bitrate so low that frames must be dropped.
    let settings = ["-b", "8k", "--preset", "rtc", "--drop", "--metrics", "psnr,ssim"];
    let encode = ["encode", "clip.y4m", "-o", "a.ivf", "--report", "a.csv"];
    place.ok(&[&encode[..], &settings].concat());
    let text = String::from_utf8(place.read("a.csv")).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let column = |name: &str| rows[0].iter().position(|&cell| cell == name).unwrap();
    assert_eq!(rows.len(), 61);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()));
    let dropped = rows.iter().filter(|row| row[column("type")] == "drop").count();
    let first = rows[1..].iter().find(|row| row[column("type")] != "drop").unwrap();
    assert!(dropped > 0 && first[column("type")] == "key", "{dropped} dropped, {first:?}");
    for row in &rows[1..] {
        assert!(["scalar", "sse41", "avx2", "avx512"].contains(&row[column("simd")]));
        let is_drop = row[column("type")] == "drop";
        assert_eq!(row[column("drop_reason")].is_empty(), !is_drop, "{row:?}");
        assert_eq!(row[column("psnr_y_db")].is_empty(), is_drop, "{row:?}");
        assert_eq!(row[column("ssim")].is_empty(), is_drop, "{row:?}");
    }
    let coded = place.json(&["probe", "a.ivf", "--json"]);
    assert_eq!(coded["tracks"][0]["packets"], 60 - dropped);
}

#[test]
fn frame_deadlines_are_reported_as_met_or_missed() {
    let place = Place::with_clip("talking-head", "64x48", 10);
    for (time, deadline) in [("100s", None), ("1us", Some("missed")), ("60000", Some("met"))] {
        let encode = ["encode", "clip.y4m", "-o", "a.ivf", "--report", "a.csv", "-y"];
        let settings = ["--preset", "rtc", "--max-frame-time", time];
        let args = [&encode[..], &settings].concat();
        let Some(deadline) = deadline else {
            place.fails(2, "2500us", &args);
            continue;
        };
        place.ok(&args);
        let text = String::from_utf8(place.read("a.csv")).unwrap();
        let last = text.lines().last().unwrap();
        assert!(last.contains(&format!(",{deadline},")), "{last}");
        let speed = if deadline == "missed" { ",10," } else { ",7," };
        assert!(last.contains(speed), "{last}");
    }
}

#[test]
fn progress_in_json_is_one_object_a_line_with_a_summary_last() {
    let place = Place::with_clip("talking-head", "64x48", 5);
    let run = place.ok(&["encode", "clip.y4m", "-o", "a.ivf", "--progress", "json"]);
    let lines: Vec<serde_json::Value> =
        run.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.last().unwrap();
    assert_eq!((&last["type"], &last["frames"]), (&"summary".into(), &5.into()));
    assert_eq!(last["exit_code"], 0);
    let run = place.run(&["decode", "clip.y4m", "-o", "a.ivf", "--progress", "json"]);
    let last: serde_json::Value = serde_json::from_str(run.err.lines().last().unwrap()).unwrap();
    assert_eq!(last["type"], "error");
}

#[test]
fn colours_aspect_and_range_reach_the_output() {
    let place = Place::with_clip("talking-head", "64x48", 3);
    let clip = String::from_utf8_lossy(&place.read("clip.y4m")[..60]).into_owned();
    assert!(clip.contains("XCOLORRANGE=LIMITED"), "{clip}");
    let mut bytes = place.read("clip.y4m");
    let end = bytes.iter().position(|&b| b == b'\n').unwrap();
    let header = b"YUV4MPEG2 W64 H48 F30:1 Ip A4:3 C420jpeg XCOLORRANGE=FULL";
    bytes.splice(..end, header.iter().copied());
    fs::write(place.path("full.y4m"), bytes).unwrap();
    place.ok(&["encode", "full.y4m", "-o", "full.webm", "--preset", "rtc"]);
    let probe = place.json(&["probe", "full.webm", "--json"]);
    let video = &probe["tracks"][0];
    assert_eq!((&video["color"]["range"], &video["pixel_aspect"]), (&"full".into(), &"4/3".into()));
    place.ok(&["decode", "full.webm", "-o", "back.y4m"]);
    let back = String::from_utf8_lossy(&place.read("back.y4m")[..80]).into_owned();
    assert!(back.contains("XCOLORRANGE=FULL") && back.contains("A4:3"), "{back}");
}

#[test]
fn layers_screen_content_and_knobs_are_passed_on() {
    let place = Place::with_clip("static-slide", "64x48", 8);
    let settings = ["--layers", "L1T3", "--content", "screen", "--error-resilient", "--speed", "9"];
    let knob = ["--knob", "sharpness=3", "--preset", "rtc", "--report", "a.json", "-g", "4"];
    let encode = ["encode", "-i", "clip.y4m", "-o", "a.ivf"];
    place.ok(&[&encode[..], &settings, &knob].concat());
    let report: serde_json::Value = serde_json::from_slice(&place.read("a.json")).unwrap();
    let frames = report["frames"].as_array().unwrap();
    assert!(frames.iter().any(|frame| frame["layer"] == 2), "{report}");
    assert_eq!(frames.iter().filter(|frame| frame["type"] == "key").count(), 2);
}

#[test]
fn bars_and_filters_change_the_size_and_the_samples() {
    let place = Place::with_clip("talking-head", "64x48", 2);
    let decode = |output: &str, more: &[&str]| {
        place.ok(&[&["decode", "clip.y4m", "-o", output, "--resize=32x24"], more].concat());
        place.read(output)
    };
    let lanczos = decode("a.y4m", &[]);
    assert!(lanczos == decode("b.y4m", &["--scaler", "lanczos"]));
    assert!(lanczos != decode("c.y4m", &["--scaler", "nearest"]));
    let padded = ["transcode", "clip.y4m", "-o", "p.webm", "--pad", "96x48", "--scaler", "area"];
    place.ok(&padded);
    let probe = place.json(&["probe", "p.webm", "--json"]);
    assert_eq!(
        (&probe["tracks"][0]["width"], &probe["tracks"][0]["height"]),
        (&96.into(), &48.into())
    );
    place.ok(&["transcode", "clip.y4m", "-o", "q.webm", "--pad", "32x32", "--chunked"]);
    place.ok(&["snapshot", "clip.y4m", "-o", "s.png", "--pad", "100x100"]);
    place.fails(2, "--scaler", &["transcode", "clip.y4m", "-o", "x.webm", "--scaler", "area"]);
    place.fails(
        2,
        "expected lanczos",
        &["decode", "clip.y4m", "--md5", "--resize=8x8", "--scaler", "x"],
    );
    place.fails(2, "--pad", &["transcode", "p.webm", "-o", "x.webm", "--copy", "--pad", "128x64"]);
}

#[test]
fn odd_sizes_are_cropped_if_the_encoder_requires_even_ones() {
    let place = Place::with_clip("talking-head", "65x49", 4);
    let warning = "frames of 65x49 are cropped to 64x48";
    let size = |file: &str| {
        let probe = place.json(&["probe", file, "--json"]);
        [&probe["tracks"][0]["width"], &probe["tracks"][0]["height"]]
            .map(|side| side.as_u64().unwrap())
    };
    for (options, output) in [
        (&["-c", "h264", "-q", "50"][..], "a.mp4"),
        (&["-c", "h264", "--chunked", "-q", "50"], "b.mp4"),
        (&["--for", "web"], "c.mp4"),
    ] {
        let run = place.ok(&[&["transcode", "clip.y4m", "-o", output][..], options].concat());
        assert_eq!(run.err.matches(warning).count(), 1, "{output}: {}", run.err);
        assert!(run.err.contains("--pad 66x50"), "{}", run.err);
        assert_eq!(size(output), [64, 48], "{output}");
    }
    place.ok(&["encode", "clip.y4m", "-o", "d.webm", "-q", "50"]);
    assert_eq!(size("d.webm"), [65, 49]);
    let odd = ["encode", "clip.y4m", "-o", "e.mp4", "-c", "h264", "--resize", "31x31"];
    place.fails(2, "multiples of 2", &odd);
}
