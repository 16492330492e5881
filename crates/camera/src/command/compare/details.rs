//! The file of `--details`: one line of JSON for each picture.

use anyhow::Context as _;
use camera::compare::summary::Detail;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// The file of details. After a line that could not be written there are no more.
pub(super) struct Details {
    path: PathBuf,
    out: BufWriter<File>,
    failed: Option<io::Error>,
}

impl Details {
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let out = File::create(path)
            .with_context(|| format!("the file of details {} cannot be made", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            out: BufWriter::new(out),
            failed: None,
        })
    }

    pub(super) fn write(&mut self, detail: &Detail<'_>) {
        if self.failed.is_none() {
            let written = serde_json::to_writer(&mut self.out, detail).map_err(io::Error::from);
            self.failed = written.and_then(|()| self.out.write_all(b"\n")).err();
        }
    }

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        let written = match self.failed.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        };
        written.with_context(|| format!("the file of details {} is not whole", self.path.display()))
    }
}
