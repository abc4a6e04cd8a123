//! A planted bug: a target that writes files as a simple program would, through whatever links stand in the way.

use datakeep_connector::{
    Connector, ConnectorError, Found, ItemError, ItemReader, ItemSink, ItemSpec, Options, Target,
};
use datakeep_model::{FileType, ItemPath, LossCause, Meta, Timestamp};
use datakeep_source_files::FilesConnector;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

struct Naive {
    inner: Box<dyn Target>,
    root: PathBuf,
}

pub fn open(place: &Path) -> Box<dyn Target> {
    let inner = FilesConnector::new().open_target(place.to_str().unwrap(), &Options::new(), false).unwrap();
    Box::new(Naive { inner, root: place.to_owned() })
}

impl Naive {
    fn place(&self, path: &ItemPath) -> PathBuf {
        self.root.join(OsStr::from_bytes(path.to_string().trim_start_matches('/').as_bytes()))
    }
}

impl Target for Naive {
    fn look(&self, path: &ItemPath) -> Result<Option<Found>, ItemError> {
        let Ok(found) = fs::metadata(self.place(path)) else { return Ok(None) };
        let file_type = if found.is_dir() { FileType::Directory } else { FileType::File };
        let meta = Meta::synthetic(file_type, 0o644, Timestamp::default());
        Ok(Some(Found { meta, link_target: None }))
    }

    fn list(&self, path: &ItemPath) -> Result<Vec<Vec<u8>>, ItemError> {
        self.inner.list(path)
    }

    fn read(&self, path: &ItemPath) -> Result<Box<dyn ItemReader>, ItemError> {
        self.inner.read(path)
    }

    fn make_directory(&self, spec: ItemSpec<'_>) -> Result<(), ItemError> {
        fs::create_dir_all(self.place(spec.path)).map_err(|error| ItemError::new(LossCause::Refused, error.to_string()))
    }

    fn write_file(&self, spec: ItemSpec<'_>, parts: &[&[u8]]) -> Result<(), ItemError> {
        let written = fs::write(self.place(spec.path), parts.concat());
        written.map_err(|error| ItemError::new(LossCause::Refused, error.to_string()))
    }

    fn open_file(&self, spec: ItemSpec<'_>, update: bool) -> Result<Box<dyn ItemSink>, ItemError> {
        self.inner.open_file(spec, update)
    }

    fn make_special(&self, spec: ItemSpec<'_>) -> Result<(), ItemError> {
        self.inner.make_special(spec)
    }

    fn make_hard_link(&self, spec: ItemSpec<'_>, existing: &ItemPath) -> Result<(), ItemError> {
        self.inner.make_hard_link(spec, existing)
    }

    fn set_metadata(&self, _spec: ItemSpec<'_>) -> Result<(), ItemError> {
        Ok(())
    }

    fn finish_directory(&self, _spec: ItemSpec<'_>) -> Result<(), ItemError> {
        Ok(())
    }

    fn remove(&self, path: &ItemPath) -> Result<(), ItemError> {
        self.inner.remove(path)
    }

    fn finish(&self) -> Result<(), ConnectorError> {
        Ok(())
    }
}
