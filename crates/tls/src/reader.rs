//! Reads DER elements in sequence, exactly as strictly as the parser of Go's `crypto/x509`: every library has
//! different limits, and the verdict must match Go's.

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// Context-specific tag `[number]`, primitive.
pub(crate) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// Context-specific tag `[number]`, constructed.
pub(crate) const fn context_constructed(number: u8) -> u8 {
    0xa0 | number
}

/// What is wrong with an encoding. Fixed texts, so that no part of the Secret is repeated.
pub(crate) type Fault = &'static str;

/// The elements of a value that have not been read yet. Every method returns `None` if the next element is of
/// another kind.
#[derive(Clone, Copy)]
pub(crate) struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the next element has this tag.
    pub(crate) fn has(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// Tag and content of the next element: a tag below 31, a length in its shortest form.
    pub(crate) fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, after_tag) = self.0.split_first().filter(|(tag, _)| *tag & 0x1f != 0x1f)?;
        let (first, after_first) = after_tag.split_first()?;
        let (length, content) = match usize::from(*first) {
            short @ 0..0x80 => (short, after_first),
            long => {
                let (length, content) = after_first.split_at_checked(long - 0x80)?;
                let length = number(length).filter(|_| matches!(length, [1..=0xff, ..] if length.len() <= 4));
                (usize::try_from(length.filter(|length| *length >= 0x80)?).ok()?, content)
            }
        };
        let (content, rest) = content.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    /// The next element, tag and length included.
    pub(crate) fn whole(&mut self) -> Option<&'a [u8]> {
        let before = self.0;
        self.any()?;
        Some(&before[..before.len() - self.0.len()])
    }

    /// The content of the next element.
    pub(crate) fn read(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.any().filter(|(found, _)| *found == tag).map(|(_, value)| value)
    }

    /// The elements within the next one.
    pub(crate) fn within(&mut self, tag: u8) -> Option<Self> {
        self.read(tag).map(Self)
    }

    /// The content of the next element if it has this tag; otherwise nothing is read.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<Option<&'a [u8]>> {
        if self.has(tag) { self.read(tag).map(Some) } else { Some(None) }
    }

    /// The two's complement of an INTEGER in its shortest form.
    pub(crate) fn integer(&mut self) -> Option<&'a [u8]> {
        self.read(INTEGER).filter(|bytes| is_integer(bytes))
    }

    /// An INTEGER of 0 or more, without leading zeros.
    pub(crate) fn unsigned(&mut self) -> Option<&'a [u8]> {
        match self.integer()? {
            [0x80..=0xff, ..] => None,
            [0, rest @ ..] if !rest.is_empty() => Some(rest),
            bytes => Some(bytes),
        }
    }

    /// A BOOLEAN; FALSE if absent.
    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.optional(BOOLEAN)? {
            None | Some([0x00]) => Some(false),
            Some([0xff]) => Some(true),
            Some(_) => None,
        }
    }

    /// An OBJECT IDENTIFIER whose numbers are at most 31 bits long.
    pub(crate) fn oid(&mut self) -> Option<&'a [u8]> {
        let oid = self.read(OBJECT_IDENTIFIER)?;
        let is_complete = oid.last().is_some_and(|last| *last < 0x80);
        let mut numbers = oid.split_inclusive(|byte| *byte < 0x80);
        let fits = |number: &[u8]| match number {
            [0x80, ..] => false,
            [first, _, _, _, _] => *first < 0x88,
            number => number.len() < 5,
        };
        (is_complete && numbers.all(fits)).then_some(oid)
    }

    /// The bytes of a BIT STRING and the number of unused bits in the last one, which are zero.
    pub(crate) fn bits(&mut self) -> Option<(&'a [u8], u8)> {
        let (unused, bytes) = self.read(BIT_STRING)?.split_first().filter(|(unused, _)| **unused <= 7)?;
        let mask = (1 << unused) - 1;
        (bytes.last().unwrap_or(&mask) & mask == 0).then_some((bytes, *unused))
    }
}

/// Whether `bytes` are the shortest form of an INTEGER.
pub(crate) fn is_integer(bytes: &[u8]) -> bool {
    match bytes {
        [] => false,
        [0x00, next, ..] => *next >= 0x80,
        [0xff, next, ..] => *next < 0x80,
        _ => true,
    }
}

/// The number in big-endian `bytes`, if it fits.
pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}
