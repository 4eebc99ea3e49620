//! Every packet decodes to the encoder's reconstruction, and its bytes do not depend on the number
//! of threads or the SIMD level.

use std::sync::Arc;

use codec_core::analysis::Analyser;
use codec_core::codec::plan::{FrameOrder, FramePlan};
use codec_core::codec::{DecoderConfig, Packet, SlotSet};
use codec_core::frame::{Picture, PictureInfo, Rational, Size};
use codec_core::parallel::{RowPool, Serial};
use codec_simd::{Kernels, Level};

use crate::nal::AnnexBUnits;

use super::{FrameEncoder, FrameKnobs, FrameSettings, Profile, ScalingMatrix};

/// A way of coding the clip.
#[derive(Clone, Copy, Debug)]
struct Case {
    size: Size,
    profile: Profile,
    scaling_matrix: ScalingMatrix,
    slices: u8,
    slice_bytes: u16,
    speed: u8,
    qp: u8,
    threads: usize,
    level: Level,
    frames: usize,
    /// Number of consecutive B frames; with two or more, that in the middle is a reference.
    b_frames: u8,
    /// Whether each frame starts with empty memory for decisions.
    forgets: bool,
    /// Bits above which a frame is coded again at a higher quantiser.
    max_bits: Option<u64>,
    content: Content,
}

/// Content of the clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// See [`frame`].
    Motion,
    /// See [`noise`].
    Noise,
    /// The motion, from a dark grey that is not quite black.
    FadeIn,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            size: Size::new(82, 70),
            profile: Profile::High,
            scaling_matrix: ScalingMatrix::Flat,
            slices: 1,
            slice_bytes: 0,
            speed: 7,
            qp: 26,
            threads: 1,
            level: Level::Scalar,
            frames: 5,
            b_frames: 0,
            forgets: false,
            max_bits: None,
            content: Content::Motion,
        }
    }
}

/// The fastest level that the CPU supports.
fn best_level() -> Level {
    Level::supported().next_back().unwrap_or(Level::Scalar)
}

/// Returns frame `n` of a clip: a texture that moves by fractions of a sample in front of a static
/// one, and a block that changes its colour.
fn frame(size: Size, n: usize) -> Vec<u8> {
    let (width, height) = (size.width as usize, size.height as usize);
    let texture =
        |x: usize, y: usize| ((x * x / 7 + y * 5 + x * y / 11) % 97 + 60).to_le_bytes()[0];
    let luma = |x: usize, y: usize| {
        if x > width / 3 && y > height / 3 {
            // Three quarters of a sample to the right per frame, one down.
            let at = (4 * x + 400 - 3 * n) / 4;
            let next = texture(at + 1, y + 50 - n);
            u8::midpoint(texture(at, y + 50 - n), next)
        } else if x < 16 && y < 16 {
            (40 * n % 200 + 20).to_le_bytes()[0]
        } else {
            texture(x, y)
        }
    };
    let mut out: Vec<u8> = (0..height).flat_map(|y| (0..width).map(move |x| luma(x, y))).collect();
    for plane in 1..3 {
        for y in 0..height.div_ceil(2) {
            out.extend((0..width.div_ceil(2)).map(|x| luma(2 * x, y) / 2 + 30 * plane));
        }
    }
    out
}

/// Returns frame `n` of a clip of noise, which codes no macroblock with few bits.
fn noise(size: Size, n: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(n as u64 + 1);
    let sample = |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Black or white.
        if state >> 40 & 1 == 0 { 0 } else { 255 }
    };
    let (width, height) = (size.width as usize, size.height as usize);
    (0..width * height + 2 * width.div_ceil(2) * height.div_ceil(2)).map(sample).collect()
}

/// Returns frame `n` of `count` of a fade.
fn fade_in(size: Size, n: usize, count: usize) -> Vec<u8> {
    let mut data = frame(size, n);
    let (luma, chroma) = data.split_at_mut((size.width * size.height) as usize);
    let faded = |sample: u8, from: usize| {
        let sum = usize::from(sample) * (n + 1) + from * (count - 1 - n);
        u8::try_from(sum / count).unwrap()
    };
    luma.iter_mut().for_each(|sample| *sample = faded(*sample, 20));
    chroma.iter_mut().for_each(|sample| *sample = faded(*sample, 128));
    data
}

/// Returns the frames of a clip in coding order: number, updated slots, level.
fn coding_order(case: &Case) -> Vec<(usize, SlotSet, u8)> {
    let b_frames = usize::from(case.b_frames);
    let mut order = vec![(0, SlotSet::LAST, 0)];
    while order.len() < case.frames {
        let first = order.len();
        let last = (first + b_frames).min(case.frames - 1);
        order.push((last, SlotSet::LAST, 0));
        let middle = usize::midpoint(first, last);
        if last - first >= 2 {
            order.push((middle, SlotSet::ALTREF, 1));
        }
        let plain = (first..last).filter(|&n| last - first < 2 || n != middle);
        order.extend(plain.map(|n| (n, SlotSet::NONE, 2)));
    }
    order
}

/// Returns the packets of the clip with the digests of the reconstructed frames and their numbers.
fn encode(case: &Case) -> Vec<(Vec<u8>, u64, usize)> {
    let knobs = FrameKnobs {
        profile: case.profile,
        scaling_matrix: case.scaling_matrix,
        slices: case.slices,
        slice_bytes: case.slice_bytes,
        ..FrameKnobs::default()
    };
    // WASI has no threads.
    let has_pool = case.threads > 1 && !cfg!(target_family = "wasm");
    let pool = has_pool.then(|| Arc::new(RowPool::new(case.threads).unwrap()) as _);
    let mut encoder = FrameEncoder::new(&FrameSettings {
        size: case.size,
        knobs,
        framerate: Rational::new(30, 1),
        bitrate: 0,
        buffer: None,
        info: PictureInfo::default(),
        max_b_frames: case.b_frames,
        pool,
        simd: Some(case.level),
        report_sse: false,
        report_digest: true,
        stages: None,
    })
    .unwrap();
    let mut analyser = Analyser::new();
    let kernels = Kernels::for_level(case.level).unwrap();
    let mut packet = Packet::default();
    coding_order(case)
        .into_iter()
        .map(|(n, updates, level)| {
            let data = match case.content {
                Content::Motion => frame(case.size, n),
                Content::Noise => noise(case.size, n),
                Content::FadeIn => fade_in(case.size, n, case.frames),
            };
            let picture = Picture::i420_packed(case.size, &data).unwrap();
            let analysis = analyser.analyse(&picture, kernels, &Serial);
            let mut plan = match n {
                0 => FramePlan::key(case.qp, case.speed),
                _ => FramePlan::inter(case.qp, case.speed),
            };
            if case.b_frames > 0 {
                let display = 7 + n as u64;
                plan.order = Some(FrameOrder { display, level });
                if n > 0 {
                    plan.updates = updates;
                }
            }
            match n {
                _ if case.b_frames > 0 => {}
                2 => plan.updates = SlotSet::LAST.with(SlotSet::GOLDEN),
                3 => plan.updates = SlotSet::NONE,
                _ => {}
            }
            if case.max_bits.is_some() {
                (plan.max_bits, plan.max_qindex) = (case.max_bits, 51);
            }
            if case.forgets {
                encoder.forget_scratch();
            }
            encoder.encode_frame(&picture, &plan, Some(analysis), &mut packet).unwrap();
            (packet.data.clone(), packet.meta.digest.unwrap(), n)
        })
        .collect()
}

fn check(case: &Case) {
    let mut decoder = crate::decoder::open(&DecoderConfig::default()).unwrap();
    let mut digests = Vec::new();
    let mut expected = vec![0; case.frames];
    for (data, digest, n) in encode(case) {
        decoder.decode(&data, 0, None).unwrap();
        expected[n] = digest;
        while let Some(frame) = decoder.receive() {
            digests.push(frame.digest());
        }
    }
    decoder.finish();
    while let Some(frame) = decoder.receive() {
        digests.push(frame.digest());
    }
    assert_eq!(digests, expected, "{case:?}");
}

#[test]
fn all_speeds_match_the_decoder() {
    for speed in 0..=10 {
        for qp in [12, 26, 40] {
            check(&Case { speed, qp, level: best_level(), ..Case::default() });
        }
    }
}

#[test]
fn all_profiles_and_slices_match_the_decoder() {
    for profile in [Profile::ConstrainedBaseline, Profile::Main, Profile::High] {
        for (slices, speed) in [(1, 5), (2, 9), (9, 4)] {
            check(&Case { profile, slices, speed, level: best_level(), ..Case::default() });
        }
    }
}

#[test]
fn scaling_matrices_match_the_decoder() {
    for speed in 0..=10 {
        for qp in [0, 5, 6, 13, 26, 40, 51] {
            let scaling_matrix = ScalingMatrix::Jvt;
            check(&Case { scaling_matrix, speed, qp, level: best_level(), ..Case::default() });
        }
    }
    let flat = encode(&Case::default());
    let jvt = Case { scaling_matrix: ScalingMatrix::Jvt, ..Case::default() };
    assert!(encode(&jvt)[1..] != flat[1..]);
    // The profile has none.
    let case = |scaling_matrix| Case { profile: Profile::Main, scaling_matrix, ..jvt };
    assert_eq!(encode(&case(ScalingMatrix::Jvt)), encode(&case(ScalingMatrix::Flat)));
}

#[test]
fn b_frames_match_the_decoder() {
    for b_frames in [1, 2, 3, 7] {
        for (speed, qp) in [(2, 30), (5, 20), (7, 26), (9, 40), (10, 34)] {
            let base = Case { b_frames, speed, qp, level: best_level(), ..Case::default() };
            check(&Case { frames: 20, ..base });
            check(&Case { profile: Profile::Main, slices: 3, frames: 9, threads: 3, ..base });
        }
    }
}

#[test]
fn fades_match_the_decoder_and_take_few_bits() {
    for (b_frames, speed, frames) in [(1, 2, 9), (3, 5, 17), (2, 7, 16), (3, 9, 17), (3, 10, 17)] {
        let base = Case {
            b_frames,
            speed,
            frames,
            size: Size::new(120, 88),
            content: Content::FadeIn,
            ..Case::default()
        };
        check(&Case { level: best_level(), ..base });
        check(&Case { profile: Profile::Main, slices: 2, threads: 2, level: best_level(), ..base });
        // Without B frames there are no weights.
        let bytes =
            |case: &Case| -> usize { encode(case)[1..].iter().map(|(data, ..)| data.len()).sum() };
        let (weighted, plain) = (bytes(&base), bytes(&Case { b_frames: 0, ..base }));
        assert!(6 * weighted < 5 * plain, "speed {speed}: {weighted} and {plain} bytes");
    }
}

#[test]
fn all_sizes_match_the_decoder() {
    for (width, height, frames) in
        [(16, 16, 5), (2, 2, 5), (18, 34, 5), (16, 240, 3), (240, 16, 3), (360, 640, 2)]
    {
        let size = Size::new(width, height);
        check(&Case { size, frames, threads: 2, level: best_level(), ..Case::default() });
    }
}

#[test]
fn bytes_do_not_depend_on_threads_or_simd_levels() {
    let fade = Case { b_frames: 2, frames: 10, content: Content::FadeIn, ..Case::default() };
    let plain = [(10, 1), (7, 2), (5, 1), (2, 1), (0, 1)];
    let plain = plain.map(|(speed, slices)| Case { speed, slices, ..Case::default() });
    let others = [5, 2].map(|speed| Case { speed, ..fade });
    for base in plain.into_iter().chain(others) {
        let expected = encode(&base);
        for level in Level::supported() {
            assert_eq!(encode(&Case { level, ..base }), expected, "{level:?} {base:?}");
        }
        for threads in 2..=4 {
            let case = Case { threads, level: best_level(), ..base };
            assert_eq!(encode(&case), expected, "{case:?}");
        }
    }
}

#[test]
fn frames_above_a_limit_end_early_at_the_same_row_for_all_threads() {
    for (speed, slices, max_bits) in [(9, 1, 3000), (7, 2, 6000), (5, 1, 1500), (2, 3, 9000)] {
        for profile in [Profile::ConstrainedBaseline, Profile::High] {
            let limited = Some(max_bits);
            let size = Size::new(130, 120);
            let base = Case { size, speed, slices, profile, qp: 10, frames: 4, ..Case::default() };
            let base = Case { max_bits: limited, level: best_level(), ..base };
            check(&base);
            let expected = encode(&base);
            for threads in 2..=4 {
                let case = Case { threads, ..base };
                assert!(encode(&case) == expected, "{case:?}");
            }
            assert!(encode(&Case { level: Level::Scalar, ..base }) == expected, "{base:?}");
            for (data, _, n) in &expected {
                let bits = 8 * data.len() as u64;
                assert!(bits <= max_bits, "frame {n}: {bits} bits, {base:?}");
            }
        }
    }
}

/// Returns the bytes of the slices of a packet.
fn slice_sizes(data: &[u8]) -> Vec<usize> {
    let units = AnnexBUnits::new(data).filter(|unit| matches!(unit[0] & 31, 1 | 5));
    units.map(<[u8]>::len).collect()
}

#[test]
fn slices_of_limited_size_match_the_decoder() {
    for profile in [Profile::ConstrainedBaseline, Profile::Main, Profile::High] {
        for (slice_bytes, slices) in [(100, 1), (113, 3), (300, 1), (1200, 2)] {
            for (qp, speed) in [(4, 7), (12, 2), (20, 9), (26, 5), (32, 10)] {
                let case = Case {
                    profile,
                    slices,
                    slice_bytes,
                    speed,
                    qp,
                    level: best_level(),
                    ..Case::default()
                };
                check(&case);
                for (data, ..) in encode(&case) {
                    let sizes = slice_sizes(&data);
                    let max = usize::from(slice_bytes);
                    assert!(sizes.iter().all(|&size| size <= max), "{sizes:?} {case:?}");
                    assert!(sizes.len() >= usize::from(slices));
                    // The slices are not much smaller than they may be.
                    let bytes: usize = sizes.iter().sum();
                    assert!(qp > 4 || bytes * 10 >= sizes.len() * max * 4, "{sizes:?} {case:?}");
                }
            }
        }
    }
}

#[test]
fn macroblocks_larger_than_a_slice_are_coded_coarser() {
    for (profile, speed) in [(Profile::ConstrainedBaseline, 7), (Profile::High, 5)] {
        for (slice_bytes, qp) in [(100, 0), (100, 51), (250, 10)] {
            let case = Case {
                profile,
                slice_bytes,
                speed,
                qp,
                content: Content::Noise,
                frames: 3,
                level: best_level(),
                ..Case::default()
            };
            check(&case);
            for (data, ..) in encode(&case) {
                let sizes = slice_sizes(&data);
                let max = usize::from(slice_bytes);
                assert!(sizes.iter().all(|&size| size <= max), "{sizes:?} {case:?}");
            }
        }
    }
}

#[test]
fn slices_of_limited_size_do_not_depend_on_threads_or_memory() {
    for (speed, slice_bytes) in [(10, 100), (7, 400), (5, 150), (2, 1200)] {
        let base = Case { speed, slice_bytes, ..Case::default() };
        let expected = encode(&base);
        for level in Level::supported() {
            assert!(encode(&Case { level, threads: 3, ..base }) == expected, "{level:?} {base:?}");
        }
        assert!(encode(&Case { forgets: true, ..base }) == expected, "{base:?}");
    }
}

#[test]
fn a_limit_that_no_slice_can_meet_is_rejected() {
    for (slice_bytes, is_valid) in [(0, true), (1, false), (99, false), (100, true)] {
        let knobs = FrameKnobs { slice_bytes, ..FrameKnobs::default() };
        assert_eq!(knobs.check().is_ok(), is_valid, "{slice_bytes}");
    }
}

#[test]
fn decisions_do_not_depend_on_earlier_macroblocks_in_the_same_memory() {
    for speed in 0..=10 {
        for qp in [12, 20, 26, 32, 40, 48] {
            let base = Case { speed, qp, level: best_level(), frames: 8, ..Case::default() };
            let expected = encode(&base);
            assert!(encode(&Case { forgets: true, ..base }) == expected, "{base:?}");
        }
    }
}
