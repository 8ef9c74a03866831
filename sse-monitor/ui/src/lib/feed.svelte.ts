import { unpack } from "./packed";
import { type Placed, Slots } from "./slots";
import { type Head, type Page, type Row, type View, changed, nothing, page } from "./wire";

/** From one drawing of what came by itself to the next: twenty a second, as nobody reads more. */
const PACE_MS = 45;

/** How many new rows are laid out and painted within one frame. */
const ROWS_A_FRAME = 4;

/** How long before a drawing its page is asked for: two frames. */
const LEAD_MS = 34;

/** How long a head stands; and a page of which no row moves, since its end is not looked at. */
const HEAD_MS = 100;

/**
 * So long after a scroll, or among rows that come, they stand in the document in another order than they are seen: to
 * put them in it lays all of them out, within one frame.
 */
const ORDER_MS = 600;

/** Whether a head tells of something else than before, rather than of more of the same. */
const isOther = (before: Head, now: Head): boolean =>
  before.watch !== now.watch ||
  before.snapshot.state.name !== now.snapshot.state.name ||
  before.filter?.number !== now.filter?.number ||
  now.list.total < before.list.total ||
  before.list.total === 0;

/** A page, and which element shows which of its rows. */
export interface Sheet {
  page: Page;
  placed: Placed;
}

const other = (side: 0 | 1): 0 | 1 => (side === 0 ? 1 : 0);

/** Whether more rows are new than a frame has time for, in a page whose halves can stand for those before. */
const isMostlyNew = (before: Page, now: Page): boolean => {
  if (before.watch !== now.watch || before.rows.length !== now.rows.length) return false;
  const known = new Set(before.rows);
  return now.rows.filter((row) => !known.has(row)).length > ROWS_A_FRAME;
};

/**
 * A page between two where the list was scrolled by a few rows, so that half of the new ones are drawn with
 * it: they lie beyond what is seen.
 */
const halfway = ({ rows: before }: Page, now: Page): Page | null => {
  const { rows, list } = now;
  const count = rows.length;
  if (before.length !== count) return null;
  const up = rows.indexOf(before[0] as Row);
  const down = before.indexOf(rows[0] as Row);
  const by = Math.max(up, down);
  const half = by >> 1;
  if (by <= ROWS_A_FRAME || by > 2 * ROWS_A_FRAME) return null;
  const begin = list.begin + (up > 0 ? half : -half);
  const part =
    up > 0
      ? [...rows.slice(half), ...before.slice(count - by, count - by + half)]
      : [...before.slice(by - half, by), ...rows.slice(0, count - half)];
  return { ...now, list: { ...list, begin }, rows: part };
};

/**
 * The newest page the window has. It pulls at most once a frame, one pull at a time, and only when the
 * Rust side has something new or another part of the list is looked at: however fast a stream is, the
 * window asks at its own pace and nothing queues up for it.
 * A hidden window gets no frames, so it doesn't ask at all.
 *
 * Under a lively stream, where most rows are new each time, a drawing is too much for one frame. So
 * there are two sheets, and a drawing goes through four frames: the sheet that is not seen takes the upper
 * half of the rows and has them laid out, then the lower half; then its lower half is seen in place of the
 * other's, and has only to be painted, and at last its upper half. What stands beside the rows is told in two
 * frames of their own. A scroll that brings more rows than a frame has time for is drawn in two.
 */
export class Feed {
  sheets = $state.raw<[Sheet, Sheet]>([
    { page: nothing, placed: { first: 0, origin: 0 } },
    { page: nothing, placed: { first: 0, origin: 0 } },
  ]);
  /** Which sheet is seen, of each half. */
  upper = $state<0 | 1>(0);
  lower = $state<0 | 1>(0);
  /** What is beside its rows, as it stood a moment ago: nobody reads numbers sixty times a second. */
  head = $state.raw<Head>(nothing);
  /** The same, for what is only told of it: a frame earlier, so that neither frame has all of it to draw. */
  numbers = $state.raw<Head>(nothing);
  /** Hears of each page, and what it was asked for, before it is drawn. */
  arrived: (page: Page, asked: View) => void = () => {};
  /** Why pulls fail, should the other side of the window be gone. */
  trouble = $state("");

  readonly #slots = [new Slots(), new Slots()] as const;
  #view: View = { number: null, shift: 0, count: 0, until: null };
  /** The page that was read last. */
  #read: Page = nothing;
  #came: { bytes: ArrayBuffer; asked: View } | null = null;
  #stale = false;
  /** Whether the user waits for the next drawing. */
  #awaited = false;
  #drawn = -Infinity;
  /** A page of which the sheet that is seen next has only the upper half yet. */
  #half: { page: Page; asked: View } | null = null;
  /** A page that was scrolled to, of which half of the new rows are shown. */
  #rest: { page: Page; asked: View } | null = null;
  /** What was asked for the sheet that is seen next. */
  #turning: View | null = null;
  /** Whether a frame has to bring the head to the newest page. */
  #unsettled = false;
  #scheduled = false;
  #pulling = false;
  #listening = false;
  #stopped = false;
  #settled = -Infinity;
  #settles: ReturnType<typeof setTimeout> | undefined;
  /** Whether a frame has to put the rows in their order. */
  #unordered = false;
  #orders: ReturnType<typeof setTimeout> | undefined;

  /** What is seen. */
  get page(): Page {
    return this.sheets[this.upper].page;
  }

  /** Begins to pull. Gives what ends it. */
  start(): () => void {
    this.refresh();
    return () => {
      this.#stopped = true;
      clearTimeout(this.#settles);
      clearTimeout(this.#orders);
    };
  }

  /** Brings the head to the newest page. */
  settle(): void {
    clearTimeout(this.#settles);
    this.#settles = undefined;
    this.#unsettled = false;
    this.#settled = performance.now();
    this.head = this.numbers = this.page;
  }

  /** The same in two frames. */
  #settleByParts(): void {
    if (this.numbers !== this.head) return this.settle();
    this.numbers = this.page;
    if (this.numbers === this.head) this.settle();
  }

  /** The same, soon: in a frame that draws nothing else. */
  #settleSoon(): void {
    if (isOther(this.head, this.page)) return this.settle();
    const wait = this.#settled + HEAD_MS - performance.now();
    this.#settles ??= setTimeout(() => {
      this.#unsettled = true;
      this.#schedule();
    }, Math.max(wait, 0));
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
    // What nobody waits for would only be drawn before what is looked at now.
    if (!this.#awaited) this.#came = null;
    this.refresh();
  }

  /** Asks for a page with the next frame. */
  refresh(): void {
    this.#awaited = true;
    this.#stale = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    requestAnimationFrame((at) => {
      this.#scheduled = false;
      this.#frame(at);
    });
  }

  #frame(at: number): void {
    if (this.#stopped) return;
    if (this.#came !== null && this.#awaited) this.#giveUp();
    if (this.#turning !== null) {
      this.#turn(this.#turning);
    } else if (this.#rest !== null) {
      const { page, asked } = this.#rest;
      this.#rest = null;
      if (!this.#isLate(asked) && page.watch === this.page.watch) {
        this.#show(page);
        this.#shown(asked);
      }
    } else if (this.#half !== null) {
      this.#put(this.#half.page, other(this.upper));
      this.#turning = this.#half.asked;
      this.#half = null;
    } else if (this.#unsettled && !this.#awaited) {
      this.#settleByParts();
    } else if (this.#came !== null && (this.#awaited || at - this.#drawn >= this.#pace)) {
      const came = this.#came;
      this.#came = null;
      this.#drawn = at;
      this.#draw(came);
    } else if (this.#unsettled) {
      this.#settleByParts();
    } else if (this.#unordered) {
      this.#order();
    }
    const isDue = this.#awaited || at - this.#drawn >= this.#pace - LEAD_MS;
    if (this.#stale && this.#came === null && !this.#pulling && isDue) void this.#pull();
    const waits = this.#came ?? this.#half ?? this.#turning ?? this.#rest;
    const isLeft = this.#unsettled || this.#unordered;
    if (waits !== null || isLeft || (this.#stale && !this.#pulling)) this.#schedule();
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
    const page = unpack(bytes, this.#read);
    this.#read = page;
    const waits = !this.#awaited && asked.number === null && isMostlyNew(this.page, page);
    this.#awaited = asked !== this.#view;
    const part = waits || asked.number === null ? null : halfway(this.page, page);
    if (waits) this.#begin(page, asked);
    else this.#show(part ?? page);
    if (part !== null) this.#rest = { page, asked };
    this.trouble = "";
    void this.#listen(page);
    if (!waits) this.#shown(asked);
  }

  /** Has the upper half of a page laid out, where it is not seen. */
  #begin(page: Page, asked: View): void {
    const side = other(this.upper);
    const middle = Math.ceil(page.rows.length / 2);
    const rows = [...page.rows.slice(0, middle), ...this.sheets[side].page.rows.slice(middle)];
    const isHalf = rows.length === page.rows.length;
    // Slots that a scroll has turned would lay one half into the other.
    this.#slots[side].reset();
    this.#put(isHalf ? { ...page, rows } : page, side);
    if (isHalf) this.#half = { page, asked };
    else this.#turning = asked;
  }

  /**
   * Shows the sheet that was laid out: its lower half, then its upper one. Where a scroll has turned the
   * slots of either, its halves lie in one another, and are seen at once.
   */
  #turn(asked: View): void {
    const side = other(this.upper);
    // Nor where another part of the list is looked at by now.
    if (this.#isLate(asked) || this.#view.number !== null) {
      this.#giveUp();
    } else if (this.lower !== side && this.sheets.every(({ placed }) => placed.first === 0)) {
      this.lower = side;
    } else {
      this.#turning = null;
      this.upper = this.lower = side;
      this.#shown(asked);
    }
  }

  /** Shows all of one sheet, of which something that is seen was pressed, while both are. */
  keep(side: 0 | 1): void {
    const asked = this.#turning;
    if (side === this.upper || side !== this.lower || asked === null) return this.#giveUp();
    this.#turning = null;
    this.upper = side;
    this.#shown(asked);
  }

  /** Leaves it with the sheet that is seen. */
  #giveUp(): void {
    this.#half = this.#turning = null;
    this.lower = this.upper;
  }

  /** Shows a page at once. */
  #show(page: Page): void {
    this.#giveUp();
    this.#put(page, this.upper);
  }

  /** Asked for before the list was told to stand still, it would move once more; another is on its way. */
  #isLate(asked: View): boolean {
    return asked.until !== this.#view.until;
  }

  #put(page: Page, side: 0 | 1): void {
    const [first, second] = this.sheets;
    const sheet = { page, placed: this.#slots[side].turn(page.list.begin, page.rows.length) };
    this.sheets = side === 0 ? [sheet, second] : [first, sheet];
    if (sheet.placed.first !== 0) this.#orderSoon();
  }

  /** A screen reader goes through the document, where a scroll has turned the order of the rows. */
  #orderSoon(): void {
    // A scroll comes to its end, and a stream that is followed may not.
    if (this.#view.number !== null) {
      clearTimeout(this.#orders);
      this.#orders = undefined;
    }
    this.#orders ??= setTimeout(() => {
      this.#orders = undefined;
      this.#unordered = true;
      this.#schedule();
    }, ORDER_MS);
  }

  #order(): void {
    this.#unordered = false;
    const side = this.upper;
    if (this.sheets[side].placed.first === 0) return;
    this.#slots[side].reset();
    this.#put(this.page, side);
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
