//! One way to look at the values of any column.

use arrow_array::{Array, BooleanArray};
use arrow_buffer::NullBuffer;
use arrow_data::ArrayData;
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, Exception};

/// What stands in one row of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cell<'a> {
    /// Nothing.
    Null,
    /// A typed value: its little-endian bytes, or those of a text.
    Typed(&'a [u8]),
    /// A value that the type cannot hold.
    Exception(&'a Exception),
}

/// Where the bytes of values lie.
enum Layout {
    /// So many bytes each.
    Fixed(usize),
    /// From one offset to the next.
    Variable,
    /// One byte each, made from bits: 0 or 1.
    Bits(Vec<u8>),
}

/// The bytes of all typed slots, and where each lies.
#[derive(Clone, Copy)]
struct Slots<'a> {
    /// One more than there are rows; none where all slots are of one width.
    offsets: &'a [i32],
    bytes: &'a [u8],
    width: usize,
}

impl<'a> Slots<'a> {
    #[inline]
    fn at(self, row: usize) -> &'a [u8] {
        match self.offsets {
            [] => &self.bytes[row * self.width..(row + 1) * self.width],
            offsets => &self.bytes[offsets[row] as usize..offsets[row + 1] as usize],
        }
    }
}

/// Whether two values are the same bytes. Numbers are compared as such: a call of the C library takes longer.
#[inline]
pub(crate) fn is_same(left: &[u8], right: &[u8]) -> bool {
    fn parts<const LEN: usize>(left: &[u8], right: &[u8]) -> Option<([u8; LEN], [u8; LEN])> {
        Some((left.try_into().ok()?, right.try_into().ok()?))
    }
    match left.len() {
        4 => parts(left, right).is_some_and(|(left, right)| u32::from_ne_bytes(left) == u32::from_ne_bytes(right)),
        8 => parts(left, right).is_some_and(|(left, right)| u64::from_ne_bytes(left) == u64::from_ne_bytes(right)),
        16 => parts(left, right).is_some_and(|(left, right)| u128::from_ne_bytes(left) == u128::from_ne_bytes(right)),
        _ => left == right,
    }
}

/// The values of a column, row by row or at once.
pub(crate) struct Cells<'a> {
    data: ArrayData,
    nulls: Option<NullBuffer>,
    layout: Layout,
    exceptions: &'a [Exception],
}

/// Bytes of a value of a type; `None` for types whose values differ in length.
pub(crate) fn width(data_type: &DataType) -> Option<usize> {
    match data_type {
        DataType::Boolean => Some(1),
        DataType::FixedSizeBinary(len) => usize::try_from(*len).ok(),
        DataType::Utf8 | DataType::Binary => None,
        other => other.primitive_width(),
    }
}

impl<'a> Cells<'a> {
    pub(crate) fn new(column: &'a Column) -> Self {
        let values = column.values();
        let layout = match (values.as_any().downcast_ref::<BooleanArray>(), width(values.data_type())) {
            (Some(bits), _) => Layout::Bits(bits.values().iter().map(u8::from).collect()),
            (None, Some(width)) => Layout::Fixed(width),
            (None, None) => Layout::Variable,
        };
        Self { data: values.to_data(), nulls: values.nulls().cloned(), layout, exceptions: column.exceptions() }
    }

    pub(crate) fn rows(&self) -> usize {
        self.data.len()
    }

    pub(crate) fn data_type(&self) -> &DataType {
        self.data.data_type()
    }

    pub(crate) fn exceptions(&self) -> &'a [Exception] {
        self.exceptions
    }

    pub(crate) fn is_typed(&self, row: usize) -> bool {
        self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
    }

    /// Rows that have a typed value.
    pub(crate) fn typed_rows(&self) -> usize {
        self.rows() - self.nulls.as_ref().map_or(0, NullBuffer::null_count)
    }

    /// The bytes of a typed slot, which mean nothing where there is no typed value.
    pub(crate) fn bytes(&self, row: usize) -> &[u8] {
        match &self.layout {
            Layout::Fixed(width) => &self.fixed()[row * width..(row + 1) * width],
            Layout::Variable => {
                let (offsets, bytes) = self.variable();
                &bytes[offsets[row] as usize..offsets[row + 1] as usize]
            }
            Layout::Bits(bits) => &bits[row..=row],
        }
    }

    /// All typed slots of a fixed width, one after another.
    pub(crate) fn fixed(&self) -> &[u8] {
        match &self.layout {
            Layout::Fixed(width) => {
                let from = self.data.offset() * width;
                &self.data.buffers()[0].as_slice()[from..from + self.rows() * width]
            }
            Layout::Bits(bits) => bits,
            Layout::Variable => &[],
        }
    }

    /// Offsets, one more than there are rows, and the bytes they lead into.
    pub(crate) fn variable(&self) -> (&[i32], &[u8]) {
        (&self.data.buffer::<i32>(0)[..=self.rows()], self.data.buffers()[1].as_slice())
    }

    /// All slots at once.
    fn slots(&self) -> Slots<'_> {
        let (offsets, bytes) = if self.is_variable() { self.variable() } else { (&[][..], self.fixed()) };
        Slots { offsets, bytes, width: bytes.len() / self.rows().max(1) }
    }

    /// Rows that have a typed value, and its bytes, in order: faster than [`Cells::bytes`] for each.
    pub(crate) fn typed(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let slots = self.slots();
        (0..self.rows()).filter(|&row| self.is_typed(row)).map(move |row| (row, slots.at(row)))
    }

    /// True when values are of different lengths.
    pub(crate) fn is_variable(&self) -> bool {
        matches!(self.layout, Layout::Variable)
    }

    /// What stands in each row, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Cell<'_>> {
        let mut exceptions = self.exceptions.iter().peekable();
        let slots = self.slots();
        (0..self.rows()).map(move |row| {
            if self.is_typed(row) {
                return Cell::Typed(slots.at(row));
            }
            exceptions.next_if(|exception| exception.row as usize == row).map_or(Cell::Null, Cell::Exception)
        })
    }
}
