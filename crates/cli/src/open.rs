//! From settings to an open repository.

use crate::config::Settings;
use crate::errors::Failure;
use crate::out::Out;
use crate::progress::Watch;
use crate::words::tr;
use crate::{secrets, time};
use datakeep_connector::{Cancel, Clock, SystemClock};
use datakeep_distribute::choose;
use datakeep_engine::RunContext;
use datakeep_model::{ErrorKind, Timestamp};
use datakeep_process::Suite;
use datakeep_store::{Locked, Manifest, OsEntropy, Repository, StoreError, Unlock};
use datakeep_store_blob::{BlobStore, LocalStore};
use std::path::PathBuf;
use std::sync::Arc;

/// What a command works with.
pub struct App {
    /// Everything in force.
    pub settings: Settings,
    /// Where everything is printed.
    pub out: Out,
    /// Stops the run.
    pub cancel: Cancel,
    /// The present.
    pub clock: SystemClock,
}

impl App {
    /// The present.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What a run is watched and stopped by.
    pub fn context<'a>(&'a self, watch: &'a Watch<'a>) -> RunContext<'a> {
        RunContext { observer: watch, cancel: &self.cancel, clock: &self.clock }
    }

    /// The directory of the repository.
    pub fn repository_path(&self) -> Result<PathBuf, Failure> {
        let Some(given) = &self.settings.repository.value else {
            let message = tr!("no repository was named", "未指定仓库");
            return Err(Failure::new(ErrorKind::NoRepository, message).hint(tr!(
                "give --repo PATH, or set DATAKEEP_REPO, or `repository` in the configuration; a new one: datakeep init --repo PATH",
                "请使用 --repo 路径，或设置 DATAKEEP_REPO，或在配置文件中写 `repository`；新建：datakeep init --repo 路径"
            )));
        };
        let text = given.to_string_lossy();
        if let Some((scheme, _)) = text.split_once("://").filter(|(scheme, _)| *scheme != "file") {
            let message = tr!(
                "this version keeps repositories in directories; {scheme}:// is not known",
                "当前版本的仓库只能放在目录中；不支持 {scheme}://"
            );
            return Err(Failure::usage(message).hint(tr!("name a directory", "请指定一个目录")));
        }
        let plain = text.strip_prefix("file://").or_else(|| text.strip_prefix("file:")).map(PathBuf::from);
        Ok(plain.unwrap_or_else(|| PathBuf::from(given)))
    }

    /// The byte store beneath the repository.
    pub fn store(&self) -> Result<Arc<dyn BlobStore>, Failure> {
        Ok(Arc::new(LocalStore::new(&self.repository_path()?)))
    }

    /// Finds the repository; needs no key.
    pub fn find(&self) -> Result<Locked, Failure> {
        Ok(Locked::find(self.store()?)?)
    }

    /// What opens the repository, read or asked for.
    pub fn unlock_with(&self, locked: &Locked) -> Result<Unlock, Failure> {
        if locked.config().suite == Suite::Plain {
            return match self.settings.has_secret() && !self.settings.unencrypted.value {
                true => Err(StoreError::NotEncrypted.into()),
                false => Ok(Unlock::Nothing),
            };
        }
        if self.settings.recovery_code {
            return Ok(Unlock::RecoveryCode(secrets::recovery_code()?));
        }
        let secret = secrets::password(&self.settings)?;
        if let secrets::Reference::File(path) = &self.settings.password.value
            && secrets::is_exposed(path)
            && let Some(advice) = secrets::advice(&self.settings)
        {
            self.out.warn(advice);
        }
        Ok(Unlock::Password(secret))
    }

    /// Unlocks. Takes a noticeable moment: guessing passwords must be slow.
    pub fn unlock(&self, locked: Locked, with: &Unlock) -> Result<Repository, Failure> {
        let id = locked.config().repository.to_hex();
        let cache = self.settings.cache_dir.value.as_ref().map(|directory| directory.join(&id[..16]));
        let locked = locked.with_kdf_limit(self.settings.kdf_limit());
        let repository = locked.unlock(with, Arc::new(OsEntropy), cache)?;
        for warning in repository.slot_warnings() {
            self.out.warn(tr!("a key slot is damaged: {warning}", "某个密钥槽已损坏：{warning}"));
        }
        Ok(repository)
    }

    /// Finds and unlocks.
    pub fn open(&self) -> Result<Repository, Failure> {
        let locked = self.find()?;
        let with = self.unlock_with(&locked)?;
        self.unlock(locked, &with)
    }

    /// All snapshots; what could not be read as one is told and counted.
    pub fn snapshots(&self, repository: &Repository) -> Result<(Vec<Manifest>, usize), Failure> {
        let (manifests, faults) = repository.snapshots()?;
        for fault in &faults {
            self.out
                .warn(tr!("a snapshot or its labels cannot be read: {fault}", "某个备份集或其标签无法读取：{fault}"));
        }
        Ok((manifests, faults.len()))
    }

    /// Chooses a snapshot by the name people write.
    pub fn choose<'m>(&self, manifests: &'m [Manifest], name: &str) -> Result<&'m Manifest, Failure> {
        Ok(choose(manifests, name, &|text| time::parse(text, self.now()))?)
    }
}
