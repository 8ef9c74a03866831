//! JSON straight into `data` lines.

use alloc::vec::Vec;
use std::io;

use serde::Serialize;

use crate::{
    buffer::{Buffer, DataWriter},
    encoder::OutgoingEvent,
    frame::Frame,
};

impl OutgoingEvent<'_> {
    /// Appends the block to `out`, with `value` as JSON in place of any data that was [set](Self::data).
    ///
    /// The JSON is written where it belongs, without a `String` on its way.
    ///
    /// ```
    /// use sse_codec::OutgoingEvent;
    ///
    /// let mut out = Vec::new();
    /// OutgoingEvent::new().encode_json_into(&[("EUR", 1.08)], &mut out)?;
    /// assert_eq!(out, b"data: [[\"EUR\",1.08]]\n\n");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    /// What `value` fails with when it is serialized; then `out` is as it was.
    pub fn encode_json_into<T: Serialize + ?Sized, B: Buffer>(
        &self,
        value: &T,
        out: &mut B,
    ) -> Result<(), serde_json::Error> {
        let mut data = self.data_writer(out);
        serde_json::to_writer(Json(&mut data), value)?;
        data.finish();
        Ok(())
    }

    /// The block as a [`Frame`], with `value` as JSON in place of any data that was [set](Self::data).
    ///
    /// ```
    /// use sse_codec::OutgoingEvent;
    ///
    /// let frame = OutgoingEvent::new().encode_json(&[1, 2])?;
    /// assert_eq!(frame.as_bytes(), b"data: [1,2]\n\n");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    /// What `value` fails with when it is serialized.
    pub fn encode_json<T: Serialize + ?Sized>(
        &self,
        value: &T,
    ) -> Result<Frame, serde_json::Error> {
        let mut out = Vec::with_capacity(128);
        self.encode_json_into(value, &mut out)?;
        Ok(Frame::encoded(out))
    }
}

/// Takes what serde_json writes, which is UTF-8; hence it is nobody else's.
struct Json<'w, 'b, B: Buffer>(&'w mut DataWriter<'b, B>);

impl<B: Buffer> io::Write for Json<'_, '_, B> {
    #[inline]
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.text(text);
        Ok(text.len())
    }

    #[inline]
    fn write_all(&mut self, text: &[u8]) -> io::Result<()> {
        self.0.text(text);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
