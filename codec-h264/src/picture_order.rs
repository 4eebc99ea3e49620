//! Picture order counts. ITU-T H.264, clause 8.2.1.

use crate::params::{PocType, Sps};
use crate::slice::{PictureStructure, SliceHeader};

/// Computes the picture order counts of successive pictures.
#[derive(Clone, Copy, Debug, Default)]
pub struct PictureOrder {
    /// `prevPicOrderCntMsb` and `prevPicOrderCntLsb`: of the last reference picture.
    prev_msb: i32,
    prev_lsb: i32,
    /// `prevFrameNum` and `prevFrameNumOffset`: of the last picture.
    prev_frame_num: u32,
    prev_frame_num_offset: i32,
}

/// The picture order counts of a picture, before it becomes the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureOrderCounts {
    /// `TopFieldOrderCnt` and `BottomFieldOrderCnt`. In a field, the other one has the same value.
    pub fields: [i32; 2],
    msb: i32,
    frame_num_offset: i32,
}

impl PictureOrder {
    /// Returns the counts of the picture that `header` belongs to.
    #[must_use]
    pub fn counts(&self, header: &SliceHeader, sps: &Sps) -> PictureOrderCounts {
        let frame_num_offset = self.frame_num_offset(header, sps);
        let (msb, [top, bottom]) = match &sps.poc_type {
            PocType::Lsb { log2_max_lsb } => self.lsb_counts(header, *log2_max_lsb),
            PocType::Cycle { offset_non_ref, offset_top_to_bottom, offsets, .. } => {
                let expected = expected_count(header, frame_num_offset, *offset_non_ref, offsets);
                (0, cycle_counts(header, expected, *offset_top_to_bottom))
            }
            PocType::DecodingOrder => {
                let count = frame_num_offset.wrapping_add_unsigned(header.frame_num);
                let is_reference = header.nal_ref_idc != 0;
                let count = count.wrapping_mul(2).wrapping_sub(i32::from(!is_reference));
                (0, [count; 2])
            }
        };
        let fields = match header.structure {
            PictureStructure::Frame => [top, bottom],
            PictureStructure::TopField => [top; 2],
            PictureStructure::BottomField => [bottom; 2],
        };
        PictureOrderCounts { fields, msb, frame_num_offset }
    }

    /// Remembers a decoded picture. `reset_top` is its top field's count after the operation that
    /// resets all references (`memory_management_control_operation` 5), if it had one.
    pub fn complete(
        &mut self,
        header: &SliceHeader,
        counts: PictureOrderCounts,
        reset_top: Option<i32>,
    ) {
        if let Some(top) = reset_top {
            let is_bottom = header.structure == PictureStructure::BottomField;
            *self = Self { prev_lsb: if is_bottom { 0 } else { top }, ..Self::default() };
            return;
        }
        if header.nal_ref_idc != 0 {
            self.prev_msb = counts.msb;
            self.prev_lsb = i32::try_from(header.poc_lsb).unwrap_or(0);
        }
        self.prev_frame_num = header.frame_num;
        self.prev_frame_num_offset = counts.frame_num_offset;
    }

    fn frame_num_offset(&self, header: &SliceHeader, sps: &Sps) -> i32 {
        if header.is_idr {
            return 0;
        }
        let wrapped = self.prev_frame_num > header.frame_num;
        let step = if wrapped { 1 << sps.log2_max_frame_num } else { 0 };
        self.prev_frame_num_offset.wrapping_add(step)
    }

    /// Type 0, clause 8.2.1.1. Returns the most significant part and both counts.
    fn lsb_counts(&self, header: &SliceHeader, log2_max_lsb: u8) -> (i32, [i32; 2]) {
        let (prev_msb, prev_lsb) =
            if header.is_idr { (0, 0) } else { (self.prev_msb, self.prev_lsb) };
        let lsb = i32::try_from(header.poc_lsb).unwrap_or(0);
        let max = 1 << log2_max_lsb;
        let msb = if lsb < prev_lsb && prev_lsb - lsb >= max / 2 {
            prev_msb.wrapping_add(max)
        } else if lsb > prev_lsb && lsb - prev_lsb > max / 2 {
            prev_msb.wrapping_sub(max)
        } else {
            prev_msb
        };
        let count = msb.wrapping_add(lsb);
        (msb, [count, count.wrapping_add(header.delta_poc_bottom)])
    }
}

/// Type 1, clause 8.2.1.2: `expectedPicOrderCnt`.
fn expected_count(
    header: &SliceHeader,
    frame_num_offset: i32,
    offset_non_ref: i32,
    offsets: &[i32],
) -> i32 {
    let is_reference = header.nal_ref_idc != 0;
    let mut frames = 0;
    if !offsets.is_empty() {
        frames = i64::from(frame_num_offset) + i64::from(header.frame_num);
        frames -= i64::from(!is_reference && frames > 0);
    }
    let mut expected = 0_i64;
    if frames > 0 {
        let length = i64::try_from(offsets.len()).unwrap_or(1);
        let (cycles, last) = ((frames - 1) / length, (frames - 1) % length);
        let sum = |offsets: &[i32]| offsets.iter().map(|offset| i64::from(*offset)).sum::<i64>();
        let last = usize::try_from(last).unwrap_or(0);
        expected = cycles.wrapping_mul(sum(offsets)).wrapping_add(sum(&offsets[..=last]));
    }
    if !is_reference {
        expected = expected.wrapping_add(i64::from(offset_non_ref));
    }
    wrap(expected)
}

/// Keeps the low 32 bits: only damaged streams have more.
#[expect(clippy::cast_possible_truncation, reason = "wraps on purpose")]
fn wrap(count: i64) -> i32 {
    count as i32
}

fn cycle_counts(header: &SliceHeader, expected: i32, offset_top_to_bottom: i32) -> [i32; 2] {
    let [first, second] = header.delta_poc;
    let top = expected.wrapping_add(first);
    let bottom = top.wrapping_add(offset_top_to_bottom);
    // A field has only the first difference.
    [top, if header.structure.is_field() { bottom } else { bottom.wrapping_add(second) }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::tests::sps;

    fn header(frame_num: u32, poc_lsb: u32, nal_ref_idc: u8) -> SliceHeader {
        SliceHeader { frame_num, poc_lsb, nal_ref_idc, ..SliceHeader::default() }
    }

    /// Counts of the top fields of successive frames.
    fn tops(sps: &Sps, headers: &[SliceHeader]) -> Vec<i32> {
        let mut order = PictureOrder::default();
        let mut tops = Vec::new();
        for header in headers {
            let counts = order.counts(header, sps);
            tops.push(counts.fields[0]);
            order.complete(header, counts, None);
        }
        tops
    }

    #[test]
    fn type_0_wraps_by_the_half_range_rule() {
        let sps = Sps { poc_type: PocType::Lsb { log2_max_lsb: 4 }, ..sps() };
        let lsbs = [0, 8, 4, 14, 4, 0, 10, 9];
        let headers: Vec<_> = lsbs.iter().map(|lsb| header(0, *lsb, 1)).collect();
        assert_eq!(tops(&sps, &headers), [0, 8, 4, -2, 4, 0, -6, -7]);
        let headers: Vec<_> = [0, 7, 14, 5, 12, 3].iter().map(|lsb| header(0, *lsb, 1)).collect();
        assert_eq!(tops(&sps, &headers), [0, 7, 14, 21, 28, 35]);
        // Pictures that are not references do not move the window.
        let headers = [header(0, 0, 1), header(1, 7, 0), header(1, 14, 0)];
        assert_eq!(tops(&sps, &headers), [0, 7, -2]);
    }

    #[test]
    fn type_1_repeats_the_cycle_of_offsets() {
        let poc_type = PocType::Cycle {
            always_zero: false,
            offset_non_ref: -2,
            offset_top_to_bottom: 1,
            offsets: vec![4, 6],
        };
        let sps = Sps { poc_type, ..sps() };
        let idr = SliceHeader { is_idr: true, ..header(0, 0, 1) };
        let headers = [idr, header(1, 0, 1), header(2, 0, 0), header(2, 0, 1), header(3, 0, 1)];
        assert_eq!(tops(&sps, &headers), [0, 4, 2, 10, 14]);
    }

    #[test]
    fn type_2_is_decoding_order_across_the_wrap_of_frame_num() {
        let sps = Sps { poc_type: PocType::DecodingOrder, log2_max_frame_num: 4, ..sps() };
        let headers = [header(14, 0, 1), header(15, 0, 1), header(0, 0, 0), header(0, 0, 1)];
        assert_eq!(tops(&sps, &headers), [28, 30, 31, 32]);
    }

    #[test]
    fn a_reset_restarts_the_counts() {
        let sps = Sps { poc_type: PocType::Lsb { log2_max_lsb: 4 }, ..sps() };
        let mut order = PictureOrder::default();
        for lsb in [0, 7, 14] {
            let header = header(0, lsb, 1);
            order.complete(&header, order.counts(&header, &sps), None);
        }
        let reset = header(3, 5, 1);
        let counts = order.counts(&reset, &sps);
        assert_eq!(counts.fields, [21, 21]);
        order.complete(&reset, counts, Some(0));
        assert_eq!(order.counts(&header(1, 2, 1), &sps).fields, [2, 2]);
    }
}
