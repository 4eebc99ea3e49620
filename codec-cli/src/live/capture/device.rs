//! What is asked of devices. Behind these traits are drivers, or scripts in tests.

use std::io;
use std::time::Duration;

use codec_core::frame::{Color, Rational, Size};
use nix::errno::Errno;

/// How a camera lays out its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pixels {
    /// A plane of luma, one of chroma in pairs.
    Nv12,
    /// Three planes.
    I420,
    /// Two pixels in four bytes: luma, U, luma, V.
    Yuyv,
    /// The same in another order: U, luma, V, luma.
    Uyvy,
    /// A JPEG picture each.
    Mjpeg,
}

impl Pixels {
    /// What costs the least first.
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

/// What a camera has been set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mode {
    pub(super) pixels: Pixels,
    pub(super) size: Size,
    /// Bytes from one row of the first plane to the next; not for [`Pixels::Mjpeg`].
    pub(super) stride: usize,
    /// Frames per second.
    pub(super) rate: Rational,
    /// What the samples mean; not for [`Pixels::Mjpeg`], which has rules of its own.
    pub(super) color: Color,
}

/// A picture that a camera has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grab {
    /// Counts pictures, those too that the driver left out.
    pub(super) sequence: u32,
    /// When it was taken, on the system's monotonic clock, if the driver says.
    pub(super) stamp: Option<Duration>,
    /// The driver says that part of it is missing.
    pub(super) is_damaged: bool,
}

/// A camera that is running.
pub(super) trait CameraDevice: Send {
    /// Waits for the next picture, but no longer than `most`, and puts it in the place of `bytes`.
    fn grab(&mut self, most: Duration, bytes: &mut Vec<u8>) -> io::Result<Option<Grab>>;
}

/// Samples that a microphone has heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// When the last of them was heard, on the system's monotonic clock, if the driver says.
    pub(super) end: Option<Duration>,
    /// Samples before these were lost, because nobody fetched them.
    pub(super) after_overrun: bool,
}

/// A microphone that is running.
pub(super) trait MicrophoneDevice: Send {
    /// Samples per second, and channels.
    fn format(&self) -> (u32, u8);

    /// Waits for samples, but no longer than `most`, and puts them in the place of `samples`, the
    /// channels of an instant one after the other.
    fn grab(&mut self, most: Duration, samples: &mut Vec<i16>) -> io::Result<Heard>;
}

/// Why a device cannot be used or no longer works, for the user; `group` may use it.
pub(super) fn explain(error: &io::Error, group: &str) -> String {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENODEV | Errno::ENXIO) => "it is not there any more: unplugged?".to_owned(),
        Some(Errno::EBUSY) => "another program is using it".to_owned(),
        Some(Errno::EACCES | Errno::EPERM) => {
            format!("permission denied: the group `{group}` may use it")
        }
        Some(Errno::ENOSPC) => "the USB bus has no room for it: try a smaller size".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_said_in_words() {
        let text = |errno: Errno| explain(&errno.into(), "video");
        assert!(text(Errno::ENODEV).contains("unplugged"));
        assert!(text(Errno::EBUSY).contains("another program"));
        assert!(text(Errno::EACCES).contains("`video`"));
        assert_eq!(explain(&io::Error::other("odd"), "audio"), "odd");
        assert!(Pixels::ALL.into_iter().all(|it| Pixels::from_name(it.name()) == Some(it)));
    }
}
