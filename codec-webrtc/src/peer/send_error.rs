//! Reasons why media or a message cannot be sent.

use std::fmt;

use codec_rtc::extension::Label;
use codec_rtc::rtp::WriteError;

use crate::Codec;

/// Why a packet cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The session is not connected yet, or has ended.
    NotConnected,
    /// There is no such media section, or this endpoint does not send on it.
    NotSending,
    /// The remote endpoint does not support this codec.
    NoCodec(Codec),
    /// The media section has no such simulcast layer; `None`: it has layers, and one must be chosen.
    NoLayer(Option<Label>),
    /// The payload type was not negotiated.
    NoPayloadType(u8),
    /// The payload, the dependency descriptor or the message is too long.
    TooLong {
        /// Size in bytes.
        bytes: usize,
        /// Largest allowed size in bytes.
        limit: usize,
    },
    /// There are already [`PeerLimits::channels`](crate::PeerLimits::channels) data channels.
    TooManyChannels,
    /// The payload is empty, or the packet is not RTP.
    Packet(WriteError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => f.write_str("cannot send: not connected"),
            Self::NotSending => {
                f.write_str("cannot send: media section not negotiated for sending")
            }
            Self::NoCodec(codec) => {
                write!(f, "cannot send: {codec:?} not supported by the remote endpoint")
            }
            Self::NoLayer(Some(rid)) => {
                write!(f, "cannot send: simulcast layer {rid} not negotiated")
            }
            Self::NoLayer(None) => f.write_str(
                "cannot send: the media section has simulcast layers, expected one of them",
            ),
            Self::NoPayloadType(payload_type) => {
                write!(f, "cannot send: payload type {payload_type} not negotiated")
            }
            Self::TooLong { bytes, limit } => {
                write!(f, "cannot send: got {bytes} bytes, expected at most {limit}")
            }
            Self::TooManyChannels => f.write_str(
                "cannot open a data channel: the session already has the maximum number",
            ),
            Self::Packet(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Packet(error) => Some(error),
            _ => None,
        }
    }
}
