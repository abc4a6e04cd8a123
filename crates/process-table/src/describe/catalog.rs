//! What is said of a database as a whole.

use super::{MAX_TEXT_LEN_BYTES, put_bytes, put_notes, read_notes, read_text, read_version};
use crate::codec::{CodecError, Reader, put_varint};
use datakeep_connector::{Catalog, Note, SchemaObject};

const VERSION: u8 = 1;

/// A database without its tables.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DatabaseDescription {
    /// Objects in the order in which they are to be made.
    pub objects: Vec<SchemaObject>,
    /// What is set for the database as a whole.
    pub settings: Vec<Note>,
    /// What is there and was not carried.
    pub not_carried: Vec<String>,
}

impl DatabaseDescription {
    /// Of a catalogue.
    pub fn of(catalog: &Catalog) -> Self {
        let Catalog { objects, settings, not_carried, .. } = catalog.clone();
        Self { objects, settings, not_carried }
    }

    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut to = vec![VERSION];
        put_varint(self.objects.len() as u64, &mut to);
        for object in &self.objects {
            for text in [&object.kind, &object.name, &object.table, &object.sql] {
                put_bytes(text.as_bytes(), &mut to);
            }
        }
        put_notes(&self.settings, &mut to);
        put_varint(self.not_carried.len() as u64, &mut to);
        self.not_carried.iter().for_each(|text| put_bytes(text.as_bytes(), &mut to));
        to
    }

    /// Reads what [`DatabaseDescription::encode`] wrote, and nothing else.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        read_version(&mut reader, VERSION..=VERSION)?;
        let count = reader.count(MAX_TEXT_LEN_BYTES, 4, "objects")?;
        let objects = (0..count).map(|_| read_object(&mut reader)).collect::<Result<_, _>>()?;
        let settings = read_notes(&mut reader)?;
        let count = reader.count(MAX_TEXT_LEN_BYTES, 1, "not carried")?;
        let not_carried = (0..count).map(|_| read_text(&mut reader, "not carried")).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { objects, settings, not_carried })
    }
}

fn read_object(reader: &mut Reader<'_>) -> Result<SchemaObject, CodecError> {
    Ok(SchemaObject {
        kind: read_text(reader, "kind of an object")?,
        name: read_text(reader, "name of an object")?,
        table: read_text(reader, "table of an object")?,
        sql: read_text(reader, "statement of an object")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_comes_back() {
        let object = |name: &str| SchemaObject {
            kind: "index".into(),
            name: name.into(),
            table: "t".into(),
            sql: "CREATE INDEX ...".into(),
        };
        let description = DatabaseDescription {
            objects: vec![object("a"), object("订单")],
            settings: vec![Note { name: "page-size".into(), value: vec![0, 16] }],
            not_carried: vec!["nothing".into()],
        };
        let bytes = description.encode();
        assert_eq!(DatabaseDescription::decode(&bytes), Ok(description));
        for cut in 0..bytes.len() {
            assert!(DatabaseDescription::decode(&bytes[..cut]).is_err());
        }
    }
}
