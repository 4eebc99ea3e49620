//! Runtime dispatch: selects the kernel table for the CPU. Only this module refers to all levels.

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
use crate::aarch64::neon;
use crate::level::Level;
use crate::table::{Kernels, SCALAR};
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use crate::wasm32::simd128;
#[cfg(target_arch = "x86_64")]
use crate::x86::{avx2, avx512, sse41};

impl Kernels {
    /// Returns the table of `level`, or `None` if the CPU does not support it.
    #[must_use]
    pub fn for_level(level: Level) -> Option<&'static Self> {
        static SCALAR_TABLE: Kernels = SCALAR;
        #[cfg(target_arch = "x86_64")]
        static SSE41_TABLE: Kernels = sse41::TABLE;
        #[cfg(target_arch = "x86_64")]
        static AVX2_TABLE: Kernels = avx2::TABLE;
        #[cfg(target_arch = "x86_64")]
        static AVX512_TABLE: Kernels = avx512::TABLE;
        #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
        static NEON_TABLE: Kernels = neon::TABLE;
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        static SIMD128_TABLE: Kernels = simd128::TABLE;
        let table = match level {
            Level::Scalar => &SCALAR_TABLE,
            #[cfg(target_arch = "x86_64")]
            Level::Sse41 => &SSE41_TABLE,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => &AVX2_TABLE,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => &AVX512_TABLE,
            #[cfg(not(target_arch = "x86_64"))]
            Level::Sse41 | Level::Avx2 | Level::Avx512 => return None,
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Level::Neon => &NEON_TABLE,
            #[cfg(not(all(target_arch = "aarch64", target_endian = "little")))]
            Level::Neon => return None,
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Level::Simd128 => &SIMD128_TABLE,
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
            Level::Simd128 => return None,
        };
        level.is_supported().then_some(table)
    }

    /// Returns the table of the best level that this CPU supports.
    #[must_use]
    pub fn best() -> &'static Self {
        let best = Level::ALL.into_iter().rev().find_map(Self::for_level);
        best.unwrap_or(const { &SCALAR })
    }
}
