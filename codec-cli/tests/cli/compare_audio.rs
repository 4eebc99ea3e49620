//! `codec compare` of audio codecs.

use std::process::Command;

use serde_json::Value;

use super::{Place, depth};

const CODEC: &str = env!("CARGO_BIN_EXE_codec");
/// Each point is encoded once.
const ONCE: [&str; 6] = ["--repeat", "1", "--warm-up", "0", "-o", "rep"];

/// A place with a second of audio as `a.wav`.
fn place() -> Place {
    let place = Place::new();
    place.ok(&["generate", "noise", "-o", "a.wav", "--fps", "25", "-n", "25"]);
    place
}

fn results(place: &Place) -> Value {
    serde_json::from_slice(&place.read("rep/results.json")).unwrap()
}

fn points<'a>(results: &'a Value, arm: &str) -> Vec<&'a Value> {
    results["points"].as_array().unwrap().iter().filter(|point| point["arm"] == arm).collect()
}

fn quality(point: &Value, metric: &str) -> f64 {
    point["quality"][metric]["mean"].as_f64().unwrap_or_else(|| panic!("no {metric}: {point}"))
}

fn study<'a>(arms: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    let arms = arms.iter().flat_map(|arm| ["--arm", *arm]);
    ["compare", "a.wav"].into_iter().chain(arms).chain(more.iter().copied()).chain(ONCE).collect()
}

#[test]
fn audio_codecs_have_curves_and_g711_has_one_point() {
    if depth::skips_long() {
        return;
    }
    let place = place();
    let arms = ["opus:10", "opus:2", "g711"];
    let run = place.ok(&study(&arms, &["-b", "16k,64k,128k", "--metrics", "all"]));
    let text = run.text();
    assert!(text.contains("BD-rate Segmental SNR, %") && text.contains("× real time"), "{text}");
    let one_rate = "g711: the codec has the fixed bitrate 64k and cannot encode at 16k, 128k";
    assert!(text.contains(one_rate), "{text}");
    assert!(text.contains("do not model hearing"), "{text}");
    let results = results(&place);
    assert_eq!(results["points"].as_array().unwrap().len(), 7);
    let clip = &results["clips"][0];
    assert_eq!(clip["audio"], serde_json::json!({ "sample_rate": 48000, "channels": 1 }));
    assert_eq!(
        (&clip["frames"], &clip["fps"], &clip["width"]),
        (&50.into(), &50.0.into(), &0.into())
    );
    for arm in ["opus:10", "opus:2"] {
        let points = points(&results, arm);
        let values: Vec<f64> = points.iter().map(|point| quality(point, "segmental_snr")).collect();
        assert!(values.is_sorted() && values[2] > values[0], "{arm}: {values:?}");
        assert!(quality(points[2], "lsd") < quality(points[0], "lsd"));
        for point in points {
            assert_eq!((&point["failure"], &point["latency"]), (&Value::Null, &Value::Null));
            assert_eq!(
                (&point["delivery"]["frames"], &point["delivery"]["frozen"]),
                (&50.into(), &0.into())
            );
            assert!(point["speed"]["cpu_ms_per_second"].as_f64().unwrap() > 0.0);
            let (kbps, target) =
                (point["kbps"].as_f64().unwrap(), point["target"]["value"].as_f64().unwrap());
            assert!((kbps / target - 1.0).abs() < 0.5, "{kbps} at {target}");
            let rows = place.read(&format!("rep/{}", point["frames_csv"].as_str().unwrap()));
            assert_eq!(rows.iter().filter(|&&byte| byte == b'\n').count(), 51);
        }
    }
    let g711 = points(&results, "g711");
    assert_eq!(g711[0]["target"], serde_json::json!({ "kind": "kbps", "value": 64.0 }));
    assert!((g711[0]["kbps"].as_f64().unwrap() - 64.0).abs() < 0.1, "{}", g711[0]["kbps"]);
    let comparison = |arm: &str| {
        let list = results["comparisons"].as_array().unwrap();
        list.iter().find(|one| one["arm"] == arm && one["metric"] == "segmental_snr").unwrap()
    };
    assert!(comparison("opus:2")["bd_rate"]["value"].is_f64(), "{}", comparison("opus:2"));
    let refused = comparison("g711")["clips"][0]["refused"].as_str().unwrap();
    assert!(refused.contains("too few points"), "{refused}");
    let csv = String::from_utf8(place.read("rep/results.csv")).unwrap();
    let heads: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    for head in ["cpu_ms_per_s", "sample_rate_hz", "segmental_snr_mean_dB", "lsd_worst_second_dB"] {
        assert!(heads.contains(&head), "{heads:?}");
    }
    let page = String::from_utf8(place.read("rep/index.html")).unwrap();
    assert!(page.contains("48 kHz, 1 channel, 1.00 s") && !page.contains("0 × 0"));
    assert!(!place.has("rep/plots/key-frames.svg") && place.has("rep/plots/rd-lsd.svg"));
}

#[test]
fn the_metrics_are_those_of_codec_metrics() {
    let place = place();
    place.ok(&study(
        &["o=opus --application lowdelay"],
        &["-b", "48k", "--metrics", "snr,lsd,segmental-snr"],
    ));
    place.ok(&[
        "encode",
        "a.wav",
        "-c",
        "opus",
        "--application",
        "lowdelay",
        "-b",
        "48k",
        "-o",
        "o.opus",
    ]);
    let alone = place.json(&["metrics", "a.wav", "o.opus", "--json"]);
    let results = results(&place);
    let point = &results["points"][0];
    for (metric, key, within) in [
        ("snr", "snr_db", 0.01),
        ("segmental_snr", "segmental_snr_db", 0.01),
        ("lsd", "log_spectral_distance_db", 0.1),
    ] {
        let (found, wanted) = (quality(point, metric), alone[key].as_f64().unwrap());
        assert!((found - wanted).abs() < within, "{metric}: {found}, not {wanted}");
    }
    // The command of the report is one that a user can run.
    let command = results["arms"][0]["command"].as_str().unwrap();
    assert!(
        command.starts_with("codec encode --quiet -y -c opus --application lowdelay -b 48k"),
        "{command}"
    );
    assert_eq!(results["arms"][0]["threads"], 1);
}

#[test]
fn commands_encode_the_audio_of_a_clip_without_video() {
    if depth::skips_long() {
        return;
    }
    let place = place();
    let own = format!(
        "own=cmd:{CODEC} encode --quiet -y -b {{kbps}}k -c opus --audio-rate {{sample_rate}} -o {{out:opus}} {{in}}"
    );
    place.ok(&study(&[&own], &["-b", "24k,96k"]));
    let results = results(&place);
    assert!(results["clips"][0]["audio"].is_object());
    assert!(points(&results, "own").iter().all(|point| point["failure"] == Value::Null));
    // A stream that ends early is scored as silence, and the segments are counted.
    let short = format!(
        "short=cmd:{CODEC} encode --quiet -y -b {{kbps}}k -c opus --to 0.5s -o {{out:opus}} {{in}}"
    );
    place.ok(&study(&["opus", &short], &["-b", "24k,96k"]));
    let results = self::results(&place);
    let delivery = &points(&results, "short")[0]["delivery"];
    assert_eq!((&delivery["frozen"], &delivery["freezes"]), (&25.into(), &1.into()), "{delivery}");
    place.fails(
        2,
        "{width} cannot be used in a comparison of audio",
        &study(&["opus", "cmd:enc {width} {kbps} {in} {out}"], &["-b", "24k"]),
    );
}

#[test]
fn the_audio_of_a_part_of_a_video_file_is_compared() {
    let place = place();
    place.ok(&[
        "generate",
        "static-slide",
        "-o",
        "v.y4m",
        "--size",
        "64x48",
        "--fps",
        "25",
        "-n",
        "25",
    ]);
    place.ok(&["encode", "v.y4m", "--audio-from", "a.wav", "--audio-codec", "flac", "-o", "v.mkv"]);
    let cut = ["compare", "v.mkv", "--arm", "opus", "-b", "24k,64k", "--from", "0.4s", "-j", "2"];
    place.ok(&[&cut[..], &["-o", "rep"]].concat());
    let results = results(&place);
    assert_eq!(results["points"].as_array().unwrap().len(), 2);
    assert!((results["clips"][0]["seconds"].as_f64().unwrap() - 0.6).abs() < 0.03);
}

#[test]
fn settings_that_have_no_meaning_for_audio_are_rejected() {
    let place = place();
    let rate = ["-b", "24k"];
    let refused = |word: &str, arms: &[&str], more: &[&str]| {
        place.fails(2, word, &study(arms, more));
    };
    refused(
        "arm vp8 encodes video, and arm opus encodes audio: one run compares either video or audio",
        &["vp8", "opus"],
        &rate,
    );
    refused("unknown metric of audio 'psnr_y'", &["opus"], &["-b", "24k", "--metrics", "psnr_y"]);
    let frames = "--frames is for video, and this study compares audio\nhelp: select a part";
    refused(frames, &["opus"], &["-b", "24k", "-n", "10"]);
    refused("audio encoders have bitrates only", &["opus"], &["--qp", "30"]);
    refused("audio encoders run on one thread", &["opus"], &["-b", "24k", "--threads", "2"]);
    refused("a lossless codec has no rate-quality curve", &["flac"], &rate);
    refused("pcmu has no complexity", &["g711:3"], &rate);
    refused(
        "the codec has the fixed bitrate 64k and cannot encode at 32k",
        &["g711 @ b=32k"],
        &rate,
    );
    refused("--audio-bitrate cannot be used in an arm", &["opus --audio-bitrate 32k"], &rate);
    refused("--speed requires video", &["opus --speed 3"], &rate);
    refused("invalid value '11'", &["opus:11"], &rate);
    place.fails(
        2,
        "help: add it with --arm opus:5",
        &["compare", "a.wav", "opus:5", "-b", "24k", "-o", "rep"],
    );
    place.ok(&["generate", "static-slide", "-o", "v.y4m", "--size", "64x48", "-n", "2"]);
    place.fails(3, "no audio", &["compare", "v.y4m", "--arm", "opus", "-b", "24k", "-o", "rep"]);
    assert!(!place.has("rep/results.json"));
}

#[test]
fn a_wideband_g711_has_its_own_rate() {
    let place = place();
    place.ok(&study(&["wide=pcma --audio-rate 16000"], &["-b", "128k"]));
    let results = results(&place);
    let point = &results["points"][0];
    assert_eq!(point["target"]["value"], 128.0);
    assert!((point["kbps"].as_f64().unwrap() - 128.0).abs() < 0.1, "{}", point["kbps"]);
    assert!(!results["notes"].to_string().contains("fixed bitrate"));
}

#[test]
fn an_audio_study_is_a_gate_and_continues() {
    if depth::skips_long() {
        return;
    }
    let place = place();
    let arms = ["a=opus", "b=opus:10"];
    let rates = ["-b", "16k,32k,64k"];
    place.ok(&study(&arms, &rates));
    std::fs::rename(place.path("rep/results.json"), place.path("old.json")).unwrap();
    let gate = ["-b", "16k,32k,64k", "--against", "old.json", "--max-bd-rate", "0"];
    let run = place.ok(&study(&arms, &gate));
    assert!(run.text().contains("b: BD-rate segmental_snr +0.00 %, lsd +0.00 %"), "{}", run.text());
    let worse = ["a=opus", "b=opus:10 --cbr --bandwidth nb"];
    place.fails(7, "worse than old.json: b: ", &study(&worse, &gate));
}

#[cfg(unix)]
#[test]
fn an_interrupted_audio_study_reports_its_complete_points() {
    if depth::skips_long() {
        return;
    }
    use std::process::Stdio;
    let place = place();
    std::fs::write(place.path("hold"), "").unwrap();
    let held = format!(
        "held=cmd:sh -c 'while [ {{kbps}} = 64 ] && [ -e hold ]; do sleep 0.02; done; exec {CODEC} encode --quiet -y -c opus \
         -b {{kbps}}k -o {{out:opus}} {{in}}'"
    );
    let study = study(&["opus", &held], &["-b", "16k,32k,64k"]);
    let mut run =
        place.command(&study).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let scores = || {
        let folders =
            std::fs::read_dir(place.path("rep/.codec-compare")).into_iter().flatten().flatten();
        folders.filter(|folder| folder.path().join("score.json").exists()).count()
    };
    while scores() != 5 {
        assert!(run.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    super::interrupts::interrupt(&run);
    let output = run.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.starts_with("Partial: 5 of 6 points"), "{text}");
    std::fs::remove_file(place.path("hold")).unwrap();
    place.ok(&study);
    assert_eq!(results(&place)["points"].as_array().unwrap().len(), 6);
}

/// Whether a program is installed; required with counterparts.
fn have(program: &str) -> bool {
    let found = Command::new(program).arg("-h").output().is_ok();
    if !found {
        assert!(std::env::var_os("CODEC_COUNTERPARTS").is_none(), "no {program}: see .ci/run");
        eprintln!("skipped: no {program}");
    }
    found
}

#[test]
fn other_audio_encoders_are_known_by_name() {
    if depth::skips_long() {
        return;
    }
    if !have("opusenc") || !have("ffmpeg") {
        return;
    }
    let place = place();
    let arms = ["opus:10", "libopus:10", "libopus", "aac", "mp3:7"];
    place.ok(&study(&arms, &["-b", "48k,96k"]));
    let results = results(&place);
    for arm in arms {
        let points = points(&results, arm);
        assert!(points.iter().all(|point| point["failure"] == Value::Null), "{points:?}");
        let values: Vec<f64> = points.iter().map(|point| quality(point, "segmental_snr")).collect();
        assert!(values[0] < values[1] && values[0] > 0.0, "{arm}: {values:?}");
        for point in points {
            assert_eq!(point["streams_differ"], false);
            assert_eq!(point["delivery"]["frozen"], 0, "{arm}");
        }
    }
    let bytes = |arm: &str| points(&results, arm)[0]["bytes"].clone();
    assert_eq!(bytes("libopus:10"), bytes("libopus"));
    let arm = |name: &str| {
        let list = results["arms"].as_array().unwrap();
        list.iter().find(|arm| arm["name"] == name).unwrap().clone()
    };
    assert!(arm("aac")["version"].as_str().unwrap().starts_with("ffmpeg: ffmpeg version"));
    let command = arm("libopus")["command"].as_str().unwrap().to_owned();
    assert!(command.starts_with("opusenc --bitrate 48 --vbr --quiet --comp 10"), "{command}");
    place.fails(2, "the encoder has bitrates only", &study(&["aac"], &["--qp", "30"]));
}
