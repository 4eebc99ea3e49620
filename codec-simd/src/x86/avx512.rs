//! AVX-512 kernels.

use super::avx2;
use crate::level::Level;
use crate::table::Kernels;

pub(crate) const TABLE: Kernels = Kernels { level: Level::Avx512, ..avx2::TABLE };
