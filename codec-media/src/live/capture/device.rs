//! Device interfaces, implemented for V4L2 and ALSA, and by simulated devices in tests.

use std::io;
use std::time::Duration;

use codec_core::frame::{Color, Rational, Size};
use nix::errno::Errno;

/// Pixel formats of cameras.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pixels {
    /// A luma plane, and a plane of interleaved chroma.
    Nv12,
    /// Three planes.
    I420,
    /// Two pixels in four bytes: luma, U, luma, V.
    Yuyv,
    /// Two pixels in four bytes: U, luma, V, luma.
    Uyvy,
    /// A JPEG image per frame.
    Mjpeg,
}

impl Pixels {
    /// All formats, the cheapest first.
    pub(super) const ALL: [Self; 5] = [Self::Nv12, Self::I420, Self::Yuyv, Self::Uyvy, Self::Mjpeg];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nv12 => "nv12",
            Self::I420 => "i420",
            Self::Yuyv => "yuyv",
            Self::Uyvy => "uyvy",
            Self::Mjpeg => "mjpeg",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pixels| pixels.name() == name)
    }

    pub(super) fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

/// The current mode of a camera.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mode {
    pub(super) pixels: Pixels,
    pub(super) size: Size,
    /// Bytes per row of the first plane; not for [`Pixels::Mjpeg`].
    pub(super) stride: usize,
    /// Frames per second.
    pub(super) rate: Rational,
    /// Colour description; not for [`Pixels::Mjpeg`], which has its own rules.
    pub(super) color: Color,
}

/// A captured frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grab {
    /// Sequence number, which also counts frames that the driver dropped.
    pub(super) sequence: u32,
    /// Capture time on the system's monotonic clock, if known.
    pub(super) stamp: Option<Duration>,
    /// Whether the driver marked it as damaged.
    pub(super) is_damaged: bool,
}

/// A running camera.
pub(super) trait CameraDevice: Send {
    /// Waits at most `most` for the next frame and stores it in `bytes`.
    fn grab(&mut self, most: Duration, bytes: &mut Vec<u8>) -> io::Result<Option<Grab>>;
}

/// Captured samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// Capture time of the last one on the system's monotonic clock, if known.
    pub(super) end: Option<Duration>,
    /// Whether samples before these were lost in an overrun.
    pub(super) after_overrun: bool,
}

/// A running microphone.
pub(super) trait MicrophoneDevice: Send {
    /// Samples per second, and channels.
    fn format(&self) -> (u32, u8);

    /// Waits at most `most` for samples and stores them in `samples`, interleaved.
    fn grab(&mut self, most: Duration, samples: &mut Vec<i16>) -> io::Result<Heard>;
}

/// Describes why a device cannot be used; `group` has access to it.
pub(super) fn explain(error: &io::Error, group: &str) -> String {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENODEV | Errno::ENXIO) => "device not found (unplugged?)".to_owned(),
        Some(Errno::EBUSY) => "in use by another program".to_owned(),
        Some(Errno::EACCES | Errno::EPERM) => {
            format!("permission denied\nhelp: add the user to the group `{group}`")
        }
        Some(Errno::ENOSPC) => "no USB bandwidth left\nhelp: try a smaller size".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_errors_are_explained() {
        let text = |errno: Errno| explain(&errno.into(), "video");
        assert!(text(Errno::ENODEV).contains("unplugged"));
        assert!(text(Errno::EBUSY).contains("another program"));
        assert!(text(Errno::EACCES).contains("`video`"));
        assert_eq!(explain(&io::Error::other("odd"), "audio"), "odd");
        assert!(Pixels::ALL.into_iter().all(|it| Pixels::from_name(it.name()) == Some(it)));
    }
}
