//! The common names of codecs that this crate does not support, for messages.

use crate::{SkippedTrack, TrackKind};

/// Returns the name of the codec with a four-character code of MP4, QuickTime or AVI; the code
/// itself if it is unknown.
pub(crate) fn of_fourcc(code: [u8; 4]) -> String {
    let known = match &code.map(|byte| byte.to_ascii_lowercase()) {
        b"hvc1" | b"hev1" | b"hvc2" | b"hev2" | b"dvh1" | b"dvhe" | b"hevc" | b"h265" => "hevc",
        b"vvc1" | b"vvi1" => "vvc",
        b"evc1" => "evc",
        b"avc1" | b"avc2" | b"avc3" | b"avc4" | b"h264" | b"x264" | b"dva1" | b"dvav" => "h264",
        b"vp80" | b"vp08" => "vp8",
        b"vp90" | b"vp09" => "vp9",
        b"av01" => "av1",
        b"mp4v" | b"divx" | b"dx50" | b"xvid" | b"fmp4" | b"3iv2" => "mpeg4",
        b"div3" | b"mp43" => "msmpeg4v3",
        b"s263" | b"h263" => "h263",
        b"jpeg" | b"mjpg" | b"mjpa" | b"avdj" | b"dmb1" => "mjpeg",
        b"mjpb" => "mjpegb",
        b"mjp2" => "jpeg2000",
        b"png " | b"mpng" => "png",
        b"apcn" | b"apch" | b"apcs" | b"apco" | b"ap4h" | b"ap4x" => "prores",
        b"avdn" | b"avdh" => "dnxhd",
        b"dvc " | b"dvcp" | b"dv5n" | b"dv5p" | b"dvpp" | b"dvsd" => "dvvideo",
        b"m2v1" | b"mx5p" | b"hdv2" | b"hdv3" | b"xdv2" | b"xdvc" | b"mpg2" => "mpeg2video",
        b"m1v1" | b"m1v " | b"mpg1" => "mpeg1video",
        b"raw " | b"2vuy" | b"uyvy" | b"yuv2" | b"yuy2" | b"yv12" | b"i420" | b"nv12" | b"yuvs" => {
            "rawvideo"
        }
        b"v210" => "v210",
        b"ffv1" => "ffv1",
        b"svq1" => "svq1",
        b"svq3" => "svq3",
        b"cvid" => "cinepak",
        b"rle " => "qtrle",
        b"ac-3" => "ac3",
        b"ec-3" => "eac3",
        b"ac-4" => "ac4",
        b"mlpa" => "truehd",
        b"dtsc" | b"dtsh" | b"dtsl" | b"dtse" | b"dtsx" => "dts",
        b"samr" => "amr_nb",
        b"sawb" => "amr_wb",
        b"ima4" => "adpcm_ima_qt",
        b"qdm2" => "qdm2",
        b"tx3g" | b"text" => "mov_text",
        b"wvtt" => "webvtt",
        b"stpp" => "ttml",
        b"c608" => "eia_608",
        b"tmcd" => "timecode",
        _ => return code.escape_ascii().to_string(),
    };
    known.to_owned()
}

/// Returns the name of the codec with an MPEG-4 systems object type. ISO/IEC 14496-1, section
/// 7.2.6.6.2.
pub(crate) fn of_object_type(object: u8) -> Option<&'static str> {
    Some(match object {
        0x20 => "mpeg4",
        0x21 => "h264",
        0x23 => "hevc",
        0x40 | 0x66..=0x68 => "aac",
        0x60..=0x65 => "mpeg2video",
        0x69 | 0x6B => "mp3",
        0x6A => "mpeg1video",
        0x6C => "mjpeg",
        0x6D => "png",
        0x6E => "jpeg2000",
        0xA3 => "vc1",
        0xA5 => "ac3",
        0xA6 => "eac3",
        0xA9 => "dts",
        0xAD => "opus",
        0xDD => "vorbis",
        0xE0 => "dvd_subtitle",
        _ => return None,
    })
}

/// Returns the name of the codec with a Matroska `CodecID` and its private data; the identifier if
/// it is unknown.
pub(crate) fn of_codec_id(id: &[u8], private: &[u8]) -> String {
    let known = match id {
        b"V_MPEGH/ISO/HEVC" => "hevc",
        b"V_MPEGI/ISO/VVC" => "vvc",
        b"V_MPEG4/ISO/AVC" => "h264",
        b"V_MPEG4/ISO/SP" | b"V_MPEG4/ISO/ASP" | b"V_MPEG4/ISO/AP" => "mpeg4",
        b"V_MPEG4/MS/V3" => "msmpeg4v3",
        b"V_MPEG1" => "mpeg1video",
        b"V_MPEG2" => "mpeg2video",
        b"V_MJPEG" => "mjpeg",
        b"V_UNCOMPRESSED" => "rawvideo",
        b"V_THEORA" => "theora",
        b"V_FFV1" => "ffv1",
        b"V_PRORES" => "prores",
        b"V_DIRAC" => "dirac",
        b"A_AC3" => "ac3",
        b"A_EAC3" => "eac3",
        b"A_TRUEHD" => "truehd",
        b"A_DTS" => "dts",
        b"A_MPEG/L1" => "mp1",
        b"A_MPEG/L2" => "mp2",
        b"A_TTA1" => "tta",
        b"A_WAVPACK4" => "wavpack",
        b"S_TEXT/UTF8" | b"S_TEXT/ASCII" => "subrip",
        b"S_TEXT/ASS" | b"S_TEXT/SSA" | b"S_ASS" | b"S_SSA" => "ass",
        b"S_TEXT/WEBVTT" | b"D_WEBVTT/SUBTITLES" | b"D_WEBVTT/CAPTIONS" => "webvtt",
        b"S_VOBSUB" => "dvd_subtitle",
        b"S_DVBSUB" => "dvb_subtitle",
        b"S_HDMV/PGS" => "hdmv_pgs_subtitle",
        // A BITMAPINFOHEADER, whose compression is a four-character code or 0.
        b"V_MS/VFW/FOURCC" => match private.get(16..).and_then(|rest| rest.first_chunk()) {
            Some([0, 0, 0, 0]) => "rawvideo",
            Some(&code) => return of_fourcc(code),
            None => return id.escape_ascii().to_string(),
        },
        // A sample description that starts with its size, or only the code.
        b"V_QUICKTIME" => {
            let code = if private.first() == Some(&0) { private.get(4..) } else { Some(private) };
            match code.and_then(|rest| rest.first_chunk()) {
                Some(&code) => return of_fourcc(code),
                None => return id.escape_ascii().to_string(),
            }
        }
        _ => return id.escape_ascii().to_string(),
    };
    known.to_owned()
}

/// Returns the kind and codec of an Ogg stream, which its first packet determines.
pub(crate) fn of_ogg(first: &[u8]) -> SkippedTrack {
    let signatures: [(&[u8], TrackKind, &str); 9] = [
        (b"\x80theora", TrackKind::Video, "theora"),
        (b"OVP80", TrackKind::Video, "vp8"),
        (b"BBCD\0", TrackKind::Video, "dirac"),
        (b"\x8BJNG", TrackKind::Video, "png"),
        (b"Speex   ", TrackKind::Audio, "speex"),
        (b"CELT    ", TrackKind::Audio, "celt"),
        (b"\x80kate", TrackKind::Subtitle, "kate"),
        (b"fishead\0", TrackKind::Data, "skeleton"),
        (b"fLaC", TrackKind::Audio, "flac (old mapping)"),
    ];
    for (signature, kind, codec) in signatures {
        if first.starts_with(signature) {
            return SkippedTrack::new(kind, codec);
        }
    }
    // Variants of AVI headers that other programs write.
    let fourcc = first.get(9..).and_then(|rest| rest.first_chunk());
    match (first, fourcc) {
        (first, Some(&code)) if first.starts_with(b"\x01video") => {
            SkippedTrack::new(TrackKind::Video, of_fourcc(code))
        }
        (first, _) if first.starts_with(b"\x01audio") => {
            SkippedTrack::new(TrackKind::Audio, "unknown")
        }
        (first, _) if first.starts_with(b"\x01text") => {
            SkippedTrack::new(TrackKind::Subtitle, "text")
        }
        _ => SkippedTrack::new(TrackKind::Data, "unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_have_their_common_names_and_others_their_identifier() {
        assert_eq!(of_fourcc(*b"hev1"), "hevc");
        assert_eq!(of_fourcc(*b"HEVC"), "hevc");
        assert_eq!(of_fourcc(*b"q\x00z "), "q\\x00z ");
        assert_eq!(of_codec_id(b"V_MPEGH/ISO/HEVC", &[]), "hevc");
        let mut bitmap = [0; 40];
        bitmap[16..20].copy_from_slice(b"MJPG");
        assert_eq!(of_codec_id(b"V_MS/VFW/FOURCC", &bitmap), "mjpeg");
        assert_eq!(of_codec_id(b"V_MS/VFW/FOURCC", &bitmap[..10]), "V_MS/VFW/FOURCC");
        assert_eq!(of_codec_id(b"V_QUICKTIME", b"\0\0\0\x50mp4v"), "mpeg4");
        assert_eq!(of_codec_id(b"V_NEW", &[]), "V_NEW");
        assert_eq!(of_ogg(b"\x80theora\x03").codec, "theora");
    }
}
