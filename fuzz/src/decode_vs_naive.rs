//! Law: both decoders give what a slow, obvious one gives.

use sse_codec::Limits;

use crate::{
    common::{read, read_lent, read_naively, read_naively_with},
    input::Input,
};

/// Small enough that most inputs pass one of them, and that lending the memory costs nothing.
const LENT: (usize, usize, usize) = (48, 64, 12);

/// Decodes a cut stream, with an allocator and without one, beside the naive twin.
pub fn decode_vs_naive(input: &[u8]) {
    let Some(input) = Input::new(input) else { return };
    let expected = read_naively(input.limits(), input.stream);
    assert_eq!(read(input.limits(), input.chunks()), expected, "{input:?}");

    let (line, event, value) = LENT;
    let limits = Limits::default().line(line).event(event);
    let expected = read_naively_with(limits, value, input.stream);
    assert_eq!(
        read_lent(limits, value, input.chunks()),
        expected,
        "without an allocator: {input:?}"
    );
}
