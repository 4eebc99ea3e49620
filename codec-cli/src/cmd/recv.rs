//! `codec recv`.

use std::time::{Duration, Instant};

use codec_net::clock::Clock;
use codec_net::relay::Relay;

use crate::Env;
use crate::args::live::RecvArgs;
use crate::cmd::send::LAST_WAY;
use crate::console::Style;
use crate::failure::{Failure, Kind, Result};
use crate::interrupt;
use crate::json::Object;
use crate::live::figures::{LineFigures, Ticker};
use crate::live::inlet::{InFrame, Inlet, InletEvent, Outcome};
use crate::live::recording::Recording;
use crate::live::ways::{self, In, Wants};

/// How often interruptions and time-outs are looked at.
const TURN: Duration = Duration::from_millis(20);

/// Receives a stream.
pub(crate) fn run(args: &RecvArgs, env: Env) -> Result<()> {
    interrupt::listen();
    let clock = Clock::start();
    let recording = Recording::new(args, env)?;
    let ticker = Ticker::new(env.console, args.network.stats.as_deref(), args.yes)?;
    let wants = Wants { sound: recording.wants_sound(), records: !recording.decodes() };
    let In { inlet, relay } = ways::open_source(&args.url, &args.network, wants, clock)?;
    let mut receiving = Receiving {
        env,
        clock,
        inlet,
        recording,
        ticker,
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
    inlet: Box<dyn Inlet>,
    recording: Recording,
    ticker: Ticker,
    /// When the first frame or sound came, and the last.
    begun: Option<Instant>,
    heard: Instant,
    /// Why the sender says that it ended.
    ended: Option<String>,
}

impl Receiving {
    fn run(&mut self, args: &RecvArgs) -> Result<()> {
        loop {
            if interrupt::stopped() {
                let message = "interrupted: the file is finished";
                return Err(Failure::new(Kind::Interrupted, message));
            }
            let is_over = |limit| self.begun.is_some_and(|begun| begun.elapsed() >= limit);
            if args.network.duration.is_some_and(is_over)
                || args.frames.is_some_and(|limit| self.recording.figures.frames >= limit)
            {
                return Ok(());
            }
            if !args.max_idle.is_zero() && self.heard.elapsed() >= args.max_idle {
                let idle = args.max_idle.as_secs_f64();
                let message = format!("nothing has come for {idle} s");
                return Err(Failure::new(Kind::Network, message));
            }
            if let Some(event) = self.inlet.next(TURN)
                && let Some(end) = self.take(event)
            {
                return end;
            }
            self.tell()?;
        }
    }

    /// Takes what came; the end of the run, if that is it.
    fn take(&mut self, event: InletEvent) -> Option<Result<()>> {
        match event {
            InletEvent::Listening(address) => {
                self.env.console.note(format!("listening on {address}"));
                let event = Object::new().text("type", "listening").text("address", &address);
                self.env.console.event(event);
            }
            InletEvent::Begins(announced, peer) => {
                self.heard = Instant::now();
                let video = announced.video.as_ref().map(|track| track.codec.name());
                let sound = announced.sound.as_ref().map(|track| track.codec.name());
                let what: Vec<_> = video.into_iter().chain(sound).collect();
                self.env.console.note(format!("{peer} sends {}", what.join(" and ")));
                if let Err(failure) = self.recording.begin(*announced) {
                    return Some(Err(failure));
                }
            }
            InletEvent::Frame(frame) => {
                self.touch();
                if let Err(failure) = self.frame(&frame) {
                    return Some(Err(failure));
                }
            }
            InletEvent::Sound(sound) => {
                self.touch();
                if let Err(failure) = self.recording.sound(&sound) {
                    return Some(Err(failure));
                }
            }
            InletEvent::Gap => {
                self.recording.gap();
                self.inlet.ask_for_key();
            }
            InletEvent::End(reason) => {
                self.ended = Some(reason);
                return Some(Ok(()));
            }
            InletEvent::Failed(failure) => return Some(Err(failure)),
            InletEvent::Note(text) => self.env.console.note(text),
        }
        None
    }

    fn touch(&mut self) {
        self.heard = Instant::now();
        self.begun.get_or_insert(self.heard);
    }

    fn frame(&mut self, frame: &InFrame) -> Result<()> {
        let fate = self.recording.frame(frame)?;
        let now = self.clock.now();
        let delay = frame.captured.and_then(|captured| self.clock.since_ntp(now, captured));
        if let Some(delay) = delay.filter(|_| fate.taken) {
            self.ticker.delays.push(delay);
        }
        let outcome = Outcome { decoded: fate.taken, took: fate.took, delay };
        self.inlet.done(now, frame, &outcome);
        if fate.needs_key {
            self.inlet.ask_for_key();
        }
        Ok(())
    }

    fn tell(&mut self) -> Result<()> {
        if !self.ticker.is_due() {
            return Ok(());
        }
        let figures = self.recording.figures;
        let network = self.inlet.figures();
        let line = LineFigures {
            frames: figures.frames,
            bytes: figures.bytes + figures.sound_bytes,
            dropped: figures.dropped,
            lost: network.packets_lost,
            qindex: None,
            round_trip: network.round_trip,
            delay: None,
        };
        let stats = self.stats();
        self.ticker.tell(&line, &stats)
    }

    /// By getStats' names (W3C webrtc-stats).
    fn stats(&self) -> Vec<Object> {
        let figures = self.recording.figures;
        let network = self.inlet.figures();
        let mut video = Object::new()
            .text("type", "inbound-rtp")
            .text("id", "video")
            .text("kind", "video")
            .raw("packetsReceived", network.packets_received)
            .raw("bytesReceived", network.bytes_received)
            .raw("packetsLost", network.packets_lost)
            .raw("packetsDiscarded", network.packets_discarded)
            .raw("retransmittedPacketsReceived", network.retransmitted)
            .raw("fecPacketsRecovered", network.fec_recovered)
            .raw("nackCount", network.nacks)
            .raw("pliCount", network.key_requests)
            .raw("framesReceived", figures.frames + figures.dropped)
            .raw("framesDropped", figures.dropped)
            .raw("keyFramesDecoded", figures.key_frames)
            .raw("freezeCount", network.freezes)
            .float("totalFreezesDuration", network.frozen.as_secs_f64());
        if self.recording.decodes() {
            video = video
                .raw("framesDecoded", figures.frames)
                .float("totalDecodeTime", figures.decode_time.as_secs_f64());
        }
        if let Some(size) = figures.size {
            video = video.raw("frameWidth", size.width).raw("frameHeight", size.height);
        }
        if let Some(delay) = network.jitter_buffer {
            video = video.float("jitterBufferDelay", delay.as_secs_f64());
        }
        let delay = self.ticker.delays.figures();
        video = video.maybe("captureToDecodedMs", delay.map(|delay| delay.json()));
        let mut stats = vec![video];
        if figures.sound_packets > 0 {
            let sound = Object::new()
                .text("type", "inbound-rtp")
                .text("id", "audio")
                .text("kind", "audio")
                .raw("packetsReceived", figures.sound_packets)
                .raw("bytesReceived", figures.sound_bytes);
            stats.push(sound);
        }
        if let Some(round_trip) = network.round_trip {
            let pair = Object::new()
                .text("type", "candidate-pair")
                .text("id", "pair")
                .float("currentRoundTripTime", round_trip.as_secs_f64());
            stats.push(pair);
        }
        stats
    }

    fn finish(mut self, end: Result<()>, relay: Option<&Relay>) -> Result<()> {
        let stats = self.stats();
        self.ticker.write(&stats)?;
        let Self { env, inlet, recording, ticker, ended, .. } = self;
        let network = inlet.figures();
        let reason = match (&ended, &end) {
            (Some(reason), _) => format!("the sender has ended: {reason}"),
            (None, Ok(())) => "enough".to_owned(),
            (None, Err(failure)) => failure.message.clone(),
        };
        let closed = inlet.finish(&reason);
        if let Some(relay) = relay {
            relay.drain(LAST_WAY);
        }
        let figures = recording.figures;
        let seconds = ticker.elapsed().as_secs_f64();
        let output = recording.finish()?;
        let code = end.as_ref().err().map_or(0, |failure| failure.kind as u8);
        let delay = ticker.delays.figures();
        let mut summary = Object::new()
            .text("type", "summary")
            .raw("frames", figures.frames)
            .raw("key_frames", figures.key_frames)
            .raw("dropped", figures.dropped)
            .raw("bytes", figures.bytes)
            .raw("sound_packets", figures.sound_packets)
            .raw("sound_bytes", figures.sound_bytes)
            .raw("packets_lost", network.packets_lost)
            .float("elapsed_s", seconds)
            .maybe("delay_ms", delay.map(|delay| delay.json()))
            .text("reason", &reason)
            .raw("exit_code", code);
        if let Some(relay) = relay {
            summary = summary.raw("netem", netem_json(relay));
        }
        if let Some(output) = &output {
            summary = summary.text("output", output);
        }
        env.console.event(summary);
        if env.console.style != Style::Json {
            let mut text = format!("{} frames, {} bytes", figures.frames, figures.bytes);
            if figures.sound_packets > 0 {
                text.push_str(&format!("; {} packets of sound", figures.sound_packets));
            }
            if network.packets_lost > 0 {
                text.push_str(&format!("; {} packets lost", network.packets_lost));
            }
            if figures.dropped > 0 {
                text.push_str(&format!("; {} frames left out", figures.dropped));
            }
            if let Some(delay) = delay {
                text.push_str(&format!("; {}", delay.text()));
            }
            if end.is_ok() {
                text.push_str(&format!("; {reason}"));
            }
            env.console.note(text);
        }
        end.and(closed)
    }
}

/// What the emulator did.
pub(crate) fn netem_json(relay: &Relay) -> String {
    let stats = relay.stats();
    let direction = |it: codec_net::relay::DirectionStats| {
        Object::new()
            .raw("offered", it.offered)
            .raw("delivered", it.delivered)
            .raw("dropped_by_queue", it.dropped_by_queue)
            .raw("lost", it.lost)
            .finish()
    };
    Object::new()
        .raw("forward", direction(stats.forward))
        .raw("backward", direction(stats.backward))
        .raw("overload", stats.overload)
        .finish()
}
