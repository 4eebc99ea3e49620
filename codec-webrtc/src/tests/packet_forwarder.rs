//! [`PacketForwarder`]: the second end returns the received video to the first one, on another media section
//! (`m=`).

use super::call::ms;
use super::harness::{Call, Setup};
use super::*;

/// Sends the frames with these numbers, of one packet each, from the first end; the second one returns what arrives.
fn send(call: &mut Call, forwarder: &mut PacketForwarder, frames: std::ops::Range<u16>) {
    let mid = call.ends[0].media(Kind::Video);
    for frame in frames {
        let mut bytes = vec![0x80, 0x60 | 0x80, 0, 0];
        bytes[2..4].copy_from_slice(&frame.to_be_bytes());
        bytes.extend((u32::from(frame) * 3000).to_be_bytes());
        bytes.extend([0, 0, 0, 1, 0x10, 0, 0, 0, 7]);
        let (now, peer) = (call.now, &mut call.ends[0].peer);
        peer.send_video(now, mid, 96, &[bytes], now, &Extensions::default()).unwrap();
        let before = call.ends[1].packets(Codec::Vp8).len();
        call.run_for(ms(30));
        let arrived = call.ends[1].packets(Codec::Vp8);
        let arrived: Vec<_> = arrived[before..].iter().map(|packet| (*packet).clone()).collect();
        for packet in arrived {
            let _ = forwarder.forward(call.now, &mut call.ends[1].peer, &packet);
        }
    }
    call.run_for(ms(200));
}

#[test]
fn a_video_is_returned_without_gaps() {
    let mut call = Setup::default().call();
    call.connect();
    let added = [MediaPlan::new(Kind::Video, Direction::SendOnly)];
    let now = call.now;
    let (offer, pending) = call.ends[1].peer.offer_changes(&added, &[], now).unwrap();
    let mid = pending.added().next().unwrap();
    let answer = call.ends[0].peer.answer_changes(&offer, now).unwrap();
    call.ends[1].peer.accept_answer(pending, &answer, now).unwrap();
    let mut forwarder = PacketForwarder::new(&call.ends[1].peer.media(mid).unwrap());
    assert_eq!(forwarder.mid(), mid);
    send(&mut call, &mut forwarder, 0..20);
    // Meanwhile, the section is inactive.
    let set = |call: &mut Call, direction| {
        let now = call.now;
        let changes = [(mid, direction)];
        let (offer, pending) = call.ends[1].peer.offer_changes(&[], &changes, now).unwrap();
        let answer = call.ends[0].peer.answer_changes(&offer, now).unwrap();
        call.ends[1].peer.accept_answer(pending, &answer, now).unwrap();
    };
    set(&mut call, Direction::Inactive);
    send(&mut call, &mut forwarder, 20..40);
    set(&mut call, Direction::SendOnly);
    send(&mut call, &mut forwarder, 40..60);
    let returned: Vec<_> = call.ends[0].packets(Codec::Vp8).into_iter().cloned().collect();
    let of_forwarder: Vec<_> = returned.iter().filter(|packet| packet.mid == mid).collect();
    let frames = of_forwarder.iter().filter(|packet| !packet.payload.is_empty());
    let times: Vec<_> = frames.map(|packet| packet.header.timestamp / 3000).collect();
    assert_eq!(times, (0..20).chain(40..60).collect::<Vec<_>>());
    let sequences: Vec<_> = of_forwarder.iter().map(|packet| packet.sequence).collect();
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1), "{sequences:?}");
    // A packet of a codec that the section does not have.
    let packet = RtpPacket { codec: Codec::H264, ..returned[0].clone() };
    let forwarded = forwarder.forward(call.now, &mut call.ends[1].peer, &packet);
    assert_eq!(forwarded, Err(SendError::NoCodec(Codec::H264)));
}
