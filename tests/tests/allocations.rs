//! After warm-up, real-time encoding and decoding allocate nothing.

use std::sync::Arc;

use allocation_counter::measure;
use codec_core::codec::{
    Bitrate, DecoderConfig, EncoderConfig, FrameRequest, Packet, Scalability, VideoEncoder,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_core::parallel::{Pool, RowPool};
use codec_tests::fuzz::{vp8_decoder, vp8_encoder};
use codec_tests::scene::{self, Motion};

const SIZE: Size = Size { width: 176, height: 144 };

fn pictures(motion: Motion, count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|frame| scene::picture(SIZE, frame, motion, 0)).collect()
}

fn encode(encoder: &mut dyn VideoEncoder, samples: &[u8], pts: i64, packet: &mut Packet) {
    let picture = Picture::i420_packed(SIZE, samples).unwrap();
    encoder.encode(&picture, &FrameRequest::at(pts)).unwrap();
    while encoder.receive(packet) {}
}

#[test]
fn no_frame_allocates_once_the_encoder_is_warm() {
    for mode in [Scalability::L1T1, Scalability::L1T3] {
        let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(300));
        config.scalability = mode;
        let mut encoder = vp8_encoder(&config).unwrap();
        let pictures = pictures(Motion::Pan, 60);
        let mut packet = Packet::default();
        for (pts, samples) in (0..).zip(&pictures[..20]) {
            encode(encoder.as_mut(), samples, pts, &mut packet);
        }
        for (pts, samples) in (20..).zip(&pictures[20..]) {
            let counted = measure(|| encode(encoder.as_mut(), samples, pts, &mut packet));
            assert_eq!(counted.count_total, 0, "{mode:?}, frame {pts}");
        }
    }
}

#[test]
fn no_frame_allocates_once_the_decoder_is_warm() {
    for (threads, delay_frames) in [(1, 0), (2, 0), (2, 1)] {
        let config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(300));
        let mut encoder = vp8_encoder(&config).unwrap();
        let mut config = DecoderConfig::default();
        config.delay_frames = delay_frames;
        config.pool = Some(Arc::new(RowPool::new(threads).unwrap()) as Arc<dyn Pool>);
        let mut decoder = vp8_decoder(&config);
        let mut packet = Packet::default();
        for (pts, samples) in (0..).zip(&pictures(Motion::Pan, 40)) {
            encode(encoder.as_mut(), samples, pts, &mut packet);
            let counted = measure(|| {
                decoder.decode(&packet.data, pts, None).unwrap();
                drop(decoder.receive());
            });
            assert!(pts < 10 || counted.count_total == 0, "{threads} threads, frame {pts}");
        }
    }
}
