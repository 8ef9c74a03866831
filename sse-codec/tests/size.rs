//! What a decoder costs at rest.

use core::mem::size_of;

use sse_codec::{Decoder, SharedDecoder, SliceDecoder};

#[test]
fn a_decoder_is_at_most_256_bytes_besides_what_is_pending() {
    assert!(size_of::<Decoder>() <= 256, "{}", size_of::<Decoder>());
    assert!(size_of::<SliceDecoder<'_>>() <= 256, "{}", size_of::<SliceDecoder<'_>>());
    // It remembers an id besides.
    assert!(size_of::<SharedDecoder>() <= 288, "{}", size_of::<SharedDecoder>());
}
