"""A TCP connect scan. Owns: which ports of addresses are open; must not know which should be.

scan.py PORTS ADDRESS..., with PORTS as 22,1000-2000: a line `ADDRESS PORT` for each that is open.
"""
import errno
import resource
import select
import socket
import sys
import time

AT_ONCE = 8000
# Seconds after the last attempt. An answer here takes a millisecond, a lost one comes after one second.
PATIENCE = 1.5


def listed(text):
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def attempt(address, ports, poll):
    waiting = {}
    for port in ports:
        attempt = socket.socket()
        attempt.setblocking(False)
        if attempt.connect_ex((address, port)) not in (0, errno.EINPROGRESS):
            attempt.close()
            continue
        waiting[attempt.fileno()] = (port, attempt)
        poll.register(attempt.fileno(), select.EPOLLOUT)
    return waiting


def scan(address, ports):
    poll = select.epoll()
    waiting = attempt(address, ports, poll)
    end = time.monotonic() + PATIENCE
    while waiting and (left := end - time.monotonic()) > 0:
        for number, _ in poll.poll(left):
            port, done = waiting.pop(number)
            if done.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                print(address, port, flush=True)
            poll.unregister(number)
            done.close()
    for _, late in waiting.values():
        late.close()
    poll.close()


def main():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    ports = list(listed(sys.argv[1]))
    size = min(AT_ONCE, most - 100)
    for address in sys.argv[2:]:
        for at in range(0, len(ports), size):
            scan(address, ports[at : at + size])


main()
