//! The first line of a y4m file: parsing and writing.

use std::fmt::Write as _;

use codec_core::frame::{
    ColorPrimaries, ColorRange, FieldOrder, MatrixCoefficients, PictureInfo, PixelFormat, Rational,
    Rotation, SampleFormat, Sampling, Size, TransferCharacteristics,
};

use crate::{ChromaSiting, Error, Format, RawVideoStream, Result, Warning};

fn corrupt(expected: &'static str, found: impl Into<String>) -> Error {
    Error::corrupt(Format::Y4m, 0, None, expected, found.into())
}

fn unsupported(what: impl Into<String>) -> Error {
    Error::unsupported(Format::Y4m, what.into())
}

/// How the fields of the frames are stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interlacing {
    /// All frames are alike.
    Uniform(FieldOrder),
    /// Each frame states its own.
    Mixed,
}

/// Parses the parameters of `line`, which has no newline.
pub(super) fn parse(line: &[u8]) -> Result<(RawVideoStream, Interlacing)> {
    let text = String::from_utf8_lossy(line);
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    if words.next() != Some("YUV4MPEG2") {
        let head = &line[..line.len().min(16)];
        return Err(corrupt("YUV4MPEG2", head.escape_ascii().to_string()));
    }
    let (mut width, mut height, mut rate) = (None, None, None);
    let mut chroma = None;
    let mut info = PictureInfo::default();
    let mut interlacing = Interlacing::Uniform(FieldOrder::Progressive);
    for word in words {
        let mut letters = word.chars();
        let letter = letters.next();
        let value = letters.as_str();
        match letter {
            Some('W') => width = Some(parse_side(value)?),
            Some('H') => height = Some(parse_side(value)?),
            Some('F') => rate = parse_ratio(value, "a frame rate such as F30:1")?,
            Some('A') => info.pixel_aspect = parse_ratio(value, "an aspect such as A1:1")?,
            Some('I') => interlacing = parse_interlacing(value)?,
            Some('C') => chroma = Some(value.to_owned()),
            Some('X') => parse_extension(value, &mut chroma, &mut info),
            // Unknown letters do not affect the samples.
            _ => {}
        }
    }
    let width = width.ok_or_else(|| corrupt("a width (W)", "none"))?;
    let height = height.ok_or_else(|| corrupt("a height (H)", "none"))?;
    let (siting, samples) = parse_chroma(chroma.as_deref())?;
    if let Interlacing::Uniform(order) = interlacing {
        info.field_order = order;
    }
    let mut stream = RawVideoStream::new(
        Format::Y4m,
        Size::new(width, height),
        rate.unwrap_or(Rational::new(25, 1)),
    );
    stream.siting = siting;
    stream.pixels = PixelFormat::planar(samples);
    stream.info = info;
    if rate.is_none() {
        stream.frame_rate = None;
        stream.warnings.push(Warning::TimeBaseAssumed(stream.time_base));
    }
    Ok((stream, interlacing))
}

fn parse_side(value: &str) -> Result<u32> {
    value
        .parse()
        .ok()
        .filter(|&side| side > 0)
        .ok_or_else(|| corrupt("a width and a height above 0", value))
}

/// A ratio; `None` for `0:0`, which means unknown.
fn parse_ratio(value: &str, expected: &'static str) -> Result<Option<Rational>> {
    let parsed =
        value.split_once(':').and_then(|(num, den)| Some((num.parse().ok()?, den.parse().ok()?)));
    match parsed {
        Some((0, _) | (_, 0)) => Ok(None),
        Some((num, den)) => Ok(Some(Rational::new(num, den))),
        None => Err(corrupt(expected, value)),
    }
}

fn parse_interlacing(value: &str) -> Result<Interlacing> {
    match value {
        "p" | "?" | "" => Ok(Interlacing::Uniform(FieldOrder::Progressive)),
        "t" => Ok(Interlacing::Uniform(FieldOrder::TopFirst)),
        "b" => Ok(Interlacing::Uniform(FieldOrder::BottomFirst)),
        "m" => Ok(Interlacing::Mixed),
        _ => Err(corrupt("an interlacing letter (p, t, b, m or ?)", value)),
    }
}

/// Returns the field order in the line of a frame of mixed video: `FRAME Ixyz` with the order of
/// presentation, `p` or `i` for the capture of its fields, and the same for chroma.
pub(super) fn frame_field_order(line: &[u8]) -> FieldOrder {
    let words = line.split(|&byte| byte == b' ').skip(1);
    match words.filter_map(|word| word.strip_prefix(b"I")).next() {
        Some([b't' | b'T', b'i', ..]) => FieldOrder::TopFirst,
        Some([b'b' | b'B', b'i', ..]) => FieldOrder::BottomFirst,
        _ => FieldOrder::Progressive,
    }
}

/// Position of the chroma samples and their format, or why the samples cannot be read.
fn parse_chroma(tag: Option<&str>) -> Result<(ChromaSiting, SampleFormat)> {
    let usual = |siting| Ok((siting, SampleFormat::YUV420));
    let Some(tag) = tag else { return usual(ChromaSiting::Unspecified) };
    let plain = tag.to_ascii_lowercase();
    let reject = |what: &str| Err(unsupported(format!("{what} (C{tag})")));
    match plain.as_str() {
        "420jpeg" => return usual(ChromaSiting::Jpeg),
        "420mpeg2" => return usual(ChromaSiting::Mpeg2),
        "420paldv" => return usual(ChromaSiting::PalDv),
        "444alpha" => return reject("4:4:4 video with alpha"),
        _ => {}
    }
    // `C422`, `C420p10`, `Cmono`, `Cmono12`.
    let (kind, depth) = match plain.strip_prefix("mono") {
        Some(bits) => ("mono", bits),
        None => plain.split_once('p').unwrap_or((&plain, "")),
    };
    let sampling = SAMPLINGS.iter().find(|(name, _)| *name == kind).map(|(_, sampling)| *sampling);
    let Some(sampling) = sampling else {
        return match kind {
            "411" => reject("4:1:1 chroma"),
            "410" => reject("4:1:0 chroma"),
            _ => reject("the chroma format"),
        };
    };
    match depth {
        "" => Ok((ChromaSiting::Unspecified, SampleFormat::new(8, sampling))),
        "10" => Ok((ChromaSiting::Unspecified, SampleFormat::new(10, sampling))),
        "12" => Ok((ChromaSiting::Unspecified, SampleFormat::new(12, sampling))),
        "8" => reject("the chroma format"),
        bits if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
            reject(&format!("{bits}-bit video"))
        }
        _ => reject("the chroma format"),
    }
}

/// Names of samplings in the parameter `C`.
const SAMPLINGS: [(&str, Sampling); 5] = [
    ("mono", Sampling::Yuv400),
    ("420", Sampling::Yuv420),
    ("422", Sampling::Yuv422),
    ("440", Sampling::Yuv440),
    ("444", Sampling::Yuv444),
];

/// The parameter `C` of `stream`.
fn format_chroma(stream: &RawVideoStream) -> String {
    let SampleFormat { depth, sampling } = stream.pixels.samples();
    let kind =
        SAMPLINGS.iter().find(|(_, known)| *known == sampling).map_or("420", |(name, _)| name);
    match (depth, sampling) {
        (8, Sampling::Yuv420) => match stream.siting {
            ChromaSiting::Unspecified => "420".to_owned(),
            ChromaSiting::Jpeg => "420jpeg".to_owned(),
            ChromaSiting::Mpeg2 => "420mpeg2".to_owned(),
            ChromaSiting::PalDv => "420paldv".to_owned(),
        },
        (8, _) => kind.to_owned(),
        (_, Sampling::Yuv400) => format!("{kind}{depth}"),
        _ => format!("{kind}p{depth}"),
    }
}

fn parse_extension(value: &str, chroma: &mut Option<String>, info: &mut PictureInfo) {
    let Some((key, value)) = value.split_once('=') else { return };
    match key {
        // The older form of C; C takes precedence.
        "YSCSS" if chroma.is_none() => *chroma = Some(value.to_owned()),
        "COLORRANGE" => {
            info.color.range = match value {
                "FULL" => ColorRange::Full,
                "LIMITED" => ColorRange::Limited,
                _ => ColorRange::Unspecified,
            }
        }
        "COLOR" => {
            let mut codes = value.split(':').map(|code| code.parse().unwrap_or(2));
            if let (Some(primaries), Some(transfer), Some(matrix)) =
                (codes.next(), codes.next(), codes.next())
            {
                info.color.primaries = ColorPrimaries(primaries);
                info.color.transfer = TransferCharacteristics(transfer);
                info.color.matrix = MatrixCoefficients(matrix);
            }
        }
        "ROTATION" => {
            let degrees = value.parse().ok().and_then(Rotation::from_degrees);
            info.rotation = degrees.unwrap_or_default();
        }
        _ => {}
    }
}

/// The line for `stream`, with its newline.
pub(super) fn format(stream: &RawVideoStream) -> String {
    let rate = stream.frame_rate.unwrap_or(stream.time_base.inverse());
    let aspect = stream.info.pixel_aspect.unwrap_or(Rational::new(0, 0));
    let Size { width, height } = stream.size;
    let fields = match stream.info.field_order {
        FieldOrder::Progressive => 'p',
        FieldOrder::TopFirst => 't',
        FieldOrder::BottomFirst => 'b',
    };
    let mut line = format!(
        "YUV4MPEG2 W{width} H{height} F{}:{} I{fields} A{}:{}",
        rate.num, rate.den, aspect.num, aspect.den
    );
    line.push_str(" C");
    line.push_str(&format_chroma(stream));
    let color = stream.info.color;
    line.push_str(match color.range {
        ColorRange::Unspecified => "",
        ColorRange::Limited => " XCOLORRANGE=LIMITED",
        ColorRange::Full => " XCOLORRANGE=FULL",
    });
    let codes = [color.primaries.0, color.transfer.0, color.matrix.0];
    if codes != [2; 3] {
        let [primaries, transfer, matrix] = codes;
        // Writing to a string cannot fail.
        let _ = write!(line, " XCOLOR={primaries}:{transfer}:{matrix}");
    }
    if stream.info.rotation != Rotation::None {
        let _ = write!(line, " XROTATION={}", stream.info.rotation.degrees());
    }
    line.push('\n');
    line
}
