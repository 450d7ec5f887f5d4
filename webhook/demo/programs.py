"""Tiny static programs for the images' layers, so that a real node can run what the registry serves (pure).

Each is a Linux ELF executable of some 150 bytes: one header, one segment, a few instructions. `pause` waits until it is
killed, `leave` ends at once with 0. `GARBAGE` is no executable: the kernel answers ENOEXEC, runc "exec format error".
"""

import struct
from typing import Final

_BASE = 0x400000
_ENTRY = 0x78
"""Length of the ELF header and of one program header."""

_CODE: Final = {
    "amd64": (
        0x3E,
        bytes.fromhex("b822000000 0f05 ebf7"),  # mov eax,34 (pause); syscall; jmp to the start
        bytes.fromhex("31ff b83c000000 0f05"),  # xor edi,edi; mov eax,60 (exit); syscall
    ),
    "arm64": (
        0xB7,
        # mov x0..x3,#0; mov x8,#73 (ppoll); svc #0; b to the start
        bytes.fromhex("000080d2 010080d2 020080d2 030080d2 280980d2 010000d4 faffff17"),
        bytes.fromhex("000080d2 a80b80d2 010000d4"),  # mov x0,#0; mov x8,#93 (exit); svc #0
    ),
}

GARBAGE = b"\x00not a program\n"


def pause(architecture: str) -> bytes:
    """Return a program that waits until it is killed; `GARBAGE` for an architecture that none is known for."""
    machine, waiting, _ = _CODE.get(architecture, (0, b"", b""))
    return _elf(machine, waiting) if machine else GARBAGE


def leave(architecture: str) -> bytes:
    """Return a program that exits with 0; `GARBAGE` for an architecture that none is known for."""
    machine, _, leaving = _CODE.get(architecture, (0, b"", b""))
    return _elf(machine, leaving) if machine else GARBAGE


def _elf(machine: int, code: bytes) -> bytes:
    size = _ENTRY + len(code)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)  # 64 bits, little endian, System V
    header = ident + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, _BASE + _ENTRY, 0x40, 0, 0, 0x40, 0x38, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)  # PT_LOAD, readable and executable
    return header + segment + code
