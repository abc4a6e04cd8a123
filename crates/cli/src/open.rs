//! From settings to an open repository.

use crate::config::Settings;
use crate::errors::Failure;
use crate::out::Out;
use crate::progress::Watch;
use crate::stores::Location;
use crate::stores::options::StoreOptions;
use crate::words::tr;
use crate::{secrets, time};
use datakeep_connector::{Cancel, Clock, SystemClock};
use datakeep_distribute::choose;
use datakeep_engine::RunContext;
use datakeep_model::{ErrorKind, Secret, SessionId, Timestamp};
use datakeep_process::Suite;
use datakeep_store::{Locked, Manifest, OsEntropy, RecoveryCode, Repository, StoreError, Unlock};
use datakeep_store_blob::BlobStore;
use std::path::{Path, PathBuf};
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

    /// Where the repository is.
    pub fn location(&self) -> Result<Location, Failure> {
        let Some(given) = &self.settings.repository.value else {
            let message = tr!("no repository was named", "未指定仓库");
            return Err(Failure::new(ErrorKind::NoRepository, message).hint(tr!(
                "give --repo PLACE, or set DATAKEEP_REPO, or `repository` in the configuration; a new one: datakeep init --repo PLACE",
                "请使用 --repo 位置，或设置 DATAKEEP_REPO，或在配置文件中写 `repository`；新建：datakeep init --repo 位置"
            )));
        };
        Location::parse(given)
    }

    /// The byte store beneath the repository.
    pub fn store(&self) -> Result<Arc<dyn BlobStore>, Failure> {
        self.location()?.open(&self.settings.store, &self.cancel)
    }

    /// Where disposable local copies of a repository go.
    pub fn cache_folder(&self, repository: &str) -> Option<PathBuf> {
        self.settings.cache_dir.value.as_ref().map(|directory| directory.join(&repository[..16]))
    }

    /// Finds the repository; needs no key.
    pub fn find(&self) -> Result<Locked, Failure> {
        self.find_at(&self.location()?, &self.settings.store)
    }

    /// Finds the repository at a location; needs no key.
    pub fn find_at(&self, place: &Location, options: &StoreOptions) -> Result<Locked, Failure> {
        Locked::find(place.open(options, &self.cancel)?).map_err(|error| match error {
            StoreError::NoRepository { location } if place.folder().is_some_and(holds_something) => {
                something_else(&location)
            }
            other => other.into(),
        })
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
            let code = secrets::recovery_code()?;
            return well_formed(&code).map(|()| Unlock::RecoveryCode(code));
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
        let cache = self.cache_folder(&id);
        let most_bytes = u64::from(self.settings.cache_size_mib.value) << 20;
        let locked = locked.with_kdf_limit(self.settings.kdf_limit()).with_cache_limit(most_bytes);
        Ok(locked.unlock(with, Arc::new(OsEntropy), cache)?)
    }

    fn open_quietly(&self) -> Result<Repository, Failure> {
        let locked = self.find()?;
        let with = self.unlock_with(&locked)?;
        self.unlock(locked, &with)
    }

    /// Finds and unlocks, for a command that only reads what a snapshot holds: through the local cache, and slots that it does
    /// not need are left alone.
    pub fn open_to_read(&self) -> Result<Repository, Failure> {
        let mut repository = self.open_quietly()?;
        repository.read_through_cache();
        Ok(repository)
    }

    /// As [`App::open`], through the local cache.
    pub fn open_cached(&self) -> Result<Repository, Failure> {
        let mut repository = self.open()?;
        repository.read_through_cache();
        Ok(repository)
    }

    /// Finds and unlocks. Slots that are not whole are told.
    pub fn open(&self) -> Result<Repository, Failure> {
        let repository = self.open_quietly()?;
        for warning in repository.slot_warnings() {
            self.out.warn(tr!("not a whole key slot: {warning}", "密钥槽不完好：{warning}"));
        }
        Ok(repository)
    }

    /// All snapshots; what could not be read as one is told and counted.
    pub fn snapshots(&self, repository: &Repository) -> Result<(Vec<Manifest>, usize), Failure> {
        self.told(repository.snapshots()?)
    }

    /// As [`App::snapshots`], for a command that only reads what the snapshot of this name holds: without labels, and of
    /// all of them only the one whose whole id the name is.
    pub fn snapshots_to_read(&self, repository: &Repository, name: &str) -> Result<(Vec<Manifest>, usize), Failure> {
        if let Some(id) = SessionId::from_hex(name) {
            let (found, _) = repository.snapshots_to_read(Some(id))?;
            if !found.is_empty() {
                return Ok((found, 0));
            }
        }
        self.told(repository.snapshots_to_read(None)?)
    }

    /// Tells what of the repository was found damaged on the way to what was read of snapshots and was whole elsewhere.
    pub fn tell_passed_damage<'m>(&self, repository: &Repository, read: impl IntoIterator<Item = &'m Manifest>) {
        let passed = repository.passed_damage(read);
        if passed.is_empty() {
            return;
        }
        self.out.warn(tr!(
            "the repository is damaged; what was wanted was found whole in another place:",
            "仓库已损坏；所需内容已从其他位置完整读取："
        ));
        passed.iter().for_each(|fault| self.out.note(format!("  {fault}")));
        self.out.note(tr!("  see everything: datakeep check --read-data", "  查看全部：datakeep check --read-data"));
    }

    fn told(&self, (manifests, faults): (Vec<Manifest>, Vec<StoreError>)) -> Result<(Vec<Manifest>, usize), Failure> {
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

/// True for a directory with anything in it but what a new file system brings and what a probe leaves.
pub fn holds_something(path: &Path) -> bool {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name() != "lost+found" && entry.file_name() != "probe")
}

/// A directory that holds other things: `init` would refuse it too.
pub fn something_else(location: &str) -> Failure {
    let message = tr!("{location} holds other things and no repository", "{location} 中有其他内容，但没有仓库");
    Failure::new(ErrorKind::NoRepository, message).hint(tr!(
        "name the repository's own directory (it holds `config` and `data`), or make one in a new directory: datakeep init --repo PATH",
        "请指定仓库自身的目录（其中有 `config` 和 `data`），或在新目录中新建：datakeep init --repo 路径"
    ))
}

/// A slip in a recovery code is told before anything is tried: the code checks itself.
pub fn well_formed(code: &Secret) -> Result<(), Failure> {
    let text = String::from_utf8_lossy(code.expose());
    let Err(error) = RecoveryCode::parse(&text) else { return Ok(()) };
    let message = tr!("this is not a recovery code", "这不是有效的恢复码");
    Err(Failure::new(ErrorKind::WrongKey, message).detail(error.to_string()).hint(tr!(
        "type it as it was printed by `datakeep init`; blanks and hyphens do not matter",
        "请按 `datakeep init` 打印的内容输入；空格和连字符不影响"
    )))
}
