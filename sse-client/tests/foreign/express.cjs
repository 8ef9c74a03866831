// An event stream as tutorials on Express write it.
const express = require("express");
const app = express();
let clients = [];
let next = 0;

app.get("/events", (req, res) => {
  if (req.get("Authorization") !== "Bearer right") return res.status(401).json({ error: "who?" });
  res.setHeader("Content-Type", "text/event-stream");
  res.setHeader("Cache-Control", "no-cache");
  res.setHeader("Connection", "keep-alive");
  res.flushHeaders();
  const last = req.get("Last-Event-ID") ?? "none";
  res.write(`event: connected\ndata: ${JSON.stringify({ last })}\n\n`);
  res.write("retry: 50\n\n");
  const beat = setInterval(() => res.write(": heartbeat\n\n"), 20);
  clients.push(res);
  req.on("close", () => {
    clearInterval(beat);
    clients = clients.filter((client) => client !== res);
  });
});

app.post("/send", (req, res) => {
  next += 1;
  const id = `${process.env.EPOCH}.${next}`;
  for (const client of clients) client.write(`id: ${id}\nevent: price\ndata: {"n":${next}}\n\n`);
  res.json({ clients: clients.length });
});

const server = app.listen(Number(process.env.PORT), "127.0.0.1", () => console.log(server.address().port));
