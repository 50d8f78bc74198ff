"""Makes a network namespace with a TUN device, and holds it as long as its parent wants.

Run by ``link.py`` in the new namespace: ``namespace.py SOCKET ADDRESS [route]``, with the
descriptor of a Unix socket; ``route`` sends to the device what is for other networks too. The
device is sent over the socket first. Then each line is an address for the device to take instead,
answered by a line; at the end of the socket the namespace goes with this process.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

_DEVICE, _MTU, _PREFIX = "tun0", 1500, "255.255.255.0"

# linux/if_tun.h and linux/sockios.h
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFNETMASK, _SIOCSIFMTU = 0x8914, 0x8916, 0x891C, 0x8922
_IFF_UP, _IFF_RUNNING = 0x1, 0x40
# linux/route.h: struct rtentry
_SIOCADDRT, _RTF_UP = 0x890B, 0x1


def _request(name: str, value: bytes) -> bytes:
    return struct.pack("16s24s", name.encode(), value)


def _address(text: str) -> bytes:
    return struct.pack("HH4s", socket.AF_INET, 0, socket.inet_aton(text))


def _up(control: socket.socket, device: str) -> None:
    flags = struct.pack("H", _IFF_UP | _IFF_RUNNING)
    fcntl.ioctl(control, _SIOCSIFFLAGS, _request(device, flags))


def _route(control: socket.socket) -> None:
    """Sends everything to the other end. Without such a route there is no multicast either."""
    everywhere = _address("0.0.0.0").ljust(16, b"\0")
    device = ctypes.create_string_buffer(_DEVICE.encode())
    entry = struct.pack(
        "L16s16s16sHhLPhPLLH", 0, everywhere, everywhere, everywhere, _RTF_UP, 0, 0, 0, 0,
        ctypes.addressof(device), 0, 0, 0,
    )  # fmt: skip
    fcntl.ioctl(control, _SIOCADDRT, entry)


def _move(control: socket.socket, address: str) -> None:
    """Takes an address; the one before is gone, and so are its sockets' ways."""
    fcntl.ioctl(control, _SIOCSIFADDR, _request(_DEVICE, _address(address)))
    fcntl.ioctl(control, _SIOCSIFNETMASK, _request(_DEVICE, _address(_PREFIX)))
    _up(control, _DEVICE)
    if "route" in sys.argv[3:]:
        _route(control)


def main() -> None:
    """Sets up, reports, waits."""
    parent = socket.socket(fileno=int(sys.argv[1]))
    # IPv6 would talk by itself, and wait for answers before an address is usable.
    for switch in Path("/proc/sys/net/ipv6/conf").glob("*/disable_ipv6"):
        switch.write_text("1")
    device = os.open("/dev/net/tun", os.O_RDWR)
    flags = struct.pack("H", _IFF_TUN | _IFF_NO_PI)
    fcntl.ioctl(device, _TUNSETIFF, _request(_DEVICE, flags))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFMTU, _request(_DEVICE, struct.pack("i", _MTU)))
        _up(control, "lo")
        _move(control, sys.argv[2])
        socket.send_fds(parent, [b"\n"], [device])
        os.close(device)
        for line in parent.makefile("r", encoding="ascii"):
            _move(control, line.strip())
            parent.sendall(b"\n")


if __name__ == "__main__":
    main()
