//! Visual tuning (`Tune::Visual`): texture, dark flat areas, and the cases that it does not change.

use std::sync::Arc;

use codec_backends::registry::BACKENDS;
use codec_core::codec::{
    Bitrate, Content, DecoderConfig, Denoise, EncoderConfig, Feature, FrameRequest, ImportanceMap,
    Packet, RateControl, Region, Scalability, Tune, Update, VideoEncoder,
};
use codec_core::error::Error;
use codec_core::frame::{Frame, Picture, Rational, Size};
use codec_core::parallel::{Pool, RowPool};
use codec_core::simd::Level;
use codec_tests::depth;

const SIZE: Size = Size { width: 160, height: 96 };
/// Shorter files meet their bitrate only roughly.
const FRAMES: usize = 96;
/// Columns of the dark, flat left side; the rest is a busy texture that moves.
const DARK: usize = 80;

/// Returns a frame with a light on a dark wall, which slowly moves there and back, and texture on the right.
fn dark_scene(n: usize) -> Vec<u8> {
    scene(|x, y| {
        if x >= DARK {
            return texture(x + 2 * n, y, 120);
        }
        // A parabola from 46 in the light to 18, and noise of one level.
        let (dx, dy) = (x.abs_diff(20 + n.min(FRAMES - n)), y.abs_diff(48));
        let light = 28_usize.saturating_sub((dx * dx + dy * dy) / 110);
        18 + light + noise(x + 31 * n, y) % 2
    })
}

/// Returns a frame of faint texture, as of grass or skin, that pans.
fn faint_scene(n: usize) -> Vec<u8> {
    scene(|x, y| 40 + (x + n + y) / 2 + texture(x + n, y, 24))
}

fn scene(luma: impl Fn(usize, usize) -> usize) -> Vec<u8> {
    let (width, height) = (SIZE.width as usize, SIZE.height as usize);
    let mut frame: Vec<u8> = (0..width * height)
        .map(|i| u8::try_from(luma(i % width, i / width)).unwrap_or(u8::MAX))
        .collect();
    frame.resize(width * height * 3 / 2, 128);
    frame
}

/// Smooth noise: the mean of neighbouring values.
fn texture(x: usize, y: usize, amplitude: usize) -> usize {
    let at = |dx, dy| noise(x + dx, y + dy);
    (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)) * amplitude / 1024
}

fn noise(x: usize, y: usize) -> usize {
    let mixed = (x * 73_856_093) ^ (y * 19_349_663);
    (mixed ^ (mixed >> 7)).wrapping_mul(2_654_435_761) >> 16 & 255
}

fn rtc(kbps: u64) -> EncoderConfig {
    EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(kbps))
}

fn file(kbps: u64) -> EncoderConfig {
    EncoderConfig::file(SIZE, Rational::new(30, 1), RateControl::Vbr(Bitrate::kbps(kbps)))
}

fn open(config: &EncoderConfig) -> Box<dyn VideoEncoder> {
    codec_vp8::encoder::open(config).unwrap()
}

fn receive_all(encoder: &mut dyn VideoEncoder, packets: &mut Vec<Packet>) {
    let mut packet = Packet::default();
    while encoder.receive(&mut packet) {
        packets.push(packet.clone());
    }
}

fn encode(config: &EncoderConfig, scene: fn(usize) -> Vec<u8>) -> Vec<Packet> {
    let mut encoder = open(config);
    let mut packets = Vec::new();
    for n in 0..FRAMES {
        let frame = scene(n);
        let picture = Picture::i420_packed(SIZE, &frame).unwrap();
        encoder.encode(&picture, &FrameRequest::at(i64::try_from(n).unwrap())).unwrap();
        receive_all(&mut *encoder, &mut packets);
    }
    encoder.finish().unwrap();
    receive_all(&mut *encoder, &mut packets);
    packets
}

fn data(packets: &[Packet]) -> Vec<&[u8]> {
    packets.iter().map(|packet| &packet.data[..]).collect()
}

fn bytes(packets: &[Packet]) -> usize {
    packets.iter().map(|packet| packet.data.len()).sum()
}

/// Decodes; also checks that the encoder's reconstruction is the decoder's output.
fn decode(packets: &[Packet]) -> Vec<Frame> {
    let mut decoder = codec_vp8::decoder::open(&DecoderConfig::default()).unwrap();
    let mut frames = Vec::new();
    for packet in packets {
        decoder.decode(&packet.data, packet.pts, None).unwrap();
        while let Some(frame) = decoder.receive() {
            if let Some(digest) = packet.meta.digest {
                assert_eq!(frame.digest(), digest);
            }
            frames.push(frame);
        }
    }
    frames
}

/// Returns the mean squared error of the means of 8x8 blocks in the dark part: bands, without noise.
fn band_error(frames: &[Frame]) -> f64 {
    let size = (DARK / 8 - 1, SIZE.height as usize / 8);
    let mut sum = 0.0;
    for (n, frame) in frames.iter().enumerate() {
        let source = dark_scene(n);
        for block in 0..size.0 * size.1 {
            let (x, y) = (block % size.0 * 8, block / size.0 * 8);
            let mean = |row: &dyn Fn(usize) -> Vec<u8>| {
                (0..8).flat_map(row).map(f64::from).sum::<f64>() / 64.0
            };
            let coded = mean(&|dy| frame.picture().luma().row(y + dy)[x..x + 8].to_vec());
            let width = SIZE.width as usize;
            let original = mean(&|dy| source[(y + dy) * width + x..][..8].to_vec());
            sum += (coded - original).powi(2);
        }
    }
    sum / (size.0 * size.1 * frames.len()) as f64
}

/// Returns the texture energy, as the sum of the differences of neighbouring pixels.
fn texture_energy(rows: impl Iterator<Item = Vec<u8>>) -> u64 {
    rows.map(|row| row.windows(2).map(|pair| u64::from(pair[0].abs_diff(pair[1]))).sum::<u64>())
        .sum()
}

#[test]
fn dark_flat_areas_have_fainter_bands() {
    for config in [rtc(50), rtc(50).speed(9), rtc(50).speed(3), file(50)] {
        let [psnr, visual] =
            [Tune::Psnr, Tune::Visual].map(|tune| encode(&config.clone().tune(tune), dark_scene));
        let [before, after] = [&psnr, &visual].map(|packets| band_error(&decode(packets)));
        let label = format!("{:?} {}: {before:.3} to {after:.3}", config.preset, config.speed);
        println!("{label}, {} and {} bytes", bytes(&psnr), bytes(&visual));
        assert!(after < 0.85 * before, "{label}");
        assert!(bytes(&visual) < bytes(&psnr) * 21 / 20, "{label}");
    }
}

#[test]
fn texture_keeps_more_of_its_energy() {
    let source = (0..FRAMES).map(faint_scene);
    let luma = (SIZE.width * SIZE.height) as usize;
    let rows = source.flat_map(|frame| {
        frame[..luma].chunks(SIZE.width as usize).map(<[u8]>::to_vec).collect::<Vec<_>>()
    });
    let original = texture_energy(rows) as f64;
    // At equal rates in the first two cases, and at the same quantiser in the others.
    let fixed = |config: EncoderConfig| config.rate_control(RateControl::FixedQ(70));
    let (slow, filed) = (fixed(rtc(120).speed(2)), fixed(file(120)));
    for config in [rtc(120), rtc(120).speed(9), slow, filed] {
        let [psnr, visual] = [Tune::Psnr, Tune::Visual].map(|tune| {
            let packets = encode(&config.clone().tune(tune), faint_scene);
            let frames = decode(&packets);
            let rows = frames.iter().flat_map(|frame| {
                (0..SIZE.height as usize).map(|y| frame.picture().luma().row(y).to_vec())
            });
            (texture_energy(rows) as f64 / original, bytes(&packets))
        });
        let label = format!("{:?} {}: {psnr:.3?} to {visual:.3?}", config.preset, config.speed);
        println!("{label}");
        assert!(visual.0 > psnr.0 + 0.005 && visual.0 < 1.0, "{label}");
        if config.rate.mode.bitrate().is_some() {
            assert!(visual.1 < psnr.1 * 21 / 20, "{label}");
        }
    }
}

#[test]
fn bytes_depend_on_neither_the_instruction_set_nor_the_threads() {
    let bases = [rtc(150), rtc(150).speed(1), file(150).speed(2)];
    for (turn, base) in bases.into_iter().enumerate() {
        let mut config = base.tune(Tune::Visual);
        config.report_digest = true;
        let reference = encode(&config, dark_scene);
        decode(&reference);
        for level in depth::in_turn(turn, Level::supported()) {
            assert_eq!(data(&reference), data(&encode(&config.clone().simd(level), dark_scene)));
        }
        for threads in depth::in_turn(turn, [2, 3]) {
            let pool: Arc<dyn Pool> = Arc::new(RowPool::new(threads).unwrap());
            assert_eq!(data(&reference), data(&encode(&config.clone().pool(pool), dark_scene)));
        }
    }
}

#[test]
fn it_can_be_changed_while_running() {
    let coded = |updates: &[(usize, Tune)]| {
        let mut encoder = open(&rtc(150).tune(Tune::Psnr));
        let mut packets = Vec::new();
        for n in 0..FRAMES {
            for &(_, tune) in updates.iter().filter(|&&(at, _)| at == n) {
                encoder.apply(Update::Tune(tune)).unwrap();
            }
            let frame = faint_scene(n);
            let picture = Picture::i420_packed(SIZE, &frame).unwrap();
            encoder.encode(&picture, &FrameRequest::at(i64::try_from(n).unwrap())).unwrap();
            receive_all(&mut *encoder, &mut packets);
        }
        packets
    };
    let psnr = encode(&rtc(150).tune(Tune::Psnr), faint_scene);
    let switched = coded(&[(10, Tune::Visual)]);
    assert_eq!(data(&psnr[..10]), data(&switched[..10]));
    assert_ne!(data(&psnr[10..]), data(&switched[10..]));
    let visual = encode(&rtc(150).tune(Tune::Visual), faint_scene);
    assert_eq!(data(&visual), data(&coded(&[(0, Tune::Visual)])));
}

#[test]
fn screens_are_coded_as_before() {
    let screen = |tune| encode(&rtc(300).content(Content::Screen).tune(tune), faint_scene);
    assert_eq!(data(&screen(Tune::Psnr)), data(&screen(Tune::Visual)));
}

#[test]
fn backends_without_it_reject_both_values_by_name() {
    for backend in BACKENDS {
        let Some((_, capabilities)) = backend.encoder else { continue };
        for tune in [Tune::Psnr, Tune::Visual] {
            let config = rtc(150).tune(tune);
            let is_missing = capabilities.gap(Feature::Tune).is_some();
            assert_eq!(is_missing, backend.name != "native", "{}", backend.name);
            if is_missing {
                let error = capabilities.check_config(&config).unwrap_err();
                assert!(matches!(error, Error::Unsupported(_)), "{error}");
                assert!(error.to_string().contains("tuning"), "{error}");
            }
        }
    }
}

#[test]
fn it_can_be_changed_with_layers_intra_refresh_denoising_and_new_sizes() {
    let mut refreshed = rtc(150).denoise(Denoise::Auto);
    refreshed.intra_refresh = 2;
    let layered = rtc(150).scalability(Scalability::L1T3).denoise(Denoise::Level(3));
    for mut config in [refreshed, layered] {
        config.report_digest = true;
        let mut encoder = open(&config);
        let mut packets = Vec::new();
        let small = Size::new(SIZE.width / 2, SIZE.height / 2);
        for n in 0..FRAMES {
            let tune = if n / 3 % 2 == 0 { Tune::Visual } else { Tune::Psnr };
            if n % 3 == 0 {
                encoder.apply(Update::Tune(tune)).unwrap();
            }
            let size = if (16..32).contains(&n) { small } else { SIZE };
            if n == 16 || n == 32 {
                encoder.apply(Update::Resolution(size)).unwrap();
            }
            let mut frame = faint_scene(n);
            frame.truncate(usize::try_from(size.i420_bytes()).unwrap());
            let picture = Picture::i420_packed(size, &frame).unwrap();
            let mut request = FrameRequest::at(i64::try_from(n).unwrap());
            let region = Region { x: 16, y: 16, width: 32, height: 16 };
            request.importance =
                (n % 2 == 0).then(|| ImportanceMap::of_regions(size, &[(region, -6)]).unwrap());
            encoder.encode(&picture, &request).unwrap();
            receive_all(&mut *encoder, &mut packets);
        }
        encoder.finish().unwrap();
        receive_all(&mut *encoder, &mut packets);
        assert!(packets.iter().all(|packet| packet.meta.digest.is_some()));
        assert_eq!(decode(&packets).len(), FRAMES);
    }
}
