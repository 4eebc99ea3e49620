//! Decoder for one mono or stereo Opus stream: the mode of a packet (CELT, SILK or hybrid) selects
//! the library.

use codec_audio::opus_packet::{OpusMode, Toc};

/// A decoder of one stream. `opus-rs` conceals speech losses as libopus does, `ropus` does not;
/// `ropus` decodes CELT exactly, `opus-rs` is slightly wrong in short frames at low rates.
/// Therefore CELT packets go to `ropus`, SILK and hybrid packets to `opus-rs`. Opus resets its
/// coders at mode changes (RFC 6716, section 4.5.2), so a fresh decoder that has decoded the last
/// packet, with its redundancy, is in the required state.
pub(super) struct Stream {
    rate: i32,
    channels: usize,
    engine: Engine,
    /// Last packet, for switching the library.
    last: Vec<u8>,
    /// 16-bit samples of `ropus`, or discarded samples.
    pcm: Vec<i16>,
}

#[expect(clippy::large_enum_variant, reason = "one per stream")]
enum Engine {
    /// Before the first packet.
    Unknown,
    Celt(ropus::OpusDecoder),
    Speech(opus_rs::OpusDecoder),
}

/// Result of a library; the error says why it rejects a packet.
type Answer<T> = Result<T, &'static str>;

impl Stream {
    /// Creates a stream before its first packet. `rate` must be an Opus rate; `channels` is 1 or 2.
    pub(super) fn new(rate: i32, channels: usize) -> Self {
        Self { rate, channels, engine: Engine::Unknown, last: Vec::new(), pcm: Vec::new() }
    }

    /// Decodes a valid packet into `out`, which must be large enough; returns the number of sample
    /// frames.
    pub(super) fn decode(
        &mut self,
        packet: &[u8],
        frames: usize,
        out: &mut [f32],
    ) -> Answer<usize> {
        self.choose(packet)?;
        self.last.clear();
        self.last.extend_from_slice(packet);
        match &mut self.engine {
            Engine::Unknown => Err("no decoder"),
            Engine::Celt(decoder) => celt(decoder, Some(packet), frames, out, &mut self.pcm),
            Engine::Speech(decoder) => decoder.decode(packet, frames, out),
        }
    }

    /// Returns the state of the range decoder after the last packet, if the library reports it
    /// (CELT).
    pub(super) fn final_range(&self) -> Option<u32> {
        match &self.engine {
            Engine::Celt(decoder) => Some(decoder.get_final_range()),
            _ => None,
        }
    }

    /// Decodes the in-band FEC that `next` carries for the previous frame; without FEC, acts like
    /// [`Self::conceal`].
    pub(super) fn decode_fec(
        &mut self,
        next: &[u8],
        frames: usize,
        out: &mut [f32],
    ) -> Answer<usize> {
        self.choose(next)?;
        match &mut self.engine {
            Engine::Speech(decoder) => decoder.decode_fec(next, frames, out),
            _ => self.conceal(frames, out),
        }
    }

    /// Conceals `frames` sample frames.
    pub(super) fn conceal(&mut self, frames: usize, out: &mut [f32]) -> Answer<usize> {
        match &mut self.engine {
            Engine::Unknown => {
                out.fill(0.0);
                Ok(frames)
            }
            Engine::Celt(decoder) => celt(decoder, None, frames, out, &mut self.pcm),
            Engine::Speech(decoder) => decoder.decode(&[], frames, out),
        }
    }

    /// Prepares the library that decodes `packet`.
    fn choose(&mut self, packet: &[u8]) -> Answer<()> {
        let toc = Toc(packet.first().copied().unwrap_or(0));
        let is_celt = toc.mode() == OpusMode::Celt;
        let kept = match self.engine {
            Engine::Unknown => false,
            Engine::Celt(_) => is_celt,
            Engine::Speech(_) => !is_celt,
        };
        if kept {
            return Ok(());
        }
        let most = usize::try_from(self.rate).unwrap_or(0) * 3 / 25;
        let mut unheard = vec![0.0; most * self.channels];
        // If the last packet is rejected, only the smoothness of the transition suffers.
        self.engine = if is_celt {
            let channels = if self.channels == 2 { 2 } else { 1 };
            let mut decoder =
                ropus::OpusDecoder::new(self.rate, channels).map_err(|_| "unsupported format")?;
            if !self.last.is_empty() {
                let _ = celt(&mut decoder, Some(&self.last), most, &mut unheard, &mut self.pcm);
            }
            Engine::Celt(decoder)
        } else {
            let mut decoder = opus_rs::OpusDecoder::new(self.rate, self.channels)?;
            if !self.last.is_empty() {
                let _ = decoder.decode(&self.last, most, &mut unheard);
            }
            Engine::Speech(decoder)
        };
        Ok(())
    }
}

fn celt(
    decoder: &mut ropus::OpusDecoder,
    packet: Option<&[u8]>,
    frames: usize,
    out: &mut [f32],
    pcm: &mut Vec<i16>,
) -> Answer<usize> {
    pcm.clear();
    pcm.resize(out.len(), 0);
    let length = i32::try_from(frames).unwrap_or(i32::MAX);
    let got = decoder.decode(packet, pcm, length, false).map_err(|_| "invalid packet")?;
    for (out, &sample) in out.iter_mut().zip(pcm.iter()) {
        *out = f32::from(sample) / 32768.0;
    }
    usize::try_from(got).map_err(|_| "invalid packet")
}
