//! Packing of headers, modes and tokens into a packet. RFC 6386, section 9.

use std::sync::{Mutex, PoisonError, RwLock};

use super::store::RowStore;
use crate::header::{
    FRAME_TAG_BYTES, FrameHeader, FrameTag, HeaderContext, KEY_HEADER_BYTES, KeyHeader,
    write_frame_header, write_frame_tag, write_key_header,
};
use crate::modes::{NearVectors, SubblockSide, WriteContext, write_macroblock};
use crate::residual::{Token, write_token};
use crate::types::{MotionVector, SubblockInfo};
use codec_core::codec::BitsByPart;
use codec_core::entropy::BoolEncoder;
use codec_core::frame::Size;
use codec_core::parallel::{Pool, in_order};

/// Fields of the uncompressed part of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct TagFields {
    pub(super) size: Size,
    pub(super) profile: u8,
    pub(super) shown: bool,
}

/// Result of packing a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed {
    pub(super) bits: BitsByPart,
    /// Whether the sizes of all partitions fit their fields.
    pub(super) fits: bool,
}

/// Maximum size of the first partition in bytes: nineteen bits. Section 9.1.
const MAX_FIRST_PARTITION: usize = (1 << 19) - 1;
/// Maximum size of a token partition except the last, in bytes: three bytes. Section 9.5.
const MAX_TOKEN_PARTITION: usize = (1 << 24) - 1;

/// Memory that is reused from frame to frame.
#[derive(Debug, Default)]
pub(super) struct Packer {
    above: Vec<SubblockSide>,
    /// Token partitions.
    tokens: [Mutex<Vec<u8>>; MAX_PARTITIONS],
}

/// Maximum number of token partitions of a frame. Section 9.5.
const MAX_PARTITIONS: usize = 8;

impl Packer {
    /// Writes the frame into `data`, replacing its content, and updates `context` for the next
    /// frame. Partitions are written in parallel on `pool`.
    pub(super) fn pack(
        &mut self,
        pool: &dyn Pool,
        fields: TagFields,
        header: &FrameHeader,
        context: &mut HeaderContext,
        rows: &[RwLock<RowStore>],
        data: &mut Vec<u8>,
    ) -> Packed {
        let Self { above, tokens } = self;
        let mut bytes = std::mem::take(data);
        bytes.clear();
        let start = FRAME_TAG_BYTES + if header.is_key { KEY_HEADER_BYTES } else { 0 };
        bytes.resize(start, 0);
        let mut first = BoolEncoder::new(bytes);
        write_frame_header(&mut first, header, context);
        let header_bits = first.bits();
        let tokens = &tokens[..header.partitions().min(MAX_PARTITIONS)];
        let modes = Mutex::new((above, first));
        // The largest job first; no job waits for another.
        in_order(pool, tokens.len() + 1, &|| {}, &|job| match tokens.get(job) {
            Some(tokens) => {
                let rows = rows.iter().skip(job).step_by(header.partitions());
                write_tokens(header, rows, &mut lock(tokens));
            }
            None => {
                let (above, first) = &mut *lock(&modes);
                write_modes(above, first, header, rows);
            }
        });
        let (_, first) = modes.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = first.finish();
        let first_partition_bytes = bytes.len() - start;
        let tag = FrameTag {
            is_key: header.is_key,
            version: fields.profile,
            show: fields.shown,
            first_partition_bytes: u32::try_from(first_partition_bytes).unwrap_or(u32::MAX),
        };
        bytes[..FRAME_TAG_BYTES].copy_from_slice(&write_frame_tag(tag));
        if header.is_key {
            let key = KeyHeader { size: fields.size, scaling: [0; 2] };
            bytes[FRAME_TAG_BYTES..start].copy_from_slice(&write_key_header(key));
        }
        let partitions_fit = append_partitions(tokens, &mut bytes);
        *data = bytes;
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
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes the modes of all macroblocks. `room` is scratch memory for one row.
fn write_modes(
    room: &mut Vec<SubblockSide>,
    out: &mut BoolEncoder,
    header: &FrameHeader,
    rows: &[RwLock<RowStore>],
) {
    let outside = NearVectors::default();
    // Of macroblocks whose sub-blocks are all alike, only the kind is written.
    let (intra, inter) = (SubblockInfo::default(), SubblockInfo::Inter([MotionVector::ZERO; 16]));
    // A local encoder stays in registers.
    let mut local = std::mem::take(out);
    room.clear();
    for row in rows {
        let row = row.read().unwrap_or_else(PoisonError::into_inner);
        room.resize(row.infos.len(), SubblockSide::default());
        let mut left = SubblockSide::default();
        let (mut subblocks, mut nears) = (row.subblocks.iter(), row.nears.iter());
        for (mb, above) in row.infos.iter().zip(room.iter_mut()) {
            let is_inter = !mb.mode.is_intra();
            let near = if is_inter { nears.next().unwrap_or(&outside) } else { &outside };
            let context = WriteContext { above, left: &left, near };
            let has_subblocks = mb.mode.has_subblocks();
            let own = match (has_subblocks, is_inter) {
                (true, _) => subblocks.next().unwrap_or(&intra),
                (false, true) => &inter,
                (false, false) => &intra,
            };
            write_macroblock(&mut local, header, context, mb, own);
            if has_subblocks {
                *above = SubblockSide::bottom(own);
                left = SubblockSide::right(own);
            } else {
                left = SubblockSide::of_whole(mb.mode);
                *above = left;
            }
        }
    }
    *out = local;
}

/// Appends the table of partition sizes and the token partitions. Section 9.5. Returns `false` if a
/// size does not fit the table.
fn append_partitions(tokens: &[Mutex<Vec<u8>>], bytes: &mut Vec<u8>) -> bool {
    let mut fits = true;
    for (n, partition) in tokens.iter().enumerate() {
        let len = lock(partition).len();
        if n + 1 < tokens.len() {
            fits &= len <= MAX_TOKEN_PARTITION;
            bytes.extend_from_slice(&len.to_le_bytes()[..3]);
        }
    }
    for partition in tokens {
        bytes.extend_from_slice(&lock(partition));
    }
    fits
}

/// Writes the tokens of `rows` as one partition.
fn write_tokens<'a>(
    header: &FrameHeader,
    rows: impl Iterator<Item = &'a RwLock<RowStore>>,
    partition: &mut Vec<u8>,
) {
    let mut bytes = std::mem::take(partition);
    bytes.clear();
    let mut out = BoolEncoder::new(bytes);
    for row in rows {
        let row = row.read().unwrap_or_else(PoisonError::into_inner);
        write_row_tokens(&mut out, header, &row);
    }
    *partition = out.finish();
}

fn write_row_tokens(shared: &mut BoolEncoder, header: &FrameHeader, row: &RowStore) {
    // A local encoder stays in registers.
    let mut out = std::mem::take(shared);
    let probs = header.probs.coeffs.as_flattened().as_flattened();
    let mut open = row.open.iter();
    for &token in &row.tokens {
        let token = Token(token);
        let extra = if token.is_open() { open.next().copied().unwrap_or(0) } else { 0 };
        write_token(&mut out, token, extra, &probs[token.slot()]);
    }
    *shared = out;
}
