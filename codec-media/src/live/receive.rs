//! Receives a stream, and records or decodes it.

use std::time::{Duration, Instant};

use codec_net::clock::Clock;
use codec_net::link_emulator::LinkEmulator;

use super::options::ReceiveOptions;
use crate::Env;
use crate::count::counted;
use crate::failure::{Failure, Kind, Result};
use crate::json::Object;
use crate::live::e2ee;
use crate::live::input::{
    InboundStats, InputEvent, LiveInput, Outcome, ReceivedAudio, ReceivedFrame,
};
use crate::live::playout::Playout;
use crate::live::recording::Recording;
use crate::live::statistics::StatsReporter;
use crate::live::totals::{Summary, drain, pair, seconds, stats_object};
use crate::live::transport::{self, OpenedInput, Wants};
use crate::progress::LiveCounts;

/// Interval of checks for interrupts and timeouts.
const TURN: Duration = Duration::from_millis(20);

/// Receives a stream and records it, until it ends or [`Env::stop`] is requested.
///
/// ```no_run
/// use codec_media::Env;
/// use codec_media::events::Events;
/// use codec_media::live::options::ReceiveOptions;
/// use codec_media::live::receive::receive;
///
/// # fn main() -> codec_media::failure::Result<()> {
/// let env = Env::new(Events::none());
/// // The recording ends after a minute.
/// let stop = env.stop.clone();
/// std::thread::spawn(move || {
///     std::thread::sleep(std::time::Duration::from_secs(60));
///     stop.request();
/// });
/// let options = ReceiveOptions::new("udp://0.0.0.0:5004", Some("call.webm".into()));
/// receive(&options, &env)
/// # }
/// ```
///
/// # Errors
/// If the connection or the output fails, or options conflict.
pub fn receive(args: &ReceiveOptions, env: &Env) -> Result<()> {
    env.stop.handle_requests();
    let clock = Clock::start();
    let recording = Recording::new(args, env)?;
    let stats_reporter =
        StatsReporter::new(env.events.clone(), args.network.stats.as_deref(), args.yes)?;
    let wants = Wants { audio: recording.wants_audio(), records: !recording.decodes() };
    let OpenedInput { input, relay } =
        transport::open_source(&args.url, &args.network, wants, clock)?;
    let mut receiving = Receiving {
        env: env.clone(),
        clock,
        input,
        recording,
        stats_reporter,
        playout: Playout::default(),
        begun: None,
        heard: Instant::now(),
        ended: None,
    };
    let end = receiving.run(args);
    receiving.finish(end, relay.as_ref())
}

struct Receiving {
    env: Env,
    clock: Clock,
    input: Box<dyn LiveInput>,
    recording: Recording,
    stats_reporter: StatsReporter,
    playout: Playout,
    /// Times of the first and the last received frame or audio.
    begun: Option<Instant>,
    heard: Instant,
    /// The sender's stated reason for its end.
    ended: Option<String>,
}

impl Receiving {
    fn run(&mut self, args: &ReceiveOptions) -> Result<()> {
        loop {
            if self.env.stop.is_requested() {
                let message = "interrupted: the file was finalised";
                return Err(Failure::new(Kind::Interrupted, message));
            }
            let is_over = |limit| self.begun.is_some_and(|begun| begun.elapsed() >= limit);
            if args.network.duration.is_some_and(is_over)
                || args.frames.is_some_and(|limit| self.recording.statistics.totals.frames >= limit)
            {
                return Ok(());
            }
            if !args.max_idle.is_zero() && self.heard.elapsed() >= args.max_idle {
                let idle = args.max_idle.as_secs_f64();
                let mut message = format!("timeout: no data received for {idle} s");
                let unused = self.input.statistics().unused;
                if let (None, Some(why)) = (self.begun, unused.explain()) {
                    message = format!("timeout: no usable data received for {idle} s: {why}");
                }
                return Err(Failure::new(Kind::Network, message));
            }
            if let Some(event) = self.input.next(TURN)
                && let Some(end) = self.take(event)
            {
                return end;
            }
            self.report_progress()?;
        }
    }

    /// Handles an event; returns the result of the run if the event ends it.
    fn take(&mut self, event: InputEvent) -> Option<Result<()>> {
        match event {
            InputEvent::Listening(address) => {
                self.env.events.note(format!("listening on {address}"));
                let event = Object::new().text("type", "listening").text("address", &address);
                self.env.events.event(event);
            }
            InputEvent::Begins(announced, peer) => {
                self.heard = Instant::now();
                let video = announced.video.as_ref().map(|track| track.codec.name());
                let audio = announced.audio.as_ref().map(|track| track.codec.name());
                let what: Vec<_> = video.into_iter().chain(audio).collect();
                self.env.events.note(format!("receiving {} from {peer}", what.join(" and ")));
                if let Err(failure) = self.recording.begin(*announced) {
                    return Some(Err(failure));
                }
            }
            InputEvent::Restarts(announced, peer) => {
                self.heard = Instant::now();
                let note = format!("new sender session from {peer}: the recording continues");
                self.env.events.note(note);
                let event = Object::new().text("type", "restart").text("address", &peer);
                self.env.events.event(event);
                self.recording.restart(&announced);
                self.playout = Playout::default();
                self.input.request_key_frame();
            }
            InputEvent::Frame(frame) => {
                self.touch();
                if let Err(failure) = self.frame(&frame) {
                    return Some(Err(failure));
                }
            }
            InputEvent::Audio(audio) => {
                self.touch();
                if let Err(failure) = self.audio(&audio) {
                    return Some(Err(failure));
                }
            }
            InputEvent::Gap => {
                self.recording.gap();
                self.input.request_key_frame();
            }
            InputEvent::End(reason) => {
                self.ended = Some(reason);
                return Some(Ok(()));
            }
            InputEvent::Failed(failure) => return Some(Err(failure)),
            InputEvent::Note(text) => self.env.events.note(text),
        }
        None
    }

    fn touch(&mut self) {
        self.heard = Instant::now();
        self.begun.get_or_insert(self.heard);
    }

    fn frame(&mut self, frame: &ReceivedFrame) -> Result<()> {
        let fate = self.recording.frame(frame)?;
        let now = self.clock.now();
        let delay = frame.times.captured.and_then(|captured| self.clock.since_ntp(now, captured));
        if let Some(delay) = delay.filter(|_| fate.taken) {
            self.stats_reporter.delays.push(delay);
        }
        if fate.taken {
            self.playout.video.push(now, &frame.times, self.clock);
        }
        let outcome = Outcome { decoded: fate.taken, took: fate.took, delay };
        self.input.done(now, frame, &outcome);
        if fate.needs_key {
            self.input.request_key_frame();
        }
        Ok(())
    }

    fn audio(&mut self, audio: &ReceivedAudio) -> Result<()> {
        self.recording.audio(audio)?;
        self.playout.audio.push(self.clock.now(), &audio.times, self.clock);
        Ok(())
    }

    fn report_progress(&mut self) -> Result<()> {
        if !self.stats_reporter.is_due() {
            return Ok(());
        }
        let statistics = self.recording.statistics;
        let network = self.input.statistics();
        let line = LiveCounts {
            frames: statistics.totals.frames,
            bytes: statistics.totals.all_bytes(),
            dropped: statistics.totals.dropped,
            lost: lost(&network.video),
            qindex: None,
            round_trip: network.round_trip,
            delay: None,
            layers: Default::default(),
        };
        let stats = self.stats();
        self.stats_reporter.report(&line, &stats)
    }

    /// Statistics with getStats names (W3C webrtc-stats).
    fn stats(&self) -> Vec<Object> {
        let now = self.clock.now();
        let statistics = self.recording.statistics;
        let network = self.input.statistics();
        let mut video = inbound("video", &network.video)
            .raw("framesReceived", statistics.totals.frames + statistics.totals.dropped)
            .raw("framesDropped", statistics.totals.dropped)
            .raw("keyFramesDecoded", statistics.totals.key_frames)
            .raw("nackCount", network.video.nacks)
            .raw("pliCount", network.video.key_requests)
            .raw("freezeCount", network.freezes)
            .float("totalFreezesDuration", network.frozen.as_secs_f64());
        if self.recording.decodes() {
            video = video
                .raw("framesDecoded", statistics.totals.frames)
                .float("totalDecodeTime", statistics.decode_time.as_secs_f64());
        }
        if let Some(size) = statistics.size {
            video = video.raw("frameWidth", size.width).raw("frameHeight", size.height);
        }
        if let Some(delay) = network.jitter_buffer {
            video = video.float("jitterBufferDelay", delay.as_secs_f64());
        }
        if let Some(ms) = self.playout.video.estimated_ms(now, self.clock) {
            video = video.float("estimatedPlayoutTimestamp", ms);
        }
        let delay = self.stats_reporter.delays.statistics();
        video = video.maybe("captureToDecodedMs", delay.map(|delay| delay.json()));
        let mut stats = vec![video];
        if network.audio.packets > 0 {
            let mut audio = inbound("audio", &network.audio);
            if let Some(ms) = self.playout.audio.estimated_ms(now, self.clock) {
                audio = audio.float("estimatedPlayoutTimestamp", ms);
            }
            if let Some(ms) = self.playout.audio_video_offset_ms() {
                audio = audio.float("audioVideoOffsetMs", ms);
            }
            stats.push(audio);
        }
        let (packets, bytes) = (network.packets_received, network.bytes_received);
        stats.push(pair("Received", packets, bytes, network.round_trip));
        stats
    }

    fn finish(mut self, end: Result<()>, relay: Option<&LinkEmulator>) -> Result<()> {
        let stats = self.stats();
        self.stats_reporter.write(&stats)?;
        let Self { env, input, recording, stats_reporter, ended, .. } = self;
        let network = input.statistics();
        let lost = lost(&network.video);
        let interrupted = end.as_ref().is_err_and(|failure| failure.kind == Kind::Interrupted);
        let end = match e2ee::explain(network.decryption).filter(|_| !interrupted) {
            Some(failure) => Err(failure),
            None => end,
        };
        let decrypt_failures = network.decryption.map_or(0, |decryption| decryption.rejected());
        let reason = match (&ended, &end) {
            (Some(reason), _) => format!("the sender ended the stream: {reason}"),
            (None, Ok(())) => "limit of time or frames reached".to_owned(),
            (None, Err(failure)) => failure.message.clone(),
        };
        let closed = input.finish(&reason);
        drain(relay);
        let totals = recording.statistics.totals;
        let elapsed_s = stats_reporter.elapsed().as_secs_f64();
        let output = recording.finish()?;
        let delay = stats_reporter.delays.statistics();
        let more = |event: Object| {
            let event = match network.decryption {
                Some(decryption) => event.raw("decrypt_failures", decryption.rejected()),
                None => event,
            };
            let event = event
                .raw("packets_lost", lost)
                .float("elapsed_s", elapsed_s)
                .maybe("delay_ms", delay.map(|delay| delay.json()))
                .text("reason", &reason);
            match &output {
                Some(output) => event.text("output", output),
                None => event,
            }
        };
        let delay_text = delay.map(|delay| delay.text());
        totals.report(
            &env,
            relay,
            Summary {
                begin: format!(
                    "{}, {}",
                    counted(totals.frames, "frame"),
                    counted(totals.bytes, "byte")
                ),
                middle: (lost > 0).then(|| format!("{} lost", counted(lost, "packet"))),
                end: delay_text
                    .into_iter()
                    .chain(
                        (decrypt_failures > 0).then(|| {
                            format!("{} not decryptable", counted(decrypt_failures, "frame"))
                        }),
                    )
                    .chain(end.is_ok().then(|| reason.clone()))
                    .collect(),
                more: &more,
                outcome: &end,
            },
        );
        end.and(closed)
    }
}

/// Missing packets.
fn lost(stream: &InboundStats) -> u64 {
    u64::try_from(stream.lost).unwrap_or(0)
}

fn inbound(kind: &str, stream: &InboundStats) -> Object {
    let mut object = stats_object("inbound-rtp", kind)
        .text("kind", kind)
        .raw("packetsReceived", stream.packets)
        .raw("bytesReceived", stream.bytes);
    if let Some(bytes) = stream.header_bytes {
        object = object.raw("headerBytesReceived", bytes);
    }
    object = object.raw("packetsLost", stream.lost).raw("packetsDiscarded", stream.discarded);
    if let Some(jitter) = stream.jitter {
        object = object.raw("jitter", seconds(jitter));
    }
    if let Some(repair) = stream.repair {
        object = object
            .raw("retransmittedPacketsReceived", repair.retransmitted)
            .raw("retransmittedBytesReceived", repair.retransmitted_bytes)
            .raw("fecPacketsReceived", repair.fec)
            .raw("fecBytesReceived", repair.fec_bytes);
    }
    object.raw("fecPacketsRecovered", stream.fec_recovered)
}
