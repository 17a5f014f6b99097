"""The server is made when the first client comes, and its socket is reached by a folder of any depth."""

from pathlib import Path

import grpc

from engine.buildkit.door import Door


def _none(server: grpc.aio.Server) -> None:
    pass


async def test_a_connection_is_gRPCs(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 20) / "er" / "buildkit"
    door = Door(str(folder), _none)
    assert not folder.exists()
    for _ in range(2):
        reader, writer = await door.connect()
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        assert (await reader.readexactly(9))[3] == 4  # its settings
        writer.close()
        await writer.wait_closed()
    assert folder.stat().st_mode & 0o777 == 0o700
    await door.close()
    await door.close()
