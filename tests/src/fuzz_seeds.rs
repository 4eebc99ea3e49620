//! Initial corpus of the fuzz targets: at least one small input for each target, generated here.
//!
//! `CODEC_WRITE_SEEDS=1 cargo test -p codec-tests --test behaviour fuzz_seeds::` writes them to `fuzz/seeds`.

use codec_rtc::packet::h264::{Packetizer, PacketizerConfig};

use crate::fuzz_webrtc;

/// Maximum size of a seed in bytes.
pub const MAX_BYTES: usize = 8 << 10;

/// A target, a name and an input.
pub type Seed = (&'static str, &'static str, Vec<u8>);

/// All seeds that are reproducible.
#[must_use]
pub fn fixed() -> Vec<Seed> {
    let rtp: Vec<Vec<u8>> = (0..4).map(vp8_packet).collect();
    let key_frame = key_frame();
    let mut seeds = vec![
        ("vp8_decode", "key", key_frame.clone()),
        ("vp8_decode_stream", "key", [&[0][..], &packets(&[key_frame])].concat()),
        ("vp8_encode", "settings", (0..32).collect()),
        ("vp9_encode", "settings", (0..32).collect()),
        ("h264_decode", "grey", [&[0][..], &h264_stream()].concat()),
        ("h264_decode", "units", [&[9][..], &h264_stream()].concat()),
        ("vp9_decode", "grey", [&[0][..], &packets(&[vp9_key_frame()])].concat()),
        ("h264_rtp", "structures", packets(&h264_packets())),
        ("h264_rtp", "parameters", b"packetization-mode=1;profile-level-id=42e01f".to_vec()),
        ("vp9_rtp", "layers", packets(&vp9_packets())),
        ("rtp_packet", "vp8", rtp[0].clone()),
        ("rtp_stream", "vp8", packets(&rtp)),
        ("frame_buffer", "vp8", packets(&rtp)),
        ("rtp_feedback", "vp8", packets(&rtp)),
        ("rtp_extension", "one-byte", vec![0xbe, 0xde, 0, 1, 0x10, 0xff, 0x21, 0]),
        ("rtcp", "report", receiver_report()),
        ("srtp_unprotect", "wrap", srtp()),
        ("turn_client", "success", packets(&[binding_success()])),
        ("webrtc_datagrams", "answers", fuzz_webrtc::webrtc_datagrams_seed()),
        ("webrtc_checks", "answers", fuzz_webrtc::webrtc_datagrams_seed()),
        ("net_url", "tcp", b"tcp://127.0.0.1:9?listen".to_vec()),
        ("net_url", "whep", b"whep://[::1]:8443/live?insecure&relay".to_vec()),
        ("cluster_messages", "bus", cluster_parts(1, &cluster_bus())),
        ("cluster_messages", "link", cluster_parts(2, &cluster_link())),
        ("opus_packet", "silk", vec![0x08, 0, 0, 0, 0]),
        ("opus_decode", "silk", [&[0][..], &packets(&[vec![0x08, 0, 0, 0]])].concat()),
        ("container", "y4m", [b"YUV4MPEG2 W2 H2 F30:1\nFRAME\n", &[128; 6][..]].concat()),
        ("container", "ivf", ivf()),
        ("container", "transport-stream", transport_stream()),
    ];
    // For these targets arbitrary bytes are as useful as others.
    let any: Vec<u8> = (0..=255).collect();
    for target in [
        "audio_buffer",
        "congestion",
        "flexfec",
        "net_datagrams",
        "net_framing",
        "redundancy",
        "sframe_open",
        "ulpfec",
    ] {
        seeds.push((target, "bytes", any.clone()));
    }
    seeds
}

/// Seeds with random names.
#[must_use]
pub fn drawn() -> Vec<Seed> {
    let [offer, answer] = fuzz_webrtc::webrtc_sdp_seeds();
    vec![
        ("webrtc_sdp", "offer", [&[0], offer.as_bytes()].concat()),
        ("webrtc_sdp", "answer", [&[1], answer.as_bytes()].concat()),
        ("sdp", "offer", offer.into_bytes()),
    ]
}

/// Messages of the bus between nodes of a cluster, and such as no node sends.
#[must_use]
pub fn cluster_bus() -> Vec<Vec<u8>> {
    let (other, key) = ("02".repeat(16), "07".repeat(32));
    let encoding = r#"{"ssrc":1,"rid":"l","layers":[[0,0,180,15.0,100000]]}"#;
    let video = format!(r#"{{"source":"camera","codec":["vp8"],"encodings":[{encoding}]}}"#);
    let flags = r#""muted":false,"cameraOff":false,"sharing":false"#;
    let members = format!(
        r#"{{"member":7,"person":"{other}","name":"Bob",{flags},"audio":5,"videos":[{video}]}}"#
    );
    let own = "01".repeat(16);
    let message = format!(
        r#"{{"member":1,"time":5,"person":"{other}","from":"Ann","key":"k","text":"Hello"}}"#
    );
    let attachment = format!(
        r#"{{"kind":"voice","file":"{own}","name":"a.webm","mediaType":"audio/webm","bytes":9,"sha256":"{key}","duration":null}}"#
    );
    let with_file = format!(
        r#"{{"member":1,"time":6,"person":"{other}","from":"Ann","key":"f","text":"a.webm (9 bytes)","file":{{"text":"","attachment":{attachment}}}}}"#
    );
    let mark = format!(r#"{{"person":"{own}","author":"{other}","key":"k"}}"#);
    let lobby = r#"{"revision":2,"on":true}"#;
    let texts = [
        format!(
            r#"{{"type":"node","id":"{other}","key":"{key}","addresses":["192.0.2.9:9"],"url":null,"rooms":{{"team":3}},"said":{{"team":5}},"leaving":false}}"#
        ),
        format!(r#"{{"type":"ask","id":"{other}","to":"{own}","rooms":["team"]}}"#),
        format!(r#"{{"type":"message","id":"{other}","room":"team","message":{message}}}"#),
        format!(
            r#"{{"type":"message","id":"{other}","room":"team","number":4,"previous":0,"message":{with_file}}}"#
        ),
        format!(r#"{{"type":"askMessages","id":"{other}","to":"{own}","room":"team","after":0}}"#),
        format!(r#"{{"type":"read","id":"{other}","room":"team","mark":{mark}}}"#),
        format!(r#"{{"type":"askHistory","id":"{other}","to":"{own}","room":"team"}}"#),
        format!(
            r#"{{"type":"history","id":"{other}","to":"{own}","room":"team","piece":{{"number":0,"last":true,"messages":[{message}],"marks":[{mark}]}}}}"#
        ),
        format!(
            r#"{{"type":"moderate","id":"{other}","to":"{own}","room":"team","member":1,"removes":false}}"#
        ),
        format!(
            r#"{{"type":"room","id":"{other}","room":"team","version":9,"state":{{"members":[{members}],"lobby":{lobby},"waiting":[{{"member":3,"name":"Eve"}}],"admitted":["{own}"],"removed":["{other}"]}}}}"#
        ),
        format!(
            r#"{{"type":"lobby","id":"{other}","to":"{own}","room":"team","member":2,"admits":true}}"#
        ),
    ];
    texts.map(String::into_bytes).into()
}

/// Messages on a link between nodes: ping, pong, requests, media, lost numbers, media that are sent again, and parts of
/// files.
#[must_use]
pub fn cluster_link() -> Vec<Vec<u8>> {
    let media = [&[0][..], &vp8_packet(1)].concat();
    let again = [&[1, 0, 1][..], &media].concat();
    let ping = [&[2][..], &[0; 8]].concat();
    let pong = [&[3][..], &[0; 8]].concat();
    let want = vec![4, 0, 0, 0, 1, 0, 0, 0, 2];
    let key_frame = vec![6, 0, 0, 0, 1];
    let get_file = [&[8, 0, 0, 0, 1][..], &[10; 16], &[0; 8], &[0, 2]].concat();
    let part = [&[9, 0, 0, 0, 1][..], &[0; 8], b"data"].concat();
    let files = [get_file, part, vec![10, 0, 0, 0, 1]];
    let others = [vec![5, 0, 0, 0, 1], key_frame, vec![7, 0, 1, 0, 2], media, again];
    [ping, pong, want].into_iter().chain(others).chain(files).collect()
}

/// Parts of the input of `cluster_messages`, which are all of one sort.
#[must_use]
pub fn cluster_parts(sort: u16, parts: &[Vec<u8>]) -> Vec<u8> {
    let one = |part: &Vec<u8>| {
        let head = sort << 14 | u16::try_from(part.len()).unwrap_or(0);
        [&head.to_le_bytes()[..], part].concat()
    };
    parts.iter().flat_map(one).collect()
}

/// Packets, each preceded by its length.
fn packets(of: &[Vec<u8>]) -> Vec<u8> {
    let one = |packet: &Vec<u8>| {
        let len = u16::try_from(packet.len()).unwrap_or(0).to_le_bytes();
        [&len[..], packet].concat()
    };
    of.iter().flat_map(one).collect()
}

/// A program with H.264 in a PES packet, of a transport stream (ITU-T H.222.0, section 2.4).
fn transport_stream() -> Vec<u8> {
    const PAT: [u8; 17] = [0, 0, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xe1, 0, 0xe8, 0xf9, 0x5e, 0x7d];
    const PMT: [u8; 22] = [
        0, 2, 0xb0, 18, 0, 1, 0xc1, 0, 0, 0xe1, 1, 0xf0, 0, 0x1b, 0xe1, 1, 0xf0, 0, 0x4f, 0xc4,
        0x3d, 0x1b,
    ];
    let mut pes = vec![0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1];
    pes.extend(h264_stream());
    let packet = |pid: u8, payload: &[u8]| {
        let stuffing = 188 - 6 - payload.len();
        let head = [0x47, 0x41, pid, 0x30, u8::try_from(stuffing + 1).unwrap_or(0), 0];
        [&head[..], &vec![0xff; stuffing], payload].concat()
    };
    let mut pat = packet(0, &PAT);
    pat[1] = 0x40;
    let pmt = packet(0, &PMT);
    let whole = [pat, pmt, packet(1, &pes), packet(1, &pes)];
    whole.concat()
}

/// The header of a key frame of 16 x 16 (RFC 6386, section 9.1), then zeros.
fn key_frame() -> Vec<u8> {
    let head = [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 16, 0, 16, 0];
    [&head[..], &[0; 40]].concat()
}

/// Two frames of one macroblock: an I macroblock with DC prediction, then a skipped one (ITU-T H.264,
/// clause 7.3).
#[must_use]
pub fn h264_stream() -> Vec<u8> {
    let sps = [0x67, 66, 0, 30, 0b1101_1010, 0b0111_1001];
    let pps = [0x68, 0b1100_1110, 0b0011_1000, 0b1000_0000];
    let idr = [0x65, 0b1000_1000, 0b1000_0100, 0b1001_0011, 0b1100_0000];
    let skipped = [0x41, 0b1001_1010, 0b0010_0010, 0b1010_0000];
    let units: [&[u8]; 4] = [&sps, &pps, &idr, &skipped];
    units.iter().flat_map(|unit| [&[0, 0, 0, 1], *unit].concat()).collect()
}

/// A VP9 key frame of 8x8 pixels with one block, whose coded symbols are all 0.
fn vp9_key_frame() -> Vec<u8> {
    let headers = [0x82, 0x49, 0x83, 0x42, 0x20, 0, 0x70, 0, 0x74, 0, 0x07, 0x80, 0, 0x02];
    [&headers[..], &[0; 5]].concat()
}

fn vp8_packet(number: u8) -> Vec<u8> {
    let head = [0x80, 0xe0, 0, number, 0, 0, 12 * number, 0, 0, 0, 0, 7];
    let descriptor = [0x90, 0x80, 0x80, number];
    [&head[..], &descriptor, &key_frame()].concat()
}

/// The stream above in an STAP-A, two FU-A and a single NAL unit (RFC 6184).
fn h264_packets() -> Vec<Vec<u8>> {
    let config = PacketizerConfig { mtu: 64, ..PacketizerConfig::default() };
    let mut packets = Vec::new();
    let Ok(mut packetizer) = Packetizer::new(config) else { return packets };
    let stream = h264_stream();
    let skipped = stream.len() - 8;
    let mut first = stream[..skipped].to_vec();
    first.resize(first.len() + 70, 0xff);
    for (timestamp, unit) in (0..).step_by(3000).zip([&first[..], &stream[skipped..]]) {
        // Both have NAL units that fit the format.
        let _ = packetizer.packetize(unit, timestamp, &mut packets);
    }
    packets
}

/// Two layer frames with a scalability structure, then one layer frame that references the first superframe.
fn vp9_packets() -> Vec<Vec<u8>> {
    let packet = |number: u8, marker: u8, descriptor: &[u8]| {
        let head = [0x80, 96 | marker, 0, number, 0, 0, 12 * (number / 2), 0, 0, 0, 0, 7];
        [&head[..], descriptor, &vp9_key_frame()].concat()
    };
    vec![
        // Flags, PictureID, layers; the structure has the sizes 32x32 and 64x64.
        packet(0, 0, &[0xbe, 0x80, 1, 0x00, 0x30, 0, 32, 0, 32, 0, 64, 0, 64]),
        packet(1, 0x80, &[0xbd, 0x80, 1, 0x03]),
        packet(2, 0x80, &[0xfc, 0x80, 2, 0x00, 0x02]),
    ]
}

/// RFC 3550, section 6.4.2.
fn receiver_report() -> Vec<u8> {
    let head = [0x81, 201, 0, 7, 0, 0, 0, 1];
    [&head[..], &[0, 0, 0, 7, 0x20, 0, 0, 3], &[0, 0, 0, 9], &[0; 12]].concat()
}

/// Packets of a source whose sequence numbers wrap.
fn srtp() -> Vec<u8> {
    let packet = |sequence: u16| {
        let [high, low] = sequence.to_be_bytes();
        vec![0x80, 96, high, low, 0, 0, 0, 1, 0, 0, 0, 7, 1, 2, 3]
    };
    let numbers = [65_534, 65_535, 0, 2, 1, 40_000, 65_000, 10];
    [&[0][..], &packets(&numbers.map(packet))].concat()
}

/// RFC 8489, section 6.3.1.1.
fn binding_success() -> Vec<u8> {
    let head = [0x01, 0x03, 0, 12, 0x21, 0x12, 0xa4, 0x42];
    [&head[..], &[0; 12], &[0, 0x20, 0, 8, 0, 1, 0x10, 0x20, 1, 2, 3, 4]].concat()
}

/// A file of one frame.
fn ivf() -> Vec<u8> {
    let mut file = b"DKIF\0\0\x20\0VP80\x10\0\x10\0".to_vec();
    file.extend([30, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    let frame = key_frame();
    file.extend(u32::try_from(frame.len()).unwrap_or(0).to_le_bytes());
    file.extend([0; 8]);
    file.extend(frame);
    file
}
