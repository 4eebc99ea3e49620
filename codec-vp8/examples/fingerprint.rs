//! Encodes synthetic video and prints one fingerprint (hash) per group of settings. Coded bytes
//! and decoded frames are identical on every machine, so every target must print the same lines.
//!
//! Each group is encoded at every SIMD level of the machine; the decoder uses the next level, so
//! that kernels of different levels are compared. `.ci/portability` compares the output of all
//! targets that it can run.
#![expect(clippy::print_stdout, reason = "the output is the purpose")]

use codec_core::codec::{
    Bitrate, DecoderConfig, EncoderConfig, FrameRequest, Packet, RateControl, Scalability,
    VideoEncoder,
};
use codec_core::error::Error;
use codec_core::frame::{Picture, Rational, Size};
use codec_core::simd::Level;
use codec_vp8::{decoder, encoder};

const SIZE: Size = Size { width: 100, height: 74 };
const RATE: Rational = Rational { num: 30, den: 1 };
const FRAMES: u32 = 24;

/// FNV-1a over all added data.
struct Fingerprint(u64);

impl Fingerprint {
    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Draws moving waves, a box moving against them, some grain, and a scene cut after 14 frames.
fn picture(n: u32) -> Vec<u8> {
    let mut grain = n + 1;
    let mut pixel = |x: u32, y: u32, shift: u32| {
        grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let cut = n / 14 * 57;
        let (u, v) = (x + 2 * n + cut, y + n);
        let wave = (u * u / 16 + v * 5 + u * v / 32) >> shift;
        let is_box = (20..44).contains(&(x + n)) && (16..40).contains(&y);
        let level = if is_box { (x + n) * 9 + y * 7 } else { wave };
        let [byte, ..] = (level % 200 + 20 + (grain >> 30)).to_le_bytes();
        byte
    };
    let mut planes = Vec::new();
    for (width, height, shift) in [(100, 74, 0), (50, 37, 1), (50, 37, 2)] {
        planes.extend((0..width * height).map(|i| pixel(i % width, i / width, shift)));
    }
    planes
}

fn groups() -> [(&'static str, EncoderConfig); 4] {
    let rtc = |kbps: u64, speed| {
        let mut config = EncoderConfig::rtc(SIZE, RATE, Bitrate(1000 * kbps));
        config.speed = speed;
        config
    };
    let mut layered = rtc(150, 4);
    layered.scalability = Scalability::L1T3;
    let mut file = EncoderConfig::file(SIZE, RATE, RateControl::Quality(60));
    file.speed = 1;
    [("rtc-fast", rtc(80, 9)), ("rtc", rtc(300, 5)), ("rtc-layers", layered), ("file", file)]
}

/// Returns the fingerprint of all packets and decoded frames.
fn run(config: &EncoderConfig, encode_at: Level, decode_at: Level) -> Result<u64, Error> {
    let mut config = config.clone();
    config.simd = Some(encode_at);
    let mut decoding = DecoderConfig::default();
    decoding.simd = Some(decode_at);
    let (mut encoder, mut decoder) = (encoder::open(&config)?, decoder::open(&decoding)?);
    let mut fingerprint = Fingerprint(0xcbf2_9ce4_8422_2325);
    let mut packet = Packet::default();
    let mut take = |encoder: &mut dyn VideoEncoder| {
        while encoder.receive(&mut packet) {
            fingerprint.add(&packet.data);
            decoder.decode(&packet.data, 0, None)?;
            while let Some(frame) = decoder.receive() {
                fingerprint.add(&frame.digest().to_le_bytes());
            }
        }
        Ok::<(), Error>(())
    };
    for n in 0..FRAMES {
        let data = picture(n);
        let input = Picture::i420_packed(SIZE, &data)?;
        encoder.encode(&input, &FrameRequest::at(i64::from(n)))?;
        take(&mut *encoder)?;
    }
    encoder.finish()?;
    take(&mut *encoder)?;
    Ok(fingerprint.0)
}

fn main() -> Result<(), Error> {
    let levels: Vec<Level> = Level::supported().collect();
    for (name, config) in groups() {
        let mut printed = None;
        for (i, &level) in levels.iter().enumerate() {
            let fingerprint = run(&config, level, levels[(i + 1) % levels.len()])?;
            if *printed.get_or_insert(fingerprint) != fingerprint {
                println!("{name} differs at level {}", level.name());
            }
        }
        println!("{name} {:016x}", printed.unwrap_or_default());
    }
    Ok(())
}
