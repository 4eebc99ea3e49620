//! Data that is constant in a slice.

use std::ops::Deref;

use super::weights::Weights;
use crate::macroblock::Arrangement;
use crate::params::{Pps, Sps};
use crate::picture::{Motion, NO_REF, RefKey, RefPicture, poc_of};
use crate::slice::{PictureStructure, SliceHeader, SliceType};
use crate::transform::LevelScales;

/// Entries of a reference list at most.
pub(crate) const MAX_REFS: usize = 32;

/// A slice and its picture.
#[derive(Clone, Copy)]
pub(crate) struct SliceInput<'a> {
    pub header: &'a SliceHeader,
    pub sps: &'a Sps,
    pub pps: &'a Pps,
    pub lists: [&'a [RefPicture]; 2],
    pub scales: &'a LevelScales,
    pub weights: &'a Weights,
    /// Index of the slice in its picture.
    pub slice: u16,
    /// Picture order counts of the fields.
    pub poc: [i32; 2],
}

/// A slice with what follows from it.
pub(crate) struct SliceContext<'a> {
    input: SliceInput<'a>,
    pub arrangement: Arrangement,
    /// Size of the frame in macroblocks.
    pub cols: usize,
    pub rows: usize,
    /// Indices of the references in [`Motion::keys`]: of the entry, of its top and of its bottom
    /// field.
    ref_ids: [[[u8; 3]; MAX_REFS]; 2],
}

impl<'a> Deref for SliceContext<'a> {
    type Target = SliceInput<'a>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.input
    }
}

impl<'a> SliceContext<'a> {
    /// Returns column and row of the first macroblock of the slice in the frame. Clause 6.4.1.
    pub(crate) fn first_position(&self) -> (usize, usize) {
        let first = usize::try_from(self.header.first_mb).unwrap_or(usize::MAX);
        let (x, row) = (first % self.cols, first / self.cols);
        let is_bottom = self.header.structure == PictureStructure::BottomField;
        let row = match self.arrangement {
            Arrangement::Frame => row,
            Arrangement::Field => row.saturating_mul(2).saturating_add(usize::from(is_bottom)),
            Arrangement::Mbaff => row.saturating_mul(2),
        };
        (x, row)
    }

    /// Creates the context; `motion` receives the identities of the references.
    pub(crate) fn new(input: SliceInput<'a>, motion: &mut Motion) -> Self {
        let SliceInput { header, sps, lists, .. } = input;
        let arrangement = match (header.structure, header.is_mbaff) {
            (PictureStructure::Frame, false) => Arrangement::Frame,
            (PictureStructure::Frame, true) => Arrangement::Mbaff,
            _ => Arrangement::Field,
        };
        let mut ref_ids = [[[NO_REF; 3]; MAX_REFS]; 2];
        for (ids, list) in ref_ids.iter_mut().zip(lists) {
            for (ids, entry) in ids.iter_mut().zip(list) {
                ids[0] = motion.intern(entry.key());
                if arrangement == Arrangement::Mbaff {
                    let mut field = |structure| motion.intern(RefKey { id: entry.id, structure });
                    ids[1] = field(PictureStructure::TopField);
                    ids[2] = field(PictureStructure::BottomField);
                }
            }
        }
        Self {
            input,
            arrangement,
            cols: usize::from(sps.width_mbs),
            rows: usize::from(sps.height_mbs()),
            ref_ids,
        }
    }

    pub(crate) fn is_b(&self) -> bool {
        self.header.slice_type == SliceType::B
    }

    /// Returns whether the picture is a field, or the macroblock is a field macroblock.
    #[inline]
    pub(crate) fn is_field(&self, is_field_mb: bool) -> bool {
        is_field_mb || self.arrangement == Arrangement::Field
    }

    /// Returns the number of reference indices of a list in a frame or field macroblock.
    #[inline]
    pub(crate) fn ref_count(&self, list: usize, is_field_mb: bool) -> u8 {
        let count = self.header.ref_counts[list].min(32);
        if is_field_mb { 2 * count.min(16) } else { count }
    }

    /// Returns the field that index `reference` of a field macroblock in row `row` of an MBAFF frame
    /// refers to: even indices have the macroblock's parity.
    #[inline]
    pub(crate) fn field_of(reference: usize, row: usize) -> PictureStructure {
        if (reference + row).is_multiple_of(2) {
            PictureStructure::TopField
        } else {
            PictureStructure::BottomField
        }
    }

    /// Returns the reference picture and the part of it that `reference` means in a macroblock;
    /// `None` if the list has no such entry.
    #[inline]
    pub(crate) fn reference(
        &self,
        list: usize,
        reference: i8,
        field_row: Option<usize>,
    ) -> Option<(&'a RefPicture, PictureStructure)> {
        let index = usize::try_from(reference).ok()?;
        if let Some(row) = field_row {
            let entry = self.lists[list].get(index / 2)?;
            return Some((entry, Self::field_of(index, row)));
        }
        let entry = self.lists[list].get(index)?;
        Some((entry, entry.structure))
    }

    /// Returns the index in [`Motion::keys`] of the picture that `reference` means.
    #[inline]
    pub(crate) fn ref_id(&self, list: usize, reference: i8, field_row: Option<usize>) -> u8 {
        let Ok(index) = usize::try_from(reference) else { return NO_REF };
        let (entry, part) = match field_row {
            None => (index, 0),
            Some(row) => (index / 2, 1 + (index + row) % 2),
        };
        self.ref_ids[list].get(entry).map_or(NO_REF, |ids| ids[part])
    }

    /// Returns the picture order count of the current picture, or of the current field for a field
    /// macroblock in row `row`.
    pub(crate) fn current_poc(&self, field_row: Option<usize>) -> i32 {
        match field_row {
            Some(row) => self.poc[row % 2],
            None => poc_of(self.header.structure, self.poc),
        }
    }
}
