import { filter } from "./wire";

/**
 * What is searched for as one types: at most one change a frame, and one at a time, of which the newest
 * counts. Each takes the place of the one before.
 */
export class Search {
  text = $state("");
  /** Why the text cannot be read as a search; all is listed then, since what passed a part of it tells nothing. */
  refusal = $state("");
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
      try {
        await this.#list(text);
        this.refusal = "";
      } catch (sentence) {
        this.refusal = String(sentence);
        if (this.active) await this.#list("").catch(() => {});
      }
    }
    this.#sending = false;
  }

  async #list(text: string): Promise<void> {
    const active = text.trim() !== "";
    // Before, since where one looks is another thing once rows are gone.
    if (active && !this.active) this.#turned(true);
    await filter(text);
    if (!active && this.active) this.#turned(false);
    this.active = active;
  }
}
