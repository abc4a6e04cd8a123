//! What exceptions of a column are.

use crate::codec::{CodecError, Reader};
use datakeep_connector::rows::Exception;
use std::collections::BTreeMap;

/// Bytes of a least or greatest exception that are kept, at most.
const MOST_KEPT_LEN_BYTES: usize = 64;

/// The kinds of exceptions, and of each the first bytes of the least and of the greatest, as bytes order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ExceptionKinds {
    kinds: BTreeMap<u8, (Vec<u8>, Vec<u8>)>,
}

impl ExceptionKinds {
    /// Of these.
    pub fn of(exceptions: &[Exception]) -> Self {
        let mut all = Self::default();
        for Exception { kind, bytes, .. } in exceptions {
            let kept = &bytes[..bytes.len().min(MOST_KEPT_LEN_BYTES)];
            all.add(*kind, kept, kept);
        }
        all
    }

    /// Each kind with the beginnings of its least and its greatest bytes.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8], &[u8])> {
        self.kinds.iter().map(|(kind, (least, greatest))| (*kind, least.as_slice(), greatest.as_slice()))
    }

    /// All of both.
    #[must_use]
    pub fn merged(mut self, other: &Self) -> Self {
        other.iter().for_each(|(kind, least, greatest)| self.add(kind, least, greatest));
        self
    }

    fn add(&mut self, kind: u8, least: &[u8], greatest: &[u8]) {
        let (known_least, known_greatest) =
            self.kinds.entry(kind).or_insert_with(|| (least.to_vec(), greatest.to_vec()));
        if least < known_least.as_slice() {
            *known_least = least.to_vec();
        }
        if greatest > known_greatest.as_slice() {
            *known_greatest = greatest.to_vec();
        }
    }

    /// Appends: the number of kinds; of each, by rising kind, the kind, and of the least and of the greatest length and bytes.
    pub(super) fn encode(&self, to: &mut Vec<u8>) {
        to.push(self.kinds.len() as u8);
        for (kind, least, greatest) in self.iter() {
            to.push(kind);
            for bytes in [least, greatest] {
                to.push(bytes.len() as u8);
                to.extend_from_slice(bytes);
            }
        }
    }

    /// Reads what [`ExceptionKinds::encode`] wrote, and nothing else.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        const FIELD: &str = "kinds of exceptions";
        let count = reader.byte(FIELD)?;
        let mut kinds = BTreeMap::new();
        for _ in 0..count {
            let kind = reader.byte(FIELD)?;
            let (least, greatest) = (read_kept(reader)?, read_kept(reader)?);
            let is_last = kinds.last_key_value().is_none_or(|(last, _)| *last < kind);
            if kind == 0 || !is_last || least > greatest {
                return Err(reader.refuse(FIELD, "0, or out of order"));
            }
            kinds.insert(kind, (least, greatest));
        }
        if kinds.is_empty() { Err(reader.refuse(FIELD, "none")) } else { Ok(Self { kinds }) }
    }
}

fn read_kept(reader: &mut Reader<'_>) -> Result<Vec<u8>, CodecError> {
    const FIELD: &str = "bytes of an exception";
    let len = usize::from(reader.byte(FIELD)?);
    if len > MOST_KEPT_LEN_BYTES {
        return Err(reader.refuse(FIELD, "longer than what is kept"));
    }
    Ok(reader.bytes(len, FIELD)?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exceptions() -> impl Strategy<Value = Vec<Exception>> {
        let one = (1u8..6, proptest::collection::vec(0u8..3, 0..90));
        proptest::collection::vec(one, 0..20)
            .prop_map(|made| made.into_iter().map(|(kind, bytes)| Exception { row: 0, kind, bytes }).collect())
    }

    proptest! {
        #[test]
        fn merged_they_are_those_of_all(one in exceptions(), other in exceptions()) {
            let all = [one.as_slice(), other.as_slice()].concat();
            let merged = ExceptionKinds::of(&one).merged(&ExceptionKinds::of(&other));
            prop_assert_eq!(&merged, &ExceptionKinds::of(&all));
            for (kind, least, greatest) in merged.iter() {
                let of_kind = || all.iter().filter(|odd| odd.kind == kind).map(|odd| odd.bytes.as_slice());
                prop_assert!(of_kind().min().is_some_and(|found| found.starts_with(least)));
                prop_assert!(of_kind().max().is_some_and(|found| found.starts_with(greatest)));
            }
            let mut bytes = Vec::new();
            merged.encode(&mut bytes);
            let read = ExceptionKinds::read(&mut Reader::new(&bytes));
            let is_right = if all.is_empty() { read.is_err() } else { read == Ok(merged) };
            prop_assert!(is_right);
        }
    }
}
