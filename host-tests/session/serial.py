"""
A serial port (a pseudo-terminal) whose other end is a controller behind an H4 socket: serial.py HOST PORT

Prints the port's name. Ends when the controller hangs up or standard input closes.
"""

import os
import selectors
import socket
import sys
import tty


def main() -> None:
    controller = socket.create_connection((sys.argv[1], int(sys.argv[2])))
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    # `theirs` stays open, so that a host may close the port and open it again.
    print(os.ttyname(theirs), flush=True)
    pipes = {controller.fileno(): ours, ours: controller.fileno(), sys.stdin.fileno(): None}
    selector = selectors.DefaultSelector()
    for source in pipes:
        selector.register(source, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            data = os.read(key.fd, 4096)
            target = pipes[key.fd]
            if not data:
                return
            if target is not None:
                os.write(target, data)


main()
