//! What the same pictures cost without any of this project's code: decode and `session.run`.
//!
//! The decoder is the `image` crate as it comes, the session is made with a number of threads and
//! nothing else, and the tensor is prepared beforehand.

use std::fs::File;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use image::ImageFormat;
use ort::session::Session;
use ort::value::TensorRef;
use vision::{DecodeLimits, ModelPackage, Preparer, Tensor, decode};

/// Bytes of the append that stands for the one record that a picture needs on the disk.
const RECORD: [u8; 200] = [0x5a; 200];

/// The pictures and what a session is fed of them.
#[derive(Debug, Clone)]
pub(crate) struct Bare {
    model: PathBuf,
    pictures: Arc<[Vec<u8>]>,
    tensors: Arc<[Tensor]>,
}

impl Bare {
    pub(crate) fn new(package: &Path, pictures: &[Vec<u8>]) -> anyhow::Result<Self> {
        let read = ModelPackage::open(package)?;
        let mut preparer = Preparer::new(read.preprocess().clone())?;
        let mut tensors = Vec::new();
        for picture in pictures {
            tensors.push(preparer.prepare(&decode(picture, &DecodeLimits::default())?));
        }
        Ok(Self {
            model: package.join("model.onnx"),
            pictures: pictures.into(),
            tensors: tensors.into(),
        })
    }

    /// Pictures a second of so many threads, each with a session of one thread.
    pub(crate) fn rate(&self, threads: usize, span: Duration) -> anyhow::Result<f64> {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let bare = self.clone();
                thread::spawn(move || -> anyhow::Result<f64> {
                    let mut session = bare.session(1)?;
                    bare.once(&mut session, 0)?;
                    let began = Instant::now();
                    let mut done = 0_u32;
                    while began.elapsed() < span {
                        bare.once(&mut session, usize::try_from(done)?)?;
                        done += 1;
                    }
                    Ok(f64::from(done) / began.elapsed().as_secs_f64())
                })
            })
            .collect();
        let mut sum = 0.0;
        for worker in workers {
            sum += worker
                .join()
                .map_err(|_panic| anyhow!("a bare loop panicked"))??;
        }
        Ok(sum)
    }

    /// Time of one picture after the other: decode, run on so many threads, and one append that is
    /// flushed to the disk of `folder`.
    pub(crate) fn with_append(
        &self,
        threads: usize,
        count: usize,
        folder: &Path,
    ) -> anyhow::Result<Vec<Duration>> {
        let mut session = self.session(threads)?;
        let mut file = File::create(folder.join("append"))?;
        self.once(&mut session, 0)?;
        let mut times = Vec::with_capacity(count);
        for number in 0..count {
            let began = Instant::now();
            self.once(&mut session, number)?;
            file.write_all(&RECORD)?;
            file.sync_data()?;
            times.push(began.elapsed());
        }
        Ok(times)
    }

    /// Loads the runtime and the model, and nothing more.
    pub(crate) fn load(model: &Path) -> anyhow::Result<Session> {
        session(model, 1)
    }

    fn session(&self, threads: usize) -> anyhow::Result<Session> {
        session(&self.model, threads)
    }

    fn once(&self, session: &mut Session, number: usize) -> anyhow::Result<()> {
        let at = number % self.pictures.len();
        let decoded = image::load(Cursor::new(&self.pictures[at]), ImageFormat::Jpeg)?;
        std::hint::black_box(decoded);
        let tensor = &self.tensors[at];
        let input = TensorRef::from_array_view((tensor.shape(), tensor.values()))?;
        let outputs = session.run(ort::inputs![input])?;
        std::hint::black_box(outputs.len());
        Ok(())
    }
}

fn session(model: &Path, threads: usize) -> anyhow::Result<Session> {
    let environment = vision::environment(None)?;
    let mut builder = Session::builder(environment)?
        .with_intra_threads(threads)
        .map_err(|refused| anyhow!("{refused}"))?;
    builder
        .commit_from_file(model)
        .with_context(|| format!("loading {}", model.display()))
}
