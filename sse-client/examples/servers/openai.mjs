// A stand-in for an OpenAI-style API, to try `chat_completions` without an account:
// `node openai.mjs 8081`, and `API_KEY=right`
import { createServer } from "node:http";

createServer(async (req, res) => {
  let body = "";
  for await (const chunk of req) body += chunk;
  const { messages, stream } = JSON.parse(body);
  if (req.method !== "POST" || !stream) return res.writeHead(400).end();
  if (req.headers.authorization !== "Bearer right") {
    res.writeHead(401, { "Content-Type": "application/json" });
    return res.end(JSON.stringify({ error: { message: "Incorrect API key provided." } }));
  }
  res.writeHead(200, { "Content-Type": "text/event-stream" });
  const words = `You asked: ${messages.at(-1).content}`.split(/(?<= )/);
  for (const content of words) {
    res.write(`data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  res.end("data: [DONE]\n\n");
}).listen(Number(process.argv[2] ?? 8081), "127.0.0.1");
