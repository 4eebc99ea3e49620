//! Parses `v4l2:/dev/video0,size=1280x720,fps=30,format=mjpeg,mic=default`.

use std::path::{Path, PathBuf};

use codec_core::frame::{Rational, Size};

use super::device::Pixels;
use crate::failure::{Failure, Result};
use crate::values;

/// The default size, which most cameras support.
const DEFAULT_SIZE: (u32, u32) = (640, 480);
const DEFAULT_RATE: Rational = Rational { num: 30, den: 1 };
/// Maximum number of microphone channels.
const MAX_CHANNELS: u8 = 2;

/// A camera, a microphone, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(all(feature = "capture", target_os = "linux")),
    expect(unreachable_pub, reason = "only the tests have it without the feature")
)]
pub struct CaptureSpec {
    /// `None`: the first camera found.
    pub(super) camera: Option<PathBuf>,
    pub(super) wanted: RequestedMode,
    /// The ALSA device, and its channels.
    pub(super) microphone: Option<String>,
    pub(super) channels: u8,
}

/// The requested mode; a camera uses the nearest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestedMode {
    pub(super) size: Size,
    pub(super) rate: Rational,
    /// `None`: the most suitable format for size and rate.
    pub(super) pixels: Option<Pixels>,
}

impl CaptureSpec {
    /// Parses the text after `v4l2:`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let wrong = |what: String| Failure::usage(format!("invalid v4l2: {what}"));
        let (width, height) = DEFAULT_SIZE;
        let size = Size::new(width, height);
        let mut spec = Self {
            camera: None,
            wanted: RequestedMode { size, rate: DEFAULT_RATE, pixels: None },
            microphone: None,
            channels: 1,
        };
        let mut rest = text;
        while !rest.is_empty() {
            // ALSA names contain commas: this setting is the last and takes the rest.
            let (part, after) = match rest.split_once(',') {
                Some(parts) if !rest.starts_with("mic=") => parts,
                _ => (rest, ""),
            };
            let is_first = rest.len() == text.len();
            rest = after;
            let (key, value) = match part.split_once('=') {
                _ if part.is_empty() => continue,
                // Paths may contain an equals sign.
                _ if is_first && part.starts_with('/') => {
                    spec.camera = Some(PathBuf::from(part));
                    continue;
                }
                Some(pair) => pair,
                None => {
                    let what = "expected a device such as /dev/video0, then NAME=VALUE";
                    return Err(wrong(format!("{part}: {what}")));
                }
            };
            let refused = |error: String| wrong(format!("{key}={value}: {error}"));
            match key {
                "size" => spec.wanted.size = values::size(value).map_err(refused)?,
                "fps" => spec.wanted.rate = values::frame_rate(value).map_err(refused)?,
                "format" => {
                    let found = Pixels::from_name(value);
                    let expected = || format!("expected one of {}", Pixels::names());
                    spec.wanted.pixels = Some(found.ok_or_else(|| refused(expected()))?);
                }
                "channels" => {
                    let count = value.parse().ok();
                    let count = count.filter(|count| (1..=MAX_CHANNELS).contains(count));
                    spec.channels = count.ok_or_else(|| refused("expected 1 or 2".to_owned()))?;
                }
                "mic" if value.is_empty() || value.contains('\0') => {
                    return Err(refused("expected an ALSA device, such as default".to_owned()));
                }
                "mic" if value == "none" => spec.microphone = None,
                "mic" => spec.microphone = Some(value.to_owned()),
                _ => {
                    let known = "expected size, fps, format, channels or, as the last option, mic";
                    return Err(wrong(format!("{key}: {known}")));
                }
            }
        }
        Ok(spec)
    }

    /// Name of the camera, for messages.
    pub(crate) fn name(&self) -> String {
        camera_name(self.camera.as_deref())
    }
}

/// Name of a camera, for messages.
pub(super) fn camera_name(path: Option<&Path>) -> String {
    path.map_or_else(|| "v4l2".to_owned(), |path| format!("v4l2:{}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_the_microphone_takes_the_rest() {
        let text = "/dev/v4l/by-id/a=b,size=1280x720,fps=25,format=mjpeg,channels=2,mic=hw:1,0";
        let spec = CaptureSpec::parse(text).unwrap();
        assert_eq!(spec.name(), "v4l2:/dev/v4l/by-id/a=b");
        assert_eq!(spec.wanted.size, Size::new(1280, 720));
        assert_eq!(spec.wanted.rate, Rational::new(25, 1));
        assert_eq!(spec.wanted.pixels, Some(Pixels::Mjpeg));
        assert_eq!((spec.microphone.as_deref(), spec.channels), (Some("hw:1,0"), 2));
        let spec = CaptureSpec::parse("").unwrap();
        assert_eq!((spec.camera.clone(), spec.microphone.clone()), (None, None));
        assert_eq!((spec.wanted.size, spec.name()), (Size::new(640, 480), "v4l2".to_owned()));
        assert_eq!(CaptureSpec::parse("mic=default").unwrap().camera, None);
        assert_eq!(CaptureSpec::parse("mic=none").unwrap().microphone, None);
    }

    #[test]
    fn invalid_specifications_are_rejected() {
        for wrong in [
            "video0",
            "size",
            "size=0x0",
            "fps=-1",
            "format=h264",
            "channels=3",
            "mic=",
            "x=1",
            "size=320x240,/dev/video0",
        ] {
            let failure = CaptureSpec::parse(wrong).unwrap_err();
            assert!(failure.message.starts_with("invalid v4l2: "), "{wrong}: {}", failure.message);
        }
    }
}
