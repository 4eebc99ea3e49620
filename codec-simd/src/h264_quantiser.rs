//! Quantiser of the H.264 encoder, and the results of its kernels.

/// Quantiser of 4x4 (`N` = 16) or 8x8 (`N` = 64) blocks, by position in a block that is stored
/// column by column.
///
/// The level of a coefficient `c` is `(|c| * multiplier + (round << (shift - 12))) >> shift`, at
/// most [`Self::MAX_LEVEL`], with the sign of `c`; the magnitude of -32768 counts as 32767. The
/// dequantised value is `(level * scale + half) >> right`, wrapped to 16 bits, where `half` is half
/// of the divisor: the scaling of clauses 8.5.12.1 and 8.5.13.1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct H264Quantiser<const N: usize> {
    pub(crate) multipliers: [i16; N],
    pub(crate) rounds: [i16; N],
    /// The largest magnitude of each position whose level is 0.
    pub(crate) limits: [i16; N],
    /// For a `right` of 0 modulo 65536.
    pub(crate) scales: [i16; N],
    pub(crate) shift: u8,
    pub(crate) right: u8,
    pub(crate) has_dc: bool,
}

impl<const N: usize> H264Quantiser<N> {
    /// The largest level that CAVLC can code in the Baseline profile.
    pub const MAX_LEVEL: i16 = 2063;
    /// A `round` of half a level, which gives the nearest level.
    pub const ROUND_HALF: i16 = 1 << 11;

    /// Creates a quantiser. `rounds` are in 1/4096 of a level. Values outside of their range are
    /// clamped: multipliers to 0..=32767, rounds to 0..=4095, `shift` to 12..=24, `right` to 0..=6.
    /// Powers of two that are common to all `scales` reduce `right`: kernels are fastest if `right`
    /// becomes 0, as with flat scaling matrices.
    #[must_use]
    pub fn new(
        multipliers: &[i32; N],
        shift: u8,
        scales: &[i32; N],
        right: u8,
        rounds: &[i16; N],
    ) -> Self {
        let common = scales.iter().map(|scale| scale.trailing_zeros()).min().unwrap_or_default();
        let right = right.min(6);
        let common = right.min(common.to_le_bytes()[0]);
        let mut new = Self {
            multipliers: multipliers.map(non_negative),
            rounds: [0; N],
            limits: [0; N],
            scales: scales.map(|scale| low_half(scale >> common)),
            shift: shift.clamp(12, 24),
            right: right - common,
            has_dc: true,
        };
        new.set_rounds(rounds);
        new
    }

    /// Changes the rounding of all positions: see [`Self::new`]. A DC that is not quantised
    /// ([`Self::without_dc`]) does not change.
    pub fn set_rounds(&mut self, rounds: &[i16; N]) {
        self.rounds = rounds.map(|round| round.clamp(0, 2 * Self::ROUND_HALF - 1));
        if !self.has_dc {
            self.rounds[0] = 0;
        }
        let factors = self.multipliers.iter().zip(&self.rounds);
        for (limit, (&multiplier, &round)) in self.limits.iter_mut().zip(factors) {
            let largest = (1 << self.shift) - 1 - (i32::from(round) << (self.shift - 12));
            *limit = non_negative(largest.checked_div(i32::from(multiplier)).unwrap_or(i32::MAX));
        }
    }

    /// Returns the quantiser for blocks whose DC is coded separately: the level of the DC is 0.
    #[must_use]
    pub fn without_dc(mut self) -> Self {
        self.has_dc = false;
        self.multipliers[0] = 0;
        let rounds = self.rounds;
        self.set_rounds(&rounds);
        self
    }

    /// Returns the magnitude of the level of `coeff` at `position` before rounding, with 8 fractional
    /// bits.
    #[inline]
    #[must_use]
    pub fn exact_level(&self, coeff: i16, position: usize) -> u32 {
        let multiplier = self.multipliers[position].unsigned_abs();
        (u32::from(coeff.unsigned_abs()) * u32::from(multiplier)) >> (self.shift - 8)
    }

    /// Returns the dequantised value of `level` at `position`.
    #[inline]
    #[must_use]
    pub fn dequantise(&self, level: i16, position: usize) -> i16 {
        let half = (1 << self.right) >> 1;
        low_half((i32::from(level) * i32::from(self.scales[position]) + half) >> self.right)
    }

    /// Dequantises the levels of a block in place. For scales that need more than 16 bits: scaling
    /// matrices and low quantisers.
    pub(crate) fn dequantise_all(&self, levels: &mut [i16; N]) {
        for (position, level) in levels.iter_mut().enumerate() {
            *level = self.dequantise(*level, position);
        }
    }
}

/// Clamps to 0..=32767.
fn non_negative(value: i32) -> i16 {
    i16::try_from(value.max(0)).unwrap_or(i16::MAX)
}

/// Wraps to 16 bits.
#[expect(clippy::cast_possible_truncation, reason = "documented: wraps")]
fn low_half(value: i32) -> i16 {
    value as i16
}

/// Results of the kernels that quantise `PARTS` groups of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct H264Quantised<const PARTS: usize> {
    /// Bit `n` is set if block `n` has a level that is not zero.
    pub coded: u32,
    /// Bit `n` is set if block `n` has a level of a magnitude above 1.
    pub large: u32,
    /// Squared error of the dequantised coefficients of each group of blocks, in 1/16 of the squared
    /// error of pixels. It is within 1 % of the error of the reconstruction before clamping, except
    /// for the rounding of values to pixels. Sums above the error of 1024 pixels saturate.
    pub sse: [u32; PARTS],
}

impl<const PARTS: usize> Default for H264Quantised<PARTS> {
    fn default() -> Self {
        Self { coded: 0, large: 0, sse: [0; PARTS] }
    }
}

/// Weights that make the error of coefficients an error of pixels.
///
/// The forward transform and the dequantised values have different scales, which also depend on the
/// position. With `x = c << PRE_SHIFT` the error is `x + x * coeff - (value + value * dequantised)`,
/// in 1/16 (4x4) or 1/8 (8x8) of a pixel for an orthonormal transform. The factors are in 1/32768.
///
/// Let `f` and `g` be the squared lengths of a basis function of the forward and of the inverse
/// transform (without its divisor, 64). A coefficient `c` is `c / sqrt(f)` for an orthonormal
/// transform, and a dequantised value `v` is `v * sqrt(g) / 64`.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct ErrorWeights<const N: usize> {
    pub(crate) coeff: [i16; N],
    pub(crate) dequantised: [i16; N],
}

impl ErrorWeights<16> {
    pub(crate) const PRE_SHIFT: i32 = 1;
    /// The shift from the sum of squares to 1/16 of the squared error of pixels.
    pub(crate) const POST_SHIFT: u32 = 4;
}

impl ErrorWeights<64> {
    pub(crate) const PRE_SHIFT: i32 = 0;
    /// The shift from the sum of squares to 1/16 of the squared error of pixels.
    pub(crate) const POST_SHIFT: u32 = 2;
}

/// For positions with both frequencies even, both odd, otherwise. The squared lengths are 4 for even
/// frequencies and 10 (forward) or 2.5 (inverse) for odd ones.
pub(crate) static ERROR_4X4: ErrorWeights<16> = {
    let weights = [[32767, 0], [-6554, -12288], [8681, -6863]];
    let mut table = ErrorWeights { coeff: [0; 16], dequantised: [0; 16] };
    let mut i = 0;
    while i < 16 {
        let class = match (i / 4 % 2, i % 2) {
            (0, 0) => 0,
            (1, 1) => 1,
            _ => 2,
        };
        [table.coeff[i], table.dequantised[i]] = weights[class];
        i += 1;
    }
    table
};

/// The squared lengths are 8 for the frequencies 0 and 4, 9.03125 for odd ones, and 5 for 2 and 6.
pub(crate) static ERROR_8X8: ErrorWeights<64> = {
    let weights = [
        [[0, 0], [-1928, 2048], [8681, -6863]],
        [[-1928, 2048], [-3742, 4224], [6242, -5244]],
        [[8681, -6863], [6242, -5244], [19661, -12288]],
    ];
    let kinds = [0, 1, 2, 1];
    let mut table = ErrorWeights { coeff: [0; 64], dequantised: [0; 64] };
    let mut i = 0;
    while i < 64 {
        [table.coeff[i], table.dequantised[i]] = weights[kinds[i / 8 % 4]][kinds[i % 4]];
        i += 1;
    }
    table
};

/// Zig-zag scan of a 4x4 block that is stored column by column: position by scan position.
pub(crate) static SCAN_4X4: [u8; 16] = [0, 4, 1, 2, 5, 8, 12, 9, 6, 3, 7, 10, 13, 14, 11, 15];

/// Zig-zag scan of an 8x8 block that is stored column by column.
pub(crate) static SCAN_8X8: [u8; 64] = scan_8x8();

/// The scan position of each position of [`SCAN_8X8`].
pub(crate) static SCAN_PLACE_8X8: [u8; 64] = {
    let (scan, mut places, mut i) = (scan_8x8(), [0; 64], 0);
    while i < 64 {
        places[scan[i as usize] as usize] = i;
        i += 1;
    }
    places
};

/// Walks the anti-diagonals, alternately up and down.
const fn scan_8x8() -> [u8; 64] {
    let (mut scan, mut at, mut diagonal) = ([0; 64], 0, 0);
    while diagonal < 15 {
        let mut step = 0;
        while step <= diagonal {
            // Even diagonals run upwards.
            let (x, y) =
                if diagonal % 2 == 0 { (step, diagonal - step) } else { (diagonal - step, step) };
            if x < 8 && y < 8 {
                scan[at] = 8 * x + y;
                at += 1;
            }
            step += 1;
        }
        diagonal += 1;
    }
    scan
}
