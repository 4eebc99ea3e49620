//! Streams by name: one publisher, many viewers.
//!
//! Frames are handed over as they come, shared and not copied. A viewer that takes no more loses
//! frames up to the next one that it can decode, and the others do not notice.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use codec_rtc::recovery::KeyFrameRequester;
use serde_json::{Value, json};

use super::decodable::{Decodability, LeftOut};
use super::limits::{Budget, Limits};
use super::media::{FrameFacts, SoundPacket, VideoFrame};
use super::meter::{Facts, Meter};
use super::outcome::{EndReason, Refusal};
use crate::clock::Clock;

/// A publisher is asked for a key frame at most once in this time.
const KEY_FRAME_GAP: Duration = Duration::from_millis(300);
/// Longest name of a stream.
const MAX_NAME_BYTES: usize = 64;

/// What a viewer is handed.
#[derive(Clone, Debug)]
pub enum Item {
    /// A frame that it can decode.
    Video(Arc<VideoFrame>),
    /// A packet of sound.
    Sound(Arc<SoundPacket>),
    /// Something that viewers say to each other.
    Talk(Arc<str>),
    /// Nothing more comes.
    Ended(EndReason),
}

/// Where a viewer's items go. Never waits.
pub trait Outlet: Send {
    /// Hands an item over.
    ///
    /// # Errors
    /// If the viewer takes no more at the moment.
    fn deliver(&self, item: Item) -> Result<(), NoRoom>;
}

/// A viewer takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// For the moment.
    Full,
    /// Ever.
    Gone,
}

impl Outlet for tokio::sync::mpsc::Sender<Item> {
    fn deliver(&self, item: Item) -> Result<(), NoRoom> {
        use tokio::sync::mpsc::error::TrySendError;
        self.try_send(item).map_err(|error| match error {
            TrySendError::Full(_) => NoRoom::Full,
            TrySendError::Closed(_) => NoRoom::Gone,
        })
    }
}

/// What a viewer got and what not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ViewerCounters {
    pub frames: u64,
    pub bytes: u64,
    pub sound_packets: u64,
    /// Frames left out because it took no more.
    pub slow: u64,
    /// Because they need one that was left out.
    pub undecodable: u64,
    /// Because their layer was not wanted.
    pub layers: u64,
}

struct ViewerState {
    outlet: Box<dyn Outlet>,
    decodability: Decodability,
    counters: ViewerCounters,
}

impl fmt::Debug for ViewerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewerState").field("counters", &self.counters).finish_non_exhaustive()
    }
}

/// What the server's own decoder made of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Decoded {
    pub frames: u64,
    pub shown: u64,
    pub errors: u64,
    pub concealed_mbs: u64,
}

/// Is told of each stream that begins.
pub type OnPublish = Box<dyn Fn(&Arc<Stream>) + Send + Sync>;

/// Asks a publisher for a key frame.
pub type AskKey = Box<dyn Fn() + Send + Sync>;

/// What is known of a stream when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// How it comes here: `whip`, `ws`, `local`.
    pub kind: &'static str,
    /// Has pictures.
    pub video: bool,
    /// Has sound.
    pub sound: bool,
}

/// A stream that is being published.
pub struct Stream {
    name: String,
    about: About,
    clock: Clock,
    limits: Limits,
    began: Duration,
    ask_key: AskKey,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    viewers: BTreeMap<u64, ViewerState>,
    next_viewer: u64,
    keys: KeyFrameRequester,
    meter: Meter,
    budget: Budget,
    ended: Option<EndReason>,
    /// Who watches without being counted: the server itself.
    unseen: usize,
    decoded: Option<Decoded>,
    /// Name of the recording, or why there is none.
    recording: Option<Result<String, String>>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All streams.
pub struct Hub {
    clock: Clock,
    limits: Limits,
    streams: Mutex<BTreeMap<String, Arc<Stream>>>,
    on_publish: OnPublish,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.streams()).finish()
    }
}

/// Publishes a stream as long as it lives.
#[derive(Debug)]
pub struct Publisher {
    hub: Weak<Hub>,
    stream: Arc<Stream>,
    reason: EndReason,
}

/// Watches a stream as long as it lives.
#[derive(Debug)]
pub struct Viewer {
    stream: Arc<Stream>,
    id: u64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panic left behind is whole: each change is one step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether streams may have this name: letters, digits, `-`, `_` and `.`.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !name.starts_with('.')
}

impl Hub {
    /// Without streams.
    #[must_use]
    pub fn new(clock: Clock, limits: Limits) -> Self {
        Self::with(clock, limits, Box::new(|_| {}))
    }

    /// Without streams; `on_publish` is told of each that begins.
    #[must_use]
    pub fn with(clock: Clock, limits: Limits, on_publish: OnPublish) -> Self {
        Self { clock, limits, streams: Mutex::default(), on_publish }
    }

    /// The time that everything here goes by.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Begins a stream.
    ///
    /// # Errors
    /// [`Refusal::Busy`], [`Refusal::Full`], and [`Refusal::Bad`] for what is no name.
    pub fn publish(
        self: &Arc<Self>,
        name: &str,
        about: About,
        ask_key: AskKey,
    ) -> Result<Publisher, Refusal> {
        if !is_name(name) {
            return Err(Refusal::Bad(format!(
                "{:?} is no name of a stream: up to {MAX_NAME_BYTES} letters, digits, - _ .",
                name.chars().take(80).collect::<String>()
            )));
        }
        let mut streams = locked(&self.streams);
        if streams.contains_key(name) {
            return Err(Refusal::Busy(name.to_owned()));
        }
        if streams.len() >= self.limits.streams {
            return Err(Refusal::Full("streams"));
        }
        let stream = Arc::new(Stream {
            name: name.to_owned(),
            about,
            clock: self.clock,
            limits: self.limits,
            began: self.clock.now(),
            ask_key,
            state: Mutex::new(State {
                viewers: BTreeMap::new(),
                next_viewer: 1,
                keys: KeyFrameRequester::new(KEY_FRAME_GAP),
                meter: Meter::default(),
                budget: Budget::over(self.limits.bitrate, 2),
                ended: None,
                unseen: 0,
                decoded: None,
                recording: None,
            }),
        });
        streams.insert(name.to_owned(), Arc::clone(&stream));
        drop(streams);
        (self.on_publish)(&stream);
        Ok(Publisher { hub: Arc::downgrade(self), stream, reason: EndReason::PublisherEnded })
    }

    /// The stream of that name.
    ///
    /// # Errors
    /// [`Refusal::NoStream`].
    pub fn find(&self, name: &str) -> Result<Arc<Stream>, Refusal> {
        let found = locked(&self.streams).get(name).map(Arc::clone);
        found.ok_or_else(|| Refusal::NoStream(name.chars().take(80).collect()))
    }

    /// All streams in the order of their names.
    #[must_use]
    pub fn streams(&self) -> Vec<Arc<Stream>> {
        locked(&self.streams).values().map(Arc::clone).collect()
    }

    fn remove(&self, stream: &Arc<Stream>) {
        let mut streams = locked(&self.streams);
        if streams.get(&stream.name).is_some_and(|found| Arc::ptr_eq(found, stream)) {
            streams.remove(&stream.name);
        }
    }
}

impl Publisher {
    /// The stream.
    #[must_use]
    pub fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// Passes a frame on.
    ///
    /// # Errors
    /// The limit that is exceeded: the session is to end.
    pub fn video(&self, frame: VideoFrame) -> Result<(), EndReason> {
        self.stream.video(frame)
    }

    /// Passes a packet of sound on.
    ///
    /// # Errors
    /// As [`Self::video`].
    pub fn sound(&self, packet: SoundPacket) -> Result<(), EndReason> {
        self.stream.sound(packet)
    }

    /// Ends the stream for another reason than that the publisher is gone.
    pub fn end(mut self, reason: EndReason) {
        self.reason = reason;
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            hub.remove(&self.stream);
        }
        self.stream.finish(&self.reason);
    }
}

impl Stream {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it has.
    #[must_use]
    pub fn about(&self) -> About {
        self.about
    }

    /// When it began: the time of pts 0.
    #[must_use]
    pub fn began(&self) -> Duration {
        self.began
    }

    /// Joins a viewer; a key frame is asked for.
    ///
    /// # Errors
    /// [`Refusal::Full`]; [`Refusal::NoStream`] if it has just ended.
    pub fn join(self: &Arc<Self>, outlet: Box<dyn Outlet>) -> Result<Viewer, Refusal> {
        let state = locked(&self.state);
        if state.viewers.len().saturating_sub(state.unseen) >= self.limits.viewers {
            return Err(Refusal::Full("viewers of this stream"));
        }
        self.admit(state, outlet)
    }

    /// Joins a viewer of the server's own, which is not counted.
    ///
    /// # Errors
    /// [`Refusal::NoStream`] if it has just ended.
    pub(super) fn join_unseen(
        self: &Arc<Self>,
        outlet: Box<dyn Outlet>,
    ) -> Result<Viewer, Refusal> {
        let mut state = locked(&self.state);
        state.unseen += 1;
        self.admit(state, outlet)
    }

    fn admit(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        outlet: Box<dyn Outlet>,
    ) -> Result<Viewer, Refusal> {
        if state.ended.is_some() {
            return Err(Refusal::NoStream(self.name.clone()));
        }
        let id = state.next_viewer;
        state.next_viewer += 1;
        let (decodability, counters) = (Decodability::new(), ViewerCounters::default());
        state.viewers.insert(id, ViewerState { outlet, decodability, counters });
        state.keys.set_needed(true);
        self.ask_if_due(state);
        Ok(Viewer { stream: Arc::clone(self), id })
    }

    /// A viewer cannot decode any more: requests of all are merged, and limited in number.
    pub fn want_key(&self) {
        let mut state = locked(&self.state);
        state.keys.set_needed(true);
        self.ask_if_due(state);
    }

    /// Asks outside of the lock: what is called may publish.
    fn ask_if_due(&self, mut state: MutexGuard<'_, State>) {
        let due = state.keys.poll(self.clock.now());
        drop(state);
        if due {
            (self.ask_key)();
        }
    }

    fn video(&self, frame: VideoFrame) -> Result<(), EndReason> {
        let now = self.clock.now();
        let read = FrameFacts::read(&frame.data);
        if let Some(size) = read.and_then(|read| read.size)
            && size.pixels() > self.limits.pixels
        {
            return Err(EndReason::Limit("pixels of a picture"));
        }
        let frame = Arc::new(frame);
        let mut state = locked(&self.state);
        if !state.budget.take(now, 8 * frame.data.len() as u64) {
            return Err(EndReason::Limit("bitrate"));
        }
        state.meter.video(now, &frame, read);
        if frame.key {
            state.keys.set_needed(false);
        }
        let mut wants_key = false;
        state.viewers.retain(|_, viewer| {
            let stays = viewer.video(&frame);
            wants_key |= stays && viewer.decodability.needs_key();
            stays
        });
        if wants_key {
            state.keys.set_needed(true);
        }
        self.ask_if_due(state);
        Ok(())
    }

    fn sound(&self, packet: SoundPacket) -> Result<(), EndReason> {
        let now = self.clock.now();
        let packet = Arc::new(packet);
        let mut state = locked(&self.state);
        if !state.budget.take(now, 8 * packet.data.len() as u64) {
            return Err(EndReason::Limit("bitrate"));
        }
        state.meter.sound(now, packet.data.len());
        state.viewers.retain(|_, viewer| {
            match viewer.outlet.deliver(Item::Sound(Arc::clone(&packet))) {
                Ok(()) => viewer.counters.sound_packets += 1,
                Err(NoRoom::Full) => {}
                Err(NoRoom::Gone) => return false,
            }
            true
        });
        Ok(())
    }

    /// Says something to all viewers.
    pub fn talk(&self, text: &Arc<str>) {
        let mut state = locked(&self.state);
        state.viewers.retain(|_, viewer| {
            viewer.outlet.deliver(Item::Talk(Arc::clone(text))) != Err(NoRoom::Gone)
        });
    }

    fn finish(&self, reason: &EndReason) {
        let mut state = locked(&self.state);
        state.ended = Some(reason.clone());
        for viewer in std::mem::take(&mut state.viewers).into_values() {
            // A viewer without room asks `over` or sees that its outlet is gone.
            let _ = viewer.outlet.deliver(Item::Ended(reason.clone()));
        }
    }

    /// Why it ended, if it has.
    #[must_use]
    pub fn over(&self) -> Option<EndReason> {
        locked(&self.state).ended.clone()
    }

    /// Its figures now, and its number of viewers.
    #[must_use]
    pub fn facts(&self) -> (Facts, usize) {
        let mut state = locked(&self.state);
        let facts = state.meter.facts(self.clock.now());
        (facts, state.viewers.len().saturating_sub(state.unseen))
    }

    /// Whether anybody watches, the server itself included.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        !locked(&self.state).viewers.is_empty()
    }

    /// What the server's own decoder made of it so far, if it has one.
    #[must_use]
    pub fn decoded(&self) -> Option<Decoded> {
        locked(&self.state).decoded
    }

    pub(super) fn set_decoded(&self, decoded: Decoded) {
        locked(&self.state).decoded = Some(decoded);
    }

    /// It is being recorded under this name, or not any more for this reason.
    pub(super) fn set_recording(&self, name: Option<String>, error: Option<String>) {
        let recording = name.map(Ok).or(error.map(Err));
        locked(&self.state).recording = recording;
    }

    /// The same as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let (facts, viewers) = self.facts();
        let mut value = json!({
            "name": self.name,
            "kind": self.about.kind,
            "video": self.about.video,
            "sound": self.about.sound || facts.sound_packets > 0,
            "viewers": viewers,
            "seconds": self.clock.now().saturating_sub(self.began).as_secs_f64(),
        });
        if let (Some(all), Value::Object(more)) = (value.as_object_mut(), facts.json()) {
            all.extend(more);
            let state = locked(&self.state);
            if let Some(decoded) = state.decoded {
                all.insert("decodedFrames".to_owned(), decoded.frames.into());
                all.insert("decodeErrors".to_owned(), decoded.errors.into());
            }
            if let Some(recording) = &state.recording {
                all.insert("recorded".to_owned(), recording.is_ok().into());
            }
        }
        value
    }
}

impl ViewerState {
    /// Whether the viewer is still there.
    fn video(&mut self, frame: &Arc<VideoFrame>) -> bool {
        let left_out = match self.decodability.check(frame) {
            Ok(()) => match self.outlet.deliver(Item::Video(Arc::clone(frame))) {
                Ok(()) => None,
                Err(NoRoom::Full) => Some(LeftOut::Slow),
                Err(NoRoom::Gone) => return false,
            },
            Err(why) => Some(why),
        };
        match left_out {
            None => {
                self.decodability.pass(frame);
                self.counters.frames += 1;
                self.counters.bytes += frame.data.len() as u64;
                return true;
            }
            Some(LeftOut::Slow) => self.counters.slow += 1,
            Some(LeftOut::Undecodable) => self.counters.undecodable += 1,
            Some(LeftOut::Layer) => self.counters.layers += 1,
        }
        self.decodability.leave_out(frame);
        true
    }
}

impl Viewer {
    /// Its number among the viewers of the stream, from 1.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The stream.
    #[must_use]
    pub fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// How many temporal layers it shall get, at least 1.
    pub fn set_layers(&self, layers: u8) {
        let mut state = locked(&self.stream.state);
        if let Some(viewer) = state.viewers.get_mut(&self.id) {
            viewer.decodability.set_layers(layers);
        }
    }

    /// A frame that was handed over did not reach it: nothing but a key frame helps.
    pub fn lost_all(&self) {
        let mut state = locked(&self.stream.state);
        if let Some(viewer) = state.viewers.get_mut(&self.id) {
            viewer.decodability.leave_out(&VideoFrame::default());
            viewer.counters.slow += 1;
        }
        state.keys.set_needed(true);
        self.stream.ask_if_due(state);
    }

    /// What it got and what not; `None` if the stream has ended.
    #[must_use]
    pub fn counters(&self) -> Option<ViewerCounters> {
        locked(&self.stream.state).viewers.get(&self.id).map(|viewer| viewer.counters)
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        locked(&self.stream.state).viewers.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::mpsc;

    use super::*;

    fn hub() -> Arc<Hub> {
        let limits = Limits { streams: 2, viewers: 2, bitrate: 1_000_000, ..Limits::default() };
        Arc::new(Hub::new(Clock::start(), limits))
    }

    const ABOUT: About = About { kind: "local", video: true, sound: true };

    fn frame(key: bool, bytes: usize) -> VideoFrame {
        VideoFrame { data: vec![0xff; bytes].into(), key, ..VideoFrame::default() }
    }

    fn drained(receiver: &mut mpsc::Receiver<Item>) -> Vec<Item> {
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }

    #[test]
    fn every_viewer_gets_the_same_frame_from_a_key_frame_on() {
        let hub = hub();
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let ask: AskKey = Box::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let publisher = hub.publish("live", ABOUT, ask).unwrap();
        let (out, mut first) = mpsc::channel(8);
        let _first = hub.find("live").unwrap().join(Box::new(out)).unwrap();
        let (out, mut second) = mpsc::channel(8);
        let _second = hub.find("live").unwrap().join(Box::new(out)).unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 1, "requests are merged");
        publisher.video(frame(false, 10)).unwrap();
        publisher.video(frame(true, 10)).unwrap();
        publisher.video(frame(false, 10)).unwrap();
        publisher.sound(SoundPacket::default()).unwrap();
        let (first, second) = (drained(&mut first), drained(&mut second));
        assert_eq!((first.len(), second.len()), (3, 3));
        let (Item::Video(a), Item::Video(b)) = (&first[0], &second[0]) else { panic!() };
        assert!(a.key && Arc::ptr_eq(a, b));
    }

    #[test]
    fn a_slow_viewer_waits_for_a_key_frame_and_the_others_do_not_notice() {
        let hub = hub();
        let publisher = hub.publish("live", ABOUT, Box::new(|| {})).unwrap();
        let (out, mut slow) = mpsc::channel(2);
        let slow_viewer = publisher.stream().join(Box::new(out)).unwrap();
        let (out, mut fast) = mpsc::channel(16);
        let _fast = publisher.stream().join(Box::new(out)).unwrap();
        publisher.video(frame(true, 10)).unwrap();
        for _ in 0..4 {
            publisher.video(frame(false, 10)).unwrap();
        }
        assert_eq!(drained(&mut slow).len(), 2);
        publisher.video(frame(false, 10)).unwrap();
        publisher.video(frame(true, 10)).unwrap();
        assert_eq!(drained(&mut slow).len(), 1);
        assert_eq!(drained(&mut fast).len(), 7);
        let counters = slow_viewer.counters().unwrap();
        assert_eq!((counters.frames, counters.slow, counters.undecodable), (3, 1, 3));
    }

    #[test]
    fn names_are_taken_once_and_free_again() {
        let hub = hub();
        let publish = |name| hub.publish(name, ABOUT, Box::new(|| {}));
        let first = publish("a").unwrap();
        assert_eq!(publish("a").unwrap_err(), Refusal::Busy("a".to_owned()));
        let _second = publish("b").unwrap();
        assert_eq!(publish("c").unwrap_err(), Refusal::Full("streams"));
        drop(first);
        assert!(hub.find("a").is_err());
        let _again = publish("a").unwrap();
        for wrong in ["", "a/b", "..", ".hidden", "ä", &"x".repeat(65)] {
            assert!(matches!(publish(wrong), Err(Refusal::Bad(_))), "{wrong}");
        }
    }

    #[test]
    fn the_end_reaches_viewers_with_its_reason() {
        let hub = hub();
        let publisher = hub.publish("live", ABOUT, Box::new(|| {})).unwrap();
        let (out, mut items) = mpsc::channel(1);
        let stream = Arc::clone(publisher.stream());
        let viewer = stream.join(Box::new(out)).unwrap();
        publisher.end(EndReason::ServerStopped);
        assert!(matches!(drained(&mut items).as_slice(), [Item::Ended(EndReason::ServerStopped)]));
        assert_eq!(stream.over(), Some(EndReason::ServerStopped));
        assert_eq!(viewer.counters(), None);
        assert!(stream.join(Box::new(mpsc::channel(1).0)).is_err());
    }

    #[test]
    fn too_many_viewers_and_too_many_bits_are_refused() {
        let hub = hub();
        let publisher = hub.publish("live", ABOUT, Box::new(|| {})).unwrap();
        let join = || {
            let (out, items) = mpsc::channel(1);
            publisher.stream().join(Box::new(out)).map(|viewer| (viewer, items))
        };
        let kept = [join().unwrap(), join().unwrap()];
        assert!(matches!(join(), Err(Refusal::Full(_))));
        drop(kept);
        let (_viewer, items) = join().unwrap();
        drop(items);
        publisher.video(frame(true, 10)).unwrap();
        assert_eq!(publisher.stream().facts().1, 0, "who hung up is forgotten");
        let end = (0..30).find_map(|_| publisher.video(frame(false, 10_000)).err());
        assert_eq!(end, Some(EndReason::Limit("bitrate")));
    }
}
