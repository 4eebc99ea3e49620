//! Shared helpers of the benchmarks: inputs that are the same in every run.

use std::time::Duration;

use codec_backends::registry;
use codec_core::codec::{Bitrate, EncoderConfig, FrameRequest, Packet, VideoEncoder};
use codec_core::error::Error;
use codec_core::frame::{Picture, Rational, Size};
use codec_media::generate::{Generator, Scene};
use criterion::Criterion;

/// Frames per second of all clips.
pub const FPS: Rational = Rational::new(30, 1);

/// Settings for benchmarks that take seconds rather than minutes.
#[must_use]
pub fn short() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .without_plots()
}

/// Generates `count` frames of a talking head, each as packed I420.
///
/// # Errors
/// If the size is unsupported.
pub fn talking_head(size: Size, count: u32) -> Result<Vec<Vec<u8>>, Box<dyn std::error::Error>> {
    let generator = Generator::new(Scene::TalkingHead, size, FPS, 1)?;
    let draw = |index| {
        let mut bytes = Vec::new();
        generator.draw(index, &mut bytes);
        bytes
    };
    Ok((0..count).map(draw).collect())
}

/// The frames coded to VP8 in real time at `bitrate`.
///
/// # Errors
/// If the encoder rejects a frame.
pub fn vp8_packets(size: Size, frames: &[Vec<u8>], bitrate: Bitrate) -> Result<Vec<Packet>, Error> {
    let config = EncoderConfig::rtc(size, FPS, bitrate);
    let (_, open, _) = registry::find_encoder("vp8/native")?;
    let mut encoder = open(&config)?;
    let mut packets = Vec::new();
    for (pts, frame) in (0..).zip(frames) {
        encode(&mut *encoder, size, frame, pts, &mut packets)?;
    }
    Ok(packets)
}

fn encode(
    encoder: &mut dyn VideoEncoder,
    size: Size,
    frame: &[u8],
    pts: i64,
    packets: &mut Vec<Packet>,
) -> Result<(), Error> {
    let picture = Picture::i420_packed(size, frame)?;
    encoder.encode(&picture, &FrameRequest::at(pts))?;
    let mut packet = Packet::default();
    while encoder.receive(&mut packet) {
        packets.push(packet.clone());
    }
    Ok(())
}

/// Bytes that look like noise.
#[must_use]
pub fn noise(count: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..count).map(next).collect()
}
