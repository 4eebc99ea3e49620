//! File names: `-` for pipes, and formats by extension.

use std::fs;
use std::path::{Path, PathBuf};

use codec_audio::PcmEncoding;
use codec_container::Format;

use crate::failure::{Failure, Result};

/// Whether the name means standard input or output.
pub fn is_pipe(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whether a file name means audio only, although its format can hold video: .m4a, .mka, .weba.
pub fn is_audio_name(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["m4a", "mka", "weba"].iter().any(|name| extension.eq_ignore_ascii_case(name))
}

/// The note about video that an output does not get.
pub fn video_dropped(output: &Path, format: Format) -> String {
    if is_audio_name(output) {
        "video dropped: the extension of the output is for audio only".to_owned()
    } else {
        format!("video dropped: {format} cannot hold video")
    }
}

/// The output formats of a command, for the choice of one and for the error.
#[derive(Clone, Copy, Debug)]
pub struct Outputs {
    /// The format of pipes and devices without `-f`.
    default: Format,
    /// The values of `-f`.
    names: &'static str,
    /// The extensions of file names.
    endings: &'static str,
}

impl Outputs {
    /// Outputs of `encode` and `transcode`.
    pub const ENCODED: Self = Self {
        default: Format::Ivf,
        names: "ivf, webm, mkv, mp4, ts, h264, obu, opus, ogg, wav, flac, y4m, raw or pcm",
        endings: ".webm, .mp4, .mkv, .ts, .ivf, .h264, .opus, .ogg, .wav or .flac",
    };
    /// Outputs of `decode`.
    pub const DECODED: Self = Self {
        default: Format::Y4m,
        names: "y4m, raw, wav or pcm",
        endings: ".y4m, .yuv, .wav or .pcm",
    };
    /// Outputs of `recv`.
    pub const RECEIVED: Self = Self {
        default: Format::Y4m,
        names: "webm, mkv, ivf, mp4, ts, h264, opus, y4m or raw",
        endings: ".webm, .mkv, .ivf, .mp4, .ts, .h264, .opus, .y4m or .yuv",
    };
    /// Outputs of `generate`.
    pub const GENERATED: Self = Self {
        default: Format::Y4m,
        names: "y4m, raw, ivf, h264, webm, mkv, mp4, ts, wav, pcm, ogg, opus or flac",
        endings: ".y4m, .yuv, .webm, .mkv, .mp4, .ts, .ivf, .h264, .wav, .opus or .flac",
    };
    /// Outputs of `mix`.
    pub const MIXED: Self = Self {
        default: Format::Wav,
        names: "wav, pcm, flac, opus, ogg, webm, mkv, mp4 or ts",
        endings: ".wav, .pcm, .flac, .opus, .ogg, .webm, .mkv, .mp4 or .ts",
    };

    /// These outputs with another default.
    #[must_use]
    pub const fn with_default(self, default: Format) -> Self {
        Self { default, ..self }
    }
}

/// The format given by `-f`, otherwise by the extension, otherwise the default for pipes and devices.
///
/// # Errors
/// If no format is known for the name.
pub fn format_of(path: &Path, flag: Option<&str>, outputs: Outputs) -> Result<Format> {
    let found = match flag {
        Some(name) => Format::from_extension(name).ok_or_else(|| {
            Failure::usage(format!("unknown format {name}: expected {}", outputs.names))
        })?,
        None if is_pipe(path) || is_special(path) => return Ok(outputs.default),
        None => {
            let extension = path.extension().and_then(|extension| extension.to_str());
            extension.and_then(Format::from_extension).ok_or_else(|| {
                Failure::usage(format!(
                    "unknown format of {}\nhelp: use a name ending in {}, or give -f",
                    path.display(),
                    outputs.endings
                ))
            })?
        }
    };
    // Players expect packets of 192 bytes in files of these names.
    let name = flag.or_else(|| path.extension()?.to_str()).unwrap_or_default();
    match found {
        Format::MpegTs if ["m2ts", "mts"].iter().any(|other| name.eq_ignore_ascii_case(other)) => {
            Err(Failure::usage(format!(
                "cannot write {name}: MPEG-TS with packets of 192 bytes can only be read\n\
                 help: use a name ending in .ts"
            )))
        }
        Format::Mp3 | Format::Adts => Err(Failure::usage(format!(
            "cannot write {found}: it can only be read\nhelp: use a name ending in {}",
            outputs.endings
        ))),
        _ => Ok(found),
    }
}

/// The codec of headerless audio implied by a file name: `.s24` for 24-bit samples, `.al` for
/// A-law.
pub fn headerless_codec(path: &Path) -> Option<&'static str> {
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

/// Whether the path exists and is neither a file nor a folder: a device or a named pipe.
pub(crate) fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Whether both names refer to one file, possibly through links.
pub(crate) fn is_same_file(a: &Path, b: &Path) -> bool {
    let (found_a, found_b) = match (fs::metadata(a), fs::metadata(b)) {
        (Ok(found_a), Ok(found_b)) => (found_a, found_b),
        // Files that do not exist yet are the same if they have the same name in the same folder.
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

/// The canonical folder of a path; `None` if it does not exist.
pub(super) fn folder_of(path: &Path) -> Option<PathBuf> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    fs::canonicalize(parent.unwrap_or(Path::new("."))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_extensions_in_messages_are_known() {
        let all = [
            Outputs::ENCODED,
            Outputs::DECODED,
            Outputs::RECEIVED,
            Outputs::GENERATED,
            Outputs::MIXED,
        ];
        for outputs in all {
            for word in outputs.names.split([',', ' ']).chain(outputs.endings.split([',', ' '])) {
                let name = word.trim_start_matches('.');
                let is_known = Format::from_extension(name).is_some();
                assert!(is_known || name.is_empty() || name == "or", "{name}");
            }
            let error = format_of(Path::new("a.foo"), None, outputs).unwrap_err();
            assert!(error.message.contains(outputs.endings), "{}", error.message);
            let error = format_of(Path::new("-"), Some("foo"), outputs).unwrap_err();
            assert!(error.message.contains(outputs.names), "{}", error.message);
            assert_eq!(format_of(Path::new("-"), None, outputs).unwrap(), outputs.default);
        }
    }
}
