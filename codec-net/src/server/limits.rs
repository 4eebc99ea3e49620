//! Limits of a server, with defaults.

use std::time::Duration;

/// Limits on the resources that clients may use. Each field is a maximum, unless its description
/// says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open TCP connections. Default: 1000.
    pub connections: usize,
    /// Open TCP connections per address; an IPv6 /64 network counts as one address. All clients
    /// behind a reverse proxy share its address. Default: 250.
    pub connections_per_address: usize,
    /// Sessions of all kinds. Default: 200.
    pub sessions: usize,
    /// Concurrently published streams; as many rooms can be open. Default: 32.
    pub streams: usize,
    /// Viewers of one stream, and members of one room. Default: 100.
    pub viewers: usize,
    /// Concurrently encoded small renditions, over all streams. Default: 4.
    pub small_renditions: usize,
    /// Bits per second that a publisher may send, measured over two seconds. Default: 20 Mbit/s.
    pub bitrate: u64,
    /// Pixels of a published frame. Default: 4096x4096.
    pub pixels: u64,
    /// Bytes of a request body. Default: 1 MiB.
    pub body_bytes: usize,
    /// Bytes of a session description. Default: 64 KiB.
    pub sdp_bytes: usize,
    /// Time from the start of a connection or a request to the end of its headers, and from there
    /// to the end of its body. Default: 10 s.
    pub request_timeout: Duration,
    /// Time from the start of a session to the end of its DTLS handshake. Default: 30 s.
    pub handshake_timeout: Duration,
    /// How long a stream waits for its publisher after the publisher vanished or reloaded its page.
    /// Default: 15 s.
    pub publisher_return_timeout: Duration,
    /// Minimum time between two attempts of one address without a valid token. Default: 100 ms.
    pub auth_retry_interval: Duration,
    /// Bytes of a control message. Default: 64 KiB.
    pub control_bytes: usize,
    /// Control messages per session and second. Default: 100.
    pub control_per_second: u32,
    /// Bytes of a media message. Default: 8 MiB.
    pub media_bytes: usize,
    /// Media messages per publisher and second. Default: 500.
    pub media_per_second: u32,
    /// Bytes of an uploaded file. Default: 256 MiB.
    pub file_bytes: u64,
    /// Bytes of all uploaded files, except files of rooms. Default: 4 GiB.
    pub all_files_bytes: u64,
    /// Messages that the server keeps of a room; new ones replace the oldest. Default: 500.
    pub room_messages: usize,
    /// Bytes of the messages of a room, without their files. Default: 256 KiB.
    pub room_message_bytes: usize,
    /// How long messages of a room are kept, also after the last member has left. Default: 7 days.
    pub room_message_age: Duration,
    /// Rooms without members whose messages are kept. Default: 64.
    pub room_logs: usize,
    /// Bytes of a file, a voice or a video message in a room. Default: 64 MiB.
    pub room_file_bytes: u64,
    /// Bytes of the files that the server keeps of a room; new ones replace the oldest. Default:
    /// 256 MiB.
    pub room_files_bytes: u64,
    /// Bytes of the files of all rooms. Default: 2 GiB.
    pub all_room_files_bytes: u64,
    /// Messages of a member of a room per second, after a burst of ten seconds. Default: 2.
    pub room_messages_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1000,
            connections_per_address: 250,
            sessions: 200,
            streams: 32,
            viewers: 100,
            small_renditions: 4,
            bitrate: 20_000_000,
            pixels: 4096 * 4096,
            body_bytes: 1 << 20,
            sdp_bytes: 64 << 10,
            request_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(30),
            publisher_return_timeout: Duration::from_secs(15),
            auth_retry_interval: Duration::from_millis(100),
            control_bytes: 64 << 10,
            control_per_second: 100,
            media_bytes: 8 << 20,
            media_per_second: 500,
            file_bytes: 256 << 20,
            all_files_bytes: 4 << 30,
            room_messages: 500,
            room_message_bytes: 256 << 10,
            room_message_age: Duration::from_secs(7 * 24 * 3600),
            room_logs: 64,
            room_file_bytes: 64 << 20,
            room_files_bytes: 256 << 20,
            all_room_files_bytes: 2 << 30,
            room_messages_per_second: 2,
        }
    }
}
