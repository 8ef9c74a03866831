import { filter } from "./wire";

/**
 * What is searched for as one types: at most one change a frame, and one at a time, of which the newest
 * counts. Each takes the place of the one before.
 */
export class Search {
  text = $state("");
  /** Why the text cannot be read as a search; the list shows what was searched for before. */
  refusal = $state("");
  /** What the list is filtered by: of a text that cannot be read, the one before it. */
  listed = $state("");
  /** Whether the list is filtered. */
  active = $state(false);

  #sent = "";
  #scheduled = false;
  #sending = false;
  /** Hears that the list is filtered, or no longer. */
  readonly #turned: (active: boolean) => void;

  constructor(turned: (active: boolean) => void) {
    this.#turned = turned;
  }

  type(text: string): void {
    this.text = text;
    if (this.#scheduled || this.#sending) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      void this.#send();
    });
  }

  async #send(): Promise<void> {
    this.#sending = true;
    while (this.#sent !== this.text) {
      const text = this.text;
      this.#sent = text;
      const active = text.trim() !== "";
      // Before, since where one looks is another thing once rows are gone.
      if (active && !this.active) this.#turned(true);
      try {
        await filter(text);
        this.refusal = "";
        this.listed = text;
        if (!active && this.active) this.#turned(false);
        this.active = active;
      } catch (sentence) {
        this.refusal = String(sentence);
      }
    }
    this.#sending = false;
  }
}
