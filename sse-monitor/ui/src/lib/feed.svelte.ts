import { unpack } from "./packed";
import { type Head, type Page, type View, changed, nothing, page } from "./wire";

/** How long a head stands. */
const HEAD_MS = 100;

/** Whether a head tells of something else than before, rather than of more of the same. */
const isOther = (before: Head, now: Head): boolean =>
  before.watch !== now.watch ||
  before.snapshot.state.name !== now.snapshot.state.name ||
  before.filter?.number !== now.filter?.number ||
  now.list.total < before.list.total ||
  before.list.total === 0;

/**
 * The newest page the window has. It pulls at most once a frame, one pull at a time, and only when the
 * Rust side has something new or another part of the list is looked at: however fast a stream is, the
 * window asks at its own pace and nothing queues up for it. What came is read and drawn within a frame.
 * A hidden window gets no frames, so it doesn't ask at all.
 */
export class Feed {
  page = $state.raw<Page>(nothing);
  /** What is beside its rows, as it stood a moment ago: nobody reads numbers sixty times a second. */
  head = $state.raw<Head>(nothing);
  /** Hears of each page, and what it was asked for, before it is drawn. */
  arrived: (page: Page, asked: View) => void = () => {};
  /** Why pulls fail, should the other side of the window be gone. */
  trouble = $state("");

  #view: View = { number: null, shift: 0, count: 0, until: null };
  #came: { bytes: ArrayBuffer; asked: View } | null = null;
  #stale = false;
  #scheduled = false;
  #pulling = false;
  #listening = false;
  #stopped = false;
  #settled = -Infinity;
  #settles: ReturnType<typeof setTimeout> | undefined;

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

  /** The same, soon. */
  #settleSoon(): void {
    if (this.#settles !== undefined) return;
    const wait = this.#settled + HEAD_MS - performance.now();
    if (wait <= 0 || isOther(this.head, this.page)) this.settle();
    else this.#settles = setTimeout(() => this.settle(), wait);
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
    this.#stale = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#pulling || this.#stopped) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.#draw();
      if (this.#stale) void this.#pull();
    });
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

  #draw(): void {
    if (this.#came === null) return;
    const { bytes, asked } = this.#came;
    this.#came = null;
    // Asked for before the list was told to stand still, it would move once more; another is on its way.
    if (asked.until !== this.#view.until) return;
    this.page = unpack(bytes);
    this.arrived(this.page, asked);
    this.#settleSoon();
    this.trouble = "";
    void this.#listen();
  }

  /** One question is out at any time; its answer calls for the next pull, and that for the next question. */
  async #listen(): Promise<void> {
    if (this.#listening || this.#stopped) return;
    this.#listening = true;
    try {
      await changed(this.page);
    } catch {
      return; // The pull that follows a look or a click says what is wrong.
    } finally {
      this.#listening = false;
    }
    this.refresh();
  }
}
