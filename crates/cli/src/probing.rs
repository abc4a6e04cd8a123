//! What the store of a repository promises: asked once for each place, remembered in the disposable cache.
//!
//! Without a cache, or when it was deleted, the store is asked again: nothing else depends on what is remembered. A place
//! is a directory on a device: another disk mounted there is asked anew.

use crate::errors::Failure;
use crate::open::App;
use crate::stores::Location;
use crate::words::tr;
use datakeep_model::{ErrorKind, RepositoryId};
use datakeep_store::{Entropy, OsEntropy, Repository};
use datakeep_store_blob::probe::{self, Need};
use datakeep_store_blob::{BlobError, Effort, Report, Tier};
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Version of what is remembered; another one is as good as none.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Remembered {
    v: u32,
    location: String,
    device: u64,
    tier: String,
}

/// Probes the store as it is configured.
pub fn run(app: &App, effort: Effort) -> Result<Report, BlobFailure> {
    let stores = [app.store().map_err(BlobFailure::Other)?, app.store().map_err(BlobFailure::Other)?];
    let mut id = [0u8; 16];
    OsEntropy.fill(&mut id);
    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    probe::probe([&*stores[0], &*stores[1]], &id, effort).map_err(BlobFailure::Store)
}

/// Why a store could not be probed.
pub enum BlobFailure {
    /// It has no room, refuses, or does not answer.
    Store(BlobError),
    /// It is not known which it is.
    Other(Failure),
}

impl From<BlobFailure> for Failure {
    fn from(failure: BlobFailure) -> Self {
        match failure {
            BlobFailure::Store(error) => error.into(),
            BlobFailure::Other(failure) => failure,
        }
    }
}

/// Whether a collection must be alone: as remembered, or by a probe now. An unusable store is refused.
pub fn must_be_alone(app: &App, repository: &Repository) -> Result<bool, Failure> {
    let id = repository.config().repository;
    if let Some(tier) = remembered(app, id) {
        return Ok(tier == Tier::ExclusiveWindow);
    }
    let mut outcome = run(app, Effort::THOROUGH);
    if is_full(&outcome) {
        // Room is set aside for just this.
        repository.blobs().release_reserve();
        outcome = run(app, Effort::THOROUGH);
    }
    if is_full(&outcome) {
        app.out.warn(tr!(
            "the store is too full to be probed: this collection goes on only if nobody else writes",
            "存储已满，无法探测：仅在没有其他写入者时才继续回收"
        ));
        return Ok(true);
    }
    let report = outcome?;
    judge(&report)?;
    remember(app, id, report.tier);
    Ok(report.tier == Tier::ExclusiveWindow)
}

fn is_full(outcome: &Result<Report, BlobFailure>) -> bool {
    matches!(outcome, Err(BlobFailure::Store(BlobError::Full { .. })))
}

/// Refuses an unusable store; a warning for one on which collections must be alone.
pub fn judge(report: &Report) -> Result<Option<String>, Failure> {
    match report.tier {
        Tier::Collecting => Ok(None),
        Tier::ExclusiveWindow => {
            let broken = broken(report, Need::Collection);
            Ok(Some(tr!(
                "backups are safe on this store, but gc and repair must be alone, because it does not keep: {broken}; see: datakeep doctor store",
                "该存储可以安全备份，但 gc 和 repair 须独占运行，因为它不满足：{broken}；详见：datakeep doctor store"
            )))
        }
        Tier::Unusable => {
            let message = tr!(
                "backups are not safe on this store: it does not keep what they rely on",
                "该存储不能安全备份：不满足备份所依赖的保证"
            );
            Err(Failure::new(ErrorKind::Store, message).detail(broken(report, Need::Backup)).hint(tr!(
                "put the repository on another file system; see everything: datakeep doctor store",
                "请将仓库放在其他文件系统上；查看全部：datakeep doctor store"
            )))
        }
    }
}

/// Names of promises that are not kept.
fn broken(report: &Report, need: Need) -> String {
    let broken = report.findings.iter().filter(|finding| !finding.holds && finding.check.need() == need);
    broken.map(|finding| finding.check.as_str()).collect::<Vec<_>>().join(", ")
}

/// What an earlier probe of this very place has found.
pub fn remembered(app: &App, id: RepositoryId) -> Option<Tier> {
    let (path, location, device) = record(app, id)?;
    let found: Remembered = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let is_same = found.v == VERSION && found.location == location && found.device == device;
    Tier::parse(&found.tier).filter(|tier| is_same && *tier != Tier::Unusable)
}

/// Remembers what a probe has found; an unusable store is asked every time. Failing is no harm.
pub fn remember(app: &App, id: RepositoryId, tier: Tier) {
    let Some((path, location, device)) = record(app, id) else { return };
    if tier == Tier::Unusable {
        let _ = std::fs::remove_file(path);
        return;
    }
    let remembered = Remembered { v: VERSION, location, device, tier: tier.as_str().to_string() };
    let temporary = path.with_extension(format!("tmp-{}", std::process::id()));
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
        std::fs::write(&temporary, serde_json::to_vec(&remembered)?)?;
        std::fs::rename(&temporary, &path)
    };
    if write().is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
}

/// Where it is remembered, and what the place is. Each place has a file of its own: nobody overwrites another's.
fn record(app: &App, id: RepositoryId) -> Option<(PathBuf, String, u64)> {
    let (location, device) = match app.location().ok()? {
        Location::Folder(path) => {
            let place = std::fs::canonicalize(path).ok()?;
            let device = std::fs::metadata(&place).ok()?.dev();
            (place.to_str()?.to_string(), device)
        }
        // Two stores may have buckets of one name.
        Location::Bucket(place) => {
            let endpoint = app.settings.store.iter().find(|(key, _)| *key == "endpoint").map(|(_, v)| v.value.as_str());
            (format!("{} {}", place.location(), endpoint.unwrap_or_default()), 0)
        }
    };
    let mark = location.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        // FNV-1a: it only spreads places over names, the location inside is what is compared.
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    Some((app.cache_folder(&id.to_hex())?.join(format!("store-probe-{mark:016x}.json")), location, device))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datakeep_store_blob::probe::{Check, Finding};

    fn report(check: Check, tier: Tier) -> Report {
        let findings = vec![Finding { check, holds: tier == Tier::Collecting, detail: None }];
        Report { tier, findings, rounds: 1, racers: 2, clock_behind_ms: None, left: 0 }
    }

    #[test]
    fn the_worst_is_refused_and_the_middle_is_told() {
        assert_eq!(judge(&report(Check::Race, Tier::Collecting)), Ok(None));
        let warning = judge(&report(Check::Race, Tier::ExclusiveWindow)).ok().flatten();
        assert!(warning.is_some_and(|text| text.contains("must be alone") && text.contains("race")));
        let refused = judge(&report(Check::Ranges, Tier::Unusable)).err();
        assert!(refused.is_some_and(|f| f.code().0 == 14 && f.detail.as_deref() == Some("ranges") && f.hint.is_some()));
    }
}
