//! Output: decodes or conceals step by step until there is enough to play.

use super::conceal::Fade;
use super::config::PULL_FRAMES;
use super::decoder::{PayloadUse, scale};
use super::packet_buffer::BufferedPayload;
use super::pcm::OVERLAP;
use super::{AudioBuffer, Concealment, PulledKind, RATE};

/// Maximum number of steps per pull; each decodes a packet or conceals.
const MAX_STEPS: usize = 64;

/// Maximum length of one concealment step in sample frames.
const MAX_CONCEALED_AT_ONCE: usize = PULL_FRAMES;

/// Maximum number of concealed sample frames credited against a gap: 20 s.
const MAX_CREDIT: usize = 960_000;

impl AudioBuffer {
    /// Decodes or conceals until 10 ms of audio are available.
    pub(super) fn fill(&mut self, now_us: i64) -> PulledKind {
        let mut kind = PulledKind::Decoded;
        for _ in 0..MAX_STEPS {
            if self.pcm.ahead() >= PULL_FRAMES {
                return kind;
            }
            kind = self.step(now_us);
        }
        // Packets that decode to nothing.
        let missing = PULL_FRAMES.saturating_sub(self.pcm.ahead());
        if missing > 0 {
            kind = self.play_silence(missing);
        }
        kind
    }

    fn step(&mut self, now_us: i64) -> PulledKind {
        self.drop_passed();
        if self.paused {
            return self.wait_or_begin(now_us);
        }
        let (Some(first), Some(at)) = (self.store.first(), self.decoded_to) else {
            return self.underrun();
        };
        let gap = first.timestamp.saturating_sub(at);
        if gap <= 0 {
            return self.play_first(now_us, gap.unsigned_abs());
        }
        if self.concealed_credit > 0 {
            // Audio concealed earlier already covers the start of the gap.
            let used = self.concealed_credit.min(self.frames(gap).max(1));
            self.concealed_credit -= used;
            self.decoded_to = Some(at.saturating_add(self.ticks(used).clamp(1, gap)));
            return PulledKind::Concealed;
        }
        let follows = self.last_sequence.is_some_and(|last| first.sequence == last + 1);
        if follows && first.redundancy == 0 || self.dtx {
            // No packet was lost: the sender was silent.
            self.paused = true;
            return self.wait_or_begin(now_us);
        }
        let copied = if first.has_fec { first.duration } else { 0 };
        if copied > 0 && gap <= copied {
            return self.play_in_band_fec(now_us, gap);
        }
        let missing = self.frames(gap - copied).clamp(1, MAX_CONCEALED_AT_ONCE);
        if self.fade().is_over(self.concealment.frames) {
            // A long loss is treated as a pause: the next packet waits for the target delay.
            self.paused = true;
            return self.wait_or_begin(now_us);
        }
        let kind = self.conceal(missing);
        self.decoded_to = Some(at.saturating_add(self.ticks(missing).clamp(1, gap)));
        kind
    }

    /// Drops packets whose playout time has passed.
    fn drop_passed(&mut self) {
        while let Some(first) = self.store.first()
            && self.decoded_to.is_some_and(|to| first.end().max(first.timestamp + 1) <= to)
        {
            if let Some(passed) = self.store.take_first() {
                self.discard(passed);
            }
        }
    }

    /// During a pause, starts with the first packet once it has waited for the target delay.
    fn wait_or_begin(&mut self, now_us: i64) -> PulledKind {
        let target = self.target_us(now_us);
        let due = self.store.first().is_some_and(|first| {
            self.delay_of(now_us, first.timestamp).is_none_or(|delay| delay >= target)
        });
        if !due {
            return self.play_silence(PULL_FRAMES);
        }
        self.drop_stale(now_us);
        let Some(first) = self.store.first() else { return self.play_silence(PULL_FRAMES) };
        self.decoded_to = Some(first.timestamp);
        self.paused = false;
        self.dtx = false;
        self.concealed_credit = 0;
        self.concealment.is_discontinuous = true;
        self.delay_control.reset();
        self.play_first(now_us, 0)
    }

    /// Handles an empty buffer. The timeline stops, since the next packet may be late or follow a
    /// loss.
    fn underrun(&mut self) -> PulledKind {
        if self.dtx || self.fade().is_over(self.concealment.frames) {
            self.paused = true;
            return self.play_silence(PULL_FRAMES);
        }
        self.concealed_credit = (self.concealed_credit + PULL_FRAMES).min(MAX_CREDIT);
        self.conceal(PULL_FRAMES)
    }

    /// Decodes the first buffered packet and skips its first `passed` ticks.
    pub(super) fn play_first(&mut self, now_us: i64, passed: u64) -> PulledKind {
        let Some(packet) = self.store.take_first() else { return PulledKind::Silence };
        if packet.has_fec {
            // The in-band FEC of this packet was not needed.
            self.stats.fec_packets_discarded += 1;
        }
        let mut samples = std::mem::take(&mut self.scratch);
        samples.clear();
        let played = self.decode(&packet, &mut samples);
        if played == Some(PulledKind::Decoded) {
            let channels = usize::from(self.config.channels);
            let all = samples.len() / channels;
            let passed = i64::try_from(passed).unwrap_or(i64::MAX);
            let skipped = self.frames(passed).min(all);
            let to = packet.timestamp.saturating_add(self.ticks(all));
            self.decoded_to = Some(self.decoded_to.map_or(to, |at| at.max(to)));
            let rest = samples.get(skipped * channels..).unwrap_or_default();
            self.observe_noise(rest);
            self.count_emitted(now_us, packet.arrived_us, all - skipped);
            if packet.redundancy > 0 {
                self.stats.recovered_samples += (all - skipped) as u64;
            }
            self.join(rest, skipped > 0);
            // DTX continues until another packet arrives.
            self.dtx = all == 0;
        }
        self.scratch = samples;
        self.last_sequence = Some(packet.sequence);
        self.store.recycle(packet.payload);
        played.unwrap_or(PulledKind::Concealed)
    }

    /// Decodes a packet into `samples`; `None` on failure.
    fn decode(&mut self, packet: &BufferedPayload, samples: &mut Vec<f32>) -> Option<PulledKind> {
        let format =
            self.formats.iter_mut().find(|format| format.payload_type == packet.payload_type)?;
        let source = match &mut format.usage {
            PayloadUse::Audio(source) => source,
            PayloadUse::ComfortNoise => {
                // RFC 3389, section 3.1; the optional spectral information is not used.
                if let Some(&level) = packet.payload.first() {
                    self.noise.set_level(level);
                }
                self.decoded_to = Some(packet.timestamp.max(self.decoded_to.unwrap_or(i64::MIN)));
                self.dtx = true;
                self.paused = true;
                return Some(PulledKind::Silence);
            }
        };
        let glance = source.inspect(&packet.payload, format.clock_rate);
        if !source.decode(&packet.payload, samples) {
            self.stats.invalid_packets += 1;
            return None;
        }
        let frames = samples.len() / usize::from(self.config.channels);
        let ticks = scale(i64::try_from(frames).unwrap_or(0), RATE, format.clock_rate);
        source.remember_duration(ticks, frames);
        self.current = Some(packet.payload_type);
        if glance.is_dtx {
            // The decoder state is updated, but its noise is no better than our comfort noise.
            self.decoded_to = Some(packet.end());
            self.dtx = true;
            self.paused = true;
            return Some(PulledKind::Silence);
        }
        Some(PulledKind::Decoded)
    }

    /// Recovers the end of the gap, `gap` ticks, from in-band FEC in the following packet.
    fn play_in_band_fec(&mut self, now_us: i64, gap: i64) -> PulledKind {
        let Some(mut first) = self.store.take_first() else { return PulledKind::Silence };
        let frames = self.frames(first.duration);
        let mut samples = std::mem::take(&mut self.scratch);
        samples.clear();
        let payload_type = first.payload_type;
        let source = match self.format_of(payload_type).map(|format| &mut format.usage) {
            Some(PayloadUse::Audio(source)) => Some(source),
            _ => None,
        };
        let done =
            source.is_some_and(|source| source.recover(frames, Some(&first.payload), &mut samples));
        first.has_fec = false;
        if done {
            let channels = usize::from(self.config.channels);
            let all = samples.len() / channels;
            let skipped = all.saturating_sub(self.frames(gap));
            let rest = samples.get(skipped * channels..).unwrap_or_default();
            self.decoded_to = Some(first.timestamp);
            self.count_emitted(now_us, first.arrived_us, all - skipped);
            self.stats.recovered_samples += (all - skipped) as u64;
            self.join(rest, skipped > 0);
        } else {
            self.stats.fec_packets_discarded += 1;
        }
        self.store.insert(first);
        self.scratch = samples;
        if done { PulledKind::Decoded } else { PulledKind::Concealed }
    }

    /// Fade-out of the current concealment.
    fn fade(&mut self) -> Fade {
        match self.current_decoder() {
            Some(source) if source.conceals() => Fade::DECODER,
            _ => Fade::REPEATED,
        }
    }

    /// Conceals `frames` sample frames.
    fn conceal(&mut self, frames: usize) -> PulledKind {
        let channels = usize::from(self.config.channels);
        let fade = self.fade();
        let made = self.concealment.frames;
        if made == 0 {
            self.stats.concealment_events += 1;
            self.extrapolation.begin(&self.pcm);
        }
        let mut samples = std::mem::take(&mut self.scratch);
        samples.clear();
        let by_decoder = self.conceal_by_decoder(frames, &mut samples);
        if !by_decoder {
            self.extrapolation.fill(channels, frames, &mut samples);
        }
        fade.apply(made, &mut samples, channels, &mut self.noise);
        self.pcm.append(&samples);
        self.scratch = samples;
        self.concealment =
            Concealment { frames: made + frames, by_decoder, is_discontinuous: false };
        self.stats.concealed_samples += frames as u64;
        PulledKind::Concealed
    }

    /// Lets the decoder conceal `frames` sample frames, if it can. Works in whole packets, because
    /// some decoders extrapolate speech worse in parts; the excess is kept for the next call.
    fn conceal_by_decoder(&mut self, frames: usize, samples: &mut Vec<f32>) -> bool {
        let wanted = frames * usize::from(self.config.channels);
        let mut reserve = std::mem::take(&mut self.reserve);
        if let Some(source) = self.current_decoder().filter(|source| source.conceals()) {
            while reserve.len() < wanted && source.recover_packet(&mut reserve) {}
        }
        let done = reserve.len() >= wanted;
        if done {
            samples.extend(reserve.drain(..wanted));
        }
        self.reserve = reserve;
        done
    }

    /// Appends silence or comfort noise.
    fn play_silence(&mut self, frames: usize) -> PulledKind {
        let mut samples = std::mem::take(&mut self.scratch);
        samples.clear();
        self.noise.fill(frames, &mut samples);
        if self.concealment.frames == 0 {
            self.extrapolation.begin(&self.pcm);
            self.append_over(&samples, OVERLAP);
        } else {
            self.pcm.append(&samples);
        }
        self.scratch = samples;
        // Long enough for the next audio to be cross-faded.
        self.concealment = Concealment {
            frames: self.concealment.frames.saturating_add(frames),
            by_decoder: false,
            is_discontinuous: true,
        };
        if self.decoded_to.is_some() {
            self.stats.concealed_samples += frames as u64;
            self.stats.silent_concealed_samples += frames as u64;
        }
        PulledKind::Silence
    }

    /// Appends decoded audio, with a cross-fade if it does not continue the previous audio.
    fn join(&mut self, samples: &[f32], is_cut: bool) {
        let state = std::mem::take(&mut self.concealment);
        self.concealed_credit = 0;
        let at_full_level = !state.by_decoder || state.frames <= PULL_FRAMES * 6;
        let continues = state.frames == 0 || state.by_decoder && at_full_level;
        let channels = usize::from(self.config.channels);
        if !state.is_discontinuous && state.by_decoder && self.reserve.len() >= OVERLAP * channels {
            // The decoder has already extrapolated the previous audio.
            let noise = &mut self.noise;
            Fade::DECODER.apply(state.frames, &mut self.reserve, channels, noise);
            self.pcm
                .append_over(samples, self.reserve.get(..OVERLAP * channels).unwrap_or_default());
        } else if continues && !is_cut && !state.is_discontinuous && self.reserve.is_empty() {
            self.pcm.append(samples);
        } else {
            self.extrapolation.begin(&self.pcm);
            self.append_over(samples, OVERLAP);
        }
        self.reserve.clear();
    }

    fn append_over(&mut self, samples: &[f32], frames: usize) {
        let mut before = std::mem::take(&mut self.extended);
        before.clear();
        self.extrapolation.fill(usize::from(self.config.channels), frames, &mut before);
        self.pcm.append_over(samples, &before);
        self.extended = before;
    }

    /// Updates the background noise estimate.
    fn observe_noise(&mut self, samples: &[f32]) {
        let channels = usize::from(self.config.channels);
        for block in samples.chunks(PULL_FRAMES * channels) {
            self.noise.observe(block, channels);
        }
    }
}
