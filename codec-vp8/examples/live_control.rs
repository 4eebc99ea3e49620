//! An encoder in a live service: settings change while it runs, and the encoder reports the reason
//! for every dropped frame.
//!
//! `cargo run --release -p codec-vp8 --example live_control > stream.ivf`

#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{Write, stderr, stdout};

use codec_core::codec::{
    Bitrate, DropPolicy, DropReason, EncoderConfig, FrameKind, FrameRequest, Outcome, Packet,
    Scalability, Update, VideoEncoder,
};
use codec_core::frame::{Picture, Rational, Size};

/// Events that arrive before a frame. In a service they come from RTCP, from the bandwidth estimate
/// and from the load of the machine.
fn events(frame: u32) -> Vec<Update> {
    match frame {
        // The bandwidth estimate falls, and rises again.
        60 => vec![Update::Bitrate(Bitrate::kbps(100))],
        120 => vec![Update::Bitrate(Bitrate::kbps(500))],
        // A viewer joins, or has lost a frame and sent a PLI.
        150 => vec![Update::KeyFrame],
        // The window of the viewer becomes smaller. The next frame is a key frame.
        180 => vec![Update::Resolution(Size::new(320, 180))],
        // A second viewer has a slow link: an SFU can drop two thirds of the frames for them.
        210 => vec![Update::Scalability(Scalability::L1T3)],
        // No viewer needs the highest layer: its frames are dropped, and cost nothing.
        240 => vec![Update::ActiveTemporalLayers(2)],
        // The machine is busy.
        270 => vec![Update::Speed(10), Update::FrameRate(Rational::new(15, 1))],
        _ => Vec::new(),
    }
}

/// Counts of frames by their outcome.
#[derive(Debug, Default)]
pub struct Report {
    /// Frames that became packets.
    pub coded: u32,
    /// Key frames among them.
    pub keys: u32,
    /// Frames that the rate control dropped, because the buffer was empty.
    pub buffer_low: u32,
    /// Frames that were larger than the buffer at any quantiser.
    pub over_cap: u32,
    /// Frames of a disabled temporal layer.
    pub layer_off: u32,
    /// Sizes of the stream, in the order of their appearance.
    pub sizes: Vec<Size>,
}

/// A moving ramp with detail that is expensive to code, as I420 without padding.
fn paint(size: Size, time: u32) -> Vec<u8> {
    let pixel = |x: u32, y: u32| (x * y / 8 + x + y + 3 * time).to_le_bytes()[0];
    let row = |y: u32| (0..size.width).map(move |x| pixel(x, y));
    let luma = (0..size.height).flat_map(row);
    luma.chain((0..2 * size.chroma().pixels()).map(|_| 128)).collect()
}

/// Encodes 300 frames and writes IVF.
///
/// # Errors
/// If the encoder rejects a setting, or `out` cannot be written.
pub fn run(out: &mut dyn Write) -> Result<Report, Box<dyn Error>> {
    let config = EncoderConfig::new(640, 360)
        .bitrate(Bitrate::kbps(500))
        .timebase(Rational::new(1, 90_000)) // the clock of RTP
        .drops(DropPolicy::BelowBufferPct(30)); // at 30 % of the buffer; the default is to never drop
    let mut encoder = codec_vp8::encoder::open(&config)?;
    let (mut size, mut report, mut packet) = (config.size, Report::default(), Packet::default());
    out.write_all(b"DKIF\0\0\x20\0VP80\x80\x02\x68\x01\x90\x5f\x01\0\x01\0\0\0\0\0\0\0\0\0\0\0")?;
    for frame in 0..300 {
        for update in events(frame) {
            if let Update::Resolution(new) = update {
                size = new;
            }
            // Says when it takes effect. An error changes nothing: the encoder continues as before.
            encoder.apply(update)?;
        }
        let samples = paint(size, frame);
        let picture = Picture::i420_packed(size, &samples)?;
        match encoder.encode(&picture, &FrameRequest::at(i64::from(frame) * 3000))? {
            Outcome::Coded => {}
            Outcome::Dropped { reason: DropReason::BufferLow, .. } => report.buffer_low += 1,
            Outcome::Dropped { reason: DropReason::OverCap, .. } => report.over_cap += 1,
            Outcome::Dropped { reason: DropReason::LayerOff, .. } => report.layer_off += 1,
            other => writeln!(stderr(), "frame {frame}: {other:?}")?,
        }
        take_packets(&mut *encoder, &mut packet, &mut report, out)?;
    }
    // Returns the packets that a look-ahead holds. In real time there is no look-ahead.
    encoder.finish()?;
    take_packets(&mut *encoder, &mut packet, &mut report, out)?;
    Ok(report)
}

/// A service passes `packet.data` and `packet.meta` to its packetizer here.
fn take_packets(
    encoder: &mut dyn VideoEncoder,
    packet: &mut Packet,
    report: &mut Report,
    out: &mut dyn Write,
) -> Result<(), Box<dyn Error>> {
    while encoder.receive(packet) {
        report.coded += 1;
        report.keys += u32::from(packet.meta.kind == FrameKind::Key);
        if report.sizes.last() != Some(&packet.meta.size) {
            report.sizes.push(packet.meta.size);
        }
        out.write_all(&u32::try_from(packet.data.len())?.to_le_bytes())?;
        out.write_all(&packet.pts.to_le_bytes())?;
        out.write_all(&packet.data)?;
    }
    Ok(())
}

/// Writes the stream to standard output and the counts to standard error.
///
/// # Errors
/// As for [`run`].
pub fn main() -> Result<(), Box<dyn Error>> {
    let report = run(&mut stdout().lock())?;
    writeln!(stderr(), "{report:?}")?;
    Ok(())
}
