# An application that writes: an insert every 100 ms through the VIP, each on a
# new TLS connection, whether or not the ones before were answered. Prints
# "ID SECONDS" for every insert the server acknowledged within 3 s. Ends by itself.
# usage: python3 inserter.py STOP_FILE FIRST_ID COUNT; the target is in $TARGET
import os
import sys
import threading
import time

import psycopg2

STOP, FIRST, COUNT = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
EVERY, PATIENCE = 0.1, 3.0
# A server that is gone is noticed also where nothing says so.
TARGET = os.environ["TARGET"] + (
    " options='-c statement_timeout=2000' tcp_user_timeout=3000"
    " keepalives_idle=1 keepalives_interval=1 keepalives_count=2"
)


def insert(number):
    start = time.monotonic()
    try:
        link = psycopg2.connect(TARGET)
        try:
            link.autocommit = True
            link.cursor().execute("insert into drill (id) values (%s)", (number,))
            at = time.time()
        finally:
            link.close()
    except psycopg2.Error:
        return
    if time.monotonic() - start < PATIENCE:
        print(f"{number} {at:.6f}\n", end="", flush=True)


tick = time.monotonic()
for number in range(FIRST, FIRST + COUNT):
    if os.path.exists(STOP):
        break
    threading.Thread(target=insert, args=(number,), daemon=True).start()
    tick += EVERY
    time.sleep(max(0.0, tick - time.monotonic()))
end = time.monotonic() + PATIENCE
while threading.active_count() > 1 and time.monotonic() < end:
    time.sleep(0.05)
os._exit(0)
