interface Sample {
  at: number;
  total: number;
}

/** Over how long the rate is measured. */
const SPAN_MS = 3000;

/**
 * Events a second over the last seconds, from totals noted whenever a page arrived. It sinks to zero by
 * itself as the notes age, without a question to the other side.
 */
export class Rate {
  #samples: Sample[] = [];

  note(total: number, at: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && total < last.total) this.#samples = []; // another watch
    if (last === undefined || total !== last.total) this.#samples.push({ at, total });
    this.#forget(at);
  }

  at(now: number): number {
    this.#forget(now);
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || now - last.at > SPAN_MS) return 0;
    return ((last.total - first.total) * 1000) / Math.max(now - first.at, 1000);
  }

  /** Keeps one note from before the span: what the total was when the span began. */
  #forget(now: number): void {
    const begin = now - SPAN_MS;
    const old = this.#samples.findLastIndex((sample) => sample.at <= begin);
    const before = this.#samples[old];
    if (before !== undefined) {
      this.#samples.splice(0, old + 1, { at: begin, total: before.total });
    }
  }
}
