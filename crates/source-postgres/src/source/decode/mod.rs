//! The binary form of COPY (PostgreSQL manual, COPY, "Binary Format"), decoded into columns.

mod column;
mod numeric;
mod text;
mod time;

pub(crate) use column::{Building, Form};

use datakeep_connector::rows::{ColumnError, RowBatch};

/// Rows of a batch, at most.
const BATCH_ROWS: usize = 8192;
/// Bytes of a batch after which it takes no further row.
const BATCH_BYTES: usize = 4 << 20;
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Flags that change what follows; the rest may be passed over.
const CRITICAL_FLAGS: u32 = 0xffff_0000;

/// What a server sent is not of the form it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Malformed(pub &'static str);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Header,
    Rows,
    End,
}

/// Turns messages of a COPY into batches.
pub(crate) struct Decoder {
    columns: Vec<Building>,
    place: Place,
    rows: usize,
    len_bytes: usize,
    /// Rows of the last message that the batch before did not take.
    left: Vec<u8>,
    /// The row that messages so far did not end.
    begun: Option<Begun>,
    /// The last bytes of the message before that did not make a whole part of that row.
    held: Vec<u8>,
}

/// A row that goes on in the next message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Begun {
    /// The next of its columns.
    column: usize,
    /// Bytes of this column's value that are still to come; `None` while its length is not known.
    value_left: Option<usize>,
}

impl Decoder {
    /// For columns of these forms.
    pub fn new(columns: Vec<Building>) -> Self {
        Self { columns, place: Place::Header, rows: 0, len_bytes: 0, left: Vec::new(), begun: None, held: Vec::new() }
    }

    /// Takes what is left of the last message. True as long as the batch takes more.
    pub fn resume(&mut self) -> Result<bool, Malformed> {
        let left = std::mem::take(&mut self.left);
        self.take(&left)
    }

    /// Takes a message: rows, the last of which may go on in the next. True as long as the batch takes more.
    #[inline]
    pub fn take(&mut self, message: &[u8]) -> Result<bool, Malformed> {
        if !self.held.is_empty() {
            let mut joined = std::mem::take(&mut self.held);
            // They are counted once more.
            self.len_bytes = self.len_bytes.saturating_sub(joined.len());
            joined.extend_from_slice(message);
            return self.take_rows(&joined);
        }
        self.take_rows(message)
    }

    #[inline]
    fn take_rows(&mut self, message: &[u8]) -> Result<bool, Malformed> {
        let mut rest = message;
        if self.place == Place::Header && !rest.is_empty() {
            rest = header(rest)?;
            self.place = Place::Rows;
        }
        while !rest.is_empty() {
            if self.place == Place::End {
                return Err(Malformed("bytes follow the end of the rows"));
            }
            if self.begun.is_none() && !self.has_room() {
                self.left.extend_from_slice(rest);
                return Ok(false);
            }
            let after = self.row(rest)?;
            self.len_bytes += rest.len() - after.len();
            rest = after;
        }
        Ok(self.begun.is_some() || !self.held.is_empty() || self.has_room())
    }

    fn has_room(&self) -> bool {
        self.rows < BATCH_ROWS && self.len_bytes < BATCH_BYTES
    }

    /// Takes a row, or goes on with the one that was begun; what is behind it, nothing where it is not ended.
    #[inline]
    fn row<'m>(&mut self, bytes: &'m [u8]) -> Result<&'m [u8], Malformed> {
        let (mut column, mut rest) = match self.begun.take() {
            None => match self.begin_row(bytes)? {
                Some(rest) => (0, rest),
                None => return Ok(&[]),
            },
            Some(Begun { column, value_left: None }) => (column, bytes),
            Some(Begun { column, value_left: Some(left) }) => match self.go_on(column, left, bytes)? {
                Some(rest) => (column + 1, rest),
                None => return Ok(&[]),
            },
        };
        if self.place == Place::End {
            return Ok(rest);
        }
        let row = self.rows as u32;
        while let Some(to) = self.columns.get_mut(column) {
            let Some((len, after)) = rest.split_first_chunk::<4>() else {
                return Ok(self.hold(Begun { column, value_left: None }, rest));
            };
            let len = i32::from_be_bytes(*len);
            if len < 0 {
                to.push_null();
                rest = after;
            } else if let Some((value, after)) = after.split_at_checked(len as usize) {
                to.push(row, value)?;
                rest = after;
            } else if to.begin(len as usize, after)? {
                self.begun = Some(Begun { column, value_left: Some(len as usize - after.len()) });
                return Ok(&[]);
            } else {
                return Ok(self.hold(Begun { column, value_left: None }, rest));
            }
            column += 1;
        }
        self.rows += 1;
        Ok(rest)
    }

    /// Reads how many columns a row has, which ends the rows where it is -1; `None` where that goes on in the next message.
    #[inline]
    fn begin_row<'m>(&mut self, bytes: &'m [u8]) -> Result<Option<&'m [u8]>, Malformed> {
        let Some((count, rest)) = bytes.split_first_chunk::<2>() else {
            self.held = bytes.to_vec();
            return Ok(None);
        };
        let count = i16::from_be_bytes(*count);
        if count == -1 {
            self.place = Place::End;
        } else if usize::try_from(count).ok() != Some(self.columns.len()) {
            return Err(Malformed("a row has another number of columns"));
        }
        Ok(Some(rest))
    }

    /// Goes on with a value; what is behind it, `None` where it is not ended.
    #[cold]
    fn go_on<'m>(&mut self, column: usize, left: usize, bytes: &'m [u8]) -> Result<Option<&'m [u8]>, Malformed> {
        let to = self.columns.get_mut(column).ok_or(Malformed("a row has another number of columns"))?;
        let (part, rest) = bytes.split_at(left.min(bytes.len()));
        to.go_on(part);
        if part.len() < left {
            self.begun = Some(Begun { column, value_left: Some(left - part.len()) });
            return Ok(None);
        }
        to.end(self.rows as u32)?;
        Ok(Some(rest))
    }

    #[cold]
    fn hold(&mut self, begun: Begun, rest: &[u8]) -> &'static [u8] {
        self.begun = Some(begun);
        self.held = rest.to_vec();
        &[]
    }

    /// The rows taken so far as a batch; `None` where there are none.
    pub fn finish_batch(&mut self) -> Result<Option<RowBatch>, ColumnError> {
        if self.rows == 0 {
            return Ok(None);
        }
        let rows = std::mem::take(&mut self.rows);
        self.len_bytes = 0;
        let columns = self.columns.iter_mut().map(|column| column.finish(rows)).collect::<Result<_, _>>()?;
        RowBatch::new(columns).map(Some)
    }

    /// True when all rows were taken.
    pub fn is_at_end(&self) -> bool {
        self.place == Place::End
    }

    /// True when rows are left for the next batch.
    pub fn has_left(&self) -> bool {
        !self.left.is_empty()
    }
}

fn header(bytes: &[u8]) -> Result<&[u8], Malformed> {
    const FOREIGN: Malformed = Malformed("it does not begin as a binary COPY does");
    let rest = bytes.strip_prefix(SIGNATURE).ok_or(FOREIGN)?;
    let (flags, rest) = rest.split_first_chunk::<4>().ok_or(FOREIGN)?;
    let (extension_len, rest) = rest.split_first_chunk::<4>().ok_or(FOREIGN)?;
    if u32::from_be_bytes(*flags) & CRITICAL_FLAGS != 0 {
        return Err(Malformed("it has a flag that is not known"));
    }
    rest.get(u32::from_be_bytes(*extension_len) as usize..).ok_or(FOREIGN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_schema::DataType;
    use proptest::prelude::*;

    fn decoder() -> Decoder {
        let column = |form, data_type: DataType| Building::new(form, &data_type).expect("a form");
        Decoder::new(vec![column(Form::Int4, DataType::Int32), column(Form::Text { skip: 0 }, DataType::Utf8)])
    }

    fn header() -> Vec<u8> {
        [SIGNATURE, &[0; 8]].concat()
    }

    fn row(number: i32, text: Option<&[u8]>) -> Vec<u8> {
        let mut row = [&[0, 2, 0, 0, 0, 4][..], &number.to_be_bytes()].concat();
        row.extend(text.map_or(-1, |text| text.len() as i32).to_be_bytes());
        row.extend(text.unwrap_or_default());
        row
    }

    #[test]
    fn rows_become_a_batch() {
        let mut decoder = decoder();
        let first = [header(), row(7, Some(b"seven"))].concat();
        assert_eq!(decoder.take(&first), Ok(true));
        assert_eq!(decoder.take(&[row(8, None), row(9, Some(b"\xff"))].concat()), Ok(true));
        assert_eq!(decoder.take(&[0xff, 0xff]), Ok(true));
        assert!(decoder.is_at_end());
        let batch = decoder.finish_batch().expect("columns").expect("rows");
        assert_eq!((batch.rows(), batch.columns()[1].exceptions().len()), (3, 1));
        assert_eq!(batch.columns()[1].exceptions()[0].bytes, b"\xff");
        assert!(decoder.finish_batch().expect("none").is_none());
        assert!(decoder.take(&row(1, None)).is_err(), "nothing follows the end");
    }

    #[test]
    fn what_is_of_another_form_is_refused() {
        for bytes in [
            b"PGCOPY".to_vec(),
            [SIGNATURE, &[0, 1, 0, 0, 0, 0, 0, 0]].concat(),
            [SIGNATURE, &[0, 0, 0, 0, 0, 0, 0, 9]].concat(),
            [header(), vec![0, 3]].concat(),
            [header(), vec![0, 2, 0, 0, 0, 3, 1, 2, 3, 255, 255, 255, 255]].concat(),
        ] {
            assert!(decoder().take(&bytes).is_err(), "{bytes:?}");
        }
    }

    /// A message may hold many rows: a batch takes no more of them than it may have.
    #[test]
    fn a_batch_ends_within_a_message() {
        let mut decoder = decoder();
        let rows: Vec<u8> = (0..10_000).flat_map(|number| row(number, None)).collect();
        assert_eq!(decoder.take(&[header(), rows, vec![0xff, 0xff]].concat()), Ok(false));
        let first = decoder.finish_batch().expect("columns").expect("rows");
        assert!(decoder.has_left() && decoder.resume() == Ok(true) && decoder.is_at_end());
        let second = decoder.finish_batch().expect("columns").expect("rows");
        assert_eq!((first.rows(), second.rows()), (BATCH_ROWS, 10_000 - BATCH_ROWS));
    }

    #[test]
    fn what_ends_in_mid_row_is_not_at_its_end() {
        for bytes in [vec![0], row(1, Some(b"abc"))[..10].to_vec(), row(1, Some(&[b'x'; 200_000]))[..150_000].to_vec()]
        {
            let mut decoder = decoder();
            assert_eq!(decoder.take(&[header(), bytes].concat()), Ok(true));
            assert!(!decoder.is_at_end() && decoder.finish_batch().expect("none").is_none());
        }
    }

    proptest! {
        /// Boundaries of messages mean nothing.
        #[test]
        fn rows_may_be_cut_anywhere(
            lens in proptest::collection::vec(proptest::option::of(prop_oneof![3 => 0usize..20, 1 => 60_000usize..150_000]), 0..12),
            cuts in proptest::collection::vec(prop_oneof![1usize..40, 1000usize..70_000], 1..12),
        ) {
            let text = |len: &usize| vec![b'a' + (len % 26) as u8; *len];
            let rows = lens.iter().enumerate().flat_map(|(n, len)| row(n as i32, len.as_ref().map(text).as_deref()));
            let bytes: Vec<u8> = header().into_iter().chain(rows).chain([0xff, 0xff]).collect();
            let mut decoder = decoder();
            let (mut rest, mut at) = (&bytes[SIGNATURE.len() + 8..], 0);
            prop_assert_eq!(decoder.take(&header()), Ok(true));
            while !rest.is_empty() {
                let (message, after) = rest.split_at(cuts[at % cuts.len()].min(rest.len()));
                decoder.take(message).expect("well formed");
                (rest, at) = (after, at + 1);
            }
            prop_assert!(decoder.is_at_end());
            let batch = decoder.finish_batch().expect("columns");
            prop_assert_eq!(batch.as_ref().map_or(0, RowBatch::rows), lens.len());
            for (n, len) in lens.iter().enumerate() {
                let batch = batch.as_ref().expect("rows");
                let texts = batch.columns()[1].values().as_string::<i32>();
                prop_assert_eq!((!texts.is_null(n)).then(|| texts.value(n).as_bytes().to_vec()), len.as_ref().map(text));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = decoder();
            let _ = decoder.take(&header());
            let _ = decoder.take(&bytes);
            let _ = decoder.finish_batch();
        }
    }
}
