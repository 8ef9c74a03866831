import { type Page, type View, changed, nothing, page } from "./wire";

/**
 * The newest page the window has. It pulls at most once a frame, one pull at a time, and only when the
 * Rust side has something new or another part of the list is looked at: however fast a stream is, the
 * window asks at its own pace and nothing queues up for it. A hidden window gets no frames, so it
 * doesn't ask at all.
 */
export class Feed {
  page = $state.raw<Page>(nothing);
  /** Why pulls fail, should the other side of the window be gone. */
  trouble = $state("");

  #view: View = { from: null, count: 0 };
  #stale = false;
  #scheduled = false;
  #pulling = false;
  #listening = false;
  #stopped = false;

  /** Begins to pull. Gives what ends it. */
  start(): () => void {
    this.refresh();
    return () => {
      this.#stopped = true;
    };
  }

  /** Says which rows are looked at. */
  look(view: View): void {
    if (view.from === this.#view.from && view.count === this.#view.count) return;
    this.#view = view;
    this.refresh();
  }

  /** Asks for a page with the next frame. */
  refresh(): void {
    this.#stale = true;
    if (this.#scheduled || this.#pulling || this.#stopped) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      void this.#pull();
    });
  }

  async #pull(): Promise<void> {
    this.#stale = false;
    this.#pulling = true;
    try {
      this.page = await page(this.#view);
      this.trouble = "";
      void this.#listen();
    } catch (error) {
      this.trouble = `the window lost its other half (${String(error)}); close it and start it again`;
    } finally {
      this.#pulling = false;
    }
    if (this.#stale) this.refresh();
  }

  /** One question is out at any time; its answer calls for the next pull, and that for the next question. */
  async #listen(): Promise<void> {
    if (this.#listening || this.#stopped) return;
    this.#listening = true;
    try {
      await changed(this.page.watch, this.page.snapshot.revision);
    } catch {
      return; // The pull that follows a look or a click says what is wrong.
    } finally {
      this.#listening = false;
    }
    this.refresh();
  }
}
