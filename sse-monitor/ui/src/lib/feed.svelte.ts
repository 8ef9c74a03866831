import { unpack } from "./packed";
import { type Head, type Page, type View, changed, nothing, page } from "./wire";

/** From one drawing of what came by itself to the next: thirty a second, as nobody sees more. */
const PACE_MS = 30;

/** How long a head stands; and a page of which no row moves, since its end is not looked at. */
const HEAD_MS = 100;

/** Whether a head tells of something else than before, rather than of more of the same. */
const isOther = (before: Head, now: Head): boolean =>
  before.watch !== now.watch ||
  before.snapshot.state.name !== now.snapshot.state.name ||
  before.filter?.number !== now.filter?.number ||
  now.list.total < before.list.total ||
  before.list.total === 0;

const other = (side: 0 | 1): 0 | 1 => (side === 0 ? 1 : 0);

/** Whether no row of the one is in the other that comes after it. */
const isAllOther = (before: Page, now: Page): boolean => {
  const [last, first] = [before.rows.at(-1), now.rows[0]];
  return last !== undefined && first !== undefined && first.number > last.number;
};

/**
 * The newest page the window has. It pulls at most once a frame, one pull at a time, and only when the
 * Rust side has something new or another part of the list is looked at: however fast a stream is, the
 * window asks at its own pace and nothing queues up for it. What came is read and drawn within a frame.
 * A hidden window gets no frames, so it doesn't ask at all.
 *
 * Under a lively stream, where all rows are others each time, a drawing is too much for one frame. So
 * there are two sheets: the one that is not seen takes the rows, and has them laid out; in the next frame
 * it is the one that is seen, and has only to be painted.
 */
export class Feed {
  sheets = $state.raw<[Page, Page]>([nothing, { ...nothing }]);
  /** Which sheet is seen. */
  #side = $state<0 | 1>(0);
  /** What is beside its rows, as it stood a moment ago: nobody reads numbers sixty times a second. */
  head = $state.raw<Head>(nothing);
  /** Hears of each page, and what it was asked for, before it is drawn. */
  arrived: (page: Page, asked: View) => void = () => {};
  /** Why pulls fail, should the other side of the window be gone. */
  trouble = $state("");

  #view: View = { number: null, shift: 0, count: 0, until: null };
  #came: { bytes: ArrayBuffer; asked: View } | null = null;
  #stale = false;
  /** Whether the user waits for the next drawing. */
  #awaited = false;
  #drawn = -Infinity;
  /** What was asked for the sheet that is seen next. */
  #turning: View | null = null;
  #scheduled = false;
  #pulling = false;
  #listening = false;
  #stopped = false;
  #settled = -Infinity;
  #settles: ReturnType<typeof setTimeout> | undefined;

  /** What is seen. */
  get page(): Page {
    return this.sheets[this.#side];
  }

  /** Begins to pull. Gives what ends it. */
  start(): () => void {
    this.refresh();
    return () => {
      this.#stopped = true;
      clearTimeout(this.#settles);
    };
  }

  /** Brings the head to the newest page. */
  settle(): void {
    clearTimeout(this.#settles);
    this.#settles = undefined;
    this.#settled = performance.now();
    this.head = this.page;
  }

  /** The same, soon: with rows that are painted anyway, unless none come. */
  #settleSoon(): void {
    const wait = this.#settled + HEAD_MS - performance.now();
    if (wait <= 0 || isOther(this.head, this.page)) this.settle();
    else this.#settles ??= setTimeout(() => this.settle(), wait + 2 * PACE_MS);
  }

  /** Says which rows are looked at. */
  look(view: View): void {
    const seen = this.#view;
    if (
      view.number === seen.number &&
      view.shift === seen.shift &&
      view.count === seen.count &&
      view.until === seen.until
    ) {
      return;
    }
    this.#view = view;
    this.refresh();
  }

  /** Asks for a page with the next frame. */
  refresh(): void {
    this.#awaited = true;
    this.#stale = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#pulling || this.#stopped) return;
    this.#scheduled = true;
    requestAnimationFrame((at) => {
      this.#scheduled = false;
      this.#frame(at);
    });
  }

  #frame(at: number): void {
    if (this.#turning !== null) {
      this.#turn(this.#turning);
    } else if (this.#came !== null && (this.#awaited || at - this.#drawn >= this.#pace)) {
      const came = this.#came;
      this.#came = null;
      this.#drawn = at;
      this.#draw(came);
    }
    if (this.#came !== null || this.#turning !== null) this.#schedule();
    else if (this.#stale) void this.#pull();
  }

  async #pull(): Promise<void> {
    this.#stale = false;
    this.#pulling = true;
    const asked = this.#view;
    try {
      this.#came = { bytes: await page(asked), asked };
    } catch (error) {
      this.trouble = `the window lost its other half (${String(error)}); close it and start it again`;
    } finally {
      this.#pulling = false;
    }
    this.#schedule();
  }

  get #pace(): number {
    const { number, until } = this.#view;
    return number === null && until === null ? PACE_MS : HEAD_MS;
  }

  #draw({ bytes, asked }: { bytes: ArrayBuffer; asked: View }): void {
    if (this.#isLate(asked)) return;
    const page = unpack(bytes);
    const waits = !this.#awaited && asked.number === null && isAllOther(this.page, page);
    this.#awaited = asked !== this.#view;
    this.#put(page, waits ? other(this.#side) : this.#side);
    this.trouble = "";
    void this.#listen(page);
    if (waits) this.#turning = asked;
    else this.#shown(asked);
  }

  /** Shows the sheet that was laid out. */
  #turn(asked: View): void {
    this.#turning = null;
    if (this.#isLate(asked)) return;
    this.#side = other(this.#side);
    this.#shown(asked);
  }

  /** Asked for before the list was told to stand still, it would move once more; another is on its way. */
  #isLate(asked: View): boolean {
    return asked.until !== this.#view.until;
  }

  #put(page: Page, side: 0 | 1): void {
    const [first, second] = this.sheets;
    this.sheets = side === 0 ? [page, second] : [first, page];
  }

  #shown(asked: View): void {
    this.arrived(this.page, asked);
    this.#settleSoon();
  }

  /** One question is out at any time; its answer calls for the next pull, and that for the next question. */
  async #listen(page: Page): Promise<void> {
    if (this.#listening || this.#stopped) return;
    this.#listening = true;
    try {
      await changed(page);
    } catch {
      return; // The pull that follows a look or a click says what is wrong.
    } finally {
      this.#listening = false;
    }
    this.#stale = true;
    this.#schedule();
  }
}
