//! The register types of `crate::lanes`, for NEON.

use core::arch::aarch64::{int16x8_t, uint8x16_t, uint32x4_t};

/// Sixteen bytes: pixels, or signed numbers where an operation says `i8`.
pub(crate) type U8x16 = uint8x16_t;
/// Eight numbers of 16 bits: signed, or unsigned where an operation says `u16`.
pub(crate) type I16x8 = int16x8_t;
/// Four sums.
pub(crate) type U32x4 = uint32x4_t;
