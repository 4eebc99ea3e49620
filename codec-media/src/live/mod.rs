//! Real-time media for `send` and `recv`: inputs paced in real time, network outputs and inputs, recordings,
//! statistics.

#[cfg(any(all(feature = "capture", target_os = "linux"), all(test, unix)))]
mod capture;
mod connection;
mod delivery;
pub(crate) mod e2ee;
mod framed_input;
mod framed_output;
pub(crate) mod input;
pub mod losses;
pub mod media;
pub mod options;
pub(crate) mod output;
pub(crate) mod pace;
mod part;
pub(crate) mod playout;
pub mod receive;
pub(crate) mod recording;
mod rtp;
mod rtp_audio;
mod rtp_input;
mod rtp_output;
mod rtp_source;
pub mod send;
pub mod source;
mod srtp;
pub(crate) mod statistics;
pub mod testsrc;
pub(crate) mod totals;
pub(crate) mod transport;
mod waiting;
#[cfg(feature = "whip")]
mod webrtc;
#[cfg(feature = "whip")]
mod whep;
#[cfg(feature = "whip")]
mod whip;

use codec_net::error::NetError;

use crate::failure::{Failure, Kind};

/// Converts a connection error to a failure of the command.
pub(crate) fn network(error: &NetError) -> Failure {
    let kind = match error {
        NetError::Framing(_) => Kind::Corrupt,
        NetError::InvalidHello(_) => Kind::Usage,
        _ => Kind::Network,
    };
    Failure::new(kind, error.to_string())
}
