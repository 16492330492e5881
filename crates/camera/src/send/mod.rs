//! Sending pictures to an edgeHub as a leaf device.
//!
//! A [`source`] makes pictures on a thread of its own, the [`sender`] keeps each until the hub has
//! acknowledged it, the [`report`] says what was sent. [`picture`] makes a picture fit into a
//! message, [`folder`] finds pictures in files. [`hub`] is the real hub behind the sender.
//!
//! Lifecycle: `Source::start` gives a bounded queue and a thread; `send_all` drains the queue until
//! it ends or the stop comes; dropping the queue ends the thread; joining it is the caller's part.

pub mod folder;
pub mod hub;
pub mod picture;
pub mod report;
pub mod sender;
pub mod source;
