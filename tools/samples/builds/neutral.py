#!/usr/bin/env python3
"""neutral.py DUMP OUT - a Wine minidump with nothing in it but the program's own: of the memory the
threads' stacks and what lies in the program's images stay; bytes of Wine's images, its list of
Linux libraries (stream 0xFFF0) and the name of the Linux kernel are overwritten with zeros."""
import struct
import sys

MODULES, MEMORY, THREADS, SYSTEM = 4, 5, 3, 7
LINUX_LIBRARIES = 0xFFF0
OWN_IMAGES = ("crash.exe", "crashlib.dll")


class Dump:
    def __init__(self, path):
        self.data = bytearray(open(path, "rb").read())
        self.count, self.directory = self.u32(8), self.u32(12)

    def u32(self, at):
        return struct.unpack_from("<I", self.data, at)[0]

    def u64(self, at):
        return struct.unpack_from("<Q", self.data, at)[0]

    def zero(self, at, size):
        self.data[at:at + size] = bytes(size)

    def stream(self, kind):
        """Offset of the directory entry; size and place stand 4 and 8 behind it."""
        for i in range(self.count):
            if self.u32(self.directory + 12 * i) == kind:
                return self.directory + 12 * i
        return None

    def rows(self, kind, size):
        entry = self.stream(kind)
        at = self.u32(entry + 8)
        return [at + 4 + size * i for i in range(self.u32(at))]

    def text(self, at):
        return self.data[at + 4:at + 4 + self.u32(at)].decode("utf-16-le")


def keep_own_memory(dump):
    own = []
    for row in dump.rows(MODULES, 108):
        if dump.text(dump.u32(row + 20)).rsplit("\\", 1)[-1] in OWN_IMAGES:
            own.append((dump.u64(row), dump.u64(row) + dump.u32(row + 8)))
    for row in dump.rows(THREADS, 48):
        own.append((dump.u64(row + 24), dump.u64(row + 24) + dump.u32(row + 32)))
    rows = dump.rows(MEMORY, 16)
    kept = []
    for row in rows:
        start, size, at = dump.u64(row), dump.u32(row + 8), dump.u32(row + 12)
        if any(low <= start and start + size <= high for low, high in own):
            kept.append(bytes(dump.data[row:row + 16]))
        else:
            dump.zero(at, size)
    entry = dump.stream(MEMORY)
    at = dump.u32(entry + 8)
    dump.zero(at, 4 + 16 * len(rows))
    dump.data[at:at + 4] = struct.pack("<I", len(kept))
    dump.data[at + 4:at + 4 + 16 * len(kept)] = b"".join(kept)
    dump.data[entry + 4:entry + 8] = struct.pack("<I", 4 + 16 * len(kept))


def drop_linux(dump):
    entry = dump.stream(LINUX_LIBRARIES)
    if entry:
        for row in dump.rows(LINUX_LIBRARIES, 108):
            name = dump.u32(row + 20)
            dump.zero(name, 4 + dump.u32(name))
        dump.zero(dump.u32(entry + 8), dump.u32(entry + 4))
        dump.zero(entry, 12)
    # Wine's own version and the kernel's name lie between the system information and the threads.
    system, threads = dump.stream(SYSTEM), dump.stream(THREADS)
    begin = dump.u32(system + 8) + dump.u32(system + 4)
    pack = dump.u32(dump.u32(system + 8) + 24)  # CSDVersionRva
    for low, high in ((begin, pack), (pack + 6 + dump.u32(pack), dump.u32(threads + 8))):
        if low < high:
            dump.zero(low, high - low)


def main():
    dump = Dump(sys.argv[1])
    keep_own_memory(dump)
    drop_linux(dump)
    open(sys.argv[2], "wb").write(dump.data)


if __name__ == "__main__":
    main()
