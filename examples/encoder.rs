//! Link the encoder: frames in, VP8 packets out, settings changed while it runs.
//!
//! `cargo run -p codec-examples --bin encoder > stream.ivf`

#![forbid(unsafe_code)]

use std::io::{Write, stdout};

use codec_core::codec::{Bitrate, EncoderConfig, FrameRequest, Outcome, Packet, Update};
use codec_core::error::Error;
use codec_core::frame::{Picture, Rational, Size};

/// A moving ramp, as I420 without padding.
fn paint(size: Size, time: u32) -> Vec<u8> {
    let ramp = |y: u32| (0..size.width).map(move |x| (x + y + 3 * time).to_le_bytes()[0]);
    let luma = (0..size.height).flat_map(ramp);
    luma.chain((0..2 * size.chroma().pixels()).map(|_| 128)).collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let size = Size::new(640, 360);
    let mut config = EncoderConfig::rtc(size, Rational { num: 30, den: 1 }, Bitrate::kbps(800));
    config.timebase = Rational { num: 1, den: 90_000 };
    let mut encoder = codec_vp8::encoder::open(&config)?;
    let mut packet = Packet::default();
    let mut out = stdout().lock();
    out.write_all(b"DKIF\0\0\x20\0VP80\x80\x02\x68\x01\x90\x5f\x01\0\x01\0\0\0\0\0\0\0\0\0\0\0")?;
    for time in 0..300_u32 {
        // Between frames a service reads the state of the network; here the bandwidth falls, and
        // then a viewer joins.
        match time {
            100 => drop(encoder.apply(Update::Bitrate(Bitrate::kbps(250)))?),
            200 => drop(encoder.apply(Update::KeyFrame)?),
            _ => {}
        }
        let samples = paint(size, time);
        let picture = Picture::i420_packed(size, &samples).map_err(Error::from)?;
        match encoder.encode(&picture, &FrameRequest::at(i64::from(time) * 3000))? {
            Outcome::Dropped { reason, debt_bits } => {
                writeln!(std::io::stderr(), "frame {time}: {reason:?}, {debt_bits} bits too many")?;
            }
            _ => {
                while encoder.receive(&mut packet) {
                    // Here a service passes `packet.data` and `packet.meta` to its packetizer.
                    out.write_all(&u32::try_from(packet.data.len())?.to_le_bytes())?;
                    out.write_all(&packet.pts.to_le_bytes())?;
                    out.write_all(&packet.data)?;
                }
            }
        }
    }
    Ok(())
}
