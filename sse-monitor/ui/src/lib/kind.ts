import type { Row, RowKind } from "./wire";

/** A word for each kind of row; of an event it is the type that stands in the list. */
const words: Record<RowKind, string> = {
  event: "event",
  comment: "comment",
  reconnection_time: "retry",
  decode_error: "dropped",
  connecting: "connecting",
  redirected: "redirected",
  connected: "connected",
  disconnected: "disconnected",
  closed: "closed",
  recording_stopped: "not recorded",
  damaged: "damaged",
};

export const kindWord = (kind: RowKind): string => words[kind];

/** Which rows ask to be looked at, and how urgently. */
export function tone(row: Row): "plain" | "quiet" | "good" | "warning" | "bad" {
  switch (row.kind) {
    case "event":
      // The hub's word for a resume that cannot be complete; and what many servers call an error.
      return ["reset", "error"].includes(row.eventType) ? "warning" : "plain";
    case "connected":
      return "good";
    case "disconnected":
      if (row.retryInMs != null) return "warning";
      return row.fault === "ended" ? "quiet" : "bad"; // it may end by the server's own word
    case "decode_error":
    case "recording_stopped":
    case "damaged":
      return "warning";
    case "comment":
    case "reconnection_time":
    case "connecting":
    case "redirected":
    case "closed":
      return "quiet";
  }
}

/** Whether a row tells of the connection rather than of something in the stream. */
export const isTurn = ({ kind }: Row): boolean =>
  !["event", "comment", "reconnection_time", "decode_error"].includes(kind);
