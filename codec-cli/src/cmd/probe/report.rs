//! The contents of a file, as text and as JSON.

use std::time::Duration;

use codec_container::{AudioTrack, Chapter, FileMetadata, SkippedTrack};
use codec_core::frame::{
    Chromaticity, ColorRange, FieldOrder, HdrMetadata, PictureInfo, Rational, SampleFormat, Size,
};
use codec_media::count::counted;
use codec_media::cut::Cut;
use codec_media::failure::Result;
use codec_media::json::{self, Object};

/// A packet or a raw frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    pub(super) track: usize,
    pub(super) index: u64,
    pub(super) offset: Option<u64>,
    pub(super) pts: i64,
    pub(super) duration: Option<u64>,
    pub(super) bytes: u64,
    pub(super) key: bool,
    pub(super) shown: bool,
    pub(super) trim_start: u32,
    pub(super) trim_end: u32,
}

impl Entry {
    pub(super) fn picture(index: u64, pts: i64, duration: Option<u64>, bytes: u64) -> Self {
        Self { index, pts, duration, bytes, key: true, shown: true, ..Self::default() }
    }
}

/// Properties of video.
#[derive(Clone, Debug)]
pub(super) struct Video {
    pub(super) codec: &'static str,
    /// The title of the track.
    pub(super) title: Option<String>,
    pub(super) size: Size,
    /// Depth and sampling, if known.
    pub(super) samples: Option<SampleFormat>,
    pub(super) frame_rate: Option<Rational>,
    pub(super) info: PictureInfo,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Video(Video),
    Audio(Box<AudioTrack>),
    Other,
}

/// A track and totals over its packets.
#[derive(Clone, Debug)]
pub(super) struct TrackReport {
    kind: Kind,
    time_base: Rational,
    count: u64,
    keys: u64,
    hidden: u64,
    bytes: u64,
    /// The first presentation time.
    first: Option<i64>,
    /// Time and duration of the packet that is presented last.
    last: Option<(i64, Option<u64>)>,
}

impl TrackReport {
    pub(super) fn new(kind: Kind, time_base: Rational) -> Self {
        let (count, keys, hidden, bytes) = (0, 0, 0, 0);
        Self { kind, time_base, count, keys, hidden, bytes, first: None, last: None }
    }

    /// Whether the format of the samples is still unknown.
    pub(super) fn lacks_format(&self) -> bool {
        matches!(&self.kind, Kind::Video(Video { samples: None, .. }))
    }

    /// Sets the format of the samples.
    pub(super) fn set_format(&mut self, found: SampleFormat) {
        if let Kind::Video(video) = &mut self.kind {
            video.samples = Some(found);
        }
    }

    pub(super) fn set_field_order(&mut self, found: FieldOrder) {
        if let Kind::Video(video) = &mut self.kind {
            video.info.field_order = found;
        }
    }

    fn add(&mut self, entry: &Entry) {
        self.count += 1;
        self.keys += u64::from(entry.key);
        self.hidden += u64::from(!entry.shown);
        self.bytes += entry.bytes;
        let audible = entry.pts.saturating_add(self.ticks_of(entry.trim_start));
        // A packet that is trimmed completely is not presented.
        let empty = entry.duration.is_some_and(|duration| {
            entry.trim_start > 0 && audible >= entry.pts.saturating_add_unsigned(duration)
        });
        // Packets arrive in decoding order.
        if !empty {
            self.first = Some(self.first.map_or(audible, |first| first.min(audible)));
        }
        if self.last.is_none_or(|(last, _)| entry.pts >= last) {
            self.last = Some((entry.pts, entry.duration));
        }
    }

    /// Converts samples to ticks, rounded.
    fn ticks_of(&self, samples: u32) -> i64 {
        let Kind::Audio(track) = &self.kind else { return 0 };
        let seconds = f64::from(samples) / f64::from(track.audio.rate.max(1));
        #[expect(clippy::cast_possible_truncation, reason = "32 bits of samples")]
        let ticks = (seconds / self.time_base.as_f64()).round() as i64;
        ticks
    }

    /// Seconds from the first time to the end of the last packet.
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    fn seconds(&self) -> f64 {
        let (Some(first), Some((last, duration))) = (self.first, self.last) else {
            return 0.0;
        };
        let tick = self.time_base.as_f64();
        let span = last.saturating_sub(first) as f64 * tick;
        let shown = self.count.saturating_sub(self.hidden).max(2);
        // A last frame without a stated duration lasts as long as the others.
        let nominal = match &self.kind {
            Kind::Video(picture) => {
                picture.frame_rate.map_or(span / (shown - 1) as f64, |rate| 1.0 / rate.as_f64())
            }
            Kind::Audio(_) | Kind::Other => 0.0,
        };
        let tail = duration.map_or(nominal, |ticks| ticks as f64 * tick);
        (span + tail).max(0.0)
    }

    #[expect(clippy::cast_precision_loss, reason = "a report")]
    fn start(&self) -> f64 {
        self.first.unwrap_or(0) as f64 * self.time_base.as_f64()
    }

    #[expect(clippy::cast_precision_loss, reason = "a report")]
    fn kbps(&self) -> f64 {
        let seconds = self.seconds();
        if seconds > 0.0 { self.bytes as f64 * 8.0 / seconds / 1000.0 } else { 0.0 }
    }

    fn text(&self) -> String {
        let mut text = match &self.kind {
            Kind::Video(Video { codec, title, size, samples, frame_rate, .. }) => {
                let samples = samples.map(|samples| format!(", {samples}")).unwrap_or_default();
                let rate = frame_rate.map(|rate| format!(", {:.3} fps", rate.as_f64()));
                let title = title.as_ref().map(|title| format!(", title {title}"));
                let (rate, title) = (rate.unwrap_or_default(), title.unwrap_or_default());
                format!("video {codec}, {size}{samples}{rate}{title}")
            }
            Kind::Audio(track) => {
                let mut text = format!("audio {}, {}", track.codec, track.audio);
                if let Some(rate) = track.input_rate.filter(|rate| *rate != track.audio.rate) {
                    text.push_str(&format!(" (from {rate} Hz)"));
                }
                if let Some(language) = &track.language {
                    text.push_str(&format!(", language {language}"));
                }
                if let Some(name) = &track.name {
                    text.push_str(&format!(", title {name}"));
                }
                text
            }
            Kind::Other => "other".to_owned(),
        };
        let Self { count, keys, hidden, bytes, time_base, .. } = self;
        text.push_str(&format!("\n    {}", counted(*count, "packet")));
        if matches!(self.kind, Kind::Video(_)) {
            text.push_str(&format!(" ({}, {hidden} not shown)", counted(*keys, "key frame")));
        }
        text.push_str(&format!(
            ", {:.3} s, {}, {:.1} kb/s\n    time base {time_base} s, first time {} \
             ticks\n",
            self.seconds(),
            counted(*bytes, "byte"),
            self.kbps(),
            self.first.unwrap_or(0),
        ));
        match &self.kind {
            Kind::Video(picture) => text.push_str(&colors_text(&picture.info)),
            Kind::Audio(track) => {
                if track.delay > 0 {
                    text.push_str(&format!(
                        "    codec delay {}\n",
                        counted(track.delay.into(), "sample")
                    ));
                }
                for (name, value) in &track.tags {
                    text.push_str(&format!("    {name}: {}\n", value.escape_debug()));
                }
            }
            Kind::Other => {}
        }
        text
    }

    fn json(&self) -> String {
        let ratio = |ratio: Rational| json::text(&ratio.to_string());
        let object = match &self.kind {
            Kind::Video(Video { codec, title, size, samples, frame_rate, info }) => Object::new()
                .text("type", "video")
                .text("codec", codec)
                .maybe("title", title.as_deref().map(json::text))
                .raw("width", size.width)
                .raw("height", size.height)
                .maybe("pixel_format", samples.map(|samples| json::text(samples.name())))
                .maybe("frame_rate", frame_rate.map(ratio))
                .raw("key_frames", self.keys)
                .raw("not_shown", self.hidden)
                .raw("color", colors_json(info))
                .maybe("hdr", hdr_json(info.hdr))
                .maybe("pixel_aspect", info.pixel_aspect.map(ratio))
                .raw("rotation", info.rotation.degrees())
                .text("field_order", field_order_name(info.field_order)),
            Kind::Audio(track) => {
                let tags = track.tags.iter().map(|(name, value)| {
                    Object::new().text("name", name).text("value", value).finish()
                });
                Object::new()
                    .text("type", "audio")
                    .text("codec", &track.codec.to_string())
                    .raw("rate", track.audio.rate)
                    .raw("channels", track.audio.channels())
                    .text("layout", &track.audio.layout.to_string())
                    .maybe("input_rate", track.input_rate)
                    .raw("codec_delay_samples", track.delay)
                    .maybe("language", track.language.as_deref().map(json::text))
                    .maybe("title", track.name.as_deref().map(json::text))
                    .maybe("default", track.is_default)
                    .raw("tags", json::array(tags))
            }
            Kind::Other => Object::new().text("type", "other"),
        };
        object
            .text("time_base", &self.time_base.to_string())
            .raw("packets", self.count)
            .raw("bytes", self.bytes)
            .float("start_s", self.start())
            .float("duration_s", self.seconds())
            .float("kbps", self.kbps())
            .maybe("first_pts", self.first)
            .finish()
    }
}

fn colors_text(info: &PictureInfo) -> String {
    let PictureInfo { color, pixel_aspect, rotation, field_order, hdr } = info;
    format!(
        "    colour: primaries {}, transfer {}, matrix {}, range {}; pixel aspect {}; rotation {} \
         degrees; {}\n",
        color.primaries,
        color.transfer,
        color.matrix,
        range_name(color.range),
        pixel_aspect.map_or_else(|| "unspecified".to_owned(), |aspect| aspect.to_string()),
        rotation.degrees(),
        field_order_name(*field_order),
    ) + &hdr_text(*hdr)
}

/// Luminance in cd/m² of units of 0.0001 cd/m².
fn luminance(units: u32) -> f64 {
    f64::from(units) / 10_000.0
}

/// A chromaticity as two numbers.
fn coordinates(point: Chromaticity) -> [f64; 2] {
    [point.x, point.y].map(|units| f64::from(units) / 50_000.0)
}

fn hdr_text(hdr: HdrMetadata) -> String {
    let mut text = String::new();
    if let Some(mastering) = hdr.mastering {
        let [red, green, blue] = mastering.primaries;
        let points = [("red", red), ("green", green), ("blue", blue), ("white", mastering.white)];
        let points = points.map(|(name, point)| {
            let [x, y] = coordinates(point);
            format!("{name} ({x:.5}, {y:.5})")
        });
        text.push_str(&format!(
            "    mastering display: {}, luminance {} to {} cd/m²\n",
            points.join(", "),
            luminance(mastering.min_luminance),
            luminance(mastering.max_luminance),
        ));
    }
    if let Some(light) = hdr.light {
        text.push_str(&format!(
            "    content light: at most {} cd/m² in a pixel, {} cd/m² in the mean of a frame\n",
            light.max, light.max_average
        ));
    }
    text
}

fn hdr_json(hdr: HdrMetadata) -> Option<String> {
    let mastering = hdr.mastering.map(|mastering| {
        let point = |point| {
            let [x, y] = coordinates(point);
            json::array([x, y].map(|value| format!("{value:.5}")))
        };
        let [red, green, blue] = mastering.primaries.map(point);
        Object::new()
            .raw("red", red)
            .raw("green", green)
            .raw("blue", blue)
            .raw("white", point(mastering.white))
            .raw("max_luminance", luminance(mastering.max_luminance))
            .raw("min_luminance", luminance(mastering.min_luminance))
            .finish()
    });
    let light = hdr.light.map(|light| {
        Object::new().raw("max_cll", light.max).raw("max_fall", light.max_average).finish()
    });
    (!hdr.is_empty()).then(|| {
        Object::new().maybe("mastering_display", mastering).maybe("content_light", light).finish()
    })
}

fn range_name(range: ColorRange) -> String {
    format!("{range:?}").to_ascii_lowercase()
}

fn field_order_name(order: FieldOrder) -> &'static str {
    match order {
        FieldOrder::Progressive => "progressive",
        FieldOrder::TopFirst => "top field first",
        FieldOrder::BottomFirst => "bottom field first",
    }
}

fn colors_json(info: &PictureInfo) -> String {
    let color = info.color;
    Object::new()
        .raw("primaries", color.primaries.0)
        .raw("transfer", color.transfer.0)
        .raw("matrix", color.matrix.0)
        .text("range", &range_name(color.range))
        .finish()
}

/// A file.
#[derive(Debug)]
pub(super) struct ProbeReport {
    pub(super) name: String,
    pub(super) format: String,
    pub(super) tracks: Vec<TrackReport>,
    pub(super) metadata: FileMetadata,
    pub(super) warnings: Vec<String>,
    /// The tracks of a file of which none can be read.
    pub(super) unreadable: Vec<SkippedTrack>,
    lists: bool,
    /// The part in which entries are counted.
    cut: Cut,
    entries: Vec<Entry>,
}

impl ProbeReport {
    pub(super) fn new(name: String, lists: bool, cut: Cut) -> Self {
        let (tracks, warnings, entries) = (Vec::new(), Vec::new(), Vec::new());
        let (metadata, unreadable) = (FileMetadata::default(), Vec::new());
        let format = String::new();
        Self { name, format, tracks, metadata, warnings, unreadable, lists, cut, entries }
    }

    /// Counts an entry that begins in the part.
    pub(super) fn add(&mut self, entry: Entry) {
        if let Some(track) = self.tracks.get_mut(entry.track) {
            if !self.cut.contains(entry.pts, track.time_base) {
                return;
            }
            track.add(&entry);
        }
        if self.lists {
            self.entries.push(entry);
        }
    }

    /// Whether a part was selected in which nothing begins.
    pub(super) fn is_empty_part(&self) -> bool {
        !self.cut.is_whole() && self.tracks.iter().all(|track| track.count == 0)
    }

    /// The selected part, for the first line.
    fn part_text(&self) -> String {
        let Cut { from, to, .. } = self.cut;
        let time = |what: &str, time: Option<Duration>| {
            time.map(|time| format!(" {what} {:.3} s", time.as_secs_f64())).unwrap_or_default()
        };
        if self.cut.is_whole() {
            return String::new();
        }
        format!(", the part{}{}", time("from", from), time("to", to))
    }

    /// The chapters of the selected part.
    fn chapters(&self) -> impl Iterator<Item = &Chapter> {
        let ns = |time: Option<Duration>| time.map(|time| time.as_nanos());
        let (from, to) = (ns(self.cut.from), ns(self.cut.to));
        self.metadata.chapters.iter().filter(move |chapter| {
            let ends = chapter.end_ns.map_or(u128::MAX, u128::from);
            let begins = u128::from(chapter.start_ns);
            from.is_none_or(|from| ends > from) && to.is_none_or(|to| begins < to)
        })
    }

    /// Seconds from the first time of any track to the last.
    fn seconds(&self) -> f64 {
        let begun = self.tracks.iter().filter(|track| track.first.is_some());
        let ends = begun.clone().map(|track| track.start() + track.seconds());
        let start = begun.map(TrackReport::start).fold(f64::INFINITY, f64::min);
        let end = ends.fold(f64::NEG_INFINITY, f64::max);
        if end > start { end - start } else { 0.0 }
    }

    pub(super) fn text(&self) -> String {
        let (name, format, part) = (&self.name, &self.format, self.part_text());
        let mut text = format!("{name}: {format}, {:.3} s{part}\n", self.seconds());
        for (number, track) in self.tracks.iter().enumerate() {
            text.push_str(&format!("  track {number}: {}", track.text()));
        }
        for SkippedTrack { kind, codec, size, reason, .. } in &self.unreadable {
            let size = size.map_or_else(String::new, |size| format!(" {size}"));
            let reason = reason.as_deref().unwrap_or("not supported");
            text.push_str(&format!("  {kind} track: {codec}{size}, {reason}\n"));
        }
        for (name, value) in &self.metadata.tags {
            text.push_str(&format!("  {}: {}\n", name.to_lowercase(), value.escape_debug()));
        }
        for (number, chapter) in (1..).zip(self.chapters()) {
            let (start_s, title) = (seconds(chapter.start_ns), chapter.title.escape_debug());
            text.push_str(&format!("  chapter {number} at {start_s:.3} s: {title}\n"));
        }
        if self.lists {
            text.push_str("track\tindex\toffset\tpts\tduration\tbytes\tkey\tshown\n");
        }
        for entry in &self.entries {
            let maybe =
                |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |v| v.to_string());
            text.push_str(&format!(
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n",
                entry.track,
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

    /// The tracks of a file of which none can be read; `None` for other files.
    fn unreadable_json(&self) -> Option<String> {
        let track = |track: &SkippedTrack| {
            Object::new()
                .text("type", &track.kind.to_string())
                .text("codec", &track.codec)
                .maybe("width", track.size.map(|size| size.width))
                .maybe("height", track.size.map(|size| size.height))
                .maybe("reason", track.reason.as_deref().map(json::text))
                .finish()
        };
        let tracks = || json::array(self.unreadable.iter().map(track));
        (!self.unreadable.is_empty()).then(tracks)
    }

    pub(super) fn json(&self, end: &Result<()>) -> String {
        let mut object = Object::new()
            .text("file", &self.name)
            .text("format", &self.format)
            .float("duration_s", self.seconds())
            .maybe("from_s", self.cut.from.map(|time| json::float(time.as_secs_f64())))
            .maybe("to_s", self.cut.to.map(|time| json::float(time.as_secs_f64())))
            .raw("tracks", json::array(self.tracks.iter().map(TrackReport::json)))
            .maybe("unreadable_tracks", self.unreadable_json())
            .raw("tags", json::array(self.metadata.tags.iter().map(tag_json)))
            .raw("chapters", json::array(self.chapters().map(chapter_json)))
            .raw("warnings", json::array(self.warnings.iter().map(|w| json::text(w))))
            .maybe("error", end.as_ref().err().map(|failure| json::text(&failure.message)));
        if self.lists {
            let frames = self.entries.iter().map(|entry| {
                Object::new()
                    .raw("track", entry.track)
                    .raw("index", entry.index)
                    .maybe("offset", entry.offset)
                    .raw("pts", entry.pts)
                    .maybe("duration", entry.duration)
                    .raw("bytes", entry.bytes)
                    .raw("key", entry.key)
                    .raw("shown", entry.shown)
                    .raw("trim_start", entry.trim_start)
                    .raw("trim_end", entry.trim_end)
                    .finish()
            });
            object = object.raw("frames", json::array(frames));
        }
        object.finish()
    }
}

fn tag_json((name, value): &(String, String)) -> String {
    Object::new().text("name", name).text("value", value).finish()
}

fn chapter_json(chapter: &Chapter) -> String {
    let end_s = chapter.end_ns.map(|end_ns| json::float(seconds(end_ns)));
    Object::new()
        .float("start_s", seconds(chapter.start_ns))
        .maybe("end_s", end_s)
        .text("title", &chapter.title)
        .finish()
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use codec_core::frame::{ContentLight, MasteringDisplay};

    use super::*;

    #[test]
    fn metadata_of_high_dynamic_range_is_shown_in_the_usual_units() {
        let point = |x, y| Chromaticity { x, y };
        let mastering = MasteringDisplay {
            primaries: [point(34_000, 16_000), point(13_250, 34_500), point(7_500, 3_000)],
            white: point(15_635, 16_450),
            max_luminance: 10_000_000,
            min_luminance: 1,
        };
        let light = ContentLight { max: 1000, max_average: 400 };
        let hdr = HdrMetadata { mastering: Some(mastering), light: Some(light) };
        let text = hdr_text(hdr);
        assert!(text.contains("red (0.68000, 0.32000)"), "{text}");
        assert!(text.contains("luminance 0.0001 to 1000 cd/m²"), "{text}");
        assert!(text.contains("at most 1000 cd/m² in a pixel, 400 cd/m²"), "{text}");
        let object = hdr_json(hdr).unwrap();
        assert!(object.contains(r#""white":[0.31270,0.32900]"#), "{object}");
        assert!(object.contains(r#""content_light":{"max_cll":1000,"max_fall":400}"#), "{object}");
        assert_eq!(hdr_text(HdrMetadata::default()), "");
        assert_eq!(hdr_json(HdrMetadata::default()), None);
    }
}
