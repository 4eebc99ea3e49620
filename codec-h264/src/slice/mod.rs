//! Slice headers. ITU-T H.264, clause 7.3.3.

mod boundary;
mod header;
mod parse;
mod write;

pub use boundary::begins_picture;
pub use header::{
    Deblocking, ListChange, MAX_LIST_CHANGES, MAX_MMCO, MAX_REFS, Mmco, PictureStructure,
    PredWeights, RefMarking, SliceHeader, SliceType, Weight, WeightEntry,
};
pub use parse::ParsedSlice;
