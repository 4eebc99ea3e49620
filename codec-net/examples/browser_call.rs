//! A call with a browser: the page sends the video of one or more cameras, and the service sends each video back as
//! an additional one. Both ends add media to the running session, and the page can restart ICE.
//!
//! `cargo run -p codec-net --features serve --example browser_call`, then open the printed address.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write, stderr};
use std::net::{TcpListener, TcpStream};

use codec_net::peer_socket::PeerSocket;
use codec_webrtc::{
    CollisionRole, Direction, Event, KeyFrameRequestKind, Kind, MediaPlan, Negotiation,
    PacketForwarder, Peer,
};

/// Exchanges media until the call ends.
fn run(mut socket: PeerSocket, mut peer: Peer) -> Result<(), Box<dyn Error>> {
    let mut negotiation = Negotiation::new("signalling", CollisionRole::Impolite);
    // Cameras of the page: by the change that adds a video for their return, then with that video.
    let (mut requested, mut returned) = (HashMap::new(), Vec::<(_, PacketForwarder)>::new());
    while let Some(event) = socket.next_event(&mut peer)? {
        let now = socket.now();
        match negotiation.handle_event(now, &mut peer, event) {
            Ok(Some(Event::Media(media))) if media.direction == Direction::ReceiveOnly => {
                let video = MediaPlan::new(Kind::Video, Direction::SendOnly);
                let change = negotiation.change(now, &mut peer, &[video], &[])?;
                requested.insert(change, media.mid);
            }
            Ok(Some(Event::Media(media))) => {
                let change = negotiation.change_of(media.mid);
                if let Some(camera) = change.and_then(|change| requested.remove(&change)) {
                    returned.push((camera, PacketForwarder::new(&media)));
                    peer.request_key_frame(now, camera, KeyFrameRequestKind::Pli);
                }
            }
            Ok(Some(Event::KeyFrameRequest { mid, kind, .. })) => {
                if let Some((camera, _)) = returned.iter().find(|(_, video)| video.mid() == mid) {
                    peer.request_key_frame(now, *camera, kind);
                }
            }
            Ok(Some(Event::Rtp(packet))) => {
                if let Some((_, video)) = returned.iter_mut().find(|it| it.0 == packet.mid) {
                    // While the video is inactive, its packets are dropped.
                    let _ = video.forward(now, &mut peer, &packet);
                }
            }
            Ok(_) => {}
            Err(error) => writeln!(stderr(), "{error}")?,
        }
    }
    Ok(())
}

/// Reads the body of a request; a service uses an HTTP library.
fn read_body(stream: &TcpStream) -> Result<String, Box<dyn Error>> {
    let mut request = BufReader::new(stream.take(1 << 16));
    let (mut length, mut body) = (0, String::new());
    for line in request.by_ref().lines().map_while(Result::ok).take_while(|it| !it.is_empty()) {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    request.take(length).read_to_string(&mut body)?;
    Ok(body)
}

/// Serves the page, and one call after the other. A request with a body is an offer.
///
/// # Errors
/// If a socket fails or a call cannot be answered.
pub fn serve(listener: &TcpListener) -> Result<(), Box<dyn Error>> {
    for stream in listener.incoming() {
        let mut stream = stream?;
        let offer = read_body(&stream)?;
        let mut respond = |kind, body: &str| {
            let head = format!("content-type: {kind}\r\ncontent-length: {}", body.len());
            write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\nconnection: close\r\n\r\n{body}")
        };
        if offer.is_empty() {
            respond("text/html", include_str!("browser_call.html"))?;
            continue;
        }
        let socket = PeerSocket::bind("127.0.0.1:0".parse()?)?;
        let (peer, answer) = Peer::answer(&offer, &socket.config()?, socket.now())?;
        respond("application/sdp", &answer)?;
        run(socket, peer)?;
    }
    Ok(())
}

/// Serves on a free port of this machine.
pub fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    writeln!(stderr(), "open http://{}", listener.local_addr()?)?;
    serve(&listener)
}
