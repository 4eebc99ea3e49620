//! `codec probe`.

mod report;

use codec_container::{
    CodedPacket, Error, Input, PacketReader, RawVideoReader, Track, sample_format,
};
use codec_core::codec::Limits;
use codec_media::Env;
use codec_media::cut::Cut;
use codec_media::failure::{Failure, Result};
use codec_media::io::decoded::DecodeOptions;
use codec_media::io::field_order::FieldOrderProbe;
use codec_media::io::input::{InputSpec, Opened};
use codec_media::io::output::print;
use codec_media::io::source::FrameSource;
use codec_media::io::stills::read::StillSource;
use codec_media::io::video;

use crate::args::decode::ProbeArgs;

use report::{Entry, Kind, ProbeReport, TrackReport, Video};

/// Reads the whole input, of which it decodes only the start of H.264 for the field order, and reports its contents, or,
/// with --from, --to or --duration, only the packets that begin in that range. A damaged input is reported up to the
/// damage.
pub(crate) fn run(args: &ProbeArgs, env: &Env) -> Result<()> {
    let cut = Cut { keep_times: true, ..args.part.cut() };
    let spec = InputSpec { cut, ..InputSpec::from(&args.input) };
    let mut found = ProbeReport::new(spec.name(), args.frames, cut);
    let opened = match spec.open(env) {
        Err(failure) => return Err(unreadable(&mut found, failure, args.json)),
        Ok(opened) => opened,
    };
    let end = match opened {
        Opened::Container(Input::Packets(reader)) => read_packets(&mut found, reader, spec.limits),
        Opened::Container(Input::RawVideo(reader)) => read_pictures(&mut found, reader),
        Opened::Packed(mut reader) => read_packed(&mut found, &mut *reader),
        Opened::Still(reader, format) => {
            let name = spec.name();
            let mut source = StillSource::new(reader, format, &name, &spec.limits, env)?;
            read_packed(&mut found, &mut source)
        }
        opened @ (Opened::Images(_) | Opened::Animation(..)) => {
            let options = DecodeOptions { limits: spec.limits, ..DecodeOptions::default() };
            read_packed(&mut found, &mut *video::of(opened, &spec, &options, env)?)
        }
        Opened::Container(_) => Err(Failure::internal("unknown content type")),
    };
    if end.is_ok() && found.is_empty_part() {
        let message = format!("{}: no packet begins in the selected part", spec.name());
        return Err(Failure::usage(message));
    }
    print(&text_of(&found, &end, args.json))?;
    end
}

fn text_of(found: &ProbeReport, end: &Result<()>, json: bool) -> String {
    if json { format!("{}\n", found.json(end)) } else { found.text() }
}

/// Reports the tracks of a file of which none can be read; returns `failure`.
fn unreadable(found: &mut ProbeReport, failure: Failure, json: bool) -> Failure {
    let cause = std::error::Error::source(&failure);
    let Some(Error::NoReadableTrack { format, tracks, .. }) =
        cause.and_then(|cause| cause.downcast_ref())
    else {
        return failure;
    };
    found.format = format.to_string();
    found.unreadable.clone_from(tracks);
    let text = text_of(found, &Err(failure.clone()), json);
    print(&text).err().unwrap_or(failure)
}

fn read_packets(
    found: &mut ProbeReport,
    mut reader: Box<dyn PacketReader>,
    limits: Limits,
) -> Result<()> {
    found.metadata = reader.metadata().clone();
    for track in reader.tracks() {
        found.format = track.format().to_string();
        found.tracks.push(describe(track));
        found.warnings.extend(track.warnings().iter().map(ToString::to_string));
    }
    let codecs: Vec<_> =
        reader.tracks().iter().map(|track| track.video().map(|video| video.codec)).collect();
    let mut field_orders: Vec<_> =
        reader.tracks().iter().map(|track| FieldOrderProbe::new(track.video()?, limits)).collect();
    let mut packet = CodedPacket::default();
    loop {
        let read = reader.read(&mut packet);
        if let (Ok(true), Some(Some(probe)), Some(track)) =
            (&read, field_orders.get_mut(packet.track), found.tracks.get_mut(packet.track))
            && let Some(order) = probe.add(&packet)
        {
            track.set_field_order(order);
        }
        // Many files leave the format to the coded frames.
        if let (Ok(true), Some(Some(codec)), Some(track)) =
            (&read, codecs.get(packet.track), found.tracks.get_mut(packet.track))
            && packet.key
            && track.lacks_format()
            && let Some(format) = sample_format(*codec, &packet.data)
        {
            track.set_format(format);
        }
        match read {
            Ok(true) => found.add(Entry {
                track: packet.track,
                index: packet.index,
                offset: Some(packet.offset),
                pts: packet.pts,
                duration: packet.duration,
                bytes: packet.data.len() as u64,
                key: packet.key,
                shown: packet.shown,
                trim_start: packet.trim_start,
                trim_end: packet.trim_end,
            }),
            Ok(false) => return Ok(()),
            Err(error) => return Err(Failure::reading(&found.name, error)),
        }
    }
}

fn describe(track: &Track) -> TrackReport {
    let kind = match track {
        Track::Video(video) => Kind::Video(Video {
            codec: video.codec.name(),
            title: video.name.clone(),
            size: video.size,
            samples: video.samples,
            frame_rate: video.frame_rate,
            info: video.info,
        }),
        Track::Audio(audio) => Kind::Audio(Box::new(audio.clone())),
        _ => Kind::Other,
    };
    TrackReport::new(kind, track.time_base())
}

fn read_pictures(found: &mut ProbeReport, mut reader: Box<dyn RawVideoReader>) -> Result<()> {
    let stream = reader.stream();
    found.format = stream.format.to_string();
    found.warnings = stream.warnings.iter().map(ToString::to_string).collect();
    let format = stream.pixels.samples();
    let (bytes, samples) = (format.frame_bytes(stream.size), Some(format));
    let (size, frame_rate, info) = (stream.size, stream.frame_rate, stream.info);
    let title = None;
    let kind = Kind::Video(Video { codec: "raw", title, size, samples, frame_rate, info });
    found.tracks.push(TrackReport::new(kind, stream.time_base));
    loop {
        match reader.read() {
            Ok(Some(picture)) => {
                let (index, pts, duration) = (picture.index, picture.pts, picture.duration);
                found.add(Entry::picture(index, pts, duration, bytes));
            }
            Ok(None) => return Ok(()),
            Err(error) => return Err(Failure::reading(&found.name, error)),
        }
    }
}

fn read_packed(found: &mut ProbeReport, reader: &mut dyn FrameSource) -> Result<()> {
    let stream_info = reader.stream_info();
    found.format.clone_from(&stream_info.kind);
    let bytes = stream_info.size.i420_bytes();
    let (size, frame_rate, info) =
        (stream_info.size, Some(stream_info.frame_rate), stream_info.info);
    let samples = Some(stream_info.samples);
    let title = None;
    let kind = Kind::Video(Video { codec: "raw", title, size, samples, frame_rate, info });
    found.tracks.push(TrackReport::new(kind, stream_info.time_base));
    let mut index = 0;
    while let Some(shot) = reader.next()? {
        found.add(Entry::picture(index, shot.pts, shot.duration, bytes));
        index += 1;
    }
    Ok(())
}
