//! Limits of a server, with defaults.

use std::time::Duration;

/// Limits on the resources that clients may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open TCP connections.
    pub connections: usize,
    /// Open TCP connections per address; an IPv6 /64 network counts as one address. All clients
    /// behind a reverse proxy share its address.
    pub connections_per_address: usize,
    /// Sessions of all kinds.
    pub sessions: usize,
    /// Concurrently published streams; as many rooms can be open.
    pub streams: usize,
    /// Viewers of one stream, and members of one room.
    pub viewers: usize,
    /// Concurrently encoded small renditions, over all streams.
    pub small_renditions: usize,
    /// Bits per second that a publisher may send, measured over two seconds.
    pub bitrate: u64,
    /// Pixels of a published frame.
    pub pixels: u64,
    /// Bytes of a request body.
    pub body_bytes: usize,
    /// Bytes of a session description.
    pub sdp_bytes: usize,
    /// Time from the start of a connection or a request to the end of its headers, and from there
    /// to the end of its body.
    pub request_timeout: Duration,
    /// Time from the start of a session to the end of its DTLS handshake.
    pub handshake_timeout: Duration,
    /// How long a stream waits for its publisher after the publisher vanished or reloaded its page.
    pub publisher_return_timeout: Duration,
    /// Minimum time between two attempts of one address without a valid token.
    pub auth_retry_interval: Duration,
    /// Bytes of a control message.
    pub control_bytes: usize,
    /// Control messages per session and second.
    pub control_per_second: u32,
    /// Bytes of a media message.
    pub media_bytes: usize,
    /// Media messages per publisher and second.
    pub media_per_second: u32,
    /// Bytes of an uploaded file.
    pub file_bytes: u64,
    /// Bytes of all uploaded files, except files of rooms.
    pub all_files_bytes: u64,
    /// Messages that the server keeps of a room; new ones replace the oldest.
    pub room_messages: usize,
    /// Bytes of the messages of a room, without their files.
    pub room_message_bytes: usize,
    /// How long messages of a room are kept, also after the last member has gone.
    pub room_message_age: Duration,
    /// Rooms without members whose messages are kept.
    pub room_logs: usize,
    /// Bytes of a file, a voice or a video message in a room.
    pub room_file_bytes: u64,
    /// Bytes of the files that the server keeps of a room; new ones replace the oldest.
    pub room_files_bytes: u64,
    /// Bytes of the files of all rooms.
    pub all_room_files_bytes: u64,
    /// Messages of a member of a room per second, after a burst of ten seconds.
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
