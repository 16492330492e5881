//! The protobuf wire format: numbers, lengths, fields.

use super::NotOnnx;

/// The text in field `number`, empty when absent.
pub(super) fn name_at(message: &[u8], number: u64) -> Result<String, NotOnnx> {
    Ok(part(message, number)?.map(text_of).unwrap_or_default())
}

/// The first length-delimited field with this number.
pub(super) fn part(message: &[u8], number: u64) -> Result<Option<&[u8]>, NotOnnx> {
    for field in Fields::of(message) {
        if let (found, Value::Bytes(bytes)) = field?
            && found == number
        {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

pub(super) fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A field's content. Fixed-width fields are skipped by the iterator: nothing
/// read here has them.
pub(super) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of one message, in file order, each with its number.
pub(super) struct Fields<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { message, at: 0 }
    }

    fn broken(&self) -> NotOnnx {
        NotOnnx::Broken { at: self.at }
    }

    /// A base-128 number of at most ten bytes.
    fn varint(&mut self) -> Result<u64, NotOnnx> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.message.get(self.at).ok_or_else(|| self.broken())?;
            self.at += 1;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.broken())
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], NotOnnx> {
        let taken = usize::try_from(length)
            .ok()
            .and_then(|length| self.at.checked_add(length))
            .and_then(|end| self.message.get(self.at..end))
            .ok_or_else(|| self.broken())?;
        self.at += taken.len();
        Ok(taken)
    }

    /// One field; nothing for a fixed-width one.
    fn field(&mut self) -> Result<Option<(u64, Value<'a>)>, NotOnnx> {
        const VARINT: u64 = 0;
        const FIXED_64: u64 = 1;
        const BYTES: u64 = 2;
        const FIXED_32: u64 = 5;
        let tag = self.varint()?;
        let (number, wire) = (tag >> 3, tag & 7);
        match wire {
            VARINT => Ok(Some((number, Value::Number(self.varint()?)))),
            FIXED_64 => self.take(8).map(|_| None),
            BYTES => {
                let length = self.varint()?;
                Ok(Some((number, Value::Bytes(self.take(length)?))))
            }
            FIXED_32 => self.take(4).map(|_| None),
            _ => Err(self.broken()),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), NotOnnx>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.message.len() {
            match self.field() {
                Ok(None) => {}
                Ok(Some(field)) => return Some(Ok(field)),
                Err(error) => {
                    self.at = self.message.len();
                    return Some(Err(error));
                }
            }
        }
        None
    }
}
