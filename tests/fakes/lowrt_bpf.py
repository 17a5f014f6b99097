"""Interpreters for the two kinds of BPF programs that lowrt writes, to ask them what the kernel would answer."""

import struct


def run_seccomp(program: bytes, number: int, audit: int, arguments: tuple[int, ...] = ()) -> int:
    """The return value of a classic filter for one system call."""
    padded = (*arguments, *([0] * (6 - len(arguments))))
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, audit, 0, *(value & (1 << 64) - 1 for value in padded))
    code = list(struct.iter_unpack("=HBBI", program))
    accumulator = position = 0
    while True:
        opcode, yes, no, k = code[position]
        position += 1
        if opcode == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, k)
        elif opcode == 0x06:
            return k
        elif opcode == 0x05:
            position += k
        elif opcode == 0x54:
            accumulator &= k
        else:
            holds = {0x15: accumulator == k, 0x25: accumulator > k, 0x35: accumulator >= k}[opcode]
            position += yes if holds else no


def run_device(program: bytes, kind: str, major: int, minor: int, access: str) -> bool:
    """Whether a cgroup device program allows an access."""
    wanted = sum({"m": 1, "r": 2, "w": 4}[letter] for letter in access)
    context = struct.pack("=III", {"b": 1, "c": 2}[kind] | wanted << 16, major, minor)
    code = list(struct.iter_unpack("=BBhi", program))
    registers = [0] * 11
    position = 0
    while True:
        opcode, registers_used, offset, immediate = code[position]
        position += 1
        destination, source = registers_used & 15, registers_used >> 4
        if opcode == 0x61:
            (registers[destination],) = struct.unpack_from("=I", context, offset)
        elif opcode == 0x54:
            registers[destination] &= immediate & 0xFFFFFFFF
        elif opcode == 0x74:
            registers[destination] >>= immediate
        elif opcode == 0xBC:
            registers[destination] = registers[source] & 0xFFFFFFFF
        elif opcode == 0xB4:
            registers[destination] = immediate & 0xFFFFFFFF
        elif opcode == 0x56:
            position += offset if registers[destination] != immediate & 0xFFFFFFFF else 0
        elif opcode == 0x5E:
            position += offset if registers[destination] != registers[source] else 0
        elif opcode == 0x95:
            return bool(registers[0])
        else:
            raise AssertionError(f"unknown instruction {opcode:#x}")
