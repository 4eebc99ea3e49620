//! Sends a file, a pipe or a live source in real time.

mod adapt;
mod coded;
mod coder;
mod copied;
mod counts;
mod encoder;
mod layer;
mod simulcast;
mod stream_stats;

use std::sync::Arc;
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_net::clock::Clock;
use codec_net::link_emulator::LinkEmulator;
use codec_net::url::{Scheme, Url};

use crate::Env;
use crate::audio::pipeline::AudioPipeline;
use crate::count::counted;
use crate::failure::{Failure, Kind, Result};
use crate::live::connection::parse_url;
use crate::live::losses::Losses;
use crate::live::media::Live;
use crate::live::options::SendOptions;
use crate::live::output::{LiveAudioPacket, LiveOutput, Offer, OutputEvent};
use crate::live::pace::Pace;
use crate::live::source::LiveSource;
use crate::live::statistics::StatsReporter;
use crate::live::totals::{Summary, drain};
use crate::live::transport::{self, Coding, OpenedOutput};
use crate::progress::LiveCounts;

pub use coded::AudioQueue;
use counts::Counts;

/// Maximum time that audio waits.
const TURN: Duration = Duration::from_millis(10);

/// Step in which the beginning of the audio is searched for its first packet, in seconds.
const LEAD_STEP_S: f64 = 0.1;

/// Sends an input.
///
/// # Errors
/// If the input or the connection fails, or options conflict.
pub fn send(args: &SendOptions, env: &Env) -> Result<()> {
    env.stop.handle_requests();
    let url = parse_url(&args.url, Scheme::Whep)?;
    let source = LiveSource::new(args)?;
    if args.copy {
        if args.simulcast.is_some() {
            return Err(Failure::usage("--simulcast cannot be combined with --copy"));
        }
        return copied::run(args, &url, &source, copied::Fallback::No, env).map(drop);
    }
    if copied::is_default(args, &url, &source, env) {
        let refused = copied::run(args, &url, &source, copied::Fallback::Encode, env)?;
        let Some(failure) = refused else { return Ok(()) };
        env.events.note(format!("{}: encoding vp8 instead", failure.message));
    }
    coded::run(args, &url, &source, env)
}

/// Why the input's video stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// End of the input.
    End,
    /// The requested number of frames or duration is reached.
    Enough,
}

/// An active stream.
struct Sending {
    env: Env,
    clock: Clock,
    output: Box<dyn LiveOutput>,
    relay: Option<LinkEmulator>,
    pace: Pace,
    /// Set if the input is live.
    live: Option<Arc<dyn Live>>,
    stats_reporter: StatsReporter,
    counts: Counts,
    /// Limits of the stream set by the user.
    most_frames: Option<u64>,
    most_time: Option<Duration>,
    /// The target bitrate from the network, and the stable link capacity.
    target: Option<(Bitrate, Bitrate)>,
    begun: Duration,
}

impl Sending {
    fn new(
        args: &SendOptions,
        url: &Url,
        offer: &Offer,
        coding: Coding,
        env: &Env,
    ) -> Result<Self> {
        let clock = Clock::start();
        let stats_reporter =
            StatsReporter::new(env.events.clone(), args.network.stats.as_deref(), args.yes)?;
        let OpenedOutput { output, relay } =
            transport::open_output(url, args, offer, coding, clock, env)?;
        Ok(Self {
            env: env.clone(),
            clock,
            output,
            relay,
            pace: Pace::default(),
            live: None,
            stats_reporter,
            counts: Counts::default(),
            most_frames: args.frames,
            most_time: args.extent().1,
            target: None,
            begun: clock.now(),
        })
    }

    /// Marks the input as live, or not.
    fn set_live(&mut self, live: Option<Arc<dyn Live>>) {
        if let Some(live) = &live {
            self.pace = Pace::live(self.clock.now(), live.now_s());
        }
        self.live = live;
    }

    /// Whether the requested duration has passed.
    fn is_over(&self, now: Duration) -> bool {
        self.most_time.is_some_and(|most| now.saturating_sub(self.begun) >= most)
    }

    /// Whether enough was sent.
    fn is_enough(&self, now: Duration) -> bool {
        self.most_frames.is_some_and(|most| self.counts.totals.frames >= most) || self.is_over(now)
    }

    /// Waits until `due` or until the requested duration has passed, and sends audio meanwhile.
    fn wait_until(&mut self, due: Duration, mut audio: Option<&mut OutgoingAudio>) -> Result<()> {
        loop {
            if self.env.stop.is_requested() {
                let message = "interrupted: the stream was ended";
                return Err(Failure::new(Kind::Interrupted, message));
            }
            while let Some(event) = self.output.poll() {
                match event {
                    OutputEvent::Target { rate, steady } => self.target = Some((rate, steady)),
                    OutputEvent::Audio { before, after } => {
                        if let Some(audio) = audio.as_deref_mut() {
                            audio.pipeline.protect(before, after)?;
                        }
                    }
                    #[cfg(feature = "whip")]
                    OutputEvent::Note(text) => self.env.events.note(text),
                    OutputEvent::Left(failure) => return Err(failure),
                }
            }
            let now = self.clock.now();
            if let Some(audio) = audio.as_deref_mut() {
                let until_s = self.pace.media_s(now);
                self.advance(audio, until_s)?;
            }
            self.report_progress()?;
            let now = self.clock.now();
            if now >= due || self.is_over(now) {
                return Ok(());
            }
            std::thread::sleep(due.saturating_sub(now).min(TURN));
        }
    }

    /// Ties media time to the clock, if not done yet: the first frame, at `at_s` of the media, or
    /// earlier audio begins now.
    fn begin(&mut self, audio: Option<&mut OutgoingAudio>, at_s: f64) -> Result<()> {
        if self.pace.has_begun() {
            return Ok(());
        }
        let mut first_s = at_s;
        if let Some(audio) = audio {
            // Not far beyond its first packet: a long lead must not be encoded at once, and endless
            // timestamps must not be searched one by one.
            let (mut until_s, mut step_s) = (audio.offset_s, LEAD_STEP_S);
            while audio.queue.first().is_none() && until_s <= at_s && !audio.pipeline.has_ended() {
                until_s += step_s;
                step_s *= 2.0;
                audio.pipeline.advance(until_s - audio.offset_s, &mut audio.queue)?;
            }
            if let Some(pts) = audio.queue.first() {
                #[expect(clippy::cast_precision_loss, reason = "seconds")]
                let audio_s = (pts + audio.offset_ticks) as f64 * audio.tick_s;
                first_s = first_s.min(audio_s);
            }
        }
        self.pace.due(self.clock.now(), first_s);
        Ok(())
    }

    /// Sends passes over the input, each from where the last one ended: one, or many if it
    /// `repeats`. `pass` gets the time at which it begins, in seconds of the stream, and whether it
    /// has to open the input again; it returns the time at which it ended.
    fn send_passes(
        &mut self,
        repeats: bool,
        mut pass: impl FnMut(&mut Self, f64, bool) -> Result<(Stop, f64)>,
    ) -> Result<()> {
        let (mut begin_s, mut is_again) = (0.0, false);
        loop {
            let (stop, end_s) = pass(self, begin_s, is_again)?;
            if stop == Stop::Enough || !repeats {
                return Ok(());
            }
            (begin_s, is_again) = (end_s, true);
        }
    }

    /// Waits until the frame at `at_s` of the stream is due, and sends audio meanwhile. Returns the
    /// capture time of the frame, or `None` if the stream ends before.
    fn wait_for_frame(
        &mut self,
        mut audio: Option<&mut OutgoingAudio>,
        at_s: f64,
    ) -> Result<Option<Duration>> {
        self.begin(audio.as_deref_mut(), at_s)?;
        let due = self.pace.due(self.clock.now(), at_s);
        self.wait_until(due, audio)?;
        let now = self.clock.now();
        if now < due {
            return Ok(None);
        }
        self.pace.done(due, now);
        Ok(Some(due))
    }

    /// Ends a pass over the input: the last frame is shown for its full duration, with audio.
    fn end_pass(
        &mut self,
        audio: &mut Option<OutgoingAudio>,
        begin_s: f64,
        end_s: f64,
    ) -> Result<Stop> {
        let due = self.pace.due(self.clock.now(), end_s);
        self.wait_until(due, audio.as_mut())?;
        if self.clock.now() < due {
            return Ok(Stop::Enough);
        }
        if let Some(mut audio) = audio.take() {
            audio.pipeline.end_at(end_s - begin_s);
            self.advance(&mut audio, f64::INFINITY)?;
        }
        Ok(Stop::End)
    }

    /// Sends audio up to a media time, in seconds.
    fn advance(&mut self, audio: &mut OutgoingAudio, until_s: f64) -> Result<()> {
        let mut until_s = until_s - audio.offset_s;
        if until_s.is_finite() {
            if let Some(live) = &self.live {
                until_s = until_s.min(live.available_until_s());
            }
            audio.pipeline.advance(until_s, &mut audio.queue)?;
        } else {
            if let Some(live) = &self.live {
                live.close_audio();
            }
            audio.pipeline.finish(&mut audio.queue)?;
        }
        while let Some((data, pts)) = audio.queue.pop_before(until_s / audio.tick_s) {
            let now = self.clock.now();
            let pts = pts + audio.offset_ticks;
            #[expect(clippy::cast_precision_loss, reason = "seconds")]
            let due = self.pace.due(now, pts as f64 * audio.tick_s);
            let packet = LiveAudioPacket { data: &data, pts, captured: due.min(now) };
            self.counts.totals.audio(data.len());
            self.output.audio(now, &packet)?;
        }
        Ok(())
    }

    fn report_progress(&mut self) -> Result<()> {
        if !self.stats_reporter.is_due() {
            return Ok(());
        }
        let network = self.output.statistics();
        self.counts.losses = self.live.as_ref().map(|live| live.losses());
        let counts = &self.counts;
        let line = LiveCounts {
            frames: counts.totals.frames,
            bytes: counts.totals.all_bytes(),
            dropped: counts.totals.dropped,
            lost: 0,
            qindex: counts.qindex,
            round_trip: network.round_trip,
            delay: network.delay,
            layers: counts.layer_counts(),
        };
        let stats = counts.stats(&network);
        let json = crate::json::array(stats.iter().map(|object| object.clone().finish()));
        self.output.stats(&json);
        self.stats_reporter.report(&line, &stats)
    }

    /// Ends the stream and reports the totals.
    fn finish(mut self, end: Result<()>) -> Result<()> {
        let network = self.output.statistics();
        self.counts.losses = self.live.as_ref().map(|live| live.losses());
        let stats = self.counts.stats(&network);
        self.stats_reporter.write(&stats)?;
        let Self { env, output, relay, pace, stats_reporter, counts, .. } = self;
        let reason = match &end {
            Ok(()) => "end of the input",
            Err(failure) if failure.kind == Kind::Interrupted => "interrupted",
            Err(_) => "error at the sender",
        };
        let is_gone = end.as_ref().is_err_and(|failure| failure.kind == Kind::Network);
        let closed = if is_gone { Ok(()) } else { output.finish(reason) };
        drain(relay.as_ref());
        let end = end.and(closed);
        let slipped = pace.slipped();
        let seconds = stats_reporter.elapsed().as_secs_f64();
        let totals = &counts.totals;
        let (frames, bytes, keys) = (totals.frames, totals.bytes, totals.key_frames);
        let mut tail = counts.losses.as_ref().map(Losses::descriptions).unwrap_or_default();
        tail.extend(counts.layers.iter().map(|layer| layer.summary(seconds)));
        tail.push(format!("{:.0} kb/s", counts.kbps(seconds)));
        totals.report(
            &env,
            relay.as_ref(),
            Summary {
                begin: format!(
                    "{} in {seconds:.1} s, {}, {}",
                    counted(frames, "frame"),
                    counted(bytes, "byte"),
                    counted(keys, "key frame")
                ),
                middle: None,
                end: tail,
                more: &|event| {
                    let event = event
                        .raw("packets_sent", network.packets_sent)
                        .float("elapsed_s", seconds)
                        .float("slipped_s", slipped.as_secs_f64());
                    counts.with_layers(counts.with_losses(event))
                },
                outcome: &end,
            },
        );
        if slipped > Duration::ZERO {
            let late = slipped.as_secs_f64();
            env.events.warn(format!("this machine is too slow: the stream ended {late:.1} s late"));
        }
        end
    }
}

/// Audio that is sent together with the video.
struct OutgoingAudio {
    pipeline: AudioPipeline,
    queue: AudioQueue,
    /// Seconds per tick of its track.
    tick_s: f64,
    /// Start of this pass over the input.
    offset_s: f64,
    offset_ticks: i64,
}
