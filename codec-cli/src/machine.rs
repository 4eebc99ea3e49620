//! What a measurement ran on, and what the system tells of this process.

use std::fs;
use std::thread::available_parallelism;

use codec_simd::Level;

/// Figures of different machines cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    /// `linux x86_64`.
    pub(crate) system: String,
    /// Instruction sets that the CPU has.
    pub(crate) levels: String,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let levels = Level::ALL.into_iter().filter(|level| level.is_supported());
        Self {
            cpu: cpu_name().unwrap_or_else(|| "unknown CPU".to_owned()),
            cores: available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            levels: levels.map(Level::name).collect::<Vec<_>>().join(" "),
        }
    }
}

/// As the kernel of Linux names it.
fn cpu_name() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let field = |key: &str| {
        let line = text.lines().find(|line| line.split(':').next().map(str::trim) == Some(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    field("model name").or_else(|| field("Model"))
}

/// Whether this build is one whose times mean anything.
pub(crate) fn build() -> &'static str {
    if cfg!(debug_assertions) { "debug" } else { "release" }
}

/// From now on the peak is that of what follows, where the system can do that (Linux).
pub(crate) fn reset_peak_memory() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The peak resident set of this process in bytes, where the system tells it (Linux).
pub(crate) fn peak_memory() -> Option<u64> {
    peak_memory_of("self")
}

/// That of another process so far.
pub(crate) fn peak_memory_of(process: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}
