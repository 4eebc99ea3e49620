//! After warm-up, real-time encoding and decoding allocate nothing.

use std::sync::Arc;

use allocation_counter::measure;
use codec_core::codec::{
    Bitrate, DecoderConfig, EncoderConfig, FrameRequest, Packet, Scalability, VideoDecoder,
    VideoEncoder,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_core::parallel::{Pool, RowPool};
use codec_tests::data;
use codec_tests::scene::{self, Motion};

const SIZE: Size = Size { width: 176, height: 144 };

/// The native codecs.
const CODECS: [&str; 3] = ["vp8/native", "vp9/native", "h264/native"];

fn encoder(codec: &str, config: &EncoderConfig) -> Box<dyn VideoEncoder> {
    let backend = codec_backends::registry::find(codec).expect("in this build");
    let (open, _) = backend.encoder.expect("an encoder");
    open(config).expect("opens")
}

fn decoder(codec: &str, config: &DecoderConfig) -> Box<dyn VideoDecoder> {
    let backend = codec_backends::registry::find(codec).expect("in this build");
    let (open, _) = backend.decoder.expect("a decoder");
    open(config).expect("opens")
}

fn rtc_config() -> EncoderConfig {
    EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(300))
}

fn pictures(motion: Motion, count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|frame| scene::picture(SIZE, frame, motion, 0)).collect()
}

fn encode(encoder: &mut dyn VideoEncoder, samples: &[u8], pts: i64, packet: &mut Packet) {
    let picture = Picture::i420_packed(SIZE, samples).unwrap();
    encoder.encode(&picture, &FrameRequest::at(pts)).unwrap();
    while encoder.receive(packet) {}
}

/// Asserts that no frame after the first 20 allocates.
fn assert_no_allocations(codec: &str, config: &EncoderConfig) {
    let mut encoder = encoder(codec, config);
    let pictures = pictures(Motion::Pan, 60);
    let mut packet = Packet::default();
    for (pts, samples) in (0..).zip(&pictures[..20]) {
        encode(encoder.as_mut(), samples, pts, &mut packet);
    }
    for (pts, samples) in (20..).zip(&pictures[20..]) {
        let counted = measure(|| encode(encoder.as_mut(), samples, pts, &mut packet));
        let (mode, speed) = (config.scalability, config.speed);
        assert_eq!(counted.count_total, 0, "{codec}, {mode:?}, speed {speed}, frame {pts}");
    }
}

#[test]
fn no_frame_allocates_once_the_encoder_is_warm() {
    for codec in CODECS {
        for mode in [Scalability::L1T1, Scalability::L1T3] {
            let mut config = rtc_config();
            config.scalability = mode;
            assert_no_allocations(codec, &config);
        }
    }
}

#[test]
fn no_vp9_frame_allocates_on_threads_once_the_encoder_is_warm() {
    let mut config = rtc_config();
    config.pool = Some(Arc::new(RowPool::new(3).unwrap()) as Arc<dyn Pool>);
    assert_no_allocations("vp9/native", &config);
}

#[test]
fn no_h264_frame_allocates_at_any_real_time_speed_and_profile() {
    for profile in [66, 77, 100] {
        for speed in [3, 5, 7, 9] {
            let mut config = rtc_config();
            config.speed = speed;
            config.knobs = vec![("profile".to_owned(), profile)];
            assert_no_allocations("h264/native", &config);
        }
    }
}

#[test]
fn no_vp9_frame_allocates_once_the_decoder_is_warm() {
    let Some(dir) = data::dir("allocations of the VP9 decoder") else { return };
    for name in ["vp90-2-12-droppable_1.ivf", "vp90-2-22-svc_1280x720_3.ivf"] {
        let packets = data::packets(&dir.join("vp9").join(name));
        assert!(packets.len() > 16, "{name}: {} packets", packets.len());
        for threads in [1, 3] {
            let mut config = DecoderConfig::default();
            config.pool = Some(Arc::new(RowPool::new(threads).unwrap()) as Arc<dyn Pool>);
            let mut decoder = decoder("vp9/native", &config);
            for (pts, packet) in (0..).zip(&packets) {
                let counted = measure(|| {
                    decoder.decode(packet, pts, None).unwrap();
                    while let Some(frame) = decoder.receive() {
                        drop(frame);
                    }
                });
                let allocations = counted.count_total;
                assert!(
                    pts < 15 || allocations == 0,
                    "{name}, {threads} threads, frame {pts}: {allocations}"
                );
            }
        }
    }
}

#[test]
fn no_frame_allocates_once_the_decoder_is_warm() {
    for codec in CODECS {
        for (threads, delay_frames) in [(1, 0), (2, 0), (2, 1)] {
            let mut encoder = encoder(codec, &rtc_config());
            let mut config = DecoderConfig::default();
            config.delay_frames = delay_frames;
            config.pool = Some(Arc::new(RowPool::new(threads).unwrap()) as Arc<dyn Pool>);
            let mut decoder = decoder(codec, &config);
            let mut packet = Packet::default();
            for (pts, samples) in (0..).zip(&pictures(Motion::Pan, 40)) {
                encode(encoder.as_mut(), samples, pts, &mut packet);
                let counted = measure(|| {
                    decoder.decode(&packet.data, pts, None).unwrap();
                    drop(decoder.receive());
                });
                let allocations = counted.count_total;
                assert!(
                    pts < 15 || allocations == 0,
                    "{codec}, {threads} threads, frame {pts}: {allocations} allocations"
                );
            }
        }
    }
}
