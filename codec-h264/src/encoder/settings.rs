//! Settings of the frame encoder.

use std::sync::Arc;

use codec_core::codec::StageClock;
use codec_core::codec::plan::DecoderBuffer;
use codec_core::error::ConfigError;
use codec_core::frame::{PictureInfo, Rational, Size};
use codec_core::parallel::Pool;
use codec_simd::Level;

use crate::params::ScalingMatrices;

/// Profiles that the encoder writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// CAVLC and 4x4 transforms.
    ConstrainedBaseline,
    /// CABAC and 4x4 transforms.
    Main,
    /// CABAC and 4x4 or 8x8 transforms; without B frames Constrained High.
    #[default]
    High,
}

/// Weights of the transform coefficients in quantisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScalingMatrix {
    /// Equal weights.
    #[default]
    Flat,
    /// The default matrices of the standard (tables 7-3 and 7-4): high frequencies are quantised
    /// more coarsely.
    Jvt,
}

/// Bitstream settings that persist from frame to frame. A change takes effect with the next key
/// frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameKnobs {
    /// Profile.
    pub profile: Profile,
    /// Use CABAC if the profile has it.
    pub cabac: bool,
    /// Use 8x8 transforms if the profile has them.
    pub transform_8x8: bool,
    /// Scaling matrices, if the profile has them.
    pub scaling_matrix: ScalingMatrix,
    /// Number of slices per frame: of whole rows, at least one.
    pub slices: u8,
    /// Maximum bytes of the NAL unit of a slice, at least [`MIN_SLICE_BYTES`]; 0 is no limit.
    pub slice_bytes: u16,
    /// Write the parameters and messages of the hypothetical reference decoder, whose buffer is in
    /// [`FrameSettings::buffer`] and in each plan.
    pub hrd: bool,
    /// `slice_alpha_c0_offset_div2` and `slice_beta_offset_div2`, -6..=6.
    pub deblocking_offsets: [i8; 2],
    /// Maximum number of consecutive B frames in the file preset if the profile has them.
    pub b_frames: u8,
}

/// Default of [`FrameKnobs::b_frames`].
pub(super) const DEFAULT_B_FRAMES: u8 = 7;

impl Default for FrameKnobs {
    fn default() -> Self {
        Self {
            profile: Profile::High,
            cabac: true,
            transform_8x8: true,
            scaling_matrix: ScalingMatrix::Flat,
            slices: 1,
            slice_bytes: 0,
            hrd: false,
            deblocking_offsets: [0; 2],
            b_frames: DEFAULT_B_FRAMES,
        }
    }
}

/// Lowest value of [`FrameKnobs::slice_bytes`] above 0: a slice header with all references, and a
/// macroblock without details.
pub const MIN_SLICE_BYTES: u16 = 100;

impl FrameKnobs {
    /// Checks the knobs.
    ///
    /// # Errors
    /// [`ConfigError`] if `slice_bytes` is below [`MIN_SLICE_BYTES`], but not 0.
    pub fn check(&self) -> Result<(), ConfigError> {
        let bytes = self.slice_bytes;
        let allowed = format_args!("0 or {MIN_SLICE_BYTES}..=65535");
        ConfigError::ensure(bytes == 0 || bytes >= MIN_SLICE_BYTES, "slice-bytes", bytes, allowed)
    }

    /// Returns the maximum number of consecutive B frames in the file preset.
    #[must_use]
    pub fn max_b_frames(&self) -> u8 {
        let has_none = self.profile == Profile::ConstrainedBaseline || self.slice_bytes > 0;
        if has_none { 0 } else { self.b_frames }
    }

    /// Returns whether CABAC is used.
    #[must_use]
    pub fn uses_cabac(&self) -> bool {
        self.cabac && self.profile != Profile::ConstrainedBaseline
    }

    /// Returns whether 8x8 transforms are used.
    #[must_use]
    pub fn uses_transform_8x8(&self) -> bool {
        self.transform_8x8 && self.profile == Profile::High
    }

    /// Returns the scaling matrices; `None` if all weights are equal.
    #[must_use]
    pub fn scaling(&self) -> Option<ScalingMatrices> {
        let has_matrices =
            self.scaling_matrix == ScalingMatrix::Jvt && self.profile == Profile::High;
        has_matrices.then(ScalingMatrices::standard)
    }
}

/// Configuration of a frame encoder.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "field names are self-explanatory")]
pub struct FrameSettings {
    pub size: Size,
    pub knobs: FrameKnobs,
    /// Nominal frame rate, for the choice of the level.
    pub framerate: Rational,
    /// Bits per second, for the choice of the level; 0 if not known.
    pub bitrate: u64,
    /// The decoder's buffer at the start; required with [`FrameKnobs::hrd`].
    pub buffer: Option<DecoderBuffer>,
    pub info: PictureInfo,
    /// Maximum number of consecutive B frames, 0 for frames in display order; ignored in profiles
    /// without B frames.
    pub max_b_frames: u8,
    /// Thread pool for parallel rows; `None` uses only the caller's thread.
    pub pool: Option<Arc<dyn Pool>>,
    /// SIMD level; `None` selects the best that the CPU supports.
    pub simd: Option<Level>,
    /// Whether [`codec_core::codec::PacketMeta::sse`] is filled in.
    pub report_sse: bool,
    /// Whether [`codec_core::codec::PacketMeta::digest`] is filled in.
    pub report_digest: bool,
    /// See [`codec_core::codec::EncoderConfig::stages`].
    pub stages: Option<Arc<dyn StageClock>>,
}

impl FrameSettings {
    /// Returns the buffer that the stream describes.
    pub(super) fn described_buffer(&self) -> Option<DecoderBuffer> {
        self.buffer.filter(|_| self.knobs.hrd)
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`ConfigError`] for the first knob that is out of range or contradicts another setting.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.knobs.check()?;
        if self.knobs.hrd && self.buffer.is_none() {
            return Err(ConfigError::conflict("hrd", "it requires constant bitrate in real time"));
        }
        Ok(())
    }

    /// Returns by how many frames the decoding order differs from the display order
    /// (`max_num_reorder_frames`): two if a B frame is a reference of others.
    pub(super) fn reorder_frames(&self) -> u8 {
        let has_none = self.knobs.profile == Profile::ConstrainedBaseline;
        if has_none { 0 } else { self.max_b_frames.min(2) }
    }
}
