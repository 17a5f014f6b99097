"""A corpus of hostile layers, made by combination: names that climb, links that lead out, sizes and maps that lie.

Each case is a name and an archive's bytes. They are unpacked beside a canary tree (`outside` is its path): whatever
happens to the unpacking, nothing outside of its folder may be created, changed or removed.
"""

import itertools
import struct
from collections.abc import Iterator

from tests.raw_tar import END, Member, archive, file, folder, hardlink, record, symlink

Case = tuple[str, bytes]


def corpus(outside: str) -> list[Case]:
    """All cases; more than two hundred."""
    return [
        *climbing_names(outside),
        *links_out(outside),
        *hard_links(outside),
        *whiteouts(),
        *attributes(),
        *extended_headers(),
        *sparse_maps(),
        *broken_headers(),
        *shapes(),
    ]


def climbing_names(outside: str) -> Iterator[Case]:
    names = [
        "../escaped",
        "../../escaped",
        "../../../../../../../../escaped",
        "/escaped",
        "//escaped",
        "/../escaped",
        "a/../../escaped",
        "a/b/../../../escaped",
        "./../escaped",
        "..",
        "../",
        "/",
        ".",
        "./",
        "a/..",
        "a/../..",
        outside + "/escaped",
        outside + "/victim",
        "..//..//escaped",
        ".../escaped",
        "..\\escaped",
        "a/./../../x",
    ]
    makers = {
        "file": file,
        "folder": lambda name: folder(name, 0o777),
        "symlink": lambda name: symlink(name, outside),
        "fifo": lambda name: Member(name.encode(), b"6"),
        "device": lambda name: Member(name.encode(), b"3", major=1, minor=3),
        "hardlink": lambda name: hardlink(name, "innocent"),
        "whiteout": lambda name: file(name.rstrip("/") + "/.wh.victim"),
    }
    for name, (kind, make) in itertools.product(names, makers.items()):
        yield f"climb-{kind}-{name}", archive(file("innocent"), make(name))
        if len(name) < 60:
            long = Member(b"short", pax={"path": make(name).name})
            if kind == "file":
                yield f"climb-pax-{name}", archive(long)


def links_out(outside: str) -> Iterator[Case]:
    targets = [
        "/",
        "..",
        "../..",
        "../../..",
        outside,
        "../canary",
        "/../canary",
        "/proc/self/root",
        "/proc/self/cwd",
        "self",
    ]
    for target in targets:
        steps = {
            "file": [file("self/escaped")],
            "overwrite": [file("self/victim", b"overwritten")],
            "folder": [folder("self/escaped", 0o777)],
            "chmod": [folder("self", 0o777)],
            "deep": [file("self/a/b/c/escaped")],
            "whiteout": [file("self/.wh.victim", b"")],
            "opaque": [file("self/.wh..wh..opq", b"")],
            "hardlink-from": [hardlink("stolen", "self/victim")],
            "hardlink-to": [hardlink("self/escaped", "innocent")],
            "link-in-link": [symlink("self/inner", outside), file("self/inner/escaped")],
        }
        for kind, members in steps.items():
            yield f"link-{kind}-via-{target}", archive(file("innocent"), symlink("self", target), *members)
    # lower layers already hold links that lead out (see the test's lower layer)
    for base in ("lower-abs", "lower-up", "lower-dir"):
        yield f"lower-{base}-file", archive(file(f"{base}/escaped"))
        yield f"lower-{base}-chmod", archive(folder(base, 0o777))
        yield f"lower-{base}-whiteout", archive(file(f"{base}/.wh.victim", b""))
    yield "swap", archive(folder("d"), file("d/x"), symlink("d", outside), file("d/escaped"))
    yield (
        "swap-back",
        archive(symlink("d", outside), folder("d"), file("d/fine"), symlink("d", outside), file("d/escaped")),
    )
    yield (
        "swap-by-whiteout",
        archive(folder("d"), file("d/x"), file(".wh.d", b""), symlink("d", outside), file("d/escaped")),
    )
    yield (
        "times-through-link",
        archive(folder("d", mtime=1), symlink("e", outside), hardlink("d2", "e"), folder("e", mtime=1)),
    )


def hard_links(outside: str) -> Iterator[Case]:
    for target in (
        outside + "/victim",
        "../canary/victim",
        "/etc/passwd",
        "..",
        ".",
        "",
        "/",
        "missing",
        "hl",
        "a/../../canary/victim",
    ):
        yield f"hardlink-{target}", archive(hardlink("hl", target))
        yield f"hardlink-write-{target}", archive(hardlink("hl", target), file("hl", b"overwritten"))


def whiteouts() -> Iterator[Case]:
    for name in (
        ".wh.",
        ".wh..",
        ".wh...",
        "d/.wh.",
        "d/.wh..",
        "d/.wh...",
        ".wh..wh.",
        ".wh..wh..",
        "d/.wh..wh..opq",
        ".wh..wh..opq",
        "missing/.wh.x",
        "innocent/.wh.x",
        "innocent/.wh..wh..opq",
        ".wh.innocent",
        ".wh./x",
        ".wh.d/x",
        ".wh.\n",
        ".wh." + "x" * 255,
    ):
        yield f"whiteout-{name[:40]!r}", archive(file("innocent"), folder("d"), file("d/x"), file(name, b""))
    yield "whiteout-as-folder", archive(folder(".wh.x"), file(".wh.x/y"))
    yield "whiteout-as-link", archive(symlink(".wh.x", "/"), file(".wh.x/y"))


def attributes() -> Iterator[Case]:
    for key, value in (
        ("trusted.overlay.opaque", b"y"),
        ("trusted.overlay.redirect", b"/../../canary"),
        ("trusted.overlay.metacopy", b""),
        ("trusted.overlay.origin", b"x" * 20),
        ("user.overlay.redirect", b"/../canary"),
        ("user.overlay.opaque", b"y"),
        ("security.capability", b"junk"),
        ("security.selinux", b"x"),
        ("system.posix_acl_access", b"junk"),
        ("nonsense", b"x"),
        ("user." + "n" * 300, b"x"),
        ("user.big", b"x" * 100_000),
        ("", b"x"),
    ):
        for kind, name in ((b"0", b"f"), (b"5", b"d")):
            yield f"xattr-{key[:40]}-{kind.decode()}", archive(Member(name, kind, pax={f"SCHILY.xattr.{key}": value}))
    yield "xattr-on-link", archive(symlink("l", "/", pax={"SCHILY.xattr.user.x": b"y"}))


def extended_headers() -> Iterator[Case]:
    values = {
        "size": [b"-1", b"9223372036854775808", b"0", b"1", b"513", b"99999999999", b"abc", b"1e3"],
        "uid": [b"-1", b"4294967295", b"4294967296", b"18446744073709551616", b"x"],
        "gid": [b"-1", b"4294967295", b"4294967296"],
        "mtime": [b"1e400", b"-99999999999999", b"99999999999999999999", b"1.", b".5", b"1.999999999999", b"nan"],
        "path": [b"a\0b", b"x" * 300, b"a/" * 3000 + b"x", b"\xff\xfe", b"\xe2\x80\xaex", b"a" * 1000],
        "linkpath": [b"a\0b"],
    }
    for key, wanted in values.items():
        for value in wanted:
            yield f"pax-{key}-{value[:30]!r}", archive(Member(b"f", pax={key: value}, data=b"data"))
    for name, raw in {
        "length-too-long": b"99 path=x\n",
        "length-too-short": b"3 path=x\n",
        "no-newline": b"9 path=xx",
        "no-equals": b"8 pathx\n",
        "zero": b"0 path=x\n",
        "negative": b"-9 path=x\n",
        "spaces": b"   ",
        "empty-key": record("", b"x"),
        "huge-number": b"9" * 30 + b" a=b\n",
        "twice": record("path", b"one") + record("path", b"../two"),
        "junk": b"\0" * 64,
    }.items():
        yield f"pax-raw-{name}", archive(Member(b"f", raw_pax=raw))
    yield "pax-huge", archive(Member(b"h", b"x", size=1 << 40), end=b"")
    yield "gnu-long-name-huge", archive(Member(b"h", b"L", size=1 << 40), end=b"")
    yield "gnu-long-name", archive(Member(b"h", b"L", b"../" * 200 + b"escaped\0"), file("short"))
    yield "gnu-long-link", archive(Member(b"h", b"K", b"../" * 200 + b"victim\0"), hardlink("short", "x"))
    yield "global-header", archive(Member(b"g", b"g", record("path", b"../escaped")), file("f"))


def sparse_maps() -> Iterator[Case]:
    def old(extents: bytes, realsize: int, more: bytes = b"\0") -> Member:
        return Member(
            b"s", b"S", b"x" * 512, fields={386: extents, 482: more, 483: b"%011o\0" % realsize, 257: b"ustar  \0"}
        )

    def pair(offset: int, length: int) -> bytes:
        return b"%011o\0%011o\0" % (offset, length)

    yield "sparse-beyond", archive(old(pair(100, 512), 200))
    yield "sparse-overlap", archive(old(pair(0, 256) + pair(100, 256), 1000))
    yield "sparse-backwards", archive(old(pair(512, 256) + pair(0, 256), 1000))
    yield "sparse-too-little", archive(old(pair(0, 1), 1000))
    yield "sparse-giant", archive(old(pair(8**11 - 513, 512), 8**11 - 1))
    yield "sparse-endless", archive(old(pair(0, 512), 512, b"\1"), end=b"\1" * 512 * 4)
    for text in (b"0,512", b"0,512,", b"1,2,3", b"-1,5", b"0,99999999999999999999", b"x,y", b"0,600", b"4,0,2,0"):
        member = Member(
            b"s", data=b"x" * 512, pax={"GNU.sparse.map": text, "GNU.sparse.size": b"512", "GNU.sparse.numblocks": b"1"}
        )
        yield f"sparse-0.1-{text!r}", archive(member)
    for text in (b"1\n0\n512\n", b"9999999\n", b"-1\n", b"1\n", b"x\n0\n0\n", b""):
        data = text.ljust(512, b"\0") + b"x" * 512
        pax = {
            "GNU.sparse.major": b"1",
            "GNU.sparse.minor": b"0",
            "GNU.sparse.name": b"../escaped",
            "GNU.sparse.realsize": b"512",
        }
        yield f"sparse-1.0-{text!r}", archive(Member(b"s", data=data, pax=pax))


def broken_headers() -> Iterator[Case]:
    yield "checksum", archive(Member(bad_checksum=True))
    yield "truncated-header", file("f").encode()[:300]
    yield "truncated-data", Member(data=b"x" * 5000).encode()[:2000]
    yield "junk", bytes(range(256)) * 8
    yield "zero-then-more", archive(file("a"), end=bytes(512)) + file("b").encode() + END
    yield "empty", b""
    yield "negative-size", archive(Member(fields={124: b"\xff" * 12}))
    yield "huge-size", archive(Member(fields={124: b"\x80" + struct.pack(">QxxxB", 1 << 62, 1)[:11]}))
    yield "letters-in-numbers", archive(Member(fields={100: b"zzzzzzz\0"}))
    yield "negative-time", archive(Member(fields={136: b"\xff" * 12}))
    for kind in (b"7", b"A", b"V", b"M", b"N", b"D", b"\xff", b" "):
        yield f"kind-{kind!r}", archive(Member(kind=kind))
    yield "link-with-data", archive(Member(b"l", b"2", linkname=b"x", size=512), file("after"))
    yield "ustar-prefix", archive(Member(b"escaped", fields={345: b"../../.."}))


def shapes() -> Iterator[Case]:
    yield "deep", archive(file("a/" * 40 + "x"), *(folder("a/" * depth) for depth in range(40)))
    yield "very-deep", archive(Member(b"x", pax={"path": b"a/" * 1900 + b"x"}), symlink("a", "/"))
    yield (
        "too-deep-to-remove",
        archive(
            Member(b"x", pax={"path": b"d/" * 1900 + b"x"}),
            symlink("s", "d/" * 30),
            Member(b"x", pax={"path": b"s/" + b"e/" * 1900 + b"x"}),
            file("d"),
        ),
    )
    yield "loop", archive(symlink("a", "b"), symlink("b", "a"), file("a/x"))
    yield "self-loop", archive(symlink("a", "a"), file("a/x"))
    yield "long-chain", archive(*(symlink(f"l{n}", f"l{n + 1}") for n in range(60)), symlink("l60", "/"), file("l0/x"))
    yield "file-as-parent", archive(file("f"), file("f/x"))
    yield "fifo-as-parent", archive(Member(b"p", b"6"), file("p/x"))
    yield "device-as-parent", archive(Member(b"p", b"3"), file("p/x"))
    yield (
        "duplicates",
        archive(*(file("same", b"x" * n) for n in range(50)), folder("same"), file("same/x"), file("same")),
    )
    yield "names-by-case", archive(file("A"), file("a"), file("é"), file("é"))
    yield "device-zero", archive(Member(b"innocent", b"3", major=0, minor=0))
    yield "setuid-everything", archive(file("f", mode=0o7777), folder("d", 0o7777))
    yield "many-links-to-missing", archive(*(hardlink(f"h{n}", f"h{n + 1}") for n in range(50)))
    yield "name-255", archive(Member(b"x", pax={"path": b"x" * 255}))
    yield "name-256", archive(Member(b"x", pax={"path": b"x" * 256}))
    yield "name-newline", archive(file("a\nb"), file("\x1b[2J"))
