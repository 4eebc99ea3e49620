//! Adapts AV1 packets to the output container: adds or removes temporal delimiters, and extracts the
//! codec configuration.

use codec_core::codec::Codec;

use super::units::{Delimiter, configuration, with_delimiter};
use crate::{
    CodedPacket, Error, Format, Output, PacketRef, PacketWriter, Result, Track, WriteOptions,
};

/// Maximum number of bytes that wait for a sequence header.
const MAX_WAITING_BYTES: usize = 64 << 20;

/// Creates the writer below the adapter.
type CreateWriter = fn(Output, Format, &[Track], &WriteOptions) -> Result<Box<dyn PacketWriter>>;

/// Adds or removes the temporal delimiters of AV1 packets, and extracts the codec configuration for
/// MP4 and Matroska from the first packet with a sequence header. If a track lacks the
/// configuration, all packets wait for that packet.
pub(crate) struct Av1Adapter {
    is_av1: Vec<bool>,
    delimiter: Delimiter,
    state: State,
}

enum State {
    Waiting {
        output: Output,
        format: Format,
        options: WriteOptions,
        create: CreateWriter,
        tracks: Vec<Track>,
        packets: Vec<CodedPacket>,
    },
    Writing(Box<dyn PacketWriter>),
    Failed,
}

impl Av1Adapter {
    /// Creates a writer for `tracks`, at least one of which is AV1. It passes the adapted packets
    /// to the writer that `create` returns.
    pub(crate) fn new(
        output: Output,
        format: Format,
        tracks: &[Track],
        options: &WriteOptions,
        create: CreateWriter,
    ) -> Result<Self> {
        let is_av1 = |track: &Track| track.video().is_some_and(|track| track.codec == Codec::Av1);
        let is_stream = matches!(format, Format::Ivf | Format::Obu);
        let delimiter = if is_stream { Delimiter::Needed } else { Delimiter::Forbidden };
        let state = if is_stream || !tracks.iter().any(lacks_setup) {
            State::Writing(create(output, format, tracks, options)?)
        } else {
            let (options, tracks) = (options.clone(), tracks.to_vec());
            State::Waiting { output, format, options, create, tracks, packets: Vec::new() }
        };
        Ok(Self { is_av1: tracks.iter().map(is_av1).collect(), delimiter, state })
    }

    /// Creates the file and writes the waiting packets.
    fn begin(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Waiting { output, format, options, create, tracks, packets } => {
                let mut writer = create(output, format, &tracks, &options)?;
                for packet in &packets {
                    writer.write(packet.as_ref())?;
                }
                self.state = State::Writing(writer);
            }
            other => self.state = other,
        }
        Ok(())
    }
}

fn lacks_setup(track: &Track) -> bool {
    let track = track.video();
    track.is_some_and(|track| track.codec == Codec::Av1 && track.codec_private.is_empty())
}

impl PacketWriter for Av1Adapter {
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()> {
        let is_av1 = self.is_av1.get(packet.track) == Some(&true);
        let changed = if is_av1 { with_delimiter(packet.data, self.delimiter) } else { None };
        let packet = PacketRef { data: changed.as_deref().unwrap_or(packet.data), ..packet };
        match &mut self.state {
            State::Writing(writer) => writer.write(packet),
            State::Waiting { tracks, packets, format, .. } => {
                if is_av1
                    && let Some(Track::Video(track)) = tracks.get_mut(packet.track)
                    && track.codec_private.is_empty()
                {
                    track.codec_private = configuration(packet.data).unwrap_or_default();
                }
                let held: usize = packets.iter().map(|packet| packet.data.len()).sum();
                if held > MAX_WAITING_BYTES {
                    return Err(Error::unsupported(*format, "AV1 without a sequence header"));
                }
                let PacketRef { data, track, pts, dts, duration, key, shown, trim_end, .. } =
                    packet;
                let data = data.to_vec();
                let rest = CodedPacket { key, shown, trim_end, ..CodedPacket::default() };
                packets.push(CodedPacket { data, track, pts, dts, duration, ..rest });
                if tracks.iter().any(lacks_setup) { Ok(()) } else { self.begin() }
            }
            State::Failed => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<()> {
        self.begin()?;
        match &mut self.state {
            State::Writing(writer) => writer.finish(),
            State::Waiting { .. } | State::Failed => Ok(()),
        }
    }
}
