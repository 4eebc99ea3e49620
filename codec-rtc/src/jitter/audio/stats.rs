//! Counters with the names of getStats.

use std::time::Duration;

/// Counters of an audio jitter buffer. Names follow `RTCInboundRtpStreamStats` of the W3C WebRTC
/// Statistics API if it defines them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct AudioBufferStats {
    /// `jitterBufferDelay`: time that emitted samples spent in the buffer, summed over samples.
    pub jitter_buffer_delay: Duration,
    /// `jitterBufferEmittedCount`: samples that left the buffer, excluding concealed ones.
    pub jitter_buffer_emitted_count: u64,
    /// `jitterBufferTargetDelay`: target delay when samples were emitted, summed over samples.
    pub jitter_buffer_target_delay: Duration,
    /// `jitterBufferMinimumDelay`: target delay required by the network only, summed over samples.
    pub jitter_buffer_minimum_delay: Duration,
    /// `totalSamplesReceived`: samples per channel that were pulled.
    pub total_samples_received: u64,
    /// `concealedSamples`: samples concealed, including pauses.
    pub concealed_samples: u64,
    /// `silentConcealedSamples`: concealed samples that are silence or comfort noise.
    pub silent_concealed_samples: u64,
    /// `concealmentEvents`: number of times that concealment started.
    pub concealment_events: u64,
    /// `insertedSamplesForDeceleration`: samples added by time stretching.
    pub inserted_samples_for_deceleration: u64,
    /// `removedSamplesForAcceleration`: samples removed by time stretching.
    pub removed_samples_for_acceleration: u64,
    /// `packetsDiscarded`: packets late, duplicate or too early to be buffered.
    pub packets_discarded: u64,
    /// `fecPacketsReceived`: redundant payloads (RED) and packets with in-band FEC.
    pub fec_packets_received: u64,
    /// `fecPacketsDiscarded`: redundant payloads, and packets with in-band FEC, that were late or
    /// not needed.
    pub fec_packets_discarded: u64,
    /// Packets pushed.
    pub packets_received: u64,
    /// Discarded packets that were late.
    pub late_packets: u64,
    /// Discarded packets that were duplicates.
    pub duplicate_packets: u64,
    /// Invalid packets: empty, too long, of an unknown payload type, or undecodable.
    pub invalid_packets: u64,
    /// Number of restarts: SSRC changes and timestamp jumps.
    pub restarts: u64,
    /// Samples recovered from redundant payloads or in-band FEC.
    pub recovered_samples: u64,
}

impl AudioBufferStats {
    /// Mean time of a sample in the buffer; 0 before the first.
    #[must_use]
    pub fn mean_delay(&self) -> Duration {
        per_sample(self.jitter_buffer_delay, self.jitter_buffer_emitted_count)
    }

    /// Mean target delay; 0 before the first sample.
    #[must_use]
    pub fn mean_target_delay(&self) -> Duration {
        per_sample(self.jitter_buffer_target_delay, self.jitter_buffer_emitted_count)
    }

    /// Share of pulled samples that were concealed, excluding pauses.
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

/// `each` multiplied by `samples`.
pub(super) fn for_samples(each: Duration, samples: usize) -> Duration {
    each.saturating_mul(u32::try_from(samples).unwrap_or(u32::MAX))
}
