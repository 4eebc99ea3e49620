//! Properties of the machine and of this process, for measurements.

use std::fs;
use std::thread::available_parallelism;

use codec_simd::Level;

/// The machine and its system. Results of different machines are not comparable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    /// `linux x86_64`.
    pub(crate) system: String,
    /// Instruction sets that the CPU supports.
    pub(crate) levels: String,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let levels = Level::supported();
        Self {
            cpu: cpu_name().unwrap_or_else(|| "unknown CPU".to_owned()),
            cores: available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            levels: levels.map(Level::name).collect::<Vec<_>>().join(" "),
        }
    }
}

/// The CPU name as reported by Linux.
fn cpu_name() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let field = |key: &str| {
        let line = text.lines().find(|line| line.split(':').next().map(str::trim) == Some(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    field("model name").or_else(|| field("Model"))
}

/// The kind of this build; only times of release builds are meaningful.
pub(crate) fn build() -> &'static str {
    if cfg!(debug_assertions) { "debug" } else { "release" }
}

/// Resets the peak memory, if supported (Linux).
pub(crate) fn reset_peak_memory() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The peak resident set of this process in bytes, if available (Linux).
pub(crate) fn peak_memory() -> Option<u64> {
    peak_memory_of("self")
}

/// Returns the peak resident set of another process so far, in bytes, if available.
pub(crate) fn peak_memory_of(process: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}
