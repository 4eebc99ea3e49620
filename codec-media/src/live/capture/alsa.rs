//! ALSA microphones, with the crate `alsa`.

use std::ffi::CString;
use std::io;
use std::time::Duration;

use alsa::device_name::HintIter;
use alsa::pcm::{Access, Format, Frames, HwParams, PCM, TstampType};
use alsa::{Direction, Output, ValueOr};
use nix::errno::Errno;

use super::device::{Heard, MicrophoneDevice, explain};
use crate::failure::{Failure, Kind, Result};

/// The requested rate; a device uses the nearest one it supports.
const RATE: u32 = 48_000;
const PERIOD_US: u32 = 10_000;
const BUFFER_US: u32 = 500_000;
/// The largest block to read: one tenth of a second.
const MAX_PART: u32 = 10;
/// Supported sample rates.
const RATES: std::ops::RangeInclusive<u32> = 8000..=192_000;

/// The sample format.
#[derive(Clone, Copy)]
enum Width {
    S16,
    S32,
}

/// Opens a microphone by name.
pub(super) fn open(name: &str, channels: u8) -> Result<AlsaMicrophone> {
    // The library's own messages on standard error are suppressed, because ours are clearer.
    let quiet = Output::local_error_handler();
    let opened = open_device(name, channels);
    drop(quiet);
    opened.map_err(|refusal| {
        let why = match refusal {
            OpenError::Odd(why) => why,
            OpenError::Alsa(error) => {
                let error = io_error(&error);
                match error.kind() {
                    io::ErrorKind::NotFound => format!("no such microphone ({})", known()),
                    _ => explain(&error, "audio"),
                }
            }
        };
        Failure::new(Kind::Input, format!("cannot use microphone {name}: {why}"))
    })
}

enum OpenError {
    Alsa(alsa::Error),
    Odd(String),
}

impl From<alsa::Error> for OpenError {
    fn from(error: alsa::Error) -> Self {
        Self::Alsa(error)
    }
}

/// Lists the available microphones for messages.
fn known() -> String {
    let hints = HintIter::new_str(None, "pcm").map(|hints| {
        hints
            .filter(|hint| hint.direction.is_none_or(|way| way == Direction::Capture))
            .filter_map(|hint| hint.name)
            .filter(|name| name != "null")
            .collect::<Vec<_>>()
    });
    match hints {
        Ok(names) if !names.is_empty() => format!("available: {}", names.join(", ")),
        _ => "no microphone is available".to_owned(),
    }
}

fn io_error(error: &alsa::Error) -> io::Error {
    io::Error::from_raw_os_error(error.errno().abs())
}

fn open_device(name: &str, channels: u8) -> std::result::Result<AlsaMicrophone, OpenError> {
    let name = CString::new(name).map_err(|_| OpenError::Odd("invalid name".to_owned()))?;
    let pcm = PCM::open(&name, Direction::Capture, true)?;
    let (rate, channels, width, ring) = {
        let hardware = HwParams::any(&pcm)?;
        // Use the device's own rate, because our resampler is better.
        hardware.set_rate_resample(false)?;
        hardware.set_access(Access::RWInterleaved)?;
        let width = if hardware.set_format(Format::s16()).is_ok() {
            Width::S16
        } else {
            hardware.set_format(Format::s32())?;
            Width::S32
        };
        let channels = hardware.set_channels_near(channels.into())?;
        let rate = hardware.set_rate_near(RATE, ValueOr::Nearest)?;
        hardware.set_period_time_near(PERIOD_US, ValueOr::Nearest)?;
        hardware.set_buffer_time_near(BUFFER_US, ValueOr::Nearest)?;
        pcm.hw_params(&hardware)?;
        (rate, channels, width, hardware.get_buffer_size()?)
    };
    let Some(channels) = u8::try_from(channels).ok().filter(|count| (1..=2).contains(count)) else {
        return Err(OpenError::Odd(format!("unsupported {channels} channels, expected 1 or 2")));
    };
    if !RATES.contains(&rate) {
        return Err(OpenError::Odd(format!("unsupported sample rate {rate} Hz")));
    }
    {
        let software = pcm.sw_params_current()?;
        software.set_tstamp_mode(true)?;
        // Plugins have their own timestamps, or no timestamps.
        let _ = software.set_tstamp_type(TstampType::Monotonic);
        pcm.sw_params(&software)?;
    }
    pcm.start()?;
    let (wide, after_overrun) = (Vec::new(), false);
    Ok(AlsaMicrophone { pcm, rate, channels, width, ring, wide, after_overrun })
}

/// A microphone whose samples arrive in a ring buffer of the driver.
pub(super) struct AlsaMicrophone {
    pcm: PCM,
    rate: u32,
    channels: u8,
    width: Width,
    /// Sample frames in the driver's ring buffer.
    ring: Frames,
    wide: Vec<i32>,
    after_overrun: bool,
}

impl AlsaMicrophone {
    /// Recovers after an overrun or a suspend.
    fn recover(&mut self, error: alsa::Error) -> io::Result<()> {
        let failed = |error: alsa::Error| Err(io_error(&error));
        match Errno::from_raw(error.errno().abs()) {
            Errno::EAGAIN | Errno::EINTR => Ok(()),
            Errno::EPIPE | Errno::ESTRPIPE => {
                self.after_overrun = true;
                self.pcm.prepare().and_then(|()| self.pcm.start()).or_else(failed)
            }
            _ => failed(error),
        }
    }

    /// Reads up to `frames` sample frames.
    fn read(&mut self, frames: usize, samples: &mut Vec<i16>) -> alsa::Result<usize> {
        let count = frames * usize::from(self.channels);
        let read = match self.width {
            Width::S16 => {
                samples.resize(count, 0);
                self.pcm.io_i16()?.readi(samples)
            }
            Width::S32 => {
                self.wide.resize(count, 0);
                let read = self.pcm.io_i32()?.readi(&mut self.wide);
                samples.clear();
                let upper = |value: &i32| i16::try_from(value >> 16).unwrap_or(0);
                samples.extend(self.wide.iter().map(upper));
                read
            }
        };
        samples.truncate(read.as_ref().map_or(0, |frames| frames * usize::from(self.channels)));
        read
    }
}

impl MicrophoneDevice for AlsaMicrophone {
    fn format(&self) -> (u32, u8) {
        (self.rate, self.channels)
    }

    fn grab(&mut self, most: Duration, samples: &mut Vec<i16>) -> io::Result<Heard> {
        let most = u32::try_from(most.as_millis()).unwrap_or(u32::MAX);
        match self.pcm.wait(Some(most)) {
            Ok(true) => {}
            Ok(false) => return Ok(Heard::default()),
            Err(error) => return self.recover(error).map(|()| Heard::default()),
        }
        let taken = self.pcm.status().and_then(|status| {
            let is_full = status.get_avail() >= self.ring;
            let there = usize::try_from(status.get_avail()).unwrap_or(0);
            let largest = usize::try_from(self.rate / MAX_PART).unwrap_or(1);
            let read = self.read(there.clamp(1, largest), samples)?;
            // A plugin without a clock always reports a full buffer.
            let stamp = Some(status.get_htstamp()).filter(|_| !is_full);
            Ok((stamp, there.saturating_sub(read)))
        });
        let (stamp, left) = match taken {
            Ok(taken) => taken,
            Err(error) => {
                samples.clear();
                return self.recover(error).map(|()| Heard::default());
            }
        };
        let stamp = stamp.and_then(|stamp| {
            let nanos = Duration::from_nanos(u64::try_from(stamp.tv_nsec).ok()?);
            Some(Duration::from_secs(u64::try_from(stamp.tv_sec).ok()?) + nanos)
        });
        let left = Duration::from_secs(left as u64) / self.rate.max(1);
        // Zero: the plugin has no timestamps.
        let end = stamp.filter(|stamp| !stamp.is_zero()).map(|stamp| stamp.saturating_sub(left));
        let after_overrun = std::mem::take(&mut self.after_overrun);
        Ok(Heard { end, after_overrun })
    }
}
