//! A collection that comes between: it gives up the run that is reading, and takes what it could.

use super::prepare::{COMES_BETWEEN, SOURCE, fourth_tree};
use crate::memory::{Changing, TreeSource, key};
use datakeep_connector::{Details, ItemError, ItemHandle, ItemReader};
use std::sync::Mutex;

type Event = Box<dyn FnOnce() + Send>;

/// A handle that lets something happen when it is opened.
struct Meanwhile {
    inner: Changing,
    event: Mutex<Option<Event>>,
}

impl ItemHandle for Meanwhile {
    fn details(&self) -> (Details, Option<ItemError>) {
        self.inner.details()
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn open(&self, start_byte: u64, end_byte: Option<u64>) -> Result<Box<dyn ItemReader>, ItemError> {
        if let Some(event) = self.event.lock().unwrap().take() {
            event();
        }
        self.inner.open(start_byte, end_byte)
    }
}

/// The fourth tree; `event` happens while its new file is read.
pub fn source(event: Event) -> TreeSource {
    let tree = fourth_tree();
    let thing = tree[&key(COMES_BETWEEN)].clone();
    let inner = Changing { after: thing.meta.clone(), thing };
    TreeSource::new(SOURCE, &tree).with_handle(COMES_BETWEEN, Meanwhile { inner, event: Mutex::new(Some(event)) })
}
