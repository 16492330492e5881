//! Pictures that want too much, made by code.
//!
//! [`bombs()`] are small files that ask for much memory or time, or for what no decoder here has;
//! [`seeds()`] are small honest pictures of every format and coding, to begin mutations from;
//! [`Mutator`] makes damaged ones out of them, the same for the same number. Every file is written
//! bit by bit here, by the formats' specifications and without a library of pictures, so that a
//! mistake of such a library is not on both sides. Nothing of this is a part of the product.

mod bits;
mod bmp;
mod bombs;
mod gif;
mod jpeg;
mod mutate;
mod png;
mod seeds;
mod webp;

pub use bombs::{Bomb, Ending, bombs};
pub use mutate::{Damage, Mutated, Mutator};
pub use seeds::{Seed, seeds};
