//! Tests the file reader against a server that injects faults.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::{HttpFile, HttpFileOptions, shown};
use crate::error::NetError;

/// What the server does with a request: the number of the request from 0, and its range.
type Answer = dyn Fn(usize, (u64, u64), &mut TcpStream) + Send + Sync;

/// The ranges that were requested.
type Log = Arc<Mutex<Vec<(u64, u64)>>>;

/// A server of one file; returns its address and the ranges that were requested.
fn serve(answer: Box<Answer>) -> (String, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let requested = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&requested);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut range = None;
            for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                let line = line.unwrap_or_default().to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("range: bytes=") {
                    let (first, last) = value.trim().split_once('-').unwrap();
                    range = Some((first.parse().unwrap(), last.parse().unwrap()));
                }
                if line.is_empty() {
                    break;
                }
            }
            let Some(range) = range else { continue };
            let number = {
                let mut log = log.lock().unwrap();
                log.push(range);
                log.len() - 1
            };
            answer(number, range, &mut stream);
        }
    });
    (format!("http://{address}/a.bin?signature=secret"), requested)
}

/// The byte at a position.
fn byte(position: u64) -> u8 {
    (position % 251) as u8
}

/// Sends a range of a file, of which the connection delivers `share` percent.
fn send(stream: &mut TcpStream, (first, last): (u64, u64), length: u64, more: &str, share: u64) {
    let last = last.min(length - 1);
    let bytes: Vec<u8> = (first..=last).map(byte).collect();
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{last}/{length}\r\n\
         Content-Length: {}\r\nConnection: close\r\n{more}\r\n",
        bytes.len()
    );
    let sent = bytes.len() * usize::try_from(share).unwrap() / 100;
    // The client may have closed the connection.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&bytes[..sent]));
}

fn status(stream: &mut TcpStream, text: &str) {
    let head = format!("HTTP/1.1 {text}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes());
}

fn open(url: &str) -> Result<HttpFile, NetError> {
    HttpFile::open(url, HttpFileOptions::default())
}

fn refused(url: &str) -> String {
    let text = open(url).unwrap_err().to_string();
    assert!(!text.contains("secret"), "{text}");
    text
}

const LENGTH: u64 = 3_000_000;

#[test]
fn bytes_are_those_of_the_file_at_any_position_and_read_once() {
    let (url, requested) = serve(Box::new(|_, range, stream| {
        send(stream, range, LENGTH, "ETag: \"1\"\r\n", 100);
    }));
    let file = open(&url).unwrap();
    assert_eq!(file.length(), LENGTH);
    let (mut reader, mut other) = (file.reader(), file.reader());
    let mut data = Vec::new();
    reader.read_to_end(&mut data).unwrap();
    assert!(data.iter().zip(0..).all(|(&found, position)| found == byte(position)));
    assert_eq!(data.len() as u64, LENGTH);
    let count = requested.lock().unwrap().len();
    assert!(count <= 5, "{count} requests");
    // Short steps in any direction, of several readers.
    for position in [5, 2_999_999, 1_000_000, 999_990, 0, 262_143] {
        for reader in [&mut reader, &mut other] {
            reader.seek(SeekFrom::Start(position)).unwrap();
            let mut one = [0; 1];
            reader.read_exact(&mut one).unwrap();
            assert_eq!(one[0], byte(position));
        }
    }
    assert_eq!(requested.lock().unwrap().len(), count);
    assert_eq!(reader.seek(SeekFrom::End(-1)).unwrap(), LENGTH - 1);
    assert_eq!(reader.seek(SeekFrom::Current(5)).unwrap(), LENGTH + 4);
    assert_eq!(reader.read(&mut [0; 4]).unwrap(), 0);
    assert!(reader.seek(SeekFrom::End(-4_000_000)).is_err());
}

#[test]
fn faults_that_pass_are_survived() {
    // Each request fails twice: with a status, then in the middle of the body.
    let (url, requested) = serve(Box::new(|number, range, stream| match number % 3 {
        0 => status(stream, "503 Service Unavailable\r\nRetry-After: 0"),
        1 => send(stream, range, 600_000, "", 40),
        _ => send(stream, range, 600_000, "", 100),
    }));
    let file = open(&url).unwrap();
    let mut data = Vec::new();
    file.reader().read_to_end(&mut data).unwrap();
    assert!(data.iter().zip(0..).all(|(&found, position)| found == byte(position)));
    assert_eq!((data.len(), requested.lock().unwrap().len() % 3), (600_000, 0));
}

#[test]
fn attempts_are_bounded_and_end_at_a_stop() {
    let (url, requested) = serve(Box::new(|_, _, stream| {
        status(stream, "500 Internal Server Error\r\nRetry-After: 0");
    }));
    assert!(refused(&url).contains("status 500: Internal Server Error"));
    assert_eq!(requested.lock().unwrap().len(), 5);
    let options = HttpFileOptions { stop: Some(Arc::new(|| true)), ..HttpFileOptions::default() };
    assert!(HttpFile::open(&url, options).is_err());
    assert_eq!(requested.lock().unwrap().len(), 6);
}

#[test]
fn a_file_that_changes_is_an_error() {
    for (before, after, length, what) in [
        ("ETag: \"1\"\r\n", "ETag: \"2\"\r\n", LENGTH, "its ETag"),
        ("ETag: \"1\"\r\n", "ETag: \"1\"\r\n", LENGTH + 1, "its length"),
        (
            "Last-Modified: Fri, 31 Dec 1999 23:59:59 GMT\r\n",
            "Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT\r\n",
            LENGTH,
            "its time of modification",
        ),
    ] {
        let (url, _) = serve(Box::new(move |number, range, stream| match number {
            0 => send(stream, range, LENGTH, before, 100),
            _ => send(stream, range, length, after, 100),
        }));
        let file = open(&url).unwrap();
        let error = file.reader().read_to_end(&mut Vec::new()).unwrap_err().to_string();
        let expected = format!("the file has changed on the server: {what} differs");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn servers_that_cannot_be_used_are_named_with_the_reason() {
    let answers: [(&'static str, &str); 6] = [
        ("200 OK", "the server sends only whole files"),
        ("404 Not Found", "status 404: Not Found"),
        ("403 Forbidden", "status 403: Forbidden"),
        ("416 Range Not Satisfiable\r\nContent-Range: bytes */0", "the file is empty"),
        ("302 Found\r\nLocation: /again", "more than 5 redirects"),
        (
            "206 Partial Content\r\nContent-Range: bytes 5-9/10",
            "the server returned a different range than requested",
        ),
    ];
    for (answer, expected) in answers {
        let (url, requested) = serve(Box::new(move |_, _, stream| status(stream, answer)));
        let text = refused(&url);
        assert!(text.contains(expected), "{text}");
        assert!(requested.lock().unwrap().len() <= 6, "{answer}");
    }
    for (url, expected) in [
        ("ftp://host/a", "expected http://HOST/PATH"),
        ("http:///a", "http://"),
        ("https://me:secret@host/a", "users and passwords are not allowed in URLs"),
        (&format!("http://host/{}", "a".repeat(9000)), "it is too long"),
    ] {
        let text = refused(url);
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn redirects_are_followed_but_not_from_https_to_http() {
    let (target, _) = serve(Box::new(|_, range, stream| send(stream, range, 10, "", 100)));
    let (url, _) = serve(Box::new(move |_, _, stream| {
        status(stream, &format!("307 Temporary Redirect\r\nLocation: {target}"));
    }));
    let mut data = Vec::new();
    open(&url).unwrap().reader().read_to_end(&mut data).unwrap();
    assert_eq!(data, (0..10).map(byte).collect::<Vec<u8>>());
    assert_eq!(crate::http_client::reference::resolve("https://a/b", "http://a/b"), None);
    assert_eq!(shown("https://h/a?X-Amz-Signature=1#x"), "https://h/a");
}
