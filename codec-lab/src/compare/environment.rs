//! The environment of a study.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codec_measure::results::Environment;
use codec_media::Env;
use codec_media::count::counted;

use crate::machine::Machine;

/// Describes this machine and this program. `begun_s`: start of the study, in seconds since 1970.
pub(super) fn environment(timing: bool, begun_s: u64, env: &Env) -> Environment {
    let begun = UNIX_EPOCH.checked_add(Duration::from_secs(begun_s)).unwrap_or(UNIX_EPOCH);
    let Machine { cpu, cores, system, .. } = Machine::this();
    Environment {
        cpu,
        cores: u32::try_from(cores).unwrap_or(u32::MAX),
        simd: env.level.name().to_owned(),
        os: system,
        codec: env!("CARGO_PKG_VERSION").to_owned(),
        date: humantime::format_rfc3339_seconds(begun).to_string(),
        finished: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        timing,
        busy: Vec::new(),
    }
}

/// Describes the machine that times depend on. Times of different machines are not comparable.
pub(super) fn host(env: &Env) -> String {
    let Environment { cpu, cores, simd, os, .. } = environment(true, 0, env);
    format!("{cpu}, {}, {simd}, {os}", counted(u64::from(cores), "core"))
}
