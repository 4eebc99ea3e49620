//! V4L2 cameras, with the crate `v4l`.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use codec_core::frame::{Color, ColorRange, MatrixCoefficients, Rational, Size};
use v4l::buffer::{Flags, Type};
use v4l::format::{Colorspace, Quantization};
use v4l::fraction::Fraction;
use v4l::io::mmap::Stream;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC};

use super::choice;
use super::device::{CameraDevice, Grab, Mode, Pixels, explain};
use super::spec::{RequestedMode, camera_name};
use crate::failure::{Failure, Kind, Result};

/// Number of buffers: one is copied while others are filled.
const BUFFERS: u32 = 4;
/// Maximum number of buffers of a driver (`VIDEO_MAX_FRAME`).
const MAX_BUFFERS: usize = 32;
/// Timeout for reading a frame that is ready.
const LONGEST: Duration = Duration::from_secs(1);
/// `POLLIN` of poll(2).
const READABLE: i16 = 1;
/// Where the kernel lists video devices by name.
const LIST: &str = "/sys/class/video4linux";

/// Opens a camera, or the first one found, in the most suitable mode.
pub(super) fn open(
    path: Option<&Path>,
    wanted: &RequestedMode,
) -> Result<(V4l2Camera, Mode, String)> {
    let Some(path) = path else {
        let Some((path, _)) = cameras().into_iter().next() else {
            return Err(Failure::new(Kind::Input, "v4l2: no camera found"));
        };
        return open(Some(&path), wanted);
    };
    let name = camera_name(Some(path));
    let failed =
        |why: String| Failure::new(Kind::Input, format!("cannot use camera {name}: {why}"));
    // The crate panics if a driver reports unknown values.
    let opened = catch_unwind(AssertUnwindSafe(|| open_device(path, wanted)));
    let opened = opened.unwrap_or_else(|_| Err(OpenError::Odd("unsupported driver")));
    match opened {
        Ok((camera, mode)) => Ok((camera, mode, name)),
        Err(OpenError::Odd(why)) => Err(failed(format!("{why} ({})", known()))),
        Err(OpenError::Io(error)) => Err(failed(match error.kind() {
            io::ErrorKind::NotFound => format!("no such camera ({})", known()),
            _ => explain(&error, "video"),
        })),
    }
}

/// Why a camera was not opened.
enum OpenError {
    Io(io::Error),
    Odd(&'static str),
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Lists the available cameras for messages.
fn known() -> String {
    let list: Vec<String> =
        cameras().into_iter().map(|(path, name)| format!("{} ({name})", path.display())).collect();
    if list.is_empty() {
        "no camera is available".to_owned()
    } else {
        format!("available: {}", list.join(", "))
    }
}

/// Devices with a supported pixel format, with their names, in order.
fn cameras() -> Vec<(PathBuf, String)> {
    let Ok(entries) = fs::read_dir(LIST) else { return Vec::new() };
    let number = |node: &str| node.strip_prefix("video").and_then(|n| n.parse::<u32>().ok());
    let mut found: Vec<(u32, PathBuf, String)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let node = entry.file_name().to_str()?.to_owned();
            let name = fs::read(entry.path().join("name")).unwrap_or_default();
            let name = String::from_utf8_lossy(&name).trim().to_owned();
            Some((number(&node)?, Path::new("/dev").join(node), name))
        })
        .filter(|(_, path, _)| is_camera(path))
        .collect();
    found.sort();
    found.into_iter().map(|(_, path, name)| (path, name)).collect()
}

/// Also works for devices in use. (A camera has other nodes for metadata without formats.)
fn is_camera(path: &Path) -> bool {
    let asked = catch_unwind(AssertUnwindSafe(|| {
        Device::with_path(path).is_ok_and(|device| !layouts(&device).is_empty())
    }));
    asked.unwrap_or(false)
}

/// The supported pixel formats of a device.
fn layouts(device: &Device) -> Vec<(Pixels, FourCC)> {
    let formats = device.enum_formats().unwrap_or_default();
    let known = |code: &FourCC| match &code.repr {
        b"NV12" => Some(Pixels::Nv12),
        b"YU12" => Some(Pixels::I420),
        b"YUYV" => Some(Pixels::Yuyv),
        b"UYVY" => Some(Pixels::Uyvy),
        b"MJPG" | b"JPEG" => Some(Pixels::Mjpeg),
        _ => None,
    };
    formats.iter().filter_map(|format| Some((known(&format.fourcc)?, format.fourcc))).collect()
}

fn open_device(
    path: &Path,
    wanted: &RequestedMode,
) -> std::result::Result<(V4l2Camera, Mode), OpenError> {
    let device = Device::with_path(path)?;
    let has = layouts(&device);
    if has.is_empty() {
        return Err(OpenError::Odd("no supported pixel format"));
    }
    let asked = |pixels: Pixels| wanted.pixels.is_none_or(|only| only == pixels);
    let mut modes = Vec::new();
    for (pixels, code) in has.into_iter().filter(|(pixels, _)| asked(*pixels)) {
        modes.push((set(&device, pixels, code, wanted)?, code));
    }
    let best = choice::best(modes.iter().map(|(mode, _)| mode), wanted);
    let Some((mode, code)) = best.and_then(|number| modes.get(number)) else {
        return Err(OpenError::Odd("the requested format is not available"));
    };
    let mode = set(&device, mode.pixels, *code, wanted)?;
    let mut stream = Stream::with_buffers(&device, Type::VideoCapture, BUFFERS)?;
    stream.set_timeout(LONGEST);
    // The driver chooses the number of buffers. `next` starts with the first.
    for index in 1..MAX_BUFFERS {
        if CaptureStream::queue(&mut stream, index).is_err() {
            break;
        }
    }
    stream.start()?;
    Ok((V4l2Camera { stream }, mode))
}

/// Requests format, size and rate; a driver selects the nearest supported values.
fn set(
    device: &Device,
    pixels: Pixels,
    code: FourCC,
    wanted: &RequestedMode,
) -> std::result::Result<Mode, OpenError> {
    let RequestedMode { size, rate, .. } = *wanted;
    let format = device.set_format(&Format::new(size.width, size.height, code))?;
    if format.fourcc != code {
        return Err(OpenError::Odd("the driver changed the requested format"));
    }
    let interval = Fraction::new(rate.den, rate.num);
    // Drivers without frame rate control reject this.
    let accepted = device.set_params(&Parameters::new(interval)).or_else(|_| device.params());
    let interval = accepted.map_or(interval, |params| params.interval);
    let is_rate = interval.numerator > 0 && interval.denominator > 0;
    let rate = if is_rate { Rational::new(interval.denominator, interval.numerator) } else { rate };
    let matrix = match format.colorspace {
        Colorspace::Rec709 => MatrixCoefficients::BT709,
        _ => MatrixCoefficients::UNSPECIFIED,
    };
    let range = match format.quantization {
        Quantization::FullRange => ColorRange::Full,
        _ => ColorRange::Limited,
    };
    Ok(Mode {
        pixels,
        size: Size::new(format.width, format.height),
        stride: usize::try_from(format.stride).unwrap_or(0),
        rate,
        color: Color { matrix, range, ..Color::default() },
    })
}

/// A camera whose frames arrive in driver memory.
pub(super) struct V4l2Camera {
    stream: Stream<'static>,
}

impl CameraDevice for V4l2Camera {
    fn grab(&mut self, most: Duration, bytes: &mut Vec<u8>) -> io::Result<Option<Grab>> {
        let most = i32::try_from(most.as_millis()).unwrap_or(i32::MAX);
        match self.stream.handle().poll(READABLE, most) {
            Ok(0) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(None),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        // Returns the previous frame's buffer and waits for the next one; after an error it cannot
        // continue.
        let (data, meta) = match self.stream.next() {
            Ok(taken) => taken,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(io::Error::other("no frame"));
            }
            Err(error) => return Err(error),
        };
        let used = usize::try_from(meta.bytesused).unwrap_or(0).min(data.len());
        bytes.clear();
        bytes.extend_from_slice(&data[..used]);
        let is_monotonic = (meta.flags & Flags::TIMESTAMP_MASK) == Flags::TIMESTAMP_MONOTONIC;
        let stamp =
            u64::try_from(meta.timestamp.sec).ok().zip(u32::try_from(meta.timestamp.usec).ok());
        let stamp = stamp.filter(|(_, micros)| *micros < 1_000_000);
        let stamp = stamp.map(|(s, micros)| Duration::new(s, micros * 1000));
        Ok(Some(Grab {
            sequence: meta.sequence,
            stamp: stamp.filter(|_| is_monotonic),
            is_damaged: meta.flags.contains(Flags::ERROR),
        }))
    }
}
