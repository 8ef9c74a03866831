//! Where one stream ends and the next begins, for the doors that read by themselves.

use core::mem;

use bytes::Bytes;

use crate::shared::SharedDecoder;

/// Leaves what a stream was cut within to be asked for, until the next stream begins.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    within_line: bool,
    ended: bool,
}

impl Ending {
    /// Bytes that the decoder is about to get.
    pub(crate) fn before_chunk(&mut self, chunk: &[u8], decoder: &mut SharedDecoder) {
        let Some(last) = chunk.last() else { return };
        if mem::take(&mut self.ended) {
            decoder.finish();
        }
        self.within_line = !matches!(last, b'\r' | b'\n');
    }

    /// No more bytes: a line without an end belongs to what is pending like the whole ones before it.
    pub(crate) fn at_end(&mut self, decoder: &mut SharedDecoder) {
        self.ended = true;
        if mem::take(&mut self.within_line) {
            // The end of a line that is not empty completes no event. A comment or a time in it is dropped, as
            // the stream has not said it to its end.
            let _incomplete = decoder.decode(&mut Bytes::from_static(b"\n"));
        }
    }

    #[cfg(feature = "futures-core")]
    pub(crate) const fn is_ended(&self) -> bool {
        self.ended
    }
}
