//! Input over TCP, WebSocket or UDP with the framing of `codec_net::framing`. One thread owns the connection.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use codec_container::{Format, Track};
use codec_net::clock::Clock;
use codec_net::error::NetError;
use codec_net::framing::feedback::{Feedback, Report};
use codec_net::framing::{Hello, Kind as RecordKind, Media, Record, StreamDescription};
use codec_net::transport::{Incoming, Transport, TransportStats};
use codec_rtc::sframe::{DecryptCounters, Decryptor};

use super::e2ee::{ENCRYPTED_SUFFIX, Secret};
use super::input::{
    AnnouncedTracks, InboundStats, InputEvent, InputStats, LiveInput, Outcome, ReceivedAudio,
    ReceivedFrame, Times,
};
use super::network;
use crate::failure::{Failure, Kind, Result};

/// Maximum number of queued events; reading pauses beyond it.
const QUEUE: usize = 64;

/// Maximum time that a request waits to be sent.
const TURN: Duration = Duration::from_millis(10);

/// Interval of reports on received media.
const REPORT_EVERY: Duration = Duration::from_millis(500);

/// Shortest interval between two key frame requests.
const KEY_INTERVAL: Duration = Duration::from_millis(300);

/// Returns a connection; `None` if it was rejected or the command is ending.
pub(super) type Accept =
    Box<dyn FnMut(&Line<'_>) -> std::result::Result<Option<Box<dyn Transport>>, NetError> + Send>;

#[derive(Debug, Default)]
struct Shared {
    stops: AtomicBool,
    wants_key: AtomicBool,
    peer_state: Mutex<PeerState>,
}

#[derive(Debug, Default)]
struct PeerState {
    stats: TransportStats,
    /// Video and audio records.
    video: InboundStats,
    audio: InboundStats,
    report: Report,
    /// Arrival time of the frame in the report.
    arrived: Duration,
    lost: u64,
    key_requests: u64,
    decryption: Option<DecryptCounters>,
    goodbye: Option<String>,
}

impl Shared {
    fn peer_state(&self) -> MutexGuard<'_, PeerState> {
        self.peer_state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The channel from the thread to the command.
pub(super) struct Line<'a> {
    events: &'a SyncSender<InputEvent>,
    shared: &'a Shared,
}

impl Line<'_> {
    /// Whether the command is ending.
    pub(super) fn stops(&self) -> bool {
        self.shared.stops.load(Ordering::Relaxed)
    }

    pub(super) fn send_event(&self, event: InputEvent) {
        // If the receiver is gone, the command is ending.
        let _ = self.events.send(event);
    }
}

/// Receives records.
pub(super) struct FramedInput {
    events: Receiver<InputEvent>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl FramedInput {
    /// Starts a thread that waits for connections and reads from them.
    pub(super) fn new(mut accept: Accept, secret: Option<&Secret>, clock: Clock) -> Result<Self> {
        let decryptor = secret.map(Secret::decryptor).transpose()?;
        let shared = Arc::new(Shared::default());
        let (sender, events) = sync_channel(QUEUE);
        let peer_state = Arc::clone(&shared);
        let thread = thread::Builder::new().name("network".to_owned()).spawn(move || {
            let line = Line { events: &sender, shared: &peer_state };
            let outcome = match accept(&line) {
                Ok(Some(mut carrier)) => read(&mut *carrier, decryptor, &line, clock),
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                line.send_event(InputEvent::Failed(network(&error)));
            }
        });
        Ok(Self { events, shared, thread: Some(thread.map_err(Failure::internal)?) })
    }
}

/// The properties of the streams, by their numbers in the hello.
#[derive(Default)]
struct StreamNumbers {
    hello: Option<Hello>,
    video: Option<u8>,
    audio: Option<u8>,
    decryptor: Option<Decryptor>,
}

fn read(
    carrier: &mut dyn Transport,
    decryptor: Option<Decryptor>,
    line: &Line<'_>,
    clock: Clock,
) -> std::result::Result<(), NetError> {
    let mut known = StreamNumbers { decryptor, ..StreamNumbers::default() };
    let mut reported = Instant::now();
    let mut asked: Option<Instant> = None;
    loop {
        let incoming = carrier.receive(TURN)?;
        line.shared.peer_state().stats = carrier.stats();
        match incoming {
            None => {}
            Some(Incoming::Hello(hello)) => begin(&hello, carrier, &mut known, line)?,
            Some(Incoming::Lost(count)) => {
                line.shared.peer_state().lost += count;
                line.send_event(InputEvent::Gap);
            }
            Some(Incoming::Record(record)) if record.kind == RecordKind::End => {
                let reason = String::from_utf8_lossy(&record.payload);
                let reason = reason.chars().filter(|letter| !letter.is_control()).collect();
                line.send_event(InputEvent::End(reason));
                return Ok(());
            }
            Some(Incoming::Record(record)) => take(record, &mut known, line, clock),
        }
        if line.stops() {
            let goodbye = line.shared.peer_state().goodbye.take();
            if let Some(reason) = goodbye {
                carrier.send(&Record::end(&reason))?;
            }
            return Ok(());
        }
        let may_ask = asked.is_none_or(|at| at.elapsed() >= KEY_INTERVAL);
        if may_ask && line.shared.wants_key.swap(false, Ordering::Relaxed) {
            asked = Some(Instant::now());
            line.shared.peer_state().key_requests += 1;
            feedback(carrier, Feedback::KeyRequest)?;
        }
        if reported.elapsed() >= REPORT_EVERY && known.hello.is_some() {
            reported = Instant::now();
            let report = {
                let peer_state = line.shared.peer_state();
                let held = clock.now().saturating_sub(peer_state.arrived).as_micros();
                let held_us = u32::try_from(held).unwrap_or(u32::MAX);
                Report { lost: peer_state.lost, held_us, ..peer_state.report }
            };
            feedback(carrier, Feedback::Report(report))?;
        }
    }
}

fn feedback(carrier: &mut dyn Transport, feedback: Feedback) -> std::result::Result<(), NetError> {
    carrier.send(&Record::control(RecordKind::Feedback, feedback.payload()))
}

/// Handles a sender's hello. A session whose streams match the streams of the previous session continues
/// it.
fn begin(
    hello: &Hello,
    carrier: &dyn Transport,
    known: &mut StreamNumbers,
    line: &Line<'_>,
) -> std::result::Result<(), NetError> {
    let before = known.hello.replace(hello.clone());
    if before.as_ref().is_some_and(|before| !continues(before, hello)) {
        let why =
            "the sender started a new session, whose streams differ from those of the first one"
                .to_owned();
        return Err(NetError::Protocol(why));
    }
    let mut announced = AnnouncedTracks::default();
    for (number, stream) in (0_u8..).zip(&hello.streams) {
        let mut stream = stream.clone();
        let inner = stream.codec.strip_suffix(ENCRYPTED_SUFFIX).map(str::to_owned);
        match (&known.decryptor, inner) {
            (Some(_), Some(inner)) => stream.codec = inner,
            (None, None) => {}
            (None, Some(_)) => {
                let why = "the media are end-to-end encrypted: --e2ee-key is required";
                return Err(NetError::Protocol(why.to_owned()));
            }
            (Some(_), None) => {
                let why =
                    "the sender does not encrypt its media: start it with the same --e2ee-key";
                return Err(NetError::Protocol(why.to_owned()));
            }
        }
        match stream.track(Format::WebM) {
            Some(Track::Video(track)) if announced.video.is_none() => {
                (announced.video, known.video) = (Some(track), Some(number));
            }
            Some(Track::Audio(track)) if announced.audio.is_none() => {
                (announced.audio, known.audio) = (Some(track), Some(number));
            }
            Some(_) => line
                .send_event(InputEvent::Note(format!("ignoring a second {} stream", stream.codec))),
            None => line
                .send_event(InputEvent::Note(format!("ignoring unknown codec {}", stream.codec))),
        }
    }
    let peer =
        carrier.peer().map_or_else(|| "an unknown address".to_owned(), |peer| peer.to_string());
    let announced = Box::new(announced);
    line.send_event(match before {
        None => InputEvent::Begins(announced, peer),
        Some(_) => InputEvent::Restarts(announced, peer),
    });
    Ok(())
}

/// Whether the streams of a new session can continue the streams of the previous one. Frame size and
/// frame rate may differ: key frames carry the size.
fn continues(before: &Hello, hello: &Hello) -> bool {
    let fits = |(old, new): (&StreamDescription, &StreamDescription)| {
        let same_media = match (&old.media, &new.media) {
            (Media::Video { .. }, Media::Video { .. }) => true,
            (old, new) => old == new,
        };
        same_media
            && old.codec == new.codec
            && old.time_base == new.time_base
            && old.private == new.private
    };
    before.streams.len() == hello.streams.len()
        && before.streams.iter().zip(&hello.streams).all(fits)
}

fn take(record: Record, known: &mut StreamNumbers, line: &Line<'_>, clock: Clock) {
    let (is_video, is_audio_only) = match record.kind {
        RecordKind::Video => (known.video == Some(record.stream), false),
        RecordKind::Audio => (false, known.audio == Some(record.stream)),
        _ => return,
    };
    let arrived = clock.now();
    {
        let mut peer_state = line.shared.peer_state();
        peer_state.report.records += 1;
        peer_state.report.bytes += record.payload.len() as u64;
        let peer_state = &mut *peer_state;
        for (is_it, stream) in
            [(is_video, &mut peer_state.video), (is_audio_only, &mut peer_state.audio)]
        {
            stream.packets += u64::from(is_it);
            stream.bytes += if is_it { record.payload.len() as u64 } else { 0 };
        }
        if is_video {
            (peer_state.report.captured, peer_state.arrived) = (record.captured, arrived);
        }
    }
    let Record { flags, pts, captured, payload: mut data, .. } = record;
    let mut key = flags.key;
    if let Some(decryptor) = known.decryptor.as_mut().filter(|_| is_video || is_audio_only) {
        let opened = if is_video {
            decryptor.decrypt_video(&data)
        } else {
            decryptor.decrypt_audio(&data).map(|data| (data, true))
        };
        line.shared.peer_state().decryption = Some(decryptor.counters());
        let Ok(opened) = opened else {
            // With a wrong key, a key frame does not help.
            if is_video && decryptor.counters().decrypted > 0 {
                line.send_event(InputEvent::Gap);
            }
            return;
        };
        (data, key) = opened;
    }
    let captured = Some(captured).filter(|&captured| captured != 0);
    let times = Times { captured, reported: None, arrived: Some(arrived) };
    if is_video {
        let shown = !flags.hidden;
        let frame = ReceivedFrame { data, key, shown, pts, times, handle: 0 };
        line.send_event(InputEvent::Frame(frame));
    } else if is_audio_only {
        line.send_event(InputEvent::Audio(ReceivedAudio { data, pts, times }));
    }
}

impl LiveInput for FramedInput {
    fn next(&mut self, timeout: Duration) -> Option<InputEvent> {
        self.events.recv_timeout(timeout).ok()
    }

    fn done(&mut self, _now: Duration, _frame: &ReceivedFrame, outcome: &Outcome) {
        let delay = outcome.delay.map_or(0, |delay| delay.as_micros());
        self.shared.peer_state().report.delay_us = u32::try_from(delay).unwrap_or(u32::MAX);
    }

    fn request_key_frame(&mut self) {
        self.shared.wants_key.store(true, Ordering::Relaxed);
    }

    fn statistics(&self) -> InputStats {
        let peer_state = self.shared.peer_state();
        InputStats {
            packets_received: peer_state.stats.packets_received,
            bytes_received: peer_state.stats.bytes_received,
            video: InboundStats {
                // The report does not say for which stream.
                lost: i64::try_from(peer_state.stats.packets_lost).unwrap_or(i64::MAX),
                discarded: peer_state.stats.packets_discarded,
                key_requests: peer_state.key_requests,
                ..peer_state.video
            },
            audio: peer_state.audio,
            decryption: peer_state.decryption,
            ..InputStats::default()
        }
    }

    fn finish(mut self: Box<Self>, reason: &str) -> Result<()> {
        self.shared.peer_state().goodbye = Some(reason.to_owned());
        self.shared.stops.store(true, Ordering::Relaxed);
        // Queued events are obsolete; drain them, because the thread may wait for queue space.
        while self.events.try_recv().is_ok() {}
        let Some(thread) = self.thread.take() else { return Ok(()) };
        while !thread.is_finished() {
            let _ = self.events.recv_timeout(TURN);
        }
        let ended = thread.join();
        ended.map_err(|_| Failure::new(Kind::Internal, "the network thread ended"))
    }
}
