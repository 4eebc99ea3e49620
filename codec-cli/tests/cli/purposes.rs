//! `--for`: sets of options for a purpose.

use super::audio::tracks;
use super::{Place, Run, depth};

/// Encodes `clip.y4m` twice: for a purpose, and with the plain options that the document lists. The files are equal.
fn same(place: &Place, purpose: &[&str], options: &[&str]) -> Run {
    let name = |base: &str| format!("{base}{}", purpose[0]);
    let (one, other) = (name("a"), name("b"));
    let command = ["encode", "clip.y4m", "-y", "-v", "-o"];
    let run = place.ok(&[&command[..], &[&one], &purpose[1..]].concat());
    place.ok(&[&command[..], &[&other], options].concat());
    assert!(place.read(&one) == place.read(&other), "{purpose:?} and {options:?}");
    run
}

#[test]
fn purposes_are_the_documented_options() {
    let place = Place::with_clip("talking-head", "96x64", 6);
    let web = ["-c", "vp9", "--preset", "file", "--speed", "3", "-q", "60"];
    let run = same(&place, &[".webm", "--for", "web"], &web);
    let options = "--codec vp9 --preset file --speed 3 --quality 60 --resize max=1920x1080";
    assert!(run.err.contains(&format!("--for web sets {options}")), "{}", run.err);
    let archive = ["-c", "vp9", "--speed", "1", "-q", "75"];
    same(&place, &[".mkv", "--for", "archive"], &archive);
    let call = ["-c", "vp8", "--preset", "rtc"];
    let run = same(&place, &[".ivf", "--for", "call"], &call);
    assert!(!run.err.contains("audio"), "{}", run.err);
    same(
        &place,
        &[".webm", "--for", "call", "--speed", "9"],
        &[&call[..], &["--speed", "9"]].concat(),
    );
    let quick = ["-c", "vp8", "--speed", "10", "-q", "20"];
    same(&place, &[".webm", "--for", "web", "-c", "vp8", "--speed", "10", "-q", "20"], &quick);
    #[cfg(feature = "h264")]
    {
        same(&place, &[".mp4", "--for", "web"], &["-c", "h264", "-q", "45"]);
        same(&place, &[".mp4", "--for", "archive"], &["-c", "h264", "--speed", "1", "-q", "55"]);
        same(&place, &[".h264", "--for", "call"], &["-c", "h264", "--preset", "rtc"]);
    }
}

#[test]
fn an_attachment_has_at_most_the_given_size_and_720_lines() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    let clip = ["--size", "176x144", "-n", "50"];
    place.ok(&[&["generate", "clapper", "-o", "clap.mkv"], &clip[..]].concat());
    let run = place.ok(&["transcode", "clap.mkv", "-o", "a.webm", "--for", "discord=40k", "-v"]);
    assert!(run.err.contains("--size 40000 --resize max=1280x720"), "{}", run.err);
    let bytes = place.read("a.webm").len();
    assert!(bytes <= 40_000, "{bytes}");
    let kinds: Vec<_> = tracks(&place, "a.webm")
        .iter()
        .map(|track| track["codec"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(kinds, ["vp9", "opus"]);
    place.ok(&["generate", "talking-head", "-o", "large.y4m", "--size", "720x1440", "-n", "1"]);
    place.ok(&["encode", "large.y4m", "-o", "upright.webm", "--for", "call"]);
    let track = &tracks(&place, "upright.webm")[0];
    assert_eq!((&track["width"], &track["height"]), (&640.into(), &1280.into()));
    place.ok(&["encode", "large.y4m", "-o", "own.webm", "--for", "call", "--resize", "360x720"]);
    assert_eq!(tracks(&place, "own.webm")[0]["width"], 360);
}

#[test]
fn purposes_that_do_not_fit_are_rejected_by_name() {
    let place = Place::with_clip("talking-head", "64x48", 2);
    let refused = |word: &str, arguments: &[&str]| {
        for command in ["encode", "transcode"] {
            place.fails(2, word, &[&[command, "clip.y4m"], arguments].concat());
        }
    };
    refused("expected web, archive", &["-o", "a.webm", "--for", "youtube"]);
    refused("--for web cannot be used with matroska output", &["-o", "a.mkv", "--for", "web"]);
    refused("ending in .webm or .mp4", &["-o", "a.y4m", "--for", "discord"]);
    let h264 = ["-o", "a.webm", "--for", "discord", "-c", "h264"];
    refused("help: with --for discord, use a name ending in .mp4", &h264);
    refused("--for web cannot be used with ogg output", &["-o", "a.opus", "--for", "web"]);
    refused("--for web cannot be used with image output", &["-o", "a-%d.png", "--for", "web"]);
    refused("--for web cannot be used with --copy", &["-o", "a.webm", "--for", "web", "--copy"]);
    let without_video = ["-o", "a.webm", "--for", "web", "--no-video"];
    refused("--for web cannot be used with --no-video", &without_video);
    let file = ["-o", "a.webm", "--for", "call", "--preset", "file"];
    refused("--for call cannot be used with --preset file", &file);
    let rtc = ["-o", "a.webm", "--for", "archive", "--preset", "rtc"];
    refused("--for archive cannot be used with --preset rtc", &rtc);
    for (flag, value) in [("--bitrate", "100k"), ("--size", "9M"), ("--target", "psnr=40")] {
        let arguments = ["-o", "a.webm", "--for", "discord", flag, value];
        let run = place.fails(2, flag, &[&["encode", "clip.y4m"], &arguments[..]].concat());
        assert!(run.err.contains("--for discord sets --size"), "{}", run.err);
    }
    place.ok(&["generate", "tone", "-n", "10", "-o", "tone.wav"]);
    place.fails(
        2,
        "--for web requires video",
        &["encode", "tone.wav", "-o", "a.webm", "--for", "web"],
    );
    assert!(!place.has("a.webm"));
}
