//! The small rendition of a stream: the published video, decoded, scaled down and encoded at a low
//! bitrate, on its own thread while a viewer needs it.
//!
//! It works for streams of any encoder. Without it, one slow link would reduce the quality for all
//! viewers of a stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use codec_backends::registry;
use codec_core::codec::{
    Bitrate, DropPolicy, EncoderConfig, FrameKind, FrameRequest, Outcome, Packet, VideoDecoder,
    VideoEncoder,
};
use codec_core::error::Error;
use codec_core::frame::{Picture, Rational, Size};
use codec_rtc::packet::VideoFormat;
use tokio::sync::mpsc;

use super::limits::Limits;
use super::media::{self, VIDEO_HZ, VideoFrame};
use super::room::{Item, Stream, Viewer};
use super::scale::shrink;

/// Bitrate of the video.
pub(super) const BITRATE: Bitrate = Bitrate::kbps(160);
/// Maximum number of pixels; also at most a quarter of the stream's.
const MAX_PIXELS: u64 = 480 * 270;
/// Minimum interval between frames, in ticks of [`VIDEO_HZ`]: 15 of 30 frames per second.
const MIN_FRAME_INTERVAL: u64 = 5900;
/// The encoder's frame rate.
const FRAME_RATE: Rational = Rational { num: 15, den: 1 };
/// The fastest encoder speed.
const SPEED: u8 = 10;
/// Maximum number of items queued for the thread: two seconds.
const MAX_QUEUED_ITEMS: usize = 200;
/// How long it continues after the last viewer that needed it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// Consecutive decoding errors after which there is no small rendition.
const MAX_ERRORS: u32 = 60;

/// Limits the small renditions of a server.
#[derive(Clone, Debug, Default)]
pub(super) struct RenditionPermits(Arc<AtomicUsize>);

/// A permit for one rendition.
#[derive(Debug)]
struct RenditionPermit(RenditionPermits);

impl RenditionPermits {
    fn take(&self, max: usize) -> Option<RenditionPermit> {
        let more = |count: usize| (count < max).then_some(count + 1);
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.is_ok().then(|| RenditionPermit(self.clone()))
    }
}

impl Drop for RenditionPermit {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Starts a rendition. `false`: the limit is reached, or the stream has just ended.
pub(super) fn start(stream: &Arc<Stream>, limits: Limits, permits: &RenditionPermits) -> bool {
    let Some(permit) = permits.take(limits.small_renditions) else { return false };
    let Some(codec) = stream.info().video else { return false };
    let Ok(decoder) = media::open_decoder(codec.format(), limits) else { return false };
    let (sink, items) = mpsc::channel(MAX_QUEUED_ITEMS);
    let Ok(viewer) = Viewer::join_internal(stream, Box::new(sink)) else { return false };
    let mut small = SmallRendition {
        stream: Arc::clone(stream),
        decoder: (codec.format(), decoder),
        limits,
        encoder: None,
        packet: Packet::default(),
        last: None,
        tl0_index: 0,
        errors: 0,
    };
    let work = move || {
        small.run(items);
        drop(viewer);
        drop(permit);
    };
    std::thread::Builder::new().name("small".to_owned()).spawn(work).is_ok()
}

struct SmallRendition {
    stream: Arc<Stream>,
    decoder: (VideoFormat, Box<dyn VideoDecoder>),
    limits: Limits,
    /// The input and output frame sizes, and the encoder for them.
    encoder: Option<(Size, Size, Box<dyn VideoEncoder>)>,
    packet: Packet,
    /// Time of the last frame.
    last: Option<u64>,
    tl0_index: u8,
    errors: u32,
}

impl SmallRendition {
    fn run(&mut self, mut items: mpsc::Receiver<Item>) {
        // Stream time since which no viewer needs it.
        let mut idle: Option<u64> = None;
        while let Some(item) = items.blocking_recv() {
            let frame = match item {
                Item::Video(frame) => frame,
                Item::Ended(_) => return,
                Item::Audio(_) | Item::Chat(_) => continue,
            };
            if self.frame(&frame).is_err() {
                self.errors += 1;
                self.stream.request_key_frame();
                if self.errors >= MAX_ERRORS {
                    self.stream.end_small_rendition(true);
                    return;
                }
            }
            if self.stream.small_viewers() > 0 {
                idle = None;
                continue;
            }
            let since = *idle.get_or_insert(frame.pts);
            let lingered =
                frame.pts.saturating_sub(since) >= IDLE_TIMEOUT.as_secs() * u64::from(VIDEO_HZ);
            if lingered && self.stream.end_small_rendition(false) {
                return;
            }
        }
    }

    fn frame(&mut self, frame: &VideoFrame) -> Result<(), Error> {
        let pts = i64::try_from(frame.pts).unwrap_or(i64::MAX);
        if self.decoder.0 != frame.format {
            // Another publisher has taken over.
            self.decoder = (frame.format, media::open_decoder(frame.format, self.limits)?);
        }
        self.decoder.1.decode(&frame.data, pts, None)?;
        while let Some(shown) = self.decoder.1.receive() {
            self.errors = 0;
            let is_due =
                self.last.is_none_or(|last| frame.pts >= last.saturating_add(MIN_FRAME_INTERVAL));
            if is_due {
                self.last = Some(frame.pts);
                self.encode(&shown.picture(), frame)?;
            }
        }
        Ok(())
    }

    fn encode(&mut self, picture: &Picture<'_>, frame: &VideoFrame) -> Result<(), Error> {
        let size = picture.size();
        let wants_key_frame = self.stream.take_small_key_request();
        let (small, encoder) = match &mut self.encoder {
            Some((from, to, encoder)) if *from == size => (*to, encoder),
            slot => {
                let (_, to, encoder) = slot.insert(open(size)?);
                (*to, encoder)
            }
        };
        let data = shrink(&picture.to_i420(), size, small);
        let mut request = FrameRequest::at(i64::try_from(frame.pts).unwrap_or(i64::MAX));
        request.key_frame = wants_key_frame;
        request.may_drop = wants_key_frame.then_some(false);
        let outcome = encoder.encode(&Picture::i420_packed(small, &data)?, &request)?;
        if outcome != Outcome::Coded {
            return Ok(());
        }
        let layered = self.stream.stats().0.layers > 1;
        while encoder.receive(&mut self.packet) {
            let meta = &self.packet.meta;
            self.tl0_index = self.tl0_index.wrapping_add(1);
            self.stream.send_small_video(VideoFrame {
                data: self.packet.data.clone().into(),
                pts: frame.pts,
                key: meta.kind == FrameKind::Key,
                tl0_index: layered.then_some(self.tl0_index),
                hidden: !meta.shown,
                captured: frame.captured,
                small: true,
                ..VideoFrame::default()
            });
        }
        Ok(())
    }
}

/// The output size: half of both dimensions, repeatedly while frames are too large.
fn output_size(size: Size) -> Size {
    let half = |side: u32| (side / 4 * 2).max(2).min(side);
    let mut small = Size { width: half(size.width), height: half(size.height) };
    while small.pixels() > MAX_PIXELS {
        small = Size { width: half(small.width), height: half(small.height) };
    }
    small
}

fn open(size: Size) -> Result<(Size, Size, Box<dyn VideoEncoder>), Error> {
    let small = output_size(size);
    let mut config = EncoderConfig::rtc(small, FRAME_RATE, BITRATE);
    config.timebase = Rational { num: 1, den: VIDEO_HZ };
    config.speed = SPEED;
    config.rate.drops = DropPolicy::BelowBufferPct(30);
    let (_, open, _) = registry::find_encoder("vp8")?;
    Ok((size, small, open(&config)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_frames_are_a_quarter_or_less_with_even_dimensions() {
        let of = |width, height| {
            let small = output_size(Size { width, height });
            (small.width, small.height)
        };
        assert_eq!(of(640, 360), (320, 180));
        assert_eq!(of(320, 180), (160, 90));
        assert_eq!(of(1920, 1080), (480, 270));
        assert_eq!(of(1280, 720), (320, 180));
        assert_eq!(of(2, 2), (2, 2));
        assert_eq!(of(1, 3), (1, 2));
    }

    #[test]
    fn the_number_of_small_renditions_is_limited() {
        let permits = RenditionPermits::default();
        let first = permits.take(1);
        assert!(first.is_some() && permits.take(1).is_none());
        drop(first);
        assert!(permits.take(1).is_some());
        assert!(permits.take(0).is_none());
    }
}
