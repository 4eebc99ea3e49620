//! The probabilities of a frame's syntax elements: defaults, forward updates in the compressed
//! header, and adaptation to the statistics of decoded frames.

use crate::tables::coefficients::CoefficientProbabilities;

mod adapt;
mod counts;
mod defaults;
mod delta;

pub(crate) use adapt::node_counts;
pub use adapt::{Adaptation, InterAdaptation, adapt};
pub use counts::{ComponentCounts, Counts, TokenCounts, VectorCounts};
pub(crate) use delta::{
    parse_delta, parse_vector_probability, write_delta, write_vector_probability,
};

/// Probabilities of the choice of a transform size, by context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxProbabilities {
    /// Blocks of up to 8x8.
    pub up_to_8: [[u8; 1]; 2],
    /// Blocks of up to 16x16.
    pub up_to_16: [[u8; 2]; 2],
    /// Larger blocks.
    pub up_to_32: [[u8; 3]; 2],
}

/// Probabilities of one component of a vector difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComponentProbabilities {
    /// The component is negative.
    pub sign: u8,
    /// Tree of magnitude classes.
    pub classes: [u8; 10],
    /// The integer bit of class 0.
    pub class0: u8,
    /// The integer bits of other classes, lowest first.
    pub bits: [u8; 10],
    /// Tree of the quarters in class 0, by integer bit.
    pub class0_fraction: [[u8; 3]; 2],
    /// Tree of the quarters in other classes.
    pub fraction: [u8; 3],
    /// The bit of eighths in class 0.
    pub class0_high_precision: u8,
    /// The bit of eighths in other classes.
    pub high_precision: u8,
}

/// Probabilities of vector differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VectorProbabilities {
    /// Which components are not zero.
    pub joints: [u8; 3],
    /// Rows and columns.
    pub components: [ComponentProbabilities; 2],
}

/// All probabilities that adapt: a probability context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probabilities {
    /// Coefficient tokens, by transform size.
    pub coefficients: [CoefficientProbabilities; 4],
    /// Transform sizes.
    pub tx: TxProbabilities,
    /// The block has no residual, by context.
    pub skip: [u8; 3],
    /// Inter modes, by context.
    pub inter_mode: [[u8; 3]; 7],
    /// Interpolation filters, by context.
    pub filter: [[u8; 2]; 4],
    /// The block is an inter block, by context.
    pub is_inter: [u8; 4],
    /// The block has two references, by context.
    pub is_compound: [u8; 5],
    /// The single reference is not LAST; it is not GOLDEN. By context.
    pub single_reference: [[u8; 2]; 5],
    /// Which of the variable references a compound block has, by context.
    pub compound_reference: [u8; 5],
    /// Luma modes of intra blocks in inter frames, by group of block sizes.
    pub luma_mode: [[u8; 9]; 4],
    /// Chroma modes of intra blocks in inter frames, by luma mode.
    pub chroma_mode: [[u8; 9]; 10],
    /// Partitions, by context.
    pub partition: [[u8; 3]; 16],
    /// Vector differences.
    pub vectors: VectorProbabilities,
}
