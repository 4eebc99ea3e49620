//! Subscription of one viewer to one source: switches between the encodings of the source without a
//! break in the forwarded stream.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use codec_core::codec::Bitrate;

use super::constraints::{PauseReason, StreamState};
use super::encoding::{Encoding, Rung};
use super::join_cache::{Replay, ReplayConfig, Replayed};
use super::layer_filter::{LayerFilter, Layers, Verdict};
use super::output::{OutputConfig, OutputStream, Written};
use super::packet::MediaPacket;
use super::request_merger::KeyFrameReason;
use super::up_hold::UpHold;

/// Longest time into the past of replayed timestamps.
const MAX_PAST: Duration = Duration::from_millis(500);
/// Rate of a replay as multiple of the layer's rate.
const REPLAY_FACTOR: u64 = 4;
/// Minimum rate of a replay.
const MIN_REPLAY_RATE: Bitrate = Bitrate(1_000_000);
/// A replay exceeds the bandwidth estimate by at most this share, in percent, unless the live packets need more.
const REPLAY_EXCESS: u64 = 50;
/// A switch waits for the end of the current frame for at most this time.
const FRAME_END_WAIT: Duration = Duration::from_millis(50);
/// Maximum number of packets that wait for the end of the current frame.
const MAX_HELD: usize = 512;
/// A switch is abandoned after this time while the old layer flows.
const SWITCH_DEADLINE: Duration = Duration::from_secs(4);
/// An abandoned switch is not tried again for this time.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// A switch that waits for a key frame.
#[derive(Clone, Copy, Debug)]
struct Pending {
    encoding: usize,
    layers: Layers,
    rate: Bitrate,
    since: Duration,
}

/// A source of one viewer. The old encoding is forwarded until the first packet of the new one's key frame.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    output: OutputStream,
    filter: LayerFilter,
    current: Option<usize>,
    pending: Option<Pending>,
    replay: Option<Replay>,
    /// Packets of the new encoding that wait for the end of the frame that flows, and the time of the
    /// first.
    held: VecDeque<Arc<MediaPacket>>,
    held_since: Duration,
    /// Whether the newest packet did not end its frame.
    is_open: bool,
    /// Bandwidth estimate of the viewer, which limits replays.
    pub(super) estimate: Bitrate,
    /// An encoding whose key frame did not come, and the time until which it is not tried.
    avoided: Option<(usize, Duration)>,
    pub(super) hold: UpHold,
    /// The layer of the last allocation.
    pub(super) chosen: Option<Rung>,
    pub(super) state: StreamState,
    /// State of the last event.
    pub(super) reported: Option<StreamState>,
    /// The source stays in the last-N set until then.
    pub(super) kept_until: Option<Duration>,
    has_started: bool,
}

impl Subscription {
    pub(super) fn new(output: OutputStream) -> Self {
        Self {
            output,
            filter: LayerFilter::default(),
            current: None,
            pending: None,
            replay: None,
            held: VecDeque::new(),
            held_since: Duration::ZERO,
            is_open: false,
            estimate: Bitrate(u64::MAX),
            avoided: None,
            hold: UpHold::default(),
            chosen: None,
            state: StreamState::Paused(PauseReason::NoLayer),
            reported: None,
            kept_until: None,
            has_started: false,
        }
    }

    pub(super) fn config(&self) -> OutputConfig {
        self.output.config()
    }

    /// The output, for another source.
    pub(super) fn into_output(mut self) -> OutputStream {
        if self.is_open {
            self.output.leave_gap();
        }
        self.output
    }

    /// Whether an encoding is sent to the viewer, or will be.
    pub(super) fn uses(&self, encoding: usize) -> bool {
        self.current == Some(encoding)
            || self.pending.is_some_and(|pending| pending.encoding == encoding)
    }

    /// The encoding that flows, and its layers.
    pub(super) fn flowing(&self) -> Option<(usize, Layers)> {
        self.current.map(|encoding| (encoding, self.filter.current()))
    }

    /// Whether the encoding may be chosen.
    pub(super) fn allows(&self, now: Duration, encoding: usize) -> bool {
        self.avoided.is_none_or(|(avoided, until)| avoided != encoding || now >= until)
    }

    /// Stops the source.
    pub(super) fn pause(&mut self) {
        (self.current, self.pending, self.replay) = (None, None, None);
        self.held.clear();
    }

    /// Sets the wanted layer, in place of an earlier one. Returns the encoding whose key frame is needed.
    pub(super) fn want(
        &mut self,
        now: Duration,
        rung: &Rung,
        encodings: &[Encoding],
    ) -> Option<(usize, KeyFrameReason)> {
        let Rung { encoding, layers, rate, .. } = *rung;
        if self.current == Some(encoding) {
            self.pending = None;
            self.held.clear();
            self.filter.set_target(layers);
            return self.filter.needs_key_frame().then_some((encoding, KeyFrameReason::Switch));
        }
        if let Some(pending) = self.pending.as_mut().filter(|it| it.encoding == encoding) {
            (pending.layers, pending.rate) = (layers, rate);
            return None;
        }
        self.held.clear();
        self.pending = Some(Pending { encoding, layers, rate, since: now });
        // A replay that has not ended may be replaced by another one.
        let may_replay = self.current.is_none() || self.replay.is_some();
        if may_replay && self.start_replay(now, encodings) {
            return None;
        }
        let is_join = !self.has_started;
        let reason = if is_join { KeyFrameReason::Join } else { KeyFrameReason::Switch };
        Some((encoding, reason))
    }

    /// The encoding whose key frame is awaited.
    pub(super) fn awaits(&self) -> Option<usize> {
        let needs = self.current.filter(|_| self.filter.needs_key_frame());
        self.pending.map(|pending| pending.encoding).or(needs)
    }

    /// Abandons a switch that takes too long while another encoding flows. Returns the encoding.
    pub(super) fn expire(&mut self, now: Duration, is_current_alive: bool) -> Option<usize> {
        let pending = self.pending?;
        let is_late = now.saturating_sub(pending.since) >= SWITCH_DEADLINE;
        if !is_late || !is_current_alive || self.current.is_none() {
            return None;
        }
        self.pending = None;
        self.held.clear();
        self.avoided = Some((pending.encoding, now.saturating_add(RETRY_AFTER)));
        Some(pending.encoding)
    }

    /// Starts the wanted encoding from its cache, if that is possible.
    fn start_replay(&mut self, now: Duration, encodings: &[Encoding]) -> bool {
        let Some(pending) = self.pending else { return false };
        let Some(encoding) = encodings.get(pending.encoding) else { return false };
        let Ok(entries) = encoding.cache.entries(now) else { return false };
        let rate = self.replay_rate(pending.rate);
        let max_past = self.output.elapsed(now).map_or(MAX_PAST, |since| since.min(MAX_PAST));
        let clock_hz = self.output.config().clock_hz;
        let replay = Replay::new(now, entries, ReplayConfig { rate, max_past, clock_hz });
        let Some(first) = replay.first_number() else { return false };
        self.begin(now, pending, first, replay.source_now());
        self.replay = Some(replay);
        true
    }

    /// Four times the rate of the layer, limited by the estimate, but faster than the live packets.
    fn replay_rate(&self, layer: Bitrate) -> Bitrate {
        let share = |rate: u64| rate.saturating_add(rate / 100 * REPLAY_EXCESS);
        let wanted = Bitrate(layer.0.saturating_mul(REPLAY_FACTOR)).max(MIN_REPLAY_RATE);
        wanted.min(Bitrate(share(self.estimate.0))).max(Bitrate(share(layer.0)))
    }

    fn begin(&mut self, now: Duration, pending: Pending, first: i64, source_now: u32) {
        if std::mem::take(&mut self.is_open) {
            self.output.leave_gap();
        }
        self.held.clear();
        self.filter.restart();
        self.filter.set_target(pending.layers);
        self.output.switch(now, first, source_now);
        self.current = Some(pending.encoding);
        (self.pending, self.replay, self.has_started) = (None, None, true);
    }

    /// Handles a packet of an encoding of the source. Packets to send are appended to `out`.
    pub(super) fn receive(
        &mut self,
        now: Duration,
        index: usize,
        packet: &Arc<MediaPacket>,
        encodings: &[Encoding],
        out: &mut Vec<Written>,
    ) {
        if self.pending.is_some_and(|pending| pending.encoding == index)
            && self.receive_pending(now, packet, encodings, out)
        {
            return;
        }
        if self.current != Some(index) {
            return;
        }
        if let Some(replay) = &mut self.replay {
            replay.push(packet, self.filter.wants(packet));
            self.poll(now, out);
            return;
        }
        self.forward(now, packet, packet.timestamp, out);
        if !self.is_open {
            self.switch_to_held(now, out);
        }
    }

    /// Handles a packet of the encoding that is switched to. Returns whether it needs nothing more.
    fn receive_pending(
        &mut self,
        now: Duration,
        packet: &Arc<MediaPacket>,
        encodings: &[Encoding],
        out: &mut Vec<Written>,
    ) -> bool {
        let Some(pending) = self.pending else { return false };
        let newest = encodings.get(pending.encoding).and_then(|it| it.newest);
        if packet.frame.starts_key_frame() {
            if newest != Some(packet.number) {
                // The first packet came late: those after it are in the cache.
                let starts = self.start_replay(now, encodings);
                self.poll(now, out);
                return starts;
            }
            if self.current.is_none() || !self.is_open {
                self.begin(now, pending, packet.number, packet.timestamp);
                return false;
            }
            self.held.clear();
            self.held_since = now;
            self.held.push_back(Arc::clone(packet));
            return true;
        }
        if !self.held.is_empty() {
            self.held.push_back(Arc::clone(packet));
            if self.held.len() >= MAX_HELD {
                self.switch_to_held(now, out);
            }
        }
        true
    }

    /// Completes a switch that waited for the end of a frame.
    fn switch_to_held(&mut self, now: Duration, out: &mut Vec<Written>) {
        let held = std::mem::take(&mut self.held);
        let (Some(pending), Some(first)) = (self.pending, held.front()) else { return };
        self.begin(now, pending, first.number, first.timestamp);
        for packet in &held {
            self.forward(now, packet, packet.timestamp, out);
        }
    }

    fn forward(
        &mut self,
        now: Duration,
        packet: &MediaPacket,
        timestamp: u32,
        out: &mut Vec<Written>,
    ) -> usize {
        let verdict = self.filter.decide(packet);
        let is_newest = self.output.is_newest(packet);
        let written = self.output.write(now, packet, verdict, timestamp);
        let bytes = written.as_ref().map_or(0, |written| written.packet.len());
        if let Some(written) = written.as_ref().filter(|_| is_newest) {
            self.is_open = !written.header.marker;
        }
        out.extend(written);
        bytes
    }

    /// Sends the packets of a replay that are due, and completes a switch that has waited too long.
    pub(super) fn poll(&mut self, now: Duration, out: &mut Vec<Written>) {
        if !self.held.is_empty() && now.saturating_sub(self.held_since) >= FRAME_END_WAIT {
            self.switch_to_held(now, out);
        }
        while let Some(next) = self.replay.as_mut().and_then(|replay| replay.poll(now)) {
            match next {
                Replayed::Skipped(packet) => {
                    self.filter.drop_frame(&packet);
                    let is_new_frame = packet.frame.starts_frame;
                    let dropped = Verdict { passes: false, is_new_frame, marker: false };
                    self.output.write(now, &packet, dropped, packet.timestamp);
                }
                Replayed::Packet(packet, timestamp) => {
                    let bytes = self.forward(now, &packet, timestamp, out);
                    if packet.frame.is_key {
                        // The upper temporal layers are not in the cache.
                        self.filter.drop_to_base();
                    }
                    if let Some(replay) = self.replay.as_mut().filter(|_| bytes > 0) {
                        replay.sent(now, bytes);
                    }
                }
            }
        }
        let done = self.replay.take_if(|replay| replay.is_done());
        if done.is_some_and(|replay| replay.has_overflowed()) {
            self.current = None;
        }
    }

    /// Time of the next [`Self::poll`].
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let held = (!self.held.is_empty()).then(|| self.held_since.saturating_add(FRAME_END_WAIT));
        let replay = self.replay.as_ref().and_then(Replay::poll_timeout);
        held.into_iter().chain(replay).min()
    }
}
