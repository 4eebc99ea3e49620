//! Where a study is measured.

use std::time::SystemTime;

use codec_measure::results::Environment;

use crate::Env;
use crate::machine::Machine;

/// This machine and this program.
pub(super) fn environment(timing: bool, env: Env) -> Environment {
    let Machine { cpu, cores, system, .. } = Machine::this();
    Environment {
        cpu,
        cores: u32::try_from(cores).unwrap_or(u32::MAX),
        simd: env.level.name().to_owned(),
        os: system,
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
