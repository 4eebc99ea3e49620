//! Parses slice headers. ITU-T H.264, clause 7.3.3.

use std::sync::Arc;

use codec_core::error::Error;

use super::header::{
    Deblocking, ListChange, Mmco, PictureStructure, PredWeights, RefMarking, SliceHeader,
    SliceType, Weight, WeightEntry,
};
use crate::nal::NalHeader;
use crate::params::{ParameterSets, PocType, Pps, Sps};
use crate::syntax::{SyntaxReader, SyntaxTrace};

/// A slice header with the parameter sets that it refers to.
#[derive(Clone, Debug)]
pub struct ParsedSlice {
    /// The header.
    pub header: SliceHeader,
    /// Its picture parameter set.
    pub pps: Arc<Pps>,
    /// Its sequence parameter set.
    pub sps: Arc<Sps>,
}

impl ParsedSlice {
    /// Parses the header of a slice; `rbsp` is the unescaped payload after the NAL header, and
    /// `trace` receives the syntax elements.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if a value is out of range or a parameter set is missing;
    /// [`Error::Unsupported`] for SP and SI slices and unsupported parameter sets.
    pub fn parse(
        nal: NalHeader,
        rbsp: &[u8],
        sets: &mut ParameterSets,
        trace: Option<&mut SyntaxTrace>,
    ) -> Result<Self, Error> {
        let mut reader = SyntaxReader::new(rbsp, trace);
        let reader = &mut reader;
        let mut header = SliceHeader {
            nal_ref_idc: nal.ref_idc,
            is_idr: nal.is_idr(),
            first_mb: reader.ue("first_mb_in_slice", 0..=u32::from(u16::MAX) * 16)?,
            slice_type: parse_slice_type(reader)?,
            ..SliceHeader::default()
        };
        if header.is_idr && header.slice_type != SliceType::I {
            return Err(reader.corrupt("an I slice in an IDR picture"));
        }
        header.pps_id = reader.ue8("pic_parameter_set_id", 0..=255)?;
        let (pps, sps) = sets.get(header.pps_id)?;
        header.parse_picture(reader, &sps, &pps)?;
        header.parse_references(reader, &sps, &pps)?;
        header.parse_decoding(reader, &pps)?;
        reader.check("slice_header")?;
        header.data_offset_bits = reader.position();
        Ok(Self { header, pps, sps })
    }
}

fn parse_slice_type(reader: &mut SyntaxReader<'_, '_>) -> Result<SliceType, Error> {
    match reader.ue("slice_type", 0..=9)? % 5 {
        0 => Ok(SliceType::P),
        1 => Ok(SliceType::B),
        2 => Ok(SliceType::I),
        _ => Err(Error::unsupported("SP and SI slices")),
    }
}

impl SliceHeader {
    /// Parses the elements that all slices of a picture share: numbers, structure and order.
    fn parse_picture(
        &mut self,
        reader: &mut SyntaxReader<'_, '_>,
        sps: &Sps,
        pps: &Pps,
    ) -> Result<(), Error> {
        if sps.separate_colour_plane {
            reader.u(2, "colour_plane_id");
        }
        self.frame_num = reader.u(sps.log2_max_frame_num, "frame_num");
        if !sps.frame_mbs_only && reader.flag("field_pic_flag") {
            self.structure = if reader.flag("bottom_field_flag") {
                PictureStructure::BottomField
            } else {
                PictureStructure::TopField
            };
        }
        let is_frame = !self.structure.is_field();
        self.is_mbaff = is_frame && sps.mb_adaptive_frame_field;
        if self.is_idr {
            self.idr_pic_id = reader.ue("idr_pic_id", 0..=65535)?;
        }
        let any = -i32::MAX..=i32::MAX;
        let has_bottom = pps.bottom_field_poc_present && is_frame;
        match sps.poc_type {
            PocType::Lsb { log2_max_lsb } => {
                self.poc_lsb = reader.u(log2_max_lsb, "pic_order_cnt_lsb");
                if has_bottom {
                    self.delta_poc_bottom = reader.se("delta_pic_order_cnt_bottom", any)?;
                }
            }
            PocType::Cycle { always_zero: false, .. } => {
                self.delta_poc[0] = reader.se(("delta_pic_order_cnt", 0), any.clone())?;
                if has_bottom {
                    self.delta_poc[1] = reader.se(("delta_pic_order_cnt", 1), any)?;
                }
            }
            PocType::Cycle { .. } | PocType::DecodingOrder => {}
        }
        if pps.redundant_pic_count_present {
            self.redundant_pic_count = reader.ue("redundant_pic_cnt", 0..=127)?;
        }
        Ok(())
    }

    /// Parses reference counts, list modifications, weights and marking.
    fn parse_references(
        &mut self,
        reader: &mut SyntaxReader<'_, '_>,
        sps: &Sps,
        pps: &Pps,
    ) -> Result<(), Error> {
        let lists = match self.slice_type {
            SliceType::I => 0,
            SliceType::P => 1,
            SliceType::B => 2,
        };
        if lists == 2 {
            self.direct_spatial = reader.flag("direct_spatial_mv_pred_flag");
        }
        if lists > 0 {
            self.parse_ref_counts(reader, lists, pps)?;
        }
        let names = ["ref_pic_list_modification_flag_l0", "ref_pic_list_modification_flag_l1"];
        for (list, name) in names.into_iter().enumerate().take(lists) {
            if reader.flag(name) {
                self.parse_list_changes(reader, list)?;
            }
        }
        let is_weighted = match self.slice_type {
            SliceType::I => false,
            SliceType::P => pps.weighted_pred,
            SliceType::B => pps.weighted_bipred_idc == 1,
        };
        if is_weighted {
            self.weights = Some(parse_weights(reader, self.ref_counts, sps.has_chroma())?);
        }
        if self.nal_ref_idc != 0 {
            self.parse_marking(reader)?;
        }
        Ok(())
    }

    fn parse_ref_counts(
        &mut self,
        reader: &mut SyntaxReader<'_, '_>,
        lists: usize,
        pps: &Pps,
    ) -> Result<(), Error> {
        let max = if self.structure.is_field() { 32 } else { 16 };
        let coded = reader.flag("num_ref_idx_active_override_flag");
        let names = ["num_ref_idx_l0_active_minus1", "num_ref_idx_l1_active_minus1"];
        for (list, name) in names.into_iter().enumerate().take(lists) {
            self.ref_counts[list] = if coded {
                reader.ue8(name, 0..=max - 1)? + 1
            } else {
                pps.default_ref_counts[list]
            };
            if self.ref_counts[list] > max {
                return Err(reader.corrupt("a number of reference frames of at most 16"));
            }
        }
        Ok(())
    }

    fn parse_list_changes(
        &mut self,
        reader: &mut SyntaxReader<'_, '_>,
        list: usize,
    ) -> Result<(), Error> {
        loop {
            let change = match reader.ue("modification_of_pic_nums_idc", 0..=3)? {
                3 => return Ok(()),
                2 => ListChange::LongTerm(reader.ue("long_term_pic_num", 0..=MAX_LONG_PIC_NUM)?),
                direction => {
                    let diff = reader.ue("abs_diff_pic_num_minus1", 0..=MAX_PIC_NUM - 1)? + 1;
                    let diff = i32::try_from(diff).unwrap_or(0);
                    ListChange::PicNum(if direction == 0 { -diff } else { diff })
                }
            };
            if !self.list_changes[list].push(change) {
                return Err(reader.corrupt("at most 32 changes of a reference list"));
            }
        }
    }

    fn parse_marking(&mut self, reader: &mut SyntaxReader<'_, '_>) -> Result<(), Error> {
        if self.is_idr {
            self.marking = Some(RefMarking::Idr {
                no_output_of_prior: reader.flag("no_output_of_prior_pics_flag"),
                long_term: reader.flag("long_term_reference_flag"),
            });
            return Ok(());
        }
        if !reader.flag("adaptive_ref_pic_marking_mode_flag") {
            self.marking = Some(RefMarking::SlidingWindow);
            return Ok(());
        }
        self.marking = Some(RefMarking::Adaptive);
        while let Some(operation) = Mmco::parse(reader)? {
            if !self.mmco.push(operation) {
                return Err(reader.corrupt("at most 66 memory management operations"));
            }
        }
        Ok(())
    }

    /// Parses the initial states of entropy decoding and the parameters of the deblocking filter.
    fn parse_decoding(
        &mut self,
        reader: &mut SyntaxReader<'_, '_>,
        pps: &Pps,
    ) -> Result<(), Error> {
        if pps.cabac && self.slice_type != SliceType::I {
            self.cabac_init_idc = reader.ue8("cabac_init_idc", 0..=2)?;
        }
        let delta = reader.se("slice_qp_delta", -87..=77)?;
        self.qp = u8::try_from(i32::from(pps.init_qp) + delta)
            .ok()
            .filter(|qp| *qp <= 51)
            .ok_or_else(|| reader.corrupt("a valid slice_qp_delta"))?;
        if pps.deblocking_control_present {
            self.deblocking.disable_idc = reader.ue8("disable_deblocking_filter_idc", 0..=2)?;
            if self.deblocking.disable_idc != 1 {
                self.deblocking = Deblocking {
                    alpha_offset: 2 * reader.se8("slice_alpha_c0_offset_div2", -6..=6)?,
                    beta_offset: 2 * reader.se8("slice_beta_offset_div2", -6..=6)?,
                    ..self.deblocking
                };
            }
        }
        Ok(())
    }
}

/// Maximum `long_term_pic_num` in fields.
const MAX_LONG_PIC_NUM: u32 = 31;
/// Maximum difference of picture numbers in fields.
const MAX_PIC_NUM: u32 = 1 << 17;

impl Mmco {
    /// Parses an operation; `None` at the end of the list.
    fn parse(reader: &mut SyntaxReader<'_, '_>) -> Result<Option<Self>, Error> {
        let diff = |reader: &mut SyntaxReader<'_, '_>| {
            Ok::<_, Error>(reader.ue("difference_of_pic_nums_minus1", 0..=MAX_PIC_NUM - 1)? + 1)
        };
        let index = |reader: &mut SyntaxReader<'_, '_>| reader.ue("long_term_frame_idx", 0..=15);
        Ok(Some(match reader.ue("memory_management_control_operation", 0..=6)? {
            0 => return Ok(None),
            1 => Self::ShortUnused { pic_num_diff: diff(reader)? },
            2 => Self::LongUnused {
                long_pic_num: reader.ue("long_term_pic_num", 0..=MAX_LONG_PIC_NUM)?,
            },
            3 => Self::ShortToLong { pic_num_diff: diff(reader)?, index: index(reader)? },
            4 => Self::MaxLongIndex { count: reader.ue("max_long_term_frame_idx_plus1", 0..=16)? },
            5 => Self::Reset,
            _ => Self::CurrentToLong { index: index(reader)? },
        }))
    }
}

/// Names of the elements of `pred_weight_table` in each list.
struct WeightNames {
    luma_flag: &'static str,
    luma_weight: &'static str,
    luma_offset: &'static str,
    chroma_flag: &'static str,
    chroma_weight: &'static str,
    chroma_offset: &'static str,
}

static WEIGHT_NAMES: [WeightNames; 2] = [
    WeightNames {
        luma_flag: "luma_weight_l0_flag",
        luma_weight: "luma_weight_l0",
        luma_offset: "luma_offset_l0",
        chroma_flag: "chroma_weight_l0_flag",
        chroma_weight: "chroma_weight_l0",
        chroma_offset: "chroma_offset_l0",
    },
    WeightNames {
        luma_flag: "luma_weight_l1_flag",
        luma_weight: "luma_weight_l1",
        luma_offset: "luma_offset_l1",
        chroma_flag: "chroma_weight_l1_flag",
        chroma_weight: "chroma_weight_l1",
        chroma_offset: "chroma_offset_l1",
    },
];

/// Parses `pred_weight_table`. ITU-T H.264, clause 7.3.3.2.
fn parse_weights(
    reader: &mut SyntaxReader<'_, '_>,
    counts: [u8; 2],
    has_chroma: bool,
) -> Result<PredWeights, Error> {
    let luma_log2_denom = reader.ue8("luma_log2_weight_denom", 0..=7)?;
    let chroma_log2_denom =
        if has_chroma { reader.ue8("chroma_log2_weight_denom", 0..=7)? } else { 0 };
    let plain = |denom: u8| Weight { weight: 1 << denom, offset: 0 };
    let unweighted = WeightEntry {
        luma: plain(luma_log2_denom),
        chroma: [plain(chroma_log2_denom); 2],
        ..WeightEntry::default()
    };
    let mut weights = PredWeights {
        luma_log2_denom,
        chroma_log2_denom,
        entries: [[unweighted; super::header::MAX_REFS]; 2],
    };
    for (list, names) in WEIGHT_NAMES.iter().enumerate() {
        let entries = weights.entries[list].iter_mut().take(usize::from(counts[list]));
        for (i, entry) in entries.enumerate() {
            entry.has_luma = reader.flag((names.luma_flag, i));
            if entry.has_luma {
                entry.luma = Weight {
                    weight: reader.se8((names.luma_weight, i), -128..=127)?.into(),
                    offset: reader.se8((names.luma_offset, i), -128..=127)?.into(),
                };
            }
            entry.has_chroma = has_chroma && reader.flag((names.chroma_flag, i));
            if entry.has_chroma {
                for (j, chroma) in entry.chroma.iter_mut().enumerate() {
                    *chroma = Weight {
                        weight: reader.se8((names.chroma_weight, i, j), -128..=127)?.into(),
                        offset: reader.se8((names.chroma_offset, i, j), -128..=127)?.into(),
                    };
                }
            }
        }
    }
    Ok(weights)
}
