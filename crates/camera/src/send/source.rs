//! Where pictures come from: a folder, or the renderer. One thread of its own reads, decodes and
//! renders; the sender takes what is ready from a bounded queue.

use super::folder::Folder;
use super::picture::{Origin, Picture, PictureError, Preparer};
use crate::render::{Size, frame};
use crate::truth::Truth;
use std::io;
use std::thread::{self, JoinHandle};
use tokio::sync::mpsc;

/// Pictures that are made ahead of their turn. Two keep the network busy; each is up to 255 KiB.
pub const READY_PICTURES: usize = 2;

/// What the source hands to the sender.
#[derive(Debug)]
pub enum Item {
    /// A picture to send.
    Picture(Picture),
    /// Something that is left out.
    Skipped(Skipped),
}

/// Something in the source that cannot be sent, and why.
#[derive(Debug, thiserror::Error)]
#[error("{what} is left out")]
pub struct Skipped {
    /// The file, or the rendered frame.
    pub what: String,
    /// Why.
    #[source]
    pub reason: SkipReason,
}

/// Why something is left out.
#[derive(Debug, thiserror::Error)]
pub enum SkipReason {
    /// The file cannot be read.
    #[error("it cannot be read")]
    Unreadable(#[source] io::Error),
    /// It is no picture, or does not fit.
    #[error(transparent)]
    Unsendable(#[from] PictureError),
}

/// A source of pictures.
#[derive(Debug)]
pub enum Source {
    /// Rendered frames 0, 1, 2, … of a seed; never ends.
    Rendered(Rendered),
    /// The files of a folder, in order.
    Folder(Folder),
}

/// What to render.
#[derive(Debug, Clone, Copy)]
pub struct Rendered {
    /// Seed of the scenes.
    pub seed: u64,
    /// The truth of all of them.
    pub truth: Truth,
    /// Their size.
    pub size: Size,
    /// JPEG quality (1 to 100); absent: each scene's own, 70 to 92.
    pub quality: Option<u8>,
}

impl Source {
    /// Number of pictures, if it is known and ends.
    #[must_use]
    pub fn len_hint(&self) -> Option<u64> {
        match self {
            Self::Rendered(_) => None,
            Self::Folder(folder) => folder.len_hint(),
        }
    }

    /// Starts the thread. It ends when the source has no more, or when the receiver is dropped and
    /// the item being made is finished.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(self, preparer: Preparer) -> io::Result<(mpsc::Receiver<Item>, JoinHandle<()>)> {
        let (sender, receiver) = mpsc::channel(READY_PICTURES);
        let thread =
            thread::Builder::new()
                .name("pictures".to_owned())
                .spawn(move || match self {
                    Self::Rendered(rendered) => rendered.run(preparer, &sender),
                    Self::Folder(folder) => folder.run(preparer, &sender),
                })?;
        Ok((receiver, thread))
    }
}

impl Rendered {
    fn run(&self, preparer: Preparer, items: &mpsc::Sender<Item>) {
        for index in 0.. {
            let frame = frame(self.seed, index, self.truth, self.size);
            let quality = self.quality.unwrap_or(frame.quality);
            let origin = Origin::Rendered {
                seed: self.seed,
                index,
            };
            let truth = self.truth.as_str().to_owned();
            let item = match preparer.from_pixels(&frame.pixels, quality, truth, origin) {
                Ok(picture) => Item::Picture(picture),
                Err(error) => Item::Skipped(Skipped {
                    what: format!("frame {index} of seed {}", self.seed),
                    reason: error.into(),
                }),
            };
            if items.blocking_send(item).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::MOST_BYTES;

    #[test]
    fn rendered_frames_come_in_order_and_the_thread_ends_with_its_receiver() {
        let size = Size::new(64, 48).unwrap();
        let rendered = Rendered {
            seed: 9,
            truth: Truth::Unripe,
            size,
            quality: Some(60),
        };
        let preparer = Preparer {
            limit: MOST_BYTES,
            raw: false,
        };
        let (mut items, thread) = Source::Rendered(rendered).start(preparer).unwrap();
        for expected in 0..5 {
            let Some(Item::Picture(picture)) = items.blocking_recv() else {
                panic!("no picture")
            };
            assert_eq!(
                picture.origin,
                Origin::Rendered {
                    seed: 9,
                    index: expected
                }
            );
            assert_eq!(picture.truth.as_deref(), Some("unripe"));
        }
        drop(items);
        thread.join().unwrap();
    }
}
