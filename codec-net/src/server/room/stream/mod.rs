//! A stream: passes media from its publisher to its viewers.

mod hooks;
mod report;
mod small_rendition;
mod takeover;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use codec_rtc::packet::VideoFormat;
use codec_rtc::packet::h264::Profile;
use codec_rtc::recovery::KeyFrameRequester;

use super::super::limits::Limits;
use super::super::media::{AudioPacket, FrameInfo, VideoCodec, VideoFrame};
use super::super::outcome::{EndReason, Rejection};
use super::super::token_bucket::TokenBucket;
use super::locked;
use super::owner::Owner;
use super::sink::MediaSink;
use super::stats::StreamMeter;
use super::subscription::{LinkBudget, Subscription};
use crate::clock::Clock;
pub use hooks::{OnEnd, OnPublish, StreamHooks};
pub use report::DecoderStats;
pub use small_rendition::SmallRenditionState;

/// A publisher receives at most one key frame request in this time.
const KEY_FRAME_GAP: Duration = Duration::from_millis(300);

/// Requests a key frame from a publisher.
pub type RequestKeyFrame = Box<dyn Fn() + Send + Sync>;

/// Starts to encode the small rendition of a stream. Returns `false` if the server's limit is
/// reached, or the stream has just ended.
pub type StartSmallRendition = Arc<dyn Fn(&Arc<Stream>) -> bool + Send + Sync>;

/// Properties of a stream, known when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// How it is published: `whip`, `ws`, `local`.
    pub kind: &'static str,
    /// The codec of its video, if it has video.
    pub video: Option<VideoCodec>,
    /// Whether it has audio.
    pub audio: bool,
}

/// A published stream.
pub struct Stream {
    name: String,
    clock: Clock,
    limits: Limits,
    started_at: Duration,
    /// Whether a key frame of the small rendition is requested.
    small_key: AtomicBool,
    hooks: Arc<StreamHooks>,
    state: Mutex<State>,
}

struct State {
    info: StreamInfo,
    request_key_frame: Arc<dyn Fn() + Send + Sync>,
    owner: Option<Owner>,
    /// The number of the current publisher, from 1.
    generation: u64,
    /// Without a publisher: until when one may return.
    waits_until: Option<Duration>,
    viewers: BTreeMap<u64, Subscription>,
    next_viewer: u64,
    keys: KeyFrameRequester,
    meter: StreamMeter,
    budget: TokenBucket,
    ended: Option<EndReason>,
    decoded: Option<DecoderStats>,
    /// State of the small rendition.
    small: SmallRenditionState,
    small_meter: StreamMeter,
    /// See [`Stream::peak_bitrate`].
    peak_bitrate: u64,
    /// Name of the recording, or the error that ended it.
    recording: Option<Result<String, String>>,
}

impl State {
    /// Viewers, except the server itself.
    fn external_viewers(&self) -> usize {
        self.viewers.values().filter(|viewer| !viewer.is_internal()).count()
    }

    /// Checks that the stream goes on, and that publisher `generation` is its current one.
    fn check(&self, generation: u64) -> Result<(), EndReason> {
        match &self.ended {
            Some(reason) => Err(reason.clone()),
            None if self.generation != generation => Err(EndReason::Replaced),
            None => Ok(()),
        }
    }
}

impl State {
    /// Records the codec of a frame if the announced one does not cover it: publishers over WebSocket
    /// announce it late, and parameter sets may state another profile than SDP.
    fn follow_codec(&mut self, frame: &VideoFrame, read: Option<FrameInfo>) {
        let stated = read.and_then(|read| read.h264).map(|id| id.profile);
        let codec = match (frame.format, self.info.video, stated) {
            (VideoFormat::Vp8, ..) => VideoCodec::Vp8,
            (VideoFormat::Vp9, ..) => VideoCodec::Vp9,
            // Encoders of Baseline do not always state that they keep to the constraints.
            (VideoFormat::H264, Some(VideoCodec::H264(said)), Some(stated))
                if !said.decodes(stated)
                    && (said, stated) != (Profile::ConstrainedBaseline, Profile::Baseline) =>
            {
                VideoCodec::H264(stated)
            }
            (VideoFormat::H264, Some(said @ VideoCodec::H264(_)), _) => said,
            (VideoFormat::H264, _, stated) => {
                VideoCodec::H264(stated.unwrap_or(Profile::ConstrainedBaseline))
            }
        };
        self.info.video = Some(codec);
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Stream {
    pub(super) fn new(
        name: &str,
        info: StreamInfo,
        clock: Clock,
        limits: Limits,
        request_key_frame: RequestKeyFrame,
        owner: Option<Owner>,
        hooks: Arc<StreamHooks>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            clock,
            limits,
            started_at: clock.now(),
            small_key: AtomicBool::new(false),
            hooks,
            state: Mutex::new(State {
                info,
                request_key_frame: request_key_frame.into(),
                owner,
                generation: 1,
                waits_until: None,
                viewers: BTreeMap::new(),
                next_viewer: 1,
                keys: KeyFrameRequester::new(KEY_FRAME_GAP),
                meter: StreamMeter::default(),
                budget: TokenBucket::over(limits.bitrate, 2),
                ended: None,
                decoded: None,
                small: SmallRenditionState::Off,
                small_meter: StreamMeter::default(),
                peak_bitrate: 0,
                recording: None,
            }),
        }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The properties.
    #[must_use]
    pub fn info(&self) -> StreamInfo {
        locked(&self.state).info
    }

    /// The start time: the time of pts 0.
    #[must_use]
    pub fn started_at(&self) -> Duration {
        self.started_at
    }

    /// Adds a viewer and requests a key frame; returns its id. An internal viewer, which belongs to
    /// the server itself, is not counted.
    pub(super) fn subscribe(
        &self,
        sink: Box<dyn MediaSink>,
        is_internal: bool,
    ) -> Result<u64, Rejection> {
        let mut state = locked(&self.state);
        if !is_internal && state.external_viewers() >= self.limits.viewers {
            return Err(Rejection::LimitReached("viewers of this stream"));
        }
        if state.ended.is_some() {
            return Err(Rejection::NoStream(self.name.clone()));
        }
        let id = state.next_viewer;
        state.next_viewer += 1;
        state.viewers.insert(id, Subscription::new(sink, is_internal));
        state.keys.set_needed(true);
        self.request_key_frame_if_due(state);
        Ok(id)
    }

    /// Requests a key frame for a viewer that cannot decode; requests of all viewers are merged and
    /// rate limited.
    pub fn request_key_frame(&self) {
        let mut state = locked(&self.state);
        state.keys.set_needed(true);
        self.request_key_frame_if_due(state);
    }

    /// Sends the request outside of the lock, because the callback may publish.
    fn request_key_frame_if_due(&self, mut state: MutexGuard<'_, State>) {
        let due = state.keys.poll(self.clock.now());
        let request_key_frame = Arc::clone(&state.request_key_frame);
        drop(state);
        if due {
            request_key_frame();
        }
    }

    /// Calls `work` with a viewer, if it exists.
    pub(super) fn with_viewer<T>(
        &self,
        id: u64,
        work: impl FnOnce(&mut Subscription) -> T,
    ) -> Option<T> {
        locked(&self.state).viewers.get_mut(&id).map(work)
    }

    pub(super) fn leave(&self, id: u64) {
        locked(&self.state).viewers.remove(&id);
    }

    pub(super) fn send_video(&self, generation: u64, frame: VideoFrame) -> Result<(), EndReason> {
        let now = self.clock.now();
        let read = FrameInfo::parse(frame.format, &frame.data);
        if let Some(size) = read.and_then(|read| read.size)
            && size.pixels() > self.limits.pixels
        {
            return Err(EndReason::Limit("pixels of a frame"));
        }
        let frame = Arc::new(frame);
        let mut state = locked(&self.state);
        state.check(generation)?;
        if !state.budget.take(now, 8 * frame.data.len() as u64) {
            return Err(EndReason::Limit("bitrate"));
        }
        state.meter.video(now, &frame, read);
        state.follow_codec(&frame, read);
        if frame.key {
            state.keys.set_needed(false);
        }
        let mut wants_key_frame = false;
        state.viewers.retain(|_, viewer| {
            let stays = viewer.video(&frame);
            wants_key_frame |= stays && viewer.needs_key_frame(false);
            stays
        });
        if wants_key_frame {
            state.keys.set_needed(true);
        }
        self.request_key_frame_if_due(state);
        Ok(())
    }

    /// The maximum bitrate for the publisher, audio included. Only set while there is one viewer
    /// with a known link and no recording, so that no other viewer is affected.
    #[must_use]
    pub fn budget(&self) -> Option<LinkBudget> {
        let state = locked(&self.state);
        let is_lone = state.external_viewers() == 1;
        if !is_lone || matches!(state.recording, Some(Ok(_))) {
            return None;
        }
        state.viewers.values().find_map(Subscription::budget)
    }

    pub(super) fn send_audio(&self, generation: u64, packet: AudioPacket) -> Result<(), EndReason> {
        let now = self.clock.now();
        let packet = Arc::new(packet);
        let mut state = locked(&self.state);
        state.check(generation)?;
        if !state.budget.take(now, 8 * packet.data.len() as u64) {
            return Err(EndReason::Limit("bitrate"));
        }
        state.meter.audio(now, packet.data.len());
        state.viewers.retain(|_, viewer| viewer.audio(&packet));
        Ok(())
    }

    /// Sends a chat message to all viewers.
    pub fn chat(&self, text: &Arc<str>) {
        let mut state = locked(&self.state);
        state.viewers.retain(|_, viewer| viewer.chat(text));
    }

    pub(super) fn end(&self, reason: &EndReason) {
        let mut state = locked(&self.state);
        if state.ended.is_some() {
            return;
        }
        state.ended = Some(reason.clone());
        for viewer in std::mem::take(&mut state.viewers).into_values() {
            viewer.end(reason);
        }
        drop(state);
        (self.hooks.on_end)(self, reason);
    }

    /// Why it ended, if it has.
    #[must_use]
    pub fn end_reason(&self) -> Option<EndReason> {
        locked(&self.state).ended.clone()
    }

    /// Whether there are viewers, including the server itself.
    #[must_use]
    pub fn has_viewers(&self) -> bool {
        !locked(&self.state).viewers.is_empty()
    }
}
