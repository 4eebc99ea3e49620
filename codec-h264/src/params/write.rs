//! Writes parameter sets. ITU-T H.264, clauses 7.3.2.1, 7.3.2.2 and annex E.

use super::scaling::ScalingMatrices;
use super::sps::HIGH_PROFILES;
use super::vui::{ASPECT_RATIOS, EXTENDED_ASPECT_RATIO, MIN_RATE_SCALE, MIN_SIZE_SCALE};
use super::{Hrd, HrdLengths, PocType, Pps, Sps, Vui};
use crate::bits::BitWriter;

impl Sps {
    /// Writes the payload of the NAL unit, with trailing bits.
    pub fn write(&self, bits: &mut BitWriter) {
        bits.u(8, self.profile_idc.into());
        (0..6).for_each(|index| _ = bits.flag(self.constraint(index)));
        bits.u(2, 0).u(8, self.level_idc.into()).ue(self.id.into());
        if HIGH_PROFILES.contains(&self.profile_idc) {
            self.write_high_profile(bits);
        }
        bits.ue(u32::from(self.log2_max_frame_num) - 4);
        self.poc_type.write(bits);
        bits.ue(self.max_num_ref_frames.into()).flag(self.gaps_in_frame_num_allowed);
        bits.ue(u32::from(self.width_mbs) - 1).ue(u32::from(self.height_map_units) - 1);
        bits.flag(self.frame_mbs_only);
        if !self.frame_mbs_only {
            bits.flag(self.mb_adaptive_frame_field);
        }
        bits.flag(self.direct_8x8_inference);
        self.write_crop(bits);
        bits.flag(self.vui.is_some());
        if let Some(vui) = &self.vui {
            vui.write(bits);
        }
        bits.trailing();
    }

    fn write_high_profile(&self, bits: &mut BitWriter) {
        bits.ue(self.chroma_format_idc.into());
        if self.chroma_format_idc == 3 {
            bits.flag(self.separate_colour_plane);
        }
        bits.ue(u32::from(self.bit_depth_luma) - 8).ue(u32::from(self.bit_depth_chroma) - 8);
        bits.flag(self.transform_bypass).flag(self.scaling.is_some());
        if let Some(scaling) = &self.scaling {
            scaling.write(bits, self.scaling_lists_8x8());
        }
    }

    /// Returns the number of 8x8 scaling lists.
    fn scaling_lists_8x8(&self) -> usize {
        if self.chroma_format_idc == 3 { 6 } else { 2 }
    }

    fn write_crop(&self, bits: &mut BitWriter) {
        let crop = self.crop;
        let sides = [crop.left, crop.right, crop.top, crop.bottom];
        let is_cropped = sides != [0; 4];
        bits.flag(is_cropped);
        if is_cropped {
            let (x, y) = self.crop_unit();
            sides.iter().zip([x, x, y, y]).for_each(|(side, unit)| _ = bits.ue(side / unit));
        }
    }
}

impl PocType {
    fn write(&self, bits: &mut BitWriter) {
        match self {
            Self::Lsb { log2_max_lsb } => {
                bits.ue(0).ue(u32::from(*log2_max_lsb) - 4);
            }
            Self::Cycle { always_zero, offset_non_ref, offset_top_to_bottom, offsets } => {
                bits.ue(1).flag(*always_zero).se(*offset_non_ref).se(*offset_top_to_bottom);
                let offsets = &offsets[..offsets.len().min(255)];
                bits.ue(u32::try_from(offsets.len()).unwrap_or(0));
                offsets.iter().for_each(|offset| _ = bits.se(*offset));
            }
            Self::DecodingOrder => {
                bits.ue(2);
            }
        }
    }
}

/// Unspecified `video_format`.
const UNSPECIFIED_FORMAT: u32 = 5;
/// Maximum length of vectors in quarter samples, as its logarithm: horizontally, which is the same for all levels, and
/// vertically at level 3.1 and higher.
const LOG2_MAX_MV: [u32; 2] = [13, 11];

impl Vui {
    fn write(&self, bits: &mut BitWriter) {
        bits.flag(self.aspect_ratio.is_some());
        if let Some(ratio) = self.aspect_ratio {
            match (0..).zip(ASPECT_RATIOS).find(|(_, known)| *known == ratio) {
                Some((idc, _)) => _ = bits.u(8, idc),
                None => {
                    bits.u(8, EXTENDED_ASPECT_RATIO.into()).u(16, ratio.0.into());
                    bits.u(16, ratio.1.into());
                }
            }
        }
        // overscan_info_present_flag
        bits.flag(false).flag(self.signal.is_some());
        if let Some(signal) = self.signal {
            bits.u(3, UNSPECIFIED_FORMAT).flag(signal.full_range).flag(signal.colour.is_some());
            signal.colour.iter().flatten().for_each(|code| _ = bits.u(8, u32::from(*code)));
        }
        // chroma_loc_info_present_flag
        bits.flag(false).flag(self.timing.is_some());
        if let Some(timing) = self.timing {
            bits.u(32, timing.units_in_tick).u(32, timing.time_scale);
            bits.flag(timing.fixed_frame_rate);
        }
        // nal_hrd_parameters_present_flag, vcl_hrd_parameters_present_flag
        bits.flag(self.hrd.is_some());
        if let Some(hrd) = &self.hrd {
            hrd.write(bits);
        }
        bits.flag(false);
        if let Some(hrd) = &self.hrd {
            bits.flag(hrd.low_delay);
        }
        bits.flag(self.pic_struct_present).flag(self.reorder.is_some());
        if let Some(limits) = self.reorder {
            // Vectors may exceed the frame; sizes of frames and macroblocks are not limited.
            bits.flag(true).ue(0).ue(0).ue(LOG2_MAX_MV[0]).ue(LOG2_MAX_MV[1]);
            bits.ue(limits.max_reorder_frames.into()).ue(limits.max_buffered_frames.into());
        }
    }
}

impl Hrd {
    fn write(&self, bits: &mut BitWriter) {
        // cpb_cnt_minus1
        bits.ue(0);
        let (rate_scale, rate) = scaled(self.rate_bps, MIN_RATE_SCALE);
        let (size_scale, size) = scaled(self.cpb_bits, MIN_SIZE_SCALE);
        bits.u(4, rate_scale).u(4, size_scale).ue(rate - 1).ue(size - 1).flag(self.is_cbr);
        let HrdLengths { initial_delay, cpb_removal_delay, dpb_output_delay, time_offset } =
            self.lengths;
        for length in [initial_delay, cpb_removal_delay, dpb_output_delay] {
            bits.u(5, u32::from(length) - 1);
        }
        bits.u(5, time_offset.into());
    }
}

/// Returns the scale, counted from `least`, and the scaled value, of at most 31 bits.
fn scaled(value: u64, least: u32) -> (u32, u32) {
    let bits = u64::BITS - value.leading_zeros();
    let scale = bits.saturating_sub(31).clamp(least, least + 15);
    (scale - least, u32::try_from(value >> scale).unwrap_or(u32::MAX >> 1).max(1))
}

impl Pps {
    /// Writes the payload of the NAL unit, with trailing bits. `sps` is its sequence parameter set.
    pub fn write(&self, sps: &Sps, bits: &mut BitWriter) {
        bits.ue(self.id.into()).ue(self.sps_id.into()).flag(self.cabac);
        // num_slice_groups_minus1
        bits.flag(self.bottom_field_poc_present).ue(0);
        self.default_ref_counts.iter().for_each(|count| _ = bits.ue(u32::from(*count) - 1));
        bits.flag(self.weighted_pred).u(2, self.weighted_bipred_idc.into());
        // pic_init_qs_minus26
        bits.se(i32::from(self.init_qp) - 26).se(0);
        bits.se(self.chroma_qp_offsets[0].into()).flag(self.deblocking_control_present);
        bits.flag(self.constrained_intra_pred).flag(self.redundant_pic_count_present);
        let inherited = sps.scaling.as_deref().unwrap_or(&ScalingMatrices::FLAT);
        let has_scaling = *self.scaling != *inherited;
        let [cb, cr] = self.chroma_qp_offsets;
        if self.transform_8x8 || has_scaling || cb != cr {
            bits.flag(self.transform_8x8).flag(has_scaling);
            if has_scaling {
                let lists = if self.transform_8x8 { sps.scaling_lists_8x8() } else { 0 };
                self.scaling.write(bits, lists);
            }
            bits.se(cr.into());
        }
        bits.trailing();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::tests::sps;
    use crate::params::{Crop, ReorderLimits, TimingInfo, VideoSignal};

    fn written(sps: &Sps) -> Sps {
        let mut bits = BitWriter::default();
        sps.write(&mut bits);
        Sps::parse(bits.bytes(), None).unwrap()
    }

    fn vui(n: u16) -> Vui {
        Vui {
            aspect_ratio: [None, Some((1, 1)), Some((64, 33)), Some((7, 9))][usize::from(n % 4)],
            signal: (!n.is_multiple_of(3)).then_some(VideoSignal {
                full_range: n.is_multiple_of(2),
                colour: (n % 3 == 2).then_some([1, 13, 6]),
            }),
            timing: (!n.is_multiple_of(5)).then_some(TimingInfo {
                units_in_tick: 1001,
                time_scale: u32::MAX - u32::from(n),
                fixed_frame_rate: n % 2 == 1,
            }),
            hrd: n.is_multiple_of(3).then_some(Hrd {
                rate_bps: (u64::from(n) + 1) << (6 + n % 28),
                cpb_bits: (u64::from(n) + 1) << (4 + n % 28),
                is_cbr: n.is_multiple_of(2),
                low_delay: n.is_multiple_of(4),
                lengths: HrdLengths {
                    initial_delay: (1 + n % 32).to_le_bytes()[0],
                    cpb_removal_delay: (1 + n % 31).to_le_bytes()[0],
                    dpb_output_delay: (1 + n % 30).to_le_bytes()[0],
                    time_offset: (n % 29).to_le_bytes()[0],
                },
            }),
            pic_struct_present: n.is_multiple_of(7),
            reorder: (n % 2 == 1)
                .then_some(ReorderLimits { max_reorder_frames: 0, max_buffered_frames: 4 }),
        }
    }

    #[test]
    fn sequence_parameter_sets_are_parsed_to_the_same() {
        for n in 0..420_u16 {
            let profile_idc = [66, 77, 100][usize::from(n % 3)];
            let mut changed = sps();
            changed.profile_idc = profile_idc;
            changed.constraint_flags = (n % 64).to_le_bytes()[0];
            changed.level_idc = (10 + n % 50).to_le_bytes()[0];
            changed.id = (n % 32).to_le_bytes()[0];
            changed.log2_max_frame_num = (4 + n % 13).to_le_bytes()[0];
            changed.poc_type = match n % 4 {
                0 => PocType::Cycle {
                    always_zero: n.is_multiple_of(8),
                    offset_non_ref: -1,
                    offset_top_to_bottom: 1,
                    offsets: vec![2, -3, 4],
                },
                1 => PocType::Lsb { log2_max_lsb: (4 + n % 13).to_le_bytes()[0] },
                _ => PocType::DecodingOrder,
            };
            (changed.width_mbs, changed.height_map_units) = (1 + n, 1 + 2 * n);
            changed.frame_mbs_only = !n.is_multiple_of(5);
            changed.mb_adaptive_frame_field = n.is_multiple_of(10);
            changed.direct_8x8_inference = n.is_multiple_of(2);
            let crop = u32::from(n % 2);
            changed.crop = Crop { left: 0, right: 4 * crop, top: 8 * crop, bottom: 0 };
            if profile_idc == 100 && n % 2 == 1 {
                changed.scaling = Some(Box::new(ScalingMatrices::standard()));
            }
            changed.vui = (n.is_multiple_of(2)).then(|| vui(n / 2));
            assert_eq!(written(&changed), changed);
        }
    }

    #[test]
    fn picture_parameter_sets_are_parsed_to_the_same() {
        let mut high = sps();
        high.profile_idc = 100;
        for n in 0..128_u8 {
            let mut scaling = Box::new(ScalingMatrices::FLAT);
            if n % 4 == 3 {
                scaling.weights_4x4[2][5] = 1 + n;
                scaling.weights_8x8[0][7] = 255 - n;
                scaling.weights_8x8[2] = scaling.weights_8x8[0];
                scaling.weights_8x8[4] = scaling.weights_8x8[0];
            }
            let pps = Pps {
                id: n,
                sps_id: n % 32,
                cabac: n.is_multiple_of(2),
                bottom_field_poc_present: n.is_multiple_of(3),
                default_ref_counts: [1 + n % 32, 1 + n % 5],
                weighted_pred: n.is_multiple_of(4),
                weighted_bipred_idc: n % 3,
                init_qp: (n % 52).cast_signed(),
                chroma_qp_offsets: [(n % 25).cast_signed() - 12, 0],
                deblocking_control_present: n % 2 == 1,
                constrained_intra_pred: n.is_multiple_of(5),
                redundant_pic_count_present: n.is_multiple_of(7),
                transform_8x8: n % 4 >= 2,
                scaling,
            };
            let mut bits = BitWriter::default();
            pps.write(&high, &mut bits);
            assert_eq!(Pps::parse(bits.bytes(), &high, None).unwrap(), pps);
        }
    }
}
