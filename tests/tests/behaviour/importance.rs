//! Importance maps: the quality of regions increases at the same bitrate.

use std::sync::Arc;

use codec_core::codec::{
    Bitrate, Content, DecoderConfig, EncoderConfig, FrameRequest, ImportanceMap, RateControl,
    Region, Scalability, Update,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_core::metrics;
use codec_core::parallel::{Pool, RowPool};
use codec_tests::clips::Clip;
use codec_tests::fuzz::{vp8_decoder, vp8_encoder};
use codec_tests::scene::{self, Motion};
use codec_tests::session::{Session, bits};
use codec_tests::{data, depth, external};

const SIZE: Size = Size { width: 320, height: 176 };
/// A ninth of the frame.
const REGION: Region = Region { x: 112, y: 64, width: 96, height: 64 };

fn config(mode: RateControl) -> EncoderConfig {
    let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(1));
    config.rate.mode = mode;
    config.report_digest = true;
    config
}

/// The results of an encode: mean luma PSNR inside and outside of the region, and bits.
#[derive(Debug)]
struct Measured {
    inside: f64,
    outside: f64,
    bits: u64,
}

fn encode(config: EncoderConfig, frames: &[Vec<u8>], offset: Option<i8>) -> Measured {
    let size = config.size;
    let importance =
        offset.map(|offset| ImportanceMap::of_regions(size, &[(REGION, offset)]).unwrap());
    let mut session = Session::new(config);
    for samples in frames {
        let mut request = FrameRequest::default();
        request.importance.clone_from(&importance);
        session.picture(&Picture::i420_packed(size, samples).unwrap(), request);
    }
    session.finish();
    session.check_decoding(|_| true);
    let mut decoder = vp8_decoder(&DecoderConfig::default());
    let mut squares = [0_u64; 2];
    let mut shown = frames.iter();
    for packet in &session.packets {
        decoder.decode(&packet.data, packet.pts, packet.duration).unwrap();
        while let Some(frame) = decoder.receive() {
            let source = Picture::i420_packed(size, shown.next().unwrap()).unwrap();
            for y in 0..size.height {
                let rows = [&source, &frame.picture()].map(|p| p.luma().row(y as usize));
                for x in 0..size.width {
                    let is_inside = (REGION.x..REGION.x + REGION.width).contains(&x)
                        && (REGION.y..REGION.y + REGION.height).contains(&y);
                    let error = rows[0][x as usize].abs_diff(rows[1][x as usize]);
                    squares[usize::from(!is_inside)] += u64::from(error).pow(2);
                }
            }
        }
    }
    assert_eq!(shown.len(), 0, "every frame is shown");
    let inside = u64::from(REGION.width * REGION.height);
    let pixels = [inside, size.pixels() - inside];
    let psnr = |n: usize| codec_core::codec::psnr(squares[n], pixels[n] * frames.len() as u64);
    Measured { inside: psnr(0), outside: psnr(1), bits: session.packets.iter().map(bits).sum() }
}

fn scenes(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|frame| scene::picture(SIZE, frame, Motion::Pan, 3)).collect()
}

/// The region gains at least `gain` dB at the same rate.
fn check_gain(name: &str, config: &EncoderConfig, frames: &[Vec<u8>], gain: f64) {
    let plain = encode(config.clone(), frames, None);
    let important = encode(config.clone(), frames, Some(-10));
    eprintln!("{name}: {plain:.2?} {important:.2?}");
    assert!(important.inside > plain.inside + gain, "{name}: {plain:?} {important:?}");
    assert!(important.outside < plain.outside, "{name}: {plain:?} {important:?}");
    let [before, after] = [plain.bits, important.bits];
    assert!(after < before * 103 / 100, "{name}: {before} to {after} bits");
}

#[test]
fn an_important_region_gains_at_the_same_rate() {
    if depth::skips_long() {
        return;
    }
    let frames = scenes(90);
    for kbps in [300, 800] {
        let cbr = config(RateControl::Cbr(Bitrate::kbps(kbps)));
        check_gain(&format!("rtc {kbps}"), &cbr, &frames, 2.0);
    }
    let mode = RateControl::Vbr(Bitrate::kbps(600));
    let mut file = EncoderConfig::file(SIZE, Rational::new(30, 1), mode);
    file.report_digest = true;
    check_gain("file", &file, &frames, 2.0);
}

#[test]
fn regions_of_real_clips_gain_at_the_same_rate() {
    if depth::skips_long() {
        return;
    }
    let what = "importance maps over real clips";
    let Some(dir) = data::dir(what) else { return };
    if !external::have("ffmpeg", what) {
        return;
    }
    for (name, kbps) in [("talk_foreman_352x288", 200), ("motion_drive_640x360", 400)] {
        let clip = Clip::read(&dir.join(format!("clips/{name}.mkv")), SIZE, 75);
        let frames: Vec<_> =
            clip.samples.chunks_exact(clip.frame_len()).map(<[u8]>::to_vec).collect();
        check_gain(name, &config(RateControl::Cbr(Bitrate::kbps(kbps))), &frames, 2.0);
    }
}

#[test]
fn with_a_fixed_quantiser_the_rest_stays_as_it_is() {
    let frames = scenes(10);
    let fixed = config(RateControl::FixedQ(70));
    let [plain, better, worse] =
        [None, Some(-12), Some(12)].map(|offset| encode(fixed.clone(), &frames, offset));
    // Twelve sixths are two octaves: the region has the quality that the whole frame has with a
    // quarter of the step.
    let steps = codec_vp8::encoder::CAPABILITIES.quantiser_steps;
    let quarter = steps.iter().position(|&step| 4 * step >= steps[70]).unwrap();
    let finer = config(RateControl::FixedQ(u8::try_from(quarter).unwrap()));
    let whole = encode(finer, &frames, None);
    assert!((better.inside - whole.inside).abs() < 0.3, "{better:?} {whole:?}");
    assert!(better.inside > plain.inside + 5.0, "{plain:?} {better:?}");
    assert!(worse.inside < plain.inside - 3.0, "{plain:?} {worse:?}");
    for other in [&better, &worse] {
        assert!((other.outside - plain.outside).abs() < 0.3, "{plain:?} {other:?}");
    }
    // Content that leaves a worse region costs more there, so its bits need not fall.
    assert!(plain.bits < better.bits, "{plain:?} {better:?}");
    let all = Region { x: 0, y: 0, width: 1000, height: 1000 };
    let map = ImportanceMap::of_regions(SIZE, &[(all, -12)]).unwrap();
    let mut session = Session::new(fixed);
    let mut request = FrameRequest::default();
    request.importance = Some(map);
    session.picture(&Picture::i420_packed(SIZE, &frames[0]).unwrap(), request);
    assert!(bits(&session.packets[0]) > 2 * plain.bits / 10, "an offset of the whole frame counts");
}

#[test]
fn the_range_of_quantisers_holds_for_all_blocks() {
    let frames = scenes(20);
    let mut narrow = config(RateControl::Cbr(Bitrate::kbps(400)));
    (narrow.rate.min_qindex, narrow.rate.max_qindex) = (Some(60), Some(60));
    let plain = encode(narrow.clone(), &frames, None);
    let important = encode(narrow, &frames, Some(-24));
    assert_eq!(plain.bits, important.bits);
}

#[test]
fn maps_of_another_size_are_rejected_and_the_encoder_continues() {
    let cbr = config(RateControl::Cbr(Bitrate::kbps(300)));
    let mut encoder = vp8_encoder(&cbr).unwrap();
    let map = ImportanceMap::of_regions(SIZE, &[(REGION, -6)]).unwrap();
    let mut encode = |size: Size, pts: i64| {
        let samples = scene::picture(size, 0, Motion::Pan, 1);
        let mut request = FrameRequest::at(pts);
        request.importance = Some(map.clone());
        let outcome = encoder.encode(&Picture::i420_packed(size, &samples).unwrap(), &request);
        if pts == 0 {
            encoder.apply(Update::Resolution(Size::new(640, 352))).unwrap();
        }
        outcome.map_err(|error| error.to_string())
    };
    assert!(encode(SIZE, 0).is_ok());
    let error = encode(Size::new(640, 352), 1).unwrap_err();
    assert!(error.contains("20x11 blocks") && error.contains("40x22"), "{error}");
    let samples = scene::picture(Size::new(640, 352), 0, Motion::Pan, 1);
    let picture = Picture::i420_packed(Size::new(640, 352), &samples).unwrap();
    assert!(encoder.encode(&picture, &FrameRequest::at(1)).is_ok());
}

/// Screens, temporal layers, small frames, every speed, threads: the reconstruction is the decoder's
/// output, and the bytes do not depend on threads.
#[test]
fn maps_work_with_every_kind_of_stream() {
    for (speed, (width, height)) in (0..=10).zip([(1, 1), (16, 17), (100, 76)].into_iter().cycle())
    {
        let size = Size::new(width, height);
        let mut streams = [None, Some(4)].map(|threads| {
            let mut config = EncoderConfig::rtc(size, Rational::new(30, 1), Bitrate::kbps(150));
            (config.speed, config.report_digest) = (speed, true);
            config.pool =
                threads.map(|count| -> Arc<dyn Pool> { Arc::new(RowPool::new(count).unwrap()) });
            if speed % 2 == 1 {
                config.content = Content::Screen;
            } else {
                config.scalability = Scalability::L1T3;
            }
            Session::new(config)
        });
        for frame in 0..12_i8 {
            let corner = Region { x: 0, y: 0, width: 20, height: 20 };
            let offset = [-24, 24, 0][frame.unsigned_abs() as usize % 3];
            let map = ImportanceMap::of_regions(size, &[(corner, offset)]).unwrap();
            let samples = scene::picture(size, frame.unsigned_abs().into(), Motion::Patch, 2);
            for session in &mut streams {
                let mut request = FrameRequest::default();
                request.importance = (frame % 4 > 0).then(|| map.clone());
                session.picture(&Picture::i420_packed(size, &samples).unwrap(), request);
            }
        }
        let [alone, threads] = streams;
        assert_eq!(alone.check_decoding(|_| true), 12, "speed {speed}, {size}");
        let bytes = |session: &Session| -> Vec<Vec<u8>> {
            session.packets.iter().map(|packet| packet.data.clone()).collect()
        };
        assert_eq!(bytes(&alone), bytes(&threads), "speed {speed}, {size}");
    }
}

/// A stream with intra refresh, with maps for the frames that `with_map` accepts.
fn refreshed(
    config: EncoderConfig,
    motion: Motion,
    count: u64,
    with_map: fn(u64) -> bool,
) -> Session {
    let (size, regions) = (config.size, [(REGION, -10), (Region { x: 0, ..REGION }, 20)]);
    let map = ImportanceMap::of_regions(size, &regions).unwrap();
    let mut session = Session::new(config);
    for frame in 0..count {
        let samples = scene::picture(size, frame, motion, 3);
        let mut request = FrameRequest::default();
        request.importance = with_map(frame).then(|| map.clone());
        session.picture(&Picture::i420_packed(size, &samples).unwrap(), request);
    }
    session
}

fn with_intra_refresh(mode: RateControl, rows: u8) -> EncoderConfig {
    let mut config = config(mode);
    (config.intra_refresh, config.error_resilient) = (rows, true);
    config
}

#[test]
fn an_important_region_gains_with_intra_refresh() {
    if depth::skips_long() {
        return;
    }
    let frames = scenes(90);
    for (rows, kbps) in [(1, 300), (2, 800)] {
        let cbr = with_intra_refresh(RateControl::Cbr(Bitrate::kbps(kbps)), rows);
        check_gain(&format!("intra refresh {rows}, {kbps}"), &cbr, &frames, 2.0);
    }
}

/// Refreshed macroblocks have the quantiser that the map assigns to them.
#[test]
fn with_intra_refresh_the_map_changes_only_its_region() {
    let frames = scenes(30);
    let fixed = with_intra_refresh(RateControl::FixedQ(40), 2);
    let [plain, better, worse] =
        [None, Some(-10), Some(10)].map(|offset| encode(fixed.clone(), &frames, offset));
    assert!(better.inside > plain.inside + 3.0, "{plain:?} {better:?}");
    assert!(worse.inside < plain.inside - 3.0, "{plain:?} {worse:?}");
    for other in [&better, &worse] {
        assert!((other.outside - plain.outside).abs() < 0.3, "{plain:?} {other:?}");
    }
}

/// Every cycle codes each macroblock as intra once, with maps for all, some and no frames.
#[test]
fn maps_do_not_interrupt_intra_refresh() {
    let (cols, rows) = SIZE.macroblocks();
    let patterns: [fn(u64) -> bool; 3] = [|_| false, |frame| frame % 3 > 0, |_| true];
    for with_map in patterns {
        for (layers, step) in [(Scalability::L1T1, 1), (Scalability::L1T2, 2)] {
            let mut config = with_intra_refresh(RateControl::Cbr(Bitrate::kbps(500)), 2);
            config.scalability = layers;
            let cycle = rows.div_ceil(2) * step;
            let session = refreshed(config, Motion::Still, 1 + 3 * cycle as u64, with_map);
            for packets in session.packets[1..].chunks(cycle) {
                let intra: u32 = packets.iter().map(|p| p.meta.macroblocks.intra).sum();
                assert!(intra as usize >= cols * rows, "{layers:?}: {intra}");
            }
            assert_eq!(session.keys(), [0]);
            assert_eq!(session.check_decoding(|_| true), session.outcomes.len());
        }
    }
}

/// After a lost packet of a static scene, four cycles bring the quality within 3 dB of that of the
/// encoder; prediction and loop filter carry a part of the error into refreshed rows.
#[test]
fn intra_refresh_repairs_losses_with_maps() {
    if depth::skips_long() {
        return;
    }
    let (_, rows) = SIZE.macroblocks();
    let source = scene::picture(SIZE, 0, Motion::Still, 3);
    let source = Picture::i420_packed(SIZE, &source).unwrap();
    let patterns: [fn(u64) -> bool; 3] = [|_| false, |frame| frame % 3 > 0, |_| true];
    for with_map in patterns {
        for lost in [1, 6, 13] {
            let mut config = with_intra_refresh(RateControl::Cbr(Bitrate::kbps(300)), 1);
            config.report_psnr = true;
            let session = refreshed(config, Motion::Still, 72, with_map);
            let mut decoder = vp8_decoder(&DecoderConfig::default());
            for (n, packet) in session.packets.iter().enumerate().filter(|&(n, _)| n != lost) {
                decoder.decode(&packet.data, packet.pts, packet.duration).unwrap();
                let frame = decoder.receive().unwrap();
                let shown = metrics::psnr(&source, &frame.picture()).unwrap().y;
                let coded = packet.meta.psnr().unwrap()[0];
                let is_repaired = n < lost || n > lost + 4 * rows;
                assert!(!is_repaired || shown > coded - 3.0, "{lost}, {n}: {shown} of {coded} dB");
            }
        }
    }
}

#[test]
fn maps_with_intra_refresh_give_the_same_bytes_for_any_number_of_threads() {
    if depth::skips_long() {
        return;
    }
    for speed in [0, 4, 7, 10] {
        let packets = [None, Some(4)].map(|threads| {
            let mut config = with_intra_refresh(RateControl::Cbr(Bitrate::kbps(400)), 1);
            config.speed = speed;
            config.pool =
                threads.map(|count| -> Arc<dyn Pool> { Arc::new(RowPool::new(count).unwrap()) });
            let session = refreshed(config, Motion::Pan, 14, |frame| frame % 2 == 1);
            assert_eq!(session.check_decoding(|_| true), 14, "speed {speed}");
            session.packets.into_iter().map(|packet| packet.data).collect::<Vec<_>>()
        });
        assert!(packets[0] == packets[1], "speed {speed}");
    }
}
