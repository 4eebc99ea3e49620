//! The encoder's reconstruction equals the output of the native decoder, of libvpx and of ffmpeg.

use std::sync::Arc;

use codec_backends::registry;
use codec_core::codec::{
    Bitrate, Content, DecoderConfig, EncoderConfig, Packet, Preset, RateControl, Scalability,
    SlotSet, Tune,
};
use codec_core::frame::{Rational, Size};
use codec_core::parallel::RowPool;
use codec_core::simd::Level;
use codec_tests::cover::pairwise;
use codec_tests::encoders::Tested;
use codec_tests::scene::Motion;
use codec_tests::session::Session;
use codec_tests::{depth, external};
use codec_vp9::superframe::append_index;

/// Settings of a stream.
#[derive(Clone, Debug)]
struct Case {
    size: Size,
    speed: u8,
    mode: RateControl,
    scalability: Scalability,
    motion: Motion,
    content: Content,
    preset: Preset,
    tune: Option<Tune>,
    error_resilient: bool,
    sharpness: i64,
    filter_level: i64,
}

const SIZES: [(u32, u32); 13] = [
    (1, 1),
    (2, 9),
    (8, 8),
    (66, 34),
    (63, 65),
    (98, 50),
    (176, 144),
    (130, 250),
    (352, 288),
    (34, 1000),
    (640, 360),
    (1280, 720),
    (1920, 1080),
];

fn cases() -> Vec<Case> {
    let modes = [
        RateControl::FixedQ(1),
        RateControl::FixedQ(60),
        RateControl::FixedQ(140),
        RateControl::FixedQ(255),
        RateControl::Cbr(Bitrate::kbps(150)),
        RateControl::Vbr(Bitrate::kbps(800)),
        RateControl::Quality(70),
    ];
    let layers = [Scalability::L1T1, Scalability::L1T2, Scalability::L1T3];
    let motions = [Motion::Patch, Motion::Pan, Motion::Still];
    let sizes = [SIZES.len(), 11, modes.len(), layers.len(), motions.len(), 2, 2, 3, 2, 3, 3];
    let case = |index: Vec<usize>| Case {
        size: Size::new(SIZES[index[0]].0, SIZES[index[0]].1),
        speed: u8::try_from(index[1]).unwrap(),
        mode: modes[index[2]],
        scalability: layers[index[3]],
        motion: motions[index[4]],
        content: [Content::Camera, Content::Screen][index[5]],
        preset: [Preset::Rtc, Preset::File][index[6]],
        tune: [None, Some(Tune::Psnr), Some(Tune::Visual)][index[7]],
        error_resilient: index[8] == 1,
        sharpness: [0, 3, 7][index[9]],
        filter_level: [-1, 0, 63][index[10]],
    };
    pairwise(&sizes, 9).into_iter().map(case).collect()
}

fn encode(case: &Case, simd: Option<Level>, threads: usize) -> Session {
    let rate = Rational::new(30, 1);
    let mut config = match case.preset {
        Preset::Rtc => EncoderConfig::rtc(case.size, rate, Bitrate::kbps(150)),
        Preset::File => EncoderConfig::file(case.size, rate, case.mode),
    };
    config.rate.mode = case.mode;
    (config.speed, config.scalability) = (case.speed, case.scalability);
    (config.content, config.tune) = (case.content, case.tune);
    (config.error_resilient, config.simd) = (case.error_resilient, simd);
    config.report_digest = true;
    config.pool = Some(Arc::new(RowPool::new(threads).unwrap()));
    let knobs = [("sharpness", case.sharpness), ("filter-level", case.filter_level)];
    config.knobs = knobs.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let mut session = Session::of(Tested::VP9, config);
    let frames = if case.size.pixels() > 200_000 { 4 } else { 9 };
    session.scene(case.motion, 0, frames);
    session.finish();
    session
}

fn bytes(packets: &[Packet]) -> Vec<&[u8]> {
    packets.iter().map(|packet| &packet.data[..]).collect()
}

/// An IVF file of packets.
pub(super) fn ivf(size: Size, packets: &[Packet]) -> Vec<u8> {
    let mut file = b"DKIF\0\0\x20\0VP90".to_vec();
    let half = |value: u32| u16::try_from(value).unwrap().to_le_bytes();
    file.extend([half(size.width), half(size.height)].concat());
    file.extend([30, 0, 0, 0, 1, 0, 0, 0]);
    file.extend(u32::try_from(packets.len()).unwrap().to_le_bytes());
    file.extend([0; 4]);
    for (pts, packet) in (0_u64..).zip(packets) {
        file.extend(u32::try_from(packet.data.len()).unwrap().to_le_bytes());
        file.extend(pts.to_le_bytes());
        file.extend_from_slice(&packet.data);
    }
    file
}

/// The samples that the native decoder returns: Y, U, V of all frames.
fn decoded(packets: &[Packet]) -> Vec<u8> {
    decoded_with(&DecoderConfig::default(), packets)
}

pub(super) fn decoded_with(config: &DecoderConfig, packets: &[Packet]) -> Vec<u8> {
    let (open, _) = registry::find("vp9/native").unwrap().decoder.unwrap();
    let mut decoder = open(config).unwrap();
    let mut samples = Vec::new();
    for packet in packets {
        decoder.decode(&packet.data, packet.pts, None).unwrap();
        while let Some(frame) = decoder.receive() {
            frame.picture().append_bytes(&mut samples);
        }
    }
    samples
}

#[test]
fn streams_decode_to_the_reconstruction_in_all_decoders() {
    let has_vpxdec = external::have("vpxdec", "VP9 streams decoded by libvpx");
    let has_ffmpeg = external::have("ffmpeg", "VP9 streams decoded by ffmpeg");
    let dir = std::env::temp_dir().join(format!("vp9-encoder-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    for (index, case) in depth::sample(cases(), 24, 0).iter().enumerate() {
        let session = encode(case, None, 1);
        assert!(!session.packets.is_empty(), "{case:?}");
        session.check_decoding(|_| true);
        let own = decoded(&session.packets);
        let file = dir.join(format!("{index}.ivf"));
        std::fs::write(&file, ivf(case.size, &session.packets)).unwrap();
        if has_vpxdec {
            assert!(external::vpxdec_i420(&file) == own, "vpxdec: {case:?}");
        }
        if has_ffmpeg {
            assert!(external::ffmpeg_i420(&file) == own, "ffmpeg: {case:?}");
        }
        std::fs::remove_file(&file).unwrap();
    }
    std::fs::remove_dir_all(&dir).unwrap();
}

/// The levels to compare with scalar code.
fn vector_levels() -> impl Iterator<Item = Level> {
    Level::supported().filter(|level| *level != Level::Scalar)
}

#[test]
fn all_levels_give_the_same_bytes() {
    let cases = cases();
    let small = cases.iter().filter(|case| case.size.pixels() < 130_000).step_by(3);
    for (turn, case) in depth::sample(small, 6, 0).into_iter().enumerate() {
        let expected = encode(case, Some(Level::Scalar), 1);
        for level in depth::in_turn(turn, vector_levels()) {
            let packets = encode(case, Some(level), 1).packets;
            assert!(bytes(&packets) == bytes(&expected.packets), "{level:?}: {case:?}");
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let cases = cases();
    let high = cases.iter().filter(|case| case.size.height > 64).step_by(2);
    for (turn, case) in depth::sample(high, 12, 0).into_iter().enumerate() {
        let expected = encode(case, None, 1);
        for threads in depth::in_turn(turn, [2, 3, 5]) {
            let packets = encode(case, None, threads).packets;
            assert!(bytes(&packets) == bytes(&expected.packets), "{threads} threads: {case:?}");
        }
    }
}

/// Joins hidden frames with the next shown one to superframes, as files contain them.
fn superframes(packets: &[Packet]) -> Vec<Packet> {
    let mut joined = Vec::new();
    let (mut data, mut sizes) = (Vec::new(), Vec::new());
    for packet in packets {
        data.extend_from_slice(&packet.data);
        sizes.push(packet.data.len());
        if packet.meta.shown {
            append_index(&sizes, &mut data);
            joined.push(Packet { data: std::mem::take(&mut data), ..packet.clone() });
            sizes.clear();
        }
    }
    joined
}

fn encode_file(speed: u8, motion: Motion, simd: Option<Level>, threads: usize) -> Session {
    let (size, rate) = (Size::new(176, 144), Rational::new(30, 1));
    let mut config = EncoderConfig::file(size, rate, RateControl::Quality(60));
    (config.speed, config.simd, config.report_digest) = (speed, simd, true);
    config.pool = Some(Arc::new(RowPool::new(threads).unwrap()));
    let mut session = Session::of(Tested::VP9, config);
    session.scene(motion, 0, 34);
    session.finish();
    session
}

#[test]
fn files_have_hidden_altref_frames_that_all_decoders_take_in_superframes() {
    let has_vpxdec = external::have("vpxdec", "VP9 superframes decoded by libvpx");
    let has_ffmpeg = external::have("ffmpeg", "VP9 superframes decoded by ffmpeg");
    let dir = std::env::temp_dir().join(format!("vp9-file-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    for speed in depth::sample(0..=10_u8, 4, 0) {
        let motion = [Motion::Pan, Motion::Patch, Motion::Bands][usize::from(speed % 3)];
        let session = encode_file(speed, motion, None, 1);
        let packets = &session.packets;
        assert_eq!(packets.iter().filter(|packet| packet.meta.shown).count(), 34);
        let hidden = packets.iter().filter(|packet| !packet.meta.shown).collect::<Vec<_>>();
        assert!(!hidden.is_empty(), "speed {speed}");
        let updating =
            |slot| hidden.iter().filter(|packet| packet.meta.refs_updated == slot).count();
        // The last frame of a group, and its middle frame.
        let (altref, middle) = (updating(SlotSet::ALTREF), updating(SlotSet::GOLDEN));
        assert!(altref > 0 && altref + middle == hidden.len(), "speed {speed}");
        assert_eq!(middle > 0, motion == Motion::Bands, "speed {speed}");
        let uses = |slot| packets.iter().any(|packet| packet.meta.refs_used.contains(slot));
        assert!(uses(SlotSet::LAST.with(SlotSet::ALTREF)), "speed {speed}");
        assert_eq!(session.check_decoding(|_| true), 34);
        let joined = superframes(packets);
        let own = decoded(&joined);
        assert!(own == decoded(packets), "speed {speed}");
        let file = dir.join(format!("{speed}.ivf"));
        std::fs::write(&file, ivf(Size::new(176, 144), &joined)).unwrap();
        if has_vpxdec {
            assert!(external::vpxdec_i420(&file) == own, "vpxdec: speed {speed}");
        }
        if has_ffmpeg {
            assert!(external::ffmpeg_i420(&file) == own, "ffmpeg: speed {speed}");
        }
    }
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn files_divide_inter_blocks_of_8x8() {
    let session = encode_file(3, Motion::Bands, None, 1);
    let mut config = DecoderConfig::default();
    config.trace = true;
    let mut decoder = codec_vp9::decoder::open(&config).unwrap();
    let mut divided = 0;
    for packet in &session.packets {
        decoder.decode(&packet.data, packet.pts, None).unwrap();
        while decoder.receive().is_some() {}
        let trace = decoder.trace().unwrap();
        let inter = trace.blocks.iter().filter(|block| !block.is_intra());
        divided += inter.filter(|block| !trace.parts_of(block).is_empty()).count();
    }
    assert!(divided > 0);
}

#[test]
fn files_have_the_same_bytes_at_all_levels_and_with_any_number_of_threads() {
    let pan = [1, 7, 3].map(|speed| (speed, Motion::Pan));
    let cases = pan.into_iter().chain([(3, Motion::Bands)]);
    for (turn, (speed, motion)) in depth::sample(cases, 4, 1).into_iter().enumerate() {
        let expected = encode_file(speed, motion, Some(Level::Scalar), 1);
        let at = format!("{motion:?}, speed {speed}");
        for level in depth::in_turn(turn, vector_levels()) {
            let packets = encode_file(speed, motion, Some(level), 1).packets;
            assert!(bytes(&packets) == bytes(&expected.packets), "{level:?}, {at}");
        }
        let packets = encode_file(speed, motion, None, 3).packets;
        assert!(bytes(&packets) == bytes(&expected.packets), "3 threads, {at}");
    }
}

#[test]
fn frames_wider_than_a_tile_have_several_tiles() {
    let case = Case {
        size: Size::new(4160, 70),
        speed: 7,
        mode: RateControl::FixedQ(100),
        scalability: Scalability::L1T1,
        motion: Motion::Pan,
        content: Content::Camera,
        preset: Preset::Rtc,
        tune: None,
        error_resilient: false,
        sharpness: 0,
        filter_level: -1,
    };
    let session = encode(&case, None, 1);
    assert_eq!(session.check_decoding(|_| true), 4);
    assert!(bytes(&encode(&case, None, 2).packets) == bytes(&session.packets));
}
