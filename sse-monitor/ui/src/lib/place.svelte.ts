import type { Feed } from "./feed.svelte";
import type { Page, View } from "./wire";
import { OVERSCAN, ROW_HEIGHT, lastTop, reveal, rowsSeen } from "./viewport";

/**
 * Where in the list one looks. It holds on to a row, by its number: so it stays while older rows fall
 * out, while a search finds older ones, and when a filter is turned on or off.
 */
export class Place {
  /** Whether the list stays at its newest row. */
  following = $state(true);
  /** How high the list is seen. */
  height = $state(0);
  /** Where the list ends while it stands still: the number after its newest row. */
  until = $state<number | null>(null);

  /** How often it was told where to go, by other than a scroll: that counts more than a scroll before it. */
  moves = $state(0);

  /** The upper edge of what is seen, in pixels from the first row; stale while following. */
  #top = $state(0);
  /** The row held on to, and its position when it was last heard of. */
  #number = 0;
  #position = 0;

  readonly #feed: Feed;

  constructor(feed: Feed) {
    this.#feed = feed;
    feed.arrived = (page, asked) => this.#arrived(page, asked);
  }

  get total(): number {
    return this.#feed.page.list.total;
  }

  /** The same, true also while following. */
  get top(): number {
    return this.topOf(this.#feed.page);
  }

  /** The same in a page that may not be seen yet. */
  topOf(page: Page): number {
    const last = lastTop(page.list.total, this.height);
    return this.following ? last : Math.min(Math.max(this.#top, 0), last);
  }

  /** What to ask for. */
  get view(): View {
    const until = this.until;
    // Beyond its end there is nothing to scroll to.
    if (this.following) return { number: null, shift: 0, count: rowsSeen(this.height), until };
    // By eights, so that a slow scroll does not ask for a page at each row.
    const from = Math.floor(this.top / ROW_HEIGHT) - OVERSCAN;
    const first = Math.max(from - (((from % 8) + 8) % 8), 0);
    const count = rowsSeen(this.height) + 2 * OVERSCAN + 8;
    return { number: this.#number, shift: first - this.#position, count, until };
  }

  /** A page came: the row held on to may have moved; once it is not near, one that is seen is a better hold. */
  #arrived(page: Page, asked: View): void {
    if (this.following || asked.number !== this.#number) return;
    const moved = page.list.anchor - this.#position;
    if (moved !== 0) {
      this.#position += moved;
      this.#top = Math.max(0, this.#top + moved * ROW_HEIGHT);
    }
    // A search that has not come so far yet says nothing of where the row will be.
    if (page.filter !== null && !page.filter.isCaughtUp) return;
    // Another hold is another question, though the answer would be the same.
    if (page.rows[this.#position - page.list.begin]?.number === this.#number) return;
    const top = this.top;
    const upper = Math.floor(top / ROW_HEIGHT);
    const row = page.rows[upper - page.list.begin];
    if (row === undefined) return;
    this.#top = top;
    this.#hold(row.number, upper);
  }

  /** Puts the upper edge of what is seen there. */
  go(top: number): void {
    if (this.following) {
      const { rows, list } = this.#feed.page;
      const last = rows.at(-1);
      if (last === undefined) return;
      this.#hold(last.number, list.begin + rows.length - 1);
    }
    const last = lastTop(this.total, this.height);
    this.#top = Math.min(Math.max(top, 0), last);
    this.following = this.#top >= last - 1;
  }

  /** Stays where it is, though more comes. */
  stay(): void {
    const top = this.top;
    this.go(top);
    this.following = false;
  }

  /** Goes to the newest row, and stays there. */
  toLatest(): void {
    this.following = true;
    this.moves += 1;
  }

  /** Shows the row, with so many around it. */
  reveal(number: number, position: number, ahead = 0): void {
    const top = this.top;
    this.moves += 1;
    this.following = false;
    this.#hold(number, position);
    this.#top = reveal(position, ahead, top, this.height);
  }

  /** Goes to the oldest row. */
  toBeginning(): void {
    this.moves += 1;
    this.following = false;
    this.#hold(0, 0);
    this.#top = 0;
  }

  /** Where one looks, to come back to it. */
  remember(): () => void {
    const { following } = this;
    const number = this.#number;
    const offset = this.#top - this.#position * ROW_HEIGHT;
    return () => {
      this.moves += 1;
      this.following = following;
      if (following) return;
      this.#hold(number, this.#position);
      this.#top = this.#position * ROW_HEIGHT + offset;
    };
  }

  #hold(number: number, position: number): void {
    this.#number = number;
    this.#position = position;
  }
}
