"""Settings for all tests."""

import os
import signal

from hypothesis import HealthCheck, settings

# gRPC starts its threads again in whatever is forked, and a process with threads may not enter a user namespace.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

# A property is about values, not about how busy the machine is.
settings.register_profile("wherry", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("wherry")

# A background job inherits ignored signals, and a container what its runtime's caller ignores: start from none.
for number in signal.valid_signals():
    if signal.getsignal(number) == signal.SIG_IGN and number not in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
