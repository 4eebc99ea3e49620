//! The decoded picture buffer: reference frames, their marking, and the reference lists of slices. ITU-T H.264,
//! clauses 8.2.4 and 8.2.5.

mod lists;
mod marking;
mod output;
mod stored;

pub use lists::{ListEntry, RefLists};
pub use marking::MarkingResult;
pub use output::OutputPolicy;
pub use stored::{FieldSet, Store, StoredFrame};
