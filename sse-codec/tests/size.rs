//! What a decoder costs at rest.

use core::mem::size_of;

use sse_codec::{Decoder, SliceDecoder};

#[test]
fn a_decoder_is_at_most_256_bytes_besides_what_is_pending() {
    assert!(size_of::<Decoder>() <= 256, "{}", size_of::<Decoder>());
    assert!(size_of::<SliceDecoder<'_>>() <= 296, "{}", size_of::<SliceDecoder<'_>>());
}
