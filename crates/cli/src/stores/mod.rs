//! Where repositories are kept: a directory, or an object store.

use crate::errors::Failure;
use crate::words::tr;
use datakeep_connector::Cancel;
use datakeep_store_blob::object::settings::Place;
use datakeep_store_blob::{AheadStore, BlobStore, LimitStore, LocalStore, ObjectStore, RetryStore};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub mod options;
mod waiter;
pub mod words;

use options::StoreOptions;

/// Where a repository is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Location {
    /// In a directory.
    Folder(PathBuf),
    /// In a bucket.
    Bucket(Place),
}

impl Location {
    /// Reads what people write: a path, `file:PATH`, `s3://BUCKET/PREFIX`, `oss://…`, `cos://…`.
    pub fn parse(given: &OsStr) -> Result<Self, Failure> {
        let text = given.to_string_lossy();
        if let Some(place) = Place::parse(&text) {
            return place.map(Location::Bucket).map_err(|why| {
                // It may hold a secret where none belongs.
                let message = tr!("this is no place for a repository", "仓库位置无效");
                Failure::usage(message).detail(why).hint(tr!("write s3://BUCKET/PREFIX", "请写成 s3://存储桶/前缀"))
            });
        }
        if let Some((scheme, _)) = text.split_once("://").filter(|(scheme, _)| *scheme != "file") {
            // What is no scheme may be anything, a secret included.
            let is_scheme = scheme.len() <= 16 && scheme.bytes().all(|b| b.is_ascii_alphanumeric());
            let scheme = if is_scheme { scheme } else { "…" };
            let message = tr!("repositories are not kept at {scheme}://", "不支持将仓库放在 {scheme}://");
            return Err(Failure::usage(message).hint(tr!(
                "name a directory, or s3://BUCKET/PREFIX, oss://BUCKET/PREFIX, cos://BUCKET/PREFIX",
                "请指定目录，或 s3://存储桶/前缀、oss://存储桶/前缀、cos://存储桶/前缀"
            )));
        }
        let plain = text.strip_prefix("file://").or_else(|| text.strip_prefix("file:")).map(PathBuf::from);
        Ok(Location::Folder(plain.unwrap_or_else(|| PathBuf::from(given))))
    }

    /// The directory, where it is one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Location::Folder(path) => Some(path),
            Location::Bucket(_) => None,
        }
    }

    /// For people.
    pub fn shown(&self) -> String {
        match self {
            Location::Folder(path) => path.display().to_string(),
            Location::Bucket(place) => place.location(),
        }
    }

    /// The byte store there. Nothing is asked of it yet.
    pub fn open(&self, options: &StoreOptions, cancel: &Cancel) -> Result<Arc<dyn BlobStore>, Failure> {
        let place = match self {
            Location::Folder(path) => return Ok(Arc::new(LocalStore::new(path))),
            Location::Bucket(place) => place,
        };
        let chosen = options.choose(place.clone())?;
        let waiter = Arc::new(waiter::Patience::new(cancel.clone()));
        // Nothing is asked of the store yet: whatever is wrong stands in the settings.
        let object = ObjectStore::new(chosen.settings).map_err(|error| {
            let message = tr!("a setting of the store cannot be used", "存储的某项设置无法使用");
            Failure::usage(message)
                .detail(error.to_string())
                .hint(tr!("see all: datakeep config show --effective", "查看全部：datakeep config show --effective"))
        })?;
        let limited = LimitStore::new(object, waiter.clone(), chosen.limits);
        let patient = RetryStore::new(limited, waiter, chosen.patience_ms);
        Ok(Arc::new(AheadStore::new(patient, chosen.bounds)))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        let parse = |text: &str| Location::parse(OsStr::new(text));
        assert_eq!(parse("/backup").unwrap().folder(), Some(Path::new("/backup")));
        assert_eq!(parse("file:///backup").unwrap().folder(), Some(Path::new("/backup")));
        assert_eq!(parse("file:backup").unwrap().folder(), Some(Path::new("backup")));
        assert_eq!(parse("s3://b/p").unwrap().shown(), "s3://b/p");
        for bad in ["s3://", "s3://user:hunter2@b/p", "sftp://h/p", "S3://b"] {
            let failure = parse(bad).unwrap_err();
            assert_eq!(failure.code().0, 2);
            assert!(failure.hint.is_some() && !format!("{failure:?}").contains("hunter2"), "{bad}");
        }
    }
}
