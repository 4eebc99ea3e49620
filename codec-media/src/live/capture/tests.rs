//! A simulated camera and a simulated microphone together, each on its thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use codec_container::CodedPacket;
use codec_core::frame::{Color, Rational, Size};
use nix::errno::Errno;

use super::device::{CameraDevice, Grab, Heard, MicrophoneDevice, Mode, Pixels};
use super::worker::Now;
use super::{Losses, begin};

/// A fake device that returns the items sent to it, and is unplugged when the sender is dropped.
struct Sent<T>(Receiver<T>);

impl<T> Sent<T> {
    fn next(&self) -> io::Result<Option<T>> {
        match self.0.recv_timeout(Duration::from_millis(2)) {
            Ok(next) => Ok(Some(next)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Errno::ENODEV.into()),
        }
    }
}

impl CameraDevice for Sent<Grab> {
    fn grab(&mut self, _: Duration, bytes: &mut Vec<u8>) -> io::Result<Option<Grab>> {
        *bytes = vec![100; 6];
        self.next()
    }
}

impl MicrophoneDevice for Sent<Heard> {
    fn format(&self) -> (u32, u8) {
        (48_000, 1)
    }

    fn grab(&mut self, _: Duration, samples: &mut Vec<i16>) -> io::Result<Heard> {
        let next = self.next()?;
        samples.resize(if next.is_some() { 480 } else { 0 }, 1);
        Ok(next.unwrap_or_default())
    }
}

#[test]
fn video_and_audio_share_a_clock_until_unplugged() {
    let ms = Arc::new(AtomicU64::new(50_000));
    let read = Arc::clone(&ms);
    let now: Now = Arc::new(move || Duration::from_millis(read.load(Ordering::Relaxed)));
    let (show, camera) = channel();
    let (say, microphone) = channel();
    let mode = Mode {
        pixels: Pixels::I420,
        size: Size::new(2, 2),
        stride: 2,
        rate: Rational::new(25, 1),
        color: Color::default(),
    };
    let camera = Some((Sent(camera), mode, "v4l2:/dev/video0".to_owned()));
    let microphone = Some((Sent(microphone), "default".to_owned()));
    let media = begin(camera, microphone, &now).unwrap();
    let (mut video, mut audio) = (media.video.unwrap(), media.audio.unwrap());
    let live = media.live.unwrap();
    assert_eq!(video.stream_info().frame_rate, Rational::new(25, 1));
    assert_eq!(audio.track.audio.rate, 48_000);
    let mut packet = CodedPacket::default();
    for index in 0_u32..20 {
        // Video and audio of the same moment have the same time.
        ms.fetch_add(40, Ordering::Relaxed);
        let stamp = Some(now());
        show.send(Grab { sequence: index, stamp, is_damaged: false }).unwrap();
        say.send(Heard { end: stamp, after_overrun: index > 0 }).unwrap();
        assert_eq!(video.next().unwrap().unwrap().pts, i64::from(index + 1) * 3600);
        for _ in 0..if index > 0 { 2 } else { 1 } {
            assert!(audio.reader.read(&mut packet).unwrap());
        }
        let end = packet.pts + 480;
        assert_eq!(end, i64::from(index + 1) * 1920);
        assert!(
            (live.available_until_s() * 48_000.0 + 480.0 - live.now_s() * 48_000.0).abs() < 1e-6
        );
    }
    let losses = live.losses();
    assert!((losses.silence_s - 19.0 * 0.03).abs() < 1e-6, "{losses:?}");
    assert_eq!(losses, Losses { audio_gaps: 19, silence_s: losses.silence_s, ..Losses::default() });
    drop((show, say));
    assert!(video.next().unwrap_err().message.contains("unplugged"));
    assert!(audio.reader.read(&mut packet).unwrap_err().to_string().contains("unplugged"));
}

#[test]
fn nothing_to_capture_is_an_error() {
    let now: Now = Arc::new(|| Duration::ZERO);
    let none = begin::<Sent<Grab>, Sent<Heard>>(None, None, &now);
    assert!(none.is_err_and(|failure| failure.message.contains("mic=")));
}
