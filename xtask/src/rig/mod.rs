//! What the commands that run a whole site share (`demo`, `chaos`): the programs, a folder for
//! the run, the files that hub and agent leave for others, what went upstream, and the manners
//! towards a person: progress and Ctrl-C.

pub(crate) mod folder;
pub(crate) mod interrupt;
mod picture_bytes;
pub(crate) mod programs;
pub(crate) mod screen;
pub(crate) mod state;
pub(crate) mod upstream;
