//! Simulcast: one video as two or three independent streams of different sizes, from which an SFU selects one for each
//! viewer, by the bandwidth and the size of the video on the screen of that viewer.
//!
//! [`SimulcastEncoder`] runs an encoder of any backend for each layer. It scales the input, divides the bitrate between
//! the layers as WebRTC does ([`LayerRates`], [`split`]), starts and stops layers without key frames on the others,
//! codes the layers on the threads of the given pool, and reports for each layer what happened to each input
//! frame. A layer of half the size of another one reuses the motion analysis of the larger one, if the backend
//! accepts an analysis from its caller ([`Feature::GivenAnalysis`](crate::codec::Feature::GivenAnalysis)).
//!
//! ```
//! use codec_core::codec::{Bitrate, Codec, EncoderConfig, OpenEncoder, Packet, Scalability, Update};
//! use codec_core::codec::{Capabilities, FrameRequest};
//! use codec_core::frame::Picture;
//! use codec_core::simulcast::{LayerOutcome, SimulcastConfig, SimulcastEncoder};
//!
//! /// `backend`: for example `codec_vp8::BACKEND.encoder`.
//! fn send(
//!     backend: (OpenEncoder, &'static Capabilities),
//!     frames: &[Picture<'_>],
//! ) -> Result<(), codec_core::Error> {
//!     // 1280x720, 640x360 and 320x180 at 3 Mbit/s in total, with three temporal layers each.
//!     let encoder = EncoderConfig::new(1280, 720)
//!         .bitrate(Bitrate::kbps(3000))
//!         .scalability(Scalability::L1T3);
//!     let config = SimulcastConfig::halving(encoder, Codec::Vp8, 3);
//!     let mut simulcast = SimulcastEncoder::new(backend, &config)?;
//!     let mut packet = Packet::default();
//!     for (pts, frame) in (0..).zip(frames) {
//!         match pts {
//!             // The bandwidth estimate falls: the highest layer stops by itself.
//!             100 => drop(simulcast.apply(Update::Bitrate(Bitrate::kbps(900)))?),
//!             // No viewer receives the middle layer any more.
//!             200 => simulcast.set_active(1, false)?,
//!             // A viewer of the lowest layer has joined.
//!             300 => simulcast.request_key_frame(0)?,
//!             _ => {}
//!         }
//!         for (layer, outcome) in simulcast.encode(frame, &FrameRequest::at(pts))?.iter().enumerate() {
//!             if let LayerOutcome::Dropped { reason, .. } = outcome {
//!                 println!("frame {pts} of layer {layer} dropped: {reason:?}");
//!             }
//!         }
//!         while let Some(layer) = simulcast.receive(&mut packet) {
//!             println!("layer {layer}: {} bytes", packet.data.len()); // to the packetizer of its RTP stream
//!         }
//!     }
//!     Ok(())
//! }
//! ```

mod config;
mod encoder;
mod rates;
mod sources;

pub use config::{LayerConfig, SimulcastConfig};
pub use encoder::{Idle, LayerOutcome, LayerState, SimulcastEncoder};
pub use rates::{LayerRates, MAX_LAYERS, SplitLayer, layers_for, split};
