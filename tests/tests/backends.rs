//! Every backend of the build passes the conformance kit.

use codec_core::conformance;
use codec_core::registry::BACKENDS;

#[test]
fn every_video_backend_passes() {
    for backend in BACKENDS {
        let report = conformance::check_video(backend, BACKENDS);
        println!("{report}");
        assert!(report.is_passed(), "{report}");
    }
}
