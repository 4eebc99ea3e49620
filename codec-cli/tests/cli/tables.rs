//! `probe`, `codecs`, `generate`, `completions`, `man`, help and versions.

use super::Place;

#[test]
fn probe_reports_the_stream_and_every_packet() {
    let place = Place::with_clip("talking-head", "64x48", 5);
    place.ok(&["encode", "clip.y4m", "-o", "a.webm", "--preset", "rtc"]);
    let text = place.ok(&["probe", "a.webm", "--packets"]).text();
    assert!(
        text.contains("webm") && text.contains("video vp8, 64x48") && text.contains("5 packets"),
        "{text}"
    );
    let json = place.json(&["probe", "a.webm", "--json", "--frames"]);
    assert_eq!((&json["tracks"][0]["codec"], &json["format"]), (&"vp8".into(), &"webm".into()));
    let frames = json["frames"].as_array().unwrap();
    assert_eq!(frames.len(), 5);
    assert!(frames[0]["key"] == true && frames[1]["key"] == false);
    let total: u64 = frames.iter().map(|frame| frame["bytes"].as_u64().unwrap()).sum();
    assert_eq!(json["tracks"][0]["bytes"], total);
    let raw = place.json(&["probe", "clip.y4m", "--json"]);
    assert_eq!(
        (&raw["tracks"][0]["codec"], &raw["tracks"][0]["packets"]),
        (&"raw".into(), &5.into())
    );
}

#[test]
fn codecs_lists_backends_with_ranges_and_defaults() {
    let place = Place::new();
    let json = place.json(&["codecs", "--json"]);
    let backend = &json["backends"][0];
    assert_eq!((&backend["codec"], &backend["name"]), (&"vp8".into(), &"native".into()));
    let knobs = backend["encoder"]["knobs"].as_array().unwrap();
    let partitions = knobs.iter().find(|knob| knob["name"] == "token-partitions").unwrap();
    assert!(partitions["default"].is_i64() && partitions["live"].is_boolean(), "{partitions}");
    let modes = backend["encoder"]["scalability"].as_array().unwrap();
    assert!(modes.contains(&"L1T3".into()));
    assert!(place.ok(&["codecs"]).text().contains("vp8/native"));
}

#[test]
fn codecs_lists_audio_backends_and_processors() {
    let place = Place::new();
    let json = place.json(&["codecs", "--json"]);
    let named = |section: &str, key: &str, name: &str| {
        let list = json[section].as_array().unwrap();
        list.iter().find(|entry| entry[key] == name).unwrap_or_else(|| panic!("{name}")).clone()
    };
    let opus = named("audio_backends", "codec", "opus");
    assert!(opus["encoder"]["knobs"].is_array() && opus["decoder"]["fec"] == true, "{opus}");
    assert_eq!(named("audio_backends", "codec", "pcmu")["name"], "native");
    assert_eq!(named("audio_processors", "name", "denoise")["rates"][0], 48_000);
    assert!(named("audio_processors", "name", "mix")["help"].is_string());
    let text = place.ok(&["codecs"]).text();
    assert!(text.contains("vad (processing, earshot 1.2)"), "{text}");
}

#[test]
fn scenes_are_identical_in_every_run() {
    let place = Place::new();
    for scene in ["talking-head", "scrolling-text", "texture-pan", "scene-cuts", "static-slide"] {
        let arguments = ["generate", scene, "--size", "50x30", "-n", "2", "--fps", "29.97"];
        let first = place.ok(&arguments).out;
        assert!(first == place.ok(&arguments).out, "{scene}");
        assert!(first.starts_with(b"YUV4MPEG2 W50 H30 F30000:1001"), "{scene}");
        let other = place.ok(&[&arguments[..], &["--seed", "2"]].concat()).out;
        assert!(first != other, "{scene}: the seed changes nothing");
    }
    place.fails(2, "invalid value", &["generate", "sunset"]);
}

#[test]
fn help_pages_and_completions_are_printed() {
    let place = Place::new();
    let version = place.ok(&["--version"]).text();
    assert!(version.contains("SIMD compiled: scalar") && version.contains("SIMD detected: scalar"));
    let help = place.ok(&["--help"]).text();
    assert!(help.contains("Exit codes") && help.contains("transcode"), "{help}");
    assert!(place.ok(&["encode", "--help"]).text().contains("--token-parts"));
    assert!(place.ok(&["man"]).text().contains(".TH codec 1"));
    assert!(place.ok(&["man", "encode"]).text().contains("token\\-parts"));
    place.fails(2, "unknown command", &["man", "paint"]);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(place.ok(&["completions", shell]).text().contains("transcode"), "{shell}");
    }
}
