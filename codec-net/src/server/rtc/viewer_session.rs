//! A viewer over WebRTC: evaluates its link, selects a rendition, and sends media.

use std::sync::Arc;
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_rtc::congestion::{Estimate, Reason};
use codec_webrtc::{Kind, Media, Mid, PathStats, Peer};
use tokio::sync::mpsc;

use super::super::audit::Totals;
use super::super::media::VideoCodec;
use super::super::outcome::EndReason;
use super::super::room::{
    Item, LinkBudget, Rendition, SmallRenditionState, Stream, StreamStats, VideoState, Viewer,
};
use super::super::small_rendition;
use super::call_sink::CallSink;
use super::collapse::{Collapse, Step};
use super::congestion::CongestionDetector;
use super::media_sender::MediaSender;
use super::playout_delay::PlayoutDelayController;
use super::rendition::{RenditionSelector, SelectorInput};

/// Interval at which the link's capacity is evaluated.
const EVALUATION_INTERVAL: Duration = Duration::from_millis(100);
/// A queueing delay above this means that the link is full.
const FULL_QUEUE_DELAY: Duration = Duration::from_millis(60);
/// A target below this percentage of the previous one is evaluated without waiting.
const COLLAPSE_PCT: u64 = 50;
/// A live encoder skips frames while the queueing delay is above this.
const HOLD_DELAY: Duration = Duration::from_millis(250);
/// The upper limit of the bandwidth estimate is at least this.
const MIN_DESIRED_BITRATE: Bitrate = Bitrate::kbps(800);
/// Share of the link's rate for media, in percent: up to the first rate of `MEDIA_BETWEEN`, where
/// frames are large relative to the queue limit, and from the second one on.
const MEDIA_PCT: [u64; 2] = [82, 97];
const MEDIA_BETWEEN: [u64; 2] = [400_000, 1_200_000];
/// Share of payloads in the bitrate for media without FEC, in percent.
const PAYLOAD_PCT: u64 = 93;
/// Share of payloads in the bitrate for media with FEC, in percent.
const FEC_PAYLOAD_PCT: u64 = 68;
/// Audio with the small rendition, in bits per second.
const SMALL_AUDIO: u64 = 40_000;
/// Why video pauses.
const INSUFFICIENT_BANDWIDTH: &str = "insufficient bandwidth to this viewer";
/// Why a viewer receives no video.
const NO_VP8: &str = "this viewer does not accept VP8, the codec of the stream";
const NO_VP9: &str = "this viewer does not accept VP9";
const NO_H264: &str = "this viewer does not accept the stream's H.264";

/// See the [module](self).
#[derive(Debug)]
pub(super) struct ViewerSession {
    stream: Arc<Stream>,
    viewer: Option<Viewer>,
    sender: MediaSender,
    /// The section on which video is sent, with its codecs.
    video: Option<Media>,
    audio: Option<Mid>,
    selector: RenditionSelector,
    collapse: Collapse,
    /// Bitrate of the full rendition, smoothed over seconds, because key frames are large.
    full: u64,
    state: VideoState,
    congestion: CongestionDetector,
    playout_delay: PlayoutDelayController,
    /// Highest spatial layer that the link carries, and the highest one that the viewer wants.
    affordable_layer: u8,
    wanted_layer: u8,
    next_evaluation: Duration,
    /// The target of the estimate at the last evaluation.
    target: Bitrate,
    /// Video is stopped until the queue of the link is empty.
    is_stopped: bool,
}

impl ViewerSession {
    pub(super) fn new(stream: Arc<Stream>, now: Duration) -> Self {
        Self {
            stream,
            viewer: None,
            sender: MediaSender::new(),
            video: None,
            audio: None,
            selector: RenditionSelector::default(),
            collapse: Collapse::default(),
            full: 0,
            state: VideoState::default(),
            congestion: CongestionDetector::default(),
            playout_delay: PlayoutDelayController::default(),
            affordable_layer: u8::MAX,
            wanted_layer: u8::MAX,
            next_evaluation: now,
            target: Bitrate(0),
            is_stopped: false,
        }
    }

    /// The stream.
    pub(super) fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// The video that the viewer receives.
    pub(super) fn video_state(&self) -> VideoState {
        self.state
    }

    /// Sent frames and bytes.
    pub(super) fn totals(&self) -> Totals {
        Totals { bytes: self.sender.bytes, frames: self.sender.frames }
    }

    /// Handles a negotiated media line.
    pub(super) fn handle_media_line(&mut self, media: &Media) {
        if !media.direction.sends() {
            return;
        }
        match media.kind {
            Kind::Video => _ = self.video.get_or_insert_with(|| media.clone()),
            Kind::Audio => _ = self.audio.get_or_insert(media.mid),
        }
    }

    /// The payload for frames of the stream's own rendition; `None` if the viewer cannot receive
    /// their codec.
    fn payload(&self) -> Option<(Mid, u8)> {
        let (media, codec) = (self.video.as_ref()?, self.stream.info().video?);
        Some((media.mid, codec.negotiated(media)?.payload_type))
    }

    /// The payload for frames of the small rendition.
    fn small_payload(&self) -> Option<(Mid, u8)> {
        let media = self.video.as_ref()?;
        Some((media.mid, media.vp8()?.payload_type))
    }

    /// Why the viewer receives no video regardless of its link.
    fn unsupported(&self) -> Option<&'static str> {
        let codec = self.stream.info().video?;
        let is_unsupported = self.payload().is_none();
        is_unsupported.then_some(match codec {
            VideoCodec::Vp8 => NO_VP8,
            VideoCodec::H264(_) => NO_H264,
            VideoCodec::Vp9 => NO_VP9,
        })
    }

    /// Adds the viewer to the stream; `items` receives the items of call `id`.
    pub(super) fn join(
        &mut self,
        now: Duration,
        id: u64,
        items: mpsc::Sender<(u64, Item)>,
    ) -> Result<(), EndReason> {
        let sink = CallSink { id, items };
        let joined = Viewer::join(&self.stream, Box::new(sink));
        let over = || self.stream.end_reason().unwrap_or(EndReason::PublisherEnded);
        self.viewer = Some(joined.map_err(|_| over())?);
        self.next_evaluation = now;
        Ok(())
    }

    /// Sends a frame or an audio packet.
    pub(super) fn send_media(&mut self, now: Duration, peer: &mut Peer, item: &Item) {
        let begin = self.stream.started_at();
        let sent = match (item, self.audio) {
            (Item::Video(frame), _) => {
                let payload = if frame.small { self.small_payload() } else { self.payload() };
                // The next evaluation of the link reports why there is no video.
                let Some(payload) = payload else { return };
                let wait = self.playout_delay.playout_delay();
                self.sender.video(peer, now, payload, frame, begin, wait)
            }
            (Item::Audio(packet), Some(mid)) => {
                // An audio packet that is not accepted counts as lost.
                let _ = self.sender.audio(peer, now, mid, packet, begin);
                Ok(())
            }
            _ => Ok(()),
        };
        if self.sender.spatial.requests_key_frame(now) {
            self.request_key_frame();
        }
        if sent.is_err()
            && let Some(viewer) = &self.viewer
        {
            viewer.record_send_failure();
        }
    }

    /// Sets the highest spatial layer that the viewer wants.
    pub(super) fn limit_spatial_layer(&mut self, layer: u8) {
        self.wanted_layer = layer;
        self.choose_spatial_layer();
    }

    fn choose_spatial_layer(&mut self) {
        self.sender.spatial.set_wanted(self.affordable_layer.min(self.wanted_layer));
    }

    /// Requests a key frame for the viewer. While video is paused, it would not be sent.
    pub(super) fn request_key_frame(&self) {
        if let Some(viewer) = self.viewer.as_ref().filter(|_| self.state.paused.is_none()) {
            viewer.request_key_frame();
        }
    }

    /// The renditions that the stream offers to this viewer.
    fn selector_input(&self, budget: Option<LinkBudget>, stats: &StreamStats) -> SelectorInput {
        let (state, small) = self.stream.small_rendition();
        // Until it is encoded, its bitrate is the configured one, plus audio.
        let small_rate = small.bits_per_second.max(small_rendition::BITRATE.0) + SMALL_AUDIO;
        let has_budget = self.stream.budget().is_some();
        let is_local = self.stream.info().kind == "local";
        SelectorInput {
            budget: budget.map(|budget| payload_part(budget.stable.0, budget.fec)),
            load: self.congestion.load(),
            congested: false,
            layers: stats.layers,
            spatial_layers: stats.spatial_layers,
            full: self.full,
            small: (state != SmallRenditionState::Unavailable
                && self.small_payload().is_some()
                && stats.spatial_layers < 2)
                .then_some(small_rate),
            encoder_adapts: has_budget && is_local,
            publisher_may_adapt: has_budget && !is_local,
        }
    }

    /// Handles link statistics.
    pub(super) fn handle_path_stats(&mut self, now: Duration, path: &PathStats, peer: &mut Peer) {
        self.congestion.update(path);
        // Losses shortly after a collapse are caused by the full queue, not by the link.
        peer.allow_fec(self.congestion.allows_fec() && !self.collapse.is_recent(now));
        let fec = self.video.as_ref().is_some_and(|media| peer.is_fec_active(media.mid));
        let round_trip = path.round_trip.or(path.ice_round_trip);
        self.playout_delay.update(now, path.loss_sent, round_trip, fec);
    }

    /// Forgets what is known about the link, which is another one after an ICE restart.
    pub(super) fn restart_evaluation(&mut self, now: Duration) {
        self.selector = RenditionSelector::default();
        self.collapse = Collapse::default();
        self.congestion = CongestionDetector::default();
        self.target = Bitrate(0);
        self.next_evaluation = now;
    }

    /// Handles a new estimate. A collapse is handled immediately, because each frame that is still
    /// sent lengthens the queue and delays the audio.
    pub(super) fn handle_estimate(&mut self, now: Duration, target: Bitrate) {
        if target.0 < self.target.0 / 100 * COLLAPSE_PCT {
            self.next_evaluation = self.next_evaluation.min(now);
        }
    }

    /// When [`evaluate_link`](Self::evaluate_link) is due.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.viewer.as_ref().map(|_| self.next_evaluation)
    }

    /// Evaluates the link: the rendition, and whether frames are held back. Returns the viewer's
    /// video state if it changes.
    pub(super) fn evaluate_link(&mut self, now: Duration, peer: &mut Peer) -> Option<VideoState> {
        let mid = self.video.as_ref()?.mid;
        if self.viewer.is_none() || now < self.next_evaluation {
            return None;
        }
        self.next_evaluation = now.saturating_add(EVALUATION_INTERVAL);
        let (stats, _) = self.stream.stats();
        self.full = (15 * self.full + stats.bits_per_second) / 16;
        self.congestion.record_sent(now, self.sender.bytes);
        // Without feedback there is no estimate, only the assumption that the first frames need.
        let estimate = peer.estimate();
        let step = estimate.map_or(Step::Continue, |estimate| self.collapse.update(now, &estimate));
        let estimate = estimate.filter(|estimate| estimate.throughput.is_some());
        self.target = estimate.map_or(Bitrate(0), |estimate| estimate.target);
        let fec = peer.is_fec_active(mid);
        let budget = estimate.map(|estimate| {
            link_budget(&estimate, peer.retransmission_rate(), fec, step == Step::Stop)
        });
        let input = SelectorInput {
            congested: estimate.is_some_and(|estimate| is_congested(&estimate)),
            ..self.selector_input(budget, &stats)
        };
        let unsupported = self.unsupported();
        let rendition = match unsupported {
            None => self.selector.select(now, &input),
            Some(_) => Rendition::NoVideo,
        };
        if let Rendition::Full(steps) = rendition {
            // The last steps are those between spatial layers.
            self.affordable_layer = steps.saturating_sub(stats.layers.max(1));
            self.choose_spatial_layer();
        }
        if let Some(viewer) = &self.viewer {
            viewer.set_budget(budget);
            // An encoder that adapts to the budget stops by itself.
            let holds_video = step == Step::Stop && !input.encoder_adapts;
            viewer.set_rendition(if holds_video { Rendition::NoVideo } else { rendition });
        }
        self.handle_collapse(step, rendition, mid, peer);
        self.request_bandwidth(fec, peer);
        let is_paused = rendition == Rendition::NoVideo;
        let paused = unsupported.or(is_paused.then_some(INSUFFICIENT_BANDWIDTH));
        let next = VideoState { paused, small: rendition == Rendition::Small };
        let before = std::mem::replace(&mut self.state, next);
        (next != before).then_some(next)
    }

    /// Handles a collapse of the link's capacity, and discards packets of the larger rendition after a
    /// change to the small one.
    fn handle_collapse(&mut self, step: Step, rendition: Rendition, mid: Mid, peer: &mut Peer) {
        let is_stopped = step == Step::Stop;
        if is_stopped {
            peer.allow_fec(false);
            if !self.is_stopped {
                self.sender.repeat_audio();
            }
        }
        self.is_stopped = is_stopped;
        let is_down = rendition == Rendition::Small && !self.state.small;
        if is_down || matches!(step, Step::Stop | Step::Restart(true)) {
            // Retransmission of earlier packets is useless after the key frame.
            peer.clear_retransmission_cache(mid);
        }
        if step == Step::Restart(true) {
            self.request_key_frame();
        }
    }

    /// Sets the upper limit of the bandwidth estimate: the stream with room for headers, FEC and
    /// retransmissions.
    fn request_bandwidth(&self, fec: bool, peer: &mut Peer) {
        let wanted = self.stream.peak_bitrate().max(MIN_DESIRED_BITRATE);
        let room = if fec { 17 } else { 13 };
        peer.set_desired_bitrate(Bitrate(wanted.0 / 10 * room));
    }
}

/// The capacity of the link. Recent retransmissions reduce it, but must not hold everything else
/// back.
fn link_budget(
    estimate: &Estimate,
    Bitrate(repeated): Bitrate,
    fec: bool,
    stop: bool,
) -> LinkBudget {
    let rest = |Bitrate(rate): Bitrate| Bitrate(media_part(rate - repeated.min(rate / 3)));
    let [bitrate, stable] = [estimate.target, estimate.stable].map(rest);
    LinkBudget { bitrate, stable, fec, hold: estimate.queueing_delay > HOLD_DELAY, stop }
}

/// Whether the estimate is low because of queueing, packet loss or missing feedback.
fn is_congested(estimate: &Estimate) -> bool {
    estimate.queueing_delay > FULL_QUEUE_DELAY
        || matches!(estimate.reason, Reason::Draining | Reason::Loss | Reason::FeedbackTimeout)
}

/// The share of the link's rate for media: the rest is for bursts and for probing.
fn media_part(rate: u64) -> u64 {
    let ([low, high], [from, to]) = (MEDIA_PCT, MEDIA_BETWEEN);
    let above = rate.clamp(from, to) - from;
    rate / 100 * (low + (high - low) * above / (to - from))
}

/// The share of a budget for payloads: headers need a part, and so does FEC under packet loss.
fn payload_part(rate: u64, fec: bool) -> u64 {
    rate / 100 * if fec { FEC_PAYLOAD_PCT } else { PAYLOAD_PCT }
}
