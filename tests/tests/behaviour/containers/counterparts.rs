//! Other programs read our files and see the same stream.

use codec_container::{CodedPacket, Format, VideoTrack};
use codec_core::frame::{
    Chromaticity, ColorRange, ContentLight, HdrMetadata, MasteringDisplay, Rational, Size,
    TransferCharacteristics,
};
use codec_tests::depth;
use codec_tests::external::{have, run};

use super::support::{
    Destination, TestPacket, data, probe_quietly, read_video, temp_file, vp8_stream, write_all,
};

fn given(packet: &CodedPacket) -> TestPacket {
    let CodedPacket { data, pts, duration, key, shown, .. } = packet.clone();
    TestPacket { data, pts, duration, key, shown }
}

/// A conformance stream and its properties.
fn source(name: &str) -> Option<(Vec<u8>, VideoTrack, Vec<TestPacket>)> {
    let bytes = data(name)?;
    let (stream, packets) = read_video(&bytes);
    let given = packets.iter().map(given).collect();
    Some((bytes, stream, given))
}

fn with_format(stream: &VideoTrack, format: Format) -> VideoTrack {
    let mut other = stream.clone();
    other.format = format;
    other
}

/// MD5 of each frame that ffmpeg decodes, without its time.
fn frame_digests(suffix: &str, bytes: &[u8]) -> Vec<String> {
    let file = temp_file(suffix, bytes);
    let path = file.path().to_string_lossy().into_owned();
    let arguments =
        ["-v", "error", "-xerror", "-i", &path, "-fps_mode", "passthrough", "-f", "framemd5", "-"];
    let text = String::from_utf8(run("ffmpeg", &arguments)).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit(',').next().unwrap().trim().to_owned()).collect()
}

/// The output of ffprobe, one `key=value` per line, without warnings.
fn probe(suffix: &str, bytes: &[u8], entries: &str) -> Vec<String> {
    let file = temp_file(suffix, bytes);
    let output = std::process::Command::new("ffprobe")
        .args(["-v", "warning", "-show_entries", entries, "-of", "default=nw=1"])
        .arg(file.path())
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaints.is_empty(), "{complaints}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// The first one is probed. Those of VP9 have superframes with hidden frames, and frames that are shown
/// again.
const STREAMS: [&str; 7] = [
    "vp8/vp80-00-comprehensive-001.ivf",
    "vp8/vp80-00-comprehensive-008.ivf",
    "vp8/vp80-05-sharpness-1428.ivf",
    "vp8/sintel-signbias.ivf",
    "vp9/vp90-2-02-size-66x66.webm",
    "vp9/vp90-2-10-show-existing-frame.webm",
    "vp9/vp90-2-12-droppable_1.ivf",
];

#[test]
fn ivf_states_its_true_duration_whatever_its_time_base() {
    if !have("ffprobe", "the duration of IVF") {
        return;
    }
    // 129 frames at 30 frames per second, in ticks of IVF itself, of WebM, of MP4.
    for (num, den) in [(1, 30), (1, 1000), (1, 1_000_000_000), (1, 90_000), (1001, 30_000)] {
        let fps = if num == 1 { 30.0 } else { 30_000.0 / 1001.0 };
        let packets: Vec<_> = (0..129_i64)
            .map(|index| {
                let pts = if den <= 30_000 && den != 1000 { index } else { index * den / 30 };
                TestPacket::new(index == 0, pts, 100, 7)
            })
            .collect();
        let stream = vp8_stream(Format::Ivf, (num, u32::try_from(den).unwrap()));
        let bytes = write_all(Destination::File, &stream, &packets);
        let lines = probe_quietly(".ivf", &bytes, "format=duration");
        let stated: f64 = lines[0].strip_prefix("duration=").unwrap().parse().unwrap();
        let expected = 129.0 / fps;
        assert!((stated - expected).abs() < 0.02, "{num}/{den}: {stated} s, expected {expected}");
        let (track, back) = read_video(&bytes);
        let seconds = back[128].pts as f64 * track.time_base.as_f64();
        assert!((seconds - 128.0 / fps).abs() < 0.001, "{num}/{den}: {seconds}");
        let stated = track.duration.map(|ticks| ticks as f64 * track.time_base.as_f64());
        assert!(stated.is_none_or(|stated| (stated - expected).abs() < 0.02));
        assert_eq!(track.packet_count, (den <= 30_000 && den != 1000).then_some(129));
    }
}

#[test]
fn ffmpeg_decodes_the_same_frames_from_every_format() {
    if !have("ffmpeg", "decoding of our files") {
        return;
    }
    for (turn, name) in STREAMS.into_iter().enumerate() {
        let Some((bytes, stream, given)) = source(name) else { return };
        let expected = frame_digests(".ivf", &bytes);
        assert!(!expected.is_empty());
        let outputs = [
            (Format::Ivf, Destination::File, ".ivf"),
            (Format::Ivf, Destination::Pipe, ".ivf"),
            (Format::WebM, Destination::File, ".webm"),
            (Format::WebM, Destination::Pipe, ".webm"),
            (Format::Mp4, Destination::File, ".mp4"),
        ];
        for (format, to, suffix) in depth::sample(outputs, 2, turn) {
            let written = write_all(to, &with_format(&stream, format), &given);
            assert_eq!(frame_digests(suffix, &written), expected, "{name} as {format}, {to:?}");
        }
    }
}

#[test]
fn ffprobe_sees_the_configuration_of_vp9_in_mp4() {
    if !have("ffprobe", "the configuration of VP9") {
        return;
    }
    // Fragments are written before their bitrate is known.
    for (name, size, levels) in [
        ("vp9/vp90-2-02-size-66x66.webm", Size::new(66, 66), [10, 10]),
        ("vp9/vp90-2-10-show-existing-frame.webm", Size::new(352, 288), [21, 20]),
    ] {
        let Some((_, stream, given)) = source(name) else { return };
        assert_eq!(stream.size, size, "{name}");
        for (to, level) in [Destination::File, Destination::Pipe].into_iter().zip(levels) {
            let written = write_all(to, &with_format(&stream, Format::Mp4), &given);
            let lines = probe(".mp4", &written, "stream=profile,pix_fmt");
            assert_eq!(lines, ["profile=Profile 0", "pix_fmt=yuv420p"], "{name}, {to:?}");
            let at = written.windows(4).position(|window| window == b"vpcC").expect("a record");
            // Version and flags, profile, level, 8 bits and 4:2:0 of limited range.
            assert_eq!(written[at + 4..at + 11], [1, 0, 0, 0, 0, level, 0x82], "{name}, {to:?}");
        }
    }
}

#[test]
fn ffprobe_sees_times_durations_colours_and_aspect() {
    if !have("ffprobe", "probing of our files") {
        return;
    }
    let Some((_, mut stream, mut given)) = source(STREAMS[0]) else { return };
    stream.info.color.range = ColorRange::Full;
    stream.info.color.matrix.0 = 1;
    stream.info.color.primaries.0 = 1;
    stream.info.color.transfer.0 = 13;
    stream.info.pixel_aspect = Some(Rational::new(12, 11));
    // Uneven times on a clock of 90 kHz, from 1 s on.
    stream.time_base = Rational::new(1, 90000);
    stream.frame_rate = None;
    for (index, packet) in given.iter_mut().enumerate() {
        packet.pts = 90_000 + (index * index) as i64 * 900;
        packet.duration = Some((2 * index as u64 + 1) * 900);
    }
    let last = given.last().unwrap();
    let last_time = format!("pts_time={:.6}", last.pts as f64 / 90e3);
    let last_duration = format!("duration_time={:.6}", last.duration.unwrap() as f64 / 90e3);
    for (format, to, suffix) in [
        (Format::WebM, Destination::File, ".webm"),
        (Format::WebM, Destination::Pipe, ".webm"),
        (Format::Mp4, Destination::File, ".mp4"),
    ] {
        let written = write_all(to, &with_format(&stream, format), &given);
        let entries = "stream=codec_name,width,height,sample_aspect_ratio,color_range,\
                       color_space,color_transfer,color_primaries,duration:packet=pts_time,duration_time";
        let lines = probe(suffix, &written, entries);
        let has =
            |line: &str| assert!(lines.iter().any(|seen| seen == line), "{line} in {lines:?}");
        has("codec_name=vp8");
        has("width=176");
        has("sample_aspect_ratio=12:11");
        has("color_range=pc");
        has("color_space=bt709");
        has("color_primaries=bt709");
        has("color_transfer=iec61966-2-1");
        has("pts_time=1.000000");
        has(&last_time);
        if format == Format::Mp4 {
            // ffprobe guesses durations in MP4; their sum comes from the file.
            let sum: u64 = given.iter().filter_map(|packet| packet.duration).sum();
            has(&format!("duration={:.6}", sum as f64 / 90e3));
        } else {
            has(&last_duration);
        }
    }
}

#[test]
fn ffprobe_and_our_readers_see_the_metadata_of_high_dynamic_range() {
    let Some((_, mut stream, given)) = source(STREAMS[0]) else { return };
    let point = |x, y| Chromaticity { x, y };
    let mastering = MasteringDisplay {
        primaries: [point(34_000, 16_000), point(13_250, 34_500), point(7_500, 3_000)],
        white: point(15_635, 16_450),
        max_luminance: 10_000_000,
        min_luminance: 1,
    };
    let light = ContentLight { max: 1000, max_average: 400 };
    stream.info.hdr = HdrMetadata { mastering: Some(mastering), light: Some(light) };
    stream.info.color.transfer = TransferCharacteristics::PQ;
    for (format, suffix) in
        [(Format::WebM, ".webm"), (Format::Matroska, ".mkv"), (Format::Mp4, ".mp4")]
    {
        let written = write_all(Destination::File, &with_format(&stream, format), &given);
        assert_eq!(read_video(&written).0.info.hdr, stream.info.hdr, "{format}");
        if !have("ffprobe", "metadata of high dynamic range") {
            continue;
        }
        let lines = probe(suffix, &written, "stream_side_data");
        let value = |name: &str| {
            let line = lines.iter().find_map(|line| line.strip_prefix(name)).expect(name);
            let (above, below) = line.split_once('/').unwrap_or((line, "1"));
            above.parse::<f64>().unwrap() / below.parse::<f64>().unwrap()
        };
        let expected = [
            ("red_x=", 0.68, 2e-5),
            ("green_y=", 0.69, 2e-5),
            ("blue_x=", 0.15, 2e-5),
            ("white_point_y=", 0.329, 2e-5),
            ("max_luminance=", 1000.0, 0.01),
            ("min_luminance=", 0.0001, 5e-5),
            ("max_content=", 1000.0, 0.0),
            ("max_average=", 400.0, 0.0),
        ];
        for (name, truth, tolerance) in expected {
            let seen = value(name);
            assert!((seen - truth).abs() <= tolerance, "{name} {seen} in {format}");
        }
    }
}

#[test]
fn ffprobe_and_mkvmerge_have_nothing_to_complain_about() {
    if !have("ffprobe", "probing") || !have("mkvmerge", "merging") {
        return;
    }
    for name in STREAMS {
        let Some((_, stream, given)) = source(name) else { return };
        for to in [Destination::File, Destination::Pipe] {
            let written = write_all(to, &with_format(&stream, Format::WebM), &given);
            let lines = probe(".webm", &written, "format=format_name:packet=pts");
            let packets = lines.iter().filter(|line| line.starts_with("pts=")).count();
            assert_eq!(packets, given.len());
            let source = temp_file(".webm", &written);
            let merged = temp_file(".mkv", &[]);
            // mkvmerge's exit code is 1 after a warning.
            let out = merged.path().to_string_lossy().into_owned();
            let _ = run("mkvmerge", &["-o", &out, &source.path().to_string_lossy()]);
            let (_, again) = read_video(&std::fs::read(merged.path()).unwrap());
            assert_eq!(again.len(), given.len());
            for (packet, given) in again.iter().zip(&given) {
                assert_eq!((&packet.data, packet.key), (&given.data, given.key));
            }
        }
    }
}

#[test]
fn mkvinfo_finds_the_index_and_every_size() {
    if !have("mkvinfo", "listing of elements") {
        return;
    }
    let Some((_, stream, mut given)) = source(STREAMS[0]) else { return };
    // IVF has no durations; the last one needs a block group.
    given.last_mut().unwrap().duration = Some(2);
    let written = write_all(Destination::File, &with_format(&stream, Format::WebM), &given);
    let file = temp_file(".webm", &written);
    let text = String::from_utf8(run("mkvinfo", &["-a", &file.path().to_string_lossy()])).unwrap();
    for wanted in ["+ Seek head", "+ Cues", "+ Duration", "+ Cluster", "+ Block duration"] {
        assert!(text.contains(wanted), "{wanted} in\n{text}");
    }
    assert!(!text.to_lowercase().contains("unknown"), "{text}");
}

#[test]
fn ffmpeg_seeks_by_the_index() {
    if !have("ffmpeg", "seeking") {
        return;
    }
    // Ten key frames, a second apart.
    let Some((_, stream, frames)) = source(STREAMS[0]) else { return };
    let key = &frames[0];
    let given: Vec<_> = (0..10)
        .map(|second| TestPacket { pts: second * 1000, ..key.clone() }.lasting(1000))
        .collect();
    let mut stream = with_format(&stream, Format::WebM);
    stream.time_base = Rational::new(1, 1000);
    stream.frame_rate = None;
    for format in [Format::WebM, Format::Mp4] {
        let written = write_all(Destination::File, &with_format(&stream, format), &given);
        let file = temp_file(if format == Format::WebM { ".webm" } else { ".mp4" }, &written);
        let path = file.path().to_string_lossy().into_owned();
        let arguments = ["-v", "error", "-ss", "7", "-i", &path, "-f", "framecrc", "-"];
        let text = String::from_utf8(run("ffmpeg", &arguments)).unwrap();
        let frames = text.lines().filter(|line| !line.starts_with('#')).count();
        // ffmpeg continues a gap of one frame per second.
        assert!((3..=4).contains(&frames), "{format}: {text}");
    }
}

#[test]
fn webm_of_ffmpeg_and_mkvmerge_gives_the_same_packets_as_ivf() {
    if !have("ffmpeg", "writing WebM") || !have("mkvmerge", "writing Matroska") {
        return;
    }
    for name in STREAMS {
        let Some((bytes, expected, given)) = source(name) else { return };
        let ivf = temp_file(".ivf", &bytes);
        let from = ivf.path().to_string_lossy().into_owned();
        let live = run("ffmpeg", &["-v", "error", "-i", &from, "-c", "copy", "-f", "webm", "-"]);
        let merged = temp_file(".mkv", &[]);
        let out = merged.path().to_string_lossy().into_owned();
        let _ = run("mkvmerge", &["-o", &out, &from]);
        for bytes in [live, std::fs::read(merged.path()).unwrap()] {
            let (stream, packets) = read_video(&bytes);
            assert_eq!(stream.codec, expected.codec);
            assert_eq!(packets.len(), given.len(), "{name}");
            for (packet, given) in packets.iter().zip(&given) {
                assert_eq!((&packet.data, packet.key), (&given.data, given.key), "{name}");
            }
        }
    }
}

#[test]
fn an_empty_file_of_each_format_is_valid() {
    for format in [Format::Ivf, Format::WebM, Format::Mp4] {
        let written = write_all(Destination::File, &vp8_stream(format, (1, 30)), &[]);
        let (_, packets) = read_video(&written);
        assert!(packets.is_empty());
    }
}
