//! The handle of the thread that runs all WebRTC calls.

use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use codec_webrtc::Certificate;
use tokio::sync::{mpsc, oneshot};

use super::super::cluster::{ClusterConfig, ClusterStatus};
use super::super::conference::RoomStorage;
use super::super::health::{self, Health};
use super::super::limits::Limits;
use super::super::media::VideoCodecs;
use super::super::outcome::Rejection;
use super::super::sessions::Session;
use super::super::uploads::UploadStore;
use super::super::webhook::Webhooks;
use super::call::CallContext;
use super::calls::Calls;
use super::cluster_side::ClusterSide;
use super::command::{CallHandle, Command, Role};
use super::config::{RtcConfig, StartRtcError};
use super::ice_update::{IceRestarted, IceUpdate};
use super::sockets::Sockets;
use super::turn::Turn;
use crate::clock::Clock;
use crate::random;
use crate::turn_allocation::TurnSocket;

/// Maximum number of queued items over all calls.
const MAX_QUEUED_ITEMS: usize = 16_384;
/// Validity of the certificate of this run.
const CERTIFICATE_DAYS: u32 = 30;

/// Settings of all calls.
#[derive(Debug)]
pub(in super::super) struct CallSettings {
    pub(in super::super) limits: Limits,
    pub(in super::super) video_codecs: VideoCodecs,
    pub(in super::super) uploads: Option<Arc<UploadStore>>,
    /// Messages and files of rooms.
    pub(in super::super) storage: Option<RoomStorage>,
    pub(in super::super) webhooks: Webhooks,
    /// Whether new rooms have a lobby.
    pub(in super::super) has_lobby: bool,
    /// Other nodes with the same rooms.
    pub(in super::super) cluster: Option<ClusterConfig>,
}

/// The handle of the thread.
#[derive(Debug)]
pub(in super::super) struct Network {
    commands: mpsc::UnboundedSender<Command>,
    next_call: AtomicU64,
    hosts: Vec<SocketAddr>,
    link: Option<String>,
    health: Arc<Health>,
    cluster_status: Arc<ClusterStatus>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Network {
    /// Starts the thread.
    pub(in super::super) fn start(
        config: RtcConfig,
        clock: Clock,
        settings: CallSettings,
        health: Arc<Health>,
    ) -> Result<Self, StartRtcError> {
        let CallSettings { limits, video_codecs, uploads, storage, webhooks, has_lobby, cluster } =
            settings;
        let sockets = Sockets::bind(&config)?;
        let hosts = sockets.candidates();
        let address = *hosts.first().unwrap_or(&config.listen);
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let certificate = Certificate::generate(&random::bytes(), unix, CERTIFICATE_DAYS)
            .map_err(StartRtcError::Certificate)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartRtcError::Thread)?;
        let shared = config.turn.as_ref().filter(|turn| turn.is_shared);
        let link = shared.map(|turn| turn.server.to_link());
        let bound = sockets.bound().map_err(|error| StartRtcError::Listen(config.listen, error))?;
        let socket = TurnSocket { announced: address, bound };
        let turn = Turn::new(config.turn, socket, clock.now(), Arc::clone(&health))
            .map_err(StartRtcError::Turn)?;
        let (commands, received) = mpsc::unbounded_channel();
        let (items, queue) = mpsc::channel(MAX_QUEUED_ITEMS);
        let room_files = storage.as_ref().map(|it| Arc::clone(&it.files));
        let cluster_files = room_files.clone();
        let context =
            CallContext { uploads, room_files, limits, video_codecs, items, webhooks, has_lobby };
        let cluster_status = Arc::new(ClusterStatus::default());
        let cluster = cluster.map(|config| {
            let (status, health) = (Arc::clone(&cluster_status), Arc::clone(&health));
            ClusterSide::new(config, hosts.clone(), cluster_files, status, health)
        });
        let calls = Calls::new(
            clock,
            certificate,
            hosts.clone(),
            context,
            storage,
            turn,
            Arc::clone(&health),
        );
        let calls = match cluster {
            Some(cluster) => calls.with_cluster(cluster),
            None => calls,
        };
        let thread_health = Arc::clone(&health);
        let work = move || {
            let run = || {
                runtime.block_on(async move {
                    calls.run(&sockets.into_tokio()?, received, queue).await;
                    Ok::<(), io::Error>(())
                })
            };
            match catch_unwind(AssertUnwindSafe(run)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => thread_health.fail_calls(error.to_string()),
                Err(panic) => thread_health.fail_calls(health::panic_message(&*panic)),
            }
        };
        let thread = std::thread::Builder::new().name("calls".to_owned()).spawn(work);
        let thread = Mutex::new(Some(thread.map_err(StartRtcError::Thread)?));
        let next_call = AtomicU64::new(1);
        Ok(Self { commands, next_call, hosts, link, health, cluster_status, thread })
    }

    /// The announced address.
    pub(in super::super) fn addresses(&self) -> &[SocketAddr] {
        &self.hosts
    }

    /// The other nodes of the cluster.
    pub(in super::super) fn cluster_status(&self) -> &ClusterStatus {
        &self.cluster_status
    }

    /// The value of a `Link` header with the TURN server, if clients may use it.
    pub(in super::super) fn link(&self) -> Option<&str> {
        self.link.as_deref()
    }

    /// Reserves the number of a call that does not exist yet.
    pub(in super::super) fn new_call(&self) -> CallHandle {
        let id = self.next_call.fetch_add(1, Ordering::Relaxed);
        CallHandle::new(id, self.commands.clone())
    }

    /// Starts call `id` with the other end's offer; returns the answer.
    pub(in super::super) async fn answer(
        &self,
        id: u64,
        role: Role,
        session: Session,
        offer: String,
    ) -> Result<String, Rejection> {
        let command = |reply| Command::Answer { id, role, session, offer, reply };
        self.request(command).await?
    }

    /// Adds trickled ICE candidates to call `id`, or restarts its ICE session; returns the answer to a restart.
    pub(in super::super) async fn update_ice(
        &self,
        id: u64,
        update: IceUpdate,
    ) -> Result<Option<IceRestarted>, Rejection> {
        self.request(|reply| Command::UpdateIce { id, update, reply }).await?
    }

    /// Fetches a file of a message from another node.
    pub(in super::super) async fn fetch_file(&self, file: String) -> Result<(), Rejection> {
        self.request(|reply| Command::FetchFile { file, reply }).await?
    }

    /// Sends a message to all members of rooms and all publishers.
    pub(in super::super) fn announce(&self, text: Arc<str>) {
        // The thread may have ended, and with it the calls.
        let _ = self.commands.send(Command::Announce(text));
    }

    /// Sends a command and waits for the reply.
    async fn request<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Rejection> {
        let (reply, replied) = oneshot::channel();
        let has_ended = || match self.health.calls_failure() {
            Some(_) => Rejection::CallsUnavailable,
            None => Rejection::ShuttingDown,
        };
        self.commands.send(command(reply)).map_err(|_| has_ended())?;
        replied.await.map_err(|_| has_ended())
    }

    /// For tests: a panic in this call; `None`: in the thread itself.
    #[cfg(test)]
    pub(in super::super) fn panic(&self, call: Option<u64>) {
        self.commands.send(Command::Panic(call)).unwrap();
    }

    /// Ends all calls and the thread.
    pub(in super::super) fn stop(&self) {
        let _ = self.commands.send(Command::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic was already printed.
            let _ = thread.join();
        }
    }
}
