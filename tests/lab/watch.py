# Five looks a second at the host this runs on, beside its network: who is primary,
# whether the address is here, how many of the ports listen. Prints "SECONDS PG VIP
# COUNT" a line; PG is P (may be written to), S (follows), ? (no answer in time) or
# - (nobody there). usage: python3 - ADDRESS PORT...
import select
import socket
import struct
import sys
import time

ADDRESS, PORTS = sys.argv[1], {int(port) for port in sys.argv[2:]}
SOCKET = "/run/postgresql/.s.PGSQL.5432"


class Server:
    """One connection that stays: a new one for each look would cost a process each."""

    def __init__(self):
        self.link, self.asked, self.read = None, False, b""

    def send(self, kind, body):
        self.link.sendall(kind + struct.pack("!i", len(body) + 4) + body)
        self.asked, self.read = True, b""

    def open(self):
        self.link = socket.socket(socket.AF_UNIX)
        self.link.settimeout(0.1)
        self.link.connect(SOCKET)
        self.send(b"", struct.pack("!i", 196608) + b"user\0postgres\0database\0postgres\0\0")

    def messages(self):
        """All of an answer, up to `ready`; None while it is on its way."""
        end = time.monotonic() + 0.12
        while True:
            rest, found = self.read, []
            while len(rest) >= 5 and len(rest) > (size := struct.unpack("!i", rest[1:5])[0]):
                found.append((rest[:1], rest[5 : size + 1]))
                rest = rest[size + 1 :]
            if any(kind in b"ZE" for kind, _ in found):
                self.asked = False
                return found
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.link], [], [], left)[0]:
                return None
            more = self.link.recv(65536)
            if not more:
                raise OSError("closed")
            self.read += more

    def look(self):
        try:
            if self.link is None:
                self.open()
            if self.asked and self.messages() is None:
                return "?"
            self.send(b"Q", b"select pg_is_in_recovery()\0")
            found = self.messages()
            if found is None:
                return "?"
            rows = [body for kind, body in found if kind == b"D"]
            return {b"t": "S", b"f": "P"}[rows[0][6:]] if rows else self.gone()
        except OSError:
            return self.gone()

    def gone(self):
        if self.link is not None:
            self.link.close()
        self.link, self.asked = None, False
        return "-"


def here():
    with open("/proc/net/fib_trie") as table:
        return int(f"|-- {ADDRESS}\n" in table.read())


def listening():
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as rows:
            for row in rows:
                words = row.split()
                if len(words) > 3 and words[3] == "0A":
                    found.add(int(words[1].rsplit(":", 1)[1], 16))
    return len(found & PORTS)


server = Server()
while True:
    start = time.time()
    print(f"{start:.3f} {server.look()} {here()} {listening()}", flush=True)
    time.sleep(max(0.02, start + 0.2 - time.time()))
