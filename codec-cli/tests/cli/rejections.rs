//! Rejected command lines and inputs, with their exit codes.

use std::fs;

use super::{Place, has_ffmpeg};

#[test]
fn usage_errors_exit_with_2() {
    let place = Place::with_clip("static-slide", "32x32", 2);
    let encode = ["encode", "clip.y4m", "-o", "a.ivf"];
    for (wrong, word) in [
        (&["-q", "50", "-b", "100k"][..], "cannot be used with"),
        (&["-b", "fast"], "invalid value"),
        (&["--speed", "11"], "invalid value"),
        (&["--token-parts", "3"], "invalid value"),
        (&["--layers", "L3T3"], "L1T1"),
        (&["--knob", "warp=9"], "unknown knob warp"),
        (&["--knob", "sharpness=99"], "0 to 7"),
        (&["--report", "a.txt"], ".csv or .json"),
        (&["--no-such-flag"], "unexpected argument"),
        (&["--resize", "0x5"], "invalid value"),
        (&["-f", "avi"], "unknown format"),
        (&["--drop"], "constant bitrate"),
        (&["--drop", "--preset", "rtc", "-q", "50"], "constant bitrate"),
        (&["--max-frame-time", "8ms"], "--preset rtc"),
        (&["--max-frame-time", "soon"], "8ms"),
    ] {
        place.fails(2, word, &[&encode[..], wrong].concat());
    }
    place.fails(2, "Usage", &["encode"]);
    place.fails(2, "Usage", &["decode", "clip.y4m"]);
    place.fails(2, "unknown format", &["encode", "clip.y4m", "-o", "a.xyz"]);
    place.fails(2, "cannot hold encoded video", &["encode", "clip.y4m", "-o", "a.y4m"]);
    place.fails(2, "standard output", &["decode", "clip.y4m", "--md5", "-o", "-"]);
    assert_eq!(place.names(), ["clip.y4m"]);
}

#[test]
fn other_failures_have_separate_codes() {
    let place = Place::with_clip("static-slide", "32x32", 2);
    place.fails(3, "absent.y4m", &["encode", "absent.y4m", "-o", "a.ivf"]);
    place.fails(2, "-n 0", &["encode", "clip.y4m", "-o", "a.ivf", "-n", "0"]);
    place.fails(2, "--skip", &["encode", "clip.y4m", "-o", "a.ivf", "--skip", "9"]);
    place.fails(3, "folder", &["decode", ".", "--md5"]);
    fs::write(place.path("empty.ivf"), []).unwrap();
    place.fails(3, "empty", &["decode", "empty.ivf", "--md5"]);
    fs::write(place.path("text.yuv"), "hello").unwrap();
    place.fails(3, "--raw", &["encode", "text.yuv", "-o", "a.ivf"]);
    place.fails(5, "absent", &["encode", "clip.y4m", "-o", "absent/a.ivf"]);
    place.fails(6, "no codec `vp10`", &["encode", "clip.y4m", "-o", "a.ivf", "-c", "vp10"]);
    place.fails(6, "no backend", &["encode", "clip.y4m", "-o", "a.ivf", "-c", "vp8/other"]);
    assert_eq!(place.names(), ["clip.y4m", "empty.ivf", "text.yuv"]);
}

#[test]
fn existing_files_are_kept_unless_overwriting_is_allowed() {
    let place = Place::with_clip("static-slide", "32x32", 2);
    fs::write(place.path("a.ivf"), "precious").unwrap();
    fs::write(place.path("a.csv"), "precious").unwrap();
    place.fails(2, "-y", &["encode", "clip.y4m", "-o", "a.ivf"]);
    place.fails(2, "-y", &["encode", "clip.y4m", "-o", "b.ivf", "--report", "a.csv"]);
    place.fails(2, "-y", &["generate", "static-slide", "-o", "clip.y4m"]);
    assert_eq!(place.read("a.ivf"), b"precious");
    assert!(!place.has("b.ivf"), "a run with a rejected report leaves no output");
    place.ok(&["encode", "clip.y4m", "-o", "a.ivf", "--report", "a.csv", "-y"]);
    assert!(place.read("a.ivf").starts_with(b"DKIF"));
}

#[test]
fn read_only_files_are_not_replaced() {
    let place = Place::with_clip("static-slide", "32x32", 2);
    fs::write(place.path("a.ivf"), "precious").unwrap();
    let permissions = fs::metadata(place.path("a.ivf")).unwrap().permissions();
    let mut read_only = permissions.clone();
    read_only.set_readonly(true);
    fs::set_permissions(place.path("a.ivf"), read_only).unwrap();
    place.fails(5, "a.ivf: the file is read-only", &["encode", "clip.y4m", "-o", "a.ivf", "-y"]);
    place.fails(5, "read-only", &["transcode", "clip.y4m", "-o", "a.ivf", "-y"]);
    assert_eq!(place.read("a.ivf"), b"precious");
    fs::set_permissions(place.path("a.ivf"), permissions).unwrap();
    place.ok(&["encode", "clip.y4m", "-o", "a.ivf", "-y"]);
}

#[test]
fn a_failed_run_leaves_the_old_file_and_no_debris() {
    let place = Place::new();
    fs::write(place.path("a.ivf"), "precious").unwrap();
    fs::write(place.path("bad.y4m"), "YUV4MPEG2 W16 H16 F30:1\nFRAME\nshort").unwrap();
    place.fails(4, "frame 0", &["encode", "bad.y4m", "-o", "a.ivf", "-y"]);
    assert_eq!(place.read("a.ivf"), b"precious");
    assert_eq!(place.names(), ["a.ivf", "bad.y4m"]);
}

#[test]
fn output_before_damage_is_kept() {
    let place = Place::with_clip("talking-head", "64x48", 6);
    let clip = place.read("clip.y4m");
    fs::write(place.path("cut.y4m"), &clip[..clip.len() - 100]).unwrap();
    place.fails(4, "frame 5", &["encode", "cut.y4m", "-o", "a.ivf", "--preset", "rtc"]);
    let part = "a.ivf.codec.part";
    assert_eq!(place.json(&["probe", part, "--json"])["tracks"][0]["packets"], 5);
    let coded = place.read(part);
    fs::write(place.path("cut.ivf"), &coded[..coded.len() - 3]).unwrap();
    let kept = "\nthe incomplete result is in cut.yuv.codec.part\nhelp: --conceal";
    let run = place.fails(4, "packet 4", &["decode", "cut.ivf", "-o", "cut.yuv"]);
    assert!(run.err.contains(kept), "{}", run.err);
    assert_eq!(place.read("cut.yuv.codec.part").len(), 4 * 64 * 48 * 3 / 2);
    // Copies and joined files.
    place.fails(4, "packet 4", &["transcode", "cut.ivf", "--copy", "-o", "c.webm"]);
    assert_eq!(place.json(&["probe", "c.webm.codec.part", "--json"])["tracks"][0]["packets"], 4);
    place.ok(&["encode", "clip.y4m", "-o", "a.ivf", "--preset", "rtc"]);
    let joined = ["concat", "a.ivf", "cut.ivf", "a.ivf", "-o", "j.webm"];
    let copied = place.fails(4, "cut.ivf: ivf: packet 4", &joined);
    let warning = "cut.ivf is damaged: the output ends at the damage, without a.ivf";
    assert!(copied.err.contains(warning), "{}", copied.err);
    assert_eq!(place.json(&["probe", "j.webm.codec.part", "--json"])["tracks"][0]["packets"], 10);
    let encoded = [&joined[..], &["-c", "vp8", "--preset", "rtc"]].concat();
    place.fails(4, "cut.ivf: ivf: packet 4", &encoded);
    assert_eq!(place.json(&["probe", "j.webm.codec.part", "--json"])["tracks"][0]["packets"], 10);
    // Files without video.
    place.ok(&["generate", "tone", "-n", "60", "-o", "a.opus"]);
    let whole = place.read("a.opus");
    fs::write(place.path("cut.opus"), &whole[..whole.len() - 3]).unwrap();
    place.fails(4, "cut.opus: ogg: ", &["concat", "a.opus", "cut.opus", "-o", "a.wav"]);
    assert!(place.has("a.wav.codec.part") && !place.has("a.wav"));
    // It is no input of its own output, which would replace it.
    let own = ["transcode", "j.webm.codec.part", "-o", "j.webm"];
    place.fails(
        2,
        "cannot write j.webm: an incomplete output is saved as j.webm.codec.part, which this",
        &own,
    );
    // A complete result replaces the incomplete one.
    place.ok(&["concat", "a.ivf", "a.ivf", "-o", "j.webm"]);
    assert!(place.has("j.webm") && !place.has("j.webm.codec.part"));
}

#[cfg(unix)]
#[test]
fn input_is_never_its_own_output_even_through_links() {
    let place = Place::with_clip("static-slide", "32x32", 2);
    place.ok(&["encode", "clip.y4m", "-o", "a.ivf"]);
    std::os::unix::fs::symlink(place.path("a.ivf"), place.path("soft.ivf")).unwrap();
    fs::hard_link(place.path("a.ivf"), place.path("hard.ivf")).unwrap();
    let before = place.read("a.ivf");
    for output in ["a.ivf", "./a.ivf", "soft.ivf", "hard.ivf"] {
        place.fails(2, "same file", &["transcode", "a.ivf", "-o", output, "-y"]);
        place.fails(2, "same file", &["transcode", output, "-o", "a.ivf", "-y"]);
    }
    assert_eq!(place.read("a.ivf"), before);

    fs::copy(place.path("clip.y4m"), place.path("clip.csv")).unwrap();
    for report in ["clip.csv", "./clip.csv"] {
        let arguments = ["encode", "clip.csv", "-o", "b.ivf", "--report", report, "-y"];
        place.fails(2, "same file", &arguments);
    }
    assert_eq!(place.read("clip.csv"), place.read("clip.y4m"));
    let arguments = ["encode", "clip.y4m", "-f", "ivf", "-o", "c.csv", "--report", "./c.csv"];
    place.fails(2, "same file", &arguments);
    assert!(!place.has("c.csv") && !place.has("b.ivf"));
}

#[cfg(unix)]
#[test]
fn devices_and_links_are_written_through() {
    let place = Place::with_clip("static-slide", "32x32", 2);
    place.ok(&["encode", "clip.y4m", "-o", "/dev/null"]);
    place.ok(&["encode", "clip.y4m", "-o", "a.ivf"]);
    std::os::unix::fs::symlink("a.ivf", place.path("link.ivf")).unwrap();
    place.ok(&["encode", "clip.y4m", "-o", "link.ivf", "-y", "-n", "1"]);
    assert!(fs::symlink_metadata(place.path("link.ivf")).unwrap().is_symlink());
    assert_eq!(place.json(&["probe", "a.ivf", "--json"])["tracks"][0]["packets"], 1);
}

#[test]
fn an_unknown_instruction_set_is_a_usage_error() {
    let place = Place::with_clip("static-slide", "32x32", 1);
    for level in ["mmx", "", "AVX2"] {
        let mut command = place.command(&["decode", "clip.y4m", "--null"]);
        let output = command.env("CODEC_SIMD", level).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{level:?}: {err}");
        assert!(err.contains("CODEC_SIMD") && err.contains("scalar"), "{err}");
    }
}

#[test]
fn limits_are_enforced_and_configurable() {
    let place = Place::with_clip("static-slide", "64x64", 2);
    place.ok(&["encode", "clip.y4m", "-o", "a.ivf"]);
    for limits in ["pixels=1000", "pixels=32x32", "memory=40K"] {
        place.fails(3, "pixels", &["decode", "a.ivf", "--md5", "--limits", limits]);
        place.fails(3, "pixels", &["decode", "clip.y4m", "--md5", "--limits", limits]);
    }
    place.ok(&["decode", "a.ivf", "--md5", "--limits", "pixels=64x64,memory=1M"]);
    place.fails(3, "limit", &["decode", "a.ivf", "--md5", "--limits", "packet=20"]);
}

#[test]
fn errors_of_limits_name_the_remedy() {
    let place = Place::with_clip("static-slide", "64x64", 2);
    place.ok(&["encode", "clip.y4m", "-o", "a.ivf"]);
    for (file, limits, remedy) in [
        ("a.ivf", "pixels=1000", "--limits pixels=4096"),
        ("clip.y4m", "memory=40K", "--limits pixels=4096"),
        ("a.ivf", "packet=20", "--limits packet="),
    ] {
        place.fails(3, remedy, &["decode", file, "--md5", "--limits", limits]);
    }
}

#[test]
fn errors_of_outputs_do_not_name_the_temporary_file() {
    let place = Place::with_clip("static-slide", "32x32", 2);
    let run = place.run(&["encode", "clip.y4m", "-o", "absent/a.ivf"]);
    assert_eq!(run.code, 5);
    assert!(run.err.contains("absent/a.ivf") && !run.err.contains(".part"), "{}", run.err);
}

#[test]
fn commands_in_real_time_offer_their_only_preset() {
    let place = Place::with_clip("static-slide", "32x32", 2);
    for command in [&["simulate", "clip.y4m"][..], &["send", "clip.y4m", "udp://127.0.0.1:9"]] {
        place.fails(2, "[possible values: rtc]", &[command, &["--preset", "file"]].concat());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn video_is_not_written_to_a_terminal() {
    let place = Place::new();
    // `script` runs the command in a terminal.
    let codec = env!("CARGO_BIN_EXE_codec");
    let line = format!("{codec} generate static-slide -n 1 --size 16x16; echo code $?");
    let mut command = std::process::Command::new("script");
    let Ok(output) = command.args(["-qec", &line, "/dev/null"]).output() else {
        eprintln!("skipped, no script: the refusal to write to a terminal");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("is a terminal") && text.contains("code 2"), "{text}");
    drop(place);
}

#[test]
fn options_without_an_effect_are_refused() {
    let place = Place::with_clip("clapper", "64x48", 3);
    place.ok(&["generate", "tone", "-n", "3", "-o", "tone.wav"]);
    let refused = |word: &str, arguments: &[&str]| {
        place.fails(2, word, arguments);
    };
    for more in [
        &["--verify"][..],
        &["--report", "r.csv"],
        &["--speed", "3"],
        &["--layers", "L1T2"],
        &["--fec"],
        &["-c", "vp9"],
        &["--target", "psnr=40"],
    ] {
        for output in ["a.png", "a.jpg", "a.webp"] {
            let still = ["encode", "clip.y4m", "-n", "1", "-o", output];
            refused("with still images", &[&still[..], more].concat());
        }
    }
    let raw = ["transcode", "clip.y4m", "-o", "a.yuv"];
    for more in
        [&["-b", "300k"][..], &["-c", "vp8"], &["--speed", "3"], &["--audio-bitrate", "64k"]]
    {
        refused("cannot be used with raw output", &[&raw[..], more].concat());
    }
    let audio = ["encode", "tone.wav", "-o", "a.opus"];
    refused("not both", &[&audio[..], &["-b", "20k", "--audio-bitrate", "10k"]].concat());
    refused("--content requires video", &[&audio[..], &["--content", "screen"]].concat());
    refused("omit --copy", &[&audio[..], &["--copy"]].concat());
    refused("only audio to encode", &["encode", "tone.wav", "-o", "a.webm", "-c", "vp8"]);
    refused("ivf output", &["encode", "clip.y4m", "-o", "a.ivf", "--audio", "2"]);
    refused("--pixels requires", &["decode", "clip.y4m", "--md5", "--pixels", "rgb24"]);
    refused("--audio requires", &["decode", "clip.y4m", "-o", "b.y4m", "--audio", "2"]);
    refused("speed", &["send", "clip.y4m", "udp://127.0.0.1:9", "--copy", "--speed", "3"]);
    refused("expected 0% to 100%", &["simulate", "clip.y4m", "-b", "90k", "--link", "loss=200%"]);
    assert_eq!(place.names(), ["clip.y4m", "tone.wav"]);
}

#[test]
fn formats_that_are_only_read_are_refused_by_name() {
    let place = Place::with_clip("clapper", "64x48", 3);
    for (output, name) in [("a.mp3", "mp3"), ("a.aac", "adts")] {
        let word = format!("cannot write {name}: it can only be read");
        place.fails(2, &word, &["transcode", "clip.y4m", "-o", output]);
        place.fails(2, &word, &["concat", "clip.y4m", "clip.y4m", "-o", output]);
    }
}

#[test]
fn errors_name_the_remedy_that_fits() {
    let place = Place::with_clip("clapper", "64x48", 3);
    let layers = ["encode", "clip.y4m", "-o", "a.webm", "--layers", "L3T3"];
    place.fails(2, "help: -c vp9 --preset rtc supports spatial layers", &layers);
    let same = ["encode", "clip.y4m", "-o", "clip.y4m", "-f", "webm", "-y"];
    place.fails(2, "cannot write clip.y4m: it is the same file as clip.y4m, which", &same);
    let passes = ["encode", "clip.y4m", "-o", "a.webm", "--passes", "3"];
    place.fails(2, "expected 1 or 2", &passes);
    let size = ["generate", "tone", "-o", "a.wav", "--size", "64x48"];
    place.fails(2, "--size cannot be used with tone, which is audio", &size);
    place.fails(2, "help: `codec help` lists all", &["man", "encodes"]);
    place.fails(2, ".jpg, .webp or .gif", &["snapshot", "clip.y4m", "-o", "a.bmp"]);
    #[cfg(feature = "net")]
    for (arguments, scheme) in [
        (&["send", "clip.y4m", "http://127.0.0.1"][..], "whep"),
        (&["recv", "http://127.0.0.1", "--null"], "whip"),
    ] {
        let run = place.fails(2, "expected one of rtp, srtp, udp, tcp, ws, wss, wh", arguments);
        assert!(!run.err.contains(scheme), "{}", run.err);
    }
    let crop = ["encode", "clip.y4m", "-o", "a.webm", "--crop", "90x8"];
    place.fails(2, "invalid --crop 90x8+0+0: exceeds the frame of 64x48", &crop);
}

#[test]
fn damage_names_the_option_that_conceals_it() {
    let place = Place::with_clip("clapper", "64x48", 3);
    place.ok(&["encode", "clip.y4m", "-o", "a.ivf", "--preset", "rtc"]);
    let whole = place.read("a.ivf");
    fs::write(place.path("cut.ivf"), &whole[..whole.len() - 4]).unwrap();
    place.fails(4, "help: --conceal continues", &["decode", "cut.ivf", "--null"]);
    let last = ["snapshot", "cut.ivf", "--frame", "2", "-o", "a.png"];
    place.fails(4, "help: --conceal continues", &last);
    // Concealment cannot replace the header of a file.
    place.ok(&["encode", "clip.y4m", "-o", "a.webm"]);
    let mut webm = place.read("a.webm");
    let tracks = webm.windows(4).rposition(|bytes| bytes == [0x16, 0x54, 0xae, 0x6b]).unwrap();
    webm[tracks + 1] ^= 1;
    fs::write(place.path("headless.webm"), &webm).unwrap();
    let run = place.fails(4, "expected tracks", &["decode", "headless.webm", "--null"]);
    assert!(!run.err.contains("--conceal"), "{}", run.err);
    let p010 = ["decode", "a.ivf", "-o", "a.yuv", "--pixels", "p010"];
    place.fails(2, "help: write it as i420, nv12", &p010);
}

#[test]
fn h264_of_an_unsupported_format_names_ffmpeg() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    let source = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.2", "-c:v", "libx264"];
    place.ffmpeg(&[&source[..], &["-pix_fmt", "yuv444p", "-t", "0.2", "a.mp4"]].concat());
    place.fails(3, "help: decode it with ffmpeg: ffmpeg -i a.mp4", &["decode", "a.mp4", "--null"]);
    let encode = ["transcode", "a.mp4", "-o", "a.webm"];
    place.fails(3, "ffmpeg -i a.mp4 -f yuv4mpegpipe - | codec encode - -o OUT", &encode);
}

#[test]
fn tracks_that_cannot_be_read_are_listed() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    let source = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.2", "-c:v", "mpeg4", "-t", "0.2"];
    for file in ["a.mov", "a.mkv", "a.ts"] {
        place.ffmpeg(&[&source[..], &[file]].concat());
        let run = place.fails(3, "codec mpeg4 is not supported", &["probe", file]);
        let text = run.text();
        let size = if file == "a.ts" { "" } else { " 64x48" };
        assert!(
            text.contains(&format!("video track: mpeg4{size}, not supported")),
            "{file}: {text}"
        );
        let run = place.fails(3, "mpeg4", &["probe", file, "--json"]);
        let json: serde_json::Value = serde_json::from_slice(&run.out).unwrap();
        assert_eq!(json["unreadable_tracks"][0]["codec"], "mpeg4", "{file}: {json}");
        assert_eq!(json["tracks"], serde_json::json!([]), "{file}");
    }
}
