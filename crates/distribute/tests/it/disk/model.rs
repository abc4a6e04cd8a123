//! What a disk holds after a power loss: the weakest file system on which the store promises to work.
//!
//! - Bytes that were not synced: all there, none, zeros or noise in their place, or some blocks of 512 or 4096 bytes.
//! - Names that were made, moved or removed since the last sync of their directory: each on its own as it is now or as
//!   it was, in any order, also across directories. A move is whole or has not happened. What stands in a directory
//!   whose own name was lost is lost.
//! - A sync that failed made nothing durable, and no later one of the same file or name does.

use super::record::{Event, Op, parent};
use datakeep_store_blob::is_valid_name;
use datakeep_testkit::XorShift;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Node {
    Directory,
    File(u64),
}

type Names = BTreeMap<Arc<str>, Node>;

#[derive(Clone, Debug)]
enum Change {
    Put(Arc<str>, Node),
    Move(Arc<str>, Arc<str>, Node),
    Remove(Arc<str>),
}

#[derive(Clone, Debug)]
struct Pending {
    directory: String,
    change: Change,
    /// A sync of the directory has failed since: it stays pending.
    is_doomed: bool,
}

#[derive(Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    is_durable: bool,
    is_doomed: bool,
}

/// What is left of bytes that were not synced.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Tear {
    Whole,
    Nothing,
    Zeros,
    Noise,
    /// The first half, in blocks of so many bytes; zeros after it.
    Half(usize),
    /// The first half, and nothing after it.
    Cut(usize),
    /// Every second block.
    Gaps(usize),
}

const TEARS: [Tear; 10] = [
    Tear::Whole,
    Tear::Nothing,
    Tear::Zeros,
    Tear::Noise,
    Tear::Half(512),
    Tear::Half(4096),
    Tear::Cut(512),
    Tear::Cut(4096),
    Tear::Gaps(512),
    Tear::Gaps(4096),
];

impl Tear {
    pub fn apply(self, bytes: &[u8]) -> Vec<u8> {
        let half = |block: usize| bytes.len() / 2 / block * block;
        let mut torn = bytes.to_vec();
        match self {
            Tear::Whole => {}
            Tear::Nothing => torn.clear(),
            Tear::Zeros => torn.fill(0),
            Tear::Noise => torn = datakeep_testkit::random_bytes(bytes.len() as u64, bytes.len()),
            Tear::Half(block) => torn[half(block)..].fill(0),
            Tear::Cut(block) => torn.truncate(half(block)),
            Tear::Gaps(block) => torn.chunks_mut(block).step_by(2).for_each(|block| block.fill(0)),
        }
        torn
    }
}

/// The objects that are seen after a power loss: name, file, and what is left of it.
pub type Objects = Vec<(Arc<str>, u64, Tear)>;

/// The disk after some changes.
#[derive(Clone, Default)]
pub struct DiskModel {
    /// As programs see it.
    current: Names,
    durable: Names,
    pending: Vec<Pending>,
    files: BTreeMap<u64, Content>,
}

impl DiskModel {
    /// An empty disk with the folder that the store's own will stand in.
    pub fn new() -> Self {
        Self::default()
    }

    pub fn play(&mut self, event: &Event) {
        let Event::Op(op) = event else { return };
        match op {
            Op::MakeDirectory(path) => self.put(path, Node::Directory),
            Op::Create { file, path } => {
                self.files.insert(*file, Content::default());
                self.put(path, Node::File(*file));
            }
            Op::Write { file, bytes } => {
                let content = self.files.entry(*file).or_default();
                content.bytes.extend_from_slice(bytes);
                content.is_durable = false;
            }
            Op::SyncFile { file } => {
                let content = self.files.entry(*file).or_default();
                content.is_durable = !content.is_doomed;
            }
            Op::LostFile { file } => self.files.entry(*file).or_default().is_doomed = true,
            Op::Rename { from, to } => {
                assert_eq!(parent(from), parent(to), "the model knows moves within a directory");
                let node = self.current[from.as_str()];
                self.change(parent(to), Change::Move(from.as_str().into(), to.as_str().into(), node));
            }
            Op::Link { from, to } => self.put(to, self.current[from.as_str()]),
            Op::Remove(path) => self.change(parent(path), Change::Remove(path.as_str().into())),
            Op::SyncDirectory(directory) => self.sync_directory(directory),
            Op::LostDirectory(directory) => {
                let of_it = self.pending.iter_mut().filter(|pending| pending.directory == *directory);
                of_it.for_each(|pending| pending.is_doomed = true);
            }
            Op::Decay(path) => [&mut self.current, &mut self.durable].into_iter().for_each(|names| {
                names.remove(path.as_str());
            }),
        }
    }

    fn put(&mut self, path: &str, node: Node) {
        self.change(parent(path), Change::Put(path.into(), node));
    }

    fn change(&mut self, directory: &str, change: Change) {
        apply(&mut self.current, &change);
        self.pending.push(Pending { directory: directory.to_string(), change, is_doomed: false });
    }

    fn sync_directory(&mut self, directory: &str) {
        let mut left: Vec<Pending> = Vec::new();
        for pending in std::mem::take(&mut self.pending) {
            if pending.directory == directory && !pending.is_doomed {
                // What was done to the name before is over, however that went.
                left.retain(|earlier| earlier.change.name() != pending.change.name());
                apply(&mut self.durable, &pending.change);
            } else {
                left.push(pending);
            }
        }
        self.pending = left;
    }

    /// Ways in which the pending changes may have reached the disk, as far as a reader could tell them apart. All of
    /// them when they are few; else none, all, one or two lost, one or two kept, the first so many, and some by chance.
    pub fn fates(&self, seed: u64) -> Vec<Vec<bool>> {
        let matters: Vec<usize> = (0..self.pending.len()).filter(|&at| self.pending[at].change.is_visible()).collect();
        let mut fates = BTreeSet::new();
        for choice in choices(matters.len(), seed) {
            let mut fate = vec![true; self.pending.len()];
            matters.iter().zip(choice).for_each(|(&at, kept)| fate[at] = kept);
            fates.insert(fate);
        }
        fates.into_iter().collect()
    }

    /// What is seen when the pending changes had this fate; several states when bytes of a visible object are at risk.
    pub fn states(&self, fate: &[bool]) -> Vec<Objects> {
        let mut names = self.durable.clone();
        let kept = self.pending.iter().zip(fate).filter(|(_, kept)| **kept);
        kept.for_each(|(pending, _)| apply(&mut names, &pending.change));
        let objects: Vec<(Arc<str>, u64)> = visible(&names).collect();
        let at_risk: Vec<u64> = objects.iter().map(|(_, file)| *file).filter(|file| !self.is_durable(*file)).collect();
        let with = |tear: Tear, torn: &[u64]| -> Objects {
            let tear_of = |file: &u64| if torn.contains(file) { tear } else { Tear::Whole };
            objects.iter().map(|(name, file)| (name.clone(), *file, tear_of(file))).collect()
        };
        if at_risk.is_empty() {
            return vec![with(Tear::Whole, &[])];
        }
        let together = TEARS.iter().map(|tear| with(*tear, &at_risk));
        let each = at_risk.iter().rev().take(4).flat_map(|file| TEARS[1..].iter().map(|tear| with(*tear, &[*file])));
        together.chain(each).collect()
    }

    fn is_durable(&self, file: u64) -> bool {
        self.files.get(&file).is_some_and(|content| content.is_durable)
    }

    pub fn bytes(&self, file: u64, tear: Tear) -> Vec<u8> {
        tear.apply(&self.files[&file].bytes)
    }

    /// The pending changes that a fate loses, for people.
    pub fn lost(&self, fate: &[bool]) -> Vec<String> {
        let lost = self.pending.iter().zip(fate).filter(|(_, kept)| !**kept);
        lost.map(|(pending, _)| format!("{:?}", pending.change)).collect()
    }
}

impl Change {
    fn name(&self) -> &str {
        let (Change::Put(path, _) | Change::Move(_, path, _) | Change::Remove(path)) = self;
        path
    }

    /// True when a reader can notice it: temporary names are not objects.
    fn is_visible(&self) -> bool {
        self.name().is_empty() || is_valid_name(self.name())
    }
}

fn apply(names: &mut Names, change: &Change) {
    match change {
        Change::Put(path, node) => {
            names.insert(path.clone(), *node);
        }
        Change::Move(from, to, node) => {
            names.remove(from);
            names.insert(to.clone(), *node);
        }
        Change::Remove(path) => {
            names.remove(path);
        }
    }
}

/// The objects whose directories are all there.
fn visible(names: &Names) -> impl Iterator<Item = (Arc<str>, u64)> + '_ {
    let is_reached = |path: &str| {
        let mut directory = parent(path);
        while directory != ".." && names.get(directory) == Some(&Node::Directory) {
            directory = parent(directory);
        }
        directory == ".."
    };
    names.iter().filter_map(move |(path, node)| match node {
        Node::File(file) if is_valid_name(path) && is_reached(path) => Some((path.clone(), *file)),
        _ => None,
    })
}

const MOST_EXHAUSTIVE: usize = 10;
const MOST_PAIRS: usize = 120;
const RANDOM_CHOICES: usize = 80;

/// Which of `count` things are kept.
fn choices(count: usize, seed: u64) -> Vec<Vec<bool>> {
    if count <= MOST_EXHAUSTIVE {
        return (0..1_u32 << count).map(|bits| (0..count).map(|at| bits >> at & 1 == 1).collect()).collect();
    }
    let all_but = |kept: bool, which: &[usize]| (0..count).map(|at| which.contains(&at) != kept).collect();
    let pairs: Vec<[usize; 2]> = (0..count).flat_map(|a| (0..a).map(move |b| [a, b])).collect();
    let step = pairs.len().div_ceil(MOST_PAIRS);
    let few: Vec<Vec<usize>> = std::iter::once(Vec::new())
        .chain((0..count).map(|at| vec![at]))
        .chain(pairs.iter().step_by(step).map(|pair| pair.to_vec()))
        .collect();
    let mut random = XorShift::new(seed ^ count as u64);
    few.iter()
        .flat_map(|which| [all_but(true, which), all_but(false, which)])
        .chain((0..count).map(|first| (0..count).map(|at| at < first).collect()))
        .chain((0..RANDOM_CHOICES).map(|_| (0..count).map(|_| random.below(2) == 0).collect()))
        .collect()
}
