//! Ends of the partitions of a frame. RFC 6386, sections 9.1 to 9.6 and 19.2.

use codec_core::entropy::BoolDecoder;

/// Bytes of the frame tag.
const TAG_BYTES: usize = 3;
/// Bytes of the start code and the size, which follow the tag of a key frame.
const KEY_BYTES: usize = 7;
/// Bytes of an entry in the table of token partitions (section 9.5).
const SIZE_BYTES: usize = 3;
/// Highest partition index that a payload descriptor holds.
const LAST_PARTITION: usize = 7;

/// Where partitions end; the last of them is the end of the frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ends {
    ends: [usize; LAST_PARTITION + 1],
    count: usize,
}

impl Ends {
    pub(super) fn as_slice(&self) -> &[usize] {
        &self.ends[..self.count]
    }

    /// A frame whose partitions are not known.
    fn whole(data: &[u8]) -> Self {
        let mut whole = Self::default();
        whole.push(data.len());
        whole
    }

    /// Adds the end of a partition. Data past the highest index belongs to the last partition.
    fn push(&mut self, end: usize) {
        self.count = (self.count + 1).min(self.ends.len());
        self.ends[self.count - 1] = end;
    }
}

/// Returns the ends of the partitions of a frame; a single partition if the sizes are inconsistent.
/// The table of sizes belongs to the first partition (RFC 7741, section 4.3).
pub(super) fn partition_ends(data: &[u8]) -> Ends {
    known_ends(data).unwrap_or_else(|| Ends::whole(data))
}

fn known_ends(data: &[u8]) -> Option<Ends> {
    let &[a, b, c] = data.first_chunk()?;
    let is_key = a & 1 == 0;
    let first_bytes = (usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16) >> 5;
    let header_bytes = TAG_BYTES + if is_key { KEY_BYTES } else { 0 };
    let first_end = header_bytes + first_bytes;
    let first = data.get(header_bytes..first_end)?;
    let table_bytes = SIZE_BYTES * (token_partitions(first, is_key) - 1);
    let table = data.get(first_end..first_end + table_bytes)?;
    let mut end = first_end + table_bytes;
    let mut ends = Ends::default();
    ends.push(end);
    for size in table.chunks_exact(SIZE_BYTES) {
        end += usize::from(size[0]) | usize::from(size[1]) << 8 | usize::from(size[2]) << 16;
        if end > data.len() {
            return None;
        }
        ends.push(end);
    }
    ends.push(data.len());
    Some(ends)
}

/// The number of token partitions, 1 to 8: reads the frame header up to there.
fn token_partitions(first_partition: &[u8], is_key: bool) -> usize {
    let mut reader = BoolDecoder::new(first_partition);
    if is_key {
        reader.get_literal(2); // color_space, clamping_type
    }
    // segmentation_enabled
    if reader.get_flag() {
        let (has_map, has_data) = (reader.get_flag(), reader.get_flag());
        if has_data {
            reader.get_flag(); // segment_feature_mode
            skip_optional(&mut reader, 4, 7 + 1); // quantizers with their signs
            skip_optional(&mut reader, 4, 6 + 1); // filter levels
        }
        if has_map {
            skip_optional(&mut reader, 3, 8); // tree probabilities
        }
    }
    reader.get_literal(1 + 6 + 3); // filter_type, loop_filter_level, sharpness_level
    // loop_filter_adj_enable, mode_ref_lf_delta_update
    if reader.get_flag() && reader.get_flag() {
        skip_optional(&mut reader, 8, 6 + 1);
    }
    1 << reader.get_literal(2)
}

/// Skips `count` values of `bits` bits, each of which follows a flag that indicates whether it is
/// present.
fn skip_optional(reader: &mut BoolDecoder<'_>, count: usize, bits: u32) {
    for _ in 0..count {
        if reader.get_flag() {
            reader.get_literal(bits);
        }
    }
}

#[cfg(test)]
mod tests {
    use codec_core::entropy::BoolEncoder;
    use codec_vp8::header::{
        FilterHeader, HeaderContext, Segmentation, parse_frame_header, write_frame_header,
    };

    use super::*;

    #[test]
    fn the_count_equals_that_of_the_decoders_parser() {
        for (case, is_key) in (0..64).flat_map(|case| [(case, true), (case, false)]) {
            let mut header = parse_frame_header(
                &mut BoolDecoder::new(&[]),
                is_key,
                &mut HeaderContext::default(),
            );
            header.log2_partitions = case % 4;
            header.segmentation = Segmentation {
                enabled: case & 4 != 0,
                update_map: case & 12 == 12,
                update_data: case & 20 == 20,
                absolute: true,
                quantiser: [0, -127, 9, 64],
                filter_level: [-63, 0, 1, 0],
                tree_probs: [255, 3, 128],
            };
            header.filter = FilterHeader {
                is_simple: false,
                level: 33,
                sharpness: 5,
                deltas_enabled: case & 32 != 0,
                reference_deltas: [2, 0, -2, -63],
                mode_deltas: [4, -12, 0, 40],
            };
            let mut encoder = BoolEncoder::default();
            write_frame_header(&mut encoder, &header, &mut HeaderContext::default());
            let data = encoder.finish();
            assert_eq!(token_partitions(&data, is_key), header.partitions(), "{case} {is_key}");
        }
    }
}
