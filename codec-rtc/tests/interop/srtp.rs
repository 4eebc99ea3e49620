//! SRTP to and from ffmpeg, and between our own endpoints; forged and replayed packets.

use std::cell::RefCell;

use codec_core::codec::Scalability;
use codec_rtc::demux::Datagram;
use codec_rtc::sdp::{self, Crypto, base64};
use codec_rtc::session::Receiver;
use codec_rtc::srtp::{Counters, Protect, SrtpError, Suite, Unprotect};

use crate::depth;
use crate::incoming::{receiver_of, write_clip};
use crate::media::{self, Clip};
use crate::outgoing::FfmpegReads;
use crate::programs::{Program, have_ffmpeg};
use crate::streams::{self, Ports, receiver_config};
use crate::wire::{Inlet, Outlet, play, receive};

fn key_and_salt(suite: Suite) -> Vec<u8> {
    (0..suite.material_bytes()).map(|at| u8::try_from(at * 37 % 251).unwrap()).collect()
}

fn encrypt(protect: &mut Protect, kind: Datagram, datagram: &mut Vec<u8>) {
    let encrypted = match kind {
        Datagram::Rtcp => protect.rtcp(datagram),
        _ => protect.rtp(datagram),
    };
    encrypted.unwrap();
}

fn open(
    unprotect: &mut Unprotect,
    kind: Datagram,
    datagram: &mut Vec<u8>,
) -> Result<(), SrtpError> {
    match kind {
        Datagram::Rtcp => unprotect.rtcp(datagram),
        _ => unprotect.rtp(datagram),
    }
}

/// Processes every datagram three times: with a modified bit, unchanged, and once more. Only one of
/// them is accepted.
fn open_one_of_three(
    unprotect: &mut Unprotect,
    kind: Datagram,
    datagram: Vec<u8>,
) -> Option<Vec<u8>> {
    let mut forged = datagram.clone();
    let last = forged.len() / 2;
    forged[last] ^= 0x10;
    assert_eq!(open(unprotect, kind, &mut forged), Err(SrtpError::Forged));
    let mut true_one = datagram.clone();
    open(unprotect, kind, &mut true_one).unwrap();
    let mut again = datagram;
    assert_eq!(open(unprotect, kind, &mut again), Err(SrtpError::Replayed));
    Some(true_one)
}

/// Checks the counters of accepted, forged and replayed packets.
fn check_counters(counters: Counters, datagrams: u64) {
    let expected = Counters {
        accepted: datagrams,
        forged: datagrams,
        replayed: datagrams,
        ..Counters::default()
    };
    assert_eq!(counters, expected);
}

#[test]
fn ffmpeg_decrypts_our_srtp() {
    if !have_ffmpeg("SRTP to ffmpeg") {
        return;
    }
    let suite = Suite::AesCm128HmacSha1_80;
    let key = key_and_salt(suite);
    let (clip, audio) = (Clip::new(90, Scalability::L1T1), media::audio(150));
    let (streams, ports) = (streams::plain(), Ports::free());
    let crypto = Crypto::new(1, sdp::Suite::AesCm128HmacSha1_80, &key);
    let description = streams::session(&streams, ports, Some(&crypto));
    let mut ffmpeg = FfmpegReads::start(&description, ports);
    let (outlet, mut protect) = (Outlet::new(ports), Protect::new(suite, &key).unwrap());
    play(&mut streams::sender(streams), &clip, &audio, |kind, mut datagram| {
        encrypt(&mut protect, kind, &mut datagram);
        outlet.send(kind, &datagram);
        None
    });
    ffmpeg.check_frames(&clip.frames(), &clip.digests(2));
    let coded: Vec<_> = audio.into_iter().map(|it| it.data).collect();
    ffmpeg.check_audio(&coded);
}

#[test]
fn our_receiver_decrypts_srtp_from_ffmpeg() {
    if depth::skips_long() {
        return;
    }
    if !have_ffmpeg("SRTP from ffmpeg") {
        return;
    }
    let suite = Suite::AesCm128HmacSha1_80;
    let key = key_and_salt(suite);
    let folder = tempfile::tempdir().unwrap();
    write_clip(folder.path());
    let ports = Ports::free();
    let mut inlet = Inlet::new(&ports.all());
    let at = |name: &str| folder.path().join(name).display().to_string();
    let srtp = format!(
        "-srtp_out_suite {} -srtp_out_params {} -f rtp srtp://127.0.0.1",
        suite.name(),
        base64::encode(&key)
    );
    let mut ffmpeg = Program::ffmpeg(&format!(
        "-re -i {} -re -i {} -map 0:v -c copy {srtp}:{} \
         -map 1:a -c copy -payload_type 111 {srtp}:{}",
        at("clip.ivf"),
        at("tone.ogg"),
        ports.video,
        ports.audio
    ));
    let (mut unprotect, mut datagrams) = (Unprotect::new(suite, &key).unwrap(), 0);
    let count_and_open = |kind, datagram| {
        datagrams += 1;
        open_one_of_three(&mut unprotect, kind, datagram)
    };
    let received = receive(&mut inlet, 2, count_and_open, receiver_of);
    ffmpeg.wait();
    let sent = media::read_ivf(&std::fs::read(folder.path().join("clip.ivf")).unwrap());
    assert!(received.coded() == sent, "{} of {} frames", received.frames.len(), sent.len());
    assert!(received.audio.len() >= 150, "{}", received.audio.len());
    assert_eq!(received.stats.malformed, 0);
    check_counters(unprotect.counters(), datagrams);
}

#[test]
fn our_endpoints_support_aes_gcm() {
    for suite in [Suite::AeadAes128Gcm, Suite::AeadAes256Gcm] {
        let key = key_and_salt(suite);
        let (clip, audio) = (Clip::new(30, Scalability::L1T1), media::audio(50));
        let (streams, ports) = (streams::plain(), Ports::free());
        let mut inlet = Inlet::new(&ports.all());
        let (outlet, protect) = (Outlet::new(ports), Protect::new(suite, &key).unwrap());
        let protect = RefCell::new(protect);
        let (mut unprotect, mut datagrams) = (Unprotect::new(suite, &key).unwrap(), 0);
        let config = receiver_config(streams.clone());
        let received = std::thread::scope(|scope| {
            let receiving = scope.spawn(move || {
                let received = receive(
                    &mut inlet,
                    2,
                    |kind, datagram| {
                        datagrams += 1;
                        open_one_of_three(&mut unprotect, kind, datagram)
                    },
                    |_| Receiver::new(config),
                );
                check_counters(unprotect.counters(), datagrams);
                received
            });
            play(&mut streams::sender(streams), &clip, &audio, |kind, mut datagram| {
                // RTCP goes to two ports, and would be a replay at the second.
                if kind == Datagram::Rtcp {
                    let mut second = datagram.clone();
                    encrypt(&mut protect.borrow_mut(), kind, &mut second);
                    outlet.send_to_video(&second);
                    return None;
                }
                encrypt(&mut protect.borrow_mut(), kind, &mut datagram);
                outlet.send(kind, &datagram);
                None
            });
            receiving.join().unwrap()
        });
        assert!(received.coded() == clip.frames(), "{suite:?}: frames differ from ours");
        assert_eq!(received.audio.len(), audio.len(), "{suite:?}");
        assert!(received.left, "{suite:?}");
    }
}
