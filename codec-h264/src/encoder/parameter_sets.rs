//! Parameter sets of the encoder, and the choice of the H.264 level (such as 3.1). ITU-T H.264,
//! clauses 7.3.2.1, 7.3.2.2 and annex A.

use codec_core::annex_b::avc_record;
use codec_core::error::ConfigError;
use codec_core::frame::{Color, ColorRange};

use super::hrd;
use super::references::{DECODER_REFS, FRAME_NUM_BITS, POC_BITS};
use super::settings::{FrameSettings, Profile};
use crate::bits::BitWriter;
use crate::nal::{NalHeader, NalType};
use crate::params::{
    Crop, LEVELS, LevelLimits, PocType, Pps, ReorderLimits, ScalingMatrices, Sps, TimingInfo,
    VideoSignal, Vui,
};

/// `pic_init_qp`.
const INIT_QP: i8 = 26;

/// The sequence and picture parameter set of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ParameterSets {
    pub sps: Sps,
    pub pps: Pps,
}

impl ParameterSets {
    /// Creates the parameter sets for `settings`.
    ///
    /// # Errors
    /// [`ConfigError`] if no level allows the frame size.
    pub(super) fn new(settings: &FrameSettings) -> Result<Self, ConfigError> {
        let level = level(settings)?;
        Ok(Self { sps: sps(settings, level), pps: pps(settings) })
    }

    /// Appends both NAL units in Annex B format.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let [sps, pps] = self.payloads();
        NalHeader { ref_idc: 3, nal_type: NalType::Sps }.write_unit(&sps, out);
        NalHeader { ref_idc: 3, nal_type: NalType::Pps }.write_unit(&pps, out);
    }

    fn payloads(&self) -> [Vec<u8>; 2] {
        let mut bits = BitWriter::default();
        self.sps.write(&mut bits);
        let sps = bits.bytes().to_vec();
        bits.clear();
        self.pps.write(&self.sps, &mut bits);
        [sps, bits.bytes().to_vec()]
    }

    /// Returns the `AVCDecoderConfigurationRecord`.
    pub(super) fn decoder_record(&self) -> Vec<u8> {
        let mut sets = Vec::new();
        self.write(&mut sets);
        avc_record(&sets).unwrap_or_default()
    }
}

/// A level allows 1.25 times the bits per second of the table in High profile.
fn rate_limit(level: &LevelLimits, profile: Profile) -> u64 {
    let rate = u64::from(level.max_bitrate_kbps) * 1000;
    if profile == Profile::High { rate / 4 * 5 } else { rate }
}

/// Returns the lowest level that allows the frame size, frame rate, bitrate and references.
fn level(settings: &FrameSettings) -> Result<&'static LevelLimits, ConfigError> {
    let (cols, rows) = settings.size.macroblocks();
    let mbs = (cols * rows) as u64;
    let (num, den) = (u64::from(settings.framerate.num), u64::from(settings.framerate.den.max(1)));
    let mbs_per_second = mbs.saturating_mul(num).div_ceil(den);
    let fits_frame = |level: &&LevelLimits| {
        let max_frame = u64::from(level.max_frame_mbs);
        let longest = cols.max(rows) as u64;
        mbs <= max_frame
            && longest * longest <= 8 * max_frame
            && mbs * DECODER_REFS as u64 <= u64::from(level.max_dpb_mbs)
    };
    // Level 1b is signalled in another way.
    let mut levels = LEVELS.iter().filter(|level| level.level_idc >= 10).filter(fits_frame);
    let Some(highest) = levels.clone().next_back() else {
        return Err(ConfigError::new(
            "frame size",
            settings.size,
            "at most 139264 macroblocks, and 1055 in a row or column (level 6.2)",
        ));
    };
    // No level has a smaller buffer than the bits of a second.
    let capacity = settings.described_buffer().map_or(0, |buffer| buffer.capacity_bits);
    let rate = settings.bitrate.max(capacity);
    let fits = |level: &&LevelLimits| {
        mbs_per_second <= u64::from(level.max_mbs_per_second)
            && rate <= rate_limit(level, settings.knobs.profile)
    };
    Ok(levels.find(fits).unwrap_or(highest))
}

fn sps(settings: &FrameSettings, level: &LevelLimits) -> Sps {
    let (profile_idc, constraint_flags) = match settings.knobs.profile {
        Profile::ConstrainedBaseline => (66, 0b11),
        Profile::Main => (77, 0b10),
        // Constrained High, or only progressive.
        Profile::High if settings.reorder_frames() == 0 => (100, 0b11_0000),
        Profile::High => (100, 0b01_0000),
    };
    let (cols, rows) = settings.size.macroblocks();
    let mbs = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
    let (width, height) = (settings.size.width, settings.size.height);
    let beyond = |mbs: usize, visible: u32| {
        u32::try_from(16 * mbs).unwrap_or(u32::MAX).saturating_sub(visible) & !1
    };
    Sps {
        id: 0,
        profile_idc,
        constraint_flags,
        level_idc: level.level_idc,
        chroma_format_idc: 1,
        separate_colour_plane: false,
        bit_depth_luma: 8,
        bit_depth_chroma: 8,
        transform_bypass: false,
        scaling: settings.knobs.scaling().map(Box::new),
        log2_max_frame_num: FRAME_NUM_BITS,
        poc_type: PocType::Lsb { log2_max_lsb: POC_BITS },
        max_num_ref_frames: u8::try_from(DECODER_REFS).unwrap_or(u8::MAX),
        // Upper temporal layers may be removed.
        gaps_in_frame_num_allowed: true,
        width_mbs: mbs(cols),
        height_map_units: mbs(rows),
        frame_mbs_only: true,
        mb_adaptive_frame_field: false,
        direct_8x8_inference: true,
        crop: Crop { left: 0, right: beyond(cols, width), top: 0, bottom: beyond(rows, height) },
        vui: Some(vui(settings)),
    }
}

fn vui(settings: &FrameSettings) -> Vui {
    let aspect = settings
        .info
        .pixel_aspect
        .and_then(|ratio| Some((u16::try_from(ratio.num).ok()?, u16::try_from(ratio.den).ok()?)));
    let rate = settings.framerate;
    // A tick is the duration of a field.
    let timing = rate.num.checked_mul(2).filter(|&scale| scale > 0 && rate.den > 0).map(|scale| {
        TimingInfo { units_in_tick: rate.den, time_scale: scale, fixed_frame_rate: false }
    });
    Vui {
        aspect_ratio: aspect,
        signal: signal(settings.info.color),
        timing,
        hrd: settings
            .described_buffer()
            .map(|buffer| hrd::parameters(buffer.rate_bps, buffer.capacity_bits)),
        pic_struct_present: false,
        reorder: Some(ReorderLimits {
            max_reorder_frames: settings.reorder_frames(),
            max_buffered_frames: u8::try_from(DECODER_REFS).unwrap_or(u8::MAX),
        }),
    }
}

/// Returns the colour description if anything is specified.
fn signal(color: Color) -> Option<VideoSignal> {
    if color == Color::default() {
        return None;
    }
    let codes = [color.primaries.0, color.transfer.0, color.matrix.0];
    Some(VideoSignal {
        full_range: color.range == ColorRange::Full,
        colour: (codes != [2; 3]).then_some(codes),
    })
}

fn pps(settings: &FrameSettings) -> Pps {
    Pps {
        id: 0,
        sps_id: 0,
        cabac: settings.knobs.uses_cabac(),
        bottom_field_poc_present: false,
        default_ref_counts: [1; 2],
        weighted_pred: settings.max_b_frames > 0,
        // Implicit.
        weighted_bipred_idc: if settings.max_b_frames > 0 { 2 } else { 0 },
        init_qp: INIT_QP,
        chroma_qp_offsets: [0; 2],
        deblocking_control_present: true,
        constrained_intra_pred: false,
        redundant_pic_count_present: false,
        transform_8x8: settings.knobs.uses_transform_8x8(),
        scaling: Box::new(settings.knobs.scaling().unwrap_or(ScalingMatrices::FLAT)),
    }
}
