//! The repository's protocol, as a model: every interleaving in a small world.

mod protocol;
