//! Reads from pipes that respond to interrupts.

use std::fs::File;
use std::io::{self, Read};

use crate::interrupt;

/// A pipe or a device that may stay silent for long. An interrupt ends it.
#[derive(Debug)]
pub(crate) struct PatientReader(File);

impl PatientReader {
    pub(crate) fn new(file: File) -> Self {
        Self(file)
    }

    /// Returns standard input, unbuffered.
    ///
    /// # Errors
    ///
    /// If it is closed.
    #[cfg(unix)]
    pub(crate) fn stdin() -> io::Result<Self> {
        use std::os::fd::AsFd;
        io::stdin().as_fd().try_clone_to_owned().map(|handle| Self(File::from(handle)))
    }
}

impl Read for PatientReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if is_interrupted_before_data(&self.0)? { Ok(0) } else { self.0.read(buffer) }
    }
}

/// Waits for data or the end; `true` if an interrupt came first.
#[cfg(unix)]
fn is_interrupted_before_data(file: &File) -> io::Result<bool> {
    use std::os::fd::AsFd;

    use nix::errno::Errno;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    loop {
        let mut asked = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
        match poll(&mut asked, PollTimeout::from(100_u8)) {
            Ok(0) | Err(Errno::EINTR) if interrupt::stopped() => return Ok(true),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
}

/// On other systems reads block.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "same signature on all systems")]
fn is_interrupted_before_data(_file: &File) -> io::Result<bool> {
    Ok(interrupt::stopped())
}
