/** What would let go of rows that are in no file, while it is asked about. */
export interface Leaving {
  /** What it is, as the beginning of a sentence. */
  what: string;
  go: () => Promise<void>;
  /** Where the keys go if it is not done. */
  stay: () => void;
}

/** So many rows are not let go by one press: they do not come back. The same as of the Rust side's `closing.rs`. */
const MANY = 1000;

export const isMany = (rows: number): boolean => rows >= MANY;
