//! VP9: the encoder, and the decoder with conformance streams, streams of vpxenc in all formats, random streams, damage.

mod conformance;
mod damage;
mod encoder;
mod generated;
mod layers;
mod random;
mod rtp;
mod spatial_layers;
mod trace;

use codec_core::codec::DecoderConfig;
use codec_tests::data::packets;
use codec_vp9::decoder::{AnyFrameBuf, DecodedFrame, FrameDecoder};

/// Decodes packets and passes each frame to `sink`.
fn decode(
    name: &str,
    packets: &[Vec<u8>],
    config: &DecoderConfig,
    mut sink: impl FnMut(&DecodedFrame),
) {
    let mut decoder = FrameDecoder::new(config).unwrap();
    let mut frames = Vec::new();
    for (index, packet) in packets.iter().enumerate() {
        decoder
            .decode(packet, &mut frames)
            .unwrap_or_else(|error| panic!("{name}, packet {index}: {error}"));
        frames.drain(..).for_each(|frame| sink(&frame));
    }
}

/// The samples of a frame: Y, then U, then V; two bytes each, the lower one first, if they have
/// more than 8 bits.
fn samples(frame: &DecodedFrame) -> Vec<u8> {
    let mut bytes = Vec::new();
    match &frame.buf {
        AnyFrameBuf::Bits8(frame) => {
            for row in (0..3).flat_map(|plane| frame.visible_rows(plane)) {
                bytes.extend_from_slice(row);
            }
        }
        AnyFrameBuf::High(frame) => {
            for row in (0..3).flat_map(|plane| frame.visible_rows(plane)) {
                bytes.extend(row.iter().flat_map(|sample| sample.to_le_bytes()));
            }
        }
    }
    bytes
}
