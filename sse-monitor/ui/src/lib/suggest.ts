const pad = (value: number) => String(value).padStart(2, "0");

/** A file to record a stream to: `~/example.com-2026-11-23-182031.ssrec`. */
export function suggestedPath(url: string, now: Date): string {
  const host = /^[a-z]+:\/\/(?:[^/?#@]*@)?([^/?#]*)/i.exec(url)?.[1] ?? "";
  const name = host.replace(/[^\w.-]+/g, "-").replace(/^-+|-+$/g, "") || "stream";
  const day = `${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())}`;
  const time = `${pad(now.getHours())}${pad(now.getMinutes())}${pad(now.getSeconds())}`;
  return `~/${name}-${day}-${time}.ssrec`;
}
