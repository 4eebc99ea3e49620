//! Clips encoded with a pairwise cover of all settings: ffmpeg's decoder, libvpx's and our own agree with
//! the encoder's reconstruction on every frame.
//!
//! `cargo test --release -p codec-tests --test behaviour counterparts:: -- --ignored` takes hours: it runs every
//! combination of size, clip, speed, preset and rate control, each with one value of the other settings in turn.

use std::path::PathBuf;
use std::sync::Arc;

use codec_core::codec::{
    Bitrate, Content, DecoderConfig, EncoderConfig, FrameRequest, Packet, RateControl, Scalability,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_core::parallel::RowPool;
use codec_core::simd::Level;
use codec_tests::clips::{Clip, ivf};
use codec_tests::{cover, data, depth, external, fuzz};

const SIZES: [(u32, u32); 8] =
    [(16, 16), (17, 35), (175, 143), (176, 144), (352, 288), (640, 360), (1280, 720), (1920, 1080)];
const CLIPS: [&str; 4] = [
    "talk_foreman_352x288",
    "motion_drive_640x360",
    "screen_browser_1024x768",
    "anim_bunny_1280x720",
];
const KBPS: [u64; 4] = [100, 400, 1200, 3000];
const THREADS: [usize; 3] = [1, 2, 4];
const RATES: usize = 4;

/// One combination of settings.
#[derive(Clone, Debug)]
struct Case {
    size: Size,
    clip: &'static str,
    speed: u8,
    file_preset: bool,
    rate: RateControl,
    scalability: Scalability,
    token_partitions: i64,
    profile: i64,
    sharpness: i64,
    content: Content,
    error_resilient: bool,
    intra_refresh: u8,
    threads: usize,
    level: Level,
}

/// Number of values of each setting, in the order of [`case`].
fn dimensions() -> [usize; 14] {
    let levels = Level::supported().count();
    [
        SIZES.len(),
        CLIPS.len(),
        11,
        2,
        RATES,
        KBPS.len(),
        3,
        4,
        4,
        3,
        2,
        2,
        2,
        THREADS.len() * levels,
    ]
}

fn case(index: &[usize]) -> Case {
    let levels: Vec<Level> = Level::supported().collect();
    let bitrate = Bitrate::kbps(KBPS[index[5]]);
    let (width, height) = SIZES[index[0]];
    Case {
        size: Size::new(width, height),
        clip: CLIPS[index[1]],
        speed: u8::try_from(index[2]).unwrap(),
        file_preset: index[3] == 1,
        rate: match index[4] {
            0 => RateControl::Cbr(bitrate),
            1 => RateControl::Vbr(bitrate),
            2 => RateControl::Quality(20 + 20 * u8::try_from(index[5]).unwrap()),
            _ => RateControl::FixedQ([4, 30, 70, 120][index[5]]),
        },
        scalability: Scalability::TEMPORAL[index[6]],
        token_partitions: [1, 2, 4, 8][index[7]],
        profile: i64::try_from(index[8]).unwrap(),
        sharpness: [0, 3, 7][index[9]],
        content: [Content::Camera, Content::Screen][index[10]],
        error_resilient: index[11] == 1,
        intra_refresh: [0, 1][index[12]],
        threads: THREADS[index[13] % THREADS.len()],
        level: levels[index[13] / THREADS.len()],
    }
}

fn config(case: &Case) -> EncoderConfig {
    let rate = Rational::new(30, 1);
    let mut config = if case.file_preset {
        EncoderConfig::file(case.size, rate, case.rate)
    } else {
        EncoderConfig::rtc(case.size, rate, Bitrate(0))
    };
    config.rate.mode = case.rate;
    config.speed = case.speed;
    // Layers are for real time: a look-ahead uses the references differently.
    if !case.file_preset {
        config.scalability = case.scalability;
    }
    config.content = case.content;
    config.error_resilient = case.error_resilient;
    config.intra_refresh = case.intra_refresh;
    config.report_digest = true;
    config.knobs = vec![
        ("token-partitions".to_owned(), case.token_partitions),
        ("profile".to_owned(), case.profile),
        ("sharpness".to_owned(), case.sharpness),
    ];
    config.simd = Some(case.level);
    config.pool = Some(Arc::new(RowPool::new(case.threads).unwrap()));
    config
}

/// Encodes; returns the packets, and the digests of the shown ones. Also checks our own decoder.
fn encode(case: &Case, clip: &Clip) -> (Vec<Vec<u8>>, Vec<u64>) {
    let mut encoder = fuzz::vp8_encoder(&config(case)).unwrap();
    let mut decoder_config = DecoderConfig::default();
    decoder_config.simd = Some(case.level);
    decoder_config.pool = Some(Arc::new(RowPool::new(case.threads).unwrap()));
    let mut decoder = fuzz::vp8_decoder(&decoder_config);
    let (mut packets, mut digests) = (Vec::new(), Vec::new());
    let mut packet = Packet::default();
    let mut drain = |encoder: &mut dyn codec_core::codec::VideoEncoder| {
        while encoder.receive(&mut packet) {
            let report = decoder.decode(&packet.data, packet.pts, None).unwrap();
            assert_eq!(report.shown, packet.meta.shown);
            let digest = packet.meta.digest.expect("requested");
            if let Some(frame) = decoder.receive() {
                assert_eq!(frame.digest(), digest, "our decoder, frame {}", packet.meta.frame_id);
                digests.push(digest);
            }
            packets.push(packet.data.clone());
        }
    };
    for (pts, picture) in clip.pictures().enumerate() {
        encoder.encode(&picture, &FrameRequest::at(i64::try_from(pts).unwrap())).unwrap();
        drain(encoder.as_mut());
    }
    encoder.finish().unwrap();
    drain(encoder.as_mut());
    (packets, digests)
}

fn digests_of(size: Size, i420: &[u8]) -> Vec<u64> {
    let len = usize::try_from(size.i420_bytes()).unwrap();
    assert_eq!(i420.len() % len, 0, "whole frames");
    i420.chunks_exact(len).map(|f| Picture::i420_packed(size, f).unwrap().digest()).collect()
}

fn check(case: &Case, dir: &std::path::Path, name: &str) {
    let clip_file: PathBuf = dir.join("clips").join(format!("{}.mkv", case.clip));
    let frames = match case.size.pixels() {
        0..=30_000 => 14,
        30_001..=300_000 => 8,
        _ => 3,
    };
    let clip = Clip::read(&clip_file, case.size, frames);
    let (packets, digests) = encode(case, &clip);
    assert_eq!(digests.len(), frames, "without drops every frame is shown: {case:?}");

    let file = tempfile::Builder::new().prefix(name).suffix(".ivf").tempfile().unwrap();
    std::fs::write(file.path(), ivf(b"VP80", case.size, &packets)).unwrap();
    let vpx = digests_of(case.size, &external::vpxdec_i420(file.path()));
    assert_eq!(vpx, digests, "libvpx decodes differently: {case:?}");
    let ffmpeg = digests_of(case.size, &external::ffmpeg_i420(file.path()));
    assert_eq!(ffmpeg, digests, "ffmpeg decodes differently: {case:?}");
}

fn counterparts(what: &str) -> Option<PathBuf> {
    let dir = data::dir(what)?;
    (external::have("ffmpeg", what) && external::have("vpxdec", what)).then_some(dir)
}

#[test]
fn other_decoders_agree_on_a_pairwise_cover_of_all_settings() {
    let Some(dir) = counterparts("the pairwise cover of encoder settings") else { return };
    let cases = depth::sample(cover::pairwise(&dimensions(), 20_260_101), 24, 0);
    eprintln!("{} cases", cases.len());
    for index in &cases {
        check(&case(index), &dir, "cover");
    }
}

#[test]
#[ignore = "hours; the documented command runs it"]
fn other_decoders_agree_on_the_whole_matrix() {
    let Some(dir) = counterparts("the whole matrix of encoder settings") else { return };
    // Every combination of size, clip, speed, preset and rate, the other settings in turn.
    let sizes = dimensions();
    for turn in 0..sizes[..6].iter().product::<usize>() {
        let mut rest = turn;
        let mut index: Vec<usize> = sizes[..6]
            .iter()
            .map(|&size| {
                let value = rest % size;
                rest /= size;
                value
            })
            .collect();
        let mut other = turn;
        for &size in &sizes[6..] {
            index.push(other % size);
            other = other / size + turn % 3;
        }
        check(&case(&index), &dir, "matrix");
    }
}
