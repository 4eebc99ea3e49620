//! Data channels (RFC 8831).

use std::time::Duration;

use str0m::channel::{ChannelConfig, Reliability};

use super::{Peer, SendError, State};
use crate::{Channel, ChannelSettings};

impl ChannelSettings {
    pub(super) fn to_stack(&self) -> ChannelConfig {
        let reliability = self.max_retransmissions.map_or(Reliability::Reliable, |retransmits| {
            Reliability::MaxRetransmits { retransmits }
        });
        ChannelConfig {
            label: self.label.clone(),
            ordered: self.ordered,
            reliability,
            ..ChannelConfig::default()
        }
    }
}

impl Peer {
    /// Maximum size of a sent message in bytes, supported by all browsers.
    pub const MAX_MESSAGE_BYTES: usize = 64 << 10;

    /// Opens a data channel. [`Event::ChannelOpen`](crate::Event::ChannelOpen) follows.
    ///
    /// # Errors
    /// Returns [`SendError::NotSending`] if the SDP has no section for data channels, which
    /// requires at least one channel in the offer, and [`SendError::TooManyChannels`] if there are
    /// already [`PeerLimits::channels`](crate::PeerLimits::channels).
    pub fn open_channel(
        &mut self,
        now: Duration,
        settings: &ChannelSettings,
    ) -> Result<Channel, SendError> {
        self.contained(Err(SendError::NotConnected), |peer| peer.open(now, settings))
    }

    fn open(&mut self, now: Duration, settings: &ChannelSettings) -> Result<Channel, SendError> {
        self.advance(now);
        if self.state == State::Closed {
            return Err(SendError::NotConnected);
        }
        if !self.data_negotiated {
            return Err(SendError::NotSending);
        }
        if self.channels.len() >= self.limits.channels {
            return Err(SendError::TooManyChannels);
        }
        // A change of the SDP would invalidate an offer whose answer has not arrived.
        let id = self.rtc.direct_api().create_data_channel(settings.to_stack());
        self.channels.push(id);
        self.tick();
        Ok(Channel(id))
    }

    /// Sends a message. Returns `false` and does nothing if more than
    /// [`PeerConfig::channel_buffer_bytes`](crate::PeerConfig::channel_buffer_bytes) would
    /// be buffered or the channel is not open.
    ///
    /// # Errors
    /// Returns [`SendError::TooLong`] for more than [`MAX_MESSAGE_BYTES`](Self::MAX_MESSAGE_BYTES).
    pub fn send_message(
        &mut self,
        now: Duration,
        channel: Channel,
        binary: bool,
        message: &[u8],
    ) -> Result<bool, SendError> {
        if message.len() > Self::MAX_MESSAGE_BYTES {
            return Err(SendError::TooLong {
                bytes: message.len(),
                limit: Self::MAX_MESSAGE_BYTES,
            });
        }
        let taken = self.contained(false, |peer| {
            peer.advance(now);
            let Some(mut stack) = peer.rtc.channel(channel.0) else { return false };
            let taken = match stack.write(binary, message) {
                Ok(taken) => taken,
                Err(error) => {
                    peer.input_error(&error);
                    false
                }
            };
            peer.tick();
            taken
        });
        Ok(taken)
    }

    /// Number of unacknowledged bytes of a channel.
    #[must_use]
    pub fn channel_buffered(&mut self, channel: Channel) -> usize {
        self.contained(0, |peer| {
            peer.rtc.channel(channel.0).map_or(0, |mut channel| channel.buffered_amount())
        })
    }

    /// Sets the number of buffered bytes below which
    /// [`Event::ChannelLow`](crate::Event::ChannelLow) is sent.
    pub fn set_channel_low_mark(&mut self, channel: Channel, bytes: usize) {
        self.contained((), |peer| {
            if let Some(mut channel) = peer.rtc.channel(channel.0) {
                channel.set_buffered_amount_low_threshold(bytes);
            }
        });
    }

    /// Closes a channel.
    pub fn close_channel(&mut self, now: Duration, channel: Channel) {
        self.contained((), |peer| {
            peer.advance(now);
            peer.rtc.direct_api().close_data_channel(channel.0);
            peer.tick();
        });
    }
}
