//! Writes slice headers. ITU-T H.264, clause 7.3.3.

use super::header::{ListChange, Mmco, PredWeights, RefMarking, SliceHeader, SliceType, Weight};
use crate::bits::BitWriter;
use crate::params::{PocType, Pps, Sps};

impl SliceHeader {
    /// Writes the header up to `slice_data`. It must agree with its parameter sets.
    pub fn write(&self, sps: &Sps, pps: &Pps, bits: &mut BitWriter) {
        bits.ue(self.first_mb);
        bits.ue(match self.slice_type {
            SliceType::P => 0,
            SliceType::B => 1,
            SliceType::I => 2,
        });
        bits.ue(self.pps_id.into());
        self.write_picture(sps, pps, bits);
        self.write_references(sps, pps, bits);
        self.write_decoding(pps, bits);
    }

    /// Writes the elements that all slices of a picture share.
    fn write_picture(&self, sps: &Sps, pps: &Pps, bits: &mut BitWriter) {
        if sps.separate_colour_plane {
            bits.u(2, 0);
        }
        bits.u(sps.log2_max_frame_num.into(), self.frame_num);
        let is_field = self.structure.is_field();
        if !sps.frame_mbs_only {
            bits.flag(is_field);
            if is_field {
                bits.flag(self.structure == super::PictureStructure::BottomField);
            }
        }
        if self.is_idr {
            bits.ue(self.idr_pic_id);
        }
        let has_bottom = pps.bottom_field_poc_present && !is_field;
        match sps.poc_type {
            PocType::Lsb { log2_max_lsb } => {
                bits.u(log2_max_lsb.into(), self.poc_lsb);
                if has_bottom {
                    bits.se(self.delta_poc_bottom);
                }
            }
            PocType::Cycle { always_zero: false, .. } => {
                bits.se(self.delta_poc[0]);
                if has_bottom {
                    bits.se(self.delta_poc[1]);
                }
            }
            PocType::Cycle { .. } | PocType::DecodingOrder => {}
        }
        if pps.redundant_pic_count_present {
            bits.ue(self.redundant_pic_count);
        }
    }

    /// Writes reference counts, list modifications, weights and marking.
    fn write_references(&self, sps: &Sps, pps: &Pps, bits: &mut BitWriter) {
        let lists = match self.slice_type {
            SliceType::I => 0,
            SliceType::P => 1,
            SliceType::B => 2,
        };
        if lists == 2 {
            bits.flag(self.direct_spatial);
        }
        if lists > 0 {
            let counts = &self.ref_counts[..lists];
            let differ = counts != &pps.default_ref_counts[..lists];
            bits.flag(differ);
            if differ {
                counts.iter().for_each(|count| _ = bits.ue(u32::from(*count) - 1));
            }
        }
        self.list_changes[..lists].iter().for_each(|changes| write_list_changes(changes, bits));
        if let Some(weights) = &self.weights {
            weights.write(self.ref_counts, sps.has_chroma(), bits);
        }
        if self.nal_ref_idc != 0 {
            self.write_marking(bits);
        }
    }

    fn write_marking(&self, bits: &mut BitWriter) {
        match self.marking {
            Some(RefMarking::Idr { no_output_of_prior, long_term }) => {
                bits.flag(no_output_of_prior).flag(long_term);
            }
            Some(RefMarking::Adaptive) => {
                bits.flag(true);
                self.mmco.iter().for_each(|operation| operation.write(bits));
                bits.ue(0);
            }
            Some(RefMarking::SlidingWindow) | None => _ = bits.flag(false),
        }
    }

    /// Writes the initial states of entropy coding and the parameters of the deblocking filter.
    fn write_decoding(&self, pps: &Pps, bits: &mut BitWriter) {
        if pps.cabac && self.slice_type != SliceType::I {
            bits.ue(self.cabac_init_idc.into());
        }
        bits.se(i32::from(self.qp) - i32::from(pps.init_qp));
        if pps.deblocking_control_present {
            let deblocking = self.deblocking;
            bits.ue(deblocking.disable_idc.into());
            if deblocking.disable_idc != 1 {
                bits.se((deblocking.alpha_offset / 2).into());
                bits.se((deblocking.beta_offset / 2).into());
            }
        }
    }
}

fn write_list_changes(changes: &[ListChange], bits: &mut BitWriter) {
    bits.flag(!changes.is_empty());
    for change in changes {
        match *change {
            ListChange::PicNum(diff) => {
                bits.ue((diff > 0).into()).ue(diff.unsigned_abs().saturating_sub(1));
            }
            ListChange::LongTerm(number) => _ = bits.ue(2).ue(number),
        }
    }
    if !changes.is_empty() {
        bits.ue(3);
    }
}

impl PredWeights {
    fn write(&self, counts: [u8; 2], has_chroma: bool, bits: &mut BitWriter) {
        bits.ue(self.luma_log2_denom.into());
        if has_chroma {
            bits.ue(self.chroma_log2_denom.into());
        }
        let write = |bits: &mut BitWriter, weight: &Weight| {
            bits.se(weight.weight.into()).se(weight.offset.into());
        };
        for (entries, count) in self.entries.iter().zip(counts) {
            for entry in entries.iter().take(count.into()) {
                bits.flag(entry.has_luma);
                if entry.has_luma {
                    write(bits, &entry.luma);
                }
                if has_chroma {
                    bits.flag(entry.has_chroma);
                    if entry.has_chroma {
                        entry.chroma.iter().for_each(|weight| write(bits, weight));
                    }
                }
            }
        }
    }
}

impl Mmco {
    fn write(self, bits: &mut BitWriter) {
        match self {
            Self::ShortUnused { pic_num_diff } => _ = bits.ue(1).ue(pic_num_diff.saturating_sub(1)),
            Self::LongUnused { long_pic_num } => _ = bits.ue(2).ue(long_pic_num),
            Self::ShortToLong { pic_num_diff, index } => {
                bits.ue(3).ue(pic_num_diff.saturating_sub(1)).ue(index);
            }
            Self::MaxLongIndex { count } => _ = bits.ue(4).ue(count),
            Self::Reset => _ = bits.ue(5),
            Self::CurrentToLong { index } => _ = bits.ue(6).ue(index),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nal::{NalHeader, NalType};
    use crate::params::{ParameterSets, ScalingMatrices, tests::sps};
    use crate::slice::{Deblocking, ParsedSlice, PictureStructure, WeightEntry};

    fn pps(n: u32) -> Pps {
        Pps {
            id: 3,
            sps_id: 0,
            cabac: n.is_multiple_of(2),
            bottom_field_poc_present: n.is_multiple_of(5),
            default_ref_counts: [2, 1],
            weighted_pred: n % 4 == 1,
            weighted_bipred_idc: u8::from(n % 4 == 1),
            init_qp: 20,
            chroma_qp_offsets: [0; 2],
            deblocking_control_present: !n.is_multiple_of(3),
            constrained_intra_pred: false,
            redundant_pic_count_present: n.is_multiple_of(7),
            transform_8x8: false,
            scaling: Box::new(ScalingMatrices::FLAT),
        }
    }

    fn weights(counts: [u8; 2]) -> PredWeights {
        let plain = |denom: u8| Weight { weight: 1 << denom, offset: 0 };
        let entry = WeightEntry { luma: plain(5), chroma: [plain(2); 2], ..WeightEntry::default() };
        let mut weights =
            PredWeights { luma_log2_denom: 5, chroma_log2_denom: 2, entries: [[entry; 32]; 2] };
        for (entries, count) in weights.entries.iter_mut().zip(counts) {
            for entry in entries.iter_mut().take(count.into()).step_by(2) {
                entry.has_luma = true;
                entry.luma = Weight { weight: -128, offset: 127 };
            }
            for entry in entries.iter_mut().take(count.into()).step_by(3) {
                entry.has_chroma = true;
                entry.chroma[1] = Weight { weight: 7, offset: -3 };
            }
        }
        weights
    }

    fn header(n: u32, sps: &Sps, pps: &Pps) -> SliceHeader {
        let is_idr = n.is_multiple_of(6);
        let slice_type =
            if is_idr { SliceType::I } else { [SliceType::P, SliceType::B][(n % 2) as usize] };
        let nal_ref_idc = if is_idr { 3 } else { (n % 4).to_le_bytes()[0] };
        let is_intra = slice_type == SliceType::I;
        let ref_counts = match slice_type {
            SliceType::I => [0; 2],
            SliceType::P => [1 + (n % 3).to_le_bytes()[0], 0],
            SliceType::B => [2, 1 + (n % 5 / 4).to_le_bytes()[0]],
        };
        let mut header = SliceHeader {
            nal_ref_idc,
            is_idr,
            first_mb: n % 50,
            slice_type,
            pps_id: 3,
            frame_num: n % 16,
            idr_pic_id: if is_idr { n } else { 0 },
            direct_spatial: slice_type == SliceType::B && n.is_multiple_of(3),
            ref_counts,
            cabac_init_idc: if pps.cabac && !is_intra { (n % 3).to_le_bytes()[0] } else { 0 },
            qp: (n % 52).to_le_bytes()[0],
            ..SliceHeader::default()
        };
        if let PocType::Lsb { log2_max_lsb } = sps.poc_type {
            header.poc_lsb = n % (1 << log2_max_lsb);
        }
        if !sps.frame_mbs_only && !n.is_multiple_of(3) {
            let fields = [PictureStructure::TopField, PictureStructure::BottomField];
            header.structure = fields[(n % 2) as usize];
        }
        if pps.bottom_field_poc_present && !header.structure.is_field() {
            header.delta_poc_bottom = -1;
        }
        if pps.redundant_pic_count_present {
            header.redundant_pic_count = n % 128;
        }
        if !is_intra && n % 5 == 1 {
            for change in [ListChange::PicNum(-3), ListChange::LongTerm(1), ListChange::PicNum(9)] {
                assert!(header.list_changes[0].push(change));
            }
        }
        if !is_intra && pps.weighted_pred {
            header.weights = Some(weights(ref_counts));
        }
        mark(&mut header, n);
        if pps.deblocking_control_present {
            header.deblocking.disable_idc = (n % 3).to_le_bytes()[0];
            if header.deblocking.disable_idc != 1 {
                header.deblocking =
                    Deblocking { alpha_offset: -12, beta_offset: 6, ..header.deblocking };
            }
        }
        header
    }

    fn mark(header: &mut SliceHeader, n: u32) {
        if header.is_idr {
            let (no_output_of_prior, long_term) = (n.is_multiple_of(4), n.is_multiple_of(5));
            header.marking = Some(RefMarking::Idr { no_output_of_prior, long_term });
        } else if header.nal_ref_idc > 0 && n.is_multiple_of(2) {
            header.marking = Some(RefMarking::SlidingWindow);
        } else if header.nal_ref_idc > 0 {
            header.marking = Some(RefMarking::Adaptive);
            for operation in [
                Mmco::ShortUnused { pic_num_diff: 2 },
                Mmco::LongUnused { long_pic_num: 1 },
                Mmco::ShortToLong { pic_num_diff: 1, index: 3 },
                Mmco::MaxLongIndex { count: 4 },
                Mmco::Reset,
                Mmco::CurrentToLong { index: 0 },
            ] {
                assert!(header.mmco.push(operation));
            }
        }
    }

    #[test]
    fn slice_headers_are_parsed_to_the_same() {
        for n in 0..840 {
            let mut sps = sps();
            sps.poc_type = PocType::Lsb { log2_max_lsb: 6 };
            sps.frame_mbs_only = n % 4 < 2;
            let pps = pps(n);
            let mut header = header(n, &sps, &pps);
            let mut bits = BitWriter::default();
            let mut sets = ParameterSets::default();
            pps.write(&sps, &mut bits);
            sets.insert_pps(bits.bytes()).unwrap();
            bits.clear();
            header.write(&sps, &pps, &mut bits);
            sets.insert_sps(sps);
            header.data_offset_bits = bits.bits();
            let nal_type = if header.is_idr { NalType::IdrSlice } else { NalType::Slice };
            let nal = NalHeader { ref_idc: header.nal_ref_idc, nal_type };
            let parsed = ParsedSlice::parse(nal, bits.trailing().bytes(), &mut sets, None).unwrap();
            assert_eq!(parsed.header, header, "{n}");
        }
    }
}
