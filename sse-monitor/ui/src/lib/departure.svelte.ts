import { type Leaving, isMany } from "./leaving";
import type { Recorder } from "./recorder.svelte";
import type { Telling } from "./telling.svelte";
import * as wire from "./wire";

/** The question about rows that are in no file, and what becomes of its answer. */
export class Departure {
  /** What waits for an answer, or for the rows to be saved. */
  asked = $state.raw<Leaving | null>(null);

  readonly #recorder: Recorder;
  readonly #telling: Telling;

  constructor(recorder: Recorder, telling: Telling) {
    this.#recorder = recorder;
    this.#telling = telling;
  }

  /** The rows stay. */
  stay(): void {
    const stayed = this.asked;
    this.asked = null;
    stayed?.stay();
  }

  /** The rows do not. */
  go(): void {
    const left = this.asked;
    this.asked = null;
    void left?.go();
  }

  /** Puts the rows in a file before they go. */
  async saveAndGo(path: string): Promise<void> {
    const left = this.asked;
    // So that all is in the file: of a lively stream as many would come again while it is written.
    await this.#recorder.save(path, wire.disconnect);
    // It may be closed by now.
    if (left === null || this.asked !== left) return;
    // Where many came meanwhile all the same, or had no room, these are asked about.
    if (isMany(await wire.unsaved()) || this.asked !== left) return;
    const told = this.#telling.notice;
    this.asked = null;
    await left.go();
    this.#telling.notice ??= told;
  }
}
