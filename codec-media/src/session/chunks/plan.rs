//! The division of an input into chunks, and its JSON form.

use codec_core::frame::{Rational, Size};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::VERSION;
use super::key::{FileStamp, FrameId, InputId, Key, KeyHasher, Naming, PacketRange};
use crate::failure::{Failure, Kind, Result};
use crate::io::source::StreamInfo;
use crate::json::{self, Object};
use crate::scaling::Scaler;
use crate::session::goal::BEST_Q8;
use crate::settings::encoding::Encoding;

/// Version of the JSON form.
const FORM: u64 = 3;
/// Limit of the number of chunks, and of frames.
const MAX_COUNT: u64 = 1 << 40;

/// A division of an input into chunks that are encoded independently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkPlan {
    /// Everything that determines the bytes of the chunks except frames.
    pub(super) fingerprint: String,
    /// Frames per second.
    pub(super) frame_rate: Rational,
    /// The time of the input, in ticks, that becomes time 0 of the output.
    pub(super) origin: i64,
    /// Whether the input has frames after the last chunk, because their number is limited.
    pub(super) is_limited: bool,
    /// The error at which reading the input ended; the chunks cover the frames before it.
    pub(super) input_error: Option<String>,
    /// The input, by which a join recognises it; `None` for a plan that is not stored.
    pub(super) input: Option<InputId>,
    /// The content that the names of the chunks depend on.
    pub(super) naming: Naming,
    /// The size of all frames of the input, if the plan was made without decoding them.
    pub(super) frame_size: Option<Size>,
    chunks: Vec<PlannedChunk>,
    /// The quality that was found for a target, in 256ths.
    pub(super) quality_q8: Option<u32>,
    /// Text that the caller stores with the plan; the command stores its arguments.
    pub arguments: Vec<String>,
}

/// One chunk of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedChunk {
    /// Number of its first frame, from 0.
    pub first_frame: u64,
    /// Number of frames; of shown packets, if they were not decoded.
    pub frames: u64,
    /// The time of its first frame in ticks.
    pub(super) start: i64,
    /// The time in ticks before which its frames are, if they were not decoded and others follow.
    pub(super) end: Option<i64>,
    /// Its packets, if the input is coded and was not decoded.
    pub(super) packets: Option<PacketRange>,
    /// The time of its first frame in nanoseconds of the input, from which it is found.
    pub(super) start_ns: i64,
    /// The name of its result.
    pub key: Key,
    /// The quality that was chosen for it, in 256ths.
    pub(super) quality_q8: Option<u32>,
}

impl ChunkPlan {
    pub(super) fn new(
        fingerprint: String,
        frame_rate: Rational,
        origin: i64,
        chunks: Vec<PlannedChunk>,
    ) -> Self {
        Self {
            fingerprint,
            frame_rate,
            origin,
            is_limited: false,
            input_error: None,
            input: None,
            naming: Naming::default(),
            frame_size: None,
            chunks,
            quality_q8: None,
            arguments: Vec::new(),
        }
    }

    /// The settings with the quality that was found for a target.
    pub(super) fn with_quality(&self, settings: &Encoding) -> Encoding {
        self.quality_q8.map_or_else(|| settings.clone(), |found| settings.at_quality(found))
    }

    /// The settings of a chunk, with its own quality if it has one.
    pub(super) fn settings_of(&self, chunk: &PlannedChunk, settings: &Encoding) -> Encoding {
        match chunk.quality_q8 {
            Some(quality_q8) => settings.at_quality(quality_q8),
            None => self.with_quality(settings),
        }
    }

    /// The settings of a chunk as a part of its name.
    pub(super) fn fingerprint_of(&self, chunk: &PlannedChunk) -> String {
        of_part(&self.fingerprint, self.origin, chunk.quality_q8)
    }

    /// The plan with a quality for each chunk; `frames` are the frames of all chunks.
    ///
    /// # Errors
    /// [`Kind::Internal`] if the frames are others.
    pub(super) fn at_qualities(&self, qualities: &[u32], frames: &[FrameId]) -> Result<Self> {
        let mut plan = self.clone();
        for (chunk, quality_q8) in plan.chunks.iter_mut().zip(qualities) {
            chunk.quality_q8 = Some(*quality_q8);
            let range =
                usize::try_from(chunk.first_frame).ok().zip(usize::try_from(chunk.frames).ok());
            let own = range.and_then(|(first, count)| frames.get(first..first.checked_add(count)?));
            let own = own.ok_or_else(|| Failure::internal("a chunk without frames"))?;
            let mut hasher = KeyHasher::new(&self.fingerprint_of(chunk));
            own.iter().for_each(|frame| hasher.add(*frame));
            chunk.key = hasher.finish();
        }
        Ok(plan)
    }

    /// The chunks, in order; at least one.
    #[must_use]
    pub fn chunks(&self) -> &[PlannedChunk] {
        &self.chunks
    }

    /// Number of frames of all chunks.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.frames).sum()
    }

    /// Frames per second.
    #[must_use]
    pub fn frame_rate(&self) -> Rational {
        self.frame_rate
    }

    /// The chunk with a number, from 0.
    ///
    /// # Errors
    /// [`Kind::Usage`] if there is no such chunk.
    pub fn chunk(&self, index: usize) -> Result<&PlannedChunk> {
        self.chunks.get(index).ok_or_else(|| {
            let last = self.chunks.len().saturating_sub(1);
            Failure::usage(format!("there is no chunk {index}: the plan has chunks 0 to {last}"))
        })
    }

    /// The plan as JSON, with a checksum of everything in it.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.content().text("checksum", &self.checksum()).finish() + "\n"
    }

    /// The SHA-256 of the content, which is independent of the spaces and the order of the JSON that was read.
    fn checksum(&self) -> String {
        Key(Sha256::digest(self.content().finish()).into()).to_string()
    }

    fn content(&self) -> Object {
        let chunk = |(index, chunk): (usize, &PlannedChunk)| {
            let &PlannedChunk { first_frame, frames, start, start_ns, end, packets, key, .. } =
                chunk;
            let packets = packets.map(|PacketRange { entry, count }| (entry, count));
            let object = Object::new()
                .raw("index", index)
                .raw("first_frame", first_frame)
                .raw("frames", frames)
                .raw("start", start)
                .raw("start_ns", start_ns)
                .maybe("end", end)
                .maybe("entry", packets.and_then(|(entry, _)| entry))
                .maybe("packets", packets.map(|(_, count)| count))
                .text("key", &key.to_string());
            format!("\n{}", object.finish())
        };
        let arguments = json::array(self.arguments.iter().map(|argument| json::text(argument)));
        let InputId { video, audio } = self.input.unwrap_or_default();
        let digest = |key: Option<Key>| key.map(|key| json::text(&key.to_string()));
        let (naming, file) = match self.naming {
            Naming::Frames => ("frames", None),
            Naming::Packets => ("packets", None),
            Naming::File(file) => ("file", Some(file)),
            Naming::Times => ("times", None),
        };
        let size = self.frame_size.map(|size| json::array([size.width, size.height]));
        Object::new()
            .raw("codec_chunks", FORM)
            .text("version", VERSION)
            .raw("arguments", arguments)
            .text("settings", &self.fingerprint)
            .raw("frame_rate", json::array([self.frame_rate.num, self.frame_rate.den]))
            .raw("origin", self.origin)
            .raw("limited", self.is_limited)
            .maybe("quality_q8", self.quality_q8)
            .maybe("input_error", self.input_error.as_deref().map(json::text))
            .text("naming", naming)
            .maybe("file_bytes", file.map(|file| file.bytes))
            .maybe("file_time_ns", file.map(|file| file.time_ns))
            .maybe("frame_size", size)
            .maybe("video", digest(video))
            .maybe("audio", digest(audio))
            .raw("chunks", json::array(self.chunks.iter().enumerate().map(chunk)))
    }

    /// Reads the JSON form of a plan; `name` is the name of the file, for messages.
    ///
    /// # Errors
    /// If the text is not a plan, or is a plan of another version of this library.
    pub fn from_json(text: &str, name: &str) -> Result<Self> {
        let wrong = |what: &str| {
            let help = "help: make a new plan with `codec chunks plan`";
            Failure::new(Kind::Input, format!("{name}: {what}\n{help}"))
        };
        let json: Value = serde_json::from_str(text)
            .map_err(|error| wrong(&format!("not a plan of `codec chunks plan`: {error}")))?;
        if json["codec_chunks"].as_u64() != Some(FORM) {
            return Err(wrong("not a plan of `codec chunks plan`"));
        }
        let version = json["version"].as_str().unwrap_or("unknown");
        if version != VERSION {
            let what =
                format!("the plan was made by version {version}, but this is version {VERSION}");
            return Err(wrong(&what));
        }
        let missing = |field: &str| wrong(&format!("invalid plan: missing or invalid {field}"));
        let texts = |value: &Value| {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            value.as_array()?.iter().map(text).collect::<Option<Vec<_>>>()
        };
        let mut plan = Self::new(
            json["settings"].as_str().ok_or_else(|| missing("settings"))?.to_owned(),
            rate_of(&json["frame_rate"]).ok_or_else(|| missing("frame_rate"))?,
            json["origin"].as_i64().ok_or_else(|| missing("origin"))?,
            Vec::new(),
        );
        plan.arguments = texts(&json["arguments"]).ok_or_else(|| missing("arguments"))?;
        plan.is_limited = json["limited"].as_bool().ok_or_else(|| missing("limited"))?;
        if let Some(quality) = json.get("quality_q8").filter(|quality| !quality.is_null()) {
            let quality = quality.as_u64().and_then(|quality| u32::try_from(quality).ok());
            let quality = quality.filter(|quality| *quality <= BEST_Q8);
            plan.quality_q8 = Some(quality.ok_or_else(|| missing("quality_q8"))?);
        }
        plan.input_error = json["input_error"].as_str().map(str::to_owned);
        let digest = |field: &str| match &json[field] {
            Value::Null => Ok(None),
            value => match value.as_str().and_then(Key::parse) {
                Some(key) => Ok(Some(key)),
                None => Err(missing(field)),
            },
        };
        plan.input = Some(InputId { video: digest("video")?, audio: digest("audio")? });
        plan.naming = naming_of(&json).ok_or_else(|| missing("naming"))?;
        plan.frame_size = match &json["frame_size"] {
            Value::Null => None,
            size => Some(size_of(size).ok_or_else(|| missing("frame_size"))?),
        };
        for (index, chunk) in json["chunks"].as_array().into_iter().flatten().enumerate() {
            let chunk = chunk_of(chunk, plan.chunks.last());
            plan.chunks.push(chunk.ok_or_else(|| missing(&format!("chunk {index}")))?);
        }
        if plan.chunks.is_empty() {
            return Err(missing("chunks"));
        }
        if json["checksum"].as_str() != Some(&plan.checksum()) {
            return Err(wrong("the plan was edited or is damaged: its checksum is wrong"));
        }
        Ok(plan)
    }
}

/// Reads a frame rate: numerator and denominator.
fn rate_of(json: &Value) -> Option<Rational> {
    let part = |index: usize| u32::try_from(json[index].as_u64()?).ok().filter(|part| *part > 0);
    Some(Rational::new(part(0)?, part(1)?))
}

/// Reads what the names of chunks follow from.
fn naming_of(json: &Value) -> Option<Naming> {
    match json["naming"].as_str()? {
        "frames" => Some(Naming::Frames),
        "packets" => Some(Naming::Packets),
        "file" => {
            let (bytes, time_ns) = (json["file_bytes"].as_u64()?, json["file_time_ns"].as_i64()?);
            Some(Naming::File(FileStamp { bytes, time_ns }))
        }
        _ => None,
    }
}

/// Reads a size: width and height.
fn size_of(json: &Value) -> Option<Size> {
    let side = |index: usize| u32::try_from(json[index].as_u64()?).ok();
    Some(Size::new(side(0)?, side(1)?))
}

/// Reads a chunk that follows `last`; `None` if it is not valid.
fn chunk_of(json: &Value, last: Option<&PlannedChunk>) -> Option<PlannedChunk> {
    // `None` if there is a value of another type.
    let optional = |field: &str| match &json[field] {
        Value::Null => Some(None),
        value => value.as_i64().map(Some),
    };
    let packets = match (optional("entry")?, optional("packets")?) {
        (entry, Some(count)) => {
            Some(PacketRange { entry, count: u64::try_from(count).ok().filter(|it| *it > 0)? })
        }
        (None, None) => None,
        (Some(_), None) => return None,
    };
    let chunk = PlannedChunk {
        end: optional("end")?,
        packets,
        first_frame: json["first_frame"].as_u64()?,
        frames: json["frames"].as_u64()?,
        start: json["start"].as_i64()?,
        start_ns: json["start_ns"].as_i64()?,
        key: Key::parse(json["key"].as_str()?)?,
        quality_q8: None,
    };
    let expected = last.map_or(0, |last| last.first_frame + last.frames);
    let follows = chunk.first_frame == expected
        && (1..MAX_COUNT).contains(&chunk.frames)
        && chunk.first_frame < MAX_COUNT
        && last.is_none_or(|last| chunk.start > last.start);
    follows.then_some(chunk)
}

/// A fingerprint as a part of the names of chunks whose times begin at `origin`, with their own quality if they have one.
pub(super) fn of_part(fingerprint: &str, origin: i64, quality_q8: Option<u32>) -> String {
    let own = quality_q8.map(|quality_q8| format!("\nown quality: {quality_q8}"));
    format!("{fingerprint}\norigin: {origin}{}", own.unwrap_or_default())
}

/// Rejects settings that differ from the plan, and an input whose headers differ from it.
pub(super) fn check_fingerprint(
    settings: &Encoding,
    plan: &ChunkPlan,
    stream: &StreamInfo,
) -> Result<()> {
    let (size, _) = settings.transform().begin(stream.size, stream.info)?;
    if fingerprint(settings, stream, size) == plan.fingerprint {
        return Ok(());
    }
    Err(Failure::usage(
        "the plan was made for another input or with other settings\nhelp: make a new plan",
    ))
}

/// The settings that determine the bytes of chunks, as text; `size` is the size of the encoded frames.
pub(super) fn fingerprint(settings: &Encoding, stream: &StreamInfo, size: Size) -> String {
    let config = settings.config(size, stream.frame_rate, stream.time_base);
    let mut lines: Vec<String> = settings
        .encoder
        .describe(&config)
        .into_iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let (min, max) = settings.encoder.capabilities.allowed_qindex(&config);
    lines.push(format!("quality fraction: {}", config.rate.quality_fraction_q8));
    lines.push(format!("quantiser: {min} to {max}"));
    lines.push(format!(
        "frames: {size}, {} fps, {} s per tick",
        stream.frame_rate, stream.time_base
    ));
    lines.push(format!("{:?}, {:?}", stream.info.color, stream.info.pixel_aspect));
    let Encoding { crop, turn, resize, pix_fmt, deinterlace, fps, .. } = settings;
    lines.push(format!("{crop:?} {turn:?} {resize:?} {pix_fmt:?} {deinterlace:?} {fps:?}"));
    if settings.pad.is_some() || settings.scaler != Scaler::default() {
        lines.push(format!("{:?} {:?}", settings.pad, settings.scaler));
    }
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> ChunkPlan {
        let key = KeyHasher::new("a").finish();
        let chunk = |first_frame, frames, start| PlannedChunk {
            first_frame,
            frames,
            start,
            start_ns: start * 40_000_000,
            end: (start < 400).then_some(start + 250),
            packets: Some(PacketRange { entry: (start > 0).then_some(start), count: frames }),
            key,
            quality_q8: None,
        };
        let chunks = vec![chunk(0, 200, -3), chunk(200, 250, 197), chunk(450, 1, 447)];
        let rate = Rational::new(25, 1);
        let mut plan = ChunkPlan::new("vp9 \"q\"".to_owned(), rate, -3, chunks);
        plan.arguments = vec!["in \u{e4}.mp4".to_owned(), "-q".to_owned(), "60".to_owned()];
        plan.input_error = Some("in.mp4: packet 7".to_owned());
        plan.quality_q8 = Some(17_000);
        plan.input = Some(InputId { video: Some(key), audio: None });
        plan.naming = Naming::Packets;
        plan.frame_size = Some(Size::new(640, 360));
        plan
    }

    #[test]
    fn plans_are_read_as_they_are_written() {
        let plan = plan();
        assert_eq!(ChunkPlan::from_json(&plan.to_json(), "plan.json").unwrap(), plan);
        assert_eq!(plan.frames(), 451);
        for naming in [Naming::Frames, Naming::File(FileStamp { bytes: 7, time_ns: -1 })] {
            let plan = ChunkPlan { naming, ..plan.clone() };
            assert_eq!(ChunkPlan::from_json(&plan.to_json(), "plan.json").unwrap(), plan);
        }
        assert!(plan.chunk(3).unwrap_err().message.contains("chunks 0 to 2"));
    }

    #[test]
    fn edited_plans_are_rejected() {
        let json = plan().to_json();
        let edits = [
            ("\"frames\":250", "\"frames\":251"),
            ("\"frames\":1,", "\"frames\":0,"),
            ("\"start\":197", "\"start\":500"),
            ("\"origin\":-3,", ""),
            ("\"quality_q8\":17000", "\"quality_q8\":25601"),
            ("\"frame_rate\":[25,", "\"frame_rate\":[0,"),
            ("\"codec_chunks\":3", "\"codec_chunks\":2"),
            ("\"codec_chunks\":3,\"version\":\"", "\"codec_chunks\":3,\"version\":\"9"),
            ("[\n{\"index\":0", "[{},\n{\"index\":0"),
            ("\"arguments\":[", "\"arguments\":[1,"),
            ("\"origin\":-3", "\"origin\":-4"),
            ("\"limited\":false", "\"limited\":true"),
            ("\"naming\":\"packets\"", "\"naming\":\"times\""),
            ("\"frame_size\":[640", "\"frame_size\":[\"a\""),
            ("\"entry\":197", "\"entry\":198"),
            ("\"packets\":200", "\"packets\":-1"),
            ("\"quality_q8\":17000", "\"quality_q8\":18000"),
            ("\"audio\":null", "\"audio\":\"x\""),
            ("\"60\"", "\"90\""),
            ("\"checksum\":\"", "\"sum\":\""),
        ];
        for (from, to) in edits {
            let edited = json.replacen(from, to, 1);
            assert_ne!(edited, json, "{from}");
            let failure = ChunkPlan::from_json(&edited, "plan.json").unwrap_err();
            assert!(failure.message.starts_with("plan.json: "), "{failure}");
        }
        for text in ["", "{}", "[]", "nonsense", "{\"codec_chunks\":3}"] {
            assert_eq!(ChunkPlan::from_json(text, "p").unwrap_err().kind, Kind::Input, "{text}");
        }
    }
}
