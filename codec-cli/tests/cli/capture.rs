//! Cameras and microphones. Test machines lack them, so this tests the errors for missing devices, and
//! microphones that plugins of ALSA emulate.

use super::Place;

#[test]
#[cfg(not(all(feature = "capture", target_os = "linux")))]
fn a_build_without_cameras_says_so() {
    let place = Place::new();
    place.fails(6, "feature `capture`", &["send", "v4l2:", "udp://127.0.0.1:9"]);
    #[cfg(feature = "serve")]
    place.fails(6, "feature `capture`", &["serve", "cam=v4l2:/dev/video0"]);
}

#[cfg(all(feature = "capture", target_os = "linux"))]
mod with_devices {
    use std::fs;

    use super::Place;
    use crate::net::{Running, packets, receiver};

    const URL: &str = "udp://127.0.0.1:9";

    #[test]
    fn invalid_settings_and_missing_cameras_are_reported() {
        let place = Place::new();
        for (input, more, word) in [
            ("v4l2:size=big", None, "v4l2: size=big"),
            ("v4l2:format=h264", None, "nv12, i420, yuyv, uyvy, mjpeg"),
            ("v4l2:/dev/video99", Some("--loop"), "--loop cannot be used with a camera"),
            ("v4l2:/dev/video99", Some("--copy"), "--copy requires encoded video"),
        ] {
            let command: Vec<&str> = ["send", input, URL].into_iter().chain(more).collect();
            place.fails(2, word, &command);
        }
        let missing = "v4l2:/dev/video99: no such camera (";
        place.fails(3, missing, &["send", "v4l2:/dev/video99,size=320x240", URL]);
        place.fails(3, "v4l2:/dev/null", &["send", "v4l2:/dev/null", URL]);
        place.fails(3, "mic=", &["send", "v4l2:", URL, "--no-video"]);
        #[cfg(feature = "serve")]
        place.fails(3, missing, &["serve", "v4l2:/dev/video99"]);
    }

    /// Creates a place with an ALSA microphone `hum`, which repeats the contents of a file; it has
    /// no clock of its own.
    fn with_microphone() -> Place {
        let place = Place::new();
        let wave: Vec<u8> = (0..48_000_u32)
            .flat_map(|n| (i16::try_from(n % 100).unwrap() * 100 - 5000).to_le_bytes())
            .collect();
        fs::write(place.path("hum.raw"), wave).unwrap();
        let config = format!(
            "pcm.hum {{ type file slave.pcm {{ type null }} file /dev/null infile \"{}\" format raw }}\n",
            place.path("hum.raw").display()
        );
        fs::write(place.path("asound.conf"), config).unwrap();
        place
    }

    #[test]
    fn a_microphone_is_sent_in_real_time() {
        let place = with_microphone();
        let config = place.path("asound.conf");
        let (running, address) = receiver(&place, "udp://127.0.0.1:0", &["-o", "out.opus"]);
        let target = format!("udp://{address}");
        let arguments = [
            "send",
            "v4l2:mic=hum",
            &target,
            "--no-video",
            "--duration",
            "2s",
            "--progress",
            "json",
        ];
        let mut command = place.command(&arguments);
        let (code, said) = Running::start(command.env("ALSA_CONFIG_PATH", &config)).end();
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("\"audio_gaps\":0"), "{said}");
        let (code, heard) = running.end();
        assert_eq!(code, 0, "{heard}");
        // 2 s in packets of 20 ms, on a machine that may be busy.
        let count = packets(&place, "out.opus")[0];
        assert!((70..=105).contains(&count), "{count}: {said}");
        let mut command = place.command(&["send", "v4l2:mic=nosuch", &target, "--no-video"]);
        let (code, said) = Running::start(command.env("ALSA_CONFIG_PATH", &config)).end();
        assert_eq!(code, 3, "{said}");
        assert!(said.contains("microphone nosuch: no such microphone"), "{said}");
        // The library's own messages are suppressed.
        assert!(!said.contains("ALSA lib"), "{said}");
    }
}
