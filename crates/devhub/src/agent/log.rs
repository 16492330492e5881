//! A module's output, passed on line by line with its name before it.
//!
//! The module writes into a file of the state directory, not into a pipe: a pipe would end with the
//! agent and take the module along. This follows the file by looking every 100 ms (it is read by
//! people), and empties it at 8 MiB so that it cannot fill the disk; a line written in that very
//! moment may be lost.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};
use tokio_util::sync::CancellationToken;

const LOOK: Duration = Duration::from_millis(100);
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;
/// A longer line is passed on in pieces.
const MAX_LINE_BYTES: usize = 16 * 1024;

/// Follows `path` from its present end until `stop`, and once more after it.
pub(super) async fn follow(module: String, path: PathBuf, stop: CancellationToken) {
    let mut follower = match Follower::open(module.clone(), path).await {
        Ok(follower) => follower,
        Err(error) => {
            tracing::error!(module, %error, "the module's output cannot be shown");
            return;
        }
    };
    loop {
        let stopping = tokio::select! {
            () = stop.cancelled() => true,
            () = tokio::time::sleep(LOOK) => false,
        };
        if let Err(error) = follower.pass_on().await {
            tracing::error!(module, %error, "the module's output cannot be shown any longer");
            return;
        }
        if stopping {
            return;
        }
    }
}

struct Follower {
    module: String,
    file: File,
    position: u64,
    partial: Vec<u8>,
}

impl Follower {
    async fn open(module: String, path: PathBuf) -> io::Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .await?;
        let position = file.metadata().await?.len();
        Ok(Self {
            module,
            file,
            position,
            partial: Vec::new(),
        })
    }

    async fn pass_on(&mut self) -> io::Result<()> {
        let mut block = vec![0; 64 * 1024];
        self.file.seek(SeekFrom::Start(self.position)).await?;
        loop {
            let read = self.file.read(&mut block).await?;
            if read == 0 {
                break;
            }
            self.position += read as u64;
            self.print(&block[..read])?;
        }
        if self.position > MAX_FILE_BYTES {
            self.file.set_len(0).await?;
            self.position = 0;
        }
        Ok(())
    }

    fn print(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stderr().lock();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.partial.len() >= MAX_LINE_BYTES {
                let line = String::from_utf8_lossy(&self.partial);
                writeln!(
                    out,
                    "[{}] {}",
                    self.module,
                    line.trim_end_matches(['\r', '\n'])
                )?;
                self.partial.clear();
            }
        }
        Ok(())
    }
}
