//! Output files that are written while the simulation runs.

use codec_container::{
    Format, PacketRef, PacketWriter, Track, VideoTrack, WriteOptions, create_packets,
};
use codec_core::frame::{Rational, Size};
use codec_media::failure::{Failure, Result};
use codec_media::frame::planes::Planes;
use codec_media::io::output::OutputFile;
use codec_media::io::sink::{FrameSink, Header};
use codec_media::values::Samples;

use super::reassembly::Reassembled;
use super::settings::{Output, Settings};
use super::viewer::OnScreen;

#[derive(Default)]
pub(super) struct Outputs {
    received: Option<(OutputFile, Box<dyn PacketWriter>)>,
    seen: Option<(OutputFile, FrameSink)>,
    /// The screen before the first frame.
    black: Planes,
}

impl Outputs {
    pub(super) fn new(settings: &Settings, header: Header, time_base: Rational) -> Result<Self> {
        let mut outputs = Self { black: black(header.size), ..Self::default() };
        for (path, kind) in &settings.outputs {
            match kind {
                Output::Received => {
                    let codec = settings.encoder.backend.codec;
                    let file = OutputFile::create(path, &settings.rules)?;
                    let mut track = VideoTrack::new(Format::Ivf, codec, header.size, time_base);
                    track.frame_rate = Some(header.frame_rate);
                    let tracks = [Track::Video(track)];
                    let options = WriteOptions::default();
                    let writer = create_packets(file.stream()?, Format::Ivf, &tracks, &options)
                        .map_err(|error| Failure::writing(&file.name, error))?;
                    outputs.received = Some((file, writer));
                }
                Output::Seen => {
                    let file = OutputFile::create(path, &settings.rules)?;
                    let sink = FrameSink::new(&file, Format::Y4m, Some(Samples::I420), header)?;
                    outputs.seen = Some((file, sink));
                }
                Output::Json | Output::Csv => {}
            }
        }
        Ok(outputs)
    }

    /// Writes a frame that the decoder received.
    pub(super) fn received(&mut self, frame: &Reassembled, pts: i64) -> Result<()> {
        let Some((file, writer)) = &mut self.received else { return Ok(()) };
        let packet =
            PacketRef { data: &frame.data, pts, key: frame.is_key, ..PacketRef::default() };
        writer.write(packet).map_err(|error| Failure::writing(&file.name, error))
    }

    /// Writes the screen contents at an instant.
    pub(super) fn seen(&mut self, screen: Option<&OnScreen>) -> Result<()> {
        let Some((_, sink)) = &mut self.seen else { return Ok(()) };
        match screen {
            Some(screen) => sink.write(&screen.picture.picture()?),
            None => sink.write(&self.black.picture()?),
        }
    }

    /// Finalises the files and renames them.
    pub(super) fn finish(self) -> Result<()> {
        if let Some((file, mut writer)) = self.received {
            writer.finish().map_err(|error| Failure::writing(&file.name, error))?;
            drop(writer);
            file.commit()?;
        }
        if let Some((file, sink)) = self.seen {
            sink.finish()?;
            file.commit()?;
        }
        Ok(())
    }
}

fn black(size: Size) -> Planes {
    let mut planes = Planes::default();
    planes.reset(size);
    let [y, u, v] = planes.split_mut();
    y.fill(16);
    u.fill(128);
    v.fill(128);
    planes
}
