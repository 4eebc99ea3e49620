//! Cameras and microphones: `v4l2:` (ADR 0024).
//!
//! Each device has a thread, so that no frame waits in the driver while the encoder is busy. Both
//! devices use timestamps of the system's monotonic clock; stream time is that clock minus its
//! value at the start. Code specific to Linux interfaces is in `v4l2` and `alsa`, behind the traits
//! in `device`.

#[cfg(all(feature = "capture", target_os = "linux"))]
mod alsa;
mod camera;
mod choice;
mod device;
mod drift;
mod format;
mod microphone;
mod mjpeg;
mod spec;
mod stamps;
#[cfg(test)]
mod tests;
#[cfg(all(feature = "capture", target_os = "linux"))]
mod v4l2;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use camera::{CameraSource, Slot};
use device::{CameraDevice, MicrophoneDevice, Mode};
use microphone::{MicrophoneReader, Queue};
#[cfg(all(feature = "capture", target_os = "linux"))]
pub(crate) use spec::CaptureSpec;
use worker::Now;

use super::losses::Losses;
use super::media::{Live, LiveMedia};
use crate::failure::{Failure, Kind, Result};
use crate::io::audio_input::AudioInput;
#[cfg(all(feature = "capture", target_os = "linux"))]
use crate::io::media::MediaSelection;

/// Opens the devices for video, audio or both.
#[cfg(all(feature = "capture", target_os = "linux"))]
pub(crate) fn open(spec: &CaptureSpec, wants: MediaSelection) -> Result<LiveMedia> {
    let camera =
        if wants.video { Some(v4l2::open(spec.camera.as_deref(), &spec.wanted)?) } else { None };
    let microphone = match &spec.microphone {
        Some(name) if wants.audio => Some((alsa::open(name, spec.channels)?, name.clone())),
        _ => None,
    };
    begin(camera, microphone, &clock())
}

/// The system's monotonic clock, which drivers use for timestamps.
#[cfg(all(feature = "capture", target_os = "linux"))]
fn clock() -> Now {
    Arc::new(|| {
        let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC);
        time.map(Duration::from).unwrap_or_default()
    })
}

/// Starts the threads of the devices: a camera with its mode and name, a microphone with its name.
fn begin<C, M>(
    camera: Option<(C, Mode, String)>,
    microphone: Option<(M, String)>,
    now: &Now,
) -> Result<LiveMedia>
where
    C: CameraDevice + 'static,
    M: MicrophoneDevice + 'static,
{
    let zero = now();
    let mut devices = Devices { now: Arc::clone(now), zero, camera: None, microphone: None };
    let mut media = LiveMedia { video: None, audio: None, live: None };
    if let Some((device, mode, name)) = camera {
        let video = CameraSource::start(device, mode, name, Arc::clone(now), zero)?;
        devices.camera = Some(Arc::clone(video.slot()));
        media.video = Some(Box::new(video));
    }
    if let Some((device, name)) = microphone {
        let reader = MicrophoneReader::start(device, Arc::clone(now), zero)?;
        devices.microphone = Some(Arc::clone(reader.queue()));
        media.audio = AudioInput::of(Box::new(reader), format!("microphone {name}"));
    }
    if media.video.is_none() && media.audio.is_none() {
        return Err(Failure::new(
            Kind::Input,
            "no camera or microphone selected\nhelp: select a microphone with mic=",
        ));
    }
    media.live = Some(Arc::new(devices));
    Ok(media)
}

/// The running devices.
struct Devices {
    now: Now,
    zero: Duration,
    camera: Option<Arc<Slot>>,
    microphone: Option<Arc<Queue>>,
}

impl Live for Devices {
    fn now_s(&self) -> f64 {
        (self.now)().saturating_sub(self.zero).as_secs_f64()
    }

    fn available_until_s(&self) -> f64 {
        self.microphone.as_ref().map_or(f64::INFINITY, |queue| queue.available_until_s())
    }

    fn close_audio(&self) {
        if let Some(queue) = &self.microphone {
            queue.close();
        }
    }

    fn losses(&self) -> Losses {
        let frames = self.camera.as_ref().map(|slot| slot.losses()).unwrap_or_default();
        let audio = self.microphone.as_ref().map(|queue| queue.losses()).unwrap_or_default();
        Losses {
            by_driver: frames.driver,
            late: frames.late,
            damaged: frames.damaged,
            audio_gaps: audio.gaps,
            silence_s: audio.silence_s,
            audio_late_s: audio.late_s,
        }
    }
}
