import { mockIPC } from "@tauri-apps/api/mocks";
import { type Page, type Row, type State, type View, nothing } from "../src/lib/wire";

/** Stands in for the Rust side: a list of rows, a state, and the commands that the page calls. */
export class Fake {
  rows: Row[] = [];
  state: State = { name: "idle" };
  firstRow = 1;
  watch = 0;
  given: string | null = null;
  /** Each command called, with its arguments. */
  calls: [string, unknown][] = [];
  /** What `connect` answers with, if it refuses. */
  refusal = "";
  #revision = 1;
  #waiting: (() => void)[] = [];

  constructor() {
    mockIPC((command, payload) => {
      const args = (payload ?? {}) as Record<string, unknown>;
      this.calls.push([command, args]);
      return this.#answer(command, args);
    });
  }

  count(command: string): number {
    return this.calls.filter(([called]) => called === command).length;
  }

  arrive(...rows: Partial<Row>[]): void {
    for (const row of rows) this.rows.push(fakeRow(this.rows.length + 1, row));
    this.touch();
  }

  become(state: State): void {
    this.state = state;
    this.touch();
  }

  /** Lets the oldest rows go, up to `firstRow`. */
  forget(firstRow: number): void {
    this.firstRow = firstRow;
    this.touch();
  }

  touch(): void {
    this.#revision += 1;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #answer(command: string, args: Record<string, unknown>): unknown {
    switch (command) {
      case "given_url":
        return this.given;
      case "connect":
        if (this.refusal !== "") throw this.refusal;
        this.watch += 1;
        this.become({ name: "connecting", attempt: 1 });
        return null;
      case "clear":
        this.forget(this.rows.length + 1);
        return null;
      case "disconnect":
        this.become({ name: "closed" });
        return null;
      case "page":
        return this.#page(args as unknown as View);
      case "changed":
        if (args.watch !== this.watch || args.revision !== this.#revision) return null;
        return new Promise<void>((wake) => this.#waiting.push(wake));
      case "row":
        return this.rows[(args.number as number) - 1] ?? null;
      default:
        throw `there is no command ${command}`;
    }
  }

  #page({ from, count }: View): Page {
    const next = this.rows.length + 1;
    const begin = Math.max(this.firstRow, from ?? next - count);
    const events = this.rows.filter((row) => row.kind === "event").length;
    return {
      watch: this.watch,
      snapshot: {
        ...nothing.snapshot,
        revision: this.#revision,
        state: this.state,
        firstRow: this.firstRow,
        nextRow: next,
        totals: { ...nothing.snapshot.totals, events, attempts: 1, connections: 1 },
      },
      rows: this.rows.slice(begin - 1, begin - 1 + count),
    };
  }
}

export function fakeRow(number: number, row: Partial<Row>): Row {
  const data = row.data ?? `event number ${number}`;
  return {
    number,
    kind: "event",
    unixMicros: Date.UTC(2026, 10, 23, 18, 20, 31, 42) * 1000 + number,
    elapsedMicros: number,
    attempt: 1,
    eventType: row.kind === undefined || row.kind === "event" ? "message" : "",
    id: String(number),
    data,
    dataBytes: new TextEncoder().encode(data).length,
    ...row,
  };
}
