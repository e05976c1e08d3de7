"""Does what node.cjs does, for gunicorn."""
import ctypes
import json
import threading
import time

seen = {}


def app(environ, start_response):
    if environ["REQUEST_METHOD"] == "GET":
        body = json.dumps(seen).encode()
    else:
        name = environ["HTTP_X_ID"]
        seen[name] = seen.get(name, 0) + 1
        time.sleep(0.04)
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def occupy():
    """Holds the interpreter's lock as a thread that computes would, without computing."""
    sleep = ctypes.PyDLL(None).usleep
    while True:
        sleep(18_000)
        time.sleep(0.002)


threading.Thread(target=occupy, daemon=True).start()
