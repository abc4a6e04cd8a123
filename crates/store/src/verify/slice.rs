//! Which packs are read as a whole: none, all, or a share, so that many short runs read everything.

use datakeep_process::digest;
use datakeep_store_blob::Listed;

/// How far to look. Structure is always proven.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Verify {
    /// Of which packs every byte is read, not only directories.
    pub data: Share,
    /// Threads, at most; `None` for as many as suit the machine and the store. Each may hold some 16 MiB.
    pub most_workers: Option<usize>,
}

/// A share of the packs. Which share a pack belongs to follows from its name alone: it does not change while others
/// come and go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Share {
    /// No pack.
    #[default]
    None,
    /// Every pack.
    All,
    /// One of several shares that together are all packs.
    Slice {
        /// Which one, from 1.
        number: u32,
        /// How many there are.
        of: u32,
    },
}

impl Share {
    /// A share; `None` unless it is one of 1 to `of`.
    pub fn slice(number: u32, of: u32) -> Option<Self> {
        (1..=of).contains(&number).then_some(Self::Slice { number, of })
    }

    /// True when the pack is in the share.
    pub fn holds(&self, object: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Slice { number, of } => {
                let hash = digest(object.as_bytes()).0;
                let hash = hash[..8].iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
                hash % u64::from((*of).max(1)) + 1 == u64::from(*number)
            }
        }
    }
}

impl Verify {
    /// How much work an object is, about: packs of other shares are opened and not read.
    pub fn looked_at_bytes(&self, object: &Listed) -> u64 {
        let is_pack = object.name.starts_with("data/") || object.name.starts_with("meta/");
        let is_passed_over = is_pack && matches!(self.data, Share::Slice { .. }) && !self.data.holds(&object.name);
        if is_passed_over { 0 } else { object.len_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_every_pack_exactly_once() {
        for of in [1, 2, 5, 64] {
            let mut sizes = vec![0; of as usize];
            for pack in 0..500 {
                let name = format!("data/00/{pack:024x}-1");
                let holders = (1..=of).filter(|number| Share::slice(*number, of).is_some_and(|s| s.holds(&name)));
                let holders: Vec<u32> = holders.collect();
                assert_eq!(holders.len(), 1, "{name} of {of}");
                sizes[holders[0] as usize - 1] += 1;
            }
            let fair = 500 / of;
            assert!(sizes.iter().all(|size| *size > 0 && *size < 4 * fair + 4), "{sizes:?}");
        }
        assert_eq!((Share::slice(0, 4), Share::slice(5, 4), Share::slice(0, 0)), (None, None, None));
        assert!(Share::All.holds("data/x") && !Share::None.holds("data/x"));
    }
}
