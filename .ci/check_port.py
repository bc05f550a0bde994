"""Say in one sentence when a port of this machine is taken; exit 1 then."""

import socket
import sys


def main(text: str) -> int:
    """Try to bind the port that the text names."""
    if not (text.isdecimal() and 0 < int(text) <= 65535):
        print(f"PORT={text!r} is no port: choose 1 to 65535", file=sys.stderr)
        return 1
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(text)))
        except OSError as error:
            print(
                f"port {text} cannot be used ({error.strerror}): say PORT=...",
                file=sys.stderr,
            )
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
