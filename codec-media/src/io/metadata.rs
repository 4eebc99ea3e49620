//! Passes tags and chapters from an input to an output.

use codec_container::{FileMetadata, Format};

use crate::Env;
use crate::cut::{Cut, ns_of};

/// The metadata of the part of an input that `cut` selects, with the times of the output, whose time 0 is
/// `origin_ns` of the input.
pub(crate) fn part_of(found: &FileMetadata, cut: Cut, origin_ns: i64) -> FileMetadata {
    let ns = |ns: i64| u64::try_from(ns).unwrap_or(0);
    found.part(ns(origin_ns), cut.to.map(|to| ns(ns_of(to))))
}

/// The metadata that `format` can hold; a warning names the rest. `name` is the name of the input.
pub(crate) fn kept(found: &FileMetadata, format: Format, name: &str, env: &Env) -> FileMetadata {
    let (kept, dropped) = found.for_format(format);
    if let Some(dropped) = dropped {
        env.events.warn(format!("{name}: skipped {dropped}: {format} cannot hold them"));
    }
    kept
}
