/** How far rows may lie from where their sheet begins: far within what an element's place can be. */
const FARTHEST = 50_000;

/** What stands where: the slot of the first row, and the position that lies at the sheet's upper edge. */
export interface Placed {
  first: number;
  origin: number;
}

/**
 * Which element shows which row. A row that leaves lends its element to one that comes, so that a scroll
 * by a few rows changes those few; all others stay as they are and where they are, in the document too.
 */
export class Slots {
  #begin = 0;
  #count = 0;
  #placed: Placed = { first: 0, origin: 0 };

  /** The slots of the other rows follow that of the first one, and go round. */
  turn(begin: number, count: number): Placed {
    const moved = begin - this.#begin;
    const { first, origin } = this.#placed;
    const stays = Math.abs(moved) < count && Math.abs(begin - origin) < FARTHEST;
    if (count !== this.#count || !stays) this.#placed = { first: 0, origin: begin };
    else if (moved !== 0) this.#placed = { first: (first + moved + count) % count, origin };
    this.#begin = begin;
    this.#count = count;
    return this.#placed;
  }

  /** The next rows begin anew, in the first slot. */
  reset(): void {
    this.#count = 0;
  }
}
