//! Law: every door of the decoder gives what a slow, obvious decoder gives.

use crate::{
    common::{naive::Rules, read, read_lent, read_naively, rules, visit},
    input::Input,
};

/// Decodes a cut stream by each door, beside the naive twin.
pub fn decode_vs_naive(input: &[u8]) {
    let Some(input) = Input::new(input) else { return };
    let owned = Rules { comments: input.comments(), ..rules(input.limits()) };
    let expected = read_naively(owned, input.stream);
    assert_eq!(read(owned, input.chunks()), expected, "{input:?}");
    assert_eq!(visit(owned, input.chunks()), expected, "by the visit door: {input:?}");

    // Small enough that most inputs pass one of them, and that lending the memory costs nothing.
    let lent = Rules { line: 48, event: 64, value: 12, ..owned };
    let expected = read_naively(lent, input.stream);
    assert_eq!(read_lent(lent, input.chunks()), expected, "without an allocator: {input:?}");
}
