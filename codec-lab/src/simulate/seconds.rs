//! Totals of each second of a simulation: bytes sent, packets dropped, delay and quality.

use std::time::Duration;

use codec_core::codec::Bitrate;

/// Totals of one second.
#[derive(Clone, Debug, Default)]
pub(super) struct Second {
    /// The encoder's target at the last frame.
    pub(super) target: Option<Bitrate>,
    /// Bytes put on the link, including overhead.
    pub(super) sent_bytes: u64,
    pub(super) retransmitted_bytes: u64,
    pub(super) arrived_bytes: u64,
    /// Packets dropped by the queue.
    pub(super) dropped: u64,
    /// The longest queueing delay.
    pub(super) queueing: Duration,
    /// PSNR of the screen contents for the frames captured in this second.
    pub(super) psnr_y: Vec<f64>,
    pub(super) frozen: u64,
}

/// All seconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Seconds {
    seconds: Vec<Second>,
}

/// Maximum number of seconds; later events count for the last one.
const MOST: usize = 100_000;

impl Seconds {
    pub(super) fn at(&mut self, time: Duration) -> &mut Second {
        let index = usize::try_from(time.as_secs()).unwrap_or(MOST).min(MOST - 1);
        if self.seconds.len() <= index {
            self.seconds.resize_with(index + 1, Second::default);
        }
        &mut self.seconds[index]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Second> {
        self.seconds.iter()
    }
}
