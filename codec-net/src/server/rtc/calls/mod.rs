//! The thread that runs all calls: reads commands, datagrams and media, and handles timeouts.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codec_core::codec::Bitrate;
use codec_rtc::congestion::ControllerConfig;
use codec_webrtc::{Buffers, Certificate, LocalCandidate, Peer, PeerConfig, SdpError, Transmit};
use tokio::sync::mpsc;

use super::super::audit::Totals;
use super::super::conference::{Action, Conferences, Input, RoomStorage};
use super::super::health::{self, Health};
use super::super::outcome::{EndReason, Rejection};
use super::super::room::Item;
use super::super::sessions::Session;
use super::super::token_bucket::TokenBucket;
use super::super::webhook::Event;
use super::call::{Call, CallContext};
use super::cluster_side::ClusterSide;
use super::command::{Command, Role};
use super::demux::Demux;
use super::ice_update::CallIce;
use super::negotiation;
use super::sockets::{SendDatagrams, TokioSockets};
use super::timers::Timers;
use super::turn::Turn;
use crate::clock::Clock;
use crate::random;
use crate::turn_allocation::TurnDatagram;

/// Maximum size of a datagram.
const MAX_DATAGRAM_BYTES: usize = 2048;
/// Maximum number of datagrams handled before other work.
const MAX_BATCH: usize = 64;
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
/// How long the rest of a frame is waited for, by the number of members of the room, and at most; and the smallest room for
/// which it is.
const WAIT_PER_MEMBER: Duration = Duration::from_micros(1);
const MAX_WAIT: Duration = Duration::from_micros(100);
const MIN_WAIT_MEMBERS: usize = 8;
/// Interval at which loss and round trip times of links are evaluated.
const STATS_INTERVAL: Duration = Duration::from_millis(250);
/// Timeout without pending work.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);

/// All calls.
pub(super) struct Calls {
    clock: Clock,
    certificate: Certificate,
    /// Host candidates of every call.
    hosts: Vec<SocketAddr>,
    context: CallContext,
    calls: BTreeMap<u64, Call>,
    conferences: Conferences,
    cluster: Option<ClusterSide>,
    timers: Timers,
    /// Members that may have something for their conferences.
    touched: BTreeSet<u64>,
    /// Calls that have ended and are not removed yet.
    finished: BTreeSet<u64>,
    demux: Demux,
    unverified: TokenBucket,
    outgoing: Vec<Transmit>,
    /// Memory of the datagrams of all calls.
    buffers: Buffers,
    /// Empty lists for [`Self::exchange`], whose memory is used again.
    spare: Vec<Vec<Action>>,
    turn: Turn,
    health: Arc<Health>,
}

impl Calls {
    /// Creates the state without calls.
    pub(super) fn new(
        clock: Clock,
        certificate: Certificate,
        hosts: Vec<SocketAddr>,
        context: CallContext,
        storage: Option<RoomStorage>,
        turn: Turn,
        health: Arc<Health>,
    ) -> Self {
        let (limits, has_lobby) = (context.limits, context.has_lobby);
        let conferences = Conferences::new(limits, has_lobby, epoch(clock), storage);
        Self {
            clock,
            certificate,
            hosts,
            conferences,
            cluster: None,
            context,
            calls: BTreeMap::new(),
            timers: Timers::default(),
            touched: BTreeSet::new(),
            finished: BTreeSet::new(),
            demux: Demux::default(),
            unverified: TokenBucket::new(UNVERIFIED_PER_SECOND),
            outgoing: Vec::new(),
            buffers: Buffers::default(),
            spare: Vec::new(),
            turn,
            health,
        }
    }

    /// Shares the rooms with other servers.
    pub(super) fn with_cluster(mut self, cluster: ClusterSide) -> Self {
        self.conferences.set_clustered(cluster.url());
        self.cluster = Some(cluster);
        self
    }

    /// Runs until the server stops.
    pub(super) async fn run(
        mut self,
        sockets: &TokioSockets,
        mut commands: mpsc::UnboundedReceiver<Command>,
        mut items: mpsc::Receiver<(u64, Item)>,
    ) {
        let mut datagram = vec![0; MAX_DATAGRAM_BYTES];
        loop {
            let now = self.clock.now();
            let turn = self.turn.poll_timeout();
            let calls = self.timers.next();
            let cluster = self.cluster.as_ref().map(ClusterSide::poll_timeout);
            let due = [calls, self.conferences.poll_timeout(), turn, cluster];
            let due = due.into_iter().flatten().min();
            let due = if self.finished.is_empty() { due } else { Some(now) };
            let wait = due.map_or(IDLE_TIMEOUT, |due| due.saturating_sub(now));
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    None | Some(Command::Stop) => break,
                    Some(command) => self.handle_command(command),
                },
                () = sockets.readable() => {
                    self.read_datagrams(sockets, &mut datagram);
                    self.await_frames(sockets, &mut datagram).await;
                }
                item = items.recv() => {
                    // This end keeps a sender, so the channel never closes.
                    let mut next = item;
                    for _ in 0..MAX_BATCH {
                        let Some((id, item)) = next else { break };
                        self.with(id, |call, now| call.handle_item(now, item));
                        next = items.try_recv().ok();
                    }
                    if let Some((id, item)) = next {
                        self.with(id, |call, now| call.handle_item(now, item));
                    }
                },
                message = next_message(&mut self.cluster) => {
                    if let Some(cluster) = &mut self.cluster {
                        cluster.handle_message(self.clock.now(), &message);
                    }
                }
                () = tokio::time::sleep(wait) => {}
            }
            if self.settle(&mut commands).is_break() {
                break;
            }
            self.exchange(sockets);
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
        self.report();
        if let Some(cluster) = &mut self.cluster {
            cluster.leave();
        }
        self.conferences.stop();
    }

    /// Passes what happened in the conferences to the webhooks.
    fn report(&mut self) {
        while let Some(report) = self.conferences.poll_report() {
            self.context.webhooks.send(&Event::Room(report));
        }
    }

    /// Waits a moment for the rest of the frames that have begun to arrive: each member gets the packets of a frame by one
    /// call of the system, which costs more than the packets. The wait is short beside the work for the members.
    async fn await_frames(&mut self, sockets: &TokioSockets, datagram: &mut [u8]) {
        let begun = self.clock.now();
        while self.clock.now().saturating_sub(begun) < self.longest_wait() {
            // The runtime looks for datagrams.
            tokio::task::yield_now().await;
            self.read_datagrams(sockets, datagram);
        }
    }

    /// How long the rest of a frame may be waited for; 0 if no frame has begun.
    fn longest_wait(&self) -> Duration {
        let is_open = |id: &&u64| self.calls.get(*id).is_some_and(Call::has_open_frame);
        let open = self.touched.iter().filter(is_open);
        let members = open.map(|id| self.conferences.members_with(*id)).max().unwrap_or(0);
        let wait = WAIT_PER_MEMBER.saturating_mul(u32::try_from(members).unwrap_or(u32::MAX));
        if members < MIN_WAIT_MEMBERS { Duration::ZERO } else { wait.min(MAX_WAIT) }
    }

    /// Passes what members have for their conferences to them, and their output to the members.
    fn exchange(&mut self, sockets: &impl SendDatagrams) {
        self.conferences.handle_timeout(self.clock.now());
        if let Some(cluster) = &mut self.cluster {
            cluster.deliver(self.clock.now(), &mut self.conferences);
        }
        loop {
            for id in std::mem::take(&mut self.touched) {
                let inputs = self.calls.get_mut(&id).map(Call::take_inputs);
                for input in inputs.into_iter().flatten() {
                    self.conferences.handle(self.clock.now(), id, input);
                }
            }
            // Sending is cheaper in batches.
            let mut of_members: BTreeMap<u64, Vec<Action>> = BTreeMap::new();
            while let Some((id, action)) = self.conferences.poll_action() {
                let of_member = of_members.entry(id);
                of_member.or_insert_with(|| self.spare.pop().unwrap_or_default()).push(action);
            }
            for (id, mut actions) in of_members {
                self.with(id, |call, now| call.act(now, actions.drain(..)));
                // While the datagrams are in the caches of the processor.
                self.flush(sockets);
                // A call that has ended leaves some.
                actions.clear();
                if actions.capacity() <= MAX_BATCH {
                    self.spare.push(actions);
                }
            }
            if self.touched.is_empty() {
                break;
            }
        }
        if let Some(cluster) = &mut self.cluster {
            cluster.collect(self.clock.now(), &mut self.conferences, &mut self.outgoing);
        }
        self.report();
    }

    /// Calls `work` with a call. A panic ends only that call.
    fn with(&mut self, id: u64, work: impl FnOnce(&mut Call, Duration)) {
        let now = self.clock.now();
        let Some(call) = self.calls.get_mut(&id) else { return };
        if call.is_member() {
            self.touched.insert(id);
        }
        let outgoing = &mut self.outgoing;
        let ran = catch_unwind(AssertUnwindSafe(|| {
            work(call, now);
            outgoing.extend(std::iter::from_fn(|| call.poll_transmit()));
            (call.poll_timeout(), call.ended().is_some())
        }));
        match ran {
            Ok((due, has_ended)) => {
                self.timers.set(id, due);
                if has_ended {
                    self.finished.insert(id);
                }
            }
            Err(panic) => self.remove(id, Some(health::panic_message(&*panic))),
        }
    }

    /// Removes a call that has ended, or that panicked.
    fn remove(&mut self, id: u64, panic: Option<String>) {
        self.demux.remove(id);
        self.timers.set(id, None);
        self.finished.remove(&id);
        let ended = self.calls.get(&id).and_then(Call::ended).cloned();
        let reason = match &panic {
            Some(panic) => EndReason::Internal(panic.clone()),
            None => ended.unwrap_or(EndReason::ServerStopped),
        };
        self.conferences.handle(self.clock.now(), id, Input::Leave(reason));
        let Some(call) = self.calls.remove(&id) else { return };
        let defect = match (&panic, call.ended()) {
            (Some(panic), _) | (None, Some(EndReason::Internal(panic))) => Some(panic),
            _ => None,
        };
        if let Some(defect) = defect {
            let session = call.session();
            let line = format!("call {id} (session {session}) ended: internal error: {defect}");
            self.health.notice(line);
        }
        let concluded = catch_unwind(AssertUnwindSafe(|| match panic {
            Some(panic) => call.abort(panic),
            None => call.conclude(),
        }));
        if let Err(panic) = concluded {
            let panic = health::panic_message(&*panic);
            self.health.notice(format!("the end of call {id}: internal error: {panic}"));
        }
    }

    /// Handles the commands that are waiting, but none that arrive meanwhile; breaks if the server stops.
    fn handle_waiting(
        &mut self,
        commands: &mut mpsc::UnboundedReceiver<Command>,
    ) -> ControlFlow<()> {
        for _ in 0..commands.len() {
            match commands.try_recv() {
                Ok(Command::Stop) => return ControlFlow::Break(()),
                Ok(command) => self.handle_command(command),
                Err(_) => break,
            }
        }
        ControlFlow::Continue(())
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Answer { id, role, session, offer, reply } => {
                let answer = self.answer(id, role, session, &offer);
                let answered = reply.send(answer);
                if answered.is_err() {
                    // The client has gone.
                    self.with(id, |call, now| call.end(now, EndReason::Closed));
                }
            }
            Command::UpdateIce { id, update, reply } => {
                let mut result = Err(Rejection::NoSession);
                self.with(id, |call, now| result = call.update_ice(now, &update));
                if let Ok(Some(restarted)) = &result {
                    self.demux.restart(&restarted.ufrag, id);
                }
                // The client may have gone.
                let _ = reply.send(result);
            }
            Command::FetchFile { file, reply } => match &mut self.cluster {
                Some(cluster) => cluster.fetch(self.clock.now(), file, reply),
                None => _ = reply.send(Err(Rejection::NoFile)),
            },
            Command::Announce(text) => {
                for id in self.calls.keys().copied().collect::<Vec<_>>() {
                    self.with(id, |call, now| call.announce(now, &text));
                }
            }
            Command::End(id, reason) => self.with(id, |call, now| call.end(now, reason)),
            Command::RequestKeyFrame(id) => self.with(id, |call, now| call.request_key_frame(now)),
            Command::Stop => {}
            #[cfg(test)]
            Command::Panic(id) => self.panic(id),
        }
    }

    #[cfg(test)]
    fn panic(&mut self, id: Option<u64>) {
        match id {
            Some(id) => self.with(id, |_, _| panic!("a panic in a call")),
            None => panic!("a panic in the thread"),
        }
    }

    /// Starts a call; returns the answer to its offer.
    fn answer(
        &mut self,
        id: u64,
        role: Role,
        session: Session,
        offer: &str,
    ) -> Result<String, Rejection> {
        let now = self.clock.now();
        let base = self.clock.instant(Duration::ZERO);
        let mut config = PeerConfig::new(base, random::bytes(), self.certificate.clone());
        config.candidates = self.turn.candidates(&self.hosts)?;
        let has_relay = config.candidates.iter().any(|it| !matches!(it, LocalCandidate::Host(_)));
        config.ice_lite = !has_relay && !negotiation::can_be_checked(offer);
        if let Role::Join { room, .. } = &role {
            self.conferences.check(room)?;
        }
        let receives = !matches!(role, Role::Publish(_));
        config.codecs = match &role {
            Role::View(stream) => {
                negotiation::for_viewer(self.context.video_codecs, stream.info().video)
            }
            Role::Publish(publisher) => {
                let chosen = publisher.stream().info().video;
                negotiation::for_publisher(self.context.video_codecs, chosen)
            }
            Role::Join { .. } => negotiation::for_member(self.context.video_codecs),
        };
        let is_member = matches!(role, Role::Join { .. });
        config.simulcast = is_member;
        let limits = &self.context.limits;
        config.limits = match is_member {
            true => negotiation::member_limits(limits),
            false => negotiation::peer_limits(limits),
        };
        config.start_bitrate = receives.then_some(START_BITRATE);
        config.stats_interval = Some(STATS_INTERVAL);
        config.congestion = receives.then_some(CONGESTION);
        config.buffers = self.buffers.clone();
        let answered = Peer::answer(offer, &config, now);
        let (peer, answer) = answered.map_err(|error| self.rejection(id, &session, error))?;
        let fragment = answer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:"));
        self.demux.add(fragment.unwrap_or_default().trim(), id);
        let ice = CallIce::of(id, offer, config.ice_lite);
        let call = Call::new(id, peer, session, role, ice, self.context.clone(), now);
        self.calls.insert(id, call);
        self.with(id, |call, now| call.handle_timeout(now));
        Ok(answer)
    }

    /// The reason why an offer was not answered.
    fn rejection(&self, id: u64, session: &Session, error: SdpError) -> Rejection {
        let (reason, rejection) = match error {
            SdpError::Internal(panic) => {
                let number = session.number();
                let line = format!("call {id} (session {number}) ended: internal error: {panic}");
                self.health.notice(line);
                (EndReason::Internal(panic), Rejection::Internal)
            }
            other => {
                (EndReason::Protocol(other.to_string()), Rejection::BadRequest(other.to_string()))
            }
        };
        session.conclude(reason, Totals::default());
        rejection
    }

    /// Reads available datagrams, up to a batch.
    fn read_datagrams(&mut self, sockets: &TokioSockets, datagram: &mut [u8]) {
        for _ in 0..MAX_BATCH {
            // Errors of single datagrams, such as a closed port, concern the other end.
            let Some((len, source, local)) = sockets.receive(datagram) else { return };
            let Some(bytes) = datagram.get(..len) else { continue };
            let now = self.clock.now();
            match self.turn.handle_datagram(now, source, bytes) {
                TurnDatagram::NotFromServer => self.handle_datagram(source, local, bytes),
                TurnDatagram::Relayed { from, relayed, payload } => {
                    self.handle_datagram(from, relayed, &payload);
                }
                TurnDatagram::Handled => {}
            }
        }
    }

    fn handle_datagram(&mut self, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) {
        let now = self.clock.now();
        if self.cluster.as_mut().is_some_and(|it| it.handle_datagram(now, source, bytes)) {
            return;
        }
        let id = match self.demux.by_address(source) {
            Some(id) => id,
            None => {
                if !self.unverified.take(now, 1) {
                    return;
                }
                let Some(id) = self.demux.by_connectivity_check(bytes) else { return };
                let call = self.calls.get(&id);
                if !call.is_some_and(|call| call.accepts(source, destination, bytes)) {
                    return;
                }
                self.demux.add_address(source, id);
                id
            }
        };
        self.with(id, |call, now| call.handle_datagram(now, source, destination, bytes));
    }

    /// Handles timeouts, and removes the calls that have ended; breaks if the server stops.
    fn settle(&mut self, commands: &mut mpsc::UnboundedReceiver<Command>) -> ControlFlow<()> {
        self.handle_timeouts();
        // A client that has ended its session by a request may have closed the connection since. If the thread was reading
        // datagrams meanwhile, it has seen only that: the command comes before the removal.
        if !self.finished.is_empty() {
            self.handle_waiting(commands)?;
        }
        self.remove_finished();
        ControlFlow::Continue(())
    }

    /// Handles timeouts.
    fn handle_timeouts(&mut self) {
        let now = self.clock.now();
        self.turn.handle_timeout(now);
        for id in self.timers.due(now) {
            self.with(id, Call::handle_timeout);
        }
    }

    /// Removes the calls that have ended.
    fn remove_finished(&mut self) {
        for id in std::mem::take(&mut self.finished) {
            self.remove(id, None);
        }
    }

    fn flush(&mut self, sockets: &impl SendDatagrams) {
        let now = self.clock.now();
        let turn = &mut self.turn;
        self.outgoing.retain(|transmit| !turn.send(now, transmit));
        self.outgoing.extend(std::iter::from_fn(|| turn.poll_transmit()));
        // Datagrams that cannot be sent count as lost.
        if !self.outgoing.is_empty() {
            sockets.send(&self.outgoing);
            self.buffers.give_back(self.outgoing.drain(..).map(|sent| sent.payload));
        }
    }
}

/// Waits for a message of another node.
async fn next_message(cluster: &mut Option<ClusterSide>) -> Vec<u8> {
    match cluster {
        Some(cluster) => cluster.receive().await,
        None => std::future::pending().await,
    }
}

/// Unix time at the time 0 of the clock.
fn epoch(clock: Clock) -> Duration {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    unix.saturating_sub(clock.now())
}
