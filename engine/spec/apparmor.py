"""AppArmor: the profile that a container's processes get, where the kernel has the module.

One that is asked for is passed on as it is called; whether it is loaded, the kernel says at the start. Docker's default
is taken where the host has it loaded: Docker's packages bring it, else the engine (`security/apparmor_profile.py`).
"""

MODULE = "/sys/module/apparmor/parameters/enabled"
PROFILES = "/sys/kernel/security/apparmor/profiles"
UNCONFINED, DEFAULT = "unconfined", "docker-default"


def is_enabled(module: str = MODULE) -> bool:
    """Whether the kernel runs the module."""
    try:
        with open(module, encoding="ascii") as file:
            return file.read(1) == "Y"
    except OSError:
        return False


def is_loaded(name: str, profiles: str = PROFILES) -> bool:
    """Whether the kernel has the profile: lines of `name (mode)`."""
    try:
        with open(profiles, encoding="utf-8", errors="replace") as file:
            return any(line.rpartition(" (")[0] == name for line in file)
    except OSError:
        return False


def profile(asked: str, *, privileged: bool, enabled: bool, profiles: str = PROFILES) -> str:
    """The profile's name; "" where the kernel has no AppArmor, or nothing is to be done."""
    if not enabled:
        return ""
    if asked:
        return asked
    if privileged:
        return UNCONFINED
    return DEFAULT if is_loaded(DEFAULT, profiles) else ""
