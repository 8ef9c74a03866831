"""An event stream by sse-starlette on FastAPI, as its README writes it."""

import asyncio
import json
import os
import socket

import uvicorn
from fastapi import FastAPI, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
queues: list[asyncio.Queue] = []
state = {"next": 0}


@app.get("/events")
async def events(request: Request):
    if request.headers.get("authorization") != "Bearer right":
        return Response(status_code=401)
    queue: asyncio.Queue = asyncio.Queue()

    async def stream():
        last = request.headers.get("last-event-id", "none")
        yield ServerSentEvent(event="connected", data=json.dumps({"last": last}), retry=50)
        queues.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            queues.remove(queue)

    # The library's own heartbeat: a comment with the time.
    return EventSourceResponse(stream(), ping=1)


@app.post("/send")
async def send():
    state["next"] += 1
    number = state["next"]
    for queue in queues:
        data = json.dumps({"n": number})
        queue.put_nowait(ServerSentEvent(id=f"{os.environ['EPOCH']}.{number}", event="price", data=data))
    return {"clients": len(queues)}


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(os.environ["PORT"])))
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listener])
