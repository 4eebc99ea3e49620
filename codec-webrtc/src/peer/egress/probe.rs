//! Padding for probes of the bandwidth.

use super::super::Peer;

/// Maximum number of padding packets for one probe at a time.
const MAX_BURST: usize = 64;

impl Peer {
    /// Sends the padding that is due for the current probe.
    pub(in crate::peer) fn send_padding(&mut self) {
        for _ in 0..MAX_BURST {
            let now = self.now;
            let due = self.congestion.as_ref().and_then(|it| it.padding_time());
            if due.is_none_or(|due| due > now) {
                return;
            }
            let transport = self.egress.transport;
            let mut streams = self.egress.streams.iter_mut();
            let padding = streams.find_map(|it| Some((it.ssrc(), it.padding(now, transport)?)));
            let Some((ssrc, padding)) = padding else {
                // No video was sent yet: there is no stream for padding.
                if let Some(congestion) = &mut self.congestion {
                    congestion.end_probe();
                }
                return;
            };
            self.send_again(ssrc, padding);
        }
    }
}
