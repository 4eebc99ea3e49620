//! The first line: parsing and writing.

use std::fmt::Write as _;

use codec_core::frame::{
    ColorPrimaries, ColorRange, FieldOrder, MatrixCoefficients, PictureInfo, Rational, Rotation,
    Size, TransferCharacteristics,
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
    let siting = parse_chroma(chroma.as_deref())?;
    if info.color.is_hdr() {
        return Err(unsupported("high dynamic range"));
    }

    if let Interlacing::Uniform(order) = interlacing {
        info.field_order = order;
    }
    let mut stream = RawVideoStream::new(
        Format::Y4m,
        Size::new(width, height),
        rate.unwrap_or(Rational::new(25, 1)),
    );
    stream.siting = siting;
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

/// Position of the chroma samples, or why the samples cannot be read.
fn parse_chroma(tag: Option<&str>) -> Result<ChromaSiting> {
    let Some(tag) = tag else { return Ok(ChromaSiting::Unspecified) };
    let plain = tag.to_ascii_lowercase();
    let reject = |what: &str| Err(unsupported(format!("{what} (C{tag})")));
    match plain.as_str() {
        "420" => Ok(ChromaSiting::Unspecified),
        "420jpeg" => Ok(ChromaSiting::Jpeg),
        "420mpeg2" => Ok(ChromaSiting::Mpeg2),
        "420paldv" => Ok(ChromaSiting::PalDv),
        "444alpha" => reject("4:4:4 video with alpha"),
        _ => {
            // `p10` and the like: `C420p10`, `C422p12`, `Cmono9`, `Cmono16`.
            let depth = plain.rsplit_once('p').map(|(_, bits)| bits);
            let depth = depth.or_else(|| plain.strip_prefix("mono")).unwrap_or_default();
            match depth.parse() {
                Ok(8_u32) => reject("this form of 8-bit chroma"),
                Ok(bits) => Err(unsupported(format!("{bits}-bit video (C{tag})"))),
                Err(_) if plain.starts_with("mono") => reject("video without chroma"),
                Err(_) if plain.starts_with("422") => reject("4:2:2 chroma"),
                Err(_) if plain.starts_with("444") => reject("4:4:4 chroma"),
                Err(_) if plain.starts_with("411") => reject("4:1:1 chroma"),
                Err(_) if plain.starts_with("410") => reject("4:1:0 chroma"),
                Err(_) if plain.starts_with("440") => reject("4:4:0 chroma"),
                Err(_) => reject("this form of chroma"),
            }
        }
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
    line.push_str(match stream.siting {
        ChromaSiting::Unspecified => " C420",
        ChromaSiting::Jpeg => " C420jpeg",
        ChromaSiting::Mpeg2 => " C420mpeg2",
        ChromaSiting::PalDv => " C420paldv",
    });
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
