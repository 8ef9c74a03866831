/**
 * What the window's Rust side answers, and the calls that ask for it. The shapes are the engine's own;
 * `tests/page.json` is written by a test of the Rust side and read by one here, so that they agree.
 */

import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import { unpack } from "./packed";

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

/** Where the rows of a page stand in the list. */
export interface Listed {
  total: number;
  /** The position of the first row in the page. */
  begin: number;
  /** The position of the row from which they were counted. */
  anchor: number;
  /** Rows of the list that came since it stands still. */
  since: number;
}

/** How far a search has come. */
export interface Filter {
  number: number;
  revision: number;
  matches: number;
  lookedAt: number;
  rows: number;
  isCaughtUp: boolean;
}

/** A file that was written. */
export interface Saved {
  path: string;
  events: number;
  rows: number;
  /** Older rows that had been let go before. */
  missing: number;
  /** Newer rows, which came when there was no more room where it is recorded. */
  left: number;
  bytes: number;
}

/** What became of recordings of windows that were killed. */
export interface Recovered {
  saved: Saved[];
  /** Why of some nothing did. */
  troubles: string[];
}

/** The file that the session will be put in, and what it has so far. */
export interface Saving {
  path: string;
  bytes: number;
  /** Why it gets no more, if so. */
  stopped: string | null;
  /** What becomes of it, if the window was asked to close. */
  ending: "writing" | { failed: string } | null;
}

export interface Head {
  /** Which session this is of: each connect begins another. */
  watch: number;
  snapshot: Snapshot;
  isRecorded: boolean;
  /** Whether earlier watches of the URL came before the latest, of which alone statistics tell. */
  isWatchedOn: boolean;
  /** Rows that are in no file, and meant for none. */
  unsaved: number;
  list: Listed;
  filter: Filter | null;
  saving: Saving | null;
}

/** One pull: how things stand, and the rows asked for, taken at one moment. */
export interface Page extends Head {
  rows: Row[];
}

/** Which rows to show: `shift` rows after row `number`, or the last ones without it; before `until`. */
export interface View {
  number: number | null;
  shift: number;
  count: number;
  until: number | null;
}

/** What there is to say of a recording beside its rows. */
export interface About {
  path: string;
  url: string;
  startedUnixMicros: number;
  /** It is being recorded: more came since it was opened. */
  isLive: boolean;
  /** Whether nobody knows when anything came. */
  untimed: boolean;
  recordedBy: string;
  importedFrom: string | null;
  redacted: string[];
  damage: string[];
  /** Whether with that something is gone that was recorded. */
  isLoss: boolean;
  /** Whether it is known of all rows that cannot be read how many they are. */
  countsLostRows: boolean;
}

export interface RequestHead {
  method: string;
  url: string;
  headers: [string, string][];
  bodyBytes: number;
}

export interface ResponseHead {
  status: number;
  version: string;
  headers: [string, string][];
  decoded: string | null;
  remote: string | null;
}

export interface Phases {
  dnsMicros: number | null;
  tcpMicros: number | null;
  tlsMicros: number | null;
  headMicros: number | null;
}

/** What a row tells of the connection. */
export interface Turn {
  request?: RequestHead;
  response?: ResponseHead;
  phases?: Phases;
}

/** The bytes of an event that was dropped: the first of them as text, and how many there are, as far as counted. */
export interface Raw {
  text: string;
  bytes: number;
  ending: "whole" | "unfinished" | "more" | "damaged";
}

/** A row with all its data. */
export interface Whole extends Row {
  turn: Turn | null;
  raw: Raw | null;
}

export interface AttemptReport {
  attempt: number;
  beganMicros: number;
  idSent: string;
  status: number | null;
  phases: Phases | null;
  firstByteMicros: number | null;
  firstEventMicros: number | null;
  events: number;
  repeated: number;
  skipped: number;
  outOfOrder: number;
  endedMicros: number | null;
  ended: string | null;
}

export interface Report {
  events: number;
  comments: number;
  decodeErrors: number;
  /** Rows of which nothing more can be said. */
  damaged: number;
  dataBytes: number;
  durationMicros: number;
  rate: number;
  /** Nobody knows when its events came. */
  untimed: boolean;
  peakRate: number;
  gaps: {
    count: number;
    p50Micros: number;
    p95Micros: number;
    p99Micros: number;
    maxMicros: number;
  };
  stalls: number;
  latestStalls: { fromMicros: number; micros: number; row: number }[];
  repeated: number;
  missed: number | null;
  /** The same where the numbers began anew, without what was lost then. */
  missedAtLeast: number;
  /** Numbers that IDs left out: events only where IDs count one by one. */
  skipped: number;
  /** What the numbers in IDs tell about events that did not come. */
  numbering: "no_ids" | "too_few" | "not_one_by_one" | "mostly_one_by_one" | "anew" | "one_by_one";
  outOfOrder: number;
  attempts: number;
  latestAttempts: AttemptReport[];
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
  isRecorded: false,
  isWatchedOn: false,
  unsaved: 0,
  list: { total: 0, begin: 0, anchor: 0, since: 0 },
  filter: null,
  saving: null,
  rows: [],
};

/** What was given on the command line, if anything. */
export const given = () => invoke<{ text: string; isRecording: boolean } | null>("given");

/**
 * Begins to watch `url` instead of what was watched, or goes on with that, if it is the same URL and
 * over. Rejects with a sentence if it is no URL.
 */
export const connect = (url: string) => invoke<void>("connect", { url });

/** Whether that would let go of the rows that there are, rather than go on with them. Rejects as it does. */
export const letsGo = (url: string) => invoke<boolean>("lets_go", { url });

/** Draws the window so many times as large. */
export const zoom = (factor: number) => invoke<void>("zoom", { factor });

/** Ends the wait before the next attempt. */
export const reconnect = () => invoke<void>("reconnect");

export const disconnect = () => invoke<void>("disconnect");

/** Forgets the rows. Where the watch is over, the next connect begins anew. */
export const clear = () => invoke<void>("clear");

/** The bytes of a page: to read them is work for a frame. */
export const page = (asked: View) => invoke<ArrayBuffer>("page", { asked });

/** How many rows are in no file, and meant for none, at this moment. */
export async function unsaved(): Promise<number> {
  return unpack(await page({ number: null, shift: 0, count: 0, until: null })).unsaved;
}

/** Resolves as soon as anything differs from what this page showed. */
export const changed = ({ watch, snapshot, filter }: Page) =>
  invoke<void>("changed", {
    watch,
    revision: snapshot.revision,
    filter: filter?.number ?? 0,
    found: filter?.revision ?? 0,
  });

/** The number and position of the row `by` rows after row `number`, or after `position` without it. */
export const seek = (asked: {
  number: number | null;
  position: number;
  by: number;
  until: number | null;
}) => invoke<[number, number] | null>("seek", asked);

/** Lists only what passes; all for an empty text. Rejects with a sentence if it cannot be read. */
export const filter = (text: string) => invoke<void>("filter", { text });

/** A row whole, or `null` once it is no longer kept. */
export const row = (number: number) => invoke<Whole | null>("row", { number });

export const report = () => invoke<Report | null>("report");

/** Shows a recording instead of what was shown. Rejects with a sentence if it is none. */
export const open = (path: string) => invoke<About>("open", { path });

/** Rejects as that does, and shows nothing. */
export const check = (path: string) => invoke<void>("check", { path });

/** Means what is watched for this file; in a folder, for one of this name. Rejects with a sentence if that cannot be. */
export const record = (path: string, name: string) => invoke<void>("record", { path, name });

/** Writes that file; one more for each earlier connection. */
export const finish = () => invoke<Saved[]>("finish");

/** Writes another file instead. */
export const finishElsewhere = (path: string, name: string) =>
  invoke<Saved[]>("finish_elsewhere", { path, name });

/** Gives that file up. */
export const discard = () => invoke<void>("discard");

/** What became of recordings of windows that were killed, and why of some nothing; told once. */
export const recovered = () => invoke<Recovered>("recovered");

/** Hears, as long as there is a page, that the window was asked to close over rows that are in no file. */
export const heardClosing = (hear: () => void) => listen("closing", hear);

/** Tells that the user is asked whether it is: else the next press closes it. */
export const asksToClose = () => invoke<void>("asks_to_close");

/** Closes the window, whatever is in no file. */
export const close = () => invoke<void>("close");
