//! Parses the residual of blocks: immediately before their reconstruction, or, with several
//! threads, ahead of it into a buffer.

use codec_core::entropy::BoolDecoder;
use codec_simd::vp9::Vp9TxKind;

use super::tokens::{CoefficientSink, TokenContexts, TokenFormat, parse_tokens};
use crate::block::contexts::Contexts;
use crate::block::mode_map::BlockInfo;
use crate::block::plane_block::PlaneBlock;
use crate::block::reconstruct::{Residual, Tokens};
use crate::block::sample::{Coefficient, Sample};
use crate::block::scans::scan;
use crate::block::setup::FrameSetup;
use crate::probability::Counts;
use crate::types::TxSize;

/// Parses the residual of a block.
#[derive(Debug)]
pub(super) struct ResidualParser<'a, 'd, S: Sample> {
    pub(super) setup: &'a FrameSetup<'a, S>,
    pub(super) reader: &'a mut BoolDecoder<'d>,
    pub(super) contexts: &'a mut Contexts,
    pub(super) counts: &'a mut Counts,
    /// See [`TokenContexts::magnitudes`].
    pub(super) magnitudes: &'a mut [u8; 1024],
}

impl<S: Sample> ResidualParser<'_, '_, S> {
    /// Parses the coefficients of a transform, as [`Residual::next`].
    #[inline]
    fn parse(
        &mut self,
        info: &BlockInfo,
        block: &PlaneBlock,
        (x, y): (usize, usize),
        kind: Vp9TxKind,
        coefficients: &mut impl CoefficientSink,
    ) -> Tokens {
        let setup = self.setup;
        let (is_chroma, tx) = (usize::from(block.plane > 0), block.tx);
        let is_inter = usize::from(info.is_inter());
        let contexts = TokenContexts {
            probabilities: &setup.probabilities.coefficients[tx as usize][is_chroma][is_inter],
            counts: &mut self.counts.coefficients[tx as usize][is_chroma][is_inter],
            magnitudes: self.magnitudes,
        };
        let format = TokenFormat {
            scan: scan(tx, kind),
            steps: setup.quantisers[usize::from(info.segment)][is_chroma],
            is_halved: tx == TxSize::Tx32,
            depth: setup.kit.depth,
        };
        let context = self.contexts.nonzero(block.plane, x, y, tx);
        let tokens = parse_tokens(self.reader, contexts, format, context, coefficients);
        if tokens.any || context > 0 {
            self.contexts.set_nonzero(block.plane, (x, y), tx, block.end, tokens.any);
        }
        tokens
    }
}

impl<S: Sample> Residual<S::Coefficient> for ResidualParser<'_, '_, S> {
    #[inline]
    fn next(
        &mut self,
        info: &BlockInfo,
        block: &PlaneBlock,
        at: (usize, usize),
        kind: Vp9TxKind,
        coefficients: &mut [S::Coefficient; 1024],
    ) -> Tokens {
        self.parse(info, block, at, kind, coefficients)
    }
}

/// The coefficients of transforms that are not zero.
#[derive(Debug, Default)]
pub(super) struct StoredResidual<C> {
    transforms: Vec<StoredTransform>,
    coefficients: CoefficientList<C>,
}

#[derive(Clone, Copy, Debug)]
struct StoredTransform {
    /// See [`Tokens::positions`].
    positions: u16,
    /// Number of coefficients.
    count: u16,
}

/// Coefficients and their positions.
#[derive(Debug, Default)]
struct CoefficientList<C>(Vec<(u16, C)>);

impl<C: Coefficient> CoefficientSink for CoefficientList<C> {
    #[inline]
    fn put(&mut self, at: u16, value: i64) {
        self.0.push((at, C::saturated(value)));
    }
}

impl<C: Coefficient> StoredResidual<C> {
    /// Allocates room for transforms with `coefficients` coefficients, of 4x4 each.
    pub(super) fn with_room(coefficients: usize) -> Self {
        Self {
            transforms: Vec::with_capacity(coefficients / 16),
            coefficients: CoefficientList(Vec::with_capacity(coefficients)),
        }
    }

    pub(super) fn clear(&mut self) {
        self.transforms.clear();
        self.coefficients.0.clear();
    }

    /// Number of transforms.
    pub(super) fn len(&self) -> usize {
        self.transforms.len()
    }

    /// Removes the transforms after the first `len`, none of which has coefficients.
    pub(super) fn truncate(&mut self, len: usize) {
        self.transforms.truncate(len);
    }

    /// Parses the coefficients of a transform; returns whether there are any.
    #[inline]
    pub(super) fn push<S: Sample>(
        &mut self,
        parser: &mut ResidualParser<'_, '_, S>,
        info: &BlockInfo,
        block: &PlaneBlock,
        (x, y): (usize, usize),
    ) -> bool {
        let before = self.coefficients.0.len();
        let kind = block.tx_kind(info, x, y, parser.setup.kit.lossless);
        let tokens = parser.parse(info, block, (x, y), kind, &mut self.coefficients);
        let count = u16::try_from(self.coefficients.0.len() - before).unwrap_or(u16::MAX);
        self.transforms.push(StoredTransform { positions: tokens.positions, count });
        tokens.any
    }

    /// Returns the transforms from the first one on.
    pub(super) fn reader(&self) -> StoredReader<'_, C> {
        StoredReader { transforms: self.transforms.iter(), coefficients: &self.coefficients.0 }
    }
}

/// Reads a [`StoredResidual`].
#[derive(Debug)]
pub(super) struct StoredReader<'a, C> {
    transforms: std::slice::Iter<'a, StoredTransform>,
    coefficients: &'a [(u16, C)],
}

impl<C: Coefficient> Residual<C> for StoredReader<'_, C> {
    #[inline]
    fn next(
        &mut self,
        _info: &BlockInfo,
        _block: &PlaneBlock,
        _at: (usize, usize),
        _kind: Vp9TxKind,
        coefficients: &mut [C; 1024],
    ) -> Tokens {
        let none = StoredTransform { positions: 0, count: 0 };
        let StoredTransform { positions, count } = self.transforms.next().copied().unwrap_or(none);
        let Some((stored, rest)) = self.coefficients.split_at_checked(count.into()) else {
            return Tokens { any: false, positions: 0 };
        };
        self.coefficients = rest;
        for &(at, value) in stored {
            coefficients[usize::from(at) % 1024] = value;
        }
        Tokens { any: count > 0, positions }
    }
}
