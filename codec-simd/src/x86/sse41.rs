//! SSE4.1 (with SSSE3) kernels.

use crate::level::Level;
use crate::table::{Kernels, SCALAR};

pub(crate) const TABLE: Kernels = Kernels { level: Level::Sse41, ..SCALAR };
