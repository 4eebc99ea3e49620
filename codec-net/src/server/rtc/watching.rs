//! A call that watches: what its link carries, and what it is sent of the stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_rtc::webrtc::{Kind, Media, Mid, PathStats, Peer};
use tokio::sync::mpsc;

use super::super::audit::Moved;
use super::super::outcome::EndReason;
use super::super::room::{Item, Stream, Viewer};
use super::control::CallOutlet;
use super::layers::LayerChoice;
use super::patience::Patience;
use super::send::Sending;
use super::strain::Strain;

/// A link takes no more frames while so much of them waits, in time at the stream's rate.
const MAX_QUEUE: Duration = Duration::from_millis(400);
/// Or so many bytes, whichever is more: a key frame.
const MIN_QUEUE_BYTES: u64 = 96 << 10;
/// How often the number of layers is thought over.
const LAYERS_INTERVAL: Duration = Duration::from_millis(200);
/// Why pictures pause.
const TOO_NARROW: &str = "the link to this viewer carries less than the pictures need";

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Watching {
    stream: Arc<Stream>,
    viewer: Option<Viewer>,
    sending: Sending,
    video: Option<Mid>,
    sound: Option<Mid>,
    congested: Arc<AtomicBool>,
    layers: LayerChoice,
    /// Why pictures pause.
    paused: Option<&'static str>,
    strain: Strain,
    patience: Patience,
    next_layers: Duration,
}

impl Watching {
    pub(super) fn new(stream: Arc<Stream>, now: Duration) -> Self {
        Self {
            stream,
            viewer: None,
            sending: Sending::new(),
            video: None,
            sound: None,
            congested: Arc::default(),
            layers: LayerChoice::default(),
            paused: None,
            strain: Strain::default(),
            patience: Patience::default(),
            next_layers: now,
        }
    }

    /// What is watched.
    pub(super) fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// Why pictures pause, if they do.
    pub(super) fn paused(&self) -> Option<&'static str> {
        self.paused
    }

    /// What was sent.
    pub(super) fn moved(&self) -> Moved {
        let Sending { frames, bytes, .. } = self.sending;
        Moved { bytes, frames }
    }

    /// A line of media is there.
    pub(super) fn negotiated(&mut self, media: &Media) {
        if !media.direction.sends() {
            return;
        }
        let slot = match media.kind {
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.sound,
        };
        slot.get_or_insert(media.mid);
    }

    /// Joins the viewers of the stream; `items` takes what there is for call `id`.
    pub(super) fn join(
        &mut self,
        now: Duration,
        id: u64,
        items: mpsc::Sender<(u64, Item)>,
    ) -> Result<(), EndReason> {
        let outlet = CallOutlet { id, items, congested: Arc::clone(&self.congested) };
        let joined = self.stream.join(Box::new(outlet));
        let over = || self.stream.over().unwrap_or(EndReason::PublisherEnded);
        self.viewer = Some(joined.map_err(|_| over())?);
        self.next_layers = now;
        Ok(())
    }

    /// Sends a frame or a packet of sound.
    pub(super) fn media(&mut self, now: Duration, peer: &mut Peer, item: &Item) {
        let begin = self.stream.began();
        let sent = match (item, self.video, self.sound) {
            (Item::Video(frame), Some(mid), _) => {
                let wait = self.patience.playout_delay();
                self.sending.video(peer, now, mid, frame, begin, wait)
            }
            (Item::Sound(packet), _, Some(mid)) => {
                // A packet of sound that is not taken is a lost one.
                let _ = self.sending.sound(peer, now, mid, packet, begin);
                Ok(())
            }
            _ => Ok(()),
        };
        if sent.is_err()
            && let Some(viewer) = &self.viewer
        {
            viewer.lost_all();
        }
    }

    /// The viewer asks for a key frame. While pictures pause it would not get it.
    pub(super) fn want_key(&self) {
        if self.paused.is_none() {
            self.stream.want_key();
        }
    }

    /// Figures of the link.
    pub(super) fn path(&mut self, now: Duration, path: &PathStats, peer: &mut Peer) {
        self.strain.update(path);
        peer.allow_correction(self.strain.has_room());
        let corrected = self.video.is_some_and(|mid| peer.is_protected(mid));
        let round_trip = path.round_trip.or(path.ice_round_trip);
        self.patience.update(now, path.loss_sent, round_trip, corrected);
    }

    /// When something is due.
    pub(super) fn next_time(&self) -> Option<Duration> {
        self.viewer.as_ref().map(|_| self.next_layers)
    }

    /// How much the link takes: layers, and whether frames have to wait. Says when pictures pause,
    /// and why, or go on.
    pub(super) fn think(&mut self, now: Duration, peer: &mut Peer) -> Option<Option<&'static str>> {
        let (Some(viewer), Some(mid)) = (&self.viewer, self.video) else { return None };
        if now < self.next_layers {
            return None;
        }
        self.next_layers = now.saturating_add(LAYERS_INTERVAL);
        let (facts, _) = self.stream.facts();
        let bitrate = facts.bits_per_second;
        self.strain.sent(now, self.sending.bytes);
        let layers = self.layers.choose(now, self.strain.load(), facts.layers);
        viewer.set_layers(layers);
        // Probes are not to take what is left for the sound.
        peer.set_desired_bitrate(Bitrate(if layers == 0 { 0 } else { bitrate }));
        let queued = u64::try_from(peer.queued_bytes(mid)).unwrap_or(u64::MAX);
        let millis = u64::try_from(MAX_QUEUE.as_millis()).unwrap_or(u64::MAX);
        let most = (bitrate / 8).saturating_mul(millis) / 1000;
        self.congested.store(queued > most.max(MIN_QUEUE_BYTES), Ordering::Relaxed);
        let paused = (layers == 0).then_some(TOO_NARROW);
        let before = std::mem::replace(&mut self.paused, paused);
        (paused != before).then_some(paused)
    }
}
