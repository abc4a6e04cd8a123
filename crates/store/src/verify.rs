//! Proves a repository: its structure, and on request every byte of it.

use crate::error::StoreError;
use crate::format::config;
use crate::format::decision::{self, Decision, Manifest};
use crate::format::index::PackRecord;
use crate::format::names::{self, PackName};
use crate::format::sealed::ObjectType;
use crate::node_io::{NodeReader, content_parts, list_pages};
use crate::pack::FrameDecoder;
use crate::pack_list::PackList;
use crate::repository::{Repository, class_of};
use crate::tree::entry::{Attributes, ChunkRef, Content, Entry, Location, Part};
use crate::tree::reader::{KeyRange, TreeCursor};
use crate::view::{self, View};
use crate::{index, progress};
use datakeep_model::{ChunkKind, ItemPath, SessionId};
use datakeep_store_blob::Listed;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

mod hurt;
mod nodes;
mod packs;
mod parallel;
mod relations;
mod slice;
mod used;

use hurt::Damaged;
pub use hurt::HurtFile;
use nodes::NotingReader;
pub use slice::{Share, Verify};
use used::Used;

/// Something that is not as it should be.
#[derive(Debug)]
pub struct Fault {
    /// What was looked at: an object, or a snapshot and path.
    pub what: String,
    /// The error.
    pub error: StoreError,
}

/// What was looked at, and what was found.
#[derive(Debug, Default)]
pub struct Verified {
    /// Objects looked at.
    pub objects: u64,
    /// Snapshots walked.
    pub snapshots: u64,
    /// Sessions without a decision: runs that are going on or were interrupted.
    pub undecided: u64,
    /// Entries walked, over all snapshots.
    pub entries: u64,
    /// Packs opened.
    pub packs: u64,
    /// Frames read and proven.
    pub frames: u64,
    /// Chunks whose id was computed anew.
    pub chunks: u64,
    /// Stored bytes read.
    pub read_bytes: u64,
    /// Faults.
    pub faults: Vec<Fault>,
    /// Snapshots that need what is damaged of a pack, by the pack's name.
    pub hurt: BTreeMap<String, BTreeSet<SessionId>>,
    /// Files that need it, as far as trees can be read; the first of them.
    pub hurt_files: Vec<HurtFile>,
    /// How many there are, each counted in every snapshot.
    pub hurt_files_total: u64,
    damaged: Damaged,
}

/// How often a snapshot is looked at while collections come between.
const MOST_LOOKS: usize = 3;

impl Verified {
    /// Takes over what was found in one snapshot.
    fn absorb(&mut self, own: Self) {
        self.entries += own.entries;
        own.faults.into_iter().for_each(|fault| self.note(&fault.what, Err(fault.error)));
        for (pack, snapshots) in own.hurt {
            self.hurt.entry(pack).or_default().extend(snapshots);
        }
        self.absorb_files(own.hurt_files, own.hurt_files_total);
        self.damaged = own.damaged;
    }

    /// Takes over what was counted and found damaged in packs.
    fn count(&mut self, own: Self) {
        self.packs += own.packs;
        self.frames += own.frames;
        self.chunks += own.chunks;
        self.damaged.extend(own.damaged);
    }

    fn note(&mut self, what: &str, result: Result<(), StoreError>) {
        let Err(error) = result else { return };
        // What is looked at for itself and beside a snapshot is told once.
        let is_known = |fault: &Fault| {
            fault.what == what && (&fault.error.to_string(), fault.error.kind()) == (&error.to_string(), error.kind())
        };
        if !self.faults.iter().any(is_known) {
            self.faults.push(Fault { what: what.to_string(), error });
        }
    }
}

/// What was learned from one snapshot that need not be looked at again for the next.
struct Walk {
    /// Chunks that were found.
    seen: SeenChunks,
    /// Packs that are what reach objects say of them.
    proven: HashMap<PackName, PackRecord>,
    /// Packs there were after the view was read.
    packs: (Arc<View>, PackList),
    decoder: FrameDecoder,
}

/// True when damage that was told elsewhere takes something from a snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
struct IsHurt(bool);

/// Places of chunks: a bit each, in words for 64 slots of a frame. A set of places would take 40 bytes a chunk, and a
/// repository may have many millions.
#[derive(Default)]
struct SeenChunks(HashMap<(PackName, u32, u32), u64>);

impl SeenChunks {
    fn word_and_bit(at: &Location) -> ((PackName, u32, u32), u64) {
        ((at.pack, at.frame, at.slot / 64), 1 << (at.slot % 64))
    }

    fn contains(&self, at: &Location) -> bool {
        let (word, bit) = Self::word_and_bit(at);
        self.0.get(&word).is_some_and(|bits| bits & bit != 0)
    }

    fn insert(&mut self, at: &Location) {
        let (word, bit) = Self::word_and_bit(at);
        *self.0.entry(word).or_default() |= bit;
    }
}

impl Repository {
    fn packs_by_view(&self) -> Result<(Arc<View>, PackList), StoreError> {
        let view = self.view()?;
        Ok((view, self.pack_list()?))
    }

    /// Looks at every object. Takes no lock and writes nothing; safe beside everything. `tick` is called with the bytes
    /// read since the last call and ends the run early by returning false.
    pub fn verify(&self, how: Verify, tick: &mut dyn FnMut(u64) -> bool) -> Result<Verified, StoreError> {
        config::check_features(&self.config, config::CHECKING, "checked")?;
        let mut report = Verified::default();
        let mut decoder = FrameDecoder::new()?;
        for fault in self.slot_faults()? {
            report.note(&format!("{}{}", self.config.version.slots(), fault.name), Err(fault.error));
        }
        let epoch = self.refresh_view()?.epoch;
        let objects = self.blobs.list("")?;
        let (packs, others): (Vec<&Listed>, Vec<&Listed>) =
            objects.iter().partition(|listed| PackName::parse(&listed.name).is_some());
        for listed in others {
            let looked_at_bytes = how.looked_at_bytes(listed);
            report.objects += 1;
            let result = self.verify_object(&listed.name, how, &mut decoder, &mut report);
            self.note_listed(listed, epoch, result, &mut report)?;
            report.read_bytes += looked_at_bytes;
            if !tick(looked_at_bytes) {
                return Ok(report);
            }
        }
        if !self.verify_packs(&packs, (how, epoch), &mut report, tick)? {
            return Ok(report);
        }
        let (manifests, _) = self.snapshots()?;
        self.verify_relations(&objects, &manifests, &mut report)?;
        let mut walk =
            Walk { seen: SeenChunks::default(), proven: HashMap::new(), packs: self.packs_by_view()?, decoder };
        for manifest in &manifests {
            report.snapshots += 1;
            self.verify_settled(manifest, &mut walk, &mut report)?;
            if !tick(0) {
                break;
            }
        }
        Ok(report)
    }

    /// Notes what came of an object, unless a collection has removed it since it was listed.
    fn note_listed(
        &self,
        listed: &Listed,
        epoch: u64,
        result: Result<(), StoreError>,
        report: &mut Verified,
    ) -> Result<(), StoreError> {
        match result {
            Err(StoreError::Missing { object }) if object == listed.name && self.may_be_gone(&object, epoch)? => {}
            result => report.note(&listed.name, result),
        }
        Ok(())
    }

    /// True when a collection may have removed an object since epoch `since`: in a round that has begun since, in the newest one,
    /// or, of a snapshot that is void or forgotten, still in an earlier one whose collector was slow.
    fn may_be_gone(&self, object: &str, since: u64) -> Result<bool, StoreError> {
        let view = self.refresh_view()?;
        let is_over = |(epoch, session)| view.is_void(epoch, session);
        let is_of_none = crate::format::names::parse_epoch_session(object).is_some_and(is_over);
        Ok(view.removes(object) || view.epoch > since || is_of_none)
    }

    fn verify_object(
        &self,
        name: &str,
        how: Verify,
        decoder: &mut FrameDecoder,
        report: &mut Verified,
    ) -> Result<(), StoreError> {
        let unknown = || StoreError::damaged(name, 0, "a name this version knows", "another name");
        let folder = name.split('/').next().unwrap_or(name);
        let view = self.view()?;
        // What belongs to a void or forgotten snapshot may go at any time.
        let is_over = |manifest: &Manifest| {
            let (epoch, id) = (manifest.snapshot.epoch, manifest.snapshot.id);
            view.is_void(epoch, id) || self.blobs.len_bytes(&self.tombstone_name(id)).is_ok_and(|len| len.is_some())
        };
        match folder {
            // Not the copy that a slot has: the object itself.
            "config" => {
                let parsed = crate::locked::read_config(&*self.blobs)?;
                config::check_mac(&parsed, &self.keys.commit)?;
                let is_same = parsed.config == self.config;
                if is_same {
                    Ok(())
                } else {
                    Err(StoreError::damaged(name, 0, "the config that was opened", "another"))
                }
            }
            // All slots are proven before everything else.
            _ if name.starts_with(self.config.version.slots()) => Ok(()),
            // Known to be damaged, and set aside: nothing refers to it.
            "quarantine" => Ok(()),
            // Of no meaning.
            _ if name.starts_with(names::PROBES) => Ok(()),
            "data" | "meta" => self.verify_pack(name, how, decoder, report),
            "index" if index::is_index_name(name) => index::read_run(self, name).map(|_| ()),
            "reach" => self.read_sealed(ObjectType::Reach, name).map(|_| ()),
            "sessions" => {
                let plain = self.read_sealed(ObjectType::Intent, name)?;
                decision::decode_intent(&plain).map(|_| ()).map_err(|e| e.of(name))
            }
            "commits" => self.read_decision(name).and_then(|decision| {
                if let Decision::Commit(manifest) = decision
                    && !is_over(&manifest)
                {
                    let faults = self.companions(&manifest).faults;
                    let is_over_now = !faults.is_empty()
                        && (self.refresh_view()?.is_void(manifest.snapshot.epoch, manifest.snapshot.id)
                            || self.blobs.len_bytes(&self.tombstone_name(manifest.snapshot.id))?.is_some());
                    for fault in faults.into_iter().filter(|_| !is_over_now) {
                        let what = fault.object().unwrap_or(name).to_string();
                        report.note(&what, Err(fault));
                    }
                }
                Ok(())
            }),
            "commits-copies" => self.compare_decision_copy(name),
            "mended" if names::parse_numbered(name).is_some() => self.read_mended(name).map(|_| ()),
            "tags" => self.read_sealed(ObjectType::Tags, name).map(|_| ()),
            _ if name.starts_with(self.config.version.tombstones()) => self.verify_tombstone(name),
            "origins" => self.verify_origin_mark(name),
            "condemned" => self.verify_round(name, |epoch| view::read_condemned(self, epoch).map(|_| ())),
            "checkpoints" | "copies" => {
                self.verify_round(name, |_| view::read_checkpoint_at(self, name.to_string()).map(|_| ()))
            }
            "progress" => match progress::check_record(self, name) {
                // A run that has committed meanwhile removes its own.
                Err(StoreError::Missing { object }) if object == name => Ok(()),
                // A collection that gave its run up takes the packs; what names them is of no use and does no harm.
                Err(StoreError::Missing { .. }) if view.checkpoint.is_some() => Ok(()),
                other => other,
            },
            _ => Err(unknown()),
        }
    }

    fn verify_tombstone(&self, name: &str) -> Result<(), StoreError> {
        let session = name.strip_prefix(self.config.version.tombstones()).and_then(SessionId::from_hex);
        let session = session.ok_or_else(|| StoreError::damaged(name, 0, "a session's name", "another name"))?;
        self.tombstone(session).map(|_| ())
    }

    /// Lists and checkpoints of older rounds are removed by newer ones.
    fn verify_round(&self, name: &str, read: impl Fn(u64) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let epoch = names::parse_epoch(name);
        match read(epoch.ok_or_else(|| StoreError::damaged(name, 0, "an epoch", "another name"))?) {
            Err(StoreError::Missing { .. }) if self.blobs.len_bytes(name)?.is_none() => Ok(()),
            other => other,
        }
    }

    /// A snapshot that has been forgotten meanwhile has no faults; where a collection has moved something meanwhile, it
    /// is looked for again.
    fn verify_settled(&self, manifest: &Manifest, walk: &mut Walk, report: &mut Verified) -> Result<(), StoreError> {
        let mut left = MOST_LOOKS;
        loop {
            let view = self.view()?;
            if !Arc::ptr_eq(&walk.packs.0, &view) {
                walk.packs = self.packs_by_view()?;
            }
            let mut own = Verified { damaged: report.damaged.clone(), ..Verified::default() };
            let result = self.verify_snapshot(manifest, walk, &mut own);
            own.note(&format!("snapshot {}", manifest.snapshot.id), result);
            left -= 1;
            if !own.faults.is_empty() {
                let now = self.refresh_view()?;
                let (epoch, id) = (manifest.snapshot.epoch, manifest.snapshot.id);
                if now.is_void(epoch, id) || self.blobs.len_bytes(&self.tombstone_name(id))?.is_some() {
                    return Ok(());
                }
                self.fresh_index()?;
                if left > 0 && !now.is_same(&view) {
                    continue;
                }
            }
            report.absorb(own);
            return Ok(());
        }
    }

    fn verify_snapshot(&self, manifest: &Manifest, walk: &mut Walk, report: &mut Verified) -> Result<(), StoreError> {
        let (reach, is_written) = self.reach_and_origin(manifest, &|_| true)?;
        for object in self.missing_live_packs(&walk.packs.1, &reach)? {
            report.damaged.pack(PackName::parse(&object).map(|(_, name)| name));
            report.note(&object, Err(StoreError::Missing { object: object.clone() }));
        }
        let view = self.view()?;
        for (record, _) in reach.packs.values().filter(|(record, _)| !view.is_gone(record.name)) {
            if walk.proven.get(&record.name) == Some(record) {
                continue;
            }
            let result = self.open_pack_uncached(record.class, record.name, Some(record)).map(|_| ());
            match result {
                Ok(()) => drop(walk.proven.insert(record.name, *record)),
                Err(_) => report.damaged.pack(Some(record.name)),
            }
            report.note(&record.name.object(record.class), result);
        }
        report.note_hurt_snapshot(&view, &reach, manifest.snapshot.id);
        // To one that a repair has made, a collection adds what the tree refers to.
        let used = is_written.then(|| Used::of(self, view, &reach));
        let nodes = Cell::new(Vec::new());
        let reader = NotingReader { inner: NodeReader::new(self)?, read: &nodes };
        let mut cursor = TreeCursor::new(reader, manifest.root, manifest.root_level, KeyRange::default());
        while let Some(entry) = cursor.next_entry()? {
            for node in nodes.take() {
                let result = self.verify_chunk((ChunkKind::Node, &node), (&mut *walk, used.as_ref()), &report.damaged);
                report.note(&format!("the tree of snapshot {}", manifest.snapshot.id.short()), result.map(drop));
            }
            report.entries += 1;
            let mut is_hurt = false;
            let result = self.verify_entry(&entry, (walk, used.as_ref()), &report.damaged, &mut is_hurt);
            if is_hurt {
                report.note_hurt_file(&entry, manifest.snapshot.id);
            }
            if let Err(error) = result {
                let path = ItemPath::from_key(&entry.key).map_or_else(|_| "?".into(), |path| path.to_string());
                report.note(&format!("{} in snapshot {}", path, manifest.snapshot.id.short()), Err(error));
            }
        }
        Ok(())
    }

    /// That a chunk of a snapshot is there, and that the snapshot says so of the frame it lies in.
    fn verify_chunk(
        &self,
        (kind, chunk): (ChunkKind, &ChunkRef),
        (walk, used): (&mut Walk, Option<&Used<'_>>),
        damaged: &Damaged,
    ) -> Result<IsHurt, StoreError> {
        // The pack or frame has been told; here it is only said whom it hurts.
        if damaged.holds(self, kind, chunk)? {
            return Ok(IsHurt(true));
        }
        if let Some(at) = chunk.at.filter(|at| walk.seen.contains(at))
            && used.is_none_or(|used| used.holds(at))
        {
            return Ok(IsHurt(false));
        }
        let (_, found) = self.locate(kind, chunk)?;
        chunk.at.iter().for_each(|at| walk.seen.insert(at));
        let Some(used) = used else { return Ok(IsHurt(false)) };
        if chunk.at.is_some_and(|at| used.holds(at)) || used.holds(found) || used.holds_chunk(&chunk.id)? {
            return Ok(IsHurt(false));
        }
        Err(StoreError::Unlisted { object: found.pack.object(class_of(kind)), frame: found.frame })
    }

    fn verify_entry(
        &self,
        entry: &Entry,
        (walk, used): (&mut Walk, Option<&Used<'_>>),
        damaged: &Damaged,
        is_hurt: &mut bool,
    ) -> Result<(), StoreError> {
        let pages = match &entry.content {
            Content::List { root, .. } => list_pages(self, root, &mut walk.decoder)?,
            _ => Vec::new(),
        };
        let parts = content_parts(self, &entry.content, &mut walk.decoder)?;
        let mut exists = |kind: ChunkKind, chunk: &ChunkRef| -> Result<(), StoreError> {
            *is_hurt |= self.verify_chunk((kind, chunk), (&mut *walk, used), damaged)? == IsHurt(true);
            Ok(())
        };
        if let Attributes::Chunk(chunk) = &entry.attributes {
            exists(ChunkKind::Attributes, chunk)?;
        }
        match &entry.content {
            Content::Empty => return Ok(()),
            Content::One(chunk) => return exists(ChunkKind::Data, chunk),
            Content::Parts(_) | Content::List { .. } => {}
        }
        if let Content::List { root, .. } = &entry.content {
            exists(ChunkKind::List, root)?;
            pages.iter().try_for_each(|page| exists(ChunkKind::List, page))?;
        }
        let total = parts.iter().map(Part::len_bytes).fold(0, u64::saturating_add);
        for part in &parts {
            if let Part::Chunk(chunk) = part {
                exists(ChunkKind::Data, chunk)?;
            }
        }
        if total == entry.meta.len_bytes || entry.changed_while_read {
            return Ok(());
        }
        Err(StoreError::damaged("its content", 0, format!("{} bytes", entry.meta.len_bytes), format!("{total} bytes")))
    }
}
