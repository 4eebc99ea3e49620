//! Offers and answers (RFC 8829, by the stack), candidates, secrets.

use std::collections::VecDeque;
use std::time::Duration;

use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::format::FormatParams;
use str0m::media::{Frequency, Pt};
use str0m::{Candidate, IceCreds, RtcConfig};

use super::correction::Correction;
use super::{Peer, State, congestion, contain, delivery, media};
use crate::config::{ChannelSettings, Codecs, DtlsVersions, LocalCandidate, MediaPlan};
use crate::guard::{Counters, Guard};
use crate::provider::{self, MediaKeys};
use crate::sdp_error::refused_sdp;
use crate::{
    Channel, Direction, Event, Kind, Mid, PeerConfig, SdpError, extension, lines, red, sdp,
};

/// What an offer waits for its answer with.
#[derive(Debug)]
pub struct PendingOffer {
    pending: SdpPendingOffer,
    media: Vec<Mid>,
}

impl Peer {
    /// Answers an offer: gives the peer and the answer's SDP.
    ///
    /// # Errors
    /// [`SdpError`] if the offer is refused.
    pub fn answer(
        offer: &str,
        config: &PeerConfig,
        now: Duration,
    ) -> Result<(Self, String), SdpError> {
        contain::negotiated(|| Self::answer_now(offer, config, now))
    }

    fn answer_now(
        offer: &str,
        config: &PeerConfig,
        now: Duration,
    ) -> Result<(Self, String), SdpError> {
        let offer = sdp::admit(offer, &config.limits)?;
        let (offer, rejected) = lines::take(&offer, config.codecs, &config.limits)?;
        let (offer, ulpfec) = red::hide(&offer);
        let mut peer = Self::new(config, now)?;
        let data = has_data(&offer);
        let parsed = SdpOffer::from_sdp_string(&offer);
        let offer = parsed.map_err(|error| refused_sdp(&offer, error))?;
        let answer = peer.rtc.sdp_api().accept_offer(offer).map_err(refused)?;
        let answer = answer.to_sdp_string();
        peer.data_negotiated = data && has_data(&answer);
        let ulpfec = ulpfec.filter(|_| config.codecs.has_correction());
        let answer = rejected.insert(&red::show(&answer, ulpfec));
        peer.correction = ulpfec.map(Correction::new);
        peer.tick();
        Ok((peer, answer))
    }

    /// Makes an offer: gives the peer, the offer's SDP, what
    /// [`accept_answer`](Self::accept_answer) needs, and the data channels in the order asked for.
    ///
    /// # Errors
    /// [`SdpError`] if there is nothing to offer, or a candidate is no address to be reached at.
    pub fn offer(
        config: &PeerConfig,
        media: &[MediaPlan],
        channels: &[ChannelSettings],
        now: Duration,
    ) -> Result<(Self, String, PendingOffer, Vec<Channel>), SdpError> {
        contain::negotiated(|| Self::offer_now(config, media, channels, now))
    }

    fn offer_now(
        config: &PeerConfig,
        media: &[MediaPlan],
        channels: &[ChannelSettings],
        now: Duration,
    ) -> Result<(Self, String, PendingOffer, Vec<Channel>), SdpError> {
        let limit = config.limits.media_lines;
        if media.len() > limit {
            let what = "lines of media";
            return Err(SdpError::TooMuch { what, count: media.len(), limit });
        }
        let mut peer = Self::new(config, now)?;
        let mut api = peer.rtc.sdp_api();
        let mids = media.iter().map(|plan| {
            let kind = match plan.kind {
                Kind::Audio => str0m::media::MediaKind::Audio,
                Kind::Video => str0m::media::MediaKind::Video,
            };
            Mid(api.add_media(
                kind,
                stack_direction(plan.direction),
                plan.stream.clone(),
                None,
                None,
            ))
        });
        let mids: Vec<Mid> = mids.collect();
        let opened: Vec<Channel> = channels
            .iter()
            .map(|channel| Channel(api.add_channel_with_config(channel.to_stack())))
            .collect();
        let nothing = || SdpError::Refused("neither media nor channels to offer".to_owned());
        let (offer, pending) = api.apply().ok_or_else(nothing)?;
        peer.channels = opened.iter().map(|channel| channel.0).collect();
        let pending = PendingOffer { pending, media: mids };
        let ulpfec = config.codecs.has_correction().then_some(red::OFFERED.2);
        Ok((peer, red::show(&offer.to_sdp_string(), ulpfec), pending, opened))
    }

    /// Takes the answer to the offer that this peer made.
    ///
    /// # Errors
    /// [`SdpError`] if the answer is refused; the peer is of no more use then.
    pub fn accept_answer(
        &mut self,
        pending: PendingOffer,
        answer: &str,
        now: Duration,
    ) -> Result<(), SdpError> {
        self.contained(Err(over()), |peer| peer.accept_answer_now(pending, answer, now))
    }

    fn accept_answer_now(
        &mut self,
        pending: PendingOffer,
        answer: &str,
        now: Duration,
    ) -> Result<(), SdpError> {
        self.advance(now);
        let (answer, ulpfec) = red::hide(&sdp::admit(answer, &self.limits)?);
        self.correction = ulpfec.map(Correction::new);
        self.data_negotiated = has_data(&answer);
        let parsed = SdpAnswer::from_sdp_string(&answer);
        let answer = parsed.map_err(|error| refused_sdp(&answer, error))?;
        self.rtc.sdp_api().accept_answer(pending.pending, answer).map_err(refused)?;
        for mid in pending.media {
            if let Some(media) = self.media(mid) {
                self.push(Event::Media(media));
            }
        }
        // The time to connect begins now: an answer may be long in coming.
        self.started = self.now;
        self.tick();
        Ok(())
    }

    /// An address of the other end that came after the SDP (RFC 8838): the value of an
    /// `a=candidate` line.
    ///
    /// # Errors
    /// [`SdpError`] if it is none.
    pub fn add_remote_candidate(&mut self, candidate: &str, now: Duration) -> Result<(), SdpError> {
        self.contained(Err(over()), |peer| peer.add_remote(candidate, now))
    }

    fn add_remote(&mut self, candidate: &str, now: Duration) -> Result<(), SdpError> {
        self.advance(now);
        if candidate.len() > 1024 {
            let (count, limit) = (candidate.len(), 1024);
            return Err(SdpError::TooMuch { what: "bytes of a candidate", count, limit });
        }
        self.remote_candidates += 1;
        let (count, limit) = (self.remote_candidates, self.limits.candidates);
        if count > limit {
            return Err(SdpError::TooMuch { what: "candidates", count, limit });
        }
        let candidate = candidate.trim_start_matches("a=");
        let parsed = Candidate::from_sdp_string(candidate);
        let candidate = parsed.map_err(|error| refused_sdp(candidate, error))?;
        self.rtc.add_remote_candidate(candidate);
        self.tick();
        Ok(())
    }

    /// One more address of this end, to be told to the other end: gives the value of its
    /// `a=candidate` line, or `None` if it is known already.
    ///
    /// # Errors
    /// [`SdpError`] if it is no address to be reached at.
    pub fn add_local_candidate(
        &mut self,
        candidate: LocalCandidate,
        now: Duration,
    ) -> Result<Option<String>, SdpError> {
        self.contained(Err(over()), |peer| {
            peer.advance(now);
            let candidate = stack_candidate(candidate)?;
            let added = peer.rtc.add_local_candidate(candidate).map(Candidate::to_sdp_string);
            peer.tick();
            Ok(added)
        })
    }

    fn new(config: &PeerConfig, now: Duration) -> Result<Self, SdpError> {
        let limits = config.limits;
        let (count, limit) = (config.candidates.len(), limits.candidates);
        if count > limit {
            return Err(SdpError::TooMuch { what: "candidates", count, limit });
        }
        let base = config.base;
        let start = base.checked_add(now).unwrap_or(base);
        let (keys, mut rtc) = MediaKeys::of(|| Box::new(stack_config(config).build(start)));
        for candidate in &config.candidates {
            rtc.add_local_candidate(stack_candidate(*candidate)?);
        }
        Ok(Self {
            rtc,
            base,
            limits,
            started: now,
            now,
            guard: Guard::new(limits.unverified_per_second, now),
            keys,
            sources: Vec::new(),
            counters: Counters::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            stack_time: Some(now),
            state: State::Handshake,
            hang_up: None,
            ice_connected: false,
            consent: now,
            plain_alert: None,
            last_error: None,
            failures: 0,
            paced: config.paced,
            senders: Vec::<media::Sender>::new(),
            channels: Vec::new(),
            data_negotiated: false,
            remote_candidates: 0,
            deliveries: config.acknowledgements.then(delivery::Sent::default),
            correction: None,
            broken: false,
            #[cfg(test)]
            trap: false,
            congestion: config.congestion.and_then(congestion::Congestion::new),
        })
    }
}

fn stack_config(config: &PeerConfig) -> RtcConfig {
    let Codecs { vp8, opus, pcmu, pcma, .. } = config.codecs;
    let version = match config.dtls {
        DtlsVersions::V1_2 => str0m::config::DtlsVersion::Dtls12,
        DtlsVersions::V1_3OrV1_2 => str0m::config::DtlsVersion::Auto,
    };
    let start = config.start_bitrate.map(|rate| str0m::bwe::Bitrate::bps(rate.0));
    let corrects = config.codecs.has_correction();
    let mut stack = RtcConfig::new()
        .set_crypto_provider(provider::shared())
        .set_dtls_cert((*config.certificate.dtls).clone())
        .set_dtls_version(version)
        .set_local_ice_credentials(credentials(&config.secret))
        .set_ice_lite(config.ice_lite)
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_vp8(vp8)
        .enable_opus(opus, false)
        .enable_pcmu(pcmu, false)
        .enable_pcma(pcma, false)
        .set_extension_map(extension::offered())
        .enable_bwe(start)
        .enable_raw_packets(config.acknowledgements || corrects || config.congestion.is_some())
        .set_stats_interval(config.stats_interval)
        .set_sctp_max_buffered_amount(config.channel_buffer_bytes);
    if corrects {
        let [red, rtx] = [red::OFFERED.0, red::OFFERED.1].map(Pt::new_with_value);
        let (clock, format) = (Frequency::NINETY_KHZ, FormatParams::default());
        stack.codec_config().add_config(red, Some(rtx), red::STAND_IN, clock, None, format);
    }
    stack
}

/// User name and password of ICE from secret bytes, in 6 bits each (RFC 8445, section 5.3): 48 bits
/// and 192.
fn credentials(secret: &[u8; 32]) -> IceCreds {
    const ICE_CHARS: &[u8; 64] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text: String = secret
        .chunks(3)
        .flat_map(|chunk| {
            let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
            let bits = bits << (8 * (3 - chunk.len()));
            [18, 12, 6, 0].map(|shift| {
                char::from(ICE_CHARS.get((bits >> shift & 63) as usize).copied().unwrap_or(b'A'))
            })
        })
        .collect();
    let (ufrag, pass) = text.split_at(8);
    IceCreds { ufrag: ufrag.to_owned(), pass: pass.chars().take(32).collect() }
}

fn stack_candidate(candidate: LocalCandidate) -> Result<Candidate, SdpError> {
    match candidate {
        LocalCandidate::Host(address) => Candidate::host(address, "udp"),
        LocalCandidate::Relayed { relayed, local } => Candidate::relayed(relayed, local, "udp"),
        LocalCandidate::ServerReflexive { outer, local } => {
            Candidate::server_reflexive(outer, local, "udp")
        }
    }
    .map_err(refused)
}

fn stack_direction(direction: Direction) -> str0m::media::Direction {
    match direction {
        Direction::SendOnly => str0m::media::Direction::SendOnly,
        Direction::ReceiveOnly => str0m::media::Direction::RecvOnly,
        Direction::Both => str0m::media::Direction::SendRecv,
        Direction::Inactive => str0m::media::Direction::Inactive,
    }
}

fn refused(error: impl std::fmt::Display) -> SdpError {
    SdpError::Refused(error.to_string())
}

/// Of a call that a panic has ended.
fn over() -> SdpError {
    SdpError::Internal("the call is over".to_owned())
}

/// Whether a line for data channels is there and not declined (port 0).
fn has_data(sdp: &str) -> bool {
    sdp.lines()
        .any(|line| line.starts_with("m=application ") && !line.starts_with("m=application 0 "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_made_of_the_secret_alone() {
        let creds = credentials(&[0xff; 32]);
        assert_eq!((creds.ufrag.as_str(), creds.pass.len()), ("////////", 32));
        let counted: [u8; 32] = std::array::from_fn(|at| u8::try_from(at).unwrap());
        assert_eq!(credentials(&counted).ufrag, "AAECAwQF");
        assert_eq!(credentials(&counted).pass, "BgcICQoLDA0ODxAREhMUFRYXGBkaGxwd");
    }
}
