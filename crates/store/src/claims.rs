//! Who writes a chunk that two threads meet at once: exactly one of them.

use datakeep_model::ChunkId;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, PoisonError};

/// Where a new chunk will be: a frame of this run by its serial number, and the chunk's number in it. Serial numbers
/// are given when a frame is begun; its pack is known when it is handed over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket {
    /// Serial number of the frame in this run.
    pub serial: u32,
    /// Number of the chunk in the frame.
    pub slot: u32,
}

/// What a claim found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claim {
    /// The caller writes it, under the ticket it brought.
    New,
    /// This run already writes it.
    Taken(Ticket),
}

/// Chunk ids are uniform: their first bytes are hash enough.
#[derive(Default)]
pub struct IdBytes(u64);

impl Hasher for IdBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = self.0.rotate_left(5) ^ u64::from_le_bytes(word);
        }
    }
}

const SHARDS: usize = 64;
type Shard = Mutex<HashMap<ChunkId, Ticket, BuildHasherDefault<IdBytes>>>;

/// The chunks that this run writes.
pub struct Claims {
    shards: Vec<Shard>,
}

impl Default for Claims {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::default()).collect() }
    }
}

impl Claims {
    fn shard(&self, id: &ChunkId) -> std::sync::MutexGuard<'_, HashMap<ChunkId, Ticket, BuildHasherDefault<IdBytes>>> {
        self.shards[id.0[31] as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ticket of a chunk this run writes.
    pub fn get(&self, id: &ChunkId) -> Option<Ticket> {
        self.shard(id).get(id).copied()
    }

    /// Claims a chunk under `ticket`.
    pub fn claim(&self, id: ChunkId, ticket: Ticket) -> Claim {
        match self.shard(&id).entry(id) {
            Entry::Occupied(taken) => Claim::Taken(*taken.get()),
            Entry::Vacant(free) => {
                free.insert(ticket);
                Claim::New
            }
        }
    }

    /// Chunks claimed.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// True when nothing is claimed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets go of chunks that the index now knows.
    pub fn release(&self, ids: impl Iterator<Item = ChunkId>) {
        ids.for_each(|id| {
            self.shard(&id).remove(&id);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many_claims_wins() {
        let claims = Claims::default();
        let winners: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|serial| {
                    let claims = &claims;
                    scope.spawn(move || {
                        let new = |n: &u32| {
                            let id = ChunkId([(*n % 251) as u8; 32]);
                            claims.claim(id, Ticket { serial, slot: *n }) == Claim::New
                        };
                        (0..1000).filter(new).count()
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().expect("no panic")).sum()
        });
        assert_eq!((winners, claims.len()), (251, 251));
    }
}
