//! Offers that cannot be accepted completely: other codecs, several video sections, simulcast.

use codec_net::server::media::VideoCodec;
use codec_net::server::room::StreamInfo;
use codec_net::server::{Config, Server};

use crate::caller::SDP;
use crate::client::{Answer, request_with};

const SESSION: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
const TRANSPORT: &str = "c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef01234567\r\n\
    a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
    a=setup:actpass\r\na=rtcp-mux\r\n";

/// Formats a media line as browsers write it.
pub(crate) fn line(
    mid: u8,
    kind: &str,
    direction: &str,
    codecs: &[(u8, &str)],
    more: &str,
) -> String {
    let types: String = codecs.iter().map(|(pt, _)| format!(" {pt}")).collect();
    let maps: String =
        codecs.iter().map(|(pt, name)| format!("a=rtpmap:{pt} {name}\r\n")).collect();
    let line = format!("m={kind} 9 UDP/TLS/RTP/SAVPF{types}\r\n{TRANSPORT}a=mid:{mid}\r\n");
    format!("{line}a={direction}\r\n{maps}{more}")
}

pub(crate) fn offer(lines: &[String]) -> String {
    let mids: String = (0..lines.len()).map(|mid| format!(" {mid}")).collect();
    format!("{SESSION}a=group:BUNDLE{mids}\r\n{}", lines.concat())
}

fn post(server: &Server, path: &str, lines: &[String]) -> Answer {
    request_with(server.address(), "POST", path, &[SDP], &offer(lines))
}

const H264: [(u8, &str); 2] = [(102, "H264/90000"), (103, "rtx/90000")];
const OTHERS: [(u8, &str); 3] = [(45, "AV1/90000"), (98, "H265/90000"), (102, "H264/90000")];
pub(crate) const VP8: [(u8, &str); 1] = [(96, "VP8/90000")];
const OPUS: [(u8, &str); 1] = [(111, "opus/48000/2")];
const AAC: [(u8, &str); 1] = [(112, "mpeg4-generic/48000/2")];

/// The lines of an answer that begin with `m=`.
fn media_lines(answer: &Answer) -> Vec<&str> {
    answer.body.lines().filter(|line| line.starts_with("m=")).collect()
}

#[test]
fn publishers_without_vp8_learn_the_supported_codecs() {
    let server = Server::start(Config::loopback()).unwrap();
    for codecs in [&H264[..], &OTHERS] {
        let video = line(0, "video", "sendonly", codecs, "");
        let audio = line(1, "audio", "sendonly", &OPUS, "");
        for lines in [vec![video.clone()], vec![video, audio]] {
            let answer = post(&server, "/whip/mine", &lines);
            assert_eq!(answer.status, 422, "{answer:?}");
            assert!(answer.body.contains("H264") && answer.body.contains("VP8"), "{answer:?}");
            assert!(!answer.body.contains("rtx"), "{answer:?}");
        }
    }
    let audio = line(0, "audio", "sendonly", &AAC, "");
    let answer = post(&server, "/whip/mine", &[audio]);
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.body.contains("mpeg4-generic") && answer.body.contains("Opus"), "{answer:?}");
    assert!(server.hub().find("mine").is_err(), "no name is taken");
    assert_eq!(server.sessions().count(), 0);
}

#[test]
fn rejected_lines_of_publishers_keep_their_formats() {
    let server = Server::start(Config::loopback()).unwrap();
    let video = line(0, "video", "sendonly", &VP8, "");
    let audio = line(1, "audio", "sendonly", &AAC, "");
    let second = line(2, "video", "sendonly", &[(97, "VP8/90000")], "");
    let answer = post(&server, "/whip/mine", &[video, audio, second]);
    assert_eq!(answer.status, 201, "{answer:?}");
    let lines = media_lines(&answer);
    let rejected = ["m=audio 0 UDP/TLS/RTP/SAVPF 112", "m=video 0 UDP/TLS/RTP/SAVPF 97"];
    assert_eq!(lines[1..], rejected, "{answer:?}");
    assert!(lines[0].starts_with("m=video 9 ") && lines[0].ends_with(" 96"), "{answer:?}");
    assert!(answer.body.contains("a=group:BUNDLE 0\r\n"), "{answer:?}");
    assert!(!server.hub().find("mine").unwrap().info().audio);
}

#[test]
fn viewers_without_vp8_are_rejected_or_get_audio_only() {
    let server = Server::start(Config::loopback()).unwrap();
    let silent = StreamInfo { kind: "ws", video: Some(VideoCodec::Vp8), audio: false };
    let _silent = server.hub().publish("silent", silent, Box::new(|| {})).unwrap();
    let both = StreamInfo { audio: true, ..silent };
    let _both = server.hub().publish("both", both, Box::new(|| {})).unwrap();
    let video = line(0, "video", "recvonly", &H264, "");
    let audio = line(1, "audio", "recvonly", &OPUS, "");
    for (path, lines) in [
        ("/whep/silent", vec![video.clone()]),
        ("/whep/silent", vec![video.clone(), audio.clone()]),
        ("/whep/both", vec![video.clone()]),
    ] {
        let answer = post(&server, path, &lines);
        assert_eq!(answer.status, 422, "{answer:?}");
        let expected = "got H264 (unknown profile); expected one of VP8, as published";
        assert!(answer.body.contains(expected), "{answer:?}");
    }
    let answer = post(&server, "/whep/both", &[video, audio]);
    assert_eq!(answer.status, 201, "{answer:?}");
    let lines = media_lines(&answer);
    assert_eq!(lines[0], "m=video 0 UDP/TLS/RTP/SAVPF 102 103", "{answer:?}");
    assert!(lines[1].starts_with("m=audio 9 "), "{answer:?}");
}

#[test]
fn answers_have_no_simulcast() {
    let server = Server::start(Config::loopback()).unwrap();
    let more = "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
        a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
        a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n\
        a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\n";
    let answer = post(&server, "/whip/mine", &[line(0, "video", "sendonly", &VP8, more)]);
    assert_eq!(answer.status, 201, "{answer:?}");
    for gone in ["simulcast", "a=rid", "rtp-stream-id"] {
        assert!(!answer.body.contains(gone), "{gone}: {answer:?}");
    }
    assert!(answer.body.contains("sdes:mid"), "{answer:?}");
}
