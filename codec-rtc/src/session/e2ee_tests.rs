//! End-to-end encrypted sessions in virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use codec_core::codec::{Bitrate, FrameKind, Packet, PacketMeta, SlotSet};

use super::{AudioPacket, AudioStream, Receiver, ReceiverConfig, Sender, SenderConfig};
use super::{Streams, VideoStream};
use crate::extension::ExtensionMap;
use crate::forward::{ForwardConfig, Forwarder};
use crate::jitter::audio::{AudioBuffer, AudioBufferConfig};
use crate::link::{Link, LinkConfig, Loss, RateTrace};
use crate::packet::vp8::Descriptor;
use crate::rng::Rng;
use crate::rtp;
use crate::sframe::{Decryptor, Encryptor, Key, Suite};

const SSRC: u32 = 5;
const FRAME: Duration = Duration::from_millis(33);
const STEP: Duration = Duration::from_millis(1);

fn key(byte: u8) -> Key {
    Key::new(Suite::Aes256GcmSha512Tag128, &[byte; 32]).unwrap()
}

fn decryptor(id: u64, key: &Key) -> Decryptor {
    let mut decryptor = Decryptor::new();
    decryptor.set_key(id, key).unwrap();
    decryptor
}

/// Modification of datagrams in transit: changes or copies them.
type Meddler = Box<dyn FnMut(Duration, Vec<u8>) -> Vec<Vec<u8>>>;

/// A session with an encoder model that follows requests, and a receiver that compares frames.
struct Call {
    now: Duration,
    sender: Sender,
    receiver: Receiver,
    forward: Link<Vec<u8>>,
    back: Link<Vec<u8>>,
    meddler: Meddler,
    rng: Rng,
    layers: u8,
    /// Coded frames by timestamp.
    coded: BTreeMap<u32, Vec<u8>>,
    keys: u64,
    /// Timestamps of the received frames.
    came: Vec<u32>,
}

impl Call {
    fn new(loss: f64, encryptor: Encryptor, decryptor: Decryptor) -> Self {
        Self::with(loss, 1, encryptor, decryptor)
    }

    fn with(loss: f64, layers: u8, encryptor: Encryptor, decryptor: Decryptor) -> Self {
        let video = VideoStream::standard(SSRC);
        let streams =
            Streams { video: Some(video), audio: None, extensions: ExtensionMap::default() };
        Self::over(streams, loss, layers, encryptor, decryptor)
    }

    /// Creates a session without retransmission and FEC.
    fn unrepaired(extensions: ExtensionMap, loss: f64, layers: u8) -> Self {
        let video = VideoStream::plain(SSRC, 96);
        let streams = Streams { video: Some(video), audio: None, extensions };
        let encryptor = Encryptor::new(1, &key(1)).unwrap();
        Self::over(streams, loss, layers, encryptor, decryptor(1, &key(1)))
    }

    fn over(
        streams: Streams,
        loss: f64,
        layers: u8,
        encryptor: Encryptor,
        decryptor: Decryptor,
    ) -> Self {
        let repairs = streams.video.is_some_and(|video| video.rtx.is_some());
        let mut config = SenderConfig::new(streams.clone(), 1);
        config.congestion = None;
        config.retransmission = repairs;
        let mut receiving = ReceiverConfig::new(streams, 99, 1);
        receiving.nack = repairs;
        let rate = RateTrace::constant(Bitrate::kbps(20_000)).unwrap();
        let link = LinkConfig { delay: Duration::from_millis(25), ..LinkConfig::new(rate) };
        let lossy = LinkConfig { loss: Loss::Random(loss), ..link.clone() };
        Self {
            now: Duration::ZERO,
            sender: Sender::new(config).unwrap().with_encryptor(encryptor),
            receiver: Receiver::new(receiving).with_decryptor(decryptor),
            forward: Link::new(lossy, 7).unwrap(),
            back: Link::new(link, 8).unwrap(),
            meddler: Box::new(|_, datagram| vec![datagram]),
            rng: Rng::stream(1, 2),
            layers,
            coded: BTreeMap::new(),
            keys: 0,
            came: Vec::new(),
        }
    }

    fn code(&mut self) {
        let number = self.coded.len() as u64;
        let request = self.sender.frame_request(self.now, i64::try_from(number).unwrap());
        let is_key = number == 0 || request.key_frame;
        let mut meta = PacketMeta { frame_id: number, shown: true, ..PacketMeta::default() };
        let all = SlotSet(7);
        (meta.refs_used, meta.refs_updated) = match (is_key, request.references, request.updates) {
            (true, ..) => (SlotSet::NONE, all),
            (_, Some(references), Some(updates)) => (references, updates),
            _ => (SlotSet::LAST, SlotSet::LAST),
        };
        meta.kind = if is_key { FrameKind::Key } else { FrameKind::Inter };
        meta.temporal_layers = self.layers;
        if self.layers > 1 && number % 2 == 1 && !is_key {
            (meta.temporal_id, meta.discardable, meta.layer_sync) = (1, true, true);
            meta.refs_updated = SlotSet::NONE;
        }
        meta.tl0_index = u8::try_from(number / 2 % 256).unwrap();
        self.keys += u64::from(is_key);
        let len = 200 + self.rng.below(6000);
        let mut packet = Packet {
            data: (0..len).map(|_| u8::try_from(self.rng.below(256)).unwrap()).collect(),
            ..Packet::default()
        };
        packet.data[0] = packet.data[0] & !1 | u8::from(!is_key);
        packet.meta = meta;
        let timestamp = u32::try_from(number).unwrap() * 3000;
        self.sender.send_video(self.now, self.now, timestamp, &packet).unwrap();
        self.coded.insert(timestamp, packet.data);
    }

    /// Runs for `frames` frames, and until the last ones arrive.
    fn run(&mut self, frames: u64) {
        for _ in 0..frames {
            self.code();
            self.pass(FRAME);
        }
        self.pass(Duration::from_millis(20));
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.sender.handle_timeout(self.now);
            while let Some(datagram) = self.sender.poll_transmit() {
                for datagram in (self.meddler)(self.now, datagram) {
                    self.forward.send(self.now, datagram.len(), datagram);
                }
            }
            while let Some(arrival) = self.forward.poll(self.now) {
                self.receiver.handle_datagram(self.now, &arrival.packet).unwrap();
            }
            while let Some(frame) = self.receiver.poll_frame(self.now) {
                let timestamp = frame.id.timestamp;
                assert_eq!(Some(&frame.data), self.coded.get(&timestamp), "bit exact");
                assert_eq!(frame.is_key, frame.data[0] & 1 == 0);
                self.came.push(timestamp);
                self.receiver.decoded(self.now, &frame, Duration::ZERO);
            }
            self.receiver.handle_timeout(self.now);
            while let Some(datagram) = self.receiver.poll_transmit() {
                self.back.send(self.now, datagram.len(), datagram);
            }
            while let Some(arrival) = self.back.poll(self.now) {
                self.sender.handle_datagram(self.now, &arrival.packet).unwrap();
            }
            self.now += STEP;
        }
    }

    fn decrypted(&self) -> crate::sframe::DecryptCounters {
        self.receiver.stats().e2ee.unwrap()
    }
}

/// Descriptor and offset of the frame data, if the datagram is a packet of the video stream.
fn video(datagram: &[u8]) -> Option<(Descriptor, usize)> {
    let packet = rtp::parse(datagram).ok().filter(|it| it.header.ssrc == SSRC)?;
    let (descriptor, payload) = Descriptor::parse(packet.payload).ok()?;
    Some((descriptor, datagram.len() - payload.len()))
}

#[test]
fn received_frames_are_exact_under_loss() {
    for loss in [0.0, 0.1] {
        let encryptor = Encryptor::new(77, &key(1)).unwrap();
        let mut call = Call::new(loss, encryptor, decryptor(77, &key(1)));
        call.run(300);
        let stats = call.receiver.stats();
        let decrypted = call.decrypted();
        assert_eq!((decrypted.rejected(), decrypted.decrypted), (0, call.came.len() as u64));
        assert!(call.came.len() >= if loss > 0.0 { 285 } else { 300 }, "{}", call.came.len());
        assert!(call.keys <= 2, "{} key frames", call.keys);
        if loss > 0.0 {
            assert!(stats.recovered > 20, "FEC: {}", stats.recovered);
            assert!(stats.retransmitted > 20, "retransmission: {}", stats.retransmitted);
        }
    }
}

#[test]
fn acknowledged_references_recover_encrypted_streams() {
    let mut call = Call::unrepaired(ExtensionMap::default(), 0.05, 1);
    call.run(300);
    let loss_responses = call.sender.stats().video.long_term;
    assert!(loss_responses.by_reference > 5, "{loss_responses:?}");
    assert!(call.keys < 10, "{}", call.keys);
    assert_eq!(call.decrypted().rejected(), 0);
    assert!(call.came.len() > 150, "{}", call.came.len());
}

#[test]
fn encrypted_packets_reveal_layers_only() {
    let mut call = Call::with(0.0, 2, Encryptor::new(1, &key(1)).unwrap(), decryptor(1, &key(1)));
    let seen = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let tap = std::rc::Rc::clone(&seen);
    call.meddler = Box::new(move |_, datagram| {
        tap.borrow_mut().push(datagram.clone());
        vec![datagram]
    });
    call.run(60);
    assert_eq!(call.came.len(), 60);
    let mut layers = [0; 2];
    for datagram in seen.borrow().iter() {
        let Some((descriptor, _)) = video(datagram) else { continue };
        assert!(descriptor.picture_id.is_some() && descriptor.tl0_pic_idx.is_some());
        assert_eq!(descriptor.partition, 0, "partitions are not visible");
        layers[usize::from(descriptor.layer.unwrap().temporal_id)] += 1;
        for frame in call.coded.values() {
            let part = &frame[1..17];
            assert!(!datagram.windows(part.len()).any(|window| window == part), "not encrypted");
        }
    }
    assert!(layers[0] > 30 && layers[1] > 30, "{layers:?}");
}

#[test]
fn layer_filter_works_without_the_key() {
    let mut call = Call::unrepaired(ExtensionMap::EMPTY, 0.0, 2);
    let mut filter = Forwarder::new(ForwardConfig {
        ssrc: SSRC,
        payload_type: 96,
        first_sequence: 500,
        ..ForwardConfig::default()
    });
    call.meddler = Box::new(move |now, datagram| {
        if video(&datagram).is_none() {
            return vec![datagram];
        }
        // One layer at first, both after a key frame.
        filter.set_max_temporal_layer(u8::from(now > Duration::from_secs(1)));
        let mut out = Vec::new();
        filter.forward(&datagram, &mut out).unwrap();
        if out.is_empty() { vec![] } else { vec![out] }
    });
    call.run(29);
    let base = call.came.len();
    assert_eq!(base, 15, "every other frame");
    call.run(30);
    assert!(call.came.len() >= base + 26, "{}", call.came.len());
    assert_eq!((call.decrypted().rejected(), call.keys), (0, 1));
}

#[test]
fn wrong_key_yields_no_frames_and_few_key_requests() {
    let mut call = Call::new(0.0, Encryptor::new(1, &key(1)).unwrap(), decryptor(1, &key(2)));
    call.run(900);
    assert_eq!(call.came, []);
    let (stats, decrypted) = (call.receiver.stats(), call.decrypted());
    assert!(decrypted.forged >= 5 && decrypted.decrypted == 0, "{decrypted:?}");
    // During 30 s, rather than one every 200 ms.
    assert!((5..20).contains(&stats.key_frame_requests), "{}", stats.key_frame_requests);
    assert!(call.keys < 20, "{}", call.keys);
    // The session continues: with the right key, frames are decrypted.
    let decryptor = call.receiver.decryptor().unwrap();
    assert!(decryptor.remove_key(1));
    decryptor.set_key(1, &key(1)).unwrap();
    call.run(300);
    assert!(call.came.len() > 80, "{}", call.came.len());
}

#[test]
fn key_frames_are_not_requested_without_the_key() {
    let mut call = Call::new(0.0, Encryptor::new(3, &key(1)).unwrap(), Decryptor::new());
    call.run(300);
    assert_eq!((call.came.len(), call.receiver.stats().key_frame_requests), (0, 0));
    assert!(call.decrypted().unknown_key >= 1);
    call.receiver.decryptor().unwrap().set_key(3, &key(1)).unwrap();
    call.run(30);
    assert!(call.came.len() >= 20, "one round trip later: {}", call.came.len());
    assert_eq!(call.receiver.stats().key_frame_requests, 1);
}

#[test]
fn keys_change_during_a_call() {
    let mut call = Call::new(0.05, Encryptor::new(1, &key(1)).unwrap(), decryptor(1, &key(1)));
    for id in 2..40 {
        call.run(10);
        // The receiver gets the key first; packets in transit still use the old key.
        call.receiver.decryptor().unwrap().set_key(id, &key(u8::try_from(id).unwrap())).unwrap();
        call.sender.encryptor().unwrap().set_key(id, &key(u8::try_from(id).unwrap())).unwrap();
        if id > 10 {
            assert!(call.receiver.decryptor().unwrap().remove_key(id - 10));
        }
    }
    call.run(10);
    let decrypted = call.decrypted();
    assert_eq!(decrypted.rejected(), 0, "{decrypted:?}");
    assert!(call.came.len() > 370, "{}", call.came.len());
    assert!(call.keys <= 2, "{}", call.keys);
}

#[test]
fn modified_frames_are_counted_and_recovered() {
    let mut call = Call::new(0.0, Encryptor::new(1, &key(1)).unwrap(), decryptor(1, &key(1)));
    let mut packets = 0;
    call.meddler = Box::new(move |_, mut datagram| {
        if let Some((_, at)) = video(&datagram) {
            packets += 1;
            if packets % 100 == 50 {
                let last = datagram.len() - 1;
                datagram[last.max(at)] ^= 1;
            }
        }
        vec![datagram]
    });
    call.run(600);
    let decrypted = call.decrypted();
    assert!(decrypted.forged > 10, "{decrypted:?}");
    assert_eq!(decrypted.decrypted, call.came.len() as u64);
    assert!(call.came.len() > 400, "{}", call.came.len());
}

#[test]
fn replayed_frames_are_rejected() {
    let mut call = Call::unrepaired(ExtensionMap::default(), 0.0, 1);
    // Packets of the first frames are repeated as later frames: an intermediary can rewrite all
    // headers.
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut offset = 0_u16;
    call.meddler = Box::new(move |now, mut datagram| {
        if video(&datagram).is_none() {
            return vec![datagram];
        }
        if now < Duration::from_millis(60) {
            kept.push(datagram.clone());
        }
        let shift = |datagram: &mut Vec<u8>, by: u16| {
            let sequence = u16::from_be_bytes([datagram[2], datagram[3]]).wrapping_add(by);
            datagram[2..4].copy_from_slice(&sequence.to_be_bytes());
            sequence
        };
        let mut out = Vec::new();
        if now > Duration::from_secs(1) && offset == 0 {
            let mut sequence = u16::from_be_bytes([datagram[2], datagram[3]]);
            for mut old in kept.drain(..) {
                old[2..4].copy_from_slice(&sequence.to_be_bytes());
                old[4..8].copy_from_slice(&datagram[4..8]);
                sequence = sequence.wrapping_add(1);
                offset += 1;
                out.push(old);
            }
        }
        shift(&mut datagram, offset);
        out.push(datagram);
        out
    });
    call.run(120);
    let decrypted = call.decrypted();
    assert!(decrypted.replayed >= 1, "{decrypted:?}");
    assert_eq!(decrypted.decrypted, call.came.len() as u64);
    let mut once = call.came.clone();
    once.dedup();
    assert_eq!(once, call.came, "no duplicate frame");
    assert!(call.came.len() > 90, "{}", call.came.len());
}

#[test]
fn unencrypted_frames_are_rejected() {
    let mut call = Call::new(0.0, Encryptor::new(1, &key(1)).unwrap(), decryptor(1, &key(1)));
    let streams = Streams {
        video: Some(VideoStream::standard(SSRC)),
        audio: None,
        extensions: ExtensionMap::default(),
    };
    call.sender =
        Sender::new(SenderConfig { congestion: None, ..SenderConfig::new(streams, 1) }).unwrap();
    call.run(60);
    assert_eq!(call.came, []);
    assert!(call.decrypted().rejected() >= 1);
}

#[test]
fn h264_is_neither_sent_encrypted_nor_received_unencrypted() {
    let streams = Streams {
        video: Some(VideoStream::standard(SSRC).with_h264()),
        audio: None,
        extensions: ExtensionMap::default(),
    };
    let config = SenderConfig { congestion: None, ..SenderConfig::new(streams.clone(), 1) };
    let mut plain = Sender::new(config.clone()).unwrap();
    let encryptor = Encryptor::new(1, &key(1)).unwrap();
    let mut encrypted = Sender::new(config).unwrap().with_encryptor(encryptor);
    let mut receiver =
        Receiver::new(ReceiverConfig::new(streams, 99, 1)).with_decryptor(decryptor(1, &key(1)));
    // Parameter sets and an IDR slice, cut short.
    let mut data = vec![0, 0, 0, 1, 0x67, 66, 0xc0, 31, 0xda, 0, 0, 0, 1, 0x68, 0xce, 0x38, 0x80];
    data.extend([0, 0, 0, 1, 0x65, 0b1001_1010]);
    data.resize(4000, 0x55);
    let coded = Packet { data, ..Packet::default() };
    for number in 0..30 {
        let now = FRAME * number;
        let error = encrypted.send_video(now, now, 3000 * number, &coded).unwrap_err();
        assert!(error.to_string().contains("H.264"), "{error}");
        assert!(encrypted.poll_transmit().is_none());
        plain.send_video(now, now, 3000 * number, &coded).unwrap();
        plain.handle_timeout(now);
        while let Some(datagram) = plain.poll_transmit() {
            receiver.handle_datagram(now, &datagram).unwrap();
        }
        assert!(receiver.poll_frame(now).is_none());
        receiver.handle_timeout(now);
        while receiver.poll_transmit().is_some() {}
    }
    let counters = receiver.stats().e2ee.unwrap();
    assert!(counters.rejected() >= 1, "{counters:?}");
}

/// One direction, audio only: input of the receiver's jitter buffer.
#[test]
fn audio_is_encrypted_with_its_redundancy() {
    let audio = AudioStream { clock_hz: 8000, payload_type: 8, ..AudioStream::opus(6) };
    let streams = Streams { video: None, audio: Some(audio), extensions: ExtensionMap::default() };
    let encryptor = Encryptor::new(1, &key(1)).unwrap();
    let config = SenderConfig { congestion: None, ..SenderConfig::new(streams.clone(), 1) };
    let mut sender = Sender::new(config).unwrap().with_encryptor(encryptor);
    sender.set_audio_redundancy(2);
    let buffer = AudioBuffer::new(AudioBufferConfig::new(1));
    let receiver = Receiver::new(ReceiverConfig::new(streams, 9, 1)).with_audio(buffer);
    let mut receiver = receiver.with_decryptor(decryptor(1, &key(1)));
    for number in 0..100_u32 {
        let now = Duration::from_millis(20) * number;
        let payload: Vec<_> = (0..160).map(|at| (number + 7 * at).to_le_bytes()[0]).collect();
        let packet = AudioPacket {
            payload: &payload,
            timestamp: number * 160,
            captured: now,
            level: None,
            starts_talkspurt: false,
        };
        sender.send_audio(&packet).unwrap();
        sender.handle_timeout(now + Duration::from_millis(5));
        while let Some(datagram) = sender.poll_transmit() {
            assert!(!datagram.windows(8).any(|window| window == &payload[8..16]));
            // Every third packet is lost; the first arrives.
            if number % 3 != 1 {
                receiver.handle_datagram(now, &datagram).unwrap();
            }
        }
    }
    let decrypted = receiver.stats().e2ee.unwrap();
    assert_eq!(
        (decrypted.decrypted, decrypted.rejected()),
        (100, 0),
        "copies opened once: {decrypted:?}"
    );
}

#[test]
fn spatial_layers_are_encrypted_one_by_one() {
    let streams = Streams {
        video: Some(VideoStream::standard(SSRC).with_vp9()),
        audio: None,
        extensions: ExtensionMap::default(),
    };
    let config = SenderConfig { congestion: None, ..SenderConfig::new(streams.clone(), 1) };
    let encryptor = Encryptor::new(1, &key(1)).unwrap();
    let mut sender = Sender::new(config).unwrap().with_encryptor(encryptor);
    let mut receiver =
        Receiver::new(ReceiverConfig::new(streams, 99, 1)).with_decryptor(decryptor(1, &key(1)));
    for number in 0..10_u32 {
        let now = FRAME * number;
        for id in 0..3_u8 {
            let is_key = number == 0 && id == 0;
            let mut data = vec![id; 900 * (1 + usize::from(id))];
            data[0] = if is_key { 0x82 } else { 0x86 };
            let mut coded = Packet { data, ..Packet::default() };
            coded.meta.frame_id = u64::from(3 * number) + u64::from(id);
            coded.meta.kind = if is_key { FrameKind::Key } else { FrameKind::Inter };
            let spatial = &mut coded.meta.spatial;
            (spatial.id, spatial.layers, spatial.sync) = (id, 3, number == 0);
            spatial.inter_layer_predicted = id > 0;
            spatial.end_of_picture = id == 2;
            sender.send_video(now, now, 3000 * number, &coded).unwrap();
        }
        for step in 0..30 {
            let now = now + Duration::from_millis(step);
            sender.handle_timeout(now);
            while let Some(datagram) = sender.poll_transmit() {
                assert!(!datagram.windows(16).any(|window| window == [2; 16]));
                receiver.handle_datagram(now, &datagram).unwrap();
            }
        }
        let frame = receiver.poll_frame(now + Duration::from_millis(30)).unwrap();
        let sizes: Vec<_> = frame.layers.iter().map(|layer| layer.bytes.len()).collect();
        assert_eq!(sizes, [900, 1800, 2700]);
        assert_eq!(frame.data[901..2700], [1; 1799]);
        // The superframe index: three sizes of two bytes.
        assert_eq!(frame.data[5400..], [0xca, 0x84, 3, 8, 7, 0x8c, 10, 0xca]);
    }
}
