//! H.264 of other encoders, with B frames, decoded by OpenH264.

use std::collections::HashMap;
use std::fs;

use codec_backends::registry;
use codec_container::{AnnexB, CodedPacket, ReadOptions, Source, open_packets};
use codec_core::codec::{Codec, Conceal, DecoderConfig, VideoDecoder};
use codec_core::error::Error;
use codec_core::frame::Frame;
use codec_tests::{data, external, h264_cover as cover};
use md5::{Digest, Md5};

/// Streams that OpenH264 2.3.1 and 2.6 do not decode exactly; its own program gives the same
/// frames.
const INEXACT: [&str; 5] = ["Cisco_Men", "goh264_cabac", "membrane", "x01_high", "x03_cqm"];

/// The `expected_md5` of each file, from ffmpeg.
fn digests(manifest: &str) -> HashMap<String, String> {
    let mut lines = manifest.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let column = |name| header.iter().position(|&field| field == name).unwrap();
    let (path, md5) = (column("path"), column("expected_md5"));
    lines.map(|fields| (fields[path].to_owned(), fields[md5].to_owned())).collect()
}

/// The first video track's packets in the form for decoders, with their times.
fn packets_of_mp4(file: Vec<u8>) -> Vec<(Vec<u8>, i64)> {
    let source = Source::seekable(std::io::Cursor::new(file));
    let mut reader = open_packets(source, &ReadOptions::default()).unwrap();
    let is_h264 = |track: &codec_container::Track| {
        track.video().is_some_and(|video| video.codec == Codec::H264)
    };
    let track = reader.tracks().iter().position(is_h264).unwrap();
    let record = reader.tracks()[track].video().unwrap().codec_private.clone();
    let mut annex_b = AnnexB::new(&record).unwrap();
    reader.select(&[track]);
    let (mut packets, mut packet) = (Vec::new(), CodedPacket::default());
    while reader.read(&mut packet).unwrap() {
        let mut data = Vec::new();
        annex_b.convert(&packet.data, &mut data);
        packets.push((data, packet.pts));
    }
    packets
}

/// The access units of an Annex B stream: a new one begins with a picture's first slice, or the
/// units before it (ITU-T H.264, section 7.4.1.2.3).
fn access_units(stream: &[u8]) -> Vec<Vec<u8>> {
    let starts: Vec<_> = (0..stream.len().saturating_sub(4))
        .filter(|&at| stream[at..].starts_with(&[0, 0, 1]))
        .collect();
    let (mut units, mut has_slice): (Vec<Vec<u8>>, _) = (vec![Vec::new()], false);
    for (index, &at) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(stream.len());
        let kind = stream[at + 3] & 31;
        let is_slice = matches!(kind, 1 | 5);
        let begins = if is_slice { stream[at + 4] & 0x80 != 0 } else { matches!(kind, 6..=9) };
        if begins && has_slice {
            units.push(Vec::new());
            has_slice = false;
        }
        has_slice |= is_slice;
        units.last_mut().unwrap().extend_from_slice(&stream[at..end]);
    }
    units
}

fn decoder(conceal: Conceal) -> Box<dyn VideoDecoder> {
    let mut config = DecoderConfig::default();
    config.conceal = conceal;
    let (_, open, _) = registry::find_decoder("h264/openh264").unwrap();
    open(&config).unwrap()
}

/// All frames, with and without concealment: complete packets give the same.
fn decode(packets: &[(Vec<u8>, i64)]) -> Vec<Frame> {
    let [plain, concealing] = [Conceal::Off, Conceal::On].map(|conceal| {
        let mut decoder = decoder(conceal);
        let mut frames = Vec::new();
        for (data, pts) in packets {
            decoder.decode(data, *pts, Some(7)).unwrap();
            frames.extend(std::iter::from_fn(|| decoder.receive()));
        }
        decoder.finish();
        frames.extend(std::iter::from_fn(|| decoder.receive()));
        frames
    });
    assert!(plain.iter().all(|frame| frame.duration == Some(7)));
    let time_and_digest = |frame: &Frame| (frame.pts, frame.digest());
    assert!(
        plain.iter().map(time_and_digest).eq(concealing.iter().map(time_and_digest)),
        "with concealment"
    );
    plain
}

fn assert_times_ascend(name: &str, packets: &[(Vec<u8>, i64)], frames: &[Frame]) {
    let mut times: Vec<_> = packets.iter().map(|&(_, pts)| pts).collect();
    assert!(!times.is_sorted(), "{name} has no B frames");
    times.sort_unstable();
    let shown: Vec<_> = frames.iter().map(|frame| frame.pts).collect();
    assert_eq!(shown, times, "{name}");
}

fn md5_of(samples: impl Iterator<Item = Vec<u8>>) -> String {
    let mut hash = Md5::new();
    samples.for_each(|picture| hash.update(picture));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn frames_of_our_encoder_are_its_reconstruction() {
    for case in cover::cases() {
        let packets = cover::encode(&case);
        let data: Vec<_> = packets.iter().map(|packet| (packet.data.clone(), packet.pts)).collect();
        let frames = decode(&data);
        assert_eq!(frames.len(), packets.len(), "{case:?}");
        for (frame, packet) in frames.iter().zip(&packets) {
            assert_eq!(Some(frame.digest()), packet.meta.digest, "{}, {case:?}", packet.pts);
        }
    }
}

#[test]
fn frames_of_streams_are_ffmpegs() {
    let Some(dir) = data::dir("streams of H.264") else { return };
    let expected = digests(&fs::read_to_string(dir.join("MANIFEST.csv")).unwrap());
    let mut equal = 0;
    for file in data::files(&dir.join("h264"), "") {
        let name = format!("h264/{}", file.file_name().unwrap().to_string_lossy());
        let units = access_units(&fs::read(&file).unwrap());
        if name.contains("mbaff") {
            let said = decoder(Conceal::Off).decode(&units[0], 0, None);
            assert!(matches!(said, Err(Error::Unsupported(_))), "{name}: {said:?}");
            continue;
        }
        let packets: Vec<_> = units.into_iter().zip(0..).collect();
        let frames = decode(&packets);
        assert_eq!(frames.len(), packets.len(), "{name}");
        let is_equal = md5_of(frames.iter().map(|f| f.picture().to_i420())) == expected[&name];
        assert!(is_equal || INEXACT.iter().any(|part| name.contains(part)), "{name}");
        equal += usize::from(is_equal);
    }
    assert!(equal >= 24, "only {equal} streams are equal");
}

/// Files with partitioned B blocks, which OpenH264 does not decode exactly: the order is correct if
/// few samples of a frame differ from ffmpeg's.
#[test]
fn frames_of_mp4_are_output_in_presentation_order() {
    let Some(dir) = data::dir("H.264 in MP4") else { return };
    if !external::have("ffmpeg", "frames of H.264 in MP4") {
        return;
    }
    for name in ["h264_aac.mp4", "h264_aac_frag.mp4"] {
        let file = dir.join("containers").join(name);
        let packets = packets_of_mp4(fs::read(&file).unwrap());
        let frames = decode(&packets);
        assert_times_ascend(name, &packets, &frames);
        let theirs = external::ffmpeg_i420(&file);
        let ours: Vec<_> = frames.iter().map(|frame| frame.picture().to_i420()).collect();
        let pairs = ours.iter().zip(theirs.chunks(ours[0].len()));
        for (number, (ours, theirs)) in pairs.enumerate() {
            let differ = ours.iter().zip(theirs).filter(|(a, b)| a != b).count();
            assert!(differ * 10 < ours.len(), "{name}: {differ} samples of frame {number}");
        }
    }
}

#[test]
fn frames_of_x264_are_ffmpegs_in_every_order() {
    if !external::have("ffmpeg", "H.264 of x264") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("out.mp4");
    let path = file.to_string_lossy();
    for settings in [
        "bframes=3:b-pyramid=normal:keyint=16",
        "bframes=3:b-pyramid=none:keyint=12:open-gop=1",
        "bframes=16:b-adapt=0:b-pyramid=normal:keyint=250",
        "bframes=0:keyint=9",
    ] {
        let settings = format!("partitions=none:{settings}");
        let source = "testsrc2=size=176x144:rate=25:duration=3";
        let coding = ["-pix_fmt", "yuv420p", "-c:v", "libx264", "-x264-params", &settings];
        let mut arguments = vec!["-v", "error", "-y", "-f", "lavfi", "-i", source];
        arguments.extend_from_slice(&coding);
        arguments.push(&path);
        let _ = external::run("ffmpeg", &arguments);
        let packets = packets_of_mp4(fs::read(&file).unwrap());
        let frames = decode(&packets);
        if !settings.contains("bframes=0") {
            assert_times_ascend(&settings, &packets, &frames);
        }
        let ours = md5_of(frames.iter().map(|frame| frame.picture().to_i420()));
        let theirs = md5_of(std::iter::once(external::ffmpeg_i420(&file)));
        assert_eq!((frames.len(), ours), (75, theirs), "{settings}");
    }
}
