//! The machines and the program versions that measured a study.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codec_measure::results::Environment;
use codec_media::Env;
use codec_media::count::counted;
use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// A machine that measured points.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Host {
    pub(super) cpu: String,
    cores: u32,
    simd: String,
    os: String,
}

impl Host {
    /// This machine.
    pub(super) fn this(env: &Env) -> Self {
        let Machine { cpu, cores, system, .. } = Machine::this();
        let cores = u32::try_from(cores).unwrap_or(u32::MAX);
        Self { cpu, cores, simd: env.level.name().to_owned(), os: system }
    }
}

/// Describes the machines and this program. `begun_s`: start of the study, in seconds since 1970.
pub(super) fn environment(timing: bool, begun_s: u64, hosts: &BTreeSet<Host>) -> Environment {
    let begun = UNIX_EPOCH.checked_add(Duration::from_secs(begun_s)).unwrap_or(UNIX_EPOCH);
    let joined = |part: fn(&Host) -> &str| {
        let parts: BTreeSet<&str> = hosts.iter().map(part).collect();
        parts.into_iter().collect::<Vec<_>>().join("; ")
    };
    let cores: BTreeSet<u32> = hosts.iter().map(|host| host.cores).collect();
    Environment {
        cpu: joined(|host| &host.cpu),
        // Machines with different numbers have none in common.
        cores: cores.first().copied().filter(|_| cores.len() == 1).unwrap_or(0),
        simd: joined(|host| &host.simd),
        os: joined(|host| &host.os),
        codec: env!("CARGO_PKG_VERSION").to_owned(),
        date: humantime::format_rfc3339_seconds(begun).to_string(),
        finished: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        timing,
        busy: Vec::new(),
    }
}

/// Describes the machine that times depend on. Times of different machines are not comparable.
pub(super) fn host(env: &Env) -> String {
    let Host { cpu, cores, simd, os } = Host::this(env);
    format!("{cpu}, {}, {simd}, {os}", counted(u64::from(cores), "core"))
}
