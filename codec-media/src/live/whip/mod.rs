//! Output over WebRTC to a server (WHIP): one thread receives and handles timeouts, the encoder's thread sends, and
//! a third thread restarts ICE or starts a new call when the connection is lost.

mod packetizer;
mod recovery;
mod state;
mod streams;
#[cfg(test)]
#[cfg(feature = "serve")]
mod tests;

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use codec_core::codec::{Bitrate, FrameKind, FrameRequest, Packet};
use codec_core::frame::Rational;
use codec_net::clock::Clock;
use codec_net::url::Url;
use codec_rtc::extension::{AbsCaptureTime, Extensions, Label};
use codec_webrtc::{Codec, Direction, Kind as MediaKind, MediaPlan, SendError, SentStream};

use super::options::NetworkOptions;
use super::output::{LiveAudioPacket, LiveOutput, Offer, OutputEvent, OutputStats, rids};
use super::rtp_output::timestamp;
use super::webrtc::{self, Answered};
use crate::failure::{Failure, Kind, Result};
use crate::stop::Stop;
use packetizer::PacketizedFrame;
use recovery::{Caller, Recovery};
use state::{Shared, State};

/// Ticks of RTP timestamps per second.
const VIDEO_HZ: u32 = 90_000;
const AUDIO_HZ: u32 = 48_000;

/// Initial bandwidth estimate if the encoder has no bitrate.
const DEFAULT_RATE: Bitrate = Bitrate(1_000_000);

/// Bitrate reserved for audio, but never more than a quarter.
const AUDIO_RATE: u64 = 64_000;

/// Share of the estimate for payloads, in percent; the rest is for headers.
const PAYLOAD_PCT: u64 = 95;

/// Time limit for the last retransmission requests.
const MAX_ANSWER_TIME: Duration = Duration::from_millis(500);

/// Interval of checks whether the call is connected.
const STEP: Duration = Duration::from_millis(2);

/// Time limit for the end of a request that is being sent while the output ends.
const END_TIME: Duration = Duration::from_secs(4);

/// Sends to a server.
pub(super) struct WhipOutput {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Deletes the session at the server when it ends.
    recovery: Option<JoinHandle<()>>,
    video_base: Rational,
    audio_base: Rational,
}

impl WhipOutput {
    /// Calls the server and waits for the connection. `rate` is the encoder's bitrate, if it can
    /// follow the link.
    pub(super) fn new(
        url: &Url,
        args: &NetworkOptions,
        offer: &Offer,
        rate: Option<Bitrate>,
        follows: bool,
        clock: Clock,
        stop: &Stop,
    ) -> Result<Self> {
        let start = follows.then_some(rate.unwrap_or(DEFAULT_RATE));
        let caller = Caller {
            url: url.clone(),
            args: args.clone(),
            plans: plans(offer),
            codecs: webrtc::sent_codecs(offer.video.as_ref()),
            start,
            clock,
        };
        let answered = caller.call().map_err(|error| error.failure)?;
        let Answered { call, receiver, session, answer, server } = answered;
        let shared = Arc::new(Shared::new(State::new(call, offer)?, clock));
        let spawn = |name: &str| thread::Builder::new().name(name.to_owned());
        let hearing = Arc::clone(&shared);
        let thread = spawn("call").spawn(move || hearing.run(receiver));
        let recovery = Recovery::new(Arc::clone(&shared), caller, session, answer, server);
        let recovery = spawn("recovery").spawn(move || recovery.run());
        let base = |base: Option<Rational>| base.unwrap_or(Rational::new(1, 1));
        let output = Self {
            shared,
            thread: Some(thread.map_err(Failure::internal)?),
            recovery: Some(recovery.map_err(Failure::internal)?),
            video_base: base(offer.video.as_ref().map(|track| track.time_base)),
            audio_base: base(offer.audio.as_ref().map(|track| track.time_base)),
        };
        output.wait_until_connected(url, stop)?;
        Ok(output)
    }

    fn wait_until_connected(&self, url: &Url, stop: &Stop) -> Result<()> {
        let failed =
            |what: String| Failure::new(Kind::Network, format!("cannot send to {url}: {what}"));
        loop {
            if stop.is_requested() {
                return Err(Failure::new(Kind::Interrupted, "interrupted: not connected yet"));
            }
            {
                let state = self.shared.state();
                if let Some(reason) = &state.closed {
                    return Err(failed(state.call.reason(reason)));
                }
                if state.connected {
                    return state.missing().map_or(Ok(()), |why| Err(failed(why)));
                }
            }
            thread::sleep(STEP);
        }
    }

    /// Deletes the session and ends the call.
    fn end(&mut self) -> Result<()> {
        self.shared.stop();
        let mut ended = Ok(());
        if let Some(recovery) = self.recovery.take() {
            recovery.thread().unpark();
            let end = Instant::now() + END_TIME;
            while !recovery.is_finished() && Instant::now() < end {
                thread::sleep(STEP);
            }
            // Without an answer by then, the server deletes the session because of the end of the call.
            if recovery.is_finished() {
                ended = recovery.join();
            }
        }
        ended = ended.and(self.thread.take().map_or(Ok(()), JoinHandle::join));
        self.shared.state().call.close(self.shared.clock.now());
        ended.map_err(|_| Failure::internal("a network thread ended"))
    }
}

/// The offered media: one line for each medium, synchronised.
fn plans(offer: &Offer) -> Vec<MediaPlan> {
    let stream = webrtc::stream_name();
    let plan = |kind| {
        let (direction, stream) = (Direction::SendOnly, Some(stream.clone()));
        MediaPlan { kind, direction, stream, layers: Vec::new() }
    };
    let video = offer.video.as_ref();
    let video =
        video.map(|_| MediaPlan { layers: offered_layers(offer), ..plan(MediaKind::Video) });
    let audio = offer.audio.as_ref().map(|_| plan(MediaKind::Audio));
    video.into_iter().chain(audio).collect()
}

/// The offered layers of simulcast, the lowest first; empty without simulcast.
fn offered_layers(offer: &Offer) -> Vec<Label> {
    rids(offer.layers).iter().filter_map(|rid| Label::new(rid)).collect()
}

impl LiveOutput for WhipOutput {
    fn request(&mut self, now: Duration, pts: i64) -> FrameRequest {
        let mut request = FrameRequest::at(pts);
        let mut state = self.shared.state();
        // Layers have requests of their own.
        let has_layers = !state.streams.layers().is_empty();
        let only = state.streams.get(0).filter(|_| !has_layers);
        request.key_frame = only.is_some_and(|stream| stream.gate.is_due(now));
        request
    }

    fn layers(&self) -> Vec<bool> {
        self.shared.state().streams.layers()
    }

    fn wants_key_frame(&self, now: Duration, layer: usize) -> bool {
        let mut state = self.shared.state();
        state.streams.get(layer).is_some_and(|stream| stream.gate.is_due(now))
    }

    /// Packets leave immediately: congestion lowers the bandwidth estimate instead.
    fn is_full(&self) -> bool {
        false
    }

    fn video(&mut self, now: Duration, packet: &Packet, captured: Duration) -> Result<()> {
        self.layer(now, 0, packet, captured)
    }

    fn layer(
        &mut self,
        now: Duration,
        layer: usize,
        packet: &Packet,
        captured: Duration,
    ) -> Result<()> {
        let stamp = timestamp(packet.pts, self.video_base, VIDEO_HZ);
        let ntp = self.shared.clock.ntp(captured);
        let capture = AbsCaptureTime { ntp, clock_offset: None };
        let extensions = Extensions { abs_capture_time: Some(capture), ..Extensions::default() };
        let mut state = self.shared.state();
        let Some((mid, payload_type)) = state.video else { return Ok(()) };
        let Some(stream) = state.streams.get(layer) else { return Ok(()) };
        if packet.meta.kind == FrameKind::Key {
            stream.gate.coded(now);
        }
        let PacketizedFrame { packets, dependency } = stream.packetizer.packetize(packet, stamp)?;
        let sent = SentStream { mid, rid: stream.rid };
        let extensions = Extensions { dependency, ..extensions };
        let peer = &mut state.call.peer;
        match peer.send_video(now, sent, payload_type, &packets, captured, &extensions) {
            // The end of the call is reported as an event.
            Ok(_) | Err(SendError::NotConnected) => {}
            Err(error) => return Err(Failure::internal(format!("cannot send a frame: {error}"))),
        }
        let now = self.shared.clock.now();
        state.call.advance(now, None);
        state.settle(now);
        Ok(())
    }

    fn audio(&mut self, now: Duration, packet: &LiveAudioPacket<'_>) -> Result<()> {
        let stamp = timestamp(packet.pts, self.audio_base, AUDIO_HZ);
        let ntp = self.shared.clock.ntp(packet.captured);
        let capture = AbsCaptureTime { ntp, clock_offset: None };
        let extensions = Extensions { abs_capture_time: Some(capture), ..Extensions::default() };
        let mut state = self.shared.state();
        // The server may have rejected audio.
        let Some(mid) = state.audio else { return Ok(()) };
        let LiveAudioPacket { data, captured, .. } = *packet;
        let peer = &mut state.call.peer;
        // A packet that is not accepted counts as lost.
        let _ = peer.send_audio(now, mid, Codec::Opus, data, stamp, false, captured, &extensions);
        state.settle(now);
        Ok(())
    }

    fn poll(&mut self) -> Option<OutputEvent> {
        self.shared.state().events.pop_front()
    }

    fn statistics(&self) -> OutputStats {
        self.shared.state().statistics()
    }

    fn finish(mut self: Box<Self>, _reason: &str) -> Result<()> {
        // The receiver may still request missing packets.
        let round_trip = self.shared.state().statistics().round_trip.unwrap_or_default();
        thread::sleep((2 * round_trip).min(MAX_ANSWER_TIME));
        self.end()
    }
}

impl Drop for WhipOutput {
    fn drop(&mut self) {
        // The command is failing anyway; errors cannot be reported.
        let _ = self.end();
    }
}
