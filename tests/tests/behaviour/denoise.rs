//! The denoiser: removes noise, keeps moving edges sharp, and does not change clean video or screen content.

use std::sync::Arc;

use codec_core::codec::{
    Bitrate, Content, DecoderConfig, Denoise, EncoderConfig, FrameRequest, Packet, Preset, Update,
};
use codec_core::denoise::Denoiser;
use codec_core::error::Error;
use codec_core::frame::{Picture, Rational, Size};
use codec_core::metrics;
use codec_core::parallel::{RowPool, Serial};
use codec_core::simd::{Kernels, Level};
use codec_tests::fuzz::{vp8_decoder, vp8_encoder};
use codec_tests::rng::Rng;
use codec_tests::session::Session;

const SIZE: Size = Size { width: 200, height: 120 };

/// A textured background without noise, and a bright square that moves three pixels per frame.
fn clean(size: Size, frame: u32) -> Vec<u8> {
    let (width, height) = (i64::from(size.width), i64::from(size.height));
    let left = i64::from(3 * frame) % width;
    let luma = (0..height).flat_map(|y| {
        (0..width).map(move |x| {
            let inside = (left..left + 40).contains(&x) && (30..80).contains(&y);
            let background = 90 + (x / 3 + y / 2) % 30 + 12 * ((x / 10 + y / 14) % 2);
            u8::try_from(if inside { 190 } else { background }).unwrap()
        })
    });
    let chroma = i64::from(size.chroma().height) * 2 * i64::from(size.chroma().width);
    luma.chain((0..chroma).map(|n| u8::try_from(110 + n / 7 % 20).unwrap())).collect()
}

/// Adds noise with a standard deviation of `sigma` levels: the sum of twelve uniform numbers is
/// nearly normal.
fn noisy(samples: &[u8], sigma: i64, rng: &mut Rng) -> Vec<u8> {
    let noise = |pixel: &u8| {
        let sum: i64 = (0..12).map(|_| i64::from(rng.byte())).sum();
        let scaled = (sum - 12 * 255 / 2) * sigma;
        u8::try_from((i64::from(*pixel) + (scaled + 128).div_euclid(256)).clamp(0, 255)).unwrap()
    };
    samples.iter().map(noise).collect()
}

fn noisy_frames(count: u32, sigma: i64) -> Vec<Vec<u8>> {
    let mut rng = Rng::new(7);
    (0..count).map(|frame| noisy(&clean(SIZE, frame), sigma, &mut rng)).collect()
}

fn config(denoise: Denoise) -> EncoderConfig {
    let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(300));
    config.report_digest = true;
    config.denoise(denoise)
}

fn encode(config: EncoderConfig, frames: &[Vec<u8>]) -> Session {
    let mut session = Session::new(config);
    add(&mut session, frames);
    session.finish();
    session.check_decoding(|_| true);
    session
}

fn add(session: &mut Session, frames: &[Vec<u8>]) {
    for samples in frames {
        let picture = Picture::i420_packed(session.config.size, samples).unwrap();
        session.picture(&picture, FrameRequest::default());
    }
}

fn data(session: &Session) -> Vec<&[u8]> {
    session.packets.iter().map(|packet| &packet.data[..]).collect()
}

/// Mean luma PSNR against the scene without noise, from the tenth frame on.
fn psnr(packets: &[Packet]) -> f64 {
    let mut decoder = vp8_decoder(&DecoderConfig::default());
    let mut sum = Vec::new();
    let mut number = 0;
    for packet in packets {
        decoder.decode(&packet.data, packet.pts, packet.duration).unwrap();
        while let Some(frame) = decoder.receive() {
            let truth = clean(SIZE, number);
            let truth = Picture::i420_packed(SIZE, &truth).unwrap();
            sum.push(metrics::psnr(&truth, &frame.picture()).unwrap().y);
            number += 1;
        }
    }
    let settled = &sum[10..];
    settled.iter().sum::<f64>() / f64::from(u32::try_from(settled.len()).unwrap())
}

#[test]
fn noise_is_removed_at_an_equal_bitrate() {
    let frames = noisy_frames(45, 5);
    for preset in [Preset::Rtc, Preset::File] {
        let encoded = |denoise| {
            let base = config(denoise);
            let base = if preset == Preset::File { base.for_file().speed(5) } else { base };
            let session = encode(base, &frames);
            (psnr(&session.packets), session.bps(0, 45))
        };
        let (off, off_bps) = encoded(Denoise::Off);
        for denoise in [Denoise::Level(5), Denoise::Auto] {
            let (on, bps) = encoded(denoise);
            assert!(on > off + 1.0, "{preset:?} {denoise:?}: {off:.2} -> {on:.2} dB");
            assert!(bps < off_bps * 11 / 10, "{preset:?} {denoise:?}: {off_bps} -> {bps} bit/s");
        }
    }
}

#[test]
fn clean_video_is_coded_as_it_is() {
    let frames: Vec<_> = (0..20).map(|frame| clean(SIZE, frame)).collect();
    let (off, auto) =
        (encode(config(Denoise::Off), &frames), encode(config(Denoise::Auto), &frames));
    assert_eq!(data(&off), data(&auto));
    assert!(auto.packets.iter().all(|packet| packet.meta.denoised_q4.is_none()));
}

/// Filters frames and returns the last one.
fn filtered(frames: &[Vec<u8>], setting: Denoise) -> Vec<u8> {
    let mut denoiser = Denoiser::new();
    let mut last = Vec::new();
    for samples in frames {
        let picture = Picture::i420_packed(SIZE, samples).unwrap();
        let noise = denoiser.filter(&picture, setting, Kernels::best(), &Serial);
        last = match noise {
            Some(_) => denoiser.picture(&picture).to_i420(),
            None => samples.clone(),
        };
    }
    last
}

#[test]
fn moving_edges_stay_sharp_and_leave_nothing_behind() {
    let frames = noisy_frames(25, 4);
    let last = filtered(&frames, Denoise::Level(4));
    let truth = clean(SIZE, 24);
    let width = SIZE.width as usize;
    // The square covers columns 72 to 111; it was at 69 to 108 before.
    for y in 32..78 {
        for x in 60..124 {
            let (a, b) = (last[y * width + x], truth[y * width + x]);
            assert!(a.abs_diff(b) <= 20, "({x}, {y}): {a}, not {b}");
        }
    }
    // The background behind the square has its own mean, without a trace of the square.
    let mean = |samples: &[u8]| {
        let rows = (32..78).flat_map(|y| &samples[y * width + 66..y * width + 72]);
        rows.map(|&pixel| u32::from(pixel)).sum::<u32>() / (46 * 6)
    };
    assert!(mean(&last).abs_diff(mean(&truth)) <= 1, "{} {}", mean(&last), mean(&truth));
}

#[test]
fn slow_changes_of_brightness_are_followed() {
    let mut rng = Rng::new(3);
    let frames: Vec<_> = (0..60_u8)
        .map(|frame| {
            let brighter = vec![60 + frame / 2; usize::try_from(SIZE.i420_bytes()).unwrap()];
            noisy(&brighter, 4, &mut rng)
        })
        .collect();
    let last = filtered(&frames, Denoise::Level(4));
    let luma = &last[..usize::try_from(SIZE.pixels()).unwrap()];
    let sum: u64 = luma.iter().map(|&pixel| u64::from(pixel)).sum();
    let mean_q4 = 16 * sum / SIZE.pixels();
    assert!(mean_q4.abs_diff(16 * 89) <= 16, "{mean_q4} instead of {}", 16 * 89);
}

#[test]
fn the_setting_changes_from_the_next_frame_on() {
    let frames = noisy_frames(24, 5);
    let mut session = Session::new(config(Denoise::Off));
    add(&mut session, &frames[..6]);
    session.apply(Update::Denoise(Denoise::Level(5)));
    add(&mut session, &frames[6..12]);
    session.apply(Update::Denoise(Denoise::Auto));
    add(&mut session, &frames[12..20]);
    session.apply(Update::Denoise(Denoise::Off));
    add(&mut session, &frames[20..]);
    session.check_decoding(|_| true);
    let found: Vec<_> = session.packets.iter().map(|packet| packet.meta.denoised_q4).collect();
    assert!(found[..6].iter().all(Option::is_none), "{found:?}");
    assert!(found[6..12].iter().all(|&noise| noise == Some(80)), "{found:?}");
    let measured = found[19].unwrap();
    assert!((64..=104).contains(&measured), "{measured} sixteenths of a level");
    assert!(found[20..].iter().all(Option::is_none), "{found:?}");
}

#[test]
fn a_new_size_starts_again() {
    let mut session = Session::new(config(Denoise::Level(5)));
    add(&mut session, &noisy_frames(5, 5));
    let small = Size::new(97, 51);
    session.apply(Update::Resolution(small));
    let mut rng = Rng::new(8);
    let frames: Vec<_> = (0..5).map(|frame| noisy(&clean(small, frame), 5, &mut rng)).collect();
    add(&mut session, &frames);
    session.check_decoding(|_| true);
    let resized = session.packets[5..].to_vec();
    let mut fresh = Denoiser::new();
    let first = Picture::i420_packed(small, &frames[0]).unwrap();
    assert!(fresh.filter(&first, Denoise::Level(5), Kernels::best(), &Serial).is_some());
    assert_eq!((resized.len(), resized[0].meta.size), (5, small));
    for size in [Size::new(1, 1), Size::new(17, 2), Size::new(15, 33)] {
        let samples = clean(size, 0);
        let picture = Picture::i420_packed(size, &samples).unwrap();
        for _ in 0..3 {
            for setting in [Denoise::Level(12), Denoise::Auto] {
                let _ = fresh.filter(&picture, setting, Kernels::best(), &Serial);
            }
        }
    }
}

#[test]
fn screen_content_is_coded_as_it_is() {
    let frames = noisy_frames(12, 5);
    for denoise in [Denoise::Auto, Denoise::Level(5)] {
        let screen = |denoise| encode(config(denoise).content(Content::Screen), &frames);
        let (off, on) = (screen(Denoise::Off), screen(denoise));
        assert_eq!(data(&off), data(&on));
        assert!(on.packets.iter().all(|packet| packet.meta.denoised_q4.is_none()));
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_instruction_set_or_threads() {
    let frames = noisy_frames(14, 5);
    for denoise in [Denoise::Auto, Denoise::Level(6)] {
        let reference = encode(config(denoise), &frames);
        for level in Level::supported() {
            let other = encode(config(denoise).simd(level), &frames);
            assert_eq!(data(&reference), data(&other), "{}", level.name());
        }
        let pool = Arc::new(RowPool::new(3).unwrap());
        assert_eq!(data(&reference), data(&encode(config(denoise).pool(pool), &frames)));
    }
}

#[test]
fn interleaved_chroma_gives_the_same_bytes() {
    let frames = noisy_frames(6, 5);
    let planar = encode(config(Denoise::Level(5)), &frames);
    let mut session = Session::new(config(Denoise::Level(5)));
    let pixels = usize::try_from(SIZE.pixels()).unwrap();
    for samples in &frames {
        let (luma, chroma) = samples.split_at(pixels);
        let (u, v) = chroma.split_at(pixels / 4);
        let uv: Vec<u8> = u.iter().zip(v).flat_map(|(&u, &v)| [u, v]).collect();
        let width = SIZE.width as usize;
        let picture = Picture::nv12(SIZE, (luma, width), (&uv, width)).unwrap();
        session.picture(&picture, FrameRequest::default());
    }
    session.finish();
    assert_eq!(data(&planar), data(&session));
}

#[test]
fn a_wrong_strength_is_rejected_by_name() {
    for level in [0, Denoise::MAX_LEVEL + 1, u8::MAX] {
        let error = vp8_encoder(&config(Denoise::Level(level))).unwrap_err();
        assert!(matches!(error, Error::Config(_)), "{error}");
        assert!(error.to_string().contains("denoise"), "{error}");
        let mut encoder = vp8_encoder(&config(Denoise::Off)).unwrap();
        let error = encoder.apply(Update::Denoise(Denoise::Level(level))).unwrap_err();
        assert!(error.to_string().contains("denoise"), "{error}");
    }
}

#[test]
fn the_reported_error_is_that_against_the_filtered_frame() {
    let frames = noisy_frames(12, 5);
    let mut on = config(Denoise::Level(5));
    on.report_psnr = true;
    let session = encode(on, &frames);
    let mut denoiser = Denoiser::new();
    let mut decoder = vp8_decoder(&DecoderConfig::default());
    for (packet, samples) in session.packets.iter().zip(&frames) {
        let picture = Picture::i420_packed(SIZE, samples).unwrap();
        denoiser.filter(&picture, Denoise::Level(5), Kernels::best(), &Serial).unwrap();
        decoder.decode(&packet.data, packet.pts, packet.duration).unwrap();
        let frame = decoder.receive().unwrap();
        let sse = metrics::sse(&denoiser.picture(&picture), &frame.picture()).unwrap();
        assert_eq!(packet.meta.sse, Some(sse));
    }
}
