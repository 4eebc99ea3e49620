//! y4m and raw video.

use std::io::Cursor;

use codec_container::{
    ChromaSiting, Error, Format, Output, RawVideoReader, RawVideoStream, ReadOptions, Source,
    YuvReader, YuvSpec, create_raw_video, open_raw_video,
};
use codec_core::frame::{
    ColorRange, FieldOrder, Picture, PixelFormat, Rational, Rotation, SampleFormat, Size,
};

use super::support::{SharedBuffer, data};

/// One frame of 3x3 pixels: 9 + 4 + 4 bytes.
fn samples(seed: u8) -> Vec<u8> {
    (0..17).map(|index| seed.wrapping_mul(31).wrapping_add(index)).collect()
}

fn y4m(header: &str, frames: &[&str]) -> Vec<u8> {
    let mut bytes = format!("YUV4MPEG2 {header}\n").into_bytes();
    for (index, frame) in frames.iter().enumerate() {
        bytes.extend_from_slice(format!("{frame}\n").as_bytes());
        bytes.extend(samples(index as u8));
    }
    bytes
}

fn open(bytes: Vec<u8>) -> codec_container::Result<Box<dyn RawVideoReader>> {
    open_raw_video(Source::stream(Cursor::new(bytes)), &ReadOptions::default())
}

/// All frames as packed I420, and the error at the end, if any.
fn read_all(reader: &mut dyn RawVideoReader) -> (Vec<Vec<u8>>, Option<Error>) {
    let mut pictures = Vec::new();
    loop {
        match reader.read() {
            Ok(Some(timed)) => {
                assert_eq!(timed.index, pictures.len() as u64);
                pictures.push(packed(&timed.picture));
            }
            Ok(None) => return (pictures, None),
            Err(error) => return (pictures, Some(error)),
        }
    }
}

fn packed(picture: &Picture<'_>) -> Vec<u8> {
    write(
        Format::Raw,
        &RawVideoStream::new(Format::Raw, picture.size(), Rational::new(1, 1)),
        &[*picture],
    )
}

fn write(format: Format, stream: &RawVideoStream, pictures: &[Picture<'_>]) -> Vec<u8> {
    let shared = SharedBuffer::default();
    let mut writer = create_raw_video(Output::stream(shared.clone()), format, stream).unwrap();
    for picture in pictures {
        writer.write(picture).unwrap();
    }
    writer.finish().unwrap();
    drop(writer);
    shared.bytes()
}

#[test]
fn every_tag_of_8_bit_420_is_read_with_odd_sizes_and_frame_parameters() {
    let tags = [
        ("", ChromaSiting::Unspecified),
        (" C420", ChromaSiting::Unspecified),
        (" C420jpeg", ChromaSiting::Jpeg),
        (" C420mpeg2", ChromaSiting::Mpeg2),
        (" C420paldv", ChromaSiting::PalDv),
        (" XYSCSS=420JPEG", ChromaSiting::Jpeg),
    ];
    for (tag, siting) in tags {
        let bytes = y4m(&format!("W3 H3 F30000:1001 Ip A12:11{tag}"), &["FRAME", "FRAME Ip Xa=b"]);
        let mut reader = open(bytes).unwrap();
        let stream = reader.stream().clone();
        assert_eq!(stream.size, Size::new(3, 3));
        assert_eq!(stream.frame_rate, Some(Rational::new(30000, 1001)));
        assert_eq!(stream.time_base, Rational::new(1001, 30000));
        assert_eq!(stream.info.pixel_aspect, Some(Rational::new(12, 11)));
        assert_eq!(stream.siting, siting);
        let (pictures, error) = read_all(reader.as_mut());
        assert!(error.is_none());
        assert_eq!(pictures, [samples(0), samples(1)]);
    }
}

#[test]
fn unsupported_video_is_rejected_by_name() {
    let cases = [
        ("C420p9", "9-bit"),
        ("C422p14", "14-bit"),
        ("C444p16", "16-bit"),
        ("C444alpha", "alpha"),
        ("C411", "4:1:1"),
        ("C410", "4:1:0"),
        ("Cmono16", "16-bit"),
        ("Cother", "the chroma format (Cother)"),
    ];
    for (word, name) in cases {
        let error = open(y4m(&format!("W3 H3 F25:1 {word}"), &[])).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{word}: {error}");
        assert!(error.to_string().contains(name), "{word}: {error}");
    }
}

#[test]
fn y4m_of_every_depth_and_sampling_survives_a_round_trip() {
    let size = Size::new(5, 3);
    for (name, format) in SampleFormat::ALL {
        let count = usize::try_from(format.frame_bytes(size)).unwrap();
        let most = format.max_value().to_le_bytes();
        // The upper byte of a sample of more than 8 bits stays below the largest value.
        let bytes: Vec<u8> = (0..count)
            .map(|at| match format.depth {
                8 => u8::try_from(at * 7 % 256).unwrap(),
                _ if at % 2 == 1 => u8::try_from(at % usize::from(most[1] + 1)).unwrap(),
                _ => u8::try_from(at * 5 % 256).unwrap(),
            })
            .collect();
        let sampling = ["420", "422", "440", "444", "mono"]
            .into_iter()
            .find(|tag| name.contains(&tag.replace("mono", "gray")))
            .unwrap();
        let tag = match format.depth {
            8 => sampling.to_owned(),
            depth if sampling == "mono" => format!("mono{depth}"),
            depth => format!("{sampling}p{depth}"),
        };
        let head =
            format!("YUV4MPEG2 W5 H3 F25:1 Ip A0:0 C{tag} XCOLORRANGE=LIMITED XCOLOR=9:16:9\n");
        let file = [head.as_bytes(), b"FRAME\n", &bytes, b"FRAME\n", &bytes].concat();
        let mut reader = open(file.clone()).unwrap();
        let stream = reader.stream().clone();
        assert_eq!(stream.pixels.samples(), format, "{name}");
        let picture = reader.read().unwrap().unwrap().picture;
        assert_eq!(picture.to_bytes(), bytes, "{name}");
        assert!(write(Format::Y4m, &stream, &[picture, picture]) == file, "{name}");
    }
}

#[test]
fn samples_above_their_depth_count_as_the_largest_value() {
    let file = [&b"YUV4MPEG2 W1 H1 F25:1 Cmono10\nFRAME\n"[..], &[0xFF, 0xFF]].concat();
    let mut reader = open(file).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().picture.to_bytes(), [0xFF, 3]);
}

#[test]
fn frames_of_more_bits_count_their_memory_against_the_limit() {
    let limited = |tag: &str, max_pixels: u64| {
        let mut options = ReadOptions::default();
        options.limits.max_pixels = max_pixels;
        let head = format!("YUV4MPEG2 W64 H64 F25:1 C{tag}\n").into_bytes();
        open_raw_video(Source::stream(Cursor::new(head)), &options).map(|_| ())
    };
    // Thirds of a pixel of 8-bit 4:2:0 for each pixel.
    for (tag, thirds) in [("420", 3), ("422p10", 8), ("420p12", 6), ("444p12", 12), ("mono", 3)] {
        let needed = 64 * 64 * thirds / 3;
        assert!(limited(tag, needed).is_ok(), "{tag}");
        let error = limited(tag, needed - 1).unwrap_err();
        assert!(
            matches!(error, Error::Limit { .. }) || error.to_string().contains("limit"),
            "{tag}"
        );
    }
}

#[test]
fn raw_frames_of_more_than_8_bits_are_read_and_written() {
    let words = [64_u16, 940, 512, 100, 200, 300, 400, 511, 513, 600, 700, 1023];
    // 3x2: luma, then one pair of chroma for each 2x2 pixels.
    let (luma, u, v) = (&words[..6], &words[6..8], &words[8..10]);
    let le = |words: &[u16]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let planar = [le(luma), le(u), le(v)].concat();
    let shift = |words: &[u16]| words.iter().map(|word| word << 6).collect::<Vec<u16>>();
    let pairs = [u[0], v[0], u[1], v[1]];
    let p010 = [le(&shift(luma)), le(&shift(&pairs))].concat();
    for (name, bytes) in [("yuv420p10", &planar), ("yuv420p10le", &planar), ("p010", &p010)] {
        let spec: YuvSpec = format!("3x2@30:{name}").parse().unwrap();
        let source = Source::stream(Cursor::new(bytes.clone()));
        let mut reader = YuvReader::new(source, spec, &ReadOptions::default()).unwrap();
        let picture = reader.read().unwrap().unwrap().picture;
        assert_eq!(picture.to_bytes(), planar, "{name}");
        for (pixels, expected) in [(spec.pixels, bytes), (PixelFormat::P010, &p010)] {
            let mut stream =
                RawVideoStream::new(Format::Raw, Size::new(3, 2), Rational::new(30, 1));
            stream.pixels = pixels;
            assert!(write(Format::Raw, &stream, &[picture]) == *expected, "{name} to {pixels}");
        }
    }
}

#[test]
fn y4m_states_the_field_order_of_all_frames_or_of_each() {
    use FieldOrder::{BottomFirst, Progressive, TopFirst};
    let orders = |head: &str, frames: &[&str]| {
        let mut reader = open(y4m(&format!("W3 H3 F25:1 {head}"), frames)).unwrap();
        let mut orders = vec![reader.stream().info.field_order];
        while let Some(frame) = reader.read().unwrap() {
            orders.push(frame.picture.info.field_order);
        }
        orders
    };
    assert_eq!(orders("It", &["FRAME"]), [TopFirst; 2]);
    assert_eq!(orders("Ib", &["FRAME"]), [BottomFirst; 2]);
    assert_eq!(orders("Ip", &["FRAME Itii"]), [Progressive; 2]);
    let mixed = ["FRAME Itii", "FRAME Ibii", "FRAME I1pp", "FRAME", "FRAME X Itpp"];
    let expected = [Progressive, TopFirst, BottomFirst, Progressive, Progressive, Progressive];
    assert_eq!(orders("Im", &mixed), expected);
}

#[test]
fn y4m_parameters_survive_a_round_trip() {
    let mut stream = RawVideoStream::new(Format::Y4m, Size::new(3, 3), Rational::new(24000, 1001));
    stream.siting = ChromaSiting::Mpeg2;
    stream.info.pixel_aspect = Some(Rational::new(10, 11));
    stream.info.color.range = ColorRange::Full;
    stream.info.color.matrix.0 = 1;
    stream.info.rotation = Rotation::Clockwise270;
    stream.info.field_order = FieldOrder::BottomFirst;
    let data = samples(3);
    let picture = Picture::i420_packed(stream.size, &data).unwrap();
    let bytes = write(Format::Y4m, &stream, &[picture]);
    let mut reader = open(bytes).unwrap();
    assert_eq!(*reader.stream(), stream);
    let timed = reader.read().unwrap().unwrap();
    assert_eq!(timed.picture.info, stream.info);
}

#[test]
fn a_truncated_frame_is_named_and_earlier_ones_are_returned() {
    let whole = y4m("W3 H3 F25:1", &["FRAME", "FRAME", "FRAME"]);
    let head = "YUV4MPEG2 W3 H3 F25:1\n".len();
    for cut in head..whole.len() {
        let complete = (cut - head) / 23;
        let mut reader = open(whole[..cut].to_vec()).unwrap();
        let (pictures, error) = read_all(reader.as_mut());
        assert_eq!(pictures.len(), complete);
        assert_eq!(error.is_none(), (cut - head).is_multiple_of(23), "cut at {cut}");
        if let Some(Error::Corrupt(detail)) = error {
            assert_eq!(detail.index, Some(complete as u64));
        }
        assert!(reader.read().unwrap().is_none());
    }
}

#[test]
fn false_or_endless_headers_are_errors() {
    let endless = vec![b'Y'; 0]
        .into_iter()
        .chain(*b"YUV4MPEG2 W3 H3 F25:1 X")
        .chain(std::iter::repeat_n(b'a', 10_000))
        .collect::<Vec<_>>();
    for bytes in
        [endless, y4m("W0 H3 F25:1", &[]), y4m("H3", &[]), y4m("W-3 H3", &[]), y4m("W3 H3 Fx", &[])]
    {
        let error = open(bytes).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Corrupt(_)), "{error}");
    }
    for size in ["W16384 H2", "W16383 H16383", "W4294967295 H4294967295"] {
        let error = open(y4m(size, &["FRAME"])).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Limit { .. }), "{error}");
    }
    let error = open(Vec::new()).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "the input is empty");
}

#[test]
fn a_missing_frame_rate_is_assumed_and_reported() {
    let reader = open(y4m("W3 H3", &[])).unwrap();
    assert_eq!(reader.stream().frame_rate, None);
    assert_eq!(reader.stream().warnings.len(), 1);
}

#[test]
fn a_newline_after_the_last_frame_is_tolerated() {
    let mut bytes = y4m("W3 H3 F25:1", &["FRAME"]);
    bytes.push(b'\n');
    let (pictures, error) = read_all(open(bytes).unwrap().as_mut());
    assert!(error.is_none());
    assert_eq!(pictures.len(), 1);
}

#[test]
fn raw_specs_are_parsed_or_rejected() {
    let spec = |text: &str| text.parse::<YuvSpec>();
    let full = spec("640x360@29.97:nv12").unwrap();
    assert_eq!(full.size, Size::new(640, 360));
    assert_eq!(full.frame_rate, Rational::new(30000, 1001));
    assert_eq!(full.pixels, PixelFormat::Nv12);
    assert_eq!(spec("2x2").unwrap().frame_rate, Rational::new(30, 1));
    assert_eq!(spec("2x2@12.5").unwrap().frame_rate.as_f64(), 12.5);
    assert_eq!(spec("2x2@24000/1001:i420").unwrap().frame_rate, Rational::new(24000, 1001));
    for wrong in [
        "",
        "2",
        "0x2",
        "2x16384",
        "2x2@0",
        "2x2@0.0",
        "2x2@a",
        "2x2@1/0",
        "2x2:bgra",
        "2x2@1.1234567",
    ] {
        assert!(spec(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn raw_frames_of_both_layouts_are_read_and_written() {
    let planar = samples(1);
    let mut interleaved = planar[..9].to_vec();
    for index in 0..4 {
        interleaved.extend([planar[9 + index], planar[13 + index]]);
    }
    for (name, bytes) in [("i420", &planar), ("nv12", &interleaved)] {
        let spec = format!("3x3@30:{name}").parse().unwrap();
        let source = Source::stream(Cursor::new(bytes.clone()));
        let mut reader = YuvReader::new(source, spec, &ReadOptions::default()).unwrap();
        let picture = reader.read().unwrap().unwrap().picture;
        assert_eq!(packed(&picture), planar);
        let mut stream = RawVideoStream::new(Format::Raw, Size::new(3, 3), Rational::new(30, 1));
        stream.pixels = PixelFormat::Nv12;
        assert_eq!(write(Format::Raw, &stream, &[picture]), interleaved);
    }
    let spec: YuvSpec = "3x3".parse().unwrap();
    let source = Source::stream(Cursor::new(planar[..10].to_vec()));
    let mut reader = YuvReader::new(source, spec, &ReadOptions::default()).unwrap();
    assert!(matches!(reader.read(), Err(Error::Corrupt(_))));
}

#[test]
fn y4m_files_of_other_programs_are_read() {
    for (name, format) in
        [("park_joy_90p_10_420_20f.y4m", "yuv420p10"), ("park_joy_90p_8_422.y4m", "yuv422p")]
    {
        let Some(bytes) = data(&format!("containers/{name}")) else { return };
        let mut reader = open(bytes).unwrap();
        assert_eq!(reader.stream().pixels.samples().name(), format, "{name}");
        let mut count = 0;
        while reader.read().unwrap().is_some() {
            count += 1;
        }
        assert!(count > 0, "{name}");
    }
    for name in ["park_joy_90p_8_420.y4m", "park_joy_90p_8_420_a10-1.y4m"] {
        let Some(bytes) = data(&format!("containers/{name}")) else { return };
        let mut reader = open(bytes).unwrap();
        let (pictures, error) = read_all(reader.as_mut());
        assert!(error.is_none() && !pictures.is_empty());
        println!("{name}: {:?}, {} pictures", reader.stream(), pictures.len());
    }
}
