//! Streams with end-to-end encryption.

use super::net::{SRTP, packets, receiver, with_film};
use super::{Place, at_once, depth};

fn write(place: &Place, name: &str, text: &str) {
    std::fs::write(place.path(name), text).unwrap();
}

/// Creates a place with a clip and key files.
fn with_keys() -> Place {
    let place = with_film();
    let digits = "00112233445566778899aabbccddeeff";
    write(&place, "hex.key", &format!("{digits}{digits}\n"));
    write(&place, "base64.key", "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=");
    write(&place, "other.key", &"5c".repeat(32));
    place
}

#[test]
fn encrypted_frames_decrypt_with_the_same_key_over_every_transport() {
    if depth::skips_long() {
        return;
    }
    let place = with_keys();
    let md5 = |file: &str| place.ok(&["decode", file, "--md5"]).text();
    let cases = [
        ("tcp://127.0.0.1:0", "tcp.ivf"),
        ("udp://127.0.0.1:0", "udp.ivf"),
        ("ws://127.0.0.1:0/live", "ws.ivf"),
        ("rtp://127.0.0.1:0", "rtp.ivf"),
        ("rtp://127.0.0.1:0?plain", "plain.ivf"),
        (SRTP, "srtp.ivf"),
    ];
    at_once(cases, |(url, name)| {
        let recv = ["-o", name, "--e2ee-key", "hex.key"];
        let (running, address) = receiver(&place, url, &recv);
        let target = url.replace("127.0.0.1:0", &address);
        let send = ["send", "clip.ivf", &target, "--copy", "--e2ee-key", "base64.key"];
        assert!(place.ok(&send).err.contains("AES_256_GCM_SHA512_128"));
        let (code, said) = running.end();
        assert_eq!(code, 0, "{url}: {said}");
        assert!(said.contains("\"decrypt_failures\":0"), "{url}: {said}");
        assert_eq!(md5(name), md5("clip.ivf"), "{url}");
    });
}

#[test]
fn encrypted_video_and_audio_are_recorded_completely_with_their_delay() {
    if depth::skips_long() {
        return;
    }
    let place = with_keys();
    for url in ["tcp://127.0.0.1:0", "rtp://127.0.0.1:0"] {
        let recv = ["-o", "out.webm", "-y", "--e2ee-key", "hex.key"];
        let (running, address) = receiver(&place, url, &recv);
        let target = url.replace("127.0.0.1:0", &address);
        let source = "testsrc:size=96x64,audio=tone";
        let send = ["send", source, &target, "-b", "200k", "-n", "45", "--e2ee-key", "hex.key"];
        place.ok(&send);
        let (code, said) = running.end();
        assert_eq!(code, 0, "{url}: {said}");
        let counts = packets(&place, "out.webm");
        assert_eq!(counts[0], 45, "{url}: {said}");
        assert!((60..=80).contains(&counts[1]), "{url}: {counts:?}");
        let summary = said.lines().rfind(|line| line.contains("\"summary\"")).unwrap();
        let summary: serde_json::Value = serde_json::from_str(summary).unwrap();
        assert!(summary["delay_ms"]["count"].as_u64() > Some(30), "{url}: {summary}");
        place.ok(&["decode", "out.webm", "-o", "tone.wav", "-y"]);
    }
}

#[test]
fn with_another_key_nothing_decrypts_and_no_file_is_left() {
    if depth::skips_long() {
        return;
    }
    let place = with_keys();
    let before = place.names();
    for url in ["tcp://127.0.0.1:0", "udp://127.0.0.1:0", "rtp://127.0.0.1:0"] {
        let recv = ["-o", "out.ivf", "--e2ee-key", "other.key"];
        let (running, address) = receiver(&place, url, &recv);
        let target = url.replace("127.0.0.1:0", &address);
        place.run(&["send", "clip.ivf", &target, "--copy", "--e2ee-key", "hex.key"]);
        let (code, said) = running.end();
        assert_eq!(code, 8, "{url}: {said}");
        assert!(said.contains("frames: the sender uses another --e2ee-key"), "{said}");
        assert_eq!(place.names(), before, "{url}");
    }
}

#[test]
fn an_end_without_the_key_reports_what_is_missing() {
    if depth::skips_long() {
        return;
    }
    let place = with_keys();
    let key = ["--e2ee-key", "hex.key"];
    for (recv, send, why) in [
        (&[][..], &key[..], "the media are end-to-end encrypted: --e2ee-key is required"),
        (&key[..], &[][..], "the sender does not encrypt its media"),
    ] {
        let url = "tcp://127.0.0.1:0";
        let (running, address) = receiver(&place, url, &[&["-o", "out.ivf"], recv].concat());
        let target = url.replace("127.0.0.1:0", &address);
        place.run(&[&["send", "clip.ivf", &target, "--copy"], send].concat());
        let (code, said) = running.end();
        assert_eq!(code, 8, "{said}");
        assert!(said.contains(why), "{said}");
    }
    assert!(!place.has("out.ivf"));
    // Unencrypted media are not delivered over RTP either.
    let (running, address) =
        receiver(&place, "rtp://127.0.0.1:0", &[&["--null"], &key[..]].concat());
    place.ok(&["send", "clip.ivf", &format!("rtp://{address}"), "--copy"]);
    let (code, said) = running.end();
    assert_eq!(code, 8, "{said}");
    let sdp = ["--copy", "-n", "1", "--sdp", "a.sdp"];
    place.ok(&[&["send", "clip.ivf", "rtp://127.0.0.1:9"], &sdp[..], &key[..]].concat());
    let text = String::from_utf8(place.read("a.sdp")).unwrap();
    assert!(
        text.contains("s=codec send, end-to-end encrypted") && text.contains("a=x-codec-sframe")
    );
    place.fails(
        2,
        "media are end-to-end encrypted: --e2ee-key is required",
        &["recv", "a.sdp", "--null"],
    );
}

#[test]
fn key_files_are_checked_before_anything_is_sent() {
    let place = with_keys();
    write(&place, "short.key", "0123456789abcdef");
    write(&place, "words.key", "correct horse battery staple");
    write(&place, "long.key", &"00".repeat(5000));
    let target = "udp://127.0.0.1:9";
    for (file, why) in [
        ("none.key", "none.key: "),
        ("short.key", "got 8 bytes, expected 16 to 64"),
        ("words.key", "expected a key in hexadecimal or base64"),
        ("long.key", "too large for a key"),
        ("clip.ivf", "clip.ivf: "),
    ] {
        place.fails(3, why, &["send", "clip.ivf", target, "--copy", "--e2ee-key", file]);
        place.fails(3, why, &["recv", "udp://127.0.0.1:0", "--null", "--e2ee-key", file]);
    }
    let key = ["--e2ee-key", "hex.key"];
    for end in [["send", "clip.ivf", "whip://h/p"], ["recv", "whep://h/p", "--null"]] {
        place.fails(2, "WebRTC servers and browsers cannot decrypt", &[&end[..], &key].concat());
    }
}
