//! The thread of the calls, and its socket.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codec_core::codec::Bitrate;
use codec_rtc::congestion::ControllerConfig;
use codec_webrtc::{Certificate, Codecs, LocalCandidate, Peer, PeerConfig, SdpError, Transmit};
use tokio::sync::mpsc;

use super::super::audit::Moved;
use super::super::files::Files;
use super::super::health::{self, Health};
use super::super::limits::{Budget, Limits};
use super::super::outcome::{EndReason, Refusal};
use super::super::room::Item;
use super::super::sessions::Session;
use super::call::{Call, Common};
use super::config::{RtcConfig, StartRtcError};
use super::control::{Control, Role};
use super::fragment::Credentials;
use super::negotiation;
use super::routes::Routes;
use super::sockets::{Sockets, TokioSockets};
use crate::clock::Clock;
use crate::ice_server::IceServer;
use crate::random;
use crate::relaying::{Came, Relaying};

/// Maximum number of queued items over all calls.
const ITEMS: usize = 16_384;
/// Maximum size of a datagram.
const DATAGRAM_BYTES: usize = 2048;
/// Maximum number of datagrams handled before other work.
const BATCH: usize = 64;
/// Datagrams per second accepted from unverified addresses, over all calls.
const UNVERIFIED_PER_SECOND: u64 = 1000;
/// Initial bandwidth estimate.
const START_BITRATE: Bitrate = Bitrate::kbps(2500);
/// Limits of the estimates; the upper limit follows from the stream.
const CONGESTION: ControllerConfig = ControllerConfig {
    min: Bitrate::kbps(40),
    max: Bitrate::kbps(20_000),
    start: START_BITRATE,
    probing: true,
};
/// Interval at which loss and round trip times of links are evaluated.
const STATS_INTERVAL: Duration = Duration::from_millis(250);
/// Validity of the certificate of this run.
const CERTIFICATE_DAYS: u32 = 30;
/// Timeout without pending work.
const IDLE: Duration = Duration::from_secs(3600);

/// Handle of the thread.
#[derive(Debug)]
pub(in super::super) struct Network {
    control: mpsc::UnboundedSender<Control>,
    next: AtomicU64,
    hosts: Vec<SocketAddr>,
    link: Option<String>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Network {
    /// Starts the thread.
    pub(in super::super) fn start(
        config: RtcConfig,
        clock: Clock,
        limits: Limits,
        files: Option<Arc<Files>>,
        health: Arc<Health>,
    ) -> Result<Self, StartRtcError> {
        let sockets = Sockets::bind(&config)?;
        let hosts = sockets.candidates();
        let address = *hosts.first().unwrap_or(&config.listen);
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let certificate = Certificate::generate(&random::bytes(), unix, CERTIFICATE_DAYS)
            .map_err(|error| StartRtcError::Certificate(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartRtcError::Thread)?;
        let shared = config.relay.as_ref().and_then(|relay| relay.shared.as_ref());
        let link = shared.map(IceServer::to_link);
        let relay_only = config.relay.as_ref().is_some_and(|relay| relay.only);
        let relay = config.relay.map(|relay| {
            let credentials = (relay.user, relay.password);
            let (server, secret) = (relay.server, random::bytes());
            Relaying::new(server, address, credentials, secret, clock.now())
        });
        let (control, orders) = mpsc::unbounded_channel();
        let (items, queue) = mpsc::channel(ITEMS);
        let calls = Calls {
            clock,
            limits,
            certificate,
            hosts: hosts.clone(),
            common: Common { files, limits, items },
            calls: BTreeMap::new(),
            routes: Routes::default(),
            unverified: Budget::new(UNVERIFIED_PER_SECOND),
            outgoing: Vec::new(),
            relay,
            relay_only,
            health: Arc::clone(&health),
        };
        let work = move || {
            let run = || {
                runtime.block_on(async move {
                    calls.run(&sockets.into_tokio()?, orders, queue).await;
                    Ok::<(), io::Error>(())
                })
            };
            match catch_unwind(AssertUnwindSafe(run)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => health.fail_calls(error.to_string()),
                Err(panic) => health.fail_calls(health::message(&*panic)),
            }
        };
        let thread = std::thread::Builder::new().name("calls".to_owned()).spawn(work);
        let thread = Mutex::new(Some(thread.map_err(StartRtcError::Thread)?));
        Ok(Self { control, next: AtomicU64::new(1), hosts, link, thread })
    }

    /// The announced address.
    pub(in super::super) fn addresses(&self) -> &[SocketAddr] {
        &self.hosts
    }

    /// The value of a `Link` header with the TURN server, if clients may use it.
    pub(super) fn link(&self) -> Option<&str> {
        self.link.as_deref()
    }

    /// Returns a number for a call.
    pub(super) fn next_call(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The sender of messages to calls.
    pub(super) fn control(&self) -> mpsc::UnboundedSender<Control> {
        self.control.clone()
    }

    /// For tests: a panic in this call; `None`: in the thread itself.
    #[cfg(test)]
    pub(in super::super) fn panic(&self, call: Option<u64>) {
        self.control.send(Control::Panic(call)).unwrap();
    }

    /// Ends all calls and the thread.
    pub(in super::super) fn stop(&self) {
        let _ = self.control.send(Control::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic was already printed.
            let _ = thread.join();
        }
    }
}

struct Calls {
    clock: Clock,
    limits: Limits,
    certificate: Certificate,
    /// Host candidates of every call.
    hosts: Vec<SocketAddr>,
    common: Common,
    calls: BTreeMap<u64, Call>,
    routes: Routes,
    unverified: Budget,
    outgoing: Vec<Transmit>,
    relay: Option<Relaying>,
    /// Whether only the relayed candidate is offered.
    relay_only: bool,
    health: Arc<Health>,
}

impl Calls {
    async fn run(
        mut self,
        sockets: &TokioSockets,
        mut orders: mpsc::UnboundedReceiver<Control>,
        mut items: mpsc::Receiver<(u64, Item)>,
    ) {
        let mut datagram = vec![0; DATAGRAM_BYTES];
        loop {
            let now = self.clock.now();
            let relay = self.with_relay(|relay| relay.poll_timeout()).flatten();
            let due = self.calls.values().filter_map(Call::poll_timeout).chain(relay).min();
            let wait = due.map_or(IDLE, |due| due.saturating_sub(now));
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    None | Some(Control::Stop) => break,
                    Some(order) => self.obey(order),
                },
                () = sockets.readable() => self.read(sockets, &mut datagram),
                item = items.recv() => {
                    // This end keeps a sender, so the channel never closes.
                    let mut next = item;
                    for _ in 0..BATCH {
                        let Some((id, item)) = next else { break };
                        self.with(id, |call, now| call.item(now, item));
                        next = items.try_recv().ok();
                    }
                    if let Some((id, item)) = next {
                        self.with(id, |call, now| call.item(now, item));
                    }
                },
                () = tokio::time::sleep(wait) => {}
            }
            self.tick();
            self.flush(sockets);
        }
        let open: Vec<u64> = self.calls.keys().copied().collect();
        for id in &open {
            self.with(*id, |call, now| call.end(now, EndReason::ServerStopped));
        }
        self.flush(sockets);
        for id in open {
            self.remove(id, None);
        }
    }

    /// Calls `work` with a call. A panic ends only that call.
    fn with(&mut self, id: u64, work: impl FnOnce(&mut Call, Duration)) {
        let now = self.clock.now();
        let Some(call) = self.calls.get_mut(&id) else { return };
        let outgoing = &mut self.outgoing;
        let ran = catch_unwind(AssertUnwindSafe(|| {
            work(call, now);
            take_out(call, outgoing);
        }));
        if let Err(panic) = ran {
            self.remove(id, Some(health::message(&*panic)));
        }
    }

    /// Runs a step of the TURN client. A panic ends the client, not the calls; its address is no
    /// longer offered. `None` without a client.
    fn with_relay<T>(&mut self, step: impl FnOnce(&mut Relaying) -> T) -> Option<T> {
        let relay = self.relay.as_mut()?;
        match catch_unwind(AssertUnwindSafe(|| step(relay))) {
            Ok(result) => Some(result),
            Err(panic) => {
                let panic = health::message(&*panic);
                self.health.notice(format!("the TURN client ended: internal error: {panic}"));
                self.relay = None;
                None
            }
        }
    }

    /// Removes a call that has ended, or that panicked.
    fn remove(&mut self, id: u64, panic: Option<String>) {
        self.routes.remove(id);
        let Some(call) = self.calls.remove(&id) else { return };
        let defect = match (&panic, call.over()) {
            (Some(panic), _) | (None, Some(EndReason::Internal(panic))) => Some(panic),
            _ => None,
        };
        if let Some(defect) = defect {
            let session = call.session();
            let line = format!("call {id} (session {session}) ended: internal error: {defect}");
            self.health.notice(line);
        }
        let concluded = catch_unwind(AssertUnwindSafe(|| match panic {
            Some(panic) => call.give_up(panic),
            None => call.conclude(),
        }));
        if let Err(panic) = concluded {
            let panic = health::message(&*panic);
            self.health.notice(format!("the end of call {id}: internal error: {panic}"));
        }
    }

    fn obey(&mut self, order: Control) {
        match order {
            Control::Begin { id, role, session, offer, reply } => {
                let answer = self.begin(id, role, session, &offer);
                let answered = reply.send(answer);
                if answered.is_err() {
                    // The client has gone.
                    self.with(id, |call, now| call.end(now, EndReason::Closed));
                }
            }
            Control::Trickle { id, fragment, reply } => {
                let mut result = Err(Refusal::NoSession);
                self.with(id, |call, now| result = call.trickle(now, &fragment));
                // The client may have gone.
                let _ = reply.send(result);
            }
            Control::End(id, reason) => self.with(id, |call, now| call.end(now, reason)),
            Control::Key(id) => self.with(id, |call, now| call.want_key(now)),
            Control::Stop => {}
            #[cfg(test)]
            Control::Panic(id) => self.panic(id),
        }
    }

    #[cfg(test)]
    fn panic(&mut self, id: Option<u64>) {
        match id {
            Some(id) => self.with(id, |_, _| panic!("a panic in a call")),
            None => panic!("a panic in the thread"),
        }
    }

    fn begin(
        &mut self,
        id: u64,
        role: Role,
        session: Session,
        offer: &str,
    ) -> Result<String, Refusal> {
        let now = self.clock.now();
        let base = self.clock.instant(Duration::ZERO);
        let mut config = PeerConfig::new(base, random::bytes(), self.certificate.clone());
        config.candidates = self.candidates()?;
        let is_viewer = matches!(role, Role::View(_));
        config.codecs = Codecs { opus_red: is_viewer, ..negotiation::codecs() };
        config.limits = negotiation::peer_limits(&self.limits);
        config.start_bitrate = is_viewer.then_some(START_BITRATE);
        config.stats_interval = Some(STATS_INTERVAL);
        config.congestion = is_viewer.then_some(CONGESTION);
        let answered = Peer::answer(offer, &config, now);
        let (peer, answer) = answered.map_err(|error| self.unanswered(id, &session, error))?;
        let fragment = answer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:"));
        self.routes.add(fragment.unwrap_or_default().trim(), id);
        let credentials = Credentials::of(offer);
        let call = Call::new(id, peer, session, role, credentials, self.common.clone(), now);
        self.calls.insert(id, call);
        self.with(id, |call, now| call.tick(now));
        Ok(answer)
    }

    /// The reason why an offer was not answered.
    fn unanswered(&self, id: u64, session: &Session, error: SdpError) -> Refusal {
        let (reason, refusal) = match error {
            SdpError::Internal(panic) => {
                let number = session.number();
                let line = format!("call {id} (session {number}) ended: internal error: {panic}");
                self.health.notice(line);
                (EndReason::Internal(panic), Refusal::Internal)
            }
            other => (EndReason::Protocol(other.to_string()), Refusal::Bad(other.to_string())),
        };
        session.conclude(reason, Moved::default());
        refusal
    }

    /// The candidates that are offered.
    fn candidates(&self) -> Result<Vec<LocalCandidate>, Refusal> {
        let hosts = self.hosts.iter().copied().map(LocalCandidate::Host);
        let relayed = self.relay.as_ref().and_then(Relaying::candidate);
        match (relayed, self.relay_only) {
            (Some(relayed), true) => Ok(vec![relayed]),
            (Some(relayed), false) => Ok(hosts.chain([relayed]).collect()),
            (None, false) => Ok(hosts.collect()),
            (None, true) => Err(Refusal::Full("ways to this server: its TURN server is away")),
        }
    }

    /// Reads available datagrams, up to a batch.
    fn read(&mut self, sockets: &TokioSockets, datagram: &mut [u8]) {
        for _ in 0..BATCH {
            // Errors of single datagrams, such as a closed port, concern the other end.
            let Some((len, source, local)) = sockets.receive(datagram) else { return };
            let Some(bytes) = datagram.get(..len) else { continue };
            let now = self.clock.now();
            let came = self.with_relay(|relay| relay.handle_datagram(now, source, bytes));
            match came.unwrap_or(Came::FromElsewhere) {
                Came::FromElsewhere => self.receive(source, local, bytes),
                Came::PassedOn { from, relayed, payload } => self.receive(from, relayed, &payload),
                Came::Handled => {}
            }
        }
    }

    fn receive(&mut self, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) {
        let now = self.clock.now();
        let id = match self.routes.known(source) {
            Some(id) => id,
            None => {
                if !self.unverified.take(now, 1) {
                    return;
                }
                let Some(id) = self.routes.checked(bytes) else { return };
                let call = self.calls.get(&id);
                if !call.is_some_and(|call| call.accepts(source, destination, bytes)) {
                    return;
                }
                self.routes.verify(source, id);
                id
            }
        };
        self.with(id, |call, now| call.receive(now, source, destination, bytes));
    }

    /// Handles timeouts, and removes ended calls.
    fn tick(&mut self) {
        let now = self.clock.now();
        self.with_relay(|relay| relay.tick(now));
        let is_due = |call: &Call| call.poll_timeout().is_some_and(|due| due <= now);
        for id in self.those(is_due) {
            self.with(id, Call::tick);
        }
        for id in self.those(|call| call.over().is_some()) {
            self.remove(id, None);
        }
    }

    /// The numbers of calls that match.
    fn those(&self, test: impl Fn(&Call) -> bool) -> Vec<u64> {
        self.calls.iter().filter(|(_, call)| test(call)).map(|(id, _)| *id).collect()
    }

    fn flush(&mut self, sockets: &TokioSockets) {
        // Send errors count as packet loss.
        let send = |transmit: &Transmit| {
            sockets.send(transmit.source, transmit.destination, &transmit.payload);
        };
        let now = self.clock.now();
        let mut outgoing = std::mem::take(&mut self.outgoing);
        for transmit in outgoing.drain(..) {
            if self.with_relay(|relay| relay.send(now, &transmit)) != Some(true) {
                send(&transmit);
            }
        }
        // The memory of the list is kept.
        self.outgoing = outgoing;
        while let Some(transmit) = self.with_relay(Relaying::poll_transmit).flatten() {
            send(&transmit);
        }
    }
}

fn take_out(call: &mut Call, outgoing: &mut Vec<Transmit>) {
    while let Some(transmit) = call.poll_transmit() {
        outgoing.push(transmit);
    }
}
