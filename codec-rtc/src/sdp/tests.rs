use super::*;
use crate::extension::{ExtensionKind, ExtensionMap};
use crate::packet::{Format, Media, Payload};
use crate::rng::Rng;

/// All supported attributes and an unknown one, in output order.
const FULL: &str = "v=0\r
o=- 18446744069414584320 2 IN IP6 ::1\r
s=Test session\r
c=IN IP4 239.1.2.3/127\r
b=CT:1000\r
t=0 0\r
a=group:BUNDLE 0 1 2\r
a=extmap:9 urn:example:all\r
a=tool:example\r
a=recvonly\r
m=audio 4000 RTP/AVP 111 63 0\r
a=mid:0\r
a=extmap:5/sendonly urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on\r
a=rtcp-mux\r
a=rtpmap:111 opus/48000/2\r
a=rtpmap:63 red/48000/2\r
a=fmtp:111 minptime=10;useinbandfec=1\r
a=fmtp:63 111/111\r
a=ptime:20\r
a=maxptime:120\r
m=video 4002/2 RTP/SAVPF 96 97\r
c=IN IP6 fe80::1\r
b=AS:800\r
b=TIAS:800000\r
a=rtcp:4100 IN IP4 10.0.0.1\r
a=mid:1\r
a=extmap:1 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r
a=extmap:200 urn:3gpp:video-orientation\r
a=sendonly\r
a=rtcp-rsize\r
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj|2^20|1:32\r
a=rtpmap:96 VP8/90000\r
a=rtpmap:97 rtx/90000\r
a=rtcp-fb:96 nack\r
a=rtcp-fb:96 nack pli\r
a=rtcp-fb:* transport-cc\r
a=fmtp:97 apt=96;rtx-time=200\r
a=framerate:29.97\r
a=ssrc-group:FID 1 2\r
a=ssrc-group:FEC-FR 1 3\r
a=ssrc:1 cname:someone here\r
a=ssrc:2 information\r
a=x-google-flag:conference\r
m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r
a=sctp-port:5000\r
";

#[test]
fn supported_attributes_round_trip_unchanged() {
    let session = parse(FULL).unwrap();
    assert_eq!(session.to_string(), FULL);
    assert_eq!(parse(&FULL.replace("\r\n", "\n")).unwrap(), session);
    let [audio, video, data] = &session.media[..] else { panic!() };
    assert_eq!((audio.kind(), video.kind(), data.kind()), {
        (Some(Media::Audio), Some(Media::Video), None)
    });
    assert_eq!(session.origin.session_id, 18_446_744_069_414_584_320);
    assert_eq!(session.connection_of(audio).unwrap().ttl, Some(127));
    assert_eq!(session.connection_of(video).unwrap().ip(), "fe80::1".parse().ok());
    assert_eq!(session.direction_of(audio), Direction::RecvOnly);
    assert_eq!(session.direction_of(video), Direction::SendOnly);
    assert!(audio.rtcp_mux && video.rtcp_rsize && !video.rtcp_mux);
    assert_eq!((video.ports, video.framerate), (2, Some(29.97)));
    assert!(video.protocol.is_secure() && !audio.protocol.is_secure());
    assert_eq!(data.formats, ["webrtc-datachannel"]);
    assert_eq!(session.groups, [["BUNDLE", "0", "1", "2"]]);
}

#[test]
fn formats_extensions_and_sources_are_looked_up() {
    let session = parse(FULL).unwrap();
    let [audio, video, _] = &session.media[..] else { panic!() };
    let payloads: Vec<_> = audio.payloads().collect();
    assert_eq!(payloads, [Payload::OPUS, Payload::AUDIO_RED, Payload::PCMU]);
    assert_eq!(audio.fmtp(111).unwrap().get("useinbandfec"), Some("1"));
    assert_eq!(audio.fmtp(111).unwrap().get("stereo"), None);
    let payloads: Vec<_> = video.payloads().map(|payload| payload.format).collect();
    assert_eq!(payloads, [Format::Vp8, Format::Rtx]);
    assert_eq!((video.retransmits(97), video.retransmits(96)), (Some(96), None));
    assert!(video.allows_feedback(96, "nack pli") && video.allows_feedback(97, "transport-cc"));
    assert!(!video.allows_feedback(97, "nack"));
    assert_eq!(video.extension_map().id(ExtensionKind::VideoOrientation), Some(200));
    assert_eq!((video.cname(1), video.cname(2)), (Some("someone here"), None));
    assert_eq!(video.source_groups[0].ssrcs, [1, 2]);
    assert_eq!(video.crypto[0].keys[0].key_and_salt.len(), 30);
}

#[test]
fn descriptions_of_ffmpeg_and_pion_are_parsed() {
    let ffmpeg = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=No Name\nc=IN IP4 127.0.0.1\nt=0 0\n\
        a=tool:libavformat 59\nm=audio 5006 RTP/AVP 97\nb=AS:64\na=rtpmap:97 opus/48000/2\n\
        a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:zerozerozerozerozerozerozerozerozerozero\n";
    let session = parse(ffmpeg).unwrap();
    let payload = session.media[0].payloads().next().unwrap();
    assert_eq!(payload, Payload { payload_type: 97, ..Payload::OPUS });
    assert_eq!(session.media[0].crypto[0].suite, Suite::AesCm128HmacSha1_80.name());
    // No line end at the end; encoding name in capitals.
    let pion = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=Pion WebRTC\nc=IN IP4 127.0.0.1\nt=0 0\n\
        m=audio 4000 RTP/AVP 111\na=rtpmap:111 OPUS/48000/2\nm=video 4002 RTP/AVP 96\n\
        a=rtpmap:96 VP8/90000";
    let session = parse(pion).unwrap();
    let formats = session.media.iter().flat_map(MediaDescription::payloads);
    assert_eq!(formats.collect::<Vec<_>>(), [Payload::OPUS, Payload::VP8]);
}

#[test]
fn session_is_built_from_formats() {
    let mut session = Session::new("127.0.0.1".parse().unwrap());
    let mut video = MediaDescription::new(Media::Video, 5004, &[Payload::VP8]);
    let map: ExtensionMap =
        [(3, ExtensionKind::AbsCaptureTime), (1, ExtensionKind::TransportSequence)]
            .into_iter()
            .collect();
    video.set_extensions(&map);
    session.media.push(video);
    session.media.push(MediaDescription::new(Media::Audio, 5006, &[Payload::OPUS, Payload::PCMA]));
    let text = session.to_string();
    let expected = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
        m=video 5004 RTP/AVP 96\r\n\
        a=extmap:1 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
        a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time\r\n\
        a=rtpmap:96 VP8/90000\r\n\
        m=audio 5006 RTP/AVP 111 8\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:8 PCMA/8000\r\n";
    assert_eq!(text, expected);
    let again = parse(&text).unwrap();
    assert_eq!(again, session);
    assert_eq!(again.media[0].extension_map(), map);
}

#[test]
fn text_fields_cannot_inject_lines() {
    let mut session = Session::new("127.0.0.1".parse().unwrap());
    session.name = "a\r\nm=audio 1 RTP/AVP 0".into();
    let text = session.to_string();
    assert_eq!(text.lines().count(), 5);
    assert!(parse(&text).unwrap().media.is_empty());
}

#[test]
fn errors_contain_the_line_number() {
    let head = "v=0\ns=-\n";
    for (line, problem) in [
        ("junk", "expected a letter and ="),
        ("ab=c", "expected a letter and ="),
        ("s=a\u{7}b", "invalid or missing line (control characters are not allowed): got \"s=ab\""),
        ("v=0", "invalid or missing line (v= is only allowed as the first line): got \"0\""),
        ("o=- x", "invalid or missing origin: got \"- x\""),
        ("t=now", "invalid or missing session time: got \"now\""),
        ("c=IN IP5 x", "invalid or missing connection address: got \"IN IP5 x\""),
        ("b=AS", "invalid or missing bandwidth: got \"AS\""),
        ("m=video", "invalid or missing port: got \"video\""),
        ("m=video 65536 RTP/AVP 96", "invalid or missing port: got \"video 65536 RTP/AVP 96\""),
        (
            "m=video 1 RTP/AVP 128",
            "invalid or missing payload type, expected 0 to 127: got \"128\"",
        ),
        ("a=extmap:0 x", "invalid or missing header extension id and URI: got \"0 x\""),
    ] {
        let error = parse(&format!("{head}{line}\n")).unwrap_err();
        assert_eq!(error.to_string(), format!("invalid SDP, line 3: {problem}"));
    }
    for line in [
        "rtpmap:96",
        "rtpmap:96 VP8/0",
        "rtpmap:300 VP8/90000",
        "rtpmap:96 VP8/90000/x",
        "fmtp:x y",
        "rtcp-fb:200 nack",
        "extmap:1/up x",
        "extmap:256 x",
        "crypto:1",
        "ssrc:x cname:y",
        "ssrc:1",
        "ssrc-group:FID x",
        "rtcp:x",
        "rtcp:1 x",
        "ptime:x",
        "framerate:-1",
        "framerate:1/0",
    ] {
        let text = format!("{head}m=video 1 RTP/AVP 96\r\n\r\na={line}\n");
        assert_eq!(parse(&text).unwrap_err().line, 5, "{line}");
    }
    for text in ["", "v=1\n", "o=-\n", "\n\n"] {
        assert_eq!(parse(text).unwrap_err(), SdpError { line: 1, problem: Problem::NotSdp });
    }
}

#[test]
fn sizes_are_bounded() {
    let with = |lines: &str, count| format!("v=0\n{}", lines.repeat(count));
    assert_eq!(parse(&with("m=video 1 RTP/AVP 96\n", 32)).unwrap().media.len(), 32);
    let error = parse(&with("m=video 1 RTP/AVP 96\n", 33)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid SDP, line 34: too many media lines, expected at most 32"
    );
    let candidate = "a=candidate:1 1 udp 1 127.0.0.1 9 typ host\n";
    assert_eq!(parse(&with(candidate, 64)).unwrap().candidates, 64);
    assert_eq!(parse(&with(candidate, 65)).unwrap_err().line, 66);
    let long = with("a=x\n", MAX_BYTES / 4);
    assert_eq!(parse(&long).unwrap_err().line, 0);
}

#[test]
fn arbitrary_text_is_rejected_or_can_be_written_again() {
    let mut rng = Rng::new(5);
    let mut read = 0;
    for _ in 0..10_000 {
        let mut bytes = FULL.as_bytes().to_vec();
        for _ in 0..=rng.below(6) {
            let at = rng.index(bytes.len());
            let other = rng.index(bytes.len());
            match rng.below(4) {
                0 => bytes[at] = rng.byte() & 0x7f,
                1 => bytes[at] = bytes[other],
                2 => bytes.truncate(at.max(1)),
                _ => drop(bytes.drain(at.min(other)..at.max(other))),
            }
            if bytes.is_empty() {
                bytes.push(b'v');
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(session) = parse(&text) {
            read += 1;
            let written = session.to_string();
            let again = parse(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
            assert_eq!(again.to_string(), written);
        }
    }
    assert!(read > 1000, "{read}");
}
