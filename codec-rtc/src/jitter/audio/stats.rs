//! Counters under the names of getStats.

use std::time::Duration;

/// Counters of an audio buffer. Those that W3C's Identifiers for WebRTC's Statistics API (section
/// `RTCInboundRtpStreamStats`) has are called as there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct AudioBufferStats {
    /// `jitterBufferDelay`: time that each emitted sample spent here, summed over samples.
    pub jitter_buffer_delay: Duration,
    /// `jitterBufferEmittedCount`: samples that left the buffer, made up ones left out.
    pub jitter_buffer_emitted_count: u64,
    /// `jitterBufferTargetDelay`: the target delay when each emitted sample left, summed.
    pub jitter_buffer_target_delay: Duration,
    /// `jitterBufferMinimumDelay`: the same of the target that the network alone asks for.
    pub jitter_buffer_minimum_delay: Duration,
    /// `totalSamplesReceived`: samples of each channel that were pulled.
    pub total_samples_received: u64,
    /// `concealedSamples`: samples that were made up in place of ones that did not come, those of
    /// pauses included.
    pub concealed_samples: u64,
    /// `silentConcealedSamples`: those of them that are silence or comfort noise.
    pub silent_concealed_samples: u64,
    /// `concealmentEvents`: times that concealment began.
    pub concealment_events: u64,
    /// `insertedSamplesForDeceleration`.
    pub inserted_samples_for_deceleration: u64,
    /// `removedSamplesForAcceleration`.
    pub removed_samples_for_acceleration: u64,
    /// `packetsDiscarded`: packets that came too late, twice, or too early to be kept.
    pub packets_discarded: u64,
    /// `fecPacketsReceived`: redundant payloads (RED) and packets with an in-band copy of the frame
    /// before.
    pub fec_packets_received: u64,
    /// `fecPacketsDiscarded`: those that were not needed or came too late.
    pub fec_packets_discarded: u64,
    /// Packets that were pushed.
    pub packets_received: u64,
    /// Of the discarded packets: those that came after their time.
    pub late_packets: u64,
    /// Of the discarded packets: those that had come before.
    pub duplicate_packets: u64,
    /// Packets that are none: empty, too long, of an unknown payload type, or undecodable.
    pub invalid_packets: u64,
    /// Times that the buffer began anew: another source, a jump of the timestamps.
    pub restarts: u64,
    /// Samples that came out of redundant payloads or in-band copies.
    pub recovered_samples: u64,
}

impl AudioBufferStats {
    /// Mean time that a sample spent in the buffer; 0 before the first.
    #[must_use]
    pub fn mean_delay(&self) -> Duration {
        per_sample(self.jitter_buffer_delay, self.jitter_buffer_emitted_count)
    }

    /// Mean target delay; 0 before the first sample.
    #[must_use]
    pub fn mean_target_delay(&self) -> Duration {
        per_sample(self.jitter_buffer_target_delay, self.jitter_buffer_emitted_count)
    }

    /// Share of the pulled samples that were made up in place of lost ones, pauses left out.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub fn concealed_share(&self) -> f64 {
        let audible = self.concealed_samples.saturating_sub(self.silent_concealed_samples);
        audible as f64 / self.total_samples_received.max(1) as f64
    }
}

fn per_sample(sum: Duration, samples: u64) -> Duration {
    let nanos = sum.as_nanos() / u128::from(samples.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// `each` for `samples` samples.
pub(super) fn for_samples(each: Duration, samples: usize) -> Duration {
    each.saturating_mul(u32::try_from(samples).unwrap_or(u32::MAX))
}
