//! One decoder of mono or stereo, by whichever library does better at it.

use codec_audio::opus_packet::{OpusMode, Toc};

/// A decoder. `opus-rs` conceals losses of speech as libopus does, `ropus` does not; `ropus` decodes
/// CELT exactly, `opus-rs` is a little wrong in short frames at low rates. So CELT goes to `ropus`,
/// SILK and hybrid to `opus-rs`. Opus starts its coders anew where the mode changes (RFC 6716,
/// section 4.5.2), so a fresh decoder that has heard the last packet, with the redundancy in it, is
/// in the state that is wanted.
pub(super) struct Stream {
    rate: i32,
    channels: usize,
    engine: Engine,
    /// The last packet, for a change of engine.
    last: Vec<u8>,
    /// 16-bit samples of `ropus`, or samples that nobody wants.
    pcm: Vec<i16>,
}

#[expect(clippy::large_enum_variant, reason = "one per stream")]
enum Engine {
    /// Before the first packet.
    Unknown,
    Celt(ropus::OpusDecoder),
    Speech(opus_rs::OpusDecoder),
}

/// What a library says of a packet that it refuses.
type Answer<T> = Result<T, &'static str>;

impl Stream {
    /// Before the first packet. `rate`: one that Opus has; `channels`: 1 or 2.
    pub(super) fn new(rate: i32, channels: usize) -> Self {
        Self { rate, channels, engine: Engine::Unknown, last: Vec::new(), pcm: Vec::new() }
    }

    /// Decodes a packet that holds to the standard's rules into `out`, which fits it; gives the
    /// sample frames.
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

    /// State of the range decoder after the last packet, where the library tells: of CELT.
    pub(super) fn final_range(&self) -> Option<u32> {
        match &self.engine {
            Engine::Celt(decoder) => Some(decoder.get_final_range()),
            _ => None,
        }
    }

    /// Takes the frame before `next` out of its copy there; otherwise as [`Self::conceal`].
    pub(super) fn copy(&mut self, next: &[u8], frames: usize, out: &mut [f32]) -> Answer<usize> {
        self.choose(next)?;
        match &mut self.engine {
            Engine::Speech(decoder) => decoder.decode_fec(next, frames, out),
            _ => self.conceal(frames, out),
        }
    }

    /// Makes `frames` sample frames up.
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

    /// Makes the engine ready that `packet` is for.
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
        // A refusal of the last packet costs no more than the smoothness of the change.
        self.engine = if is_celt {
            let channels = if self.channels == 2 { 2 } else { 1 };
            let mut decoder =
                ropus::OpusDecoder::new(self.rate, channels).map_err(|_| "no such format")?;
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
    let got = decoder.decode(packet, pcm, length, false).map_err(|_| "a packet that breaks it")?;
    for (out, &sample) in out.iter_mut().zip(pcm.iter()) {
        *out = f32::from(sample) / 32768.0;
    }
    usize::try_from(got).map_err(|_| "a packet that breaks it")
}
