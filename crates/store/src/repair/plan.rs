//! What is damaged, and what of it is used.

use super::{DamagedPack, RepairPlan};
use crate::collect::live::{Live, LivePack};
use crate::collect::sessions::{self, Registers};
use crate::error::StoreError;
use crate::format::config::{self, check_features};
use crate::format::decision::Manifest;
use crate::format::names::{self, PackClass, PackName};
use crate::locked::read_config;
use crate::pack::{FrameDecoder, OpenPack};
use crate::repository::Repository;
use crate::scrub::compare_digest;
use crate::verify::Fault;
use crate::view::{View, is_harmed, read_checkpoint_at};
use datakeep_model::{ErrorKind, SessionId};
use datakeep_store_blob::Listed;
use std::collections::{BTreeMap, BTreeSet};

impl Repository {
    /// Reads every byte of every pack and looks what a repair would do. Changes nothing. `tick` is called with the bytes
    /// read since the last call and ends the run early by returning false.
    pub fn plan_repair(&self, tick: &mut dyn FnMut(u64) -> bool) -> Result<RepairPlan, StoreError> {
        (0..3)
            .zip(["read", "written", "collected"])
            .try_for_each(|(set, what)| check_features(&self.config, set, what))?;
        let view = self.refresh_view_strictly()?;
        let packs = self.list_packs()?;
        let mut plan = RepairPlan { epoch: view.epoch, unfinished: view.condemned.is_some(), ..RepairPlan::default() };
        let (manifests, _) = self.visible()?;
        self.plan_decisions(&view, &mut plan)?;
        self.plan_names(&mut plan)?;
        self.plan_config(&mut plan)?;
        let live = self.plan_reaches(&view, &manifests, &packs, &mut plan)?;
        self.plan_small_records(&view, &manifests, &mut plan)?;
        for (epoch, session) in Registers::list(self)?.undecided(u64::MAX) {
            plan.open.push(sessions::describe(self, epoch, session, &packs)?);
        }
        let mut decoder = FrameDecoder::new()?;
        for object in &packs {
            if let Some(damaged) = self.judge(&view, object, &live, &mut decoder)? {
                plan.packs.push(damaged);
            } else if self.is_left_over(&view, object)? {
                plan.leftover.push(object.name.clone());
            }
            if !tick(object.len_bytes) {
                return Err(crate::collect::stopped());
            }
        }
        self.missing(&view, &packs, &live, &mut plan)?;
        plan.used = plan.packs.iter().map(|pack| (pack.name, used_frames(live.packs.get(&pack.name)))).collect();
        self.name_snapshots(&view, &manifests, &mut plan)?;
        self.plan_indexes(&view, (&manifests, &live), &mut plan)?;
        self.plan_checkpoints(&mut plan)?;
        plan.manifests = manifests;
        Ok(plan)
    }

    /// A config that is damaged: readers go by the copies in slots. It is not made again, for between taking it away and putting
    /// it back there would be no repository.
    fn plan_config(&self, plan: &mut RepairPlan) -> Result<(), StoreError> {
        let read = read_config(&*self.blobs).and_then(|parsed| config::check_mac(&parsed, &self.keys.commit));
        match read {
            Ok(()) => Ok(()),
            Err(error) if is_harmed(&error) => {
                plan.beyond.push(Fault { what: names::CONFIG.to_string(), error });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Objects with names that no record has: what they were is not known.
    fn plan_names(&self, plan: &mut RepairPlan) -> Result<(), StoreError> {
        let is_name = |folder: &str, name: &str| match folder {
            "tags/" => names::parse_numbered(name).is_some(),
            _ => names::parse_epoch_session(name).is_some(),
        };
        for folder in [names::COMMITS, names::DECISION_COPIES, "tags/"] {
            for object in self.blobs.list(folder)?.into_iter().filter(|object| !is_name(folder, &object.name)) {
                let error = StoreError::damaged(&object.name, 0, "a name this version knows", "another name");
                plan.beyond.push(Fault { what: object.name, error });
            }
        }
        Ok(())
    }

    /// Checkpoints and copies of them that are damaged. (That the newest could be read shows that its other copy is whole.)
    fn plan_checkpoints(&self, plan: &mut RepairPlan) -> Result<(), StoreError> {
        let copies = self.blobs.list(names::COPIES)?;
        for object in self.blobs.list(names::CHECKPOINTS)?.into_iter().chain(copies) {
            match read_checkpoint_at(self, object.name.clone()) {
                // A newer round has removed it since.
                Err(StoreError::Missing { .. }) | Ok(_) => {}
                Err(error) if is_harmed(&error) && self.is_other_copy_whole(&object.name) => {
                    plan.checkpoints.push(object.name);
                }
                Err(error) if error.kind() == ErrorKind::Integrity => plan.checkpoints.push(object.name),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn is_other_copy_whole(&self, object: &str) -> bool {
        let Some(epoch) = names::parse_epoch(object) else { return false };
        let is_copy = object.starts_with(names::COPIES);
        let other = if is_copy { names::checkpoint(epoch) } else { names::checkpoint_copy(epoch) };
        read_checkpoint_at(self, other).is_ok()
    }

    /// Reads a pack; tells what is wrong with it, if anything.
    fn judge(
        &self,
        view: &View,
        object: &Listed,
        live: &Live,
        decoder: &mut FrameDecoder,
    ) -> Result<Option<DamagedPack>, StoreError> {
        let Some((class, name)) = PackName::parse(&object.name) else { return Ok(None) };
        if view.is_gone(name) {
            return Ok(None);
        }
        let Err(error) = self.prove_pack(class, name, decoder) else { return Ok(None) };
        if !self.is_damage(object, &error)? {
            return Err(error);
        }
        let used = used_frames(live.packs.get(&name));
        Ok(Some(DamagedPack {
            name,
            class,
            len_bytes: object.len_bytes,
            is_missing: false,
            error: error.to_string(),
            used_frames: used.len() as u32,
            lost_frames: self.unreadable(class, name, &used, decoder)?,
            snapshots: Vec::new(),
        }))
    }

    /// Those of some frames that cannot be read.
    fn unreadable(
        &self,
        class: PackClass,
        name: PackName,
        frames: &[u32],
        decoder: &mut FrameDecoder,
    ) -> Result<Vec<u32>, StoreError> {
        let Some(pack) = self.open_for_salvage(class, name)? else { return Ok(frames.to_vec()) };
        let mut lost = Vec::new();
        for &frame in frames {
            match pack.copy_frame(&*self.blobs, self.config.repository, frame, (&mut *decoder, self.ids())) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Integrity => lost.push(frame),
                Err(error) => return Err(error),
            }
        }
        Ok(lost)
    }

    /// Opens a pack whatever index and reach say of its length and digest: its directory and its frames prove themselves.
    /// `None` when nothing in it can be read.
    pub(super) fn open_for_salvage(&self, class: PackClass, name: PackName) -> Result<Option<OpenPack>, StoreError> {
        match self.open_pack_uncached(class, name, None) {
            Ok(pack) => Ok(Some(pack)),
            Err(error) if matches!(error.kind(), ErrorKind::Integrity | ErrorKind::Incompatible) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// True for wrong bytes. A version that is not known is none when the pack is as its own hash says: then a newer
    /// program has written it, and only that may judge it.
    fn is_damage(&self, object: &Listed, error: &StoreError) -> Result<bool, StoreError> {
        match error.kind() {
            ErrorKind::Integrity => Ok(true),
            ErrorKind::Incompatible => match compare_digest(&*self.blobs, &object.name, object.len_bytes) {
                Ok(()) => Ok(false),
                Err(error) if error.kind() == ErrorKind::Integrity => Ok(true),
                Err(error) => Err(error),
            },
            _ => Ok(false),
        }
    }

    /// Packs in use that are not there. A listing is no instant: they are looked for by name.
    fn missing(&self, view: &View, packs: &[Listed], live: &Live, plan: &mut RepairPlan) -> Result<(), StoreError> {
        let listed: BTreeSet<PackName> =
            packs.iter().filter_map(|object| PackName::parse(&object.name)).map(|(_, name)| name).collect();
        for (&name, pack) in live.packs.iter().filter(|(name, _)| !listed.contains(name) && !view.is_gone(**name)) {
            let object = name.object(pack.class);
            if self.blobs.len_bytes(&object)?.is_some() {
                continue;
            }
            let used = used_frames(Some(pack));
            plan.packs.push(DamagedPack {
                name,
                class: pack.class,
                len_bytes: pack.known.map_or(0, |(_, len_bytes)| len_bytes),
                is_missing: true,
                error: StoreError::Missing { object }.to_string(),
                used_frames: used.len() as u32,
                lost_frames: used,
                snapshots: Vec::new(),
            });
        }
        Ok(())
    }

    fn is_left_over(&self, view: &View, object: &Listed) -> Result<bool, StoreError> {
        let Some((_, name)) = PackName::parse(&object.name) else { return Ok(false) };
        let goes = view.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.delete.contains_key(&name));
        Ok(goes && self.blobs.len_bytes(&names::quarantined(&object.name, 0))?.is_some())
    }

    /// Which snapshots use what is lost.
    fn name_snapshots(&self, view: &View, manifests: &[Manifest], plan: &mut RepairPlan) -> Result<(), StoreError> {
        if plan.packs.iter().all(|pack| pack.lost_frames.is_empty()) {
            return Ok(());
        }
        let mut hurt: BTreeMap<PackName, BTreeSet<SessionId>> = BTreeMap::new();
        for manifest in manifests {
            let mut live = Live::default();
            let known = self.planned_reach(view, manifest, plan);
            match known.and_then(|reach| live.add_reach(view, &reach, manifest)) {
                // Told before.
                Err(error) if error.kind() == ErrorKind::Integrity => continue,
                other => other?,
            }
            for pack in &plan.packs {
                let used = live.packs.get(&pack.name).map(|live| &live.used);
                if used.is_some_and(|used| pack.lost_frames.iter().any(|frame| used.contains(*frame))) {
                    hurt.entry(pack.name).or_default().insert(manifest.snapshot.id);
                }
            }
        }
        for pack in &mut plan.packs {
            pack.snapshots.extend(hurt.remove(&pack.name).unwrap_or_default());
        }
        Ok(())
    }
}

fn used_frames(pack: Option<&LivePack>) -> Vec<u32> {
    pack.map_or_else(Vec::new, |pack| (0..pack.used.end()).filter(|frame| pack.used.contains(*frame)).collect())
}
