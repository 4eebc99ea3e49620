//! With intra refresh, decoding can start at a frame with a recovery point SEI: when the refresh cycle is
//! complete, the frames of our decoder and of ffmpeg's equal the encoder's reconstruction.

use std::path::Path;

use codec_core::codec::{
    Bitrate, DecoderConfig, EncoderConfig, FrameKind, OutputOrder, Packet, Scalability,
};
use codec_core::frame::{PictureInfo, Rational, Size};
use codec_h264::bits::unescape;
use codec_h264::nal::{AnnexBUnits, NalHeader, NalType};
use codec_h264::sei::RecoveryPoint;
use codec_tests::cover::pairwise;
use codec_tests::encoders::Tested;
use codec_tests::scene::Motion;
use codec_tests::session::Session;
use codec_tests::{depth, external};

use super::open;
use crate::conformance::plane_bytes;

const SIZE: Size = Size { width: 130, height: 148 };
const ROWS: usize = 10;

/// Returns the recovery point of a packet.
fn recovery_point(packet: &Packet) -> Option<RecoveryPoint> {
    let mut rbsp = Vec::new();
    AnnexBUnits::new(&packet.data).filter_map(NalHeader::split).find_map(|(nal, payload)| {
        unescape(payload, &mut rbsp);
        RecoveryPoint::find(&rbsp).filter(|_| nal.nal_type == NalType::Sei)
    })
}

/// Settings of a stream.
#[derive(Debug)]
struct Case {
    rows: u8,
    scalability: Scalability,
    motion: Motion,
    knobs: [(&'static str, i64); 2],
    kbps: u64,
    speed: u8,
}

fn cases() -> Vec<Case> {
    let layers = [Scalability::L1T1, Scalability::L1T2, Scalability::L1T3];
    let motions = [Motion::Patch, Motion::Pan, Motion::Still];
    let sizes = [3, layers.len(), motions.len(), 3, 2, 2, 4];
    let case = |index: Vec<usize>| Case {
        rows: [1, 3, 20][index[0]],
        scalability: layers[index[1]],
        motion: motions[index[2]],
        knobs: [("profile", [66, 77, 100][index[3]]), ("slices", [1, 4][index[4]])],
        kbps: [100, 600][index[5]],
        speed: [2, 5, 7, 10][index[6]],
    };
    // Rates so low that golden frames take several long-term indices in turn.
    let low = |(scalability, motion, kbps)| Case {
        rows: 1,
        scalability,
        motion,
        knobs: [("profile", 100), ("slices", 1)],
        kbps,
        speed: 10,
    };
    let low = [
        (Scalability::L1T1, Motion::Patch, 100),
        (Scalability::L1T2, Motion::Patch, 40),
        (Scalability::L1T1, Motion::Still, 40),
        (Scalability::L1T2, Motion::Still, 40),
    ]
    .map(low);
    pairwise(&sizes, 3).into_iter().map(case).chain(low).collect()
}

/// Encodes at least three cycles of the refresh.
fn encode(case: &Case) -> Vec<Packet> {
    let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(case.kbps));
    (config.intra_refresh, config.scalability) = (case.rows, case.scalability);
    (config.report_digest, config.speed) = (true, case.speed);
    config.knobs = case.knobs.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let mut session = Session::of(Tested::H264, config);
    let period = 1 << (case.scalability.temporal_layers() - 1);
    let cycle = ROWS.div_ceil(case.rows.into()) * period;
    session.scene(case.motion, 0, 3 * cycle as u64 + 2);
    assert_eq!(session.keys(), [0], "{case:?}");
    session.packets
}

/// Checks the frames of a decoder that starts with the first of `packets`.
fn check(case: &Case, packets: &[&Packet]) {
    let mut config = DecoderConfig::default();
    config.output_order = OutputOrder::LowDelay;
    let mut decoder = open(&config);
    let mut shown = Vec::new();
    for packet in packets {
        decoder.decode(&packet.data, packet.pts, None).unwrap();
        while let Some(frame) = decoder.receive() {
            let packet = packets.iter().find(|packet| packet.pts == frame.pts).unwrap();
            let pts = frame.pts;
            assert_eq!(Some(frame.digest()), packet.meta.digest, "frame {pts} of {case:?}");
            shown.push(pts);
        }
    }
    // From the last frame of the base layer that is refreshed.
    let base: Vec<_> = packets.iter().filter(|packet| packet.meta.temporal_id == 0).collect();
    let first = base[ROWS.div_ceil(case.rows.into()) - 1].pts;
    let expected = packets.iter().map(|packet| packet.pts).filter(|&pts| pts >= first);
    assert!(expected.eq(shown.iter().copied()), "{case:?}: {shown:?} from {first}");
}

#[test]
fn decoding_starts_at_a_recovery_point() {
    for case in cases() {
        let packets = encode(&case);
        let points: Vec<_> =
            (1..packets.len()).filter(|&n| recovery_point(&packets[n]).is_some()).collect();
        assert!(points.len() >= 3, "{case:?}: {points:?}");
        assert!(points.iter().all(|&n| packets[n].meta.kind == FrameKind::Inter));
        let from: Vec<&Packet> = packets[points[1]..].iter().collect();
        check(&case, &from);
        // Without the upper layers.
        let base: Vec<_> = from.into_iter().filter(|packet| packet.meta.temporal_id == 0).collect();
        check(&case, &base);
    }
}

/// Decodes the packets with ffmpeg and returns the last `count` frames.
fn last_of_ffmpeg(dir: &Path, packets: &[Packet], count: usize) -> Vec<u8> {
    let path = dir.join("stream.264");
    let data: Vec<u8> = packets.iter().flat_map(|packet| packet.data.iter().copied()).collect();
    std::fs::write(&path, data).unwrap();
    let path = path.to_string_lossy();
    // Streams without an IDR picture are not detected.
    let input = ["-v", "error", "-threads", "1", "-f", "h264", "-i", &path];
    let output = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"];
    let frames = external::run("ffmpeg", &[&input[..], &output].concat());
    let bytes = usize::try_from(SIZE.i420_bytes()).unwrap() * count;
    frames[frames.len() - bytes..].to_vec()
}

#[test]
fn ffmpeg_starts_at_a_recovery_point() {
    if depth::skips_long() {
        return;
    }
    if !external::have("ffmpeg", "recovery points of H.264") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for case in cases() {
        let packets = encode(&case);
        let points: Vec<_> =
            (1..packets.len()).filter(|&n| recovery_point(&packets[n]).is_some()).collect();
        let mut decoder = open(&DecoderConfig::default());
        let mut frames = Vec::new();
        for packet in &packets {
            decoder.decode(&packet.data, packet.pts, None).unwrap();
            frames.extend(std::iter::from_fn(|| decoder.receive()));
        }
        decoder.finish();
        frames.extend(std::iter::from_fn(|| decoder.receive()));
        assert_eq!(frames.len(), packets.len());
        // The frames from the end of the second cycle on.
        let complete = &frames[points[2]..];
        let mut ours = Vec::new();
        for frame in complete {
            plane_bytes(&frame.buf.picture(PictureInfo::default()), |row| {
                ours.extend_from_slice(row);
            });
        }
        let theirs = last_of_ffmpeg(dir.path(), &packets[points[1]..], complete.len());
        assert!(ours == theirs, "{case:?}");
    }
}
