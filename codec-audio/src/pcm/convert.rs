//! Conversion between samples and bytes for each encoding.

use crate::{AudioBuf, AudioFormat, PcmEncoding};

/// Appends `samples` to `out`: rounded to nearest, saturated, NaN as 0.
pub(super) fn write(encoding: PcmEncoding, samples: &[f32], out: &mut Vec<u8>) {
    match encoding {
        PcmEncoding::U8 => append(samples, out, |v| {
            let [a, ..] = scaled(v, 7).to_le_bytes();
            [a ^ 0x80]
        }),
        PcmEncoding::S16Le => append(samples, out, |v| {
            let [a, b, ..] = scaled(v, 15).to_le_bytes();
            [a, b]
        }),
        PcmEncoding::S16Be => append(samples, out, |v| {
            let [a, b, ..] = scaled(v, 15).to_le_bytes();
            [b, a]
        }),
        PcmEncoding::S24Le => append(samples, out, |v| {
            let [a, b, c, _] = scaled(v, 23).to_le_bytes();
            [a, b, c]
        }),
        PcmEncoding::S32Le => append(samples, out, |v| scaled(v, 31).to_le_bytes()),
        PcmEncoding::F32Le => append(samples, out, f32::to_le_bytes),
        PcmEncoding::F64Le => append(samples, out, |v| f64::from(v).to_le_bytes()),
    }
}

/// Returns the nearest integer of `bits` bits plus sign.
#[expect(clippy::cast_possible_truncation, reason = "clamped; the cast gives 0 for NaN")]
fn scaled(value: f32, bits: u32) -> i32 {
    let full = f64::from(1_u32 << bits);
    (f64::from(value) * full).round_ties_even().clamp(-full, full - 1.0) as i32
}

fn append<const N: usize>(samples: &[f32], out: &mut Vec<u8>, bytes: impl Fn(f32) -> [u8; N]) {
    out.reserve(samples.len() * N);
    samples.iter().for_each(|&sample| out.extend_from_slice(&bytes(sample)));
}

/// Fills `audio` from `data`, which must hold whole samples.
pub(super) fn read(
    encoding: PcmEncoding,
    data: &[u8],
    format: AudioFormat,
    pts: i64,
    audio: &mut AudioBuf,
) {
    match encoding {
        PcmEncoding::U8 => {
            let level = |&byte: &u8| i16::from_be_bytes([byte ^ 0x80, 0]);
            audio.begin_s16(format, pts).extend(data.iter().map(level));
        }
        PcmEncoding::S16Le => {
            let (samples, _) = data.as_chunks();
            let samples = samples.iter().map(|&bytes| i16::from_le_bytes(bytes));
            audio.begin_s16(format, pts).extend(samples);
        }
        PcmEncoding::S16Be => {
            let (samples, _) = data.as_chunks();
            let samples = samples.iter().map(|&bytes| i16::from_be_bytes(bytes));
            audio.begin_s16(format, pts).extend(samples);
        }
        PcmEncoding::S24Le => {
            let (samples, _) = data.as_chunks();
            let level = |&[a, b, c]: &[u8; 3]| from_s32(i32::from_le_bytes([0, a, b, c]));
            audio.begin_f32(format, pts).extend(samples.iter().map(level));
        }
        PcmEncoding::S32Le => {
            let (samples, _) = data.as_chunks();
            let samples = samples.iter().map(|&bytes| from_s32(i32::from_le_bytes(bytes)));
            audio.begin_f32(format, pts).extend(samples);
        }
        PcmEncoding::F32Le => {
            let (samples, _) = data.as_chunks();
            let samples = samples.iter().map(|&bytes| f32::from_le_bytes(bytes));
            audio.begin_f32(format, pts).extend(samples);
        }
        PcmEncoding::F64Le => {
            let (samples, _) = data.as_chunks();
            let samples = samples.iter().map(|&bytes| from_f64(f64::from_le_bytes(bytes)));
            audio.begin_f32(format, pts).extend(samples);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "24 bits are kept, as the module says")]
fn from_s32(value: i32) -> f32 {
    value as f32 / 2_147_483_648.0
}

#[expect(clippy::cast_possible_truncation, reason = "24 bits are kept, as the module says")]
fn from_f64(value: f64) -> f32 {
    value as f32
}
