/**
 * Which element shows which row. A row that leaves lends its element to one that comes, so that a
 * scroll by a few rows changes those few; where all rows are others, no element changes its place.
 */
export class Slots {
  #begin = 0;
  #count = 0;
  #first = 0;

  /** The slot of the first row: the others follow, and go round. */
  turn(begin: number, count: number): number {
    const moved = begin - this.#begin;
    if (count !== this.#count) this.#first = 0;
    else if (Math.abs(moved) < count) this.#first = (this.#first + moved + count) % count;
    this.#begin = begin;
    this.#count = count;
    return this.#first;
  }
}
