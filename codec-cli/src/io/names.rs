//! What file names mean: `-`, and formats by extension.

use std::fs;
use std::path::Path;

use codec_container::Format;

use crate::failure::{Failure, Result};

/// Whether the name means standard input or output.
pub(crate) fn is_pipe(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The format named by `-f`, else by the extension; `default` for pipes and devices.
pub(crate) fn format_of(path: &Path, flag: Option<&str>, default: Format) -> Result<Format> {
    if let Some(name) = flag {
        return Format::from_extension(name).ok_or_else(|| {
            Failure::usage(format!("format {name} is not known: expected ivf, webm, y4m or raw"))
        });
    }
    if is_pipe(path) || is_special(path) {
        return Ok(default);
    }
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.and_then(Format::from_extension).ok_or_else(|| {
        Failure::usage(format!(
            "{}: the name tells no format: end it in .ivf, .webm, .y4m or .yuv, or give -f",
            path.display()
        ))
    })
}

/// Whether the path is there and neither a file nor a folder: a device, a named pipe.
pub(crate) fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Whether both names lead to one file, through links or not.
pub(crate) fn is_same_file(a: &Path, b: &Path) -> bool {
    let (Ok(found_a), Ok(found_b)) = (fs::metadata(a), fs::metadata(b)) else {
        return false;
    };
    if !found_a.is_file() || !found_b.is_file() {
        return false;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        found_a.dev() == found_b.dev() && found_a.ino() == found_b.ino()
    }
    #[cfg(not(unix))]
    {
        fs::canonicalize(a).ok() == fs::canonicalize(b).ok()
    }
}
