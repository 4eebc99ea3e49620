//! What file names mean: `-`, and formats by extension.

use std::fs;
use std::path::{Path, PathBuf};

use codec_container::Format;
use codec_core::audio::PcmEncoding;

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

/// The codec of headerless sound that a name tells: `.s24` samples of 24 bits, `.al` A-law.
pub(crate) fn headerless_codec(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "al" => Some("pcma"),
        "ul" => Some("pcmu"),
        samples => {
            let names = PcmEncoding::ALL.map(PcmEncoding::name);
            names.into_iter().find(|name| *name == samples || *name == format!("{samples}le"))
        }
    }
}

/// Whether the path is there and neither a file nor a folder: a device, a named pipe.
pub(crate) fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Whether both names lead to one file, through links or not.
pub(crate) fn is_same_file(a: &Path, b: &Path) -> bool {
    let (found_a, found_b) = match (fs::metadata(a), fs::metadata(b)) {
        (Ok(found_a), Ok(found_b)) => (found_a, found_b),
        // What is not there yet is one file if it is to have one name in one folder.
        (Err(_), Err(_)) => {
            return a.file_name() == b.file_name() && folder_of(a) == folder_of(b);
        }
        _ => return false,
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

/// The folder that a path lies in, without links; `None` if there is none.
fn folder_of(path: &Path) -> Option<PathBuf> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    fs::canonicalize(parent.unwrap_or(Path::new("."))).ok()
}
