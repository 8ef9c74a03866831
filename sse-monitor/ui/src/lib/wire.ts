/**
 * What the window's Rust side answers, and the calls that ask for it. The shapes are the engine's own;
 * `tests/page.json` is written by a test of the Rust side and read by one here, so that they agree.
 */

import { invoke } from "@tauri-apps/api/core";

/** Something that arrived, or a turn that the connection took. */
export interface Row {
  /** Its place in the order of arrival, from 1. */
  number: number;
  kind: RowKind;
  unixMicros: number;
  elapsedMicros: number;
  attempt: number;
  eventType: string;
  id: string;
  /** In a page only the beginning of it. */
  data: string;
  dataBytes: number;
  /** Of `reconnection_time` rows. */
  waitMs?: number;
  /** Of `connected` and `redirected` rows. */
  status?: number;
  /** Of `disconnected` rows; `null` where it is not tried again. */
  retryInMs?: number | null;
  fault?: string;
}

export type RowKind =
  | "event"
  | "comment"
  | "reconnection_time"
  | "decode_error"
  | "connecting"
  | "redirected"
  | "connected"
  | "disconnected"
  | "closed"
  | "recording_stopped"
  | "damaged";

export interface Failure {
  fault: string;
  sentence: string;
}

export type State =
  | { name: "idle" }
  | { name: "connecting"; attempt: number }
  | { name: "open"; attempt: number }
  | { name: "waiting"; retryAtUnixMicros: number; failure: Failure }
  | { name: "closed" }
  | { name: "failed"; failure: Failure };

export interface Totals {
  events: number;
  comments: number;
  reconnectionTimes: number;
  decodeErrors: number;
  attempts: number;
  connections: number;
  dataBytes: number;
  keptBytes: number;
  rowsForgotten: number;
}

export interface Snapshot {
  revision: number;
  url: string;
  state: State;
  lastEventId: string;
  firstRow: number;
  nextRow: number;
  totals: Totals;
}

/** One pull: how things stand, and the rows asked for, taken at one moment. */
export interface Page {
  /** Which watch this is of: each connect begins another. */
  watch: number;
  snapshot: Snapshot;
  rows: Row[];
}

/** Which rows to show; `from: null` asks for the newest ones. */
export interface View {
  from: number | null;
  count: number;
}

export const nothing: Page = {
  watch: 0,
  snapshot: {
    revision: 0,
    url: "",
    state: { name: "idle" },
    lastEventId: "",
    firstRow: 1,
    nextRow: 1,
    totals: {
      events: 0,
      comments: 0,
      reconnectionTimes: 0,
      decodeErrors: 0,
      attempts: 0,
      connections: 0,
      dataBytes: 0,
      keptBytes: 0,
      rowsForgotten: 0,
    },
  },
  rows: [],
};

/** The URL given on the command line, if any. */
export const givenUrl = () => invoke<string | null>("given_url");

/**
 * Begins to watch `url` instead of what was watched, or goes on with that, if it is the same URL and
 * over. Rejects with a sentence if it is no URL.
 */
export const connect = (url: string) => invoke<void>("connect", { url });

export const disconnect = () => invoke<void>("disconnect");

/** Forgets the rows. Where the watch is over, the next connect begins anew. */
export const clear = () => invoke<void>("clear");

export const page = (view: View) => invoke<Page>("page", { ...view });

/** Resolves as soon as anything differs from what the page of `watch` and `revision` showed. */
export const changed = (watch: number, revision: number) =>
  invoke<void>("changed", { watch, revision });

/** A row whole, or `null` once it is no longer kept. */
export const row = (number: number) => invoke<Row | null>("row", { number });
