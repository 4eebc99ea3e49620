//! AVX2 kernels.

use super::sse41;
use crate::level::Level;
use crate::table::Kernels;

pub(crate) const TABLE: Kernels = Kernels { level: Level::Avx2, ..sse41::TABLE };
