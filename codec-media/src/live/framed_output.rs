//! Output over TCP, WebSocket or UDP with the framing of `codec_net::framing`. One thread owns the connection.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use codec_container::Track;
use codec_core::codec::{Codec, FrameKind, FrameRequest, Packet};
use codec_net::clock::Clock;
use codec_net::error::NetError;
use codec_net::framing::feedback::{Feedback, Report};
use codec_net::framing::{Flags, Hello, Kind as RecordKind, Record, StreamDescription};
use codec_net::random;
use codec_net::transport::{Incoming, Transport, TransportStats};
use codec_rtc::sframe::{Encryptor, SframeError};

use super::e2ee::ENCRYPTED_SUFFIX;
use super::network;
use super::output::{
    LiveAudioPacket, LiveOutput, Offer, OutboundStats, OutputEvent, OutputStats, Remote,
};
use crate::failure::{Failure, Result};
use crate::session::superframe::SuperframeJoiner;

/// Maximum number of queued records; above half of it frames are dropped.
const QUEUE: usize = 64;

/// Polling interval for feedback while nothing is sent.
const LISTEN_EVERY: Duration = Duration::from_millis(20);

/// Number of frames whose send time is remembered.
const REMEMBERED: usize = 256;

/// Time for the other end to close the connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Shortest interval between two requested key frames.
const KEY_INTERVAL: Duration = Duration::from_millis(300);

#[derive(Debug, Default)]
struct Shared {
    queued: AtomicUsize,
    wants_key: AtomicBool,
    peer_state: Mutex<PeerState>,
}

/// Feedback from the thread.
#[derive(Debug, Default)]
struct PeerState {
    stats: TransportStats,
    report: Option<Report>,
    round_trip: Option<Duration>,
    key_requests: u64,
    failure: Option<Failure>,
}

impl Shared {
    fn peer_state(&self) -> std::sync::MutexGuard<'_, PeerState> {
        self.peer_state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends records.
pub(super) struct FramedOutput {
    clock: Clock,
    records: SyncSender<Record>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    audio_stream: u8,
    /// A record holds a superframe with all spatial layers.
    joiner: SuperframeJoiner,
    /// Video and audio records.
    video: OutboundStats,
    audio: OutboundStats,
    last_key: Option<Duration>,
    encryptor: Option<Encryptor>,
    has_failed: bool,
}

fn encryption_error(error: SframeError) -> Failure {
    Failure::internal(format!("cannot encrypt a frame: {error}"))
}

impl FramedOutput {
    /// Sends the hello and continues in a thread. `waits` means that the connection reports when the other
    /// end closes it.
    pub(super) fn new(
        mut carrier: Box<dyn Transport>,
        offer: &Offer,
        waits: bool,
        encryptor: Option<Encryptor>,
        clock: Clock,
    ) -> Result<Self> {
        let video = offer.video.clone().map(Track::Video);
        let audio = offer.audio.clone().map(Track::Audio);
        let audio_stream = u8::from(video.is_some());
        let codec = offer.video.as_ref().map_or(Codec::Vp8, |track| track.codec);
        let streams = video.iter().chain(&audio).map(StreamDescription::of);
        let streams = streams.collect::<Option<Vec<_>>>();
        let mut streams =
            streams.ok_or_else(|| Failure::internal("missing description of a track"))?;
        if encryptor.is_some() {
            // Receivers without support for encryption do not know this codec name.
            streams.iter_mut().for_each(|stream| stream.codec.push_str(ENCRYPTED_SUFFIX));
        }
        let hello = Hello { session: random::number(), streams };
        carrier.hello(&hello).map_err(|error| network(&error))?;
        let shared = Arc::new(Shared::default());
        let (records, receiver) = sync_channel(QUEUE);
        let peer_state = Arc::clone(&shared);
        let thread = thread::Builder::new().name("network".to_owned()).spawn(move || {
            if let Err(error) = run(&mut *carrier, &receiver, &peer_state, waits, clock) {
                peer_state.peer_state().failure = Some(network(&error));
            }
        });
        let thread = Some(thread.map_err(Failure::internal)?);
        Ok(Self {
            clock,
            records,
            shared,
            thread,
            audio_stream,
            joiner: SuperframeJoiner::new(codec),
            video: OutboundStats::default(),
            audio: OutboundStats::default(),
            last_key: None,
            encryptor,
            has_failed: false,
        })
    }

    /// Queues a record. If the thread has ended, [`LiveOutput::poll`] reports it.
    fn put(&mut self, record: Record) {
        self.shared.queued.fetch_add(1, Ordering::Relaxed);
        if self.records.send(record).is_err() {
            self.shared.queued.fetch_sub(1, Ordering::Relaxed);
            self.has_failed = true;
        }
    }
}

fn run(
    carrier: &mut dyn Transport,
    records: &Receiver<Record>,
    shared: &Shared,
    waits: bool,
    clock: Clock,
) -> std::result::Result<(), NetError> {
    let mut sent_at = VecDeque::new();
    loop {
        match records.recv_timeout(LISTEN_EVERY) {
            Ok(record) => {
                let is_end = record.kind == RecordKind::End;
                let sent = carrier.send(&record);
                shared.queued.fetch_sub(1, Ordering::Relaxed);
                sent?;
                if is_end {
                    shared.peer_state().stats = carrier.stats();
                    return if waits { wait_for_close(carrier) } else { Ok(()) };
                }
                if record.kind == RecordKind::Video {
                    sent_at.push_back((record.captured, clock.now()));
                    if sent_at.len() > REMEMBERED {
                        sent_at.pop_front();
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        while let Some(incoming) = carrier.receive(Duration::ZERO)? {
            let Incoming::Record(record) = incoming else { continue };
            if record.kind == RecordKind::End {
                let why = String::from_utf8_lossy(&record.payload).into_owned();
                return Err(NetError::Protocol(format!("the receiver ended the session: {why}")));
            }
            hear(&record, shared, &sent_at, clock.now());
        }
        shared.peer_state().stats = carrier.stats();
    }
}

fn hear(record: &Record, shared: &Shared, sent_at: &VecDeque<(u64, Duration)>, now: Duration) {
    if record.kind != RecordKind::Feedback {
        return;
    }
    match Feedback::parse(&record.payload) {
        Some(Feedback::KeyRequest) => {
            shared.peer_state().key_requests += 1;
            shared.wants_key.store(true, Ordering::Relaxed);
        }
        Some(Feedback::Report(report)) => {
            let sent = sent_at.iter().find(|(captured, _)| *captured == report.captured);
            let held = Duration::from_micros(report.held_us.into());
            let round_trip = sent.map(|&(_, at)| now.saturating_sub(at).saturating_sub(held));
            let mut peer_state = shared.peer_state();
            peer_state.report = Some(report);
            peer_state.round_trip = round_trip.or(peer_state.round_trip);
        }
        None => {}
    }
}

/// The receiver closes after it has read the end; closing earlier may lose it.
fn wait_for_close(carrier: &mut dyn Transport) -> std::result::Result<(), NetError> {
    let end = Instant::now() + CLOSE_TIMEOUT;
    while Instant::now() < end {
        match carrier.receive(LISTEN_EVERY) {
            Ok(_) => {}
            // The end was sent, however the connection was closed.
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}

impl LiveOutput for FramedOutput {
    fn request(&mut self, now: Duration, pts: i64) -> FrameRequest {
        let mut request = FrameRequest::at(pts);
        let is_due = self.last_key.is_none_or(|at| now.saturating_sub(at) >= KEY_INTERVAL);
        if is_due && self.shared.wants_key.swap(false, Ordering::Relaxed) {
            request.key_frame = true;
        }
        request
    }

    fn is_full(&self) -> bool {
        self.shared.queued.load(Ordering::Relaxed) >= QUEUE / 2
    }

    fn video(&mut self, now: Duration, packet: &Packet, captured: Duration) -> Result<()> {
        let mut packet = packet.clone();
        if !self.joiner.add(&mut packet) {
            return Ok(());
        }
        let key = packet.meta.kind == FrameKind::Key;
        if key {
            self.last_key = Some(now);
        }
        let payload = match &mut self.encryptor {
            Some(encryptor) => {
                encryptor.encrypt_video(key, &packet.data).map_err(encryption_error)?
            }
            None => packet.data,
        };
        self.video.packets += 1;
        self.video.bytes += payload.len() as u64;
        self.put(Record {
            kind: RecordKind::Video,
            flags: Flags { key, hidden: !packet.meta.shown },
            stream: 0,
            pts: packet.pts,
            captured: self.clock.ntp(captured),
            payload,
        });
        Ok(())
    }

    fn audio(&mut self, _now: Duration, packet: &LiveAudioPacket<'_>) -> Result<()> {
        let payload = match &mut self.encryptor {
            Some(encryptor) => encryptor.encrypt_audio(packet.data).map_err(encryption_error)?,
            None => packet.data.to_vec(),
        };
        self.audio.packets += 1;
        self.audio.bytes += payload.len() as u64;
        self.put(Record {
            kind: RecordKind::Audio,
            flags: Flags { key: true, hidden: false },
            stream: self.audio_stream,
            pts: packet.pts,
            captured: self.clock.ntp(packet.captured),
            payload,
        });
        Ok(())
    }

    fn stats(&mut self, json: &str) {
        self.put(Record::control(RecordKind::Stats, json.as_bytes().to_vec()));
    }

    fn poll(&mut self) -> Option<OutputEvent> {
        let failure = self.shared.peer_state().failure.take();
        if failure.is_none() && self.has_failed {
            // The thread is about to report its end.
            if let Some(thread) = self.thread.take() {
                let _ = thread.join();
            }
            let peer_state = self.shared.peer_state().failure.take();
            let unknown = || Failure::internal("the network thread ended");
            return Some(OutputEvent::Left(peer_state.unwrap_or_else(unknown)));
        }
        failure.map(OutputEvent::Left)
    }

    fn statistics(&self) -> OutputStats {
        let peer_state = self.shared.peer_state();
        #[expect(clippy::cast_precision_loss, reason = "a report")]
        let fraction_lost = peer_state
            .report
            .map(|report| report.lost as f64 / (report.records + report.lost).max(1) as f64);
        let delay = peer_state.report.map(|report| Duration::from_micros(report.delay_us.into()));
        OutputStats {
            packets_sent: peer_state.stats.packets_sent,
            bytes_sent: peer_state.stats.bytes_sent,
            // The report covers all records.
            video: OutboundStats {
                key_requests: peer_state.key_requests,
                remote: peer_state.report.map(|report| Remote {
                    fraction_lost,
                    lost: Some(i64::try_from(report.lost).unwrap_or(i64::MAX)),
                    jitter: None,
                    round_trip: peer_state.round_trip,
                }),
                ..self.video
            },
            audio: self.audio,
            round_trip: peer_state.round_trip,
            delay: delay.filter(|delay| !delay.is_zero()),
            ..OutputStats::default()
        }
    }

    fn finish(mut self: Box<Self>, reason: &str) -> Result<()> {
        self.put(Record::end(reason));
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| Failure::internal("the network thread ended"))?;
        }
        self.shared.peer_state().failure.take().map_or(Ok(()), Err)
    }
}
