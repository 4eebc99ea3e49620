//! The display order of the frames of H.264 byte streams, which carry no timestamps.

use codec_media::Env;
use codec_media::cut::Cut;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::input::InputSpec;
use codec_media::io::names::is_pipe;

use super::packets::{Packets, Seen};

/// When the frame of each packet is displayed.
pub(super) enum DisplayOrder {
    /// At the time of the packet.
    Stated,
    /// At these times, in frames, by packet; `None` if the frame of a packet is not displayed.
    Measured(Vec<Option<i64>>),
    /// In the order of the packets; any other order is an error, because a pipe can be read only once.
    OfPackets,
}

impl DisplayOrder {
    /// Decodes a byte stream to measure the order of its frames. Inputs of other formats are not
    /// read.
    pub(super) fn of(spec: &InputSpec, packets: &Packets, env: &Env) -> Result<Self> {
        if !packets.is_byte_stream {
            return Ok(Self::Stated);
        }
        if is_pipe(&spec.path) {
            return Ok(Self::OfPackets);
        }
        let whole = InputSpec { cut: Cut::default(), ..spec.clone() };
        let mut times = Vec::new();
        let mut displayed = 0;
        Packets::open(&whole, true, &env.quiet())?.decode_all(|packet| {
            let packet = usize::try_from(packet).unwrap_or_default();
            times.resize(times.len().max(packet + 1), None);
            times[packet] = Some(displayed);
            displayed += 1;
        });
        Ok(Self::Measured(times))
    }

    /// Returns when the frame of a packet is displayed, in the time base of the packets; `None` if it is
    /// not displayed.
    pub(super) fn time(&self, seen: &Seen<'_>) -> Result<Option<i64>> {
        let packet = seen.packet.pts;
        match self {
            Self::OfPackets if seen.is_reordered => Err(Failure::new(
                Kind::Input,
                "--source requires a file as input: this byte stream is not in display order and must be \
                 read twice",
            )),
            Self::Stated | Self::OfPackets => Ok(Some(packet)),
            Self::Measured(times) => {
                Ok(usize::try_from(packet).ok().and_then(|at| *times.get(at)?))
            }
        }
    }
}
