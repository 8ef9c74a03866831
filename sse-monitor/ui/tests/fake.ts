import { emit } from "@tauri-apps/api/event";
import { mockIPC } from "@tauri-apps/api/mocks";
import { type About, type Head, type Raw, type Report, type Row, type Saved, type Saving, type State, type View, nothing } from "../src/lib/wire";
import { pack } from "./pack";

/** Stands in for the Rust side: a list of rows, a state, and the commands that the page calls. */
export class Fake {
  rows: Row[] = [];
  /** What is kept of rows that were dropped. */
  raw: Raw | null = null;
  /** What statistics tell otherwise. */
  told: Partial<Report> = {};
  state: State = { name: "idle" };
  firstRow = 1;
  /** The first row that is in no file. */
  unsaved = 1;
  watch = 0;
  given: string | null = null;
  /** What `open` answers with, if it does. */
  about: About | null = null;
  /** What pages wait for after they were made, if anything. */
  late: Promise<void> | null = null;
  /** The same of reports. */
  lateReport: Promise<void> | null = null;
  /** The same of rows. */
  lateRow: Promise<void> | null = null;
  /** The same of files that are written or opened. */
  lateFile: Promise<void> | null = null;
  saving: string | null = null;
  stopped: string | null = null;
  ending: Saving["ending"] = null;
  recovered: { saved: Saved[]; troubles: string[] } = { saved: [], troubles: [] };
  watchedOn = false;
  /** Each command called, with its arguments. */
  calls: [string, unknown][] = [];
  /** What `connect` answers with, if it refuses. */
  refusal = "";
  #revision = 1;
  #url = "";
  #filter = "";
  #filters = 0;
  #waiting: (() => void)[] = [];

  constructor() {
    const answer = (command: string, payload?: unknown) => {
      const args = (payload ?? {}) as Record<string, unknown>;
      this.calls.push([command, args]);
      return this.#answer(command, args);
    };
    mockIPC(answer, { shouldMockEvents: true });
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

  /** The window is asked to close. */
  async askToClose(): Promise<void> {
    await emit("closing");
  }

  touch(): void {
    this.#revision += 1;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #answer(command: string, args: Record<string, unknown>): unknown {
    switch (command) {
      case "given":
        return this.given === null
          ? null
          : { text: this.given, isRecording: !this.given.includes("://") };
      case "filter":
        if (String(args.text).startsWith("/(/")) throw "“(” is not a regular expression: unclosed group";
        this.#filter = args.text as string;
        this.#filters += 1;
        this.touch();
        return null;
      case "seek":
        return this.#seek(args as unknown as Sought);
      case "open":
        return this.#open(String(args.path));
      case "record":
        this.saving = args.path as string;
        this.touch();
        return null;
      case "discard":
        this.saving = null;
        this.touch();
        return null;
      case "finish":
        return this.#save(this.saving ?? "");
      case "finish_elsewhere":
        return this.#save(args.path as string);
      case "zoom":
      case "asks_to_close":
      case "close":
        return null;
      case "recovered":
        return this.recovered;
      case "report":
        return (this.lateReport ?? Promise.resolve()).then(() => ({ ...report, ...this.told }));
      case "lets_go":
        if (this.refusal !== "") throw this.refusal;
        return this.state.name !== "closed" || args.url !== this.#url;
      case "check":
        if (this.about === null) throw `${String(args.path)} is not a recording of this program`;
        return null;
      case "connect":
        if (this.refusal !== "") throw this.refusal;
        this.#refuse();
        this.#url = args.url as string;
        this.watch += 1;
        this.become({ name: "connecting", attempt: 1 });
        return null;
      case "clear":
        this.#refuse();
        this.forget(this.rows.length + 1);
        return null;
      case "reconnect":
        this.become({ name: "connecting", attempt: 2 });
        return null;
      case "disconnect":
        this.become({ name: "closed" });
        return null;
      case "page": {
        const page = this.#page(args.asked as View);
        return this.late === null ? page : this.late.then(() => page);
      }
      case "changed":
        if (args.watch !== this.watch || args.revision !== this.#revision) return null;
        if (args.filter !== (this.#filter === "" ? 0 : this.#filters)) return null;
        return new Promise<void>((wake) => this.#waiting.push(wake));
      case "row": {
        const row = this.#row(args.number as number);
        return this.lateRow === null ? row : this.lateRow.then(() => row);
      }
      default:
        throw `there is no command ${command}`;
    }
  }

  /** What is recorded is not let go. */
  #refuse(): void {
    if (this.saving !== null) throw "a recording is under way; stop it first";
  }

  #row(number: number): unknown {
    const row = this.rows[number - 1];
    return row === undefined ? null : { ...row, turn: null, raw: this.raw };
  }

  /** The rows that are listed. */
  #list(until: number | null): Row[] {
    return this.rows.filter(
      ({ number, data }) =>
        number >= this.firstRow &&
        (until === null || number < until) &&
        data.includes(this.#filter),
    );
  }

  #seek({ number, position, by, until }: Sought): [number, number] | null {
    const list = this.#list(until);
    const from = number === null ? position : before(list, number);
    const last = list.length - 1;
    const to = Math.min(Math.max(Math.min(from, last) + by, 0), last);
    const row = list[to];
    return row === undefined ? null : [row.number, to];
  }

  #page({ number, shift, count, until }: View): ArrayBuffer {
    const list = this.#list(until);
    const total = list.length;
    const anchor = number === null ? total : before(list, number);
    const wanted = number === null ? total - count : anchor + shift;
    const begin = Math.min(Math.max(wanted, 0), total);
    const events = this.rows.filter((row) => row.kind === "event").length;
    const head: Head = {
      watch: this.watch,
      snapshot: {
        ...nothing.snapshot,
        revision: this.#revision,
        state: this.state,
        firstRow: this.firstRow,
        nextRow: this.rows.length + 1,
        totals: { ...nothing.snapshot.totals, events, attempts: 1, connections: 1 },
      },
      isRecorded: this.about !== null,
      isWatchedOn: this.watchedOn,
      unsaved: this.saving === null ? this.rows.length + 1 - Math.max(this.firstRow, this.unsaved) : 0,
      list: { total, begin, anchor, since: this.#list(null).length - total },
      filter:
        this.#filter === ""
          ? null
          : {
              number: this.#filters,
              revision: 1,
              matches: total,
              lookedAt: this.rows.length,
              rows: this.rows.length,
              isCaughtUp: true,
            },
      saving: this.#saving(),
    };
    return pack(head, list.slice(begin, begin + count));
  }

  async #open(path: string): Promise<About> {
    this.#refuse();
    await this.lateFile;
    if (this.about === null) throw `${path} is not a recording of this program`;
    this.watch += 1;
    this.become({ name: "closed" });
    return this.about;
  }

  async #save(path: string): Promise<Saved[]> {
    // What comes while it is written is not in it.
    const rows = this.rows.length;
    await this.lateFile;
    if (this.saving === null) throw "no recording is under way";
    if (path === "/full/feed.ssrec") throw "the recording cannot be written: no room";
    if (path === "/full/other") throw "/full/other.ssrec cannot be written";
    this.saving = null;
    this.unsaved = rows + 1;
    this.touch();
    return [{ path, events: rows, rows, missing: 0, left: 0, bytes: 1234 }];
  }

  #saving(): Saving | null {
    const { saving: path, stopped, ending } = this;
    return path === null ? null : { path, bytes: 512, stopped, ending };
  }
}

interface Sought {
  number: number | null;
  position: number;
  by: number;
  until: number | null;
}

const before = (list: Row[], number: number) => list.filter((row) => row.number < number).length;

export const about: About = {
  path: "/tmp/feed.ssrec",
  url: "http://127.0.0.1:8080/events?token=***",
  startedUnixMicros: Date.UTC(2026, 10, 23) * 1000,
  untimed: false,
  recordedBy: "sse-monitor 0.1.0",
  importedFrom: null,
  redacted: [],
  isLive: false,
  damage: [],
  isLoss: false,
  countsLostRows: true,
};

export const report: Report = {
  events: 12,
  comments: 1,
  decodeErrors: 0,
  damaged: 0,
  dataBytes: 3400,
  durationMicros: 5_000_000,
  rate: 2.4,
  untimed: false,
  peakRate: 7,
  gaps: { count: 11, p50Micros: 840, p95Micros: 12_300, p99Micros: 4_200_000, maxMicros: 4_300_000 },
  stalls: 1,
  latestStalls: [{ fromMicros: 1, micros: 4_300_000, row: 2 }],
  repeated: 1,
  missed: 3,
  missedAtLeast: 3,
  skipped: 3,
  numbering: "one_by_one",
  outOfOrder: 0,
  attempts: 1,
  latestAttempts: [
    {
      attempt: 1,
      beganMicros: 0,
      idSent: "e-7",
      status: 200,
      phases: null,
      firstByteMicros: 1500,
      firstEventMicros: null,
      events: 12,
      repeated: 1,
      skipped: 3,
      outOfOrder: 0,
      endedMicros: null,
      ended: null,
    },
  ],
};

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
