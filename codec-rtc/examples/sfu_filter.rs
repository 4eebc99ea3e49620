//! A selective forwarding unit: receives VP8 over RTP at one port and forwards only a fixed number of
//! its temporal layers to a viewer, to lower the bitrate.
//!
//! `cargo run -p codec-rtc --example sfu_filter -- LISTEN VIEWER LAYERS`, for example
//! `127.0.0.1:5004 127.0.0.1:6004 1` for the base layer only. Packets from the viewer (RTCP) are sent
//! to the source of the stream.

#![forbid(unsafe_code)]

use std::env;
use std::error::Error;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use codec_rtc::forward::{ForwardConfig, Forwarder};

/// After this silence a sender is considered gone: another one, or the same after a restart, is
/// forwarded from then on. Until then no other sender can replace it.
const SILENCE: Duration = Duration::from_secs(3);

/// Takes two addresses and a number of temporal layers.
///
/// # Errors
/// As for [`forward`].
pub fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [listen, viewer, layers] = arguments.as_slice() else {
        return Err("usage: sfu_filter LISTEN VIEWER LAYERS".into());
    };
    forward(&UdpSocket::bind(listen)?, viewer.parse()?, layers.parse()?)
}

/// Forwards packets until the socket fails.
///
/// # Errors
/// If the socket fails.
pub fn forward(socket: &UdpSocket, viewer: SocketAddr, layers: u8) -> Result<(), Box<dyn Error>> {
    let mut forwarder: Option<Forwarder> = None;
    let mut sender: Option<(SocketAddr, Instant)> = None;
    let (mut packet, mut out) = ([0; 2048], Vec::new());
    loop {
        let (len, from) = socket.recv_from(&mut packet)?;
        let packet = &packet[..len];
        if from == viewer {
            if let Some((sender, _)) = sender {
                socket.send_to(packet, sender)?;
            }
            continue;
        }
        let is_live = sender.is_some_and(|(_, heard)| heard.elapsed() < SILENCE);
        if is_live && sender.is_some_and(|(known, _)| known != from) {
            continue;
        }
        if !is_live {
            // A new stream has a new SSRC and new sequence numbers.
            forwarder = None;
        }
        sender = Some((from, Instant::now()));
        // Payload types 72 to 76 are RTCP's (RFC 5761, section 4).
        let is_rtcp = matches!(packet.get(1), Some(192..=223));
        let (Some(ssrc), false) = (packet.get(8..12), is_rtcp) else {
            socket.send_to(packet, viewer)?;
            continue;
        };
        let forwarder = forwarder.get_or_insert_with(|| {
            let mut forwarder = Forwarder::new(ForwardConfig {
                ssrc: u32::from_be_bytes(ssrc.try_into().unwrap_or_default()),
                payload_type: packet[1] & 0x7f,
                first_sequence: u16::from_be_bytes([packet[2], packet[3]]),
                ..ForwardConfig::default()
            });
            forwarder.set_max_temporal_layer(layers.saturating_sub(1));
            forwarder
        });
        out.clear();
        // Datagrams that are not RTP are not forwarded to the viewer either.
        if forwarder.forward(packet, &mut out).is_ok() && !out.is_empty() {
            socket.send_to(&out, viewer)?;
        }
    }
}
