//! Reads pipes and devices. An interrupt (Ctrl-C) ends a read that waits for data.

use std::fs::File;
use std::io::{self, Read};

use crate::stop::Stop;

/// A pipe or a device, which may deliver no data for long. An interrupt ends it.
#[derive(Debug)]
pub(crate) struct InterruptibleReader {
    file: File,
    stop: Stop,
}

impl InterruptibleReader {
    pub(crate) fn new(file: File, stop: Stop) -> Self {
        Self { file, stop }
    }

    /// Standard input, without a buffer.
    ///
    /// # Errors
    /// If it is closed.
    #[cfg(unix)]
    pub(crate) fn stdin(stop: Stop) -> io::Result<Self> {
        use std::os::fd::AsFd;
        let handle = io::stdin().as_fd().try_clone_to_owned()?;
        Ok(Self { file: File::from(handle), stop })
    }
}

impl Read for InterruptibleReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_interrupted_before_data()? { Ok(0) } else { self.file.read(buffer) }
    }
}

impl InterruptibleReader {
    /// Waits for data, or the end; `true` if an interrupt came first.
    #[cfg(unix)]
    fn is_interrupted_before_data(&self) -> io::Result<bool> {
        use std::os::fd::AsFd;

        use nix::errno::Errno;
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

        loop {
            let mut asked = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
            match poll(&mut asked, PollTimeout::from(100_u8)) {
                Ok(0) | Err(Errno::EINTR) if self.stop.is_requested() => return Ok(true),
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Elsewhere reads wait.
    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "the form of the other")]
    fn is_interrupted_before_data(&self) -> io::Result<bool> {
        Ok(self.stop.is_requested())
    }
}
