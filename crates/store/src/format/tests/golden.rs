//! What a real repository holds, in clear: samples for the decoders.

use crate::format::names::{PackClass, PackName};
use crate::format::sealed::ObjectType;
use crate::{FrameDecoder, Locked, OsEntropy, Repository, Unlock};
use datakeep_model::{ChunkKind, Secret};
use datakeep_store_blob::LocalStore;
use std::sync::Arc;

/// The golden repository of format version 1, opened. Reading writes nothing.
pub(super) struct Golden(Repository);

impl Golden {
    pub fn open() -> Self {
        let folder = datakeep_testkit::crates_folder().join("store/tests/golden/v1/repository");
        let unlock = Unlock::Password(Secret::new(b"golden".to_vec()));
        let locked = Locked::find(Arc::new(LocalStore::new(&folder))).expect("it is there");
        Self(locked.unlock(&unlock, Arc::new(OsEntropy), None).expect("it opens"))
    }

    fn names(&self, folder: &str) -> Vec<String> {
        self.0.blobs.list(folder).expect("a listing").into_iter().map(|listed| listed.name).collect()
    }

    /// The config as it is stored.
    pub fn config(&self) -> Vec<Vec<u8>> {
        vec![self.0.blobs.read("config", 1 << 30).expect("the config")]
    }

    /// Objects of a folder as they are stored.
    pub fn stored(&self, folder: &str) -> Vec<Vec<u8>> {
        self.names(folder).iter().map(|name| self.0.blobs.read(name, 1 << 30).expect("an object")).collect()
    }

    /// Contents of the sealed objects of a folder.
    pub fn plain(&self, object_type: ObjectType, folder: &str) -> Vec<Vec<u8>> {
        self.names(folder).iter().map(|name| self.0.read_sealed(object_type, name).expect("it opens")).collect()
    }

    /// All chunks of a kind.
    pub fn chunks(&self, kind: ChunkKind) -> Vec<Vec<u8>> {
        let (mut found, mut decoder) = (Vec::new(), FrameDecoder::new().expect("memory"));
        for (class, name) in self.names("meta/").iter().filter_map(|object| PackName::parse(object)) {
            let pack = self.0.open_pack(class, name).expect("it opens");
            for number in 0..pack.record.frames {
                let frame = self.0.read_frame(&pack, number, &mut decoder).expect("a frame");
                let slots = if frame.kind == kind { frame.chunks() as u32 } else { 0 };
                for slot in 0..slots {
                    let id = frame.id(slot).expect("an id");
                    found.push(frame.chunk(slot, &id, self.0.ids()).expect("whole").expect("there").to_vec());
                }
            }
        }
        found
    }

    /// Names of all objects below a folder.
    pub fn all_names(&self, folder: &str) -> Vec<Vec<u8>> {
        self.names(folder).into_iter().map(String::into_bytes).collect()
    }

    /// The packs of both classes as they are stored.
    pub fn packs(&self) -> Vec<Vec<u8>> {
        [PackClass::Data, PackClass::Meta]
            .iter()
            .flat_map(|class| self.stored(&format!("{}/", class.folder())))
            .collect()
    }
}
