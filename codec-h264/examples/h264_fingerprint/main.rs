//! Decodes generated streams in groups (CAVLC, CABAC, weighted prediction, fields, MBAFF) and
//! prints a fingerprint (hash) of the decoded frames for each group. Decoded frames are identical
//! on every machine, so every target must print the same lines.
//!
//! Every group is decoded with every SIMD instruction set of the machine. The slices contain random
//! data, so parts of them are invalid; the decoder conceals these parts. `.ci/portability` compares
//! the output of all targets that it can run.
#![expect(clippy::print_stdout, reason = "the output is the purpose")]

mod streams;

use codec_core::codec::{Conceal, DecoderConfig, VideoDecoder};
use codec_core::error::Error;
use codec_core::simd::Level;

use self::streams::{Features, GROUPS, Generator};

const FRAMES: u32 = 24;

/// Returns a packet for each frame.
fn packets(features: Features) -> Vec<Vec<u8>> {
    let mut generator = Generator::new(features, 1);
    let mut next = generator.parameter_sets();
    (0..FRAMES)
        .map(|_| {
            let mut packet = std::mem::take(&mut next);
            for picture in generator.next_frame() {
                packet.extend(generator.slices(&picture));
            }
            packet
        })
        .collect()
}

/// FNV-1a over all decoded frames, and the share of macroblocks that were not concealed.
fn run(packets: &[Vec<u8>], level: Level) -> Result<(u64, u32), Error> {
    let mut config = DecoderConfig::default();
    config.simd = Some(level);
    config.conceal = Conceal::On;
    let mut decoder = codec_h264::decoder::open(&config)?;
    let mut fingerprint = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |decoder: &mut dyn VideoDecoder| {
        while let Some(frame) = decoder.receive() {
            for byte in frame.digest().to_le_bytes() {
                fingerprint = (fingerprint ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    };
    let (mut concealed, mut total) = (0, 0);
    for (pts, packet) in (0..).zip(packets) {
        let report = decoder.decode(packet, pts, None)?;
        concealed += report.concealed_mbs;
        total += report.total_mbs;
        add(&mut *decoder);
    }
    decoder.finish();
    add(&mut *decoder);
    Ok((fingerprint, 100 * (total - concealed) / total.max(1)))
}

fn main() -> Result<(), Error> {
    for features in GROUPS {
        let packets = packets(features);
        let mut printed = None;
        for level in Level::supported() {
            let found = run(&packets, level)?;
            if *printed.get_or_insert(found) != found {
                println!("{} differs at level {}", features.name, level.name());
            }
        }
        let (fingerprint, percent) = printed.unwrap_or_default();
        println!("h264-{} {fingerprint:016x}, {percent} % of the macroblocks", features.name);
    }
    Ok(())
}
