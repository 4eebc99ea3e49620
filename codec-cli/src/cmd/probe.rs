//! `codec probe`.

use codec_container::{CodedPacket, Input, PacketReader, PictureReader};
use codec_core::frame::{PictureInfo, Rational, Size};

use crate::Env;
use crate::args::raw::ProbeArgs;
use crate::failure::{Failure, Kind, Result};
use crate::io::input::{InputSpec, Opened};
use crate::io::output::print;
use crate::io::source::FrameSource;
use crate::json::{self, Object};

/// Reads the whole input, decodes nothing, and tells what is there. A damaged input is told as far
/// as it goes.
pub(crate) fn run(args: &ProbeArgs, env: Env) -> Result<()> {
    let spec = InputSpec::from(&args.input);
    let mut found = Found::new(&spec, args.frames);
    let end = match spec.open(env)? {
        Opened::Container(Input::Packets(reader)) => found.read_packets(reader),
        Opened::Container(Input::Pictures(reader)) => found.read_pictures(reader),
        Opened::Packed(mut reader) => found.read_packed(&mut reader),
        Opened::Container(_) => Err(Failure::internal("unknown kind of content")),
    };
    let text = if args.json { format!("{}\n", found.json(&end)) } else { found.text() };
    print(&text)?;
    end
}

#[derive(Debug)]
struct Entry {
    index: u64,
    offset: Option<u64>,
    pts: i64,
    duration: Option<u64>,
    bytes: u64,
    key: bool,
    shown: bool,
}

#[derive(Debug)]
struct Found {
    name: String,
    lists: bool,
    format: String,
    codec: &'static str,
    size: Size,
    time_base: Rational,
    frame_rate: Option<Rational>,
    info: PictureInfo,
    warnings: Vec<String>,
    entries: Vec<Entry>,
    count: u64,
    keys: u64,
    hidden: u64,
    bytes: u64,
    first: Option<i64>,
    /// End of the last packet: its time and its duration.
    last: Option<(i64, Option<u64>)>,
}

impl Found {
    fn new(spec: &InputSpec, lists: bool) -> Self {
        Self {
            name: spec.name(),
            lists,
            format: String::new(),
            codec: "raw",
            size: Size::default(),
            time_base: Rational::new(1, 1),
            frame_rate: None,
            info: PictureInfo::default(),
            warnings: Vec::new(),
            entries: Vec::new(),
            count: 0,
            keys: 0,
            hidden: 0,
            bytes: 0,
            first: None,
            last: None,
        }
    }

    fn add(&mut self, entry: Entry) {
        self.count += 1;
        self.keys += u64::from(entry.key);
        self.hidden += u64::from(!entry.shown);
        self.bytes += entry.bytes;
        self.first.get_or_insert(entry.pts);
        self.last = Some((entry.pts, entry.duration));
        if self.lists {
            self.entries.push(entry);
        }
    }

    fn read_packets(&mut self, mut reader: Box<dyn PacketReader>) -> Result<()> {
        reader.select_video();
        let Some((_, stream)) = reader.video() else {
            return Err(Failure::new(Kind::Input, format!("{}: no video", self.name)));
        };
        self.format = stream.format.to_string();
        self.codec = stream.codec.name();
        self.size = stream.size;
        self.time_base = stream.time_base;
        self.frame_rate = stream.frame_rate;
        self.info = stream.info;
        self.warnings = stream.warnings.iter().map(ToString::to_string).collect();
        let mut packet = CodedPacket::default();
        loop {
            match reader.read(&mut packet) {
                Ok(true) => self.add(Entry {
                    index: packet.index,
                    offset: Some(packet.offset),
                    pts: packet.pts,
                    duration: packet.duration,
                    bytes: packet.data.len() as u64,
                    key: packet.key,
                    shown: packet.shown,
                }),
                Ok(false) => return Ok(()),
                Err(error) => return Err(Failure::reading(&self.name, &error)),
            }
        }
    }

    fn read_pictures(&mut self, mut reader: Box<dyn PictureReader>) -> Result<()> {
        let stream = reader.stream();
        self.format = stream.format.to_string();
        self.size = stream.size;
        self.time_base = stream.time_base;
        self.frame_rate = stream.frame_rate;
        self.info = stream.info;
        self.warnings = stream.warnings.iter().map(ToString::to_string).collect();
        let bytes = stream.size.i420_bytes();
        loop {
            match reader.read() {
                Ok(Some(picture)) => {
                    let (index, pts, duration) = (picture.index, picture.pts, picture.duration);
                    self.add(Entry {
                        index,
                        offset: None,
                        pts,
                        duration,
                        bytes,
                        key: true,
                        shown: true,
                    });
                }
                Ok(None) => return Ok(()),
                Err(error) => return Err(Failure::reading(&self.name, &error)),
            }
        }
    }

    fn read_packed(&mut self, reader: &mut dyn FrameSource) -> Result<()> {
        let facts = reader.facts();
        self.format.clone_from(&facts.kind);
        self.size = facts.size;
        self.time_base = facts.time_base;
        self.frame_rate = Some(facts.frame_rate);
        let bytes = facts.size.i420_bytes();
        while let Some(shot) = reader.next()? {
            let (pts, duration) = (shot.pts, shot.duration);
            let index = self.count;
            self.add(Entry { index, offset: None, pts, duration, bytes, key: true, shown: true });
        }
        Ok(())
    }

    /// From the first time to the end of the last packet, in seconds.
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    fn seconds(&self) -> f64 {
        let (Some(first), Some((last, duration))) = (self.first, self.last) else {
            return 0.0;
        };
        let tick = self.time_base.as_f64();
        let nominal = self.frame_rate.map_or(0.0, |rate| 1.0 / rate.as_f64());
        let tail = duration.map_or(nominal, |ticks| ticks as f64 * tick);
        last.saturating_sub(first) as f64 * tick + tail
    }

    #[expect(clippy::cast_precision_loss, reason = "a report")]
    fn kbps(&self) -> f64 {
        let seconds = self.seconds();
        if seconds > 0.0 { self.bytes as f64 * 8.0 / seconds / 1000.0 } else { 0.0 }
    }

    fn text(&self) -> String {
        let Self { name, format, codec, size, time_base, count, keys, hidden, .. } = self;
        let mut text = format!("{name}: {codec} in {format}, {size}");
        if let Some(rate) = self.frame_rate {
            text.push_str(&format!(", {:.3} fps", rate.as_f64()));
        }
        text.push_str(&format!(
            "\n  {count} packets ({keys} key frames, {hidden} not shown), {:.3} s, {} bytes, {:.1} \
             kb/s\n  time base {time_base} s, first time {} ticks\n",
            self.seconds(),
            self.bytes,
            self.kbps(),
            self.first.unwrap_or(0),
        ));
        let PictureInfo { color, pixel_aspect, rotation } = self.info;
        text.push_str(&format!(
            "  colour: primaries {}, transfer {}, matrix {}, range {:?}; pixel aspect {}; rotation \
             {} degrees\n",
            color.primaries.0,
            color.transfer.0,
            color.matrix.0,
            color.range,
            pixel_aspect.map_or_else(|| "not said".to_owned(), |aspect| aspect.to_string()),
            rotation.degrees(),
        ));
        if self.lists {
            text.push_str("index\toffset\tpts\tduration\tbytes\tkey\tshown\n");
        }
        for entry in &self.entries {
            let maybe =
                |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |v| v.to_string());
            text.push_str(&format!(
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\n",
                entry.index,
                maybe(entry.offset),
                entry.pts,
                maybe(entry.duration),
                entry.bytes,
                u8::from(entry.key),
                u8::from(entry.shown)
            ));
        }
        text
    }

    fn json(&self, end: &Result<()>) -> String {
        let PictureInfo { color, pixel_aspect, rotation } = self.info;
        let colors = Object::new()
            .raw("primaries", color.primaries.0)
            .raw("transfer", color.transfer.0)
            .raw("matrix", color.matrix.0)
            .text("range", &format!("{:?}", color.range).to_ascii_lowercase())
            .finish();
        let ratio = |ratio: Rational| json::text(&ratio.to_string());
        let mut object = Object::new()
            .text("file", &self.name)
            .text("format", &self.format)
            .text("codec", self.codec)
            .raw("width", self.size.width)
            .raw("height", self.size.height)
            .text("time_base", &self.time_base.to_string())
            .maybe("frame_rate", self.frame_rate.map(ratio))
            .raw("packets", self.count)
            .raw("key_frames", self.keys)
            .raw("not_shown", self.hidden)
            .raw("bytes", self.bytes)
            .float("duration_s", self.seconds())
            .float("kbps", self.kbps())
            .maybe("first_pts", self.first)
            .raw("color", colors)
            .maybe("pixel_aspect", pixel_aspect.map(ratio))
            .raw("rotation", rotation.degrees())
            .raw("warnings", json::array(self.warnings.iter().map(|w| json::text(w))))
            .maybe("error", end.as_ref().err().map(|failure| json::text(&failure.message)));
        if self.lists {
            let frames = self.entries.iter().map(|entry| {
                Object::new()
                    .raw("index", entry.index)
                    .maybe("offset", entry.offset)
                    .raw("pts", entry.pts)
                    .maybe("duration", entry.duration)
                    .raw("bytes", entry.bytes)
                    .raw("key", entry.key)
                    .raw("shown", entry.shown)
                    .finish()
            });
            object = object.raw("frames", json::array(frames));
        }
        object.finish()
    }
}
