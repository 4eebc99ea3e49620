//! A server behind an emulated link.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use codec_net::link_emulator::{LinkEmulator, LinkEmulatorConfig};
use codec_net::server::{Config, RtcConfig, Server};
use codec_rtc::link::LinkSpec;

/// Starts a server whose WebRTC traffic passes through a link. The emulator uses the server's port on
/// another loopback address, 127.0.0.`host`, which the server announces.
pub(crate) fn server_behind(
    config: Config,
    host: u8,
    link: &LinkEmulatorConfig,
) -> (Server, LinkEmulator) {
    let announce = Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, host)));
    let rtc = RtcConfig { announce, ..config.rtc };
    let server = Server::start(Config { rtc, ..config }).unwrap();
    let emulator = emulator(&server, link);
    (server, emulator)
}

/// The link in front of a server that announces another loopback address.
pub(crate) fn emulator(server: &Server, link: &LinkEmulatorConfig) -> LinkEmulator {
    let announced = server.rtc_addresses()[0];
    let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, announced.port()));
    LinkEmulator::start(announced, upstream, link).unwrap()
}

/// The same link in both directions.
pub(crate) fn symmetric(link: &str) -> LinkEmulatorConfig {
    let link = link.parse::<LinkSpec>().unwrap().constant().unwrap();
    LinkEmulatorConfig::symmetric(link, 42)
}
