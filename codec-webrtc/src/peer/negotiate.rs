//! Negotiation: offers and answers (RFC 8829, by str0m), candidates, ICE credentials.

use std::collections::VecDeque;
use std::time::Duration;

use str0m::change::{SdpAnswer, SdpApi, SdpOffer, SdpPendingOffer};
use str0m::format::FormatParams;
use str0m::media::{Frequency, Pt};
use str0m::{Candidate, RtcConfig};

use super::congestion::Congestion;
use super::fec::FecState;
use super::ice_state::{IceRestarts, Negotiated, OfferedRestart};
use super::silence::Silence;
use super::terms::Terms;
use super::{Peer, State, delivery, directions, egress, panic_guard};
use crate::address_filter::AddressFilter;
use crate::config::{ChannelSettings, Codecs, DtlsVersions, LocalCandidate, MediaPlan};
use crate::counters::Counters;
use crate::media_sections::Rejected;
use crate::provider::{self, MediaKeys};
use crate::sdp_parse_error::rejected_sdp;
use crate::{
    Channel, Direction, Kind, Mid, PeerConfig, PeerLimits, SdpError, SentStream, extension, h264,
    ice, media_sections, red, sdp, simulcast, vp9,
};
use codec_rtc::extension::Label;
use codec_rtc::packet::VideoFormat;
use codec_rtc::sdp::h264::FormatParameters;

/// State of an offer until its answer arrives.
#[derive(Debug)]
pub struct PendingOffer {
    pending: SdpPendingOffer,
    /// The media sections, with their simulcast layers.
    media: Vec<(Mid, Vec<Label>)>,
    /// Offered directions of the sections that are added or changed.
    directions: Vec<(Mid, Direction)>,
    /// Offered payload type of ULPFEC.
    ulpfec: Option<u8>,
    /// The offer.
    offer: String,
    purpose: Purpose,
}

#[derive(Debug)]
enum Purpose {
    /// The first offer.
    Session,
    Restart(OfferedRestart),
    /// Changes of the media of the running session.
    Changes,
}

impl PendingOffer {
    /// The media sections that the offer adds, in the order of the offer.
    pub(crate) fn added(&self) -> impl Iterator<Item = Mid> {
        self.media.iter().map(|(mid, _)| *mid)
    }

    pub(super) fn ice_restart(pending: SdpPendingOffer, restart: OfferedRestart) -> Self {
        let (media, directions, offer) = (Vec::new(), Vec::new(), String::new());
        let purpose = Purpose::Restart(restart);
        Self { pending, media, directions, ulpfec: None, offer, purpose }
    }

    pub(super) fn changes(
        pending: SdpPendingOffer,
        media: Vec<(Mid, Vec<Label>)>,
        directions: Vec<(Mid, Direction)>,
        ulpfec: Option<u8>,
        offer: &str,
    ) -> Self {
        let offer = offer.to_owned();
        Self { pending, media, directions, ulpfec, offer, purpose: Purpose::Changes }
    }
}

impl Peer {
    /// Answers an offer; returns the peer and the answer SDP.
    ///
    /// # Errors
    /// Returns [`SdpError`] if the offer is rejected.
    pub fn answer(
        offer: &str,
        config: &PeerConfig,
        now: Duration,
    ) -> Result<(Self, String), SdpError> {
        panic_guard::negotiated(|| Self::answer_now(offer, config, now))
    }

    /// Checks an offer as [`answer`](Self::answer) does, without answering it: for servers that
    /// release resources before they accept a call.
    ///
    /// # Errors
    /// [`SdpError`] if the offer is malformed or exceeds the limits.
    pub fn check_offer(offer: &str, codecs: Codecs, limits: &PeerLimits) -> Result<(), SdpError> {
        panic_guard::negotiated(|| {
            let offer = sdp::validate(offer, codecs, limits)?;
            let (offer, _) = media_sections::take(&offer, codecs, limits, false, &[])?;
            let (offer, _) = red::to_stack(&offer);
            let parsed = SdpOffer::from_sdp_string(&offer);
            parsed.map(|_| ()).map_err(|error| rejected_sdp(&offer, error))
        })
    }

    fn answer_now(
        offer: &str,
        config: &PeerConfig,
        now: Duration,
    ) -> Result<(Self, String), SdpError> {
        let offer = sdp::validate(offer, config.codecs, &config.limits)?;
        let (offer, rejected) =
            media_sections::take(&offer, config.codecs, &config.limits, config.simulcast, &[])?;
        let (offer, ulpfec) = red::to_stack(&offer);
        let codecs = config.codecs;
        let h264 = h264::answered(codecs.h264, &offer);
        let mut peer = Self::new(config, codecs, &h264, now)?;
        let data = has_data(&offer);
        let parsed = SdpOffer::from_sdp_string(&offer);
        let parsed = parsed.map_err(|error| rejected_sdp(&offer, error))?;
        let answer = peer.rtc.sdp_api().accept_offer(parsed).map_err(refused)?;
        let answer = answer.to_sdp_string();
        peer.data_negotiated = data && has_data(&answer);
        let ulpfec = ulpfec.filter(|_| codecs.has_fec());
        let answer = rejected.insert(&red::from_stack(&answer, ulpfec));
        peer.fec = ulpfec.map(FecState::new);
        peer.ice_restarts.set_negotiated(Negotiated::new(&offer, rejected, ulpfec));
        peer.tick();
        Ok((peer, answer))
    }

    /// Creates an offer; returns the peer, the offer SDP, the state for
    /// [`accept_answer`](Self::accept_answer), and the data channels in the requested order.
    ///
    /// # Errors
    /// Returns [`SdpError`] if there is nothing to offer, or a candidate has an invalid address.
    pub fn offer(
        config: &PeerConfig,
        media: &[MediaPlan],
        channels: &[ChannelSettings],
        now: Duration,
    ) -> Result<(Self, String, PendingOffer, Vec<Channel>), SdpError> {
        panic_guard::negotiated(|| Self::offer_now(config, media, channels, now))
    }

    fn offer_now(
        config: &PeerConfig,
        media: &[MediaPlan],
        channels: &[ChannelSettings],
        now: Duration,
    ) -> Result<(Self, String, PendingOffer, Vec<Channel>), SdpError> {
        let limit = config.limits.media_sections;
        if media.len() > limit {
            let what = "media sections";
            return Err(SdpError::LimitExceeded { what, count: media.len(), limit });
        }
        simulcast::check(media)?;
        let h264 = h264::offered(config.codecs.h264);
        let mut peer = Self::new(config, config.codecs, &h264, now)?;
        let mut api = peer.rtc.sdp_api();
        let mids = media.iter().map(|plan| (add_media(&mut api, plan), plan.layers.clone()));
        let mids: Vec<_> = mids.collect();
        let directions = mids.iter().zip(media).map(|((mid, _), plan)| (*mid, plan.direction));
        let directions = directions.collect();
        let opened: Vec<Channel> = channels
            .iter()
            .map(|channel| Channel(api.add_channel_with_config(channel.to_stack())))
            .collect();
        let nothing =
            || SdpError::Rejected("the offer has neither media nor data channels".to_owned());
        let (offer, pending) = api.apply().ok_or_else(nothing)?;
        let ulpfec = config.codecs.has_fec().then_some(red::OFFERED.2);
        peer.channels = opened.iter().map(|channel| channel.0).collect();
        let offer = simulcast::without_ssrcs(&red::from_stack(&offer.to_sdp_string(), ulpfec));
        let pending = PendingOffer {
            pending,
            media: mids,
            directions,
            ulpfec,
            offer: offer.clone(),
            purpose: Purpose::Session,
        };
        Ok((peer, offer, pending, opened))
    }

    /// Processes the answer to the offer of this peer.
    ///
    /// # Errors
    /// Returns [`SdpError`] if the answer is rejected; the peer cannot be used any more, unless the offer came from
    /// [`restart_ice`](Self::restart_ice) or [`offer_changes`](Self::offer_changes), whose session continues.
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
        let is_first = match pending.purpose {
            Purpose::Restart(restart) => {
                return self.accept_restart(pending.pending, restart, answer);
            }
            Purpose::Session => true,
            Purpose::Changes => false,
        };
        let answer = &media_sections::with_formats(answer, &pending.offer);
        let (answer, ulpfec) =
            red::to_stack(&sdp::validate(answer, self.terms.codecs, &self.limits)?);
        let layers: Vec<(Mid, Vec<Label>)> = pending
            .media
            .iter()
            .map(|(mid, offered)| Ok((*mid, simulcast::accepted(&answer, *mid, offered)?)))
            .collect::<Result<_, SdpError>>()?;
        if !is_first {
            self.check_transport(&answer)?;
            self.check_changes(&answer)?;
        }
        self.set_fec(ulpfec);
        self.data_negotiated |= has_data(&answer);
        let parsed = SdpAnswer::from_sdp_string(&answer);
        let parsed = parsed.map_err(|error| rejected_sdp(&answer, error))?;
        let before = self.set_directions(&pending.directions);
        if let Err(error) = self.rtc.sdp_api().accept_answer(pending.pending, parsed) {
            self.set_directions(&before);
            return Err(refused(error));
        }
        self.directions.want(&pending.directions);
        let negotiated = Negotiated::new(&answer, Rejected::default(), pending.ulpfec);
        self.ice_restarts.set_negotiated(negotiated);
        for ((mid, offered), (_, accepted)) in pending.media.iter().zip(&layers) {
            self.remove_unaccepted(*mid, offered, accepted);
        }
        self.send_layers.extend(layers);
        for (mid, _) in pending.media {
            self.report_media(mid);
        }
        self.report_directions();
        if is_first {
            // The handshake timeout starts now, since an answer may take long.
            self.started = self.now;
        }
        self.tick();
        Ok(())
    }

    /// Removes the streams of layers that the answer does not accept, which could otherwise send padding. Without
    /// layers, the stream of the highest one remains.
    fn remove_unaccepted(&mut self, mid: Mid, offered: &[Label], accepted: &[Label]) {
        let highest = offered.len().saturating_sub(1);
        let kept = if accepted.is_empty() { &offered[highest..] } else { accepted };
        let mut api = self.rtc.direct_api();
        for rid in offered.iter().filter(|rid| !kept.contains(rid)) {
            let stream = SentStream { mid, rid: Some(*rid) };
            let sent = api.stream_tx_by_mid(mid.0, stream.stack_rid());
            if let Some(ssrc) = sent.map(|sent| sent.ssrc()) {
                api.remove_stream_tx(ssrc);
            }
        }
    }

    /// Adds a remote candidate received after the SDP (trickle ICE, RFC 8838), as the value of an
    /// `a=candidate` line.
    ///
    /// # Errors
    /// Returns [`SdpError`] if it is invalid, or there are too many.
    pub fn add_remote_candidate(&mut self, candidate: &str, now: Duration) -> Result<(), SdpError> {
        self.contained(Err(over()), |peer| peer.add_remote(candidate, now))
    }

    fn add_remote(&mut self, candidate: &str, now: Duration) -> Result<(), SdpError> {
        self.advance(now);
        if candidate.len() > 1024 {
            let (count, limit) = (candidate.len(), 1024);
            return Err(SdpError::LimitExceeded { what: "bytes in a candidate", count, limit });
        }
        self.remote_candidates += 1;
        let (count, limit) = (self.remote_candidates, self.limits.candidates);
        if count > limit {
            return Err(SdpError::LimitExceeded { what: "candidates", count, limit });
        }
        let candidate = candidate.trim_start_matches("a=");
        let parsed = Candidate::from_sdp_string(candidate);
        let candidate = parsed.map_err(|error| rejected_sdp(candidate, error))?;
        self.rtc.add_remote_candidate(candidate);
        self.tick();
        Ok(())
    }

    /// Adds a local candidate. Returns the value of its `a=candidate` line for the remote endpoint,
    /// or `None` if it is a duplicate.
    ///
    /// # Errors
    /// Returns [`SdpError`] if the address is invalid.
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

    /// `codecs` are the codecs to negotiate, `h264` the parameters of H.264.
    fn new(
        config: &PeerConfig,
        codecs: Codecs,
        h264: &[FormatParameters],
        now: Duration,
    ) -> Result<Self, SdpError> {
        let limits = config.limits;
        let (count, limit) = (config.candidates.len(), limits.candidates);
        if count > limit {
            return Err(SdpError::LimitExceeded { what: "candidates", count, limit });
        }
        let base = config.base;
        let start = base.checked_add(now).unwrap_or(base);
        let (keys, mut rtc) =
            MediaKeys::of(|| Box::new(stack_config(config, codecs, h264).build(start)));
        for candidate in &config.candidates {
            rtc.add_local_candidate(stack_candidate(*candidate)?);
        }
        Ok(Self {
            rtc,
            base,
            limits,
            terms: Terms { codecs, simulcast: config.simulcast },
            started: now,
            now,
            address_filter: AddressFilter::new(limits.unverified_per_second, now),
            keys,
            sources: Vec::new(),
            counters: Counters::default(),
            transmits: VecDeque::new(),
            buffers: config.buffers.clone(),
            events: VecDeque::new(),
            stack_time: Some(now),
            state: State::Handshake,
            hang_up: None,
            ice_connected: false,
            consent: now,
            silence: Silence::default(),
            plain_alert: None,
            alerted: None,
            last_error: None,
            failures: 0,
            egress: egress::Egress::default(),
            send_layers: Vec::new(),
            channels: Vec::new(),
            data_negotiated: false,
            directions: directions::Directions::default(),
            descriptions: 0,
            ice_restarts: IceRestarts::new(config.secret),
            remote_candidates: 0,
            deliveries: config.acknowledgements.then(delivery::Sent::default),
            fec: None,
            broken: false,
            #[cfg(test)]
            panic_in_test: false,
            congestion: config
                .start_bitrate
                .and_then(|start| Congestion::new(start, config.congestion)),
        })
    }
}

fn stack_config(config: &PeerConfig, codecs: Codecs, h264: &[FormatParameters]) -> RtcConfig {
    let Codecs { vp8, vp9: has_vp9, opus, opus_red, pcmu, pcma, .. } = codecs;
    let version = match config.dtls {
        DtlsVersions::V1_2 => str0m::config::DtlsVersion::Dtls12,
        DtlsVersions::V1_3OrV1_2 => str0m::config::DtlsVersion::Auto,
    };
    let corrects = codecs.has_fec();
    let mut stack = RtcConfig::new()
        .set_crypto_provider(provider::shared())
        .set_dtls_cert((*config.certificate.dtls).clone())
        .set_dtls_version(version)
        .set_local_ice_credentials(ice::credentials(&config.secret))
        .set_ice_lite(config.ice_lite)
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_opus(opus, opus_red)
        .enable_pcmu(pcmu, false)
        .enable_pcma(pcma, false)
        .set_extension_map(extension::offered())
        .set_stats_interval(config.stats_interval)
        .set_sctp_max_buffered_amount(config.channel_buffer_bytes);
    // The order of the payload types in offers and answers.
    for format in codecs.video_in_order() {
        match format {
            VideoFormat::Vp8 => stack = stack.enable_vp8(vp8),
            VideoFormat::H264 => h264::add_to(stack.codec_config(), h264),
            VideoFormat::Vp9 if has_vp9 => vp9::add_to(stack.codec_config()),
            VideoFormat::Vp9 => {}
        }
    }
    if corrects {
        let [red, rtx] = [red::OFFERED.0, red::OFFERED.1].map(Pt::new_with_value);
        let (clock, format) = (Frequency::NINETY_KHZ, FormatParams::default());
        stack.codec_config().add_config(red, Some(rtx), red::RED_SUBSTITUTE, clock, None, format);
    }
    stack
}

fn stack_candidate(candidate: LocalCandidate) -> Result<Candidate, SdpError> {
    match candidate {
        LocalCandidate::Host(address) => Candidate::host(address, "udp"),
        LocalCandidate::Relayed { relayed, local } => Candidate::relayed(relayed, local, "udp"),
        LocalCandidate::ServerReflexive { mapped: outer, local } => {
            Candidate::server_reflexive(outer, local, "udp")
        }
    }
    .map_err(refused)
}

/// Adds a section to an offer.
pub(super) fn add_media(api: &mut SdpApi<'_>, plan: &MediaPlan) -> Mid {
    let kind = match plan.kind {
        Kind::Audio => str0m::media::MediaKind::Audio,
        Kind::Video => str0m::media::MediaKind::Video,
    };
    let (direction, layers) =
        (directions::stack_direction(plan.direction), simulcast::to_stack(&plan.layers));
    Mid(api.add_media(kind, direction, plan.stream.clone(), None, layers))
}

pub(super) fn refused(error: impl std::fmt::Display) -> SdpError {
    SdpError::Rejected(error.to_string())
}

/// Error after a panic ended the session.
pub(super) fn over() -> SdpError {
    SdpError::Internal("the session has ended".to_owned())
}

/// Whether there is a section for data channels that is not rejected (port 0).
pub(super) fn has_data(sdp: &str) -> bool {
    sdp.lines()
        .any(|line| line.starts_with("m=application ") && !line.starts_with("m=application 0 "))
}
