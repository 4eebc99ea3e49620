//! FLAC (RFC 9639) encoding with the crate `flacenc`.
//!
//! A packet is one FLAC frame. The knob `block` sets its number of samples per channel; the last
//! packet, which `finish` produces, may be shorter. The knob `bits` sets the bits per sample, 16 or
//! 24. 16-bit input is lossless with both; float input is rounded to the nearest value and clipped.
//! `STREAMINFO` is written before the first frame, so its fields for the number of samples, their
//! MD5 and the frame sizes are 0, which means unknown (section 8.2).

use std::panic::{AssertUnwindSafe, catch_unwind};

use flacenc::bitsink::ByteSink;
use flacenc::component::{BitRepr, StreamInfo};
use flacenc::config::Encoder as Settings;
use flacenc::encode_fixed_size_frame;
use flacenc::error::{Verified, Verify};
use flacenc::source::{Fill, FrameBuf};

use super::knob_values::KnobValues;
use codec_audio::check::{check_format, reject_quality_settings};
use codec_audio::framer::{Framer, PacketQueue};
use codec_audio::{
    AudioCapabilities, AudioCodec, AudioEncoder, AudioEncoderConfig, AudioFormat, AudioOutcome,
    AudioPacket, AudioUpdate, AudioView, Samples, level_dbov,
};
use codec_core::codec::{Applied, Knob, KnobKind};
use codec_core::error::{ConfigError, Error, LibraryError};

pub(crate) static CAPABILITIES: AudioCapabilities = AudioCapabilities {
    max_channels: 8,
    lossless: true,
    knobs: KNOBS,
    gap_reason: "lossless coding has no target bitrate, and its packets are blocks of samples",
    ..AudioCapabilities::minimal("flacenc 0.5")
};

const BITS: &str = "bits";
const BLOCK: &str = "block";
/// Maximum sample rate that fits the 20 bits in the `STREAMINFO`, rounded down, in Hz.
const MAX_RATE: u32 = 1_048_000;
/// Maximum rate that the library accepts, in Hz; above it the frames refer to the rate in the
/// `STREAMINFO`.
const MAX_LIBRARY_RATE: u32 = 96_000;

const KNOBS: &[Knob] = &[
    Knob {
        name: BITS,
        kind: KnobKind::Choice(&[(16, "CD"), (24, "studio")]),
        default: 16,
        live: false,
        help: "bits per sample; floats are rounded to this precision",
    },
    Knob {
        name: BLOCK,
        kind: KnobKind::Range { min: 64, max: 16_384 },
        default: 4096,
        live: false,
        help: "samples per packet; fewer reduce delay but cost more bits",
    },
];

/// Opens an encoder.
pub(crate) fn open(config: &AudioEncoderConfig) -> Result<Box<dyn AudioEncoder>, Error> {
    if config.codec != AudioCodec::Flac {
        return Err(ConfigError::new("codec", config.codec, "flac").into());
    }
    let format = config.format;
    check_format(format, &CAPABILITIES)?;
    if format.rate > MAX_RATE {
        let allowed = format_args!("1..={MAX_RATE} Hz");
        return Err(ConfigError::new("sample rate", format.rate, allowed).into());
    }
    let knobs = KnobValues::new(KNOBS, &config.knobs)?;
    let mut plain = config.clone();
    plain.knobs.clear();
    reject_quality_settings(&plain)?;
    let usual = AudioEncoderConfig::new(config.codec, format).frame;
    if config.frame != usual {
        let given = format_args!("{} us", config.frame.0);
        let allowed = "the default: set the knob `block` instead";
        return Err(ConfigError::new("audio packet duration", given, allowed).into());
    }
    let bits = u32::try_from(knobs.value(BITS)).unwrap_or(16);
    let block = u16::try_from(knobs.value(BLOCK)).unwrap_or(4096);
    Ok(Box::new(Encoder {
        format,
        bits,
        block,
        knobs,
        library: Library::new(format, bits, block)?,
        framer: Framer::new(format.channels(), block.into()),
        number: 0,
        packets: PacketQueue::default(),
    }))
}

#[derive(Debug)]
struct Encoder {
    format: AudioFormat,
    bits: u32,
    block: u16,
    knobs: KnobValues,
    library: Library,
    framer: Framer<i32>,
    /// Number of the next frame.
    number: usize,
    packets: PacketQueue,
}

impl Encoder {
    /// Codes the complete blocks; `padding` sample frames of the last one are padding.
    fn code_full(&mut self, padding: usize) -> Result<(), Error> {
        while let Some((pts, samples)) = self.framer.take() {
            let mut packet = self.packets.begin();
            self.library.code(samples, self.number, &mut packet)?;
            packet.pts = pts;
            if self.framer.waiting_frames() == 0 {
                packet.trim_end = padding as u64;
            }
            self.packets.push(packet);
            self.number += 1;
        }
        Ok(())
    }

    /// Codes the buffered samples, padded with silence: only the last block of a stream may be
    /// short.
    fn fill_up(&mut self) -> Result<(), Error> {
        match self.framer.flush(0) {
            Some(padding) => self.code_full(padding),
            None => Ok(()),
        }
    }
}

impl AudioEncoder for Encoder {
    fn capabilities(&self) -> &AudioCapabilities {
        &CAPABILITIES
    }

    fn lookahead(&self) -> u32 {
        0
    }

    /// Returns the `STREAMINFO` without its block header (RFC 9639, section 8.2).
    fn codec_private(&self) -> Vec<u8> {
        let mut info = Vec::with_capacity(34);
        info.extend_from_slice(&self.block.to_be_bytes());
        info.extend_from_slice(&self.block.to_be_bytes());
        // Frame sizes: unknown.
        info.extend_from_slice(&[0; 6]);
        let channels = self.format.channels() as u64 - 1;
        let bits = u64::from(self.bits) - 1;
        let packed = u64::from(self.format.rate) << 44 | channels << 41 | bits << 36;
        info.extend_from_slice(&packed.to_be_bytes());
        info.resize(34, 0);
        info
    }

    fn encode(&mut self, audio: &AudioView<'_>, pts: i64) -> Result<AudioOutcome, Error> {
        if audio.format() != self.format {
            return Err(ConfigError::new("audio format", audio.format(), self.format).into());
        }
        if audio.frames() > 0 {
            if self.framer.jumps_to(pts) {
                self.fill_up()?;
            }
            let bits = self.bits;
            let waiting = self.framer.extend(pts);
            match audio.samples() {
                Samples::S16(values) => {
                    waiting.extend(values.iter().map(|&value| i32::from(value) << (bits - 16)));
                }
                Samples::F32(values) => {
                    waiting.extend(values.iter().map(|&value| rounded(value, bits)));
                }
            }
            self.code_full(0)?;
        }
        Ok(if self.packets.is_empty() { AudioOutcome::Buffered } else { AudioOutcome::Coded })
    }

    fn receive(&mut self, packet: &mut AudioPacket) -> bool {
        self.packets.receive(packet)
    }

    fn finish(&mut self) -> Result<(), Error> {
        if let Some((pts, samples)) = self.framer.take_rest() {
            let mut packet = self.packets.begin();
            self.library.code(samples, self.number, &mut packet)?;
            packet.pts = pts;
            self.packets.push(packet);
        }
        // The next samples start a new stream.
        self.number = 0;
        Ok(())
    }

    fn apply(&mut self, update: AudioUpdate) -> Result<Applied, Error> {
        if let AudioUpdate::Knob(name, value) = &update {
            self.knobs.set(name, *value, true)?;
        }
        Err(Error::unsupported("changing this setting of a running FLAC encoder"))
    }
}

/// Returns the nearest integer of `bits` bits, including the sign.
#[expect(clippy::cast_possible_truncation, reason = "clamped; the cast gives 0 for NaN")]
fn rounded(value: f32, bits: u32) -> i32 {
    let full = f64::from(1_u32 << (bits - 1));
    (f64::from(value) * full).round_ties_even().clamp(-full, full - 1.0) as i32
}

/// The library with its reusable memory.
#[derive(Debug)]
struct Library {
    bits: u32,
    channels: usize,
    info: StreamInfo,
    /// Whether the sample rate is too high for frame headers.
    is_fast: bool,
    usual: Verified<Settings>,
    /// Settings without prediction, for blocks that the usual settings cannot code.
    plain: Verified<Settings>,
    samples: FrameBuf,
    coded: ByteSink,
    /// The upper 16 bits of the samples.
    upper: Vec<i16>,
}

impl Library {
    fn new(format: AudioFormat, bits: u32, block: u16) -> Result<Self, Error> {
        let is_fast = format.rate > MAX_LIBRARY_RATE;
        let rate = if is_fast { MAX_LIBRARY_RATE } else { format.rate } as usize;
        let channels = format.channels();
        Ok(Self {
            bits,
            channels,
            is_fast,
            info: StreamInfo::new(rate, channels, bits as usize).map_err(failed)?,
            usual: settings(true)?,
            plain: settings(false)?,
            samples: FrameBuf::with_size(channels, block.into()).map_err(failed)?,
            coded: ByteSink::new(),
            upper: Vec::new(),
        })
    }

    /// Codes a block of interleaved samples as frame `number` of the stream.
    fn code(
        &mut self,
        samples: &[i32],
        number: usize,
        packet: &mut AudioPacket,
    ) -> Result<(), Error> {
        let Self { bits, channels, info, is_fast, usual, plain, samples: block, coded, upper } =
            self;
        block.fill_interleaved(samples).map_err(failed)?;
        // Frame numbers have 31 bits (section 9.1.5).
        let number = number & 0x7FFF_FFFF;
        let mut run = |settings: &Verified<Settings>, most: usize| {
            coded.clear();
            let frame = encode_fixed_size_frame(settings, block, number, info).ok()?;
            (frame.count_bits() <= most).then_some(())?;
            frame.write(coded).ok()
        };
        // Prediction may enlarge a block, and a panic in the library is a bug there; in both cases
        // the block is coded without prediction.
        let most = samples.len() * *bits as usize + HEADS_BITS;
        let predicted = catch_unwind(AssertUnwindSafe(|| run(usual, most))).ok().flatten();
        if predicted.is_none() {
            let copied = catch_unwind(AssertUnwindSafe(|| run(plain, usize::MAX))).ok().flatten();
            copied.ok_or_else(|| failed("cannot code a block"))?;
        }
        packet.data.extend_from_slice(coded.as_slice());
        if *is_fast {
            omit_rate(&mut packet.data).ok_or_else(|| failed("invalid frame header"))?;
        }
        packet.duration = (samples.len() / *channels) as u64;
        upper.clear();
        let shift = *bits - 16;
        upper.extend(samples.iter().map(|&value| i16::try_from(value >> shift).unwrap_or(0)));
        packet.meta.level_dbov = level_dbov(upper);
        Ok(())
    }
}

fn failed(message: impl std::fmt::Display) -> Error {
    LibraryError::new("flacenc", message).into()
}

/// Maximum size of the headers and checksum of a frame with 8 channels without prediction, in bits.
const HEADS_BITS: usize = 256;

/// Makes a frame refer to the `STREAMINFO` for its sample rate (RFC 9639, section 9.1.2). The
/// rate that the frame states must take no bytes after the frame number.
fn omit_rate(frame: &mut [u8]) -> Option<()> {
    let number_bytes = frame.get(4)?.leading_ones().max(1) as usize;
    let size_bytes = match frame.get(2)? >> 4 {
        6 => 1,
        7 => 2,
        _ => 0,
    };
    *frame.get_mut(2)? &= 0xF0;
    let (head, rest) = frame.split_at_mut_checked(4 + number_bytes + size_bytes)?;
    // CRC-8 of x^8 + x^2 + x + 1 over the header, CRC-16 of x^16 + x^15 + x^2 + 1 over the frame.
    *rest.first_mut()? = checksum(head, 8, 0x07).to_be_bytes()[1];
    let (body, last) = frame.split_last_chunk_mut::<2>()?;
    *last = checksum(body, 16, 0x8005).to_be_bytes();
    Some(())
}

/// Computes the CRC of `width` bits, at most 16, with the `polynomial`, most significant bit first.
fn checksum(bytes: &[u8], width: u32, polynomial: u16) -> u16 {
    let (top, mask) = (1 << (width - 1), u16::MAX >> (16 - width));
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte) << (width - 8), |crc, _| {
            let carry = if crc & top == 0 { 0 } else { polynomial };
            (crc << 1 ^ carry) & mask
        })
    })
}

/// Returns the library's default settings, with or without prediction.
fn settings(predicts: bool) -> Result<Verified<Settings>, Error> {
    let mut settings = Settings::default();
    settings.subframe_coding.use_fixed = predicts;
    settings.subframe_coding.use_lpc = predicts;
    settings.into_verified().map_err(|(_, error)| failed(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_rounded_to_the_nearest_and_saturated() {
        let all = [0.0, 1.0, -1.0, 2.0, f32::NAN, 1.4 / 32_768.0, -1.6 / 32_768.0];
        assert_eq!(all.map(|v| rounded(v, 16)), [0, 32_767, -32_768, 32_767, 0, 1, -2]);
        assert_eq!(rounded(3.0 / 8_388_608.0, 24), 3);
    }

    #[test]
    fn checksums_equal_published_check_values() {
        assert_eq!(checksum(b"123456789", 8, 0x07), 0xF4);
        assert_eq!(checksum(b"123456789", 16, 0x8005), 0xFEE8);
    }
}
