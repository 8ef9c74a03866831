// A route handler in the style of Next.js (a Web `Request` in, a `Response` around a `ReadableStream`
// out) on plain Node, with heartbeats that are events.
import { createServer } from "node:http";
import { Readable } from "node:stream";

const clients = new Set();
let next = 0;

async function GET(request) {
  if (request.headers.get("authorization") !== "Bearer right") {
    return new Response("Unauthorized", { status: 401 });
  }
  const encoder = new TextEncoder();
  const last = request.headers.get("last-event-id") ?? "none";
  let beat, send;
  const stream = new ReadableStream({
    start(controller) {
      send = (text) => controller.enqueue(encoder.encode(text));
      send(`event: connected\ndata: ${JSON.stringify({ last })}\nretry: 50\n\n`);
      beat = setInterval(() => send("event: heartbeat\ndata: {}\n\n"), 20);
      clients.add(send);
    },
    cancel() {
      clearInterval(beat);
      clients.delete(send);
    },
  });
  return new Response(stream, {
    headers: { "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache, no-transform" },
  });
}

async function POST() {
  next += 1;
  for (const send of clients) send(`id: ${process.env.EPOCH}.${next}\nevent: price\ndata: {"n":${next}}\n\n`);
  return Response.json({ clients: clients.size });
}

const server = createServer(async (req, res) => {
  const request = new Request(`http://127.0.0.1${req.url}`, { method: req.method, headers: req.headers });
  const response = await (req.method === "POST" ? POST(request) : GET(request));
  res.writeHead(response.status, Object.fromEntries(response.headers));
  res.flushHeaders();
  const body = Readable.fromWeb(response.body);
  body.on("error", () => {});
  res.on("close", () => body.destroy());
  body.pipe(res);
});
server.listen(Number(process.env.PORT), "127.0.0.1", () => console.log(server.address().port));
