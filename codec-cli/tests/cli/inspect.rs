//! `codec inspect`: the page and the JSON agree, and damaged streams are reported.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::browsers::Browser;
use super::{Place, damaged_files, data, depth, has_ffmpeg};

/// Creates a place with an IVF file of twelve frames from our own encoder.
fn with_stream() -> Place {
    let place = Place::with_clip("talking-head", "176x144", 12);
    place.ok(&["encode", "clip.y4m", "-o", "a.ivf", "--preset", "rtc", "-b", "150k"]);
    place
}

fn report(place: &Place, name: &str) -> Value {
    serde_json::from_slice(&place.read(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn rows(report: &Value) -> &[Value] {
    report["frames"].as_array().unwrap()
}

fn sum(list: &Value) -> u64 {
    list.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum()
}

/// The JSON inside an element of a page.
fn embedded(page: &str, id: &str) -> Value {
    let (_, rest) = page.split_once(&format!("id=\"{id}\">")).unwrap();
    let (text, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{id}: {e}"))
}

#[test]
fn one_run_writes_a_page_and_its_data() {
    let place = with_stream();
    place.ok(&["inspect", "a.ivf", "-o", "r.html", "--json", "r.json"]);
    let report = report(&place, "r.json");
    assert_eq!((&report["schema"], &report["version"]), (&"codec-inspect".into(), &1.into()));
    assert_eq!(report["input"]["codec"], "vp8");
    assert_eq!(report["modes"]["luma"].as_array().unwrap().len(), 10);
    let probe = place.json(&["probe", "a.ivf", "--json", "--frames"]);
    let sizes = |value: &Value| -> Vec<_> {
        value.as_array().unwrap().iter().map(|row| row["bytes"].as_u64()).collect()
    };
    assert_eq!(sizes(&report["frames"]), sizes(&probe["frames"]));
    assert_eq!(rows(&report).len(), 12);
    assert_eq!(rows(&report)[0]["type"], "key");
    for row in rows(&report) {
        let (blocks, partitions) = (&row["blocks"], row["partitions"].as_array().unwrap());
        assert_eq!(blocks["luma"].as_array().unwrap().len(), 11 * 9);
        let bits = sum(&blocks["mode_q8"]) + partitions[0]["header_q8"].as_u64().unwrap();
        assert_eq!(bits, partitions[0]["used_q8"].as_u64().unwrap());
        assert_eq!(sum(&blocks["token_q8"]), partitions[1]["used_q8"].as_u64().unwrap());
    }
    let page = String::from_utf8(place.read("r.html")).unwrap();
    let (frames, rest) = (embedded(&page, "frames"), embedded(&page, "rest"));
    assert_eq!(sizes(&frames), sizes(&report["frames"]));
    assert_eq!(rest["summary"], report["summary"]);
    assert!(frames.as_array().unwrap().iter().all(|row| row["picture"].is_string()));
    assert!(frames.as_array().unwrap().iter().all(|row| row["blocks"].is_string()));
    // It is self-contained.
    assert!(page.ends_with("</html>\n"));
    for word in ["http:", "https:", "src=", "@import", "fetch("] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn frames_and_images_are_selected() {
    let place = with_stream();
    let indices = |name: &str| -> Vec<_> {
        rows(&report(&place, name)).iter().map(|row| row["index"].as_u64().unwrap()).collect()
    };
    place.ok(&["inspect", "a.ivf", "-o", "a.json", "--frames", "4..7"]);
    assert_eq!(indices("a.json"), [4, 5, 6]);
    place.ok(&["inspect", "a.ivf", "-o", "b.json", "-n", "2", "--skip", "3"]);
    assert_eq!(indices("b.json"), [3, 4]);
    let whole = place.json(&["inspect", "a.ivf", "-o", "-"]);
    assert_eq!(report(&place, "b.json")["frames"][0], whole["frames"][3]);
    for (pictures, count) in [("none", 0), ("all", 12), ("5", 5)] {
        let run = place.ok(&["inspect", "a.ivf", "-o", "p.html", "-y", "--pictures", pictures]);
        let page = String::from_utf8(place.read("p.html")).unwrap();
        assert_eq!(page.matches("data:image/webp").count(), count, "{pictures}");
        assert_eq!(run.err.contains("5 of 12"), pictures == "5", "{}", run.err);
    }
}

#[test]
fn invalid_outputs_are_rejected_before_any_work() {
    let place = with_stream();
    fs::write(place.path("old.html"), "old").unwrap();
    place.fails(2, "already exists", &["inspect", "a.ivf", "-o", "old.html"]);
    assert_eq!(place.read("old.html"), b"old");
    place.fails(2, "same file", &["inspect", "a.ivf", "-o", "a.ivf", "-f", "html", "-y"]);
    place.fails(2, "same file", &["inspect", "a.ivf", "-o", "x.html", "--json", "x.html"]);
    place.fails(2, "unknown report format", &["inspect", "a.ivf", "-o", "x.txt"]);
    place.fails(
        2,
        "requires an HTML page",
        &["inspect", "a.ivf", "-o", "x.json", "--json", "y.json"],
    );
    let both = ["inspect", "a.ivf", "-o", "x.html", "--frames", "2..4", "--skip", "1"];
    place.fails(2, "cannot be used with", &both);
    place.fails(2, "expected a number", &["inspect", "a.ivf", "-o", "x.html", "--frames", "4..2"]);
    place.fails(3, "no packets to inspect", &["inspect", "clip.y4m", "-o", "x.html"]);
    place.fails(3, "none.ivf", &["inspect", "none.ivf", "-o", "x.html"]);
    assert!(!place.has("x.html") && !place.has("x.json"));
    assert!(place.names().iter().all(|name| !name.starts_with('.')), "{:?}", place.names());
}

#[test]
fn packets_before_damage_are_reported() {
    let place = with_stream();
    let mut coded = place.read("a.ivf");
    // Damage the middle of the fourth packet.
    let mut at = 32;
    for _ in 0..3 {
        at += 12 + u32::from_le_bytes(coded[at..at + 4].try_into().unwrap()) as usize;
    }
    let len = u32::from_le_bytes(coded[at..at + 4].try_into().unwrap());
    let kept = len / 3;
    coded[at..at + 4].copy_from_slice(&kept.to_le_bytes());
    coded.drain(at + 12 + kept as usize..at + 12 + len as usize);
    fs::write(place.path("damaged.ivf"), coded).unwrap();

    let arguments = ["inspect", "damaged.ivf", "-o", "a.html", "--json", "a.json"];
    place.fails(4, "packet 3 at byte", &arguments);
    let stopped = report(&place, "a.json");
    assert_eq!(rows(&stopped).len(), 4);
    assert_eq!(rows(&stopped)[3]["type"], "damaged");
    assert!(rows(&stopped)[3]["error"].as_str().unwrap().contains("packet 3"));
    assert!(stopped["summary"]["error"].is_string());
    let page = String::from_utf8(place.read("a.html")).unwrap();
    assert_eq!(embedded(&page, "frames").as_array().unwrap().len(), 4);

    place.ok(&["inspect", "damaged.ivf", "-o", "b.json", "--conceal"]);
    let concealed = report(&place, "b.json");
    assert_eq!(rows(&concealed).len(), 12);
    let row = &rows(&concealed)[3];
    let marked = row["blocks"]["concealed"].as_array().unwrap();
    let marked = marked.iter().filter(|flag| **flag == 1).count() as u64;
    assert!(marked > 0);
    assert_eq!(row["concealed_blocks"], marked);
}

#[test]
fn an_undecodable_stream_is_reported_as_damaged() {
    let place = with_stream();
    let mut coded = place.read("a.ivf");
    let mut at = 32;
    while at < coded.len() {
        let len = u32::from_le_bytes(coded[at..at + 4].try_into().unwrap()) as usize;
        coded[at + 12..at + 12 + len].fill(0);
        at += 12 + len;
    }
    fs::write(place.path("zeros.ivf"), coded).unwrap();
    place.fails(4, "packet 0 at byte", &["inspect", "zeros.ivf", "-o", "a.json"]);
    assert_eq!(rows(&report(&place, "a.json")).len(), 1);
    let arguments = ["inspect", "zeros.ivf", "-o", "b.json", "--conceal"];
    place.fails(4, "no frame can be decoded", &arguments);
    assert!(rows(&report(&place, "b.json")).iter().all(|row| row["type"] == "damaged"));
}

#[test]
fn damaged_files_are_inspected_without_panic() {
    if depth::skips_long() {
        return;
    }
    let Some(files) = damaged_files() else { return };
    let place = Place::new();
    for (turn, file) in depth::sample(&files, 3, 0).into_iter().enumerate() {
        for extra in depth::in_turn(turn, [&[][..], &["--conceal"]]) {
            let limits = ["--limits", "pixels=2M", "--pictures", "2", "-y"];
            let outputs = ["-o", "x.html", "--json", "x.json"];
            let run = place.run(&[&["inspect", file], &outputs[..], &limits, extra].concat());
            assert!([0, 3, 4].contains(&run.code), "{file}: code {}: {}", run.code, run.err);
            assert!(run.code == 0 || run.err.contains(file), "{file}: no name in: {}", run.err);
            if place.has("x.json") {
                let page = String::from_utf8(place.read("x.html")).unwrap();
                let count = rows(&report(&place, "x.json")).len();
                assert_eq!(embedded(&page, "frames").as_array().unwrap().len(), count, "{file}");
                fs::remove_file(place.path("x.json")).unwrap();
            }
        }
    }
}

/// Adds `shift` to the U samples of the chroma rows and columns `at` in the frames `frames` of a
/// 176x144 clip.
fn tint(y4m: &mut [u8], frames: Range<usize>, at: Range<usize>, shift: u8) {
    let (luma, chroma) = (176 * 144, 88 * 72);
    let header = y4m.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for frame in frames {
        let u = header + frame * (6 + luma + 2 * chroma) + 6 + luma;
        for row in at.clone() {
            for sample in &mut y4m[u + row * 88..][at.clone()] {
                *sample += shift;
            }
        }
    }
}

#[test]
fn blocks_with_a_colour_cast_are_found_by_comparison_with_the_source() {
    let place = Place::with_clip("talking-head", "176x144", 12);
    place.ok(&["encode", "clip.y4m", "-o", "a.ivf", "--preset", "rtc", "--qp", "4"]);
    // Two rows and columns of blocks, from the second on, in frames 5 to 8.
    let mut clip = place.read("clip.y4m");
    tint(&mut clip, 5..9, 8..24, 8);
    fs::write(place.path("tinted.y4m"), clip).unwrap();
    let source = ["--source", "tinted.y4m"];
    let inspect = ["inspect", "a.ivf", "-o", "r.html", "--json", "r.json"];
    let run = place.ok(&[&inspect[..], &source].concat());
    assert!(run.err.contains("tinted.y4m: 1.35 % of the chroma blocks"), "{}", run.err);
    let report = report(&place, "r.json");
    assert_eq!(report["input"]["source"], "tinted.y4m");
    for (n, row) in rows(&report).iter().enumerate() {
        let (error, blocks) = (&row["chroma_error"], &row["blocks"]);
        let expected = if (5..9).contains(&n) { 4 } else { 0 };
        assert_eq!((&error["off"], &error["blocks"]), (&expected.into(), &99.into()), "{n}");
        assert_eq!((&error["off_u"], &error["off_v"]), (&expected.into(), &0.into()), "{n}");
        let mean = blocks["u_mean_error_q4"].as_array().unwrap();
        let off = mean.iter().enumerate().filter(|(_, mean)| mean.as_i64().unwrap().abs() > 64);
        let off: Vec<_> = off.map(|(at, mean)| (at, mean.as_i64().unwrap())).collect();
        assert!(off.iter().all(|(_, mean)| (-136..-120).contains(mean)), "{n}: {off:?}");
        let at: Vec<_> = off.iter().map(|(at, _)| *at).collect();
        assert_eq!(at, if expected > 0 { vec![12, 13, 23, 24] } else { vec![] }, "{n}");
        assert_eq!(blocks["v_mse_q4"].as_array().unwrap().len(), 99);
        // With a mean error of 7.5 at least, the squared error is 56 at least.
        let squared = blocks["u_mse_q4"][12].as_u64().unwrap();
        assert_eq!(squared > 56 * 16, expected > 0, "{n}: {squared}");
    }
    let total = &report["summary"]["chroma_error"];
    assert_eq!((&total["frames"], &total["off"]), (&12.into(), &16.into()));
    assert_eq!((&total["worst_frame"], &total["unmatched_frames"]), (&5.into(), &0.into()));
    let page = String::from_utf8(place.read("r.html")).unwrap();
    assert_eq!(embedded(&page, "frames")[6]["chroma_error"], rows(&report)[6]["chroma_error"]);
    assert_eq!(embedded(&page, "rest")["summary"], report["summary"]);
}

#[test]
fn frames_and_their_sources_are_matched_by_time() {
    let place = Place::with_clip("talking-head", "176x144", 12);
    let encode = ["encode", "clip.y4m", "--preset", "rtc", "--qp", "4", "--skip", "6"];
    place.ok(&[&encode[..], &["-o", "cut.webm"]].concat());
    place.ok(&[&encode[..], &["-o", "kept.webm", "--keep-times"]].concat());
    let mut clip = place.read("clip.y4m");
    tint(&mut clip, 8..9, 0..8, 8);
    fs::write(place.path("tinted.y4m"), clip).unwrap();
    let casts = |arguments: &[&str]| -> Vec<_> {
        let report = place.json(&[&["inspect", "-o", "-"], arguments].concat());
        rows(&report).iter().map(|row| row["chroma_error"]["off"].as_u64()).collect()
    };
    let expected: Vec<_> = [0, 0, 1, 0, 0, 0].map(Some).to_vec();
    assert_eq!(casts(&["kept.webm", "--source", "tinted.y4m"]), expected);
    let skipped = ["cut.webm", "--source", "tinted.y4m", "--source-skip", "6"];
    assert_eq!(casts(&skipped), expected);
    assert_eq!(casts(&[&skipped[..], &["--frames", "2..4"]].concat()), expected[2..4]);
    // A headerless source.
    place.ok(&["decode", "tinted.y4m", "-o", "tinted.yuv"]);
    let raw = ["--source", "tinted.yuv", "--raw", "176x144@30:i420"];
    assert_eq!(casts(&[&["kept.webm"], &raw[..]].concat()), expected);

    // A source that ends early.
    place.ok(&["decode", "clip.y4m", "-o", "short.y4m", "-n", "9"]);
    let run = place.ok(&["inspect", "kept.webm", "-o", "r.json", "--source", "short.y4m"]);
    assert!(run.err.contains("3 frames could not be compared"), "{}", run.err);
    let report = report(&place, "r.json");
    assert_eq!(rows(&report)[2]["chroma_error"]["off"], 0);
    assert!(rows(&report)[3]["chroma_error"].is_null());
    assert_eq!(rows(&report)[3]["not_compared"], "the source has no frame at this time");
    assert_eq!(report["summary"]["chroma_error"]["unmatched_frames"], 3);
}

#[test]
fn frames_of_a_byte_stream_are_matched_in_the_order_of_display() {
    let place = Place::with_clip("texture-pan", "176x144", 24);
    let encode = ["encode", "clip.y4m", "--codec", "h264", "--preset", "file", "--qp", "4"];
    place.ok(&[&encode[..], &["-o", "a.h264"]].concat());
    let mut clip = place.read("clip.y4m");
    tint(&mut clip, 13..14, 0..8, 16);
    fs::write(place.path("tinted.y4m"), clip).unwrap();
    let inspect = ["inspect", "a.h264", "-o", "-", "--source", "tinted.y4m"];
    let report = place.json(&inspect);
    let total = &report["summary"]["chroma_error"];
    assert_eq!((&total["frames"], &total["off"]), (&24.into(), &1.into()));
    assert_eq!(total["unmatched_frames"], 0);
    let off = |row: &Value| row["chroma_error"]["off"] == 1;
    assert_ne!(rows(&report).iter().position(off), Some(13), "the clip has B frames");

    let piped = ["inspect", "-", "-o", "r.json", "--source", "tinted.y4m"];
    let run = place.feed(&piped, &place.read("a.h264"));
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("--source requires a file as input"), "{}", run.err);
}

#[test]
fn unsuitable_sources_are_rejected() {
    let place = with_stream();
    let with = |source: &str| {
        ["inspect", "a.ivf", "-o", "r.json", "-y", "--source", source].map(str::to_owned)
    };
    let fails = |code, text: &str, arguments: &[String]| {
        place.fails(code, text, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    };
    fails(3, "cannot open none.y4m", &with("none.y4m"));
    fails(
        2,
        "same file",
        &["inspect", "a.ivf", "-o", "clip.y4m", "-f", "json", "-y", "--source", "clip.y4m"]
            .map(str::to_owned),
    );
    place.fails(2, "only one of the inputs", &["inspect", "-", "-o", "r.json", "--source", "-"]);
    place.fails(2, "--source", &["inspect", "a.ivf", "-o", "r.json", "--source-skip", "2"]);
    assert!(!place.has("r.json"));
    // The report is kept, without chroma errors.
    place.ok(&["generate", "talking-head", "-o", "small.y4m", "--size", "88x72", "-n", "12"]);
    fails(3, "the source has the size 88x72, and the frame 176x144", &with("small.y4m"));
    let report_of_small = report(&place, "r.json");
    assert!(rows(&report_of_small).iter().all(|row| row["chroma_error"].is_null()));
    place.ok(&["inspect", "a.ivf", "-o", "r.json", "-y"]);
    let without = report(&place, "r.json");
    assert!(rows(&without).iter().all(|row| row.get("chroma_error").is_none()));
    assert!(without["input"]["source"].is_null() && without["summary"]["chroma_error"].is_null());
    if let Some(dir) = data("av1") {
        let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        let file = paths.filter(|path| path.extension().is_some_and(|ext| ext == "ivf")).min();
        let file = file.unwrap();
        let arguments = ["inspect", file.to_str().unwrap(), "-o", "x.json", "--source", "clip.y4m"];
        place.fails(
            3,
            "block data, which is available for vp8, vp9 and h264, not for av1",
            &arguments,
        );
        assert!(!place.has("x.json"));
    }
}

/// Size and key flag of each packet as reported by ffprobe.
fn ffprobe_packets(file: &str) -> Option<Vec<(u64, bool)>> {
    let arguments = ["-v", "error", "-select_streams", "v:0", "-show_entries"];
    let form = ["packet=size,flags", "-of", "csv=p=0", file];
    let mut command = Command::new("ffprobe");
    let Ok(output) = command.args(arguments).args(form).stdin(Stdio::null()).output() else {
        assert!(std::env::var_os("CODEC_TEST_DATA").is_none(), "ffprobe is not installed");
        eprintln!("skipped, no ffprobe: {file}");
        return None;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text.lines().filter(|line| !line.is_empty()).map(|line| {
        let (size, flags) = line.split_once(',').unwrap();
        (size.parse().unwrap(), flags.contains('K'))
    });
    Some(rows.collect())
}

fn agrees_with_ffprobe(place: &Place, file: &str) {
    place.ok(&["inspect", file, "-o", "x.json", "-y"]);
    let report = report(place, "x.json");
    let found: Vec<_> = rows(&report)
        .iter()
        .map(|row| (row["bytes"].as_u64().unwrap(), row["type"] == "key"))
        .collect();
    if let Some(expected) = ffprobe_packets(file) {
        assert_eq!(found, expected, "{file}");
    }
    for row in rows(&report) {
        let Some(blocks) = row["blocks"].as_object() else { panic!("{file}: no blocks") };
        let grid = |side: &str| row[side].as_u64().unwrap().div_ceil(16);
        let count = grid("width") * grid("height");
        assert!(
            row["type"] == "repeat" || blocks["luma"].as_array().unwrap().len() as u64 == count
        );
    }
}

#[test]
fn conformance_vectors_and_streams_of_libvpx_agree_with_ffprobe() {
    if depth::skips_long() {
        return;
    }
    let Some(dir) = data("vp8") else { return };
    let place = Place::new();
    for number in ["001", "003", "008", "014", "017"] {
        let file = dir.join(format!("vp80-00-comprehensive-{number}.ivf"));
        agrees_with_ffprobe(&place, file.to_str().unwrap());
    }
    agrees_with_ffprobe(&place, dir.join("sintel-signbias.ivf").to_str().unwrap());
}

/// A frame header: type and quantiser index, or `None` for a frame that is shown again; slots that are replaced and
/// read, if the header states them.
type Av1Header = (Option<(u64, u64)>, Option<u64>, Vec<u64>);

/// The frame headers of an AV1 file as ffmpeg reads them.
fn traced_headers(file: &str) -> Vec<Av1Header> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-i", file, "-map", "0:v", "-c", "copy"]);
    command.args(["-bsf:v", "trace_headers", "-f", "null", "-"]);
    let output = command.output().unwrap();
    let mut headers: Vec<Av1Header> = Vec::new();
    let mut kind = 0;
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        let Some((_, line)) = line.split_once("trace_headers @") else { continue };
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, _, name, .., "=", value] = words[..] else { continue };
        let Ok(value) = value.parse::<u64>() else { continue };
        match name {
            "show_existing_frame" if value == 1 => headers.push((None, None, Vec::new())),
            "frame_type" => {
                headers.push((Some((value, 0)), None, Vec::new()));
                kind = value;
            }
            "refresh_frame_flags" => headers.last_mut().unwrap().1 = Some(value),
            "base_q_idx" => headers.last_mut().unwrap().0 = Some((kind, value)),
            _ if name.starts_with("ref_frame_idx[") => headers.last_mut().unwrap().2.push(value),
            _ => {}
        }
    }
    headers
}

fn agrees_with_traced_headers(place: &Place, file: &str) -> Vec<Value> {
    place.ok(&["inspect", file, "-o", "x.json", "-y"]);
    let report = report(place, "x.json");
    let rows = rows(&report);
    let wanted = traced_headers(file);
    assert_eq!(rows.len(), wanted.len(), "{file}");
    for (row, (coded, updates, reads)) in rows.iter().zip(wanted) {
        let header = &row["av1"];
        let types = ["key", "inter", "intra only", "switch"];
        let kind = types.iter().position(|kind| header["frame_type"] == *kind).unwrap() as u64;
        let found = row["qindex"].as_u64().map(|qindex| (kind, qindex));
        assert_eq!(found, coded, "{file}: {row}");
        let slots = row["updates"].as_array().unwrap().iter();
        let set = slots.fold(0, |set, slot| set | 1 << slot.as_u64().unwrap());
        assert!(updates.is_none_or(|updates| updates == set), "{file}: {row}");
        let references: Vec<u64> =
            header["references"].as_array().into_iter().flatten().flat_map(Value::as_u64).collect();
        assert!(reads.is_empty() || reads == references, "{file}: {row} {reads:?}");
    }
    let bytes: u64 = rows.iter().map(|row| row["bytes"].as_u64().unwrap()).sum();
    assert_eq!(report["summary"]["bytes"], bytes, "{file}");
    rows.to_vec()
}

#[test]
fn headers_of_av1_frames_agree_with_ffmpeg() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    if !has_ffmpeg() {
        return;
    }
    if let Some(dir) = data("av1") {
        for name in [
            "av1-1-b8-03-sizeup.ivf",
            "av1-1-b8-22-svc-L1T2.ivf",
            "av1-1-b8-23-film_grain-50.ivf",
            "frames_refs_short_signaling.ivf",
        ] {
            let rows = agrees_with_traced_headers(&place, dir.join(name).to_str().unwrap());
            let is_layered =
                rows.iter().any(|row| row["av1"]["temporal_id"] == 1 && row["shown"] == true);
            assert_eq!(is_layered, name.contains("L1T2"), "{name}");
        }
    }
    let source = ["-f", "lavfi", "-i", "testsrc2=s=320x192:r=25:d=1.2", "-pix_fmt", "yuv420p"];
    let codec = ["-c:v", "libaom-av1", "-cpu-used", "8", "-b:v", "150k", "-lag-in-frames", "19"];
    let tiles = ["-tile-columns", "1", "-tile-rows", "1", "-g", "20", "a.mp4"];
    place.ffmpeg(&[&source[..], &codec, &tiles].concat());
    let rows = agrees_with_traced_headers(&place, place.path("a.mp4").to_str().unwrap());
    assert!(rows.iter().any(|row| row["shown"] == false && row["type"] == "altref"));
    assert!(rows.iter().any(|row| row["type"] == "repeat" && row["qindex"].is_null()));
    let tiles = |row: &Value| {
        (row["av1"]["tile_columns"].as_u64().unwrap(), row["av1"]["tile_rows"].as_u64().unwrap())
    };
    assert!(rows.iter().filter(|row| !row["qindex"].is_null()).all(|row| tiles(row) == (2, 2)));
    // The same frames in another container.
    let copy = ["-i", "a.mp4", "-c", "copy", "a.ivf"];
    place.ffmpeg(&copy);
    let again = agrees_with_traced_headers(&place, place.path("a.ivf").to_str().unwrap());
    let headers = |rows: &[Value]| -> Vec<Value> {
        rows.iter()
            .map(|row| Value::from(vec![row["av1"].clone(), row["qindex"].clone()]))
            .collect()
    };
    assert_eq!(headers(&rows), headers(&again));
    // With super-resolution, the coded frames are narrower.
    place.ok(&["generate", "talking-head", "-o", "s.y4m", "--size", "320x192", "-n", "10"]);
    let mut aomenc = Command::new("aomenc");
    aomenc.args(["--ivf", "--cpu-used=8", "--superres-mode=1", "--superres-denominator=12"]);
    aomenc.args(["-q", "-o", "b.ivf", "s.y4m"]).current_dir(place.dir.path());
    let Ok(status) = aomenc.status() else { return };
    assert!(status.success());
    let rows = agrees_with_traced_headers(&place, place.path("b.ivf").to_str().unwrap());
    assert!(rows.iter().all(|row| row["width"] == 320 && row["height"] == 192));
}

#[test]
fn a_packet_of_av1_with_damaged_headers_keeps_its_row() {
    let place = Place::new();
    let Some(dir) = data("av1") else { return };
    let mut bytes = fs::read(dir.join("av1-1-b8-23-film_grain-50.ivf")).unwrap();
    // The first OBU of the third packet claims more bytes than the packet has.
    let mut at = 32;
    for _ in 0..2 {
        at += 12 + u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    }
    bytes[at + 13] = 0x7F;
    bytes.truncate(at + 12 + u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize);
    fs::write(place.path("bad.ivf"), bytes).unwrap();
    place.fails(4, "corrupt", &["inspect", "bad.ivf", "-o", "x.json"]);
    let report = report(&place, "x.json");
    assert_eq!(rows(&report).last().unwrap()["type"], "damaged");
    assert!(rows(&report).last().unwrap().get("av1").is_none());
    assert!(rows(&report)[0].get("av1").is_some());
}

#[test]
fn other_codecs_are_reported_packet_by_packet() {
    let place = Place::new();
    let Some(dir) = data("av1") else { return };
    let has = |path: &Path| path.extension().is_some_and(|ext| ext == "ivf" || ext == "obu");
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let path = paths.filter(|path| has(path)).min().unwrap();
    let file = path.to_str().unwrap();
    let run = place.ok(&["inspect", file, "-o", "x.html", "--json", "x.json", "-y", "-n", "2"]);
    assert!(run.err.contains("av1"), "{file}: {}", run.err);
    let report = report(&place, "x.json");
    assert!(report["input"]["note"].as_str().unwrap().contains("av1"), "{file}");
    let packets: Vec<_> = rows(&report).iter().map(|row| row["index"].as_u64()).collect();
    assert_eq!((packets[0], *packets.last().unwrap()), (Some(0), Some(1)), "{file}");
    assert!(rows(&report).iter().all(|row| row.get("blocks").is_none()), "{file}");
    assert!(rows(&report)[0]["type"] == "key", "{file}");
}

#[test]
fn blocks_of_vp9_have_their_places_and_add_up() {
    let place = Place::with_clip("talking-head", "200x144", 8);
    let encode = ["encode", "clip.y4m", "-o", "a.ivf", "--codec", "vp9", "--preset", "rtc"];
    place.ok(&[&encode[..], &["-b", "150k"]].concat());
    place.ok(&["inspect", "a.ivf", "-o", "r.html", "--json", "r.json", "--source", "clip.y4m"]);
    let report = report(&place, "r.json");
    assert!(report["input"]["note"].is_null());
    assert_eq!(rows(&report).len(), 8);
    for row in rows(&report) {
        let (blocks, partitions) = (&row["blocks"], row["partitions"].as_array().unwrap());
        let bits = sum(&blocks["mode_q8"]) + sum(&blocks["token_q8"]);
        let tile = &partitions[1];
        let [header, used] = ["header_q8", "used_q8"].map(|key| tile[key].as_u64().unwrap());
        assert_eq!(bits + header, used);
        for list in ["x", "y", "width", "height", "transform_px", "u_mean_error_q4"] {
            let length = blocks["luma"].as_array().unwrap().len();
            assert_eq!(blocks[list].as_array().unwrap().len(), length, "{list}");
        }
        assert!(row["chroma_error"]["blocks"].as_u64().unwrap() > 0);
    }
}

#[test]
fn hidden_frames_in_superframes_have_rows() {
    let Some(dir) = data("vp9") else { return };
    let place = Place::new();
    let file = dir.join("vp90-2-02-size-66x66.webm");
    place.ok(&["inspect", file.to_str().unwrap(), "-o", "r.json"]);
    let report = report(&place, "r.json");
    let packets = report["summary"]["packets"].as_u64().unwrap();
    let hidden = report["summary"]["altref"].as_u64().unwrap();
    assert!(hidden > 0);
    assert_eq!(rows(&report).len() as u64, packets + hidden);
    let at = rows(&report).iter().position(|row| row["type"] == "altref").unwrap();
    let (row, next) = (&rows(&report)[at], &rows(&report)[at + 1]);
    assert_eq!((&row["frame"], &next["frame"]), (&0.into(), &1.into()));
    assert_eq!(row["index"], next["index"]);
    assert_eq!((&row["shown"], &next["shown"]), (&false.into(), &true.into()));
}

#[test]
fn the_page_works_in_a_browser() {
    let Some(folder) = Browser::Chromium.scripts("the page") else { return };
    let place = with_stream();
    let mut clip = place.read("clip.y4m");
    tint(&mut clip, 1..9, 8..24, 20);
    fs::write(place.path("tinted.y4m"), clip).unwrap();
    place.ok(&["inspect", "a.ivf", "-o", "r.html", "--source", "tinted.y4m"]);
    place.ok(&["inspect", "a.ivf", "-o", "no-source.html"]);
    // Screenshots of failures are kept on request.
    let kept = std::env::var_os("CODEC_SCREENSHOTS").map(std::path::PathBuf::from);
    let shots = kept.unwrap_or_else(|| place.dir.path().to_owned());
    for name in ["r", "no-source"] {
        let mut command = Command::new("node");
        command.arg(folder.join("inspect.mjs")).arg(place.path(&format!("{name}.html")));
        let output = command.arg(shots.join(name)).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {}: {said}", output.status);
    }
}

#[cfg(feature = "h264")]
#[test]
fn the_bits_of_h264_macroblocks_add_up() {
    if depth::skips_long() {
        return;
    }
    let Some(dir) = data("h264") else { return };
    let place = Place::new();
    let mut modes = std::collections::BTreeSet::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        place.ok(&["inspect", path.to_str().unwrap(), "-o", "a.json", "-y", "--frames", "40"]);
        let report = report(&place, "a.json");
        for row in rows(&report).iter().filter(|row| row.get("blocks").is_some()) {
            let at = format!("{name}, packet {}", row["index"]);
            let blocks = &row["blocks"];
            let side = |name: &str| row[name].as_u64().unwrap().div_ceil(16);
            let luma = blocks["luma"].as_array().unwrap();
            assert_eq!(luma.len() as u64, side("width") * side("height"), "{at}");
            let slices = row["partitions"].as_array().unwrap();
            let total =
                |key: &str| slices.iter().map(|slice| slice[key].as_u64().unwrap()).sum::<u64>();
            let of_blocks = sum(&blocks["mode_q8"]) + sum(&blocks["token_q8"]);
            assert_eq!(total("header_q8") + of_blocks, total("used_q8"), "{at}");
            for slice in slices {
                let [bytes, used] = ["bytes", "used_q8"].map(|key| slice[key].as_u64().unwrap());
                let rest = (8 * 256 * bytes).checked_sub(used).unwrap();
                assert!(rest < 32 * 256, "{at}: {rest} after the macroblocks");
            }
            assert_eq!(sum(&blocks["concealed"]), 0, "{at}");
            let names = report["modes"]["luma"].as_array().unwrap();
            let index = |mode: &Value| usize::try_from(mode.as_u64().unwrap()).unwrap();
            let name = |mode: &Value| names[index(mode)].to_string();
            modes.extend(luma.iter().map(name));
        }
    }
    assert_eq!(modes.len(), 13, "{modes:?}");
}

#[cfg(feature = "h264")]
#[test]
fn frames_of_h264_are_compared_with_the_source_at_their_times() {
    let Some(dir) = data("containers") else { return };
    let place = Place::new();
    let input = dir.join("h264_aac.mp4");
    let input = input.to_str().unwrap();
    place.ok(&["decode", input, "-o", "source.y4m"]);
    place.ok(&["inspect", input, "--source", "source.y4m", "-o", "a.json"]);
    let error = &report(&place, "a.json")["summary"]["chroma_error"];
    assert_eq!((&error["frames"], &error["unmatched_frames"]), (&120.into(), &0.into()));
    assert_eq!(error["off"], 0, "{error}");
}
