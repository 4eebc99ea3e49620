//! Input with our framing: one thread owns the connection.

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

use super::e2ee::{SEALED, Secret};
use super::inlet::{
    Announced, InAudio, InFrame, Inlet, InletEvent, InletFigures, Outcome, StreamIn, Times,
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
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    stats: TransportStats,
    /// Video and audio records.
    video: StreamIn,
    sound: StreamIn,
    report: Report,
    /// Arrival time of the frame in the report.
    arrived: Duration,
    lost: u64,
    key_requests: u64,
    sealed: Option<DecryptCounters>,
    goodbye: Option<String>,
}

impl Shared {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The channel from the thread to the command.
pub(super) struct Line<'a> {
    events: &'a SyncSender<InletEvent>,
    shared: &'a Shared,
}

impl Line<'_> {
    /// Whether the command is ending.
    pub(super) fn stops(&self) -> bool {
        self.shared.stops.load(Ordering::Relaxed)
    }

    pub(super) fn tell(&self, event: InletEvent) {
        // If the receiver is gone, the command is ending.
        let _ = self.events.send(event);
    }
}

/// Receives records.
pub(super) struct FramedInlet {
    events: Receiver<InletEvent>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl FramedInlet {
    /// Starts a thread that waits for connections and reads from them.
    pub(super) fn new(mut accept: Accept, secret: Option<&Secret>, clock: Clock) -> Result<Self> {
        let opener = secret.map(Secret::opener).transpose()?;
        let shared = Arc::new(Shared::default());
        let (sender, events) = sync_channel(QUEUE);
        let told = Arc::clone(&shared);
        let thread = thread::Builder::new().name("network".to_owned()).spawn(move || {
            let line = Line { events: &sender, shared: &told };
            let outcome = match accept(&line) {
                Ok(Some(mut carrier)) => read(&mut *carrier, opener, &line, clock),
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                line.tell(InletEvent::Failed(network(&error)));
            }
        });
        Ok(Self { events, shared, thread: Some(thread.map_err(Failure::internal)?) })
    }
}

/// The properties of the streams, by their numbers in the hello.
#[derive(Default)]
struct Known {
    hello: Option<Hello>,
    video: Option<u8>,
    sound: Option<u8>,
    opener: Option<Decryptor>,
}

fn read(
    carrier: &mut dyn Transport,
    opener: Option<Decryptor>,
    line: &Line<'_>,
    clock: Clock,
) -> std::result::Result<(), NetError> {
    let mut known = Known { opener, ..Known::default() };
    let mut reported = Instant::now();
    let mut asked: Option<Instant> = None;
    loop {
        let incoming = carrier.receive(TURN)?;
        line.shared.told().stats = carrier.stats();
        match incoming {
            None => {}
            Some(Incoming::Hello(hello)) => begin(&hello, carrier, &mut known, line)?,
            Some(Incoming::Lost(count)) => {
                line.shared.told().lost += count;
                line.tell(InletEvent::Gap);
            }
            Some(Incoming::Record(record)) if record.kind == RecordKind::End => {
                let reason = String::from_utf8_lossy(&record.payload);
                let reason = reason.chars().filter(|letter| !letter.is_control()).collect();
                line.tell(InletEvent::End(reason));
                return Ok(());
            }
            Some(Incoming::Record(record)) => take(record, &mut known, line, clock),
        }
        if line.stops() {
            let goodbye = line.shared.told().goodbye.take();
            if let Some(reason) = goodbye {
                carrier.send(&Record::end(&reason))?;
            }
            return Ok(());
        }
        let may_ask = asked.is_none_or(|at| at.elapsed() >= KEY_INTERVAL);
        if may_ask && line.shared.wants_key.swap(false, Ordering::Relaxed) {
            asked = Some(Instant::now());
            line.shared.told().key_requests += 1;
            feedback(carrier, Feedback::KeyRequest)?;
        }
        if reported.elapsed() >= REPORT_EVERY && known.hello.is_some() {
            reported = Instant::now();
            let report = {
                let told = line.shared.told();
                let held = clock.now().saturating_sub(told.arrived).as_micros();
                let held_us = u32::try_from(held).unwrap_or(u32::MAX);
                Report { lost: told.lost, held_us, ..told.report }
            };
            feedback(carrier, Feedback::Report(report))?;
        }
    }
}

fn feedback(carrier: &mut dyn Transport, feedback: Feedback) -> std::result::Result<(), NetError> {
    carrier.send(&Record::control(RecordKind::Feedback, feedback.payload()))
}

/// Handles a sender's hello. A session whose streams match those of the previous session continues
/// it.
fn begin(
    hello: &Hello,
    carrier: &dyn Transport,
    known: &mut Known,
    line: &Line<'_>,
) -> std::result::Result<(), NetError> {
    let before = known.hello.replace(hello.clone());
    if before.as_ref().is_some_and(|before| !continues(before, hello)) {
        let why = "a new sender session with different streams took over".to_owned();
        return Err(NetError::Protocol(why));
    }
    let mut announced = Announced::default();
    for (number, stream) in (0_u8..).zip(&hello.streams) {
        let mut stream = stream.clone();
        let inner = stream.codec.strip_suffix(SEALED).map(str::to_owned);
        match (&known.opener, inner) {
            (Some(_), Some(inner)) => stream.codec = inner,
            (None, None) => {}
            (None, Some(_)) => {
                let why = "the media are end-to-end encrypted: --e2ee-key is required";
                return Err(NetError::Protocol(why.to_owned()));
            }
            (Some(_), None) => {
                let why = "the sender does not encrypt its media: it requires the same --e2ee-key";
                return Err(NetError::Protocol(why.to_owned()));
            }
        }
        match stream.track(Format::WebM) {
            Some(Track::Video(track)) if announced.video.is_none() => {
                (announced.video, known.video) = (Some(track), Some(number));
            }
            Some(Track::Audio(track)) if announced.sound.is_none() => {
                (announced.sound, known.sound) = (Some(track), Some(number));
            }
            Some(_) => {
                line.tell(InletEvent::Note(format!("ignoring a second {} stream", stream.codec)))
            }
            None => line.tell(InletEvent::Note(format!("ignoring unknown codec {}", stream.codec))),
        }
    }
    let peer = carrier.peer().map_or_else(|| "somebody".to_owned(), |peer| peer.to_string());
    let announced = Box::new(announced);
    line.tell(match before {
        None => InletEvent::Begins(announced, peer),
        Some(_) => InletEvent::Restarts(announced, peer),
    });
    Ok(())
}

/// Whether the streams of a new session can continue those of the previous one. Frame size and
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

fn take(record: Record, known: &mut Known, line: &Line<'_>, clock: Clock) {
    let (is_video, is_sound) = match record.kind {
        RecordKind::Video => (known.video == Some(record.stream), false),
        RecordKind::Audio => (false, known.sound == Some(record.stream)),
        _ => return,
    };
    let arrived = clock.now();
    {
        let mut told = line.shared.told();
        told.report.records += 1;
        told.report.bytes += record.payload.len() as u64;
        let told = &mut *told;
        for (is_it, stream) in [(is_video, &mut told.video), (is_sound, &mut told.sound)] {
            stream.packets += u64::from(is_it);
            stream.bytes += if is_it { record.payload.len() as u64 } else { 0 };
        }
        if is_video {
            (told.report.captured, told.arrived) = (record.captured, arrived);
        }
    }
    let Record { flags, pts, captured, payload: mut data, .. } = record;
    let mut key = flags.key;
    if let Some(opener) = known.opener.as_mut().filter(|_| is_video || is_sound) {
        let opened = if is_video {
            opener.decrypt_video(&data)
        } else {
            opener.decrypt_audio(&data).map(|data| (data, true))
        };
        line.shared.told().sealed = Some(opener.counters());
        let Ok(opened) = opened else {
            // With a wrong key, a key frame does not help.
            if is_video && opener.counters().decrypted > 0 {
                line.tell(InletEvent::Gap);
            }
            return;
        };
        (data, key) = opened;
    }
    let captured = Some(captured).filter(|&captured| captured != 0);
    let times = Times { captured, reported: None, arrived: Some(arrived) };
    if is_video {
        let shown = !flags.hidden;
        let frame = InFrame { data, key, shown, pts, times, handle: 0 };
        line.tell(InletEvent::Frame(frame));
    } else if is_sound {
        line.tell(InletEvent::Sound(InAudio { data, pts, times }));
    }
}

impl Inlet for FramedInlet {
    fn next(&mut self, timeout: Duration) -> Option<InletEvent> {
        self.events.recv_timeout(timeout).ok()
    }

    fn done(&mut self, _now: Duration, _frame: &InFrame, outcome: &Outcome) {
        let delay = outcome.delay.map_or(0, |delay| delay.as_micros());
        self.shared.told().report.delay_us = u32::try_from(delay).unwrap_or(u32::MAX);
    }

    fn ask_for_key(&mut self) {
        self.shared.wants_key.store(true, Ordering::Relaxed);
    }

    fn figures(&self) -> InletFigures {
        let told = self.shared.told();
        InletFigures {
            packets_received: told.stats.packets_received,
            bytes_received: told.stats.bytes_received,
            video: StreamIn {
                // The report does not say for which stream.
                lost: i64::try_from(told.stats.packets_lost).unwrap_or(i64::MAX),
                discarded: told.stats.packets_discarded,
                key_requests: told.key_requests,
                ..told.video
            },
            sound: told.sound,
            sealed: told.sealed,
            ..InletFigures::default()
        }
    }

    fn finish(mut self: Box<Self>, reason: &str) -> Result<()> {
        self.shared.told().goodbye = Some(reason.to_owned());
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
