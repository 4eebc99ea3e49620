//! Real-time media transport over RTP as sans-IO state machines: packets, jitter buffers,
//! congestion control, recovery and sessions.
//!
//! Nothing here opens a socket, reads a clock or starts a thread. Time is an argument: a
//! [`Duration`](core::time::Duration) since an epoch that the caller chooses, the same for all
//! parts of one endpoint. Each state machine with timers reports its next deadline
//! (`poll_timeout`). The crate contains no encoder or decoder: senders take coded frames and audio
//! packets, and receivers return them, or audio from a decoder that the caller registers.
//!
//! # Where to start
//!
//! | to build | use |
//! |---|---|
//! | a sender or a receiver of VP8, VP9 or H.264 and Opus over plain RTP or SRTP | [`session::Sender`], [`session::Receiver`]; for SRTP also `srtp` |
//! | a WebRTC endpoint | crate `codec-webrtc`, with [`packet`] and [`jitter`] for the payloads |
//! | sockets, WHIP, WHEP or a server | crate `codec-net` |
//! | an SFU | [`room::Room`] and [`room::Speakers`] for rooms, [`forward::Forwarder`] for one stream and one subscriber, [`rtcp`], [`report`] |
//! | your own stack | the other modules individually: none of them depends on [`session`] |
//! | a test of any of these over a bad network | [`link`] |
//!
//! # State machines and their call order
//!
//! [`session::Sender`], [`session::Receiver`] and, in `codec-webrtc`, `Peer` and `TurnClient` have
//! the same methods:
//!
//! | method | |
//! |---|---|
//! | `handle_datagram(now, ..)` | input: a datagram from the network |
//! | `handle_timeout(now)` | input: the time; runs the timers that are due |
//! | `poll_transmit()` | output: the next datagram to send |
//! | `poll_event()` | output: the next event |
//! | `poll_timeout()` | output: when to call `handle_timeout` at the latest |
//!
//! The following rules apply to all of them:
//!
//! 1. After every input, the caller drains `poll_transmit` and `poll_event` until both return
//!    `None`. Only then is `poll_timeout` valid.
//! 2. The caller waits for the next input, at the latest until `poll_timeout`, and then calls
//!    `handle_timeout`. A deadline in the past means immediately; `None` means that no timer is
//!    pending.
//! 3. `now` does not decrease from one call to the next.
//! 4. `handle_timeout` may be called at any time, and more often than needed.
//! 5. Malformed or forged datagrams are counted and dropped. `handle_datagram` returns an error for
//!    the log; the session continues, so the caller must not end it.
//!
//! A sender takes media through `send_video` and `send_audio`. A receiver returns it at its playout
//! time through `poll_frame(now)` and `pull_audio(now)`. Call a receiver's `handle_timeout` after
//! `poll_frame`: it sends the requests (a key frame by PLI, or an RPSI) for the frames that `poll_frame` has abandoned.
//!
//! Components with a single output (pacer, feedback recorders, congestion controller, links) have
//! `poll(now)`, which combines `handle_timeout` with that output, and `poll_timeout()`.
//!
//! # Example
//!
//! A call over an emulated link that loses packets. An application runs the same loop with sockets
//! and a clock:
//!
//! ```
//! use std::time::Duration;
//!
//! use codec_core::codec::{Bitrate, DecoderConfig, EncoderConfig, Packet, Update};
//! use codec_core::frame::{Picture, Rational, Size};
//! use codec_rtc::extension::ExtensionMap;
//! use codec_rtc::link::{Link, LinkSpec};
//! use codec_rtc::session::{
//!     Receiver, ReceiverConfig, Sender, SenderConfig, SenderEvent, Streams, VideoStream,
//! };
//!
//! let size = Size::new(64, 48);
//! let mut config = EncoderConfig::rtc(size, Rational::new(30, 1), Bitrate::kbps(200));
//! config.timebase = Rational::new(1, 90_000);
//! config.error_resilient = true;
//! let mut encoder = codec_vp8::encoder::open(&config)?;
//! let mut decoder = codec_vp8::decoder::open(&DecoderConfig::default())?;
//!
//! let video = Some(VideoStream::standard(1234)); // the SSRC
//! let streams = Streams { video, audio: None, extensions: ExtensionMap::default() };
//! let mut sender = Sender::new(SenderConfig::new(streams.clone(), 1))?;
//! let mut receiver = Receiver::new(ReceiverConfig::new(streams, 5678, 2));
//! let link: LinkSpec = "rate=1M,delay=20ms,loss=2%".parse()?;
//! let link = link.constant().ok_or("the rate varies")?;
//! let (mut there, mut back) = (Link::new(link.clone(), 1)?, Link::new(link, 2)?);
//!
//! let (mut packet, mut shown) = (Packet::default(), 0);
//! for ms in 0..2000_u32 {
//!     let now = Duration::from_millis(ms.into());
//!     if ms % 33 == 0 {
//!         let samples = vec![(ms % 199) as u8; size.i420_bytes() as usize];
//!         let request = sender.frame_request(now, (90 * ms).into());
//!         encoder.encode(&Picture::i420_packed(size, &samples)?, &request)?;
//!         while encoder.receive(&mut packet) {
//!             sender.send_video(now, now, 90 * ms, &packet)?;
//!         }
//!     }
//!     sender.handle_timeout(now);
//!     while let Some(datagram) = sender.poll_transmit() {
//!         there.send(now, datagram.len(), datagram);
//!     }
//!     while let Some(arrival) = there.poll(now) {
//!         let _ = receiver.handle_datagram(now, &arrival.packet); // an error does not end the call
//!     }
//!     while let Some(frame) = receiver.poll_frame(now) {
//!         decoder.decode(&frame.data, frame.media_ticks, None)?;
//!         receiver.decoded(now, &frame, Duration::ZERO);
//!         shown += u32::from(decoder.receive().is_some());
//!     }
//!     receiver.handle_timeout(now);
//!     while let Some(datagram) = receiver.poll_transmit() {
//!         back.send(now, datagram.len(), datagram);
//!     }
//!     while let Some(arrival) = back.poll(now) {
//!         let _ = sender.handle_datagram(now, &arrival.packet);
//!     }
//!     while let Some(event) = sender.poll_event() {
//!         if let SenderEvent::Target { allocation, .. } = event {
//!             encoder.apply(Update::Bitrate(allocation.video.max(Bitrate::kbps(50))))?;
//!         }
//!     }
//! }
//! assert!(shown > 50, "{shown} of 61 frames");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! Neither feature is on by default:
//!
//! | feature | adds |
//! |---|---|
//! | `srtp` | module `srtp`: SRTP and SRTCP in pure Rust, with keys from SDP or another source |
//! | `sframe` | module `sframe`: end-to-end encryption, and its use by [`session`] |
//!
//! # Limits
//!
//! - A session has at most one video stream and one audio stream in each direction. [`packet`] has
//!   packetizers for VP8, VP9, H.264, Opus and G.711. [`forward`] drops no layers of H.264. Recovery
//!   from acknowledged references works with VP8, and with VP9 without spatial layers.
//! - H.264 uses packetization modes 0 and 1; its frames cannot be end-to-end encrypted, and its key
//!   frames are IDR pictures: a receiver cannot start in a stream that has only recovery points.
//! - Temporal layers are supported by all modules, except those of H.264 by [`forward`]; spatial layers
//!   by [`packet::vp9`], [`session`], [`allocation`], [`forward`], [`room`] and the
//!   [frame buffer](jitter::video). Both are described by the
//!   [Dependency Descriptor](extension::dependency). [`allocation`] and [`room`] also support
//!   simulcast.
//! - FEC protects a single SSRC; there is no FEC across streams.
//! - Memory is bounded for any input: datagrams of up to 2048 bytes, 2048 packets and 16 MiB in
//!   a [`FrameBuffer`](jitter::video::FrameBuffer), 200 packets in an
//!   [`AudioBuffer`](jitter::audio::AudioBuffer). Each limit is documented where it applies.
//! - All received bytes are untrusted. Parsers return [`rtp::Malformed`]; none panics. Writers
//!   return [`rtp::WriteError`] for values that do not fit a packet.
//!
//! # Modules
//!
//! | module | contents |
//! |---|---|
//! | [`rtp`] | RTP packets; [`sequence`]: sequence numbers and timestamps that wrap |
//! | [`extension`] | RTP header extensions, including the Dependency Descriptor |
//! | [`rtcp`] | RTCP packets; [`demux`]: classification of datagrams (RFC 7983) |
//! | [`report`] | loss, jitter and round-trip statistics, NTP time, RTCP feedback timing |
//! | [`sdp`] | SDP for plain RTP sessions |
//! | [`packet`] | payload formats: packetizers and depacketizers |
//! | [`fec`] | ULPFEC, FlexFEC and the choice of the FEC overhead |
//! | [`jitter`] | jitter buffers: packets become media in order and on time |
//! | [`sync`] | lip sync of audio and video |
//! | [`audio`] | loss resilience of sent audio: in-band FEC, RED, frame length |
//! | [`congestion`] | bandwidth estimate |
//! | [`allocation`] | division of the estimate among audio, video, FEC and retransmissions |
//! | [`adaptation`] | encoder bitrate, resolution and frame rate |
//! | [`pacer`] | pacing of packets |
//! | [`recovery`] | NACK, retransmission history, key-frame requests |
//! | [`shared_bytes`] | packets that several receivers share |
//! | [`rng`] | seeded random numbers, not for keys |
//! | [`forward`] | layer dropping for one subscriber (SFU) |
//! | [`room`] | rooms of an SFU: simulcast, joins, bandwidth per viewer, speakers |
//! | `sframe` | end-to-end encrypted frames (feature `sframe`) |
//! | `srtp` | SRTP and SRTCP with externally negotiated keys (feature `srtp`) |
//! | [`session`] | sender and receiver that combine most of the modules above, but not [`forward`], [`room`] and `srtp` |
//! | [`link`] | network emulation in virtual time: rate, queue, delay, jitter, loss |
//!
//! # Standards
//!
//! | standard | subject | module |
//! |---|---|---|
//! | RFC 3550, section 5; RFC 8285 | RTP packets; header extensions | [`rtp`], [`extension`] |
//! | RTP Payload Format For AV1, annex A | Dependency Descriptor | [`extension::dependency`] |
//! | RFC 3550, section 6; RFC 3611, 4585, 5104, 5506, 8888; TWCC and REMB drafts | RTCP | [`rtcp`] |
//! | RFC 7983, RFC 5761 | demultiplexing | [`demux`] |
//! | RFC 3550, appendix A; RFC 3611 | reception statistics, round-trip times, feedback timing | [`report`] |
//! | RFC 7741 | VP8 payload format | [`packet::vp8`] |
//! | RFC 9628 | VP9 payload format | [`packet::vp9`] |
//! | RFC 6184 | H.264 payload format | [`packet::h264`] |
//! | RFC 7587, 3551, 2198, 4588 | Opus, G.711, RED, RTX | [`packet`] |
//! | RFC 8866, RFC 4568 | SDP, keys in SDP | [`sdp`] |
//! | RFC 5109, RFC 8627 | ULPFEC, FlexFEC | [`fec`] |
//! | RFC 4585, RFC 4588 | NACK, retransmission, key-frame requests, long-term references | [`recovery`] |
//! | RFC 3389; RFC 6716, section 2.1.7 | audio jitter buffer: comfort noise, in-band FEC, concealment, time-stretching | [`jitter::audio`] |
//! | RFC 3550, section 6.4.1; abs-capture-time | lip sync | [`sync`] |
//! | draft-ietf-rmcat-gcc-02 | bandwidth estimate | [`congestion`] |
//! | RFC 7667, section 3.7 | layer dropping in an SFU | [`forward`], [`room`] |
//! | RFC 6464 | speakers by audio levels | [`room::speakers`] |
//! | RFC 3711, 7714, 4568 | SRTP, SRTCP | `srtp` |
//! | RFC 9605 | SFrame | `sframe` |
//!
//! Interop tests against ffmpeg and GStreamer are in `codec-rtc/tests/interop`.

#![forbid(unsafe_code)]

pub mod adaptation;
pub mod allocation;
pub mod audio;
pub mod congestion;
pub mod demux;
pub mod extension;
pub mod fec;
pub mod forward;
pub mod jitter;
pub mod link;
pub mod pacer;
pub mod packet;
pub mod recovery;
#[cfg(any(feature = "srtp", feature = "sframe"))]
mod replay;
pub mod report;
pub mod rng;
pub mod room;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod sequence;
pub mod session;
#[cfg(feature = "sframe")]
pub mod sframe;
pub mod shared_bytes;
#[cfg(feature = "srtp")]
pub mod srtp;
pub mod sync;
