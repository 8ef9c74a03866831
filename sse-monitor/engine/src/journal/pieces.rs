//! Bytes in memory that grow without being moved.

/// What is kept is never copied to make room; a piece is small beside what a segment holds.
const PIECE: usize = 256 << 10;

/// Bytes that grow at the end.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    /// Each of the same length.
    full: Vec<Box<[u8]>>,
    rest: Vec<u8>,
}

impl Pieces {
    pub(crate) const fn len(&self) -> usize {
        self.full.len() * PIECE + self.rest.len()
    }

    pub(crate) fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.rest.len()));
            self.rest.extend_from_slice(now);
            if self.rest.len() == PIECE {
                self.full.push(core::mem::take(&mut self.rest).into_boxed_slice());
            }
            bytes = later;
        }
    }

    /// Copies as many bytes from `at` on as there are and `buffer` takes; returns how many.
    pub(crate) fn read_at(&self, mut at: usize, buffer: &mut [u8]) -> usize {
        let mut done = 0;
        while done < buffer.len() {
            let piece = self.full.get(at / PIECE).map_or(&self.rest[..], |piece| piece);
            let is_beyond = at / PIECE > self.full.len();
            let from = piece.get(at % PIECE..).filter(|_| !is_beyond).unwrap_or_default();
            let count = from.len().min(buffer.len() - done);
            if count == 0 {
                break;
            }
            buffer[done..done + count].copy_from_slice(&from[..count]);
            done += count;
            at += count;
        }
        done
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        // A piece that stays whole stays where it is.
        while length < self.full.len() * PIECE {
            self.rest = self.full.pop().unwrap_or_default().into_vec();
        }
        self.rest.truncate(length.saturating_sub(self.full.len() * PIECE));
    }

    /// Gives back the room that nothing further will take.
    pub(crate) fn shrink(&mut self) {
        self.rest.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_as_one() {
        let whole: Vec<u8> = (0..3 * PIECE + 77).map(|n| ((n * 31) >> 3) as u8).collect();
        let mut pieces = Pieces::default();
        for chunk in whole.chunks(100_003) {
            pieces.append(chunk);
        }
        let read = |pieces: &Pieces, at: usize, count: usize| {
            let mut buffer = vec![0; count];
            let read = pieces.read_at(at, &mut buffer);
            buffer.truncate(read);
            buffer
        };
        for length in [3 * PIECE + 77, 3 * PIECE, 2 * PIECE + 1, PIECE - 1, 5, 0] {
            pieces.truncate(length);
            assert_eq!(pieces.len(), length);
            for at in [0, 1, PIECE - 1, PIECE, 2 * PIECE + 5, 3 * PIECE + 70, 9 * PIECE] {
                for count in [0, 1, 100, PIECE + 1, 9 * PIECE] {
                    let end = (at + count).min(length);
                    let expected = whole.get(at..end).unwrap_or_default();
                    assert_eq!(read(&pieces, at, count), expected, "{count} from {at} of {length}");
                }
            }
        }
    }
}
