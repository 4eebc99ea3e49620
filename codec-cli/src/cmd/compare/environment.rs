//! Where a study is measured.

use std::time::SystemTime;

use codec_measure::results::Environment;

use crate::Env;

/// This machine and this program.
pub(super) fn environment(timing: bool, env: Env) -> Environment {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Environment {
        cpu: cpu().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: u32::try_from(cores).unwrap_or(u32::MAX),
        simd: env.level.name().to_owned(),
        os: os(),
        codec: env!("CARGO_PKG_VERSION").to_owned(),
        date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        timing,
    }
}

/// What times depend on besides the command: times of one machine are not those of another.
pub(super) fn host(env: Env) -> String {
    let Environment { cpu, cores, simd, os, .. } = environment(true, env);
    format!("{cpu}, {cores} cores, {simd}, {os}")
}

/// The processor's own name, where the system tells it.
fn cpu() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("model name"))?;
    Some(line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

fn os() -> String {
    let family = std::env::consts::OS;
    match std::fs::read_to_string("/proc/sys/kernel/osrelease") {
        Ok(release) => format!("{family} {}", release.trim()),
        Err(_) => family.to_owned(),
    }
}
