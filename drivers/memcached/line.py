"""JSON-RPC 2.0 over standard input and output, each message behind a Content-Length. A driver copies this file as it is."""
import json
import sys
import threading
from concurrent.futures import Future

METHOD_NOT_FOUND = -32601
FAILED = -32000


class Refused(Exception):
    """Told to the person who asked: a sentence, one of the kernel's codes, and what to do instead."""

    def __init__(self, code, message, hint=None):
        super().__init__(message)
        self.data = {'code': code, **({'hint': hint} if hint else {})}


class Line:
    def __init__(self):
        self.waiting = {}
        self.last = 0
        self.lock = threading.Lock()
        self.output = sys.stdout.buffer
        # Whatever prints by mistake must not end up between two messages.
        sys.stdout = sys.stderr

    def kernel(self, method, *params):
        """Calls the kernel, and waits for its answer; raises Refused when it says no."""
        answer = Future()
        with self.lock:
            self.last += 1
            number = self.last
            self.waiting[number] = answer
        self.send({'id': number, 'method': method, 'params': params})
        return answer.result()

    def progress(self, progress, text):
        """A line for whoever waits for the call that `progress` came with."""
        self.send({'method': 'progress', 'params': [progress['progress'], text]})

    def serve(self, driver):
        """Answers calls with the driver's methods of the same name, each in a thread, until the kernel hangs up."""
        for message in self.messages():
            if 'method' not in message:
                self.answered(message)
            elif 'id' in message:
                threading.Thread(target=self.answer, args=(driver, message), daemon=True).start()

    def answer(self, driver, message):
        method = getattr(driver, message['method'], None)
        try:
            if method is None or message['method'].startswith('_'):
                return self.fail(message, METHOD_NOT_FOUND, 'there is no such call')
            self.send({'id': message['id'], 'result': method(*message.get('params', []))})
        except Refused as refused:
            self.fail(message, FAILED, str(refused), refused.data)
        except Exception as error:
            self.fail(message, FAILED, f'{type(error).__name__}: {error}')

    def fail(self, message, code, text, data=None):
        self.send({'id': message['id'], 'error': {'code': code, 'message': text, 'data': data}})

    def answered(self, message):
        answer = self.waiting.pop(message['id'])
        error = message.get('error')
        if error is None:
            answer.set_result(message.get('result'))
        else:
            data = error.get('data') or {}
            answer.set_exception(Refused(data.get('code', 'unavailable'), error['message'], data.get('hint')))

    def send(self, message):
        body = json.dumps({'jsonrpc': '2.0', **message}).encode()
        with self.lock:
            self.output.write(b'Content-Length: %d\r\n\r\n%s' % (len(body), body))
            self.output.flush()

    def messages(self):
        while True:
            length = 0
            while header := sys.stdin.buffer.readline().strip():
                name, _, value = header.partition(b':')
                if name.lower() == b'content-length':
                    length = int(value)
            if length == 0:
                return
            yield json.loads(sys.stdin.buffer.read(length))
