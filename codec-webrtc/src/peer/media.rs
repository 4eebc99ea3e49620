//! Media out: packets to lines; key frames asked for.

use std::fmt;
use std::time::Duration;

use codec_core::codec::Bitrate;
use str0m::media::{KeyframeRequestKind, Pt};
use str0m::rtp::{RtpWrite, SeqNo};

use super::translate::translate_codec;
use super::{Peer, State};
use crate::extension::{self, MAX_DEPENDENCY_BYTES};
use crate::{Codec, Direction, KeyFrameRequestKind, Kind, Media, Mid, NegotiatedCodec};
use codec_rtc::extension::Extensions;
use codec_rtc::rtp;

/// What is kept to be sent again: packets, for how long, and the share of all bytes above which
/// nothing is sent again. These are the stack's own.
const RESENT: (usize, Duration, f32) = (2000, Duration::from_secs(3), 0.15);

/// Sequence numbers of a line that is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    mid: Mid,
    ssrc: u32,
    next: u64,
}

impl Sender {
    pub(super) fn mid(&self) -> Mid {
        self.mid
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.ssrc
    }
}

/// Why a packet is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The call is not connected (yet), or over.
    NotConnected,
    /// There is no such line of media, or this end does not send on it.
    NotSending,
    /// The other end does not have this codec.
    NoCodec(Codec),
    /// A payload of more bytes than [`Peer::MAX_PAYLOAD_BYTES`], or an extension that does not fit.
    TooLong {
        /// Bytes.
        bytes: usize,
    },
    /// So much waits for the link that nothing more is taken.
    QueueFull,
    /// Not a packet.
    Malformed(rtp::Malformed),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => f.write_str("not connected"),
            Self::NotSending => f.write_str("this end does not send on that line of media"),
            Self::NoCodec(codec) => write!(f, "the other end has no {codec:?}"),
            Self::TooLong { bytes } => write!(f, "{bytes} bytes do not fit a packet"),
            Self::QueueFull => f.write_str("too much waits for the link"),
            Self::Malformed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SendError {}

/// A packet on its way out.
pub(crate) struct Outgoing<'a> {
    pub(crate) codec: Codec,
    /// Goes in RED: its payload type, and that of what is in it.
    pub(crate) red: Option<(u8, u8)>,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: &'a [u8],
    pub(crate) captured: Duration,
    pub(crate) extensions: &'a Extensions,
    pub(crate) nackable: bool,
}

impl Peer {
    /// Longest payload of a packet: with header, extensions and authentication it stays under 1,280
    /// bytes but for a long Dependency Descriptor, and so does a packet of correction, which protects
    /// the extensions, too.
    pub const MAX_PAYLOAD_BYTES: usize = 1120;
    /// Longest payload of such a packet.
    const MAX_REPAIR_BYTES: usize = 1190;
    /// Most that may wait for the pacer on a line.
    const MAX_QUEUED_BYTES: usize = 4 << 20;

    /// Sends the packets of a frame of VP8, as the
    /// [`Packetizer`](codec_rtc::packet::vp8::Packetizer) makes them: marker, timestamp and payload are
    /// taken, payload type, source and sequence numbers are set here. `captured`: when the frame
    /// was, on the clock of `now`. `extensions` go with each packet. Lost packets are sent again when
    /// they are asked for (RFC 4588).
    ///
    /// Gives the sequence number of the first; the others follow.
    ///
    /// # Errors
    /// [`SendError`]; packets before the one at fault have been taken.
    pub fn send_video<P: AsRef<[u8]>>(
        &mut self,
        now: Duration,
        mid: Mid,
        packets: &[P],
        captured: Duration,
        extensions: &Extensions,
    ) -> Result<u16, SendError> {
        self.contained(Err(SendError::NotConnected), |peer| {
            peer.send_frame(now, mid, packets, captured, extensions)
        })
    }

    fn send_frame<P: AsRef<[u8]>>(
        &mut self,
        now: Duration,
        mid: Mid,
        packets: &[P],
        captured: Duration,
        extensions: &Extensions,
    ) -> Result<u16, SendError> {
        self.advance(now);
        let red = self.begin_frame(mid, packets, captured);
        let mut first = None;
        let mut result = Ok(());
        for packet in packets {
            result = rtp::parse(packet.as_ref()).map_err(SendError::Malformed).and_then(|packet| {
                let sequence = self.write(
                    mid,
                    &Outgoing {
                        codec: Codec::Vp8,
                        red,
                        timestamp: packet.header.timestamp,
                        marker: packet.header.marker,
                        payload: packet.payload,
                        captured,
                        extensions,
                        nackable: true,
                    },
                )?;
                first.get_or_insert(sequence);
                Ok(())
            });
            if result.is_err() {
                break;
            }
        }
        self.tick();
        result.and(first.ok_or(SendError::Malformed(rtp::Malformed::EmptyPayload)))
    }

    /// Sends a packet of sound. `marker`: the first after a silence. Gives its sequence number.
    ///
    /// # Errors
    /// [`SendError`]; nothing has been sent then.
    #[expect(clippy::too_many_arguments, reason = "a packet has these")]
    pub fn send_audio(
        &mut self,
        now: Duration,
        mid: Mid,
        codec: Codec,
        payload: &[u8],
        timestamp: u32,
        marker: bool,
        captured: Duration,
        extensions: &Extensions,
    ) -> Result<u16, SendError> {
        let (nackable, red) = (false, None);
        let packet =
            Outgoing { codec, red, timestamp, marker, payload, captured, extensions, nackable };
        self.contained(Err(SendError::NotConnected), |peer| {
            peer.advance(now);
            let sequence = peer.write(mid, &packet)?;
            peer.tick();
            Ok(sequence)
        })
    }

    /// Asks the other end for a key frame: PLI, or FIR if that is all it knows. `false`: nothing
    /// has come on that line so far.
    pub fn request_key_frame(
        &mut self,
        now: Duration,
        mid: Mid,
        kind: KeyFrameRequestKind,
    ) -> bool {
        self.contained(false, |peer| {
            peer.advance(now);
            let mut api = peer.rtc.direct_api();
            let Some(stream) = api.stream_rx_by_mid(mid.0, None) else { return false };
            stream.request_keyframe(stack_request(kind));
            peer.tick();
            true
        })
    }

    /// Asks one source for a key frame, where a line of media has several: `false` if nothing came
    /// from this source.
    pub fn request_key_frame_of(
        &mut self,
        now: Duration,
        ssrc: u32,
        kind: KeyFrameRequestKind,
    ) -> bool {
        self.contained(false, |peer| {
            peer.advance(now);
            let mut api = peer.rtc.direct_api();
            let Some(stream) = api.stream_rx(&ssrc.into()) else { return false };
            stream.request_keyframe(stack_request(kind));
            peer.tick();
            true
        })
    }

    /// Tells the other end to send no more than this on a line (REMB); it holds until the next.
    /// `false`: nothing has come on that line so far.
    pub fn limit_incoming(&mut self, now: Duration, mid: Mid, most: Bitrate) -> bool {
        self.advance(now);
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_rx_by_mid(mid.0, None) else { return false };
        stream.request_remb(str0m::bwe::Bitrate::bps(most.0));
        self.tick();
        true
    }

    /// A line of media as it has been negotiated.
    #[must_use]
    pub fn media(&self, mid: Mid) -> Option<Media> {
        let media = self.rtc.media(mid.0)?;
        let kind = if media.kind().is_audio() { Kind::Audio } else { Kind::Video };
        let params = self.rtc.codec_config().params();
        let codecs = media.remote_pts().iter().filter_map(|pt| {
            let param = params.iter().find(|param| param.pt() == *pt)?;
            let codec = translate_codec(param.spec().codec)?;
            let clock_hz = match codec {
                Codec::Vp8 => 90_000,
                Codec::Opus => 48_000,
                Codec::Pcmu | Codec::Pcma => 8000,
            };
            let rtx = param.resend().map(|pt| *pt);
            Some(NegotiatedCodec { codec, payload_type: **pt, rtx, clock_hz })
        });
        let codecs = codecs.collect();
        let direction =
            if media.disabled() { Direction::Inactive } else { media.direction().into() };
        Some(Media { mid, kind, direction, codecs })
    }

    /// Bytes that wait for the pacer on a line, as of its last look; 0 without estimation.
    #[must_use]
    pub fn queued_bytes(&mut self, mid: Mid) -> usize {
        self.contained(0, |peer| {
            let mut api = peer.rtc.direct_api();
            let stream = api.stream_tx_by_mid(mid.0, None);
            let info = stream.and_then(|stream| stream.queue_info());
            // Where nothing but padding waits, it is made when its time comes.
            info.filter(|info| info.first_unsent().is_some()).map_or(0, |info| info.byte_size())
        })
    }

    /// Sends nothing again that has been sent on a line so far: for what a key frame has made
    /// useless. `false`: there is no such line.
    pub fn forget_sent(&mut self, mid: Mid) -> bool {
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid.0, None) else { return false };
        let (packets, age, share) = RESENT;
        stream.set_rtx_cache(packets, age, Some(share));
        true
    }

    /// The source under which a line is sent.
    #[must_use]
    pub fn ssrc(&mut self, mid: Mid) -> Option<u32> {
        self.contained(None, |peer| {
            peer.rtc.direct_api().stream_tx_by_mid(mid.0, None).map(|stream| *stream.ssrc())
        })
    }

    pub(crate) fn write(&mut self, mid: Mid, packet: &Outgoing<'_>) -> Result<u16, SendError> {
        if self.state != State::Connected {
            return Err(SendError::NotConnected);
        }
        let dependency = packet.extensions.dependency.as_ref().map_or(0, Vec::len);
        let most =
            if packet.red.is_some() { Self::MAX_REPAIR_BYTES } else { Self::MAX_PAYLOAD_BYTES };
        if packet.payload.len() > most || dependency > MAX_DEPENDENCY_BYTES {
            return Err(SendError::TooLong { bytes: packet.payload.len() + dependency });
        }
        let media = self.media(mid).filter(|media| media.direction.sends());
        let media = media.ok_or(SendError::NotSending)?;
        let codec = media.codecs.iter().find(|codec| codec.codec == packet.codec);
        let codec = codec.ok_or(SendError::NoCodec(packet.codec))?;
        if self.queued_bytes(mid) > Self::MAX_QUEUED_BYTES {
            return Err(SendError::QueueFull);
        }
        let captured = self.instant(packet.captured);
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid.0, None).ok_or(SendError::NotSending)?;
        let sender = match self.senders.iter_mut().position(|sender| sender.mid == mid) {
            Some(at) => self.senders.get_mut(at),
            None => {
                // SSRCs are random: so is the first number, below half of the range, where a
                // receiver that misses it does not take the next for a wrap (RFC 3711, 3.3.1).
                let ssrc = *stream.ssrc();
                let next = u64::from(ssrc & 0x3fff);
                stream.set_unpaced(!self.paced);
                self.senders.push(Sender { mid, ssrc, next });
                self.senders.last_mut()
            }
        };
        let sender = sender.ok_or(SendError::NotSending)?;
        let sequence: SeqNo = sender.next.into();
        sender.next += 1;
        let (pt, block) = packet.red.unzip();
        let pt = Pt::new_with_value(pt.unwrap_or(codec.payload_type));
        let payload: Vec<u8> = block.into_iter().chain(packet.payload.iter().copied()).collect();
        stream.write_rtp(
            RtpWrite::new(pt, sequence, packet.timestamp, captured, payload)
                .marker(packet.marker)
                .nackable(packet.nackable && codec.rtx.is_some())
                .ext_vals(extension::to_stack(packet.extensions)),
        );
        Ok(sequence.as_u16())
    }
}

fn stack_request(kind: KeyFrameRequestKind) -> KeyframeRequestKind {
    match kind {
        KeyFrameRequestKind::Pli => KeyframeRequestKind::Pli,
        KeyFrameRequestKind::Fir => KeyframeRequestKind::Fir,
    }
}
