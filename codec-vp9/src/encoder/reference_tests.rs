//! Frames that must not be predicted from any reference.

use codec_core::codec::{
    Bitrate, DecoderConfig, EncoderConfig, FrameRequest, Scalability, SlotSet,
};
use codec_core::frame::{Picture, Size};

use super::open;
use crate::decoder;

const SIZE: Size = Size { width: 148, height: 100 };

fn samples(frame: usize) -> Vec<u8> {
    let width = SIZE.width as usize;
    let sample = |at: usize| (at % width * 3 + at / width * 5 + 7 * frame) % 200 + 20;
    (0..usize::try_from(SIZE.i420_bytes()).unwrap())
        .map(|at| u8::try_from(sample(at)).unwrap())
        .collect()
}

/// Encodes ten frames with the request that `change` makes of each, and compares all of them with the decoder's.
fn check(config: &EncoderConfig, change: impl Fn(usize, &mut FrameRequest)) -> Vec<SlotSet> {
    let mut encoder = open(config).unwrap();
    let mut decoder = decoder::open(&DecoderConfig::default()).unwrap();
    let mut used = Vec::new();
    for frame in 0..10 {
        let samples = samples(frame);
        let picture = Picture::i420_packed(SIZE, &samples).unwrap();
        let mut request = FrameRequest::at(frame.try_into().unwrap());
        change(frame, &mut request);
        encoder.encode(&picture, &request).unwrap();
        for packet in encoder.packets() {
            decoder.decode(&packet.data, packet.pts, None).unwrap();
            let decoded = decoder.receive().unwrap();
            assert_eq!(Some(decoded.digest()), packet.meta.digest, "frame {frame}");
            used.push(packet.meta.refs_used);
        }
    }
    assert_eq!(used.len(), 10);
    used
}

#[test]
fn a_frame_without_permitted_references_has_intra_blocks_only() {
    for speed in [0, 3, 5, 7, 9, 10] {
        let mut config = EncoderConfig::new(SIZE.width, SIZE.height).bitrate(Bitrate::kbps(300));
        (config.speed, config.report_digest) = (speed, true);
        let used = check(&config, |frame, request| {
            request.references = (frame == 4).then_some(SlotSet::NONE);
        });
        assert_eq!(used[4], SlotSet::NONE, "speed {speed}");
        assert_ne!(used[5], SlotSet::NONE, "speed {speed}");
    }
}

#[test]
fn a_layer_above_the_base_layer_may_take_all_references() {
    let mut config = EncoderConfig::new(SIZE.width, SIZE.height)
        .scalability(Scalability::L1T2)
        .bitrate(Bitrate::kbps(300));
    config.report_digest = true;
    check(&config, |frame, request| {
        request.updates = (frame == 3).then_some(SlotSet(7));
    });
}
