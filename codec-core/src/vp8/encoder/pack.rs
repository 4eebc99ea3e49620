//! Headers, modes and tokens into a packet. RFC 6386, section 9.

use std::sync::{Mutex, PoisonError};

use super::store::RowStore;
use super::tokens::for_each_block;
use crate::codec::BitsByPart;
use crate::entropy::BoolEncoder;
use crate::frame::Size;
use crate::vp8::header::{
    FRAME_TAG_BYTES, FrameHeader, FrameTag, HeaderContext, KEY_HEADER_BYTES, KeyHeader,
    write_frame_header, write_frame_tag, write_key_header,
};
use crate::vp8::modes::{MbContext, MvBounds, Neighbours, SubblockSide, write_macroblock};
use crate::vp8::residual::write_block_tokens;
use crate::vp8::types::{LumaMode, MbInfo, Reference, SubblockInfo};

/// What the uncompressed part of a frame says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope {
    pub(super) size: Size,
    pub(super) profile: u8,
    pub(super) shown: bool,
}

/// A frame that was packed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed {
    pub(super) bits: BitsByPart,
    /// All partitions fit the fields that tell their sizes.
    pub(super) fits: bool,
}

/// Largest first partition: nineteen bits. Section 9.1.
const MAX_FIRST_PARTITION: usize = (1 << 19) - 1;
/// Largest token partition but the last: three bytes. Section 9.5.
const MAX_TOKEN_PARTITION: usize = (1 << 24) - 1;

/// Memory that is used from frame to frame.
#[derive(Debug, Default)]
pub(super) struct Packer {
    above: Vec<SubblockSide>,
}

impl Packer {
    /// Writes the frame into `data`, replacing what it holds, and brings `context` up to what the
    /// next frame begins with.
    pub(super) fn pack(
        &mut self,
        envelope: Envelope,
        header: &FrameHeader,
        context: &mut HeaderContext,
        rows: &[Mutex<RowStore>],
        data: &mut Vec<u8>,
    ) -> Packed {
        let mut bytes = std::mem::take(data);
        bytes.clear();
        let start = FRAME_TAG_BYTES + if header.is_key { KEY_HEADER_BYTES } else { 0 };
        bytes.resize(start, 0);
        let mut first = BoolEncoder::new(bytes);
        write_frame_header(&mut first, header, context);
        let header_bits = first.bits();
        self.write_modes(&mut first, header, rows);
        let mut bytes = first.finish();
        let first_partition_bytes = bytes.len() - start;
        let tag = FrameTag {
            is_key: header.is_key,
            version: envelope.profile,
            show: envelope.shown,
            first_partition_bytes: u32::try_from(first_partition_bytes).unwrap_or(u32::MAX),
        };
        bytes[..FRAME_TAG_BYTES].copy_from_slice(&write_frame_tag(tag));
        if header.is_key {
            let key = KeyHeader { size: envelope.size, scaling: [0; 2] };
            bytes[FRAME_TAG_BYTES..start].copy_from_slice(&write_key_header(key));
        }
        let partitions_fit;
        (*data, partitions_fit) = write_partitions(header, rows, bytes);
        let total = data.len() as u64 * 8;
        let modes = (first_partition_bytes as u64 * 8).saturating_sub(header_bits);
        let header_bits = header_bits + start as u64 * 8;
        let bits = BitsByPart {
            header: header_bits,
            modes,
            coefficients: total.saturating_sub(header_bits + modes),
        };
        Packed { bits, fits: partitions_fit && first_partition_bytes <= MAX_FIRST_PARTITION }
    }

    fn write_modes(
        &mut self,
        out: &mut BoolEncoder,
        header: &FrameHeader,
        rows: &[Mutex<RowStore>],
    ) {
        let outside = MbInfo::default();
        self.above.clear();
        let mut row_above: Option<std::sync::MutexGuard<'_, RowStore>> = None;
        for (y, row) in rows.iter().enumerate() {
            let row = row.lock().unwrap_or_else(PoisonError::into_inner);
            let cols = row.infos.len();
            self.above.resize(cols, SubblockSide::default());
            let mut left = SubblockSide::default();
            let mut subblocks = row.subblocks.iter();
            for (x, mb) in row.infos.iter().enumerate() {
                let info_above = |x: usize| row_above.as_ref().and_then(|row| row.infos.get(x));
                let own = match mb.luma {
                    LumaMode::Split | LumaMode::PerBlock => {
                        subblocks.next().copied().unwrap_or_default()
                    }
                    luma if mb.reference == Reference::Current => {
                        SubblockInfo::Intra([luma.implied_subblock(); 16])
                    }
                    _ => SubblockInfo::Inter([mb.mv; 16]),
                };
                let before = x.checked_sub(1);
                let context = MbContext {
                    neighbours: Neighbours {
                        above: info_above(x).unwrap_or(&outside),
                        left: before.map_or(&outside, |x| &row.infos[x]),
                        above_left: before.and_then(info_above).unwrap_or(&outside),
                    },
                    above: &self.above[x],
                    left: &left,
                    bounds: MvBounds::new(x, y, cols, rows.len()),
                };
                write_macroblock(out, header, &context, mb, &own);
                self.above[x] = SubblockSide::bottom(&own);
                left = SubblockSide::right(&own);
            }
            row_above = Some(row);
        }
    }
}

/// Appends the table of partition sizes and the token partitions. Section 9.5. `false` if a size
/// does not fit the table.
fn write_partitions(
    header: &FrameHeader,
    rows: &[Mutex<RowStore>],
    mut bytes: Vec<u8>,
) -> (Vec<u8>, bool) {
    let count = header.partitions();
    let mut fits = true;
    let table = bytes.len();
    bytes.resize(table + 3 * (count - 1), 0);
    for partition in 0..count {
        let start = bytes.len();
        let mut out = BoolEncoder::new(bytes);
        for row in rows.iter().skip(partition).step_by(count) {
            let row = row.lock().unwrap_or_else(PoisonError::into_inner);
            write_row_tokens(&mut out, header, &row);
        }
        bytes = out.finish();
        if partition + 1 < count {
            fits &= bytes.len() - start <= MAX_TOKEN_PARTITION;
            let [a, b, c, ..] = (bytes.len() - start).to_le_bytes();
            bytes[table + 3 * partition..][..3].copy_from_slice(&[a, b, c]);
        }
    }
    (bytes, fits)
}

fn write_row_tokens(shared: &mut BoolEncoder, header: &FrameHeader, row: &RowStore) {
    // A local encoder lives in registers.
    let mut out = std::mem::take(shared);
    let probs = &header.probs.coeffs;
    let mut rest = row.levels.as_slice();
    for mb in &row.coded {
        for_each_block(mb, |n, plane, first, context| {
            let eob = usize::from(mb.eobs[n]).min(16);
            let mut levels = [0; 16];
            if eob > first {
                let (own, others) = rest.split_at(eob - first);
                levels[first..eob].copy_from_slice(own);
                rest = others;
            }
            write_block_tokens(&mut out, &levels, first, eob, context, &probs[plane]);
        });
    }
    *shared = out;
}
