//! The encoder's reconstruction equals the decoder's output, bit for bit.
//!
//! Synthetic clips (pans over texture, a moving object, a static area, noise, cuts) are encoded
//! over a seeded pairwise cover of settings.

use std::sync::Arc;

use codec_core::analysis::Analyser;
use codec_core::codec::plan::FramePlan;
use codec_core::codec::{Content, DecoderConfig, FrameKind, Packet, SlotSet, VideoDecoder};
use codec_core::frame::{Picture, Size};
use codec_core::parallel::{RowPool, Serial};
use codec_core::simd::{Kernels, Level};
use codec_tests::cover::pairwise;
use codec_tests::depth;
use codec_tests::fuzz::vp8_decoder;
use codec_tests::rng::Rng;
use codec_vp8::encoder::{FrameEncoder, FrameKnobs, FrameSettings};

/// Texture from which frames are cropped.
struct Scene {
    size: Size,
    texture: Vec<u8>,
    seed: u64,
}

const TEXTURE: usize = 512;

impl Scene {
    fn new(size: Size, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let coarse: Vec<u8> = (0..64 * 64).map(|_| rng.byte()).collect();
        // Blended blocks of eight pixels, and a little grain.
        let texture = (0..TEXTURE * TEXTURE)
            .map(|i| {
                let (x, y) = (i % TEXTURE, i / TEXTURE);
                let at = |dx: usize, dy: usize| {
                    usize::from(coarse[(y / 8 + dy) % 64 * 64 + (x / 8 + dx) % 64])
                };
                let (fx, fy) = (x % 8, y % 8);
                let top = at(0, 0) * (8 - fx) + at(1, 0) * fx;
                let bottom = at(0, 1) * (8 - fx) + at(1, 1) * fx;
                u8::try_from((top * (8 - fy) + bottom * fy) / 64).unwrap()
            })
            .collect();
        Self { size, texture, seed }
    }

    /// Frame `n` as packed I420.
    fn picture(&self, n: usize) -> Vec<u8> {
        let mut rng = Rng::new(self.seed ^ (n as u64) << 20);
        let (w, h) = (self.size.width as usize, self.size.height as usize);
        let cut = n / 7 * 131;
        let texel = |x: usize, y: usize| self.texture[y % TEXTURE * TEXTURE + x % TEXTURE];
        let (left, top) = (n * 5 % w.max(1), n * 3 % h.max(1));
        let mut out = Vec::new();
        for y in 0..h {
            for x in 0..w {
                let is_object = (left..left + 24).contains(&x) && (top..top + 20).contains(&y);
                let pixel = if is_object {
                    texel(2 * (x - left) + 77, 2 * (y - top))
                } else if x < w / 3 {
                    texel(x + cut, y)
                } else {
                    texel(x + 3 * n + cut, y + n) / 2 + 40
                };
                let noise = rng.byte() % 3;
                out.push(pixel.saturating_add(noise));
            }
        }
        for plane in 0..2 {
            for y in 0..h.div_ceil(2) {
                for x in 0..w.div_ceil(2) {
                    out.push(texel(x + n + plane * 200 + cut, y / 2) / 2 + 60);
                }
            }
        }
        out
    }
}

fn decode(decoder: &mut dyn VideoDecoder, data: &[u8]) -> Option<u64> {
    let report = decoder.decode(data, 0, None).expect("decodes");
    let frame = decoder.receive();
    assert_eq!(frame.is_some(), report.shown);
    frame.map(|frame| frame.digest())
}

/// Settings of one case.
#[derive(Debug)]
struct Case {
    size: Size,
    speed: u8,
    qindex: u8,
    token_partitions: u8,
    profile: u8,
    threads: usize,
    level: Level,
    content: Content,
    refresh_entropy: bool,
    cyclic_refresh_pct: u8,
    sharpness: u8,
}

const SIZES: [(u32, u32); 8] =
    [(16, 16), (1, 1), (33, 17), (64, 48), (15, 100), (176, 144), (131, 65), (320, 180)];
const QINDICES: [u8; 5] = [0, 12, 40, 80, 127];

fn plan(case: &Case, n: usize) -> FramePlan {
    let mut plan = match n {
        0 | 9 => FramePlan::key(case.qindex, case.speed),
        _ => FramePlan::inter(case.qindex, case.speed),
    };
    plan.content = case.content;
    plan.refresh_entropy = case.refresh_entropy;
    plan.cyclic_refresh_pct = case.cyclic_refresh_pct;
    let with_last = |slot| SlotSet::LAST.with(slot);
    match n {
        3 => plan.updates = with_last(SlotSet::GOLDEN),
        4 => (plan.updates, plan.copy_golden_to_altref) = (SlotSet::GOLDEN, true),
        5 => (plan.updates, plan.shown) = (SlotSet::ALTREF, false),
        6 => plan.references = SlotSet::GOLDEN.with(SlotSet::ALTREF),
        7 => plan.updates = SlotSet::NONE,
        8 => plan.intra_refresh = (2, 5),
        10 => plan.references = SlotSet::NONE,
        _ => {}
    }
    plan
}

fn packets_and_digests(case: &Case, frames: usize) -> Vec<(Vec<u8>, u64)> {
    let scene = Scene::new(case.size, u64::from(case.qindex) + 1);
    let pool = RowPool::new(case.threads).unwrap();
    let mut encoder = FrameEncoder::new(&FrameSettings {
        size: case.size,
        knobs: FrameKnobs {
            token_partitions: case.token_partitions,
            profile: case.profile,
            sharpness: case.sharpness,
            filter_level: None,
        },
        pool: (case.threads > 1).then(|| Arc::new(pool) as _),
        simd: Some(case.level),
        report_sse: true,
        report_digest: true,
        stages: None,
    })
    .unwrap();
    let mut packet = Packet::default();
    (0..frames)
        .map(|n| {
            let data = scene.picture(n);
            let picture = Picture::i420_packed(case.size, &data).unwrap();
            let plan = plan(case, n);
            let report = encoder.encode_frame(&picture, &plan, &mut packet).unwrap();
            assert_eq!(report.bits, packet.data.len() as u64 * 8);
            let (mbs, total) = (packet.meta.macroblocks, case.size.macroblocks());
            assert_eq!(mbs.total as usize, total.0 * total.1);
            assert!(packet.meta.refs_used.without(plan.references).is_empty());
            assert_eq!(packet.meta.kind == FrameKind::Key, matches!(n, 0 | 9));
            (packet.data.clone(), packet.meta.digest.unwrap())
        })
        .collect()
}

#[test]
fn every_frame_equals_the_decoders_output() {
    let levels: Vec<Level> = Level::supported().collect();
    let sizes = [SIZES.len(), 11, QINDICES.len(), 4, 4, 3, levels.len(), 2, 2, 2, 3];
    for indices in depth::sample(pairwise(&sizes, 7), 3, 0) {
        let [size, speed, q, parts, profile, threads, level, screen, keep, refresh, sharp] =
            <[usize; 11]>::try_from(indices).unwrap();
        let case = Case {
            size: Size::new(SIZES[size].0, SIZES[size].1),
            speed: u8::try_from(speed).unwrap(),
            qindex: QINDICES[q],
            token_partitions: 1 << parts,
            profile: u8::try_from(profile).unwrap(),
            threads: threads + 1,
            level: levels[level],
            content: [Content::Camera, Content::Screen][screen],
            refresh_entropy: keep == 0,
            cyclic_refresh_pct: [0, 15][refresh],
            sharpness: [0, 3, 7][sharp],
        };
        let mut decoder = vp8_decoder(&DecoderConfig::default());
        for (n, (data, digest)) in packets_and_digests(&case, 12).into_iter().enumerate() {
            if let Some(decoded) = decode(&mut *decoder, &data) {
                assert_eq!(decoded, digest, "frame {n} of {case:?}");
            }
        }
    }
}

#[test]
fn unchanged_blocks_of_screens_match_the_decoder() {
    let size = Size::new(150, 110);
    let scene = Scene::new(size, 11);
    let mut expected: Vec<(u8, usize, Vec<u8>)> = Vec::new();
    for (threads, speed) in [(1, 7), (3, 7), (1, 4), (2, 4), (2, 10)] {
        let mut encoder = FrameEncoder::new(&FrameSettings {
            size,
            knobs: FrameKnobs::default(),
            pool: Some(Arc::new(RowPool::new(threads).unwrap())),
            simd: None,
            report_sse: false,
            report_digest: true,
            stages: None,
        })
        .unwrap();
        let mut analyser = Analyser::new();
        analyser.watch_chroma(true);
        let mut decoder = vp8_decoder(&DecoderConfig::default());
        let mut packet = Packet::default();
        let (mut data, other) = (scene.picture(0), scene.picture(8));
        for n in 0..12 {
            // Nothing changes, or a third of the frame does.
            if n % 3 == 1 {
                let rows = 150 * 20 * (n % 4)..150 * (20 * (n % 4) + 40);
                data[rows.clone()].copy_from_slice(&other[rows]);
            }
            let picture = Picture::i420_packed(size, &data).unwrap();
            let analysis = analyser.analyse(&picture, Kernels::best(), &Serial);
            encoder.compare(Some(analysis));
            let mut plan = FramePlan::inter(30, speed);
            if n == 0 {
                plan = FramePlan::key(60, speed);
            }
            plan.content = Content::Screen;
            plan.recode = Some([0, 4000][n % 2]);
            encoder.encode_frame_with(&picture, &plan, Some(analysis), &mut packet).unwrap();
            let digest = decode(&mut *decoder, &packet.data);
            assert_eq!(digest, packet.meta.digest, "frame {n}, {threads} threads, speed {speed}");
            match expected.iter().find(|(of, frame, _)| (*of, *frame) == (speed, n)) {
                Some((_, _, bytes)) => {
                    assert!(*bytes == packet.data, "frame {n}, {threads} threads")
                }
                None => expected.push((speed, n, packet.data.clone())),
            }
        }
    }
}

#[test]
fn bytes_do_not_depend_on_threads_or_instruction_sets() {
    let case = |threads, level| Case {
        size: Size::new(197, 133),
        speed: 5,
        qindex: 36,
        token_partitions: 2,
        profile: 0,
        threads,
        level,
        content: Content::Camera,
        refresh_entropy: true,
        cyclic_refresh_pct: 10,
        sharpness: 0,
    };
    let expected = packets_and_digests(&case(1, Level::Scalar), 8);
    for level in Level::supported() {
        for threads in [1, 2, 3, 4, 8] {
            let coded = packets_and_digests(&case(threads, level), 8);
            assert!(coded == expected, "{threads} threads, {}", level.name());
        }
    }
}

#[test]
fn a_frame_that_cannot_fit_its_cap_changes_nothing_if_it_must() {
    let size = Size::new(64, 64);
    let scene = Scene::new(size, 3);
    let settings = FrameSettings {
        size,
        knobs: FrameKnobs::default(),
        pool: None,
        simd: None,
        report_sse: false,
        report_digest: true,
        stages: None,
    };
    let mut encoder = FrameEncoder::new(&settings).unwrap();
    let mut other = FrameEncoder::new(&settings).unwrap();
    let (mut packet, mut expected) = (Packet::default(), Packet::default());
    let first = scene.picture(0);
    let picture = Picture::i420_packed(size, &first).unwrap();
    encoder.encode_frame(&picture, &FramePlan::key(30, 7), &mut packet).unwrap();
    other.encode_frame(&picture, &FramePlan::key(30, 7), &mut expected).unwrap();
    let (second, third) = (scene.picture(8), scene.picture(9));
    let mut tight = FramePlan::inter(10, 7);
    (tight.max_bits, tight.max_qindex, tight.drop_above_bits) = (Some(80), 20, Some(80));
    let picture = Picture::i420_packed(size, &second).unwrap();
    let report = encoder.encode_frame(&picture, &tight, &mut packet).unwrap();
    assert!(report.over_cap && report.dropped && packet.data.is_empty());
    let picture = Picture::i420_packed(size, &third).unwrap();
    encoder.encode_frame(&picture, &FramePlan::inter(30, 7), &mut packet).unwrap();
    other.encode_frame(&picture, &FramePlan::inter(30, 7), &mut expected).unwrap();
    assert_eq!(packet.data, expected.data);
}

#[test]
fn a_frame_over_its_cap_is_coded_coarser_until_it_fits() {
    let size = Size::new(96, 80);
    let scene = Scene::new(size, 5);
    let mut encoder = FrameEncoder::new(&FrameSettings {
        size,
        knobs: FrameKnobs::default(),
        pool: None,
        simd: None,
        report_sse: false,
        report_digest: true,
        stages: None,
    })
    .unwrap();
    let data = scene.picture(0);
    let picture = Picture::i420_packed(size, &data).unwrap();
    let mut packet = Packet::default();
    let mut plan = FramePlan::key(8, 7);
    let free = encoder.encode_frame(&picture, &plan, &mut packet).unwrap();
    let cap = free.bits / 3;
    (plan.max_bits, plan.max_qindex) = (Some(cap), 127);
    let report = encoder.encode_frame(&picture, &plan, &mut packet).unwrap();
    assert!(!report.over_cap && report.bits <= cap && report.qindex > 8, "{report:?}");
    assert_eq!(packet.meta.qindex, report.qindex);
    let mut decoder = vp8_decoder(&DecoderConfig::default());
    assert_eq!(decode(&mut *decoder, &packet.data), packet.meta.digest);
}
