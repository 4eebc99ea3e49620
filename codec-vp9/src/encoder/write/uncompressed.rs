//! Writes the uncompressed header from a [`crate::header::FrameHeader`].

use codec_core::frame::{Color, ColorRange, MatrixCoefficients};

use super::bits::BitWriter;
use crate::header::{Filter, FrameHeader, FrameType, Segmentation, TileLayout};

/// Appends the uncompressed header of a frame of profile 0. Inter frames have the size of their first
/// reference unless `explicit_size`, and the deltas of the loop filter are the defaults.
pub(crate) fn write_header(header: &FrameHeader, explicit_size: bool, out: &mut Vec<u8>) {
    let mut bits = BitWriter::new(out);
    let is_key = header.frame_type == FrameType::Key;
    bits.bits(2, 2);
    // Profile 0, and no frame that is shown again.
    bits.bits(0, 3);
    bits.flag(!is_key);
    bits.flag(header.show);
    bits.flag(header.error_resilient);
    if is_key {
        write_key(&mut bits, header);
    } else {
        write_inter(&mut bits, header, explicit_size);
    }
    if !header.error_resilient {
        bits.flag(header.contexts.refresh);
        bits.flag(!header.contexts.adapt);
    }
    bits.bits(byte(header.contexts.index), 2);
    bits.bits(header.loop_filter.level.into(), 6);
    bits.bits(header.loop_filter.sharpness.into(), 3);
    bits.flag(header.loop_filter.deltas.is_some());
    if header.loop_filter.deltas.is_some() {
        bits.flag(false);
    }
    bits.bits(header.quantiser.base.into(), 8);
    let quantiser = &header.quantiser;
    for delta in [quantiser.luma_dc, quantiser.chroma_dc, quantiser.chroma_ac] {
        bits.flag(delta != 0);
        if delta != 0 {
            bits.bits(u32::from(delta.unsigned_abs()), 4);
            bits.flag(delta < 0);
        }
    }
    write_segmentation(&mut bits, &header.segmentation);
    write_tiles(&mut bits, header);
    bits.bits(byte(header.compressed_bytes), 16);
}

fn byte(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

fn write_key(bits: &mut BitWriter<'_>, header: &FrameHeader) {
    bits.bits(0x49_8342, 24);
    let color = header.color.unwrap_or_default();
    bits.bits(color_space(&color), 3);
    bits.flag(color.range == ColorRange::Full);
    write_size(bits, header);
}

/// Writes the frame size, which is the render size as well.
fn write_size(bits: &mut BitWriter<'_>, header: &FrameHeader) {
    bits.bits(header.size.width - 1, 16);
    bits.bits(header.size.height - 1, 16);
    bits.flag(false);
}

/// Returns the code of a matrix; 0 is unknown. The identity is RGB, which profile 0 does not have.
fn color_space(color: &Color) -> u32 {
    match color.matrix {
        MatrixCoefficients::BT470BG => 1,
        MatrixCoefficients::BT709 => 2,
        MatrixCoefficients::SMPTE170M => 3,
        MatrixCoefficients(7) => 4,
        MatrixCoefficients::BT2020_NCL => 5,
        _ => 0,
    }
}

fn write_inter(bits: &mut BitWriter<'_>, header: &FrameHeader, explicit_size: bool) {
    if !header.show {
        // Not an intra-only frame.
        bits.flag(false);
    }
    if !header.error_resilient {
        bits.bits(0, 2);
    }
    bits.bits(header.refresh_slots.into(), 8);
    let references = &header.references;
    for (&slot, &bias) in references.slots.iter().zip(&references.sign_bias) {
        bits.bits(byte(slot), 3);
        bits.flag(bias);
    }
    if explicit_size {
        // No reference has this size.
        bits.bits(0, 3);
        write_size(bits, header);
    } else {
        // The first reference has this size.
        bits.flag(true);
        bits.flag(false);
    }
    bits.flag(references.high_precision);
    bits.flag(references.filter.is_none());
    if let Some(filter) = references.filter {
        bits.bits(
            match filter {
                Filter::Smooth => 0,
                Filter::Regular => 1,
                Filter::Sharp => 2,
                Filter::Bilinear => 3,
            },
            2,
        );
    }
}

/// Writes all data of the segments, whose features are differences of the quantiser.
fn write_segmentation(bits: &mut BitWriter<'_>, segmentation: &Segmentation) {
    bits.flag(segmentation.enabled);
    if !segmentation.enabled {
        return;
    }
    bits.flag(segmentation.map.is_some());
    if let Some(map) = &segmentation.map {
        for &probability in &map.tree {
            bits.flag(probability < 255);
            if probability < 255 {
                bits.bits(probability.into(), 8);
            }
        }
        // Segments are coded without prediction.
        bits.flag(false);
    }
    // New data, which are differences.
    bits.flag(true);
    bits.flag(false);
    for segment in &segmentation.segments {
        bits.flag(segment.quantiser.is_some());
        if let Some(difference) = segment.quantiser {
            bits.bits(difference.unsigned_abs().into(), 8);
            bits.flag(difference < 0);
        }
        // Neither filter level, nor reference, nor skip.
        bits.bits(0, 3);
    }
}

fn write_tiles(bits: &mut BitWriter<'_>, header: &FrameHeader) {
    let (narrowest, widest) = TileLayout::limits(header.size);
    for _ in narrowest..header.tiles.log2_cols {
        bits.flag(true);
    }
    if header.tiles.log2_cols < widest {
        bits.flag(false);
    }
    // One row of tiles.
    bits.flag(false);
}
