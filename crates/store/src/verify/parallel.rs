//! Packs on all cores: they are most of the work, and none needs another.

use super::{Verified, Verify};
use crate::error::StoreError;
use crate::pack::FrameDecoder;
use crate::repository::Repository;
use datakeep_store_blob::Listed;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Threads, at most: each holds a frame and what it is made of.
const MOST_WORKERS: usize = 8;

/// What came of the pack of this number.
type Outcome = (usize, Verified, Result<(), StoreError>);

impl Repository {
    /// Looks at packs. False when `tick` ended it early. Faults are noted in the order of the names, whoever finds them
    /// first.
    pub(super) fn verify_packs(
        &self,
        packs: &[&Listed],
        (how, epoch): (Verify, u64),
        report: &mut Verified,
        tick: &mut dyn FnMut(u64) -> bool,
    ) -> Result<bool, StoreError> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let most = how.most_workers.unwrap_or(MOST_WORKERS).clamp(1, MOST_WORKERS).min(packs.len());
        let workers = cores.max(self.blobs.reads_at_once()).min(most);
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let mut faults = BTreeMap::new();
        std::thread::scope(|scope| {
            // Dropped at the end of this scope, whatever happens: a worker that has something to tell does not wait.
            let (tell, told) = sync_channel(workers);
            for _ in 0..workers {
                let (tell, next, stop) = (tell.clone(), &next, &stop);
                scope.spawn(move || self.verify_packs_here(packs, how, (next, stop), &tell));
            }
            drop(tell);
            gather(&told, (packs, how), report, &mut faults, &mut |bytes| {
                let goes_on = tick(bytes);
                stop.fetch_or(!goes_on, Ordering::Relaxed);
            });
        });
        for (number, result) in faults {
            self.note_listed(packs[number], epoch, result, report)?;
        }
        Ok(!stop.into_inner())
    }

    /// One worker: takes packs until there are none left.
    fn verify_packs_here(
        &self,
        packs: &[&Listed],
        how: Verify,
        (next, stop): (&AtomicUsize, &AtomicBool),
        tell: &SyncSender<Outcome>,
    ) {
        let mut decoder = None;
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(listed) = packs.get(number) else { return };
            let mut own = Verified::default();
            let result =
                decoder_in(&mut decoder).and_then(|decoder| self.verify_pack(&listed.name, how, decoder, &mut own));
            if tell.send((number, own, result)).is_err() {
                return;
            }
        }
    }
}

fn decoder_in(decoder: &mut Option<FrameDecoder>) -> Result<&mut FrameDecoder, StoreError> {
    match decoder {
        Some(decoder) => Ok(decoder),
        none => Ok(none.insert(FrameDecoder::new()?)),
    }
}

fn gather(
    told: &Receiver<Outcome>,
    (packs, how): (&[&Listed], Verify),
    report: &mut Verified,
    faults: &mut BTreeMap<usize, Result<(), StoreError>>,
    tick: &mut dyn FnMut(u64),
) {
    for (number, own, result) in told {
        report.objects += 1;
        report.count(own);
        if result.is_err() {
            faults.insert(number, result);
        }
        let looked_at_bytes = how.looked_at_bytes(packs[number]);
        report.read_bytes += looked_at_bytes;
        tick(looked_at_bytes);
    }
}
