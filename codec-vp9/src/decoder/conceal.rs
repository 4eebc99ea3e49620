//! Concealment of the blocks of a damaged tile that were not decoded.

use super::tile::TileParser;
use super::tiles::Run;
use crate::block::mode_map::BlockInfo;
use crate::block::reconstruct::Reconstructor;
use crate::block::sample::Sample;
use crate::types::{BlockSize, Reference, References};

/// Replaces the blocks of a run that were not decoded by the blocks of a reference at the same position, or
/// by grey without one, and returns their number in units of 8x8 pixels.
pub(super) fn conceal_run<S: Sample>(
    run: &Run,
    parser: &mut TileParser<'_, '_, S>,
    reconstructor: &mut Reconstructor<'_, S>,
) -> usize {
    let setup = parser.setup;
    let of_same_size = Reference::ALL.into_iter().find(|&reference| {
        setup.references[reference as usize].as_ref().is_some_and(|frame| frame.scale.is_none())
    });
    let mut concealed = 0;
    for row in 8 * run.row..(8 * run.row + 8).min(setup.rows) {
        for col in 8 * run.cols.start..(8 * run.cols.end).min(setup.cols) {
            if parser.modes.is_decoded(row, col) {
                continue;
            }
            concealed += 1;
            let position = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
            let info = BlockInfo {
                row: position(row),
                col: position(col),
                size: BlockSize::B8x8,
                skip: true,
                references: of_same_size.map_or(References::Intra, References::Single),
                ..BlockInfo::default()
            };
            parser.modes.push(&info, 1, 1);
            match of_same_size {
                Some(reference) => {
                    parser.note_reference(reference);
                    reconstructor.predict_inter(&info, &setup.plane_blocks(&info));
                }
                None => reconstructor.fill_grey(&info),
            }
        }
    }
    concealed
}

impl<S: Sample> Reconstructor<'_, S> {
    fn fill_grey(&mut self, info: &BlockInfo) {
        let grey = S::from_value(128 << (self.setup.kit.depth - 8));
        for (block, plane) in self.setup.plane_blocks(info).iter().zip(&mut self.planes) {
            let (samples, stride) = plane.block_mut(4 * block.x, 4 * block.y);
            for row in samples.chunks_mut(stride).take(4 * block.height) {
                row[..4 * block.width].fill(grey);
            }
        }
    }
}
