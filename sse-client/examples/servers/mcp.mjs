// A stand-in for an MCP server over Streamable HTTP whose connection breaks in the middle of an
// answer, to try `mcp`: `node mcp.mjs 8082`
import { createServer } from "node:http";

const SESSION = "a-session";
const frames = (id) => [
  { id: "1-1", data: "" },
  { id: "1-2", data: { jsonrpc: "2.0", method: "notifications/progress", params: { progress: 1 } } },
  { id: "1-3", data: { jsonrpc: "2.0", method: "notifications/progress", params: { progress: 2 } } },
  { id: "1-4", data: { jsonrpc: "2.0", id, result: { content: [{ type: "text", text: "done" }] } } },
];
const write = (res, { id, data }) => res.write(`id: ${id}\ndata: ${data && JSON.stringify(data)}\n\n`);

createServer(async (req, res) => {
  const stream = { "Content-Type": "text/event-stream", "Mcp-Session-Id": SESSION };
  if (req.method === "GET") {
    const last = req.headers["last-event-id"];
    res.writeHead(200, stream);
    for (const frame of frames(2)) if (frame.id > last) write(res, frame);
    return;
  }
  let body = "";
  for await (const chunk of req) body += chunk;
  const { id, method } = JSON.parse(body);
  if (method !== "initialize" && req.headers["mcp-session-id"] !== SESSION) return res.writeHead(404).end();
  res.writeHead(200, stream);
  if (method === "initialize") {
    const result = { protocolVersion: "2025-06-18", capabilities: {}, serverInfo: { name: "stand-in", version: "0" } };
    res.end(`data: ${JSON.stringify({ jsonrpc: "2.0", id, result })}\n\n`);
    return;
  }
  for (const frame of frames(id).slice(0, 2)) write(res, frame);
  setTimeout(() => res.destroy(), 50);
}).listen(Number(process.argv[2] ?? 8082), "127.0.0.1");
