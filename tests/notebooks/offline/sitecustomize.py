"""No network: a Python that finds this file, and those that it starts, reach only this machine.

conftest.py puts this folder on the PYTHONPATH of the kernels that nbval starts; no_network.ipynb
proves that it works. It sees what Python's own sockets do, not a library that calls the system by
itself, nor another program.
"""

import ipaddress
import os
import socket
import sys

INTERNET = (socket.AF_INET, socket.AF_INET6)


def is_here(host) -> bool:
    host = host.decode() if isinstance(host, bytes) else host
    if host in (None, "", "localhost", socket.gethostname()):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False  # a name of the network


def refuse(event: str, arguments: tuple) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        connection, address = arguments
        host = address[0] if connection.family in INTERNET and address else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if not is_here(host):
        raise PermissionError(f"no network in a lesson: {host} was asked for ({event})")


sys.addaudithook(refuse)
for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[name]  # a proxy on this machine would carry everything out
