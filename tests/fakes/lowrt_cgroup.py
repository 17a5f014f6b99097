"""A cgroup driver that records what is asked of it: lowrt.cgroup.driver.CgroupDriver, as far as tests call it."""

from lowrt.cgroup.files import CgroupError


class RecordingCgroup:
    """Its pids are what it was told they are."""

    def __init__(self, pids: list[int], *, frozen: bool = False, freezes: bool = True) -> None:
        self.calls: list[str] = []
        self._pids = pids
        self._frozen = frozen
        self._freezes = freezes

    def freeze(self) -> None:
        self.calls.append("freeze")
        if not self._freezes:
            raise CgroupError("freezer not supported")

    def thaw(self) -> None:
        self.calls.append("thaw")

    def is_frozen(self) -> bool:
        return self._frozen

    def all_pids(self) -> list[int]:
        self.calls.append("all_pids")
        return self._pids
