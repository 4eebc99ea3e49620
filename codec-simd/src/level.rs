//! Instruction-set levels: detection of the levels that the CPU supports, and selection of a level
//! by name.

use std::fmt;

/// An instruction-set level, ordered from the lowest to the highest within one
/// architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Plain Rust; always available, and the reference for all other levels.
    Scalar,
    /// x86-64 with SSSE3 and SSE4.1.
    Sse41,
    /// x86-64 with AVX2, BMI1, BMI2 and LZCNT.
    Avx2,
    /// x86-64 with AVX-512 F, BW, VL, VBMI and VNNI (Ice Lake, Zen 4 and later).
    Avx512,
    /// `AArch64` with NEON, little-endian.
    Neon,
    /// 32-bit `WebAssembly` compiled with `simd128`.
    Simd128,
}

impl Level {
    /// The levels of all architectures, lowest first.
    pub const ALL: [Self; 6] =
        [Self::Scalar, Self::Sse41, Self::Avx2, Self::Avx512, Self::Neon, Self::Simd128];

    /// The name of the level in configurations and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Sse41 => "sse41",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
            Self::Simd128 => "simd128",
        }
    }

    /// Whether this build has the level's kernels, which depends on the target's architecture.
    #[must_use]
    pub fn is_compiled(self) -> bool {
        match self {
            Self::Scalar => true,
            Self::Sse41 | Self::Avx2 | Self::Avx512 => cfg!(target_arch = "x86_64"),
            Self::Neon => cfg!(all(target_arch = "aarch64", target_endian = "little")),
            Self::Simd128 => cfg!(all(target_arch = "wasm32", target_feature = "simd128")),
        }
    }

    /// Returns the levels that this build has and this CPU can run, lowest first.
    pub fn supported() -> impl DoubleEndedIterator<Item = Self> {
        Self::ALL.into_iter().filter(|level| level.is_supported())
    }

    /// Whether this build has the level and this CPU can run it.
    pub fn is_supported(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Sse41 => is_x86_feature_detected!("sse4.1") && is_x86_feature_detected!("ssse3"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
                    && is_x86_feature_detected!("lzcnt")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_supported()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vbmi")
                    && is_x86_feature_detected!("avx512vnni")
                    && is_x86_feature_detected!("avx512cd")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Sse41 | Self::Avx2 | Self::Avx512 => false,
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            #[cfg(not(all(target_arch = "aarch64", target_endian = "little")))]
            Self::Neon => false,
            // An engine without it rejects the module.
            Self::Simd128 => self.is_compiled(),
        }
    }

    /// The requested level, or the best supported one when nothing is requested.
    ///
    /// ```
    /// use codec_simd::Level;
    ///
    /// assert_eq!(Level::choose(Some("scalar")), Ok(Level::Scalar));
    /// assert!(Level::choose(None)?.is_supported());
    /// assert!(Level::choose(Some("mmx")).is_err());
    /// # Ok::<(), codec_simd::LevelError>(())
    /// ```
    ///
    /// # Errors
    /// An unknown or unsupported request is an error: with a silent fallback a forced test run
    /// could pass without running the requested code.
    pub fn choose(request: Option<&str>) -> Result<Self, LevelError> {
        let mut usable = Self::supported();
        match request {
            None => Ok(usable.next_back().unwrap_or(Self::Scalar)),
            Some(name) => {
                usable.find(|l| l.name() == name).ok_or_else(|| LevelError(name.to_owned()))
            }
        }
    }
}

/// The requested level, which is unknown or not supported by this CPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelError(pub String);

impl fmt::Display for LevelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let supported: Vec<_> = Level::supported().map(Level::name).collect();
        let (given, supported) = (&self.0, supported.join(", "));
        write!(f, "invalid SIMD level: got {given}, expected one of {supported} on this CPU")
    }
}

impl std::error::Error for LevelError {}
