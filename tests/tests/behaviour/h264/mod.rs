//! The H.264 decoder with conformance streams, streams of x264, damage and files; and streams of
//! the encoder.

mod conformance;
mod damage;
mod extremes;
mod files;
mod generated;
mod headers;
mod hrd;
mod limits;
mod recovery;
mod rtp;
mod webcodecs;
mod x264;

use codec_backends::registry;
use codec_core::codec::{DecoderConfig, VideoDecoder};
use codec_core::frame::Frame;
use codec_tests::data::packets;

fn open(config: &DecoderConfig) -> Box<dyn VideoDecoder> {
    let (open, _) = registry::find("h264/native").unwrap().decoder.unwrap();
    open(config).unwrap()
}

/// Decodes packets, numbered from 0, to the end.
fn decode(name: &str, packets: &[Vec<u8>], config: &DecoderConfig) -> Vec<Frame> {
    let mut decoder = open(config);
    let mut frames = Vec::new();
    for (index, packet) in packets.iter().enumerate() {
        decoder
            .decode(packet, i64::try_from(index).unwrap(), Some(1))
            .unwrap_or_else(|error| panic!("{name}, packet {index}: {error}"));
        frames.extend(std::iter::from_fn(|| decoder.receive()));
    }
    decoder.finish();
    frames.extend(std::iter::from_fn(|| decoder.receive()));
    frames
}
