//! Opens network inputs and outputs from URLs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use codec_core::codec::{Bitrate, Codec};
use codec_net::clock::Clock;
use codec_net::link_emulator::{LinkEmulator, LinkEmulatorConfig};
use codec_net::socket::Listener;
use codec_net::transport::{Role, Transport};
use codec_net::udp::{UdpReceiver, UdpSender};
use codec_net::url::{Scheme, Url};
use codec_net::{random, udp};
use codec_rtc::congestion::ControllerConfig;
use codec_rtc::link::LinkSpec;
use codec_rtc::packet::VideoFormat;
use codec_rtc::packet::h264::PacketizationMode;
use codec_rtc::session::SenderConfig;
use codec_rtc::sframe::Encryptor;

use super::connection::{
    Way, listens, parse_url, reach_receiver, wait_for_receiver, wait_for_sender,
};
use super::e2ee::Secret;
use super::framed_input::{Accept, FramedInput};
use super::framed_output::FramedOutput;
use super::input::{InputEvent, LiveInput};
use super::network;
use super::options::{NetworkOptions, SendOptions};
use super::output::{LiveOutput, Offer};
use super::rtp::{self, Expected, Targets};
use super::rtp_input::{RtpInput, RtpOptions};
use super::rtp_output::RtpOutput;
use super::srtp::{self, Keys};
#[cfg(feature = "whip")]
use super::{whep::WhepInput, whip::WhipOutput};
use crate::Env;
use crate::failure::{Failure, Kind, Result};
use crate::rate_trace::config_of;

/// Options of `rtp://`.
const RTP_OPTIONS: &[&str] = &["plain", "packetization-mode"];

/// The bandwidth estimate may exceed the encoder's bitrate by this factor: packets of a frame leave
/// sooner, and there is room for FEC.
const HEADROOM: u64 = 4;

/// Minimum upper limit of the estimate.
const MIN_MAX_RATE: Bitrate = Bitrate(2_000_000);

/// An output, and the link emulator in front of it.
pub(crate) struct OpenedOutput {
    pub(crate) output: Box<dyn LiveOutput>,
    pub(crate) relay: Option<LinkEmulator>,
}

/// The encoder's bitrate in bits per second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Coding {
    pub(crate) rate: Option<Bitrate>,
    /// Whether the encoder follows the session's bitrate.
    pub(crate) obeys: bool,
    /// Whether the encoder also codes frames with the references that the session selects.
    pub(crate) takes_references: bool,
}

/// Opens the output for a URL: connects, or waits for a receiver.
pub(crate) fn open_output(
    url: &Url,
    args: &SendOptions,
    offer: &Offer,
    coding: Coding,
    clock: Clock,
    env: &Env,
) -> Result<OpenedOutput> {
    let overwrite = args.yes;
    let args = &args.network;
    if args.sdp.is_some() && !is_rtp(url) {
        return Err(Failure::usage("--sdp requires an RTP URL"));
    }
    let secret = secret(args, url)?;
    let encryptor = secret.as_ref().map(Secret::encryptor).transpose()?;
    check_encryption(url, encryptor.as_ref(), offer)?;
    if let Some(secret) = &secret {
        env.events.note(format!("end-to-end encryption enabled ({})", secret.suite()));
    }
    match url.scheme() {
        Scheme::Rtp | Scheme::Srtp => {
            open_rtp_out(url, args, overwrite, offer, coding, encryptor, clock)
        }
        Scheme::Tcp | Scheme::Ws | Scheme::Wss => {
            check_netem(args, url)?;
            let way = Way::new(url.clone(), args, Role::Sender)?;
            let carrier = if way.listens {
                wait_for_receiver(&way, env)?
            } else {
                reach_receiver(&way, env)?
            };
            let peer = carrier.peer().map_or_else(String::new, |peer| peer.to_string());
            env.events.note(format!("{url}: connected, {peer}"));
            let output = Box::new(FramedOutput::new(carrier, offer, true, encryptor, clock)?);
            Ok(OpenedOutput { output, relay: None })
        }
        Scheme::Udp => {
            if listens(url, Role::Sender)? {
                return Err(Failure::usage("udp: ?listen is for receivers only"));
            }
            let (peer, relay) = through_relay(resolve(url)?, args.netem.as_ref())?;
            let carrier = UdpSender::new(peer).map_err(|error| network(&error))?;
            let carrier = Box::new(carrier);
            let output = Box::new(FramedOutput::new(carrier, offer, false, encryptor, clock)?);
            Ok(OpenedOutput { output, relay })
        }
        #[cfg(feature = "whip")]
        Scheme::Whip => {
            let Coding { rate, obeys, .. } = coding;
            let output = WhipOutput::new(url, args, offer, rate, obeys, clock, &env.stop)?;
            env.events.note(format!("{url}: connected"));
            Ok(OpenedOutput { output: Box::new(output), relay: None })
        }
        Scheme::Whep => Err(Failure::usage("cannot send to whep://\nhelp: send to whip://")),
        #[cfg(not(feature = "whip"))]
        other @ Scheme::Whip => Err(not_built(other)),
    }
}

/// The secret for encrypting media. WebRTC servers and browsers would need the secret too, so it is
/// rejected there.
fn secret(args: &NetworkOptions, url: &Url) -> Result<Option<Secret>> {
    if args.e2ee_key.is_some() && matches!(url.scheme(), Scheme::Whip | Scheme::Whep) {
        let scheme = url.scheme();
        let message = format!(
            "--e2ee-key cannot be used with {scheme}: WebRTC servers and browsers cannot decrypt\n\
            help: use rtp, srtp, udp, tcp, ws or wss"
        );
        return Err(Failure::usage(message));
    }
    Secret::of(args.e2ee_key.as_deref())
}

fn is_rtp(url: &Url) -> bool {
    matches!(url.scheme(), Scheme::Rtp | Scheme::Srtp)
}

/// The key in a URL.
fn keys_of(url: &Url) -> Result<Option<Keys>> {
    if url.scheme() == Scheme::Srtp { Keys::of_url(url) } else { Ok(None) }
}

fn rtp_options(url: &Url) -> &'static [&'static str] {
    if url.scheme() == Scheme::Srtp { srtp::OPTIONS } else { RTP_OPTIONS }
}

/// Rejects H.264 over RTP with end-to-end encryption.
fn check_encryption(url: &Url, encryptor: Option<&Encryptor>, offer: &Offer) -> Result<()> {
    let is_rtp = matches!(url.scheme(), Scheme::Rtp | Scheme::Srtp);
    let format = offer.video.as_ref().map(|track| video_format(track.codec)).transpose()?;
    if is_rtp && encryptor.is_some() && format == Some(VideoFormat::H264) {
        return Err(Failure::usage(
            "--e2ee-key cannot be used with h264 over RTP\nhelp: use -c vp8",
        ));
    }
    Ok(())
}

fn open_rtp_out(
    url: &Url,
    args: &NetworkOptions,
    overwrite: bool,
    offer: &Offer,
    coding: Coding,
    encryptor: Option<Encryptor>,
    clock: Clock,
) -> Result<OpenedOutput> {
    let usage =
        |error: codec_net::url::UrlError| Failure::usage(format!("invalid URL {url}: {error}"));
    url.check_options(rtp_options(url)).map_err(usage)?;
    let plain = url.switch("plain").map_err(usage)?;
    let targets = Targets::new(resolve(url)?, plain, offer);
    #[expect(clippy::cast_possible_truncation, reason = "any value works")]
    let ssrc = random::number() as u32;
    let make = if plain { rtp::plain_streams } else { rtp::streams };
    let format = offer.video.as_ref().map(|track| video_format(track.codec)).transpose()?;
    let mut streams = make(ssrc, format, offer.audio.is_some());
    if let (Some(mode), Some(video)) = (packetization_mode(url)?, &mut streams.video) {
        video.packetization_mode = mode;
    }
    let mut keys = keys_of(url)?;
    if url.scheme() == Scheme::Srtp && keys.is_none() {
        if args.sdp.is_none() {
            let message = "srtp: a key is required\n\
                           help: add ?key=BASE64 to the URL, or --sdp F.sdp to write a description with a new key";
            return Err(Failure::usage(message));
        }
        keys = Some(Keys::random(url)?);
    }
    if let Some(path) = &args.sdp {
        let mut session = rtp::describe(&streams, &targets, offer, keys.as_ref());
        if encryptor.is_some() {
            rtp::report_encryption(&mut session);
        }
        rtp::write(&session, path, overwrite)?;
    }
    let (through, relay) = through_relay(targets.video, args.netem.as_ref())?;
    if relay.is_some() && targets.audio != targets.video {
        return Err(Failure::usage(
            "--netem with ?plain supports one stream only\nhelp: use --no-audio",
        ));
    }
    let audio = if relay.is_some() { through } else { targets.audio };
    let targets = Targets { video: through, audio, ..targets };
    let rate = coding.rate.unwrap_or(MIN_MAX_RATE);
    let most = Bitrate(rate.0.saturating_mul(HEADROOM)).max(MIN_MAX_RATE);
    let usual = ControllerConfig::default();
    let congestion = ControllerConfig {
        max: most.min(Bitrate(1_000_000_000)),
        start: rate.max(usual.min).min(most),
        ..usual
    };
    let mut config = SenderConfig::new(streams, random::number());
    config.ntp_at_zero = clock.ntp_at_zero();
    config.retransmission = !plain;
    config.fec = !plain;
    config.reference_recovery = !plain && coding.takes_references;
    config.congestion = Some(congestion).filter(|_| !plain && coding.obeys);
    let output = Box::new(RtpOutput::new(config, targets, offer, keys.as_ref(), encryptor, clock)?);
    Ok(OpenedOutput { output, relay })
}

/// The payload format of a codec.
fn video_format(codec: Codec) -> Result<VideoFormat> {
    VideoFormat::of(codec).ok_or_else(|| {
        Failure::usage(format!(
            "cannot send {codec} over RTP: only vp8, vp9 and h264 are supported"
        ))
    })
}

/// The packetization mode of H.264 in a URL.
fn packetization_mode(url: &Url) -> Result<Option<PacketizationMode>> {
    match url.option("packetization-mode") {
        None => Ok(None),
        Some("0") => Ok(Some(PacketizationMode::SingleNalUnit)),
        Some("1") => Ok(Some(PacketizationMode::NonInterleaved)),
        Some(other) => Err(Failure::usage(format!(
            "invalid URL {url}: packetization-mode is {other}, expected 0 or 1"
        ))),
    }
}

#[cfg(not(feature = "whip"))]
fn not_built(scheme: Scheme) -> Failure {
    Failure::missing_feature(scheme.name(), "whip")
}

fn check_netem(args: &NetworkOptions, url: &Url) -> Result<()> {
    if args.netem.is_some() {
        let scheme = url.scheme();
        return Err(Failure::usage(format!(
            "--netem cannot be used with {scheme}, only with rtp, srtp and udp"
        )));
    }
    Ok(())
}

fn resolve(url: &Url) -> Result<SocketAddr> {
    let refused = |error| Failure::new(Kind::Network, format!("cannot connect to {url}: {error}"));
    url.resolve().map_err(refused)
}

fn relay_config(spec: &LinkSpec) -> Result<LinkEmulatorConfig> {
    let link = config_of(spec)?;
    let symmetric = LinkEmulatorConfig::symmetric(link, spec.seed().unwrap_or(1));
    Ok(LinkEmulatorConfig { duplicates: spec.duplicates(), ..symmetric })
}

/// Returns the address to send to: the emulator's if there is one.
fn through_relay(
    peer: SocketAddr,
    spec: Option<&LinkSpec>,
) -> Result<(SocketAddr, Option<LinkEmulator>)> {
    let Some(spec) = spec else { return Ok((peer, None)) };
    let here: IpAddr =
        if peer.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    let relay = LinkEmulator::start((here, 0).into(), peer, &relay_config(spec)?)
        .map_err(|error| Failure::new(Kind::Network, format!("cannot start --netem: {error}")))?;
    Ok((relay.address(), Some(relay)))
}

/// An input, and the link emulator in front of it.
pub(crate) struct OpenedInput {
    pub(crate) input: Box<dyn LiveInput>,
    pub(crate) relay: Option<LinkEmulator>,
}

/// The needs of the command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wants {
    pub(crate) audio: bool,
    /// Whether every frame is wanted, even if late.
    pub(crate) records: bool,
}

/// Opens the input from an `.sdp` file or a URL.
pub(crate) fn open_source(
    text: &str,
    args: &NetworkOptions,
    wants: Wants,
    clock: Clock,
) -> Result<OpenedInput> {
    if codec_net::url::scheme_of(text).is_none() {
        if !text.ends_with(".sdp") {
            let message = format!(
                "invalid source {text}: expected a URL such as rtp://host:port, or an .sdp file"
            );
            return Err(Failure::usage(message));
        }
        let expected = Expected::read(text.as_ref())?;
        let secret = Secret::of(args.e2ee_key.as_deref())?;
        return open_rtp_in(expected, args, wants, secret, clock);
    }
    let url = parse_url(text, Scheme::Whip)?;
    if args.sdp.is_some() && !is_rtp(&url) {
        return Err(Failure::usage("--sdp requires an RTP URL"));
    }
    open_input(&url, args, wants, clock)
}

/// Opens the sockets of a session.
fn open_rtp_in(
    expected: Expected,
    args: &NetworkOptions,
    wants: Wants,
    secret: Option<Secret>,
    clock: Clock,
) -> Result<OpenedInput> {
    if expected.encrypted && secret.is_none() {
        let message = "the described media are end-to-end encrypted: --e2ee-key is required";
        return Err(Failure::usage(message));
    }
    let failed = |address: SocketAddr| {
        move |error| Failure::new(Kind::Network, format!("cannot listen on {address}: {error}"))
    };
    let mut ports = Vec::new();
    let media = [expected.video, expected.audio.filter(|_| wants.audio)];
    for media in media.into_iter().flatten() {
        if !ports.contains(&(media.port, media.mux)) {
            ports.push((media.port, media.mux));
        }
    }
    if args.netem.is_some() && ports.len() > 1 {
        return Err(Failure::usage("--netem supports one port only\nhelp: use --no-audio"));
    }
    let mut sockets = Vec::new();
    let mut shown = None;
    let mut relay = None;
    for (port, mux) in ports {
        let listen = SocketAddr::new(expected.address, port);
        let inner = if args.netem.is_some() { local(listen) } else { listen };
        let socket = udp::bind(inner).map_err(failed(inner))?;
        let bound = socket.local_addr().map_err(failed(inner))?;
        sockets.push(socket);
        let (address, emulator) = before(listen, bound, args.netem.as_ref())?;
        relay = relay.or(emulator);
        shown.get_or_insert(address);
        if !mux && args.netem.is_none() && port != 0 {
            // RFC 3550, section 11: RTCP uses the next port.
            let next = SocketAddr::new(expected.address, port.saturating_add(1));
            sockets.push(udp::bind(next).map_err(failed(next))?);
        }
    }
    let shown =
        shown.ok_or_else(|| Failure::usage("invalid session description: no stream to receive"))?;
    let options = RtpOptions { expected, wants_audio: wants.audio, records: wants.records, secret };
    let input = Box::new(RtpInput::new(sockets, &shown.to_string(), options, clock)?);
    Ok(OpenedInput { input, relay })
}

/// Opens the input for a URL.
fn open_input(url: &Url, args: &NetworkOptions, wants: Wants, clock: Clock) -> Result<OpenedInput> {
    let secret = secret(args, url)?;
    match url.scheme() {
        Scheme::Rtp | Scheme::Srtp => {
            let usage = |error| Failure::usage(format!("invalid URL {url}: {error}"));
            url.check_options(rtp_options(url)).map_err(usage)?;
            let listen = resolve(url)?;
            let mut expected = match &args.sdp {
                Some(path) => Expected::read(path)?,
                None => Expected::usual(listen.ip(), listen.port()),
            };
            expected.listen_at(listen);
            expected.keys = keys_of(url)?.or(expected.keys);
            if url.scheme() == Scheme::Srtp && expected.keys.is_none() {
                return Err(Failure::usage(
                    "srtp: a key is required\nhelp: add ?key=BASE64 to the URL, or read an .sdp file with a key",
                ));
            }
            open_rtp_in(expected, args, wants, secret, clock)
        }
        Scheme::Tcp | Scheme::Ws | Scheme::Wss => {
            check_netem(args, url)?;
            let way = Way::new(url.clone(), args, Role::Receiver)?;
            let accept: Accept = if way.listens {
                let listener = Listener::bind(url).map_err(|error| network(&error))?;
                Box::new(move |line| wait_for_sender(&way, &listener, line))
            } else {
                Box::new(move |_| way.connect().map(Some))
            };
            Ok(OpenedInput {
                input: Box::new(FramedInput::new(accept, secret.as_ref(), clock)?),
                relay: None,
            })
        }
        Scheme::Udp => {
            if !listens(url, Role::Receiver)? {
                return Err(Failure::usage("udp: ?connect is for senders only"));
            }
            let listen = resolve(url)?;
            let inner = if args.netem.is_some() { local(listen) } else { listen };
            let receiver = UdpReceiver::bind(inner).map_err(|error| network(&error))?;
            let bound = receiver.address().map_err(|error| network(&error))?;
            let (address, relay) = before(listen, bound, args.netem.as_ref())?;
            let mut carrier = Some(receiver);
            let accept: Accept = Box::new(move |line| {
                line.send_event(InputEvent::Listening(address.to_string()));
                Ok(carrier.take().map(|carrier| Box::new(carrier) as Box<dyn Transport>))
            });
            Ok(OpenedInput {
                input: Box::new(FramedInput::new(accept, secret.as_ref(), clock)?),
                relay,
            })
        }
        #[cfg(feature = "whip")]
        Scheme::Whep => {
            let input = WhepInput::new(url, args, wants.audio, wants.records, clock)?;
            Ok(OpenedInput { input: Box::new(input), relay: None })
        }
        Scheme::Whip => {
            Err(Failure::usage("cannot receive from whip://\nhelp: receive from whep://"))
        }
        #[cfg(not(feature = "whip"))]
        other @ Scheme::Whep => Err(not_built(other)),
    }
}

/// A loopback address with a free port.
fn local(like: SocketAddr) -> SocketAddr {
    let here: IpAddr =
        if like.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    (here, 0).into()
}

/// Starts the emulator, if requested, at the address that was asked for.
fn before(
    listen: SocketAddr,
    bound: SocketAddr,
    spec: Option<&LinkSpec>,
) -> Result<(SocketAddr, Option<LinkEmulator>)> {
    let Some(spec) = spec else { return Ok((bound, None)) };
    let relay = LinkEmulator::start(listen, bound, &relay_config(spec)?)
        .map_err(|error| Failure::new(Kind::Network, format!("cannot start --netem: {error}")))?;
    Ok((relay.address(), Some(relay)))
}
