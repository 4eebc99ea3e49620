//! Selects the SIMD instruction sets that are measured.

use codec_simd::Level;

use codec_media::failure::{Failure, Result};

/// The levels that `--levels` names; without names, `default`.
pub(super) fn chosen(names: &[String], default: &[Level]) -> Result<Vec<Level>> {
    let mut levels = Vec::new();
    for name in names {
        if name == "all" {
            levels.extend(Level::supported());
            continue;
        }
        let level = Level::choose(Some(name)).map_err(|_| {
            let all = Level::supported().map(Level::name).collect::<Vec<_>>().join(", ");
            Failure::usage(format!("invalid --levels {name}: this CPU supports {all}"))
        })?;
        levels.push(level);
    }
    if names.is_empty() {
        levels.extend(default);
    }
    // Each one once, in the order of `Level::ALL`.
    Ok(Level::ALL.into_iter().filter(|level| levels.contains(level)).collect())
}
