//! Unusual settings and sizes: the decoder's frames equal the encoder's.

use std::sync::Arc;

use codec_core::codec::{
    Bitrate, Content, Denoise, EncoderConfig, FrameRequest, ImportanceMap, RateControl,
    Scalability, SlotSet, Tune, Update,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_core::parallel::RowPool;
use codec_tests::encoders::Tested;
use codec_tests::scene::{self, Motion};
use codec_tests::session::Session;
use codec_tests::{depth, external, rng};

const SIZE: Size = Size { width: 98, height: 82 };

fn config(size: Size, kbps: u64) -> EncoderConfig {
    let mut config = EncoderConfig::rtc(size, Rational::new(30, 1), Bitrate::kbps(kbps));
    config.report_digest = true;
    config
}

fn session(config: EncoderConfig) -> Session {
    Session::of(Tested::H264, config)
}

fn push(session: &mut Session, size: Size, n: u64, request: FrameRequest) {
    let samples = scene::picture(size, n, Motion::Pan, 0);
    session.picture(&Picture::i420_packed(size, &samples).unwrap(), request);
}

#[test]
fn extreme_rates_decode_exactly() {
    for kbps in [1, 1_000_000] {
        for knobs in [&[("profile", 66)][..], &[("slices", 32)], &[("scaling-matrix", 1)]] {
            let mut config = config(SIZE, kbps);
            config.knobs = knobs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
            let mut session = session(config);
            session.scene(Motion::Pan, 0, 8);
            session.apply(Update::Bitrate(Bitrate::kbps(1_000_001 - kbps)));
            session.scene(Motion::Patch, 1, 8);
            assert_eq!(session.check_decoding(|_| true), session.packets.len(), "{kbps} {knobs:?}");
        }
    }
}

#[test]
fn every_quality_decodes_exactly() {
    for quality in [0, 1, 50, 99, 100] {
        let mut config = config(SIZE, 1);
        config.rate.mode = RateControl::Quality(quality);
        let mut session = session(config);
        session.scene(Motion::Pan, 0, 6);
        assert_eq!(session.check_decoding(|_| true), 6, "{quality}");
    }
}

#[test]
fn many_frames_that_are_not_referenced_stay_in_order() {
    if depth::skips_long() {
        return;
    }
    let mut session = session(config(SIZE, 300));
    for n in 0..700 {
        let mut request = FrameRequest::default();
        request.updates = match n {
            0 => None,
            1 => Some(SlotSet::LAST),
            2 => Some(SlotSet::GOLDEN),
            _ => Some(SlotSet::NONE),
        };
        push(&mut session, SIZE, n, request);
    }
    assert_eq!(session.keys(), [0]);
    assert_eq!(session.check_decoding(|_| true), session.packets.len());
    if !external::have("ffmpeg", "many unreferenced frames of H.264") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("stream.264");
    let data: Vec<u8> = session.packets.iter().flat_map(|packet| packet.data.clone()).collect();
    std::fs::write(&path, data).unwrap();
    let bytes = external::ffmpeg_i420(&path).len() as u64;
    assert_eq!(bytes, session.packets.len() as u64 * SIZE.i420_bytes());
}

#[test]
fn tiny_frames_take_every_tool() {
    for (width, height) in [(2, 2), (2, 16), (16, 2), (14, 10), (16, 16), (18, 2)] {
        let size = Size::new(width, height);
        let (cols, rows) = size.macroblocks();
        for (speed, threads) in [(0, 1), (5, 2), (8, 3), (10, 1)] {
            let mut config = config(size, 60);
            (config.speed, config.tune) = (speed, Some(Tune::Visual));
            (config.denoise, config.intra_refresh) = (Denoise::Level(6), 1);
            config.scalability = Scalability::L1T3;
            config.pool = Some(Arc::new(RowPool::new(threads).unwrap()));
            config.knobs = vec![("slices".to_owned(), 32)];
            let mut session = session(config);
            for n in 0..10 {
                let mut request = FrameRequest::default();
                let offsets = vec![if n % 2 == 0 { -24 } else { 24 }; cols * rows];
                request.importance = Some(ImportanceMap::new(size, &offsets).unwrap());
                push(&mut session, size, n, request);
                if n == 5 {
                    session.apply(Update::Content(Content::Screen));
                }
            }
            session.check_decoding(|_| true);
            session.check_decoding(|packet| packet.meta.temporal_id == 0);
        }
    }
}

#[test]
fn sizes_and_layers_change_while_running() {
    rng::for_each_seed(6, |_, rng| {
        let mut session = session(config(SIZE, 200));
        let mut layers = 1;
        for _ in 0..8 {
            let size = Size::new(2 * (1 + rng.below(70)) as u32, 2 * (1 + rng.below(50)) as u32);
            match rng.below(4) {
                0 => session.apply(Update::Resolution(size)),
                1 | 2 => {
                    let mode = [Scalability::L1T2, Scalability::L1T3][rng.index(2)];
                    layers = u64::from(mode.temporal_layers());
                    session.apply(Update::Scalability(mode));
                }
                _ => session.apply(Update::ActiveTemporalLayers(1 + rng.below(layers) as u8)),
            }
            session.scene(Motion::Pan, rng.below(3), 1 + rng.below(9));
        }
        session.check_decoding(|_| true);
        // A forwarder removes frames of the upper layers as it likes.
        session.check_decoding(|packet| packet.meta.temporal_id == 0);
        session.check_decoding(|packet| packet.meta.temporal_id <= 1);
        let mut kept = rng.clone();
        let lost: Vec<bool> = session.packets.iter().map(|_| kept.below(2) == 0).collect();
        session.check_decoding(|packet| {
            !packet.meta.discardable || !lost[usize::try_from(packet.meta.frame_id).unwrap()]
        });
    });
}

#[test]
fn recoded_frames_have_the_same_bytes_on_all_threads() {
    let encode = |threads: usize| {
        let mut config = config(Size::new(322, 242), 250);
        config.rate.max_frame_bytes = Some(900);
        config.knobs = vec![("slices".to_owned(), 3)];
        config.pool = (threads > 1).then(|| Arc::new(RowPool::new(threads).unwrap()) as _);
        let mut session = session(config);
        session.scene(Motion::Pan, 0, 6);
        session.scene(Motion::Patch, 1, 6);
        session.check_decoding(|_| true);
        session.packets.into_iter().map(|packet| packet.data).collect::<Vec<_>>()
    };
    let expected = encode(1);
    for threads in [2, 3, 5] {
        assert!(encode(threads) == expected, "{threads} threads");
    }
}
