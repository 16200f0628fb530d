"""python flood.py ORIGIN TOKEN FRAME COUNT: sends one frame again and again, and reads what comes.

``#`` in the frame becomes a number. Prints a line when it begins, and one when all is answered: as
many messages, heartbeats left out, as were sent, times ANSWERS (pong: 1; next and complete: 2).
"""

from __future__ import annotations

import sys
import threading

from websockets import Subprotocol
from websockets.sync.client import connect

PING = '{"type":"ping"}'


def main(origin: str, token: str, frame: str, times: int, answers: int) -> None:
    url = origin.replace("http", "ws", 1) + "/graphql"
    subprotocols = [Subprotocol("graphql-transport-ws")]
    with connect(
        url,
        subprotocols=subprotocols,
        compression=None,
        proxy=None,
        ping_interval=None,
        open_timeout=60.0,
    ) as socket:
        init = f'{{"type":"connection_init","payload":{{"authorization":"Bearer {token}"}}}}'
        socket.send(init)
        socket.recv()

        def pour() -> None:
            for number in range(times):
                socket.send(frame.replace("#", str(number)))

        print("begun", flush=True)
        threading.Thread(target=pour, daemon=True).start()
        left = times * answers
        while left:
            if socket.recv() == PING:
                socket.send('{"type":"pong"}')
            else:
                left -= 1
    print("answered", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
