//! The compressed header: transform sizes, reference mode and changes of probabilities.

use codec_core::entropy::BoolDecoder;
use codec_core::error::Corrupt;

use super::FrameHeader;
use crate::probability::{Probabilities, parse_delta, parse_vector_probability};
use crate::types::{TxMode, TxSize};

/// Whether blocks have one or two references.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReferenceMode {
    /// One.
    #[default]
    Single,
    /// Two.
    Compound,
    /// Each block codes its number of references.
    PerBlock,
}

/// Contents of the compressed header, apart from probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompressedHeader {
    /// Transform sizes.
    pub tx_mode: TxMode,
    /// Number of references per block.
    pub reference_mode: ReferenceMode,
}

/// Creates a reader of a partition, which begins with a marker bit.
///
/// # Errors
/// If the partition is empty or the marker is set; `offset_bytes` is its position in the frame.
pub(crate) fn open_partition<'a>(
    data: &'a [u8],
    what: &'static str,
    offset_bytes: usize,
) -> Result<BoolDecoder<'a>, Corrupt> {
    let mut reader = BoolDecoder::new(data);
    if data.is_empty() || reader.get_flag() {
        return Err(Corrupt::Other { what, offset_bytes });
    }
    Ok(reader)
}

impl CompressedHeader {
    /// Parses the compressed header `data` and changes `probabilities`.
    ///
    /// # Errors
    /// If `data` is damaged or ends too early.
    pub fn parse(
        data: &[u8],
        header: &FrameHeader,
        probabilities: &mut Probabilities,
    ) -> Result<Self, Corrupt> {
        let mut reader = open_partition(data, "a compressed header", header.header_bytes)?;
        let tx_mode = if header.quantiser.is_lossless() {
            TxMode::Only4x4
        } else {
            parse_tx_mode(&mut reader)
        };
        if tx_mode == TxMode::PerBlock {
            let tx = &mut probabilities.tx;
            parse_deltas(&mut reader, tx.up_to_8.as_flattened_mut());
            parse_deltas(&mut reader, tx.up_to_16.as_flattened_mut());
            parse_deltas(&mut reader, tx.up_to_32.as_flattened_mut());
        }
        parse_coefficients(&mut reader, tx_mode.largest(), probabilities);
        parse_deltas(&mut reader, &mut probabilities.skip);
        let mut reference_mode = ReferenceMode::Single;
        if !header.is_intra() {
            reference_mode = parse_inter(&mut reader, header, probabilities);
        }
        if reader.overrun_bits() > 0 {
            let offset_bytes = header.header_bytes + data.len();
            return Err(Corrupt::Other { what: "the rest of the compressed header", offset_bytes });
        }
        Ok(Self { tx_mode, reference_mode })
    }
}

fn parse_deltas(reader: &mut BoolDecoder<'_>, probabilities: &mut [u8]) {
    for probability in probabilities {
        parse_delta(reader, probability);
    }
}

fn parse_tx_mode(reader: &mut BoolDecoder<'_>) -> TxMode {
    match reader.get_literal(2) {
        0 => TxMode::Only4x4,
        1 => TxMode::UpTo8x8,
        2 => TxMode::UpTo16x16,
        _ if reader.get_flag() => TxMode::PerBlock,
        _ => TxMode::UpTo32x32,
    }
}

fn parse_coefficients(
    reader: &mut BoolDecoder<'_>,
    largest: TxSize,
    probabilities: &mut Probabilities,
) {
    for size in &mut probabilities.coefficients[..=largest as usize] {
        if !reader.get_flag() {
            continue;
        }
        for bands in size.as_flattened_mut() {
            for (band, contexts) in bands.iter_mut().enumerate() {
                let count = if band == 0 { 3 } else { 6 };
                parse_deltas(reader, contexts[..count].as_flattened_mut());
            }
        }
    }
}

/// Parses what only inter frames have.
fn parse_inter(
    reader: &mut BoolDecoder<'_>,
    header: &FrameHeader,
    probabilities: &mut Probabilities,
) -> ReferenceMode {
    parse_deltas(reader, probabilities.inter_mode.as_flattened_mut());
    if header.references.filter.is_none() {
        parse_deltas(reader, probabilities.filter.as_flattened_mut());
    }
    parse_deltas(reader, &mut probabilities.is_inter);
    let mode = match header.references.compound() {
        None => ReferenceMode::Single,
        Some(_) if !reader.get_flag() => ReferenceMode::Single,
        Some(_) if !reader.get_flag() => ReferenceMode::Compound,
        Some(_) => ReferenceMode::PerBlock,
    };
    if mode == ReferenceMode::PerBlock {
        parse_deltas(reader, &mut probabilities.is_compound);
    }
    if mode != ReferenceMode::Compound {
        parse_deltas(reader, probabilities.single_reference.as_flattened_mut());
    }
    if mode != ReferenceMode::Single {
        parse_deltas(reader, &mut probabilities.compound_reference);
    }
    parse_deltas(reader, probabilities.luma_mode.as_flattened_mut());
    parse_deltas(reader, probabilities.partition.as_flattened_mut());
    parse_vectors(reader, header.references.high_precision, probabilities);
    mode
}

fn parse_vectors(
    reader: &mut BoolDecoder<'_>,
    high_precision: bool,
    probabilities: &mut Probabilities,
) {
    let vectors = &mut probabilities.vectors;
    let mut update = |probability: &mut u8| parse_vector_probability(reader, probability);
    vectors.joints.iter_mut().for_each(&mut update);
    for component in &mut vectors.components {
        update(&mut component.sign);
        component.classes.iter_mut().for_each(&mut update);
        update(&mut component.class0);
        component.bits.iter_mut().for_each(&mut update);
    }
    for component in &mut vectors.components {
        component.class0_fraction.as_flattened_mut().iter_mut().for_each(&mut update);
        component.fraction.iter_mut().for_each(&mut update);
    }
    if high_precision {
        for component in &mut vectors.components {
            update(&mut component.class0_high_precision);
            update(&mut component.high_precision);
        }
    }
}
