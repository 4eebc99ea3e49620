//! A-law and mu-law conversion, for single samples and for buffers.

/// Companding law.
///
/// ```
/// use codec_audio::g711::Law;
///
/// let code = Law::A.encode(1000);
/// assert!(Law::A.decode(code).abs_diff(1000) <= 16);
/// assert_eq!(Law::Mu.encode(0), 0xff);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Law {
    /// A-law, 13 bits. ITU-T G.711, table 1; used in Europe and most of the world.
    A,
    /// Mu-law, 14 bits. ITU-T G.711, table 2; used in North America and Japan.
    Mu,
}

/// Bias of mu-law magnitudes, in 14 bits; with it each segment is twice as long as the previous
/// one.
const BIAS: i32 = 33;

static A_SAMPLES: [i16; 256] = samples(Law::A);
static MU_SAMPLES: [i16; 256] = samples(Law::Mu);

impl Law {
    /// Encodes one sample.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "7 bits")]
    pub const fn encode(self, sample: i16) -> u8 {
        let positive = sample >= 0;
        let magnitude = if positive { sample as i32 } else { !(sample as i32) };
        let (code, inverted) = match self {
            Self::A => {
                let steps = magnitude >> 4;
                let segment =
                    (27 - (steps | 16).leading_zeros().cast_signed()) + (steps >= 16) as i32;
                let shift = if segment > 1 { segment - 1 } else { 0 };
                ((segment << 4) | (steps >> shift & 15), 0x55)
            }
            Self::Mu => {
                let biased = (magnitude >> 2) + BIAS;
                let biased = if biased > 8191 { 8191 } else { biased };
                let segment = 26 - biased.leading_zeros().cast_signed();
                ((segment << 4) | (biased >> (segment + 1) & 15), 0x7f)
            }
        };
        (code as u8 | if positive { 0x80 } else { 0 }) ^ inverted
    }

    /// Decodes a code to the middle of its interval.
    #[must_use]
    pub fn decode(self, code: u8) -> i16 {
        self.samples()[usize::from(code)]
    }

    /// Returns the samples of all codes.
    #[must_use]
    pub fn samples(self) -> &'static [i16; 256] {
        match self {
            Self::A => &A_SAMPLES,
            Self::Mu => &MU_SAMPLES,
        }
    }

    /// Appends the codes of `samples` to `out`; equal to [`Self::encode`] for each.
    pub fn encode_all(self, samples: &[i16], out: &mut Vec<u8>) {
        let from = out.len();
        out.resize(from + samples.len(), 0);
        let codes = out[from..].iter_mut().zip(samples);
        match self {
            Self::A => codes.for_each(|(code, &sample)| *code = a_by_float(sample)),
            Self::Mu => codes.for_each(|(code, &sample)| *code = mu_by_float(sample)),
        }
    }

    /// Appends the samples of `codes` to `out`.
    pub fn decode_all(self, codes: &[u8], out: &mut Vec<i16>) {
        let table = self.samples();
        out.extend(codes.iter().map(|&code| table[usize::from(code)]));
    }
}

// A float's exponent and the first four bits of its mantissa are a code's segment and step. Unlike
// a table or a count of leading zeros, the compiler can vectorise these two functions.

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "12 bits are exact in a float; the code has 7"
)]
fn a_by_float(sample: i16) -> u8 {
    let wide = i32::from(sample);
    let steps = (wide ^ (wide >> 31)) >> 4;
    let log = ((steps as f32).to_bits() >> 19).cast_signed() - ((127 + 3) << 4);
    let code = if steps < 16 { steps } else { log };
    (code as u8 | (!wide >> 24) as u8 & 0x80) ^ 0x55
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "13 bits are exact in a float; the code has 7"
)]
fn mu_by_float(sample: i16) -> u8 {
    let wide = i32::from(sample);
    let biased = (((wide ^ (wide >> 31)) >> 2) + BIAS).min(8191);
    let code = ((biased as f32).to_bits() >> 19).cast_signed() - ((127 + 5) << 4);
    (code as u8 | (!wide >> 24) as u8 & 0x80) ^ 0x7f
}

#[expect(clippy::cast_possible_truncation, reason = "a code has 8 bits")]
const fn samples(law: Law) -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = sample(law, code as u8);
        code += 1;
    }
    table
}

#[expect(clippy::cast_possible_truncation, reason = "the largest is 32256")]
const fn sample(law: Law, code: u8) -> i16 {
    let inverted = match law {
        Law::A => 0x55,
        Law::Mu => 0x7f,
    };
    let code = code ^ inverted;
    let (segment, step) = ((code >> 4 & 7) as i32, (code & 15) as i32);
    let magnitude = match law {
        // The code denotes the middle of a step, in units of 1/8; steps have size 2 in segments
        // 0 and 1.
        Law::A if segment == 0 => (2 * step + 1) << 3,
        Law::A => (2 * step + 33) << (segment + 2),
        // The middle of a step on the biased scale, in units of 1/4.
        Law::Mu => (((2 * step + 33) << segment) - BIAS) << 2,
    };
    (if code & 0x80 != 0 { magnitude } else { -magnitude }) as i16
}
