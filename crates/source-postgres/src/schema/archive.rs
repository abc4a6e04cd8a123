//! The table of contents of an archive of `pg_dump` in its custom format.
//!
//! The format is that of `pg_backup_archiver.c`, versions 1.14 (PostgreSQL 12) to 1.16 (PostgreSQL 18): every text has its length
//! before it, so no name and no body of a function can be taken for anything else, as it can in the text that `pg_restore` makes of
//! it. An archive of a schema alone is nothing but this table.

use std::fmt;

/// One entry: an object, or what belongs to one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Entry {
    /// Its number, by which others depend on it.
    pub number: i64,
    /// What the server's catalogue knows it by: the number of the catalogue, and its own there; zeros where it is in none.
    pub catalog: (u32, u32),
    /// Its name as `pg_restore --list` shows it.
    pub tag: String,
    /// What it is: `TABLE`, `FK CONSTRAINT`.
    pub kind: String,
    /// The statements that make it, but for its owner.
    pub definition: String,
    /// The statement that drops it.
    pub drop: String,
    /// Its schema; empty where it has none.
    pub schema: String,
    /// Its tablespace; empty for the database's own.
    pub tablespace: String,
    /// Its table access method; empty where it has none.
    pub access_method: String,
    /// Its owner; empty where it has none.
    pub owner: String,
    /// Numbers of the entries it depends on.
    pub needs: Vec<i64>,
}

/// Why bytes are no archive that can be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ArchiveError {
    /// It does not begin as one.
    NotAnArchive,
    /// Its version is not known here.
    Version(u8, u8),
    /// It is not of the custom format.
    Format(u8),
    /// It ends early.
    Truncated,
    /// A number or a length that cannot be.
    Damaged(&'static str),
    /// A text that is not UTF-8.
    Encoding(&'static str),
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnArchive => write!(f, "it is not an archive of pg_dump"),
            Self::Version(major, minor) => write!(f, "archives of version {major}.{minor} are not known"),
            Self::Format(format) => write!(f, "it is an archive of format {format}, not of the custom one"),
            Self::Truncated => write!(f, "it ends early"),
            Self::Damaged(what) => write!(f, "its {what} cannot be"),
            Self::Encoding(what) => write!(f, "its {what} is not UTF-8"),
        }
    }
}

const MAGIC: &[u8] = b"PGDMP";
const CUSTOM: u8 = 1;
/// Entries that a table of contents may announce; more is damage.
const ENTRIES_MAX: usize = 50_000_000;

/// The entries of an archive, in its order.
pub(crate) fn entries(archive: &[u8]) -> Result<Vec<Entry>, ArchiveError> {
    let mut reader = Reader { rest: archive, int_bytes: 4, offset_bytes: 8, minor: 0 };
    reader.header()?;
    let count = usize::try_from(reader.int()?).map_err(|_| ArchiveError::Damaged("number of entries"))?;
    if count > ENTRIES_MAX {
        return Err(ArchiveError::Damaged("number of entries"));
    }
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(reader.entry()?);
    }
    Ok(entries)
}

struct Reader<'a> {
    rest: &'a [u8],
    int_bytes: usize,
    offset_bytes: usize,
    minor: u8,
}

impl<'a> Reader<'a> {
    fn header(&mut self) -> Result<(), ArchiveError> {
        self.rest = self.rest.strip_prefix(MAGIC).ok_or(ArchiveError::NotAnArchive)?;
        let (major, minor) = (self.byte()?, self.byte()?);
        self.byte()?;
        if major != 1 || !(14..=16).contains(&minor) {
            return Err(ArchiveError::Version(major, minor));
        }
        self.minor = minor;
        self.int_bytes = self.width()?;
        self.offset_bytes = self.width()?;
        match self.byte()? {
            CUSTOM => {}
            format => return Err(ArchiveError::Format(format)),
        }
        // How data would be compressed: one byte since 1.15, a number before.
        if minor >= 15 {
            self.byte()?;
        } else {
            self.int()?;
        }
        // When it was made, in seven numbers.
        for _ in 0..7 {
            self.int()?;
        }
        // Names of the database and of the versions of server and program.
        for _ in 0..3 {
            self.skip_text()?;
        }
        Ok(())
    }

    fn width(&mut self) -> Result<usize, ArchiveError> {
        match self.byte()? {
            width @ 1..=8 => Ok(width.into()),
            _ => Err(ArchiveError::Damaged("width of numbers")),
        }
    }

    fn entry(&mut self) -> Result<Entry, ArchiveError> {
        let number = self.int()?;
        // Whether it has data.
        self.int()?;
        let catalog = (self.oid()?, self.oid()?);
        let tag = self.text("name")?;
        let kind = self.text("kind")?;
        // The section follows from the kind.
        self.int()?;
        let definition = self.text("definition")?;
        let drop = self.text("statement that drops")?;
        // How its data would be copied.
        self.skip_text()?;
        let schema = self.text("schema")?;
        let tablespace = self.text("tablespace")?;
        let access_method = self.text("access method")?;
        if self.minor >= 16 {
            self.int()?;
        }
        let owner = self.text("owner")?;
        // Whether it has row numbers of its own, which no version since 12 has.
        self.skip_text()?;
        let needs = self.needs()?;
        // Where its data is.
        self.take(1 + self.offset_bytes)?;
        Ok(Entry { number, catalog, tag, kind, definition, drop, schema, tablespace, access_method, owner, needs })
    }

    fn oid(&mut self) -> Result<u32, ArchiveError> {
        let text = self.text("number in the catalogue")?;
        Ok(text.trim().parse().unwrap_or_default())
    }

    fn needs(&mut self) -> Result<Vec<i64>, ArchiveError> {
        let mut needs = Vec::new();
        while let Some(bytes) = self.bytes()? {
            let number = std::str::from_utf8(bytes).ok().and_then(|text| text.trim().parse().ok());
            needs.push(number.ok_or(ArchiveError::Damaged("dependency"))?);
        }
        Ok(needs)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], ArchiveError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(ArchiveError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, ArchiveError> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// A sign, and the value from its least byte up.
    fn int(&mut self) -> Result<i64, ArchiveError> {
        let is_negative = self.byte()? != 0;
        let bytes = self.take(self.int_bytes)?;
        let value = bytes.iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let value = i64::try_from(value).map_err(|_| ArchiveError::Damaged("number"))?;
        Ok(if is_negative { -value } else { value })
    }

    /// Bytes with their length before them; `None` for nothing at all.
    fn bytes(&mut self) -> Result<Option<&'a [u8]>, ArchiveError> {
        match self.int()? {
            -1 => Ok(None),
            len => {
                let len = usize::try_from(len).map_err(|_| ArchiveError::Damaged("length"))?;
                self.take(len).map(Some)
            }
        }
    }

    fn skip_text(&mut self) -> Result<(), ArchiveError> {
        self.bytes().map(drop)
    }

    fn text(&mut self, what: &'static str) -> Result<String, ArchiveError> {
        let bytes = self.bytes()?.unwrap_or_default();
        String::from_utf8(bytes.to_vec()).map_err(|_| ArchiveError::Encoding(what))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put_int(value: i64, to: &mut Vec<u8>) {
        to.push(u8::from(value < 0));
        to.extend_from_slice(&(value.unsigned_abs() as u32).to_le_bytes());
    }

    fn put_text(text: &str, to: &mut Vec<u8>) {
        put_int(text.len() as i64, to);
        to.extend_from_slice(text.as_bytes());
    }

    /// An archive as `pg_dump` of this archive version writes it.
    pub(crate) fn archive(minor: u8, entries: &[Entry]) -> Vec<u8> {
        let mut to = MAGIC.to_vec();
        to.extend([1, minor, 0, 4, 8, CUSTOM]);
        if minor >= 15 {
            to.push(0)
        } else {
            put_int(-1, &mut to)
        }
        (0..7).for_each(|part| put_int(part, &mut to));
        ["shop", "15.18", "15.18"].iter().for_each(|text| put_text(text, &mut to));
        put_int(entries.len() as i64, &mut to);
        for entry in entries {
            put_int(entry.number, &mut to);
            put_int(0, &mut to);
            put_text(&entry.catalog.0.to_string(), &mut to);
            put_text(&entry.catalog.1.to_string(), &mut to);
            put_text(&entry.tag, &mut to);
            put_text(&entry.kind, &mut to);
            put_int(2, &mut to);
            put_text(&entry.definition, &mut to);
            put_text(&entry.drop, &mut to);
            put_int(-1, &mut to);
            put_text(&entry.schema, &mut to);
            put_text(&entry.tablespace, &mut to);
            put_text(&entry.access_method, &mut to);
            if minor >= 16 {
                put_int(114, &mut to);
            }
            put_text(&entry.owner, &mut to);
            put_text("false", &mut to);
            entry.needs.iter().for_each(|number| put_text(&number.to_string(), &mut to));
            put_int(-1, &mut to);
            to.extend([0; 9]);
        }
        to
    }

    fn any_entry() -> impl Strategy<Value = Entry> {
        let texts = prop::collection::vec("\\PC{0,12}|-- Name: a; Type: TABLE; Schema: s; Owner: o|\\$\\$\n;", 8);
        (1..900_i64, texts, prop::collection::vec(1..900_i64, 0..4)).prop_map(|(number, texts, needs)| {
            let mut texts = texts.into_iter();
            let mut next = || texts.next().unwrap_or_default();
            let (tag, kind, definition, drop) = (next(), next(), next(), next());
            let (schema, tablespace, access_method, owner) = (next(), next(), next(), next());
            Entry {
                number,
                catalog: (1259, number as u32),
                tag,
                kind,
                definition,
                drop,
                schema,
                tablespace,
                access_method,
                owner,
                needs,
            }
        })
    }

    proptest! {
        #[test]
        fn entries_come_back(minor in 14..17_u8, expect in prop::collection::vec(any_entry(), 0..5)) {
            prop_assert_eq!(entries(&archive(minor, &expect)), Ok(expect));
        }

        /// No length and no byte of an archive can do more than make it unreadable.
        #[test]
        fn damage_is_told(minor in 14..17_u8, expect in prop::collection::vec(any_entry(), 1..4), at: prop::sample::Index, to: u8) {
            let mut bytes = archive(minor, &expect);
            let at = at.index(bytes.len());
            prop_assert!(entries(&bytes[..at]).is_err());
            bytes[at] = to;
            let _ = entries(&bytes);
        }
    }

    #[test]
    fn what_is_no_archive_is_named() {
        assert_eq!(entries(b"--\n-- PostgreSQL database dump\n"), Err(ArchiveError::NotAnArchive));
        assert_eq!(entries(b""), Err(ArchiveError::NotAnArchive));
        assert_eq!(entries(b"PGDMP\x01\x11\x00"), Err(ArchiveError::Version(1, 17)));
        assert_eq!(entries(b"PGDMP\x01\x0e\x00\x04\x08\x05"), Err(ArchiveError::Format(5)));
        assert_eq!(entries(b"PGDMP\x01\x0e\x00\x09\x08\x05"), Err(ArchiveError::Damaged("width of numbers")));
        let said = ArchiveError::Version(1, 17).to_string();
        assert_eq!(said, "archives of version 1.17 are not known");
    }
}
