//! A stream: passes media from its publisher to its viewers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_rtc::recovery::KeyFrameRequester;
use serde_json::{Value, json};

use super::super::limits::Limits;
use super::super::media::{AudioPacket, FrameInfo, VideoFrame};
use super::super::outcome::{EndReason, Rejection};
use super::super::token_bucket::TokenBucket;
use super::locked;
use super::owner::Owner;
use super::sink::MediaSink;
use super::stats::{StreamMeter, StreamStats};
use super::subscription::{LinkBudget, Subscription};
use crate::clock::Clock;

/// A publisher receives at most one key frame request in this time.
const KEY_FRAME_GAP: Duration = Duration::from_millis(300);

/// Requests a key frame from a publisher.
pub type RequestKeyFrame = Box<dyn Fn() + Send + Sync>;

/// Starts to encode the small rendition of a stream. Returns `false` if the server's limit is
/// reached, or the stream has just ended.
pub type StartSmallRendition = Arc<dyn Fn(&Arc<Stream>) -> bool + Send + Sync>;

/// Statistics of the server's own decoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct DecoderStats {
    pub frames: u64,
    pub shown: u64,
    pub errors: u64,
    pub concealed_mbs: u64,
}

/// Properties of a stream, known when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// How it is published: `whip`, `ws`, `local`.
    pub kind: &'static str,
    /// Whether it has video.
    pub video: bool,
    /// Whether it has audio.
    pub audio: bool,
}

/// A published stream.
pub struct Stream {
    name: String,
    clock: Clock,
    limits: Limits,
    began: Duration,
    /// Whether a key frame of the small rendition is requested.
    small_key: AtomicBool,
    start_small_rendition: StartSmallRendition,
    state: Mutex<State>,
}

struct State {
    info: StreamInfo,
    request_key_frame: Arc<dyn Fn() + Send + Sync>,
    owner: Option<Owner>,
    /// The number of the current publisher, from 1.
    turn: u64,
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
}

/// The state of the small rendition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SmallRenditionState {
    /// No viewer needs it.
    #[default]
    Off,
    /// It is being encoded.
    On,
    /// The server's limit of renditions is reached, or it cannot decode the stream.
    Unavailable,
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
        start_small_rendition: StartSmallRendition,
    ) -> Self {
        Self {
            name: name.to_owned(),
            clock,
            limits,
            began: clock.now(),
            small_key: AtomicBool::new(false),
            start_small_rendition,
            state: Mutex::new(State {
                info,
                request_key_frame: request_key_frame.into(),
                owner,
                turn: 1,
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

    /// Whether it belongs to this owner.
    pub(super) fn is_of(&self, owner: &Owner) -> bool {
        let state = locked(&self.state);
        state.owner.as_ref().is_some_and(|own| own.identity == owner.identity)
    }

    /// Whether its publisher is the one with this number.
    pub(super) fn is_turn(&self, turn: u64) -> bool {
        locked(&self.state).turn == turn
    }

    /// Handles the loss of the publisher; returns whether the stream waits for another one.
    pub(super) fn wait(&self, longest: Duration) -> bool {
        let now = self.clock.now();
        let mut state = locked(&self.state);
        let facts = state.meter.stats(now);
        let has_had_media = facts.frames + facts.audio_packets > 0;
        if state.owner.is_some() && has_had_media {
            state.waits_until = Some(now.saturating_add(longest));
        }
        state.waits_until.is_some()
    }

    /// Until when it waits for a publisher to return.
    pub(super) fn waits_until(&self) -> Option<Duration> {
        locked(&self.state).waits_until
    }

    /// Replaces the publisher: viewers stay, and continue with a key frame. Returns the new
    /// publisher's number, and the replaced publisher's owner, if still there.
    pub(super) fn take_over(
        &self,
        info: StreamInfo,
        request_key_frame: RequestKeyFrame,
        owner: Owner,
    ) -> (u64, Option<Owner>) {
        let mut state = locked(&self.state);
        let is_alone = state.waits_until.take().is_some();
        state.turn += 1;
        (state.info, state.request_key_frame) = (info, request_key_frame.into());
        state.viewers.values_mut().for_each(Subscription::restart);
        state.keys.set_needed(true);
        let replaced = state.owner.replace(owner).filter(|_| !is_alone);
        (state.turn, replaced)
    }

    /// The start time: the time of pts 0.
    #[must_use]
    pub fn began(&self) -> Duration {
        self.began
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
        self.ask_if_due(state);
        Ok(id)
    }

    /// Requests a key frame for a viewer that cannot decode; requests of all viewers are merged and
    /// rate limited.
    pub fn request_key_frame(&self) {
        let mut state = locked(&self.state);
        state.keys.set_needed(true);
        self.ask_if_due(state);
    }

    /// Sends the request outside of the lock, because the callback may publish.
    fn ask_if_due(&self, mut state: MutexGuard<'_, State>) {
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

    pub(super) fn video(&self, turn: u64, frame: VideoFrame) -> Result<(), EndReason> {
        let now = self.clock.now();
        let read = FrameInfo::parse(&frame.data);
        if let Some(size) = read.and_then(|read| read.size)
            && size.pixels() > self.limits.pixels
        {
            return Err(EndReason::Limit("pixels of a frame"));
        }
        let frame = Arc::new(frame);
        let mut state = locked(&self.state);
        if state.turn != turn {
            return Err(EndReason::Replaced);
        }
        if !state.budget.take(now, 8 * frame.data.len() as u64) {
            return Err(EndReason::Limit("bitrate"));
        }
        state.meter.video(now, &frame, read);
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
        self.ask_if_due(state);
        Ok(())
    }

    /// Passes on a frame of the small rendition.
    pub(in super::super) fn small_video(&self, frame: VideoFrame) {
        let now = self.clock.now();
        let read = FrameInfo::parse(&frame.data);
        let frame = Arc::new(frame);
        let mut state = locked(&self.state);
        state.small_meter.video(now, &frame, read);
        let mut wants_key_frame = false;
        state.viewers.retain(|_, viewer| {
            let stays = viewer.video(&frame);
            wants_key_frame |= stays && viewer.needs_key_frame(true);
            stays
        });
        drop(state);
        if wants_key_frame && !frame.key {
            self.small_key.store(true, Ordering::Relaxed);
        }
    }

    /// Requests the small rendition with a key frame: it is encoded from now on, if the server's
    /// limit allows.
    pub fn request_small_rendition(self: &Arc<Self>) {
        self.small_key.store(true, Ordering::Relaxed);
        let mut state = locked(&self.state);
        if state.small != SmallRenditionState::Off || state.ended.is_some() {
            return;
        }
        state.small = SmallRenditionState::On;
        drop(state);
        if !(self.start_small_rendition)(self) {
            locked(&self.state).small = SmallRenditionState::Unavailable;
        }
    }

    /// Whether the next frame of the small rendition should be a key frame.
    pub(in super::super) fn take_small_key_request(&self) -> bool {
        self.small_key.swap(false, Ordering::Relaxed)
    }

    /// Viewers of the small rendition.
    #[must_use]
    pub fn small_viewers(&self) -> usize {
        locked(&self.state).viewers.values().filter(|viewer| viewer.wants_small()).count()
    }

    /// Ends the small rendition; returns whether it may end, because no viewer needs it.
    pub(in super::super) fn end_small_rendition(&self, failed: bool) -> bool {
        let mut state = locked(&self.state);
        if !failed && state.viewers.values().any(Subscription::wants_small) {
            return false;
        }
        state.small =
            if failed { SmallRenditionState::Unavailable } else { SmallRenditionState::Off };
        true
    }

    /// The state of the small rendition, and its statistics.
    #[must_use]
    pub fn small(&self) -> (SmallRenditionState, StreamStats) {
        let mut state = locked(&self.state);
        (state.small, state.small_meter.stats(self.clock.now()))
    }

    /// Sets the bitrate at which the publisher encodes without limits.
    pub(in super::super) fn set_nominal_bitrate(&self, bitrate: Bitrate) {
        locked(&self.state).peak_bitrate = bitrate.0;
    }

    /// The highest bitrate of the stream so far, or its nominal one; 0 at the start.
    #[must_use]
    pub fn peak_bitrate(&self) -> Bitrate {
        let mut state = locked(&self.state);
        let now = state.meter.stats(self.clock.now()).bits_per_second;
        state.peak_bitrate = state.peak_bitrate.max(now);
        Bitrate(state.peak_bitrate)
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

    pub(super) fn audio(&self, turn: u64, packet: AudioPacket) -> Result<(), EndReason> {
        let now = self.clock.now();
        let packet = Arc::new(packet);
        let mut state = locked(&self.state);
        if state.turn != turn {
            return Err(EndReason::Replaced);
        }
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

    pub(super) fn finish(&self, reason: &EndReason) {
        let mut state = locked(&self.state);
        state.ended = Some(reason.clone());
        for viewer in std::mem::take(&mut state.viewers).into_values() {
            viewer.finish(reason);
        }
    }

    /// Why it ended, if it has.
    #[must_use]
    pub fn over(&self) -> Option<EndReason> {
        locked(&self.state).ended.clone()
    }

    /// Its current statistics, and its number of viewers.
    #[must_use]
    pub fn stats(&self) -> (StreamStats, usize) {
        let mut state = locked(&self.state);
        let facts = state.meter.stats(self.clock.now());
        (facts, state.external_viewers())
    }

    /// Whether there are viewers, including the server itself.
    #[must_use]
    pub fn has_viewers(&self) -> bool {
        !locked(&self.state).viewers.is_empty()
    }

    /// Statistics of the server's own decoder so far, if it has one.
    #[must_use]
    pub fn decoded(&self) -> Option<DecoderStats> {
        locked(&self.state).decoded
    }

    pub(in super::super) fn set_decoded(&self, decoded: DecoderStats) {
        locked(&self.state).decoded = Some(decoded);
    }

    /// Records that it is being recorded under this name, or the error that ended the recording.
    pub(in super::super) fn set_recording(&self, name: Option<String>, error: Option<String>) {
        let recording = name.map(Ok).or(error.map(Err));
        locked(&self.state).recording = recording;
    }

    /// The stream as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let (facts, viewers) = self.stats();
        let info = self.info();
        let mut value = json!({
            "name": self.name,
            "kind": info.kind,
            "video": info.video,
            "audio": info.audio || facts.audio_packets > 0,
            "viewers": viewers,
            "waitsForPublisher": self.waits_until().is_some(),
            "seconds": self.clock.now().saturating_sub(self.began).as_secs_f64(),
        });
        if let (Some(all), Value::Object(more)) = (value.as_object_mut(), facts.json()) {
            all.extend(more);
            let state = locked(&self.state);
            if let Some(decoded) = state.decoded {
                all.insert("decodedFrames".to_owned(), decoded.frames.into());
                all.insert("decodeErrors".to_owned(), decoded.errors.into());
            }
            let small = state.viewers.values().filter(|viewer| viewer.wants_small()).count();
            all.insert("smallViewers".to_owned(), small.into());
            all.insert("small".to_owned(), (state.small == SmallRenditionState::On).into());
            if let Some(recording) = &state.recording {
                all.insert("recorded".to_owned(), recording.is_ok().into());
            }
        }
        value
    }
}
